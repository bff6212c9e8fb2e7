"""Made-up sites whose demand in events has a known law, and may change on a known day."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from scchelpers.baselines.days import Days
from tests.planted_weather import weather

START = pd.Timestamp("2024-01-01")
USUAL_KW = 30.0


def shares(many: int, rng: np.random.Generator, *, empty: float, stay: float) -> np.ndarray:
    """Return the demand of days as shares of the usual: none in a share of them, remembered."""
    drawn = np.exp(0.35 * weather(rng, many, stay))
    return np.where(weather(rng, many, stay) < _below(empty), 0.0, drawn)


def site(
    rng: np.random.Generator,
    *,
    days: int = 540,
    empty: float = 0.0,
    stay: float = 0.4,
    doubles_after: int | None = None,
) -> Days:
    """Return the demand of a site in half hours [kW].

    Parameters
    ----------
    empty : float
        Share of days on which nothing is drawn.
    stay : float
        Correlation of a day with the next.
    doubles_after : int, optional
        Day from which twice as much is drawn.
    """
    hour = np.arange(48) / 2
    profile = 0.2 + np.exp(-0.5 * ((hour - 17.5) / 3) ** 2)
    kw = USUAL_KW * shares(days, rng, empty=empty, stay=stay)[:, None] * profile
    kw = kw * rng.gamma(8, 1 / 8, kw.shape)
    weekend = pd.date_range(START, periods=days).day_of_week > 4
    kw[weekend] *= 0.6
    if doubles_after is not None:
        kw[doubles_after:] *= 2
    return Days(kw, START)


def _below(share: float) -> float:
    """Return the value below which a standard normal one lies with a chance."""
    return float(norm.ppf(share)) if share > 0 else -np.inf
