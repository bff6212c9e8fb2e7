"""From a site to the schedule of a scheme: timed and static."""

from __future__ import annotations

import pandas as pd

import scchelpers
from scchelpers import tcc
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.standards.schedule import COLUMNS, Schedule, month_runs
from scchelpers.tcc.cells import DayTypes
from scchelpers.tcc.request import Basis
from scchelpers.tcc.study import Seasons, Study
from scchelpers.wording import NARROW


def tcc_schedule(
    site: Site,
    *,
    basis: Basis = "full",
    quantile: float = 0.99,
    margin_share: float = 0.02,
    seasons: Seasons = "rating",
    day_types: DayTypes = "weekend",
    max_windows: int = 2,
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
        With a network load, ratings, a request and a power factor.
    basis, quantile, margin_share, seasons, day_types, max_windows, min_recovery, min_length, \
cap_step_kva, seed
        Of `tcc.study` and `tcc.windows_of`; the defaults are those of the notebook.
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
        max_windows=max_windows,
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
    refuse_unknown(study)
    if not study.offered:
        reasons = " ".join(study.verdict.reasons).replace(NARROW, " ")
        raise UserError(
            f"{study.site.site_id}: {study.verdict.verdict}, so there is no window; {reasons}"
        )
    rows = []
    for row in study.windows.itertuples():
        for first, last in month_runs(row.months):
            rows.append(
                {
                    "season": row.season,
                    "from": f"{first:02d}-01",
                    "until": f"{last % 12 + 1:02d}-01",
                    "day_type": row.day_type,
                    "start": row.start,
                    "end": row.end,
                    "limit_kva": row.limit_kva,
                    "limit_kw": round(row.limit_kva * study.power_factor, 3),
                }
            )
    lowest = float(study.windows["limit_kva"].min())
    return Schedule(
        scheme="tcc",
        site=study.site,
        requested_kva=study.requested_kva,
        power_factor=study.power_factor,
        failsafe_kva=lowest if failsafe_kva is None else failsafe_kva,
        windows=pd.DataFrame(rows),
        provenance={
            **told(study),
            "verdict": study.verdict.verdict,
            **{name: value for name, value in study.rules.items() if name != "margin_kva"},
            "half_hours_known": int(study.network_kva.count()),
            "fewest_samples": int(study.windows["samples"].min()),
        },
    )


def clm_schedule(site: Site, *, limit_kva: float, failsafe_kva: float | None = None) -> Schedule:
    """Return a static customer load management limit as a schedule.

    Parameters
    ----------
    site : Site
        With a power factor.
    limit_kva : float
        Fixed limit of the chargepoints together [kVA] (`03_clm_volatility` finds one).
    failsafe_kva : float, optional
        Holds where nothing else is in force [kVA]; by default the same.

    Raises
    ------
    UserError
        If the site has no power factor or a limit is negative.
    """
    power_factor = site.meta.get("power_factor")
    if power_factor is None:
        raise UserError(f"sites.csv, {site.site_id}, power_factor: empty; a limit in kW needs it")
    row = ("all year", "01-01", "01-01", "all", "00:00", "24:00", limit_kva)
    if not 0 <= limit_kva < float("inf"):
        raise UserError(f"limit_kva = {limit_kva}: must be 0 kVA or more")
    limit_kw = round(limit_kva * power_factor, 3)
    return Schedule(
        scheme="clm",
        site=site,
        requested_kva=limit_kva,
        power_factor=power_factor,
        failsafe_kva=limit_kva if failsafe_kva is None else failsafe_kva,
        windows=pd.DataFrame([(*row, limit_kw)], columns=list(COLUMNS)),
        provenance={"workbook_version": scchelpers.__version__},
    )


def refuse_unknown(study: Study) -> None:
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
