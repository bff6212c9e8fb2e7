"""The network above a site: what its load and earlier applicants leave, and where it is short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import years
from scchelpers.network import applicants, related, upstream
from scchelpers.network.cmc import Intervals as Flow
from scchelpers.network.powerflow import CHUNK
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.network import Network as Model
from scchelpers.portfolio.tables import RATING_SEASONS
from scchelpers.site import Site
from scchelpers.tcc.derivation import half_hourly, rating_at
from scchelpers.timebase import YEAR_H

EPS_KVA = 1e-6

FAR = 1.2  # times its load on record, and growth: further no drawn year goes


@dataclass(frozen=True, eq=False)
class Network:
    """The assets between a site and the grid.

    Attributes
    ----------
    load_kva : xarray.DataArray
        Load with what earlier applicants may draw, over (time, asset) in half hours [kVA]; the
        asset nearest to the site first.
    drawn_kva : xarray.DataArray
        The same with what earlier applicants draw of it [kVA].
    own_kva : xarray.DataArray
        Load without any of these sites, which is what weather and growth change [kVA].
    rating_kva : xarray.DataArray
        Rating over (time, asset) [kVA].
    seasonal_kva : dict of str to Series
        Rating by season, by asset.
    margin_share : float
        Of the rating, kept free when limits are set.
    timezone : str
        Of the clock.
    """

    load_kva: xr.DataArray
    drawn_kva: xr.DataArray
    own_kva: xr.DataArray
    rating_kva: xr.DataArray
    seasonal_kva: Mapping[str, pd.Series]
    margin_share: float
    timezone: str

    @classmethod
    def of(
        cls,
        assets: Mapping[str, tuple[xr.DataArray, pd.Series]],
        *,
        margin_share: float,
        timezone: str,
    ) -> Network:
        """Return the network of some assets: {asset_id: (load [kVA], rating by season [kVA])}."""
        loads = xr.align(*(half_hourly(load) for load, _ in assets.values()), join="inner")
        names = pd.Index(list(assets), name="asset")
        load_kva = xr.concat(loads, names).transpose("time", "asset")
        first, last = load_kva["time"].to_numpy()[[0, -1]]
        grid = pd.date_range(first, last, freq="30min")
        load_kva = load_kva.reindex(time=grid)  # gaps are unknown, not left out
        ratings = [rating_at(rating, load_kva["time"], timezone) for _, rating in assets.values()]
        return cls(
            load_kva,
            load_kva,
            load_kva,
            xr.concat(ratings, names).transpose("time", "asset"),
            {name: rating for name, (_, rating) in assets.items()},
            margin_share,
            timezone,
        )

    @property
    def assets(self) -> list[str]:
        """Assets, the nearest first."""
        return self.load_kva["asset"].to_numpy().tolist()

    @property
    def time(self) -> xr.DataArray:
        """Starts of the half hours."""
        return self.load_kva["time"]

    @property
    def free_kva(self) -> xr.DataArray:
        """What may be added at each asset, the margin kept, over (time, asset) [kVA]."""
        return self.rating_kva * (1 - self.margin_share) - self.load_kva

    def above(self, through: Mapping[str, float]) -> Network:
        """Return the assets above a site as it sees them.

        Parameters
        ----------
        through : mapping of str to float
            Share of the site's power that each asset sees. Load and rating are divided by it, so
            that a kVA at the site counts as one.
        """
        chosen = [name for name in self.assets if name in through]
        if chosen == self.assets and all(through[name] == 1.0 for name in chosen):
            return self
        share = xr.DataArray([through[name] for name in chosen], {"asset": chosen}, ("asset",))
        return replace(
            self,
            load_kva=self.load_kva.sel(asset=chosen) / share,
            drawn_kva=self.drawn_kva.sel(asset=chosen) / share,
            own_kva=self.own_kva.sel(asset=chosen) / share,
            rating_kva=self.rating_kva.sel(asset=chosen) / share,
            seasonal_kva={name: self.seasonal_kva[name] / through[name] for name in chosen},
        )

    def watching(self, assets: Sequence[str]) -> Network:
        """Return the network that a monitor at some assets knows of."""
        return self.above(dict.fromkeys(assets, 1.0))

    def holding(self, held_kva, drawn_kva, through: Mapping[str, float]) -> Network:
        """Return the network with a site at some of its assets.

        Parameters
        ----------
        held_kva, drawn_kva : xarray.DataArray or float
            What the site may draw, and what it draws [kVA].
        through : mapping of str to float
            Share of its power that each asset sees; others see nothing.
        """
        share = [through.get(name, 0.0) for name in self.assets]
        share = xr.DataArray(share, {"asset": self.assets}, ("asset",))
        held, drawn = (as_half_hours(kva, self.time) * share for kva in (held_kva, drawn_kva))
        return replace(
            self,
            load_kva=(self.load_kva + held).transpose("time", "asset"),
            drawn_kva=(self.drawn_kva + drawn).transpose("time", "asset"),
        )

    def grown(self, factor: float) -> Network:
        """Return the network with its own import times a factor; what sites hold stays."""
        more = self.own_kva.clip(min=0.0) * (factor - 1.0)
        return replace(
            self,
            load_kva=self.load_kva + more,
            drawn_kva=self.drawn_kva + more,
            own_kva=self.own_kva + more,
        )

    @cached_property
    def firm_at_kva(self) -> pd.Series:
        """What fits at each asset at all known times, the margin kept, rounded down [kVA]."""
        lowest = self.free_kva.min("time").to_series()
        return np.floor(lowest + EPS_KVA).clip(lower=0.0)

    @cached_property
    def firm_kva(self) -> float:
        """What fits at every asset at all known times, the margin kept, rounded down [kVA]."""
        return float(self.firm_at_kva.min())

    def short_h(self, kva: float) -> pd.Series:
        """Return by asset the hours a year in which a capacity does not fit [h]."""
        short, known = self.free_kva < kva - EPS_KVA, np.isfinite(self.load_kva)
        share = (short & known).sum("time") / known.sum("time")
        return pd.Series(share.to_numpy() * YEAR_H, self.assets)


def as_half_hours(kva: xr.DataArray | float, time: xr.DataArray) -> xr.DataArray:
    """Return a power on given half hours: means of finer values; unknown where any of them is.

    Before and after its record it is 0.
    """
    if np.ndim(kva) == 0:
        return xr.DataArray(np.full(len(time), float(kva)), {"time": time.to_numpy()}, ("time",))
    if len(kva["time"]) == len(time) and (kva["time"].to_numpy() == time.to_numpy()).all():
        return kva
    finer = kva.to_series().resample("30min")
    series = finer.mean().where(finer.count() == finer.size())
    known = series.reindex(time.to_index())
    record = (known.index >= series.index[0]) & (known.index <= series.index[-1])
    return xr.DataArray(known.where(record, 0.0).to_numpy(), {"time": time.to_numpy()}, ("time",))


@dataclass(frozen=True, eq=False)
class Added:
    """Hours a year above ratings to which a site adds, in years like and unlike the record.

    Attributes
    ----------
    by_asset : numpy.ndarray
        Over (asset, growth, draw): above the rating with the site less the other load alone [h].
    own_h : numpy.ndarray
        Over (asset, draw): of the other load alone, without growth [h].
    worsened_h : numpy.ndarray
        By asset: on record, above the rating by the other load alone while the site may draw [h].
    """

    by_asset: np.ndarray
    own_h: np.ndarray
    worsened_h: np.ndarray

    @property
    def hours(self) -> np.ndarray:
        """Hours at the worst asset, a value a draw [h]."""
        return self.by_asset[:, 0].max(axis=0)

    @property
    def alone_h(self) -> float:
        """Hours that the other load alone spends above the rating of that asset [h]."""
        worst = np.median(self.by_asset[:, 0], axis=1).argmax()
        return float(np.median(self.own_h[worst]))

    def kept(self, tolerated_h: float) -> np.ndarray:
        """Return by growth the share of the years that keep to what is tolerated everywhere."""
        kept = (self.by_asset.max(axis=0) <= tolerated_h + 1e-9).mean(axis=1)
        return kept * (self.worsened_h.max() <= tolerated_h + 1e-9)


# Of a year's difference a forecast made from the days before knows all but the peaks.
_FORESEEN = {"level_sd": 0.0, "local_sd": 0.0}


def added(
    network: Network,
    allowed_kva: xr.DataArray | float,
    *,
    follows: Mapping[str, str],
    growth: Sequence[float] = (1.0,),
    **sizes,
) -> Added:
    """Return the hours that a site adds with what it may draw.

    Parameters
    ----------
    network : Network
        Assets above it.
    allowed_kva : xarray.DataArray or float
        What it may draw [kVA]; over (rise, time) where it follows a load at once, see
        `years.added_over_h`.
    follows : mapping of str to str
        Assets whose load the limit follows: "at once" (a monitor) or "next day" (a forecast, which
        does not know the peaks).
    growth : sequence of float
        Of the load, for each of which hours are wanted.
    **sizes
        Of `years.added_over_h`.
    """
    led = allowed_kva if "rise" in getattr(allowed_kva, "dims", ()) else None
    allowed = as_half_hours(allowed_kva if led is None else led.sel(rise=0.0), network.time)
    drawing, found = allowed > EPS_KVA, []
    # Years differ by a few per cent: what stays far below its rating need not be drawn.
    far = (network.own_kva.clip(min=0) * (FAR * max(growth) - 1)) + network.load_kva + allowed
    near = ((far > network.rating_kva) & drawing).any("time").to_numpy()
    alone = ((network.load_kva > network.rating_kva + EPS_KVA) & drawing).sum("time")
    known = np.isfinite(network.load_kva).sum("time")
    worsened = (alone / known.clip(min=1) * YEAR_H).to_numpy()
    # What a monitor's delay lets through as another load rises is that load's own.
    worsened[[follows.get(name) == "at once" for name in network.assets]] = 0.0
    nothing = np.zeros((len(growth), sizes["draws"]))
    for name, close in zip(network.assets, near, strict=True):
        if not close:
            found.append((nothing, nothing[0]))
            continue
        own, load, rating = (
            kva.sel(asset=name, drop=True)
            for kva in (network.own_kva, network.load_kva, network.rating_kva)
        )
        how = follows.get(name)
        by, alone_h = years.added_over_h(
            own,
            rating - (load - own),
            led if how == "at once" else allowed,
            growth=np.ones(len(growth)) if how == "next day" else np.asarray(growth),
            timezone=network.timezone,
            **(sizes | _FORESEEN if how == "next day" else sizes),
        )
        found.append((by, alone_h[0]))
    by_asset, own_h = (np.array(part) for part in zip(*found, strict=True))
    return Added(by_asset, own_h, worsened)


# A line that sees less of a site's power than this does not hold it back (methods, section 5).
_LEAST_SHARE = 0.05

_SAMPLES = 96

_TIGHT = 0.85  # a line that is never fuller holds nobody back, even with the widest margin


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


def members(folder: Portfolio, site_id: str) -> list[str]:
    """Return the sites that share a site's network, itself among them, in order of application."""
    asset_id = folder.sites.loc[site_id, "asset_id"]
    if pd.isna(asset_id):
        return [site_id]
    near = related(folder.table("assets.csv").set_index("asset_id"), asset_id)
    return applicants(folder.sites, site_id, near)


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
    sites = [folder.site(other) for other in members(folder, site_id)]
    asset_id = folder.sites.loc[site_id, "asset_id"]
    if pd.isna(asset_id):
        return Surroundings(sites, {}, {}, {}, {})
    table = folder.table("assets.csv").set_index("asset_id")
    near = related(table, asset_id)
    feeds = {
        other.site_id: dict.fromkeys(upstream(table, other.meta["asset_id"]), 1.0)
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
        lines, shares = _in_lines(folder.network(model), assets[model][0], own, set(names.values()))
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
        feeds[site.site_id].get(name, 0.0) * (site.requested_kva or 0.0) for site in sites
    )
    return float(load.max()) + asked_kva > _TIGHT * float(rating.min())


def _in_lines(
    model: Model, load_kva: xr.DataArray, sites: Sequence[Site], known: set[str]
) -> tuple[dict[str, tuple[xr.DataArray, pd.Series]], Mapping[str, dict[str, float]]]:
    """Return the branches of a network model that sites load, with the share that each sees."""
    able = [site for site in sites if site.meta.get("network_node") is not None]
    able = [site for site in able if site.requested_kva]
    if not able:
        return {}, {}
    rows = pd.DataFrame([site.meta for site in able]).set_index("site_id", drop=False)
    rows["power_factor"] = [site.power_factor for site in able]
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
    chosen = np.linspace(0, len(flow.times) - 1, _SAMPLES).astype(int)
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
            if seen[k] > _LEAST_SHARE
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
