"""Which date style a file is written in: told from the file itself, or refused."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import UserError, closest

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
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
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
# A stay beyond this is more likely a misread date than a car, when styles are weighed [days].
_LONG_STAY = pd.Timedelta("2D")


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
            number = _MONTHS.index(month) + 1 if month in _MONTHS else 0
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


@dataclass(frozen=True)
class Reading:
    """A file read in one style, with what speaks against it."""

    styles: tuple[str, ...]
    days: dict[str, pd.Timestamp]
    changes: int
    against: int
    newest_first: bool
    bad_ends: int
    outside: int
    span: int

    @property
    def ordered(self) -> bool:
        """Whether the rows stand in the order of time, a few apart."""
        return self.changes >= 3 and self.against <= 0.1 * self.changes

    @property
    def name(self) -> str:
        """Names of the styles."""
        return " + ".join(self.styles) or "named-month"


def _weigh(printed: Printed, styles, start: Stamps, end: Stamps, file: str) -> Reading:
    days = printed.read(styles)
    first = pd.to_datetime(start.date.map(days))
    steps = first.dropna().diff().dropna()
    steps = steps[steps != pd.Timedelta(0)]
    down = int((steps < pd.Timedelta(0)).sum())
    up = len(steps) - down
    stay = end.on(days) - start.on(days)
    bad_ends = int(((stay < pd.Timedelta(0)) | (stay > _LONG_STAY)).sum())
    outside = 0
    named = named_span(Path(file).name)
    if named:
        outside = int(((first < named[0]) | (first >= named[1])).sum())
    known = first.dropna()
    span = int((known.max() - known.min()).days) + 1 if len(known) else 0
    return Reading(styles, days, len(steps), min(up, down), down > up, bad_ends, outside, span)


def named_span(name: str) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the months that a file name speaks of, `[start, end)`, or None.

    Examples
    --------
    >>> [str(t.date()) for t in named_span("September 2016 - August 2017.csv")]
    ['2016-09-01', '2017-09-01']
    """
    found = re.findall(rf"({'|'.join(_MONTHS)})[a-z]*[ _-]*((?:20)?\d\d)(?!\d)", name.lower())
    months = [
        pd.Timestamp(2000 + int(year) % 100, _MONTHS.index(month) + 1, 1) for month, year in found
    ]
    return (min(months), max(months) + pd.offsets.MonthBegin(1)) if months else None


def detect(
    start: Stamps, end: Stamps, file: str, style: str | None = None
) -> tuple[dict[str, pd.Timestamp], str, str]:
    """Tell the date style of a file and read its dates.

    The style must allow every date (a field above 12 is a day). Of those that do, the one is found
    that the order of the rows, the ends (not before the start, not days after it), the months in
    the file's name and at last the span of days speak for.

    Parameters
    ----------
    start, end : Stamps
        Printed starts and ends in the order of the file.
    file : str
        Name for messages.
    style : str, optional
        Style that the user names; several joined by "+" where a file mixes layouts.

    Returns
    -------
    days : dict of str to pandas.Timestamp
        Calendar day of each printed date.
    style : str
        The style found.
    evidence : str
        What told it.

    Raises
    ------
    UserError
        If the style named is unknown or does not fit, or two readings remain.
    """
    printed = Printed(pd.concat([start.date, end.date]))
    sample = ", ".join(repr(t) for t in printed.texts[:3])
    if style:
        return _as_named(printed, style, file, sample)
    choices = printed.styles()
    if not choices or not len(printed.texts):
        raise UserError(
            f"{file}: dates such as {sample or '(none)'} fit none of {', '.join(STYLES)}"
        )
    readings: list[Reading] = []
    for styles in choices:
        reading = _weigh(printed, styles, start, end, file)
        if not any(_same_days(reading, other) for other in readings):
            readings.append(reading)
    best, why = _decide(readings)
    if best is None:
        names = [reading.name for reading in readings]
        raise UserError(
            f"{file}: dates such as {sample} can be read as {' or '.join(names)}, and neither the "
            "order of the rows nor the ends of the sessions tell which; name it with "
            f"-o date_style={names[0]} or as the case may be"
        )
    return best.days, best.name, why


def _as_named(printed: Printed, style: str, file: str, sample: str):
    styles = tuple(part.strip() for part in style.split("+"))
    for part in styles:
        if part not in STYLES:
            hint = closest(part, STYLES) or f"one of {', '.join(STYLES)}"
            raise UserError(f"date style = {part!r}: not known; {hint}")
    allowed = printed.styles()
    fitting = [choice for choice in allowed if set(choice) <= set(styles)]
    if not fitting:
        names = " or ".join("+".join(choice) for choice in allowed) or "none"
        raise UserError(
            f"{file}: dates such as {sample} do not fit date style {style}; they fit {names}"
        )
    return printed.read(fitting[0]), " + ".join(fitting[0]) or "named-month", "as you named it"


def _same_days(one: Reading, other: Reading) -> bool:
    return all(
        one.days[t] == d or (pd.isna(one.days[t]) and pd.isna(d)) for t, d in other.days.items()
    )


def _decide(readings: list[Reading]) -> tuple[Reading | None, str]:
    """Return the reading that the evidence speaks for, or None, and the evidence in words."""
    if len(readings) == 1:
        return readings[0], "the only reading that fits every date" + _order(readings[0])
    ordered = any(reading.ordered for reading in readings)

    def faults(reading: Reading) -> int:
        return reading.against * ordered + reading.bad_ends + reading.outside

    ranked = sorted(readings, key=faults)
    best, second = ranked[:2]
    if faults(second) >= 3 and faults(second) >= 2 * faults(best) + 3 * (faults(best) == 0):
        return best, _evidence(best, second, ordered)
    close = [r for r in ranked if faults(r) <= faults(best)]
    by_span = sorted(close, key=lambda reading: reading.span)
    # Scattered days betray a misread file; with a handful of days they may be true.
    if len(close) > 1 and best.changes >= 5 and by_span[1].span >= 1.5 * by_span[0].span:
        return by_span[0], (
            f"its days lie within {by_span[0].span} days, not {by_span[1].span} as "
            f"{by_span[1].name} would have it" + _order(by_span[0])
        )
    plain = [r for r in close if not any(STYLES[s][1] or s == "year-day-month" for s in r.styles)]
    proven = {s for r in readings for s in r.styles if not STYLES[s][1]} - {"year-day-month"}
    orders = {STYLES[s][0][0] for s in proven}
    scattered = plain and plain[0].span >= 1.5 * by_span[0].span
    if (
        len(plain) == 1
        and not scattered
        and len(proven) == len(plain[0].styles)
        and len(orders) == len(proven)
    ):
        return plain[0], "nothing speaks for exchanged days and months" + _order(plain[0])
    return None, ""


def _order(reading: Reading) -> str:
    if not reading.ordered:
        return ""
    return f"; {'newest' if reading.newest_first else 'oldest'} row first"


def _evidence(best: Reading, second: Reading, ordered: bool) -> str:
    says = []
    if ordered and best.against != second.against:
        direction = "newest" if best.newest_first else "oldest"
        says.append(
            f"{direction} row first: {best.against} of {best.changes} changes of day run against "
            f"it, {second.against} as {second.name}"
        )
    if best.bad_ends != second.bad_ends:
        says.append(
            f"{best.bad_ends} ends before the start or over 48 h after it, {second.bad_ends} as "
            f"{second.name}"
        )
    if best.outside != second.outside:
        says.append(
            f"{best.outside} days outside the months of the file's name, {second.outside} as "
            f"{second.name}"
        )
    return "; ".join(says)


def exchanged(texts: pd.Series, style: str, days: dict[str, pd.Timestamp]) -> pd.Series:
    """Return which printed dates had day and month exchanged, given the style found."""
    plain = tuple(part.strip().removesuffix("-swapped") for part in style.split("+"))
    if not any(part.strip().endswith("-swapped") for part in style.split("+")):
        return pd.Series(False, index=texts.index)
    as_printed = Printed(texts).read(plain)
    differ = {t for t, day in as_printed.items() if pd.notna(days[t]) and day != days[t]}
    return texts.isin(differ)
