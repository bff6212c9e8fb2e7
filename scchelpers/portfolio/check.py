"""`scc check`: every fault of a portfolio, with its place, its rule and its remedy."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

import pandas as pd

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import Portfolio, frames, plausible, tables
from scchelpers.portfolio.network import faults as network_faults
from scchelpers.portfolio.register import FILE, SEAL, chain_faults, entry_faults
from scchelpers.portfolio.rules import (
    coverage_faults,
    cycle_faults,
    header_faults,
    load_faults,
    reference_faults,
    set_aside,
    table_faults,
    unique_faults,
    values_of,
)
from scchelpers.timebase import zone

SEVERITIES = ("error", "set aside", "note")

SHOWN = 20  # faults of one rule that the text prints


@dataclass(frozen=True)
class _CheckReport:
    """What `check` found."""

    folder: str
    faults: list[Fault]
    lacks: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Number of faults by severity."""
        found = Counter(fault.severity for fault in self.faults)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def rules(self) -> dict[str, dict[str, int]]:
        """Number of faults by severity and rule."""
        found = {severity: Counter() for severity in SEVERITIES}
        for fault in self.faults:
            found[fault.severity][fault.rule] += 1
        return {severity: dict(rules.most_common()) for severity, rules in found.items()}

    def as_json(self) -> str:
        """Return the report as JSON text, with every fault."""
        report = {
            "folder": self.folder,
            "counts": self.counts,
            "rules": self.rules,
            "faults": [fault.as_dict() for fault in self.faults],
            "lacks": self.lacks,
        }
        return json.dumps(report, indent=2, ensure_ascii=False)

    def text(self) -> str:
        """Return the report as lines for people; of each rule the first few faults."""
        counts = self.counts
        lines = [
            f"{self.folder}: {counts['error']} errors, {counts['set aside']} faults in rows set "
            f"aside, {counts['note']} notes"
        ]

        def kind(fault):
            return fault.severity, fault.file, fault.field, fault.rule

        for (severity, file, column, rule), same in groupby(self.faults, key=kind):
            same = list(same)
            place = f"{file}, {column}" if column else file
            lines += ["", f"{severity}: {place}: {rule} ({len(same)})"]
            lines += [f"  {_line(fault)}" for fault in same[:SHOWN]]
            if len(same) > SHOWN:
                lines.append(f"  … and {len(same) - SHOWN} more; `scc check --json` lists them all")
        answers = {notebook: sites for notebook, sites in self.lacks.items() if sites}
        lines += ["", "what each notebook can answer:"] if answers else []
        for notebook, sites in answers.items():
            able = sum(not lacking for lacking in sites.values())
            lacking = Counter(what for found in sites.values() for what in found)
            rest = ", ".join(f"{what} ({n})" for what, n in lacking.most_common())
            lines.append(
                f"  {notebook}: {able} of {len(sites)} sites"
                + (f"; lacking {rest}" if rest else "")
            )
        return "\n".join(lines)


def _line(fault: Fault) -> str:
    row = "" if fault.row is None else f"row {fault.row}"
    value = repr(fault.value) if fault.value else "blank" if fault.row else ""
    where = ": ".join(part for part in (row, value) if part)
    return f"{where} → {fault.remedy}" if where else fault.remedy


def unreadable(file: str, error: Exception) -> Fault:
    """Return the fault of a file that could not be read."""
    return Fault(file, None, "", str(error), "must be readable", "mend or restore the file")


def _check_loads(portfolio, group: str, known: list[str], assets: pd.DataFrame) -> list[Fault]:
    """Return the faults of the load series of a group; `known` are the sites or assets there."""
    typed = frames.as_typed(assets, tables.ASSETS).drop_duplicates("asset_id")
    seasons = [f"rating_{season}_kva" for season in tables.RATING_SEASONS]
    ratings = typed.set_index("asset_id")[seasons].max(axis=1)
    target = "assets.csv" if group == "network_kva" else "sites.csv"
    faults = []
    for series_id in portfolio.series(group):
        place = f"loads.zarr/{group}/{series_id}"
        if series_id not in known:
            remedy = closest(series_id, known) or f"add it to {target}, or delete the series"
            rule = f"must be in {target}"
            faults.append(Fault(place, None, "", series_id, rule, remedy, "set aside"))
            continue
        try:
            load = portfolio.load(group, series_id)
        except UserError as error:
            faults.append(unreadable(place, error))
            continue
        if load is None:
            faults.append(unreadable(place, UserError("no zarr.json there")))
            continue
        rating = ratings.get(series_id) if group == "network_kva" else None
        faults += load_faults(load, group, series_id, rating)
    return faults


def _check_networks(portfolio, sites: pd.DataFrame, assets: list[str]) -> list[Fault]:
    """Return the faults of every network model, and of the sites' places in them."""
    known = portfolio.network_ids
    faults = reference_faults(sites, "network_id", known, "sites.csv", "networks/ as <id>.json")
    used = values_of(sites, "network_id")
    for network_id in known:
        file = f"networks/{network_id}.json"
        for sound, rule, remedy in (
            (
                network_id in used,
                "should have sites",
                "name it as network_id in sites.csv, or delete it",
            ),
            (
                network_id in assets,
                "should be named after the asset that feeds it",
                "rename it to an asset_id of assets.csv: that asset's load is its load",
            ),
        ):
            if not sound:
                faults.append(Fault(file, None, "", network_id, rule, remedy, "note"))
        try:
            network = portfolio.raw_network(network_id)
        except UserError as error:
            faults.append(unreadable(file, error))
            continue
        own = network_faults(network, file)
        faults += own
        if any(fault.severity == "error" for fault in own):  # it may have ends without a node
            continue
        nodes = set(network.table("node")["id"].tolist())
        faults += _node_faults(sites, network_id, nodes, network.fed)
    return faults


def _node_faults(sites: pd.DataFrame, network_id: str, nodes: set[int], fed) -> list[Fault]:
    typed = frames.as_typed(sites, tables.SITES)
    faults = []
    for row, site in typed[typed["network_id"] == network_id].iterrows():
        node = site["network_node"]
        if node in fed:
            continue
        if node in nodes:
            rule = f"must be a node that a source of networks/{network_id}.json feeds"
            remedy = "close the switch or add the line that feeds it, or name another node"
            faults.append(Fault("sites.csv", int(row), "network_node", f"{node:.10g}", rule, remedy,
                                "error", site.site_id))  # fmt: skip
            continue
        value = "" if pd.isna(node) else f"{node:.10g}"
        remedy = f"write the id of one of its {len(nodes)} nodes: {_spans(nodes)}"
        rule = f"must be a node of networks/{network_id}.json"
        faults.append(
            Fault("sites.csv", int(row), "network_node", value, rule, remedy, "error", site.site_id)
        )
    return faults


def _spans(numbers: set[int]) -> str:
    """Return whole numbers as spans.

    Examples
    --------
    >>> _spans({1, 2, 3, 7, 9, 10})
    '1 to 3, 7, 9 to 10'
    """
    ordered = sorted(numbers)
    starts = [ordered[0], *(b for a, b in pairwise(ordered) if b - a > 1)]
    ends = [*(a for a, b in pairwise(ordered) if b - a > 1), ordered[-1]]
    spans = [f"{a} to {b}" if a < b else f"{a}" for a, b in zip(starts, ends, strict=True)]
    return ", ".join([*spans[:6], "…"] if len(spans) > 6 else spans)


def check_register(portfolio, sites: list[str], assets: list[str]) -> list[Fault]:
    """Return the faults of the register; `sites` and `assets` are those of their tables."""
    try:
        raw, faults = portfolio.raw_table(FILE)
    except UserError as error:
        return [unreadable(FILE, error)]
    seal = portfolio.line(SEAL)
    if raw.empty and not seal:
        return faults
    faults = [*faults, *table_faults(raw, tables.REGISTER, FILE)]
    faults += unique_faults(raw, "entry_id", FILE)
    faults += reference_faults(raw, "site_id", sites, FILE, "sites.csv")
    faults += reference_faults(raw, "asset_id", assets, FILE, "assets.csv")
    if not faults:
        faults = entry_faults(raw)
    return [*faults, *chain_faults(raw, seal)]


def _check_sessions(portfolio, sites, posts, faults: list[Fault]) -> set[str]:
    """Add the faults of the sessions; return the EVSEs that have any."""
    file = portfolio.session_file
    if portfolio.exists("sessions.csv") and file == "sessions.parquet":
        remedy = "delete one of the two: the Parquet file is read"
        faults.append(Fault("sessions.csv", None, "", "", "must not stand beside it", remedy))
    if not portfolio.exists(file):
        if portfolio.exists("assets.csv") and not portfolio.exists("sites.csv"):
            return set()
        remedy = "import sessions: `scc import sessions FILES… --into FOLDER`"
        faults.append(Fault(file, None, "", "", "the file is required", remedy))
        return set()
    try:
        found = portfolio.session_columns()
        heads = header_faults(found, tables.SESSIONS, file)
        faults += heads
        if any(fault.severity == "error" for fault in heads):
            return set()
        raw = portfolio.raw_sessions()
    except UserError as error:
        faults.append(unreadable(file, error))
        return set()
    instants = [c.name for c in tables.SESSIONS if c.kind == "instant" and c.name in raw]
    refused = []
    for name in instants:
        try:
            frames.typed_sessions(raw[[name]])
        except UserError as error:
            rule, remedy = "instants must carry a time zone", "store UTC with its zone"
            refused.append(Fault(file, None, name, str(error), rule, remedy))
    faults += refused
    if refused:
        return set()
    for name in instants if file.endswith(".parquet") else ():
        if (
            len(raw)
            and not isinstance(raw[name].dtype, pd.DatetimeTZDtype)
            and raw[name].notna().any()
        ):
            rule = "should be stored as timestamps in UTC, not as text"
            remedy = "text without a zone is read on the site's clock; store UTC to be sure"
            value = str(raw[name].dropna().iloc[0])
            faults.append(Fault(file, None, name, value, rule, remedy, "note"))

    typed, doubt = _on_each_clock(portfolio, raw, sites)
    as_text = typed.assign(site_id=typed["site_id"].fillna(""), row=typed.index + 1).set_index(
        "row"
    )
    unknown = reference_faults(
        as_text[["site_id"]], "site_id", values_of(sites, "site_id"), file, "sites.csv"
    )
    faults += [replace(fault, severity="set aside") for fault in unknown]
    _, aside = set_aside(typed, frames.as_typed(posts, tables.CHARGEPOINTS), doubt=doubt, file=file)
    faults += [*aside, *_session_doubts(typed, aside, file)]
    early = typed["announced_plug_out"] <= typed["plug_in"]
    rule, remedy = "should be after plug_in", "correct or clear the announcement"
    faults += [
        Fault(file, int(row) + 1, "announced_plug_out", str(value), rule, remedy, "note", site)
        for row, value, site in typed.loc[early, ["announced_plug_out", "site_id"]].itertuples()
    ]
    return set(typed["evse_id"].dropna())


def _session_doubts(typed: pd.DataFrame, aside: list[Fault], file: str) -> list[Fault]:
    """Return what is hardly true of a site's sessions: their power, how many are faulty."""
    hours = (typed["plug_out"] - typed["plug_in"]) / pd.Timedelta("1h")
    mean_kw = (typed["energy_kwh"] / hours)[(hours > 0) & (typed["energy_kwh"] > 0)]
    bad = {fault.row for fault in aside}
    faults = []

    def fault(check: str, value: str, site: str) -> None:
        bound = plausible.SESSIONS[check]
        rule = f"should be plausible: beyond {bound.limit:g} {bound.reason}"
        faults.append(Fault(file, None, "energy_kwh", value, rule, bound.remedy, "note", site))

    for site, rows in typed.groupby("site_id"):
        own_kw = mean_kw.reindex(rows.index).dropna()
        if len(own_kw) and not plausible.power_fits(own_kw):
            low = own_kw.median() < plausible.SESSIONS["least power"].limit
            fault("least power" if low else "most power", f"{own_kw.median():.3g} kW", site)
        share = sum(int(row) + 1 in bad for row in rows.index) / len(rows)
        if len(rows) >= 20 and share > plausible.SESSIONS["set aside"].limit:
            fault("set aside", f"{share:.0%}", site)
    return faults


def _on_each_clock(portfolio, raw: pd.DataFrame, sites: pd.DataFrame):
    """Return sessions typed, text without a zone read on the clock of its own site."""
    clocks = {}
    if "timezone" in sites and "site_id" in sites:
        clocks = dict(zip(sites["site_id"], sites["timezone"], strict=True))
    own = raw["site_id"].astype(str).map(lambda site: clocks.get(site) or portfolio.timezone)
    parts = []
    for name, rows in raw.groupby(own, sort=False):
        try:
            place = zone(name).key
        except UserError:  # a fault of its own, named where the zone stands
            place = "UTC"
        parts.append(frames.typed_sessions(rows, place))
    if not parts:
        return frames.typed_sessions(raw)
    typed = pd.concat([part for part, _ in parts]).loc[raw.index]
    return typed, pd.concat([doubt for _, doubt in parts]).fillna("").loc[raw.index]


HEADER = ("name", "title", "description", "timezone", "power_factor", "sources")


def check_portfolio(folder) -> _CheckReport:
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
        return _CheckReport(str(folder), [broken])
    faults += toml_faults(portfolio)
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
    if portfolio.exists("coverage.csv"):
        raw_spans, form = portfolio.raw_table("coverage.csv")
        faults += [*form, *coverage_faults(raw_spans)]
    faults += _check_networks(portfolio, sites, known_assets)
    faults += check_register(portfolio, values_of(sites, "site_id"), known_assets)
    used = _check_sessions(portfolio, sites, posts, faults)
    faults += _idle_notes(sites, posts, used)
    for group, known in (
        ("residual_kw", values_of(sites, "site_id")),
        ("import_kw", values_of(sites, "site_id")),
        ("setpoint_kw", values_of(sites, "site_id")),
        ("network_kva", known_assets),
    ):
        faults += _check_loads(portfolio, group, known, assets)

    def order(fault):
        return SEVERITIES.index(fault.severity), fault.file, fault.field, fault.rule, fault.row or 0

    lacks = _lacks(portfolio, sites, posts, assets, used)
    return _CheckReport(str(folder), sorted(faults, key=order), lacks)


_NETWORK = ("asset_id (sites.csv)", "load of the asset", "rating of the asset (assets.csv)")
_ASKED = "requested_kva (sites.csv)"
# What a notebook needs of a site; each opens with the same questions.
_NEEDS = {
    "01 load diversity": ("sessions",),
    "02 TCC windows": (*_NETWORK, _ASKED),
    "03 CLM volatility": ("sessions", "other load of the site"),
    "04 coincidence": ("sessions",),
    "05 flexibility baselines": ("sessions",),
    "06 constraint schemes": ("sessions", *_NETWORK, _ASKED),
    "07 business case": ("sessions",),
    "08 scheme choice": ("sessions", *_NETWORK, _ASKED),
    "09 compliance": ("entry of the register",),
}


def answerable(portfolio: Portfolio) -> dict[str, str]:
    """Return the numbers of the notebooks that have what they need, by site.

    Examples
    --------
    >>> answerable(Portfolio.open("data/demo"))["village-hall"]
    '01, 04, 05, 07, 09'
    """
    names = ("sites.csv", "chargepoints.csv", "assets.csv")
    tables_read = (portfolio.raw_table(name)[0] for name in names)
    lacks = _lacks(portfolio, *tables_read, set(portfolio.raw_sessions()["evse_id"].dropna()))
    return {
        site: ", ".join(name[:2] for name in _NEEDS if not lacks[name][site]) or "none"
        for site in portfolio.site_ids
        if lacks
    }


def _lacks(portfolio, sites, posts, assets, used: set[str]) -> dict[str, dict[str, list[str]]]:
    """Return what each site lacks for each notebook."""
    if "site_id" not in sites or "evse_id" not in posts:
        return {}
    typed = frames.as_typed(sites, tables.SITES).drop_duplicates("site_id").set_index("site_id")
    rated = frames.as_typed(assets, tables.ASSETS).drop_duplicates("asset_id").set_index("asset_id")
    seasons = [f"rating_{season}_kva" for season in tables.RATING_SEASONS]
    rated = set(rated.index[rated[seasons].notna().all(axis=1)])
    charged = set(posts.loc[posts["evse_id"].isin(used)].get("site_id", []))
    loads = {group: set(portfolio.series(group)) for group in ("residual_kw", "network_kva")}
    try:
        registered = set(values_of(portfolio.raw_table(FILE)[0], "site_id"))
    except UserError:
        registered = set()
    has = {
        "sessions": typed.index.isin(charged),
        "other load of the site": typed.index.isin(loads["residual_kw"]),
        _NETWORK[0]: typed["asset_id"].fillna("").ne("").to_numpy(),
        _NETWORK[1]: typed["asset_id"].isin(loads["network_kva"]).to_numpy(),
        _NETWORK[2]: typed["asset_id"].isin(rated).to_numpy(),
        _ASKED: typed["requested_kva"].notna().to_numpy(),
        "entry of the register": typed.index.isin(registered),
    }
    return {
        notebook: {
            str(site): [need for need in needs if not has[need][at]]
            for at, site in enumerate(typed.index)
        }
        for notebook, needs in _NEEDS.items()
    }


def toml_faults(portfolio: Portfolio) -> list[Fault]:
    """Return the faults of `portfolio.toml`; no run begins on one that is an error."""
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
        raw = portfolio.with_node_ids(raw) if name == "sites.csv" else raw
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
        Fault("assets.csv", int(row), name, "", rule, remedy, "note")
        for row, known in ratings.notna().iterrows()
        for name in (known.index[~known] if known.any() else ["rating_<season>_kva"])
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
