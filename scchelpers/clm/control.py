"""Static and dynamic limits, the loop between meter and chargepoints, and the loss of its signal.

The controller acts on a *believed* load: read at intervals, averaged, rounded, decided upon at
intervals, and let down slowly if asked to. A rise of the load is always acted upon at once; the
deadband and the ramp only hold back a fall, as the limit may rise late but must not fall late.
None of it depends on the capacity or the margin, so one pass serves every margin of a sweep.

When the signal is lost the chargepoints hold the last limit, fall to a static one or stop. While a
loss has not been noticed every one of these holds. Outages of a sweep are nested: a higher rate has
all the outages of a lower one and more, a longer length begins at the same instants.

Source: the Charge Project report (SP Energy Networks), section 7.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError, entry
from scchelpers.timebase import YEAR_DAYS, step_length

# The largest three-phase whole-current supply: 3 x 230 V x 100 A. Above it the meter works by
# current transformers, is read every half hour, and the capacity itself is paid for.
WHOLE_CURRENT_KVA = 3 * 230 * 100 / 1000


def checked_power_factor(power_factor: float) -> float:
    """Return a power factor that can be one.

    Raises
    ------
    UserError
        If it is not above 0 and at most 1.
    """
    if not 0 < power_factor <= 1:
        raise UserError(f"power_factor = {power_factor}: must be above 0 and at most 1")
    return float(power_factor)


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

    Examples
    --------
    >>> Controller(metering="30s", quantum_kw=5.0).quantum_kw
    5.0
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

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=2, freq="5min")
    >>> step_of(xr.DataArray([1.0, 2.0], {"time": time}))
    Timedelta('0 days 00:05:00')
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
    """Return a residual load, or None where there is none, or none with any value.

    Examples
    --------
    >>> time = {"time": pd.date_range("2026-01-01", periods=2, freq="30min")}
    >>> usable_load(xr.DataArray([np.nan, np.nan], time)) is None
    True
    """
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


_META = {"units": "kW", "long_name": "limit of the charging power"}


@entry
def dynamic_limit(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    *,
    power_factor: float,
    latency: str | pd.Timedelta = "0s",
    margin_kw: float = 0.0,
    floor_kw: float = 0.0,
    controller: Controller | None = None,
) -> xr.DataArray:
    """Return what a dynamic CLM leaves to the chargepoints: the DSC less the load it believes.

    limit = DSC x power factor - believed residual load - margin, at least 0 and at most the DSC.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time` [UTC], 1 to 30 min; NaN where missing.
    dsc_kva : float
        Declared supply capacity [kVA].
    power_factor : float
        Power factor of the site's import.
    latency : str or Timedelta
        From the reading to the cars having followed it. It need not be a multiple of the data's
        step: the limit is stamped at the instants at which it changes.
    margin_kw : float
        Capacity held back for loads that switch on meanwhile [kW].
    floor_kw : float
        Least limit [kW]: a static one that is safe at the highest load needs no signal.
    controller : Controller, optional
        Metering and control; by default each value of the data is read as it begins.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over time; NaN while there is no reading to act on (before the first has
        arrived, and in gaps of the data). `charging.simulate` asks what then holds
        (`limit_missing`).

    Raises
    ------
    UserError
        For a negative margin or latency, or an irregular load.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=2, freq="30min")
    >>> load = xr.DataArray([120.0, 180.0], {"time": time}, ("time",))
    >>> dynamic_limit(load, 200, power_factor=0.95, margin_kw=15).values.tolist()
    [55.0, 0.0]
    """
    if not margin_kw >= 0:
        raise UserError(f"margin_kw = {margin_kw}: must be 0 kW or more")
    late = checked_latency(latency)
    agreed_kw = dsc_kva * checked_power_factor(power_factor)
    believed = believed_kw(residual_kw, controller or Controller())
    limit_kw = np.clip(agreed_kw - believed - margin_kw, floor_kw, agreed_kw)
    time = residual_kw.get_index("time")
    if late > pd.Timedelta(0):
        time = (time + late).insert(0, time[0])
        limit_kw = np.r_[np.nan, limit_kw]
    return xr.DataArray(limit_kw, {"time": time.to_numpy()}, ("time",), "limit_kw", _META)


def checked_latency(latency) -> pd.Timedelta:
    """Return a latency as a Timedelta of 0 or more.

    Raises
    ------
    UserError
        If it is not a length of time.
    """
    try:
        late = pd.Timedelta(latency)
    except ValueError:
        late = pd.NaT
    if pd.isna(late) or late < pd.Timedelta(0):
        raise UserError(f"latency = {latency!r}: write a length of time such as '30s'")
    return late


ANSWERS = ("hold", "fall", "stop")


def outages(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    per_year: float,
    mean_length: str | pd.Timedelta,
    seed: int = 0,
    most_per_year: float | None = None,
) -> pd.DataFrame:
    """Draw outages: they begin at random and last exponentially.

    Parameters
    ----------
    start, end : datetime (UTC)
        Span.
    per_year : float
        Mean number of outages in a year.
    mean_length : str or Timedelta
        Mean length of an outage.
    seed : int
        Seed.
    most_per_year : float, optional
        Highest rate of a sweep, from whose outages these are a part; by default `per_year`.

    Returns
    -------
    pandas.DataFrame
        start and end [UTC], in order; outages that overlap are one.

    Raises
    ------
    UserError
        For a rate below 0 or above the highest, or a length that is none.

    See Also
    --------
    with_outages

    Examples
    --------
    >>> first, last = pd.Timestamp("2025-01-01T00:00Z"), pd.Timestamp("2026-01-01T00:00Z")
    >>> gone = outages(first, last, per_year=12, mean_length="8h")
    >>> list(gone.columns)
    ['start', 'end']
    """
    most = per_year if most_per_year is None else most_per_year
    if not 0 <= per_year <= most:
        raise UserError(f"per_year = {per_year}: must be from 0 to {most} outages a year")
    length = checked_latency(mean_length)
    rng = np.random.default_rng(seed)
    first = pd.Timestamp(start).tz_convert("UTC")
    span = pd.Timestamp(end).tz_convert("UTC") - first
    many = rng.poisson(most * (span / pd.Timedelta(days=YEAR_DAYS)))
    place, keep, lasts = rng.random(many), rng.random(many), rng.exponential(size=many)
    chosen = np.flatnonzero(keep * most < per_year)
    chosen = chosen[np.argsort(place[chosen], kind="stable")]
    begins = first + _seconds(place[chosen] * span.total_seconds())
    ends = begins + _seconds(lasts[chosen] * length.total_seconds())
    merged: list[list[pd.Timestamp]] = []
    for begin, stop in zip(begins, ends, strict=True):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([begin, stop])
    frame = pd.DataFrame(merged, columns=["start", "end"], dtype="datetime64[ns, UTC]")
    return frame[frame["end"] > frame["start"]].reset_index(drop=True)


def _seconds(lengths: np.ndarray) -> pd.TimedeltaIndex:
    return pd.to_timedelta(np.floor(lengths), unit="s")


def with_outages(
    limit_kw: xr.DataArray,
    lost: pd.DataFrame,
    answer: str,
    *,
    static_kw: float = 0.0,
    notice: str | pd.Timedelta = "1min",
) -> xr.DataArray:
    """Return a limit as the chargepoints keep it when its signal is lost now and then.

    Parameters
    ----------
    limit_kw : xarray.DataArray
        Limit [kW] over time (each value holds to the next stamp).
    lost : pandas.DataFrame
        From `outages`.
    answer : "hold", "fall" or "stop"
        What holds from the moment the loss is noticed.
    static_kw : float
        Limit to fall to [kW].
    notice : str or Timedelta
        Time until the loss is noticed, in which the last limit holds. A lost meter shows within a
        few readings; chargepoints miss a lost hub only when its messages time out.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over time, stamped where it changes.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1min")
    >>> limit = xr.DataArray([40.0, 30.0, 20.0, 10.0], {"time": time}, ("time",))
    >>> lost = pd.DataFrame({"start": [pd.Timestamp("2026-01-01T00:01:30Z")],
    ...                      "end": [pd.Timestamp("2026-01-01T00:03:30Z")]})
    >>> with_outages(limit, lost, "stop", notice="1min").values.tolist()
    [40.0, 30.0, 30.0, 0.0, 10.0]
    """
    if answer not in ANSWERS:
        raise UserError(f"answer = {answer!r}: write one of {', '.join(ANSWERS)}")
    if not static_kw >= 0:
        raise UserError(f"static_kw = {static_kw}: must be 0 kW or more")
    time = limit_kw["time"].to_numpy().astype("datetime64[ns]")
    values = limit_kw.to_numpy().astype(float)
    begin, end = (lost[name].dt.tz_localize(None).to_numpy("datetime64[ns]") for name in lost)
    noticed = np.minimum(begin + checked_latency(notice).to_timedelta64(), end)
    at = np.searchsorted(begin, time, side="right") - 1
    kept = (at < 0) | (time >= end[np.maximum(at, 0)]) if len(end) else np.ones(len(time), bool)
    answers = [] if answer == "hold" else [(noticed, static_kw if answer == "fall" else 0.0)]
    stamps, levels = [time[kept]], [values[kept]]
    for when, level in ((begin, None), *answers, (end, None)):
        inside = (when >= time[0]) & ((when < end) | (when == end) & (level is None))
        last = np.searchsorted(time, when[inside], side="right") - 1
        stamps.append(when[inside])
        levels.append(values[last] if level is None else np.full(inside.sum(), level))
    # Of equal stamps the last written holds: an answer at once comes after the value held.
    frame = pd.Series(np.concatenate(levels), np.concatenate(stamps))
    frame = frame[~frame.index.duplicated(keep="last")].sort_index()
    return xr.DataArray(
        frame.to_numpy(), {"time": frame.index.to_numpy()}, ("time",), "limit_kw", limit_kw.attrs
    )
