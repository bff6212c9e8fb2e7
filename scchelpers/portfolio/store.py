"""Writing a portfolio: each file is written aside and put in place whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr
from zarr.codecs import BloscCodec

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, sessions_frame, tables
from scchelpers.portfolio.frames import as_typed
from scchelpers.portfolio.register import SEAL, link, seal_text
from scchelpers.portfolio.rules import unique_faults
from scchelpers.timebase import LONDON, naive_utc

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

_LOCK = ".lock"

# Rows that one Parquet row group holds at most: small enough to read one site, large enough to
# keep the footer of a portfolio of thousands of sites short.
_ROW_GROUP = 20_000


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file or folder under a temporary name beside it, then put it in place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        write(aside / path.name)
        _settle(aside / path.name)
        if path.is_dir():
            path.rename(aside / "before")
        (aside / path.name).replace(path)
        _settle(path.parent, of_folder=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _settle(path: Path, *, of_folder: bool = False) -> None:
    """Wait until what was written is on the disk: a rename must never outlive its content.

    Of a folder that something was put into, only its own entries.
    """
    if of_folder:
        with contextlib.suppress(OSError):  # some systems open no folder
            place = os.open(path, os.O_RDONLY)
            try:
                os.fsync(place)
            finally:
                os.close(place)
        return
    for file in (path,) if path.is_file() else (p for p in path.rglob("*") if p.is_file()):
        with file.open("rb") as written:
            os.fsync(written.fileno())


_held = threading.local()


@contextlib.contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Wait for anybody else who writes a portfolio, and hold it until the end of the block.

    The lock is a file of its own, which no write replaces; a share that knows no locks has none.
    Who holds it already goes on at once.
    """
    folder = Path(folder).resolve()
    held = _held.__dict__.setdefault("folders", set())
    if folder in held:
        yield
        return
    place = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if fcntl:
            with contextlib.suppress(OSError):
                fcntl.flock(place, fcntl.LOCK_EX)
        held.add(folder)
        yield
    finally:
        held.discard(folder)
        os.close(place)


def sweep(folder: str | Path) -> None:
    """Take away what writers that were killed left unfinished; only for who holds `alone`."""
    folder = Path(folder)
    places = [folder, folder / "imports", folder / "networks", folder / "loads.zarr"]
    for place in [*places, *(folder / "loads.zarr" / group for group in tables.LOADS)]:
        for left in place.glob(".*.????????") if place.is_dir() else ():
            ours = left.is_dir() and not left.is_symlink()
            if ours and {p.name for p in left.iterdir()} <= {_of_aside(left), "before"}:
                if (left / "before").exists() and not (place / _of_aside(left)).exists():
                    (left / "before").rename(place / _of_aside(left))
                shutil.rmtree(left, ignore_errors=True)


def _of_aside(left: Path) -> str:
    """Return the name of what was to be put in place from a folder beside it."""
    return left.name[1:].rpartition(".")[0]


def write_header(
    folder: Path,
    *,
    name: str,
    title: str,
    description: str,
    timezone: str = LONDON,
    sources: Iterable[dict] = (),
) -> None:
    """Write `portfolio.toml`.

    Parameters
    ----------
    folder : Path
        Portfolio folder.
    name, title, description : str
        Short name fit for a folder; heading; one paragraph for people.
    timezone : str
        IANA zone of the portfolio's clock.
    sources : iterable of dict
        One an input, keys such as title, licence, attribution, provenance ("measured" or
        "synthetic").
    """
    lines = [
        f"name = {_toml(name)}",
        f"title = {_toml(title)}",
        f"description = {_toml(description)}",
        f"timezone = {_toml(timezone)}",
    ]
    for source in sources:
        lines += ["", "[[sources]]", *(f"{key} = {_toml(value)}" for key, value in source.items())]
    text = "\n".join(lines) + "\n"
    write_aside(folder / "portfolio.toml", lambda path: path.write_text(text, encoding="utf-8"))


def _toml(value: str) -> str:
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    for control in {c for c in escaped if ord(c) < 32 or ord(c) == 127}:
        escaped = escaped.replace(control, f"\\u{ord(control):04x}")
    return f'"{escaped}"'


def write_table(folder: Path, name: str, rows: pd.DataFrame) -> None:
    """Write a CSV table of `tables.TABLES`; columns all missing are left out.

    Columns that `tables` does not know stand last.
    """
    text = _as_text(rows, name)
    write_aside(folder / name, lambda path: text.to_csv(path, index=False, lineterminator="\n"))


def _as_text(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table as the text that its file holds; missing is blank."""
    text = {}
    columns = {c.name: c for c in tables.TABLES[name]}
    for column in [*columns, *(c for c in rows.columns if c not in columns)]:
        required = column in columns and columns[column].required
        if column not in rows or not (required or rows[column].notna().any()):
            continue
        values = rows[column]
        number = pd.api.types.is_numeric_dtype(values)
        written = values.map(lambda value: f"{value:.10g}") if number else values.astype(str)
        text[column] = written.astype(object).where(values.notna(), "")
    return pd.DataFrame(text, index=rows.index)


def _filled(known: Portfolio, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a table holds, as it is written, with its blanks and new rows from `rows`."""
    key = tables.TABLES[name][0].name
    before, faults = known.raw_table(name)
    faults = faults or unique_faults(before, key, name)
    if faults:
        raise UserError(f"{known.path}/{faults[0]}")
    if key not in before:
        raise UserError(f"{known.path}/{name}: no column {key}; see docs/portfolio.md")
    new = _as_text(rows, name).set_index(key).replace("", None)
    kept = before.astype(object).set_index(key).replace("", None)
    return (
        kept.combine_first(new)
        .reindex([*kept.index, *new.index.difference(kept.index, sort=False)])
        .reset_index()
    )


def write_sessions(folder: Path, sessions: pd.DataFrame) -> None:
    """Write `sessions.parquet`, sorted by site so that one site is read without the others."""
    rows = sessions_frame(sessions).sort_values(
        ["site_id", "plug_in", "session_id"], ignore_index=True, kind="stable"
    )
    optional = [c.name for c in tables.SESSIONS if not c.required and rows[c.name].isna().all()]
    table = pa.Table.from_pandas(rows.drop(columns=optional), preserve_index=False)
    table = table.replace_schema_metadata(None)
    # Instants in order and numbered identifiers differ little from row to row: stored as
    # differences they take a third of the room.
    deltas = {"session_id": "DELTA_BYTE_ARRAY"} | {
        c.name: "DELTA_BINARY_PACKED"
        for c in tables.SESSIONS
        if c.kind == "instant" and c.name in table.column_names
    }
    write_aside(
        folder / "sessions.parquet",
        lambda path: pq.write_table(
            table,
            path,
            row_group_size=_ROW_GROUP,
            compression="zstd",
            compression_level=12,
            use_dictionary=[name for name in table.column_names if name not in deltas],
            column_encoding=deltas,
        ),
    )


def write_register(folder: Path, rows: pd.DataFrame) -> None:
    """Write `register.csv` from entries without fingerprints, in order, and seal it.

    Only for a register that is made anew: entries are added to one by `register.append`.
    """
    typed = as_typed(_as_text(rows, "register.csv").astype(str), tables.REGISTER)
    chains, before = [], ""
    for _, entry in typed.iterrows():
        chains.append(before := link(before, entry))
    sealed = rows.assign(chain=chains)
    write_table(folder, "register.csv", sealed)
    seal = seal_text(sealed["chain"]) + "\n"
    write_aside(folder / SEAL, lambda path: path.write_text(seal, encoding="utf-8"))


def write_network(folder: Path, network_id: str, text: str) -> None:
    """Write a network model, the JSON text of power-grid-model."""
    write_aside(
        folder / "networks" / f"{network_id}.json",
        lambda path: path.write_text(text, encoding="utf-8"),
    )


def write_loads(folder: Path, group: str, series_id: str, load: xr.Dataset) -> None:
    """Write one load series to `loads.zarr/<group>/<series_id>`.

    Parameters
    ----------
    folder : Path
        Portfolio folder.
    group : str
        A group of `tables.LOADS`.
    series_id : str
        Site or asset.
    load : xarray.Dataset
        Variables of `tables.LOADS[group]` over `time` (UTC, interval starts); missing is NaN.
    """
    if not tables.is_id(series_id):
        raise UserError(f"load series id = {series_id!r}: must be {tables.ID_RULE}")
    stored = load[[name for name in tables.LOADS[group] if name in load]].astype("float32")
    stored = stored.assign_coords(time=naive_utc(load["time"].values).astype("datetime64[s]"))
    # Bytes of like weight side by side: a year of minutes shrinks from 660 kB to 6 kB.
    compressor = BloscCodec(cname="zstd", clevel=9, shuffle="shuffle")
    encoding = {
        str(name): {"chunks": (stored.sizes["time"],), "compressors": (compressor,)}
        for name in stored.variables
    }
    encoding["time"] |= {"units": "seconds since 1970-01-01", "dtype": "int64"}

    def write(path: Path) -> None:
        stored.drop_attrs().to_zarr(path, mode="w", encoding=encoding, consolidated=False)

    write_aside(folder / "loads.zarr" / group / series_id, write)
    for parent in (folder / "loads.zarr", folder / "loads.zarr" / group):
        root = parent / "zarr.json"
        if not root.exists():
            write_aside(root, lambda path: path.write_text(
                '{"attributes": {}, "node_type": "group", "zarr_format": 3}\n'))  # fmt: skip


def merge(
    folder: str | os.PathLike,
    *,
    sites: pd.DataFrame | None = None,
    chargepoints: pd.DataFrame | None = None,
    assets: pd.DataFrame | None = None,
    sessions: pd.DataFrame | None = None,
    loads: dict[tuple[str, str], xr.Dataset] | None = None,
    header: dict | None = None,
) -> None:
    """Add imported rows to a portfolio folder, made if it is not there.

    What people may have edited wins: in the CSV tables a row that is there keeps its values and
    only its blanks are filled. A session of the same session_id and a load series of the same id
    are replaced.

    Parameters
    ----------
    folder : path-like
        Portfolio folder on this machine.
    sites, chargepoints, assets, sessions : pandas.DataFrame, optional
        Rows in the columns of `tables`.
    loads : dict, optional
        (group, series_id) to Dataset, see `write_loads`.
    header : dict, optional
        Arguments of `write_header`; on an existing portfolio only its sources are added.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        _merge(folder, sites, chargepoints, assets, sessions, loads, header or {})


def _merge(folder: Path, sites, chargepoints, assets, sessions, loads, header: dict) -> None:
    known = Portfolio.open(folder) if (folder / "portfolio.toml").exists() else None
    if known is not None:
        kept = known.header.get("sources", [])
        new = [s for s in header.get("sources", []) if s not in kept]
        header = {**header, **known.header, "sources": [*kept, *new]}
    for name, rows in (
        ("sites.csv", sites),
        ("chargepoints.csv", chargepoints),
        ("assets.csv", assets),
    ):
        if rows is None or rows.empty:
            continue
        if known is not None and known.exists(name):
            rows = _filled(known, name, rows)
        write_table(folder, name, rows)
    if sessions is not None:
        if known is not None:
            before = known.sessions()
            before = before[~before["session_id"].isin(sessions["session_id"])]
            sessions = pd.concat([before, sessions_frame(sessions)]) if len(before) else sessions
        write_sessions(folder, sessions)
    for (group, series_id), load in (loads or {}).items():
        write_loads(folder, group, series_id, load)
    allowed = ("name", "title", "description", "timezone", "sources")
    fields = {key: header[key] for key in allowed if key in header}
    fields.setdefault("name", tables.as_id(folder.resolve().name))
    fields.setdefault("title", fields["name"])
    fields.setdefault("description", "")
    write_header(folder, **fields)
