"""Sites that share network assets, decided together: in order of application, first come first.

What an applicant may draw under the scheme it is given is held for it, used or not. So a later
applicant never changes an earlier one (LIFO), and the order in which sites are listed is of no
consequence, only the dates are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import business, measures
from scchelpers.business.situation import Energy, Request
from scchelpers.charging import ChargingResult
from scchelpers.choice import schemes
from scchelpers.choice.network import EPS_KVA, Network, as_half_hours, surroundings
from scchelpers.choice.schemes import Applicant, Offer, Terms, offer
from scchelpers.portfolio import Portfolio
from scchelpers.site import Site
from scchelpers.timebase import YEAR_H


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What each way to connect gives, from the least complex to the most.

    Attributes
    ----------
    table : pandas.DataFrame
        Indexed by scheme: possible, why_not, note; mean_kva and lowest_kva allowed, and
        released_kva, the mean above what is firm [kVA]; availability, restricted_h,
        equivalent_full_h and event_p90_h [h] (DNO's view); wanted_kwh and unserved_kwh [kWh a
        year], unserved_share, short_share, delay_p90_min [min] (customer's view); over_h, time in a
        year above a rating if all that is allowed is used, and drawn_over_h, with what is drawn
        [h]; worst_asset; serves, safe, viable.
    limits : dict of str to DataArray or float
        Limit of each scheme that can be offered [kW].
    drawn : dict of str to DataArray
        Charging under it [kVA].
    """

    table: pd.DataFrame
    limits: dict[str, xr.DataArray | float]
    drawn: dict[str, xr.DataArray]


def outcomes(applicant: Applicant, *, until_viable: bool = False) -> Outcomes:
    """Return what each way to connect gives a site.

    Parameters
    ----------
    applicant : Applicant
        The site.
    until_viable : bool
        Whether to stop at the first that is viable.
    """
    rows, limits, drawn = {}, {}, {}
    for scheme in schemes.RANK:
        found = offer(applicant, scheme)
        if found.limit_kw is None:
            rows[scheme] = NOTHING | {"why_not": found.why_not}
            continue
        result = applicant.charge(found.limit_kw)
        rows[scheme] = _row(applicant, scheme, found, result)
        limits[scheme] = found.limit_kw
        drawn[scheme] = result.power_kw / applicant.power_factor
        if until_viable and rows[scheme]["viable"]:
            break
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")
    return Outcomes(table, limits, drawn)


def _row(applicant: Applicant, scheme: str, found: Offer, result: ChargingResult) -> dict:
    row = {"possible": True, "why_not": "", "note": found.note}
    row |= (
        _dno(applicant, scheme, found)
        | _customer(applicant, found, result)
        | _risk(applicant, scheme, found, result)
    )
    return row | {"viable": bool(row["serves"] and row["safe"])}


NOTHING = {
    "possible": False,
    "why_not": "",
    "note": "",
    **dict.fromkeys(
        (
            *("mean_kva", "lowest_kva", "released_kva", "availability", "restricted_h"),
            *("equivalent_full_h", "event_p90_h", "wanted_kwh", "unserved_kwh", "unserved_share"),
            *("short_share", "delay_p90_min", "over_h", "drawn_over_h"),
        ),
        np.nan,
    ),
    "worst_asset": "",
    "serves": False,
    "safe": False,
    "viable": False,
}


def over_time(applicant: Applicant, limit_kw: xr.DataArray | float) -> xr.DataArray:
    """Return a limit on the half hours of a applicant, at most the request [kW]."""
    time = xr.DataArray(applicant.time, dims="time", coords={"time": applicant.time})
    limit = as_half_hours(limit_kw, time).clip(0.0, applicant.requested_kw)
    return limit.rename("limit_kw").assign_attrs(units="kW")


def _dno(applicant: Applicant, scheme: str, found: Offer) -> dict:
    limit_kw = over_time(applicant, found.limit_kw)
    seen = measures.dno_measures(limit_kw, applicant.requested_kw)
    mean_kva = float(limit_kw.mean()) / applicant.power_factor
    years = seen["observed_h"].item() / YEAR_H
    firm_kva = min(np.nan_to_num(applicant.firm_kva), applicant.requested_kva)
    released_kva = 0.0 if scheme == schemes.REINFORCED else max(0.0, mean_kva - firm_kva)
    return {
        "mean_kva": mean_kva,
        "lowest_kva": float(limit_kw.min()) / applicant.power_factor,
        "released_kva": released_kva,
        "availability": seen["availability"].item(),
        "restricted_h": seen["restricted_h"].item() / years,
        "equivalent_full_h": seen["equivalent_full_h"].item() / years,
        "event_p90_h": seen["event_p90_h"].item(),
    }


def _customer(applicant: Applicant, found: Offer, result: ChargingResult) -> dict:
    terms, sessions = applicant.terms, applicant.customers.sessions
    columns = ("wanted_kwh", "unserved_kwh", "unserved_share", "short_share", "delay_p90_min")
    if sessions.empty:
        return dict.fromkeys(columns, np.nan) | {"serves": False}
    if found.share < 1:
        row = _fewer(applicant, found.share)
    else:
        seen = measures.customer_measures(
            applicant.free,
            result,
            requested_kw=applicant.requested_kw,
        )
        row = {name: seen[name].item() for name in columns}
    row |= {name: row[name] / applicant.years for name in ("wanted_kwh", "unserved_kwh")}
    served = row["unserved_share"] <= terms.unserved_target
    return row | {"serves": bool(served and row["short_share"] <= terms.short_target)}


def _fewer(applicant: Applicant, share: float) -> dict:
    """Return what customers lose if only the first chargepoints of the list are built."""
    rated = applicant.site.chargepoints.set_index("evse_id")["rated_kw"]
    built = rated.index[rated.cumsum() <= share * rated.sum() + 1e-9]
    delivered = applicant.free.sessions["delivered_kwh"]
    gone = ~applicant.customers.sessions["evse_id"].isin(built).to_numpy()
    wanted_kwh, lost_kwh = float(delivered.sum()), float(delivered.to_numpy()[gone].sum())
    return {
        "wanted_kwh": wanted_kwh,
        "unserved_kwh": lost_kwh,
        "unserved_share": lost_kwh / wanted_kwh if wanted_kwh else np.nan,
        "short_share": float(gone.mean()),
        "delay_p90_min": np.nan,
    }


def _risk(applicant: Applicant, scheme: str, found: Offer, result: ChargingResult) -> dict:
    """Return how long the network would be above its rating, and whether that is tolerated.

    A site that keeps within the supply it has uses a right that it holds already: the network is
    not asked again (report section 7.1), and the hours only show what that right may bring.
    """
    if applicant.network is None or scheme == schemes.REINFORCED:
        unknown = applicant.network is None
        hours = np.nan if unknown else 0.0
        safe = found.within_dsc or scheme == schemes.REINFORCED
        return {"over_h": hours, "drawn_over_h": hours, "worst_asset": "", "safe": safe}
    allowed_kva = over_time(applicant, found.limit_kw) / applicant.power_factor
    over = applicant.network.over_h(allowed_kva)
    drawn = applicant.network.over_h(result.power_kw / applicant.power_factor, drawn=True)
    return {
        "over_h": float(over.max()),
        "drawn_over_h": float(drawn.max()),
        "worst_asset": over.idxmax() if over.max() > 0 else "",
        "safe": bool(found.within_dsc or over.max() <= applicant.terms.tolerated_h),
    }


Assets = Mapping[str, tuple[xr.DataArray, pd.Series]]


@dataclass(frozen=True, eq=False)
class Choice:
    """What was decided for a site.

    Attributes
    ----------
    applicant : Applicant
        The site with the network as earlier applicants leave it.
    outcomes : Outcomes
        From `outcomes`.
    scheme : str or None
        The minimum viable scheme; None if none is.
    """

    applicant: Applicant
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
        return over_time(self.applicant, self.limit_kw) / self.applicant.power_factor

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
        applicant = Applicant(site, network.above(through) if through else None, terms, names or {})
        tried = outcomes(applicant, until_viable=site.site_id != in_full)
        choice = Choice(applicant, tried, minimum_viable(tried.table))
        found[site.site_id] = choice
        if through:
            network = network.holding(choice.held_kva, choice.drawn_kva, through)
    return found


def decided(folder: Portfolio, site_id: str, terms: Terms | None = None) -> Choice:
    """Return what was decided for a site, with all ways to connect it.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    site_id : str
        Site.
    terms : Terms, optional
        Targets; by default those of `Terms`.
    """
    around = surroundings(folder, site_id)
    found = decide(
        around.sites,
        around.assets,
        around.feeds,
        terms or Terms(),
        names=around.names,
        in_full=site_id,
    )
    return found[site_id]


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
    zone = next(iter(choices.values())).applicant.site.timezone if choices else ""
    for asset, behind in assets.items():
        bare = Network.of({asset: behind}, margin_share=0.0, timezone=zone)
        whole = managed = bare
        for choice in choices.values():
            applicant = choice.applicant
            share = feeds.get(applicant.site.site_id, {})
            if asset in share:
                whole = whole.holding(0.0, applicant.free.power_kw / applicant.power_factor, share)
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


def ways(
    applicant: Applicant,
    options: pd.DataFrame,
    kinds: Mapping[str, str],
    prices: Mapping[str, float],
    *,
    years: int,
) -> list[business.Option]:
    """Return each scheme that is possible as the business case sees it, at given prices.

    Parameters
    ----------
    applicant : Applicant
        The site.
    options : pandas.DataFrame
        From `outcomes`.
    kinds : mapping of str to str
        Kind of each asset, for the price of reinforcing it.
    prices : Prices
        Price table.
    years : int
        Horizon [years].

    Notes
    -----
    Every year is like the one on record: growth and break-evens are the matter of
    `07_business_case`.
    """
    possible = options[options["possible"].astype(bool) & options["wanted_kwh"].notna()]
    request = Request(
        years,
        applicant.requested_kva,
        float(applicant.dsc_kva or 0.0),
        _short(applicant, kinds),
        business.mix_of(applicant.site),
        0.0 if applicant.residual_kw is None else float(np.nanmean(applicant.residual_kw)),
        less_kva=float(np.nan_to_num(applicant.firm_kva)),
        rated_kw=float(applicant.site.chargepoints["rated_kw"].sum()),
    )
    found = []
    for name, row in possible.iterrows():
        served_kwh = row["wanted_kwh"] - row["unserved_kwh"]
        yearly = (row["wanted_kwh"], row["unserved_kwh"], served_kwh / YEAR_H, 0.0)
        energy = Energy(*(np.full(years, value) for value in yearly))
        found.append(_way(name, applicant, request, energy, prices))
    return found


def _way(
    name: str, applicant: Applicant, request: Request, energy: Energy, prices: Mapping[str, float]
) -> business.Option:
    """Return a scheme as an option; a limit of a supply that is yet to come needs that supply."""
    if name != schemes.STATIC or applicant.dsc_kva:
        return business.offer(name, request, energy, prices)
    less = business.offer(schemes.REDUCED, request, energy, prices)
    return replace(less, name=name, equipment_gbp=prices["static_equipment"])


def _short(applicant: Applicant, kinds: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Return kind and shortfall [kVA] of what would have to be reinforced.

    Without a network on record, one new substation is assumed.
    """
    if applicant.network is None:
        return (("transformer", 1.0),)
    lacking = []
    for name in applicant.stressed:
        firm_kva = applicant.network.watching([name]).firm_kva(applicant.terms.tolerated_h)
        lacking.append((kinds.get(name, "transformer"), applicant.requested_kva - firm_kva))
    return tuple(lacking)
