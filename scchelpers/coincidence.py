"""Coincidence: whether a limit restricts when drivers charge, and whether more than by chance.

The analysis of the distribution network operator (DNO) looks at the limit alone; the customer's
decision hangs on how the limit and the charging meet (Charge Project report, section 8.2). Two
questions are kept apart. *Which days*: the limits of whole weeks (or days) change places within a
season, hour kept on hour, so that what is common to all of them, the clock and the season, cannot
count as coincidence. The loss of every block under the limit of every other is worked out once, and
a permutation is then a sum of entries. *Which hours* needs no more than to turn the limit of every
day round the clock, and stands in the notebook.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging, timebase
from scchelpers.charging import ChargingResult
from scchelpers.faults import UserError
from scchelpers.site import Site

_ROUNDING = 1e-9
_SKIPPED_H = 1.0  # the most that a clock change takes from a day


def known_stays(sessions: pd.DataFrame, limit_kw: xr.DataArray) -> pd.DataFrame:
    """Return the sessions whose whole stay lies where a limit is known.

    Parameters
    ----------
    sessions : DataFrame
        With plug_in and plug_out [UTC].
    limit_kw : DataArray over time [kW]
        Limit on a regular grid, NaN where unknown.

    Examples
    --------
    >>> time = pd.date_range("2026-01-05", periods=4, freq="1h")
    >>> limit_kw = xr.DataArray([5.0, np.nan, 5.0, 5.0], {"time": time}, ("time",))
    >>> plug_in = pd.to_datetime(["2026-01-05T00:30Z", "2026-01-05T02:00Z"])
    >>> stays = pd.DataFrame({"plug_in": plug_in, "plug_out": plug_in + pd.Timedelta("1h")})
    >>> known_stays(stays, limit_kw)["plug_in"].dt.hour.tolist()
    [2]
    """
    start, end = _record(limit_kw)
    time = timebase.utc_index(limit_kw["time"])
    unknown = np.concatenate(([0], np.cumsum(np.isnan(limit_kw.to_numpy()))))
    first = np.maximum(time.searchsorted(sessions["plug_in"], side="right") - 1, 0)
    last = time.searchsorted(sessions["plug_out"], side="left")
    sound = (sessions["plug_in"] >= start) & (sessions["plug_out"] <= end)
    return sessions[sound & (unknown[last] == unknown[first])].reset_index(drop=True)


def charge(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    limit_kw: xr.DataArray,
    requested_kw: float,
    **options,
) -> tuple[ChargingResult, ChargingResult]:
    """Charge sessions under the requested capacity alone, and under the lower of it and a limit.

    Parameters
    ----------
    sessions, chargepoints : DataFrame
        As for `charging.simulate`. Sessions not wholly where the limit is known are left out.
    limit_kw : DataArray over time [kW]
        Limit on a regular grid, NaN where unknown.
    requested_kw : float
        Requested capacity [kW].
    **options
        Of `charging.simulate`, such as step, sharing and release_kw_per_min.

    Returns
    -------
    free, held : ChargingResult
        Of the same sessions on the same time axis, which is the record of the limit.
    """
    start, end = _record(limit_kw)
    kept = known_stays(sessions, limit_kw)
    # No session that is kept is present where the limit is unknown; there it reads as the capacity.
    span = {"start": start, "end": end, "limit_missing": requested_kw, "limit_after": requested_kw}
    free, held = (
        charging.simulate(kept, kw, chargepoints=chargepoints, **span, **options)
        for kw in (xr.full_like(limit_kw, requested_kw), limit_kw.clip(max=requested_kw))
    )
    return free, held


def limit_on(limit_kw: xr.DataArray, demand_kw: xr.DataArray) -> xr.DataArray:
    """Return a limit [kW] at the finer times of a demand, NaN where unknown.

    Examples
    --------
    >>> time = pd.date_range("2026-01-05", periods=2, freq="1h")
    >>> fine = pd.date_range("2026-01-05", periods=5, freq="30min")
    >>> limit_on(xr.DataArray([5.0, np.nan], {"time": time}, ("time",)),
    ...          xr.DataArray(np.zeros(5), {"time": fine}, ("time",))).values.tolist()
    [5.0, 5.0, nan, nan, nan]
    """
    time = limit_kw.get_index("time")
    within = time[1] - time[0] - pd.Timedelta("1ns")
    return limit_kw.reindex(
        time=demand_kw["time"], method="ffill", tolerance=within.to_timedelta64()
    )


def borrowed(share: xr.DataArray, site: Site, own_zone: str) -> xr.DataArray:
    """Return a limit of another site for this one, moved to its years and clock where they differ.

    Parameters
    ----------
    share : DataArray over time
        Limit as a share of the capacity it is of, on a regular grid.
    site : Site
        Site with sessions that is to meet it.
    own_zone : str
        Zone of the limit's clock.
    """
    times = timebase.utc_index(share["time"])
    middle = site.sessions["plug_in"].median()
    if site.timezone == own_zone and times[0] <= middle < times[-1]:
        return share
    step = times[1] - times[0]
    start = timebase.day_start([site.sessions["plug_in"].min()], site.timezone)[0]
    time = timebase.grid(start, site.sessions["plug_out"].max() + step, step)
    return transferred(share, time, from_zone=own_zone, to_zone=site.timezone)


def transferred(
    limit_kw: xr.DataArray, time, *, from_zone: str = timebase.LONDON, to_zone: str
) -> xr.DataArray:
    """Move a limit to other years: by whole weeks, hour of the clock on hour of the clock.

    Weekdays and the clock are kept, seasons to within half a week. The result is a scenario: the
    place and the years of the limit are not those of the charging.

    Parameters
    ----------
    limit_kw : DataArray over time [kW]
        Limit on a regular grid.
    time : DataArray, DatetimeIndex or array of datetime64
        Starts of intervals [UTC] to which the limit is moved, in order.
    from_zone, to_zone : str
        Zones of the limit's clock and of the other.

    Returns
    -------
    DataArray over time [kW]
        NaN where the limit's record does not reach; `attrs["weeks"]`, the shift.

    Examples
    --------
    >>> source = pd.date_range("2025-01-01", "2025-12-31T23:30", freq="30min")
    >>> limit = xr.DataArray(source.hour + 0.0, {"time": source}, "time")
    >>> moved = transferred(limit, pd.DatetimeIndex(["2019-07-03T20:00Z"]),
    ...                     to_zone="America/Los_Angeles")
    >>> moved.values.tolist(), moved.attrs["weeks"]  # 13:00 there; 13:00 in London is 12:00 UTC
    ([12.0], 313)
    """
    instants = timebase.utc_index(time)
    source = timebase.utc_index(limit_kw["time"])
    step = source[1] - source[0]
    middle = (source[0] - instants[0] + (source[-1] - instants[-1])) / 2
    years = round(middle / pd.Timedelta(days=timebase.YEAR_DAYS))
    weeks = round(years * timebase.YEAR_DAYS / 7)
    there = timebase.clock(instants, to_zone).tz_localize(None) + pd.Timedelta(weeks=weeks)
    moved, _ = timebase.from_clock(there, from_zone)
    known = limit_kw.to_series().tz_localize("UTC")
    found = known.reindex(moved, method="ffill", tolerance=step - pd.Timedelta("1ns"))
    return xr.DataArray(
        found.to_numpy(),
        {"time": timebase.naive_utc(instants)},
        ("time",),
        "limit_kw",
        {"units": "kW", "long_name": "limit", "weeks": weeks},
    )


def by_day(
    demand_kw: xr.DataArray, limit_kw: xr.DataArray, *, timezone: str = timebase.LONDON
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return demand and limit as tables of whole local days by time of the clock.

    Parameters
    ----------
    demand_kw, limit_kw : DataArray over time [kW]
        At the same times, on a regular grid.
    timezone : str
        Zone of the clock.

    Returns
    -------
    demand, limit : DataFrame, a row a local day, a column an interval of the clock [kW]
        Days with an unknown value are left out. Where the clock skips an hour the limit of the time
        before is held and nothing is wanted; the hour that comes twice in autumn counts once, as
        the mean of both.

    Raises
    ------
    UserError
        If the times differ.
    """
    if not demand_kw.get_index("time").equals(limit_kw.get_index("time")):
        raise UserError("demand_kw and limit_kw: must have the same times")
    local = timebase.clock(demand_kw["time"], timezone).tz_localize(None)
    step = pd.Timedelta(np.diff(demand_kw["time"].to_numpy()[:2])[0])
    slots = int(pd.Timedelta("1D") / step)
    day, row = np.unique(local.normalize(), return_inverse=True)
    cell = row * slots + ((local - local.normalize()) // step).to_numpy()
    many = np.bincount(cell, minlength=len(day) * slots).reshape(len(day), slots)
    demand, limit = (
        np.bincount(cell, x.to_numpy(), many.size).reshape(many.shape) / np.maximum(many, 1)
        for x in (demand_kw, limit_kw)
    )
    limit = pd.DataFrame(np.where(many > 0, limit, np.nan)).ffill(axis=1).to_numpy()
    missing_h = (many == 0).sum(axis=1) * (step / pd.Timedelta("1h"))
    whole = ~np.isnan(demand).any(axis=1) & ~np.isnan(limit).any(axis=1) & (missing_h <= _SKIPPED_H)
    whole[np.unique(row[np.isnan(limit_kw.to_numpy())])] = False
    index = pd.DatetimeIndex(day[whole], name="day")
    columns = pd.timedelta_range("0h", periods=slots, freq=step, name="clock")
    return pd.DataFrame(demand[whole], index, columns), pd.DataFrame(limit[whole], index, columns)


def blocks(days: pd.DatetimeIndex, block: str = "week") -> tuple[np.ndarray, np.ndarray]:
    """Cut local days into the blocks that may change places.

    Parameters
    ----------
    days : DatetimeIndex
        Local days on record.
    block : "week" or "day"
        Weeks, from Monday to Sunday, keep what follows from day to day; days are more in number.

    Returns
    -------
    members : ndarray of int (block, position)
        Rows of `days` in each block: one day, or the seven of a week; part-weeks are left out.
    stratum : ndarray of str (block)
        Season and, for days, day type: blocks change places within it. A week that lies in two
        seasons is alone.

    Raises
    ------
    UserError
        If the block is neither.

    Examples
    --------
    >>> members, stratum = blocks(pd.date_range("2026-01-04", periods=9))  # from a Sunday
    >>> members.tolist(), stratum.tolist()
    ([[1, 2, 3, 4, 5, 6, 7]], ['winter'])
    """
    if block not in ("week", "day"):
        raise UserError(f"block = {block!r}: write 'week' or 'day'")
    season = np.array([timebase.SEASONS[month] for month in days.month], dtype=object)
    if block == "day":
        kind = np.asarray(timebase.DAY_TYPES, dtype=object)[np.clip(days.day_of_week - 4, 0, 2)]
        names = [f"{s} {k}" for s, k in zip(season, kind, strict=True)]
        return np.arange(len(days))[:, None], np.array(names, dtype=object)
    monday = days - pd.to_timedelta(days.day_of_week, unit="D")
    starts, first, many = np.unique(monday, return_index=True, return_counts=True)
    whole = many == 7
    members = first[whole][:, None] + np.arange(7)
    begin, end = season[members[:, 0]], season[members[:, -1]]
    # A week between two seasons keeps its limit: none other is like it.
    own = [
        f"{a} to {b} {d:%Y-%m-%d}"
        for a, b, d in zip(begin, end, pd.DatetimeIndex(starts[whole]), strict=True)
    ]
    return members, np.where(begin == end, begin, np.array(own, dtype=object))


def pairs(
    demand: pd.DataFrame,
    limit: pd.DataFrame,
    members: np.ndarray,
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return what each block would lose under the limit of each block [kWh].

    Parameters
    ----------
    demand, limit : DataFrame
        From `by_day` [kW].
    members : ndarray
        From `blocks`.
    loss : callable
        Of the demand of one day [kW, over the clock] and the limits of all days [kW, day by clock]:
        what is lost [kW, day by clock].

    Returns
    -------
    ndarray (block, block) [kWh]
        Row: the block whose demand it is; column: the block whose limit it is.

    Examples
    --------
    >>> day = pd.date_range("2026-01-05", periods=2)
    >>> noon = pd.timedelta_range("0h", periods=2, freq="12h")
    >>> demand = pd.DataFrame([[0.0, 6.0], [0.0, 8.0]], day, noon)
    >>> limit = pd.DataFrame([[10.0, 5.0], [10.0, 10.0]], day, noon)
    >>> pairs(demand, limit, blocks(day, "day")[0], lambda d, l: np.maximum(d - l, 0)).tolist()
    [[12.0, 0.0], [36.0, 0.0]]
    """
    step_h = (demand.columns[1] - demand.columns[0]) / pd.Timedelta("1h")
    limits = limit.to_numpy()
    by_day_kw = np.array([loss(kw, limits).sum(axis=1) for kw in demand.to_numpy()])
    by_day_kw = by_day_kw.reshape(len(demand), len(limit))
    total = np.zeros((len(members), len(members)))
    for rows in members.T:
        total += by_day_kw[np.ix_(rows, rows)]
    return total * step_h


def permuted(
    pair_kwh: np.ndarray, stratum: np.ndarray, *, permutations: int = 9999, seed: int = 0
) -> xr.Dataset:
    """Test whether a loss is more than if limits had changed places at random.

    Parameters
    ----------
    pair_kwh : ndarray (block, block) [kWh]
        From `pairs`.
    stratum : ndarray (block)
        Blocks change places within a stratum only.
    permutations : int
        Random rearrangements.
    seed : int
        Of the rearrangements and of the interval.

    Returns
    -------
    Dataset
        chance_kwh over permutation [kWh]; observed_kwh and expected_kwh [kWh], the latter the mean
        under limits of other blocks of the stratum; ratio of the two, the effect size, with low
        and high of its 95 % interval (blocks drawn with replacement); p_more and p_less, chance of
        at least and at most as much; blocks, strata; testable, False where all rearrangements are
        alike, as under a limit that is the same every week.

    Notes
    -----
    The blocks are taken to be exchangeable within a stratum: what happens in one week does not
    carry over into the next.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(stratum, kind="stable")
    pair_kwh, stratum = pair_kwh[np.ix_(order, order)], stratum[order]
    names, first = np.unique(stratum, return_index=True)
    spans = list(zip(first, np.append(first[1:], len(stratum)), strict=True))
    chance = np.zeros(permutations)
    for a, b in spans:
        place = rng.permuted(np.tile(np.arange(a, b), (permutations, 1)), axis=1)
        chance += pair_kwh[np.arange(a, b), place].sum(axis=1)
    observed = float(np.trace(pair_kwh))
    slack = _ROUNDING * max(observed, 1.0)
    expected = _expected(pair_kwh, spans, np.ones((1, len(stratum))))[0]
    low, high = _interval(pair_kwh, spans, rng)
    values = {
        "observed_kwh": (observed, "kWh"),
        "expected_kwh": (expected, "kWh"),
        "ratio": (observed / expected if expected > slack else np.nan, "1"),
        "low": (low, "1"),
        "high": (high, "1"),
        "p_more": ((1 + (chance >= observed - slack).sum()) / (1 + permutations), "1"),
        "p_less": ((1 + (chance <= observed + slack).sum()) / (1 + permutations), "1"),
        "blocks": (len(stratum), "1"),
        "strata": (len(names), "1"),
        "testable": (bool(permutations and np.ptp(chance) > slack), ""),
    }
    return xr.Dataset(
        {name: ((), value, {"units": unit}) for name, (value, unit) in values.items()}
        | {"chance_kwh": ("permutation", chance, {"units": "kWh"})}
    )


def _expected(pair_kwh: np.ndarray, spans, weights: np.ndarray) -> np.ndarray:
    """Return the mean loss under limits of other blocks, for each row of block weights.

    A block alone in its stratum has no other, and stays under its own.
    """
    total = np.zeros(len(weights))
    for a, b in spans:
        own, part = pair_kwh[a:b, a:b], weights[:, a:b]
        diagonal = np.diag(own)
        many = part.sum(axis=1)
        other = ((part @ own) * part).sum(axis=1) - (part**2) @ diagonal
        ways = many**2 - (part**2).sum(axis=1)
        alone = ways < 0.5
        total += np.where(alone, part @ diagonal, many * other / np.where(alone, 1.0, ways))
    return total


def _interval(pair_kwh: np.ndarray, spans, rng, draws: int = 2000) -> tuple[float, float]:
    weights = np.zeros((draws, len(pair_kwh)))
    for a, b in spans:
        weights[:, a:b] = rng.multinomial(b - a, np.full(b - a, 1 / (b - a)), size=draws)
    observed = weights @ np.diag(pair_kwh)
    expected = _expected(pair_kwh, spans, weights)
    sound = expected > _ROUNDING
    if sound.mean() < 0.95:
        return np.nan, np.nan
    return tuple(np.quantile(observed[sound] / expected[sound], [0.025, 0.975]))


def _record(limit_kw: xr.DataArray) -> tuple[pd.Timestamp, pd.Timestamp]:
    time = timebase.utc_index(limit_kw["time"])
    return time[0], time[-1] + (time[1] - time[0])
