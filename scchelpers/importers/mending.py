"""Faults inside a load series: what was filled, frozen or clipped is marked missing.

The series keeps its place in time; a fault becomes missing, never zero and never a new value.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.portfolio import tables
from scchelpers.timebase import clock

_VARIABLES = ("value", "max", "min")

# A gap of a minute logger may begin with up to this many repeats of the last reading, then zeros.
_REPEATS_BEFORE_ZERO = 15
# Fewer distinct values than this: a coarse meter, whose repeats are no sign of a frozen logger.
_DISTINCT = 200


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return the maximal runs of True as (start, stop).

    Examples
    --------
    >>> _runs(np.array([True, True, False, True]))
    [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _equal_runs(values: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs of equal values, two or longer, as (start, stop); missing equals nothing."""
    same = _runs(values[1:] == values[:-1])
    return [(start, stop + 1) for start, stop in same]


def _frozen_runs(values: np.ndarray, least: int) -> np.ndarray:
    """Mark runs of at least `least` equal values other than zero."""
    marked = np.zeros(len(values), dtype=bool)
    for start, stop in _equal_runs(values):
        if stop - start >= least and values[start] != 0:
            marked[start:stop] = True
    return marked


def _straight_runs(values: np.ndarray, least: int) -> np.ndarray:
    """Mark the inside of straight lines: `least` or more values with second difference zero."""
    marked = np.zeros(len(values), dtype=bool)
    if len(values) < 3 or np.isnan(values).all():
        return marked
    slope = np.diff(values)
    tolerance = 1e-6 * np.nanmax(np.abs(values))
    level = (np.abs(np.diff(slope)) <= tolerance) & (np.abs(slope[1:]) > tolerance)
    for start, stop in _runs(level):
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
    starts = {start for start, _ in _runs(marked)}
    for start, stop in _equal_runs(values):
        if stop in starts:
            marked[max(start, stop - _REPEATS_BEFORE_ZERO) : stop] = True
    return marked


def _poor_extremes(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Tell where the largest and smallest values cannot be believed."""
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


def mend(
    frame: pd.DataFrame,
    step: pd.Timedelta,
    *,
    straight: int,
    frozen: int | None,
    clip: float | None,
    zero_gaps: bool,
) -> tuple[pd.DataFrame, Counter, list[str]]:
    """Mark as missing what was filled, frozen or clipped.

    Parameters
    ----------
    frame : DataFrame
        value, max, min over a regular time index, in the units of the file.
    straight, frozen : int or None
        Least intervals on a straight line, and of one equal value; 0 switches the test off.
    clip : float or None
        Value at which the meter saturates.
    zero_gaps : bool
        Whether zeros are gaps.

    Returns
    -------
    frame : DataFrame
        The series mended.
    mended : Counter
        Intervals marked, by reason.
    notes : list of str
        What was seen and left.
    """
    frame, mended, notes = frame.copy(), Counter(), []
    fine = step <= pd.Timedelta("5min")

    def strike(flags: np.ndarray, reason: str) -> None:
        flags = flags & frame["value"].notna().to_numpy()
        mended[reason] += int(flags.sum())
        frame.loc[flags, list(_VARIABLES)] = np.nan

    values = frame["value"].to_numpy(copy=True)
    marks = {}
    if clip is not None:
        marks[f"clipped at {clip:g}: marked missing"] = values >= clip
    elif np.isfinite(values).any() and fine:
        top = int((values == np.nanmax(values)).sum())
        if top > 100:
            notes.append(
                f"{top} intervals stand exactly at the largest value, {np.nanmax(values):g}: the "
                "meter may saturate there; clip marks them missing"
            )
    if zero_gaps:
        marks["zeros and the repeats before them, a filled gap: marked missing"] = zero_filled(
            values
        )
    elif fine and (values == 0).mean() > 0.01:
        notes.append(
            f"{(values == 0).mean():.1%} of the intervals are exactly zero; if the logger fills "
            "gaps so, zero_gaps marks them missing"
        )
    least = frozen if frozen is not None else max(8, int(pd.Timedelta("30min") / step))
    flags = _frozen_runs(values, least) if least else np.zeros(len(values), dtype=bool)
    coarse = pd.Series(values).nunique() < _DISTINCT
    if frozen is None and coarse and flags.any():
        notes.append(
            f"{int(flags.sum())} intervals repeat one value {least} times or more; kept, for the "
            "meter is coarse; frozen = the least repeats marks them missing"
        )
    else:
        marks[f"frozen, {least} or more equal values: marked missing"] = flags
    if straight:
        marks[
            f"on a straight line over {straight} or more intervals, a filled gap: marked missing"
        ] = _straight_runs(values, straight)
    for reason, flags in marks.items():
        strike(flags, reason)
    frame.loc[frame["value"].isna(), ["max", "min"]] = np.nan
    if frame[["max", "min"]].isna().all(axis=None):
        return frame, +mended, notes
    for reason, flags in _poor_extremes(frame).items():
        both = frame[["max", "min"]]
        mended[reason] += int((flags & both.notna().to_numpy()).any(axis=1).sum())
        frame[["max", "min"]] = both.mask(flags)
    return frame, +mended, notes


def dataset(frame: pd.DataFrame, group: str) -> xr.Dataset:
    """Return a series (value, max, min over UTC starts) as `store.write_loads` takes it."""
    found = {}
    for name, own in zip(tables.LOADS[group], _VARIABLES, strict=False):
        if own == "value" or frame[own].notna().any():
            unit, meaning = tables.LOADS[group][name]
            found[name] = ("time", frame[own].to_numpy(), {"units": unit, "long_name": meaning})
    return xr.Dataset(found, coords={"time": frame.index.to_numpy()})


def peak_hint(load: xr.DataArray) -> str:
    """Say when the winter weekday load peaks: a shift of the clock or the label shows there."""
    total = load.to_series().dropna()
    local = clock(total.index.floor("30min").tz_localize("UTC"))
    winter = np.isin(local.month, (11, 12, 1, 2)) & (local.day_of_week < 5)
    if winter.sum() < 480:
        return ""
    shape = total[winter].groupby(local[winter].strftime("%H:%M")).mean()
    evening = shape[shape.index >= "12:00"]
    if evening.empty:
        return ""
    return (
        f"mean winter weekday peak at {shape.idxmax()}, in the afternoon and evening at "
        f"{evening.idxmax()} of the clock; a British evening peak lies at 17:00 to 18:30"
    )
