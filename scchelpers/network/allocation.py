"""Sharing the headroom of network constraints among sites: LIFO, pro-rata and priority.

One rule underlies all three. Sites stand in tiers. Tier after tier, one common share of the request
rises for all sites of the tier until a constraint is full; the sites that load it stop there, the
others go on (progressive filling). Under LIFO every site is a tier of its own, in order of
application; under pro-rata all stand in one tier; under priority, in those given.
"""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError, closest

_RULES = ("lifo", "pro-rata", "priority")
# A site is not held back for a constraint that sees less than this of its power.
LEAST_SENSITIVITY = 0.05


def allocate(
    requested: xr.DataArray,
    headroom: xr.DataArray,
    sensitivity: xr.DataArray | float = 1.0,
    rule: str = "lifo",
    *,
    rank: pd.Series | None = None,
    least_sensitivity: float = LEAST_SENSITIVITY,
) -> xr.DataArray:
    """Share the headroom of constraints among sites.

    Parameters
    ----------
    requested : xarray.DataArray
        What each site asks for [kW] over `site`, or (time, site): its contracted capacity, or
        its demand at the time. The two give different answers; say which one was used.
    headroom : xarray.DataArray
        Room of each constraint over `constraint` and, as a rule, `time` [kW, or the unit in which
        the constraint is measured]. A negative one counts as none.
    sensitivity : xarray.DataArray or float
        What a constraint sees of each kW of a site, over (site, constraint) and perhaps `time`
        [unit of the headroom per kW]. Below zero, where charging relieves a constraint, counts as
        zero: nobody is given more because of it.
    rule : str
        "lifo" (last in, first off): in order of application | "pro-rata": the same share of each
        request | "priority": class after class, pro-rata in a class.
    rank : pandas.Series, optional
        By site_id. For "lifo" the order of application, lowest first and ties as they stand;
        without it the order along `site`. For "priority" the class, lowest first; required.
    least_sensitivity : float
        A site is not held back for a constraint that sees no more than this of its power.

    Returns
    -------
    xarray.DataArray
        limit_kw over (time, site), or (site) if nothing depends on time [kW]. NaN where it hangs
        on a request or headroom that is not known.

    Raises
    ------
    UserError
        If dims or labels do not fit, the rule is unknown, or a rank is missing.

    Notes
    -----
    Source: last in, first off as GB flexible connections use it (report section 9.2), pro-rata over
    several constraints as progressive filling (methods reference, section 5).

    Examples
    --------
    >>> requested = xr.DataArray([100.0, 150.0, 200.0], {"site": ["a", "b", "c"]})
    >>> headroom = xr.DataArray([300.0], {"constraint": ["tx"]})
    >>> allocate(requested, headroom).values.tolist()
    [100.0, 150.0, 50.0]
    >>> allocate(requested, headroom, rule="pro-rata").round(3).values.tolist()
    [66.667, 100.0, 133.333]
    """
    requested, headroom, sensitivity = _aligned(requested, headroom, sensitivity)
    tier = _tiers(requested.get_index("site"), rule, rank)
    limit = _fill(
        _rows(requested),
        _rows(headroom),
        _rows(sensitivity),
        tier,
        np.argsort(tier, kind="stable"),
        float(least_sensitivity),
    )
    times = [array["time"] for array in (requested, headroom, sensitivity) if "time" in array.dims]
    return xr.DataArray(
        limit if times else limit[0],
        {"site": requested["site"], **({"time": times[0]} if times else {})},
        ("time", "site") if times else ("site",),
        name="limit_kw",
        attrs={"units": "kW", "long_name": f"allocated, {rule}"},
    )


def remaining(
    headroom: xr.DataArray, sensitivity: xr.DataArray | float, allocated_kw: xr.DataArray
) -> xr.DataArray:
    """Return the room that an allocation leaves on each constraint; below zero it is overloaded.

    Parameters
    ----------
    headroom, sensitivity
        As for `allocate`.
    allocated_kw : xarray.DataArray
        From `allocate` [kW].

    Returns
    -------
    xarray.DataArray
        Over (time, constraint) or (constraint) [unit of the headroom].
    """
    sites, headroom, sensitivity = _aligned(allocated_kw, headroom, sensitivity)
    load = (sites * sensitivity).sum("site", skipna=False)
    left = (headroom - load).transpose("time", "constraint", missing_dims="ignore")
    return left.assign_attrs(headroom.attrs)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(requested, headroom, sensitivity, tier, order, least):
    """Fill tier after tier; each input has one row a step, or one row for all."""
    steps = max(len(requested), len(headroom), len(sensitivity))
    sites, constraints = sensitivity.shape[1:]
    limit = np.zeros((steps, sites))
    rising = np.zeros(sites, np.bool_)
    room = np.empty(constraints)
    load = np.empty(constraints)
    for t in range(steps):
        want = requested[t % len(requested)]
        sees = sensitivity[t % len(sensitivity)]
        for k in range(constraints):
            h = headroom[t % len(headroom), k]
            room[k] = h if np.isnan(h) else max(h, 0.0)
        begin = 0
        while begin < sites:
            end = begin
            while end < sites and tier[order[end]] == tier[order[begin]]:
                rising[order[end]] = True
                end += 1
            _raise(order[begin:end], want, room, sees, rising, limit[t], load, least)
            begin = end
    return limit


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _raise(members, want, room, sees, rising, limit, load, least):
    """Raise one share of the request for all members until each is served or stands at a bound."""
    _give_up_unknown(members, want, room, sees, rising, limit, least)
    share = 0.0
    while True:
        load[:] = 0.0
        some = False
        for i in members:
            if rising[i]:
                some = True
                for k in range(len(room)):
                    load[k] += max(sees[i, k], 0.0) * want[i]
        if not some:
            return
        top, full = 1.0, -1
        for k in range(len(room)):
            if load[k] > 0 and share + room[k] / load[k] < top:
                for i in members:
                    if rising[i] and sees[i, k] > least:
                        top, full = share + room[k] / load[k], k
                        break
        for k in range(len(room)):
            if room[k] > 0:  # not where it is unknown
                room[k] = max(room[k] - (top - share) * load[k], 0.0)
        share = top
        for i in members:
            if rising[i] and (full < 0 or sees[i, full] > least):
                limit[i] = share * want[i]
                rising[i] = False


@numba.njit(cache=True, nogil=True)
def _give_up_unknown(members, want, room, sees, rising, limit, least):
    """Mark what hangs on an unknown request or headroom; its constraints become unknown, too."""
    more = True
    while more:
        more = False
        for i in members:
            if not rising[i]:
                continue
            unknown = np.isnan(want[i])
            for k in range(len(room)):
                bound = sees[i, k] > least and np.isnan(room[k])
                unknown = unknown or bound or np.isnan(sees[i, k])
            if unknown:
                limit[i] = np.nan
                rising[i] = False
                more = True
                for k in range(len(room)):
                    if not sees[i, k] <= 0:
                        room[k] = np.nan


def _tiers(sites: pd.Index, rule: str, rank: pd.Series | None) -> np.ndarray:
    if rule not in _RULES:
        hint = closest(str(rule), _RULES)
        raise UserError(f"rule = {rule!r}: not a rule; {hint or 'one of ' + ', '.join(_RULES)}")
    if rule == "pro-rata":
        return np.zeros(len(sites), np.int64)
    if rank is None:
        if rule == "priority":
            raise UserError("rule = 'priority' needs rank: a class for each site, lowest first")
        return np.arange(len(sites))
    given = rank.reindex(sites)
    if given.isna().any():
        raise UserError(f"rank has no value for site {given.index[given.isna()][0]!r}; give one")
    if rule == "lifo":
        return given.rank(method="first").to_numpy().astype(np.int64)
    return given.rank(method="dense").to_numpy().astype(np.int64)


def _aligned(requested, headroom, sensitivity) -> tuple[xr.DataArray, ...]:
    """Return the three over the same labels, with dims in the order time, site, constraint."""
    if "constraint" not in headroom.dims:
        headroom = headroom.expand_dims(constraint=["constraint"])
    if not isinstance(sensitivity, xr.DataArray):
        one = requested.astype(float).isel(time=0, missing_dims="ignore")
        sensitivity = xr.full_like(one, sensitivity)
        sensitivity = sensitivity.drop_vars("time", errors="ignore")
        sensitivity = sensitivity.expand_dims(constraint=headroom["constraint"])
    shapes = {"site": requested, "constraint": headroom}
    for dim, array in shapes.items():
        if dim not in array.dims or set(array.dims) - {"time", dim}:
            name = "requested" if dim == "site" else "headroom"
            raise UserError(f"{name} has dims {array.dims}; it must be over (time, {dim})")
    if set(sensitivity.dims) - {"time"} != {"site", "constraint"}:
        raise UserError(
            f"sensitivity has dims {sensitivity.dims}; it must be over (site, constraint)"
        )
    try:
        requested, headroom, sensitivity = xr.align(
            requested, headroom, sensitivity, join="exact", copy=False
        )
    except ValueError as fault:
        raise UserError(
            f"requested, headroom and sensitivity differ in their labels ({fault}); give the same "
            "sites, constraints and times to each"
        ) from None
    if (requested < 0).any():
        raise UserError(f"requested = {float(requested.min()):g} kW: must be 0 or more")
    order = ("time", "site", "constraint")
    return tuple(
        array.astype(float).transpose(*(dim for dim in order if dim in array.dims))
        for array in (requested, headroom, sensitivity)
    )


def _rows(array: xr.DataArray) -> np.ndarray:
    """Return the values with one row a step, or one row for all."""
    values = array.to_numpy() if "time" in array.dims else array.to_numpy()[None]
    return np.ascontiguousarray(values)
