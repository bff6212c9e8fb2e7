"""Commands that make, fill and check a portfolio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scchelpers.cli.app import Folder, app
from scchelpers.cli.options import pairs
from scchelpers.faults import UserError


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to work in.", show_default=False)],
):
    """Lay out a folder to work in: notebooks, demo portfolio, scratch; overwrites nothing.

    Example: scc init charging
    """
    from scchelpers.runner.notebooks import lay_out

    laid, kept = lay_out(folder)
    typer.echo(f"Laid out in {folder}: {', '.join(laid) or 'nothing, all is there'}")
    if laid and kept:
        typer.echo(f"There already, left as it is: {', '.join(kept)}")
    typer.echo(
        f"next: cd {folder}; scc run data/demo, or "
        "jupyter lab --notebook-dir=. notebooks/00_start_here.ipynb"
    )


@app.command("import")
def import_(
    kind: Annotated[
        str, typer.Argument(help="sessions, loads or assets; layouts lists those known.")
    ],
    files: Annotated[
        list[str] | None, typer.Argument(help="Files or folders to read.", show_default=False)
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Portfolio folder to add to, made if absent.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="A known layout, or a TOML file of your own.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="What a column is, a unit …"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what is read as what, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
):
    """Import sessions, loads or network assets; shows what was read as what; asks if in doubt.

    Examples: scc import sessions sessions-2019.csv --into data/perth --dry-run

    scc import loads feeder.csv --into data/perth -o series=mill-street -o power_factor=0.97

    docs/importing.md lists the layouts and the options.
    """
    from scchelpers import importers

    if kind == "layouts":
        for known in importers.known_layouts():
            typer.echo(f"{known.kind:<9} {known.name:<24} {known.title}")
        return
    importers.checked(kind, {})
    if into is None and not dry_run:
        raise UserError("name the portfolio: --into FOLDER (or --dry-run to look first)")
    told = pairs(option) | ({"layout": layout} if layout else {})
    if into is None:
        report = importers.read(kind, files or [], **told).report
    else:
        report = importers.run(kind, files or [], into, dry_run=dry_run, **told)
    typer.echo(json.dumps(report.as_dict(), indent=2) if as_json else report.text())
    if dry_run and not as_json:
        typer.echo("dry run: nothing is written")
    elif not as_json and kind == "assets":
        typer.echo(f"next: scc check {into}; loads and sites may name these assets")
    elif not as_json:
        typer.echo(
            f"next: fill in the blank columns of {into}/sites.csv (requested_kva, asset_id …); "
            f"scc check {into} says which notebooks each site can answer"
        )


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
