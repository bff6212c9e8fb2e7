"""The days for which a schedule is written out, and its limits on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.standards.schedule import Schedule

LONGEST_DAYS = 3653


@dataclass(frozen=True)
class Horizon:
    """Whole local days, as instants: `start` inclusive, `end` exclusive, UTC.

    Attributes
    ----------
    start, end : pandas.Timestamp
        Local midnights [UTC].
    days : pandas.DatetimeIndex
        The local days, without zone.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    days: pd.DatetimeIndex

    @property
    def half_hours(self) -> pd.DatetimeIndex:
        """Starts of its half hours [UTC]: 46 and 50 on the days of the clock changes."""
        return timebase.grid(self.start, self.end, "30min")


def horizon(schedule: Schedule, start: str | None, days: int) -> Horizon:
    """Return the days to be written out.

    Parameters
    ----------
    schedule : Schedule
        Limits issued for set days bring their own; nothing else may be asked of them.
    start : str or None
        First local day, such as "2026-12-01".
    days : int
        How many.

    Raises
    ------
    UserError
        If the start is missing or no day, or the days are fewer than 1 or more than ten years.
    """
    zone = schedule.site.timezone
    if schedule.issued_kw is not None:
        if start is not None:
            raise UserError(
                f"start = {start!r}: these limits were issued for {schedule.provenance['day']}; "
                "leave start out"
            )
        local = timebase.local_date(schedule.issued_kw["time"], zone)
        return _of_days(pd.date_range(local[0], local[-1]), zone)
    first = pd.to_datetime(str(start), format="%Y-%m-%d", errors="coerce")
    if start is None or pd.isna(first):
        raise UserError(f"start = {start!r}: write the first day, such as start=2026-12-01")
    if not 1 <= days <= LONGEST_DAYS:
        raise UserError(f"days = {days}: must be from 1 to {LONGEST_DAYS}")
    return _of_days(pd.date_range(first, periods=days), zone)


def _of_days(days: pd.DatetimeIndex, zone: str) -> Horizon:
    edges, _ = timebase.from_clock([days[0], days[-1] + pd.Timedelta("1D")], zone)
    return Horizon(edges[0], edges[1], days)


def half_hour_limits(schedule: Schedule, over: Horizon) -> np.ndarray:
    """Return the limit of each half hour [kW]: the lowest in it, where a window begins inside."""
    minutes = timebase.grid(over.start, over.end, "1min")
    return schedule.limit_kw(minutes).to_numpy().reshape(-1, 30).min(axis=1)


def fallback_end(schedule: Schedule, over: Horizon, fallback_days: int) -> pd.Timestamp:
    """Return until when a fallback holds: the midnight so many local days after the start [UTC].

    Raises
    ------
    UserError
        If it would end before the horizon does.
    """
    if not len(over.days) <= fallback_days <= LONGEST_DAYS:
        raise UserError(
            f"fallback_days = {fallback_days}: must be from {len(over.days)}, the days written, to "
            f"{LONGEST_DAYS}"
        )
    last = over.days[0] + pd.Timedelta(days=fallback_days)
    return timebase.from_clock([last], schedule.site.timezone)[0][0]


def steps(values: np.ndarray) -> np.ndarray:
    """Return where runs of equal values begin.

    Examples
    --------
    >>> steps(np.array([5.0, 5.0, 3.0, 5.0])).tolist()
    [0, 2, 3]
    """
    return np.flatnonzero(np.r_[True, values[1:] != values[:-1]])


def rounded_down(value: float, decimals: int = 3) -> float:
    """Return a limit rounded down, so that what is written never allows more.

    Examples
    --------
    >>> rounded_down(131.3204), rounded_down(14.7), rounded_down(0.29 * 100, 1)
    (131.32, 14.7, 29.0)
    """
    scale = 10**decimals
    return math.floor(round(value * scale, 6)) / scale


def instant(stamp: pd.Timestamp) -> str:
    """Return an instant as RFC 3339 in UTC.

    Examples
    --------
    >>> instant(pd.Timestamp("2026-10-25T01:00+01:00"))
    '2026-10-25T00:00:00Z'
    """
    return f"{stamp.tz_convert('UTC'):%Y-%m-%dT%H:%M:%SZ}"
