"""Demand and limit by local day and clock, and the days or weeks that may change places.

A day is a row of clock times. Where the clock skips an hour the limit of the time before is held
and nothing is wanted; the hour that comes twice in autumn counts once, as the mean of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.coincidence.case import Case, limit_on
from scchelpers.faults import UserError

SKIPPED_H = 1.0  # the most that a clock change takes from a day


@dataclass(frozen=True, eq=False)
class Blocks:
    """Whole local days, and the blocks of them that may change places.

    Attributes
    ----------
    day : DatetimeIndex
        Local days, without zone.
    demand_kw, limit_kw : ndarray (day, clock) [kW]
        By local day and time of the clock.
    requested_kw : float
        Requested capacity [kW].
    step_h : float
        Length of an interval [h].
    members : ndarray of int (block, position)
        Rows of `day` in each block: one day, or the seven of a week from Monday.
    stratum : ndarray of str (block)
        Season and, for days, day type: blocks change places within it. A week that lies in two
        seasons is alone.
    """

    day: pd.DatetimeIndex
    demand_kw: np.ndarray
    limit_kw: np.ndarray
    requested_kw: float
    step_h: float
    members: np.ndarray
    stratum: np.ndarray


def blocks(
    demand_kw: xr.DataArray,
    limit_kw: xr.DataArray,
    requested_kw: float,
    *,
    block: str = "week",
    timezone: str = timebase.LONDON,
) -> Blocks:
    """Cut demand and limit into whole local days, and these into blocks.

    Parameters
    ----------
    demand_kw, limit_kw : DataArray over time [kW]
        At the same times, on a regular grid. Days with an unknown value are left out.
    requested_kw : float
        Requested capacity [kW].
    block : "week" or "day"
        Weeks, from Monday to Sunday, keep what follows from day to day; days are more in number.
    timezone : str
        Zone of the clock.

    Raises
    ------
    UserError
        If the block is neither, or the times differ.
    """
    if block not in ("week", "day"):
        raise UserError(f"block = {block!r}: write 'week' or 'day'")
    if not demand_kw.get_index("time").equals(limit_kw.get_index("time")):
        raise UserError("demand_kw and limit_kw: must have the same times")
    local = timebase.clock(demand_kw["time"], timezone).tz_localize(None)
    step = pd.Timedelta(np.diff(demand_kw["time"].to_numpy()[:2])[0])
    slots = int(pd.Timedelta("1D") / step)
    day, row = np.unique(local.normalize(), return_inverse=True)
    cell = row * slots + ((local - local.normalize()) // step).to_numpy()
    many = np.bincount(cell, minlength=len(day) * slots).reshape(len(day), slots)
    demand, limit = (
        np.bincount(cell, x.to_numpy(), many.size).reshape(many.shape) / np.maximum(many, 1)
        for x in (demand_kw, limit_kw)
    )
    limit = pd.DataFrame(np.where(many > 0, limit, np.nan)).ffill(axis=1)
    gaps = np.isnan(demand).any(axis=1) | limit.isna().any(axis=1)
    missing_h = (many == 0).sum(axis=1) * (step / pd.Timedelta("1h"))
    unknown = np.unique(row[np.isnan(limit_kw.to_numpy())])
    whole = ~gaps & (missing_h <= SKIPPED_H)
    whole[unknown] = False
    day = pd.DatetimeIndex(day[whole])
    members, stratum = _weeks(day) if block == "week" else _days(day)
    return Blocks(
        day=day,
        demand_kw=demand[whole],
        limit_kw=limit.to_numpy()[whole],
        requested_kw=requested_kw,
        step_h=step / pd.Timedelta("1h"),
        members=members,
        stratum=stratum,
    )


def cut(case: Case, *, block: str = "week") -> Blocks:
    """Cut the demand and the limit of a case into blocks (`blocks`)."""
    return blocks(
        case.demand_kw, limit_on(case), case.requested_kw, block=block, timezone=case.timezone
    )


def _days(day: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
    kind = np.asarray(timebase.DAY_TYPES, dtype=object)[np.clip(day.day_of_week - 4, 0, 2)]
    names = [f"{s} {k}" for s, k in zip(_season(day), kind, strict=True)]
    return np.arange(len(day))[:, None], np.array(names, dtype=object)


def _weeks(day: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
    monday = day - pd.to_timedelta(day.day_of_week, unit="D")
    starts, first, many = np.unique(monday, return_index=True, return_counts=True)
    starts = pd.DatetimeIndex(starts)
    whole = many == 7
    members = first[whole][:, None] + np.arange(7)
    begin, end = (_season(day[members[:, k]]) for k in (0, -1))
    # A week between two seasons keeps its limit: none other is like it.
    own = [f"{s} to {e} {d:%Y-%m-%d}" for s, e, d in zip(begin, end, starts[whole], strict=True)]
    return members, np.where(begin == end, begin, np.array(own, dtype=object))


def _season(day: pd.DatetimeIndex) -> np.ndarray:
    return np.array([timebase.SEASONS[month] for month in day.month], dtype=object)
