"""Faults inside a load series: what was filled, frozen or clipped is marked missing.

The series keeps its place in time; a fault becomes missing, never zero and never a new value.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

# A gap of a minute logger may begin with up to this many repeats of the last reading, then zeros.
REPEATS_BEFORE_ZERO = 15
# Fewer distinct values than this: a coarse meter, whose repeats are no sign of a frozen logger.
DISTINCT = 200


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return the maximal runs of True as (start, stop).

    Examples
    --------
    >>> runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def equal_runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs of equal values, two or longer, as (start, stop); missing equals nothing."""
    same = runs(values[1:] == values[:-1])
    return [(start, stop + 1) for start, stop in same]


def frozen(values: np.ndarray, least: int) -> np.ndarray:
    """Mark runs of at least `least` equal values other than zero.

    Zero is left alone: a closed site and a panel at night truly stand at zero.

    Examples
    --------
    >>> frozen(np.array([1.0, 2, 2, 2, 0, 0, 0]), 3).astype(int).tolist()
    [0, 1, 1, 1, 0, 0, 0]
    """
    marked = np.zeros(len(values), dtype=bool)
    for start, stop in equal_runs(values):
        if stop - start >= least and values[start] != 0:
            marked[start:stop] = True
    return marked


def straight(values: np.ndarray, least: int) -> np.ndarray:
    """Mark the inside of straight lines: `least` or more values with second difference zero.

    Gaps filled by linear interpolation look so; the two ends were measured and are kept. Level
    lines are `frozen`'s.

    Examples
    --------
    >>> straight(np.array([5.0, 1, 2, 3, 4, 5, 9]), 3).astype(int).tolist()
    [0, 0, 1, 1, 1, 0, 0]
    """
    marked = np.zeros(len(values), dtype=bool)
    if len(values) < 3 or np.isnan(values).all():
        return marked
    slope = np.diff(values)
    tolerance = 1e-6 * np.nanmax(np.abs(values))
    level = (np.abs(np.diff(slope)) <= tolerance) & (np.abs(slope[1:]) > tolerance)
    for start, stop in runs(level):
        if stop - start >= least:
            marked[start + 1 : stop + 1] = True
    return marked


def zero_filled(values: np.ndarray) -> np.ndarray:
    """Mark zeros and up to 15 equal values just before them: how some loggers fill a gap.

    Examples
    --------
    >>> zero_filled(np.array([3.0, 7, 7, 0, 0, 5])).astype(int).tolist()
    [0, 1, 1, 1, 1, 0]
    """
    marked = values == 0
    starts = {start for start, _ in runs(marked)}
    for start, stop in equal_runs(values):
        if stop in starts:
            marked[max(start, stop - REPEATS_BEFORE_ZERO) : stop] = True
    return marked


def poor_extremes(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Tell where the largest and smallest values cannot be believed.

    Parameters
    ----------
    frame : DataFrame
        value, max, min over a regular time index.

    Returns
    -------
    dict of str to (n, 2) bool arrays
        Reason to marks for (max, min).
    """
    value, high, low = (frame[name].to_numpy() for name in ("value", "max", "min"))
    known = np.isfinite(value) & np.isfinite(high) & np.isfinite(low)
    slack = 1e-6 * np.nanmax(np.abs(value), initial=0.0)
    with np.errstate(invalid="ignore"):
        crossed = known & ((high < value - slack) | (low > value + slack))
        # One reading: largest = mean = smallest. Two: the mean lies exactly midway. Neither
        # tells the spread of the minutes; a stretch at the start with many of them is left out.
        few = known & (np.abs(high + low - 2 * value) <= 1e-9 * np.abs(value) + 1e-12)
        lone = known & (low < 0) & (np.nanmin(value, initial=np.inf) > 0)
        # One reading is sure; a mean midway may be chance, and so counts less.
        one = known & (high == low)
    score = np.cumsum(np.select([one, few], [1.0, 0.2], -0.1))
    early = np.zeros(len(value), dtype=bool)
    if len(score) and score.max() > 10:
        early[: int(score.argmax()) + 1] = True
    early &= np.isfinite(high) | np.isfinite(low)
    both = np.ones((1, 2), dtype=bool)
    found = {
        "largest/smallest from one or two readings, at the start: left out": early[:, None] & both,
        "largest below or smallest above the mean: left out": crossed[:, None] & both,
    }
    if 0 < lone.sum() <= 3:
        found["lone negative smallest value where no mean is: left out"] = np.c_[lone & False, lone]
    return found
