"""The network above a site: what its load and earlier applicants leave, and where it is short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.tcc.cells import half_hourly
from scchelpers.tcc.ratings import rating_at

YEAR_H = 8760.0
EPS_KVA = 1e-6


@dataclass(frozen=True, eq=False)
class Network:
    """The assets between a site and the grid.

    Attributes
    ----------
    load_kva : xarray.DataArray
        Load with what earlier applicants may draw, over (time, asset) in half hours [kVA]; the
        asset nearest to the site first.
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
        ratings = [rating_at(rating, load_kva["time"], timezone) for _, rating in assets.values()]
        return cls(
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
        share = xr.DataArray([through[name] for name in chosen], {"asset": chosen}, ("asset",))
        return replace(
            self,
            load_kva=self.load_kva.sel(asset=chosen) / share,
            drawn_kva=self.drawn_kva.sel(asset=chosen) / share,
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

    def short_h(self, kva: float) -> pd.Series:
        """Return by asset the hours a year in which a capacity does not fit [h]."""
        return self._hours(self.free_kva < kva - EPS_KVA)

    def over_h(self, kva: xr.DataArray | float, *, drawn: bool = False) -> pd.Series:
        """Return by asset the hours a year above the rating to which a power adds [h].

        Parameters
        ----------
        kva : xarray.DataArray or float
            Over time, or at all times [kVA]; half hours in which it is nothing do not count.
        drawn : bool
            Whether earlier applicants draw what they draw, or all that they may.
        """
        added = as_half_hours(kva, self.time)
        before = self.drawn_kva if drawn else self.load_kva
        return self._hours((before + added > self.rating_kva + EPS_KVA) & (added > EPS_KVA))

    def stressed(self, kva: float, tolerated_h: float) -> list[str]:
        """Return the assets at which a capacity does not fit for longer than is tolerated."""
        short = self.short_h(kva)
        return short.index[short > tolerated_h].tolist()

    def firm_kva(self, tolerated_h: float) -> float:
        """Return what fits at every asset, but for a tolerated time a year, rounded down [kVA]."""
        lowest = []
        for name in self.assets:
            free = np.sort(self.free_kva.sel(asset=name).dropna("time").to_numpy())
            skipped = int(tolerated_h / YEAR_H * len(free))
            lowest.append(free[min(skipped, len(free) - 1)] if len(free) else np.nan)
        return float(max(0.0, np.floor(np.min(lowest) + EPS_KVA)))

    def _hours(self, on: xr.DataArray) -> pd.Series:
        known = np.isfinite(self.load_kva)
        share = (on & known).sum("time") / known.sum("time")
        return pd.Series(share.to_numpy() * YEAR_H, self.assets)


def as_half_hours(kva: xr.DataArray | float, time: xr.DataArray) -> xr.DataArray:
    """Return a power on given half hours: means of finer values; what is unknown counts as 0."""
    if np.ndim(kva) == 0:
        return xr.DataArray(np.full(len(time), float(kva)), {"time": time.to_numpy()}, ("time",))
    series = kva.to_series().resample("30min").mean()
    values = series.reindex(time.to_index()).fillna(0.0).to_numpy()
    return xr.DataArray(values, {"time": time.to_numpy()}, ("time",))
