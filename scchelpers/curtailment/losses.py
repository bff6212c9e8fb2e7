"""The customer's view before any recovery: demand set against a limit, interval by interval."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scchelpers.curtailment.restriction import EPS_KW, restriction
from scchelpers.faults import UserError


def lost_kw(demand_kw: xr.DataArray, limit_kw: xr.DataArray) -> xr.DataArray:
    """Return the demand above a limit [kW], NaN where either is unknown.

    Parameters
    ----------
    demand_kw : DataArray over time [kW]
        Charging demand without a limit.
    limit_kw : DataArray over time [kW]
        Limit at the same times; below 0 counts as 0.

    Raises
    ------
    UserError
        If the times differ.
    """
    if not demand_kw.get_index("time").equals(limit_kw.get_index("time")):
        raise UserError(
            "demand_kw and limit_kw: must have the same times; bring the limit to the demand's, "
            "such as limit_kw.reindex(time=demand_kw.time, method='ffill')"
        )
    loss = np.maximum(demand_kw - np.maximum(limit_kw, 0.0), 0.0)
    return loss.rename("loss_kw").assign_attrs(units="kW", long_name="demand above the limit")


def loss_measures(
    demand_kw: xr.DataArray, limit_kw: xr.DataArray, requested_kw: float | None = None, *, step=None
) -> xr.Dataset:
    """Measure what a limit takes from a demand if nothing is made up later.

    Parameters
    ----------
    demand_kw, limit_kw : DataArray over time [kW]
        Charging demand without a limit, and the limit, at the same times.
    requested_kw : float, optional
        Requested capacity [kW]: the limit restricts where it is below. Without it the shares of
        restricted time are unknown.
    step : str or Timedelta, optional
        Length of an interval; by default the shortest distance between two stamps.

    Returns
    -------
    Dataset
        wanted_kwh, lost_kwh [kWh]; lost_share; coincident_steps, coincident_h [h], intervals and
        hours with demand above the limit; restricted_h [h]; wanted_share, restricted time in which
        anyone wanted power; loss_share, P(loss > 0 | restricted).

    Raises
    ------
    UserError
        If the times differ or the limit cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> time = pd.date_range("2026-01-01", periods=3, freq="1h")
    >>> demand = xr.DataArray([50.0, 50, 0], coords={"time": time}, dims="time")
    >>> limit = xr.DataArray([100.0, 20, 20], coords={"time": time}, dims="time")
    >>> measures = loss_measures(demand, limit, 100.0)
    >>> float(measures["lost_kwh"]), float(measures["loss_share"])
    (30.0, 0.5)
    """
    loss = lost_kw(demand_kw, limit_kw).to_numpy()
    cut = restriction(limit_kw, 1.0 if requested_kw is None else requested_kw, step=step)
    known = ~np.isnan(loss)
    demand = demand_kw.to_numpy()
    losing = loss > EPS_KW
    on = cut.on & known
    # Without a requested capacity nothing says when the limit restricts.
    unknown = requested_kw is None or not on.any()
    wanted = demand[known].sum() * cut.step_h
    lost = loss[known].sum() * cut.step_h
    values = {
        "wanted_kwh": (wanted, "kWh", "energy wanted"),
        "lost_kwh": (lost, "kWh", "energy wanted above the limit, before any is made up"),
        "lost_share": (lost / wanted if wanted else np.nan, "1", "share of the energy wanted"),
        "coincident_steps": (int(losing.sum()), "1", "intervals with demand above the limit"),
        "coincident_h": (losing.sum() * cut.step_h, "h", "hours with demand above the limit"),
        "restricted_h": (
            np.nan if requested_kw is None else on.sum() * cut.step_h,
            "h",
            "hours with any restriction",
        ),
        "wanted_share": (
            np.nan if unknown else (demand[on] > EPS_KW).mean(),
            "1",
            "restricted time in which anyone wanted power",
        ),
        "loss_share": (np.nan if unknown else losing[on].mean(), "1", "P(loss > 0 | restricted)"),
    }
    return xr.Dataset(
        {
            name: ((), value, {"units": unit, "long_name": meaning})
            for name, (value, unit, meaning) in values.items()
        }
    )
