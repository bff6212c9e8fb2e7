"""Demand laid out as local days of 48 half hours, with what each day is.

Days are keyed by the half hour of the clock, never by the row of the record, so that days of 46
and 50 half hours cannot shift what follows them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import holidays
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR, LONDON, clock, half_hours_in_day

PERIODS = 48
SATURDAY = 5
# The calendar of working days that goes with a zone, where nobody says otherwise.
CALENDARS = {"Europe/London": "GB-ENG", "America/Los_Angeles": "US-CA"}
NO_HOLIDAYS = "weekends only"


@dataclass(frozen=True, eq=False)
class Days:
    """Demand by local day and half hour.

    Attributes
    ----------
    kw : numpy.ndarray
        Mean demand [kW] over (day, half hour of the clock); NaN is missing, zero is zero. In an
        hour that comes twice it is the mean of both passes.
    first : pandas.Timestamp
        First local day, without zone.
    timezone : str
        IANA zone of the clock.
    calendar : str
        ISO 3166-2 code of the bank holidays, or "weekends only".
    """

    kw: np.ndarray
    first: pd.Timestamp
    timezone: str = LONDON
    calendar: str = "GB-ENG"

    def __len__(self) -> int:
        return len(self.kw)

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """Local days, without zone."""
        return pd.date_range(self.first, periods=len(self), freq="D")

    @cached_property
    def holiday(self) -> np.ndarray:
        """Which days are bank holidays."""
        return self.dates.isin(bank_holidays(self.calendar, self.dates.year.unique()))

    @cached_property
    def weekend(self) -> np.ndarray:
        """Which days are Saturdays or Sundays."""
        return self.dates.day_of_week.to_numpy() >= SATURDAY

    @cached_property
    def working(self) -> np.ndarray:
        """Which days are working days: neither weekend nor bank holiday."""
        return ~(self.weekend | self.holiday)

    @cached_property
    def clock_change(self) -> np.ndarray:
        """Which days have 46 or 50 half hours."""
        return np.array([half_hours_in_day(day, self.timezone) != PERIODS for day in self.dates])

    @cached_property
    def sound(self) -> np.ndarray:
        """Which days may serve as history: complete, and not of a clock change."""
        return np.isfinite(self.kw).all(axis=1) & ~self.clock_change

    @cached_property
    def flat(self) -> np.ndarray:
        """The half hours in one row, with a missing day before and two after.

        Half hour p of day d, p being negative or above 47 for its neighbours, is at
        48 (d + 1) + p.
        """
        return np.pad(self.kw.ravel(), (PERIODS, 2 * PERIODS), constant_values=np.nan)

    def labels(self, day_classes: str) -> np.ndarray:
        """Return the class of each day as a candidate, by the names of `Rule.day_classes`.

        0 is a working day; -1 is never a candidate.
        """
        if day_classes == "two":
            return np.where(self.working, 0, 1)
        if day_classes == "weekends":
            return np.where(self.working, 0, np.where(self.holiday, -1, 1))
        sunday = self.holiday | (self.dates.day_of_week.to_numpy() > SATURDAY)
        return np.where(self.working, 0, np.where(sunday, 2, 1))

    def with_kw(self, kw: np.ndarray) -> Days:
        """Return the same days with another demand [kW]."""
        changed = replace(self, kw=kw)
        for name in ("dates", "holiday", "weekend", "working", "clock_change"):
            changed.__dict__[name] = getattr(self, name)  # unchanged, and dear to work out
        return changed


def by_day(power_kw: xr.DataArray, *, timezone: str = LONDON, calendar: str = "auto") -> Days:
    """Lay demand out as local days of 48 half hours.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time), steps of 30 min or a part of it. NaN is missing.
    timezone : str
        IANA zone of the clock.
    calendar : str
        ISO 3166-2 code of the bank holidays: "GB-ENG", "GB-SCT", "GB-NIR", "US-CA"; "auto"
        takes that of the zone (England and Wales for Europe/London), "weekends only" none.

    Raises
    ------
    UserError
        If the step does not divide half an hour, or there is no such calendar.

    Examples
    --------
    >>> time = pd.date_range("2026-10-25", periods=50, freq="30min") - pd.Timedelta("1h")
    >>> days = by_day(xr.DataArray(np.arange(50.0), {"time": time}, ("time",)))
    >>> days.kw.shape, bool(days.clock_change[0]), days.kw[0, 2:4].tolist()  # 01:00 came twice
    ((1, 48), True, [3.0, 4.0])
    """
    calendar = CALENDARS.get(timezone, NO_HOLIDAYS) if calendar == "auto" else calendar
    bank_holidays(calendar, [2026])  # refuses an unknown calendar before anything is worked out
    if not power_kw.sizes["time"]:
        return Days(np.empty((0, PERIODS)), pd.Timestamp("2000-01-01"), timezone, calendar)
    local = clock(power_kw["time"], timezone).tz_localize(None)
    first = local[0].normalize()
    parts = _parts_of_half_hour(power_kw.indexes["time"])
    slot = ((local - first) // HALF_HOUR).to_numpy()
    days = slot.max() // PERIODS + 1
    total = np.bincount(slot, weights=power_kw.to_numpy(), minlength=days * PERIODS)
    many = np.bincount(slot, minlength=days * PERIODS)
    with np.errstate(invalid="ignore", divide="ignore"):
        kw = np.where(many >= parts, total / many, np.nan)
    return Days(kw.reshape(days, PERIODS), first, timezone, calendar)


def bank_holidays(calendar: str, years) -> pd.DatetimeIndex:
    """Return the bank holidays of some years.

    Parameters
    ----------
    calendar : str
        ISO 3166-2 code such as "GB-ENG" or "GB-SCT", or "weekends only".
    years : iterable of int

    Raises
    ------
    UserError
        If there is no such calendar.

    Examples
    --------
    >>> easter_monday = pd.Timestamp("2024-04-01")
    >>> [easter_monday in bank_holidays(c, [2024]) for c in ("GB-ENG", "GB-SCT")]
    [True, False]
    """
    if calendar == NO_HOLIDAYS:
        return pd.DatetimeIndex([])
    country, _, part = str(calendar).partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=list(years))
    except NotImplementedError:
        raise UserError(
            f"calendar = {calendar!r}: no such calendar of bank holidays; write a code such as "
            f"'GB-ENG', 'GB-SCT' or {NO_HOLIDAYS!r}"
        ) from None
    return pd.DatetimeIndex(sorted(found))


def _parts_of_half_hour(time: pd.DatetimeIndex) -> int:
    step = time.to_series().diff().min() if len(time) > 1 else HALF_HOUR
    if HALF_HOUR % step:
        raise UserError(f"power_kw has steps of {step}: half hours or an even part are needed")
    return HALF_HOUR // step
