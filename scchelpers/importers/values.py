"""Columns of text to numbers, lengths and stamps; each style is decided for the whole column."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

# What publishers write where they have nothing to say.
NA = {
    *("", "-", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "unknown", "unavailable"),
    *("data not available", "data not applicable", "nat"),
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER = re.compile(
    r"[+-]?[\d.,\u00a0' ]*\d[\d.,]*(e[+-]?\d+)?\s*(k?wh|kw|kva|min|h|s)?", re.I | re.A
)
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*([ap]\.?m\.?)?", re.I | re.A)
_STAMP = re.compile(
    r"^(?:(?P<a>\d{1,4})[-/. ](?P<b>\d{1,2}|[A-Za-z]{3,9})[-/. ]+(?P<c>\d{1,4})"
    r"|(?P<m2>[A-Za-z]{3,9}) (?P<d2>\d{1,2}),? (?P<y2>\d{4}))"
    r"(?:[T ,]+(?P<H>\d{1,2})[:.](?P<M>\d{2})(?:[:.](?P<S>\d{2})(?:[.,](?P<f>\d+))?)?"
    r"\s*(?P<p>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*\.?(?P<z>Z|UTC|GMT|BST)?(?:000)?\s*(?P<o>[+-]\d{2}[:.]?(?:\d{2})?)?(?: ?\(\w+\))?$",
    re.A,
)
_WEEKDAY = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+", re.I)
DAY, SECOND = pd.Timedelta("1D"), pd.Timedelta("1s")


@functools.lru_cache(maxsize=100_000)
def kind_of(text: str) -> str:
    """Return whether a printed value is a number, a clock time, a stamp or other text.

    Examples
    --------
    >>> [kind_of(t) for t in ("1,234.5", "07:30 PM", "31/12/2024 24:00", "03.04.2024", "Depot")]
    ['number', 'clock', 'stamp', 'stamp', 'text']
    """
    if _NUMBER.fullmatch(text) and not re.match(r"\d{1,2}\.\d{1,2}\.\d{2,4}", text):
        return "number"
    if _CLOCK.fullmatch(text):
        return "clock"
    return "stamp" if _STAMP.match(_WEEKDAY.sub("", text)) else "text"


def known(column: pd.Series) -> pd.Series:
    """Return the values that say something."""
    return column[~column.str.lower().isin(NA)]


def kind(column: pd.Series) -> str:
    """Return what nine in ten values of a column are.

    One of stamp, date (a stamp without a time of day), clock, number, text or empty.
    """
    sample = [text for text in column.unique().tolist() if text.lower() not in NA]
    if not sample:
        return "empty"
    sample = sample[:: max(1, len(sample) // 400)]
    best, n = Counter(map(kind_of, sample)).most_common(1)[0]
    best = best if n >= 0.9 * len(sample) else "text"
    return (
        "date" if best == "stamp" and not any(_printed(t)["second"] > 0 for t in sample) else best
    )


def serial_stamps(column: pd.Series) -> pd.Series | None:
    """Return the text of stamps that a column holds as numbers of Excel or Unix; None if none.

    Examples
    --------
    >>> serial_stamps(pd.Series(["45364.5"])).tolist(), serial_stamps(pd.Series(["7.2"]))
    (['2024-03-13 12:00:00'], None)
    """
    value = pd.to_numeric(column.where(~column.str.lower().isin(NA)), errors="coerce")
    sure = value.dropna()
    if sure.empty:
        return None
    if sure.between(36_526, 73_050).all():
        text = (pd.Timestamp("1899-12-30") + pd.to_timedelta(value, unit="D")).dt.round("s")
        return text.dt.strftime("%Y-%m-%d %H:%M:%S").fillna("")
    for unit, scale in (("s", 1), ("ms", 1e3)):
        if sure.between(946_684_800 * scale, 4_102_444_800 * scale).all():
            text = pd.to_datetime(value, unit=unit).dt.round("s")
            return text.dt.strftime("%Y-%m-%dT%H:%M:%SZ").fillna("")
    return None


def numbers(
    column: pd.Series, decimal: str | None = None, parted_by: str = ""
) -> tuple[pd.Series, str]:
    """Return the numbers of a column and how its commas and points were read.

    Parameters
    ----------
    column : pandas.Series of str
        Printed values; a unit behind the number is passed over.
    decimal : str or None
        "comma" or "point", where it is known; else told by the column as a whole.
    parted_by : str
        Delimiter of the file: fields parted by ";" go with decimal commas.

    Returns
    -------
    values : pandas.Series of float
        NaN where nothing is said, and all NaN where the style cannot be told.
    style : str
        "point", "comma", or what contradicts.

    Examples
    --------
    >>> numbers(pd.Series(["0,012", "18,125", "6,25"]))
    (0     0.012
    1    18.125
    2     6.250
    dtype: float64, 'comma')
    """
    text = column.str.replace(r"[\s\u00a0']|(?i:k?wh|kw|kva|min|h)$", "", regex=True)
    text = text.mask(text.str.lower().isin(NA), "")
    unique = text[text != ""].drop_duplicates()
    comma, point = unique.str.contains(","), unique.str.contains(".", regex=False)
    style = decimal or "point"
    if comma.any() and not decimal:
        grouped = unique.str.match(r"^[+-]?[1-9]\d{0,2}(,\d{3})+$")
        as_comma = unique[(comma & ~point & ~grouped)]
        as_comma = [*as_comma, *unique[unique.str.match(r"^[+-]?\d{1,3}(\.\d{3})+,\d+$")]]
        as_point = [*unique[point & ~comma], *unique[unique.str.match(r"^[+-]?[\d,]+\.\d+$")]]
        if as_comma and as_point:
            none = pd.Series(np.nan, column.index)
            return none, f"contradicting: both {as_comma[0]!r} and {as_point[0]!r}"
        if not as_comma and not as_point and parted_by != ";":
            return pd.Series(np.nan, column.index), f"undecided ({unique[comma].iloc[0]!r})"
        style = "comma" if as_comma or not as_point else "point"
    if style == "comma":
        text = text.str.replace(".", "").str.replace(",", ".")
    else:
        text = text.str.replace(",", "")
    found = pd.to_numeric(text, errors="coerce").astype(float)
    return found.where(np.isfinite(found)), style


def clock_seconds(column: pd.Series) -> pd.Series:
    """Return the seconds of the day [s] of printed times, NaN where there is none.

    A time may stand at the end of a date, as spreadsheets print it; 24:00 is the day's end.

    Examples
    --------
    >>> clock_seconds(pd.Series(["10:05 PM", "24:00", "1899-12-30T22:12:30"])).tolist()
    [79500.0, 86400.0, 79950.0]
    """
    pattern = r"(?:^|[T ])(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:\.\d+)?)?\s*(?P<p>[AaPp])?"
    part = column.str.extract(pattern)
    hour = _hours(part)
    minute, second = pd.to_numeric(part["M"]), pd.to_numeric(part["S"]).fillna(0)
    seconds = hour * 3600 + minute * 60 + second
    return seconds.where((seconds <= 86_400) & (minute < 60) & (second < 60))


def _hours(part: pd.DataFrame) -> pd.Series:
    hour, half = pd.to_numeric(part["H"]), part["p"].str.lower().str[0]
    return hour.mask(half.eq("p") & (hour < 12), hour + 12).mask(half.eq("a") & (hour == 12), 0)


UNITS_H = {"h": 1.0, "min": 1 / 60, "s": 1 / 3600}


def lengths(column: pd.Series, unit: str | None, parted_by: str = "") -> pd.Series:
    """Return lengths of time [h], printed as h:mm[:ss] or as numbers of `unit`."""
    part = column.str.extract(r"^(?:(\d+)\D*days?,? )?(\d+):(\d\d)(?::(\d\d))?")
    part = part.apply(pd.to_numeric)
    found = part[0].fillna(0) * 24 + part[1] + part[2] / 60 + part[3].fillna(0) / 3600
    value, _ = numbers(column.mask(found.notna(), ""), None, parted_by)
    return found.fillna(value * UNITS_H[unit or "h"])


@functools.lru_cache(maxsize=200_000)
def _printed(text: str) -> dict:
    """Return the parts of a stamp as printed, empty where it is none."""
    found = _STAMP.match(_WEEKDAY.sub("", text))
    if found is None:
        return dict.fromkeys(("a", "b", "c", "second", "offset"), np.nan) | _UNNAMED
    a, b, c = found["a"] or found["d2"], found["b"] or found["m2"], found["c"] or found["y2"]
    named, offset, second = b[0].isalpha(), np.nan, np.nan
    if named:
        b = MONTHS.index(b[:3].lower()) + 1 if b[:3].lower() in MONTHS else np.nan
    if found["H"]:
        hour, half = int(found["H"]), (found["p"] or "").lower()[:1]
        hour = hour + 12 * (half == "p" and hour < 12) - 12 * (half == "a" and hour == 12)
        second = hour * 3600.0 + int(found["M"]) * 60 + int(found["S"] or 0)
    if found["o"]:
        digits = re.sub(r"[:.]", "", found["o"])
        offset = int(digits[0] + "1") * (int(digits[1:3]) * 60.0 + int(digits[3:5] or 0))
    elif found["z"] in ("Z", "UTC", "GMT"):
        offset = 0.0
    year_first = len(found["a"] or "") == 4
    return {"a": float(a), "b": float(b), "c": float(c), "second": second, "offset": offset,
            "year_first": year_first, "named": named}  # fmt: skip


_UNNAMED = {"year_first": False, "named": False}


def fields(column: pd.Series) -> pd.DataFrame:
    """Take stamps apart.

    Returns
    -------
    pandas.DataFrame
        a, b, c as printed (a named month as its number in b); year_first, named; second of the
        day [s]; offset from UTC [min], NaN where none is printed.
    """
    code, unique = pd.factorize(column)
    out = pd.DataFrame([_printed(text) for text in unique])
    if out["second"].notna().mean() > 0.5:  # spreadsheets print midnight without its time
        out["second"] = out["second"].mask(out["second"].isna() & out["a"].notna(), 0.0)
    return out.iloc[code].set_axis(column.index)


# Orders in which dates are printed. "Swapped" is what a spreadsheet of another locale makes of
# them: day and month exchanged wherever the day is 12 or less.
_YEAR_FIRST = ("iso", "iso-swapped", "year-day-month")
_YEAR_LAST = ("day-first", "month-first", "day-first-swapped", "month-first-swapped")
STYLES = (*_YEAR_FIRST, *_YEAR_LAST)


def days(part: pd.DataFrame, style: str, year_add: int = 0) -> pd.Series:
    """Return the calendar days of stamps taken apart, in a style; NaT outside 2000 to 2099.

    A style may be two joined by " + ", one for the stamps that begin with the year.
    """
    found = np.full(len(part), np.datetime64("NaT", "ns"))
    a, b, c = (part[name].to_numpy() for name in "abc")
    first, named = (part[name].to_numpy() for name in ("year_first", "named"))
    for one in style.split(" + "):
        fits, year, month, day = (first, a, b, c) if one in _YEAR_FIRST else (~first, c, b, a)
        swap = one in ("year-day-month", "month-first")
        if one.endswith("swapped"):
            month, day = (day, month) if one.startswith("month") else (month, day)
            swap = day <= 12
        swap = swap & ~named
        month, day = np.where(swap, day, month), np.where(swap, month, day)
        year = np.where((year < 100) & ~first, year + 2000, year) + year_add
        sound = fits & (year >= 2000) & (year <= 2099) & (month >= 1) & (month <= 12) & (day >= 1)
        at = np.flatnonzero(sound & (day <= 31) & np.isnat(found))
        months = ((year[at] - 1970) * 12 + month[at] - 1).astype("int64").astype("M8[M]")
        read = months.astype("M8[D]") + (day[at] - 1).astype("int64")
        found[at] = np.where(read.astype("M8[M]") == months, read, np.datetime64("NaT"))
    return pd.Series(found, part.index)


def possible_styles(parts: list[pd.DataFrame]) -> list[str]:
    """Return the styles that fit the dates of a file, different readings only, plain ones first."""
    part = pd.concat(parts)
    part = part[part["a"].notna()]
    part = part[~part[["a", "b", "c", "year_first"]].duplicated()]
    choices = []
    for mask, names in ((part["year_first"], _YEAR_FIRST), (~part["year_first"], _YEAR_LAST)):
        own = part[mask]
        if own.empty:
            continue
        found, read = [], []
        for style in names:
            day = days(own, style).fillna(days(own, style, 2000))
            if day.notna().sum() >= 0.9 * len(own) and not any(day.equals(o) for o in read):
                found.append(style)
                read.append(day)
        choices.append(found)
    return [" + ".join(pair) for pair in itertools.product(*choices)] if choices else []


def months_named(file: str) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the months that a file's name speaks of, [start, end), or None.

    Examples
    --------
    >>> [str(t.date()) for t in months_named("September 2016 - August 2017.csv")]
    ['2016-09-01', '2017-09-01']
    """
    found = re.findall(rf"({'|'.join(MONTHS)})[a-z]*[ _-]*((?:20)?\d\d)(?!\d)", file.lower())
    at = [pd.Timestamp(2000 + int(y) % 100, MONTHS.index(m) + 1, 1) for m, y in found]
    return (min(at), max(at) + pd.offsets.MonthBegin(1)) if at else None


def against_order(day: pd.Series) -> tuple[int, int]:
    """Return how many changes of day run against the order of the rows, and how many there are."""
    step = day.dropna().diff().dropna()
    step = step[step != pd.Timedelta(0)]
    down = int((step < pd.Timedelta(0)).sum())
    return min(down, len(step) - down), len(step)


def decide(
    styles: list[str],
    weigh: Callable[[str], tuple[dict[str, int], int, int]],
    named: str | None,
    usual: list[str] | tuple = (),
) -> tuple[str | None, str]:
    """Choose the style of a file's dates by what speaks against each.

    Parameters
    ----------
    styles : list of str
        Styles that fit, see `possible_styles`.
    weigh : callable
        Style to (contradictions by reason, days spanned, changes of day).
    named : str or None
        Style that the user names; taken, but evidence against it is said.
    usual : list of str
        Styles of the layout: one of them is taken where the dates themselves do not tell.

    Returns
    -------
    style : str or None
        None where two readings remain.
    evidence : str
        In words.
    """
    if named:
        counts = {s: sum(weigh(s)[0].values()) for s in {*styles, named}}
        better = min(counts, key=counts.__getitem__)
        doubt = (
            f", AGAINST the evidence: {counts[named]} contradictions, {counts[better]} as {better}"
            if counts[named] >= 2 * counts[better] + 3
            else ""
        )
        return named, "as you named it" + doubt
    found = {style: weigh(style) for style in styles}
    total = {style: sum(reasons.values()) for style, (reasons, _, _) in found.items()}

    def odd(style: str) -> bool:
        return "swapped" in style or "year-day-month" in style

    rank = sorted(styles, key=lambda s: (total[s], found[s][1], odd(s)))
    words = "; ".join(
        f"{s}: " + ", ".join(f"{n} {reason}" for reason, n in found[s][0].items())
        + f", {found[s][1]} days spanned"
        for s in rank
    )  # fmt: skip
    if len(styles) == 1:
        return styles[0], f"the only reading that fits every date ({words})"
    best, second = rank[:2]
    if total[second] >= 2 * total[best] + 3:
        return best, words
    close = [s for s in rank if total[s] <= total[best] + 2]
    by_span = sorted(close, key=lambda s: found[s][1])
    least, next_least = (found[s][1] for s in by_span[:2]) if len(close) > 1 else (0, 0)
    wide = next_least >= 1.5 * least and next_least - least > 14
    if wide and total[by_span[0]] == total[best] and found[best][2] >= 5:
        return by_span[0], words
    expected = [s for s in close if s in usual]
    if len(expected) == 1 and not (wide and expected[0] != by_span[0]):
        return expected[0], words + "; as the layout prints them"
    plain = [s for s in close if not odd(s) and total[s] <= total[best]]
    scattered = bool(plain and wide and plain[0] != by_span[0])
    # Rows that stand in order in another reading alone speak against the plain one.
    order = "changes of day against the order"
    in_order = [s for s in close if found[s][0].get(order) == 0 and found[s][2] >= 5]
    scattered |= bool(in_order and plain and plain[0] not in in_order)
    if len(plain) == 1 and not scattered:
        return plain[0], words + "; nothing speaks for exchanged days"
    return None, words
