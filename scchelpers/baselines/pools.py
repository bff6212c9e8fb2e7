"""Which days serve as history: candidates, the most recent of them, and those averaged.

All events of one clock time and length are worked out together: candidates are looked up in the
list of eligible days, ranked in one stable sort, and gathered. There is no loop over days.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scchelpers.baselines.days import PERIODS, Days
from scchelpers.baselines.rules import Rule


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

    def pool(self, rule: Rule) -> np.ndarray:
        """Return the candidates of each event that the rule ranks.

        Returns
        -------
        numpy.ndarray over (event, candidate)
            Rows of `days`, the most recent first; -1 where there are no more.
        """
        key = ("pool", rule.day_classes, rule.lookback_days, rule.skip_days, rule.take)
        return self._once((*key, rule.low_usage), lambda: self._pool(rule))

    def chosen(self, rule: Rule) -> np.ndarray:
        """Return the days averaged for each event, as `pool` gives the candidates."""
        rows = self.pool(rule)
        if rule.choose == "recent" and rule.keep == rule.take:
            return rows
        return _choose(rows, self._keys(rule), *self._take_and_keep(rule), rule.choose)

    def short(self, rule: Rule) -> np.ndarray:
        """Return the events with fewer candidates than the rule asks for."""
        take, keep = self._take_and_keep(rule)
        found = (self.pool(rule) >= 0).sum(axis=1)
        return found < np.where(take < rule.lookback_days, take, keep)

    def base_kw(self, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
        """Return the unadjusted baseline [kW] over (event, period), and the days behind it."""
        fields = ("day_classes", "lookback_days", "skip_days", "take", "low_usage")
        key = tuple(getattr(rule, f) for f in (*fields, "keep", "choose", "rank_on"))

        def mean():
            rows = self.chosen(rule)
            return mean_of_rows(self.event_kw, rows), rows

        return self._once(("base", *key), mean)

    def _pool(self, rule: Rule) -> np.ndarray:
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

    def _without_low_usage(self, rows: np.ndarray, rule: Rule) -> np.ndarray:
        """Drop days below a share of the highest period of all candidates, in one pass."""
        highest = _with_zero_row(self.event_kw.max(axis=1))[rows].max(axis=1)
        used = (rows >= 0) & (self.mean_kw[rows] >= rule.low_usage * highest[:, None])
        order = np.argsort(~used, axis=1, kind="stable")
        return np.take_along_axis(np.where(used, rows, -1), order, axis=1)

    def _keys(self, rule: Rule) -> np.ndarray:
        if rule.rank_on == "event":
            return self.mean_kw
        return self._once("daily", lambda: self.days.kw.mean(axis=1))

    def _take_and_keep(self, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
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


def _most_recent(eligible: np.ndarray, day: np.ndarray, rule: Rule, many: int) -> np.ndarray:
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
