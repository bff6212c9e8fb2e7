"""The pipeline: from history and the hours before an event to a baseline with its story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scchelpers.baselines.days import Days
from scchelpers.baselines.events import day_index
from scchelpers.baselines.pools import Plan, mean_of_rows
from scchelpers.baselines.rules import Rule, rule_of
from scchelpers.faults import UserError

FLAGS = {
    "short_pool": "fewer days in the history than the rule asks for",
    "no_history": "not one day of history: no baseline",
    "zero_window": "the window is zero in the history, so a ratio is undefined: not adjusted",
    "no_window": "the window of the day is not metered: not adjusted",
    "clipped": "the ratio was clipped",
    "floored": "a negative baseline was raised to zero",
    "capped": "the baseline was lowered to the site's capacity",
}


@dataclass(frozen=True, eq=False)
class Estimates:
    """Baselines of many events under one rule.

    Attributes
    ----------
    baseline_kw, unadjusted_kw : numpy.ndarray over (event, period) [kW]
        NaN past the end of shorter events and where there is no baseline.
    rows : numpy.ndarray over (event, day)
        Rows of the record that were averaged, -1 for none.
    count, oldest_days : numpy.ndarray over (event,)
        How many there are, and how many days ago the oldest was (NaN without any).
    raw, applied : numpy.ndarray over (event,)
        Adjustment before and after bounds: kW where additive, else a factor; NaN for none.
    flags : dict of str to numpy.ndarray of bool
        By the names of `FLAGS`.
    """

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
    rules: Mapping[str, Rule] | list[str],
    *,
    excluded: pd.DatetimeIndex | None = None,
    capacity_kw: float | None = None,
    reference_kw: float | None = None,
) -> dict[str, Estimates]:
    """Estimate the baselines of many events under many rules.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        Columns day, start, periods (`events`).
    rules : mapping of str to Rule, or list of str
        Rules, or their names in `RULES`; nominated baselines are not for here.
    excluded : pandas.DatetimeIndex, optional
        Local days that may not serve as history: event days, outages.
    capacity_kw : float, optional
        Capacity of the site [kW]: a cap on every baseline.
    reference_kw : float, optional
        Fixed reference of the site [kW].

    Returns
    -------
    dict of str to Estimates
    """
    if not isinstance(rules, Mapping):
        rules = {name: rule_of(name) for name in rules}
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
    plan: Plan, rule: Rule, constant_kw: float | None, capacity_kw: float | None
) -> Estimates:
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
    elif rule.kind == "fixed":
        baseline_kw = base_kw = np.full((many, plan.periods), constant_kw)
    else:
        raise UserError(f"rule {rule.label!r}: give nominated baselines to `nominated`")
    flags["floored"] = (baseline_kw < 0).any(axis=1)
    bounded_kw = np.maximum(baseline_kw, 0.0)
    if capacity_kw is not None:
        flags["capped"] = (bounded_kw > capacity_kw).any(axis=1)
        bounded_kw = np.minimum(bounded_kw, capacity_kw)
    there = rows >= 0
    oldest = np.where(there, plan.day[:, None] - rows, -1).max(axis=1, initial=-1)
    return Estimates(
        bounded_kw, base_kw, rows, there.sum(axis=1), np.where(oldest < 0, np.nan, oldest),
        raw, applied, flags,
    )  # fmt: skip


def _adjust(plan: Plan, rule: Rule, base_kw: np.ndarray, rows: np.ndarray):
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


def _same_day(plan: Plan, rule: Rule) -> np.ndarray:
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


def _constant(rule: Rule, capacity_kw: float | None, reference_kw: float | None) -> float | None:
    if rule.kind != "fixed" or rule.constant == "zero":
        return 0.0
    given = {"capacity": capacity_kw, "reference": reference_kw}[rule.constant]
    if given is None:
        raise UserError(f"rule {rule.label!r}: needs {rule.constant}_kw, the constant to use")
    return given


def _assemble(parts: list, many: int, longest: int) -> Estimates:
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
    return Estimates(kw[0], kw[1], rows, count, *scalars[1:], flags)
