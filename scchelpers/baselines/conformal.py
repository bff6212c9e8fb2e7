"""Conformal calibration: intervals widened or narrowed until the past says that they hold."""

from __future__ import annotations

import math

import numpy as np


def step(scores: np.ndarray, level: float) -> float:
    """Return the ceil((n + 1) level)-th smallest score; infinite where there are too few.

    Examples
    --------
    >>> [step(np.arange(1, n + 1), 0.9) for n in (8, 9, 19, 21)]
    [inf, 9.0, 18.0, 20.0]
    """
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    if rank > len(scores):
        return math.inf
    return float(np.partition(scores, rank - 1)[rank - 1])


def misses(actual_kw, low_kw, high_kw) -> np.ndarray:
    """Return by how much each value lies outside its interval [kW], negative inside.

    A lower bound of zero cannot be missed, nor can it be raised by calibration: a site may always
    draw nothing. Only the upper bound counts then.
    """
    y, low, high = (np.asarray(kw, float) for kw in (actual_kw, low_kw, high_kw))
    return np.where(low > 0, np.maximum(low - y, y - high), y - high)


def widened(low_kw, high_kw, by_kw) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals moved outwards by a step [kW], kept at or above zero and in order."""
    low = np.where(low_kw > 0, np.maximum(low_kw - by_kw, 0.0), low_kw)
    high = np.maximum(high_kw + by_kw, 0.0)
    crossed = low > high
    middle = (low_kw + high_kw) / 2
    return np.where(crossed, middle, low), np.where(crossed, middle, high)


def rolling(
    actual_kw, low_kw, high_kw, known: np.ndarray, *, level: float = 0.9, memory: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Calibrate each interval on the events of the same site that were over by then.

    Parameters
    ----------
    actual_kw, low_kw, high_kw : array-like over event [kW]
        In order of time; NaN where there is no forecast.
    known : numpy.ndarray of int over event
        How many of the first events were over when each forecast was made.
    level : float
        Nominal coverage.
    memory : int
        Calibrated on at most so many events, the latest.

    Returns
    -------
    low_kw, high_kw : numpy.ndarray
        NaN where too few events were over for the level (9 for 90 %).

    Notes
    -----
    Split conformal prediction of quantile regression (Romano, Patterson, Candès 2019), with a
    rolling calibration set because demand drifts.
    """
    y, low, high = (np.asarray(kw, float) for kw in (actual_kw, low_kw, high_kw))
    scores = misses(y, low, high)
    steps = np.full(len(y), np.nan)
    for event, over in enumerate(known):
        past = scores[:over]
        past = past[np.isfinite(past)][-memory:]
        steps[event] = step(past, level)
    steps[~np.isfinite(steps)] = np.nan
    return widened(low, high, steps)
