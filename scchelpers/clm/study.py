"""One site under one scheme after another: what it gives, risks and costs in a year."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.capacity import Capacity
from scchelpers.clm.control import Controller
from scchelpers.clm.excursions import excursions, half_hours_kva, merged, site_import
from scchelpers.clm.frontier import YEAR_H, required_margin
from scchelpers.clm.limits import dynamic_limit
from scchelpers.clm.service import Customers
from scchelpers.clm.static import meets


@dataclass(frozen=True)
class Terms:
    """What is asked of a scheme, and what things cost.

    Attributes
    ----------
    unserved_target : float
        Share of the energy that may stay unserved.
    short_target : float
        Share of sessions that may leave short.
    tolerated_h : float
        Time above the DSC that is tolerated in a year [h].
    capacity_p_per_kva_day : float
        Price of agreed capacity [p/kVA/day].
    excess_p_per_kva_day : float
        Price of what the highest half hour of a month takes above it [p/kVA/day].
    unserved_price : float
        What a kWh not served costs the site [£/kWh].
    dynamic_gbp_per_year : float
        What the meter signal and the controller of a dynamic CLM cost in a year [£].
    """

    unserved_target: float = 0.01
    short_target: float = 0.02
    tolerated_h: float = 1.0
    capacity_p_per_kva_day: float = 4.0
    excess_p_per_kva_day: float = 8.0
    unserved_price: float = 0.4
    dynamic_gbp_per_year: float = 300.0


@dataclass(frozen=True, eq=False)
class Study:
    """A site, its terms and the CLM it may have.

    Attributes
    ----------
    customers : Customers
        Sessions, within the span of the residual load and at its step.
    load : xarray.DataArray
        Residual load [kW].
    capacity : Capacity
        Capacity of today.
    terms : Terms
        Targets and prices.
    latency : str
        Response time of a dynamic CLM.
    controller : Controller, optional
        Its metering and control.
    """

    customers: Customers
    load: xr.DataArray
    capacity: Capacity
    terms: Terms
    latency: str
    controller: Controller | None = None

    @cached_property
    def enough_kva(self) -> int:
        """Capacity at which nothing need be managed, at the load's own resolution [kVA]."""
        flow = site_import(self.load, self.customers.free.power_kw)
        highest_kw = float(np.nanmax(flow["import_kw"]))
        return int(np.ceil(highest_kw / self.capacity.power_factor - 1e-9))

    def static(self, kva: float) -> tuple[float, float]:
        """Return the fixed limit at a capacity [kW], and the margin in it: none.

        Without a meter signal only what the highest load on record leaves is safe.
        """
        highest_kw = float(np.nanmax(self.load))
        return max(0.0, kva * self.capacity.power_factor - highest_kw), np.nan

    def dynamic(self, kva: float) -> tuple[xr.DataArray, float]:
        """Return the dynamic limit at a capacity [kW], and the margin in it [kW]."""
        given = {
            "power_factor": self.capacity.power_factor,
            "latency": self.latency,
            "controller": self.controller,
        }
        margin_kw = required_margin(self.load, kva, tolerated_h=self.terms.tolerated_h, **given)
        return dynamic_limit(self.load, kva, margin_kw=margin_kw, **given), margin_kw

    def unmanaged(self, kva: float) -> tuple[None, float]:
        """Return no limit, and no margin."""
        return None, np.nan

    def serves(self, limit_kw) -> bool:
        """Return whether customers under a limit are served as the terms ask."""
        return self._meets(self.customers.service(self.customers.charge(limit_kw)))

    def outcome(self, kva: float, limit_kw, margin_kw: float, scheme_gbp: float = 0.0) -> dict:
        """Return what a limit at a capacity gives, risks and costs in a year."""
        result = self.customers.charge(limit_kw)
        served = self.customers.service(result)
        flow = site_import(self.load, drawn_kw(result.want_kw, limit_kw))
        found = excursions(flow, kva * self.capacity.power_factor)
        known = np.isfinite(flow["import_kw"].to_numpy())
        years = float(flow["length_h"].to_numpy()[known].sum()) / YEAR_H
        half_hours = half_hours_kva(flow, power_factor=self.capacity.power_factor)
        excursion_h = float(found["duration_min"].sum() / 60 / years)
        extra_kva = kva - self.capacity.kva
        return {
            "dsc_kva": float(kva),
            "margin_kw": margin_kw,
            "unserved_kwh": served["unserved_kwh"],
            "unserved_share": served["unserved_share"],
            "short_share": served["short_share"],
            "events": len(found) / years,
            "excursion_h": excursion_h,
            "worst_kw": float(found["depth_kw"].max()) if len(found) else 0.0,
            "highest_kva": float(half_hours.max()),
            "capacity_gbp": extra_kva * 365.25 * self.terms.capacity_p_per_kva_day / 100,
            "excess_gbp": excess_days(half_hours, kva) * self.terms.excess_p_per_kva_day / 100,
            "unserved_gbp": served["unserved_kwh"] * self.terms.unserved_price,
            "scheme_gbp": scheme_gbp,
            "admissible": self._meets(served) and excursion_h <= self.terms.tolerated_h + 1e-9,
        }

    def _meets(self, served: pd.Series) -> bool:
        return meets(
            served,
            unserved_target=self.terms.unserved_target,
            short_target=self.terms.short_target,
        )


def no_load(customers: Customers) -> xr.DataArray:
    """Return a residual load of 0 kW for a site whose capacity is the chargepoints' alone."""
    time = pd.DatetimeIndex([])
    if len(customers.sessions):
        time = customers.free.power_kw.get_index("time")
    return xr.DataArray(np.zeros(len(time)), {"time": time}, ("time",), "residual_kw")


def drawn_kw(want_kw: xr.DataArray, limit_kw) -> xr.DataArray:
    """Return what cars draw: what they want, as far as a limit allows, at every instant [kW].

    The limit may change inside a step of the demand, which then has several pieces.
    """
    if limit_kw is None or np.ndim(limit_kw) == 0:
        return want_kw if limit_kw is None else np.minimum(want_kw, float(limit_kw))
    time = merged(want_kw["time"].to_numpy(), limit_kw["time"].to_numpy())
    pieces = [
        kw.to_numpy()[np.maximum(np.searchsorted(kw["time"].to_numpy(), time, side="right") - 1, 0)]
        for kw in (want_kw, limit_kw.fillna(0.0))
    ]
    return xr.DataArray(np.minimum(*pieces), {"time": time}, ("time",), "power_kw", {"units": "kW"})


def excess_days(half_hours: xr.DataArray, kva: float) -> float:
    """Return the capacity taken above the agreed one, billed by the month [kVA days a year].

    The highest half hour of a calendar month counts for all its days, as in the excess charge of
    distribution tariffs.
    """
    highest = half_hours.to_series().resample("MS").max().dropna()
    days = np.asarray(highest.index.days_in_month)
    over_kva = (highest - kva).clip(lower=0.0).to_numpy()
    return float(over_kva @ days / days.sum() * 365.25)
