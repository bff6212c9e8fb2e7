"""The meter of a connection: import and limit over time, and their means."""

from __future__ import annotations

import bisect
import math

KEPT_S = 8 * 86400.0


class Meter:
    """Samples of import and applied limit; each holds until the next, but not over a gap.

    Parameters
    ----------
    gap_s : float
        A sample says nothing of what is later than this [s].

    Examples
    --------
    >>> meter = Meter(gap_s=60.0)
    >>> for at, kw in ((0.0, 10.0), (30.0, 20.0), (60.0, 0.0)):
    ...     meter.add(at, kw, limit_kw=50.0)
    >>> meter.mean(0.0, 60.0), meter.mean(600.0, 660.0)
    (15.0, nan)
    """

    def __init__(self, gap_s: float = 60.0):
        self.gap_s = gap_s
        self._at: list[float] = []
        self._kw: list[float] = []
        self._limit_kw: list[float] = []

    def add(self, at: float, kw: float, limit_kw: float) -> None:
        """Take a sample of import and limit [kW]; one that is not after the last is left out."""
        if self._at and at <= self._at[-1]:
            return
        self._at.append(at)
        self._kw.append(kw)
        self._limit_kw.append(limit_kw)
        if self._at[0] < at - 1.1 * KEPT_S:  # now and then, not at each sample
            first = bisect.bisect_left(self._at, at - KEPT_S)
            del self._at[:first], self._kw[:first], self._limit_kw[:first]

    def mean(self, start: float, end: float) -> float:
        """Return the mean import of what is known of [start, end) [kW]; NaN where nothing is."""
        return self._over(start, end)["mean"]

    def rows(self, start: float, end: float, length: float) -> list[tuple[float, dict]]:
        """Return the starts of intervals and what is known of each.

        Returns
        -------
        list of (float, dict)
            mean, peak and limit [kW], the limit being the lowest; covered, the share of the
            interval that samples cover.
        """
        many = math.ceil((end - start) / length)
        starts = (start + k * length for k in range(many))
        return [(at, self._over(at, min(at + length, end))) for at in starts]

    def _over(self, start: float, end: float) -> dict:
        first = max(0, bisect.bisect_right(self._at, start) - 1)
        last = bisect.bisect_left(self._at, end)
        held = weighted = 0.0
        peak, limit = -math.inf, math.inf
        for k in range(first, last):
            until = self._at[k + 1] if k + 1 < len(self._at) else math.inf
            seconds = min(until, self._at[k] + self.gap_s, end) - max(self._at[k], start)
            if seconds > 0:
                held += seconds
                weighted += seconds * self._kw[k]
                peak, limit = max(peak, self._kw[k]), min(limit, self._limit_kw[k])
        if not held:
            return {"mean": math.nan, "peak": math.nan, "limit": math.nan, "covered": 0.0}
        covered = min(1.0, held / (end - start))
        return {"mean": weighted / held, "peak": peak, "limit": limit, "covered": covered}
