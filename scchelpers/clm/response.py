"""The frontier: capacity kept for charging against excursions, by response time and margin.

In the worst case charging takes all that the limit allows at every moment; with `want_kw` it takes
what cars would draw. All figures are per year of known time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import (
    Controller,
    believed_kw,
    checked_latency,
    checked_power_factor,
    dynamic_limit,
    step_of,
)
from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR, YEAR_H

_HOUR, _MINUTE = np.timedelta64(1, "h"), np.timedelta64(1, "m")

_HOUR_NS = 3.6e12

DAY = pd.Timedelta("1D")

_RESAMPLES = 400

_NOTHING_KW = 1e-3  # a watt: less is rounding of the data, not an excursion


def site_import(residual_kw: xr.DataArray, charging_kw: xr.DataArray) -> xr.Dataset:
    """Return the import of a site from its residual load and its charging.

    Both are piecewise constant; the result has a piece wherever either changes, so that a limit
    that acts five seconds late shows as a piece of five seconds.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    charging_kw : xarray.DataArray
        Charging power [kW], or the limit where charging takes all of it; over any rising `time`.
        Its last value holds on.

    Returns
    -------
    xarray.Dataset
        import_kw, charging_kw [kW] and length_h [h] of each piece, over `time`, the load's span.

    See Also
    --------
    excursions

    Examples
    --------
    >>> time = {"time": pd.date_range("2025-01-06", periods=2, freq="1min")}
    >>> both = site_import(xr.DataArray([10.0, 30.0], time), xr.DataArray([5.0, 5.0], time))
    >>> both["import_kw"].values.tolist()
    [15.0, 35.0]
    """
    step = step_of(residual_kw).to_timedelta64()
    load_time = residual_kw["time"].to_numpy()
    end = load_time[-1] + step
    other = charging_kw["time"].to_numpy()
    time = merged(load_time, other[(other > load_time[0]) & (other < end)])
    load = residual_kw.to_numpy()[np.searchsorted(load_time, time, side="right") - 1].astype(float)
    at = np.searchsorted(other, time, side="right") - 1
    charging = np.where(at < 0, np.nan, charging_kw.to_numpy()[np.maximum(at, 0)])
    units = {"units": "kW"}
    return xr.Dataset(
        {
            "import_kw": ("time", load + charging, units),
            "charging_kw": ("time", charging, units),
            "length_h": ("time", np.diff(time, append=end) / _HOUR, {"units": "h"}),
        },
        {"time": time},
    )


def merged(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the stamps of two rising arrays in one, each once."""
    both = np.concatenate([one, other]).astype("datetime64[ns]")
    both.sort(kind="stable")  # merges two runs; np.union1d would hash every stamp
    return both[np.r_[True, both[1:] != both[:-1]]]


def _excess_kw(flow: xr.Dataset, agreed_kw: float) -> np.ndarray:
    """Return by how much charging exceeds what the capacity leaves to it [kW], in each piece.

    What the residual load alone draws above the capacity is not an excursion of the CLM: no limit
    could take it away.
    """
    above = flow["import_kw"].to_numpy() - agreed_kw
    return np.clip(above, 0.0, flow["charging_kw"].to_numpy())


def excursions(flow: xr.Dataset, agreed_kw: float) -> pd.DataFrame:
    """Return each excursion: a run of pieces in which charging takes the import above the DSC.

    Parameters
    ----------
    flow : xarray.Dataset
        From `site_import`.
    agreed_kw : float
        Active power at the DSC [kW].

    Returns
    -------
    pandas.DataFrame
        start [UTC], duration_min [min], depth_kw [kW] (the largest), excess_kwh [kWh]. A missing
        value ends a run.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1min")
    >>> load = xr.DataArray([50.0, 90.0, 90.0, 50.0], {"time": time}, ("time",))
    >>> cars = xr.DataArray([50.0, 50.0, 10.0, 10.0], {"time": time}, ("time",))
    >>> excursions(site_import(load, cars), 100.0)[["duration_min", "depth_kw"]].values.tolist()
    [[1.0, 40.0]]
    """
    excess = _excess_kw(flow, agreed_kw)
    inside = excess > _NOTHING_KW
    edges = np.flatnonzero(np.diff(np.r_[False, inside, False]))
    first, last = edges[::2], edges[1::2]
    hours = flow["length_h"].to_numpy()
    energy = np.r_[0.0, np.cumsum(np.where(inside, excess * hours, 0.0))]
    time = flow["time"].to_numpy()
    end = np.append(time[1:], time[-1:] + (hours[-1:] * _HOUR_NS).round().astype("timedelta64[ns]"))
    # Between two runs there is no excess, so that the largest up to the next run is the run's.
    depth = np.maximum.reduceat(excess, first) if len(first) else np.array([])
    return pd.DataFrame(
        {
            "start": pd.DatetimeIndex(time[first]).tz_localize("UTC"),
            "duration_min": (end[last - 1] - time[first]) / _MINUTE,
            "depth_kw": depth,
            "excess_kwh": energy[last] - energy[first],
        }
    )


def half_hours_kva(flow: xr.Dataset, *, power_factor: float) -> xr.DataArray:
    """Return the mean import of each half hour [kVA], which is what is metered and billed.

    Parameters
    ----------
    flow : xarray.Dataset
        From `site_import`.
    power_factor : float
        Power factor of the import.

    Returns
    -------
    xarray.DataArray
        kVA over `time`, half hours [UTC]; missing where a piece of the half hour is.
    """
    start = pd.DatetimeIndex(flow["time"].to_numpy()).floor(HALF_HOUR)
    codes, halves = pd.factorize(start)
    hours = flow["length_h"].to_numpy()
    energy = np.bincount(codes, flow["import_kw"].to_numpy() * hours)
    mean_kva = energy / np.bincount(codes, hours) / power_factor
    return xr.DataArray(
        mean_kva, {"time": halves.to_numpy()}, ("time",), "import_kva", {"units": "kVA"}
    )


# Columns of `_sweep`, one row a margin.
_EVENTS, _ABOVE, _EXCESS, _WORST, _LONGEST, _HALF_HOURS, _CHARGED, _HIGHEST = range(8)

_MEASURES = 8


@numba.njit(cache=True, nogil=True)
def _sweep(load, believed, want, agreed_kw, floor, whole, part, margins, first, per_half_hour):
    """Return the excursions and the charging of each margin."""
    out = np.zeros((len(margins), _MEASURES))
    for m in range(len(margins)):
        run = longest = block = 0.0
        touched = False
        filled = 0
        highest = -np.inf
        for k in range(len(load)):
            if (first + k) % per_half_hour == 0:
                block, filled, touched = 0.0, 0, False
            drawn = 0.0
            for piece in range(2):
                weight = part if piece == 0 else 1.0 - part
                if weight <= 0.0:
                    continue
                at = k - whole - (1 - piece)
                charging = 0.0
                excess = 0.0
                if at >= 0 and not np.isnan(believed[at]) and not np.isnan(load[k]):
                    limit = agreed_kw - believed[at] - margins[m]
                    charging = min(want[k], max(floor, min(limit, agreed_kw)))
                    excess = min(charging, load[k] + charging - agreed_kw)
                drawn += weight * charging
                if excess > _NOTHING_KW:
                    if run == 0.0:
                        out[m, _EVENTS] += 1
                    run += weight
                    longest = max(longest, run)
                    out[m, _ABOVE] += weight
                    out[m, _EXCESS] += weight * excess
                    out[m, _WORST] = max(out[m, _WORST], excess)
                    if not touched:
                        touched = True
                        out[m, _HALF_HOURS] += 1
                else:
                    run = 0.0
            out[m, _CHARGED] += drawn
            if not np.isnan(load[k]):
                block += load[k] + drawn
                filled += 1
            if filled == per_half_hour:
                highest = max(highest, block / per_half_hour)
        out[m, _LONGEST] = longest
        out[m, _HIGHEST] = highest
    return out


@numba.njit(cache=True, nogil=True)
def _needs(load, believed, agreed_kw, whole, part):
    """Return the margin that each piece of each step would have needed [kW], shape (steps, 2).

    Charging takes all that the limit allows: it then exceeds the capacity by
    min(load, agreed) - believed - margin, so that this margin, and no less, avoids it. NaN where
    the load or the controller's knowledge of it is missing, or the piece has no length.
    """
    out = np.full((len(load), 2), np.nan)
    for k in range(len(load)):
        for piece in range(2):
            at = k - whole - (1 - piece)
            if at < 0 or (piece == 0 and part <= 0.0):
                continue
            need = min(load[k], agreed_kw) - believed[at]
            # The limit is never above the capacity, so that a site that exports needs no margin.
            out[k, piece] = min(need, 0.0) if load[k] <= 0.0 else need
    return out


LATENCIES = ("0s", "1s", "5s", "15s", "30s", "1min", "2min", "5min", "10min", "15min", "30min")


def frontier(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latencies: Sequence[str] = LATENCIES,
    margins_kw: Sequence[float],
    floor_kw: float = 0.0,
    controller: Controller | None = None,
    want_kw: xr.DataArray | None = None,
) -> xr.Dataset:
    """Return what each response time and margin leaves to charging, and what it risks.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time` [UTC] of at most half an hour; NaN where missing.
    dsc_kva : float
        Declared supply capacity [kVA].
    power_factor : float
        Power factor of the import.
    latencies : sequence of str
        Response times, from the reading to the cars having followed.
    margins_kw : sequence of float
        Margins [kW].
    floor_kw : float
        Least limit [kW], as in `clm.dynamic_limit`.
    controller : Controller, optional
        Metering and control.
    want_kw : xarray.DataArray, optional
        What cars would draw [kW] on the same `time`; by default all that the limit allows.

    Returns
    -------
    xarray.Dataset
        Over (latency [s], margin [kW]): events, half_hours (touched) [per year], excursion_h,
        excess_kwh [per year], worst_kw, longest_min, kept_kw (mean charging), highest_kva (half
        hour of import). `attrs`: perfect_kw, mean charging with perfect knowledge.

    Notes
    -----
    A response time shorter than the data's step is exact for the data as they are, constant within
    each step: a rise from one step to the next is met late by that time. What happens inside a
    step the data do not show; nothing is interpolated. As the margin grows, time, depth and energy
    of excursions and the half hours touched never grow; their number may, as one splits into two.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=60, freq="1min")
    >>> load = xr.DataArray([50.0, 70.0] * 30, {"time": time}, ("time",))
    >>> swept = {"latencies": ["0s", "1min"], "margins_kw": [0.0, 20.0]}
    >>> (frontier(load, 100.0, power_factor=1.0, **swept)["events"] > 0).values.tolist()
    [[False, False], [True, False]]
    """
    agreed_kw = dsc_kva * checked_power_factor(power_factor)
    margins = np.asarray(margins_kw, dtype=float)
    if (margins < 0).any():
        raise UserError(f"margins_kw = {margins.min():g}: must be 0 kW or more")
    load, believed, want, first, per_half_hour = _arrays(residual_kw, controller, want_kw)
    step = step_of(residual_kw)
    hour = step / pd.Timedelta("1h")
    known_h = np.isfinite(load).sum() * hour
    late = [checked_latency(latency) for latency in latencies]
    swept = np.stack(
        [
            _sweep(
                load, believed, want, agreed_kw, floor_kw, *_split(delay / step), margins, first,
                per_half_hour,
            )
            for delay in late
        ]
    )  # fmt: skip
    [exact] = _sweep(load, load, want, agreed_kw, 0.0, 0, 0.0, np.zeros(1), first, per_half_hour)
    years = known_h / YEAR_H
    columns = {
        "events": (_EVENTS, 1 / years, "1/year"),
        "half_hours": (_HALF_HOURS, 1 / years, "1/year"),
        "excursion_h": (_ABOVE, hour / years, "h/year"),
        "excess_kwh": (_EXCESS, hour / years, "kWh/year"),
        "worst_kw": (_WORST, 1.0, "kW"),
        "longest_min": (_LONGEST, 60 * hour, "min"),
        "kept_kw": (_CHARGED, hour / known_h, "kW"),
        "highest_kva": (_HIGHEST, 1 / power_factor, "kVA"),
    }
    return xr.Dataset(
        {
            name: (("latency", "margin"), swept[:, :, column] * scale, {"units": unit})
            for name, (column, scale, unit) in columns.items()
        },
        {
            "latency": ("latency", [delay.total_seconds() for delay in late], {"units": "s"}),
            "margin": ("margin", margins, {"units": "kW"}),
        },
        {
            "perfect_kw": float(exact[_CHARGED] * hour / known_h),
            "agreed_kw": agreed_kw,
            "known_h": float(known_h),
            "step_s": step.total_seconds(),
        },
    )


def required_margin(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latency: str | pd.Timedelta,
    tolerated_h: float,
    controller: Controller | None = None,
    confidence: float | None = None,
    seed: int = 0,
) -> float:
    """Return the smallest margin that keeps excursions to a time in the year [kW].

    The worst case is judged: charging takes all the limit allows. Without `confidence` the margin
    is exact on these data and says nothing of others.

    Parameters
    ----------
    tolerated_h : float
        Time above the DSC that is tolerated in a year [h]; 0 for none on these data.
    confidence : float, optional
        Chance with which a record as long as this one, of weeks like these, is to keep to that.
    seed : int
        Seed of its resampling.

    Returns
    -------
    float
        Margin [kW], NaN where no load is known.

    Notes
    -----
    With `confidence` it is that quantile of the margins that resampled weeks need (block
    bootstrap). They are drawn twice, as the record is one sample of the weeks and the later time
    another. No resample holds a rise larger than the largest on record: where the tolerated time
    is that of one or two intervals, the largest stands.

    See Also
    --------
    dynamic_limit, premium

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("riverside-leisure")
    >>> supply = {"dsc_kva": site.dsc_kva, "power_factor": site.power_factor, "tolerated_h": 1.0}
    >>> quick = required_margin(site.residual_kw, latency="15s", **supply)
    >>> slow = required_margin(site.residual_kw, latency="5min", **supply)
    >>> bool(quick < slow)
    True
    """
    if not tolerated_h >= 0:
        raise UserError(f"tolerated_h = {tolerated_h}: must be 0 h or more")
    agreed_kw = dsc_kva * checked_power_factor(power_factor)
    load, believed, *_ = _arrays(residual_kw, controller, None)
    whole, part = _split(checked_latency(latency) / step_of(residual_kw))
    needed = _needs(load, believed, agreed_kw, whole, part)
    known = np.isfinite(needed)
    if not known.any():
        return np.nan
    weight = np.broadcast_to([part, 1 - part], needed.shape)[known]
    needed = needed[known]
    allowed = tolerated_h / YEAR_H * np.isfinite(load).sum()
    # Only the largest can matter: enough of them that the lighter pieces alone use up the time.
    lightest = min(piece for piece in (part, 1 - part) if piece > 0)
    most = min(int(allowed / lightest) + 2, len(needed))
    top = np.argpartition(-needed, most - 1)[:most]
    top = top[np.argsort(-needed[top], kind="stable")]
    at = int(np.searchsorted(np.cumsum(weight[top]), allowed + 1e-9, side="right"))
    margin_kw = float(needed[top[min(at, most - 1)]])
    if confidence is not None:
        day = np.repeat(np.arange(len(load)), 2)[known.ravel()] // int(DAY / step_of(residual_kw))
        drawn = _again(needed, weight, day // 7, allowed, np.random.default_rng(seed))
        margin_kw = max(margin_kw, float(np.quantile(drawn, confidence)))
    return round(max(margin_kw, 0.0), 3)  # to a watt


def _again(needed, weight, week, allowed: float, rng) -> np.ndarray:
    """Return the margin that weeks drawn with replacement, twice, would need [kW]."""
    order = np.argsort(-needed, kind="stable")[: 20 * int(allowed / weight.min() + 1) + 1000]
    needed, weight, codes = needed[order], weight[order], week[order]
    count = int(week.max()) + 1
    # Four times the tolerated time nearly always holds what a resample passes over.
    near = int(np.searchsorted(np.cumsum(weight), 4 * allowed)) + 1000
    drawn = np.empty(_RESAMPLES)
    for k in range(_RESAMPLES):
        once = rng.integers(count, size=count)
        times = np.bincount(once[rng.integers(count, size=count)], minlength=count)
        passed = np.cumsum(weight[:near] * times[codes[:near]])
        if passed[-1] <= allowed + 1e-9:
            passed = np.cumsum(weight * times[codes])
        at = int(np.searchsorted(passed, allowed + 1e-9, side="right"))
        drawn[k] = needed[min(at, len(needed) - 1)]
    return drawn


def premium(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    tolerated_h: float,
    latencies: Sequence[str] = LATENCIES,
    floor_kw: float = 0.0,
    controller: Controller | None = None,
    confidence: float | None = None,
) -> pd.DataFrame:
    """Return the volatility premium: capacity lost to slowness, compared with perfect knowledge.

    The parameters are those of `frontier` and `required_margin`.

    Returns
    -------
    pandas.DataFrame
        Indexed by latency_s [s]: margin_kw (the smallest that keeps to `tolerated_h`), kept_kw,
        premium_kw (perfect less kept, means over the year), premium_share (of perfect),
        premium_kwh [a year], events [a year], excursion_h, worst_kw, highest_kva.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("riverside-leisure")
    >>> asked = {"power_factor": site.power_factor, "tolerated_h": 1.0}
    >>> found = premium(site.residual_kw, site.dsc_kva, **asked, latencies=["15s", "5min"])
    >>> found["premium_kw"].is_monotonic_increasing
    True
    """
    rows = {}
    for latency in latencies:
        given = {"power_factor": power_factor, "controller": controller}
        margin_kw = required_margin(
            residual_kw, dsc_kva, latency=latency, tolerated_h=tolerated_h,
            confidence=confidence, **given,
        )  # fmt: skip
        at = frontier(
            residual_kw, dsc_kva, latencies=[latency], margins_kw=[margin_kw], floor_kw=floor_kw,
            **given,
        )  # fmt: skip
        point = {name: float(at[name].squeeze()) for name in at.data_vars}
        lost_kw = at.attrs["perfect_kw"] - point["kept_kw"]
        rows[float(at["latency"][0])] = {
            "margin_kw": margin_kw,
            "kept_kw": point["kept_kw"],
            "premium_kw": lost_kw,
            "premium_share": lost_kw / at.attrs["perfect_kw"],
            "premium_kwh": lost_kw * YEAR_H,
            **{name: point[name] for name in ("events", "excursion_h", "worst_kw", "highest_kva")},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("latency_s")


def _arrays(residual_kw: xr.DataArray, controller: Controller | None, want_kw):
    step = step_of(residual_kw)
    if HALF_HOUR % step:
        raise UserError(
            f"residual_kw has a step of {step / pd.Timedelta('1min'):g} min; it must divide "
            "30 min, as half hours are billed"
        )
    load = residual_kw.to_numpy().astype(float)
    want = np.full(len(load), np.inf) if want_kw is None else want_kw.to_numpy().astype(float)
    if len(want) != len(load):
        raise UserError(f"want_kw has {len(want)} intervals, residual_kw has {len(load)}")
    start = residual_kw.get_index("time")[0]
    first = int((start - start.floor(HALF_HOUR)) / step)
    believed = believed_kw(residual_kw, controller or Controller())
    return load, believed, want, first, int(HALF_HOUR / step)


def _split(steps: float) -> tuple[int, float]:
    """Return a latency in steps as whole steps and the rest."""
    whole = int(steps)
    return whole, steps - whole


_STEPS = ("1min", "5min", "15min", "30min")


def coarsened(load: xr.DataArray, step: str | pd.Timedelta) -> xr.DataArray:
    """Return a load as means over longer intervals; missing where any part is.

    Parameters
    ----------
    load : xarray.DataArray
        Load over a regular `time`.
    step : str or Timedelta
        Multiple of its step; intervals begin at multiples of it, as meters' do.
    """
    own = step_of(load)
    length = pd.Timedelta(step)
    if length % own:
        raise UserError(f"step = {step!r}: must be a multiple of the data's step, {own}")
    codes, starts = pd.factorize(load.get_index("time").floor(length))
    many = np.bincount(codes)
    means = np.bincount(codes, load.to_numpy().astype(float)) / many
    means[many < length / own] = np.nan  # a part of an interval is no mean of it
    return xr.DataArray(means, {"time": starts.to_numpy()}, ("time",), load.name, load.attrs)


def granularity(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latency: str,
    tolerated_h: float,
    steps: Sequence[str] = _STEPS,
) -> pd.DataFrame:
    """Return what studies with coarser data would conclude, and what would then really happen.

    Each study derives the margin for `tolerated_h` from means over its step. The CLM that is built
    with that margin then meets the load as it is on record. Charging takes all it may.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW], the finer the better.
    dsc_kva, power_factor, latency, tolerated_h
        As `required_margin` takes them.
    steps : sequence of str
        Steps to study; those finer than the data, or no multiple of their step, are left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by step_min [min]: margin_kw, what the study derives; seen_h, excursions it expects
        [h a year]; true_h, true_events, worst_kw, what there is [a year]; hidden_share, share of
        those events that half-hourly means of the import would not show; missing_kw, margin to be
        added to make that study safe.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("riverside-leisure")
    >>> asked = {"power_factor": site.power_factor, "latency": "15s", "tolerated_h": 1.0}
    >>> granularity(site.residual_kw, site.dsc_kva, **asked, steps=["30min"]).index.tolist()
    [5.0, 30.0]
    """
    own = step_of(residual_kw)
    given = {"power_factor": power_factor}
    risk = {"latency": latency, "tolerated_h": tolerated_h}
    lengths = [pd.Timedelta(step) for step in steps]
    studies = sorted({own, *(length for length in lengths if length > own and not length % own)})
    enough_kw = required_margin(residual_kw, dsc_kva, **given, **risk)
    rows = {}
    for length in studies:
        coarse = coarsened(residual_kw, length)
        margin_kw = required_margin(coarse, dsc_kva, **given, **risk)
        at = {"latencies": [latency], "margins_kw": [margin_kw]}
        seen = frontier(coarse, dsc_kva, **given, **at).squeeze()
        true = frontier(residual_kw, dsc_kva, **given, **at).squeeze()
        limit_kw = dynamic_limit(
            residual_kw, dsc_kva, **given, latency=latency, margin_kw=margin_kw
        )
        flow = site_import(residual_kw, limit_kw.fillna(0.0))
        found = excursions(flow, dsc_kva * power_factor)
        rows[length / pd.Timedelta("1min")] = {
            "margin_kw": margin_kw,
            "seen_h": float(seen["excursion_h"]),
            "true_h": float(true["excursion_h"]),
            "true_events": float(true["events"]),
            "worst_kw": float(true["worst_kw"]),
            "hidden_share": _hidden(flow, found, dsc_kva * power_factor).mean()
            if len(found)
            else 0.0,
            "missing_kw": max(enough_kw - margin_kw, 0.0),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step_min")


def _hidden(flow: xr.Dataset, found: pd.DataFrame, agreed_kw: float, step="30min") -> np.ndarray:
    """Return which excursions the means over a step do not show."""
    codes, starts = pd.factorize(pd.DatetimeIndex(flow["time"].to_numpy()).floor(step))
    hours = flow["length_h"].to_numpy()
    mean_kw = np.bincount(codes, flow["import_kw"].to_numpy() * hours) / np.bincount(codes, hours)
    above = np.r_[0, np.cumsum(mean_kw > agreed_kw + _NOTHING_KW)]
    start = found["start"].dt.tz_localize(None)
    end = start + pd.to_timedelta(found["duration_min"], unit="min")
    first = np.searchsorted(starts, start.to_numpy(), side="right") - 1
    last = np.searchsorted(starts, end.to_numpy(), side="left")
    return above[last] == above[first]
