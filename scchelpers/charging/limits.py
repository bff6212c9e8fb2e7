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
from scchelpers.site import BRIDGED


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
    missing : None, "hold", "unjudged" or float [kW]
        What a NaN means: the last known value; time that is not judged, in which the last value
        holds for up to two hours (`site.BRIDGED`) and then none; or a number such as a fail-safe
        limit. None refuses it.

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
    if missing == "unjudged" and gap.all():
        return np.full(len(value), np.inf)
    if missing == "unjudged":
        known = np.maximum.accumulate(np.where(gap, -1, np.arange(len(value))))
        begun = start[np.minimum(known + 1, len(value) - 1)]  # of the gap
        # Before the first value there is none to hold: the first is taken.
        known = np.where(known < 0, np.argmin(gap), known)
        held = start - begun < BRIDGED.value
        return np.where(gap, np.where(held, value[known], np.inf), value)
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


@dataclass(frozen=True)
class Groups:
    """Groups of EVSEs with limits.

    Attributes
    ----------
    share : DataFrame
        Index group, columns evse_id: share of the EVSE's power that the group carries, 0 or more.
        An EVSE without a column is in no group.
    limit_kw : Series or DataArray
        Limit [kW] of each group: a Series by group, or a DataArray over (time, group).

    Examples
    --------
    >>> cabinet = Groups(pd.DataFrame({"E1": [1.0], "E2": [1.0]}, index=["cabinet"]),
    ...                  pd.Series({"cabinet": 22.0}))
    >>> cabinet.names
    ['cabinet']
    """

    share: pd.DataFrame
    limit_kw: pd.Series | xr.DataArray

    def __post_init__(self):
        values = self.share.to_numpy(dtype=float)
        if not ((values >= 0) & np.isfinite(values)).all():
            raise UserError("groups, share: every share must be a number, 0 or more")
        held = self.limit_kw.index if isinstance(self.limit_kw, pd.Series) else None
        held = self.limit_kw["group"].to_numpy() if held is None else held
        lost = [name for name in self.names if name not in set(held)]
        if lost or self.share.index.has_duplicates:
            raise UserError(f"groups, limit_kw: must hold one limit for each group, not {lost}")

    @property
    def names(self) -> list:
        """Names of the groups."""
        return self.share.index.tolist()

    def __add__(self, other: Groups) -> Groups:
        """Return both sets of groups, which must have constant limits."""
        if not all(isinstance(part.limit_kw, pd.Series) for part in (self, other)):
            raise UserError("groups: only groups with constant limits (a Series) can be added")
        share = pd.concat([self.share, other.share]).fillna(0.0)
        return Groups(share, pd.concat([self.limit_kw, other.limit_kw]))

    def limits(self, first_ns: int, last_ns: int, step_ns: int, after, missing) -> list[Steps]:
        """Return the limit of each group, checked as the site's is."""
        if isinstance(self.limit_kw, pd.Series):
            given = [float(self.limit_kw[name]) for name in self.names]
        else:
            given = [self.limit_kw.sel(group=name, drop=True) for name in self.names]
        found = []
        for name, limit_kw in zip(self.names, given, strict=True):
            try:
                found.append(read_limit(limit_kw, first_ns, last_ns, step_ns, after, missing))
            except UserError as fault:
                raise UserError(f"group {name!r}: {fault}") from None
        return found


def by_unit(chargepoints: pd.DataFrame, limit_kw: float | pd.Series) -> Groups:
    """Return a group for each physical unit (cabinet) that several EVSEs share.

    Parameters
    ----------
    chargepoints : DataFrame
        Columns evse_id and unit_id.
    limit_kw : float or Series by unit_id
        Limit of each unit [kW].
    """
    units = chargepoints.dropna(subset=["unit_id"])
    share = pd.crosstab(units["unit_id"], units["evse_id"]).astype(float)
    if not isinstance(limit_kw, pd.Series):
        limit_kw = pd.Series(float(limit_kw), index=share.index)
    return Groups(share, limit_kw)


def by_phase(chargepoints: pd.DataFrame, limit_kw: float | pd.Series) -> Groups:
    """Return the groups L1, L2 and L3 of a three-phase supply.

    Three-phase and DC EVSEs draw a third from each; single-phase ones are spread over the phases
    in the order of the rows, unless a column `phase` ("L1", "L2", "L3") says where they are.

    Parameters
    ----------
    chargepoints : DataFrame
        Columns evse_id, phases (1 or 3, 0 for DC), optionally phase.
    limit_kw : float or Series by phase
        Limit of each phase [kW]; for a fuse of I ampere 0.230 x I.
    """
    names = ["L1", "L2", "L3"]
    share = pd.DataFrame(1 / 3, index=names, columns=chargepoints["evse_id"].tolist())
    single = (chargepoints["phases"] == 1).to_numpy()
    turn = np.cumsum(single) - 1
    for at in np.flatnonzero(single):
        phase = names[turn[at] % 3]
        if "phase" in chargepoints and pd.notna(chargepoints["phase"].iloc[at]):
            phase = chargepoints["phase"].iloc[at]
        share.iloc[:, at] = [float(name == phase) for name in names]
    if not isinstance(limit_kw, pd.Series):
        limit_kw = pd.Series(float(limit_kw), index=names)
    return Groups(share, limit_kw)
