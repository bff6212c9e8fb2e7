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
from scchelpers.timebase import (
    HALF_HOUR,
    LONDON,
    clock,
    from_clock,
    half_hours_in_day,
    minute_of_clock,
)

PERIODS = 48

_SATURDAY = 5

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
        return self.dates.day_of_week.to_numpy() >= _SATURDAY

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

    @property
    def table(self) -> pd.DataFrame:
        """Demand [kW], a row a local day, a column a half hour of the clock ("17:30")."""
        clock_times = [f"{half // 2:02d}:{half % 2 * 30:02d}" for half in range(PERIODS)]
        return pd.DataFrame(self.kw, self.dates.rename("day"), clock_times)

    def labels(self, day_classes: str) -> np.ndarray:
        """Return the class of each day as a candidate, by the names of `Rule.day_classes`.

        0 is a working day; -1 is never a candidate.
        """
        if day_classes == "two":
            return np.where(self.working, 0, 1)
        if day_classes == "weekends":
            return np.where(self.working, 0, np.where(self.holiday, -1, 1))
        sunday = self.holiday | (self.dates.day_of_week.to_numpy() > _SATURDAY)
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


def aligned(power_kw: xr.DataArray, days: Days) -> Days:
    """Return demand on the days of a record, missing where the record is."""
    other = by_day(power_kw, timezone=days.timezone, calendar=days.calendar)
    kw = np.full(days.kw.shape, np.nan)
    shift = (other.first - days.first).days
    first, last = max(shift, 0), min(shift + len(other), len(days))
    kw[first:last] = other.kw[first - shift : last - shift]
    return days.with_kw(np.where(np.isnan(days.kw), np.nan, kw))


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


_WEEK = pd.Timedelta("7D")


def schedule(
    days: Days,
    start: str = "17:00",
    hours: float = 3.0,
    *,
    on: str = "working",
    per_week: float | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return events at one time of the clock.

    Parameters
    ----------
    days : Days
        Record to place them on. Days without a metered value in the event get none.
    start : str
        Clock time, on the half hour.
    hours : float
        Length [h], whole half hours up to 24.
    on : "working", "non_working" or "all"
        Days of the calendar.
    per_week : float, optional
        Events a week, on days drawn at random; without it every day has one.
    seed : int
        Seed of the draw.

    Raises
    ------
    UserError
        If the time, the length or the days cannot be.

    See Also
    --------
    at_dispatches

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=48 * 14, freq="30min")
    >>> days = by_day(xr.DataArray(np.ones(48 * 14), {"time": time}))
    >>> len(schedule(days, "17:00", 3.0)), len(schedule(days, "17:00", 3.0, on="all"))
    (10, 14)
    """
    minute = minute_of_clock(start)
    if minute % 30 or minute == 1440:
        raise UserError(f"start = {start!r}: must be on the half hour, 00:00 to 23:30")
    if (2 * hours) % 1 or not 0.5 <= hours <= 24:
        raise UserError(f"hours = {hours}: must be whole half hours, 0.5 to 24")
    chosen = {
        "working": days.working,
        "non_working": ~days.working,
        "all": np.ones(len(days), bool),
    }.get(on)
    if chosen is None:
        raise UserError(f"on = {on!r}: write 'working', 'non_working' or 'all'")
    found = _frame(days.dates[chosen], minute // 30, int(2 * hours))
    found = metered(days, found)
    if per_week is None or found.empty:
        return found
    a_week = 7 * len(found) / len(days)
    picked = np.random.default_rng(seed).random(len(found)) < per_week / a_week
    return found[picked].reset_index(drop=True)


def at_dispatches(days: Days, dispatches: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Return events at the hours and days of real dispatches, moved by whole weeks to the record.

    Where several were dispatched on one local day, one is drawn: events of one site do not overlap.
    A record longer than the dispatches meets them again.

    Parameters
    ----------
    days : Days
        Record to place them on.
    dispatches : pandas.DataFrame
        Columns start and end [UTC], as `data.dispatches.read` gives them.
    seed : int
        Seed of the draw.

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=48 * 14, freq="30min")
    >>> days = by_day(xr.DataArray(np.ones(48 * 14), {"time": time}))
    >>> start = pd.to_datetime(["2024-01-10T17:00Z"])
    >>> real = pd.DataFrame({"start": start, "end": start + pd.Timedelta("1h")})
    >>> len(at_dispatches(days, real))
    2
    """
    if dispatches.empty or not len(days):
        return _frame(days.dates[:0], 0, 1)
    begin = clock(dispatches["start"], days.timezone).tz_localize(None)
    hours = (dispatches["end"] - dispatches["start"]) / pd.Timedelta("1h")
    real = pd.DataFrame(
        {
            "day": begin.normalize(),
            "start": (begin.hour * 2 + begin.minute // 30).to_numpy(),
            "periods": (2 * hours).round().astype(int).to_numpy(),
        }
    )
    real = real[real["periods"].between(1, PERIODS)]
    real = real.sample(frac=1, random_state=np.random.default_rng(seed)).drop_duplicates("day")
    span = real["day"].max() - real["day"].min() + pd.Timedelta("1D")
    turn = -(-span // _WEEK) * _WEEK
    shift = (days.dates[0] - real["day"].min()) // _WEEK * _WEEK
    turns = range(-(-(days.dates[-1] - days.dates[0]) // turn) + 1)
    placed = pd.concat([real.assign(day=real["day"] + shift + k * turn) for k in turns])
    placed = placed[placed["day"].between(days.dates[0], days.dates[-1])]
    return metered(days, placed.sort_values("day", ignore_index=True))


def metered(days: Days, events: pd.DataFrame) -> pd.DataFrame:
    """Return the events in which every half hour was metered."""
    if events.empty:
        return events
    return events[np.isfinite(actual(days, events)).sum(1) == events["periods"]].reset_index(
        drop=True
    )


def day_index(days: Days, events: pd.DataFrame) -> np.ndarray:
    """Return the row of `days` of each event.

    Raises
    ------
    UserError
        If an event lies outside the record.
    """
    index = ((events["day"] - days.first) // pd.Timedelta("1D")).to_numpy()
    outside = (index < 0) | (index >= len(days))
    if outside.any():
        raise UserError(
            f"event on {events['day'][outside].iloc[0]:%Y-%m-%d}: outside the record, "
            f"{days.first:%Y-%m-%d} and {len(days)} days on"
        )
    return index


def actual(days: Days, events: pd.DataFrame) -> np.ndarray:
    """Return the metered demand [kW] over (event, period); NaN past the end of shorter events.

    See Also
    --------
    estimate_all, schedule

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=48 * 21, freq="30min")
    >>> days = by_day(xr.DataArray(np.arange(48.0 * 21) % 48, {"time": time}))
    >>> events = schedule(days, "17:00", 1.0)
    >>> actual(days, events)[0].tolist()
    [34.0, 35.0]
    """
    longest = int(events["periods"].max()) if len(events) else 0
    at = PERIODS * (day_index(days, events) + 1) + events["start"].to_numpy()
    period = np.arange(longest)
    values = days.flat[np.minimum(at[:, None] + period, len(days.flat) - 1)]
    return np.where(period < events["periods"].to_numpy()[:, None], values, np.nan)


def starts_utc(days: Days, events: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the instant [UTC] at which each event starts."""
    naive = events["day"] + events["start"] * pd.Timedelta("30min")
    return from_clock(naive, days.timezone)[0]


def _frame(dates: pd.DatetimeIndex, start: int, periods: int) -> pd.DataFrame:
    return pd.DataFrame({"day": dates, "start": start, "periods": periods})
