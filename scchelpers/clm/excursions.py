"""Excursions of a site's import above its DSC, at the load's own resolution, and what is billed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import step_of
from scchelpers.timebase import HALF_HOUR

HOUR, MINUTE = np.timedelta64(1, "h"), np.timedelta64(1, "m")
HOUR_NS = 3.6e12
NOTHING_KW = 1e-3  # a watt: less is rounding of the data, not an excursion


def site_import(residual_kw: xr.DataArray, charging_kw: xr.DataArray) -> xr.Dataset:
    """Return the import of a site from its residual load and its charging.

    Both are piecewise constant; the result has a piece wherever either changes, so that a limit
    that acts five seconds late shows as a piece of five seconds.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    charging_kw : xarray.DataArray
        Charging power [kW], or the limit where charging takes all of it; over any rising `time`.
        Its last value holds on.

    Returns
    -------
    xarray.Dataset
        import_kw, charging_kw [kW] and length_h [h] of each piece, over `time`, the load's span.
    """
    step = step_of(residual_kw).to_timedelta64()
    load_time = residual_kw["time"].to_numpy()
    end = load_time[-1] + step
    other = charging_kw["time"].to_numpy()
    time = merged(load_time, other[(other > load_time[0]) & (other < end)])
    load = residual_kw.to_numpy()[np.searchsorted(load_time, time, side="right") - 1].astype(float)
    at = np.searchsorted(other, time, side="right") - 1
    charging = np.where(at < 0, np.nan, charging_kw.to_numpy()[np.maximum(at, 0)])
    units = {"units": "kW"}
    return xr.Dataset(
        {
            "import_kw": ("time", load + charging, units),
            "charging_kw": ("time", charging, units),
            "length_h": ("time", np.diff(time, append=end) / HOUR, {"units": "h"}),
        },
        {"time": time},
    )


def merged(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the stamps of two rising arrays in one, each once."""
    both = np.concatenate([one, other]).astype("datetime64[ns]")
    both.sort(kind="stable")  # merges two runs; np.union1d would hash every stamp
    return both[np.r_[True, both[1:] != both[:-1]]]


def excess_kw(flow: xr.Dataset, agreed_kw: float) -> np.ndarray:
    """Return by how much charging exceeds what the capacity leaves to it [kW], in each piece.

    What the residual load alone draws above the capacity is not an excursion of the CLM: no limit
    could take it away. It is `uncovered_h`.
    """
    above = flow["import_kw"].to_numpy() - agreed_kw
    return np.clip(above, 0.0, flow["charging_kw"].to_numpy())


def excursions(flow: xr.Dataset, agreed_kw: float) -> pd.DataFrame:
    """Return each excursion: a run of pieces in which charging takes the import above the DSC.

    Parameters
    ----------
    flow : xarray.Dataset
        From `site_import`.
    agreed_kw : float
        Active power at the DSC [kW].

    Returns
    -------
    pandas.DataFrame
        start [UTC], duration_min [min], depth_kw [kW] (the largest), excess_kwh [kWh]. A missing
        value ends a run.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1min")
    >>> load = xr.DataArray([50.0, 90.0, 90.0, 50.0], {"time": time}, ("time",))
    >>> cars = xr.DataArray([50.0, 50.0, 10.0, 10.0], {"time": time}, ("time",))
    >>> excursions(site_import(load, cars), 100.0)[["duration_min", "depth_kw"]].values.tolist()
    [[1.0, 40.0]]
    """
    excess = excess_kw(flow, agreed_kw)
    inside = excess > NOTHING_KW
    edges = np.flatnonzero(np.diff(np.r_[False, inside, False]))
    first, last = edges[::2], edges[1::2]
    hours = flow["length_h"].to_numpy()
    energy = np.r_[0.0, np.cumsum(np.where(inside, excess * hours, 0.0))]
    time = flow["time"].to_numpy()
    end = np.append(time[1:], time[-1:] + (hours[-1:] * HOUR_NS).round().astype("timedelta64[ns]"))
    # Between two runs there is no excess, so that the largest up to the next run is the run's.
    depth = np.maximum.reduceat(excess, first) if len(first) else np.array([])
    return pd.DataFrame(
        {
            "start": pd.DatetimeIndex(time[first]).tz_localize("UTC"),
            "duration_min": (end[last - 1] - time[first]) / MINUTE,
            "depth_kw": depth,
            "excess_kwh": energy[last] - energy[first],
        }
    )


def uncovered_h(residual_kw: xr.DataArray, agreed_kw: float) -> float:
    """Return for how long the residual load alone is above the capacity [h]."""
    above = int((residual_kw > agreed_kw + NOTHING_KW).sum())
    return above * (step_of(residual_kw) / pd.Timedelta("1h"))


def half_hours_kva(flow: xr.Dataset, *, power_factor: float) -> xr.DataArray:
    """Return the mean import of each half hour [kVA], which is what is metered and billed.

    Parameters
    ----------
    flow : xarray.Dataset
        From `site_import`.
    power_factor : float
        Power factor of the import.

    Returns
    -------
    xarray.DataArray
        kVA over `time`, half hours [UTC]; missing where a piece of the half hour is.
    """
    start = pd.DatetimeIndex(flow["time"].to_numpy()).floor(HALF_HOUR)
    codes, halves = pd.factorize(start)
    hours = flow["length_h"].to_numpy()
    energy = np.bincount(codes, flow["import_kw"].to_numpy() * hours)
    mean_kva = energy / np.bincount(codes, hours) / power_factor
    return xr.DataArray(
        mean_kva, {"time": halves.to_numpy()}, ("time",), "import_kva", {"units": "kVA"}
    )
