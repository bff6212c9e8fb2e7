"""Limits over time: what was given, checked, and what the site's controller knows of it.

A limit is piecewise constant: each value holds from its stamp to the next (label = start), be the
stamps regular or a few changes a day. Here it is a `Steps` of two arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging.sessions import nanoseconds
from scchelpers.faults import UserError


@dataclass(frozen=True)
class Steps:
    """A piecewise constant quantity: `value[k]` holds from `start[k]` [ns] to the next."""

    start: np.ndarray
    value: np.ndarray

    def at(self, instants: np.ndarray) -> np.ndarray:
        """Return the value that holds at each of rising instants [ns].

        Before the first stamp that is the first value.
        """
        first = np.searchsorted(instants, self.start)
        first[0] = 0
        return np.repeat(self.value, np.diff(first, append=len(instants)))

    def delayed(self, delay_ns: int) -> Steps:
        """Return what a controller sees that learns of each change `delay_ns` late."""
        return Steps(np.concatenate((self.start[:1], self.start[1:] + delay_ns)), self.value)


def read_limit(
    limit_kw, first_ns: int, last_ns: int, step_ns: int, after=None, missing=None
) -> Steps:
    """Check a limit and its cover of the simulated span.

    Parameters
    ----------
    limit_kw : None, float, Series or DataArray over time
        Limit [kW]; None is no limit, a number holds throughout. Below 0 counts as 0 for charging.
    first_ns, last_ns, step_ns : int
        Simulated span and its step [ns].
    after : None, "hold" or float [kW]
        What holds after the limit's end; None refuses a limit that ends early. The last value
        lasts as long as the interval before it (for a single stamp: one step).
    missing : None, "hold" or float [kW]
        What a NaN means: the last known value, or a number such as a fail-safe limit; None
        refuses it.

    Raises
    ------
    UserError
        If the limit has NaN, unsorted stamps or does not cover the span.
    """
    if limit_kw is None or np.ndim(limit_kw) == 0:
        value = np.inf if limit_kw is None else float(limit_kw)
        if np.isnan(value):
            raise UserError("limit_kw = nan: give a number of kW, or None for no limit")
        return Steps(np.array([first_ns]), np.array([value]))
    start, value = _stamps(limit_kw)
    value = _fill(start, value, missing)
    if len(start) == 0 or start[0] > first_ns:
        raise UserError(
            f"limit_kw starts {_when(start[0]) if len(start) else 'nowhere'}, after the first "
            f"interval {_when(first_ns)}; give the limit from there on"
        )
    end = start[-1] + (start[-1] - start[-2] if len(start) > 1 else step_ns)
    if end < last_ns:
        if after is None:
            raise UserError(
                f"limit_kw ends {_when(end)}, before the last session does {_when(last_ns)}; "
                "give it to the end, or say limit_after='hold' or limit_after=<kW>"
            )
        if after != "hold":
            start, value = np.append(start, end), np.append(value, float(after))
    return Steps(start, value)


@numba.njit(cache=True, nogil=True)
def released(limit_kw: np.ndarray, hours: np.ndarray, rise_kw_per_min: float) -> np.ndarray:
    """Return a limit that falls at once and rises no faster than a given rate.

    A rise is given out in stages, one a segment, so that a released site does not come back at
    once. (GB smart chargepoints delay at random by up to 600 s for the same reason.)

    Parameters
    ----------
    limit_kw, hours : ndarray
        Limit [kW] and length [h] of consecutive segments.
    rise_kw_per_min : float
        Fastest rise [kW/min].
    """
    out = np.maximum(limit_kw, 0.0)
    for k in range(1, len(out)):
        out[k] = min(out[k], out[k - 1] + rise_kw_per_min * 60 * hours[k - 1])
    return out


def _stamps(limit_kw) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(limit_kw, xr.DataArray):
        if limit_kw.dims != ("time",):
            raise UserError(f"limit_kw has dims {limit_kw.dims}; it must be over ('time',) alone")
        units = limit_kw.attrs.get("units", "kW")
        if units != "kW":
            raise UserError(f"limit_kw is in {units!r}; give kW (from kVA with a power factor)")
        start = pd.DatetimeIndex(limit_kw.get_index("time")).as_unit("ns").asi8
    elif isinstance(limit_kw, pd.Series):
        start = nanoseconds(limit_kw.index)
    else:
        raise UserError(f"limit_kw is a {type(limit_kw).__name__}; give a DataArray over time")
    if (np.diff(start) <= 0).any():
        at = int(np.argmax(np.diff(start) <= 0)) + 1
        raise UserError(f"limit_kw, stamp {at} = {_when(start[at])}: stamps must rise strictly")
    return start, np.asarray(limit_kw, dtype=float)


def _fill(start: np.ndarray, value: np.ndarray, missing) -> np.ndarray:
    gap = np.isnan(value)
    if not gap.any():
        return value
    at = int(np.argmax(gap))
    if missing is None:
        raise UserError(
            f"limit_kw at {_when(start[at])} (stamp {at}) = nan: a missing limit is no limit of 0 "
            f"nor of infinity; fill it, or say limit_missing='hold' or limit_missing=<kW> "
            f"({int(gap.sum())} such stamps)"
        )
    if missing != "hold":
        return np.where(gap, float(missing), value)
    if gap[0]:
        raise UserError(f"limit_kw at {_when(start[0])} = nan: there is no earlier value to hold")
    return pd.Series(value).ffill().to_numpy()


def _when(instant_ns: int) -> str:
    return str(pd.Timestamp(int(instant_ns), tz="UTC"))


def duration_ns(value, name: str) -> int:
    """Return a length of time such as "10min" in nanoseconds, 0 or more."""
    try:
        length = pd.Timedelta(value)
    except ValueError:
        length = pd.NaT
    if pd.isna(length) or length < pd.Timedelta(0):
        raise UserError(f"{name} = {value!r}: write a length of time such as '10min'")
    return length.as_unit("ns").value
