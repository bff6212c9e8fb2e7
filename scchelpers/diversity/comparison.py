"""Charger classes of a site, and other sites to set beside it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import xarray as xr

from scchelpers.diversity.measures import coincidence
from scchelpers.diversity.record import demand
from scchelpers.faults import UserError
from scchelpers.portfolio import Site
from scchelpers.portfolio.tables import CHARGER_KINDS, charger_kind


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
        Label of each site, from `labels`, to its curve; sites with fewer than two chargepoints on
        record are passed over.
    left_out : list of str
        Sites whose sessions could not be read as they are; `scc check` tells why.
    """
    measured, curves, left_out = [], [], []
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
        measured.append(site)
        curves.append(coincidence(power_kw, samples=samples, seed=seed, timezone=site.timezone))
    return dict(zip(labels(measured), curves, strict=True)), left_out


def labels(sites: list[Site]) -> list[str]:
    """Return a short label of each site: its type, or its name where the type tells too little.

    That is where several of the sites share the type, or the type is "other". A long name is cut
    to about 24 characters; where that makes two alike, they are numbered.
    """
    types = [str(site.meta.get("site_type") or "other").replace("_", " ") for site in sites]
    found = []
    for site, kind in zip(sites, types, strict=True):
        tells = kind != "other" and types.count(kind) == 1
        found.append(kind if tells else short_name(site.name))
    alike = pd.Series(found, dtype=object)
    turn = alike.groupby(alike).cumcount() + 1
    return [f"{label} ({n})" if n > 1 else label for label, n in zip(found, turn, strict=True)]


def short_name(name: str, longest: int = 24) -> str:
    """Return a name cut after a whole word, with an ellipsis, where it is too long for a label.

    Examples
    --------
    >>> short_name("Mill Street, Perth"), short_name("Canal Street Car Park 3rd floor, Perth")
    ('Mill Street, Perth', 'Canal Street Car Park…')
    """
    name = " ".join(name.split())
    if len(name) <= longest:
        return name
    words, _, _ = name[:longest].rpartition(" ")
    return (words or name[: longest - 1]).rstrip(" ,;–-") + "…"
