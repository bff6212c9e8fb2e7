"""Charging sessions of the demo: visits to public chargepoints and nights of a fleet.

Days, hours and departures follow the local clock; every figure is rounded to whole minutes and
0.01 kWh, so that the bytes do not hang on the last bit of a logarithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from make_demo import calibration as cal
from scchelpers.timebase import from_clock

COLUMNS = ("evse_id", "plug_in", "plug_out", "energy_kwh", "max_kw")


@dataclass(frozen=True)
class Visits:
    """One kind of visit to one group of EVSEs.

    Attributes
    ----------
    group : str
        Group of EVSEs of the site.
    per_evse_day : float
        Visits an EVSE would see on an average day were it always free.
    energy, stay : Spread
        Energy wanted [kWh] and time plugged in [h].
    weekday, weekend : tuple of float
        Weights of the hour of arrival, 24 each.
    week, year : tuple of float
        Factors by day of the week (Monday first) and by month.
    cars : tuple of (float, float)
        Most a car takes [kW] and its share; the EVSE's rating caps it.
    holiday, shutdown, christmas : float
        Factors on bank holidays, on the days offices shut at Christmas and on Christmas Day.
    """

    group: str
    per_evse_day: float
    energy: cal.Spread
    stay: cal.Spread
    weekday: tuple = cal.FAST_WEEKDAY
    weekend: tuple = cal.FAST_WEEKEND
    week: tuple = cal.EVEN_WEEK
    year: tuple = cal.EVEN_YEAR
    cars: tuple = cal.AC_CARS
    holiday: float = 0.8
    shutdown: float = 1.0
    christmas: float = 0.35


@dataclass(frozen=True)
class Fleet:
    """A fleet whose vehicles each have their own EVSE.

    Attributes
    ----------
    group : str
        Group of EVSEs, one a vehicle.
    duty : tuple of float
        Chance that a vehicle runs, Monday to Sunday.
    home, leave : tuple of float
        Mean and standard deviation [h of the clock] of coming home (above 24: after midnight) and
        of leaving in the morning.
    energy : Spread
        Energy of a day's duty [kWh].
    vehicle_kw : float
        Most a vehicle takes [kW].
    top_up : float
        Chance of a midday charge on a day of duty.
    holiday : float
        Factor on the duty on bank holidays.
    """

    group: str
    duty: tuple
    home: tuple[float, float]
    leave: tuple[float, float]
    energy: cal.Spread
    vehicle_kw: float
    top_up: float = 0.0
    holiday: float = 0.5


def calendar() -> pd.DataFrame:
    """Return the local days of the year with their weekday, month, holiday and shutdown."""
    days = pd.date_range(f"{cal.YEAR}-01-01", f"{cal.YEAR}-12-31", freq="D")
    return pd.DataFrame(
        {
            "weekday": days.day_of_week,
            "month": days.month,
            "holiday": days.isin(pd.to_datetime(cal.BANK_HOLIDAYS)),
            "shutdown": days.isin(pd.to_datetime(cal.CHRISTMAS_SHUTDOWN)),
        },
        index=days,
    )


def visits(
    kind: Visits, rated_kw: pd.Series, temperature: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw a year of visits, not yet given an EVSE.

    Parameters
    ----------
    kind : Visits
        What to draw.
    rated_kw : pandas.Series
        Ratings [kW] of the group's EVSEs by evse_id.
    temperature : numpy.ndarray
        Daily mean air temperature [°C].
    rng : numpy.random.Generator
        Source of randomness.
    """
    days = calendar()
    mean = kind.per_evse_day * len(rated_kw) * np.asarray(kind.week)[days["weekday"]]
    mean = mean * np.asarray(kind.year)[days["month"] - 1]
    mean = mean * np.where(days["holiday"], kind.holiday, 1.0)
    mean = mean * np.where(days["shutdown"], kind.shutdown, 1.0)
    mean = mean * np.where(days.index == f"{cal.YEAR}-12-25", kind.christmas, 1.0)
    day = np.repeat(np.arange(len(days)), rng.poisson(mean))
    workday = ((days["weekday"] < 5) & ~days["holiday"]).to_numpy()[day]
    hour = np.where(
        workday,
        rng.choice(24, len(day), p=shares(kind.weekday)),
        rng.choice(24, len(day), p=shares(kind.weekend)),
    )
    minute = 60 * hour + rng.integers(0, 60, len(day))
    first, second = rng.standard_normal((2, len(day)))
    rho = cal.ENERGY_STAY_CORRELATION
    stay_h = np.exp(
        np.log(kind.stay.median) + kind.stay.sigma * (rho * first + np.sqrt(1 - rho**2) * second)
    )
    kw, weights = np.transpose(kind.cars)
    max_kw = np.minimum(rng.choice(kw, len(day), p=shares(weights)), rated_kw.iloc[0])
    plug_in, _ = from_clock(days.index[day] + pd.to_timedelta(minute, unit="min"))
    stay_min = np.maximum(np.rint(60 * stay_h), 4)
    energy = np.exp(np.log(kind.energy.median) + kind.energy.sigma * first) * cold(temperature[day])
    return finished(plug_in, plug_in + pd.to_timedelta(stay_min, unit="min"), energy, max_kw)


def place(arrivals: pd.DataFrame, evse_ids: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Give each arrival, in order of time, a free EVSE; who finds none drives on."""
    arrivals = arrivals.sort_values(["plug_in", "plug_out", "energy_kwh"], ignore_index=True)
    starts, ends = (arrivals[name].astype("int64").to_numpy() for name in ("plug_in", "plug_out"))
    free_at = np.full(len(evse_ids), np.iinfo(np.int64).min)
    chosen = np.full(len(arrivals), -1)
    wish = rng.random(len(arrivals))
    for i, start in enumerate(starts):
        free = np.flatnonzero(free_at <= start)
        if len(free):
            chosen[i] = free[int(wish[i] * len(free))]
            free_at[chosen[i]] = ends[i]
    served = arrivals[chosen >= 0].copy()
    served["evse_id"] = np.asarray(evse_ids, dtype=object)[chosen[chosen >= 0]]
    return served


def fleet(
    kind: Fleet, evse_ids: list[str], temperature: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw a year of nights, and midday charges, of a fleet."""
    days = calendar()
    shape = (len(days), len(evse_ids))
    chance = np.asarray(kind.duty)[days["weekday"]] * np.where(days["holiday"], kind.holiday, 1.0)
    on_duty = rng.random(shape) < chance[:, None]
    home = np.clip(rng.normal(*kind.home, shape), 15.5, 26.5)
    leave = np.clip(rng.normal(*kind.leave, shape), 3.5, 9.5)
    energy = np.exp(np.log(kind.energy.median) + kind.energy.sigma * rng.standard_normal(shape))
    energy = energy * cold(temperature)[:, None]
    topped = on_duty & (rng.random(shape) < kind.top_up)
    noon = 10 + 4 * rng.random(shape)
    noon_h = 0.6 + 0.8 * rng.random(shape)

    def part(mask, start_h, end_h, kwh):
        day, car = np.nonzero(mask)
        midnight = days.index[day]
        begin, _ = from_clock(midnight + whole_minutes(start_h[mask]))
        end, _ = from_clock(midnight + whole_minutes(end_h[mask]))
        ids = np.asarray(evse_ids, dtype=object)[car]
        return finished(begin, end, kwh[mask], kind.vehicle_kw).assign(evse_id=ids)

    noon_kwh = 0.7 * noon_h * kind.vehicle_kw
    return pd.concat(
        [
            part(on_duty, home, 24 + leave, np.maximum(energy - topped * noon_kwh, 10.0)),
            part(topped, noon, noon + noon_h, noon_kwh),
        ],
        ignore_index=True,
    )


def finished(plug_in, plug_out, energy_kwh, max_kw) -> pd.DataFrame:
    """Return sessions whose energy fits what the car can take in its stay, 0.01 kWh at least."""
    hours = (plug_out - plug_in) / pd.Timedelta("1h")
    most = cal.MOST_OF_STAY_AT_MAX * max_kw * np.asarray(hours)
    return pd.DataFrame(
        {
            "plug_in": plug_in,
            "plug_out": plug_out,
            "energy_kwh": np.maximum(np.floor(100 * np.minimum(energy_kwh, most)) / 100, 0.01),
            "max_kw": max_kw,
        }
    )


def cold(temperature: np.ndarray) -> np.ndarray:
    """Return the factor on energy of cold days."""
    return 1 + cal.COLD_ENERGY_PER_K * np.clip(15 - temperature, 0, None)


def shares(weights) -> np.ndarray:
    """Return weights that add up to 1."""
    return np.asarray(weights, dtype=float) / np.sum(weights)


def whole_minutes(hours: np.ndarray) -> pd.TimedeltaIndex:
    """Return hours as whole minutes."""
    return pd.to_timedelta(np.rint(60 * hours), unit="min")
