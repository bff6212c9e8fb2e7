"""What a limit means to the customers of a site: energy and sessions not served."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.charging import Chargers, ChargingResult
from scchelpers.clm.control import step_of


@dataclass(frozen=True, eq=False)
class Customers:
    """The sessions of a site, to be charged under one limit after another.

    Attributes
    ----------
    sessions, chargepoints : pandas.DataFrame
        As a `Site` holds them.
    min_current_a : float
        Least current at which a car charges [A]; below it, it stops.
    tolerance_kwh : float
        Unserved energy up to which a session does not count as short [kWh].
    step : str or Timedelta
        Step of the simulation.
    """

    sessions: pd.DataFrame
    chargepoints: pd.DataFrame
    min_current_a: float = 6.0
    tolerance_kwh: float = 1.0
    step: str | pd.Timedelta = "5min"

    @property
    def phases_known(self) -> bool:
        """Whether each chargepoint gives its phases; without them no minimum current applies."""
        return "phases" in self.chargepoints and bool(self.chargepoints["phases"].notna().all())

    @cached_property
    def free(self) -> ChargingResult:
        """Charging without a limit."""
        return self.charge(None)

    @property
    def peak_kw(self) -> float:
        """Highest demand without a limit [kW], mean over a step."""
        return float(self.free.power_kw.max())

    def charge(self, limit_kw, **options) -> ChargingResult:
        """Charge the sessions under a limit; a gap in it counts as 0 kW, its last value holds on.

        Parameters
        ----------
        limit_kw : None, float or xarray.DataArray
            Limit [kW].
        **options
            Of `charging.simulate`.
        """
        floor_a = self.min_current_a if self.phases_known else 0.0
        given = {
            "step": self.step,
            "chargepoints": self.chargepoints,
            "chargers": Chargers(min_current_a=floor_a),
            "limit_after": "hold",
            "limit_missing": 0.0,
        }
        return charging.simulate(self.sessions, limit_kw, **given | options)

    def service(self, result: ChargingResult) -> pd.Series:
        """Return what a limit took from the customers, against charging without one.

        Returns
        -------
        pandas.Series
            unserved_kwh [kWh a year], unserved_share (of the energy delivered without a limit),
            short_share (of sessions: more than the tolerance unserved), slowed_share, peak_kw.
        """
        lost_kwh = (result.sessions["unserved_kwh"] - self.free.sessions["unserved_kwh"]).clip(0)
        total_kwh = self.free.sessions["delivered_kwh"].sum()
        return pd.Series(
            {
                "unserved_kwh": lost_kwh.sum() / self.years,
                "unserved_share": lost_kwh.sum() / total_kwh,
                "short_share": (lost_kwh > self.tolerance_kwh).mean(),
                "slowed_share": result.slowed().mean(),
                "peak_kw": float(result.power_kw.max()),
            }
        )

    @cached_property
    def years(self) -> float:
        """Length of the record, first plug-in to last plug-out [years]."""
        length = self.sessions["plug_out"].max() - self.sessions["plug_in"].min()
        return length / pd.Timedelta(days=365.25)

    def within(self, residual_kw: xr.DataArray) -> Customers:
        """Return the customers whose whole stay lies in the span of a residual load.

        The simulation takes the step of that load, so that the import can be summed.
        """
        step = step_of(residual_kw)
        first, last = residual_kw.get_index("time")[[0, -1]].tz_localize("UTC")
        inside = (self.sessions["plug_in"] >= first) & (self.sessions["plug_out"] <= last + step)
        kept = self.sessions[inside].reset_index(drop=True)
        return Customers(kept, self.chargepoints, self.min_current_a, self.tolerance_kwh, step)
