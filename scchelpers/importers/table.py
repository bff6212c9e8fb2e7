"""Files to tables of text: encoding, delimiter, header line, sheet. Nothing is interpreted."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from scchelpers.faults import UserError
from scchelpers.importers.values import NA, kind, kind_of
from scchelpers.portfolio.tables import as_kept

# Keys under which services wrap their lists of records.
_WRAPS = (
    "_items",
    "data",
    "Data",
    "results",
    "items",
    "records",
    "sessions",
    "charges",
    "features",
)
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


@dataclass
class Sheet:
    """A table as printed.

    Attributes
    ----------
    file : str
        Name for people: the folder and the file.
    frame : pandas.DataFrame
        Text by column name; the index is the line of the file as a spreadsheet counts.
    how : str
        How the file was opened, in words.
    parted_by : str
        Delimiter of the fields, "" where there is none.
    digest : str
        Fingerprint of the bytes: the same content is the same source under any name.
    ragged : int
        Rows with too few or too many fields, left out of `frame`.
    """

    file: str
    frame: pd.DataFrame
    how: str
    parted_by: str = ""
    digest: str = ""
    ragged: int = 0

    @property
    def stem(self) -> str:
        """The file's name without folder and ending."""
        return Path(self.file).name.split(".")[0]


def read_bytes(path: str | Path) -> bytes:
    """Return the bytes of a file, unpacked if it is gzipped.

    Raises
    ------
    UserError
        If the file is missing, empty, or its gzip stream is cut or damaged.
    """
    try:
        data = Path(path).read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UserError(f"{path}: the gzip stream is cut or damaged; fetch it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if not data.strip():
        raise UserError(f"{path}: the file is empty")
    return data


def read(path: str | Path) -> Sheet:
    """Read a file as a table of text.

    Parameters
    ----------
    path : path-like
        Delimited text in any common encoding, spreadsheet, Parquet, JSON records (a list, an
        envelope, one a line), Green Button XML or Stark DF2; each also gzipped.

    Returns
    -------
    Sheet

    Raises
    ------
    UserError
        If the file cannot be read, is cut, or holds no table.
    """
    path = Path(path)
    data = read_bytes(path)
    name = f"{path.resolve().parent.name}/{path.name}".lstrip("/")
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending in _SPREADSHEETS or data[:4] == b"PK\x03\x04":
        sheet = _from_rows(name, _spreadsheet(data, name), "spreadsheet")
    elif ending in (".parquet", ".pq") or data[:4] == b"PAR1":
        sheet = _parquet(data, name)
    else:
        sheet = _text(data, name)
    sheet.digest = hashlib.sha256(data).hexdigest()[:16]
    return sheet


def decoded(data: bytes, name: str) -> tuple[str, str]:
    """Return the text of bytes, as it is kept, and its encoding: UTF-8, UTF-16 or Windows-1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return as_kept(data.decode("utf-16", errors="replace")), "UTF-16"
    if data[:200].count(0) > 40:
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        return as_kept(data.decode(encoding, errors="replace")), "UTF-16"
    for encoding, said in (("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return as_kept(text), said
    raise UserError(f"{name}: not a text file; save it as CSV (UTF-8) or xlsx")


def _text(data: bytes, name: str) -> Sheet:
    text, encoding = decoded(data, name)
    if not text.strip():
        raise UserError(f"{name}: the file is empty")
    opening = text.lstrip()[:1]
    if opening in ("{", "["):
        return _records(json_values(text, name), name)
    if opening == "<":
        return _green_button(text, name)
    if text.startswith("#F2"):
        return _df2(text, name)
    lines = text.splitlines()
    delimiter = None
    if found := re.fullmatch(r'"?sep=(.)"?', lines[0].strip()):
        delimiter, text = found[1], "\n" + "".join(text.splitlines(keepends=True)[1:])
    delimiter = delimiter or _delimiter([line for line in lines if line.strip()][:60])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise UserError(f"{name}, row {reader.line_num}: not readable as CSV ({error})") from None
    how = f"{encoding}, fields parted by {'tab' if delimiter == chr(9) else delimiter}"
    sheet = _from_rows(name, rows, how, delimiter)
    if not text.endswith(("\n", "\r")):
        _refuse_cut(sheet, rows, name)
    return sheet


def _delimiter(lines: list[str]) -> str:
    def fit(mark: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark)]
        mode = max(set(widths), key=widths.count)
        return (widths.count(mode) / len(widths) if mode > 1 else 0, mode)

    return max(",;\t|", key=fit)


def _refuse_cut(sheet: Sheet, rows: list[list[str]], name: str) -> None:
    """Refuse a file without a last line end that stops inside a row or a word."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    again = "the file ends inside a row: it was cut; fetch it again"
    if len(filled[-1]) < len(sheet.frame.columns):
        raise UserError(f"{name}, row {len(rows)}: {again}")
    *others, last = [row[-1].strip() for row in filled[1:] if row]
    whole = any(word.startswith(last) and word != last for word in others)
    if last and last not in others and whole and not re.sub(r"[.:-]", "", last).isdigit():
        raise UserError(f"{name}, row {len(rows)}: {again} ({last!r})")
    sheet.how += "; no line end at the end: if the file was cut, rows are missing"


def _from_rows(name: str, rows: list, how: str, parted_by: str = "") -> Sheet:
    """Find the line of column names by where the columns begin to hold one kind of value."""
    rows = [[cell.strip().strip('"').strip() for cell in row] for row in rows]
    filled = [row for row in rows if any(row)]
    if not filled:
        raise UserError(f"{name}: no rows")
    widths = [len(row) for row in filled[:500]]
    width = max(set(widths), key=lambda w: (widths.count(w), w))
    majority = []
    for i in range(width):
        cells = [row[i] for row in filled[len(filled) // 2 :][-300:] if len(row) > i]
        kinds = [kind_of(cell) for cell in cells if cell.lower() not in NA]
        best = max(set(kinds), key=kinds.count) if kinds else ""
        majority.append(best if kinds and kinds.count(best) >= 0.6 * len(kinds) else "")
    typed = [i for i, kind in enumerate(majority) if kind in ("number", "stamp")]
    first = next((n for n, row in enumerate(rows) if _holds(row, typed, majority)), None)
    top = len(rows) if first is None else first
    heads = [n for n in range(top) if sum(map(bool, rows[n])) >= 0.5 * width and len(rows[n]) > 1]
    if first is not None and not heads and width - 3 in (46, 48, 50):
        names = ["meter", "serial", "date", *(f"HH{i}" for i in range(1, width - 2))]
        return _framed(name, names, rows, -1, how + "; no line of column names", parted_by)
    if first is None and heads and not rows[heads[0] + 1 :]:
        raise UserError(f"{name}: column names but no rows below them")
    if first is None or not heads:
        seen = ", ".join(filled[0])[:160]
        raise UserError(
            f"{name}: no line of column names found above the data (first line: {seen}); the "
            "first row of the table must name its columns"
        )
    names, seen = [], {}
    header = rows[heads[-1]]
    while len(header) > width and not header[-1]:
        header = header[:-1]
    for i, title in enumerate(header):
        title = title or f"column {i + 1}"
        seen[title] = seen.get(title, 0) + 1
        names.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return _framed(name, names, rows, heads[-1], how, parted_by)


def _holds(row: list[str], typed: list[int], majority: list[str]) -> bool:
    """Whether a row looks like data: its typed columns hold what they hold below."""
    cells = [(i, row[i]) for i in typed if i < len(row) and row[i].lower() not in NA]
    right = [kind_of(cell) == majority[i] for i, cell in cells]
    stamps = [ok for (i, _), ok in zip(cells, right, strict=True) if majority[i] == "stamp"]
    enough = len(cells) >= max(1, len(typed) / 3)
    return enough and all(stamps) and sum(right) >= 0.7 * len(cells)


def _framed(name, names, rows, head, how, parted_by) -> Sheet:
    width = len(names)
    body, index, ragged = [], [], 0
    for n, row in enumerate(rows[head + 1 :], head + 2):
        if not any(row):
            continue
        if any(row[width:]) or (len(row) < 0.7 * width and width > 3):
            ragged += 1
            continue
        body.append((row + [""] * width)[:width])
        index.append(n)
    if not body:
        raise UserError(f"{name}: column names but no rows below them")
    frame = pd.DataFrame(body, columns=names, index=index, dtype="str")
    line = f"; column names in line {head + 1}" if head > 0 else ""
    return Sheet(name, frame, how + line, parted_by, ragged=ragged)


def _spreadsheet(data: bytes, name: str) -> list[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = [book.get_sheet_by_name(title).to_python() for title in book.sheet_names]
    except (CalamineError, OSError, ValueError) as error:
        raise UserError(f"{name}: not a readable spreadsheet ({error})") from None
    rows = max(sheets, key=len, default=[])

    def said(cell) -> str:
        return "" if cell is None else re.sub(r"(\d)\.0$", r"\1", as_kept(str(cell)))

    return [[said(cell) for cell in row] for row in rows]


def _parquet(data: bytes, name: str) -> Sheet:
    try:
        frame = pd.read_parquet(io.BytesIO(data))
        frame = frame.map(lambda v: v.decode("utf-8", "replace") if isinstance(v, bytes) else v)
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{name}: not a readable Parquet file ({error})") from None
    if frame.empty:
        raise UserError(f"{name}: no rows")
    if frame.index.name or frame.index.nlevels > 1:
        frame = frame.reset_index()
    for column in frame:
        if isinstance(frame[column].dtype, pd.DatetimeTZDtype):
            instants = frame[column].dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
            frame[column] = instants + "Z"
    text = frame.astype("str").where(frame.notna(), "").map(as_kept)
    text.columns = text.columns.astype("str")
    return Sheet(name, text.reset_index(drop=True), "Parquet")


def json_values(text: str, name: str) -> list:
    """Return the JSON values of a text: one, or one a line.

    Raises
    ------
    UserError
        If the text is no JSON, or is cut short.
    """

    def loads(part: str):
        def refuse(word: str):
            raise ValueError(f"{word} is no JSON number")

        try:
            value = json.loads(part, parse_constant=refuse)
            return as_kept(value) if "\\u" in part else value
        except RecursionError:
            raise ValueError("nested too deeply") from None

    try:
        return [loads(text)]
    except ValueError as error:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        try:
            loads(lines[0][1])
        except ValueError:
            raise UserError(f"{name}: not readable JSON, or cut short ({error})") from None
    values = []
    for number, line in lines:
        try:
            values.append(loads(line))
        except ValueError as error:
            raise UserError(
                f"{name}, line {number}: not readable JSON, or cut short ({error})"
            ) from None
    return values


def _records_of(values: list) -> tuple[list, dict]:
    """Return the records in JSON values, unwrapped, and what the envelope says beside them."""
    records, about = [], {}
    for value in values:
        key = next((k for k in _WRAPS if isinstance(value, dict) and k in value), None)
        if key and isinstance(value[key], list):
            about |= {k: v for k, v in value.items() if k != key}
            records += value[key]
        else:
            records += value if isinstance(value, list) else [value]
    while len(records) == 1 and isinstance(records[0], dict):
        inner, beside = _list_in(records[0]), _flat(records[0], deep=False)
        stamps = [text for text in beside.values() if kind(pd.Series([text])) == "stamp"]
        if len(inner) < 2 or len(stamps) > 1:  # a record of its own, with its parts
            break
        about |= beside
        records = inner
    return records, about


def _list_in(record: dict) -> list:
    """Return the longest list of records inside a record."""
    found = []
    for value in record.values():
        inner = _list_in(value) if isinstance(value, dict) else value
        if isinstance(inner, list) and inner and all(isinstance(v, dict) for v in inner):
            inner = _list_in(inner[0]) or inner if len(inner) == 1 else inner
            found = max(found, inner, key=len)
    return found


def _flat(record: dict, prefix: str = "", deep: bool = True) -> dict[str, str]:
    """Flatten a record; of a list of dicts the earliest by its stamp of change counts."""
    found = {}
    for key, item in record.items():
        if isinstance(item, list):
            item = [part for part in item if isinstance(part, dict)] if deep else None
            if item:
                changed = [pd.to_datetime(p.get("modifiedAt"), errors="coerce", utc=True)
                           for p in item]  # fmt: skip
                first = pd.Series(changed).argmin() if pd.notna(changed).any() else 0
                item = item[first]
        if isinstance(item, dict):
            found |= _flat(item, f"{prefix}{key}.", deep)
        else:
            found[prefix + key] = "" if item is None else str(item)
    return found


def _records(values: list, name: str) -> Sheet:
    records, about = _records_of(values)
    if not records or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{name}: no records; give a JSON list of sessions or readings")
    for record in records:  # of GeoJSON: a point beside its properties
        if isinstance(record.get("properties"), dict):
            point = (record.pop("geometry", None) or {}).get("coordinates")
            record |= record.pop("properties")
            if isinstance(point, list) and len(point) >= 2 and not isinstance(point[0], list):
                record |= {"longitude": point[0], "latitude": point[1]}
    frame = pd.DataFrame(map(_flat, records)).fillna("").astype("str")
    place = about.pop("_meta", None)
    told = {k: v for k, v in about.items() if re.search(r"(?i)(^|[._])(unit|.*_?id)$", k)}
    if isinstance(place, dict) and place.get("site"):
        told["_meta.site"] = place["site"]
    for key, value in told.items():
        if key not in frame and isinstance(value, str | int):
            frame[key] = str(value)
    frame = frame.apply(lambda column: column.str.strip())
    return Sheet(name, frame, "JSON records")


def _green_button(text: str, name: str) -> Sheet:
    """Read Green Button (ESPI) interval readings: epoch starts, value times a power of ten."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise UserError(f"{name}: not readable XML, or cut short ({error})") from None

    def value(parent, tag: str) -> str:
        return next((e.text or "" for e in parent.iter() if e.tag.rsplit("}", 1)[-1] == tag), "")

    def every(tag: str):
        return (e for e in root.iter() if e.tag.rsplit("}", 1)[-1] == tag)

    kind = next(every("ReadingType"), root)
    unit = {"72": "Wh", "38": "W"}.get(value(kind, "uom"), "")
    try:
        scale = 10.0 ** int(value(kind, "powerOfTenMultiplier") or 0)
        rows = [
            (
                pd.Timestamp(int(value(reading, "start")), unit="s").strftime("%Y-%m-%dT%H:%M:%SZ"),
                str(float(value(reading, "value")) * scale),
            )
            for reading in every("IntervalReading")
        ]
    except (ValueError, OverflowError) as error:
        raise UserError(f"{name}: a start, value or multiplier is no number ({error})") from None
    if not rows:
        raise UserError(f"{name}: no interval readings in this XML")
    back = "export" if value(kind, "flowDirection") == "19" else "consumption"
    frame = pd.DataFrame(rows, columns=["interval_start", f"{back} {unit}".strip()], dtype="str")
    return Sheet(name, frame, "Green Button XML")


def _df2(text: str, name: str) -> Sheet:
    """Read a Stark DF2: `#O meter`, `#S channel`, then date, time, value, status."""
    rows, meter, channel = [], "", ""
    channels = {"1": "import", "2": "export", "3": "kVArh import", "4": "kVArh export"}
    for line in text.splitlines():
        if line.startswith("#O"):
            meter = line[2:].strip()
        elif line.startswith("#S"):
            channel = channels.get(line[2:].strip(), line[2:].strip())
        elif line.count(",") >= 2 and not line.startswith("#"):
            day, time, value, *status = (part.strip() for part in line.split(","))
            rows.append((meter, channel, f"{day} {time}", value, (status or [""])[0]))
    if not rows:
        raise UserError(f"{name}: a DF2 file without readings")
    names = ["DF2 meter", "DF2 channel", "DF2 time", "DF2 kWh", "DF2 status"]
    frame = pd.DataFrame(rows, columns=names, dtype="str")
    frame = frame[~frame["DF2 channel"].isin(["export", "kVArh import", "kVArh export"])]
    return Sheet(name, frame, "Stark DF2, import channel")
