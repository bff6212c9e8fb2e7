"""`scc check`: every fault of a portfolio, with its place, its rule and its remedy."""

from __future__ import annotations

import pandas as pd

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import Portfolio, frames, tables
from scchelpers.portfolio.check.loads import check_loads
from scchelpers.portfolio.check.networks import check_networks
from scchelpers.portfolio.check.register import check_register
from scchelpers.portfolio.check.report import SEVERITIES, CheckReport, unreadable
from scchelpers.portfolio.check.sessions import check_sessions
from scchelpers.portfolio.rules.sessions import set_aside
from scchelpers.portfolio.rules.tables import (
    cycle_faults,
    reference_faults,
    table_faults,
    unique_faults,
    values_of,
)
from scchelpers.timebase import zone

__all__ = ["CheckReport", "check", "set_aside"]

HEADER = ("name", "title", "description", "timezone", "power_factor", "sources")


def check(folder) -> CheckReport:
    """List every fault of a portfolio; bad input is reported, never raised.

    Parameters
    ----------
    folder : str or path-like
        Portfolio folder or fsspec address.

    Returns
    -------
    CheckReport
        Faults of severity "error" (the site cannot be analysed until it is mended), "set aside"
        (the row is left out of the analysis and counted) and "note".
    """
    faults: list[Fault] = []
    try:
        portfolio = Portfolio.open(folder)
    except UserError as error:
        remedy = "name a portfolio folder, or mend the file"
        broken = Fault("portfolio.toml", None, "", str(error), "must be readable TOML", remedy)
        return CheckReport(str(folder), [broken])
    faults += _check_header(portfolio)
    raw = {}
    for name in ("sites.csv", "chargepoints.csv", "assets.csv"):
        raw[name] = _check_table(portfolio, name, faults)
    sites, posts, assets = raw.values()
    faults += reference_faults(
        posts, "site_id", values_of(sites, "site_id"), "chargepoints.csv", "sites.csv"
    )
    known_assets = values_of(assets, "asset_id")
    faults += reference_faults(sites, "asset_id", known_assets, "sites.csv", "assets.csv")
    faults += reference_faults(assets, "parent_id", known_assets, "assets.csv", "assets.csv")
    faults += cycle_faults(assets, "assets.csv")
    faults += _rating_notes(assets)
    faults += check_networks(portfolio, sites, known_assets)
    faults += check_register(portfolio, values_of(sites, "site_id"), known_assets)
    used = check_sessions(portfolio, sites, posts, faults)
    faults += _idle_notes(sites, posts, used)
    for group, known in (
        ("residual_kw", values_of(sites, "site_id")),
        ("import_kw", values_of(sites, "site_id")),
        ("setpoint_kw", values_of(sites, "site_id")),
        ("network_kva", known_assets),
    ):
        faults += check_loads(portfolio, group, known, assets)

    def order(fault):
        return SEVERITIES.index(fault.severity), fault.file, fault.field, fault.rule, fault.row or 0

    return CheckReport(str(folder), sorted(faults, key=order))


def _check_header(portfolio: Portfolio) -> list[Fault]:
    header, faults = portfolio.header, []

    def fault(field, value, rule, remedy, severity="error"):
        faults.append(Fault("portfolio.toml", None, field, str(value)[:80], rule, remedy, severity))

    name = header.get("name", "")
    if not tables.is_id(name):
        rule, remedy = f"must be fit for a path: {tables.ID_RULE}", tables.as_id(str(name))
        fault("name", name, rule, f"write such as {remedy!r}")
    try:
        zone(portfolio.timezone)
    except UserError:
        fault(
            "timezone", portfolio.timezone, "must be an IANA time zone", "such as 'Europe/London'"
        )
    try:
        _ = portfolio.power_factor
    except UserError:
        rule = "must be a number above 0 and at most 1"
        fault("power_factor", header["power_factor"], rule, "write such as power_factor = 0.95")
    for key, value in header.items():
        if key not in HEADER:
            hint = closest(key, HEADER) or "nothing to do: it is not read"
            fault(key, value, "must be a key that docs/portfolio.md names", hint, "note")
    sources = header.get("sources", [])
    if not (isinstance(sources, list) and all(isinstance(source, dict) for source in sources)):
        fault("sources", sources, "must be tables", "write [[sources]] before each source's keys")
        return faults
    if not sources:
        remedy = "say for each input: title, licence, attribution, provenance"
        fault("sources", "", "should name the source of each input", remedy, "note")
    for number, source in enumerate(sources, start=1):
        for key in ("title", "licence", "provenance"):
            if not source.get(key):
                field = f"sources[{number}].{key}"
                fault(field, "", "should be stated", f"write {key} = …", "note")
    return faults


def _check_table(portfolio: Portfolio, name: str, faults: list[Fault]) -> pd.DataFrame:
    columns = tables.TABLES[name]
    try:
        raw, form = portfolio.raw_table(name)
    except UserError as error:
        faults.append(unreadable(name, error))
        return pd.DataFrame()
    faults += form
    if len(raw.columns):
        faults += table_faults(raw, columns, name)
        faults += unique_faults(raw, columns[0].name, name)
    return raw


def _rating_notes(assets: pd.DataFrame) -> list[Fault]:
    typed = frames.as_typed(assets, tables.ASSETS)
    ratings = typed[[f"rating_{season}_kva" for season in tables.RATING_SEASONS]]
    rule = "should have a rating for every season"
    remedy = "fill in the ratings; notebooks that compare load with rating leave the asset out"
    return [
        Fault("assets.csv", int(row), f"rating_{season}_kva", "", rule, remedy, "note")
        for row, known in ratings.notna().iterrows()
        for season in tables.RATING_SEASONS
        if not known[f"rating_{season}_kva"]
    ]


def _idle_notes(sites: pd.DataFrame, posts: pd.DataFrame, used: set[str]) -> list[Fault]:
    faults = []
    if "site_id" in sites:
        bare = sites[(sites["site_id"] != "") & ~sites["site_id"].isin(values_of(posts, "site_id"))]
        rule, remedy = "should have chargepoints", "add them to chargepoints.csv"
        faults += [
            Fault("sites.csv", int(row), "site_id", site, rule, remedy, "note", site)
            for row, site in bare["site_id"].items()
        ]
    if "evse_id" in posts:
        idle = posts[(posts["evse_id"] != "") & ~posts["evse_id"].isin(used)]
        sites_of = idle.get("site_id", pd.Series("", index=idle.index))
        rule, remedy = "should have sessions", "nothing to do if it was never used"
        faults += [
            Fault(
                "chargepoints.csv", int(row), "evse_id", evse, rule, remedy, "note", sites_of[row]
            )
            for row, evse in idle["evse_id"].items()
        ]
    return faults
