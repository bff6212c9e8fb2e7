"""Tables as they lie in files, turned into typed frames.

A raw table is text, indexed by row number as a spreadsheet counts (the header is row 1), so that a
fault found later can still name its row.
"""

from __future__ import annotations

import csv
import functools
import io

import numpy as np
import pandas as pd

from scchelpers.faults import Fault, UserError
from scchelpers.portfolio import tables
from scchelpers.timebase import LONDON, from_clock

_INSTANT = "datetime64[us, UTC]"
_ZONE = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"


def read_csv(data: bytes, file: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Read a CSV as people's spreadsheets write it, as text without blanks round the values.

    Parameters
    ----------
    data : bytes
        Content: UTF-8, UTF-16 or Windows-1252; commas, semicolons or tabs.
    file : str
        Name for faults.

    Returns
    -------
    raw : pandas.DataFrame
        Text values indexed by row number; rows without any value are left out.
    faults : list of Fault
        Where the file is not a table: rows too short or too long, an open quote, columns twice.
    """

    def fault(row, field, value, rule, remedy):
        return Fault(file, row, field, str(value)[:80], rule, remedy)

    rule = "must be a table saved as CSV (UTF-8)"
    try:
        text = _decode(data)
    except UnicodeDecodeError:
        return pd.DataFrame(), [fault(None, "", "", rule, "save it as CSV (UTF-8) again")]
    if file != "register.csv":  # its entries are as they were sealed; `register.append` is the door
        text = tables.as_kept(text)
    if not text.strip() or "\0" in text:
        remedy = "write the header row first, see docs/portfolio.md"
        return pd.DataFrame(), [fault(None, "", "", rule, remedy)]

    first_line = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, faults = [], []
    try:
        records.extend([cell.strip() for cell in record] for record in reader)
    except csv.Error as error:
        remedy = "close the quotation mark, or save the file from the spreadsheet again"
        faults.append(fault(len(records) + 1, "", str(error), "must be readable as CSV", remedy))
    if not records:
        return pd.DataFrame(), faults

    header = records[0]
    while header and not header[-1]:
        header.pop()
    width = len(header)
    faults += [
        fault(1, name, name, "column names must be unique", "rename or delete one")
        for name in dict.fromkeys(name for name in header if header.count(name) > 1)
    ]
    body = {}
    for row, record in enumerate(records[1:], start=2):
        if not any(record):
            continue
        if len(record) < width or any(record[width:]):
            remedy = f"give {width} values; put a value that holds a {delimiter!r} in quotes"
            rule = "must have a value, or a blank, for every column"
            faults.append(fault(row, "", f"{len(record)} values", rule, remedy))
        body[row] = [*record[:width], *[""] * (width - len(record))]
    raw = pd.DataFrame.from_dict(body, orient="index", columns=range(width), dtype=str)
    raw.columns = header
    return raw.loc[:, ~raw.columns.duplicated() & (raw.columns != "")], faults


def remembered(data: bytes, file: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Read a CSV as `read_csv` does, but once for the same bytes: sites are read one by one."""
    raw, faults = _remembered(data, file)
    return raw.copy(deep=False), list(faults)


_remembered = functools.lru_cache(maxsize=8)(read_csv)


def _decode(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def numbers(values: pd.Series) -> pd.Series:
    """Return text as numbers; what is none, or not finite, is NaN."""
    text = values.to_numpy(object)  # row by row the labels of pandas would cost more than the work
    read = pd.to_numeric(np.where(text == "", None, text), errors="coerce").astype(float)
    return pd.Series(np.where(np.isfinite(read), read, np.nan), values.index, name=values.name)


def dates(values: pd.Series) -> pd.Series:
    """Return text as days, "2025-03-31" or as spreadsheets write it in Britain, "31/03/2025".

    What is no day is missing.
    """
    read = pd.to_datetime(values, format="%Y-%m-%d", errors="coerce")
    return read.fillna(pd.to_datetime(values, format="%d/%m/%Y", errors="coerce"))


def choice(text: str) -> str:
    """Return a choice as the tables write it: "On street" is "on_street"."""
    return text.lower().replace(" ", "_").replace("-", "_")


def as_typed(raw: pd.DataFrame, columns: tuple[tables.Column, ...]) -> pd.DataFrame:
    """Return a raw table with the columns and types of `tables`.

    Blanks, absent columns and what cannot be read are missing; `rules.tables` says which could not.
    """
    typed, blank = {}, pd.Series("", index=raw.index, dtype=object)
    for column in columns:
        values = raw.get(column.name, blank)
        if column.kind in ("number", "integer"):
            typed[column.name] = numbers(values)
        elif column.kind == "date":
            typed[column.name] = dates(values)
        else:
            text = values.to_numpy(object)
            text = [choice(one) for one in text] if column.kind == "choice" else text
            text = np.array([one if one != "" else None for one in text], object)
            typed[column.name] = pd.Series(text, raw.index, dtype=object)
    return pd.DataFrame(typed, index=raw.index)


def sessions_frame(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return sessions with every column of `tables.SESSIONS`, typed and sorted.

    Raises
    ------
    UserError
        If instants carry no time zone.
    """
    typed, _ = typed_sessions(sessions)
    return typed.sort_values(["plug_in", "session_id"], ignore_index=True)


def typed_sessions(raw: pd.DataFrame, tz: str = LONDON) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return sessions with every column of `tables.SESSIONS`, in the order given.

    Parameters
    ----------
    raw : pandas.DataFrame
        Sessions as they lie in the file. Text is read: instants as ISO 8601, those without a zone
        on the clock of `tz`.
    tz : str
        IANA zone.

    Returns
    -------
    typed : pandas.DataFrame
        What cannot be read, and an instant that the clock does not tell, is missing.
    doubt : pandas.DataFrame
        Same rows; for columns with such values "unreadable", "ambiguous", "nonexistent" or "".

    Raises
    ------
    UserError
        If a column of instants is stored without a zone: whether it is UTC cannot be told.
    """
    typed, doubt = {}, {}
    for column in tables.SESSIONS:
        values = raw.get(column.name)
        if values is None:
            values = pd.Series(pd.NaT if column.kind == "instant" else None, index=raw.index)
        if column.kind == "instant":
            typed[column.name], unsure = _instants(values, column.name, tz)
        elif column.kind == "number":
            read = pd.to_numeric(values, errors="coerce").astype(float)
            given = values.notna() & (values.astype(str).str.strip() != "")
            unsure = np.where(read.isna() & given, "unreadable", "")
            typed[column.name] = read
        else:
            known = values.notna()
            typed[column.name] = (
                values.map(lambda v: tables.as_kept(str(v))).astype(object).where(known, None)
            )
            unsure = np.zeros(0)
        if np.any(unsure):
            doubt[column.name] = unsure
    return pd.DataFrame(typed, index=raw.index), pd.DataFrame(doubt, index=raw.index)


def _instants(values: pd.Series, name: str, tz: str) -> tuple[pd.Series, np.ndarray]:
    doubt = np.full(len(values), "", dtype=object)
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.astype(_INSTANT), doubt
    if values.isna().all():
        return pd.Series(pd.NaT, index=values.index, dtype=_INSTANT), doubt
    if pd.api.types.is_numeric_dtype(values):
        raise UserError(f"{name} = {values.iloc[0]}: a number is no instant; store timestamps")
    if pd.api.types.is_datetime64_dtype(values):
        raise UserError(
            f"{name} = {values.dropna().iloc[0]}: stamps have no time zone; store UTC with its zone"
        )
    text = values.where(values.notna(), "").map(str).astype("str").str.strip()
    zoned = text.str.contains(_ZONE, regex=True)
    read = pd.to_datetime(text.where(zoned), utc=True, format="ISO8601", errors="coerce")
    read = read.astype(_INSTANT)
    naive = pd.to_datetime(text.where(~zoned & (text != "")), format="ISO8601", errors="coerce")
    clock, unsure = from_clock(naive, tz)
    read = read.where(zoned, pd.Series(clock, index=values.index).astype(_INSTANT))
    doubt = np.where(zoned, "", unsure)
    doubt[(read.isna() & (text != "")).to_numpy()] = "unreadable"
    return read.where(doubt == "", pd.NaT), doubt
