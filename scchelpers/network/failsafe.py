"""What happens when the link fails or the site does not comply: a state machine to be read.

The table below is the whole of it. Each step, the first event of `EVENTS` that has come about and
that the present state answers to leads to the next state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError

STATES = ("NORMAL", "LIMITED", "COMMS_LOST", "WARNING", "TRIPPED")

# What may come about in a step, the gravest first.
EVENTS = {
    "restored": "the supply was switched on again by hand",
    "defied": "the power stood above the cap for the time of warning and trip",
    "exceeded": "the power stood above the cap for the time of warning",
    "complied": "the power is below the cap",
    "silent": "no valid signal came for the time-out",
    "restricted": "a signal came, below the requested capacity",
    "freed": "a signal came, the whole requested capacity",
}

# state: {event: next state}; what is not named changes nothing.
TRANSITIONS = {
    "NORMAL": {"exceeded": "WARNING", "silent": "COMMS_LOST", "restricted": "LIMITED"},
    "LIMITED": {"exceeded": "WARNING", "silent": "COMMS_LOST", "freed": "NORMAL"},
    "COMMS_LOST": {"exceeded": "WARNING", "restricted": "LIMITED", "freed": "NORMAL"},
    "WARNING": {"defied": "TRIPPED", "complied": "LIMITED"},
    "TRIPPED": {"restored": "LIMITED"},
}


@dataclass(frozen=True)
class FailSafe:
    """Times and limits of the fail-safe; no GB standard fixes them (report section 8.3).

    Attributes
    ----------
    failsafe_kw : float
        What the site may draw once the link counts as lost [kW].
    timeout : str
        Without a valid signal for so long, the link counts as lost: a signal expires.
    tolerance_kw : float
        Power above the cap that counts as complying [kW].
    warn_after, trip_after : str
        Time above the cap until the warning, and from there until the supply is opened.
    restore_after : str
        Until somebody has switched the supply on again.

    Examples
    --------
    >>> FailSafe(failsafe_kw=10.0).timeout
    '15min'
    """

    failsafe_kw: float = 0.0
    timeout: str = "15min"
    tolerance_kw: float = 2.0
    warn_after: str = "5min"
    trip_after: str = "15min"
    restore_after: str = "4h"


def run(
    setpoint_kw: xr.DataArray,
    requested_kw: float,
    rules: FailSafe,
    *,
    heard: xr.DataArray | None = None,
    obeys: xr.DataArray | None = None,
    want_kw: xr.DataArray | None = None,
) -> xr.Dataset:
    """Follow one site through signals heard and missed, limits kept and broken.

    Parameters
    ----------
    setpoint_kw : xarray.DataArray
        What the DNO sends, over `time` [kW].
    requested_kw : float
        Requested capacity [kW].
    rules : FailSafe
        Times and limits.
    heard : xarray.DataArray of bool, optional
        Whether a valid signal came in each interval; always, if not given.
    obeys : xarray.DataArray of bool, optional
        Whether the site follows its cap; always, if not given. Where it does not, it draws
        `want_kw`.
    want_kw : xarray.DataArray, optional
        Charging without a limit [kW]; the requested capacity if not given.

    Returns
    -------
    xarray.Dataset
        Over time: `state`, an index into `STATES`; limit_kw, what binds the site [kW]: the last
        setpoint heard, the fail-safe, nothing but the requested capacity where it does not obey,
        0 where it is tripped; exposed_kw, how far the last setpoint heard is above the one sent
        [kW], for which the network has no protection until the time-out.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=6, freq="5min")
    >>> sent = xr.DataArray([100.0, 40, 40, 40, 40, 100], {"time": time}, "time")
    >>> heard = xr.DataArray([True, True, False, False, False, True], {"time": time}, "time")
    >>> seen = run(sent, 100.0, FailSafe(failsafe_kw=10.0, timeout="15min"), heard=heard)
    >>> [STATES[k] for k in seen["state"].values]
    ['NORMAL', 'LIMITED', 'LIMITED', 'LIMITED', 'COMMS_LOST', 'NORMAL']
    >>> seen["limit_kw"].values.tolist()
    [100.0, 40.0, 40.0, 40.0, 10.0, 100.0]
    """
    if not rules.failsafe_kw >= 0:
        raise UserError(f"failsafe_kw = {rules.failsafe_kw}: must be 0 kW or more")
    time = setpoint_kw["time"]
    first, second = time.to_index()[:2]
    steps = [
        _steps(getattr(rules, name), second - first, name)
        for name in ("timeout", "warn_after", "trip_after", "restore_after")
    ]
    yes = np.ones(time.size, bool)
    state, cap_kw, exposed_kw = _follow(
        setpoint_kw.to_numpy().astype(float),
        float(requested_kw),
        yes if heard is None else heard.to_numpy().astype(bool),
        yes if obeys is None else obeys.to_numpy().astype(bool),
        np.full(time.size, float(requested_kw)) if want_kw is None else want_kw.to_numpy(),
        np.array(steps),
        float(rules.failsafe_kw),
        float(rules.tolerance_kw),
        _table(),
    )
    kw = {"units": "kW"}
    return xr.Dataset(
        {
            "state": ("time", state, {"long_name": "state", "flag_meanings": " ".join(STATES)}),
            "limit_kw": ("time", cap_kw, kw | {"long_name": "what binds the site"}),
            "exposed_kw": ("time", exposed_kw, kw | {"long_name": "cap above the setpoint sent"}),
        },
        {"time": time},
    )


def lost_load_kwh(states: xr.Dataset, residual_kw: xr.DataArray | None) -> float:
    """Return the site's other load that trips take [kWh]; NaN where none is on record.

    Parameters
    ----------
    states : xarray.Dataset
        From `run`.
    residual_kw : xarray.DataArray or None
        Site load other than charging [kW], on a step of its own.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=6, freq="5min")
    >>> sent = xr.DataArray(np.full(6, 50.0), {"time": time}, "time")
    >>> lost_load_kwh(run(sent, 50.0, FailSafe()), xr.full_like(sent, 20.0))
    0.0
    """
    if residual_kw is None:
        return np.nan
    off = states["state"] == STATES.index("TRIPPED")
    first, second = states["time"].to_index()[:2]
    load = residual_kw.reindex(time=states["time"].to_numpy(), method="ffill")
    return float(load.where(off).clip(min=0).sum() * ((second - first) / pd.Timedelta("1h")))


def _table() -> np.ndarray:
    """Return the next state by state and event; the same state where nothing changes."""
    table = np.repeat(np.arange(len(STATES))[:, None], len(EVENTS), axis=1)
    for state, answers in TRANSITIONS.items():
        for event, after in answers.items():
            table[STATES.index(state), list(EVENTS).index(event)] = STATES.index(after)
    return table


def _steps(length: str, step: pd.Timedelta, name: str) -> int:
    time = pd.Timedelta(length)
    if time < pd.Timedelta(0):
        raise UserError(f"{name} = {length!r}: must not be negative")
    return max(1, int(-(-time // step)))


_TRIPPED = STATES.index("TRIPPED")


@numba.njit(cache=True, nogil=True)
def _follow(setpoint, requested, heard, obeys, want, steps, failsafe, tolerance, table):
    timeout, warn_after, trip_after, restore_after = steps
    state, last = 0, requested
    silent = over = dark = 0
    states = np.empty(len(setpoint), np.int8)
    limit = np.empty(len(setpoint))
    exposed = np.zeros(len(setpoint))
    came = np.zeros(table.shape[1], np.bool_)
    for t in range(len(setpoint)):
        valid = heard[t] and not np.isnan(setpoint[t])
        silent = 0 if valid else silent + 1
        if valid:
            last = setpoint[t]
        came[0] = state == _TRIPPED and dark >= restore_after
        came[1] = over >= warn_after + trip_after
        came[2] = over >= warn_after
        came[3] = over == 0
        came[4] = silent >= timeout
        came[5] = valid and last < requested
        came[6] = valid and last >= requested
        for event in range(len(came)):
            if came[event] and table[state, event] != state:
                state = table[state, event]
                break
        cap = failsafe if silent >= timeout else last
        drawn = min(want[t], cap) if obeys[t] else min(want[t], requested)
        if state == _TRIPPED:
            dark += 1
            over = 0
            cap = 0.0
        else:
            dark = 0
            over = over + 1 if drawn > cap + tolerance else 0
            if not valid and setpoint[t] < cap:
                exposed[t] = cap - setpoint[t]
            if not obeys[t]:
                cap = requested
        states[t] = state
        limit[t] = cap
    return states, limit, exposed


def intact(time: xr.DataArray, *, per_year: float, mean_h: float, seed: int = 0) -> xr.DataArray:
    """Return a random course of something that fails: True where it works.

    Failures begin at random (a Poisson process) and last exponentially distributed times. An
    interval counts as failed if the failure touches it.

    Parameters
    ----------
    time : xarray.DataArray
        Starts of intervals.
    per_year : float
        Failures a year.
    mean_h : float
        Mean length of a failure [h].
    seed : int
        Seed.

    Examples
    --------
    >>> time = xr.DataArray(pd.date_range("2026-01-01", periods=288, freq="5min"), dims="time")
    >>> bool(intact(time, per_year=0.0, mean_h=8.0).all())
    True
    """
    if not (per_year >= 0 and mean_h > 0):
        raise UserError(
            f"per_year = {per_year}, mean_h = {mean_h}: must be 0 or more, and above 0 h"
        )
    stamps = time.to_index()
    step = stamps[1] - stamps[0]
    whole = stamps[-1] + step - stamps[0]
    rng = np.random.default_rng(seed)
    many = rng.poisson(per_year * (whole / pd.Timedelta(hours=timebase.YEAR_H)))
    begin = np.sort(rng.random(many)) * (whole / step)
    length = rng.exponential(mean_h, many) / (step / pd.Timedelta("1h"))
    works = np.ones(len(stamps), bool)
    for start, end in zip(begin, begin + length, strict=True):
        works[int(start) : int(np.ceil(end))] = False
    return xr.DataArray(works, {"time": time}, "time")
