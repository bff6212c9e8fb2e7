"""How far a site's other load rises before a dynamic limit can answer, and what that asks for.

A rise is the most that the load climbs within the response time, at its highest and not at the
end: a hoist that came and went again has exceeded the limit all the same. The margin for a chance
is the quantile of the rises at that chance; its interval comes from resampling whole days or weeks,
as neighbouring steps are alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numba
import numpy as np
import pandas as pd
import xarray as xr
from scipy.signal import lfilter

from scchelpers.clm.control import checked_latency, step_of
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON, clock, day_type, local_date

_RESAMPLES = 400


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


def margins(
    residual_kw: xr.DataArray,
    within: Sequence[str | pd.Timedelta],
    chances: Sequence[float] = (0.001, 0.0001),
    *,
    block: str = "week",
    resamples: int = _RESAMPLES,
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

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> load = Portfolio.open("data/demo").site("riverside-leisure").residual_kw
    >>> found = margins(load, ["15s"], [0.01, 0.001], resamples=20)
    >>> found["margin_kw"].is_monotonic_increasing
    True
    """
    _check_chances(chances)
    rows = []
    for length in within:
        rise = rises(residual_kw, length)
        known = np.isfinite(rise.to_numpy())
        values = rise.to_numpy()[known]
        codes = _blocks(rise["time"].to_numpy()[known], block, timezone)
        drawn = _resampled(values, codes, chances, resamples, np.random.default_rng(seed))
        for k, chance in enumerate(chances):
            low_kw, high_kw = np.quantile(drawn[:, k], [0.05, 0.95])
            rows.append(
                {
                    "within_s": rise.attrs["within_s"],
                    "chance": chance,
                    "margin_kw": _exceeded(values, chance),
                    "low_kw": low_kw,
                    "high_kw": high_kw,
                    "beyond": int(chance * len(values)),
                    "blocks": int(codes.max(initial=-1)) + 1,
                }
            )
    return pd.DataFrame(rows).set_index(["within_s", "chance"])


def _exceeded(values: np.ndarray, chance: float) -> float:
    """Return the smallest of the values that at most a share `chance` of them exceeds.

    Examples
    --------
    >>> _exceeded(np.arange(1.0, 11.0), 0.2), _exceeded(np.arange(1.0, 11.0), 0.05)
    (8.0, 10.0)
    """
    if not len(values):
        return math.nan
    at = len(values) - 1 - int(chance * len(values) + 1e-9)
    return float(np.partition(values, at)[at])


def _clock_cells(times, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return "weekday" or "weekend" and the hour of the local clock of each instant [UTC]."""
    days = np.where(day_type(times, timezone) == "weekday", "weekday", "weekend")
    return days, clock(times, timezone).hour.to_numpy()


def _blocks(times, block: str, timezone: str) -> np.ndarray:
    """Return the number of the local day or week in which each instant [UTC] lies, from 0."""
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


# Memory of the recent past: weight of a squared change fades by this much each step (RiskMetrics).
_FADE = 0.94

# A quiet hour does not make the margin vanish: the scale stays above this share of its mean.
_LEAST_SCALE = 0.25

_GARCH_STEPS = 50_000

FEWEST = 500


def _plain(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return one margin for all of the future: the quantile of the past's rises [kW]."""
    return np.full(len(future), _exceeded(past["rise_kw"].to_numpy(), chance))


def _hour(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return the quantile of the past's rises at the hour and day type [kW].

    An hour with fewer than 500 rises on record takes the plain margin. It trusts that machines keep
    their hours: on real homes, whose hours move with the season, it is exceeded far too often.
    """
    groups = past.groupby(["days", "hour"])["rise_kw"]
    table = groups.agg(lambda here: _exceeded(here.to_numpy(), chance))[groups.size() >= FEWEST]
    found = pd.MultiIndex.from_frame(future[["days", "hour"]])
    return table.reindex(found).fillna(_exceeded(past["rise_kw"].to_numpy(), chance)).to_numpy()


def _recent(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return a margin that follows the size of recent changes, exponentially faded [kW].

    Filtered historical simulation: the quantile of the past's rises over their scale, times the
    scale now.
    """
    return _scaled(past, future, chance, 1 - _FADE, _FADE, 0.0)


def _garch(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return a margin that follows a GARCH(1,1) model of the changes, fitted to the past [kW]."""
    from arch import arch_model  # heavy, and needed by this method alone

    changes = past["change_kw"].fillna(0.0).to_numpy()[-_GARCH_STEPS:]
    size = changes.std()
    if not size > 0:
        return _plain(past, future, chance)
    model = arch_model(changes / size, mean="Zero", vol="GARCH", dist="t", rescale=False)
    found = model.fit(disp="off", show_warning=False).params
    return _scaled(
        past, future, chance, found["alpha[1]"], found["beta[1]"], found["omega"] * size**2
    )


_METHODS: dict[str, Callable[[pd.DataFrame, pd.DataFrame, float], np.ndarray]] = {
    "plain": _plain,
    "hour": _hour,
    "recent": _recent,
    "garch": _garch,
}


def held_out(
    residual_kw: xr.DataArray,
    within: str | pd.Timedelta,
    chances: Sequence[float] = (0.001, 0.0001),
    *,
    methods: Sequence[str] = ("plain", "hour", "recent"),
    periods: int = 4,
    seed: int = 0,
    timezone: str = LONDON,
) -> pd.DataFrame:
    """Derive margins on some periods and test them on another, each period in turn.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    within : str or Timedelta
        Response time.
    chances : sequence of float
        Chances that a rise exceeds the margin.
    methods : sequence of str
        Of `_METHODS`; "garch" takes some seconds a period.
    periods : int
        Periods of equal length into which the record is cut; 2 is one half against the other.
    seed : int
        Seed of the resampling.
    timezone : str
        Zone of the clock.

    Returns
    -------
    pandas.DataFrame
        Indexed by (method, chance): exceeded_share, the share of unseen rises above the margin,
        with low_share and high_share (90 of 100 resamples of unseen weeks) and worst_share (the
        worst period); margin_kw, the mean margin [kW]; margin_low_kw and margin_high_kw, the mean
        of the periods with the lowest and highest [kW]; pinball_kw, the mean loss [kW]; intervals.

    Raises
    ------
    UserError
        For an unknown method, fewer than two periods, or a record too short for them.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> load = Portfolio.open("data/demo").site("riverside-leisure").residual_kw
    >>> held_out(load, "30min", [0.01], methods=["plain"], periods=2)["margin_kw"].gt(0).tolist()
    [True]
    """
    for method in methods:
        if method not in _METHODS:
            raise UserError(f"methods: {method!r} is none; one of {', '.join(_METHODS)}")
    if periods < 2:
        raise UserError(f"periods = {periods}: must be 2 or more")
    frame = _frame(residual_kw, within, timezone)
    known = frame["rise_kw"].notna().to_numpy()
    period = np.minimum(np.arange(len(frame)) * periods // len(frame), periods - 1)
    if np.bincount(period[known], minlength=periods).min() < FEWEST:
        raise UserError(
            f"residual_kw: {int(known.sum())} known rises are too few for {periods} periods of "
            f"{FEWEST}; give a longer record or fewer periods"
        )
    rows = []
    weeks = _blocks(frame.index, "week", timezone)
    for method in methods:
        for chance in chances:
            margin = np.full(len(frame), np.nan)
            for unseen in range(periods):
                past = frame[known & (period != unseen)]
                here = known & (period == unseen)
                margin[here] = _METHODS[method](past, frame[here], chance)
            rows.append({"method": method, "chance": chance}
                        | _score(frame["rise_kw"].to_numpy()[known], margin[known], chance,
                                 period[known], weeks[known], seed))  # fmt: skip
    return pd.DataFrame(rows).set_index(["method", "chance"])


def _frame(residual_kw: xr.DataArray, within, timezone: str) -> pd.DataFrame:
    """Return, for each interval, its rise and what is known of it when it begins."""
    rise = rises(residual_kw, within)
    time = pd.DatetimeIndex(rise["time"].to_numpy()).tz_localize("UTC")
    days, clock_hour = _clock_cells(time, timezone)
    change = np.diff(residual_kw.to_numpy().astype(float), prepend=np.nan)
    columns = {"rise_kw": rise.to_numpy(), "change_kw": change, "days": days, "hour": clock_hour}
    return pd.DataFrame(columns, time)


def _scaled(past, future, chance: float, gain: float, fade: float, base: float) -> np.ndarray:
    """Return the margin of filtered historical simulation under a scale that has a memory."""
    mean_square = float(np.nanmean(past["change_kw"] ** 2))
    if not mean_square > 0:
        return _plain(past, future, chance)

    def scale(frame: pd.DataFrame) -> np.ndarray:
        square = np.square(frame["change_kw"].fillna(0.0).to_numpy())
        start = [fade * mean_square]
        variance, _ = lfilter([1.0], [1.0, -fade], base + gain * square, zi=start)
        return np.sqrt(np.maximum(variance, _LEAST_SCALE**2 * mean_square))

    return scale(future) * _exceeded(past["rise_kw"].to_numpy() / scale(past), chance)


def _score(rise_kw, margin_kw, chance: float, period, weeks, seed: int) -> dict[str, float]:
    above = rise_kw > margin_kw
    excess = rise_kw - margin_kw
    pinball = np.where(excess > 0, (1 - chance) * excess, -chance * excess)
    per_period = np.bincount(period, above) / np.bincount(period)
    margin_by = np.bincount(period, margin_kw) / np.bincount(period)
    codes = pd.factorize(weeks)[0]
    in_week, hits = np.bincount(codes), np.bincount(codes, above)
    draws = np.random.default_rng(seed).integers(len(hits), size=(_RESAMPLES, len(hits)))
    shares = hits[draws].sum(axis=1) / in_week[draws].sum(axis=1)
    low, high = np.quantile(shares, [0.05, 0.95])
    return {
        "exceeded_share": above.mean(),
        "low_share": low,
        "high_share": high,
        "worst_share": per_period.max(),
        "margin_kw": margin_kw.mean(),
        "margin_low_kw": margin_by.min(),
        "margin_high_kw": margin_by.max(),
        "pinball_kw": pinball.mean(),
        "intervals": len(rise_kw),
    }


# A start must stand out from noise by this many standard deviations of the change from step to
# step: normal noise passes it less than once in a thousand years of minutes.
_CLEAR = 7.0

# Where no smallest start is given, it is at least this share of the load's range.
_SHARE_OF_RANGE = 0.1

_LONGEST = pd.Timedelta("12h")


def _noise_kw(residual_kw: xr.DataArray) -> float:
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

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=60, freq="1min")
    >>> load = xr.DataArray([10.0] * 20 + [60.0] * 20 + [10.0] * 20, {"time": time}, ("time",))
    >>> detect(load, smallest_kw=30.0)[["size_kw", "duration_min"]].values.tolist()
    [[50.0, 20.0]]
    """
    step = step_of(residual_kw)
    load = residual_kw.to_numpy().astype(float)
    noise = _noise_kw(residual_kw)
    smallest_kw = _checked_smallest(smallest_kw, load, noise)
    first, size_kw, length = _starts(load, smallest_kw, int(_LONGEST / step))
    start = pd.DatetimeIndex(residual_kw["time"].to_numpy()[first]).tz_localize("UTC")
    minutes = step / pd.Timedelta("1min")
    days, hour = _clock_cells(start, timezone)
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


def _checked_smallest(smallest_kw: float | None, load: np.ndarray, noise: float) -> float:
    if smallest_kw is None:
        known = load[np.isfinite(load)]
        span = float(np.ptp(known)) if len(known) else 0.0
        return max(_CLEAR * noise, _SHARE_OF_RANGE * span, 1e-6)
    if not smallest_kw > 0:
        raise UserError(f"smallest_kw = {smallest_kw}: must be above 0 kW")
    if smallest_kw < _CLEAR * noise:
        raise UserError(
            f"smallest_kw = {smallest_kw:g}: does not stand out from the load's noise of "
            f"{noise:.3g} kW a step; give {_CLEAR * noise:.3g} kW or more"
        )
    return float(smallest_kw)


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
