"""Forecasts as they would have been made: fitted and calibrated on what was over by then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.baselines import conformal
from scchelpers.baselines.days import Days
from scchelpers.baselines.engine import event_mean
from scchelpers.baselines.events import actual, day_index
from scchelpers.baselines.features import features, over_by
from scchelpers.baselines.models import MODELS
from scchelpers.faults import UserError

FIRST_FIT = 40  # events over before the first forecast
FIT_EVENTS = 600  # fitted to at most so many, the latest: demand drifts
REFIT_DAYS = 28
COLUMNS = ("point_kw", "low_kw", "high_kw", "p_zero", "raw_low_kw", "raw_high_kw")


def walk_forward(
    days: Days,
    events: pd.DataFrame,
    model: str = "two_part",
    *,
    made: str = "same_day",
    level: float = 0.9,
    excluded: pd.DatetimeIndex | None = None,
    memory: int = 200,
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
    memory : int
        Events that the calibration looks back on.

    Returns
    -------
    pandas.DataFrame
        A row an event: actual_kw; point_kw; low_kw and high_kw, calibrated; p_zero; raw_low_kw and
        raw_high_kw, before calibration. NaN before enough events were over.

    Raises
    ------
    UserError
        If there is no such model.
    """
    if model not in MODELS:
        raise UserError(f"model = {model!r}: write one of {', '.join(MODELS)}")
    y = event_mean(actual(days, events))
    x = features(days, events, made, excluded).to_numpy()
    usable = np.isfinite(x).all(axis=1) & np.isfinite(y)
    over = over_by(days, events, made)
    found = pd.DataFrame(np.nan, index=events.index, columns=list(COLUMNS))
    block = day_index(days, events) // REFIT_DAYS
    for number in np.unique(block):
        new = np.flatnonzero((block == number) & np.isfinite(x).all(axis=1))
        past = np.flatnonzero(usable[: over[new[0]]])[-FIT_EVENTS:] if len(new) else []
        if len(past) < FIRST_FIT:
            continue
        told = MODELS[model](x[past], y[past], x[new], level)
        found.loc[found.index[new], ["point_kw", "raw_low_kw", "raw_high_kw", "p_zero"]] = (
            np.column_stack([told.point_kw, told.low_kw, told.high_kw, told.p_zero])
        )
    raw = found["raw_low_kw"].to_numpy(), found["raw_high_kw"].to_numpy()
    found["low_kw"], found["high_kw"] = conformal.rolling(y, *raw, over, level=level, memory=memory)
    return found.assign(actual_kw=y)


def forecasts(
    days: Days, events: pd.DataFrame, *, level: float = 0.9
) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the forecasts of every model, made the day before and on the day.

    Returns
    -------
    dict of (model, made) to pandas.DataFrame
        From `walk_forward`.
    """
    return {
        (model, made): walk_forward(days, events, model, made=made, level=level)
        for model in MODELS
        for made in ("day_ahead", "same_day")
    }
