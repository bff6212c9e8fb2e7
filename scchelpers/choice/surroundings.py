"""What a site shares: the other applicants, the assets above them, the lines of a network model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import network
from scchelpers.network.case import Case as Flow
from scchelpers.network.powerflow import CHUNK
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.network import Network as Model
from scchelpers.portfolio.tables import RATING_SEASONS
from scchelpers.site import Site

# A line that sees less of a site's power than this does not hold it back (methods, section 5).
LEAST_SHARE = 0.05
SAMPLES = 96
TIGHT = 0.85  # a line that is never fuller holds nobody back, even with the widest margin


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Sites that are decided together, and where they meet.

    Attributes
    ----------
    sites : list of Site
        All applicants on the same assets.
    assets : dict of str to (DataArray, Series)
        Load before these sites, and rating by season, by asset or line [kVA].
    feeds : dict of str to dict
        By site_id, the share of its power that each of these sees.
    names : dict of str to str
        Names for people.
    kinds : dict of str to str
        What each is, for its price: "transformer", "feeder", "primary" or "other".
    """

    sites: list[Site]
    assets: dict[str, tuple[xr.DataArray, pd.Series]]
    feeds: dict[str, dict[str, float]]
    names: dict[str, str]
    kinds: dict[str, str]


def surroundings(folder: Portfolio, site_id: str) -> Surroundings:
    """Return what a site of a portfolio shares with others.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    site_id : str
        Site.

    Notes
    -----
    Assets come from `assets.csv` with their load on record. Where the site's part of the network
    has a model, its lines are added, with the loads that an AC power flow finds in them, scaled to
    the record; transformers that bear the name of an asset are that asset.
    """
    site = folder.site(site_id)
    if not site.meta.get("asset_id"):
        return Surroundings([site], {}, {}, {}, {})
    table = folder.table("assets.csv").set_index("asset_id")
    near = network.related(table, site.meta["asset_id"])
    sites = [folder.site(other) for other in network.applicants(folder.sites, site_id, near)]
    feeds = {
        other.site_id: dict.fromkeys(network.upstream(table, other.meta["asset_id"]), 1.0)
        for other in sites
    }
    used = [name for name in near if any(name in through for through in feeds.values())]
    assets = {}
    for name in used:
        load, rating = folder.loads("network_kva", name), folder.rating_kva(name)
        if load is not None and rating is not None and rating.notna().all():
            assets[name] = (load["network_kva"].load(), rating)
    names = {name: str(table.loc[name, "name"] or name) for name in assets}
    kinds = {name: str(table.loc[name, "kind"]) for name in assets}
    for model in sorted({other.meta.get("network_id") for other in sites} & set(assets)):
        own = [other for other in sites if other.meta.get("network_id") == model]
        lines, shares = in_lines(folder.network(model), assets[model][0], own, set(names.values()))
        assets |= lines
        names |= {line: line for line in lines}
        kinds |= dict.fromkeys(lines, "transformer" if kinds[model] == "transformer" else "feeder")
        for name, through in shares.items():
            feeds[name] |= through
    # What could not be overloaded if all had all that they ask for need not be looked at again.
    tight = [name for name in assets if name in used or _may_bind(name, assets, sites, feeds)]
    return Surroundings(sites, {name: assets[name] for name in tight}, feeds, names, kinds)


def _may_bind(name: str, assets: Mapping, sites: Sequence[Site], feeds: Mapping) -> bool:
    load, rating = assets[name]
    asked_kva = sum(
        feeds[site.site_id].get(name, 0.0) * float(site.meta.get("requested_kva") or 0.0)
        for site in sites
    )
    return float(load.max()) + asked_kva > TIGHT * float(rating.min())


def in_lines(
    model: Model, load_kva: xr.DataArray, sites: Sequence[Site], known: set[str]
) -> tuple[dict[str, tuple[xr.DataArray, pd.Series]], Mapping[str, dict[str, float]]]:
    """Return the branches of a network model that sites load, with the share that each sees.

    Parameters
    ----------
    model : Network
        Network model.
    load_kva : xarray.DataArray
        Load of the network on record [kVA].
    sites : sequence of Site
        Sites with a node in it.
    known : set of str
        Branches left out.

    Returns
    -------
    dict, dict
        {branch: (load [kVA], rating by season [kVA])} and {site_id: {branch: share}}.
    """
    able = [site for site in sites if site.meta.get("network_node") is not None]
    able = [site for site in able if site.meta.get("requested_kva")]
    if not able:
        return {}, {}
    rows = pd.DataFrame([site.meta for site in able]).set_index("site_id", drop=False)
    asked = (rows["requested_kva"] * rows["power_factor"]).to_numpy(float)
    site_ids = list(rows.index)
    requested = xr.DataArray(asked, {"site": site_ids}, ("site",))
    flow = Flow.of(model, load_kva, rows, requested, 1.0, None)
    every = np.arange(len(flow.times))
    none_kw = np.zeros((len(every), len(site_ids)))
    without = np.concatenate(
        [
            flow.loading(rows, flow.solve(rows, none_kw[rows]))
            for rows in np.array_split(every, max(1, len(every) // CHUNK))
        ]
    )
    chosen = np.linspace(0, len(flow.times) - 1, SAMPLES).astype(int)
    rating = flow.flow.branches["rating_kva"]
    branches = [name for name in rating.index[rating.notna()] if name not in known]
    at = rating.index.get_indexer(branches)
    shares: dict[str, dict[str, float]] = {}
    for place, name in enumerate(site_ids):
        alone = np.zeros((len(chosen), len(site_ids)))
        alone[:, place] = asked[place]
        loading = flow.loading(chosen, flow.solve(chosen, alone))
        added = (loading - without[chosen]) * rating.to_numpy()
        seen = np.median(added, axis=0) / rows.loc[name, "requested_kva"]
        shares[name] = {
            branch: float(min(seen[k], 1.0))
            for branch, k in zip(branches, at, strict=True)
            if seen[k] > LEAST_SHARE
        }
    seasons = list(RATING_SEASONS)
    lines = {
        branch: (
            xr.DataArray(
                without[:, k] * rating.iloc[k],
                {"time": flow.times},
                ("time",),
                "network_kva",
                {"units": "kVA"},
            ),
            pd.Series(float(rating.iloc[k]), seasons),
        )
        for branch, k in zip(branches, at, strict=True)
        if any(branch in through for through in shares.values())
    }
    return lines, shares
