"""Sites that share network assets, decided together: in order of application, first come first.

What an applicant may draw under the scheme it is given is held for it, used or not. So a later
applicant never changes an earlier one (LIFO), and the order in which sites are listed is of no
consequence, only the dates are.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import business, clm, measures
from scchelpers.choice import schemes
from scchelpers.choice.network import EPS_KVA, Network, Surroundings, as_half_hours
from scchelpers.choice.schemes import Applicant, Demand, Offer, Terms, offer
from scchelpers.site import Known, Site
from scchelpers.timebase import YEAR_H


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """What was decided for a site.

    Attributes
    ----------
    site_id : str
        The site.
    scheme : str or None
        The way to connect that is recommended; None if none is.
    options : pandas.DataFrame
        A row a way to connect, from the least complex to the most; each column means the same
        everywhere (`docs/scheme-choice.md`).
    facts : dict
        requested_kva, firm_kva, least_kva, peak_kva [kVA]; stressed, tightest and earlier, lists
        of ids; reasons, why nothing can be recommended; names of assets; years on record.
    sure : pandas.DataFrame
        What was changed, and the scheme that is recommended then: columns change, scheme.
    limits : mapping of str to DataArray or float
        Limit of each possible way [kW].
    """

    site_id: str
    scheme: str | None
    options: pd.DataFrame
    facts: dict
    sure: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["change", "scheme"]))
    limits: Mapping[str, xr.DataArray | float] = field(default_factory=dict)

    def __repr__(self) -> str:
        ways = f"{int(self.options['possible'].sum())} of {len(self.options)} ways possible"
        return f"<Choice {self.site_id}: {self.scheme or 'none recommended'}; {ways}>"

    def _repr_html_(self) -> str:
        """Return what each way to connect gives, the recommended one named above."""
        columns = ["possible", "why_not", "mean_kva", "unserved_share", "over_h", "ready_months"]
        shown = self.options.reindex(columns=[*columns, "worth_gbp", "viable", "stop_gap"])
        rows = shown.to_html(float_format="{:.3g}".format, na_rep="–")
        return f"<p>{html.escape(repr(self))}</p>{rows}"

    @property
    def row(self) -> pd.Series:
        """What the scheme gives; an empty Series where none is recommended."""
        return self.options.loc[self.scheme] if self.scheme else pd.Series(dtype=object)

    @property
    def limit_kw(self) -> xr.DataArray | float | None:
        """Its limit [kW]."""
        return self.limits[self.scheme] if self.scheme else None

    @property
    def firm_kva(self) -> float:
        """Capacity that fits at all known times [kVA]."""
        return self.facts["firm_kva"]


@dataclass(frozen=True, eq=False)
class _Tried:
    """A site with all that was tried at its turn."""

    applicant: Applicant
    offers: dict[str, Offer]
    options: pd.DataFrame
    drawn: pd.DataFrame
    scheme: str | None

    @property
    def held_kva(self) -> xr.DataArray | float:
        """What is held for the site from then on [kVA].

        A reinforced connection brings its own capacity. Where nothing is viable, or nothing could
        be judged, nothing is connected and nothing held.
        """
        if self.scheme in (None, schemes.REINFORCED):
            return 0.0
        return _over_time(self.applicant, self.offers[self.scheme].limit_kw) / self._factor

    @property
    def drawn_kva(self) -> xr.DataArray | float:
        """What the site then draws [kVA]."""
        if self.scheme in (None, schemes.REINFORCED):
            return 0.0
        result = self.applicant.demand.charge(self.offers[self.scheme].limit_kw)
        return result.power_kw / self._factor

    @property
    def _factor(self) -> float:
        return self.applicant.power_factor


COLUMNS = {
    "possible": False,
    **dict.fromkeys(("why_not", "note", "against"), ""),
    **dict.fromkeys(
        (
            *("asked_kva", "mean_kva", "lowest_kva", "released_kva", "availability"),
            *("restricted_h", "over_h", "over_low_h", "over_high_h", "own_over_h"),
            *("safe_probability", "wanted_kwh", "unserved_kwh", "unserved_share", "short_share"),
            *(
                "ready_months",
                "cost_gbp",
                "cost_low_gbp",
                "cost_high_gbp",
                "worth_gbp",
                "worth_low_gbp",
                "worth_high_gbp",
            ),
            *("ahead_probability", "protection_ends"),
        ),
        np.nan,
    ),
    **dict.fromkeys(("serves", "safe", "viable", "stop_gap"), False),
}


def assess(applicant: Applicant, offers: Mapping[str, Offer]) -> pd.DataFrame:
    """Return what each way to connect gives a site, but for money (`valued`).

    Parameters
    ----------
    applicant : Applicant
        The site.
    offers : mapping of str to Offer
        What each scheme allows.
    """
    rows = {scheme: _row(applicant, scheme, found) for scheme, found in offers.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")


def _row(applicant: Applicant, scheme: str, found: Offer) -> dict:
    if found.limit_kw is None:
        return COLUMNS | {"why_not": found.why_not}
    row = COLUMNS | {"possible": True, "note": found.note}
    supply_kva = applicant.requested_kva + (applicant.dsc_kva or 0.0)
    row["against"] = business.closed(scheme, supply_kva, applicant.terms.regime)
    if scheme == schemes.DYNAMIC and not clm.meets_g100(applicant.terms.latency):
        row["against"] = f"a loop of {applicant.terms.latency} is slower than EREC G100 asks"
    row |= _dno(applicant, scheme, found)
    row |= _customer(applicant, found.limit_kw, found.share)
    row |= _risk(applicant, scheme, found)
    lasts, fit = row.pop("lasts"), row["serves"] and row["safe"] and not row["against"]
    lasts = lasts and fit and _serves_later(applicant, scheme, found)
    row["viable"], row["stop_gap"] = fit and lasts, fit and not lasts
    return row


def _over_time(applicant: Applicant, limit_kw: xr.DataArray | float) -> xr.DataArray:
    """Return a limit on the known half hours of an applicant, at most the request [kW]."""
    on = applicant.demand.known.half_hours
    time = xr.DataArray(applicant.demand.time, dims="time", coords={"time": applicant.demand.time})
    limit = as_half_hours(limit_kw, time).clip(0.0, applicant.requested_kw)
    limit = limit.where(on.reindex(applicant.demand.time, fill_value=False).to_numpy())
    return limit.rename("limit_kw").assign_attrs(units="kW")


def _dno(applicant: Applicant, scheme: str, found: Offer) -> dict:
    limit_kw = _over_time(applicant, found.limit_kw)
    seen = measures.dno_measures(limit_kw, applicant.requested_kw)
    mean_kva = float(limit_kw.mean()) / applicant.power_factor
    firm_kva = float(np.nan_to_num(applicant.firm_kva))
    asked_kva = 0.0 if found.within_dsc else applicant.requested_kva
    return {
        "asked_kva": asked_kva if found.asked_kva is None else found.asked_kva,
        "mean_kva": mean_kva,
        "lowest_kva": float(limit_kw.min()) / applicant.power_factor,
        "released_kva": 0.0 if scheme == schemes.REINFORCED else max(0.0, mean_kva - firm_kva),
        "availability": seen["availability"].item(),
        "restricted_h": seen["restricted_h"].item() / seen["observed_h"].item() * YEAR_H,
    }


def _customer(applicant: Applicant, limit_kw: xr.DataArray | float, share: float = 1.0) -> dict:
    demand = applicant.demand
    row = _fewer(demand, share) if share < 1 else demand.taken(limit_kw)
    row |= {name: row[name] / demand.years for name in ("wanted_kwh", "unserved_kwh")}
    return row | {"serves": schemes.served(row, applicant.terms)}


def _fewer(demand: Demand, share: float) -> dict:
    """Return what customers lose if only the first chargepoints of the list are built."""
    rated = demand.site.chargepoints.set_index("evse_id")["rated_kw"]
    built = rated.index[rated.cumsum() <= share * rated.sum() + 1e-9]
    delivered = demand.free.sessions["delivered_kwh"]
    gone = ~demand.sessions["evse_id"].isin(built).to_numpy()
    wanted_kwh, lost_kwh = float(delivered.sum()), float(delivered.to_numpy()[gone].sum())
    return {
        "wanted_kwh": wanted_kwh,
        "unserved_kwh": lost_kwh,
        "unserved_share": lost_kwh / wanted_kwh if wanted_kwh else np.nan,
        "short_share": float(gone.mean()),
    }


def _risk(applicant: Applicant, scheme: str, found: Offer) -> dict:
    """Return how long the network would be above its rating, and whether that is tolerated.

    A site that keeps within the supply it has uses a right that it holds already: the network is
    not asked again (report section 7.1), and the hours only show what that right may bring. Growth
    ends what a curtailed connection protects; for a firm one it is the DNO's to meet.
    """
    if scheme == schemes.REINFORCED:
        nothing = dict.fromkeys(("over_h", "over_low_h", "over_high_h"), 0.0)
        return nothing | {"safe_probability": 1.0, "safe": True, "lasts": True}
    if applicant.network is None:
        return {"safe": found.within_dsc, "lasts": True}
    terms = applicant.terms
    allowed_kva = found.unseen_kva
    if allowed_kva is None:
        allowed_kva = _over_time(applicant, found.limit_kw) / applicant.power_factor
    if scheme == schemes.RAISED:  # the rest is a right that the site has
        allowed_kva = found.asked_kva
    ends = scheme in schemes.CURTAILED
    growth = (1 + terms.load_growth) ** np.arange(terms.horizon + 1 if ends else 1)
    added = applicant.added(allowed_kva, found.follows, growth=growth)
    fits = applicant.fits(added)
    row = {
        **dict(zip(("over_low_h", "over_h", "over_high_h"), _range(added.hours), strict=True)),
        "own_over_h": added.alone_h,
        "safe_probability": float(added.kept(terms.tolerated_h)[0]),
        "safe": bool(found.within_dsc or fits[0]),
        "lasts": True,
    }
    if ends:
        row["protection_ends"] = np.nan if fits.all() else float(fits.argmin())
        row["lasts"] = bool(fits[: terms.planned_years + 1].all())
    return row


def _range(values: np.ndarray) -> list[float]:
    return [float(value) for value in np.quantile(values, [0.05, 0.5, 0.95])]


def _serves_later(applicant: Applicant, scheme: str, found: Offer) -> bool:
    """Return whether a limit that follows the load still serves when that has grown as planned."""
    terms = applicant.terms
    grown = (1 + terms.load_growth) ** terms.planned_years
    if not found.follows or grown == 1:
        return True
    later = replace(applicant, network=applicant.network.grown(grown))
    limit_kw = offer(later, scheme).limit_kw
    if limit_kw is None:
        return False
    return applicant.demand.serves(limit_kw, terms)


def valued(
    applicant: Applicant,
    options: pd.DataFrame,
    kinds: Mapping[str, str],
    prices: business.Prices,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return options with their worth and months to ready, and that worth future by future [£].

    Parameters
    ----------
    applicant : Applicant
        The site.
    options : pandas.DataFrame
        From `assess`.
    kinds : mapping of str to str
        Kind of each asset, for the price of reinforcing it.
    prices : Prices
        Price table.
    """
    options, terms = options.copy(), applicant.terms
    request = business.request_of(
        applicant.demand.site,
        requested_kva=applicant.requested_kva,
        short=_short(applicant, kinds),
        years=terms.horizon,
    )

    def ways_at(own: Mapping[str, float]) -> list[business.Option]:
        return business.ways(options, request, own)

    plain = {way.name: way for way in ways_at(prices)}
    ready = pd.Series({name: 12 * float(np.max(way.ready_years)) for name, way in plain.items()})
    options["ready_months"] = ready.reindex(options.index)
    if schemes.REINFORCED in plain:  # a stop-gap must last until that is there
        takes = float(np.max(plain[schemes.REINFORCED].ready_years))
        options["stop_gap"] &= ~(options["protection_ends"] <= np.ceil(takes))
    else:
        options["stop_gap"] = False
    drawn = business.worth(ways_at, prices, seed=terms.seed, regime=terms.regime)
    found = business.headline(drawn) if len(drawn.columns) else pd.DataFrame()
    found = found.join(business.outlay(ways_at, prices, seed=terms.seed, regime=terms.regime))
    for name in found.columns.intersection(options.columns):
        options[name] = found[name].reindex(options.index)
    return options, drawn


def _short(applicant: Applicant, kinds: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Return kind and shortfall [kVA] of what would have to be reinforced.

    Without a network on record, one new substation is assumed.
    """
    if applicant.network is None:
        return (("transformer", 1.0),)
    lacking = []
    for name in applicant.stressed:
        firm_kva = applicant.network.firm_at_kva[name]
        short_kva = max(1.0, applicant.requested_kva - float(np.nan_to_num(firm_kva)))
        lacking.append((kinds.get(name, "transformer"), short_kva))
    return tuple(lacking)


def recommended(options: pd.DataFrame, drawn: pd.DataFrame) -> str | None:
    """Return the least complex way that will do, unless one is better in all that counts.

    Parameters
    ----------
    options : pandas.DataFrame
        From `valued`.
    drawn : pandas.DataFrame
        Worth by future.

    Examples
    --------
    >>> options = pd.DataFrame(
    ...     {"viable": True, "stop_gap": False, "unserved_share": 0.0, "over_h": [1.0, 0.0],
    ...      "ready_months": [6.0, 6.0], "worth_gbp": [0.0, 9.0]}, index=["TCC", "static CLM"])
    >>> recommended(options, pd.DataFrame({"TCC": [0.0, 1.0], "static CLM": [9.0, 8.0]}))
    'static CLM'
    """
    fit = options[options["viable"].astype(bool) | options["stop_gap"].astype(bool)]
    if fit.empty:
        return None
    least = min(fit.index, key=schemes.RANK.get)
    plain, ahead = fit.loc[least], pd.Series(0.0, fit.index)
    if least in drawn:
        names = [name for name in fit.index if name in drawn]
        ahead = drawn[names].gt(drawn[least], axis=0).mean().reindex(fit.index, fill_value=0.0)
    energy = fit["unserved_share"] <= plain["unserved_share"] + 1e-9
    energy &= fit["ready_months"] <= plain["ready_months"] + 1e-9  # who waits gets none meanwhile
    network = fit["over_h"].fillna(0.0) <= np.nan_to_num(plain["over_h"]) + 1e-9
    better = fit[energy & network & (ahead > business.CLOSE[1])]
    return str(better["worth_gbp"].idxmax()) if len(better) else least


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


MINUS = "\N{MINUS SIGN}"


def decide(
    around: Surroundings,
    terms: Terms | None = None,
    prices: business.Prices | None = None,
    *,
    how_sure: bool = True,
) -> tuple[dict[str, Choice], pd.DataFrame]:
    """Decide all sites of a network group, in order of application.

    Parameters
    ----------
    around : Surroundings
        Sites and what they share.
    terms : Terms, optional
        Targets.
    prices : Prices, optional
        Price table.
    how_sure : bool
        Whether to decide again with other loads, growth and prices.

    Returns
    -------
    dict of str to Choice
        By site_id.
    DataFrame
        What is left for the DNO to buy, see `_need`.
    """
    terms, prices = terms or Terms(), prices or business.Prices()
    demands = {site.site_id: _demand(site, around) for site in around.sites}
    tried = _in_turn(around, demands, terms, prices)
    sure = _sure(around, demands, terms, prices, tried) if how_sure else {}
    order, found = list(tried), {}
    for place, (name, one) in enumerate(tried.items()):
        limits = {way: own.limit_kw for way, own in one.offers.items() if own.limit_kw is not None}
        facts = _facts(one.applicant, around, order[:place])
        rows = sure.get(name, {})
        changed = pd.DataFrame({"change": rows.keys(), "scheme": rows.values()}, dtype=object)
        found[name] = Choice(name, one.scheme, one.options, facts, changed, limits)
    return found, _need(tried, around)


def _sure(
    around: Surroundings,
    demands: Mapping[str, Demand],
    terms: Terms,
    prices: business.Prices,
    tried: Mapping[str, _Tried],
) -> dict[str, dict[str, str | None]]:
    """Return what is recommended with other loads, growth and prices, by site.

    Where 2 % change nothing at any site, 1 % is taken to change nothing, either.
    """
    rows = {name: {} for name in tried}
    for sign in (-1, 1):
        found = tried
        for percent in (2, 1):
            same = all(found[name].scheme == one.scheme for name, one in tried.items())
            if percent == 2 or not same:
                found = _in_turn(around, demands, terms, prices, 1 + sign * percent / 100, tried)
            said = f"load {'+' if sign > 0 else MINUS}{percent} %"
            for name, one in found.items():
                rows[name][said] = one.scheme
    for name, one in tried.items():
        rows[name] = dict(sorted(rows[name].items(), key=_percent))
        rows[name] |= _under(one, around.kinds, prices)
    return rows


def _percent(change: tuple[str, str | None]) -> int:
    return int(change[0].split()[1].replace(MINUS, "-"))


def _demand(site: Site, around: Surroundings) -> Demand:
    """Return a site's charging in the time in which all that bears on it is known."""
    zone, seen = site.timezone, around.feeds.get(site.site_id, {})
    loads = [load for name, (load, _) in around.assets.items() if name in seen]
    parts = [Known.of(load, timezone=zone, what="load of the network") for load in loads]
    if site.residual_kw is not None and not np.isnan(site.residual_kw).all():
        parts.append(Known.of(site.residual_kw, timezone=zone, what="other load of the site"))
    if len(site.sessions) or not parts:
        parts.insert(0, site.known("sessions"))
    known = parts[0]
    for part in parts[1:]:
        known = known if part.what in known.what else known & part
    return Demand(site, known)


def _in_turn(
    around: Surroundings,
    demands: Mapping[str, Demand],
    terms: Terms,
    prices: business.Prices,
    factor: float = 1.0,
    before: Mapping[str, _Tried] | None = None,
) -> dict[str, _Tried]:
    """Try the schemes at each site, in order of application, with the load around by a factor.

    Where the choice `before` is known, more complex schemes than needed are not tried again.
    """
    network, found = None, {}
    if around.assets:
        zone = around.sites[0].timezone
        network = Network.of(around.assets, margin_share=terms.margin_share, timezone=zone)
        network = network.grown(factor)
    for site in in_order(around.sites):
        seen = around.feeds.get(site.site_id, {})
        through = {name: share for name, share in seen.items() if name in around.assets}
        above = network.above(through) if through else None
        applicant = Applicant(demands[site.site_id], above, terms, around.names)
        known = before[site.site_id].scheme if before else None
        one = _tried(applicant, around.kinds, prices, known)
        found[site.site_id] = one
        if through:
            network = network.holding(one.held_kva, one.drawn_kva, through)
    return found


def _tried(
    applicant: Applicant, kinds: Mapping[str, str], prices: business.Prices, known: str | None
) -> _Tried:
    lacking = _lacking(applicant)
    offers = {name: Offer(why_not="".join(lacking[:1])) for name in schemes.RANK}
    rows, enough = {}, False
    for name in () if lacking else schemes.RANK:
        if not enough or name == schemes.REINFORCED:
            offers[name] = offer(applicant, name)
            rows[name] = _row(applicant, name, offers[name])
            past = known is not None and schemes.RANK[name] >= schemes.RANK[known]
            enough |= past and bool(rows[name]["viable"] or rows[name]["stop_gap"])
    rows = {name: rows.get(name, COLUMNS | {"why_not": offers[name].why_not}) for name in offers}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")
    options, drawn = valued(applicant, table, kinds, prices)
    unknown = lacking or applicant.demand.known.reasons
    scheme = None if unknown else recommended(options, drawn)
    return _Tried(applicant, offers, options, drawn, scheme)


def _lacking(applicant: Applicant) -> tuple[str, ...]:
    """Return what a site lacks for any judgement; empty if nothing."""
    if applicant.network is None and not applicant.dsc_kva:
        return (
            "neither the load and rating of the network above the site nor a supply capacity of "
            "its own is on record",
        )
    if applicant.demand.sessions.empty:
        return ("there are no sessions on record in the time that can be judged",)
    return ()


def _under(one: _Tried, kinds: Mapping[str, str], prices: business.Prices) -> dict[str, str | None]:
    """Return what is recommended with other growth and other prices."""
    if one.scheme is None:
        return {}
    found, listed = {}, prices.table()
    for said, times in (("no growth of the load", 0.0), ("growth twice as fast", 2.0)):
        other = replace(one.applicant.terms, load_growth=times * one.applicant.terms.load_growth)
        applicant = replace(one.applicant, terms=other)
        options = assess(applicant, one.offers)
        found[said] = recommended(*valued(applicant, options, kinds, prices))
    for said, end in (("drivers pay less", "low"), ("drivers pay more", "high")):
        sold = [name for name in ("ac_price", "dc_price", "fleet_price") if name in listed.index]
        moved = prices.at(listed.loc[sold, end].to_dict())
        found[said] = recommended(*valued(one.applicant, one.options, kinds, moved))
    return found


def _facts(applicant: Applicant, around: Surroundings, earlier: Sequence[str]) -> dict:
    """Return what holds for a site whatever the scheme."""
    demand, lacking = applicant.demand, _lacking(applicant)
    seen = around.feeds.get(demand.site.site_id, {})
    sharing = [
        name for name in earlier if any(asset in seen for asset in around.feeds.get(name, {}))
    ]
    return {
        "requested_kva": applicant.requested_kva,
        "firm_kva": applicant.firm_kva,
        "least_kva": np.nan if lacking else demand.least(applicant.terms),
        "peak_kva": np.nan if lacking else demand.peak_kva,
        "years": demand.years,
        "reasons": [*lacking, *demand.known.reasons],
        "network": applicant.network is not None,
        "stressed": [] if lacking else applicant.stressed,
        "short": [] if lacking else [list(one) for one in _short(applicant, around.kinds)],
        "tightest": "" if applicant.network is None else applicant.tightest,
        "earlier": sharing,
        "names": {name: applicant.called(name) for name in around.assets},
    }


def _need(tried: Mapping[str, _Tried], around: Surroundings) -> pd.DataFrame:
    """Return what the DNO would have to buy as flexibility, with and without the schemes."""
    if not around.assets:
        return pd.DataFrame(columns=["asset", "connected", "over_h", "peak_kva", "over_kvah"])
    rows, drawn, zone = [], {}, around.sites[0].timezone
    time = Network.of(around.assets, margin_share=0.0, timezone=zone).time
    for name, one in tried.items():
        if not _lacking(one.applicant):
            free_kva = one.applicant.demand.free.power_kw / one.applicant.power_factor
            drawn[name] = tuple(as_half_hours(kva, time) for kva in (free_kva, one.drawn_kva))
    for asset, behind in around.assets.items():
        bare = Network.of({asset: behind}, margin_share=0.0, timezone=zone)
        whole = managed = bare
        for name, (free_kva, drawn_kva) in drawn.items():
            share = around.feeds.get(name, {})
            if asset in share:
                whole = whole.holding(0.0, free_kva, share)
                managed = managed.holding(0.0, drawn_kva, share)
        cases = {"before": bare, "without schemes": whole, "with schemes": managed}
        rows += [(asset, name, *_excess(network)) for name, network in cases.items()]
    return pd.DataFrame(rows, columns=["asset", "connected", "over_h", "peak_kva", "over_kvah"])


def _excess(network: Network) -> tuple[float, float, float]:
    over_kva = (network.drawn_kva - network.rating_kva).isel(asset=0)
    years = float(np.isfinite(over_kva).sum()) / 2 / YEAR_H
    above = over_kva.where(over_kva > EPS_KVA, 0.0)
    return (
        float((above > 0).sum()) / 2 / years,
        float(above.max()),
        float(above.sum()) / 2 / years,
    )
