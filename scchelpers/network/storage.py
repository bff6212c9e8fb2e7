"""On-site storage and generation that fill the gap while the network holds a site back."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError

_WAY_EFFICIENCY = 0.95  # each way; about 0.9 there and back


def backfill(
    limit_kw: xr.DataArray,
    demand_kw: xr.DataArray,
    *,
    battery_kwh: float = 0.0,
    battery_kw: float = 0.0,
    generation_kw: float | xr.DataArray = 0.0,
    efficiency: float = _WAY_EFFICIENCY,
) -> xr.Dataset:
    """Return the limit of the chargepoints with storage and generation behind the meter.

    Generation comes first. The battery gives when the demand is above what network and generation
    allow, and refills from what they leave unused. It is full at first.

    Parameters
    ----------
    limit_kw : xarray.DataArray
        Limit of the site's import over `time` [kW].
    demand_kw : xarray.DataArray
        Charging without a limit [kW], which the battery is operated for.
    battery_kwh, battery_kw : float
        Usable energy [kWh] and power either way [kW].
    generation_kw : float or DataArray
        Own generation that can run when needed, or did [kW].
    efficiency : float
        Of the battery, each way.

    Returns
    -------
    xarray.Dataset
        Over time: limit_kw for the chargepoints; battery_kw, giving positive; stored_kwh at the
        end of each interval.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1h")
    >>> limit = xr.DataArray([20.0, 20, 100, 100], {"time": time}, "time")
    >>> demand = xr.DataArray([60.0, 60, 0, 0], {"time": time}, "time")
    >>> with_it = backfill(limit, demand, battery_kwh=50, battery_kw=30, efficiency=1.0)
    >>> with_it["limit_kw"].values.tolist()
    [50.0, 40.0, 100.0, 100.0]
    >>> with_it["stored_kwh"].values.tolist()
    [20.0, 0.0, 30.0, 50.0]
    """
    if not (battery_kwh >= 0 and battery_kw >= 0 and 0 < efficiency <= 1):
        raise UserError(
            f"battery_kwh = {battery_kwh}, battery_kw = {battery_kw}, efficiency = {efficiency}: "
            "must be 0 or more, 0 or more, and above 0 up to 1"
        )
    first, second = limit_kw["time"].to_index()[:2]
    own = limit_kw + generation_kw
    given, stored = _operate(
        own.to_numpy().astype(float),
        demand_kw.to_numpy().astype(float),
        float(battery_kwh),
        float(battery_kw),
        float(efficiency),
        (second - first) / pd.Timedelta("1h"),
    )
    kw = {"units": "kW"}
    return xr.Dataset(
        {
            "limit_kw": ("time", own.to_numpy() + np.clip(given, 0, None), kw),
            "battery_kw": ("time", given, kw),
            "stored_kwh": ("time", stored, {"units": "kWh"}),
        },
        {"time": limit_kw["time"]},
    )


@numba.njit(cache=True, nogil=True)
def _operate(limit, demand, most_kwh, most_kw, efficiency, hours):
    given = np.zeros(len(limit))
    stored = np.empty(len(limit))
    level = most_kwh
    for t in range(len(limit)):
        gap = demand[t] - limit[t]
        if gap > 0:
            given[t] = min(gap, most_kw, level * efficiency / hours)
            level -= given[t] * hours / efficiency
        elif gap < 0:
            taken = min(-gap, most_kw, (most_kwh - level) / (hours * efficiency))
            given[t] = -taken
            level += taken * hours * efficiency
        level = min(max(level, 0.0), most_kwh)
        stored[t] = level
    return given, stored
