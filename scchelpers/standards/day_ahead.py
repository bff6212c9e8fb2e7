"""Profiled capacity: the limits of one day, issued the day before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.standards.schedule import COLUMNS, Schedule
from scchelpers.standards.schemes import refuse_unknown, told
from scchelpers.tcc import forecasting, profiled
from scchelpers.tcc.request import Basis


def profiled_schedule(
    site: Site,
    *,
    day: str | None = None,
    rule: str = "regression",
    quantile: float = 0.99,
    issue_time: str = "10:00",
    margin_share: float = 0.02,
    basis: Basis = "full",
    seed: int = 0,
    failsafe_kva: float | None = None,
) -> Schedule:
    """Return the limits of one day, issued the day before from what was metered by then.

    Parameters
    ----------
    site : Site
        With a network load of more than eight weeks, ratings, a request and a power factor.
    day : str, optional
        Local day such as "2026-01-15": a day on record, or the day after it (the default).
    rule, quantile, issue_time
        Of `tcc.forecasting`.
    margin_share, basis, seed
        Of `tcc.study`.
    failsafe_kva : float, optional
        Holds where no limit is known [kVA]; by default what fits at all times.

    Raises
    ------
    UserError
        If the site lacks something, or the day cannot be forecast from the record.
    """
    study = tcc.study(site, basis=basis, margin_share=margin_share, seed=seed)
    refuse_unknown(study)
    zone = site.timezone
    load = study.network_kva
    ends = timebase.utc_index(load["time"][-1:]) + timebase.HALF_HOUR
    last = timebase.local_date(ends, zone)[0]
    wanted = last if day is None else _day(day)
    if wanted > last:
        raise UserError(
            f"day = {wanted:%Y-%m-%d}: the record ends on {last:%Y-%m-%d}; a limit is issued from "
            "what is metered up to the day before"
        )
    midnights, _ = timebase.from_clock([wanted, wanted + pd.Timedelta("1D")], zone)
    half_hours = timebase.grid(*midnights, "30min").tz_localize(None)
    before = load.get_index("time")
    before = before[before < half_hours[-1]]
    known = load.reindex(time=before.union(half_hours))
    history = forecasting.read_history(known, issue=issue_time, tz=zone)
    days = len(history.days) - 1
    if days < 56:
        raise UserError(f"day = {wanted:%Y-%m-%d}: {days} days on record before it; 56 are needed")
    forecast_kva = forecasting.forecast(
        history, half_hours.to_numpy(), rule, quantile=quantile, warm_up_days=days, tz=zone
    )
    limit_kw = profiled.limit(
        forecast_kva,
        tcc.rating_at(site.rating_kva, forecast_kva["time"], zone),
        requested_kw=study.requested_kw,
        power_factor=study.power_factor,
        margin_kva=study.margin_kva,
    )
    return Schedule(
        scheme="profiled",
        site=site,
        requested_kva=study.requested_kva,
        power_factor=study.power_factor,
        failsafe_kva=study.firm_kva if failsafe_kva is None else failsafe_kva,
        windows=pd.DataFrame(columns=list(COLUMNS)),
        provenance={
            **told(study),
            "day": f"{wanted:%Y-%m-%d}",
            "issued": f"{wanted - pd.Timedelta('1D'):%Y-%m-%d} {issue_time} {zone}",
            "rule": rule,
            "quantile": quantile,
            "half_hours_without_forecast": int(np.isnan(limit_kw).sum()),
        },
        issued_kw=limit_kw,
    )


def _day(text: str) -> pd.Timestamp:
    day = pd.to_datetime(str(text), format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise UserError(f"day = {text!r}: write such as 2026-01-15")
    return day
