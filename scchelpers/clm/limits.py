"""Static and dynamic limits of a customer load management scheme (report section 7.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.capacity import checked_power_factor
from scchelpers.clm.control import Controller, believed_kw
from scchelpers.faults import UserError

_META = {"units": "kW", "long_name": "limit of the charging power"}


def static_limit(limit_kva: float, time, *, power_factor: float) -> xr.DataArray:
    """Return a fixed limit for the chargepoints alone; other load is ignored by definition.

    Parameters
    ----------
    limit_kva : float
        Limit [kVA].
    time : DatetimeIndex or DataArray coordinate
        Interval starts [UTC, without zone].
    power_factor : float
        Power factor of the chargepoints.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over time.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=2, freq="30min")
    >>> static_limit(69, time, power_factor=0.95).values.tolist()
    [65.55, 65.55]
    """
    if not limit_kva >= 0:
        raise UserError(f"limit_kva = {limit_kva}: must be 0 kVA or more")
    limit_kw = round(limit_kva * checked_power_factor(power_factor), 9)
    return xr.DataArray(
        np.full(len(time), limit_kw), {"time": np.asarray(time)}, ("time",), "limit_kw", _META
    )


def dynamic_limit(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latency: str | pd.Timedelta = "0s",
    margin_kw: float = 0.0,
    controller: Controller | None = None,
) -> xr.DataArray:
    """Return what a dynamic CLM leaves to the chargepoints: the DSC less the load it believes.

    limit = DSC x power factor - believed residual load - margin, at least 0 and at most the DSC.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time` [UTC], 1 to 30 min; NaN where missing.
    dsc_kva : float
        Declared supply capacity [kVA].
    power_factor : float
        Power factor of the site's import.
    latency : str or Timedelta
        From the reading to the cars having followed it. It need not be a multiple of the data's
        step: the limit is stamped at the instants at which it changes.
    margin_kw : float
        Capacity held back for loads that switch on meanwhile [kW].
    controller : Controller, optional
        Metering and control; by default each value of the data is read as it begins.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over time; NaN while there is no reading to act on (before the first has
        arrived, and in gaps of the data). `charging.simulate` asks what then holds
        (`limit_missing`).

    Raises
    ------
    UserError
        For a negative margin or latency, or an irregular load.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=2, freq="30min")
    >>> load = xr.DataArray([120.0, 180.0], {"time": time}, ("time",))
    >>> dynamic_limit(load, 200, power_factor=0.95, margin_kw=15).values.tolist()
    [55.0, 0.0]
    """
    if not margin_kw >= 0:
        raise UserError(f"margin_kw = {margin_kw}: must be 0 kW or more")
    late = checked_latency(latency)
    agreed_kw = dsc_kva * checked_power_factor(power_factor)
    believed = believed_kw(residual_kw, controller or Controller())
    limit_kw = np.clip(agreed_kw - believed - margin_kw, 0.0, agreed_kw)
    time = residual_kw.get_index("time")
    if late > pd.Timedelta(0):
        time = (time + late).insert(0, time[0])
        limit_kw = np.r_[np.nan, limit_kw]
    return xr.DataArray(limit_kw, {"time": time.to_numpy()}, ("time",), "limit_kw", _META)


def checked_latency(latency) -> pd.Timedelta:
    """Return a latency as a Timedelta of 0 or more.

    Raises
    ------
    UserError
        If it is not a length of time.
    """
    try:
        late = pd.Timedelta(latency)
    except ValueError:
        late = pd.NaT
    if pd.isna(late) or late < pd.Timedelta(0):
        raise UserError(f"latency = {latency!r}: write a length of time such as '30s'")
    return late
