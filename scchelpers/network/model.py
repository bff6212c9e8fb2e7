"""A network model with its sites, its loads and ratings over time: what a CMC works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
import xarray as xr

from scchelpers.network import cmc
from scchelpers.network.parts import branches
from scchelpers.network.records import base_loads, rating_factor
from scchelpers.network.study import Study
from scchelpers.portfolio.network import Network

# Rating, as a multiple of the true one, of a branch that a scheme does not watch.
UNWATCHED = 1e3


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its sites on one time axis.

    Attributes
    ----------
    network : Network
        Without the sites' charging.
    base_kva : xarray.DataArray
        Load before the sites over (time, load) [kVA].
    sites : pandas.DataFrame
        Rows of `Portfolio.sites`, in the study's order.
    requested_kw : xarray.DataArray
        Requested capacity over `site` [kW].
    rating_factor : xarray.DataArray or float
        Rating over that of the network file.
    """

    network: Network
    base_kva: xr.DataArray
    sites: pd.DataFrame
    requested_kw: xr.DataArray
    rating_factor: xr.DataArray | float = 1.0

    @classmethod
    def of(
        cls,
        network: Network,
        study: Study,
        sites: pd.DataFrame,
        assets: Mapping[str, tuple[xr.DataArray, pd.Series]],
        names: Mapping[str, str],
    ) -> Model:
        """Return the model of those sites of a study that lie in the network.

        Parameters
        ----------
        network : Network
            Network.
        study : Study
            Sites.
        sites : pandas.DataFrame
            `Portfolio.sites`.
        assets : mapping of str to (DataArray, Series)
            Load over time and rating by season of each asset [kVA], by asset_id: a load of the
            network named by an asset_id follows that asset's record, see `base_loads`.
        names : mapping of str to str
            Name by asset_id: a branch of that name takes the asset's ratings.
        """
        own = [name for name in study.sites if sites.loc[name, "network_id"] == network.network_id]
        base_kva = base_loads(network, {name: load for name, (load, _) in assets.items()})
        ratings = {names[name]: rating for name, (_, rating) in assets.items()}
        factor = rating_factor(network, ratings, base_kva["time"])
        return cls(network, base_kva, sites.loc[own], study.requested_kw.sel(site=own), factor)

    def setpoints(self, rule: str = "lifo") -> xr.Dataset:
        """Return `cmc.setpoints` of this model; under LIFO its sites stand in order."""
        place = pd.Series(range(len(self.sites)), self.sites.index)
        return cmc.setpoints(
            self.network,
            self.base_kva,
            self.sites,
            self.requested_kw,
            rule,
            rank=place if rule == "lifo" else None,
            rating_factor=self.rating_factor,
        )

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> Model:
        """Return the model of a span of the record [UTC]."""
        first, last = (at.tz_convert("UTC").tz_localize(None) for at in (start, end))
        within = slice(first, last - pd.Timedelta("1ns"))
        factor = self.rating_factor
        if isinstance(factor, xr.DataArray) and "time" in factor.dims:
            factor = factor.sel(time=within)
        return replace(self, base_kva=self.base_kva.sel(time=within), rating_factor=factor)

    def only(self, site_ids: Sequence[str]) -> Model:
        """Return the model with some of its sites."""
        chosen = list(site_ids)
        return replace(
            self, sites=self.sites.loc[chosen], requested_kw=self.requested_kw.sel(site=chosen)
        )

    def watching(self, branch: str) -> Model:
        """Return the model in which one branch alone binds, as for a monitor at that place."""
        names = branches(self.network)["rating_kva"].dropna().index
        wide = xr.DataArray(UNWATCHED, {"branch": names}, ["branch"])
        factor = self.rating_factor
        own = xr.DataArray(1.0, {"branch": names}, ["branch"])
        if isinstance(factor, xr.DataArray):
            own = factor.reindex(branch=names, fill_value=1.0)
        return replace(self, rating_factor=own.where(own["branch"] == branch, wide))
