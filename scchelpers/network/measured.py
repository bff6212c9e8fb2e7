"""The DNO's view and the customer's view of every site of a study, a row each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import measures, timebase
from scchelpers.charging import ChargingResult
from scchelpers.network.allocation import remaining
from scchelpers.network.headroom import headroom_kva
from scchelpers.network.study import Study, charge, stacked

DNO = (
    *("max_cut_kw", "availability", "events", "event_p50_h", "event_p90_h", "event_max_h"),
    *("restricted_h", "full_h", "equivalent_full_h", "restricted_kwh", "above_limit_h"),
)
CUSTOMER = (
    *("wanted_kwh", "lost_kwh", "unserved_kwh", "unserved_share", "sessions", "short_sessions"),
    *("affected_share", "delay_p90_min", "wanted_share", "loss_share"),
)


def views(
    study: Study, limit_kw: xr.DataArray, *, hours_limit_h: float | None = None
) -> pd.DataFrame:
    """Return both views of each site's limit.

    Parameters
    ----------
    study : Study
        Sites.
    limit_kw : xarray.DataArray
        Over (time, site) [kW].
    hours_limit_h : float, optional
        Curtailment limit of the agreement [h a year].

    Returns
    -------
    pandas.DataFrame
        By site, the measures of `measures.dno_measures` and `measures.customer_measures`
        named in `DNO` and `CUSTOMER`, over the whole record.
    """
    held = charge(study, limit_kw)
    rows = {}
    for name, result in held.items():
        asked = study.asked_kw(name)
        own = limit_kw.sel(site=name, drop=True)
        network = measures.dno_measures(own, asked, hours_limit_h=hours_limit_h)
        customer = measures.customer_measures(study.free[name], result, requested_kw=asked)
        row = {measure: network[measure].item() for measure in DNO}
        rows[name] = row | {measure: customer[measure].item() for measure in CUSTOMER}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("site")


def monthly(study: Study, limit_kw: xr.DataArray, site_id: str) -> pd.DataFrame:
    """Return both views of one site by calendar month of its clock.

    Returns
    -------
    pandas.DataFrame
        By month (a stamp): restricted_h, full_h [h], restricted_kwh [kWh]; lost_kwh, demand above
        the limit, and unserved_kwh by the month of plug-in [kWh].
    """
    zone = study.sites[site_id].timezone
    own = limit_kw.sel(site=site_id, drop=True)
    asked, hours = study.asked_kw(site_id), study.step / pd.Timedelta("1h")
    cut = (asked - own).clip(0)
    lost = measures.lost_kw(study.demand_kw.sel(site=site_id, drop=True), own)
    by_step = pd.DataFrame(
        {
            "restricted_h": (cut > 1e-9) * hours,
            "full_h": (own <= 1e-9) * hours,
            "restricted_kwh": cut * hours,
            "lost_kwh": lost * hours,
        },
        index=_month(study.time, zone),
    )
    held = charge(study, limit_kw.sel(site=[site_id]))[site_id].sessions["unserved_kwh"]
    taken = (held - study.free[site_id].sessions["unserved_kwh"]).clip(lower=0)
    months = _month(study.sessions[site_id]["plug_in"], zone)
    found = by_step.groupby(level=0).sum()
    found["unserved_kwh"] = pd.Series(taken.to_numpy(), months).groupby(level=0).sum()
    return found.fillna({"unserved_kwh": 0.0}).rename_axis("month")


def overload(study: Study, power_kw: Mapping[str, ChargingResult] | xr.DataArray) -> pd.DataFrame:
    """Return how far each constraint is loaded above its rating with all sites charging.

    Parameters
    ----------
    study : Study
        Sites and constraints.
    power_kw : mapping of str to ChargingResult, or DataArray over (time, site)
        Charging.

    Returns
    -------
    pandas.DataFrame
        By constraint: peak_share, largest load ÷ rating; over_h [h]; over_kvah [kVA h].
    """
    if not isinstance(power_kw, xr.DataArray):
        power_kw = stacked({name: r.power_kw for name, r in power_kw.items()}, study.time)
    sees = study.sensitivity.sel(site=power_kw["site"])
    left = remaining(headroom_kva(study.load_kva, study.rating_kva), sees, power_kw)
    hours = study.step / pd.Timedelta("1h")
    over = (-left).clip(min=0).where(left < -1e-6, 0.0)
    return pd.DataFrame(
        {
            "peak_share": (1 - left / study.rating_kva).max("time"),
            "over_h": (over > 0).sum("time") * hours,
            "over_kvah": over.sum("time") * hours,
        },
        index=study.load_kva.get_index("constraint"),
    )


def by_hour_and_month(study: Study, limit_kw: xr.DataArray, site_id: str) -> xr.DataArray:
    """Return the share of time with a restriction by month and half hour of the site's clock."""
    zone = study.sites[site_id].timezone
    on = (study.asked_kw(site_id) - limit_kw.sel(site=site_id, drop=True)).to_numpy() > 1e-9
    frame = pd.DataFrame(
        {
            "on": on.astype(float),
            "month": timebase.clock(study.time, zone).month,
            "half_hour": timebase.half_hour(study.time, zone),
        }
    )
    share = frame.pivot_table(index="month", columns="half_hour", values="on", aggfunc="mean")
    share = share.reindex(index=range(1, 13), columns=range(48))
    return xr.DataArray(share.to_numpy(), {"month": np.arange(1, 13), "half_hour": np.arange(48)})


def _month(times, zone: str) -> pd.DatetimeIndex:
    days = timebase.local_date(times, zone)
    return days - pd.to_timedelta(days.day - 1, unit="D")
