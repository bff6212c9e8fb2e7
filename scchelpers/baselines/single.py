"""One event: its baseline with the days it rests on, and baselines that the operator nominates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.baselines.days import by_day
from scchelpers.baselines.engine import estimate_all
from scchelpers.baselines.events import single
from scchelpers.baselines.rules import Rule, rule_of
from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR, LONDON, naive_utc, utc_index


@dataclass(frozen=True, eq=False)
class Baseline:
    """What a site would have drawn in one event, by one rule.

    Attributes
    ----------
    baseline_kw, unadjusted_kw : xarray.DataArray over time [kW]
        Half hours of the event, labelled by their start in UTC.
    dates : pandas.DatetimeIndex
        Local days averaged, the first chosen first.
    count : int
        Their number.
    oldest_days : float
        How many days before the event the oldest lies; NaN without any.
    raw, applied : float
        Adjustment before and after bounds, kW where additive, else a factor; NaN for none.
    flags : tuple of str
        Names of `FLAGS` that hold.
    """

    baseline_kw: xr.DataArray
    unadjusted_kw: xr.DataArray
    dates: pd.DatetimeIndex
    count: int
    oldest_days: float
    raw: float
    applied: float
    flags: tuple[str, ...]


def estimate(
    power_kw: xr.DataArray,
    event: tuple,
    rule: str | Rule = "bl01",
    *,
    timezone: str = LONDON,
    calendar: str = "auto",
    excluded=(),
    capacity_kw: float | None = None,
    reference_kw: float | None = None,
) -> Baseline:
    """Estimate what a site would have drawn in one event.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Metered demand [kW] over (time), UTC; NaN is missing, zero is zero.
    event : pair of datetime with zone
        Start and end, on half hours.
    rule : str or Rule
        Name in `RULES`, or a rule of one's own.
    timezone, calendar : str
        As `by_day` takes them.
    excluded : list of days
        Local days that may not serve as history: earlier events, outages.
    capacity_kw, reference_kw : float, optional
        As `estimate_all` takes them.

    Raises
    ------
    UserError
        If the event or the rule cannot be.

    Examples
    --------
    >>> time = pd.date_range("2026-06-01", periods=48 * 30, freq="30min")
    >>> power_kw = xr.DataArray(np.full(len(time), 7.0), {"time": time}, ("time",))
    >>> event = pd.Timestamp("2026-06-24T16:00Z"), pd.Timestamp("2026-06-24T17:00Z")
    >>> found = estimate(power_kw, event, "bl01_additive")
    >>> found.baseline_kw.values.tolist(), found.count, found.oldest_days, found.applied
    ([7.0, 7.0], 10, 14.0, 0.0)
    """
    rule = rule_of(rule)
    event_frame = single(*event, timezone)
    days = by_day(power_kw, timezone=timezone, calendar=calendar)
    found = estimate_all(
        days,
        event_frame,
        {"rule": rule},
        excluded=pd.DatetimeIndex(list(excluded)),
        capacity_kw=capacity_kw,
        reference_kw=reference_kw,
    )["rule"]
    rows = found.rows[0][found.rows[0] >= 0]
    time = naive_utc(pd.date_range(*utc_index(list(event)), freq=HALF_HOUR, inclusive="left"))
    periods = [_over_time(kw[0], time) for kw in (found.baseline_kw, found.unadjusted_kw)]
    return Baseline(
        *periods,
        days.dates[rows],
        int(found.count[0]),
        float(found.oldest_days[0]),
        float(found.raw[0]),
        float(found.applied[0]),
        tuple(name for name, holds in found.flags.items() if holds[0]),
    )


def nominated(nominations: list[tuple], event: tuple, *, deadline) -> tuple[xr.DataArray, int]:
    """Return the operator's own baseline: the last one submitted in time.

    Parameters
    ----------
    nominations : list of (datetime, xarray.DataArray)
        Instant of submission [with zone] and profile [kW] over time (UTC, half hours).
    event : pair of datetime with zone
        Start and end.
    deadline : datetime with zone
        Last instant at which a nomination counts, such as noon of the day before.

    Returns
    -------
    baseline_kw : xarray.DataArray
        Over the half hours of the event; NaN where nothing was submitted in time.
    rejected : int
        Nominations that came too late.

    Raises
    ------
    UserError
        If the deadline is after the start of the event.
    """
    start, end, last = utc_index([*event, deadline])
    if last > start:
        raise UserError(f"deadline = {deadline}: must not be after the start of the event, {start}")
    submitted = utc_index([when for when, _ in nominations]) if nominations else []
    in_time = [k for k, when in enumerate(submitted) if when <= last]
    time = naive_utc(pd.date_range(start, end, freq=HALF_HOUR, inclusive="left"))
    if not in_time:
        return _over_time(np.full(len(time), np.nan), time), len(nominations)
    latest = max(in_time, key=lambda k: submitted[k])
    profile = nominations[latest][1].reindex(time=time)
    return _over_time(profile.to_numpy(), time), len(nominations) - len(in_time)


def _over_time(kw: np.ndarray, time: np.ndarray) -> xr.DataArray:
    return xr.DataArray(kw, {"time": time}, ("time",), "baseline_kw", {"units": "kW"})
