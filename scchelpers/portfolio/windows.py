"""Windows of a timed scheme as one cell of a table holds them.

`nov-feb weekday 16:30-18:30 40; winter weekend 17:00-19:00 55.5`: months, days, clock and cap [kVA]
of each window, windows apart by semicolons. Months are those from and to (both inclusive), one
month, a season of EREC P27, or `all-year`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from scchelpers.faults import UserError, closest
from scchelpers.timebase import SEASONS, minute_of_clock

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAY_TYPES = ("weekday", "saturday", "sunday", "weekend", "all")
_WINDOW = re.compile(r"(\S+) +(\S+) +(\S+?) *[-–] *(\S+) +(\d+(?:\.\d+)?)(?: *kVA)?")
_EXAMPLE = "'nov-feb weekday 16:30-18:30 40'"


def parse(text: str) -> list[dict]:
    """Return the windows of a cell, in the columns that the timed schemes take.

    Parameters
    ----------
    text : str
        Windows, see the module.

    Returns
    -------
    list of dict
        season, months, day_type, start, end, limit_kva [kVA] of each window.

    Raises
    ------
    UserError
        If a window cannot be read.

    Examples
    --------
    >>> parse("nov-feb weekday 16:30-18:30 40")[0]["months"]
    (11, 12, 1, 2)
    """
    windows = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        found = _WINDOW.fullmatch(part)
        if not found:
            raise UserError(f"{part!r}: write months, days, start-end and kVA, such as {_EXAMPLE}")
        season, day_type, start, end, cap = found.groups()
        if day_type.lower() not in DAY_TYPES:
            hint = closest(day_type, DAY_TYPES) or f"one of {', '.join(DAY_TYPES)}"
            raise UserError(f"{part!r}, {day_type!r}: not a day type; {hint}")
        for clock in (start, end):
            minute_of_clock(clock)
        windows.append(
            {
                "season": season.lower(),
                "months": months(season.lower()),
                "day_type": day_type.lower(),
                "start": start,
                "end": end,
                "limit_kva": float(cap),
            }
        )
    return windows


def months(text: str) -> tuple[int, ...]:
    """Return the months that a word or a span names.

    Raises
    ------
    UserError
        If it names none.

    Examples
    --------
    >>> months("winter"), months("sep-oct"), months("jun"), len(months("all-year"))
    ((12, 1, 2), (9, 10), (6,), 12)
    """
    if text == "all-year":
        return tuple(range(1, 13))
    if text in SEASONS.values():
        held = {month for month, season in SEASONS.items() if season == text}
        first = next(month for month in held if (month - 2) % 12 + 1 not in held)
        return tuple((first - 1 + n) % 12 + 1 for n in range(len(held)))
    first, _, last = text.partition("-")
    last = last or first
    if first not in MONTHS or last not in MONTHS:
        words = [*MONTHS, *dict.fromkeys(SEASONS.values()), "all-year"]
        hint = closest(text, words) or f"write such as nov-feb, or one of {', '.join(words[12:])}"
        raise UserError(f"{text!r}: not months; {hint}")
    begin, end = MONTHS.index(first), MONTHS.index(last)
    return tuple((begin + n) % 12 + 1 for n in range((end - begin) % 12 + 1))


def write(windows: Iterable[dict]) -> str:
    """Return windows as one cell holds them.

    Parameters
    ----------
    windows : iterable of dict
        season (a word that `months` reads), day_type, start, end, limit_kva [kVA].

    Examples
    --------
    >>> write(parse("winter  all 16:30-18:30  40.0 kVA"))
    'winter all 16:30-18:30 40'
    """
    return "; ".join(
        f"{w['season']} {w['day_type']} {w['start']}-{w['end']} {w['limit_kva']:g}" for w in windows
    )
