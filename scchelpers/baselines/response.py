"""What a real event does: the site's response, its rebound, and what each rule would credit.

The charging engine answers the call: charging is held to a floor in the event, and the cars that
are still there catch up after it. So the true reduction is known, and every rule can be judged by
what it credits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.baselines.days import PERIODS, Days, actual, by_day, day_index, schedule, starts_utc
from scchelpers.baselines.delivery import deliverable
from scchelpers.baselines.matching import RULES, estimate_all, event_mean
from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR, from_clock, grid, in_window, naive_utc

REBOUND_H = 4

FREQUENCIES = (0.5, 1.0, 2.0, 3.0, 5.0)


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
    span = whole_days(days)
    first = naive_utc([min(span["start"], sessions["plug_in"].min())]) - HALF_HOUR.to_timedelta64()
    edges = np.concatenate([first, starts, ends])
    values = np.repeat([open_kw, floor_kw, open_kw], [1, len(starts), len(ends)])
    # An event that begins as another ends keeps the floor.
    limit = pd.Series(values, edges).groupby(level=0).min().sort_index()
    limit_kw = xr.DataArray(limit.to_numpy(), {"time": limit.index.to_numpy()}, ("time",))
    answered = charging.simulate(
        sessions, limit_kw, step="30min", chargepoints=chargepoints, limit_after="hold", **span
    )
    return aligned(answered.power_kw, days)


def aligned(power_kw: xr.DataArray, days: Days) -> Days:
    """Return demand on the days of a record, missing where the record is."""
    other = by_day(power_kw, timezone=days.timezone, calendar=days.calendar)
    kw = np.full(days.kw.shape, np.nan)
    shift = (other.first - days.first).days
    first, last = max(shift, 0), min(shift + len(other), len(days))
    kw[first:last] = other.kw[first - shift : last - shift]
    return days.with_kw(np.where(np.isnan(days.kw), np.nan, kw))


def whole_days(days: Days) -> dict[str, pd.Timestamp]:
    """Return the first and the last instant [UTC] of a record, by the names of `simulate`."""
    edges = [days.first, days.first + pd.Timedelta(days=len(days))]
    return dict(zip(("start", "end"), from_clock(edges, days.timezone)[0], strict=True))


def rebound(free: Days, answered: Days, events: pd.DataFrame) -> pd.Series:
    """Return the energy reduced in events and taken back in the four hours after.

    Returns
    -------
    pandas.Series
        reduced_kwh and rebound_kwh [kWh, all events], and rebound_share of what was reduced.
    """
    after = events.assign(start=events["start"] + events["periods"], periods=2 * REBOUND_H)
    reduced = np.nansum(actual(free, events) - actual(answered, events)) / 2
    back = np.nansum(actual(answered, after) - actual(free, after)) / 2
    share = back / reduced if reduced > 0 else np.nan
    return pd.Series({"reduced_kwh": reduced, "rebound_kwh": back, "rebound_share": share})


def only_in_events(free: Days, answered: Days, events: pd.DataFrame) -> Days:
    """Return the demand with the reductions in events, but without what follows from them."""
    kw = free.flat.copy()
    at = PERIODS * (1 + day_index(free, events)) + events["start"].to_numpy()
    for begin, periods in zip(at, events["periods"], strict=True):
        kw[begin : begin + periods] = answered.flat[begin : begin + periods]
    return free.with_kw(kw[PERIODS : -2 * PERIODS].reshape(free.kw.shape))


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
    free, answered : Days
        Demand without and with the events.
    events : pandas.DataFrame
        The events.
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


def erosion(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    days: Days,
    rules: Sequence[str],
    when: Mapping[str, object],
    *,
    floor_kw: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how frequent dispatch wears out a baseline that is taken from history.

    Parameters
    ----------
    sessions, chargepoints, days
        As `called` takes them.
    rules : sequence of str
        Names in `RULES`.
    when : mapping
        start, hours and on, as `schedule` takes them.
    floor_kw : float
        Charging power kept in an event [kW].
    seed : int
        Seed of the days drawn.

    Returns
    -------
    pandas.DataFrame
        Indexed by (history, rule, per_week): credit_share and short_pools, as `credited`.
    """
    parts = []
    free = called(sessions, chargepoints, days, schedule(days, **when).iloc[:0], floor_kw=floor_kw)
    for per_week in FREQUENCIES:
        events = schedule(days, **when, per_week=per_week, seed=seed)
        if events.empty:
            continue
        answered = called(sessions, chargepoints, days, events, floor_kw=floor_kw)
        for history in ("open", "blocked"):
            found = credited(free, answered, events, rules, history=history)
            parts.append(found.assign(history=history, per_week=per_week))
    if not parts:
        return pd.DataFrame(columns=["credit_share", "short_pools"])
    frame = pd.concat(parts).set_index(["history", "per_week"], append=True)
    return frame.reorder_levels(["history", "rule", "per_week"])[["credit_share", "short_pools"]]


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


NEGLIGIBLE_KW = 1e-3  # rounding of the engine, not a limit at work


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
        **whole_days(days),
    )
    known_kw = limit_kw.reindex_like(held.power_kw, method="ffill")
    return aligned(held.power_kw.where(known_kw == known_kw), days)


def net_of_scheme(
    free: Days, limited: Days, events: pd.DataFrame, *, floor_kw: float = 0.0
) -> pd.DataFrame:
    """Return, for each event, the volume that could be sold and the volume the scheme holds.

    Parameters
    ----------
    free, limited : Days
        Demand without and under the limit of the scheme.
    events : pandas.DataFrame
        The events.
    floor_kw : float
        Kept for drivers in an event [kW].

    Returns
    -------
    pandas.DataFrame
        A row an event [kW]: gross_kw, demand above the floor without the scheme; held_kw, what the
        scheme holds back of it half hour by half hour; moved_kw, charging that it moved into the
        event from other hours; sellable_kw = gross - held + moved.

    Raises
    ------
    UserError
        If the two records do not lie on the same days.
    """
    if free.first != limited.first or len(free) != len(limited):
        raise UserError("free and limited must be the same days; align the records first")
    without, under = (deliverable(actual(days, events), floor_kw) for days in (free, limited))
    change_kw = under - without
    change_kw[np.abs(change_kw) < NEGLIGIBLE_KW] = 0.0
    parts = {
        "gross_kw": without,
        "held_kw": np.maximum(-change_kw, 0.0),
        "moved_kw": np.maximum(change_kw, 0.0),
        "sellable_kw": under,
    }
    return pd.DataFrame({name: event_mean(kw) for name, kw in parts.items()})
