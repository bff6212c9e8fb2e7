"""Charger classes of a site, and other sites to set beside it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import xarray as xr

from scchelpers.data.portfolio import Site
from scchelpers.data.tables import CHARGER_KINDS, charger_kind
from scchelpers.diversity.measures import coincidence
from scchelpers.diversity.record import demand
from scchelpers.faults import UserError


def charger_classes(chargepoints: pd.DataFrame) -> dict[str, list[str]]:
    """Return the EVSEs of each charger class, named with its ratings.

    Parameters
    ----------
    chargepoints : pandas.DataFrame
        evse_id, rated_kw [kW] and kind; a missing kind follows from the rating.

    Examples
    --------
    >>> charger_classes(pd.DataFrame({"evse_id": ["a", "b", "c"], "rated_kw": [7.4, 11, 22],
    ...                               "kind": [None, "fast", "fast"]}))
    {'slow (7.4 kW)': ['a'], 'fast (11–22 kW)': ['b', 'c']}
    """
    kinds = chargepoints["kind"].where(
        chargepoints["kind"].notna(), chargepoints["rated_kw"].map(charger_kind)
    )
    classes = {}
    for kind in CHARGER_KINDS:
        here = chargepoints[kinds == kind]
        ratings = sorted({f"{kw:g}" for kw in here["rated_kw"]}, key=float)
        if len(here):
            span = ratings[0] if len(ratings) == 1 else f"{ratings[0]}–{ratings[-1]}"
            classes[f"{kind} ({span} kW)"] = here["evse_id"].tolist()
    return classes


def sites_beside(sites: pd.DataFrame, site_id: str, count: int) -> list[str]:
    """Return up to `count` other sites, of as many site types as there are.

    Parameters
    ----------
    sites : pandas.DataFrame
        `Portfolio.sites`.
    site_id : str
        The site to set them beside; other types than its own come first.
    count : int
        How many.

    Examples
    --------
    >>> sites_beside(pd.DataFrame({"site_id": list("abcd"), "site_type": list("xxyz")}), "a", 2)
    ['c', 'd']
    """
    kinds = sites["site_type"].fillna("other").reset_index(drop=True)
    ids = sites["site_id"].reset_index(drop=True)
    own = kinds[ids == site_id]
    turn = kinds.groupby(kinds).cumcount() + kinds.isin(own) * len(sites)
    order = turn.sort_values(kind="stable").index
    return [i for i in ids[order] if i != site_id][:count]


def compare(
    sites: Iterable[Site], *, placement: str = "front", samples: int = 100, seed: int = 0
) -> tuple[dict[str, xr.Dataset], list[str]]:
    """Measure the coincidence of several sites, each on its own.

    Parameters
    ----------
    sites : iterable of Site
        Sites.
    placement : "front" or "spread"
        As in `demand`.
    samples, seed : int
        As in `coincidence`.

    Returns
    -------
    curves : dict of str to xarray.Dataset
        Site type (with the site where the type comes twice) to its curve; sites with fewer than
        two chargepoints on record are passed over.
    left_out : list of str
        Sites whose sessions could not be read as they are; `scc check` tells why.
    """
    curves, left_out = {}, []
    for site in sites:
        try:
            power_kw = demand(
                site.sessions, site.chargepoints, placement=placement, timezone=site.timezone
            )
        except UserError:
            left_out.append(site.site_id)
            continue
        if power_kw.sizes["evse"] < 2:
            continue
        label = str(site.meta.get("site_type") or "other").replace("_", " ")
        label = f"{label}, {site.site_id}" if label in curves else label
        curves[label] = coincidence(power_kw, samples=samples, seed=seed, timezone=site.timezone)
    return curves, left_out
