"""Rules of load series: their stamps and their values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import Fault, closest
from scchelpers.portfolio import tables
from scchelpers.timebase import utc_index

CONTRADICTION = "must hold min ≤ mean ≤ max"
SLACK = 1e-3  # share of the value that rounding to 32 bits or to a printed decimal may cost
ABSURD = 10  # times the rating


def load_faults(
    load: xr.Dataset, group: str, series_id: str, rating_kva: float | None = None
) -> list[Fault]:
    """Return the faults of one load series.

    Parameters
    ----------
    load : xarray.Dataset
        Variables of `tables.LOADS[group]` over `time` (UTC).
    group : str
        A group of `tables.LOADS`.
    series_id : str
        Site or asset.
    rating_kva : float, optional
        Largest rating of the asset [kVA].
    """
    file = f"loads.zarr/{group}/{series_id}"
    site = "" if group == "network_kva" else series_id

    def fault(field, rule, remedy, value="", row=None, severity="error"):
        return Fault(file, row, field, str(value)[:80], rule, remedy, severity, site)

    if group not in load:
        hint = closest(group, map(str, load.data_vars))
        return [fault(group, "the variable is required", hint or f"write {group!r} over time")]
    mean = load[group]
    if mean.dims != ("time",):
        return [fault(group, "must lie over the one dimension time", "write it so", mean.dims)]
    faults = [
        fault(name, "must be a variable that docs/portfolio.md names", hint, name, None, "note")
        for name in map(str, load.data_vars)
        if name not in tables.LOADS[group]
        for hint in [closest(name, tables.LOADS[group]) or "nothing to do: it is not read"]
    ]
    for name in tables.LOADS[group]:
        if name in load and not np.issubdtype(load[name].dtype, np.number):
            return [fault(name, "must be numbers", "write floats", load[name].dtype)]
    if "time" not in load.coords or not np.issubdtype(load["time"].dtype, np.datetime64):
        return [*faults, fault("time", "must be instants in UTC", "write a time coordinate")]
    stamps = _stamp_faults(load, fault)
    if any(f.severity == "error" for f in stamps):
        return faults + stamps
    return faults + stamps + _value_faults(load, group, rating_kva, fault)


def _stamp_faults(load: xr.Dataset, fault) -> list[Fault]:
    times = load["time"].to_numpy()
    if len(times) < 2 or np.isnat(times).any():
        remedy = "write the start of every interval [UTC]"
        return [fault("time", "must hold two stamps or more and none missing", remedy, len(times))]
    steps = np.diff(times)
    zero = np.timedelta64(0, "s")
    back, twice = np.flatnonzero(steps < zero) + 1, np.flatnonzero(steps == zero) + 1
    faults = []
    for bad, rule, remedy in (
        (back, "stamps must rise", "sort the series by time"),
        (twice, "stamps must be unique", "delete one of the two; were they local clock times?"),
    ):
        if len(bad):
            more = f"{remedy} ({len(bad)} such stamps, the first named here)"
            faults.append(fault("time", rule, more, _stamp(times[bad[0]]), int(bad[0]) + 1))
    if faults:
        return faults
    step = _step(times)
    odd = np.flatnonzero(steps % step != zero) + 1
    if len(odd) or np.timedelta64(1, "D") % step != zero:
        row = int(odd[0]) if len(odd) else 0
        remedy = f"average onto even intervals that divide a day ({len(odd)} odd steps)"
        return [fault("time", "steps must be even", remedy, _stamp(times[row]), row + 1)]
    if (times[0] - times[0].astype("datetime64[D]")) % step != zero:
        remedy = f"average onto intervals that start at 00:00 UTC and every {_minutes(step)} after"
        return [fault("time", "must lie on the UTC grid", remedy, _stamp(times[0]), 1)]
    if not np.timedelta64(1, "m") <= step <= np.timedelta64(30, "m"):
        remedy = "give 1 to 30 minutes: longer means hide peaks"
        faults.append(
            fault("time", "step must be 1 to 30 min", remedy, _minutes(step), None, "note")
        )
    gaps = np.flatnonzero(steps > step) + 1
    if len(gaps):
        lost = int((steps[gaps - 1] // step - 1).sum())
        remedy = f"{len(gaps)} gaps, {lost} intervals in all, are read as missing; fill if you can"
        at = int(gaps[0])
        faults.append(
            fault("time", "should have no gaps", remedy, _stamp(times[at - 1]), at, "note")
        )
    return faults


def _value_faults(load: xr.Dataset, group: str, rating_kva, fault) -> list[Fault]:
    mean = load[group].to_numpy().astype(float)
    known = mean[np.isfinite(mean)]
    if np.isinf(mean).any():
        row = int(np.flatnonzero(np.isinf(mean))[0]) + 1
        return [fault(group, "must be finite", "write a missing value as NaN", "inf", row)]
    if not len(known):
        return [fault(group, "must hold a value", "give the load or delete the series")]
    faults = []
    if len(known) < len(mean):
        value = f"{1 - len(known) / len(mean):.1%} missing"
        remedy = "missing stays missing; fill if you can"
        faults.append(fault(group, "should have no missing values", remedy, value, None, "note"))
    if not known.any():
        remedy = "delete the series if the load is not known"
        faults.append(fault(group, "should not be zero throughout", remedy, "0", None, "note"))
    size = np.abs(np.where(np.isfinite(mean), mean, 0))
    if rating_kva and size.max() > ABSURD * rating_kva:
        row = int(size.argmax())
        value = f"{mean[row]:g}"
        remedy = f"the rating is {rating_kva:g} kVA; is the series in W or VA? Give kVA"
        faults.append(fault(group, f"must not exceed {ABSURD} × rating", remedy, value, row + 1))
    for row in np.flatnonzero(contradictions(load, group)):
        value = f"{mean[row]:g} at {_stamp(load['time'].to_numpy()[row])}"
        remedy = "correct the mean, the largest or the smallest value"
        faults.append(fault(group, CONTRADICTION, remedy, value, int(row) + 1, "set aside"))
    return faults


def contradictions(load: xr.Dataset, group: str) -> np.ndarray:
    """Return the intervals whose mean is above their largest or below their smallest value."""
    mean = load[group].to_numpy().astype(float)
    stem, unit = group.rsplit("_", 1)
    slack = SLACK * np.abs(mean) + SLACK
    bad = np.zeros(len(mean), dtype=bool)
    for name, sign in ((f"{stem}_max_{unit}", 1), (f"{stem}_min_{unit}", -1)):
        if name in load:
            bad |= sign * (mean - load[name].to_numpy()) > slack
    return bad


def sound(load: xr.Dataset, group: str) -> xr.Dataset:
    """Return a load without contradictory intervals, on its unbroken grid; what lacks is NaN.

    Parameters
    ----------
    load : xarray.Dataset
        A series without errors, see `load_faults`.
    group : str
        A group of `tables.LOADS`.
    """
    attrs = {name: load[name].attrs for name in load.data_vars}
    load = load.where(xr.DataArray(~contradictions(load, group), dims="time"))
    times = load["time"].to_numpy()
    whole = np.arange(times[0], times[-1] + _step(times), _step(times))
    load = load.reindex(time=whole)
    for name, kept in attrs.items():
        load[name].attrs = kept
    return load


def _step(times: np.ndarray) -> np.timedelta64:
    steps, often = np.unique(np.diff(times), return_counts=True)
    return steps[often.argmax()]


def _stamp(time: np.datetime64) -> str:
    return utc_index(np.array([time]))[0].isoformat()


def _minutes(step: np.timedelta64) -> str:
    return f"{pd.Timedelta(step) / pd.Timedelta('1min'):g} min"
