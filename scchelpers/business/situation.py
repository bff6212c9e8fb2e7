"""A site that asks for capacity, and what bears on it: its supply, its assets, who came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import baselines, charging, clm, tcc, timebase
from scchelpers.business.ledger import Option, capacity_gbp, stop_gap
from scchelpers.charging import ChargingResult
from scchelpers.clm import Customers, smallest_limit
from scchelpers.clm.erosion import grown as repeated
from scchelpers.coincidence import transferred
from scchelpers.diversity import counted
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.tcc import profiled
from scchelpers.tcc.derivation import grown, half_hourly, rating_at


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
    requested_kva: float
    stated: bool
    asset: Asset | None = None
    above: tuple[Asset, ...] = field(default=())

    @property
    def power_factor(self) -> float:
        """Of the site's import."""
        return self.site.power_factor

    @property
    def requested_kw(self) -> float:
        """Capacity asked for [kW]."""
        return self.requested_kva * self.power_factor

    @property
    def dsc_kva(self) -> float:
        """Declared supply capacity today [kVA]; 0 for a site that has none."""
        return self.site.dsc_kva or 0.0

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
    """
    requested = site.requested_kva
    rated_kva = float(site.chargepoints["rated_kw"].sum()) / site.power_factor
    known = site.network_kva is not None and site.rating_kva is not None
    asset = None
    if known and not site.rating_kva.isna().any():
        asset = Asset(
            str(site.meta["asset_id"]), kind, site.network_kva, site.rating_kva, earlier_kva
        )
    return Situation(
        site, float(requested or rated_kva), requested is not None, asset,
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


FIRM, LESS, WAIT = "firm", "reduced capacity", "reinforcement"

STATIC, DYNAMIC = "static CLM", "dynamic CLM"

TCC, PROFILED = "TCC", "profiled"

LMC, CMC = "LMC", "CMC"

# From the least complex to the most; reinforcement, which needs the most time, last.
SCHEMES = (FIRM, LESS, TCC, STATIC, DYNAMIC, PROFILED, LMC, CMC, WAIT)

BEHIND_METER = (STATIC, DYNAMIC)

FORECAST = "last week + margin"

RESPONSE = "30s"  # of a dynamic CLM: notebook 03 sweeps it

TOLERATED_H = 1.0  # time above the DSC tolerated in a year


def possible(case: Situation) -> tuple[str, ...]:
    """Return the schemes that a situation allows, the least complex first.

    A CLM keeps a supply that is there; a TCC is for a constraint that suits it (`tcc.verdict`); an
    LMC watches the asset, a CMC also those above it. Where the network is not known both a firm
    connection now and one after reinforcement stand in.
    """
    found = {FIRM, WAIT} if case.asset is None else {FIRM if case.fits else WAIT}
    if case.asset is None and not case.dsc_kva:
        found.add(LESS)
    elif case.asset is not None and not case.fits:
        found |= {LESS} if case.firm_kva >= 1 else set()
        found |= {TCC, PROFILED} if case.study.offered else set()
        found |= {LMC} | ({CMC} if case.above else set())
    if case.dsc_kva:
        found |= {STATIC} | ({DYNAMIC} if case.load is not None else set())
    return tuple(name for name in SCHEMES if name in found)


def limit_of(case: Situation, scheme: str, growth: float, time: pd.DatetimeIndex):
    """Return the limit of a scheme [kW]: a number, or over time.

    Parameters
    ----------
    case : Situation
        The site.
    scheme : str
        One of `SCHEMES`, but LESS of a site whose network is not known.
    growth : float
        Load around the site and in it, over that on record.
    time : DatetimeIndex
        Half hours that the limit has to cover [UTC]. A limit from a record of another year is moved
        to them by whole weeks.

    Notes
    -----
    A TCC is derived afresh for the grown load, as if its windows were reviewed; LMC and CMC are
    measured without delay or error (notebook 06 shows what those cost).
    """
    if scheme in (FIRM, WAIT):
        return case.requested_kw
    if scheme == LESS:
        return case.firm_kva * case.power_factor
    if scheme == STATIC:
        return max(0.0, case.dsc_kva * case.power_factor - growth * case.highest_kw)
    if scheme == DYNAMIC:
        return _fitted(_dynamic(case, growth), case, time)
    if scheme in (LMC, CMC):
        watched = (case.asset,) if scheme == LMC else (case.asset, *case.above)
        rooms = [asset.room_kva(growth, case.site.timezone) for asset in watched]
        room_kva = xr.concat(xr.align(*rooms, join="inner"), "asset").min("asset", skipna=False)
        room_kw = (room_kva * case.power_factor).clip(0.0, case.requested_kw)
        return _fitted(room_kw.rename("limit_kw").assign_attrs(units="kW"), case, time)
    study = case.timed(growth)
    timed_kw = study.limit_kw(time)
    if scheme == TCC or not study.offered:
        return timed_kw
    issued = profiled.issue(
        study.network_kva, case.asset.rating_kva, study.limit_kw(study.network_kva["time"]),
        requested_kw=study.requested_kw, power_factor=study.power_factor,
        margin_kva=study.margin_kva, rules=(FORECAST,), timezone=case.site.timezone,
    )  # fmt: skip
    ahead = _fitted(issued["limit_kw"].sel(case=FORECAST, drop=True), case, time)
    return ahead.fillna(timed_kw)  # the timed windows until forecasts are issued


def _dynamic(case: Situation, growth: float) -> xr.DataArray:
    """Return a dynamic limit in half-hourly means, the margin that of the load on record."""
    terms = {"power_factor": case.power_factor, "latency": RESPONSE}
    margin_kw = clm.required_margin(case.load, case.dsc_kva, tolerated_h=TOLERATED_H, **terms)
    limit_kw = clm.dynamic_limit(
        case.load * growth, case.dsc_kva, margin_kw=margin_kw * growth, power_factor=terms[
            "power_factor"
        ],
    )  # fmt: skip
    return half_hourly(limit_kw)


def _fitted(limit_kw: xr.DataArray, case: Situation, time: pd.DatetimeIndex) -> xr.DataArray:
    """Return a limit on other half hours, moved by whole weeks if its record is of other years."""
    own = timebase.utc_index(limit_kw["time"])
    if own[0] <= time[-1] and own[-1] >= time[0]:
        return limit_kw.reindex(time=timebase.naive_utc(time))
    return transferred(limit_kw, time, from_zone=case.site.timezone, to_zone=case.site.timezone)


STEP = "30min"


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
    years = free.span.steps * pd.Timedelta(STEP) / pd.Timedelta(days=timebase.YEAR_DAYS)
    lost = (limited.sessions["unserved_kwh"] - free.sessions["unserved_kwh"]).clip(lower=0.0)
    return (
        float(free.sessions["delivered_kwh"].sum()) / years,
        float(lost.sum()) / years,
        float(limited.power_kw.mean()),
        flexible(limited.power_kw, zone),
    )


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


# Share of the half hours above the rating from which a DNO reinforces: ten hours a year.
TOLERATED_SHARE = 10 / timebase.YEAR_H

FLEETS = ("bus_depot", "van_depot")


@dataclass(frozen=True)
class Request:
    """What holds for a site under every scheme.

    Attributes
    ----------
    years : int
        Horizon [years].
    requested_kva, dsc_kva : float
        Capacity asked for, and what the site has [kVA].
    short : tuple of (str, float)
        Kind and shortfall [kVA] of the assets at which the request does not fit; of an unknown
        network, what is assumed.
    mix : dict of str to float
        Shares of the energy sold at "ac", "dc" and "fleet" prices.
    other_kw : float
        Mean load other than charging [kW].
    growth_years : dict of str to float
        By scheme, when the network's own load, with what the scheme adds for certain, passes the
        rating [years]; infinite if it never does.
    less_kva : float
        Reduced capacity [kVA].
    rated_kw : float
        Rated power of the chargepoints [kW].
    rapid_share : float
        Share of it that is rapid or ultra.
    kv : float
        Voltage of the connection [kV].
    """

    years: int
    requested_kva: float
    dsc_kva: float = 0.0
    short: tuple[tuple[str, float], ...] = ()
    mix: Mapping[str, float] = field(default_factory=lambda: {"ac": 1.0})
    other_kw: float = 0.0
    growth_years: Mapping[str, float] = field(default_factory=dict)
    less_kva: float = 0.0
    rated_kw: float = 0.0
    rapid_share: float = 0.0
    kv: float = 0.4


def request_of(
    case: Situation, *, horizon: int, load_growth: float, reinforced_for_growth: bool = True
) -> Request:
    """Return what holds for a site under every scheme.

    Parameters
    ----------
    case : Situation
        The site.
    horizon : int
        Years to look ahead.
    load_growth : float
        Growth of the network's load a year.
    reinforced_for_growth : bool
        Whether the DNO reinforces once the load alone passes the rating.

    Notes
    -----
    Of an unknown network it is assumed that one new substation (at high voltage, one feeder) would
    mend it.
    """
    short, less = case.short, case.firm_kva
    if case.asset is None:
        kv = case.site.meta.get("connection_kv") or 0.4
        short = (("transformer" if kv < 1 else "feeder", 1.0),)
        less = 0.0 if case.site.sessions.empty else least_kva(case)
    years = {}
    if case.asset is not None and reinforced_for_growth and load_growth > 0:
        added = {FIRM: case.requested_kva, LESS: less}
        names = possible(case)
        years = {name: _passes(case, added.get(name, 0.0), load_growth, horizon) for name in names}
    mean_kw = 0.0 if case.load is None else float(np.nanmean(case.load))
    rated_kw = float(counted(case.site.chargepoints)["rated_kw"].sum())
    return Request(
        horizon,
        case.requested_kva,
        case.dsc_kva,
        short,
        mix_of(case.site),
        mean_kw,
        years,
        less,
        rated_kw,
        rapid_share_of(case.site),
        case.site.meta.get("connection_kv") or 0.4,
    )


def _passes(case: Situation, added_kva: float, growth: float, horizon: int) -> float:
    """Return the year in which the load, and what was added to it, first passes the rating."""
    alone = replace(case.asset, earlier_kva=added_kva)
    for year in range(horizon + 1):
        room_kva = alone.room_kva((1 + growth) ** year, case.site.timezone)
        if float((room_kva < 0).mean()) > TOLERATED_SHARE:
            return float(year)
    return np.inf


def rapid_share_of(site: Site) -> float:
    """Return the share of the rated power of a site's chargepoints that is rapid or ultra."""
    rated = site.chargepoints["rated_kw"]
    rapid = site.chargepoints["kind"].isin(["rapid", "ultra"])
    return float(rated[rapid].sum() / rated.sum()) if rated.sum() else 0.0


def mix_of(site: Site) -> dict[str, float]:
    """Return the shares of a site's energy by the price that it is sold at."""
    if site.meta.get("site_type") in FLEETS:
        return {"fleet": 1.0}
    rapid = site.chargepoints["kind"].isin(["rapid", "ultra"])
    dc = site.chargepoints.loc[rapid, "evse_id"]
    energy = site.sessions["energy_kwh"]
    total = float(energy.sum())
    on_dc = float(energy[site.sessions["evse_id"].isin(dc)].sum())
    share = on_dc / total if total else 0.0
    return {"ac": 1 - share, "dc": share}


@dataclass(frozen=True)
class Control:
    """What a scheme needs to be run, as names of prices.

    Attributes
    ----------
    once, yearly : str, tuple of str
        Customer's.
    dno_once, dno_yearly : str
        DNO's; "" for none.
    trips : bool
        Whether it can trip the supply.
    """

    once: str
    yearly: tuple[str, ...] = ()
    dno_once: str = ""
    dno_yearly: str = ""
    trips: bool = False


CONTROL = {
    TCC: Control("timed_equipment", ("timed_running",)),
    PROFILED: Control("timed_equipment", ("timed_running", "profiled_running")),
    STATIC: Control("static_equipment"),
    DYNAMIC: Control("dynamic_equipment", ("dynamic_running",), trips=True),
    LMC: Control(
        "signal_equipment", ("signal_running",), "local_equipment", "local_running", trips=True
    ),
    CMC: Control(
        "signal_equipment", ("signal_running",), "central_equipment", "central_running", trips=True
    ),
}


def reinforcement(short, prices: Mapping[str, float]) -> tuple[float, float, float]:
    """Return cost [£], capacity created [kVA] and time [years] of what mends some shortfalls.

    Networks grow in lumps: as many units of a kind as the shortfall takes. The capacity created is
    that of the first, which is the asset nearest to the site.
    """
    cost, created, time = 0.0, 0.0, 0.0
    for kind, shortfall_kva in short:
        own = priced_as(kind, prices)
        lumps = np.ceil(shortfall_kva / prices[f"{own}_size"])
        cost = cost + lumps * prices[f"{own}_cost"]
        created = created if np.any(created) else lumps * prices[f"{own}_size"]
        time = np.maximum(time, prices[f"{own}_years"])
    return cost, created, time


def priced_as(kind: str, prices: Mapping[str, float]) -> str:
    """Return the kind of asset whose prices stand for a kind."""
    return kind if f"{kind}_cost" in prices else "transformer"


def offer(scheme: str, request: Request, energy: Energy, prices: Mapping[str, float]) -> Option:
    """Return the option that a scheme is for a site, at given prices.

    Parameters
    ----------
    scheme : str
        One of `schemes.SCHEMES`.
    request : Request
        Of the site.
    energy : Energy
        Charging under the scheme.
    prices : Prices
        Price table.
    """
    behind = scheme in BEHIND_METER
    asked_kva = request.less_kva if scheme == LESS else request.requested_kva
    added_kva = 0.0 if behind else asked_kva
    cost, created, lead = reinforcement(request.short, prices)
    ready = prices["notice_years" if behind else "extension_years"]
    ready += prices["scheme_years"] if scheme in (PROFILED, LMC, CMC) else 0.0
    extension_gbp = (
        0.0 if behind else prices["extension_fixed"] + prices["extension_rate"] * added_kva
    )
    supply = {"high_voltage": request.kv >= 1}
    option = Option(
        scheme,
        np.maximum(ready, lead) if scheme == WAIT else ready,
        energy.wanted_kwh,
        energy.unserved_kwh,
        charges_gbp=capacity_gbp(request.dsc_kva + added_kva, prices, **supply)
        - capacity_gbp(request.dsc_kva, prices, **supply),
        extension_gbp=extension_gbp,
        mean_kw=energy.mean_kw,
        other_kw=request.other_kw,
        rated_kw=request.rated_kw,
        rapid_share=request.rapid_share,
        flexible_kw=energy.flexible_kw,
        mix=request.mix,
        **_control(scheme, prices),
    )
    if scheme == WAIT:
        built = {"reinforcement_gbp": cost, "created_kva": created, "reinforced_years": lead}
        option = replace(option, requested_kva=request.requested_kva, **built)
    return option


def _control(scheme: str, prices: Mapping[str, float]) -> dict:
    if scheme not in CONTROL:
        return {}
    need = CONTROL[scheme]
    return {
        "equipment_gbp": prices[need.once],
        "running_gbp": sum(prices[name] for name in need.yearly),
        "dno_equipment_gbp": prices[need.dno_once] if need.dno_once else 0.0,
        "dno_running_gbp": prices[need.dno_yearly] if need.dno_yearly else 0.0,
        "trips": prices["trips"] if need.trips else 0.0,
        "breaches": prices["breaches"],
    }


def offers(
    request: Request,
    energies: Mapping[str, Energy],
    prices: Mapping[str, float],
    *,
    stop_gap_years: float | None = None,
) -> list[Option]:
    """Return the options of a site at given prices, and the schemes as a stop-gap.

    Parameters
    ----------
    request : Request
        Of the site.
    energies : mapping of str to Energy
        By scheme.
    prices : Prices
        Price table.
    stop_gap_years : float, optional
        Years from now after which a stop-gap gives way to the reinforced connection; None: none.

    Notes
    -----
    Once the load around the site passes the rating by itself the DNO reinforces at its own cost,
    whatever the site has taken: a scheme then ends, a reduced capacity stays.
    """
    plain = {name: offer(name, request, energy, prices) for name, energy in energies.items()}
    full = plain.pop(WAIT, None)
    if full is None:
        return list(plain.values())
    found = [full]
    for name, option in plain.items():
        grown = request.growth_years.get(name, np.inf)
        if grown > request.years:
            found.append(option)
        elif name in CONTROL and name not in BEHIND_METER:
            found.append(stop_gap(option, full, grown, name=name, contributes=False))
        else:
            found.append(_reinforced_around(option, full, grown))
        if name in CONTROL and stop_gap_years is not None:
            by_itself = grown <= stop_gap_years
            change = min(stop_gap_years, grown)
            found.append(stop_gap(option, full, change, contributes=not by_itself))
    return found


def _reinforced_around(option: Option, full: Option, years: float) -> Option:
    """Return an option that stays as it is while the DNO reinforces for the load around it."""
    return replace(
        option,
        reinforcement_gbp=full.reinforcement_gbp,
        created_kva=full.created_kva,
        reinforced_years=np.maximum(years, full.reinforced_years),
        contributes=False,
    )
