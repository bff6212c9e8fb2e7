"""Hot-spot temperature and ageing of a transformer, after IEC 60076-7."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd
import xarray as xr
from scipy.signal import lfilter

from scchelpers.faults import UserError
from scchelpers.timebase import LONDON, YEAR_DAYS, clock

# Hot-spot temperatures of IEC 60076-7 [degC]: at which paper ages at its normal rate, at which
# normal cyclic loading ends, and at which long-time emergency loading does (bubbles form in oil).
AGEING_C, CYCLIC_C, EMERGENCY_C = _LIMITS_C = (98, 120, 140)

_REFERENCE_UPGRADED_C = 110


@dataclass(frozen=True)
class Transformer:
    """Thermal parameters of an oil-immersed transformer, in the terms of IEC 60076-7.

    The defaults are those of a distribution transformer with natural cooling (ONAN), as the
    package transformer-thermal-model 0.6 holds them.

    Attributes
    ----------
    loss_ratio : float
        Load loss at rated current / no-load loss, R; 6.5 as for 5,200 W and 800 W.
    oil_rise_k : float
        Top-oil rise at rated load [K].
    surcharge_k : float
        What an enclosed substation adds to that rise [K]; 0 outdoors.
    winding_gradient_k : float
        Average winding over average oil at rated load [K].
    hot_spot_factor : float
        Hot spot over top oil / winding gradient, H.
    oil_time_min, winding_time_min : float
        Time constants of oil and winding [min].
    k11, k21, k22 : float
        Constants of the transient.
    oil_exponent, winding_exponent : float
        x and y.
    upgraded_paper : bool
        Whether the paper is thermally upgraded: normal ageing at 110 degC instead of 98.
    """

    loss_ratio: float = 6.5
    oil_rise_k: float = 60.0
    surcharge_k: float = 10.0
    winding_gradient_k: float = 23.0
    hot_spot_factor: float = 1.2
    oil_time_min: float = 180.0
    winding_time_min: float = 4.0
    k11: float = 1.0
    k21: float = 1.0
    k22: float = 2.0
    oil_exponent: float = 0.8
    winding_exponent: float = 1.6
    upgraded_paper: bool = False

    def rises(self, load_pu) -> tuple[np.ndarray, np.ndarray]:
        """Return the steady rises of oil over air and of hot spot over oil [K].

        Parameters
        ----------
        load_pu : array-like
            Load / nameplate rating, K. Its sign does not matter: export heats like import.

        Examples
        --------
        >>> oil, winding = Transformer().rises(1.0)
        >>> round(float(20 + oil), 1), round(float(20 + oil + winding), 1)
        (90.0, 117.6)
        """
        load = np.abs(np.asarray(load_pu, float))
        share = (1 + self.loss_ratio * load**2) / (1 + self.loss_ratio)
        oil = (self.oil_rise_k + self.surcharge_k) * share**self.oil_exponent
        gradient = self.hot_spot_factor * self.winding_gradient_k
        return oil, gradient * load**self.winding_exponent

    def ageing(self, hot_spot_c) -> np.ndarray:
        """Return the rate of ageing at a hot-spot temperature [degC], 1 being normal.

        Examples
        --------
        >>> Transformer().ageing([92, 98, 110]).tolist()
        [0.5, 1.0, 4.0]
        """
        hot = np.asarray(hot_spot_c, float)
        if self.upgraded_paper:
            return np.exp(15000 / (_REFERENCE_UPGRADED_C + 273) - 15000 / (hot + 273))
        return np.exp2((hot - AGEING_C) / 6)


_INDOOR = Transformer()

_OUTDOOR = Transformer(surcharge_k=0.0)


def ambient(
    time, *, mean_c: float = 9.1, yearly_c: float = 5.7, daily_c: float = 3.0, tz: str = LONDON
) -> xr.DataArray:
    """Return an air temperature assumed where none was measured [degC].

    Two sine waves, coldest on 25 January and warmest at 15:00 of the clock. No cold spell and no
    heat wave is in it.

    Parameters
    ----------
    time : array-like of datetime
        Starts of intervals [UTC].
    mean_c, yearly_c, daily_c : float
        Mean and amplitudes [degC]. Defaults after the Met Office's means of 1971 to 2000 for the
        United Kingdom: January 3.4, July 14.8; January's days from 0.7 to 6.1 degC.
    tz : str
        Zone of the clock.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01T00:00Z", periods=48, freq="30min")
    >>> float(ambient(time).mean().round(1))
    3.9
    """
    local = clock(time, tz)
    year = 2 * np.pi * (local.day_of_year.to_numpy() - 25) / YEAR_DAYS
    day = 2 * np.pi * (local.hour.to_numpy() + local.minute.to_numpy() / 60 - 15) / 24
    values = mean_c - yearly_c * np.cos(year) + daily_c * np.cos(day)
    return xr.DataArray(
        values, {"time": np.asarray(time)}, ("time",), "ambient_c", {"units": "degC"}
    )


def hot_spot(
    load_pu: xr.DataArray,
    ambient_c: float | xr.DataArray,
    transformer: Transformer = _INDOOR,
    *,
    start: str = "steady",
    inner_step="2min",
) -> xr.Dataset:
    """Return temperatures and ageing of a transformer under a load.

    Parameters
    ----------
    load_pu : xarray.DataArray
        Load / nameplate rating over `time`, regular, the mean of each interval. Where it is
        missing the transformer is taken through by interpolation, and the result is missing.
    ambient_c : float or xarray.DataArray over the same time
        Air temperature [degC].
    transformer : Transformer
        Its parameters.
    start : "steady" or "cold"
        Whether it begins in the steady state of the first load, or without any rise.
    inner_step : str or Timedelta
        Longest step of the calculation: half the smallest time constant, 2 min, by default.

    Returns
    -------
    xarray.Dataset
        Over time: top_oil_c and hot_spot_c, the highest in the interval [degC]; ageing, the mean
        rate in it (1 = normal).

    Raises
    ------
    UserError
        If the load is not on a regular step or nowhere known.

    Notes
    -----
    IEC 60076-7, exponential form: each rise moves to its end value by 1 - exp(-dt / time
    constant), which is exact while load and air hold still.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=480, freq="30min")
    >>> full = xr.DataArray(np.ones(480), {"time": time}, ("time",))
    >>> float(hot_spot(full, 20.0)["hot_spot_c"].isel(time=-1).round())
    118.0
    """
    if start not in ("steady", "cold"):
        raise UserError(f"start = {start!r}: write 'steady' or 'cold'")
    step = _step_of(load_pu)
    parts = ceil(step / pd.Timedelta(inner_step))
    known = np.isfinite(load_pu.to_numpy())
    if not known.any():
        raise UserError("load_pu: no value is known, so no temperature can be calculated")
    place = np.arange(len(known))
    load = np.interp(place, place[known], np.abs(load_pu.to_numpy()[known]))
    air = np.broadcast_to(np.asarray(ambient_c, float), known.shape)
    oil_end, winding_end = transformer.rises(load)
    minutes = step / pd.Timedelta("1min") / parts
    fast = transformer.k22 * transformer.winding_time_min
    slow = transformer.oil_time_min
    steady = start == "steady"
    oil = _follow(oil_end, parts, minutes / (transformer.k11 * slow), steady)
    rise = _follow(transformer.k21 * winding_end, parts, minutes / fast, steady)
    lag = (transformer.k21 - 1) * winding_end
    rise -= _follow(lag, parts, minutes * transformer.k22 / slow, steady)
    top_oil = oil + np.repeat(air, parts)
    hot = (top_oil + rise).reshape(-1, parts)
    columns = {
        "top_oil_c": (top_oil.reshape(-1, parts).max(axis=1), "degC", "top-oil temperature"),
        "hot_spot_c": (hot.max(axis=1), "degC", "hot-spot temperature"),
        "ageing": (transformer.ageing(hot).mean(axis=1), "1", "rate of ageing"),
    }
    return xr.Dataset(
        {
            name: ("time", np.where(known, values, np.nan), {"units": unit, "long_name": meaning})
            for name, (values, unit, meaning) in columns.items()
        },
        {"time": load_pu["time"]},
    )


def _step_of(load: xr.DataArray) -> pd.Timedelta:
    """Return the step of a series over time; an irregular one is refused."""
    steps = np.unique(np.diff(load["time"].to_numpy()))
    if len(steps) != 1:
        raise UserError("load_pu: its times must be regular, such as every 30 minutes")
    return pd.Timedelta(steps[0])


def _follow(end: np.ndarray, parts: int, ratio: float, steady: bool) -> np.ndarray:
    """Return what follows its end values at a rate; `ratio` is inner step / time constant."""
    keep = np.exp(-ratio)
    first = keep * end[0] if steady else 0.0
    followed, _ = lfilter([1 - keep], [1, -keep], np.repeat(end, parts), zi=[first])
    return followed
