"""What a limit means to the drivers and the supply of a site in a year, and what serves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.charging import Chargers, ChargingResult
from scchelpers.clm.control import (
    checked_power_factor,
    dynamic_limit,
    step_of,
)
from scchelpers.clm.response import (
    excursions,
    half_hours_kva,
    merged,
    required_margin,
    site_import,
)
from scchelpers.site import TOLERANCE_KWH, Known
from scchelpers.timebase import YEAR_DAYS, YEAR_H

# From the least complex to the most.
_WAYS = (
    "no management",
    "static limit",
    "static limit, smaller capacity",
    "static limit, larger DSC",
    "larger DSC, no management",
    "dynamic limit",
    "dynamic limit, larger DSC",
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
    known_years : float, optional
        Known time that the sessions stand for [years]; by default from the first to the last.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> len(Customers(site.sessions, site.chargepoints).sessions)
    3897
    """

    sessions: pd.DataFrame
    chargepoints: pd.DataFrame
    min_current_a: float = 6.0
    tolerance_kwh: float = TOLERANCE_KWH
    step: str | pd.Timedelta = "5min"
    known_years: float | None = None

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
        """Charge the sessions under a limit; a gap in it is not judged, its last value holds on.

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
            "chargers": Chargers(min_current_a=floor_a),
            "limit_after": "hold",
            "limit_missing": "unjudged",
        }
        return charging.simulate(self._compiled, limit_kw, **given | options)

    @cached_property
    def _compiled(self):
        """The sessions as the engine takes them."""
        return charging.compile_sessions(self.sessions, self.chargepoints)

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
        """Known time that the sessions stand for [years]."""
        if self.known_years is not None:
            return self.known_years
        length = self.sessions["plug_out"].max() - self.sessions["plug_in"].min()
        return length / pd.Timedelta(days=YEAR_DAYS)

    def within(self, residual_kw: xr.DataArray, known: Known | None = None) -> Customers:
        """Return the customers whose whole stay lies where a residual load is known.

        The simulation takes the step of that load, so that the import can be summed.

        Parameters
        ----------
        residual_kw : xarray.DataArray
            Residual load [kW].
        known : Known, optional
            Time in which the load and the sessions are known; by default that of the load.
        """
        known = known or Known.of(residual_kw, timezone="UTC")
        kept, years = known.judged(self.sessions)
        return replace(self, sessions=kept, step=step_of(residual_kw), known_years=years)


def _meets(served, unserved_target: float | None, short_target: float | None) -> bool:
    """Return whether what a limit took is within the targets that are given."""
    by_site = unserved_target is None or served["unserved_share"] <= unserved_target
    by_session = short_target is None or served["short_share"] <= short_target
    return bool(by_site and by_session)


def _smallest(works: Callable[[int], bool], highest: int) -> int | None:
    """Return the smallest whole number from 1 that works, by halving; None if the highest fails."""
    if not works(highest):
        return None
    low, high = 0, highest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def smallest_limit(
    customers: Customers,
    *,
    power_factor: float,
    unserved_target: float | None = None,
    short_target: float | None = None,
) -> int | None:
    """Return the smallest fixed limit that meets service targets, in whole kVA.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    power_factor : float
        Power factor of the chargepoints.
    unserved_target, short_target : float, optional
        Share of the energy that may stay unserved, and of the sessions that may leave short.

    Returns
    -------
    int or None
        kVA; None for a site without sessions.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> people = Customers(site.sessions, site.chargepoints, step="30min")
    >>> smallest_limit(people, power_factor=0.95, unserved_target=0.01)
    57
    """
    if customers.sessions.empty:
        return None
    factor = checked_power_factor(power_factor)
    targets = {"unserved_target": unserved_target, "short_target": short_target}
    highest = int(np.ceil(customers.peak_kw / factor)) + 1
    return _smallest(
        lambda kva: _meets(customers.service(customers.charge(kva * factor)), **targets),
        highest,
    )


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
        Indexed by option ("all managed", "only AC managed", "no management"): of AC and of DC the
        share of energy unserved and of sessions short; peak_kw, and over_h: time a year above the
        limit [h]. No rows where not both were used. Where DC units alone exceed the limit nothing
        is left for the others.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> people = Customers(site.sessions, site.chargepoints)
    >>> managed_options(people, 20.0, power_factor=0.95).index.tolist()
    ['all managed', 'only AC managed', 'no management']
    """
    places, seen = customers.chargepoints, customers.sessions["evse_id"]
    rapid = places["kind"].isin(["rapid", "ultra"])
    if "phases" in places:  # a unit that delivers direct current has none
        rapid = places["phases"].eq(0) | (places["phases"].isna() & rapid)
    of_dc = seen.isin(places.loc[rapid, "evse_id"]).to_numpy()
    dc = seen[of_dc].unique().tolist()
    if of_dc.all() or not of_dc.any():
        return pd.DataFrame()
    limit_kw = limit_kva * checked_power_factor(power_factor)
    results = {
        "all managed": customers.charge(limit_kw),
        "only AC managed": customers.charge(limit_kw, never_curtailed=dc),
        "no management": customers.free,
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


def drawn_kw(want_kw: xr.DataArray, limit_kw) -> xr.DataArray:
    """Return what cars draw: what they want, as far as a limit allows, at every instant [kW].

    The limit may change inside a step of the demand, which then has several pieces.

    See Also
    --------
    site_import

    Examples
    --------
    >>> time = {"time": pd.date_range("2025-01-06", periods=2, freq="1min")}
    >>> drawn_kw(xr.DataArray([10.0, 30.0], time), 20.0).values.tolist()
    [10.0, 20.0]
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
    return float(over_kva @ days / days.sum() * YEAR_DAYS)


def yearly(
    customers: Customers,
    residual_kw: xr.DataArray,
    limit_kw: xr.DataArray | float | None,
    kva: float,
    *,
    power_factor: float,
) -> dict[str, float]:
    """Return what a limit gives to drivers and risks at the supply in a year.

    Parameters
    ----------
    customers : Customers
        Sessions, within the span of the residual load and at its step (`Customers.within`).
    residual_kw : xarray.DataArray
        Residual load [kW].
    limit_kw : None, float or xarray.DataArray
        Limit of the chargepoints together [kW].
    kva : float
        Capacity [kVA] above which an import is an excursion.
    power_factor : float
        Power factor of the import.

    Returns
    -------
    dict
        unserved_kwh [kWh a year], unserved_share, short_share; events [a year], excursion_h [h a
        year] and worst_kw [kW] of import above the capacity that charging causes, with the demand
        on record; highest_kva, half hour of import [kVA]; excess_kva_days [kVA days a year].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> time = pd.date_range("2025-01-01", "2026-01-01", freq="30min", inclusive="left")
    >>> load = xr.DataArray(np.full(len(time), 20.0), {"time": time}, ("time",))
    >>> people = Customers(site.sessions, site.chargepoints).within(load)
    >>> round(yearly(people, load, 20.0, 45.0, power_factor=1.0)["excursion_h"], 6)
    0.0
    """
    result = customers.charge(limit_kw)
    served = customers.service(result)
    # After the last plug-out nothing is wanted: the last step's value does not hold on.
    want_kw = result.want_kw.reindex(time=residual_kw["time"], fill_value=0.0)
    flow = site_import(residual_kw, drawn_kw(want_kw, limit_kw))
    found = excursions(flow, kva * power_factor)
    known = np.isfinite(flow["import_kw"].to_numpy())
    years = float(flow["length_h"].to_numpy()[known].sum()) / YEAR_H
    half_hours = half_hours_kva(flow, power_factor=power_factor)
    return {
        **served[["unserved_kwh", "unserved_share", "short_share"]].to_dict(),
        "events": len(found) / years,
        "excursion_h": float(found["duration_min"].sum() / 60 / years),
        "worst_kw": float(found["depth_kw"].max()) if len(found) else 0.0,
        "highest_kva": float(half_hours.max()),
        "excess_kva_days": excess_days(half_hours, kva),
    }


def ways_to_connect(
    customers: Customers,
    residual_kw: xr.DataArray | None,
    kva: float,
    *,
    power_factor: float,
    latency: str,
    tolerated_h: float,
    unserved_target: float,
    short_target: float,
    agreed: bool,
    confidence: float | None = None,
) -> pd.DataFrame:
    """Return what each way to connect the chargepoints gives and risks in a year.

    Parameters
    ----------
    customers : Customers
        Sessions of the site, where its load is known (`Customers.within`).
    residual_kw : xarray.DataArray, optional
        Residual load [kW]; without one no dynamic limit is possible, and all the capacity is for
        the chargepoints.
    kva : float
        Capacity of today, or asked for [kVA].
    power_factor : float
        Power factor of the import.
    latency : str
        Response time of a dynamic limit.
    tolerated_h : float
        Time above the capacity that is tolerated in a year [h].
    unserved_target, short_target : float
        Share of the energy that may stay unserved, and of the sessions that may leave short.
    agreed : bool
        Whether `kva` is agreed already (a DSC): only a site without one may still ask for less.
    confidence : float, optional
        Of the margin of a dynamic limit (`required_margin`).

    Returns
    -------
    pandas.DataFrame
        Indexed by way, from the least complex to the most: kva, margin_kw, what `yearly` says, and
        admissible: service and risk within the targets. No rows without sessions.

    Notes
    -----
    A static limit is what the highest load on record leaves: without a meter signal nothing less
    is safe. A larger capacity stands beside a limit only where that of today is too small for it;
    it is then the smallest with which drivers are served.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> people = Customers(site.sessions, site.chargepoints, step="30min")
    >>> asked = {"tolerated_h": 1.0, "unserved_target": 0.01, "short_target": 0.02, "agreed": True}
    >>> ways = ways_to_connect(people, None, 10.0, power_factor=0.95, latency="15s", **asked)
    >>> ways.index[ways["admissible"]].tolist()
    ['static limit, larger DSC', 'larger DSC, no management']
    """
    dynamic = residual_kw is not None
    if customers.sessions.empty:
        return pd.DataFrame(columns=["kva", "admissible"])
    if not dynamic:
        time = customers.free.power_kw["time"].to_numpy()
        residual_kw = xr.DataArray(np.zeros(len(time)), {"time": time}, ("time",))
    supply = {"power_factor": checked_power_factor(power_factor)}
    flow = site_import(residual_kw, customers.free.power_kw)
    enough_kva = int(np.ceil(float(np.nanmax(flow["import_kw"])) / power_factor - 1e-9))
    highest_kw = float(np.nanmax(residual_kw))

    def unmanaged(_) -> tuple:
        return None, np.nan

    def static(dsc_kva: float) -> tuple:
        return max(0.0, dsc_kva * power_factor - highest_kw), np.nan

    def following(dsc_kva: float) -> tuple:
        given = supply | {"latency": latency}
        margin_kw = required_margin(
            residual_kw, dsc_kva, tolerated_h=tolerated_h, confidence=confidence, **given
        )
        floor_kw = static(dsc_kva)[0]
        limit_kw = dynamic_limit(
            residual_kw, dsc_kva, margin_kw=margin_kw, floor_kw=floor_kw, **given
        )
        return limit_kw, margin_kw

    def row(dsc_kva: float, limit) -> dict:
        limit_kw, margin_kw = limit(dsc_kva)
        found = yearly(customers, residual_kw, limit_kw, dsc_kva, **supply)
        within = found["excursion_h"] <= tolerated_h + 1e-9
        served = _meets(found, unserved_target, short_target)
        return (
            {"kva": float(dsc_kva), "margin_kw": margin_kw}
            | found
            | {"admissible": served and within}
        )

    def serves(dsc_kva: float, limit) -> bool:
        done = customers.charge(limit(dsc_kva)[0])
        return _meets(customers.service(done), unserved_target, short_target)

    rows = {"no management": row(kva, unmanaged)}
    for name, limit in {
        "static limit": static,
        **({"dynamic limit": following} if dynamic else {}),
    }.items():
        rows[name] = row(kva, limit)
        if rows[name]["admissible"] and agreed:
            continue
        least = _smallest(lambda at, limit=limit: serves(at, limit), 2 * enough_kva)
        if least is not None and least > kva:
            rows[f"{name}, larger DSC"] = row(least, limit)
        elif least is not None and least < kva and limit is static:
            rows["static limit, smaller capacity"] = row(least, limit)
    if enough_kva > kva:
        rows["larger DSC, no management"] = row(enough_kva, unmanaged)
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("way")
    return frame.loc[[name for name in _WAYS if name in frame.index]]
