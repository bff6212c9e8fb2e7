"""Printed stamps taken apart, and the styles in which their dates can be read."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

# Style, the likelier first -> order of the printed fields, and whether day and month are exchanged
# wherever the day is 12 or less (what a spreadsheet of another locale makes of a date).
STYLES = {
    "iso": ("ymd", False),
    "day-first": ("dmy", False),
    "month-first": ("mdy", False),
    "iso-swapped": ("ymd", True),
    "day-first-swapped": ("dmy", True),
    "month-first-swapped": ("mdy", True),
    "year-day-month": ("ydm", False),
}
SAYS = {
    "iso": "year-month-day",
    "day-first": "day-month-year",
    "month-first": "month-day-year",
    "iso-swapped": "year-month-day, day and month exchanged where the day is 12 or less",
    "day-first-swapped": "day-month-year, day and month exchanged where the day is 12 or less",
    "month-first-swapped": "month-day-year, day and month exchanged where the day is 12 or less",
    "year-day-month": "year-day-month",
    "named-month": "months by name",
}  # fmt: skip
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?"
_DATE = (
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[- /.]*[A-Za-z]{3,9}[- /.,]*\d{2,4}"
    r"|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
_STAMP = re.compile(
    rf"(?:[A-Za-z]{{3,9}}, )?(?P<date>{_DATE})(?:[T ,]+(?P<time>{_TIME}))?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)
_NAMED = re.compile(r"(?P<d>\d{1,2})\W*(?P<m>[A-Za-z]{3,9})\W*(?P<y>\d{2,4})")
_NAMED_US = re.compile(r"(?P<m>[A-Za-z]{3,9}) (?P<d>\d{1,2}),? (?P<y>\d{4})")


@dataclass(frozen=True)
class Stamps:
    """Stamps of one column, taken apart: printed date, time of day and offset from UTC."""

    date: pd.Series
    time: pd.Series
    offset: pd.Series

    def only(self, which: pd.Series) -> Stamps:
        """Return some of the stamps."""
        return Stamps(self.date[which], self.time[which], self.offset[which])

    def on(self, days: dict[str, pd.Timestamp]) -> pd.Series:
        """Return the stamps on the clock of the wall, given the day of each printed date."""
        return pd.to_datetime(self.date.map(days)) + self.time


def split(texts: pd.Series, times: pd.Series | None = None) -> Stamps:
    """Take printed stamps apart; the time of day may stand in a column of its own.

    Parameters
    ----------
    texts : pandas.Series of str
        Dates or dates with times.
    times : pandas.Series of str, optional
        Times of day; then any time or offset printed with the date is passed over.

    Returns
    -------
    Stamps
        Of the index of `texts`; what cannot be read is missing.
    """
    parts = {text: _STAMP.fullmatch(text) for text in texts.unique()}
    date = texts.map({t: m["date"] for t, m in parts.items() if m})
    if times is None:
        time = texts.map({t: time_of_day(m["time"] or "") for t, m in parts.items() if m})
        offset = texts.map({t: _offset(m["zone"]) for t, m in parts.items() if m})
    else:
        time = times.map({t: time_of_day(t) for t in times.unique()})
        offset = pd.Series(pd.NaT, index=texts.index)
    lengths = (
        part.to_numpy(dtype="timedelta64[ns]", na_value=np.timedelta64("NaT"))
        for part in (time, offset)
    )
    return Stamps(date, *(pd.Series(part, index=texts.index) for part in lengths))


def says(style: str) -> str:
    """Return what a style, or several joined by "+", is in words."""
    return ", ".join(SAYS[part.strip()] for part in style.split("+"))


def time_of_day(text: str) -> pd.Timedelta:
    """Return a printed time of day, also at the end of a date; NaT if there is none.

    Examples
    --------
    >>> time_of_day("10:05 PM"), time_of_day("1899-12-30T22:12:30")
    (Timedelta('0 days 22:05:00'), Timedelta('0 days 22:12:30'))
    """
    found = re.search(rf"(?:^|[T ]){_TIME}Z?$", text.strip())
    if not found:
        return pd.NaT
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    half = (found[4] or "").lower()
    if half:
        hour = hour % 12 + 12 * (half == "p")
    if hour > 23 or minute > 59 or second > 59:
        return pd.NaT
    return pd.Timedelta(hours=hour, minutes=minute, seconds=second)


def _offset(text: str | None) -> pd.Timedelta:
    if not text:
        return pd.NaT
    digits = re.sub(r"\D", "", text).ljust(4, "0")
    length = pd.Timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -length if text.startswith("-") else length


class Printed:
    """Distinct printed dates of a file, by layout, ready to be read in any style."""

    def __init__(self, texts):
        self.texts = pd.Index(pd.unique(pd.Series(texts).dropna()), dtype=object)
        named = {t: _NAMED.fullmatch(t) or _NAMED_US.fullmatch(t) for t in self.texts}
        self.named = {t: m for t, m in named.items() if m}
        numeric = [t for t in self.texts if t not in self.named]
        fields = {t: tuple(int(f) for f in re.findall(r"\d+", t)) for t in numeric}
        self.layouts = {
            "year first": {t: f for t, f in fields.items() if f[0] > 31},
            "year last": {t: f for t, f in fields.items() if f[0] <= 31},
        }

    def styles(self) -> list[tuple[str, ...]]:
        """Return every reading that the layouts allow: one style for each layout present."""
        allowed = []
        for layout, year in (("year first", 0), ("year last", 2)):
            texts = self.layouts[layout]
            if texts:
                near = [s for s, (order, _) in STYLES.items() if order.index("y") == year]
                allowed.append([s for s in near if self._plausible(texts, s)])
        return list(itertools.product(*allowed))

    def _plausible(self, texts: dict, style: str) -> bool:
        # A few corrupt rows must not rule a style out; a wrong style fails on most days above 12.
        order = STYLES[style][0]
        month = np.array([fields[order.index("m")] for fields in texts.values()])
        return bool((month > 12).mean() <= 0.01)

    def read(self, styles: tuple[str, ...]) -> dict[str, pd.Timestamp]:
        """Return the calendar date of every printed date; NaT where there is none such."""
        rows = []
        for text, found in self.named.items():
            month = found["m"][:3].lower()
            number = MONTHS.index(month) + 1 if month in MONTHS else 0
            rows.append((text, int(found["y"]), number, int(found["d"])))
        for style in styles:
            order, swapped = STYLES[style]
            layout = "year first" if order[0] == "y" else "year last"
            for text, fields in self.layouts[layout].items():
                year, month, day = (fields[order.index(part)] for part in "ymd")
                if swapped and day <= 12:
                    month, day = day, month
                rows.append((text, year, month, day))
        table = pd.DataFrame(rows, columns=["text", "year", "month", "day"])
        table["year"] += 2000 * (table["year"] < 100)
        dates = pd.to_datetime(table[["year", "month", "day"]], errors="coerce")
        return dict(zip(table["text"], dates, strict=True))


def exchanged(texts: pd.Series, style: str, days: dict[str, pd.Timestamp]) -> pd.Series:
    """Return which printed dates had day and month exchanged, given the style found."""
    plain = tuple(part.strip().removesuffix("-swapped") for part in style.split("+"))
    if not any(part.strip().endswith("-swapped") for part in style.split("+")):
        return pd.Series(False, index=texts.index)
    as_printed = Printed(texts).read(plain)
    differ = {t for t, day in as_printed.items() if pd.notna(days[t]) and day != days[t]}
    return texts.isin(differ)
