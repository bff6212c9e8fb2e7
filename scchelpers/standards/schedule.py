"""A limit as it leaves the workbook, before it takes the form of any protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.tcc.windows import DAYS, checked

DAY_MIN = 24 * 60
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
        week = np.full((7, DAY_MIN), self.otherwise_kw)
        minute = np.arange(DAY_MIN)
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
