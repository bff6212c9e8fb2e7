"""What charging under a limit came to, per interval and per session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging.problem import NEARLY, Tally
from scchelpers.charging.sessions import HOUR_NS, UNKNOWN, Sessions
from scchelpers.charging.span import Span


@dataclass(frozen=True, eq=False, repr=False)
class ChargingResult:
    """Result of `simulate`; frames and arrays with labels are built when first asked for.

    Attributes
    ----------
    cars : Sessions
        The sessions that were charged, by (plug_in, session_id).
    span : Span
        Time axis.
    tally : Tally
        What the kernel counted.
    limit_by_step : ndarray over steps [kW]
        Limit as it was, the mean over each step.
    full_after : ndarray over cars [h]
        Time after plug-in at which each would be full without a limit.
    """

    cars: Sessions
    span: Span
    tally: Tally
    limit_by_step: np.ndarray
    full_after: np.ndarray

    def __repr__(self) -> str:
        return f"ChargingResult({len(self.cars)} sessions, {self.span.steps} intervals)"

    @cached_property
    def intervals(self) -> xr.Dataset:
        """Dataset over time [kW]; each variable is an attribute of the result, too.

        power_kw, mean power drawn; want_kw, what the cars present would have drawn at that point of
        their charging; held_kw, the difference; limit_kw, the limit as it was (inf for none);
        excursion_kw, mean power above it (what a negative limit leaves is not caused by cars).
        """
        tally, hours = self.tally, self._step_h
        power_kw = tally.drawn_kwh / hours
        want_kw = tally.wanted_kwh / hours
        held_kw = np.where(power_kw < want_kw * NEARLY, want_kw - power_kw, 0.0)
        columns = {
            "power_kw": (power_kw, "charging power"),
            "want_kw": (want_kw, "charging power wanted"),
            "held_kw": (held_kw, "charging power held back"),
            "limit_kw": (self.limit_by_step, "limit"),
            "excursion_kw": (tally.excursion_kwh / hours, "power above the limit"),
        }
        return xr.Dataset(
            {
                name: ("time", values, {"units": "kW", "long_name": meaning})
                for name, (values, meaning) in columns.items()
            },
            coords={"time": self._time},
        )

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """DataFrame indexed by session_id, in the order given.

        delivered_kwh, unserved_kwh [kWh]; finished_at (UTC, NaT if never full); delay_min [min],
        how much later than without a limit the car was full (NaN if it never was); held_min [min],
        time with less than wanted; pauses, how often the car fell to zero after it had charged.
        """
        cars, tally = self.cars, self.tally
        finished = np.isfinite(tally.finish_h)
        finish_ns = np.full(len(cars), UNKNOWN)
        finish_ns[finished] = self.span.instants(tally.finish_h[finished])
        charging_h = (finish_ns - cars.plug_in) / HOUR_NS
        delay_min = np.where(finished, np.maximum(charging_h - self.full_after, 0.0) * 60, np.nan)
        delay_min[delay_min < 1e-6] = 0.0
        back = np.empty(len(cars), np.int64)
        back[cars.row] = np.arange(len(cars))
        return pd.DataFrame(
            {
                "delivered_kwh": (cars.energy_kwh - tally.left_kwh)[back],
                "unserved_kwh": tally.left_kwh[back],
                "finished_at": pd.DatetimeIndex(finish_ns[back].view("datetime64[ns]"), tz="UTC"),
                "delay_min": delay_min[back],
                "held_min": tally.held_h[back] * 60,
                "pauses": tally.pauses[back],
            },
            index=pd.Index(cars.session_ids[back], name="session_id"),
        )

    @cached_property
    def by_evse_kw(self) -> xr.DataArray | None:
        """DataArray over (time, evse) [kW], mean power of each EVSE, or None if not asked for."""
        if not len(self.tally.evse_kwh):
            return None
        return xr.DataArray(
            self.tally.evse_kwh / self._step_h,
            coords={"time": self._time, "evse": self.cars.evse_ids.astype(str)},
            dims=("time", "evse"),
            name="by_evse_kw",
            attrs={"units": "kW", "long_name": "power of each EVSE"},
        )

    @property
    def power_kw(self) -> xr.DataArray:
        """Mean power drawn in each interval [kW]."""
        return self.intervals["power_kw"]

    @property
    def want_kw(self) -> xr.DataArray:
        """Mean power that the cars present wanted in each interval [kW]."""
        return self.intervals["want_kw"]

    @property
    def held_kw(self) -> xr.DataArray:
        """Mean power held back in each interval [kW]."""
        return self.intervals["held_kw"]

    @property
    def limit_kw(self) -> xr.DataArray:
        """Limit as it was, the mean over each interval [kW]."""
        return self.intervals["limit_kw"]

    @property
    def excursion_kw(self) -> xr.DataArray:
        """Mean power above the limit as it was, in each interval [kW]."""
        return self.intervals["excursion_kw"]

    def short(self, tolerance_kwh: float = 0.01) -> pd.Series:
        """Return which sessions left with more than a tolerance unserved."""
        return (self.sessions["unserved_kwh"] > tolerance_kwh).rename("short")

    def slowed(self) -> pd.Series:
        """Return which sessions at some time got less than they wanted, finished or not."""
        return (self.sessions["held_min"] > 0).rename("slowed")

    @property
    def _step_h(self) -> float:
        return self.span.step_ns / HOUR_NS

    @property
    def _time(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.span.time, name="time")
