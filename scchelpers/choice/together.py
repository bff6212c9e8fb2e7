"""Sites that share network assets, decided together: in order of application, first come first.

What an applicant may draw under the scheme it is given is held for it, used or not. So a later
applicant never changes an earlier one (LIFO), and the order in which sites are listed is of no
consequence, only the dates are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.choice import schemes
from scchelpers.choice.case import Case
from scchelpers.choice.network import EPS_KVA, YEAR_H, Network
from scchelpers.choice.outcome import Outcomes, outcomes, over_time
from scchelpers.choice.terms import Terms
from scchelpers.site import Site

Assets = Mapping[str, tuple[xr.DataArray, pd.Series]]


@dataclass(frozen=True, eq=False)
class Choice:
    """What was decided for a site.

    Attributes
    ----------
    case : Case
        The site with the network as earlier applicants leave it.
    outcomes : Outcomes
        From `outcomes`.
    scheme : str or None
        The minimum viable scheme; None if none is.
    """

    case: Case
    outcomes: Outcomes
    scheme: str | None

    @property
    def options(self) -> pd.DataFrame:
        """The table of outcomes."""
        return self.outcomes.table

    @property
    def row(self) -> pd.Series:
        """What the scheme gives; an empty Series where none is viable."""
        return self.options.loc[self.scheme] if self.scheme else pd.Series(dtype=object)

    @property
    def limit_kw(self) -> xr.DataArray | float | None:
        """Its limit [kW]."""
        return self.outcomes.limits[self.scheme] if self.scheme else None

    @property
    def held_kva(self) -> xr.DataArray | float:
        """What is held for the site from then on [kVA].

        A reinforced connection brings its own capacity. Where nothing is viable, or nothing could
        be judged, nothing is connected and nothing held.
        """
        if self.scheme in (None, schemes.REINFORCED):
            return 0.0
        return over_time(self.case, self.limit_kw) / self.case.power_factor

    @property
    def drawn_kva(self) -> xr.DataArray | float:
        """What the site then draws [kVA]."""
        if self.scheme in (None, schemes.REINFORCED):
            return 0.0
        return self.outcomes.drawn[self.scheme]


def minimum_viable(options: pd.DataFrame) -> str | None:
    """Return the least complex scheme that meets the service target and keeps to the ratings.

    Examples
    --------
    >>> options = pd.DataFrame({"viable": [True, True, False]}, index=["LMC", "TCC", "firm"])
    >>> minimum_viable(options)
    'TCC'
    """
    viable = list(options.index[options["viable"].astype(bool)])
    return min(viable, key=schemes.RANK.get) if viable else None


def in_order(sites: Sequence[Site]) -> list[Site]:
    """Return sites by date of application, those without one last, by site_id."""
    return sorted(
        sites,
        key=lambda site: (
            site.meta.get("applied_on") is None,
            site.meta.get("applied_on") or 0,
            site.site_id,
        ),
    )


def decide(
    sites: Sequence[Site],
    assets: Assets,
    feeds: Mapping[str, Mapping[str, float]],
    terms: Terms,
    *,
    names: Mapping[str, str] | None = None,
    in_full: str | None = None,
) -> dict[str, Choice]:
    """Return the choice of each site, in order of application.

    Parameters
    ----------
    sites : sequence of Site
        All sites on the assets, in any order.
    assets : mapping of str to (DataArray, Series)
        Load before these sites, and rating by season, of each asset [kVA].
    feeds : mapping of str to mapping
        By site_id, the share of its power that each asset sees, the nearest asset first.
    terms : Terms
        Targets.
    names : mapping of str to str, optional
        Names of the assets, for people.
    in_full : str, optional
        Site for which every scheme is tried; for the others only up to the first viable.

    Returns
    -------
    dict of str to Choice
        By site_id.
    """
    network = None
    if assets:
        zone = sites[0].timezone
        network = Network.of(assets, margin_share=terms.margin_share, timezone=zone)
    found = {}
    for site in in_order(sites):
        seen = feeds.get(site.site_id, {})
        through = {name: share for name, share in seen.items() if name in assets}
        case = Case(site, network.above(through) if through else None, terms, names or {})
        tried = outcomes(case, until_viable=site.site_id != in_full)
        choice = Choice(case, tried, minimum_viable(tried.table))
        found[site.site_id] = choice
        if through:
            network = network.holding(choice.held_kva, choice.drawn_kva, through)
    return found


def need(
    choices: Mapping[str, Choice], assets: Assets, feeds: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """Return what the DNO would have to buy as flexibility, with and without the schemes.

    Parameters
    ----------
    choices : mapping of str to Choice
        From `decide`.
    assets, feeds
        As given to it.

    Returns
    -------
    pandas.DataFrame
        By (asset, connected): over_h, time above the rating [h a year]; peak_kva, the most above it
        [kVA]; over_kvah [kVA h a year]. connected: "before", without these sites; "without
        schemes", all with their whole request; "with schemes", each under its own, whose
        curtailment is not paid for (report section 9.3); as charging is drawn.
    """
    rows = {}
    zone = next(iter(choices.values())).case.site.timezone if choices else ""
    for asset, behind in assets.items():
        bare = Network.of({asset: behind}, margin_share=0.0, timezone=zone)
        whole = managed = bare
        for choice in choices.values():
            case = choice.case
            share = feeds.get(case.site.site_id, {})
            if asset in share:
                whole = whole.holding(0.0, case.free.power_kw / case.power_factor, share)
                managed = managed.holding(0.0, choice.drawn_kva, share)
        cases = {"before": bare, "without schemes": whole, "with schemes": managed}
        rows |= {(asset, name): _excess(network) for name, network in cases.items()}
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.rename_axis(["asset", "connected"]) if len(frame) else frame


def _excess(network: Network) -> dict[str, float]:
    over_kva = (network.drawn_kva - network.rating_kva).isel(asset=0)
    years = float(np.isfinite(over_kva).sum()) / 2 / YEAR_H
    above = over_kva.where(over_kva > EPS_KVA, 0.0)
    return {
        "over_h": float((above > 0).sum()) / 2 / years,
        "peak_kva": float(above.max()),
        "over_kvah": float(above.sum()) / 2 / years,
    }
