"""The limit of a scheme, in the simplest form that its own module offers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.diversity import counted
from scchelpers.faults import UserError, closest
from scchelpers.site import Site
from scchelpers.tcc.derivation import derive_windows
from scchelpers.tcc.windows import limit as window_limit

SCHEMES = ("lmc", "tcc", "tcc-derived", "static", "file")
NEEDS_NETWORK = ("lmc", "tcc-derived")
STEP = "30min"
PLAIN_YEAR = ("2026-01-01T00:00Z", "2027-01-01T00:00Z")  # where nothing is on record


@dataclass(frozen=True)
class Capacity:
    """What a site asks for.

    Attributes
    ----------
    requested_kw : float
        Requested capacity [kW].
    power_factor : float
        Between kVA and kW.
    stated : bool
        Whether the site states it; else the sum of the ratings stands in.
    """

    requested_kw: float
    power_factor: float
    stated: bool


def capacity(site: Site, power_factor: float) -> Capacity:
    """Return the capacity that a site asks for.

    Parameters
    ----------
    site : Site
        Its `requested_kva`, or the sum of its chargepoints' ratings where it states none (a DC unit
        counts once).
    power_factor : float
        For a site that states none.
    """
    factor = site.meta.get("power_factor") or power_factor
    requested_kva = site.meta.get("requested_kva")
    if requested_kva:
        return Capacity(requested_kva * factor, factor, stated=True)
    return Capacity(float(counted(site.chargepoints)["rated_kw"].sum()), factor, stated=False)


def scheme_for(site: Site, scheme: str) -> str:
    """Return the scheme that a site's data allow: the stated window where there is no network.

    Raises
    ------
    UserError
        If there is no such scheme.
    """
    if scheme not in SCHEMES:
        hint = closest(scheme, SCHEMES) or f"one of {', '.join(SCHEMES)}"
        raise UserError(f"scheme = {scheme!r}: not a scheme; {hint}")
    known = site.network_kva is not None and site.rating_kva is not None
    return scheme if known or scheme not in NEEDS_NETWORK else "tcc"


def limit_of(
    site: Site,
    scheme: str,
    asked: Capacity,
    *,
    window: tuple[str, str, str] = ("winter", "16:30", "18:30"),
    cap: float = 0.3,
    growth: float = 0.0,
) -> xr.DataArray:
    """Return the limit of a scheme at a site.

    Parameters
    ----------
    site : Site
        The site, with network load and rating for a scheme that needs them.
    scheme : str
        "lmc": the headroom, rating less network load, measured without delay or error; "tcc": the
        stated window; "tcc-derived": windows from the network load; "static": the cap at all times.
    asked : Capacity
        From `capacity`.
    window : tuple of str
        Season ("winter", …, "all year"), start and end on the clock, of "tcc".
    cap : float
        What "tcc" and "static" leave, as a share of the requested capacity.
    growth : float
        Growth of the network load; it moves the limit of "lmc" only.

    Returns
    -------
    DataArray over time [kW]
        Half-hourly; NaN where the network load is unknown.

    Raises
    ------
    UserError
        If the cap is no share.
    """
    if not 0 <= cap <= 1:
        raise UserError(f"cap = {cap}: must be a share from 0 to 1")
    kw, factor = asked.requested_kw, asked.power_factor
    if scheme == "lmc":
        # Export does not grow with load.
        load_kva = xr.where(site.network_kva > 0, site.network_kva * (1 + growth), site.network_kva)
        season = timebase.season(load_kva["time"], site.timezone)
        rating_kva = site.rating_kva.reindex(season).to_numpy(dtype=float)
        # kVA are added as if in phase, which errs on the safe side.
        limit_kw = ((rating_kva - load_kva) * factor).clip(0.0, kw)
        return limit_kw.rename("limit_kw").assign_attrs(units="kW", long_name="limit")
    time = _times(site)
    if scheme == "static":
        limit_kw = xr.DataArray(np.full(len(time), cap * kw), {"time": timebase.naive_utc(time)})
        return limit_kw.rename("limit_kw").assign_attrs(units="kW", long_name="limit")
    if scheme == "tcc":
        season, start, end = window
        windows = pd.DataFrame(
            {"season": [season], "day_type": ["all"], "start": [start], "end": [end]}
        ).assign(limit_kva=cap * kw / factor)
    else:
        windows = derive_windows(
            site.network_kva, site.rating_kva, kw / factor, timezone=site.timezone
        )
    return window_limit(windows, time, kw, power_factor=factor, timezone=site.timezone)


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
    years = round(middle / pd.Timedelta(days=365.25))
    weeks = round(years * 365.25 / 7)
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


def _times(site: Site) -> pd.DatetimeIndex:
    """Return the half hours of the network's record, or else of the sessions', in whole days."""
    if site.network_kva is not None:
        return timebase.utc_index(site.network_kva["time"])
    if site.sessions.empty:
        return timebase.grid(*PLAIN_YEAR, STEP)
    ends = [site.sessions["plug_in"].min(), site.sessions["plug_out"].max()]
    first, last = timebase.day_start(ends, site.timezone)
    return timebase.grid(first, last + pd.Timedelta("1D"), STEP)
