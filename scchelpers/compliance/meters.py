"""Faults of the meter: units, signs, repeats, gaps. They are looked for before any excursion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm import step_of
from scchelpers.timebase import naive_utc

STUCK = pd.Timedelta("24h")  # of one value that is not 0
DEAD = pd.Timedelta("6h")  # of zero while cars charge
FALSE = 0.15  # by so much may metered and expected energy differ from a plain factor
# Factor of metered to expected energy -> cause.
FACTORS = {
    1000.0: "watts read as kilowatts",
    0.001: "megawatts read as kilowatts",
    2.0: "counted twice",
    0.5: "half-hourly energy read as power",
}


@dataclass(frozen=True, eq=False)
class Meter:
    """What a record of import is worth.

    Attributes
    ----------
    import_kw : xarray.DataArray
        The record with its stuck and dead spans missing [kW].
    faults : dict of str to str
        Cause to sentence.
    usable : bool
        Whether what is left may be judged: its unit and sign are not in doubt.
    """

    import_kw: xr.DataArray
    faults: dict[str, str]
    usable: bool


def expected_kwh(
    sessions: pd.DataFrame, import_kw: xr.DataArray, residual_kw: xr.DataArray | None = None
) -> float:
    """Return the energy that the meter ought to have read where it read anything [kWh].

    Parameters
    ----------
    sessions : pandas.DataFrame
        Sessions of the site.
    import_kw : xarray.DataArray
        The record [kW].
    residual_kw : xarray.DataArray, optional
        Other load, where the meter is the site's [kW].

    Returns
    -------
    float
        NaN where less than 200 sessions or half of the record tell.
    """
    step = step_of(import_kw)
    known = np.isfinite(import_kw.to_numpy())
    begin, end = import_kw["time"].to_numpy()[[0, -1]]
    plug_in = naive_utc(sessions["plug_in"]) if len(sessions) else np.array([], "datetime64[ns]")
    inside = (plug_in >= begin) & (plug_in <= end)
    if inside.sum() < 200 or known.mean() < 0.5:
        return np.nan
    energy = sessions["energy_kwh"].to_numpy()[inside].sum() * known.mean()
    if residual_kw is not None:
        span = residual_kw.sel(time=slice(begin, end))
        hours = len(known) * (step / pd.Timedelta("1h"))
        energy += float(span.mean()) * hours * known.mean()
    return float(energy)


def inspect(
    import_kw: xr.DataArray,
    capacity_kw: float,
    *,
    expected: float = np.nan,
    sessions: pd.DataFrame | None = None,
) -> Meter:
    """Look for faults of the meter and take out what it cannot have read.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Metered import [kW] over a regular `time`.
    capacity_kw : float
        Capacity agreed [kW], which tells the order of magnitude.
    expected : float
        From `expected_kwh` [kWh]; NaN where not known.
    sessions : pandas.DataFrame, optional
        Sessions, to find zeros while cars charged.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="30min")
    >>> inspect(xr.DataArray([9e4, 7e4, 8e4, 0], {"time": time}, ("time",)), 100.0).faults
    {'watts read as kilowatts': 'The highest value is 90,000 kW at a capacity of 100 kW.'}
    """
    step = step_of(import_kw)
    value = import_kw.to_numpy().astype(float)
    faults: dict[str, str] = {}
    known = value[np.isfinite(value)]
    if not len(known):
        return Meter(import_kw, {"missing": "The record holds no value."}, False)
    energy = known.sum() * (step / pd.Timedelta("1h"))
    if known.sum() < 0 and (known < 0).sum() > 0.9 * (known != 0).sum():
        faults["sign reversed"] = "Nine values in ten are negative: import is to be positive."
    else:
        faults |= _factor(known, energy / expected, capacity_kw)
    usable = not faults
    stuck = _runs(value, STUCK // step) & (value != 0)
    if stuck.any():
        hours = stuck.sum() * (step / pd.Timedelta("1h"))
        faults["meter stuck"] = (
            f"One value is repeated for a day and more, {hours:,.0f} h in all; taken as missing."
        )
    dead = np.zeros(len(value), dtype=bool)
    if sessions is not None and len(sessions):
        dead = _dead(value, import_kw["time"].to_numpy(), step, sessions)
    if dead.any():
        hours = dead.sum() * (step / pd.Timedelta("1h"))
        faults["meter dead"] = (
            f"The meter reads nothing while cars charge, {hours:,.0f} h in all; taken as missing."
        )
    cleaned = import_kw.copy(data=np.where(stuck | dead, np.nan, value))
    return Meter(cleaned, faults, usable)


def _factor(known: np.ndarray, ratio: float, capacity_kw: float) -> dict[str, str]:
    highest = known.max()
    if highest > 50 * capacity_kw:
        said = f"The highest value is {highest:,.0f} kW at a capacity of {capacity_kw:,.0f} kW."
        return {"watts read as kilowatts": said}
    for factor, cause in FACTORS.items():
        if np.isfinite(ratio) and abs(ratio / factor - 1) < FALSE:
            said = f"The metered energy is {ratio:,.3g} times that of the load on record."
            return {cause: said}
    return {}


def _runs(value: np.ndarray, least: int) -> np.ndarray:
    """Return where a value is repeated at least so many times on end."""
    edges = np.flatnonzero(np.r_[True, value[1:] != value[:-1]])
    length = np.diff(np.r_[edges, len(value)])
    return np.repeat(length >= max(least, 2), length) & np.isfinite(value)


def _dead(value, time, step: pd.Timedelta, sessions: pd.DataFrame) -> np.ndarray:
    """Return runs of zero in which a session began, ended and took energy."""
    zero = (value == 0) & _runs(np.where(value == 0, 0.0, np.arange(1, len(value) + 1)),
                                DEAD // step)  # fmt: skip
    edges = np.flatnonzero(np.diff(np.r_[False, zero, False].astype(int)))
    first, last = edges[::2], edges[1::2]
    if not len(first):
        return np.zeros(len(value), dtype=bool)
    wanted = sessions[sessions["energy_kwh"] >= 1.0]
    plug_in, plug_out = naive_utc(wanted["plug_in"]), naive_utc(wanted["plug_out"])
    at = np.searchsorted(time[first], plug_in, side="right") - 1
    ends = time[last - 1] + step.to_timedelta64()
    inside = (at >= 0) & (plug_out <= ends[np.maximum(at, 0)])
    dead = np.zeros(len(value), dtype=bool)
    for run in np.unique(at[inside]):
        dead[first[run] : last[run]] = True
    return dead
