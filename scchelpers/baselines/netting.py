"""What a site's connection scheme already holds back, which is no flexibility to be paid for.

A customer should not be paid for a reduction that its own flexible connection demands (report
section 9.3). Demand under the scheme's limit is the baseline; only what is left above the floor
can be sold.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.baselines.days import Days
from scchelpers.baselines.delivery import deliverable
from scchelpers.baselines.engine import event_mean
from scchelpers.baselines.events import actual
from scchelpers.baselines.response import aligned, whole_days
from scchelpers.faults import UserError
from scchelpers.timebase import grid, in_window, naive_utc

NEGLIGIBLE_KW = 1e-3  # rounding of the engine, not a limit at work


def clock_limit(
    days: Days, start: str, end: str, limit_kw: float, otherwise_kw: float
) -> xr.DataArray:
    """Return a limit that holds in one window of the clock, every day.

    Parameters
    ----------
    days : Days
        Record that it must cover.
    start, end : str
        Clock times; a window whose end is not after its start runs over midnight.
    limit_kw, otherwise_kw : float
        Limit inside and outside the window [kW].

    Returns
    -------
    xarray.DataArray [kW] over (time), half hours.
    """
    first = days.first.tz_localize("UTC") - pd.Timedelta("1D")
    time = grid(first, first + pd.Timedelta(days=len(days) + 3), "30min")
    kw = np.where(in_window(time, start, end, days.timezone), limit_kw, otherwise_kw)
    return xr.DataArray(kw, {"time": naive_utc(time)}, ("time",), "limit_kw", {"units": "kW"})


def under_limit(
    sessions: pd.DataFrame, chargepoints: pd.DataFrame, days: Days, limit_kw: xr.DataArray
) -> Days:
    """Return the site's demand when charging follows a limit.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Of the site.
    days : Days
        Its record without the limit.
    limit_kw : xarray.DataArray
        Limit of any scheme [kW] over (time). Where it is NaN, so is the demand.
    """
    if sessions.empty or not len(days):
        return days
    held = charging.simulate(
        sessions,
        limit_kw,
        step="30min",
        chargepoints=chargepoints,
        limit_after="hold",
        limit_missing="hold",
        **whole_days(days),
    )
    known_kw = limit_kw.reindex_like(held.power_kw, method="ffill")
    return aligned(held.power_kw.where(known_kw == known_kw), days)


def net_of_scheme(
    free: Days, limited: Days, events: pd.DataFrame, *, floor_kw: float = 0.0
) -> pd.DataFrame:
    """Return, for each event, the volume that could be sold and the volume the scheme holds.

    Parameters
    ----------
    free, limited : Days
        Demand without and under the limit of the scheme.
    events : pandas.DataFrame
        The events.
    floor_kw : float
        Kept for drivers in an event [kW].

    Returns
    -------
    pandas.DataFrame
        A row an event [kW]: gross_kw, demand above the floor without the scheme; held_kw, what the
        scheme holds back of it half hour by half hour; moved_kw, charging that it moved into the
        event from other hours; sellable_kw = gross - held + moved.

    Raises
    ------
    UserError
        If the two records do not lie on the same days.
    """
    if free.first != limited.first or len(free) != len(limited):
        raise UserError("free and limited must be the same days; align the records first")
    without, under = (deliverable(actual(days, events), floor_kw) for days in (free, limited))
    change_kw = under - without
    change_kw[np.abs(change_kw) < NEGLIGIBLE_KW] = 0.0
    parts = {
        "gross_kw": without,
        "held_kw": np.maximum(-change_kw, 0.0),
        "moved_kw": np.maximum(change_kw, 0.0),
        "sellable_kw": under,
    }
    return pd.DataFrame({name: event_mean(kw) for name, kw in parts.items()})
