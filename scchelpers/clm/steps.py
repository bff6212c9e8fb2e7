"""Disruptive loads: machines that switch on at once, found in a site's load."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import step_of
from scchelpers.clm.volatility import clock_cells
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON

# A start must stand out from noise by this many standard deviations of the change from step to
# step: normal noise passes it less than once in a thousand years of minutes.
CLEAR = 7.0
# Where no smallest start is given, it is at least this share of the load's range.
SHARE_OF_RANGE = 0.1
LONGEST = pd.Timedelta("12h")


def noise_kw(residual_kw: xr.DataArray) -> float:
    """Return the standard deviation of the load's changes from step to step, machines apart [kW].

    It is 1.4826 times the median size of the changes, upon which rare large ones have no effect.
    """
    size = np.abs(np.diff(residual_kw.to_numpy().astype(float)))
    size = size[np.isfinite(size)]
    return 1.4826 * float(np.median(size)) if len(size) else 0.0


def detect(
    residual_kw: xr.DataArray, *, smallest_kw: float | None = None, timezone: str = LONDON
) -> pd.DataFrame:
    """Find the loads that switch on at once: when, how big and for how long.

    A start is a rise of at least `smallest_kw` within one interval, or within two where both rise
    (a machine that starts in the middle of an interval); machines that start in neighbouring
    intervals are one start. It lasts until the load is back below half the rise.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`; NaN where missing.
    smallest_kw : float, optional
        Smallest rise that counts [kW]; by default the larger of a tenth of the load's range and
        seven times its noise.
    timezone : str
        Zone of the clock.

    Returns
    -------
    pandas.DataFrame
        One row a start: start [UTC], size_kw [kW], duration_min [min] (NaN where the load was not
        back within 12 hours or the data end before), hour of the local clock, days ("weekday" or
        "weekend"). `attrs` hold smallest_kw, noise_kw, step_min and weeks, the length on record.

    Raises
    ------
    UserError
        If `smallest_kw` does not stand out from the noise of the load.

    Notes
    -----
    What is shorter than the data's step shows smaller than it is; inrush does not show at all.
    """
    step = step_of(residual_kw)
    load = residual_kw.to_numpy().astype(float)
    noise = noise_kw(residual_kw)
    smallest_kw = _checked_smallest(smallest_kw, load, noise)
    first, size_kw, length = _starts(load, smallest_kw, int(LONGEST / step))
    start = pd.DatetimeIndex(residual_kw["time"].to_numpy()[first]).tz_localize("UTC")
    minutes = step / pd.Timedelta("1min")
    days, hour = clock_cells(start, timezone)
    found = pd.DataFrame(
        {
            "start": start,
            "size_kw": size_kw,
            "duration_min": length * minutes,
            "hour": hour,
            "days": days,
        }
    )
    found.attrs = {
        "smallest_kw": smallest_kw,
        "noise_kw": noise,
        "step_min": minutes,
        "weeks": int(np.isfinite(load).sum()) * (step / pd.Timedelta("7D")),
    }
    return found


def by_size(starts: pd.DataFrame) -> pd.DataFrame:
    """Return how often, for how long and when loads of each size switch on.

    Parameters
    ----------
    starts : pandas.DataFrame
        From `detect`.

    Returns
    -------
    pandas.DataFrame
        Indexed by about_kw, the middle of a band of sizes [kW]: starts, per_week, median_kw,
        median_min and longest_min [min], first_hour and last_hour (of the clock; between which 90
        of 100 start). Bands without a start are left out. `attrs` hold width_kw, of the bands.
    """
    sizes = starts["size_kw"]
    width = _band_width(sizes.max() - sizes.min()) if len(starts) else 1.0
    groups = starts.groupby(((sizes / width).round() * width).rename("about_kw"))
    found = pd.DataFrame(
        {
            "starts": groups.size(),
            "per_week": groups.size() / starts.attrs["weeks"],
            "median_kw": groups["size_kw"].median(),
            "median_min": groups["duration_min"].median(),
            "longest_min": groups["duration_min"].max(),
            "first_hour": groups["hour"].quantile(0.05, interpolation="lower"),
            "last_hour": groups["hour"].quantile(0.95, interpolation="higher"),
        }
    )
    found.attrs["width_kw"] = width
    return found


def _checked_smallest(smallest_kw: float | None, load: np.ndarray, noise: float) -> float:
    if smallest_kw is None:
        known = load[np.isfinite(load)]
        span = float(np.ptp(known)) if len(known) else 0.0
        return max(CLEAR * noise, SHARE_OF_RANGE * span, 1e-6)
    if not smallest_kw > 0:
        raise UserError(f"smallest_kw = {smallest_kw}: must be above 0 kW")
    if smallest_kw < CLEAR * noise:
        raise UserError(
            f"smallest_kw = {smallest_kw:g}: does not stand out from the load's noise of "
            f"{noise:.3g} kW a step; give {CLEAR * noise:.3g} kW or more"
        )
    return float(smallest_kw)


def _band_width(span: float) -> float:
    """Return a round width that cuts a span into at most six bands."""
    rounds = (base * 10.0**power for power in range(-3, 6) for base in (1, 2, 5))
    return next(width for width in rounds if span <= 6 * width)


@numba.njit(cache=True, nogil=True)
def _starts(load, smallest_kw, longest):
    """Return the first step, the size [kW] and the length [steps] of each start.

    A comparison with a missing value is false, so that no start touches a gap.
    """
    firsts, sizes, lengths = [0], [0.0], [0.0]  # typed by a first entry, which is dropped
    k = 1
    while k < len(load):
        before, top = load[k - 1], k
        rise = load[k] - before
        more = load[k + 1] - load[k] if k + 1 < len(load) else 0.0
        if rise > smallest_kw / 4 and more > smallest_kw / 4:
            top, rise = k + 1, rise + more
        if rise >= smallest_kw:
            length = np.nan
            for at in range(top + 1, min(len(load), k + longest)):
                if np.isnan(load[at]):
                    break
                if load[at] < before + rise / 2:
                    length = float(at - k)
                    break
            firsts.append(k)
            sizes.append(rise)
            lengths.append(length)
            k = top
        k += 1
    return np.array(firsts[1:]), np.array(sizes[1:]), np.array(lengths[1:])
