"""Weather, residual loads and network loads of the demo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.signal import lfilter

from make_demo import calibration as cal
from make_demo.sessions import calendar
from scchelpers.timebase import LONDON, clock, grid, local_date, naive_utc

# Hourly shapes, hour 0 to 23 of the local clock, as shares of the peak.
# Winter and summer of a residential transformer: the winter weekday medians of WPD Staplegrove
# (2019–21) relative to their teatime peak, night load lowered (its storage heating left out); the
# summer evening likewise, its middle of the day without PV an assumption.
HOMES_WINTER = (
    0.42, 0.36, 0.33, 0.32, 0.32, 0.36, 0.46, 0.58, 0.58, 0.53, 0.50, 0.49,
    0.50, 0.49, 0.51, 0.60, 0.78, 0.99, 1.00, 0.86, 0.75, 0.66, 0.57, 0.49,
)  # fmt: skip
HOMES_SUMMER = (
    0.27, 0.24, 0.22, 0.22, 0.22, 0.23, 0.27, 0.32, 0.33, 0.33, 0.33, 0.34,
    0.35, 0.34, 0.34, 0.35, 0.39, 0.45, 0.47, 0.46, 0.44, 0.42, 0.38, 0.32,
)  # fmt: skip
# Measured: medians of WPD Mousehole (2019–21) in winter and summer, over its largest value.
NIGHT_HEAT_WINTER = (
    0.80, 0.81, 0.79, 0.76, 0.72, 0.66, 0.65, 0.61, 0.59, 0.57, 0.54, 0.53,
    0.53, 0.55, 0.53, 0.55, 0.62, 0.71, 0.73, 0.67, 0.64, 0.58, 0.55, 0.59,
)  # fmt: skip
NIGHT_HEAT_SUMMER = (
    0.26, 0.31, 0.31, 0.29, 0.29, 0.28, 0.31, 0.37, 0.41, 0.42, 0.38, 0.34,
    0.33, 0.31, 0.29, 0.29, 0.35, 0.44, 0.49, 0.49, 0.45, 0.42, 0.37, 0.30,
)  # fmt: skip
# Working days of industry, offices, shops and a pool: assumptions.
INDUSTRY = (
    0.24, 0.23, 0.23, 0.23, 0.25, 0.36, 0.62, 0.86, 0.96, 0.99, 1.00, 0.99,
    0.95, 0.97, 0.98, 0.95, 0.86, 0.66, 0.47, 0.36, 0.31, 0.28, 0.26, 0.25,
)  # fmt: skip
OFFICE = (
    0.26, 0.25, 0.25, 0.25, 0.26, 0.30, 0.42, 0.62, 0.85, 0.96, 1.00, 1.00,
    0.98, 0.99, 0.98, 0.94, 0.84, 0.66, 0.48, 0.38, 0.33, 0.30, 0.28, 0.27,
)  # fmt: skip
SHOP = (
    0.42, 0.41, 0.41, 0.41, 0.42, 0.46, 0.58, 0.76, 0.88, 0.94, 0.97, 1.00,
    1.00, 1.00, 0.98, 0.97, 0.97, 0.97, 0.93, 0.87, 0.78, 0.66, 0.52, 0.45,
)  # fmt: skip
POOL = (
    0.45, 0.44, 0.44, 0.45, 0.52, 0.72, 0.88, 0.92, 0.88, 0.86, 0.85, 0.85,
    0.86, 0.86, 0.87, 0.90, 0.95, 1.00, 1.00, 0.97, 0.90, 0.74, 0.56, 0.48,
)  # fmt: skip
FLAT = (1.0,) * 24


@dataclass(frozen=True)
class Shape:
    """A load by hour of the local clock, day of the week, season and weather.

    Attributes
    ----------
    peak : float
        Load [kW or kVA] where the shape is 1.
    winter, summer : tuple of float
        Shares of the peak by hour on a cold (3.5 °C) day in darkest winter and on a mild (15.5 °C)
        day at midsummer; half the way between them is the season's, half the weather's.
    saturday, sunday : float
        Share of the working day's load above `base` on those days; bank holidays are Sundays.
    base : float
        Share of the peak that never falls away.
    heat_per_k, cool_per_k : float
        Relative rise for each kelvin below 12 °C and above 17 °C.
    noise : float
        Standard deviation of the noise relative to the load.
    december : float
        Factor in December up to Christmas Eve.
    """

    peak: float
    winter: tuple
    summer: tuple
    saturday: float = 1.0
    sunday: float = 1.0
    base: float = 0.0
    heat_per_k: float = 0.0
    cool_per_k: float = 0.0
    noise: float = 0.03
    december: float = 1.0


def temperature(rng: np.random.Generator) -> np.ndarray:
    """Return the daily mean air temperature of the demo's year [°C]."""
    days = calendar().index
    # The middle of each month carries its mean; between them the year runs straight.
    middles = np.arange(12) * 30.42 + 15
    mean = np.interp(days.day_of_year, middles, cal.MONTH_TEMPERATURE, period=365)
    shock = rng.standard_normal(len(days)) * np.sqrt(1 - cal.TEMPERATURE_MEMORY**2)
    swing = lfilter([1.0], [1.0, -cal.TEMPERATURE_MEMORY], shock)
    return np.round(mean + cal.TEMPERATURE_SPREAD * swing, 1)


def year_grid(step: str) -> pd.DatetimeIndex:
    """Return the starts of all intervals of the local year [UTC]."""
    start, end = (pd.Timestamp(f"{cal.YEAR + n}-01-01", tz=LONDON) for n in (0, 1))
    return grid(start, end, step)


def shaped(
    shape: Shape, times: pd.DatetimeIndex, warmth: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a load of a shape at each interval, [kW] or [kVA] as its peak."""
    local = clock(times)
    hour = (local.hour + local.minute / 60).to_numpy()
    days = calendar()
    day = days.index.get_indexer(local_date(times))
    degrees = warmth[day]
    dark = 0.5 + 0.5 * np.cos(2 * np.pi * (day + 10) / 365)
    cold = 0.5 * dark + 0.5 * np.clip((15.5 - degrees) / 12, 0, 1.25)
    centres = np.arange(24) + 0.5
    mild, hard = (
        np.interp(hour + 0.25, centres, s, period=24) for s in (shape.summer, shape.winter)
    )
    level = mild + cold * (hard - mild)
    day_off = (days["holiday"] | days["shutdown"]).to_numpy()[day]
    weekday = np.where(day_off, 6, days["weekday"].to_numpy()[day])
    working = np.choose(np.clip(weekday - 4, 0, 2), [1.0, shape.saturday, shape.sunday])
    level = shape.base + (level - shape.base) * working
    level = level * (1 + shape.heat_per_k * np.clip(12 - degrees, 0, None))
    level = level * (1 + shape.cool_per_k * np.clip(degrees - 17, 0, None))
    advent = ((days["month"] == 12) & (days.index.day <= 24)).to_numpy()[day]
    level = level * np.where(advent, shape.december, 1.0)
    memory = 0.6
    shock = rng.standard_normal(len(times)) * np.sqrt(1 - memory**2)
    return shape.peak * level * (1 + shape.noise * lfilter([1.0], [1.0, -memory], shock))


def photovoltaics(times: pd.DatetimeIndex, peak: float, rng: np.random.Generator) -> np.ndarray:
    """Return PV generation at 54° north by clear-sky height of the sun and passing cloud."""
    day = (times.day_of_year + (times.hour + 0.25) / 24).to_numpy()
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (day + 10) / 365)
    angle = 2 * np.pi * ((times.hour + times.minute / 60 + 0.25).to_numpy() - 12.2) / 24
    latitude = np.radians(54.0)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(
        declination
    ) * np.cos(angle)
    clear = np.clip(height, 0, None) ** 1.15
    each_day = rng.beta(1.3, 1.1, 366)[times.day_of_year - 1]
    passing = np.clip(0.25 + 0.75 * each_day + 0.12 * rng.standard_normal(len(times)), 0.05, 1)
    return peak * clear * passing


def runs(
    times: pd.DatetimeIndex,
    power: float,
    per_day: float,
    minutes: tuple[int, int],
    hours: tuple[int, int],
    days: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a machine that runs now and then at one power: a crusher, a boat hoist.

    Parameters
    ----------
    times : pandas.DatetimeIndex
        Interval starts [UTC], regular.
    power : float
        Power while it runs.
    per_day : float
        Mean number of starts on a day of work.
    minutes : (int, int)
        Shortest and longest run.
    hours : (int, int)
        Clock hours between which it starts.
    days : int
        Days of work in the week, from Monday.
    rng : numpy.random.Generator
        Source of randomness.
    """
    table = calendar()
    works = ((table["weekday"] < days) & ~table["holiday"]).to_numpy()
    day = np.repeat(np.arange(len(table)), rng.poisson(per_day, len(table)) * works)
    minute = rng.integers(60 * hours[0], 60 * hours[1], len(day))
    length = rng.integers(minutes[0], minutes[1] + 1, len(day))
    step = int((times[1] - times[0]) / pd.Timedelta("1min"))
    start = (day * 1440 + minute) // step
    stop = np.minimum(start + np.maximum(length // step, 1), len(times))
    on = np.zeros(len(times) + 1)
    np.add.at(on, start, 1)
    np.add.at(on, stop, -1)
    return power * (np.cumsum(on[:-1]) > 0)


def cycling(times: pd.DatetimeIndex, power: float, on: int, off: int, rng) -> np.ndarray:
    """Return a compressor: on and off for about so many intervals, power while on."""
    lengths = np.ravel(
        np.column_stack([rng.poisson(on, len(times)) + 1, rng.poisson(off, len(times)) + 1])
    )
    state = np.repeat(np.arange(len(lengths)) % 2 == 0, lengths)[: len(times)]
    return power * state


def dataset(name: str, times: pd.DatetimeIndex, values: np.ndarray, digits: int) -> xr.Dataset:
    """Return one load series, rounded."""
    return xr.Dataset({name: ("time", np.round(values, digits))}, {"time": naive_utc(times)})
