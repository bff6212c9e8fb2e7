"""Commands that make, fill and check a portfolio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scchelpers.cli.app import Folder, app
from scchelpers.cli.options import typed_pairs
from scchelpers.faults import UserError, closest


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="council, acn, halfhourly or ocpi.")],
    files: Annotated[list[str], typer.Argument(help="Files to read.", show_default=False)],
    into: Annotated[Path, typer.Option(help="Portfolio folder to add to, made if absent.")],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="Option of the importer."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
):
    """Import charging sessions or loads, and report rows kept, mended and set aside.

    Examples: scc import council sessions-2019.csv --into data/perth

    scc import halfhourly feeder.csv --into data/perth -o series_id=mill-street -o power_factor=0.97

    docs/importing.md lists the kinds and their options.
    """
    from scchelpers import importers

    if kind not in importers.KINDS:
        hint = closest(kind, importers.KINDS) or f"kinds: {', '.join(importers.KINDS)}"
        raise UserError(f"KIND = {kind!r}: no such importer; {hint}")
    report = importers.run(kind, files, into, **typed_pairs(option, importers.KINDS[kind].read))
    typer.echo(json.dumps(report.as_dict(), indent=2) if as_json else report.text())


@app.command()
def check(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
):
    """Check every table of a portfolio and list all faults; exit status 1 if one is an error.

    Example: scc check data/demo
    """
    from scchelpers.portfolio.check import check_portfolio

    report = check_portfolio(folder)
    typer.echo(report.as_json() if as_json else report.text())
    if any(fault.severity == "error" for fault in report.faults):
        raise typer.Exit(1)
