"""One council file, read to rows of plain values with stamps on the clock of the wall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers.council import columns, dates, durations, stamps
from scchelpers.importers.delimited import Delimited, read_delimited

# Before this there was no public charging: 1970, 1900 and 1899 stand for "unknown".
_EPOCH = pd.Timestamp("2005-01-01")
# A median beyond this is no energy of cars in kWh: the column is in Wh.
_NOT_KWH = 300.0


def read_sheet(path: str, date_style: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Read one file.

    Parameters
    ----------
    path : path-like
        File.
    date_style : str or None
        Style that the user names.

    Returns
    -------
    rows : pandas.DataFrame
        `file`, `line`, `ragged`, `unit`, `connector`, `site`, `model` (text, "" unknown),
        `rated_kw` [kW], `start`, `end` (no zone), `start_offset`, `end_offset`, `stay`
        (printed), `computed` (end from start and stay), `swapped` (day and month exchanged back)
        and `energy_kwh` [kWh].
    notes : list of str
        What was found: columns, date style, units.

    Raises
    ------
    UserError
        If the file cannot be read or its date style cannot be told.
    """
    file = read_delimited(path, lambda row: columns.complete(columns.match(row)))
    name = Path(path).name
    found = columns.match(file.header)
    notes = [*file.notes, *_told_columns(file, found, name)]

    def text(meaning: str) -> pd.Series:
        if meaning in found:
            return file.rows[found[meaning]]
        return pd.Series("", index=file.rows.index, dtype=object)

    start, end = _stamps(text, "start"), _stamps(text, "end")
    whole = ~file.ragged
    days, style, why = dates.detect(start.only(whole), end.only(whole), name, date_style)
    notes.append(f"{name}: date style found: {style} ({stamps.says(style)}), by this: {why}")
    first, last = start.on(days), end.on(days)
    last = last.where(last >= _EPOCH)
    stay = pd.Series(pd.NaT, index=first.index, dtype="timedelta64[ns]")
    if "duration" in found:
        title = file.header[found["duration"]]
        stay, unit = durations.read(text("duration"), title, last - first, name)
        notes.append(f"{name}: {unit}")
    computed = last.isna() & (stay > pd.Timedelta(0))
    unit = text("chargepoint").str.replace(r"^(\d+)\.0$", r"\1", regex=True)
    site = text("site").str.split().str.join(" ") if "site" in found else unit
    if "site" not in found:
        notes.append(f"{name}: no column of sites: each chargepoint is read as a site of its own")
    elif columns.words(file.header[found["site"]]) == ["name"]:
        notes.append(f"{name}: Name is read as the site; in DfT files it is a body, not a place")
    energy, note = _energy(text("energy"), file.header[found["energy"]], name)
    rows = pd.DataFrame(
        {
            "file": name,
            "line": file.rows.index,
            "ragged": file.ragged,
            "unit": unit,
            "connector": text("connector").str.replace(r"\.0$", "", regex=True),
            "site": site.where(site != "", "unnamed site"),
            "model": text("model"),
            "rated_kw": numbers(text("rated_kw"), "kw"),
            "start": first,
            "end": last.where(~computed, first + stay),
            "start_offset": start.offset,
            "end_offset": end.offset.where(~computed, start.offset),
            "stay": stay,
            "computed": computed,
            "swapped": stamps.exchanged(start.date, style, days)
            | stamps.exchanged(end.date, style, days),
            "energy_kwh": energy,
        }
    )
    return rows, notes + note


def _told_columns(file: Delimited, found: dict[str, int], name: str) -> list[str]:
    read_as = ", ".join(f"{file.header[i]} → {meaning}" for meaning, i in found.items())
    unread = [title for i, title in enumerate(file.header) if title and i not in found.values()]
    people = [title for title in unread if columns.personal(title)]
    others = [title for title in unread if title not in people]
    notes = [f"{name}: columns read: {read_as}"]
    if people:
        notes.append(f"{name}: columns of people, not read: {', '.join(people)}")
    if others:
        notes.append(f"{name}: columns not needed: {', '.join(others)}")
    return notes


def _stamps(text, side: str) -> stamps.Stamps:
    """Take a side's stamps apart, whether date and time share a column or not."""
    day, times = text(f"{side}_date"), text(f"{side}_time")
    if (day == "").all():
        # "Start Time" may hold the whole stamp, and a lone "Start" surely does.
        day, times = (text(side), times) if (text(side) != "").any() else (times, text(""))
    return stamps.split(day, None if (times == "").all() else times)


def numbers(texts: pd.Series, unit: str) -> pd.Series:
    """Return numbers printed with thousands separators or their unit; NaN where there is none.

    Examples
    --------
    >>> numbers(pd.Series(["1,234.5", "7.2 kWh", "12,5", "lots"]), "kwh").tolist()
    [1234.5, 7.2, nan, nan]
    """
    text = texts.astype(str).str.lower().str.replace(rf"\s*{unit}$", "", regex=True)
    thousands = text.str.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d*)?")
    text = text.where(~thousands, text.str.replace(",", ""))
    values = pd.to_numeric(text, errors="coerce").astype(float)
    return values.replace([np.inf, -np.inf], np.nan)


def _energy(texts: pd.Series, title: str, name: str) -> tuple[pd.Series, list[str]]:
    """Return energy [kWh] in the unit that the column's name tells, by default kWh."""
    parts = columns.words(title)
    if "wh" in parts and "kwh" not in parts:
        return numbers(texts, "wh") / 1000, [f"{name}: {title} is in Wh"]
    energy = numbers(texts, "kwh")
    if "kwh" not in parts and energy.median() > _NOT_KWH:
        raise UserError(
            f"{name}: {title} has a median of {energy.median():g}, which looks like Wh; put the "
            "unit into the column's name, such as 'Energy (Wh)' or 'Energy (kWh)'"
        )
    return energy, []
