"""How far a site's other load rises before a dynamic limit can answer, and what that asks for.

A rise is the most that the load climbs within the response time, at its highest and not at the
end: a hoist that came and went again has exceeded the limit all the same. The margin for a chance
is the quantile of the rises at that chance; its interval comes from resampling whole days or weeks,
as neighbouring steps are alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import step_of
from scchelpers.clm.limits import checked_latency
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON, clock, day_type, local_date

RESAMPLES = 400


def rises(residual_kw: xr.DataArray, within: str | pd.Timedelta) -> xr.DataArray:
    """Return by how much the load climbs, at most, within a response time of each interval.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`; NaN where missing.
    within : str or Timedelta
        Response time: metering interval, latency and ramp together. It counts in whole steps of the
        data, rounded up: a response of 5 s is judged by the next 1-minute mean.

    Returns
    -------
    xarray.DataArray
        rise_kw [kW] over time, 0 or more; NaN where any interval within the response time is
        missing. `attrs["within_s"]` is the response time [s], `attrs["steps"]` the steps it counts.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1min")
    >>> load = xr.DataArray([10.0, 70.0, 10.0, 12.0], {"time": time}, ("time",))
    >>> rises(load, "2min").values.tolist()
    [60.0, 0.0, nan, nan]
    """
    response = checked_latency(within)
    steps = math.ceil(response / step_of(residual_kw))
    load = pd.Series(residual_kw.to_numpy().astype(float))
    highest = load.rolling(steps + 1).max().shift(-steps)
    return xr.DataArray(
        (highest - load).to_numpy(),
        {"time": residual_kw["time"].to_numpy()},
        ("time",),
        "rise_kw",
        {"units": "kW", "within_s": response / pd.Timedelta("1s"), "steps": steps},
    )


def by_clock(
    rise_kw: xr.DataArray, chances: Sequence[float] = (0.01, 0.001), *, timezone: str = LONDON
) -> pd.DataFrame:
    """Return the quantiles of the rises by day type and hour of the local clock.

    Parameters
    ----------
    rise_kw : xarray.DataArray
        From `rises`.
    chances : sequence of float
        Chances that a rise exceeds the value returned.
    timezone : str
        Zone of the clock.

    Returns
    -------
    pandas.DataFrame
        Indexed by (days, hour), days being "weekday" or "weekend": intervals, mean_kw, and a column
        a chance [kW].
    """
    known = np.isfinite(rise_kw.to_numpy())
    values = rise_kw.to_numpy()[known]
    days, hour = clock_cells(rise_kw["time"].to_numpy()[known], timezone)
    groups = pd.Series(values).groupby([pd.Index(days, name="days"), pd.Index(hour, name="hour")])
    found = pd.DataFrame({"intervals": groups.size(), "mean_kw": groups.mean()})
    for chance in chances:
        found[chance] = groups.agg(lambda here, chance=chance: exceeded(here.to_numpy(), chance))
    return found


def margins(
    residual_kw: xr.DataArray,
    within: Sequence[str | pd.Timedelta],
    chances: Sequence[float] = (0.001, 0.0001),
    *,
    block: str = "week",
    resamples: int = RESAMPLES,
    seed: int = 0,
    timezone: str = LONDON,
) -> pd.DataFrame:
    """Return the margin that a rise exceeds with a given chance, for each response time.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    within : sequence of str or Timedelta
        Response times.
    chances : sequence of float
        Shares of time in which a rise may exceed the margin.
    block : "day" or "week"
        Local days or weeks that are resampled whole for the interval.
    resamples : int
        Bootstrap samples.
    seed : int
        Seed of the resampling.
    timezone : str
        Zone of the days and weeks.

    Returns
    -------
    pandas.DataFrame
        Indexed by (within_s [s], chance): margin_kw, low_kw and high_kw (90 of 100 resamples),
        beyond (rises on record that may exceed it) and blocks. Below about ten rises beyond it a
        margin hangs on single events.

    Notes
    -----
    A bootstrap cannot draw a rise larger than the largest on record: at a chance near one in the
    length of the record its upper end is too low.
    """
    _check_chances(chances)
    rows = []
    for length in within:
        rise = rises(residual_kw, length)
        known = np.isfinite(rise.to_numpy())
        values = rise.to_numpy()[known]
        codes = blocks(rise["time"].to_numpy()[known], block, timezone)
        drawn = _resampled(values, codes, chances, resamples, np.random.default_rng(seed))
        for k, chance in enumerate(chances):
            low_kw, high_kw = np.quantile(drawn[:, k], [0.05, 0.95])
            rows.append(
                {
                    "within_s": rise.attrs["within_s"],
                    "chance": chance,
                    "margin_kw": exceeded(values, chance),
                    "low_kw": low_kw,
                    "high_kw": high_kw,
                    "beyond": int(chance * len(values)),
                    "blocks": int(codes.max(initial=-1)) + 1,
                }
            )
    return pd.DataFrame(rows).set_index(["within_s", "chance"])


def clustering(
    residual_kw: xr.DataArray, lags: Sequence[str | pd.Timedelta] = ("1min", "5min", "30min", "1h")
) -> pd.DataFrame:
    """Return the autocorrelation of the load's changes and of their size.

    Changes that are alike in size but not in sign (large after large) are what a GARCH model
    describes; where the size has no memory a margin that follows the recent past cannot help.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    lags : sequence of str or Timedelta
        Lags; those below the data's step are left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by lag_min [min]: change and size, the autocorrelation of the changes from step to
        step and of their absolute values.
    """
    step = step_of(residual_kw)
    changes = pd.Series(np.diff(residual_kw.to_numpy().astype(float)))
    rows = {}
    for lag in lags:
        shift = int(checked_latency(lag) / step)
        if shift >= 1:
            rows[shift * (step / pd.Timedelta("1min"))] = {
                "change": changes.corr(changes.shift(shift)),
                "size": changes.abs().corr(changes.abs().shift(shift)),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("lag_min")


def exceeded(values: np.ndarray, chance: float) -> float:
    """Return the smallest of the values that at most a share `chance` of them exceeds.

    Examples
    --------
    >>> exceeded(np.arange(1.0, 11.0), 0.2), exceeded(np.arange(1.0, 11.0), 0.05)
    (8.0, 10.0)
    """
    if not len(values):
        return math.nan
    at = len(values) - 1 - int(chance * len(values) + 1e-9)
    return float(np.partition(values, at)[at])


def clock_cells(times, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return "weekday" or "weekend" and the hour of the local clock of each instant [UTC]."""
    days = np.where(day_type(times, timezone) == "weekday", "weekday", "weekend")
    return days, clock(times, timezone).hour.to_numpy()


def blocks(times, block: str, timezone: str) -> np.ndarray:
    """Return the number of the local day or week in which each instant [UTC] lies, from 0.

    Raises
    ------
    UserError
        If `block` is neither "day" nor "week".
    """
    if block not in ("day", "week"):
        raise UserError(f"block = {block!r}: write 'day' or 'week'")
    day = local_date(times, timezone)
    if block == "week":
        day = day - pd.to_timedelta(day.day_of_week, unit="D")
    return pd.factorize(day)[0]


def _check_chances(chances: Sequence[float]) -> None:
    for chance in chances:
        if not 0 < chance < 1:
            raise UserError(f"chances: {chance} must lie between 0 and 1, such as 0.001")


def _resampled(values, codes, chances, resamples: int, rng) -> np.ndarray:
    """Return the margins of each resample (resamples, chances); whole blocks are drawn."""
    count = int(codes.max(initial=-1)) + 1
    out = np.full((resamples, len(chances)), np.nan)
    if not count:
        return out
    order = np.argsort(-values, kind="stable")
    # Resampled blocks reach down to a multiple of the quantile; the rest is there if they do not.
    near = min(len(order), 20 * int(max(chances) * len(order)) + 1000)
    in_block = np.bincount(codes, minlength=count)
    for k in range(resamples):
        weight = np.bincount(rng.integers(count, size=count), minlength=count)
        allowed = np.asarray(chances) * (weight @ in_block)
        passed = np.cumsum(weight[codes[order[:near]]])
        if passed[-1] <= allowed.max():
            passed = np.cumsum(weight[codes[order]])
        at = np.searchsorted(passed, np.floor(allowed + 1e-9), side="right")
        out[k] = values[order[at]]
    return out
