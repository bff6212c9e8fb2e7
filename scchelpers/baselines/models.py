"""Models of the mean demand of an event: regression, quantile regression, and two parts.

Each takes what was known at past events, what they drew, and what is known at new ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm

TAIL_LEVELS = (0.02, 0.05, 0.2, 0.5, 0.8, 0.95, 0.98)
FEWEST_ABOVE = 20  # events with demand, below which their quantiles are those of the sample


@dataclass(frozen=True)
class Forecast:
    """Forecasts of new events.

    Attributes
    ----------
    point_kw, low_kw, high_kw : numpy.ndarray over event [kW]
        Best estimate and interval.
    p_zero : numpy.ndarray over event
        Probability that nothing is drawn; NaN where the model has none.
    """

    point_kw: np.ndarray
    low_kw: np.ndarray
    high_kw: np.ndarray
    p_zero: np.ndarray


def regression(x: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> Forecast:
    """Forecast by least squares; the interval is the point, for calibration to widen."""
    point = _mean(x, y, new)
    return Forecast(point, point, point, np.full(len(new), np.nan))


def quantile(x: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> Forecast:
    """Forecast median and interval by linear quantile regression (Koenker, Bassett 1978)."""
    tail = (1 - level) / 2
    low, point, high = quantiles(x, y, new, (tail, 0.5, 1 - tail)).T
    return Forecast(point, low, high, np.full(len(new), np.nan))


def two_part(x: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> Forecast:
    """Forecast the probability of zero, and then the amount where there is one."""
    p_zero = chance(x, y == 0, new)
    drawn = y > 0
    if drawn.sum() < FEWEST_ABOVE:
        sample = y[drawn] if drawn.any() else np.zeros(1)
        amount = np.full(len(new), sample.mean())
        above = np.tile(np.quantile(sample, TAIL_LEVELS), (len(new), 1))
    else:
        amount = _mean(x[drawn], y[drawn], new)
        above = quantiles(x[drawn], y[drawn], new, TAIL_LEVELS)
    tail = (1 - level) / 2
    low, high = (mixed_quantile(p_zero, above, q) for q in (tail, 1 - tail))
    return Forecast((1 - p_zero) * amount, low, high, p_zero)


MODELS: dict[str, Callable[..., Forecast]] = {
    "regression": regression,
    "quantile": quantile,
    "two_part": two_part,
}


def two_part_level(p_zero: np.ndarray, level: float) -> np.ndarray:
    """Return the level of the positive part at which the whole reaches `level`.

    Examples
    --------
    >>> two_part_level(np.array([0.2, 0.04, 0.96]), 0.95).round(4).tolist()
    [0.9375, 0.9479, 0.0]
    """
    return np.clip((level - p_zero) / np.maximum(1 - p_zero, 1e-12), 0.0, 1.0)


def mixed_quantile(p_zero: np.ndarray, above: np.ndarray, level: float) -> np.ndarray:
    """Return a quantile of zero with a chance, and else of an amount with known quantiles.

    Parameters
    ----------
    p_zero : numpy.ndarray over event
        Chance of zero.
    above : numpy.ndarray over (event, level)
        Quantiles of the amount at `TAIL_LEVELS`, in order.
    level : float
        Level asked for.
    """
    at = two_part_level(p_zero, level)
    amount = [np.interp(q, TAIL_LEVELS, row) for q, row in zip(at, above, strict=True)]
    return np.where(level <= p_zero, 0.0, amount)


def quantiles(x: np.ndarray, y: np.ndarray, new: np.ndarray, levels) -> np.ndarray:
    """Return linear quantiles [kW] over (event, level): sorted, so that none cross, at least 0."""
    scale = y.mean()
    if scale == 0:
        return np.zeros((len(new), len(levels)))
    model = sm.QuantReg(y / scale, _with_constant(x) / scale)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at its iteration limit the fit is as good as needed
        fits = [model.fit(q=q, max_iter=200, p_tol=1e-4).params for q in levels]
    return np.sort((_with_constant(new) @ np.column_stack(fits)).clip(0), axis=1)


def chance(x: np.ndarray, happened: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Return the probability of an event by logistic regression with a weak prior.

    Each slope gets one observation that is half yes and half no at one standard deviation, so that
    perfectly separated data leave it finite (Greenland, Mansournia 2015).
    """
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    slopes = x.shape[1]
    rows = np.vstack([_with_constant((x - centre) / spread), np.eye(slopes + 1)])
    outcome = np.concatenate([happened.astype(float), np.full(slopes + 1, 0.5)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # half an outcome is meant
        fitted = sm.GLM(outcome, rows, family=sm.families.Binomial()).fit()
    return fitted.predict(_with_constant((new - centre) / spread))


def _mean(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        # Where a feature never varies the coefficients are free, but the forecast is not.
        warnings.simplefilter("ignore")
        fitted = sm.OLS(y, _with_constant(x)).fit()
    return fitted.predict(_with_constant(new)).clip(0)


def _with_constant(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x])
