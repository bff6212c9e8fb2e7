"""The check of `networks/` and of the sites that lie in them."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from scchelpers.faults import Fault, UserError
from scchelpers.portfolio import frames, tables
from scchelpers.portfolio.check.report import unreadable
from scchelpers.portfolio.network import faults as network_faults
from scchelpers.portfolio.rules.tables import reference_faults, values_of


def check_networks(portfolio, sites: pd.DataFrame, assets: list[str]) -> list[Fault]:
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
        faults += network_faults(network, file)
        nodes = set(network.table("node")["id"].tolist())
        faults += _node_faults(sites, network_id, nodes)
    return faults


def _node_faults(sites: pd.DataFrame, network_id: str, nodes: set[int]) -> list[Fault]:
    typed = frames.as_typed(sites, tables.SITES)
    faults = []
    for row, site in typed[typed["network_id"] == network_id].iterrows():
        node = site["network_node"]
        if node in nodes:
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
