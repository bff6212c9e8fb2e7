"""What a site delivers: how firmly, and what its rules credit when called.

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
from scipy.stats import binom
from statsmodels.tsa.stattools import acf

from scchelpers import charging
from scchelpers.baselines.days import PERIODS, Days, actual, aligned, day_index, starts_utc
from scchelpers.baselines.matching import RULES, estimate_all, event_mean
from scchelpers.timebase import HALF_HOUR, from_clock, naive_utc

_MEMORY = 60  # events after which one is taken to say nothing of another


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


def firm_range(
    reduction: pd.Series, reliability: float = 0.9, *, level: float = 0.9
) -> tuple[float, float]:
    """Return the interval of a firm reduction [kW], from the events on record.

    Parameters
    ----------
    reduction : Series by day [kW]
        What could have been reduced in each event.
    reliability : float
        As of `firm_kw`.
    level : float
        Of the interval.

    Returns
    -------
    low, high : float
        NaN without events. The lower end is 0 where too few events are on record to exclude it.

    Notes
    -----
    The rank of a quantile follows the binomial law if events do not depend on each other. What is
    short on one day is often short on the next, so the number of events is taken as smaller, by
    their autocorrelation (initial positive sequence; Geyer 1992).

    Examples
    --------
    >>> days = pd.date_range("2026-01-01", periods=100)
    >>> firm_range(pd.Series(np.arange(100.0), days).sample(frac=1, random_state=1).set_axis(days))
    (4.0, 15.0)
    """
    seen = reduction.dropna().sort_index()
    if seen.empty:
        return np.nan, np.nan
    fails = (seen <= firm_kw(seen, reliability)).to_numpy(float)
    many = max(len(seen) / _resemblance(fails), 1.0)
    ends = [(1 - level) / 2, (1 + level) / 2]
    ranks = binom.ppf(ends, round(many), 1 - reliability) * len(seen) / many
    kw = np.sort(seen.to_numpy())
    low, high = int(ranks[0]), int(min(np.ceil(ranks[1]), len(kw) - 1))
    return float(kw[low - 1]) if low else 0.0, float(kw[high])


def _resemblance(fails: np.ndarray) -> float:
    """Return how many events that follow each other say as much as one that stands alone."""
    if np.ptp(fails) == 0 or len(fails) < 4:
        return 1.0
    apart = acf(fails, nlags=min(_MEMORY, len(fails) - 2), fft=True)[1:]
    pairs = apart[0:-1:2] + apart[1::2]
    pairs = pairs[: np.argmax(pairs <= 0)] if (pairs <= 0).any() else pairs
    return max(1.0, 1.0 + 2.0 * float(pairs.sum()))


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

    Examples
    --------
    >>> from scchelpers import baselines
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> days = baselines.site_days(site)
    >>> events = baselines.schedule(days, "17:00", 1.0)
    >>> answered = called(site.sessions, site.chargepoints, days, events)
    >>> float(np.nansum(baselines.actual(answered, events)))
    0.0
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
    return aligned(answered.power_kw, days)


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

    Examples
    --------
    >>> from scchelpers import baselines
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> time = pd.date_range("2024-12-30", "2026-01-05", freq="30min")
    >>> limit_kw = xr.DataArray(np.full(len(time), 5.0), {"time": time}, ("time",))
    >>> days = under_limit(site.sessions, site.chargepoints, baselines.site_days(site), limit_kw)
    >>> bool(np.nanmax(days.kw) <= 5.0 + 1e-9)
    True
    """
    if sessions.empty or not len(days):
        return days
    held = charging.simulate(
        sessions,
        limit_kw,
        step="30min",
        chargepoints=chargepoints,
        limit_after="hold",
        limit_missing="unjudged",
        **_whole_days(days),
    )
    known_kw = limit_kw.reindex_like(held.power_kw, method="ffill")
    return aligned(held.power_kw.where(known_kw == known_kw), days)


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

    Examples
    --------
    >>> from scchelpers import baselines
    >>> time = pd.date_range("2025-01-06", periods=48 * 42, freq="30min")
    >>> days = baselines.by_day(xr.DataArray(np.full(48 * 42, 8.0), {"time": time}))
    >>> events = baselines.schedule(days, "17:00", 1.0, per_week=1)
    >>> credited(days, days, events, ["bl01"])["delivered_kwh"].to_dict()
    {'bl01': 0.0}
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

    Examples
    --------
    >>> from scchelpers import baselines
    >>> time = pd.date_range("2025-01-06", periods=48 * 42, freq="30min")
    >>> days = baselines.by_day(xr.DataArray(np.full(48 * 42, 8.0), {"time": time}))
    >>> events = baselines.schedule(days, "17:00", 1.0, per_week=1)
    >>> inflation(days, events, ["bl01", "bl01_additive"], 2.0)["earned_kwh"].to_dict()
    {'bl01': 0.0, 'bl01_additive': 2.0}
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


def _whole_days(days: Days) -> dict[str, pd.Timestamp]:
    """Return the first and the last instant [UTC] of a record, by the names of `simulate`."""
    edges = [days.first, days.first + pd.Timedelta(days=len(days))]
    return dict(zip(("start", "end"), from_clock(edges, days.timezone)[0], strict=True))
