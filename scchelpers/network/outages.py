"""Random years of links that fail and sites that do not comply, and what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.network import failsafe
from scchelpers.network.failsafe import FailSafe
from scchelpers.network.study import Study, charge

YEAR = pd.Timedelta("8760h")


def intact(time: xr.DataArray, *, per_year: float, mean_h: float, seed: int = 0) -> xr.DataArray:
    """Return a random course of something that fails: True where it works.

    Failures begin at random (a Poisson process) and last exponentially distributed times. An
    interval counts as failed if the failure touches it.

    Parameters
    ----------
    time : xarray.DataArray
        Starts of intervals.
    per_year : float
        Failures a year.
    mean_h : float
        Mean length of a failure [h].
    seed : int
        Seed.
    """
    if not (per_year >= 0 and mean_h > 0):
        raise UserError(
            f"per_year = {per_year}, mean_h = {mean_h}: must be 0 or more, and above 0 h"
        )
    stamps = time.to_index()
    step = stamps[1] - stamps[0]
    whole = stamps[-1] + step - stamps[0]
    rng = np.random.default_rng(seed)
    many = rng.poisson(per_year * (whole / YEAR))
    begin = np.sort(rng.random(many)) * (whole / step)
    length = rng.exponential(mean_h, many) / (step / pd.Timedelta("1h"))
    works = np.ones(len(stamps), bool)
    for start, end in zip(begin, begin + length, strict=True):
        works[int(start) : int(np.ceil(end))] = False
    return xr.DataArray(works, {"time": time}, "time")


def cost_of_silence(
    study: Study,
    site_id: str,
    limit_kw: xr.DataArray,
    rules: FailSafe,
    *,
    per_year: float,
    mean_h: float,
    years: int = 5,
    seed: int = 0,
) -> pd.Series:
    """Return what a failing link costs a site in a year, over several random years.

    Parameters
    ----------
    study : Study
        Sites.
    site_id : str
        Site whose link fails.
    limit_kw : xarray.DataArray
        Its limit with a sound link, over `time` [kW].
    rules : FailSafe
        Fail-safe.
    per_year, mean_h : float
        Failures a year and their mean length [h].
    years, seed : int
        Random years, and their seed.

    Returns
    -------
    pandas.Series
        Means a year: lost_h [h] in COMMS_LOST; unserved_kwh [kWh] more than with a sound link, and
        its least and largest over the random years, low_kwh and high_kwh; exposed_kwh [kWh] by
        which the held setpoint exceeded the one sent, before the time-out.
    """
    base = _unserved(study, site_id, limit_kw)
    requested = study.asked_kw(site_id)
    hours = study.step / pd.Timedelta("1h")
    rows = []
    for year in range(years):
        heard = intact(study.time, per_year=per_year, mean_h=mean_h, seed=seed + year)
        seen = failsafe.run(limit_kw, requested, rules, heard=heard)
        rows.append(
            {
                "lost_h": float((seen["state"] == failsafe.STATES.index("COMMS_LOST")).sum())
                * hours,
                "unserved_kwh": _unserved(study, site_id, seen["limit_kw"]) - base,
                "exposed_kwh": float(seen["exposed_kw"].sum()) * hours,
            }
        )
    return _yearly(pd.DataFrame(rows), study.years)


def cost_of_defiance(
    study: Study,
    site_id: str,
    limit_kw: xr.DataArray,
    rules: FailSafe,
    *,
    per_year: float,
    mean_h: float,
    years: int = 5,
    seed: int = 0,
) -> pd.Series:
    """Return what a control that sometimes ignores its limit costs a site in a year.

    While it ignores the limit the site draws what it wants; if that stays above the cap the supply
    is opened, and charging and all other load are lost until somebody switches it on again.

    Parameters
    ----------
    study, site_id, limit_kw, rules, per_year, mean_h, years, seed
        As for `cost_of_silence`; the failures are those of the site's control.

    Returns
    -------
    pandas.Series
        Means a year: trips, dark_h [h] without supply; unserved_kwh [kWh] more than with a sound
        control, low_kwh, high_kwh; other_kwh [kWh] of other load lost, NaN if none is on record.
    """
    base = _unserved(study, site_id, limit_kw)
    requested = study.asked_kw(site_id)
    hours = study.step / pd.Timedelta("1h")
    want = study.demand_kw.sel(site=site_id)
    rows = []
    for year in range(years):
        obeys = intact(study.time, per_year=per_year, mean_h=mean_h, seed=seed + year)
        seen = failsafe.run(limit_kw, requested, rules, obeys=obeys, want_kw=want)
        off = (seen["state"] == failsafe.STATES.index("TRIPPED")).to_numpy()
        rows.append(
            {
                "trips": int((off & ~np.r_[False, off[:-1]]).sum()),
                "dark_h": off.sum() * hours,
                "unserved_kwh": _unserved(study, site_id, seen["limit_kw"]) - base,
                "other_kwh": failsafe.lost_load_kwh(seen, study.sites[site_id].residual_kw),
            }
        )
    return _yearly(pd.DataFrame(rows), study.years)


def late_signals(
    study: Study, site_id: str, limit_kw: xr.DataArray, latencies: list[str]
) -> pd.DataFrame:
    """Return what a late link does: power above the limit before the site has heard of it.

    Returns
    -------
    pandas.DataFrame
        By latency: excursion_kwh and excursion_kw, energy and largest mean power above the limit
        in an interval, a year and in the record; unserved_kwh [kWh a year].
    """
    rows = {}
    alone = limit_kw.expand_dims(site=[site_id]).transpose("time", "site")
    for latency in latencies:
        result = charge(study, alone, response_delay=latency)[site_id]
        over = result.excursion_kw
        rows[latency] = {
            "excursion_kwh": float(over.sum()) * (study.step / pd.Timedelta("1h")) / study.years,
            "excursion_kw": float(over.max()),
            "unserved_kwh": result.sessions["unserved_kwh"].sum() / study.years,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("latency")


def _unserved(study: Study, site_id: str, limit_kw: xr.DataArray) -> float:
    alone = limit_kw.drop_vars("site", errors="ignore").expand_dims(site=[site_id])
    result = charge(study, alone.transpose("time", "site"))[site_id]
    return float(result.sessions["unserved_kwh"].sum())


def _yearly(rows: pd.DataFrame, years: float) -> pd.Series:
    mean = rows.mean() / years
    mean["low_kwh"] = rows["unserved_kwh"].min() / years
    mean["high_kwh"] = rows["unserved_kwh"].max() / years
    return mean
