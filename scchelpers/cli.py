"""`scc`, the command line: make, import, check, list, run and export.

Each command is a thin layer over a function of the package and imports it only when it is called,
so that `scc --help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from scchelpers import __version__
from scchelpers.faults import UserError, closest

app = typer.Typer(
    help="How should a public EV charging site connect to the GB network? "
    "Import charging data, check it, and run the workbook's notebooks over every site.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(help="Portfolio folder.", show_default=False)]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
):
    if version:
        typer.echo(f"scc {__version__}")
        raise typer.Exit


@app.command()
def demo(folder: Folder, seed: Annotated[int, typer.Option(help="Seed of the synthesis.")] = 2025):
    """Build the demo portfolio: twelve synthetic GB sites and a measured one.

    Example: scc demo data/demo
    """
    from scchelpers.data import demo as demonstration

    demonstration.build(folder, seed=seed)
    typer.echo(f"Demo portfolio written to {folder}. Next: scc run {folder}")


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
    from scchelpers.data import importers

    if kind not in importers.KINDS:
        hint = closest(kind, importers.KINDS) or f"kinds: {', '.join(importers.KINDS)}"
        raise UserError(f"KIND = {kind!r}: no such importer; {hint}")
    report = importers.run(kind, files, into, **_typed_pairs(option, importers.KINDS[kind].read))
    typer.echo(json.dumps(report.as_dict(), indent=2) if as_json else report.text())


@app.command()
def check(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
):
    """Check every table of a portfolio and list all faults; exit status 1 if one is an error.

    Example: scc check data/demo
    """
    from scchelpers.data.check import check as check_portfolio

    report = check_portfolio(folder)
    typer.echo(report.as_json() if as_json else report.text())
    if any(fault.severity == "error" for fault in report.faults):
        raise typer.Exit(1)


@app.command("list")
def list_(
    notebook: Annotated[str | None, typer.Argument(help="One notebook; all by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="List as JSON.")] = False,
):
    """List the notebooks and their parameters with types, units and defaults.

    Example: scc list 01_load_diversity
    """
    from scchelpers.runner import parameters

    listing = parameters.listing(notebook)
    typer.echo(json.dumps(listing, indent=2) if as_json else parameters.listing_text(listing))


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
        "parameters": _pairs(parameter),
        "out": out,
        "force": force,
        "only_failed": only_failed,
    }
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
    if summary.failed:
        raise typer.Exit(1)


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

    from scchelpers.runner.status import standing

    found = standing(reports)
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else found.text())
    if found.failed:
        raise typer.Exit(1)


@app.command()
def export(
    scheme: Annotated[str, typer.Argument(help="tcc.")],
    site: Annotated[str, typer.Argument(help="Site to export.")],
    portfolio: Annotated[Path, typer.Option(help="Portfolio folder.")],
    into: Annotated[Path, typer.Option(help="File to write; replaced if it is there.")],
    form: Annotated[str, typer.Option("--as", metavar="FORMAT", help="csv or json.")] = "json",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="Option of the scheme."),
    ] = None,
):
    """Write a site's limit for the operator of its chargepoints.

    Example: scc export tcc elm-road-lamps --portfolio data/demo --as csv --into lamps.csv

    The windows are derived as in the notebook; options such as -o quantile=0.95 are those of its
    parameters (docs/tcc-windows.md).
    """
    from scchelpers import standards
    from scchelpers.data.portfolio import Portfolio

    options = _typed_pairs(option, standards.scheme(scheme))
    written = standards.export(Portfolio.open(portfolio).site(site), scheme, form, into, **options)
    typer.echo(f"Written: {written}")


def _pairs(texts: list[str] | None) -> dict[str, str]:
    """Split NAME=VALUE texts."""
    pairs = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"{text!r}: write NAME=VALUE")
        pairs[name] = value
    return pairs


def _typed_pairs(texts: list[str] | None, function) -> dict:
    """Give NAME=VALUE texts the types of a function's keyword arguments."""
    import inspect
    import typing

    from pydantic import TypeAdapter, ValidationError

    hints = typing.get_type_hints(function)
    allowed = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    typed = {}
    for name, value in _pairs(texts).items():
        if name not in allowed:
            hint = closest(name, allowed) or f"options: {', '.join(allowed) or 'none'}"
            raise UserError(f"option {name!r}: unknown; {hint}")
        try:
            typed[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise UserError(f"option {name} = {value!r}: {error.errors()[0]['msg']}") from None
    return typed


def main() -> None:
    """Run the command line; a fault in the input is one clear message, never a traceback."""
    try:
        app()
    except UserError as error:
        sys.exit(f"scc: {error}")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(f"scc: {place}{error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("SCC_DEBUG"):
            raise
        sys.exit(
            f"scc: unexpected {type(error).__name__}: {error}\n"
            "This is a fault of the workbook, not of your data; SCC_DEBUG=1 shows where."
        )


if __name__ == "__main__":
    main()
