"""Ways to connect as the business case sees them: from the table of options to years of money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.business.futures import WAIT
from scchelpers.business.ledger import Option, Regime, capacity_gbp, stop_gap
from scchelpers.business.prices import FOLDER
from scchelpers.clm import WHOLE_CURRENT_KVA
from scchelpers.clm.erosion import grown as repeated
from scchelpers.faults import UserError
from scchelpers.report.words import quantity
from scchelpers.site import Site
from scchelpers.timebase import YEAR_H, naive_utc

FEWER = "reduced capacity"  # fewer chargepoints, where "ask for less" has them all share less

_SMALLER = ("ask for less", FEWER, "raise the supply")  # their own capacity, not the request's

_FLEETS = ("bus_depot", "van_depot")


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
    signals : bool
        Whether the DNO's signals must be set up first.
    """

    once: str
    yearly: tuple[str, ...] = ()
    dno_once: str = ""
    dno_yearly: str = ""
    trips: bool = False
    signals: bool = False


_SHARED = Control("static_equipment")

_LED = {"trips": True, "signals": True}

CONTROL = {
    "ask for less": _SHARED,
    "raise the supply": _SHARED,
    "static CLM": _SHARED,
    "dynamic CLM": Control("dynamic_equipment", ("dynamic_running",), trips=True),
    "TCC": Control("timed_equipment", ("timed_running",)),
    "profiled": Control("timed_equipment", ("timed_running", "profiled_running"), signals=True),
    "LMC": Control(
        "signal_equipment", ("signal_running",), "local_equipment", "local_running", **_LED
    ),
    "CMC": Control(
        "signal_equipment", ("signal_running",), "central_equipment", "central_running", **_LED
    ),
}

# Held under DCUSA Schedule 2D (DCP404, in force since 1 April 2023), which leaves out small users:
# households, and others billed in aggregate or metered by a whole-current meter.
CURTAILED = ("TCC", "profiled", "LMC", "CMC")


def closed(scheme: str, supply_kva: float, regime: Regime = "since-2023") -> str:
    """Return why a scheme is closed to a supply, as part of a sentence; "" where it is open.

    Parameters
    ----------
    scheme : str
        Name of a way to connect.
    supply_kva : float
        Agreed capacity of the whole supply under it [kVA].
    regime : {"since-2023", "before-2023"}
        Rules that hold; before 1 April 2023 there was no Schedule 2D.

    Examples
    --------
    >>> closed("TCC", 50.0)[-49:]
    'hold a curtailable connection (DCUSA Schedule 2D)'
    >>> closed("TCC", 134.0), closed("static CLM", 50.0)
    ('', '')
    """
    if regime != "since-2023" or scheme not in CURTAILED or supply_kva > WHOLE_CURRENT_KVA:
        return ""
    return (
        f"a supply of {quantity(supply_kva, 'kVA')} has a whole-current meter, "
        "and such users cannot hold a curtailable connection (DCUSA Schedule 2D)"
    )


def access_rules(regime: Regime = "since-2023") -> pd.DataFrame:
    """Return the rules of access to the GB network: what each says, since when, and of what source.

    Parameters
    ----------
    regime : {"since-2023", "before-2023"}
        Rules that hold since 1 April 2023 (Access Significant Code Review), or held before.

    Returns
    -------
    pandas.DataFrame
        By rule: ways (to connect, that it bears on), from, until, says, source and sure, from A to
        C; U could not be verified, and `says` begins with it.

    Examples
    --------
    >>> access_rules().loc["end date", "from"], access_rules("before-2023")["from"].max()
    ('2023-04-01', '')
    """
    rules = pd.read_csv(FOLDER / "access_rules.csv", keep_default_na=False, index_col="rule")
    return rules[rules["until" if regime == "since-2023" else "from"] == ""]


@dataclass(frozen=True)
class Request:
    """What holds for a site under every way to connect.

    Attributes
    ----------
    years : int
        Horizon [years].
    requested_kva, dsc_kva : float
        Capacity asked for, and what the site has [kVA].
    short : sequence of (str, float)
        Kind and shortfall [kVA] of the assets at which the request does not fit.
    mix : dict of str to float
        Shares of the energy sold at "ac", "dc" and "fleet" prices.
    other_kw : float
        Mean load other than charging [kW].
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
    rated_kw: float = 0.0
    rapid_share: float = 0.0
    kv: float = 0.4


def request_of(site: Site, *, requested_kva: float, short, years: int) -> Request:
    """Return what holds for a site under every way to connect.

    Parameters
    ----------
    site : Site
        The site.
    requested_kva : float
        Capacity asked for [kVA].
    short : sequence of (str, float)
        Kind and shortfall [kVA] of what would have to be reinforced.
    years : int
        Horizon [years].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("elm-road-lamps")
    >>> request_of(site, requested_kva=134.0, short=[], years=15).requested_kva
    134.0
    """
    rated = site.chargepoints["rated_kw"]
    rapid = site.chargepoints["kind"].isin(["rapid", "ultra"])
    load = site.residual_kw
    known = load is not None and not bool(np.isnan(load).all())
    total_kw = float(rated.sum())
    return Request(
        years,
        float(requested_kva),
        float(site.dsc_kva or 0.0),
        tuple((str(kind), float(kva)) for kind, kva in short),
        mix_of(site),
        float(np.nanmean(load)) if known else 0.0,
        total_kw,
        float(rated[rapid].sum()) / total_kw if total_kw else 0.0,
        float(site.meta.get("connection_kv") or 0.4),
    )


def mix_of(site: Site) -> dict[str, float]:
    """Return the shares of a site's energy by the price that it is sold at."""
    if site.meta.get("site_type") in _FLEETS:
        return {"fleet": 1.0}
    rapid = site.chargepoints["kind"].isin(["rapid", "ultra"])
    dc = site.chargepoints.loc[rapid, "evse_id"]
    energy = site.sessions["energy_kwh"]
    total = float(energy.sum())
    on_dc = float(energy[site.sessions["evse_id"].isin(dc)].sum())
    share = on_dc / total if total else 0.0
    return {"ac": 1 - share, "dc": share}


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
    """Return the kind of asset whose prices stand for a kind.

    Examples
    --------
    >>> from scchelpers.business import Prices
    >>> priced_as("feeder", Prices())
    'feeder'
    """
    return kind if f"{kind}_cost" in prices else "transformer"


def ways(options: pd.DataFrame, request: Request, prices: Mapping[str, float]) -> list[Option]:
    """Return the possible ways to connect of a site as years of money, at given prices.

    Parameters
    ----------
    options : pandas.DataFrame
        The table of options (`choice.decided`), of which possible, asked_kva, wanted_kwh,
        unserved_kwh and protection_ends are used.
    request : Request
        From `request_of`.
    prices : Prices
        Price table, or draws of it.

    Notes
    -----
    Every year is like the one on record. Where growth of the load ends what a scheme protects,
    reinforcement follows it at the DNO's cost.

    Examples
    --------
    >>> from scchelpers import choice
    >>> from scchelpers.business import Prices
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> chosen = choice.decided(folder, "science-park")
    >>> asked = request_of(folder.site("science-park"), requested_kva=500.0, short=[], years=15)
    >>> names = [way.name for way in ways(chosen.options, asked, Prices())]
    >>> set(names) <= set(chosen.options.index)
    True
    """
    able = options[options["possible"].astype(bool) & options["wanted_kwh"].notna()]
    found = {name: _option(str(name), row, request, prices) for name, row in able.iterrows()}
    full = found.get(WAIT)
    for name, ends in able["protection_ends"].dropna().items():
        if full is not None:
            found[name] = stop_gap(found[name], full, ends, name=name, contributes=False)
    return list(found.values())


def _option(name: str, row: pd.Series, request: Request, prices: Mapping[str, float]) -> Option:
    added_kva = float(row["asked_kva"])  # none where it stays within the supply that is there
    need = CONTROL.get(name)
    cost_gbp, created_kva, lead = reinforcement(request.short, prices)
    ready = prices["extension_years" if added_kva else "notice_years"]
    ready = ready + (prices["scheme_years"] if need and need.signals else 0.0)
    extension_gbp = prices["extension_fixed"] + prices["extension_rate"] * added_kva
    supply = {"high_voltage": request.kv >= 1}
    total_gbp = capacity_gbp(request.dsc_kva + added_kva, prices, **supply)
    built = added_kva / request.requested_kva if name == FEWER else 1.0
    served_kwh = row["wanted_kwh"] - row["unserved_kwh"]
    option = Option(
        name,
        np.maximum(ready, lead) if name == WAIT else ready,
        np.full(request.years, float(row["wanted_kwh"])),
        np.full(request.years, float(row["unserved_kwh"])),
        charges_gbp=total_gbp - capacity_gbp(request.dsc_kva, prices, **supply),
        extension_gbp=extension_gbp if added_kva else 0.0,
        mean_kw=np.full(request.years, served_kwh / YEAR_H),
        other_kw=request.other_kw,
        rated_kw=request.rated_kw * built,
        rapid_share=request.rapid_share,
        mix=request.mix,
    )
    if need:
        option = replace(
            option,
            equipment_gbp=prices[need.once],
            running_gbp=sum(prices[key] for key in need.yearly),
            dno_equipment_gbp=prices[need.dno_once] if need.dno_once else 0.0,
            dno_running_gbp=prices[need.dno_yearly] if need.dno_yearly else 0.0,
            trips=prices["trips"] if need.trips else 0.0,
            breaches=prices["breaches"],
        )
    if name == WAIT:
        option = replace(
            option,
            reinforcement_gbp=cost_gbp,
            created_kva=created_kva,
            reinforced_years=lead,
            requested_kva=request.requested_kva,
        )
    return option


STEP = "30min"


def unserved_as_charging_grows(
    site: Site,
    limits: Mapping[str, xr.DataArray | float],
    *,
    growth: float,
    years: int,
    runs: int = 4,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the share of the energy that limits leave unserved as sessions grow in number.

    Parameters
    ----------
    site : Site
        The site; its record stands for year 1.
    limits : mapping of str to DataArray or float
        Limit of each way to connect [kW].
    growth : float
        Of the sessions a year.
    years, runs : int
        Years to look ahead, and how many of them are simulated, the first and last among them.
    seed : int
        Of the sessions that are added.

    Returns
    -------
    pandas.DataFrame
        By year, a column a limit: share of the energy that would be delivered without one. Years
        between runs are interpolated.

    Raises
    ------
    UserError
        If there are fewer than one year or two runs.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> grown = unserved_as_charging_grows(site, {"tight": 5.0}, growth=0.1, years=3, runs=2)
    >>> grown["tight"].is_monotonic_increasing
    True
    """
    if years < 1 or runs < 2:
        raise UserError(f"years = {years}, runs = {runs}: at least 1 year and 2 runs")
    chosen = np.unique(np.linspace(1, years, runs).round().astype(int))
    rows = []
    for year in chosen:
        sessions, points = grown_sessions(site, (1 + growth) ** (year - 1), seed, limits)
        cars = charging.compile_sessions(sessions, points)
        free = charging.simulate(cars, None, step=STEP).sessions
        row = {}
        for name, limit_kw in limits.items():
            held = charging.simulate(cars, _filled(limit_kw), step=STEP, limit_after="hold")
            lost = (held.sessions["unserved_kwh"] - free["unserved_kwh"]).clip(lower=0.0).sum()
            row[name] = float(lost / free["delivered_kwh"].sum())
        rows.append(row)
    found = pd.DataFrame(rows, index=pd.Index(chosen, name="year"))
    return found.reindex(pd.RangeIndex(1, years + 1, name="year")).interpolate("index")


def _filled(limit_kw: xr.DataArray | float) -> xr.DataArray | float:
    """Return a limit without gaps: where nothing is known, what was known last."""
    if not isinstance(limit_kw, xr.DataArray):
        return limit_kw
    values = pd.Series(limit_kw.to_numpy()).ffill().bfill().clip(0.0)
    return limit_kw.copy(data=values.to_numpy())


def grown_sessions(
    site: Site, factor: float, seed: int, limits: Mapping[str, xr.DataArray | float] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `factor` times the sessions that limits cover, and the chargepoints they stand on.

    The further sessions are those on record, moved by whole weeks and thinned out at random, on
    chargepoints of their own. All of them share the capacity.
    """
    if not factor >= 0:
        raise UserError(f"factor = {factor}: must be 0 or more")
    sessions = site.sessions
    for limit_kw in (limits or {}).values():
        if isinstance(limit_kw, xr.DataArray):
            first, last = limit_kw["time"].to_index()[[0, -1]]
            plugged = naive_utc(pd.DatetimeIndex(sessions["plug_in"]))
            sessions = sessions[(plugged >= first) & (plugged <= last)]
    sessions = sessions.reset_index(drop=True)
    whole = int(factor)
    more, points = repeated(sessions, site.chargepoints, int(np.ceil(factor - 1e-9)))
    copy = np.arange(len(more)) >= len(sessions) * whole  # stays over the record's end left out
    if factor - whole > 1e-9:
        kept = np.random.default_rng(seed).random(len(more)) < factor - whole
        more = more[~copy | kept].reset_index(drop=True)
    return more, points
