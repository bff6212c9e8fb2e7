"""The check of `sessions.parquet`."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from scchelpers.faults import Fault, UserError
from scchelpers.portfolio import frames, tables
from scchelpers.portfolio.check.report import unreadable
from scchelpers.portfolio.rules.sessions import set_aside
from scchelpers.portfolio.rules.tables import header_faults, reference_faults, values_of
from scchelpers.timebase import zone


def check_sessions(portfolio, sites, posts, faults: list[Fault]) -> set[str]:
    """Add the faults of the sessions; return the EVSEs that have any."""
    file = "sessions.parquet"
    if not portfolio.exists(file):
        remedy = "import sessions: `scc import KIND FILES… --into FOLDER`"
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
    for name in instants:
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
    _, aside = set_aside(typed, frames.as_typed(posts, tables.CHARGEPOINTS), doubt=doubt)
    faults += aside
    early = typed["announced_plug_out"] <= typed["plug_in"]
    rule, remedy = "should be after plug_in", "correct or clear the announcement"
    faults += [
        Fault(file, int(row) + 1, "announced_plug_out", str(value), rule, remedy, "note", site)
        for row, value, site in typed.loc[early, ["announced_plug_out", "site_id"]].itertuples()
    ]
    return set(typed["evse_id"].dropna())


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
