"""Commands that run notebooks and say how a run stands."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from scchelpers.cli.app import app
from scchelpers.cli.options import pairs


@app.command("list")
def list_(
    notebook: Annotated[str | None, typer.Argument(help="One notebook; all by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="List as JSON.")] = False,
):
    """List the notebooks and their parameters with types, units and defaults.

    Example: scc list 01_load_diversity
    """
    from scchelpers.runner import notebooks

    listing = notebooks.listing(notebook)
    typer.echo(json.dumps(listing, indent=2) if as_json else notebooks.listing_text(listing))
    if notebook is None:
        _say_passed_over()


def _say_passed_over() -> None:
    """Name on standard error the notebooks beside the others that no batch runs."""
    from scchelpers.runner import notebooks

    if idle := notebooks.passed_over(notebooks.folder()):
        typer.echo(f"Passed over, copies or without a parameters cell: {', '.join(idle)}", err=True)


@app.command()
def run(
    folder: Annotated[
        str, typer.Argument(help="Portfolio folder or fsspec address.", show_default=False)
    ],
    notebook: Annotated[
        list[str] | None, typer.Option(help="Notebook to run; repeat for several. All by default.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="Site to run; repeat for several. All by default.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Parameter of the notebooks."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes side by side; one a core by default.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers run them instead."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder of the reports; reports/<portfolio> by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run what has not changed, too.")] = False,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Run what failed last, nothing else.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run and why, and run nothing.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Longest time of one run [s].")
    ] = None,
    memory_mb: Annotated[
        float | None, typer.Option(min=1, help="Most memory that one run may allocate [MB].")
    ] = None,
):
    """Run the notebooks over every site and publish reports and an index page.

    Only what changed or failed since the last run is run. A site that fails never stops the rest;
    the index shows it and the exit status is 1.

    Example: scc run data/demo --site elm-road-lamps -p seed=1 --workers 2
    """
    from scchelpers.runner import batch, plan

    asked = {
        "notebooks": notebook,
        "sites": site,
        "parameters": pairs(parameter),
        "out": out,
        "force": force,
        "only_failed": only_failed,
    }
    if notebook is None:
        _say_passed_over()
    if dry_run:
        typer.echo(plan.text(batch.dry_run(folder, **asked)))
        return
    summary = batch.run(
        folder,
        workers=workers,
        scheduler=scheduler,
        seconds=seconds,
        memory_mb=memory_mb,
        **asked,
    )
    typer.echo(summary.text())
    if summary.exit_status:
        raise typer.Exit(summary.exit_status)


@app.command()
def status(
    reports: Annotated[
        str, typer.Argument(help="Folder of a portfolio's reports.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
):
    """Say how a run stands, in progress or finished; exit status 1 if a run failed.

    Example: scc status reports/demo
    """
    from dataclasses import asdict

    from scchelpers.runner.journal import standing

    found = standing(reports)
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else found.text())
    if found.failed:
        raise typer.Exit(1)
