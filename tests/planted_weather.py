"""Made-up years in which charging and a limit share season and feast days, and maybe weather."""

import numpy as np
import pandas as pd

from scchelpers import coincidence

CLOCK = pd.timedelta_range("0h", periods=48, freq="30min", name="clock")
CAPACITY_KW = 60.0


def weather(rng: np.random.Generator, n: int, stay: float) -> np.ndarray:
    """Return values of standard deviation 1, each correlated with the day before by `stay`."""
    values = rng.normal(size=n)
    for k in range(1, n):
        values[k] = stay * values[k - 1] + np.sqrt(1 - stay**2) * values[k]
    return values


def year(
    rng: np.random.Generator,
    *,
    link: float = 0.0,
    room_kw: float = 0.0,
    dip: float = 0.55,
    stay: float = 0.7,
    days: int = 365,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is wanted and what an LMC leaves [kW], tables of day by clock.

    Parameters
    ----------
    link : float
        Demand rises by this share for each standard deviation of the network's weather.
    room_kw : float
        Room beyond that of a network that is often full: with 14 kW a loss is rare [kW].
    dip : float
        What both draw on holidays, as a share; 1 is no dip. Days near Christmas dip half as much.
    stay : float
        Correlation of the weather of a day with the next.
    """
    day = pd.date_range("2025-01-01", periods=days, name="day")
    hour = CLOCK / pd.Timedelta("1h")
    evening, morning = (
        np.exp(-0.5 * ((hour - at) / w) ** 2).to_numpy() for at, w in ((17.5, 2.5), (9, 2))
    )
    season = np.cos(2 * np.pi * (day.day_of_year.to_numpy() - 20) / 365)
    quiet = np.where(coincidence.weeks(day)["holiday"], dip, 1.0)
    near = (day.month == 12) & (day.day >= 20) | (day.month == 1) & (day.day <= 3)
    quiet = np.where((quiet == 1) & near, (1 + dip) / 2, quiet)
    own, shared = weather(rng, days, stay), weather(rng, days, stay)
    load = (40 + 35 * evening + 20 * morning) * (
        (1 + 0.22 * season) * quiet * np.exp(0.06 * shared)
    )[:, None]
    load *= np.exp(0.03 * rng.normal(size=load.shape))
    want = (4 + 30 * evening) * ((1 + 0.15 * season) * quiet * np.exp(0.15 * own + link * shared))[
        :, None
    ]
    want = want * rng.gamma(3, 1 / 3, want.shape)
    rating = np.select([day.month.isin([12, 1, 2]), day.month.isin([5, 6, 7, 8])], [118, 88], 103)
    left = np.clip(rating[:, None] + room_kw - load, 0, CAPACITY_KW)
    left[rng.random(days) < 0.03] = np.nan  # days that are not known
    return pd.DataFrame(want, day, CLOCK), pd.DataFrame(left, day, CLOCK)
