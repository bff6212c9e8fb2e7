"""When the peak falls, and how surely it would fall there again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.weekly import week_edges, weeks
from scchelpers.timebase import LONDON, clock, day_type, half_hour

HALF_HOURS = 48


def site_demand(power_kw: xr.DataArray) -> xr.DataArray:
    """Return the sum over the EVSEs on record [kW] (time); NaN where none was."""
    return power_kw.sum("evse", min_count=1, keep_attrs=True)


def peak_weeks(power_kw: xr.DataArray, *, timezone: str = LONDON) -> pd.DataFrame:
    """Return the peak of each local week and its chance to be the peak of a resampled record.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse).
    timezone : str
        Zone of weeks and clock.

    Returns
    -------
    pandas.DataFrame
        One row a week on record, highest peak first: peak_kw [kW], start [UTC], local (clock
        stamp without zone), half_hour (0 to 47), day_type, chance.

    Notes
    -----
    `chance` is the bootstrap by weeks in closed form: of W weeks drawn with replacement, the
    r-th highest is the highest drawn with probability ((W - r + 1) / W)^W - ((W - r) / W)^W.
    It says how far *when* hangs on one week. It cannot say how high a peak outside the record
    would be; `hold_out` does.
    """
    total = site_demand(power_kw)
    values = total.to_numpy()
    edges = week_edges(total["time"], timezone)
    at = [
        first + int(np.nanargmax(values[first:last]))
        for first, last in pairwise(edges)
        if np.isfinite(values[first:last]).any()
    ]
    at = np.array(at, int)[np.argsort(-values[at], kind="stable")] if at else np.array([], int)
    start = pd.DatetimeIndex(total["time"].to_numpy()[at]).tz_localize("UTC")
    count, rank = max(len(at), 1), np.arange(len(at))
    return pd.DataFrame(
        {
            "week": weeks(start, timezone),
            "peak_kw": values[at],
            "start": start,
            "local": clock(start, timezone).tz_localize(None),
            "half_hour": half_hour(start, timezone),
            "day_type": day_type(start, timezone),
            "chance": ((count - rank) / count) ** count - ((count - rank - 1) / count) ** count,
        }
    )


def clock_chances(peaks: pd.DataFrame) -> np.ndarray:
    """Return the chance of each half hour of the clock (48) to hold the peak."""
    return np.bincount(peaks["half_hour"], weights=peaks["chance"], minlength=HALF_HOURS)


def clock_window(peaks: pd.DataFrame, chance: float = 0.9) -> tuple[str, str, float]:
    """Return the shortest stretch of the clock that holds the peak with at least a chance.

    Parameters
    ----------
    peaks : pandas.DataFrame
        From `peak_weeks`.
    chance : float
        Probability asked for.

    Returns
    -------
    start, end : str
        Clock times; the stretch may run over midnight.
    held : float
        The chance it holds.

    Examples
    --------
    >>> peaks = pd.DataFrame({"half_hour": [34, 35, 36, 20], "chance": [0.6, 0.2, 0.15, 0.05]})
    >>> start, end, held = clock_window(peaks)
    >>> start, end, round(held, 2)
    ('17:00', '18:30', 0.95)
    """
    chances = clock_chances(peaks)
    for length in range(1, HALF_HOURS + 1):
        ring = np.r_[chances, chances[: length - 1]]
        held = np.convolve(ring, np.ones(length), "valid")
        first = int(np.argmax(held))
        if held[first] >= chance - 1e-9:
            break
    return _clock_text(first), _clock_text((first + length) % HALF_HOURS), float(held[first])


def profile(power_kw: xr.DataArray, *, timezone: str = LONDON) -> pd.DataFrame:
    """Return how the site's demand spreads over the days, by half hour of the clock.

    Returns
    -------
    pandas.DataFrame
        Indexed by (days, half_hour), days being "weekday" or "weekend": mean, p95 and highest
        demand [kW].
    """
    total = site_demand(power_kw)
    days = np.where(day_type(total["time"], timezone) == "weekday", "weekday", "weekend")
    frame = pd.DataFrame(
        {
            "days": days,
            "half_hour": half_hour(total["time"], timezone),
            "demand_kw": total.to_numpy(),
        }
    ).dropna()
    grouped = frame.groupby(["days", "half_hour"])["demand_kw"]
    return pd.DataFrame(
        {"mean_kw": grouped.mean(), "p95_kw": grouped.quantile(0.95), "highest_kw": grouped.max()}
    )


def _clock_text(half: int) -> str:
    return f"{half // 2:02d}:{half % 2 * 30:02d}"
