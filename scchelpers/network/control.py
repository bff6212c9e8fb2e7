"""From headroom to what is sent: delay, error, deadband, hysteresis and ramp of an LMC."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError


def headroom_kva(
    load_kva: xr.DataArray, rating_kva: xr.DataArray, *, volts_pu: xr.DataArray | float = 1.0
) -> xr.DataArray:
    """Return the room that a load leaves under a rating; below zero it is overloaded.

    Both are added as if in phase, which errs on the safe side.

    Parameters
    ----------
    load_kva : xarray.DataArray
        Load without the sites to be limited [kVA], import positive.
    rating_kva : xarray.DataArray
        Rating [kVA] at nominal voltage.
    volts_pu : xarray.DataArray or float
        Measured voltage ÷ nominal, for an element rated in amperes: at 0.95 it carries 5 % less.

    Examples
    --------
    >>> load, rating = xr.DataArray([380.0, 420.0], dims="time"), xr.DataArray(400.0)
    >>> headroom_kva(load, rating, volts_pu=0.95).values.tolist()
    [0.0, -40.0]
    """
    room = rating_kva * volts_pu - load_kva
    return room.rename("headroom_kva").assign_attrs(units="kVA", long_name="headroom")


@dataclass(frozen=True)
class Control:
    """How a locally managed scheme turns measurements into setpoints.

    No GB standard fixes these; all are parameters.

    Attributes
    ----------
    step : str
        Between two setpoints.
    delay : str
        From a change of the load to the setpoint that answers it; whole steps, rounded up.
    hold : str
        A rise is sent only if the room for it stood that long (hysteresis in time).
    deadband : float
        Share of the requested capacity by which the room must exceed the setpoint to be sent as a
        rise (hysteresis in power); a cut is always sent.
    ramp : float
        Fastest rise, as a share of the requested capacity a minute.
    bias : float
        Relative error of the measured load that never changes: 0.01 reads 1 % high.
    noise : float
        Standard deviation of the relative error that changes with each measurement.
    seed : int
        Seed of the noise.

    Examples
    --------
    >>> Control(delay="10min", deadband=0.05).delay
    '10min'
    """

    step: str = "5min"
    delay: str = "5min"
    hold: str = "15min"
    deadband: float = 0.02
    ramp: float = 0.02
    bias: float = 0.0
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self):
        for name in ("deadband", "noise"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} = {getattr(self, name)}: must be from 0 to below 1")
        if not self.ramp > 0:
            raise UserError(f"ramp = {self.ramp}: must be above 0 (share a minute)")
        for name in ("delay", "hold"):
            self.steps(name)

    def steps(self, name: str) -> int:
        """Return a length of time as whole steps, rounded up."""
        try:
            length = pd.Timedelta(getattr(self, name))
        except ValueError:
            length = pd.NaT
        if pd.isna(length) or length < pd.Timedelta(0):
            raise UserError(f"{name} = {getattr(self, name)!r}: write a time such as '5min'")
        return int(-(-length // timebase.step_length(self.step)))


PERFECT = Control(delay="0min", hold="0min", deadband=0.0, ramp=1e9)


def finer(load: xr.DataArray, step: str) -> xr.DataArray:
    """Return a load of means on a finer step, each interval's mean held throughout it.

    Raises
    ------
    UserError
        If the step does not divide the load's own.
    """
    times = pd.DatetimeIndex(load["time"].to_numpy())
    own = pd.Timedelta(np.diff(times).min()) if len(times) > 1 else timebase.HALF_HOUR
    length = timebase.step_length(step)
    if own % length:
        raise UserError(f"step = {step!r}: must divide the load's own interval, {own}")
    parts = own // length
    stamps = (times.to_numpy()[:, None] + np.arange(parts) * length.to_timedelta64()).ravel()
    values = np.repeat(load.transpose("time", ...).to_numpy(), parts, axis=0)
    coords = {dim: load[dim] for dim in load.dims if dim != "time"}
    dims = ("time", *coords)
    return xr.DataArray(values, {"time": stamps, **coords}, dims, load.name, load.attrs)


def as_measured(load: xr.DataArray, control: Control) -> xr.DataArray:
    """Return a load as the monitor knows it: late, and with its errors.

    Parameters
    ----------
    load : xarray.DataArray
        Over `time`, on the step of the control.
    control : Control
        Its delay, bias and noise count.
    """
    late = load.shift(time=control.steps("delay"))
    late = late.where(late["time"] >= load["time"][control.steps("delay")], load.isel(time=0))
    noise = np.random.default_rng(control.seed).standard_normal(load.sizes["time"])
    error = xr.DataArray(control.bias + control.noise * noise, {"time": load["time"]}, "time")
    return (late + abs(late) * error).transpose(*load.dims).assign_attrs(load.attrs)


def setpoints(target_kw: xr.DataArray, requested_kw: xr.DataArray, control: Control):
    """Return the setpoints that a controller sends on the way to a target.

    A cut is sent at once. A rise waits until the room has stood for `hold`, must exceed the
    deadband (unless all is free), and comes no faster than the ramp.

    Parameters
    ----------
    target_kw : xarray.DataArray
        What is allowed now, over (time, site) [kW]; NaN where unknown.
    requested_kw : xarray.DataArray
        Requested capacity over `site` [kW].
    control : Control
        Its hold, deadband and ramp count.

    Returns
    -------
    xarray.DataArray
        limit_kw over (time, site) [kW], never above the target; NaN where that is unknown, and
        after a gap at first the target.

    Examples
    --------
    >>> control = Control(step="10min", hold="20min", deadband=0.05, ramp=0.02)
    >>> time = pd.date_range("2026-01-01", periods=7, freq="10min")
    >>> coords = {"time": time, "site": ["a"]}
    >>> kw = [[100.0], [40], [60], [60], [60], [100], [100]]
    >>> target = xr.DataArray(kw, coords, ("time", "site"))
    >>> requested = xr.DataArray([100.0], {"site": ["a"]})
    >>> setpoints(target, requested, control)[:, 0].values.tolist()
    [100.0, 40.0, 40.0, 60.0, 60.0, 60.0, 80.0]
    """
    target_kw = target_kw.transpose("time", "site")
    most = requested_kw.sel(site=target_kw["site"]).to_numpy().astype(float)
    minutes = timebase.hours(control.step) * 60
    sent = _sent(
        np.ascontiguousarray(target_kw.to_numpy(), dtype=float),
        most,
        max(1, control.steps("hold")),
        control.deadband,
        control.ramp * minutes,
    )
    return target_kw.copy(data=sent).rename("limit_kw").assign_attrs(units="kW")


@numba.njit(cache=True, nogil=True)
def _sent(target, most, hold, deadband, ramp):
    out = np.empty_like(target)
    steps, sites = target.shape
    for i in range(sites):
        held = np.nan
        for t in range(steps):
            now = target[t, i]
            if np.isnan(now) or np.isnan(held) or now <= held:
                held = now
            else:
                room = now
                for back in range(t - hold + 1, t):
                    if back >= 0 and not np.isnan(target[back, i]):
                        room = min(room, target[back, i])
                if room >= most[i] or room > held + deadband * most[i]:
                    held = max(held, min(room, held + ramp * most[i]))
            out[t, i] = held
    return out
