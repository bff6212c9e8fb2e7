"""Which date style a file is written in: told from the file itself, or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.importers.council.stamps import MONTHS, STYLES, Printed, Stamps

# A stay beyond this is more likely a misread date than a car, when styles are weighed [days].
_LONG_STAY = pd.Timedelta("2D")


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
    found = re.findall(rf"({'|'.join(MONTHS)})[a-z]*[ _-]*((?:20)?\d\d)(?!\d)", name.lower())
    months = [
        pd.Timestamp(2000 + int(year) % 100, MONTHS.index(month) + 1, 1) for month, year in found
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
