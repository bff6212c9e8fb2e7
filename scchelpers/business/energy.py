"""What a limit leaves of a site's charging, year by year while charging and load grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import baselines, charging, timebase
from scchelpers.business.schemes import LESS, limit_of
from scchelpers.business.situation import Situation
from scchelpers.charging import ChargingResult
from scchelpers.clm import Customers, half_hours_kva, site_import, smallest_limit
from scchelpers.clm.customers import excess_days
from scchelpers.clm.erosion import grown as repeated
from scchelpers.faults import UserError
from scchelpers.tcc.cells import half_hourly

STEP = "30min"
YEAR = pd.Timedelta("365.25D")
# When DNOs mostly call flexibility, and how surely an offer must be met.
EVENING = ("17:00", "20:00")
RELIABILITY = 0.9
LITTLE_UNSERVED = 0.01  # what a reduced capacity may leave where the network sets none


@dataclass(frozen=True, eq=False)
class Energy:
    """Charging under one limit, by year from 1 to the horizon.

    Attributes
    ----------
    wanted_kwh, unserved_kwh : ndarray
        What is delivered without a limit, and what of it the limit takes [kWh a year].
    mean_kw : ndarray
        Mean charging [kW].
    flexible_kw : ndarray
        Reduction on working-day evenings that is there on nine days in ten [kW].
    """

    wanted_kwh: np.ndarray
    unserved_kwh: np.ndarray
    mean_kw: np.ndarray
    flexible_kw: np.ndarray

    def mixed(self, other: Energy, weight: float) -> Energy:
        """Return the energy between this and another, `weight` of the way."""
        pairs = [(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return Energy(*((1 - weight) * a + weight * b for a, b in pairs))


def by_year(
    case: Situation,
    schemes: Sequence[str],
    *,
    horizon: int,
    demand_growth: float,
    load_growth: float,
    runs: int = 4,
    seed: int = 0,
) -> Mapping[str, Energy]:
    """Charge the sessions under every scheme in some years, and interpolate between them.

    Parameters
    ----------
    case : Situation
        The site.
    schemes : sequence of str
        Of `schemes.SCHEMES`.
    horizon : int
        Years to look ahead.
    demand_growth, load_growth : float
        Growth a year of charging, and of the load of network and site.
    runs : int
        Years that are simulated, the first and the last among them.
    seed : int
        Seed of the sessions that are added.

    Returns
    -------
    dict of str to Energy
        Empty for a site without sessions.
    """
    if horizon < 1 or runs < 2:
        raise UserError(f"horizon = {horizon}, runs = {runs}: at least 1 year and 2 runs")
    if case.site.sessions.empty:
        return {}
    chosen = np.unique(np.linspace(1, horizon, runs).round().astype(int))
    found = {scheme: [] for scheme in schemes}
    for year in chosen:
        # The record stands for the first year.
        more, load = (1 + demand_growth) ** (year - 1), (1 + load_growth) ** (year - 1)
        sessions, points = grown_sessions(case.site.sessions, case.site.chargepoints, more, seed)
        free = _charge(sessions, points, None)
        for scheme in schemes:
            limit_kw = _limit(case, scheme, load, free)
            limited = _charge(sessions, points, limit_kw)
            found[scheme].append(_measured(free, limited, case.site.timezone))
    years = np.arange(1, horizon + 1)
    return {
        scheme: Energy(*(np.interp(years, chosen, part) for part in zip(*rows, strict=True)))
        for scheme, rows in found.items()
    }


def grown_sessions(
    sessions: pd.DataFrame, chargepoints: pd.DataFrame, factor: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `factor` times the sessions; what is more stands on chargepoints of its own.

    The further sessions are those on record, moved by whole weeks and thinned out at random. All of
    them share the capacity that was asked for.
    """
    if not factor >= 0:
        raise UserError(f"factor = {factor}: must be 0 or more")
    whole = int(factor)
    more, points = repeated(sessions, chargepoints, int(np.ceil(factor - 1e-9)))
    copy = np.arange(len(more)) >= len(sessions) * whole  # stays over the record's end left out
    if factor - whole > 1e-9:
        kept = np.random.default_rng(seed).random(len(more)) < factor - whole
        more = more[~copy | kept].reset_index(drop=True)
    return more, points


def _limit(case: Situation, scheme: str, load: float, free: ChargingResult):
    if scheme == LESS and case.asset is None:
        return least_kva(case) * case.power_factor
    time = timebase.utc_index(free.power_kw["time"])
    limit_kw = limit_of(case, scheme, load, time)
    if isinstance(limit_kw, xr.DataArray):
        # Where nothing is known, what was known last; never above what was asked for.
        values = pd.Series(limit_kw.to_numpy()).ffill().bfill().clip(0.0)
        limit_kw = limit_kw.copy(data=values.to_numpy())
    return limit_kw


def least_kva(case: Situation) -> float:
    """Return the smallest capacity that leaves little unserved [kVA], for an unknown network."""
    customers = Customers(case.site.sessions, case.site.chargepoints, step=STEP)
    return float(
        smallest_limit(customers, power_factor=case.power_factor, unserved_target=LITTLE_UNSERVED)
        or 0.0
    )


def _charge(sessions: pd.DataFrame, chargepoints: pd.DataFrame, limit_kw) -> ChargingResult:
    return charging.simulate(
        sessions, limit_kw, step=STEP, chargepoints=chargepoints, limit_after="hold"
    )


def _measured(free: ChargingResult, limited: ChargingResult, zone: str) -> tuple[float, ...]:
    years = (free.span.steps * pd.Timedelta(STEP)) / YEAR
    lost = (limited.sessions["unserved_kwh"] - free.sessions["unserved_kwh"]).clip(lower=0.0)
    return (
        float(free.sessions["delivered_kwh"].sum()) / years,
        float(lost.sum()) / years,
        float(limited.power_kw.mean()),
        flexible(limited.power_kw, zone),
    )


def unmanaged_excess(case: Situation) -> float:
    """Return the capacity that charging without any management would take above the DSC [kVA].

    As billed: the highest half hour of a month counts for all its days; the mean over the year.
    NaN for a site without a DSC or without a load on record.
    """
    if case.load is None or not case.dsc_kva or case.site.sessions.empty:
        return np.nan
    free = _charge(case.site.sessions, case.site.chargepoints, None)
    flow = site_import(half_hourly(case.load), free.power_kw)
    half_hours = half_hours_kva(flow, power_factor=case.power_factor)
    return excess_days(half_hours, case.dsc_kva) / 365.25


def flexible(power_kw: xr.DataArray, zone: str) -> float:
    """Return the reduction that nine in ten working-day evenings could give [kW].

    What a scheme already holds back is not drawn, so it is not sold a second time (report section
    9.3).
    """
    time = timebase.utc_index(power_kw["time"])
    days = timebase.local_date(time, zone)
    on = timebase.in_window(time, *EVENING, zone) & (days.day_of_week < 5)
    by_day = pd.Series(power_kw.to_numpy()[on], days[on]).groupby(level=0).mean()
    found = baselines.firm_kw(by_day.to_numpy(), RELIABILITY)
    return 0.0 if np.isnan(found) else found
