"""One case: a site's sessions charged under the requested capacity and under a scheme's limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging, measures, timebase
from scchelpers.charging import ChargingResult


@dataclass(frozen=True, eq=False)
class Case:
    """Charging under the requested capacity and under a limit.

    Attributes
    ----------
    limit_kw : DataArray over time [kW]
        The limit as it was given; NaN where unknown.
    requested_kw : float
        Requested capacity [kW].
    firm, limited : ChargingResult
        Charging under the requested capacity alone, and under the limit.
    left_out : int
        Sessions outside the limit's record or in a gap of it.
    timezone : str
        Zone of the site's clock.
    """

    limit_kw: xr.DataArray
    requested_kw: float
    firm: ChargingResult
    limited: ChargingResult
    left_out: int
    timezone: str

    @property
    def demand_kw(self) -> xr.DataArray:
        """Charging demand [kW]: what is drawn under the requested capacity."""
        return self.firm.power_kw

    def dno(self, hours_limit_h: float | None = None) -> xr.Dataset:
        """Return the DNO's view (`measures.dno_measures`)."""
        return measures.dno_measures(self.limit_kw, self.requested_kw, hours_limit_h=hours_limit_h)

    def customer(self, price: float | None = None, *, under=None) -> xr.Dataset:
        """Return the customer's view (`measures.customer_measures`).

        Parameters
        ----------
        price : float, optional
            What a driver pays [£/kWh].
        under : ChargingResult, optional
            Another result of the same sessions, such as one with a staggered release.
        """
        given = {"requested_kw": self.requested_kw, "price": price}
        return measures.customer_measures(self.firm, under or self.limited, **given)


def study(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    limit_kw: xr.DataArray,
    requested_kw: float,
    *,
    timezone: str = timebase.LONDON,
    **options,
) -> Case:
    """Charge a site's sessions under the requested capacity and under a limit.

    Parameters
    ----------
    sessions, chargepoints : DataFrame
        As for `charging.simulate`. Sessions not wholly inside the known limit are left out.
    limit_kw : DataArray over time [kW]
        Limit on a regular grid, NaN where unknown.
    requested_kw : float
        Requested capacity [kW].
    timezone : str
        Zone of the site's clock.
    **options
        Of `charging.simulate`, such as step and sharing.

    Returns
    -------
    Case
    """
    kept = inside(sessions, limit_kw)
    given = {"chargepoints": chargepoints, **options}
    firm = _under(kept, xr.full_like(limit_kw, requested_kw), requested_kw, **given)
    return Case(
        limit_kw=limit_kw,
        requested_kw=requested_kw,
        firm=firm,
        limited=_under(kept, limit_kw, requested_kw, **given),
        left_out=len(sessions) - len(kept),
        timezone=timezone,
    )


def charge(
    case: Case, sessions: pd.DataFrame, chargepoints: pd.DataFrame, **options
) -> ChargingResult:
    """Charge the sessions of a case under its limit once more, with other options.

    Parameters
    ----------
    case : Case
        The limit.
    sessions, chargepoints : DataFrame
        The sessions of the case (`inside`), and their chargepoints.
    **options
        Of `charging.simulate`, such as release_kw_per_min.
    """
    given = {"chargepoints": chargepoints, **options}
    return _under(sessions, case.limit_kw, case.requested_kw, **given)


def inside(sessions: pd.DataFrame, limit_kw: xr.DataArray) -> pd.DataFrame:
    """Return the sessions whose whole stay lies where the limit is known."""
    start, end = _record(limit_kw)
    time = timebase.utc_index(limit_kw["time"])
    unknown = np.concatenate(([0], np.cumsum(np.isnan(limit_kw.to_numpy()))))
    first = np.maximum(time.searchsorted(sessions["plug_in"], side="right") - 1, 0)
    last = time.searchsorted(sessions["plug_out"], side="left")
    sound = (sessions["plug_in"] >= start) & (sessions["plug_out"] <= end)
    return sessions[sound & (unknown[last] == unknown[first])].reset_index(drop=True)


def limit_on(case: Case) -> xr.DataArray:
    """Return the limit [kW] on the time axis of the simulation, NaN where unknown."""
    step = case.limit_kw.get_index("time")
    known = case.limit_kw.reindex(
        time=case.demand_kw["time"], method="ffill", tolerance=(step[1] - step[0]).to_timedelta64()
    )
    return known.clip(max=case.requested_kw).assign_attrs(case.limit_kw.attrs)


def _under(sessions: pd.DataFrame, limit_kw, requested_kw: float, **options) -> ChargingResult:
    """Charge under the lower of a limit and the requested capacity, on the limit's record.

    No session of a case is present where the limit is unknown; there it is written as the requested
    capacity.
    """
    start, end = _record(limit_kw)
    capped = limit_kw.clip(max=requested_kw)
    held = {"limit_missing": requested_kw, "limit_after": requested_kw}
    return charging.simulate(sessions, capped, start=start, end=end, **held, **options)


def _record(limit_kw: xr.DataArray) -> tuple[pd.Timestamp, pd.Timestamp]:
    time = timebase.utc_index(limit_kw["time"])
    return time[0], time[-1] + (time[1] - time[0])
