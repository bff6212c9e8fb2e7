"""Scores of baselines, intervals and probabilities, defined where zeros are common.

A relative error of one event is undefined where nothing was drawn and without bound near it, so a
mean of them is not offered: errors are set against the mean demand of all events.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from scchelpers.baselines.matching import event_mean

TOLERANCE = 1e-6  # of the largest value: a bound that passes through a value covers it


def score(actual_kw, baseline_kw) -> pd.Series:
    """Score baselines against the metered demand of events without a reduction.

    Parameters
    ----------
    actual_kw, baseline_kw : array-like over (event) or (event, period) [kW]
        Events in which either is missing throughout are left out, and so are single periods.

    Returns
    -------
    pandas.Series
        events; zero_share (events with no demand); mean_kw, error_kw (root mean square over
        periods); rrmse; bias (ratio of sums); median_error (over events with demand) and
        undefined (events without); normalised_sd; wape; false_credit: the last seven relative to
        the demand, NaN where it is zero throughout.

    Notes
    -----
    RRMSE is taken over periods, the others over the means of events. On event means
    RRMSE² = bias² + (population sd ÷ mean)².

    Examples
    --------
    >>> found = score([0, 4, 6, 10], [2, 3, 9, 8])
    >>> found[["rrmse", "bias", "median_error", "undefined"]].round(3).tolist()
    [0.424, 0.1, -0.2, 1.0]
    """
    actual, baseline = (np.atleast_1d(np.asarray(kw, float)) for kw in (actual_kw, baseline_kw))
    if actual.ndim == 1:
        actual, baseline = actual[:, None], baseline[:, None]
    there = np.isfinite(actual) & np.isfinite(baseline)
    actual, baseline = np.where(there, actual, np.nan), np.where(there, baseline, np.nan)
    known = there.any(axis=1)
    a, error = event_mean(actual)[known], event_mean(baseline - actual)[known]
    mean_kw = float(a.mean()) if len(a) else math.nan
    squares = (baseline - actual)[there] ** 2
    error_kw = float(np.sqrt(squares.mean())) if len(a) else math.nan
    drawn = a > 0
    found = {
        "events": len(a),
        "zero_share": float((~drawn).mean()) if len(a) else math.nan,
        "mean_kw": mean_kw,
        "error_kw": error_kw,
    }
    relative = dict.fromkeys(("rrmse", "bias", "median_error"), math.nan)
    relative |= {"undefined": int((~drawn).sum())}
    relative |= dict.fromkeys(("normalised_sd", "wape", "false_credit"), math.nan)
    if drawn.any():
        over_periods = float(actual[there].mean())
        relative["rrmse"] = error_kw / over_periods
        relative["bias"] = float(error.sum() / a.sum())
        with np.errstate(over="ignore"):  # next to nothing drawn
            relative["median_error"] = float(np.median(error[drawn] / a[drawn]))
        relative["wape"] = float(np.abs(error).sum() / a.sum())
        relative["false_credit"] = float(error.clip(0).sum() / a.sum())
        if len(a) > 1:
            relative["normalised_sd"] = float(error.std(ddof=1) / mean_kw)
    return pd.Series(found | relative)


def score_interval(actual_kw, low_kw, high_kw, *, level: float = 0.9) -> pd.Series:
    """Score intervals against what was drawn.

    Parameters
    ----------
    actual_kw, low_kw, high_kw : array-like over event [kW]
        Events in which one is missing are left out.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    pandas.Series
        events, coverage, coverage_zero and coverage_above (of events without and with demand),
        width_kw, winkler_kw (interval score, lower is better; Winkler 1972).

    Examples
    --------
    >>> found = score_interval([0, 4, 9], [0, 3, 4], [2, 5, 8])
    >>> found[["coverage", "width_kw"]].round(2).tolist()
    [0.67, 2.67]
    """
    y, low, high = (np.asarray(kw, float) for kw in (actual_kw, low_kw, high_kw))
    there = np.isfinite(y) & ~np.isnan(low) & ~np.isnan(high)
    y, low, high = y[there], low[there], high[there]
    near = TOLERANCE * np.abs(y).max(initial=0)
    inside = (low - near <= y) & (y <= high + near)
    penalty = 2 / (1 - level) * (np.maximum(low - y, 0) + np.maximum(y - high, 0))
    zero = y == 0
    return pd.Series(
        {
            "events": len(y),
            "coverage": _mean(inside),
            "coverage_zero": _mean(inside[zero]),
            "coverage_above": _mean(inside[~zero]),
            "width_kw": _mean(high - low),
            "winkler_kw": _mean(high - low + penalty),
        }
    )


def _mean(values) -> float:
    return float(np.mean(values)) if len(values) else math.nan
