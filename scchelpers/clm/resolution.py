"""What interval means can and cannot show of excursions that are judged in seconds.

A mean of a minute hides what happened within it. How much it can hide is bounded by the swing: how
far the power within an interval may lie from the mean of that interval, such as the largest machine
on the site. An interval with mean m and limit L was then above the limit

- for at least (m - L) / swing of its length where m > L (all of it where m - L >= swing), and
- for at most swing / (swing + L - m) of it where m <= L (none of it where L - m >= swing).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.compliance import Rules, judge, summary
from scchelpers.clm.control import step_of
from scchelpers.faults import UserError

READINGS = ("shortest", "as read", "longest")


def possible_runs(
    import_kw: xr.DataArray, limit_kw: float, swing_kw: float
) -> dict[str, pd.DataFrame]:
    """Return the excursions that interval means allow: the shortest, as read, and the longest.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Mean import [kW] over a regular `time`; a missing value shows nothing.
    limit_kw : float
        Limit [kW].
    swing_kw : float
        How far the power within an interval may lie from its mean [kW].

    Returns
    -------
    dict of str to pandas.DataFrame
        For each of `READINGS` start [UTC], duration_min [min] and depth_kw [kW, of the mean].
        "as read" takes power to be constant within an interval; "shortest" and "longest" take each
        interval at its bound, as one stretch, which in "longest" joins its neighbours'.
    """
    if not swing_kw > 0:
        raise UserError(f"swing_kw = {swing_kw}: must be above 0 kW")
    above_kw = import_kw.to_numpy().astype(float) - limit_kw
    above_kw[np.isnan(above_kw)] = -np.inf
    least = np.clip(above_kw / swing_kw, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        most = np.where(above_kw > 0, 1.0, swing_kw / (swing_kw - above_kw))
    most[above_kw <= -swing_kw] = 0.0
    shares = {"shortest": least, "as read": (above_kw > 0).astype(float), "longest": most}
    step, time = step_of(import_kw), import_kw["time"].to_numpy()
    return {
        name: _runs(share, above_kw, time, step, joined=name == "longest")
        for name, share in shares.items()
    }


def readings(
    import_kw: xr.DataArray, limit_kw: float, swing_kw: float, rules: Rules | None = None
) -> pd.DataFrame:
    """Return what the rules would make of interval means under each reading of them.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Mean import [kW] over a regular `time`.
    limit_kw : float
        Limit [kW].
    swing_kw : float
        How far the power within an interval may lie from its mean [kW].
    rules : Rules, optional

    Returns
    -------
    pandas.DataFrame
        Indexed by reading ("shortest", "as read", "longest"): recorded, counted, lock_outs,
        installer_visits, locked_h [h], above_min [min]. `attrs["step_s"]`, `attrs["swing_kw"]`.
    """
    step = step_of(import_kw)
    end = pd.Timestamp(import_kw["time"].to_numpy()[-1], tz="UTC") + step
    rows = {}
    for name, runs in possible_runs(import_kw, limit_kw, swing_kw).items():
        found = summary(judge(runs, rules), end)
        rows[name] = {**found, "above_min": runs["duration_min"].sum()}
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("reading")
    whole = ["recorded", "counted", "lock_outs", "installer_visits"]
    frame[whole] = frame[whole].astype(int)
    frame.attrs = {"step_s": step / pd.Timedelta("1s"), "swing_kw": float(swing_kw)}
    return frame


def _runs(share, above_kw, time, step, *, joined: bool) -> pd.DataFrame:
    """Return runs of intervals, each of which is above for a share of its length.

    A stretch goes through intervals that are above throughout. Where it is `joined`, it may begin
    in the one before them and end in the one after.
    """
    rows, k = [], 0
    touched = np.flatnonzero(share > 0)
    while (at := np.searchsorted(touched, k)) < len(touched):
        first = last = int(touched[at])
        while last + 1 < len(share) and share[last + 1] > 0:
            if share[last] < 1 and last > first:
                break
            if not joined and (share[last] < 1 or share[last + 1] < 1):
                break
            last += 1
        inside = slice(first, last + 1)
        late = (1 - share[first]) if last > first else 0.0
        rows.append((time[first] + late * step, share[inside].sum(), above_kw[inside].max()))
        k = last + 1
    columns = ["start", "duration_min", "depth_kw"]
    runs = pd.DataFrame(rows, columns=columns).astype({"start": "datetime64[ns]"})
    runs["start"] = runs["start"].dt.tz_localize("UTC")
    runs["duration_min"] = runs["duration_min"].astype(float) * (step / pd.Timedelta("1min"))
    runs["depth_kw"] = runs["depth_kw"].astype(float)
    return runs
