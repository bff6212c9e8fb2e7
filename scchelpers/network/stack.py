"""Who shares a network asset, in which order they applied, and what a site must have for it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from scchelpers.site import Site


def lacking(site: Site) -> str:
    """Return what a site lacks for these schemes, as a phrase; "" if nothing."""
    if not site.meta.get("asset_id"):
        return "no network asset is named for it in `sites.csv`"
    if site.network_kva is None:
        return "there is no load of its network asset on record"
    if site.rating_kva is None:
        return "its network asset has no rating in `assets.csv`"
    if not site.meta.get("requested_kva") or not site.meta.get("power_factor"):
        return "`requested_kva` or `power_factor` is missing in `sites.csv`"
    first, last = site.network_kva["time"].to_index()[[0, -1]].tz_localize("UTC")
    if not site.sessions["plug_in"].between(first, last).any():
        return "no session falls in the time for which its asset's load is on record"
    return ""


def applicants(sites: pd.DataFrame, site_id: str, assets: Sequence[str] | None = None) -> list[str]:
    """Return the sites that share a site's asset, itself among them, in order of application.

    Parameters
    ----------
    sites : pandas.DataFrame
        `Portfolio.sites`. Sites without a date in `applied_on` come last, as they stand.
    site_id : str
        Site.
    assets : sequence of str, optional
        Assets that count as shared; by default the site's own.
    """
    own = [sites.loc[site_id, "asset_id"]] if assets is None else list(assets)
    near = sites[sites["asset_id"].isin(own) | (sites["site_id"] == site_id)]
    if "applied_on" in near:
        near = near.sort_values("applied_on", kind="stable", na_position="last")
    return near["site_id"].tolist()


def upstream(assets: pd.DataFrame, asset_id: str) -> list[str]:
    """Return an asset and those that feed it, the nearest first.

    Parameters
    ----------
    assets : pandas.DataFrame
        `assets.csv`, indexed by asset_id.
    asset_id : str
        Asset.
    """
    chain = [asset_id]
    while chain[-1] in assets.index:
        parent = assets.loc[chain[-1], "parent_id"]
        if pd.isna(parent) or parent in chain:
            break
        chain.append(parent)
    return chain


def related(assets: pd.DataFrame, asset_id: str) -> list[str]:
    """Return the assets that hang on the same highest asset as this one, itself among them."""
    top = upstream(assets, asset_id)[-1]
    found = [other for other in assets.index if upstream(assets, other)[-1] == top]
    return found or [asset_id]
