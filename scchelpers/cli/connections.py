"""Commands about a connection: exported, registered, reviewed, tested."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scchelpers.cli.app import Folder, app
from scchelpers.cli.options import pairs, typed_pairs


@app.command()
def export(
    scheme: Annotated[str, typer.Argument(help="tcc, clm or profiled.")],
    site: Annotated[str, typer.Argument(help="Site to export.")],
    portfolio: Annotated[Path, typer.Option(help="Portfolio folder.")],
    into: Annotated[Path, typer.Option(help="File to write; an export that is there is replaced.")],
    form: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="FORMAT",
            help="csv, json, half-hourly, ocpp-1.6, ocpp-2.0.1, ocpp-2.1, oscp-2.0, openadr-3.0.1, "
            "openadr-3.1.0, offer-html or offer-md.",
        ),
    ] = "json",
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", "-o", metavar="NAME=VALUE", help="Option of the scheme or the format."
        ),
    ] = None,
):
    """Write a site's limit for the operator of its chargepoints.

    Examples: scc export tcc elm-road-lamps --portfolio data/demo --as csv --into lamps.csv

    scc export clm village-hall --portfolio data/demo --as ocpp-1.6 --into hall.json
    -o limit_kva=60 -o start=2026-12-01

    docs/standards.md lists the formats and the options of schemes and formats.
    """
    from scchelpers import standards
    from scchelpers.portfolio import Portfolio

    options = typed_pairs(option, standards.scheme(scheme), standards.format_of(form))
    written = standards.export(Portfolio.open(portfolio).site(site), scheme, form, into, **options)
    typer.echo(f"Written: {written}")


@app.command()
def ready(
    chargers: Annotated[Path, typer.Argument(help="Charger list (CSV).", show_default=False)],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="NAME=VALUE", help="What the site has besides."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
):
    """Say which schemes a site's chargers can operate, and what they lack for the others.

    Example: scc ready chargers.csv -o site_metering=half-hourly -o signal=oscp-2.0

    docs/standards.md lists the columns and the options.
    """
    from scchelpers.standards import readiness

    equipment = readiness.Equipment(**typed_pairs(option, readiness.Equipment))
    found = readiness.scheme_readiness(readiness.read_chargers(chargers), equipment)
    typer.echo(found.to_json(orient="index", indent=2) if as_json else _readiness_text(found))


@app.command("register")
def register_(
    folder: Folder,
    site: Annotated[str | None, typer.Option(help="Site whose entries to show.")] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Field of an entry to add; repeat for several."),
    ] = None,
):
    """Show the terms in force and how they came about, or add an entry; none is ever changed.

    Example: scc register data/demo --site elm-road-lamps

    docs/register.md names the fields.
    """
    from scchelpers import register
    from scchelpers.portfolio import Portfolio

    if add:
        typer.echo(f"Added: {register.append(folder, pairs(add))}")
    else:
        typer.echo(register.text(register.read(Portfolio.open(folder)), site))


@app.command()
def review(
    folder: Folder,
    as_of: Annotated[
        str, typer.Option(metavar="DAY", help="Day of the review; by default the end of records.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
):
    """List the registered connections, those that need action first.

    Example: scc review data/demo --as-of 2026-03-31
    """
    from scchelpers import compliance

    table, day = compliance.review_portfolio(folder, as_of)
    written = compliance.review_json if as_json else compliance.review_text
    typer.echo(written(table, day))


@app.command("type-test")
def type_test(
    log: Annotated[str, typer.Argument(help="CSV file of the test.", show_default=False)],
    failsafe_kw: Annotated[
        float | None, typer.Option(min=0, help="What may be charged without a signal [kW].")
    ] = None,
):
    """Work out the type-test sheet of a controller; exit status 1 if it fails a demand.

    Example: scc type-test commissioning.csv --failsafe-kw 10
    """
    from scchelpers import compliance
    from scchelpers.portfolio.logs import read_log

    safe = float("nan") if failsafe_kw is None else failsafe_kw
    sheet = compliance.type_test_sheet(read_log(log), failsafe_kw=safe)
    typer.echo(sheet.to_string())
    if (sheet["verdict"] == "failed").any():
        raise typer.Exit(1)


def _readiness_text(found) -> str:
    """Return a readiness table for reading on a terminal."""
    lines = []
    for scheme, row in found.iterrows():
        managed = f"{row.managed or 'no'} charger{'s' * (row.managed != 1)} managed"
        lines.append(
            f"{scheme}: {row.ready} ({managed}, "
            f"{row.unmanaged_kw:g} kW to be kept free, no car stops above {row.lowest_kw:g} kW)"
        )
        lines += [
            f"  lacks {lack} -> {remedy}"
            for lack, remedy in zip(row.lacks, row.remedy, strict=True)
        ]
    return "\n".join(lines)
