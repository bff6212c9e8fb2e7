"""Peaks of groups of chargepoints, week by week: one pass serves every selection of weeks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.timebase import local_date

# Chargepoints that share less than this are not summed: their joint peak was hardly on record.
SHARED_WEEKS = 4
# How many of a week's highest intervals every other is held against.
HIGHEST = 24


def peak_candidates(power_kw: xr.DataArray, timezone: str) -> list[np.ndarray]:
    """Return, week by week, the intervals that can hold the peak of some group.

    An interval in which no EVSE draws more than in another one of its week cannot. Those outdone by
    one of the week's highest are left out, which is most of them on a small site.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse); NaN where missing.
    timezone : str
        Zone of the weeks, which begin on Monday.

    Returns
    -------
    list of numpy.ndarray
        [kW] over (interval, evse), one array a week.
    """
    power = power_kw.transpose("time", "evse").to_numpy().astype(np.float32)
    edges = week_edges(power_kw["time"], timezone)
    return [_without_outdone(power[first:last]) for first, last in pairwise(edges)]


def _without_outdone(here: np.ndarray) -> np.ndarray:
    """Leave out the intervals in which one of the week's highest outdoes every EVSE."""
    # Missing counts as less than nothing: a recorded interval may stand in for a missing one.
    filled = np.nan_to_num(here, nan=-1)
    order = np.argsort(-filled.sum(axis=1), kind="stable")
    top, rest = order[:HIGHEST], order[HIGHEST:]
    outdone = (filled[rest, None, :] <= filled[None, top, :]).all(axis=2).any(axis=1)
    return here[np.r_[top, rest[~outdone]]]


def weekly_peaks(weekly_kw: list[np.ndarray], members: np.ndarray) -> np.ndarray:
    """Return the peak of each group's sum in each week.

    One matrix product a week keeps the memory at (intervals of a week) x groups.

    Parameters
    ----------
    weekly_kw : list of numpy.ndarray
        From `peak_candidates`: [kW] over (interval, evse), one array a week.
    members : numpy.ndarray of bool
        (evse, group).

    Returns
    -------
    numpy.ndarray
        [kW] over (group, week); NaN where the members were never all on record.
    """
    chosen = members.astype(np.float32)
    peaks = np.full((members.shape[1], len(weekly_kw)), np.nan)
    for week, here in enumerate(weekly_kw):
        missing = np.isnan(here)
        sums = np.where(missing, 0, here) @ chosen
        if missing.any():
            sums[(missing.astype(np.float32) @ chosen) > 0] = -np.inf
        peak = sums.max(axis=0)
        peaks[:, week] = np.where(np.isfinite(peak), peak, np.nan)
    return peaks


def week_edges(times, timezone: str) -> np.ndarray:
    """Return the positions at which local weeks begin, and the length."""
    monday = weeks(times, timezone)
    begins = np.flatnonzero(monday[1:] != monday[:-1]) + 1
    return np.unique(np.r_[0, begins, len(monday)]).astype(int)


def weeks(times, timezone: str) -> pd.DatetimeIndex:
    """Return the Monday of each instant's local week, a stamp without a zone."""
    days = local_date(times, timezone)
    return days - pd.to_timedelta(days.day_of_week, unit="D")


def overall_peak(peaks: np.ndarray) -> np.ndarray:
    """Return the peak over all weeks, NaN for groups that share too few of them."""
    if not peaks.size:
        return np.full(len(peaks), np.nan)
    shared = np.isfinite(peaks).sum(axis=1)
    enough = shared >= min(SHARED_WEEKS, shared.max())
    return np.where(enough, np.fmax.reduce(peaks, axis=1), np.nan)
