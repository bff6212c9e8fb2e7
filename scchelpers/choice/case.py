"""One site as a choice sees it: its capacity, its customers and the network above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm, timebase
from scchelpers.charging import ChargingResult
from scchelpers.choice.network import Network
from scchelpers.choice.terms import Terms
from scchelpers.site import Site

POWER_FACTOR = 0.98  # of charging, where the site gives none


@dataclass(frozen=True, eq=False)
class Case:
    """A site with what it asks for.

    Attributes
    ----------
    site : Site
        The site.
    network : Network or None
        Assets above it with what earlier applicants hold; None where none are on record.
    terms : Terms
        Targets.
    names : mapping of str to str
        Names of the assets, for people.
    """

    site: Site
    network: Network | None
    terms: Terms
    names: Mapping[str, str] = field(default_factory=dict)

    def called(self, asset: str) -> str:
        """Return the name of an asset."""
        return self.names.get(asset, asset)

    @cached_property
    def power_factor(self) -> float:
        """Of the site."""
        return float(self.site.meta.get("power_factor") or POWER_FACTOR)

    @cached_property
    def requested_kva(self) -> float:
        """Capacity asked for; without a request, what all chargepoints draw together [kVA]."""
        rated_kva = self.site.chargepoints["rated_kw"].sum() / self.power_factor
        return float(self.site.meta.get("requested_kva") or rated_kva)

    @property
    def requested_kw(self) -> float:
        """The same as active power [kW]."""
        return self.requested_kva * self.power_factor

    @property
    def dsc_kva(self) -> float | None:
        """Supply capacity that the site has today [kVA]; None where it has none."""
        return self.site.meta.get("dsc_kva")

    @cached_property
    def residual_kw(self) -> xr.DataArray | None:
        """Other load of the site that a CLM could follow [kW]."""
        return clm.usable_load(self.site.residual_kw)

    @cached_property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First instant and end of what is judged [UTC]: the network's record, else the load's."""
        record = self.network.time if self.network else None
        if record is None and self.residual_kw is not None:
            record = self.residual_kw["time"]
        if record is not None:
            first, last = timebase.utc_index(record)[[0, -1]]
            return first, last + clm.step_of(record)
        sessions = self.site.sessions
        if sessions.empty:
            return pd.Timestamp("2025-01-01", tz="UTC"), pd.Timestamp("2025-01-02", tz="UTC")
        return sessions["plug_in"].min().floor("30min"), sessions["plug_out"].max().ceil("30min")

    @property
    def years(self) -> float:
        """Length of that [years]."""
        return (self.span[1] - self.span[0]) / pd.Timedelta("8760h")

    @cached_property
    def time(self) -> pd.DatetimeIndex:
        """Half hours of the span [UTC, without zone]."""
        return timebase.grid(*self.span, "30min").tz_localize(None)

    @cached_property
    def customers(self) -> clm.Customers:
        """Sessions that begin in the span."""
        own = self.site.sessions
        first, end = self.span
        inside = own["plug_in"].between(first, end, "left")
        return clm.Customers(own[inside].reset_index(drop=True), self.site.chargepoints)

    @cached_property
    def end(self) -> pd.Timestamp:
        """When the last of them has left, or the span ends [UTC]."""
        left = self.customers.sessions["plug_out"]
        return max(self.span[1], left.max() if len(left) else self.span[1]).ceil("5min")

    @cached_property
    def free(self) -> ChargingResult:
        """Charging with the whole request at all times."""
        return self.charge(self.requested_kw)

    def charge(self, limit_kw: xr.DataArray | float) -> ChargingResult:
        """Return charging under a limit [kW]."""
        return self.customers.charge(limit_kw, start=self.span[0], end=self.end)

    @cached_property
    def firm_kva(self) -> float:
        """Capacity to be had at all times without any scheme [kVA]; NaN where nothing tells.

        What the network leaves; without a network on record, what the site's own supply leaves.
        """
        if self.network is not None:
            return self.network.firm_kva(self.terms.tolerated_h)
        return self.spare_kva

    @cached_property
    def spare_kva(self) -> float:
        """What the site's own supply leaves to charging at its highest load [kVA]; NaN without."""
        if not self.dsc_kva:
            return np.nan
        highest_kw = 0.0 if self.residual_kw is None else float(np.nanmax(self.residual_kw))
        return max(0.0, float(self.dsc_kva) - highest_kw / self.power_factor)

    @cached_property
    def stressed(self) -> list[str]:
        """Assets at which the request does not fit."""
        if self.network is None:
            return []
        return self.network.stressed(self.requested_kva, self.terms.tolerated_h)
