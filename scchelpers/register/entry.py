"""Adding an entry: the only way in which a register changes."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.portfolio import Portfolio, tables
from scchelpers.portfolio.frames import as_typed, read_csv
from scchelpers.portfolio.register import FILE, SEAL, entry_faults, link, seal_text
from scchelpers.portfolio.rules import reference_faults, table_faults
from scchelpers.portfolio.store import write_aside
from scchelpers.register.book import read

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

GIVEN = tuple(c.name for c in tables.REGISTER if c.name not in ("entry_id", "supersedes", "chain"))


def append(folder: str | Path, entry: dict) -> str:
    """Add an entry to the register of a portfolio; what stands there is left as it is.

    Parameters
    ----------
    folder : path-like
        Portfolio folder on this machine.
    entry : dict
        Field to value (text as in a cell, or a number). What is not given is taken over from the
        site's entry before, but for approved_on, approved_by and reason. Its identifier, what it
        supersedes and its fingerprint are filled in.

    Returns
    -------
    str
        Identifier of the new entry.

    Raises
    ------
    UserError
        If the register has a fault already, a field is unknown, or the entry breaks a rule;
        nothing is written then.
    """
    unknown = [name for name in entry if name not in GIVEN]
    if unknown:
        hint = closest(unknown[0], GIVEN) or f"fields: {', '.join(GIVEN)}"
        raise UserError(f"{unknown[0]!r}: not a field of an entry; {hint}")
    portfolio = Portfolio.open(folder)
    with _alone(folder):
        return _added(portfolio, folder, entry)


@contextlib.contextmanager
def _alone(folder: str | Path) -> Iterator[None]:
    """Wait for anybody else who is adding an entry; a share that knows no locks has none."""
    with Path(folder, "portfolio.toml").open("rb") as held:
        if fcntl:
            with contextlib.suppress(OSError):
                fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _added(portfolio: Portfolio, folder: str | Path, entry: dict) -> str:
    book = read(portfolio)
    place = Path(folder) / FILE
    names = [column.name for column in tables.REGISTER]
    before = place.read_bytes() if place.exists() else (",".join(names) + "\n").encode()
    header = _header(before, place)
    row = _row(book, entry)
    raw, _ = read_csv(before, FILE)
    number = raw.index.max() + 1 if len(raw) else 2
    line = pd.DataFrame({name: [row.get(name, "")] for name in names}, index=[number])
    _refuse(portfolio, pd.concat([raw.reindex(columns=names, fill_value=""), line]), number)
    typed = as_typed(line, tables.REGISTER).iloc[0]
    row["chain"] = link(book.head, typed)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([row.get(name, "") for name in header])
    ending = b"" if before.endswith(b"\n") else b"\n"
    after = before + ending + text.getvalue().encode("utf-8")
    seal = seal_text(pd.Series([*book.rows["chain"], row["chain"]])) + "\n"
    write_aside(place, lambda path: path.write_bytes(after))
    write_aside(Path(folder) / SEAL, lambda path: path.write_text(seal, encoding="utf-8"))
    return row["entry_id"]


def _header(content: bytes, place: Path) -> list[str]:
    """Return the columns as they stand; a file saved in another form is refused."""
    try:
        header = next(csv.reader([content.decode("utf-8-sig").splitlines()[0]]))
    except (UnicodeDecodeError, StopIteration, IndexError):
        header = []
    header = [name.strip() for name in header]
    if "chain" not in header:
        raise UserError(
            f"{place}: not a table in UTF-8 with commas; save it so, then add the entry"
        )
    return header


def _row(book, entry: dict) -> dict[str, str]:
    given = {name: "" if value is None else str(value).strip() for name, value in entry.items()}
    own = book.rows[book.rows["site_id"] == given.get("site_id")]
    row = {}
    if len(own):
        last = own.iloc[-1]
        row = {name: _cell(last[name]) for name in GIVEN}
        row |= dict.fromkeys(("approved_on", "approved_by", "reason"), "")
    row |= given
    row["supersedes"] = own["entry_id"].iloc[-1] if len(own) else ""
    number = len(own) + 1
    while f"{row.get('site_id')}-{number}" in set(book.rows["entry_id"]):
        number += 1
    row["entry_id"] = f"{row.get('site_id')}-{number}"
    return row


def _cell(value) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return value if isinstance(value, str) else f"{value:.10g}"


def _refuse(portfolio: Portfolio, raw: pd.DataFrame, number: int) -> None:
    """Raise the first fault of the new row, its fingerprint apart."""
    new = raw.loc[[number]]
    columns = tuple(c for c in tables.REGISTER if c.name != "chain")
    faults = table_faults(new.drop(columns="chain"), columns, FILE)
    faults += reference_faults(new, "site_id", portfolio.site_ids, FILE, "sites.csv")
    assets, _ = portfolio.raw_table("assets.csv")
    known = assets["asset_id"].tolist() if "asset_id" in assets else []
    faults += reference_faults(new, "asset_id", known, FILE, "assets.csv")
    faults = faults or [fault for fault in entry_faults(raw) if fault.row == number]
    if faults:
        raise UserError(f"new entry: {faults[0]}")
