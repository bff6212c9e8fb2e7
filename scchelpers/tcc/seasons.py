"""Seasons by the data: which months need the restriction."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers.tcc.cells import Cells, DayTypes
from scchelpers.tcc.derivation import headroom
from scchelpers.tcc.windows import months_of
from scchelpers.timebase import LONDON

FREE = "rest of the year"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def group_months(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantile: float = 0.99,
    margin_kva: float = 0.0,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
) -> dict[int, str]:
    """Return a calendar of seasons made by the months that need the restriction.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, quantile, margin_kva, day_types, timezone
        As in `derive_windows`.

    Returns
    -------
    dict of int to str
        Month to season: runs of months that need a restriction, such as "Nov–Feb" (a single free
        month between two of them is closed), and "rest of the year"; "all year" where all months
        or none need it.

    Notes
    -----
    A month's cell rests on about 20 weekdays, so its 0.99 quantile is close to its highest day.
    """
    monthly = {month: str(month) for month in range(1, 13)}
    cells = Cells.of(network_kva, calendar=monthly, day_types=day_types, timezone=timezone)
    free_kva = headroom(cells, rating_kva, cells.quantile(quantile), margin_kva)
    needs = (free_kva < requested_kva).any(axis=(1, 2))
    needed = {month for month in range(1, 13) if needs[month - 1]}
    needed |= {m for m in range(1, 13) if {_after(m), _before(m)} <= needed}
    if len(needed) in (0, 12):
        return dict.fromkeys(range(1, 13), "all year")
    found = dict.fromkeys(range(1, 13), FREE)
    for first in (month for month in sorted(needed) if _before(month) not in needed):
        run = [first]
        while _after(run[-1]) in needed:
            run.append(_after(run[-1]))
        found |= dict.fromkeys(run, span_name(run))
    return found


def span_name(months) -> str:
    """Return the name of a run of months.

    Examples
    --------
    >>> span_name([11, 12, 1]), span_name([6])
    ('Nov–Jan', 'Jun')
    """
    names = [MONTHS[month - 1] for month in months]
    return names[0] if len(names) == 1 else f"{names[0]}–{names[-1]}"


def season_text(season: str, months: tuple[int, ...] | None = None) -> str:
    """Return a season with its months, for people.

    Examples
    --------
    >>> season_text("winter"), season_text("Nov–Feb", (11, 12, 1, 2))
    ('winter (Dec–Feb)', 'Nov–Feb')
    """
    span = span_name(months or months_of(season))
    return season if season in (span, FREE, "all year") else f"{season} ({span})"


def _before(month: int) -> int:
    return (month - 2) % 12 + 1


def _after(month: int) -> int:
    return month % 12 + 1
