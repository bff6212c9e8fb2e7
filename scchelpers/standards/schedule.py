"""A limit as it leaves the workbook, before it takes the form of any protocol."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError, closest
from scchelpers.site import Site
from scchelpers.tcc.windows import DAYS, checked

_DAY_MIN = 24 * 60

COLUMNS = ("season", "from", "until", "day_type", "start", "end", "limit_kva", "limit_kw")


@dataclass(frozen=True)
class Schedule:
    """A limit on a site's charging: the content that every format writes.

    Attributes
    ----------
    scheme : str
        "tcc", "clm" or "profiled".
    site : Site
        The site it holds for; its `timezone` is the clock of the windows.
    requested_kva, power_factor : float
        What holds outside every window [kVA]; kW = kVA x power factor.
    failsafe_kva : float
        What holds where nothing else is in force or known [kVA].
    windows : pandas.DataFrame
        season, from and until (month-day, until exclusive, both every year), day_type, start and
        end on the clock (end is exclusive), limit_kva, limit_kw. Where rows overlap the lowest
        limit holds. Empty for limits that were issued for set days.
    provenance : dict
        How it was derived, ready for JSON; the same for the same inputs.
    issued_kw : xarray.DataArray or None
        Limits issued for set days [kW], over the half hours [UTC] of whole local days.
    """

    scheme: str
    site: Site
    requested_kva: float
    power_factor: float
    failsafe_kva: float
    windows: pd.DataFrame
    provenance: dict
    issued_kw: xr.DataArray | None = None

    def __post_init__(self):
        place = f"schedule of {self.site.site_id}"
        if not 0 < self.power_factor <= 1:
            raise UserError(f"{place}, power_factor = {self.power_factor}: above 0 and at most 1")
        for name in ("requested_kva", "failsafe_kva"):
            if not 0 <= getattr(self, name) < np.inf:
                raise UserError(f"{place}, {name} = {getattr(self, name)}: must be 0 kVA or more")
        lacking = [name for name in COLUMNS if name not in self.windows]
        if lacking:
            raise UserError(f"{place}, windows: no column {lacking[0]!r}; {', '.join(COLUMNS)}")
        if len(self.windows):
            checked(self.windows.assign(season="all year"))
        for text in (*self.windows["from"], *self.windows["until"]):
            _month_day(text)

    @property
    def failsafe_kw(self) -> float:
        """What holds where nothing else is in force or known [kW]."""
        return self.failsafe_kva * self.power_factor

    @property
    def otherwise_kw(self) -> float:
        """What holds outside every window [kW]."""
        return self.requested_kva * self.power_factor

    def in_force(self, days) -> np.ndarray:
        """Return which windows' seasons include which local days: bool over (day, window)."""
        days = pd.DatetimeIndex(days)
        stamp = (days.month * 100 + days.day).to_numpy()[:, None]
        first = np.array([_month_day(text) for text in self.windows["from"]], int)
        until = np.array([_month_day(text) for text in self.windows["until"]], int)
        after, before = stamp >= first, stamp < until
        return np.where(first < until, after & before, after | before)

    def week_kw(self, rows: np.ndarray) -> np.ndarray:
        """Return the limit that some windows make [kW], over (weekday, minute) of the clock.

        Parameters
        ----------
        rows : ndarray of bool
            Which windows are in force, a row of `in_force`.
        """
        week = np.full((7, _DAY_MIN), self.otherwise_kw)
        minute = np.arange(_DAY_MIN)
        for row in self.windows[rows].itertuples():
            first, last = (timebase.minute_of_clock(text) for text in (row.start, row.end))
            after, before = minute >= first, minute < last
            inside = (after & before) if first < last else (after | before)
            days = list(DAYS[row.day_type])
            capped = np.where(inside, row.limit_kva * self.power_factor, np.inf)
            week[days] = np.minimum(week[days], capped)
        return week

    def limit_kw(self, time) -> xr.DataArray:
        """Return the limit over time [kW]; the fail-safe where no limit was issued.

        Parameters
        ----------
        time : DataArray, DatetimeIndex or array of datetime64
            Instants [UTC], read to the minute.
        """
        instants = timebase.utc_index(time)
        naive = timebase.naive_utc(instants)
        if self.issued_kw is not None:
            half_hours = pd.DatetimeIndex(naive).floor("30min")
            found = self.issued_kw.to_series().reindex(half_hours).to_numpy()
            value = np.where(np.isfinite(found), found, self.failsafe_kw)
        else:
            local = timebase.clock(instants, self.site.timezone)
            minute = (local.hour * 60 + local.minute).to_numpy()
            value = np.empty(len(instants))
            sets, which = np.unique(
                self.in_force(local.tz_localize(None)), axis=0, return_inverse=True
            )
            for at, rows in enumerate(sets):
                here = which.ravel() == at
                value[here] = self.week_kw(rows)[local.day_of_week[here], minute[here]]
        attrs = {"units": "kW", "long_name": "limit of the site's charging"}
        return xr.DataArray(value, {"time": naive}, ("time",), "limit_kw", attrs)


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


def _month_day(text: str) -> int:
    """Return "MM-DD" as 100 x month + day; 29 February is a day."""
    month, _, day = str(text).partition("-")
    if month.isdigit() and day.isdigit() and 1 <= int(month) <= 12:
        longest = pd.Timestamp(2024, int(month), 1).days_in_month
        if 1 <= int(day) <= longest:
            return 100 * int(month) + int(day)
    raise UserError(f"day of the year = {text!r}: write MM-DD such as 12-01")


_LONGEST_DAYS = 3653


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
    if not 1 <= days <= _LONGEST_DAYS:
        raise UserError(f"days = {days}: must be from 1 to {_LONGEST_DAYS}")
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
    if not len(over.days) <= fallback_days <= _LONGEST_DAYS:
        raise UserError(
            f"fallback_days = {fallback_days}: must be from {len(over.days)}, the days written, to "
            f"{_LONGEST_DAYS}"
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


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def one_of(name: str, value: object, allowed) -> None:
    """Refuse a value that is not one of a Literal's.

    Raises
    ------
    UserError
        If it is none of them; what is allowed is named.
    """
    choices = get_args(allowed)
    if value not in choices:
        hint = closest(str(value), choices) or f"one of {', '.join(choices)}"
        raise UserError(f"{name} = {value!r}: {hint}")
