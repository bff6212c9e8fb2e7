"""The frontier: capacity kept for charging against excursions, by response time and margin.

In the worst case charging takes all that the limit allows at every moment; with `want_kw` it takes
what cars would draw. All figures are per year of known time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm import kernel
from scchelpers.clm.capacity import checked_power_factor
from scchelpers.clm.control import Controller, believed_kw, step_of
from scchelpers.clm.limits import checked_latency
from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR

LATENCIES = ("0s", "1s", "5s", "15s", "30s", "1min", "2min", "5min", "10min", "15min", "30min")
YEAR_H = 8766.0


def frontier(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latencies: Sequence[str] = LATENCIES,
    margins_kw: Sequence[float],
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
            kernel.sweep(
                load, believed, want, agreed_kw, *_split(delay / step), margins, first,
                per_half_hour,
            )
            for delay in late
        ]
    )  # fmt: skip
    [exact] = kernel.sweep(load, load, want, agreed_kw, 0, 0.0, np.zeros(1), first, per_half_hour)
    years = known_h / YEAR_H
    columns = {
        "events": (kernel.EVENTS, 1 / years, "1/year"),
        "half_hours": (kernel.HALF_HOURS, 1 / years, "1/year"),
        "excursion_h": (kernel.ABOVE, hour / years, "h/year"),
        "excess_kwh": (kernel.EXCESS, hour / years, "kWh/year"),
        "worst_kw": (kernel.WORST, 1.0, "kW"),
        "longest_min": (kernel.LONGEST, 60 * hour, "min"),
        "kept_kw": (kernel.CHARGED, hour / known_h, "kW"),
        "highest_kva": (kernel.HIGHEST, 1 / power_factor, "kVA"),
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
            "perfect_kw": float(exact[kernel.CHARGED] * hour / known_h),
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
) -> float:
    """Return the smallest margin that keeps excursions to a time in the year [kW].

    It is exact on these data, in the worst case that charging takes all the limit allows; whether
    it holds on other data is another question (`clm.volatility`).

    Parameters
    ----------
    tolerated_h : float
        Time above the DSC that is tolerated in a year [h]; 0 for none on these data.

    Returns
    -------
    float
        Margin [kW], NaN where no load is known.
    """
    if not tolerated_h >= 0:
        raise UserError(f"tolerated_h = {tolerated_h}: must be 0 h or more")
    agreed_kw = dsc_kva * checked_power_factor(power_factor)
    load, believed, *_ = _arrays(residual_kw, controller, None)
    whole, part = _split(checked_latency(latency) / step_of(residual_kw))
    needed = kernel.needs(load, believed, agreed_kw, whole, part)
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
    return round(max(float(needed[top[min(at, most - 1)]]), 0.0), 3)  # to a watt


def premium(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    tolerated_h: float,
    latencies: Sequence[str] = LATENCIES,
    controller: Controller | None = None,
) -> pd.DataFrame:
    """Return the volatility premium: capacity lost to slowness, compared with perfect knowledge.

    Returns
    -------
    pandas.DataFrame
        Indexed by latency_s [s]: margin_kw (the smallest that keeps to `tolerated_h`), kept_kw,
        premium_kw (perfect less kept, means over the year), premium_share (of perfect),
        premium_kwh [a year], events [a year], excursion_h, worst_kw, highest_kva.
    """
    rows = {}
    for latency in latencies:
        given = {"power_factor": power_factor, "controller": controller}
        margin_kw = required_margin(
            residual_kw, dsc_kva, latency=latency, tolerated_h=tolerated_h, **given
        )
        at = frontier(residual_kw, dsc_kva, latencies=[latency], margins_kw=[margin_kw], **given)
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
