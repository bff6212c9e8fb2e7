"""One site under one scheme after another: what it gives, risks and costs in a year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.charging import Chargers, ChargingResult
from scchelpers.clm.control import (
    WHOLE_CURRENT_KVA,
    Capacity,
    Controller,
    checked_latency,
    checked_power_factor,
    dynamic_limit,
    step_of,
)
from scchelpers.clm.response import (
    YEAR_H,
    excursions,
    half_hours_kva,
    merged,
    required_margin,
    site_import,
)


@dataclass(frozen=True, eq=False)
class Customers:
    """The sessions of a site, to be charged under one limit after another.

    Attributes
    ----------
    sessions, chargepoints : pandas.DataFrame
        As a `Site` holds them.
    min_current_a : float
        Least current at which a car charges [A]; below it, it stops.
    tolerance_kwh : float
        Unserved energy up to which a session does not count as short [kWh].
    step : str or Timedelta
        Step of the simulation.
    """

    sessions: pd.DataFrame
    chargepoints: pd.DataFrame
    min_current_a: float = 6.0
    tolerance_kwh: float = 1.0
    step: str | pd.Timedelta = "5min"

    @property
    def phases_known(self) -> bool:
        """Whether each chargepoint gives its phases; without them no minimum current applies."""
        return "phases" in self.chargepoints and bool(self.chargepoints["phases"].notna().all())

    @cached_property
    def free(self) -> ChargingResult:
        """Charging without a limit."""
        return self.charge(None)

    @property
    def peak_kw(self) -> float:
        """Highest demand without a limit [kW], mean over a step."""
        return float(self.free.power_kw.max())

    def charge(self, limit_kw, **options) -> ChargingResult:
        """Charge the sessions under a limit; a gap in it counts as 0 kW, its last value holds on.

        Parameters
        ----------
        limit_kw : None, float or xarray.DataArray
            Limit [kW].
        **options
            Of `charging.simulate`.
        """
        floor_a = self.min_current_a if self.phases_known else 0.0
        given = {
            "step": self.step,
            "chargepoints": self.chargepoints,
            "chargers": Chargers(min_current_a=floor_a),
            "limit_after": "hold",
            "limit_missing": 0.0,
        }
        return charging.simulate(self.sessions, limit_kw, **given | options)

    def service(self, result: ChargingResult) -> pd.Series:
        """Return what a limit took from the customers, against charging without one.

        Returns
        -------
        pandas.Series
            unserved_kwh [kWh a year], unserved_share (of the energy delivered without a limit),
            short_share (of sessions: more than the tolerance unserved), slowed_share, peak_kw.
        """
        lost_kwh = (result.sessions["unserved_kwh"] - self.free.sessions["unserved_kwh"]).clip(0)
        total_kwh = self.free.sessions["delivered_kwh"].sum()
        return pd.Series(
            {
                "unserved_kwh": lost_kwh.sum() / self.years,
                "unserved_share": lost_kwh.sum() / total_kwh,
                "short_share": (lost_kwh > self.tolerance_kwh).mean(),
                "slowed_share": result.slowed().mean(),
                "peak_kw": float(result.power_kw.max()),
            }
        )

    @cached_property
    def years(self) -> float:
        """Length of the record, first plug-in to last plug-out [years]."""
        length = self.sessions["plug_out"].max() - self.sessions["plug_in"].min()
        return length / pd.Timedelta(days=365.25)

    def within(self, residual_kw: xr.DataArray) -> Customers:
        """Return the customers whose whole stay lies in the span of a residual load.

        The simulation takes the step of that load, so that the import can be summed.
        """
        step = step_of(residual_kw)
        first, last = residual_kw.get_index("time")[[0, -1]].tz_localize("UTC")
        inside = (self.sessions["plug_in"] >= first) & (self.sessions["plug_out"] <= last + step)
        kept = self.sessions[inside].reset_index(drop=True)
        return Customers(kept, self.chargepoints, self.min_current_a, self.tolerance_kwh, step)


SERVICE = ("unserved_kwh", "unserved_share", "short_share", "slowed_share", "peak_kw")

MANAGED_COLUMNS = (
    *("ac_unserved_share", "ac_short_share", "dc_unserved_share", "dc_short_share"),
    *("peak_kw", "over_h"),
)

ALL_MANAGED, AC_MANAGED, UNMANAGED = "all managed", "only AC managed", "no management"


def limits_to_sweep(customers: Customers, *, power_factor: float, count: int = 10) -> list[float]:
    """Return limits from a twentieth of the peak demand to just above it, and 69 kVA if within.

    A site without sessions has no demand and gets none.
    """
    if customers.sessions.empty:
        return []
    peak_kva = customers.peak_kw / checked_power_factor(power_factor)
    shares = np.linspace(0.05, 1.0, count)
    limits = {float(np.ceil(share * peak_kva)) for share in shares}
    if peak_kva > WHOLE_CURRENT_KVA:
        limits.add(WHOLE_CURRENT_KVA)
    return sorted(limits)


def static_sweep(
    customers: Customers, limits_kva: Sequence[float], *, power_factor: float
) -> pd.DataFrame:
    """Return what each fixed limit takes from the customers.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    limits_kva : sequence of float
        Limits [kVA].
    power_factor : float
        Power factor of the chargepoints.

    Returns
    -------
    pandas.DataFrame
        Indexed by limit_kva: limit_kw and the columns of `Customers.service`.
    """
    factor = checked_power_factor(power_factor)
    rows = {}
    for limit_kva in limits_kva:
        served = customers.service(customers.charge(limit_kva * factor))
        rows[float(limit_kva)] = {"limit_kw": limit_kva * factor} | served.to_dict()
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.reindex(columns=["limit_kw", *SERVICE]).rename_axis("limit_kva")


def meets(
    served: pd.Series, *, unserved_target: float | None = None, short_target: float | None = None
) -> bool:
    """Return whether what a limit took is within the service targets that are given.

    Parameters
    ----------
    served : pandas.Series
        From `Customers.service`.
    unserved_target : float, optional
        Per site: share of the energy that may stay unserved.
    short_target : float, optional
        Per session: share of sessions that may leave short.
    """
    by_site = unserved_target is None or served["unserved_share"] <= unserved_target
    by_session = short_target is None or served["short_share"] <= short_target
    return bool(by_site and by_session)


def smallest(works: Callable[[int], bool], highest: int) -> int | None:
    """Return the smallest whole number from 1 that works, by halving; None if the highest fails.

    Examples
    --------
    >>> smallest(lambda kva: kva >= 37, 100), smallest(lambda kva: False, 100)
    (37, None)
    """
    if not works(highest):
        return None
    low, high = 0, highest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def smallest_limit(customers: Customers, *, power_factor: float, **targets: float) -> int | None:
    """Return the smallest fixed limit that meets service targets, in whole kVA.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    power_factor : float
        Power factor of the chargepoints.
    **targets
        Of `meets`.

    Returns
    -------
    int or None
        kVA; None for a site without sessions.
    """
    if customers.sessions.empty:
        return None
    factor = checked_power_factor(power_factor)
    highest = int(np.ceil(customers.peak_kw / factor)) + 1
    return smallest(
        lambda kva: meets(customers.service(customers.charge(kva * factor)), **targets), highest
    )


def dc_evses(chargepoints: pd.DataFrame) -> list[str]:
    """Return the EVSEs that deliver direct current: those without phases, else the rapid ones."""
    rapid = chargepoints["kind"].isin(["rapid", "ultra"])
    if "phases" in chargepoints:
        rapid = chargepoints["phases"].eq(0) | (chargepoints["phases"].isna() & rapid)
    return chargepoints.loc[rapid, "evse_id"].tolist()


def managed_options(customers: Customers, limit_kva: float, *, power_factor: float) -> pd.DataFrame:
    """Return what managing all chargepoints, or only the AC ones, does to each (section 7.3).

    Parameters
    ----------
    customers : Customers
        Sessions of a site with both AC and DC chargepoints.
    limit_kva : float
        Limit of all of them together [kVA].
    power_factor : float
        Power factor of the chargepoints.

    Returns
    -------
    pandas.DataFrame
        Indexed by option: of AC and of DC the share of energy unserved and of sessions short;
        peak_kw, and over_h: time a year above the limit [h]. No rows where the site does not have
        both. Where DC units alone exceed the limit nothing is left for the others.
    """
    dc = dc_evses(customers.chargepoints)
    seen = customers.sessions["evse_id"]
    dc = [evse for evse in dc if (seen == evse).any()]
    of_dc = seen.isin(dc).to_numpy()
    if of_dc.all() or not of_dc.any():
        return pd.DataFrame(columns=MANAGED_COLUMNS)
    limit_kw = limit_kva * checked_power_factor(power_factor)
    results = {
        ALL_MANAGED: customers.charge(limit_kw),
        AC_MANAGED: customers.charge(limit_kw, never_curtailed=dc),
        UNMANAGED: customers.free,
    }
    free = customers.free.sessions
    rows = {}
    for option, result in results.items():
        lost_kwh = (result.sessions["unserved_kwh"] - free["unserved_kwh"]).clip(0)
        row = {}
        for kind, own in (("ac", ~of_dc), ("dc", of_dc)):
            row[f"{kind}_unserved_share"] = lost_kwh[own].sum() / free["delivered_kwh"][own].sum()
            row[f"{kind}_short_share"] = (lost_kwh[own] > customers.tolerance_kwh).mean()
        row["peak_kw"] = float(result.power_kw.max())
        over = int((result.power_kw > limit_kw * (1 + 1e-9)).sum())
        row["over_h"] = over * pd.Timedelta(customers.step) / pd.Timedelta("1h") / customers.years
        rows[option] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("option")


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


NO_CLM = "no management"

STATIC, DYNAMIC = "static limit", "dynamic limit"

LARGER_STATIC, LARGER_DYNAMIC = "static limit, larger DSC", "dynamic limit, larger DSC"

SMALLER_STATIC = "static limit, smaller capacity"

LARGER = "larger DSC, no management"

# From the least complex to the most: a tie goes to the first.
OPTIONS = (NO_CLM, STATIC, SMALLER_STATIC, LARGER_STATIC, LARGER, DYNAMIC, LARGER_DYNAMIC)

COSTS = ("capacity_gbp", "excess_gbp", "unserved_gbp", "scheme_gbp")


def study_of(
    customers: Customers,
    residual_kw: xr.DataArray | None,
    capacity: Capacity,
    terms: Terms,
    *,
    latency: str,
    controller: Controller | None = None,
) -> Study:
    """Return the study of a site; customers are kept to the span and the step of its load.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    residual_kw : xarray.DataArray, optional
        Residual load [kW]; without one all the capacity is for the chargepoints.
    capacity : Capacity
        Capacity of today.
    terms : Terms
        Targets and prices.
    latency : str
        Response time of a dynamic CLM.
    controller : Controller, optional
        Its metering and control.
    """
    if residual_kw is None:
        return Study(customers, no_load(customers), capacity, terms, latency, controller)
    inside = customers.within(residual_kw)
    return Study(inside, residual_kw, capacity, terms, latency, controller)


def options(study: Study, *, dynamic: bool) -> pd.DataFrame:
    """Return what each way to connect the chargepoints gives, risks and costs in a year.

    Parameters
    ----------
    study : Study
        The site.
    dynamic : bool
        Whether a dynamic limit is possible: it needs a residual load.

    Returns
    -------
    pandas.DataFrame
        Indexed by option: dsc_kva, margin_kw, unserved_kwh, unserved_share, short_share, events,
        excursion_h, worst_kw, highest_kva, the yearly costs capacity_gbp (against the capacity of
        today), excess_gbp, unserved_gbp, scheme_gbp and total_gbp, and admissible: service and risk
        within the terms. No rows without sessions.

    Notes
    -----
    A larger DSC stands beside a limit only where the DSC of today is too small for that limit; it
    is then the smallest with which customers are served. A smaller capacity stands there only for a
    site that has no DSC yet, and could ask for less.
    """
    if study.customers.sessions.empty:
        return pd.DataFrame(columns=["admissible", "total_gbp"])
    today = study.capacity.kva
    rows = {NO_CLM: study.outcome(today, *study.unmanaged(today))}
    schemes = [(STATIC, LARGER_STATIC, study.static, 0.0)]
    if dynamic:
        yearly_gbp = study.terms.dynamic_gbp_per_year
        schemes.append((DYNAMIC, LARGER_DYNAMIC, study.dynamic, yearly_gbp))
    for name, larger, limit, scheme_gbp in schemes:
        rows[name] = study.outcome(today, *limit(today), scheme_gbp)
        if rows[name]["admissible"] and study.capacity.basis == "dsc":
            continue
        kva = smallest(lambda kva, of=limit: study.serves(of(kva)[0]), 2 * study.enough_kva)
        if kva is not None and kva > today:
            rows[larger] = study.outcome(kva, *limit(kva), scheme_gbp)
        elif kva is not None and kva < today and limit == study.static:
            rows[SMALLER_STATIC] = study.outcome(kva, *limit(kva))
    if study.enough_kva > today:
        rows[LARGER] = study.outcome(study.enough_kva, *study.unmanaged(study.enough_kva))
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("option")
    frame = frame.assign(total_gbp=frame[list(COSTS)].sum(axis=1))
    return frame.loc[[name for name in OPTIONS if name in frame.index]]


def recommend(found: pd.DataFrame) -> str | None:
    """Return the cheapest option within the terms, the least complex on a tie; None if none is.

    Examples
    --------
    >>> found = pd.DataFrame({"admissible": [False, True, True], "total_gbp": [0.0, 90.0, 40.0]},
    ...                      index=[NO_CLM, LARGER, DYNAMIC])
    >>> recommend(found)
    'dynamic limit'
    """
    possible = found.loc[found["admissible"].astype(bool), "total_gbp"].round()
    return None if possible.empty else str(possible.idxmin())


def reach(study: Study, latencies: Sequence[str]) -> pd.DataFrame:
    """Return how slow a dynamic limit may be and still serve, at the capacity of today.

    Returns
    -------
    pandas.DataFrame
        Indexed by latency_s [s]: the columns of `Study.outcome`, with the smallest margin that
        keeps to the risk of the terms.
    """
    rows = {}
    for latency in latencies:
        slower = replace(study, latency=latency)
        rows[checked_latency(latency).total_seconds()] = slower.outcome(
            study.capacity.kva, *slower.dynamic(study.capacity.kva)
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("latency_s")
