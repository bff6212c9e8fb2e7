"""The check of `register.csv`."""

from __future__ import annotations

from scchelpers.faults import Fault, UserError
from scchelpers.portfolio import tables
from scchelpers.portfolio.check.report import unreadable
from scchelpers.portfolio.rules.register import FILE, SEAL, chain_faults, entry_faults
from scchelpers.portfolio.rules.tables import reference_faults, table_faults, unique_faults


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
