"""What is known about an event when a forecast of it is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from scchelpers.baselines.days import PERIODS, Days
from scchelpers.baselines.events import day_index
from scchelpers.baselines.pools import Plan, mean_of_rows
from scchelpers.baselines.rules import RULES
from scchelpers.faults import UserError

NOON = 24  # half hour of the clock; baselines may be revised until noon of the day before
_RECENT = replace(RULES["bl01"], take=(10, 10), keep=(10, 10))
_LONGER = replace(RULES["bl01"], take=(40, 16), keep=(40, 16))
_LAST_HOUR, _WINDOW = (-2, 0), (-8, -2)


def deadlines(days: Days, events: pd.DataFrame, made: str) -> np.ndarray:
    """Return when each forecast is made, in half hours since the first day.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        The events.
    made : "same_day" or "day_ahead"
        At the start of the event, or at noon of the day before.

    Raises
    ------
    UserError
        If `made` is neither.
    """
    midnight = PERIODS * day_index(days, events)
    if made == "same_day":
        return midnight + events["start"].to_numpy()
    if made == "day_ahead":
        return midnight - PERIODS + NOON
    raise UserError(f"made = {made!r}: write 'same_day' or 'day_ahead'")


def over_by(days: Days, events: pd.DataFrame, made: str) -> np.ndarray:
    """Return how many of the first events were over when each forecast was made."""
    end = PERIODS * day_index(days, events) + (events["start"] + events["periods"]).to_numpy()
    return np.searchsorted(np.maximum.accumulate(end), deadlines(days, events, made), side="right")


def features(
    days: Days, events: pd.DataFrame, made: str, excluded: pd.DatetimeIndex | None = None
) -> pd.DataFrame:
    """Return what a forecast may use, a row an event.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        The events.
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
    """
    barred = days.dates.isin(excluded if excluded is not None else [])
    row = day_index(days, events)
    cutoff = deadlines(days, events, made) - PERIODS * row
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
