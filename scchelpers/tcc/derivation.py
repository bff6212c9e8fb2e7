"""From sorted load to windows: what is restricted, when, and to what cap."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.tcc.cells import HALF_HOURS, Cells, DayTypes, clock_text
from scchelpers.tcc.ratings import rating_by_months
from scchelpers.tcc.windows import COLUMNS
from scchelpers.timebase import LONDON


def derive_windows(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> pd.DataFrame:
    """Derive the windows and caps that keep a network inside its rating.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load of the asset before the new site [kVA] over time, import positive.
    rating_kva : pandas.Series or float
        Rating [kVA] by season of EREC P27 (`Site.rating_kva`), or one for the year.
    requested_kva : float
        Capacity asked for [kVA]: the full request, or an after-diversity figure.
    calendar, day_types, timezone
        How the year is cut, see `Cells.of`.
    **rules
        Of `windows_of`: quantile, margin_kva, growth, years, min_gap, min_length, max_windows,
        min_recovery, cap_step_kva.

    Returns
    -------
    pandas.DataFrame
        One row a window, see `windows_of`. No rows: the request fits at all times.

    Raises
    ------
    UserError
        If an input is missing or out of range.

    Notes
    -----
    Report section 6.2 asks for the analysis and names no method; this one takes quantiles of the
    load in each cell of season, day type and half hour.
    """
    cells = Cells.of(network_kva, calendar=calendar, day_types=day_types, timezone=timezone)
    return windows_of(cells, rating_kva, requested_kva, **rules)


def windows_of(
    cells: Cells,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantile: float = 0.99,
    margin_kva: float = 0.0,
    growth: float = 0.0,
    years: float = 0,
    added_kva: np.ndarray | float = 0.0,
    min_gap: str = "1h",
    min_length: str = "1h",
    max_windows: int = 2,
    min_recovery: str = "0h",
    cap_step_kva: float = 1.0,
) -> pd.DataFrame:
    """Derive windows from load already sorted into cells.

    Parameters
    ----------
    cells : Cells
        Sorted load.
    rating_kva : pandas.Series or float
        Rating [kVA].
    requested_kva : float
        Capacity asked for [kVA].
    quantile : float
        Share of the samples of a cell that the load to plan for is to cover.
    margin_kva : float
        Kept free below the rating [kVA].
    growth, years : float
        Growth of imported load per year (0.02 is 2 %), and for how many years ahead to plan.
    added_kva : ndarray or float
        Further load [kVA] of the shape of the cells or broadcast to it, not grown.
    min_gap : str
        Shorter gaps between restricted half hours are closed.
    min_length : str
        Shorter windows are lengthened, towards the side with less headroom.
    max_windows : int
        Most windows a day; the closest are joined.
    min_recovery : str
        Least time between windows, also over midnight; closer ones are joined.
    cap_step_kva : float
        The cap is rounded down to a multiple of it, never below 0 [kVA].

    Returns
    -------
    pandas.DataFrame
        season, months, day_type, start, end (clock), limit_kva [kVA], headroom_kva (least headroom
        in the window, unrounded, may be negative [kVA]) and samples (fewest days behind one of
        its quantiles). A window over midnight has its end before its start; each instant follows
        the rule of its own day. Where no half hour is free the row is 00:00 to 24:00.

    Raises
    ------
    UserError
        If an input is out of range.
    """
    gap, length = _half_hours(min_gap, "min_gap"), _half_hours(min_length, "min_length")
    gap = max(gap, _half_hours(min_recovery, "min_recovery"))
    _check(requested_kva, margin_kva, growth, years, max_windows, cap_step_kva)
    load_kva = grown(cells.quantile(quantile), growth, years) + added_kva
    headroom_kva = headroom(cells, rating_kva, load_kva, margin_kva)
    restricted = headroom_kva < requested_kva
    rows = []
    for s, d in np.argwhere(restricted.any(axis=-1)):
        free_kva = headroom_kva[s, d]
        for start, size in spans(restricted[s, d], free_kva, gap, length, max_windows):
            here = (start + np.arange(size)) % HALF_HOURS
            least_kva = float(free_kva[here].min())
            steps = math.floor(least_kva / cap_step_kva + 1e-9)
            rows.append(
                (
                    cells.seasons[s],
                    cells.months[s],
                    cells.day_types[d],
                    clock_text(start),
                    clock_text((start + size - 1) % HALF_HOURS + 1),
                    float(max(0.0, steps * cap_step_kva)),
                    least_kva,
                    int(cells.samples[s, d, here].min()),
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def grown(load_kva: np.ndarray, growth: float, years: float) -> np.ndarray:
    """Return load after compound growth; export does not grow, for it would hide load growth."""
    return np.where(load_kva > 0, load_kva * (1 + growth) ** years, load_kva)


def headroom(
    cells: Cells, rating_kva: pd.Series | float, load_kva: np.ndarray, margin_kva: float
) -> np.ndarray:
    """Return rating less margin less load [kVA] over (season, day type, half hour)."""
    ratings = np.array([rating_by_months(rating_kva, months) for months in cells.months])
    return ratings[:, None, None] - margin_kva - load_kva


def spans(
    restricted: np.ndarray, headroom_kva: np.ndarray, gap: int, length: int, most: int
) -> list[tuple[int, int]]:
    """Return the windows of a day as (first half hour, half hours), round the clock.

    Parameters
    ----------
    restricted : ndarray of bool
        48 half hours.
    headroom_kva : ndarray
        Headroom of each [kVA].
    gap, length : int
        Gaps below `gap` half hours are closed; windows below `length` are lengthened.
    most : int
        Most windows.
    """
    whole = [(0, HALF_HOURS)]
    edges = np.flatnonzero(restricted & ~np.roll(restricted, 1))
    if not len(edges):
        return whole if restricted.all() else []
    ends = np.flatnonzero(~restricted & np.roll(restricted, 1))
    found = [(int(e), int(min((ends - e) % HALF_HOURS))) for e in edges]
    found = _joined(found, gap, most)
    found = [_lengthened(span, headroom_kva, length) for span in found]
    found = _joined(found, gap, most)
    return whole if sum(size for _, size in found) >= HALF_HOURS else found


def _joined(found: list[tuple[int, int]], gap: int, most: int) -> list[tuple[int, int]]:
    """Join neighbours round the clock until gaps and number are as asked."""
    found = sorted(found)
    while True:
        gaps = [
            (found[(i + 1) % len(found)][0] - start - size) % HALF_HOURS
            if len(found) > 1
            else HALF_HOURS - size
            for i, (start, size) in enumerate(found)
        ]
        at = int(np.argmin(gaps))
        if gaps[at] >= gap and len(found) <= most:
            return found
        if len(found) == 1:
            return [(0, HALF_HOURS)]
        after = (at + 1) % len(found)
        start, size = found[at]
        merged = (start, size + gaps[at] + found[after][1])
        found = sorted([span for i, span in enumerate(found) if i not in (at, after)] + [merged])
        if merged[1] >= HALF_HOURS:
            return [(0, HALF_HOURS)]


def _lengthened(span: tuple[int, int], headroom_kva: np.ndarray, length: int) -> tuple[int, int]:
    start, size = span
    while size < length:
        before, after = (start - 1) % HALF_HOURS, (start + size) % HALF_HOURS
        if headroom_kva[before] < headroom_kva[after]:
            start = before
        size += 1
    return start, size


def _half_hours(text: str, name: str) -> int:
    try:
        length = pd.Timedelta(text)
    except ValueError:
        length = pd.NaT
    if pd.isna(length) or not pd.Timedelta(0) <= length <= pd.Timedelta("24h"):
        raise UserError(f"{name} = {text!r}: write a length from 0h to 24h such as '90min'")
    return math.ceil(length / timebase.HALF_HOUR)


def _check(requested_kva, margin_kva, growth, years, max_windows, cap_step_kva) -> None:
    for name, value, allowed, sound in (
        ("requested_kva", requested_kva, "above 0", requested_kva > 0),
        ("margin_kva", margin_kva, "0 or more", margin_kva >= 0),
        ("growth", growth, "above -1, per year (0.02 is 2 %)", growth > -1),
        ("years", years, "0 or more", years >= 0),
        ("max_windows", max_windows, "a whole number, 1 or more", max_windows >= 1),
        ("cap_step_kva", cap_step_kva, "above 0", cap_step_kva > 0),
    ):
        if not (sound and math.isfinite(value)):
            raise UserError(f"{name} = {value}: must be {allowed}")
