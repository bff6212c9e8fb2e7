"""Limits issued a day ahead, beside the timed limit and what would have been possible."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.figures.style import (
    BLUE,
    DASHES,
    GREEN,
    INK,
    ORANGE,
    QUIET,
    canvas,
    clock_axis,
    legend_above,
)
from scchelpers.tcc.profiled import PERFECT, TCC, TOLERANCE_KVA
from scchelpers.timebase import LONDON, clock, half_hour, local_date
from scchelpers.wording import count, quantity


def profiled(issued: xr.Dataset, *, rule: str = "regression", timezone: str = LONDON):
    """Draw the limits of the tightest week, and by the clock the mean limit of all days.

    Parameters
    ----------
    issued : xarray.Dataset
        From `profiled.issue`.
    rule : str
        Forecast shown.
    timezone : str
        Zone of the clock.

    Returns
    -------
    (figure, alt) or None
    """
    limits = issued["limit_kw"].sel(case=[rule, TCC, PERFECT])
    known = np.isfinite(limits).all("case").to_numpy() & np.isfinite(issued["network_kva"])
    if not known.any():
        return None
    looks = {
        PERFECT: (GREEN, DASHES[2], 1.4),
        TCC: (ORANGE, DASHES[1], 1.6),
        rule: (BLUE, DASHES[0], 1.6),
    }
    local = clock(issued["time"], timezone)
    week = _tightest_week(limits.sel(case=PERFECT), timezone)
    hours = np.arange(week.stop - week.start) / 2
    fig, (above, below) = canvas(2, 1, height_in=5.6)
    for case, (color, dash, width) in looks.items():
        one = limits.sel(case=case).to_numpy()[week]
        name = f"day ahead, {case}" if case == rule else case
        above.step(hours, one, where="post", color=color, ls=dash, lw=width, label=name)
    over = _over(issued, rule).to_numpy()
    at = np.flatnonzero(over[week] > TOLERANCE_KVA)
    if len(at):
        above.plot(
            hours[at] + 0.25, limits.sel(case=rule).to_numpy()[week][at], "D", ms=4.5, color=INK,
            label="breach of the rating if used",
        )  # fmt: skip
    above.set_ylabel("limit [kW]")
    above.set_ylim(0, 1.08 * float(limits.max()))
    days = [k for k, stamp in enumerate(local[week]) if stamp.hour == 0 and stamp.minute == 0]
    above.set_xticks([k / 2 for k in days], [f"{local[week][k]:%a %d}" for k in days])
    above.set_xlim(0, len(hours) / 2)
    above.set_xlabel(f"local day, from {local[week.start]:%d %B %Y}")
    slot = half_hour(issued["time"], timezone)[known]
    for case, (color, dash, width) in looks.items():
        mean = pd.Series(limits.sel(case=case).to_numpy()[known]).groupby(slot).mean()
        below.stairs(
            mean, np.arange(len(mean) + 1) / 2, baseline=None, color=color, ls=dash, lw=width
        )
    below.set_ylabel("mean limit of all days [kW]")
    below.set_ylim(0, 1.08 * float(limits.max()))
    below.set_xlim(0, 24)
    clock_axis(below)
    below.set_xlabel("local clock, start of the half hour")
    above.spines["bottom"].set_color(QUIET)
    legend_above(above, columns=2)
    breaches = int((over[known] > TOLERANCE_KVA).sum())
    return fig, (
        "Two panels of limits in kW for the day-ahead regression, the TCC and perfect foresight: "
        f"above the tightest week, from {local[week.start]:%d %B %Y}; below the mean of all days "
        f"by the clock. Mean limits: {quantity(_mean(limits, rule, known), 'kW')} day ahead, "
        f"{quantity(_mean(limits, TCC, known), 'kW')} TCC, "
        f"{quantity(_mean(limits, PERFECT, known), 'kW')} with perfect foresight. The day-ahead "
        f"limit would breach the rating in {count(breaches, 'half hour')}."
    )


def _tightest_week(perfect_kw: xr.DataArray, timezone: str) -> slice:
    """Return the seven local days in which perfect foresight offers least.

    Days with a missing half hour have no mean; where no week is whole it is the last.
    """
    day = local_date(perfect_kw["time"], timezone)
    offered = pd.Series(perfect_kw.to_numpy()).groupby(day).agg(lambda kw: kw.mean(skipna=False))
    weekly = offered.rolling(min(7, len(offered))).mean()
    last = weekly.index[-1 if weekly.isna().all() else int(weekly.argmin())]
    inside = np.flatnonzero((day > last - pd.Timedelta("7D")) & (day <= last))
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _over(issued: xr.Dataset, case: str) -> xr.DataArray:
    limit_kw = issued["limit_kw"].sel(case=case)
    load = issued["network_kva"] + limit_kw / issued.attrs["power_factor"]
    return (load - issued["rating_kva"]).where(limit_kw > 0, 0.0)


def _mean(limits: xr.DataArray, case: str, known) -> float:
    return float(limits.sel(case=case).isel(time=known).mean())
