"""A timed limit as it leaves the workbook, before it takes the form of any protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

import scchelpers
from scchelpers import tcc
from scchelpers.data.site import Site
from scchelpers.faults import UserError
from scchelpers.tcc.cells import DayTypes
from scchelpers.tcc.request import Basis
from scchelpers.tcc.study import Seasons, Study
from scchelpers.wording import NARROW


@dataclass(frozen=True)
class Schedule:
    """A recurring limit on a site's charging: the content that every format writes.

    Attributes
    ----------
    scheme : str
        "tcc".
    site : Site
        The site it holds for; its `timezone` is the clock of the windows.
    requested_kva, power_factor : float
        What holds outside every window [kVA]; kW = kVA x power factor.
    windows : pandas.DataFrame
        season, from and until (month-day, until exclusive, both every year), day_type, start and
        end on the clock (until is exclusive), limit_kva, limit_kw. Where rows overlap the lowest
        limit holds.
    provenance : dict
        How it was derived, ready for JSON; the same for the same inputs.
    """

    scheme: str
    site: Site
    requested_kva: float
    power_factor: float
    windows: pd.DataFrame
    provenance: dict


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
) -> Schedule:
    """Derive the windows of a site and return them as a schedule.

    Parameters
    ----------
    site : Site
        With a network load, ratings, a request and a power factor.
    basis, quantile, margin_share, seasons, day_types, max_windows, min_recovery, min_length, \
cap_step_kva, seed
        Of `tcc.study` and `tcc.windows_of`; the defaults are those of the notebook.

    Raises
    ------
    UserError
        If the site lacks something, or no TCC is offered (the verdict and its reasons are named).
    """
    return schedule_of(
        tcc.study(
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
    )


def schedule_of(study: Study) -> Schedule:
    """Return the windows of a study as a schedule.

    Parameters
    ----------
    study : tcc.Study
        Whose windows are offered.

    Raises
    ------
    UserError
        If the site lacks something, or no TCC is offered.
    """
    site_id = study.site.site_id
    if not study.known:
        raise UserError(f"{site_id}: no windows can be derived; {'; '.join(study.lacking)}")
    if not study.offered:
        reasons = " ".join(study.verdict.reasons).replace(NARROW, " ")
        raise UserError(f"{site_id}: {study.verdict.verdict}, so there is no window; {reasons}")
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
    time = study.network_kva["time"].to_index()
    return Schedule(
        scheme="tcc",
        site=study.site,
        requested_kva=study.requested_kva,
        power_factor=study.power_factor,
        windows=pd.DataFrame(rows),
        provenance={
            "workbook_version": scchelpers.__version__,
            "verdict": study.verdict.verdict,
            "asset_id": study.site.meta["asset_id"],
            "rating_kva": {name: float(value) for name, value in study.site.rating_kva.items()},
            "requested": study.request["basis"],
            "margin_kva": round(study.margin_kva, 3),
            **{name: value for name, value in study.rules.items() if name != "margin_kva"},
            "record_start": f"{time[0]:%Y-%m-%dT%H:%MZ}",
            "record_end": f"{time[-1] + pd.Timedelta('30min'):%Y-%m-%dT%H:%MZ}",
            "half_hours_known": int(study.network_kva.count()),
            "fewest_samples": int(study.windows["samples"].min()),
        },
    )


def month_runs(months: Iterable[int]) -> list[tuple[int, int]]:
    """Return the first and last month of each run of months, round the year.

    Examples
    --------
    >>> month_runs((12, 1, 2)), month_runs((4, 9, 10)), month_runs(range(1, 13))
    ([(12, 2)], [(4, 4), (9, 10)], [(1, 12)])
    """
    held = set(months)
    if len(held) == 12:
        return [(1, 12)]
    runs = []
    for first in sorted(month for month in held if (month - 2) % 12 + 1 not in held):
        last = first
        while last % 12 + 1 in held:
            last = last % 12 + 1
        runs.append((first, last))
    return runs
