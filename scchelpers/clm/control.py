"""The loop between a site's meter and its chargepoints: what it believes of the load, and when.

The controller acts on a *believed* load: read at intervals, averaged, rounded, decided upon at
intervals, and let down slowly if asked to. A rise of the load is always acted upon at once; the
deadband and the ramp only hold back a fall, as the limit may rise late but must not fall late.
None of it depends on the capacity or the margin, so one pass serves every margin of a sweep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.timebase import step_length


@dataclass(frozen=True)
class Controller:
    """How a dynamic CLM meters and decides; the default reads the load as it is, at each step.

    Attributes
    ----------
    metering : str or Timedelta, optional
        Time between readings; None: the data's own step.
    averaging : str or Timedelta
        Time over which a reading is the mean of what went before; "0s" for the load of the instant.
    quantum_kw : float
        Resolution of a reading, rounded to the nearest [kW]; 0 for none.
    control : str or Timedelta, optional
        Time between decisions; None: the data's own step.
    deadband_kw : float
        Fall of the load below which the limit is not raised [kW].
    release_kw_per_min : float, optional
        Fastest rise of the limit [kW/min]; None for no bound.
    """

    metering: str | pd.Timedelta | None = None
    averaging: str | pd.Timedelta = "0s"
    quantum_kw: float = 0.0
    control: str | pd.Timedelta | None = None
    deadband_kw: float = 0.0
    release_kw_per_min: float | None = None

    def __post_init__(self):
        for name in ("quantum_kw", "deadband_kw"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} = {getattr(self, name)}: must be 0 kW or more")
        if self.release_kw_per_min is not None and not self.release_kw_per_min > 0:
            raise UserError(
                f"release_kw_per_min = {self.release_kw_per_min}: must be above 0 kW/min"
            )


def step_of(load: xr.DataArray) -> pd.Timedelta:
    """Return the step of a regular load series.

    Raises
    ------
    UserError
        If it is not over time alone, has fewer than two intervals or an irregular step.
    """
    if load.dims != ("time",):
        raise UserError(f"residual_kw has dims {load.dims}; it must be over ('time',) alone")
    time = load.get_index("time")
    if len(time) < 2:
        raise UserError(f"residual_kw has {len(time)} intervals; at least two are needed")
    steps = np.diff(time.to_numpy())
    if (steps != steps[0]).any():
        at = int(np.argmax(steps != steps[0]))
        raise UserError(
            f"residual_kw, stamp {time[at + 1]} UTC: the step changes there; give a regular grid "
            "with NaN where a value is missing"
        )
    return step_length(pd.Timedelta(steps[0]))


def usable_load(residual_kw: xr.DataArray | None) -> xr.DataArray | None:
    """Return a residual load, or None where there is none, or none with any value."""
    if residual_kw is None or residual_kw.sizes["time"] < 2 or np.isnan(residual_kw).all():
        return None
    return residual_kw


def believed_kw(residual_kw: xr.DataArray, controller: Controller) -> np.ndarray:
    """Return the load on which the controller acts in each interval [kW], without latency.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`; NaN where missing.
    controller : Controller
        Metering and control.

    Returns
    -------
    numpy.ndarray
        One value an interval; NaN where there is no reading to act on.

    Raises
    ------
    UserError
        If a time of the controller is no multiple of the data's step.
    """
    step = step_of(residual_kw)
    first = int(residual_kw.get_index("time")[0].value // step.value)
    fall_kw = np.inf
    per_decision = _steps(controller.control, step, "control")
    if controller.release_kw_per_min is not None:
        fall_kw = controller.release_kw_per_min * per_decision * (step / pd.Timedelta("1min"))
    return _believe(
        residual_kw.to_numpy().astype(float),
        first,
        _steps(controller.metering, step, "metering"),
        _steps(controller.averaging, step, "averaging", fewest=0),
        controller.quantum_kw,
        per_decision,
        controller.deadband_kw,
        fall_kw,
    )


def _steps(length, step: pd.Timedelta, name: str, fewest: int = 1) -> int:
    """Return a length of time in steps of the data."""
    if length is None:
        return fewest
    try:
        many = pd.Timedelta(length) / step
    except ValueError:
        many = np.nan
    if not many >= fewest or many != round(many):
        raise UserError(
            f"{name} = {length!r}: must be a multiple of the data's step, "
            f"{step / pd.Timedelta('1min'):g} min"
        )
    return int(many)


@numba.njit(cache=True, nogil=True)
def _believe(load, first, per_reading, per_average, quantum_kw, per_decision, deadband_kw, fall_kw):
    """Walk through the steps; readings and decisions fall on the multiples of their interval."""
    out = np.empty(len(load))
    reading = held = np.nan
    for k in range(len(load)):
        if (first + k) % per_reading == 0 or k == 0:
            reading = load[k]
            if per_average > 0:
                past = load[max(0, k - per_average) : k]
                reading = past.sum() / len(past) if len(past) else np.nan
            if quantum_kw > 0:
                reading = np.round(reading / quantum_kw) * quantum_kw
        if (first + k) % per_decision == 0 or k == 0:
            if np.isnan(reading) or np.isnan(held) or reading >= held:
                held = reading
            elif held - reading >= deadband_kw:
                held = max(reading, held - fall_kw)
        out[k] = held
    return out
