"""What counts as recorded: the demand of each EVSE, missing where nothing was on record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging import uncontrolled
from scchelpers.diversity.units import counted, together
from scchelpers.timebase import LONDON, clock, local_date

STEP = "30min"


@dataclass(frozen=True)
class Coverage:
    """How much of a site is on record.

    Attributes
    ----------
    sessions : int
        Sessions read.
    energy_kwh : float
        Their energy [kWh].
    evses, silent : int
        EVSEs of the site, and those of them without a single session, which count as missing.
    first, last : pandas.Timestamp or None
        First and last local day on record; None where there is none.
    expected, present : int
        Intervals x EVSEs from the first to the last, and those that count as recorded.
    empty_months : tuple of str
        Calendar months between in which no EVSE had a session ("2020-04"): missing, not zero.
    """

    sessions: int
    energy_kwh: float
    evses: int
    silent: int
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    expected: int
    present: int
    empty_months: tuple[str, ...]


def demand(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    *,
    placement: str = "front",
    timezone: str = LONDON,
) -> xr.DataArray:
    """Return the half-hour demand of every chargepoint, missing where nothing was recorded.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Of one site, as `Site` holds them.
    placement : "front" or "spread"
        Where a session's energy lies within its stay; see `charging.uncontrolled`.
    timezone : str
        Zone of the calendar months of `recorded`.

    Returns
    -------
    xarray.DataArray
        Mean power [kW] over (time, evse), half hours labelled by their start in UTC. Only EVSEs
        with a session are in it; without sessions both dimensions are empty.
    """
    if sessions.empty or not (sessions["energy_kwh"] > 0).any():
        coords = {"time": np.array([], "datetime64[ns]"), "evse": np.array([], str)}
        nothing = xr.DataArray(np.zeros((0, 0)), coords, ("time", "evse"), "power_kw")
        return nothing.assign_attrs(units="kW")
    power_kw = uncontrolled(
        sessions, step=STEP, placement=placement, by="evse", chargepoints=chargepoints
    )
    return recorded(together(power_kw, chargepoints), timezone=timezone)


def recorded(power_kw: xr.DataArray, *, timezone: str = LONDON) -> xr.DataArray:
    """Return demand with what was not on record as missing instead of zero.

    An EVSE counts from the calendar month of its first charge to that of its last; an EVSE that
    never charged is left out; a month in which no EVSE of the site charged is missing for all.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse), zero where nothing was drawn.
    timezone : str
        Zone of the calendar months.

    Returns
    -------
    xarray.DataArray
        The same with NaN [kW] where missing.
    """
    drawn = power_kw.transpose("time", "evse")
    drawn = drawn.isel(evse=np.flatnonzero((drawn > 0).any("time").to_numpy()))
    month, names = pd.factorize(_months(drawn["time"], timezone))
    busy = np.zeros((len(names), drawn.sizes["evse"]), bool)
    np.logical_or.at(busy, month, drawn.to_numpy() > 0)
    begun = np.maximum.accumulate(busy, axis=0)
    not_ended = np.maximum.accumulate(busy[::-1], axis=0)[::-1]
    counts = begun & not_ended & busy.any(axis=1, keepdims=True)
    on_record = np.flatnonzero(counts.any(axis=1)[month])
    # The last stay may reach into a month in which nobody charged.
    span = slice(on_record[0], on_record[-1] + 1) if len(on_record) else slice(0)
    return drawn.where(counts[month]).isel(time=span)


def coverage(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    power_kw: xr.DataArray,
    *,
    timezone: str = LONDON,
) -> Coverage:
    """Return how much of a site is on record.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Of the site.
    power_kw : xarray.DataArray
        What `demand` made of them.
    timezone : str
        Zone of the calendar days.
    """
    days = local_date(power_kw["time"], timezone)
    months = _months(power_kw["time"], timezone)
    missing = np.isnan(power_kw)
    empty = np.unique(months[missing.all("evse").to_numpy()]) if power_kw.size else []
    return Coverage(
        sessions=len(sessions),
        energy_kwh=float(sessions["energy_kwh"].sum()),
        evses=len(counted(chargepoints)),
        silent=len(counted(chargepoints)) - power_kw.sizes["evse"],
        first=days[0] if len(days) else None,
        last=days[-1] if len(days) else None,
        expected=power_kw.size,
        present=int((~missing).sum()),
        empty_months=tuple(empty),
    )


def _months(times, timezone: str) -> np.ndarray:
    return np.asarray(clock(times, timezone).strftime("%Y-%m"), dtype=object)
