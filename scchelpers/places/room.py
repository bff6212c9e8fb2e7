"""The largest request that an asset takes, by the rule of the table of options.

A place is an asset behind those already in its queue. What is to be connected there is a number of
chargepoints whose drivers are those of the portfolio's own chargepoints of that rating; its request
is what they draw together at most, so that diversity is measured and not assumed. The number is
found by halving, each time with the engine and the rule that decide for a site (`choice`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import and_

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import business, choice
from scchelpers.choice.decision import assess, valued
from scchelpers.choice.network import Network
from scchelpers.choice.schemes import (
    CMC,
    FIRM,
    LESS,
    LMC,
    PROFILED,
    REINFORCED,
    TCC,
    Applicant,
    Demand,
    Terms,
    offer,
)
from scchelpers.clm.erosion import grown as repeated
from scchelpers.network import upstream
from scchelpers.places.maps import distance_km
from scchelpers.portfolio import Portfolio
from scchelpers.site import POWER_FACTOR, Known, Site

WAYS = (FIRM, LESS, TCC, PROFILED, LMC, CMC)

ALIKE = 0.1  # chargepoints whose rating differs by less than this share are of one class


@dataclass(frozen=True, eq=False)
class Use:
    """How chargepoints of a class are used at the portfolio's own sites.

    Attributes
    ----------
    rated_kw : float
        Rating of a chargepoint [kW].
    chargepoints, sessions : pandas.DataFrame
        Those on record, the chargepoints in the order in which they are taken.
    known : Known
        Time in which all of them are known.
    sites : tuple of str
        Sites that they are of.
    power_factor : float
        The sites' median.
    """

    rated_kw: float
    chargepoints: pd.DataFrame
    sessions: pd.DataFrame
    known: Known
    sites: tuple[str, ...]
    power_factor: float
    _made: dict = field(default_factory=dict)

    @classmethod
    def of(
        cls, folder: Portfolio, rated_kw: float, *, site_type: str | None = None, seed: int = 0
    ) -> Use | None:
        """Return the use of a class on record; None where none is, for nothing is invented.

        Parameters
        ----------
        folder : Portfolio
            Open portfolio.
        rated_kw : float
            Rating [kW]; those within a tenth of it count.
        site_type : str, optional
            Only at sites of this type.
        seed : int
            Of the order in which chargepoints are taken.

        Notes
        -----
        A site counts if its sessions cover three quarters of a year and half of each season, by
        the portfolio's clock.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> use = Use.of(Portfolio.open("data/demo"), 7.4)
        >>> use.rated_kw, len(use.chargepoints) > 0
        (7.4, True)
        """
        points = folder.table("chargepoints.csv")
        points = points[(points["rated_kw"] / rated_kw - 1).abs() < ALIKE]
        chosen = folder.sites.loc[lambda rows: rows["site_id"].isin(points["site_id"])]
        if site_type:
            chosen = chosen[chosen["site_type"] == site_type]
        sites = [folder.site(site_id) for site_id in chosen["site_id"]]
        sites = [
            site
            for site in sites
            if site.timezone == folder.timezone and not site.known("sessions").reasons
        ]
        if not sites:
            return None
        own = points[points["site_id"].isin([site.site_id for site in sites])]
        sessions = pd.concat([site.sessions for site in sites], ignore_index=True)
        return cls(
            rated_kw,
            own.iloc[np.random.default_rng(seed).permutation(len(own))],
            sessions[sessions["evse_id"].isin(own["evse_id"])],
            reduce(and_, (site.known("sessions") for site in sites)),
            tuple(site.site_id for site in sites),
            float(np.median([site.power_factor for site in sites])),
        )

    def site(self, count: int, asset_id: str, requested_kva: float | None = None) -> Site:
        """Return a site of some chargepoints; more hold all that fewer do.

        Where there are more than on record, their copies have the same drivers in other weeks.
        """
        copies = -(-count // len(self.chargepoints))
        sessions, points = repeated(self.sessions, self.chargepoints, copies)
        points = points.iloc[:count].assign(site_id="new", unit_id=None)
        sessions = sessions[sessions["evse_id"].isin(points["evse_id"])].assign(site_id="new")
        sessions = sessions.sort_values(["plug_in", "session_id"], ignore_index=True)
        meta = {"site_id": "new", "name": "new site", "site_type": None, "dsc_kva": None}
        meta |= {"requested_kva": requested_kva, "power_factor": self.power_factor}
        meta |= {"asset_id": asset_id, "connection_kv": 0.4}
        zone = self.known.timezone
        return Site("new", meta, points, sessions, None, None, None, zone)

    def demand(self, count: int, asset_id: str, known: Known) -> Demand:
        """Return the charging of some chargepoints, who ask for what they draw at most [kVA]."""
        key = (count, hash(known.half_hours.to_numpy().tobytes()), known.half_hours.index[0])
        if key not in self._made:
            alone = Demand(self.site(count, asset_id), known)
            peak_kva = float(np.ceil(np.nan_to_num(alone.peak_kva)))
            self._made[key] = Demand(self.site(count, asset_id, max(1.0, peak_kva)), known)
        return self._made[key]


@dataclass(frozen=True, eq=False)
class Place:
    """An asset at which something new may connect, last in the queue.

    Attributes
    ----------
    asset_id : str
        The asset.
    network : Network or None
        It and those above it, with what earlier applicants hold; None where no load is on record.
    names, kinds : mapping of str to str
        Of these assets.
    use : Use or None
        Of the chargepoints that are to connect.
    terms : Terms
        Targets.
    most : int
        Largest number of chargepoints that is looked for.
    """

    asset_id: str
    network: Network | None
    names: Mapping[str, str]
    kinds: Mapping[str, str]
    use: Use | None
    terms: Terms = field(default_factory=Terms)
    most: int = 64
    _fits: dict = field(default_factory=dict)
    _firm: dict = field(default_factory=dict)

    def of(self, use: Use) -> Place:
        """Return the same place for chargepoints of another use."""
        return replace(self, use=use, _fits={})

    @cached_property
    def known(self) -> Known:
        """Time in which the loads and the sessions are known."""
        loads = (self.network.own_kva.sel(asset=name) for name in self.network.assets)
        zone = self.network.timezone
        return self.use.known & Known.of(*loads, timezone=zone, what="load of the network")

    def applicant(self, count: int, terms: Terms | None = None) -> Applicant:
        """Return some chargepoints at this place as one that asks for a connection."""
        demand = self.use.demand(count, self.asset_id, self.known)
        return Applicant(demand, self.network, terms or self.terms, self.names)

    def firm_kva(self, years: int = 0) -> float:
        """Return the largest firm request [kVA] today, or when the load has grown for some years.

        NaN where no load is on record.
        """
        if self.network is None:
            return np.nan
        if years in self._firm:
            return self._firm[years]
        network = self.network.grown((1 + self.terms.load_growth) ** years)
        asked = Applicant(None, network, self.terms, self.names)
        highest = float(np.ceil(network.rating_kva.min("asset").max()))
        found = _largest(lambda kva: not asked.stressed_by(float(kva)), 0, int(highest))
        self._firm[years] = float(found)
        return self._firm[years]

    def request_kva(self, count: int) -> float:
        """Return what some chargepoints ask for [kVA]."""
        return self.applicant(count).requested_kva if count else 0.0

    def fits(self, way: str, count: int) -> bool:
        """Return whether some chargepoints can connect in a way: it serves, is safe and lasts.

        Who may hold a curtailable connection at all is a matter of the rules (`business.closed`),
        and not looked at here.
        """
        if (way, count) not in self._fits:
            self._fits[way, count] = self._try(way, count)
        return self._fits[way, count]

    def _try(self, way: str, count: int) -> bool:
        one = self.applicant(count, replace(self.terms, regime="before-2023"))
        if one.requested_kva <= self.firm_kva():
            return True
        if way == FIRM:
            return False
        if way == LESS:
            return one.demand.serves(self.firm_kva() * one.power_factor, self.terms)
        found = offer(one, way)
        return bool(assess(one, {way: found}).loc[way, "viable"])

    @cached_property
    def _ceiling(self) -> int:
        """Number that is served by all that the ratings leave: no limit gives more."""
        left_kva = (self.network.rating_kva - self.network.load_kva).min("asset", skipna=False)

        def serves(count: int) -> bool:
            one = self.applicant(count)
            left_kw = left_kva.clip(0.0, one.requested_kva) * one.power_factor
            return one.demand.serves(left_kw.assign_attrs(units="kW"), self.terms)

        return _largest(serves, self.largest(FIRM), self.most)

    def largest(self, way: str) -> int:
        """Return the largest number of chargepoints that can connect in a way, at most `most`.

        Notes
        -----
        By halving: what fits is taken to fit for fewer.
        """
        if way in (FIRM, LESS):
            return _largest(lambda count: self.fits(way, count), 0, self.most)
        low = self.largest(FIRM)
        if way == CMC:  # adds to an LMC only where several assets are short
            low = self.largest(LMC)
            if low < self._ceiling and len(self.applicant(low + 1).stressed) < 2:
                return low
        return _largest(lambda count: self.fits(way, count), low, self._ceiling)

    def options(
        self, count: int, ways: tuple[str, ...], prices: business.Prices
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return some rows of the table of options for some chargepoints, and their worth."""
        one = self.applicant(count)
        offers = {way: offer(one, way) for way in (*ways, REINFORCED)}
        return valued(one, assess(one, offers), self.kinds, prices)


def queued(folder: Portfolio, terms: Terms | None = None) -> dict[str, Held]:
    """Return what each site of a portfolio holds of the network, decided as its reports say.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    terms : Terms, optional
        Targets.

    Returns
    -------
    dict of str to Held
        By site_id, in order of application; sites on no asset are left out.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from scchelpers.portfolio import Portfolio
    >>> own = pathlib.Path(tempfile.mkdtemp())
    >>> texts = {"portfolio.toml": 'name = "own"', "sites.csv": "site_id,name"}
    >>> _ = [(own / name).write_text(text) for name, text in texts.items()]
    >>> queued(Portfolio.open(own))  # nobody has asked yet
    {}
    """
    sites = folder.sites.loc[folder.sites["asset_id"].notna()]
    if "applied_on" in sites:
        sites = sites.sort_values("applied_on", kind="stable", na_position="last")
    return {
        row["site_id"]: Held.of(folder, row, choice.decided(folder, row["site_id"], terms))
        for _, row in sites.iterrows()
    }


@dataclass(frozen=True, eq=False)
class Held:
    """What a site in the queue holds.

    Attributes
    ----------
    site_id, asset_id : str
        The site, and the asset that it is on.
    choice : Choice
        What was decided for it.
    kva : DataArray or float
        What it may draw over time [kVA].
    """

    site_id: str
    asset_id: str
    choice: choice.Choice
    kva: xr.DataArray | float

    @classmethod
    def of(cls, folder: Portfolio, row: Mapping, decided: choice.Choice) -> Held:
        """Return what a site holds by what was decided: its limit, up to its request."""
        kva, own = 0.0, row.get("power_factor")
        if decided.scheme not in (None, REINFORCED):
            factor = (folder.power_factor or POWER_FACTOR) if pd.isna(own) else own
            kva = np.minimum(decided.limit_kw / factor, decided.facts["requested_kva"])
        return cls(row["site_id"], row["asset_id"], decided, kva)


def places(
    folder: Portfolio,
    use: Use | None,
    terms: Terms | None = None,
    *,
    queue: Mapping[str, Held] | None = None,
    before: str | None = None,
    only: str | None = None,
    most: int = 64,
) -> dict[str, Place]:
    """Return every asset of a portfolio as a place where something may connect.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    use : Use or None
        Of the chargepoints that are to connect.
    terms : Terms, optional
        Targets.
    queue : mapping of str to Held, optional
        From `queued`.
    before : str, optional
        Site whose turn it is: only earlier ones are in the queue.
    only : str, optional
        Asset, if one is enough.
    most : int
        Largest number of chargepoints that is looked for.

    Notes
    -----
    Only assets count, not the lines of a network model: where on a feeder a new site would stand is
    not known yet.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> list(places(folder, None, queue={}, only="elm-road-tx"))
    ['elm-road-tx']
    """
    terms = terms or Terms()
    held = list((queued(folder, terms) if queue is None else queue).values())
    held = held[: [one.site_id for one in held].index(before)] if before else held
    table = folder.table("assets.csv").set_index("asset_id")
    chains = {name: upstream(table, name) for name in table.index}
    loads = {}
    for name in table.index.intersection(chains[only]) if only else table.index:
        load, rating = folder.loads("network_kva", name), folder.rating_kva(name)
        if load is not None and rating is not None and rating.notna().all():
            loads[name] = (load["network_kva"].load(), rating)
    found = {}
    for name, chain in chains.items():
        if only not in (None, name):
            continue
        own = {asset: loads[asset] for asset in chain if asset in loads}
        network = None
        if name in own:
            network = Network.of(own, margin_share=terms.margin_share, timezone=folder.timezone)
        for one in held if network is not None else ():
            through = {asset: 1.0 for asset in chains.get(one.asset_id, ()) if asset in own}
            if through:
                network = network.holding(one.kva, one.kva, through)
        names = {asset: str(table.loc[asset, "name"] or asset) for asset in own}
        kinds = {asset: str(table.loc[asset, "kind"]) for asset in own}
        found[name] = Place(name, network, names, kinds, use, terms, most)
    return found


def _largest(works: Callable[[int], bool], low: int, high: int) -> int:
    """Return the largest whole number up to `high` that works; `low` is known to.

    The ends are tried first: most places take all, or no more than without a scheme.
    """
    if low >= high or works(high):
        return max(low, high)
    if high - low == 1 or not works(low + 1):
        return low
    low += 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle) else (low, middle)
    return low


def published(folder: Portfolio) -> pd.DataFrame:
    """Return what network operators say that still fits, where no load is on record to judge by.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio with network assets.

    Returns
    -------
    pandas.DataFrame
        By asset_id: columns of `assets.csv`, room_kva [kVA] (the headroom, else firm capacity less
        highest demand less what is contracted, none of it below 0) and told, which of these.
        Assets of which neither is known are left out. No hour of it is judged.

    Examples
    --------
    >>> len(published(Portfolio.open("data/demo")))
    0
    """
    table = folder.table("assets.csv").set_index("asset_id")
    told = table[~table.index.isin(folder.series("network_kva"))].copy()
    queue_kva = told["queue_kva"]
    left_kva = told["firm_capacity_kva"] - told["maximum_demand_kva"] - queue_kva.fillna(0.0)
    headroom_kva = told["published_headroom_kva"]
    told["room_kva"] = headroom_kva.fillna(left_kva).clip(lower=0.0)
    told["told"] = np.select(
        [headroom_kva.notna(), queue_kva.notna()],
        ["headroom", "firm capacity less demand less queue"],
        "firm capacity less demand; queue not told",
    )
    return told[told["room_kva"].notna()]


def elsewhere(folder: Portfolio, site_id: str, kva: float, within_km: float = 10.0) -> pd.DataFrame:
    """Return other assets that take a request at all times, the nearest first.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    site_id : str
        Site that looks for another place.
    kva : float
        Its request [kVA].
    within_km : float
        How far a place may lie [km], as the crow flies.

    Returns
    -------
    pandas.DataFrame
        By asset_id: name, km, room_kva [kVA]. Empty where places are not on record.

    Notes
    -----
    What all sites ask for is held in full, whoever was first, and the margin of `Terms` is kept:
    `10_where_to_connect` holds what was decided for each, looks at the schemes, and finds more.

    Examples
    --------
    >>> list(elsewhere(Portfolio.open("data/demo"), "elm-road-lamps", 134.0).index)
    ['science-park-tx']
    """
    found = pd.DataFrame(columns=["name", "km", "room_kva"])
    table, own = folder.table("assets.csv").set_index("asset_id"), folder.sites.loc[site_id]
    spots = table[["latitude", "longitude"]]
    here = own.reindex(["latitude", "longitude"])
    if here.isna().any() and pd.notna(own["asset_id"]):
        here = spots.loc[own["asset_id"]]
    if here.isna().any():
        return found
    km = pd.Series(distance_km(*spots.to_numpy(float).T, tuple(here.astype(float))), table.index)
    chains = {name: upstream(table, name) for name in table.index}
    held_kva = folder.sites.groupby("asset_id")["requested_kva"].sum()
    room_kva = {}
    for name in table.index[km <= within_km].drop(own["asset_id"], errors="ignore"):
        room_kva[name] = np.inf if name in folder.series("network_kva") else np.nan
        for asset in chains[name]:
            load, rating = folder.loads("network_kva", asset), folder.rating_kva(asset)
            if load is None or rating is None or rating.isna().any():
                continue
            kept = {"margin_share": Terms().margin_share, "timezone": folder.timezone}
            bare = Network.of({asset: (load["network_kva"].load(), rating)}, **kept)
            under = [one for one, chain in chains.items() if asset in chain]
            left = bare.firm_kva - held_kva.reindex(under).sum()
            room_kva[name] = min(room_kva[name], left)
    room = pd.Series(room_kva, dtype=float)
    room = room[(room >= kva) & np.isfinite(room)]
    found = table.loc[room.index, ["name"]].assign(km=km.reindex(room.index), room_kva=room)
    return found.sort_values("km")
