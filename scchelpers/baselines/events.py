"""Events: when the site is, or might have been, asked to draw less.

A frame of events has one row each: `day` (local day, without zone), `start` (half hour of the
clock, 0 to 47) and `periods` (half hours; it may run over midnight).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.baselines.days import PERIODS, Days
from scchelpers.faults import UserError
from scchelpers.timebase import clock, from_clock, minute_of_clock

COLUMNS = ("day", "start", "periods")
COMMON_STARTS = ("08:00", "11:00", "15:00", "17:00", "19:00")  # of dispatches to chargers in GB
_WEEK = pd.Timedelta("7D")


def single(start, end, timezone: str) -> pd.DataFrame:
    """Return one event from its start and end [UTC].

    Raises
    ------
    UserError
        If they are not on the half hour, or not up to 24 hours apart.
    """
    local = clock([start, end], timezone).tz_localize(None)
    if any(local.minute % 30) or any(local.second):
        raise UserError(f"event {start} to {end}: must begin and end on a half hour of the clock")
    length = local[1] - local[0]
    periods = int(length / pd.Timedelta("30min"))
    if not 1 <= periods <= PERIODS or length != pd.Timestamp(end) - pd.Timestamp(start):
        raise UserError(
            f"event {start} to {end}: must last from half an hour to 24 hours, with no change of "
            "the clock in between"
        )
    day = local[0].normalize()
    first = int((local[0] - day) / pd.Timedelta("30min"))
    return pd.DataFrame({"day": [day], "start": [first], "periods": [periods]})


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
    """Return the metered demand [kW] over (event, period); NaN past the end of shorter events."""
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
