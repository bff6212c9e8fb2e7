"""From a site to the schedule of a scheme: timed and static."""

from __future__ import annotations

import numpy as np
import pandas as pd

import scchelpers
from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.standards.schedule import COLUMNS, Schedule, month_runs
from scchelpers.tcc import profiled
from scchelpers.tcc.assessment import Basis, Seasons, Study
from scchelpers.tcc.derivation import DayTypes


def tcc_schedule(
    site: Site,
    *,
    basis: Basis = "full",
    quantile: float = 0.99,
    margin_share: float = 0.02,
    seasons: Seasons = "rating",
    day_types: DayTypes = "weekend",
    leave_out: str = "",
    max_windows: int = 2,
    max_steps: int = 1,
    min_recovery: str = "1h",
    min_length: str = "1h",
    cap_step_kva: float = 1.0,
    seed: int = 0,
    failsafe_kva: float | None = None,
) -> Schedule:
    """Derive the windows of a site and return them as a schedule.

    Parameters
    ----------
    site : Site
        With a network load, ratings and a request.
    basis, quantile, margin_share, seasons, day_types, leave_out, max_windows, max_steps, \
min_recovery, min_length, cap_step_kva, seed
        Of `tcc.study` and `tcc.derive_windows`; the defaults are those of the notebook.
    failsafe_kva : float, optional
        Holds where nothing else is in force [kVA]; by default the lowest limit of any window.

    Raises
    ------
    UserError
        If the site lacks something, or no TCC is offered (the verdict and its reasons are named).
    """
    study = tcc.study(
        site,
        basis=basis,
        seasons=seasons,
        day_types=day_types,
        margin_share=margin_share,
        seed=seed,
        quantile=quantile,
        leave_out=leave_out,
        max_windows=max_windows,
        max_steps=max_steps,
        min_recovery=min_recovery,
        min_length=min_length,
        cap_step_kva=cap_step_kva,
    )
    return schedule_of(study, failsafe_kva=failsafe_kva)


def schedule_of(study: Study, *, failsafe_kva: float | None = None) -> Schedule:
    """Return the windows of a study as a schedule.

    Parameters
    ----------
    study : tcc.Study
        Whose windows are offered.
    failsafe_kva : float, optional
        As in `tcc_schedule`.

    Raises
    ------
    UserError
        If the site lacks something, or no TCC is offered.
    """
    _refuse_unknown(study)
    if not study.offered:
        reasons = " ".join(study.verdict.reasons).replace("\u202f", " ")
        raise UserError(
            f"{study.site.site_id}: {study.verdict.verdict}, so there is no window; {reasons}"
        )
    lowest = float(study.windows["limit_kva"].min())
    return Schedule(
        scheme="tcc",
        site=study.site,
        requested_kva=study.requested_kva,
        power_factor=study.power_factor,
        failsafe_kva=lowest if failsafe_kva is None else failsafe_kva,
        windows=written_windows(study.windows, study.power_factor),
        provenance={
            **told(study),
            "verdict": study.verdict.verdict,
            **{name: value for name, value in study.rules.items() if name != "margin_kva"},
            "half_hours_known": int(study.network_kva.count()),
            "days_left_out": [f"{day:%Y-%m-%d}" for day in study.left_out.index],
            "fewest_samples": int(study.windows["samples"].min()),
        },
    )


def written_windows(windows: pd.DataFrame, power_factor: float) -> pd.DataFrame:
    """Return the windows of a TCC as a schedule writes them, a row a run of months.

    Parameters
    ----------
    windows : pandas.DataFrame
        Of `tcc.windows_in`: season, months, day_type, start, end and limit_kva [kVA].
    power_factor : float
        Of the site's import.

    Returns
    -------
    pandas.DataFrame
        season, from and until (month and day, until is exclusive), day_type, start, end,
        limit_kva [kVA], limit_kw [kW].

    Examples
    --------
    >>> row = {"season": "winter", "months": (11, 12, 1), "day_type": "all"}
    >>> row |= {"start": "16:00", "end": "19:00", "limit_kva": 20.0}
    >>> written_windows(pd.DataFrame([row]), 0.95)[["from", "until", "limit_kw"]].values.tolist()
    [['11-01', '02-01', 19.0]]
    """
    rows = [
        (
            row.season,
            f"{first:02d}-01",
            f"{last % 12 + 1:02d}-01",
            row.day_type,
            row.start,
            row.end,
            row.limit_kva,
            round(row.limit_kva * power_factor, 3),
        )
        for row in windows.itertuples()
        for first, last in month_runs(row.months)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def clm_schedule(site: Site, *, limit_kva: float, failsafe_kva: float | None = None) -> Schedule:
    """Return a static customer load management limit as a schedule.

    Parameters
    ----------
    site : Site
        The site.
    limit_kva : float
        Fixed limit of the chargepoints together [kVA] (`03_clm_volatility` finds one).
    failsafe_kva : float, optional
        Holds where nothing else is in force [kVA]; by default the same.

    Raises
    ------
    UserError
        If a limit is negative.
    """
    row = ("all year", "01-01", "01-01", "all", "00:00", "24:00", limit_kva)
    if not 0 <= limit_kva < float("inf"):
        raise UserError(f"limit_kva = {limit_kva}: must be 0 kVA or more")
    limit_kw = round(limit_kva * site.power_factor, 3)
    return Schedule(
        scheme="clm",
        site=site,
        requested_kva=limit_kva,
        power_factor=site.power_factor,
        failsafe_kva=limit_kva if failsafe_kva is None else failsafe_kva,
        windows=pd.DataFrame([(*row, limit_kw)], columns=list(COLUMNS)),
        provenance={"workbook_version": scchelpers.__version__},
    )


def _refuse_unknown(study: Study) -> None:
    """Refuse a site whose network could not be assessed, and say what it lacks."""
    if not study.known:
        raise UserError(
            f"{study.site.site_id}: no limit can be derived; {'; '.join(study.lacking)}"
        )


def told(study: Study) -> dict:
    """Return what every schedule of a network study tells about its derivation."""
    time = study.network_kva["time"].to_index()
    return {
        "workbook_version": scchelpers.__version__,
        "asset_id": study.site.meta["asset_id"],
        "rating_kva": {name: float(value) for name, value in study.site.rating_kva.items()},
        "requested": study.request["basis"],
        "margin_kva": round(study.margin_kva, 3),
        "record_start": f"{time[0]:%Y-%m-%dT%H:%MZ}",
        "record_end": f"{time[-1] + pd.Timedelta('30min'):%Y-%m-%dT%H:%MZ}",
    }


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
    _refuse_unknown(study)
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
    history = profiled.read_history(known, issue=issue_time, tz=zone)
    days = len(history.days) - 1
    if days < 56:
        raise UserError(f"day = {wanted:%Y-%m-%d}: {days} days on record before it; 56 are needed")
    forecast_kva = profiled.forecast(
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
