"""Stamps of a load table, read in the one date style that the table's own order allows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.faults import UserError

_STAMP = (
    r"^\s*(?P<a>\d{1,4})[-/.](?P<b>\d{1,2}|[A-Za-z]{3,9})[-/.](?P<c>\d{1,4})"
    r"(?:[T\s]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\s?\.\d+)?)?)?"
    r"\s*(?P<offset>Z|UTC|[+-]\d{2}[:.]?\d{2})?\s*$"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Style -> which of the three parts of the date is the year, the month, the day.
STYLES = {"iso": "abc", "day-first": "cba", "month-first": "cab", "year-day-month": "acb"}


def parse(text: pd.Series, file: str, style: str | None) -> tuple[pd.Series, bool, str]:
    """Read stamps in the one date style that the whole file allows.

    Where several styles can be read, the one whose stamps follow each other most regularly in the
    file's own order is taken.

    Parameters
    ----------
    text : Series of str
        Stamps in file order, indexed by row number.
    file : str
        Name for messages.
    style : str or None
        One of `STYLES`; None: detect.

    Returns
    -------
    stamps : Series of datetime64
        As written; in UTC if the stamps carry a zone.
    zoned : bool
        Whether every stamp carries a zone.
    style : str
        Style found.

    Raises
    ------
    UserError
        If a stamp cannot be read or the style cannot be told.
    """
    if style is not None and style not in STYLES:
        raise UserError(f"date_style = {style!r}: must be one of {', '.join(STYLES)}")
    codes, unique = pd.factorize(text)
    if style in (None, "iso"):
        # The usual form at once; whatever does not fit goes the long way below.
        plain = pd.Series(pd.to_datetime(unique, format="%Y-%m-%d %H:%M:%S", errors="coerce"))
        if plain.notna().all() and (style or _regularity(plain) > 0.5):
            return pd.Series(plain.to_numpy()[codes], index=text.index), False, "iso"
    parts = pd.Series(unique).str.extract(_STAMP)
    unread = parts["a"].isna().to_numpy()
    if unread.any():
        _refuse(text, codes, unread, file)
    zoned = parts["offset"].notna()
    if zoned.any() and not zoned.all():
        _refuse(text, codes, (~zoned).to_numpy(), file, "carries no zone where others do")
    month_named = not parts["b"].str[0].str.isdigit().all()
    year_first = parts["a"].str.len().eq(4).all()
    likely = [s for s in STYLES if STYLES[s].startswith("a") == year_first]
    if month_named:
        parts["b"] = (
            parts["b"]
            .str[:3]
            .str.lower()
            .map(
                lambda word: (
                    word
                    if word.isdigit()
                    else str(_MONTHS.index(word) + 1)
                    if word in _MONTHS
                    else "0"
                )
            )
        )
        likely = ["iso" if year_first else "day-first"]
    read = {s: _instants(parts, STYLES[s]) for s in ([style] if style else likely)}
    whole = {s: t for s, t in read.items() if t.notna().all()}
    if not whole:
        best = min(read, key=lambda s: read[s].isna().sum())
        _refuse(text, codes, read[best].isna().to_numpy(), file)
    regular = {s: _regularity(t) for s, t in whole.items()}
    found = max(regular, key=regular.get)
    tied = [s for s in whole if regular[s] == regular[found] and not whole[s].equals(whole[found])]
    if tied and not year_first:
        raise UserError(
            f"{file}: dates such as {text.iloc[0]!r} may be {found} or {tied[0]}, and nothing in "
            f"the file tells; give date_style = {found!r} or {tied[0]!r}"
        )
    stamps = pd.Series(whole[found].to_numpy()[codes], index=text.index)
    return stamps, bool(zoned.all()), found


def _refuse(text, codes, bad, file, rule="is not a date and time"):
    at = int(np.flatnonzero(bad[codes])[0])
    raise UserError(
        f"{file}, row {text.index[at]}, time = {text.iloc[at]!r}: {rule}; write such as "
        "2026-11-24 16:30 (is the file cut short?)"
    )


def _instants(parts: pd.DataFrame, order: str) -> pd.Series:
    """Return the instants of stamps in parts; NaT where a part is impossible."""
    year, month, day = (pd.to_numeric(parts[key], errors="coerce") for key in order)
    year = year.where(year >= 100, year + 2000)
    days = pd.to_datetime({"year": year, "month": month, "day": day}, errors="coerce")
    clock = [pd.to_numeric(parts[key]).fillna(0) for key in ("hour", "minute", "second")]
    seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
    sound = (seconds <= 86400) & (clock[1] < 60) & (clock[2] < 60)
    stamps = days + pd.to_timedelta(seconds, unit="s")
    offset = parts["offset"].str.extract(r"(?P<sign>[+-])(?P<hour>\d{2})[:.]?(?P<minute>\d{2})")
    east = pd.to_numeric(offset["hour"]) * 60 + pd.to_numeric(offset["minute"])
    east = east.where(offset["sign"] != "-", -east).fillna(0)
    return (stamps - pd.to_timedelta(east, unit="min")).where(sound)


def _regularity(stamps: pd.Series) -> float:
    """Return the share of steps that equal the commonest step."""
    steps = stamps.diff().iloc[1:]
    return float(steps.value_counts(normalize=True).iloc[0]) if len(steps) else 1.0
