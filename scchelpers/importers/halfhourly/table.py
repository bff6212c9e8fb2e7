"""Reading a load table: its columns by meaning, its rows as they stand in the file."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from scchelpers.faults import UserError, closest
from scchelpers.importers.halfhourly import stamps
from scchelpers.importers.halfhourly.units import unit_of

# Columns of the DNOs' LV-feeder exports, in lower case (the capitals differ by DNO).
FEEDER_VALUE = "total_consumption_active_import"
FEEDER_STAMP = "data_collection_log_timestamp"
FEEDER_IDS = (
    ("dataset_id",),
    ("secondary_substation_unique_id", "lv_feeder_unique_id"),
    ("secondary_substation_id", "lv_feeder_id"),
)
_STAMP_NAMES = re.compile(
    r"(date|time|timestamp|datetime|date_?time|stamp|utc|period|interval)"
    r"(_?(utc|start|end|local|gmt|stamp|time))?|(start|end)(_?time)?"
)
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "#n/a"}


@dataclass
class Table:
    """One file as read.

    Attributes
    ----------
    file : str
        Name for messages.
    rows : DataFrame
        Indexed by row number: series (None: the file holds one), alias (DNO or ""), stamp,
        value, max, min; a variable that the file lacks is not a column.
    unit : str or None
        Unit that the file tells.
    zoned : bool
        Whether the stamps are UTC by their own zone.
    style : str
        Date style.
    names : dict
        Series to name for people.
    read : int
        Rows of the file.
    set_aside : dict
        Rows left out here, by reason.
    notes : list of str
        What the reader should know.
    """

    file: str
    rows: pd.DataFrame
    unit: str | None
    zoned: bool
    style: str
    names: dict = field(default_factory=dict)
    read: int = 0
    set_aside: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)


def read_table(path: str, *, value: str | None, date_style: str | None) -> Table:
    """Read one load table.

    Parameters
    ----------
    path : str
        CSV (also .gz) or Parquet file.
    value : str or None
        Column of the load; None: by its meaning.
    date_style : str or None
        Date style, see `stamps.STYLES`.

    Raises
    ------
    UserError
        If the file cannot be read, a column cannot be told, or a stamp or number is unreadable.
    """
    file = Path(path).name
    raw, notes = (_parquet if path.lower().endswith((".parquet", ".pq")) else _csv)(path, file)
    if raw.empty:
        raise UserError(f"{file}: no rows; give a table with a header and one row an interval")
    columns = _columns(raw, file, value)
    n_read = len(raw)
    rows = pd.DataFrame(index=raw.index)
    rows["series"], names, lost = _series(raw, columns)
    rows["alias"] = raw[columns["alias"]].fillna("") if "alias" in columns else ""
    for name in ("value", "max", "min"):
        if name in columns:
            rows[name] = _numbers(raw[columns[name]], file, columns[name])
    set_aside = {"no feeder id": int(lost.sum())}
    rows, raw = rows[~lost], raw[~lost]
    if rows.empty:
        raise UserError(f"{file}: no row has a feeder id ({', '.join(map('/'.join, FEEDER_IDS))})")
    text = raw[columns["stamp"]]
    if text.isna().any():
        at = text.index[text.isna()][0]
        raise UserError(f"{file}, row {at}, {columns['stamp']}: empty; each row needs its time")
    if pd.api.types.is_datetime64_any_dtype(text):
        instants = pd.to_datetime(text, utc=True).dt.tz_localize(None)
        rows["stamp"], zoned, style = instants, True, "instants of Parquet"
    else:
        rows["stamp"], zoned, style = stamps.parse(text.astype(str), file, date_style)
    if rows["stamp"].diff().median() < pd.Timedelta(0):
        rows = rows.iloc[::-1]
        notes.append(f"{file}: newest row first; read from its end")
    feeder = columns.get("value", "").lower() == FEEDER_VALUE
    unit = "Wh" if feeder else _unit(columns, file)
    return Table(file, rows, unit, zoned, style, names, n_read, set_aside, notes)


def _csv(path: str, file: str) -> tuple[pd.DataFrame, list[str]]:
    """Return a CSV as text indexed by row number (the header is row 1)."""
    opened = gzip.open if path.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as stream:
            data = stream.read()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (EOFError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read, cut short or not a text file ({error})") from None
    lines = text.rstrip().splitlines()
    if len(lines) < 2:
        raise UserError(f"{file}: no rows; give a table with a header and one row an interval")
    mark = max(",;\t", key=lines[0].count)
    if lines[-1].count(mark) < lines[0].count(mark) and '"' not in lines[0] + lines[-1]:
        raise UserError(
            f"{file}, row {len(lines)}: the last row has {lines[-1].count(mark) + 1} of "
            f"{lines[0].count(mark) + 1} fields; the file is cut short, fetch it again"
        )
    notes = []
    if not text.endswith("\n"):
        notes.append(f"{file}: the last line has no line end; make sure the file is whole")
    try:
        raw = pd.read_csv(
            pd.io.common.StringIO(text),
            sep=mark,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{file}: not a readable CSV ({error})") from None
    if not isinstance(raw.index, pd.RangeIndex):
        raise UserError(f"{file}: the rows have more fields than the header; mend the header")
    raw.columns = [str(name).strip() for name in raw.columns]
    raw.index = raw.index + 2
    for name in raw.columns:
        text = raw[name].str.strip()
        raw[name] = text.mask(text.str.lower().isin(_MISSING) | text.isna(), None)
    return raw.dropna(how="all"), notes


def _parquet(path: str, file: str) -> tuple[pd.DataFrame, list[str]]:
    try:
        raw = pd.read_parquet(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise UserError(f"{file}: not a readable Parquet file ({error})") from None
    raw.index = pd.RangeIndex(1, len(raw) + 1)
    return raw, []


def _columns(raw: pd.DataFrame, file: str, value: str | None) -> dict:
    """Return which column holds what: stamp, value, max, min, ids, alias, feeder name."""
    lower = {name.lower(): name for name in raw.columns}
    if FEEDER_STAMP in lower and FEEDER_VALUE in lower:
        found = {"stamp": lower[FEEDER_STAMP], "value": lower[FEEDER_VALUE]}
        ids = next((group for group in FEEDER_IDS if set(group) <= set(lower)), None)
        if ids is None:
            raise UserError(f"{file}: an LV-feeder export without dataset_id or feeder ids")
        found["ids"] = [lower[name] for name in ids]
        if "dno_alias" in lower:
            found["alias"] = lower["dno_alias"]
        labels = ("secondary_substation_name", "lv_feeder_name")
        found["labels"] = [lower[name] for name in labels if name in lower]
        return found
    words = {name: re.sub(r"[^a-z]+", "_", name.lower()).strip("_") for name in raw.columns}
    times = [name for name, word in words.items() if _STAMP_NAMES.fullmatch(word)]
    if len(times) != 1:
        raise UserError(
            f"{file}: {'no' if not times else 'more than one'} column of times among "
            f"{', '.join(raw.columns)}; keep one, named time"
        )
    found = {"stamp": times[0], "ids": []}
    rest = [name for name in raw.columns if name != times[0]]
    for end in ("max", "min"):
        own = [name for name in rest if re.search(rf"(^|_){end}(imum)?(_|$)", words[name])]
        if len(own) == 1:
            found[end] = own[0]
    rest = [name for name in rest if name not in found.values()]
    if value is not None:
        if value in raw.columns:
            rest = [value]
        elif not rest and "max" in found:
            rest = []
        else:
            hint = closest(value, raw.columns) or f"it has {', '.join(raw.columns)}"
            raise UserError(f"{file}: no column {value!r}; {hint}")
    if len(rest) > 1:
        named = [name for name in rest if words[name] in ("value", "load", "demand", "power")]
        named = named or [name for name in rest if unit_of(name)]
        if len(named) != 1:
            raise UserError(
                f"{file}: which column is the load? {', '.join(rest)}; give value = the column"
            )
        rest = named
    if rest:
        found["value"] = rest[0]
    elif not {"max", "min"} <= set(found):
        raise UserError(f"{file}: no column of load among {', '.join(raw.columns)}")
    return found


def _series(raw: pd.DataFrame, columns: dict):
    """Return the series of each row, names for people, and the rows without an id."""
    if not columns["ids"]:
        return pd.Series(None, index=raw.index, dtype=object), {}, pd.Series(False, raw.index)
    ids = raw[columns["ids"]]
    lost = ids.isna().any(axis=1)
    series = ids.astype(str).agg("-".join, axis=1).where(~lost, None)
    names = {}
    if columns["labels"]:
        labels = raw[columns["labels"]].fillna("").astype(str).agg(" ".join, axis=1).str.strip()
        names = labels.groupby(series).first().to_dict()
    return series, names, lost


def _numbers(text: pd.Series, file: str, column: str) -> pd.Series:
    """Return a column as numbers; missing stays missing."""
    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    bad = (text.notna() & ~np.isfinite(numbers)).to_numpy()
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise UserError(
            f"{file}, row {text.index[at]}, {column} = {text.iloc[at]!r}: not a number; write such "
            "as 12.5, or leave it empty where there is no reading"
        )
    return numbers


def _unit(columns: dict, file: str) -> str | None:
    """Return the unit told by the load's column, or else by the name of the file."""
    headers = [columns[key] for key in ("value", "max", "min") if key in columns]
    told = [unit for unit in map(unit_of, headers) if unit]
    return told[0] if told else unit_of(file, short=False)
