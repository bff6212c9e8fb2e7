"""Metered import against registered terms, under their own averaging time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm import step_of
from scchelpers.faults import UserError
from scchelpers.register.terms import Terms, joined

# Depth as a share of the capacity agreed, and length [min]: where a class begins. Conventions of
# this workbook; the two add up to the severity.
DEEP, LONG = (0.10, 0.30), (30.0, 120.0)
SEVERITIES = ("slight", "marked", "grave")
ROUNDING_KW = 0.1  # of a meter that prints one decimal


@dataclass(frozen=True, eq=False)
class Judged:
    """A record of import beside the limit that was in force.

    Attributes
    ----------
    flow : xarray.Dataset
        Over `time`: import_kw, limit_kw and above_kw [kW], how far the import lies above the
        limit: 0 where it is kept, NaN where import or limit is unknown.
    entries : list of Terms
        Those judged, oldest first.
    step : pandas.Timedelta
        Time over which power is averaged here.
    tolerance : float
        Share of the limit that the meter's own error may take.
    """

    flow: xr.Dataset
    entries: list[Terms]
    step: pd.Timedelta
    tolerance: float

    @property
    def step_h(self) -> float:
        """Length of an interval [h]."""
        return self.step / pd.Timedelta("1h")

    @property
    def coarse(self) -> bool:
        """Whether the meter's intervals are longer than the averaging time of the terms.

        Excursions are then a lower bound: what is short does not show.
        """
        return self.step > self.entries[-1].averaging

    @property
    def above(self) -> np.ndarray:
        """Whether the import is above the limit; False where unknown."""
        return self.flow["above_kw"].to_numpy() > 0

    @property
    def known(self) -> np.ndarray:
        """Whether import and limit are known."""
        return np.isfinite(self.flow["above_kw"].to_numpy())

    @property
    def limited(self) -> np.ndarray:
        """Whether the limit lies below the capacity agreed."""
        return self.flow["limit_kw"].to_numpy() < self.capacity_kw - 1e-6

    @property
    def capacity_kw(self) -> np.ndarray:
        """Capacity agreed in each interval [kW]; NaN before the first entry."""
        found = np.full(self.flow.sizes["time"], np.nan)
        for terms in self.entries:
            found[terms.at(self.flow["time"])] = terms.capacity_kw
        return found

    def within(self, limit_kw: np.ndarray) -> np.ndarray:
        """Return where the import is at or below a limit [kW], the meter's error granted."""
        return self.flow["import_kw"].to_numpy() <= allowed(limit_kw, self.tolerance)


def allowed(limit_kw, tolerance: float):
    """Return what may be metered under a limit [kW]: the meter's error and rounding granted."""
    return limit_kw * (1 + tolerance) + ROUNDING_KW


def judge(
    import_kw: xr.DataArray,
    entries: list[Terms],
    *,
    setpoint_kw: xr.DataArray | None = None,
    tolerance: float = 0.01,
) -> Judged:
    """Set a record of import against the terms in force, interval by interval.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Metered import [kW] over a regular `time` [UTC]; NaN where missing.
    entries : list of Terms
        Entries of the site, oldest first, as from `Register.terms`. Only those from the last
        change of the averaging time on are judged.
    setpoint_kw : xarray.DataArray, optional
        What was sent, for a scheme whose limit is sent [kW].
    tolerance : float
        Share of the limit granted to the meter, such as 0.01 for class B of EN 50470.

    Raises
    ------
    UserError
        If there are no entries, or the tolerance is not a share.

    Notes
    -----
    A finer record is averaged over whole blocks of the averaging time; a block with a missing
    part is missing. What is missing is never counted as kept.
    """
    if not entries:
        raise UserError("entries: no registered terms to judge by")
    if not 0 <= tolerance < 0.5:
        raise UserError(f"tolerance = {tolerance}: must be a share from 0 to below 0.5")
    same = [terms.averaging == entries[-1].averaging for terms in entries]
    first = len(same) - same[::-1].index(False) if False in same else 0
    entries = entries[first:]
    mean_kw, step = averaged(import_kw, entries[-1].averaging)
    sent = None if setpoint_kw is None else averaged(setpoint_kw, step)[0]
    limit_kw = joined(entries, mean_kw["time"], setpoint_kw=sent)
    over = (mean_kw - limit_kw).to_numpy()
    kept = mean_kw.to_numpy() <= allowed(limit_kw.to_numpy(), tolerance)
    above_kw = np.where(np.isfinite(over), np.where(kept, 0.0, over), np.nan)
    units = {"units": "kW"}
    flow = xr.Dataset(
        {
            "import_kw": ("time", mean_kw.to_numpy().astype(float), units),
            "limit_kw": ("time", limit_kw.to_numpy(), units),
            "above_kw": ("time", above_kw, units),
        },
        {"time": mean_kw["time"].to_numpy()},
    )
    return Judged(flow, entries, step, tolerance)


def averaged(power_kw: xr.DataArray, averaging: pd.Timedelta) -> tuple[xr.DataArray, pd.Timedelta]:
    """Return means over blocks of the averaging time, and their length; coarser data stay.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="15min")
    >>> power = xr.DataArray([1.0, 3.0, 5.0, np.nan], {"time": time}, ("time",))
    >>> averaged(power, pd.Timedelta("30min"))[0].values.tolist()
    [2.0, nan]
    """
    step = step_of(power_kw)
    if step >= averaging or averaging % step:
        return power_kw, step
    blocks = power_kw.to_series().resample(averaging)
    mean = blocks.mean().where(blocks.count() == averaging // step)
    return mean.rename_axis("time").to_xarray().assign_attrs(power_kw.attrs), averaging


def excursions(judged: Judged) -> pd.DataFrame:
    """Return each excursion: a run of intervals above the limit.

    Returns
    -------
    pandas.DataFrame
        start [UTC], duration_min [min], depth_kw [kW] (the largest), share (of the capacity
        agreed), excess_kwh [kWh], limit_kw [kW] (the lowest), severity of `SEVERITIES`. A missing
        interval ends a run.
    """
    above_kw = judged.flow["above_kw"].to_numpy()
    on = judged.above
    edges = np.flatnonzero(np.diff(np.r_[False, on, False].astype(int)))
    first, last = edges[::2], edges[1::2]
    spans = list(zip(first, last, strict=True))
    time = judged.flow["time"].to_numpy()
    capacity = judged.capacity_kw
    minutes = (last - first) * (judged.step / pd.Timedelta("1min"))
    depth = np.array([above_kw[a:b].max() for a, b in spans])
    share = depth / capacity[first] if len(first) else depth
    score = np.searchsorted(DEEP, share, side="right") + np.searchsorted(LONG, minutes, "left")
    limit_kw = judged.flow["limit_kw"].to_numpy()
    return pd.DataFrame(
        {
            "start": pd.DatetimeIndex(time[first]).tz_localize("UTC"),
            "duration_min": minutes.astype(float),
            "depth_kw": depth,
            "share": share,
            "excess_kwh": [above_kw[a:b].sum() * judged.step_h for a, b in spans],
            "limit_kw": [limit_kw[a:b].min() for a, b in spans],
            "severity": np.array(SEVERITIES)[np.clip(score - 1, 0, 2)],
        }
    )


def counts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return excursions by severity: how many, for how long, how deep, how much.

    Returns
    -------
    pandas.DataFrame
        Indexed by severity: excursions, hours_h [h], longest_min [min], deepest_kw [kW],
        excess_kwh [kWh].
    """
    grouped = runs.groupby("severity")
    table = pd.DataFrame(
        {
            "excursions": grouped.size(),
            "hours_h": grouped["duration_min"].sum() / 60,
            "longest_min": grouped["duration_min"].max(),
            "deepest_kw": grouped["depth_kw"].max(),
            "excess_kwh": grouped["excess_kwh"].sum(),
        }
    )
    table = table.reindex(SEVERITIES).fillna(0.0)
    return table.astype({"excursions": int})


def coverage(judged: Judged) -> pd.Series:
    """Return how much of the time in force was judged.

    Returns
    -------
    pandas.Series
        known_share (of all intervals in force), limited_share (of those with a limit below the
        capacity; NaN where there are none), missing_h [h], limited_missing_h [h], in_force_h [h].
    """
    capacity = np.isfinite(judged.capacity_kw)
    limited = judged.limited & capacity
    known = judged.known
    return pd.Series(
        {
            "known_share": known[capacity].mean() if capacity.any() else np.nan,
            "limited_share": known[limited].mean() if limited.any() else np.nan,
            "missing_h": float((~known & capacity).sum() * judged.step_h),
            "limited_missing_h": float((~known & limited).sum() * judged.step_h),
            "in_force_h": float(capacity.sum() * judged.step_h),
        }
    )
