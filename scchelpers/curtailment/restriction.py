"""A limit set against the requested capacity: when it restricts, by how much, and in which runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError

EPS_KW = 1e-9  # below it a cut is rounding
HOUR = np.timedelta64(3_600_000_000_000, "ns")


@dataclass(frozen=True, eq=False)
class Restriction:
    """What a limit takes from the requested capacity, interval by interval.

    Attributes
    ----------
    time : ndarray of datetime64 [UTC]
        Starts of the intervals on record.
    cut_kw : ndarray [kW]
        Requested capacity less limit, 0 or more; NaN where the limit is unknown. A limit below 0
        takes the whole capacity and no more.
    requested_kw : ndarray [kW]
        Requested capacity.
    step_h : float
        Length of an interval [h].
    """

    time: np.ndarray
    cut_kw: np.ndarray
    requested_kw: np.ndarray
    step_h: float

    @property
    def observed(self) -> np.ndarray:
        """Whether the limit is known in each interval."""
        return ~np.isnan(self.cut_kw)

    @property
    def on(self) -> np.ndarray:
        """Whether capacity is restricted in each interval; False where unknown."""
        return self.cut_kw > EPS_KW

    @property
    def full(self) -> np.ndarray:
        """Whether nothing at all is allowed."""
        return self.on & (self.cut_kw >= self.requested_kw - EPS_KW)

    @property
    def runs(self) -> np.ndarray:
        """First and last interval + 1 of each event: a maximal run of restricted intervals.

        A run ends where an interval is missing or its limit is unknown.
        """
        step = np.timedelta64(round(self.step_h * 3.6e12), "ns")
        joined = np.zeros(len(self.time), dtype=bool)
        joined[1:] = self.on[1:] & self.on[:-1] & (np.diff(self.time) == step)
        first = np.flatnonzero(self.on & ~joined)
        last = np.flatnonzero(self.on & ~np.append(joined[1:], False)) + 1
        return np.column_stack((first, last))


def restriction(
    limit_kw: xr.DataArray, requested_kw: float | xr.DataArray, *, step=None
) -> Restriction:
    """Set a limit against the requested capacity.

    Parameters
    ----------
    limit_kw : DataArray over time [kW]
        Limit, label = start of the interval; NaN where unknown. Intervals may be missing.
    requested_kw : float or DataArray over time [kW]
        Requested capacity, above 0.
    step : str or Timedelta, optional
        Length of an interval; by default the shortest distance between two stamps.

    Raises
    ------
    UserError
        If the limit is not over time alone or not in kW, its stamps do not lie on a grid or look
        like moments of change, or the requested capacity is not above 0.
    """
    if not isinstance(limit_kw, xr.DataArray) or limit_kw.dims != ("time",):
        found = getattr(limit_kw, "dims", type(limit_kw).__name__)
        raise UserError(f"limit_kw: has {found}; give a DataArray over ('time',) alone")
    if limit_kw.attrs.get("units", "kW") != "kW":
        raise UserError(f"limit_kw is in {limit_kw.attrs['units']!r}; give kW")
    time = limit_kw["time"].to_numpy().astype("datetime64[ns]")
    step_h = step_hours(time, step)
    requested = _requested(requested_kw, limit_kw)
    cut = np.clip(requested - limit_kw.to_numpy().astype(float), 0.0, requested)
    return Restriction(time, cut, requested, step_h)


def events(
    limit_kw: xr.DataArray, requested_kw: float | xr.DataArray, *, step=None
) -> pd.DataFrame:
    """List the events of a limit: maximal runs of restricted intervals.

    Parameters
    ----------
    limit_kw, requested_kw, step
        As for `restriction`.

    Returns
    -------
    DataFrame
        A row an event: start and end (UTC, half-open), duration_h [h], max_cut_kw [kW],
        restricted_kwh [kWh], full_h [h] (time with nothing allowed).
    """
    cut = restriction(limit_kw, requested_kw, step=step)
    first, last = cut.runs.T
    energy = np.concatenate(([0.0], np.cumsum(np.nan_to_num(cut.cut_kw)))) * cut.step_h
    full = np.concatenate(([0], np.cumsum(cut.full))) * cut.step_h
    start = pd.DatetimeIndex(cut.time[first]).tz_localize("UTC")
    duration_h = (last - first) * cut.step_h
    return pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(duration_h, unit="h"),
            "duration_h": duration_h,
            "max_cut_kw": [cut.cut_kw[a:b].max() for a, b in cut.runs],
            "restricted_kwh": energy[last] - energy[first],
            "full_h": full[last] - full[first],
        }
    )


def step_hours(time: np.ndarray, step=None) -> float:
    """Return the length of an interval [h] from rising stamps on a grid, some perhaps missing.

    Raises
    ------
    UserError
        If there is one stamp or none and no step is given, or the stamps lie on no grid.
    """
    apart = np.diff(time)
    if step is None and len(time) < 2:
        raise UserError(f"limit_kw has {len(time)} stamps; give two or more, or say step='30min'")
    shortest = apart.min() if step is None else pd.Timedelta(step).to_timedelta64()
    if not shortest > np.timedelta64(0) or (len(apart) and apart.min() < shortest):
        raise UserError("limit_kw: stamps must rise by at least one step each")
    if (apart % shortest != np.timedelta64(0)).any():
        raise UserError(
            f"limit_kw: stamps lie on no grid of {pd.Timedelta(shortest)}; give a value for every "
            "interval, such as limit_kw.resample(time='30min').ffill()"
        )
    if step is None and len(time) > 2 and np.sum(apart > shortest) > len(apart) / 2:
        raise UserError(
            "limit_kw: most stamps are further apart than one step, as moments of change are; give "
            "a value for every interval, or say step= if the others are really missing"
        )
    return float(shortest / HOUR)


def _requested(requested_kw, limit_kw: xr.DataArray) -> np.ndarray:
    if isinstance(requested_kw, xr.DataArray):
        if not requested_kw.get_index("time").equals(limit_kw.get_index("time")):
            raise UserError("requested_kw: must have the same times as limit_kw, or be one number")
        requested = requested_kw.to_numpy().astype(float)
    else:
        requested = np.full(limit_kw.sizes["time"], float(requested_kw))
    if not (np.isfinite(requested) & (requested > 0)).all():
        bad = requested[~(np.isfinite(requested) & (requested > 0))][0]
        raise UserError(f"requested_kw = {bad}: must be a number above 0 kW")
    return requested
