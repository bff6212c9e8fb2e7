"""What a site delivers: how firmly, what it is paid for, and what its rules credit when called.

The charging engine answers a call: charging is held to a floor in the event, and the cars that are
still there catch up after it. So the true reduction is known, and every rule can be judged by what
it credits. The limit of a connection scheme is put on charging the same way: a customer should not
be paid for a reduction that its own flexible connection demands (report, section 9.3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.baselines.days import PERIODS, Days, actual, by_day, day_index, starts_utc
from scchelpers.baselines.matching import RULES, estimate_all, event_mean
from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR, from_clock, grid, in_window, naive_utc


def firm_kw(reduction_kw, reliability: float) -> float:
    """Return the reduction [kW] that is there in at least a share of events; NaN without events.

    The quantile is one of the values seen: interpolation would make a reduction out of a zero. It
    is 0 where the share of events with nothing is 1 - reliability or more.

    Examples
    --------
    >>> firm_kw([0, 2, 10, 18], 0.9), firm_kw([0, 2, 10, 18], 0.7)
    (0.0, 2.0)
    """
    seen = np.asarray(reduction_kw, float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return np.nan
    return float(np.quantile(seen, 1 - reliability, method="inverted_cdf"))


def paid_share(ratio, threshold: float = 0.5, scale: str = "proportional") -> np.ndarray:
    """Return the share of the fee paid for a share of the reduction delivered.

    Parameters
    ----------
    ratio : array-like
        Delivered ÷ committed.
    threshold : float
        Below this nothing is paid.
    scale : "proportional" or "ramp"
        From the threshold to 1: what was delivered, or from nothing to all. Never more than all.

    Raises
    ------
    UserError
        If the scale or the threshold cannot be.

    Examples
    --------
    >>> paid_share([0.4, 0.5, 0.8, 1.3]).tolist()
    [0.0, 0.5, 0.8, 1.0]
    >>> paid_share([0.5, 0.75], scale="ramp").tolist()
    [0.0, 0.5]
    """
    if not 0 <= threshold < 1:
        raise UserError(f"threshold = {threshold}: must be 0 or more and below 1")
    ratio = np.asarray(ratio, float).clip(0, 1)
    if scale == "proportional":
        return np.where(ratio >= threshold, ratio, 0.0)
    if scale == "ramp":
        return ((ratio - threshold) / (1 - threshold)).clip(0)
    raise UserError(f"scale = {scale!r}: write 'proportional' or 'ramp'")


def called(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    days: Days,
    events: pd.DataFrame,
    *,
    floor_kw: float = 0.0,
) -> Days:
    """Return the site's demand when it answers every event by holding to a floor.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Of the site.
    days : Days
        Its record without events; what was missing there stays missing.
    events : pandas.DataFrame
        Calls; they may not overlap.
    floor_kw : float
        Charging power kept in an event [kW].
    """
    if sessions.empty or not len(days):
        return days
    open_kw = float(chargepoints["rated_kw"].sum()) + floor_kw
    starts = naive_utc(starts_utc(days, events))
    ends = starts + events["periods"].to_numpy() * HALF_HOUR.to_timedelta64()
    span = _whole_days(days)
    first = naive_utc([min(span["start"], sessions["plug_in"].min())]) - HALF_HOUR.to_timedelta64()
    edges = np.concatenate([first, starts, ends])
    values = np.repeat([open_kw, floor_kw, open_kw], [1, len(starts), len(ends)])
    # An event that begins as another ends keeps the floor.
    limit = pd.Series(values, edges).groupby(level=0).min().sort_index()
    limit_kw = xr.DataArray(limit.to_numpy(), {"time": limit.index.to_numpy()}, ("time",))
    answered = charging.simulate(
        sessions, limit_kw, step="30min", chargepoints=chargepoints, limit_after="hold", **span
    )
    return _aligned(answered.power_kw, days)


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
        **_whole_days(days),
    )
    known_kw = limit_kw.reindex_like(held.power_kw, method="ffill")
    return _aligned(held.power_kw.where(known_kw == known_kw), days)


def credited(
    free: Days,
    answered: Days,
    events: pd.DataFrame,
    rules: Sequence[str],
    *,
    history: str = "blocked",
    **options,
) -> pd.DataFrame:
    """Return what each rule credits beside what was truly delivered.

    Parameters
    ----------
    free, answered, events : Days, Days, pandas.DataFrame
        Demand without and with the events, and the events.
    rules : sequence of str
        Names in `RULES`.
    history : "blocked" or "open"
        Whether event days are kept out of the history.
    **options
        Of `estimate_all`.

    Returns
    -------
    pandas.DataFrame
        Indexed by rule: delivered_kwh and credited_kwh [kWh an event]; rebound_kwh, the part
        of the credit that is rebound taken for delivery [kWh an event]; credit_share (credited ÷
        delivered); error_kwh (mean absolute error of an event's credit), short_pools (share of
        events with too little history), none (share without a baseline).
    """
    excluded = pd.DatetimeIndex(events["day"]) if history == "blocked" else None
    told, steady = (
        estimate_all(days, events, list(rules), excluded=excluded, **options)
        for days in (answered, only_in_events(free, answered, events))
    )
    hours = events["periods"].to_numpy() / 2
    metered = event_mean(actual(answered, events))
    true_kwh = hours * (event_mean(actual(free, events)) - metered)
    rows = {}
    for rule, found in told.items():
        credit_kwh, without_kwh = (
            hours * np.maximum(kw - metered, 0.0) for kw in (found.mean_kw, steady[rule].mean_kw)
        )
        known = np.isfinite(credit_kwh) & np.isfinite(true_kwh) & np.isfinite(without_kwh)
        short = found.flags.get("short_pool", np.zeros(len(events), bool))
        true, credit = true_kwh[known], credit_kwh[known]
        rows[rule] = {
            "delivered_kwh": true.mean() if known.any() else np.nan,
            "credited_kwh": credit.mean() if known.any() else np.nan,
            "rebound_kwh": (credit_kwh - without_kwh)[known].mean() if known.any() else np.nan,
            "credit_share": credit.sum() / true.sum() if true.sum() > 0 else np.nan,
            "error_kwh": np.abs(credit - true).mean() if known.any() else np.nan,
            "short_pools": short.mean() if len(events) else np.nan,
            "none": (~np.isfinite(found.mean_kw)).mean() if len(events) else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")


def inflation(days: Days, events: pd.DataFrame, rules: Sequence[str], kw: float) -> pd.DataFrame:
    """Return what load added before events on purpose would earn under each rule.

    The load is added in the window that the rule looks at, 4 h to 1 h before where it looks at
    none. Event days are kept out of the history.

    Parameters
    ----------
    days : Days
        Demand without the trick.
    events : pandas.DataFrame
        The events.
    rules : sequence of str
        Names in `RULES`.
    kw : float
        Load added [kW].

    Returns
    -------
    pandas.DataFrame
        Indexed by rule: added_kwh and earned_kwh [kWh an event], and earned_share, the baseline
        energy gained for each kWh added.
    """
    rows = {}
    excluded = pd.DatetimeIndex(events["day"])
    for name in rules:
        rule = RULES[name]
        begin, end = rule.before_h or rule.window_h
        swollen = days.flat.copy()
        at = PERIODS * (1 + day_index(days, events)) + events["start"].to_numpy()
        for half_hour in range(round(2 * begin), round(2 * end)):
            swollen[at + half_hour] += kw
        tricked = days.with_kw(swollen[PERIODS : -2 * PERIODS].reshape(days.kw.shape))
        honest, gamed = (
            estimate_all(d, events, [name], excluded=excluded)[name].mean_kw
            for d in (days, tricked)
        )
        gain_kwh = (gamed - honest) * events["periods"].to_numpy() / 2
        gain_kwh = gain_kwh[np.isfinite(gain_kwh)]
        added_kwh = kw * (end - begin)
        earned_kwh = gain_kwh.mean() if len(gain_kwh) else np.nan
        rows[name] = {
            "added_kwh": added_kwh,
            "earned_kwh": earned_kwh,
            "earned_share": earned_kwh / added_kwh if added_kwh > 0 else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")


def only_in_events(free: Days, answered: Days, events: pd.DataFrame) -> Days:
    """Return the demand with the reductions in events, but without what follows from them."""
    kw = free.flat.copy()
    at = PERIODS * (1 + day_index(free, events)) + events["start"].to_numpy()
    for begin, periods in zip(at, events["periods"], strict=True):
        kw[begin : begin + periods] = answered.flat[begin : begin + periods]
    return free.with_kw(kw[PERIODS : -2 * PERIODS].reshape(free.kw.shape))


def _aligned(power_kw: xr.DataArray, days: Days) -> Days:
    """Return demand on the days of a record, missing where the record is."""
    other = by_day(power_kw, timezone=days.timezone, calendar=days.calendar)
    kw = np.full(days.kw.shape, np.nan)
    shift = (other.first - days.first).days
    first, last = max(shift, 0), min(shift + len(other), len(days))
    kw[first:last] = other.kw[first - shift : last - shift]
    return days.with_kw(np.where(np.isnan(days.kw), np.nan, kw))


def _whole_days(days: Days) -> dict[str, pd.Timestamp]:
    """Return the first and the last instant [UTC] of a record, by the names of `simulate`."""
    edges = [days.first, days.first + pd.Timedelta(days=len(days))]
    return dict(zip(("start", "end"), from_clock(edges, days.timezone)[0], strict=True))
