"""The pipeline: from history and the hours before an event to a baseline with its story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from scchelpers.baselines.days import PERIODS, Days, day_index
from scchelpers.faults import UserError, closest

Hours = tuple[float, float]


@dataclass(frozen=True)
class _Rule:
    """One baseline rule."""

    label: str
    source: str
    kind: Literal["history", "same_day", "fixed"] = "history"
    day_classes: Literal["two", "weekends", "three"] = "two"
    lookback_days: int = 60
    skip_days: int = 0
    take: tuple[int, int] = (10, 4)
    keep: tuple[int, int] = (10, 4)
    choose: Literal["recent", "highest", "lowest", "middle"] = "recent"
    rank_on: Literal["event", "day"] = "event"
    low_usage: float | None = None
    adjustment: Literal["additive", "upward", "ratio"] | None = None
    window_h: Hours = (-4.0, -1.0)
    base: Literal["chosen", "pool"] = "chosen"
    clip: Hours | None = None
    before_h: Hours | None = None
    after_h: Hours | None = None
    line: bool = False
    constant: Literal["zero", "capacity", "reference"] = "zero"

    @property
    def sees_after(self) -> bool:
        """Whether the rule uses meter readings from after the event."""
        return self.after_h is not None

    @property
    def reads(self) -> str:
        """Until when the rule reads the meter: "days before", "event start", "after the event"."""
        if self.sees_after:
            return "after the event"
        now = self.kind == "same_day" or self.adjustment is not None
        return "event start" if now else "days before"


_BL01 = _Rule("BL01, unadjusted", "Elexon Baselining Methodology Document (P376)")

_TEN = _Rule(
    "10 in 10",
    "CAISO proxy demand resource",
    day_classes="weekends",
    lookback_days=45,
    adjustment="ratio",
)

_HIGH_5 = _Rule("high 5 of 10", "X of Y family", keep=(5, 2), choose="highest")

_NYISO = _Rule(
    "NYISO high 5 of 10, ratio",
    "NYISO weekday baseline as coded in public",
    day_classes="three",
    lookback_days=30,
    skip_days=1,
    take=(10, 3),
    keep=(5, 2),
    choose="highest",
    adjustment="ratio",
    window_h=(-4.0, -2.0),
    base="pool",
    clip=(0.8, 1.2),
)

_PJM = _Rule(
    "PJM high 4 of 5",
    "PJM economic load response",
    day_classes="three",
    lookback_days=45,
    take=(5, 3),
    keep=(4, 2),
    choose="highest",
    rank_on="day",
)

_MBMA = _Rule(
    "meter before and after",
    "ENA Open Networks",
    kind="same_day",
    before_h=(-1.0, 0.0),
    after_h=(0.0, 1.0),
)

RULES: dict[str, _Rule] = {
    "bl01": _BL01,
    "bl01_additive": replace(_BL01, label="BL01, additive", adjustment="additive"),
    "bl01_highest": replace(
        _BL01, label="BL01 read as highest days", take=(60, 60), choose="highest"
    ),
    "bl01_upward": replace(
        _BL01, label="BL01 days, upward only", source="UI/Eversource", adjustment="upward",
        window_h=(-2.0, -1.0),
    ),
    "caiso": replace(_TEN, label="CAISO 10 in 10, ratio 0.8–1.2", clip=(0.8, 1.2)),
    "caiso_unclipped": replace(_TEN, label="10 in 10, ratio unclipped"),
    "nyiso": _NYISO,
    "nyiso_low_usage": replace(_NYISO, label="NYISO, low-usage days out", low_usage=0.25),
    "pjm": _PJM,
    "pjm_additive": replace(_PJM, label="PJM high 4 of 5, additive", adjustment="additive"),
    "mid_8_of_10": replace(
        _HIGH_5, label="mid 8 of 10", keep=(8, 2), choose="middle"
    ),
    "high_5_of_10": _HIGH_5,
    "high_5_additive": replace(_HIGH_5, label="high 5 of 10, additive", adjustment="additive"),
    "low_5_of_10": replace(_HIGH_5, label="low 5 of 10", choose="lowest"),
    "mbma": _MBMA,
    "mbma_line": replace(_MBMA, label="meter before and after, line", line=True),
    "meter_before": replace(_MBMA, label="meter before", after_h=None),
    "same_day_3_2": replace(
        _MBMA, label="PJM same day, 3 + 2 h", source="PJM", before_h=(-4.0, -1.0),
        after_h=(1.0, 3.0),
    ),
    "zero": _Rule("zero", "ENA Open Networks", kind="fixed"),
    "capacity": _Rule("asset capacity", "DNO baselines by technology", kind="fixed",
                     constant="capacity"),
    "reference": _Rule("fixed reference", "NGED", kind="fixed", constant="reference"),
}  # fmt: skip


def _rule_of(rule: str | _Rule) -> _Rule:
    """Return a rule by its name in `RULES`; a `_Rule` of one's own passes through."""
    if isinstance(rule, _Rule):
        return rule
    if rule in RULES:
        return RULES[rule]
    hint = closest(str(rule), list(RULES)) or f"rules: {', '.join(RULES)}"
    raise UserError(f"rule = {rule!r}: no such baseline rule; {hint}")


class Plan:
    """Events of one clock time and length on a record, and what the rules share about them.

    Parameters
    ----------
    days : Days
        The record.
    day : numpy.ndarray of int
        Row of each event's day.
    start, periods : int
        First half hour of the clock and number of half hours.
    excluded : numpy.ndarray of bool
        Days that may not serve as history (event days, outages).
    """

    def __init__(
        self, days: Days, day: np.ndarray, start: int, periods: int, excluded: np.ndarray
    ) -> None:
        self.days, self.day, self.start, self.periods = days, day, start, periods
        self.event_kw = self.window(0, periods)
        self.mean_kw = self.event_kw.mean(axis=1)
        self.eligible = days.sound & ~excluded & np.isfinite(self.mean_kw)
        self._known: dict[tuple, object] = {}

    def window(self, begin: int, end: int) -> np.ndarray:
        """Return the half hours [kW] from `begin` to `end`, counted from the start, of each day."""
        first = PERIODS + self.start + begin
        return sliding_window_view(self.days.flat, end - begin)[first::PERIODS][: len(self.days)]

    def window_mean(self, begin: int, end: int) -> np.ndarray:
        """Return the mean [kW] of those half hours of each day."""
        return self._once(("window", begin, end), lambda: self.window(begin, end).mean(axis=1))

    def pool(self, rule: _Rule) -> np.ndarray:
        """Return the candidates of each event that the rule ranks.

        Returns
        -------
        numpy.ndarray over (event, candidate)
            Rows of `days`, the most recent first; -1 where there are no more.
        """
        key = ("pool", rule.day_classes, rule.lookback_days, rule.skip_days, rule.take)
        return self._once((*key, rule.low_usage), lambda: self._pool(rule))

    def chosen(self, rule: _Rule) -> np.ndarray:
        """Return the days averaged for each event, as `pool` gives the candidates."""
        rows = self.pool(rule)
        if rule.choose == "recent" and rule.keep == rule.take:
            return rows
        return _choose(rows, self._keys(rule), *self._take_and_keep(rule), rule.choose)

    def short(self, rule: _Rule) -> np.ndarray:
        """Return the events with fewer candidates than the rule asks for."""
        take, keep = self._take_and_keep(rule)
        found = (self.pool(rule) >= 0).sum(axis=1)
        return found < np.where(take < rule.lookback_days, take, keep)

    def base_kw(self, rule: _Rule) -> tuple[np.ndarray, np.ndarray]:
        """Return the unadjusted baseline [kW] over (event, period), and the days behind it."""
        fields = ("day_classes", "lookback_days", "skip_days", "take", "low_usage")
        key = tuple(getattr(rule, f) for f in (*fields, "keep", "choose", "rank_on"))

        def mean():
            rows = self.chosen(rule)
            return mean_of_rows(self.event_kw, rows), rows

        return self._once(("base", *key), mean)

    def _pool(self, rule: _Rule) -> np.ndarray:
        labels = self.days.labels(rule.day_classes)
        # A bank holiday is no example under "weekends", but an event on it still wants some.
        own = np.where(labels < 0, 1, labels)[self.day]
        deep = rule.low_usage is not None
        rows = np.full((len(self.day), rule.lookback_days if deep else max(rule.take)), -1)
        for label in np.unique(own):
            these = own == label
            eligible = np.flatnonzero(self.eligible & (labels == label))
            rows[these] = _most_recent(eligible, self.day[these], rule, rows.shape[1])
        if deep:
            rows = self._without_low_usage(rows, rule)[:, : max(rule.take)]
        rows[np.arange(rows.shape[1]) >= self._take_and_keep(rule)[0][:, None]] = -1
        return rows

    def _without_low_usage(self, rows: np.ndarray, rule: _Rule) -> np.ndarray:
        """Drop days below a share of the highest period of all candidates, in one pass."""
        highest = _with_zero_row(self.event_kw.max(axis=1))[rows].max(axis=1)
        used = (rows >= 0) & (self.mean_kw[rows] >= rule.low_usage * highest[:, None])
        order = np.argsort(~used, axis=1, kind="stable")
        return np.take_along_axis(np.where(used, rows, -1), order, axis=1)

    def _keys(self, rule: _Rule) -> np.ndarray:
        if rule.rank_on == "event":
            return self.mean_kw
        return self._once("daily", lambda: self.days.kw.mean(axis=1))

    def _take_and_keep(self, rule: _Rule) -> tuple[np.ndarray, np.ndarray]:
        working = self.days.working[self.day]
        return np.where(working, *rule.take), np.where(working, *rule.keep)

    def _once(self, key, make):
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def mean_of_rows(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the mean of rows of `values`, by row index, -1 being none; NaN where all are."""
    padded = _with_zero_row(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        count = (rows >= 0).sum(axis=1)
        total = padded[rows[:, 0]].copy() if rows.shape[1] else np.zeros(len(rows))
        for column in range(1, rows.shape[1]):
            total += padded[rows[:, column]]
        return total / count.reshape(-1, *[1] * (total.ndim - 1))


def _with_zero_row(values: np.ndarray) -> np.ndarray:
    """Return the values with a row of zeros at the end, which the index -1 finds."""
    return np.concatenate([values, np.zeros((1, *values.shape[1:]))])


def _most_recent(eligible: np.ndarray, day: np.ndarray, rule: _Rule, many: int) -> np.ndarray:
    """Return the last `many` eligible days before each day, most recent first, -1 for none."""
    before = np.searchsorted(eligible, day - rule.skip_days)
    place = before[:, None] - 1 - np.arange(many)
    rows = np.where(place >= 0, eligible[np.maximum(place, 0)] if len(eligible) else -1, -1)
    return np.where(day[:, None] - rows <= rule.lookback_days, rows, -1)


def _choose(
    rows: np.ndarray, key_kw: np.ndarray, take: np.ndarray, keep: np.ndarray, how: str
) -> np.ndarray:
    """Return `keep` of the `take` candidates, ties by recency: a short pool gives what it has."""
    there = rows >= 0
    count = there.sum(axis=1)
    key = np.where(there, -key_kw[rows] if how == "highest" else key_kw[rows], np.inf)
    order = np.argsort(np.zeros_like(key) if how == "recent" else key, axis=1, kind="stable")
    off = np.where(how == "middle", (take - keep) // 2, 0)
    first = np.where(count > 2 * off, off, 0)
    last = np.where(how == "middle", count - first, np.minimum(keep, count))
    place = np.arange(rows.shape[1])
    kept = (place >= first[:, None]) & (place < last[:, None])
    front = np.argsort(~kept, axis=1, kind="stable")
    ranked = np.where(kept, np.take_along_axis(rows, order, axis=1), -1)
    return np.take_along_axis(ranked, front, axis=1)[:, : keep.max(initial=0)]


_FLAGS = {
    "short_pool": "fewer days in the history than the rule asks for",
    "no_history": "not one day of history: no baseline",
    "zero_window": "the window is zero in the history, so a ratio is undefined: not adjusted",
    "no_window": "the window of the day is not metered: not adjusted",
    "clipped": "the ratio was clipped",
    "floored": "a negative baseline was raised to zero",
    "capped": "the baseline was lowered to the site's capacity",
}


@dataclass(frozen=True, eq=False)
class _Estimates:
    """Baselines of many events under one rule."""

    baseline_kw: np.ndarray
    unadjusted_kw: np.ndarray
    rows: np.ndarray
    count: np.ndarray
    oldest_days: np.ndarray
    raw: np.ndarray
    applied: np.ndarray
    flags: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def mean_kw(self) -> np.ndarray:
        """Mean baseline of each event [kW]; NaN where there is none."""
        return event_mean(self.baseline_kw)


def event_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the periods of each event, NaN for an event without any."""
    there = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(there, values, 0.0).sum(axis=1) / there.sum(axis=1)


def estimate_all(
    days: Days,
    events: pd.DataFrame,
    rules: Mapping[str, _Rule] | list[str],
    *,
    excluded: pd.DatetimeIndex | None = None,
    capacity_kw: float | None = None,
    reference_kw: float | None = None,
) -> dict[str, _Estimates]:
    """Estimate the baselines of many events under many rules.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        Columns day, start, periods (`events`).
    rules : mapping of str to Rule, or list of str
        Rules, or their names in `RULES`.
    excluded : pandas.DatetimeIndex, optional
        Local days that may not serve as history: event days, outages.
    capacity_kw : float, optional
        Capacity of the site [kW]: a cap on every baseline.
    reference_kw : float, optional
        Fixed reference of the site [kW].

    Returns
    -------
    dict of str to Estimates

    See Also
    --------
    score

    Examples
    --------
    >>> from scchelpers import baselines
    >>> import xarray as xr
    >>> time = pd.date_range("2025-01-06", periods=48 * 42, freq="30min")
    >>> days = baselines.by_day(xr.DataArray(np.arange(48.0 * 42) % 48, {"time": time}))
    >>> events = baselines.schedule(days, "17:00", 1.0)
    >>> estimate_all(days, events, ["bl01"])["bl01"].baseline_kw[-1].tolist()
    [34.0, 35.0]
    """
    if not isinstance(rules, Mapping):
        rules = {name: _rule_of(name) for name in rules}
    barred = days.dates.isin(excluded if excluded is not None else [])
    row = day_index(days, events)
    shapes = events.groupby(["start", "periods"], sort=False).indices
    longest = int(events["periods"].max()) if len(events) else 0
    parts: dict[str, list] = {name: [] for name in rules}
    for (start, periods), these in shapes.items():
        plan = Plan(days, row[these], int(start), int(periods), barred)
        for name, rule in rules.items():
            constant_kw = _constant(rule, capacity_kw, reference_kw)
            parts[name].append((these, _estimate(plan, rule, constant_kw, capacity_kw)))
    return {name: _assemble(found, len(events), longest) for name, found in parts.items()}


def _estimate(
    plan: Plan, rule: _Rule, constant_kw: float | None, capacity_kw: float | None
) -> _Estimates:
    many = len(plan.day)
    nothing = np.full(many, np.nan)
    rows = np.full((many, 0), -1)
    raw = applied = nothing
    flags: dict[str, np.ndarray] = {}
    if rule.kind == "history":
        base_kw, rows = plan.base_kw(rule)
        flags = {"short_pool": plan.short(rule), "no_history": (rows < 0).all(axis=1)}
        baseline_kw = base_kw
        if rule.adjustment:
            baseline_kw, raw, applied, more = _adjust(plan, rule, base_kw, rows)
            flags |= more
    elif rule.kind == "same_day":
        baseline_kw = base_kw = _same_day(plan, rule)
    else:
        baseline_kw = base_kw = np.full((many, plan.periods), constant_kw)
    flags["floored"] = (baseline_kw < 0).any(axis=1)
    bounded_kw = np.maximum(baseline_kw, 0.0)
    if capacity_kw is not None:
        flags["capped"] = (bounded_kw > capacity_kw).any(axis=1)
        bounded_kw = np.minimum(bounded_kw, capacity_kw)
    there = rows >= 0
    oldest = np.where(there, plan.day[:, None] - rows, -1).max(axis=1, initial=-1)
    return _Estimates(
        bounded_kw, base_kw, rows, there.sum(axis=1), np.where(oldest < 0, np.nan, oldest),
        raw, applied, flags,
    )  # fmt: skip


def _adjust(plan: Plan, rule: _Rule, base_kw: np.ndarray, rows: np.ndarray):
    begin, end = (round(2 * hours) for hours in rule.window_h)
    by_day = plan.window_mean(begin, end)
    metered = by_day[plan.day]
    before = mean_of_rows(by_day, rows if rule.base == "chosen" else plan.pool(rule))
    flags = {"no_window": ~np.isfinite(metered)}
    if rule.adjustment == "ratio":
        zero = ~(before > 0)
        raw = np.divide(metered, before, out=np.full(len(metered), np.nan), where=~zero)
        applied = raw if rule.clip is None else np.clip(raw, *rule.clip)
        flags |= {"zero_window": zero, "clipped": np.isfinite(raw) & (applied != raw)}
        applied = np.where(np.isfinite(applied), applied, 1.0)
        return base_kw * applied[:, None], raw, applied, flags
    raw = metered - before
    applied = np.where(np.isfinite(raw), raw, 0.0)
    if rule.adjustment == "upward":
        applied = np.maximum(applied, 0.0)
    return base_kw + applied[:, None], raw, applied, flags


def _same_day(plan: Plan, rule: _Rule) -> np.ndarray:
    """Return the mean of the metered windows around each event, or the line through them."""
    begin, end = (round(2 * hours) for hours in rule.before_h)
    before = plan.window(begin, end)[plan.day]
    if rule.after_h is None:
        return np.repeat(before.mean(axis=1)[:, None], plan.periods, axis=1)
    first, last = (plan.periods + round(2 * hours) for hours in rule.after_h)
    after = plan.window(first, last)[plan.day]
    if not rule.line:
        mean = np.concatenate([before, after], axis=1).mean(axis=1)
        return np.repeat(mean[:, None], plan.periods, axis=1)
    centres = (begin + end) / 2, (first + last) / 2
    share = (np.arange(plan.periods) + 0.5 - centres[0]) / (centres[1] - centres[0])
    one, other = before.mean(axis=1), after.mean(axis=1)
    return one[:, None] + (other - one)[:, None] * share


def _constant(rule: _Rule, capacity_kw: float | None, reference_kw: float | None) -> float | None:
    if rule.kind != "fixed" or rule.constant == "zero":
        return 0.0
    given = {"capacity": capacity_kw, "reference": reference_kw}[rule.constant]
    if given is None:
        raise UserError(f"rule {rule.label!r}: needs {rule.constant}_kw, the constant to use")
    return given


def _assemble(parts: list, many: int, longest: int) -> _Estimates:
    """Put the events of all shapes back into their order."""
    if len(parts) == 1 and np.array_equal(parts[0][0], np.arange(many)):
        return parts[0][1]
    names = list(dict.fromkeys(flag for _, part in parts for flag in part.flags))
    widest = max((part.rows.shape[1] for _, part in parts), default=0)
    kw = np.full((2, many, longest), np.nan)
    rows, scalars = np.full((many, widest), -1), np.full((4, many), np.nan)
    flags = {name: np.zeros(many, bool) for name in names}
    for these, part in parts:
        periods = part.baseline_kw.shape[1]
        kw[0, these, :periods], kw[1, these, :periods] = part.baseline_kw, part.unadjusted_kw
        rows[these, : part.rows.shape[1]] = part.rows
        scalars[:, these] = part.count, part.oldest_days, part.raw, part.applied
        for name, values in part.flags.items():
            flags[name][these] = values
    count = np.nan_to_num(scalars[0]).astype(int)
    return _Estimates(kw[0], kw[1], rows, count, *scalars[1:], flags)
