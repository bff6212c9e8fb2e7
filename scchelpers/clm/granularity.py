"""What the granularity of load data hides from a study of a dynamic CLM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import step_of
from scchelpers.clm.excursions import NOTHING_KW, excursions, site_import
from scchelpers.clm.frontier import frontier, required_margin
from scchelpers.clm.limits import dynamic_limit
from scchelpers.faults import UserError

STEPS = ("1min", "5min", "15min", "30min")


def coarsened(load: xr.DataArray, step: str | pd.Timedelta) -> xr.DataArray:
    """Return a load as means over longer intervals; missing where any part is.

    Parameters
    ----------
    load : xarray.DataArray
        Load over a regular `time`.
    step : str or Timedelta
        Multiple of its step; intervals begin at multiples of it, as meters' do.
    """
    own = step_of(load)
    length = pd.Timedelta(step)
    if length % own:
        raise UserError(f"step = {step!r}: must be a multiple of the data's step, {own}")
    codes, starts = pd.factorize(load.get_index("time").floor(length))
    many = np.bincount(codes)
    means = np.bincount(codes, load.to_numpy().astype(float)) / many
    means[many < length / own] = np.nan  # a part of an interval is no mean of it
    return xr.DataArray(means, {"time": starts.to_numpy()}, ("time",), load.name, load.attrs)


def granularity(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latency: str,
    tolerated_h: float,
    steps: Sequence[str] = STEPS,
) -> pd.DataFrame:
    """Return what studies with coarser data would conclude, and what would then really happen.

    Each study derives the margin for `tolerated_h` from means over its step. The CLM that is built
    with that margin then meets the load as it is on record. Charging takes all it may.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW], the finer the better.
    dsc_kva, power_factor, latency, tolerated_h
        As `required_margin` takes them.
    steps : sequence of str
        Steps to study; those finer than the data, or no multiple of their step, are left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by step_min [min]: margin_kw, what the study derives; seen_h, excursions it expects
        [h a year]; true_h, true_events, worst_kw, what there is [a year]; hidden_share, share of
        those events that half-hourly means of the import would not show; missing_kw, margin to be
        added to make that study safe.
    """
    own = step_of(residual_kw)
    given = {"power_factor": power_factor}
    risk = {"latency": latency, "tolerated_h": tolerated_h}
    lengths = [pd.Timedelta(step) for step in steps]
    studies = sorted({own, *(length for length in lengths if length > own and not length % own)})
    enough_kw = required_margin(residual_kw, dsc_kva, **given, **risk)
    rows = {}
    for length in studies:
        coarse = coarsened(residual_kw, length)
        margin_kw = required_margin(coarse, dsc_kva, **given, **risk)
        at = {"latencies": [latency], "margins_kw": [margin_kw]}
        seen = frontier(coarse, dsc_kva, **given, **at).squeeze()
        true = frontier(residual_kw, dsc_kva, **given, **at).squeeze()
        limit_kw = dynamic_limit(
            residual_kw, dsc_kva, **given, latency=latency, margin_kw=margin_kw
        )
        flow = site_import(residual_kw, limit_kw.fillna(0.0))
        found = excursions(flow, dsc_kva * power_factor)
        rows[length / pd.Timedelta("1min")] = {
            "margin_kw": margin_kw,
            "seen_h": float(seen["excursion_h"]),
            "true_h": float(true["excursion_h"]),
            "true_events": float(true["events"]),
            "worst_kw": float(true["worst_kw"]),
            "hidden_share": hidden(flow, found, dsc_kva * power_factor).mean()
            if len(found)
            else 0.0,
            "missing_kw": max(enough_kw - margin_kw, 0.0),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step_min")


def hidden(flow: xr.Dataset, found: pd.DataFrame, agreed_kw: float, step="30min") -> np.ndarray:
    """Return which excursions the means over a step do not show.

    An excursion is shown if the mean import of an interval that it touches is above the DSC too.

    Parameters
    ----------
    flow : xarray.Dataset
        From `site_import`.
    found : pandas.DataFrame
        Its excursions.
    agreed_kw : float
        Active power at the DSC [kW].
    step : str
        Step of the means.

    Returns
    -------
    numpy.ndarray of bool
        One an excursion.
    """
    codes, starts = pd.factorize(pd.DatetimeIndex(flow["time"].to_numpy()).floor(step))
    hours = flow["length_h"].to_numpy()
    mean_kw = np.bincount(codes, flow["import_kw"].to_numpy() * hours) / np.bincount(codes, hours)
    above = np.r_[0, np.cumsum(mean_kw > agreed_kw + NOTHING_KW)]
    start = found["start"].dt.tz_localize(None)
    end = start + pd.to_timedelta(found["duration_min"], unit="min")
    first = np.searchsorted(starts, start.to_numpy(), side="right") - 1
    last = np.searchsorted(starts, end.to_numpy(), side="left")
    return above[last] == above[first]


def inside_half_hours(mean_kw: xr.DataArray, highest_kw: xr.DataArray) -> pd.Series:
    """Return how far the highest minute of a half hour lies above its mean.

    A CLM that knew each half-hourly mean in advance, and no more, would exceed the DSC in every
    half hour in which a minute is above the mean by more than its margin.

    Parameters
    ----------
    mean_kw, highest_kw : xarray.DataArray
        Mean and highest minute [kW] of each half hour, on one `time`; NaN where missing.

    Returns
    -------
    pandas.Series
        Rise [kW] by quantile: 0.5, 0.95, 0.99, 0.999 and 1.
    """
    rise = (highest_kw - mean_kw).to_numpy()
    quantiles = [0.5, 0.95, 0.99, 0.999, 1.0]
    values = np.quantile(rise[np.isfinite(rise)], quantiles) if np.isfinite(rise).any() else np.nan
    return pd.Series(values, index=pd.Index(quantiles, name="quantile"), name="rise_kw")
