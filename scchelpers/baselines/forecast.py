"""Forecasts as they would have been made: fitted and calibrated on what was over by then."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import statsmodels.api as sm

from scchelpers.baselines.days import PERIODS, Days, actual, day_index
from scchelpers.baselines.matching import RULES, Plan, event_mean, mean_of_rows
from scchelpers.faults import UserError
from scchelpers.tcc.profiled import quantile_lines


def step(scores: np.ndarray, level: float) -> float:
    """Return the ceil((n + 1) level)-th smallest score; infinite where there are too few.

    Examples
    --------
    >>> [step(np.arange(1, n + 1), 0.9) for n in (8, 9, 19, 21)]
    [inf, 9.0, 18.0, 20.0]
    """
    rank = max(math.ceil((len(scores) + 1) * level - 1e-9), 1)
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


def widened(low_kw, high_kw, by_kw, highest_kw: float) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals moved outwards by a step [kW], within zero and the highest, in order."""
    low = np.where(low_kw > 0, np.maximum(low_kw - by_kw, 0.0), low_kw)
    high = np.clip(high_kw + by_kw, 0.0, highest_kw)
    crossed = low > high
    middle = (low_kw + high_kw) / 2
    return np.where(crossed, middle, low), np.where(crossed, middle, high)


def calibrated(
    actual_kw,
    low_kw,
    high_kw,
    known: np.ndarray,
    *,
    level: float = 0.9,
    memory: int = 200,
    rate: float = 0.0,
    highest_kw: float = np.inf,
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
    rate : float
        By how much of a miss the share of misses that is aimed at goes down after one, and up, by
        so much less, after an event that was covered; 0 aims at the same share throughout.
    highest_kw : float
        The most that a site can draw: the bound where the rate asks for all that can be.

    Returns
    -------
    low_kw, high_kw : numpy.ndarray
        NaN where too few events were over for the level (9 for 90 %).

    Notes
    -----
    Split conformal prediction of quantile regression (Romano, Patterson, Candès 2019), with a
    rolling calibration set because demand drifts. With a rate, adaptive conformal inference (Gibbs,
    Candès 2021): over a long time it covers what it is meant to, whatever happens to demand.
    """
    y, low, high = (np.asarray(kw, float) for kw in (actual_kw, low_kw, high_kw))
    scores = misses(y, low, high)
    steps = np.full(len(y), np.nan)
    aimed, done = 1 - level, 0  # share of misses aimed at, and events that it has learnt from
    for event, over in enumerate(known):
        for past in range(done, over):
            if np.isfinite(scores[past]) and not np.isnan(steps[past]):
                aimed += rate * ((1 - level) - (scores[past] > steps[past]))
        done = max(done, over)
        past = scores[:over]
        past = past[np.isfinite(past)][-memory:]
        if np.isfinite(step(past, level)):
            steps[event] = step(past, min(1 - aimed, 1.0)) if aimed < 1 else past.min()
    return widened(low, np.minimum(high, highest_kw), steps, highest_kw)


NOON = 24  # half hour of the clock; baselines may be revised until noon of the day before

_RECENT = replace(RULES["bl01"], take=(10, 10), keep=(10, 10))

_LONGER = replace(RULES["bl01"], take=(40, 16), keep=(40, 16))

_LAST_HOUR, _WINDOW = (-2, 0), (-8, -2)


def _deadlines(days: Days, events: pd.DataFrame, made: str) -> np.ndarray:
    """Return when each forecast is made, in half hours since the first day."""
    midnight = PERIODS * day_index(days, events)
    if made == "same_day":
        return midnight + events["start"].to_numpy()
    if made == "day_ahead":
        return midnight - PERIODS + NOON
    raise UserError(f"made = {made!r}: write 'same_day' or 'day_ahead'")


def over_by(days: Days, events: pd.DataFrame, made: str) -> np.ndarray:
    """Return how many of the first events were over when each forecast was made."""
    end = PERIODS * day_index(days, events) + (events["start"] + events["periods"]).to_numpy()
    return np.searchsorted(np.maximum.accumulate(end), _deadlines(days, events, made), side="right")


def features(
    days: Days, events: pd.DataFrame, made: str, excluded: pd.DatetimeIndex | None = None
) -> pd.DataFrame:
    """Return what a forecast may use, a row an event.

    Parameters
    ----------
    days, events : Days, pandas.DataFrame
        The record and the events.
    made : "same_day" or "day_ahead"
        See `deadlines`.
    excluded : pandas.DatetimeIndex, optional
        Days that may not serve as history.

    Returns
    -------
    pandas.DataFrame
        Of the last ten like days that were over: mean, max and last [kW], zero_share; of those of
        the last 60 days longer_mean [kW] and longer_zero_share; non_working (0 or 1). On the same
        day also last_hour, window (4 h to 1 h before) and its usual value [kW], and whether the
        last hour and the window are zero. NaN where not metered.

    Examples
    --------
    >>> from scchelpers import baselines
    >>> from scchelpers.portfolio import Portfolio
    >>> days = baselines.site_days(Portfolio.open("data/demo").site("village-hall"))
    >>> events = baselines.schedule(days, "17:00", 1.0)
    >>> bool(features(days, events, "day_ahead")["zero_share"].dropna().between(0, 1).all())
    True
    """
    barred = days.dates.isin(excluded if excluded is not None else [])
    row = day_index(days, events)
    cutoff = _deadlines(days, events, made) - PERIODS * row
    found = np.full((len(events), 12 if made == "same_day" else 7), np.nan)
    for (start, periods), these in events.groupby(["start", "periods"]).indices.items():
        plan = Plan(days, row[these], int(start), int(periods), barred)
        # The last days passed over are those whose like event is not over by the deadline.
        skip = max(0, -(-(start + periods - int(cutoff[these[0]])) // PERIODS) - 1)
        rows = plan.pool(replace(_RECENT, skip_days=int(skip)))
        longer = plan.pool(replace(_LONGER, skip_days=int(skip)))
        there = rows >= 0
        recent = np.where(there, plan.mean_kw[rows], np.nan)
        columns = [
            mean_of_rows(plan.mean_kw, rows),
            np.where(there, recent, 0.0).max(axis=1),
            recent[:, 0],
            mean_of_rows((plan.mean_kw == 0).astype(float), rows),
            mean_of_rows(plan.mean_kw, longer),
            mean_of_rows((plan.mean_kw == 0).astype(float), longer),
            ~days.working[row[these]],
        ]
        if made == "same_day":
            last_hour = plan.window_mean(*_LAST_HOUR)[row[these]]
            window = plan.window_mean(*_WINDOW)
            today = window[row[these]]
            columns += [last_hour, today, mean_of_rows(window, rows)]
            columns += [np.where(np.isnan(kw), np.nan, kw == 0) for kw in (last_hour, today)]
        found[these] = np.column_stack(columns)
    names = ["mean", "max", "last", "zero_share"]
    names += ["longer_mean", "longer_zero_share", "non_working"]
    if made == "same_day":
        names += ["last_hour", "window", "usual_window", "last_hour_zero", "window_zero"]
    return pd.DataFrame(found, columns=names)


TAIL_LEVELS = (0.02, 0.05, 0.2, 0.5, 0.8, 0.95, 0.98)

_FEWEST_ABOVE = 20  # events with demand, below which their quantiles are those of the sample


def regression(x: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> np.ndarray:
    """Forecast by least squares; the interval is the point, for calibration to widen."""
    point = _mean(x, y, new)
    return np.column_stack([point, point, point, np.full(len(new), np.nan)])


def quantile(x: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> np.ndarray:
    """Forecast median and interval by linear quantile regression (Koenker, Bassett 1978)."""
    tail = (1 - level) / 2
    low, point, high = _quantiles(x, y, new, (tail, 0.5, 1 - tail)).T
    return np.column_stack([point, low, high, np.full(len(new), np.nan)])


def two_part(x: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> np.ndarray:
    """Forecast the probability of zero, and then the amount where there is one."""
    p_zero = chance(x, y == 0, new)
    drawn = y > 0
    if drawn.sum() < _FEWEST_ABOVE:
        sample = y[drawn] if drawn.any() else np.zeros(1)
        amount = np.full(len(new), sample.mean())
        above = np.tile(np.quantile(sample, TAIL_LEVELS), (len(new), 1))
    else:
        amount = _mean(x[drawn], y[drawn], new)
        above = _quantiles(x[drawn], y[drawn], new, TAIL_LEVELS)
    tail = (1 - level) / 2
    low, high = (mixed_quantile(p_zero, above, q) for q in (tail, 1 - tail))
    return np.column_stack([(1 - p_zero) * amount, low, high, p_zero])


_MODELS = {
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
    """Return a quantile of zero with a chance, and else of an amount with known quantiles."""
    at = two_part_level(p_zero, level)
    amount = [np.interp(q, TAIL_LEVELS, row) for q, row in zip(at, above, strict=True)]
    return np.where(level <= p_zero, 0.0, amount)


def _quantiles(x: np.ndarray, y: np.ndarray, new: np.ndarray, levels) -> np.ndarray:
    """Return linear quantiles [kW] over (event, level): sorted, so that none cross, at least 0."""
    scale = y.mean()
    if scale == 0:
        return np.zeros((len(new), len(levels)))
    y, x = y / scale, _with_constant(x) / scale
    lines = quantile_lines([(x, y, level) for level in levels], tolerance=1e-4, most=200)
    return np.sort((_with_constant(new) @ np.column_stack(lines)).clip(0), axis=1)


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


_FIRST_FIT = 40  # events over before the first forecast

_FIT_EVENTS = 600  # fitted to at most so many, the latest: demand drifts

_REFIT_DAYS = 28

RATE, RECENT = 0.05, 100  # of the adaptive calibration: `benchmarks/README.md` has others

COLUMNS = ("point_kw", "p_zero", "raw_low_kw", "raw_high_kw")


def walk_forward(
    days: Days,
    events: pd.DataFrame,
    model: str = "two_part",
    *,
    made: str = "same_day",
    level: float = 0.9,
    excluded: pd.DatetimeIndex | None = None,
    highest_kw: float = np.inf,
) -> pd.DataFrame:
    """Forecast each event with a model fitted on the events that were over, and calibrate it.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        Events in order of time.
    model : "regression", "quantile" or "two_part"
        See `models`.
    made : "same_day" or "day_ahead"
        When: at the start of the event, or at noon of the day before.
    level : float
        Nominal coverage of the intervals.
    excluded : pandas.DatetimeIndex, optional
        Days that may not serve as history.
    highest_kw : float
        The most that the site can draw [kW].

    Returns
    -------
    pandas.DataFrame
        A row an event: actual_kw; point_kw; p_zero; raw_low_kw and raw_high_kw, before calibration;
        low_kw and high_kw, calibrated on the events before; adaptive_low_kw and adaptive_high_kw,
        calibrated so that the share covered is held when demand changes. NaN before enough events
        were over.

    Raises
    ------
    UserError
        If there is no such model.

    Examples
    --------
    >>> from scchelpers import baselines
    >>> from scchelpers.portfolio import Portfolio
    >>> days = baselines.site_days(Portfolio.open("data/demo").site("village-hall"))
    >>> told = walk_forward(days, baselines.schedule(days, "17:00", 1.0), "regression")
    >>> bool((told["high_kw"].dropna() >= told["low_kw"].dropna()).all())
    True
    """
    if model not in _MODELS:
        raise UserError(f"model = {model!r}: write one of {', '.join(_MODELS)}")
    y = event_mean(actual(days, events))
    x = features(days, events, made, excluded).to_numpy()
    usable = np.isfinite(x).all(axis=1) & np.isfinite(y)
    over = over_by(days, events, made)
    found = pd.DataFrame(np.nan, index=events.index, columns=list(COLUMNS))
    block = day_index(days, events) // _REFIT_DAYS
    for number in np.unique(block):
        new = np.flatnonzero((block == number) & np.isfinite(x).all(axis=1))
        past = np.flatnonzero(usable[: over[new[0]]])[-_FIT_EVENTS:] if len(new) else []
        if len(past) < _FIRST_FIT:
            continue
        columns = ["point_kw", "raw_low_kw", "raw_high_kw", "p_zero"]
        found.loc[found.index[new], columns] = _MODELS[model](x[past], y[past], x[new], level)
    raw = found["raw_low_kw"].to_numpy(), found["raw_high_kw"].to_numpy()
    given = {"level": level, "highest_kw": highest_kw}
    for name, own in (("", {}), ("adaptive_", {"rate": RATE, "memory": RECENT})):
        bounds = calibrated(y, *raw, over, **given, **own)
        found[f"{name}low_kw"], found[f"{name}high_kw"] = bounds
    return found.assign(actual_kw=y)
