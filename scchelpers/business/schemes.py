"""The ways to connect one site, and the limit of each after some years of growth."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers import clm, timebase
from scchelpers.business.situation import Situation
from scchelpers.coincidence import transferred
from scchelpers.tcc import profiled
from scchelpers.tcc.cells import half_hourly

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
        return max(0.0, case.capacity.kw - growth * case.highest_kw)
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
