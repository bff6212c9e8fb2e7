"""The one place where instants meet the clock on the wall.

Everything is stored and computed in UTC. Rules that speak of the clock (a window from 16:30 to
18:30, a weekday, a winter) are evaluated here, by default in Europe/London. Intervals are labelled
by their start and are half-open, `[start, end)`.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from scchelpers.faults import UserError

LONDON = "Europe/London"
HALF_HOUR = pd.Timedelta("30min")
YEAR_DAYS = 365.25
YEAR_H = 24 * YEAR_DAYS  # [h] of a year, for figures "a year"

# Seasons as the ratings of GB overhead lines are given (ENA EREC P27): month -> season.
SEASONS = {
    **dict.fromkeys((12, 1, 2), "winter"),
    **dict.fromkeys((3, 4), "spring"),
    **dict.fromkeys((5, 6, 7, 8), "summer"),
    **dict.fromkeys((9, 10, 11), "autumn"),
}
SEASON_DAYS = {"winter": 90.25, "spring": 61.0, "summer": 123.0, "autumn": 91.0}  # in a year
DAY_TYPES = ("weekday", "saturday", "sunday")


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    UserError
        If there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise UserError(
            f"timezone = {name!r}: not an IANA time zone; write one such as {LONDON!r}"
        ) from None


def step_length(step: str | pd.Timedelta) -> pd.Timedelta:
    """Return a step as a Timedelta that divides a day into whole intervals.

    Parameters
    ----------
    step : str or pandas.Timedelta
        Such as "5min", "30min", "1h".

    Raises
    ------
    UserError
        If it is not a positive length that divides 24 hours.

    Examples
    --------
    >>> step_length("30min")
    Timedelta('0 days 00:30:00')
    """
    try:
        length = pd.Timedelta(step)
    except ValueError:
        length = pd.Timedelta(0)
    if pd.isna(length) or length <= pd.Timedelta(0) or pd.Timedelta("1D") % length:
        raise UserError(f"step = {step!r}: must divide a day; write such as '1min' or '30min'")
    return length


def hours(step: str | pd.Timedelta) -> float:
    """Return the length of a step [h].

    Examples
    --------
    >>> hours("30min")
    0.5
    """
    return step_length(step) / pd.Timedelta("1h")


def utc_index(times) -> pd.DatetimeIndex:
    """Return instants as a UTC index; stamps without a zone are refused.

    Parameters
    ----------
    times : array-like of datetime, Series, DataArray coordinate or DatetimeIndex
        xarray and NumPy hold no zone: their datetime64 values are UTC by the project's convention.

    Raises
    ------
    UserError
        If pandas stamps carry no time zone.
    """
    if isinstance(times, np.ndarray) or hasattr(times, "dims"):
        return pd.DatetimeIndex(np.asarray(times)).tz_localize("UTC")
    index = pd.DatetimeIndex(times)
    if index.tz is None:
        raise UserError(f"times such as {index[0]} have no zone; give UTC, or use from_clock()")
    return index.tz_convert("UTC")


def naive_utc(times) -> np.ndarray:
    """Return instants as datetime64 values in UTC, the form in which xarray holds them."""
    return utc_index(times).tz_localize(None).to_numpy()


def grid(start, end, step: str | pd.Timedelta) -> pd.DatetimeIndex:
    """Return the starts of all intervals of a step that touch `[start, end)`, in UTC.

    Examples
    --------
    >>> grid("2026-11-24T00:10Z", "2026-11-24T01:00Z", "30min").strftime("%H:%M").tolist()
    ['00:00', '00:30']
    """
    length = step_length(step)
    first = pd.Timestamp(start).tz_convert("UTC").floor(length)
    return pd.date_range(first, pd.Timestamp(end).tz_convert("UTC"), freq=length, inclusive="left")


def clock(times, tz: str = LONDON) -> pd.DatetimeIndex:
    """Return instants as they read on the wall clock of a zone.

    See Also
    --------
    half_hour, local_date

    Examples
    --------
    >>> clock(pd.to_datetime(["2025-07-01T12:00Z"]))[0].hour
    13
    """
    return utc_index(times).tz_convert(zone(tz))


def from_clock(naive, tz: str = LONDON) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Convert wall-clock stamps to UTC and say which could not be told.

    Parameters
    ----------
    naive : array-like of datetime without zone
        Wall-clock stamps of `tz`.
    tz : str
        IANA zone.

    Returns
    -------
    utc : pandas.DatetimeIndex
        UTC instants. An ambiguous stamp (the repeated autumn hour) is read as its first pass,
        in summer time; one that never was (the skipped spring hour) is moved on by an hour.
    doubt : numpy.ndarray of str
        "" (certain), "ambiguous" or "nonexistent", one a stamp.

    Examples
    --------
    >>> utc, doubt = from_clock(["2026-10-25 01:30", "2027-03-28 01:30", "2027-06-01 12:00"])
    >>> utc.strftime("%H:%M").tolist(), doubt.tolist()
    (['00:30', '01:30', '11:00'], ['ambiguous', 'nonexistent', ''])
    """
    naive = pd.DatetimeIndex(pd.to_datetime(naive))
    place = zone(tz)
    first = naive.tz_localize(place, ambiguous=True, nonexistent=pd.Timedelta("1h"))
    second = naive.tz_localize(place, ambiguous=False, nonexistent="NaT")
    doubt = np.where(first == second, "", "ambiguous").astype(object)
    doubt[np.asarray(second.isna() & naive.notna())] = "nonexistent"
    doubt[np.asarray(naive.isna())] = ""
    return first.tz_convert("UTC"), doubt


def half_hour(times, tz: str = LONDON) -> np.ndarray:
    """Return the half hour of the clock, 0 (00:00) to 47 (23:30).

    See Also
    --------
    clock

    Examples
    --------
    >>> half_hour(pd.to_datetime(["2025-01-01T17:30Z", "2025-07-01T17:30Z"])).tolist()
    [35, 37]
    """
    return _days(times, tz)[1].copy()


def day_start(times, tz: str = LONDON) -> pd.DatetimeIndex:
    """Return the instant [UTC] at which the local day of each instant begins.

    Where the clock change skips midnight, the day begins when the clock goes on.
    """
    midnight = local_date(times, tz)
    return _instant_of_midnight(midnight, tz).tz_convert("UTC")


def _instant_of_midnight(days: pd.DatetimeIndex, tz: str) -> pd.DatetimeIndex:
    first_pass = np.ones(len(days), dtype=bool)
    return days.tz_localize(zone(tz), ambiguous=first_pass, nonexistent="shift_forward")


def local_date(times, tz: str = LONDON) -> pd.DatetimeIndex:
    """Return the local calendar day of each instant, as stamps without a zone.

    See Also
    --------
    clock

    Examples
    --------
    >>> local_date(pd.to_datetime(["2025-07-01T23:30Z"]))[0].day
    2
    """
    return _days(times, tz)[0][:]


def _days(times, tz: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Return day and half hour of the clock; methods ask them of the same record many times."""
    index = utc_index(times)
    return _days_of(index.asi8.tobytes(), index.unit, tz)


@lru_cache(maxsize=32)
def _days_of(stamps: bytes, unit: str, tz: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    naive = pd.DatetimeIndex(np.frombuffer(stamps, np.int64).view(f"M8[{unit}]"))
    local = naive.tz_localize("UTC").tz_convert(zone(tz))
    half_hour = (local.hour * 2 + local.minute // 30).to_numpy()
    return local.tz_localize(None).normalize(), half_hour


def half_hours_in_day(day, tz: str = LONDON) -> int:
    """Return how many half hours a local day has: 48, or 46 and 50 at the clock changes.

    Examples
    --------
    >>> [half_hours_in_day(d) for d in ("2026-10-25", "2026-11-24", "2027-03-28")]
    [50, 48, 46]
    """
    start = pd.Timestamp(day).normalize()
    ends = _instant_of_midnight(pd.DatetimeIndex([start, start + pd.Timedelta("1D")]), tz)
    return int((ends[1] - ends[0]) / HALF_HOUR)


def settlement_period(times, tz: str = LONDON) -> np.ndarray:
    """Return the GB settlement period, 1 at local midnight, to 46, 48 or 50.

    Examples
    --------
    >>> settlement_period(pd.to_datetime(["2026-10-25T16:30Z", "2027-03-28T15:30Z"])).tolist()
    [36, 32]
    """
    instants = utc_index(times)
    return ((instants - day_start(instants, tz)) // HALF_HOUR).to_numpy() + 1


def day_type(times, tz: str = LONDON) -> np.ndarray:
    """Return "weekday", "saturday" or "sunday" for each instant's local day."""
    weekday = clock(times, tz).day_of_week
    return np.asarray(DAY_TYPES, dtype=object)[np.clip(weekday - 4, 0, 2)]


def season(times, tz: str = LONDON, calendar: dict[int, str] | None = None) -> np.ndarray:
    """Return the season of each instant's local month.

    Parameters
    ----------
    times : array-like of datetime
        Instants [UTC].
    tz : str
        IANA zone.
    calendar : dict of int to str, optional
        Month to season; by default the seasons of EREC P27 (`SEASONS`).

    Examples
    --------
    >>> season(pd.to_datetime(["2025-01-01T12:00Z", "2025-07-01T12:00Z"])).tolist()
    ['winter', 'summer']
    """
    calendar = calendar or SEASONS
    month, number = np.unique(clock(times, tz).month, return_inverse=True)
    return np.array([calendar[one] for one in month], dtype=object)[number]


def in_window(times, start: str, end: str, tz: str = LONDON) -> np.ndarray:
    """Return which instants fall in a window of the local clock, `[start, end)`.

    Parameters
    ----------
    times : array-like of datetime
        Starts of intervals [UTC].
    start, end : str
        Clock times such as "16:30"; "24:00" is the end of the day. A window whose end is not after
        its start runs over midnight.

    Examples
    --------
    >>> times = pd.to_datetime(["2026-07-01T15:30Z", "2026-12-01T15:30Z"])
    >>> in_window(times, "16:30", "18:30").tolist()
    [True, False]
    """
    first, last = minute_of_clock(start), minute_of_clock(end)
    local = clock(times, tz)
    minute = (local.hour * 60 + local.minute).to_numpy()
    if first < last:
        return (minute >= first) & (minute < last)
    return (minute >= first) | (minute < last)


def minute_of_clock(text: str) -> int:
    """Return the minute of the day of a clock time "HH:MM", 0 to 1440.

    Raises
    ------
    UserError
        If the text is not a clock time.

    See Also
    --------
    in_window

    Examples
    --------
    >>> minute_of_clock("17:30"), minute_of_clock("24:00")
    (1050, 1440)
    """
    hour, _, minute = str(text).partition(":")
    if hour.isdigit() and minute.isdigit() and len(minute) == 2:
        minutes = int(hour) * 60 + int(minute)
        if int(minute) < 60 and minutes <= 1440:
            return minutes
    raise UserError(f"clock time = {text!r}: write HH:MM from 00:00 to 24:00")
