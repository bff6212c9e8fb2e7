"""An oracle: whether windows keep rules such as those of section 14a EnWG in Germany."""

from __future__ import annotations

import pandas as pd

from scchelpers import timebase
from scchelpers.report.words import count
from scchelpers.tcc.windows import DAYS, MINUTES, checked, length_min

_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def window_faults(
    windows: pd.DataFrame,
    *,
    max_windows: int | None = None,
    max_duration: str | None = None,
    min_recovery: str | None = None,
) -> list[str]:
    """Return where a table of windows breaks the rules of a contract; nothing where it keeps them.

    Parameters
    ----------
    windows : pandas.DataFrame
        Windows of a connection; rows that touch or overlap are one interruption.
    max_windows : int, optional
        Most interruptions a day.
    max_duration : str, optional
        Longest interruption, such as "120min".
    min_recovery : str, optional
        Least time after an interruption, also over midnight.

    Raises
    ------
    UserError
        If a row cannot be read.

    Notes
    -----
    Such rules are known from interruptible loads in Germany (section 14a EnWG): at most three a
    day, each of 120 minutes at most and followed by 120 minutes without.

    Examples
    --------
    >>> windows = pd.DataFrame({"season": "winter", "day_type": "all",
    ...     "start": ["09:30", "13:00"], "end": ["11:30", "15:00"], "limit_kva": 0.0})
    >>> window_faults(windows, min_recovery="120min")
    ['Month 1, Monday: 90 min after 11:30 is too short a recovery (at least 120 min)']
    """
    rows = checked(windows)
    longest, recovery = (
        None if text is None else pd.Timedelta(text) / pd.Timedelta("1min")
        for text in (max_duration, min_recovery)
    )
    faults: dict[str, str] = {}
    for month in sorted({month for months in rows["months"] for month in months}):
        for day in range(7):
            place = f"Month {month}, {_NAMES[day]}"
            here = rows[
                [month in row.months and day in DAYS[row.day_type] for row in rows.itertuples()]
            ]
            for fault in _day_faults(here, max_windows, longest, recovery):
                faults.setdefault(fault, f"{place}: {fault}")
    return list(faults.values())


def _day_faults(here: pd.DataFrame, most, longest, recovery):
    spans = _interruptions(here)
    if most is not None and len(spans) > most:
        yield f"{count(len(spans), 'interruption')}, more than {most} a day"
    for at, (start, length) in enumerate(spans):
        begin, end = _text(start), _text(start + length)
        if longest is not None and length > longest:
            yield f"{begin}-{end} lasts {length} min (at most {longest:.0f} min)"
        following = spans[(at + 1) % len(spans)][0] + (MINUTES if at == len(spans) - 1 else 0)
        gap = following - start - length
        if recovery is not None and length < MINUTES and gap < recovery:
            yield f"{gap} min after {end} is too short a recovery (at least {recovery:.0f} min)"


def _interruptions(here: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the interruptions of a day as (start, length) [min], joined where they touch."""
    spans = sorted(
        (timebase.minute_of_clock(row.start), length_min(row.start, row.end))
        for row in here.itertuples()
    )
    joined: list[tuple[int, int]] = []
    for start, length in spans:
        if joined and start <= sum(joined[-1]):
            first = joined[-1][0]
            joined[-1] = (first, max(sum(joined[-1]), start + length) - first)
        else:
            joined.append((start, length))
    while len(joined) > 1 and sum(joined[-1]) >= MINUTES + joined[0][0]:
        start, length = joined.pop(0)
        first = joined[-1][0]
        joined[-1] = (first, max(sum(joined[-1]), MINUTES + start + length) - first)
    return joined


def _text(minute: int) -> str:
    minute = minute if minute == MINUTES else minute % MINUTES
    return f"{minute // 60:02d}:{minute % 60:02d}"
