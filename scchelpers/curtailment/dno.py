"""The DNO's view of a limit: how much, how often, how long. No demand enters here."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scchelpers.curtailment.restriction import EPS_KW, Restriction, restriction
from scchelpers.faults import UserError

YEAR_H = 8760.0
FEW_YEARS = 0.9  # a record shorter than this cannot carry a yearly figure
LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 11))


def dno_measures(
    limit_kw: xr.DataArray,
    requested_kw: float | xr.DataArray,
    *,
    levels_kw=None,
    hours_limit_h: float | None = None,
    step=None,
) -> xr.Dataset:
    """Measure a limit as a DNO's curtailment analysis does.

    Parameters
    ----------
    limit_kw : DataArray over time [kW]
        Limit, label = start of the interval; NaN where unknown. Intervals may be missing.
    requested_kw : float or DataArray over time [kW]
        Requested capacity.
    levels_kw : sequence of float, optional
        Cuts x [kW] for which P(cut >= x) is wanted; by default tenths of the largest requested
        capacity.
    hours_limit_h : float, optional
        Curtailment limit of the connection agreement [h a year]. It is counted by years that begin
        with the record; an unfinished year counts with the hours so far.
    step : str or Timedelta, optional
        Length of an interval; by default the shortest distance between two stamps.

    Returns
    -------
    Dataset
        max_cut_kw [kW]; availability (share of observed time with the whole capacity); events,
        full_events (count; those that reach nothing allowed); event_p50_h, event_p90_h,
        event_max_h [h], NaN without events; events_per_year (of observed time); probability over
        cut_kw, P(cut >= x); restricted_kwh [kWh]; equivalent_full_h [h], restricted energy ÷
        requested capacity; restricted_h, partial_h, full_h [h], hours with any restriction, with
        some and with no capacity left; above_limit_h, equivalent_above_limit_h [h], hours beyond
        hours_limit_h by either count, NaN without one; observed_h, missing_h [h];
        `attrs["warning"]`, "" or why a yearly figure means little.

    Raises
    ------
    UserError
        If the limit or the requested capacity cannot be used.

    Notes
    -----
    Which of the two counts of hours an agreement means, it must say itself. A probability from one
    year holds for that year's weather. Source of the quantities: report section 8.2.

    Examples
    --------
    >>> import pandas as pd
    >>> time = pd.date_range("2026-01-01", periods=4, freq="30min")
    >>> limit = xr.DataArray([100.0, 60, 0, 100], coords={"time": time}, dims="time")
    >>> measures = dno_measures(limit, 100.0)
    >>> float(measures["restricted_kwh"]), int(measures["events"]), float(measures["full_h"])
    (70.0, 1, 0.5)
    """
    cut = restriction(limit_kw, requested_kw, step=step)
    observed = cut.observed
    if not observed.any():
        raise UserError("limit_kw: no interval has a known value")
    if hours_limit_h is not None and not hours_limit_h >= 0:
        raise UserError(f"hours_limit_h = {hours_limit_h}: must be 0 h a year or more")
    most_kw = float(cut.requested_kw.max())
    levels = np.asarray([s * most_kw for s in LEVELS] if levels_kw is None else levels_kw, float)
    known_kw = cut.cut_kw[observed]
    observed_h = float(observed.sum() * cut.step_h)
    span_h = float((cut.time[-1] - cut.time[0]) / np.timedelta64(1, "h")) + cut.step_h
    durations_h = (cut.runs[:, 1] - cut.runs[:, 0]) * cut.step_h
    middle, ninth, longest = _quantiles(durations_h)
    share = np.where(observed, cut.cut_kw / cut.requested_kw, 0.0)
    beyond, beyond_equivalent = (
        _beyond(cut, hours * cut.step_h, hours_limit_h) for hours in (cut.on, share)
    )
    values = {
        "max_cut_kw": (known_kw.max(), "kW", "largest restriction"),
        "availability": (1 - cut.on[observed].mean(), "1", "time with the whole capacity"),
        "events": (len(durations_h), "1", "events"),
        "full_events": (_full_events(cut), "1", "events in which nothing is allowed for a time"),
        "events_per_year": (len(durations_h) * YEAR_H / observed_h, "1", "events a year observed"),
        "event_p50_h": (middle, "h", "median length of an event"),
        "event_p90_h": (ninth, "h", "length that 90 of 100 events do not exceed"),
        "event_max_h": (longest, "h", "longest event"),
        "restricted_kwh": (np.nansum(cut.cut_kw) * cut.step_h, "kWh", "restricted energy"),
        "equivalent_full_h": (share.sum() * cut.step_h, "h", "equivalent hours of no capacity"),
        "restricted_h": (cut.on.sum() * cut.step_h, "h", "hours with any restriction"),
        "partial_h": ((cut.on & ~cut.full).sum() * cut.step_h, "h", "hours partly restricted"),
        "full_h": (cut.full.sum() * cut.step_h, "h", "hours with nothing allowed"),
        "above_limit_h": (beyond, "h", "hours of any restriction above the hours limit"),
        "equivalent_above_limit_h": (beyond_equivalent, "h", "equivalent hours above that limit"),
        "observed_h": (observed_h, "h", "hours with a known limit"),
        "missing_h": (span_h - observed_h, "h", "hours within the record without one"),
    }
    probability = [(known_kw >= level - EPS_KW).mean() for level in levels]
    return xr.Dataset(
        {
            name: ((), value, {"units": unit, "long_name": meaning})
            for name, (value, unit, meaning) in values.items()
        }
        | {"probability": ("cut_kw", probability, {"units": "1", "long_name": "P(cut >= x)"})},
        coords={"cut_kw": ("cut_kw", levels, {"units": "kW", "long_name": "restriction x"})},
        attrs={"requested_kw": most_kw, "warning": _warning(observed_h, span_h)},
    )


def _quantiles(durations_h: np.ndarray) -> tuple[float, float, float]:
    if not len(durations_h):
        return np.nan, np.nan, np.nan
    middle, ninth = np.quantile(durations_h, [0.5, 0.9])
    return middle, ninth, durations_h.max()


def _full_events(cut: Restriction) -> int:
    full = np.concatenate(([0], np.cumsum(cut.full)))
    return int((full[cut.runs[:, 1]] > full[cut.runs[:, 0]]).sum())


def _beyond(cut: Restriction, hours: np.ndarray, hours_limit_h: float | None) -> float:
    if hours_limit_h is None:
        return np.nan
    year = ((cut.time - cut.time[0]) / np.timedelta64(1, "h") // YEAR_H).astype(int)
    return float(np.maximum(np.bincount(year, hours) - hours_limit_h, 0.0).sum())


def _warning(observed_h: float, span_h: float) -> str:
    said = []
    if observed_h < FEW_YEARS * YEAR_H:
        said.append(
            f"{observed_h:,.0f} h are on record, less than a year: a count per year is no forecast"
        )
    if observed_h < FEW_YEARS * span_h:
        said.append(f"{1 - observed_h / span_h:.0%} of the record is missing")
    return "; ".join(said)
