"""Reading delimited text as people publish it: any encoding, any separator, nothing lost."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError

# What publishers write where they have nothing to say.
EMPTY = {"", "na", "n/a", "nan", "null", "none", "-", "#n/a"}


@dataclass(frozen=True)
class Delimited:
    """A delimited text file, as text.

    Attributes
    ----------
    path : str
        File, as it was named.
    header : list of str
        Column names, without blanks around them.
    rows : pandas.DataFrame
        Values as text by column number, blanks stripped and missing as ""; the index is the line
        of the file as a spreadsheet numbers it. Blank lines are not rows.
    ragged : pandas.Series
        Which rows have more or fewer fields than the header.
    notes : tuple of str
        What the reader should know.
    """

    path: str
    header: list[str]
    rows: pd.DataFrame
    ragged: pd.Series
    notes: tuple[str, ...] = ()


def read_bytes(path: str | Path) -> bytes:
    """Return the bytes of a file, unpacked if it is gzipped.

    Raises
    ------
    UserError
        If the file is missing, not a file, empty, or its gzip stream is cut or damaged.
    """
    try:
        data = Path(path).read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UserError(
            f"{path}: the gzip stream is cut or damaged; fetch the file again"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if not data.strip():
        raise UserError(f"{path}: the file is empty")
    return data


def read_delimited(path: str | Path, is_header: Callable[[list[str]], bool]) -> Delimited:
    """Read a delimited text file whole.

    Parameters
    ----------
    path : path-like
        CSV in UTF-8 (with or without BOM), UTF-16 with BOM or Windows-1252; separated by commas,
        semicolons, tabs or bars; gzipped or not.
    is_header : callable
        Tells whether a row holds the column names; titles above it are passed over.

    Raises
    ------
    UserError
        If the file cannot be decoded, is cut inside a row, or none of its first ten rows is a
        header.
    """
    data = read_bytes(path)
    if data[:4] == b"PK\x03\x04":
        raise UserError(f"{path}: a spreadsheet or zip file; save its sheet as CSV and import that")
    text = _decoded(data, path)
    for separator in sorted(",;\t|", key=text[:4000].count, reverse=True):
        lines = _lines(text, separator, path)
        top = next((i for i, (_, row) in enumerate(lines[:10]) if is_header(row)), None)
        if top is not None:
            break
    else:
        seen = ", ".join(lines[0][1])[:200] if lines else ""
        raise UserError(
            f"{path}: no row of column names among its first rows (seen: {seen}); needed are a "
            "chargepoint, a start, an end or duration, and an energy: see docs/importing.md"
        )
    header = [name.strip() for name in lines[top][1]]
    body = lines[top + 1 :]
    if not body:
        raise UserError(f"{path}: column names but no rows below them")
    whole_end = text.endswith(("\n", "\r"))
    if not whole_end and len(body[-1][1]) < len(header):
        raise UserError(
            f"{path}, row {body[-1][0]}: the file ends inside a row ({len(body[-1][1])} of "
            f"{len(header)} fields): it was cut; fetch it again"
        )
    notes: tuple[str, ...] = ()
    if not whole_end:
        _refuse_cut_word([row[-1].strip() for _, row in body], body[-1][0], path)
        notes = (f"{Path(path).name} ends without a line break: if it was cut, rows are missing",)
    width = len(header)
    ragged = [len(row) < width or any(cell.strip() for cell in row[width:]) for _, row in body]
    values = [[cell.strip() for cell in (row + [""] * width)[:width]] for _, row in body]
    numbers = [number for number, _ in body]
    rows = pd.DataFrame(values, index=numbers, dtype=object)
    rows = rows.map(lambda cell: "" if cell.lower() in EMPTY else cell)
    return Delimited(str(path), header, rows, pd.Series(ragged, index=numbers), notes)


def _refuse_cut_word(words: list[str], line: int, path: str | Path) -> None:
    """Refuse a file whose last word, found nowhere else, is the beginning of another."""
    last, others = words[-1], {*words[:-1]}
    whole = next((w for w in sorted(others) if w.startswith(last) and w != last), None)
    number = last.replace(".", "").replace(":", "").replace("-", "").isdigit()
    if last and not number and last not in others and whole:
        raise UserError(
            f"{path}, row {line}: the file ends inside a row ({last!r}, elsewhere {whole!r}): it "
            "was cut; fetch it again"
        )


def _decoded(data: bytes, path: str | Path) -> str:
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UserError(f"{path}: not a text file; save it as CSV in UTF-8")


def _lines(text: str, separator: str, path: str | Path) -> list[tuple[int, list[str]]]:
    """Return (line number, fields) of every line that holds something."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))  # noqa: PERF401 (line_num moves with the row)
    except csv.Error as error:
        raise UserError(
            f"{path}, row {reader.line_num}: not readable as CSV ({error}); if the file was cut, "
            "fetch it again"
        ) from None
    return rows
