"""A site that asks for capacity, and what bears on it: its supply, its assets, who came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm, tcc
from scchelpers.clm.control import Capacity, capacity_of
from scchelpers.site import Site
from scchelpers.tcc.cells import half_hourly
from scchelpers.tcc.derivation import grown
from scchelpers.tcc.ratings import rating_at


@dataclass(frozen=True, eq=False)
class Asset:
    """A network asset as an applicant meets it.

    Attributes
    ----------
    asset_id, kind : str
        Which, and what it is ("transformer", "feeder", "primary", "other").
    load_kva : xarray.DataArray
        Load over time [kVA] before this site and those that applied earlier.
    rating_kva : pandas.Series
        Rating by season [kVA].
    earlier_kva : float
        Capacity promised to earlier applicants [kVA], which a LIFO stack serves first.
    """

    asset_id: str
    kind: str
    load_kva: xr.DataArray
    rating_kva: pd.Series
    earlier_kva: float = 0.0

    def grown_kva(self, growth: float) -> xr.DataArray:
        """Return the load [kVA] in half hours, import grown by a factor, and what was promised."""
        load = half_hourly(self.load_kva)
        kva = grown(load.to_numpy().astype(float), growth - 1.0, 1) + self.earlier_kva
        return load.copy(data=kva)

    def room_kva(self, growth: float, timezone: str) -> xr.DataArray:
        """Return what is left under the rating [kVA] over time."""
        load = self.grown_kva(growth)
        return rating_at(self.rating_kva, load["time"], timezone) - load


@dataclass(frozen=True, eq=False)
class Situation:
    """A site that asks for capacity, and what bears on it.

    Attributes
    ----------
    site : Site
        The site.
    capacity : Capacity
        What it has today; its `basis` is "dsc" where that is a declared supply capacity.
    requested_kva : float
        Capacity asked for, for the chargepoints [kVA].
    stated : bool
        Whether the site states it; else the sum of the ratings stands in.
    asset : Asset or None
        The asset that feeds it; None where its load or rating is not known.
    above : tuple of Asset
        The assets that feed that one, where their load is known.
    """

    site: Site
    capacity: Capacity
    requested_kva: float
    stated: bool
    asset: Asset | None = None
    above: tuple[Asset, ...] = field(default=())

    @property
    def power_factor(self) -> float:
        """Of the site's import."""
        return self.capacity.power_factor

    @property
    def requested_kw(self) -> float:
        """Capacity asked for [kW]."""
        return self.requested_kva * self.power_factor

    @property
    def dsc_kva(self) -> float:
        """Declared supply capacity today [kVA]; 0 for a site that has none."""
        return self.capacity.kva if self.capacity.basis == "dsc" else 0.0

    @cached_property
    def load(self) -> xr.DataArray | None:
        """Load of the site other than charging [kW], None where unknown."""
        return clm.usable_load(self.site.residual_kw)

    @cached_property
    def highest_kw(self) -> float:
        """Highest load other than charging on record [kW]."""
        return 0.0 if self.load is None else float(np.nanmax(self.load))

    @cached_property
    def study(self) -> tcc.Study | None:
        """The windows that the asset would need today, its earlier applicants served first."""
        return None if self.asset is None else self.timed(1.0)

    def timed(self, growth: float) -> tcc.Study:
        """Return the study of a TCC with the network's load grown by a factor."""
        load = self.asset.grown_kva(growth).assign_attrs(self.asset.load_kva.attrs)
        return tcc.study(
            Site(
                self.site.site_id,
                {**self.site.meta, "requested_kva": self.requested_kva,
                 "power_factor": self.power_factor},
                self.site.chargepoints,
                self.site.sessions,
                self.site.residual_kw,
                load,
                self.asset.rating_kva,
                self.site.timezone,
            )
        )  # fmt: skip

    @cached_property
    def short(self) -> tuple[tuple[str, float], ...]:
        """Kind and shortfall [kVA] of the assets at which the request does not fit today."""
        if self.study is None:
            return ()
        rooms = {
            asset: float(asset.room_kva(1.0, self.site.timezone).min()) for asset in self.above
        }
        if len(self.study.windows):
            rooms = {self.asset: self.study.firm_kva, **rooms}
        lacking = {asset: self.requested_kva - max(0.0, room) for asset, room in rooms.items()}
        return tuple((asset.kind, kva) for asset, kva in lacking.items() if kva > 0)

    @property
    def fits(self) -> bool:
        """Whether the whole request fits today, at the asset and above it."""
        return self.asset is not None and not self.short

    @cached_property
    def firm_kva(self) -> float:
        """Capacity that fits at all times today [kVA]; NaN where the network is not known."""
        if self.study is None:
            return np.nan
        rooms = [float(a.room_kva(1.0, self.site.timezone).min()) for a in self.above]
        return float(max(0.0, np.floor(min([self.study.firm_kva, *rooms, self.requested_kva]))))


def situated(
    site: Site,
    *,
    kind: str = "other",
    earlier_kva: float = 0.0,
    above: Sequence[Asset] = (),
    power_factor: float = 0.95,
) -> Situation:
    """Return the situation of a site.

    Parameters
    ----------
    site : Site
        The site.
    kind : str
        Kind of its asset.
    earlier_kva : float
        Capacity that earlier applicants on the same asset asked for [kVA].
    above : sequence of Asset
        Assets that feed its own.
    power_factor : float
        For a site that states none.
    """
    capacity = capacity_of(site.meta, site.chargepoints, power_factor=power_factor)
    requested = site.meta.get("requested_kva")
    rated_kva = float(site.chargepoints["rated_kw"].sum()) / capacity.power_factor
    known = site.network_kva is not None and site.rating_kva is not None
    asset = None
    if known and not site.rating_kva.isna().any():
        asset = Asset(
            str(site.meta["asset_id"]), kind, site.network_kva, site.rating_kva, earlier_kva
        )
    return Situation(
        site, capacity, float(requested or rated_kva), requested is not None, asset,
        tuple(above) if asset else (),
    )  # fmt: skip


def promised_kva(sites: pd.DataFrame, order: Sequence[str], site_id: str) -> float:
    """Return what those asked for who applied before a site [kVA].

    Parameters
    ----------
    sites : pandas.DataFrame
        `Portfolio.sites`.
    order : sequence of str
        Sites in order of application, such as from `network.applicants`.
    site_id : str
        The site.
    """
    before = list(order)[: list(order).index(site_id)]
    return float(sites.loc[before, "requested_kva"].fillna(0.0).sum())
