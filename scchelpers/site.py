"""One site: what every notebook means by its capacity, power factor, record and tolerance.

A value that the portfolio does not give is assumed here, once for everybody, and `Site.assumed`
says so in words that a report can print.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError

POWER_FACTOR = 0.95  # where neither site nor portfolio gives one
TOLERANCE_KWH = 1.0  # a session that lacks less is not short
DAY_TYPE = {"weekday": "weekday", "saturday": "weekend", "sunday": "weekend"}


@dataclass(frozen=True)
class Site:
    """One site, its chargepoints, sessions and loads.

    Attributes
    ----------
    site_id : str
        Identifier.
    meta : dict
        The site's row of `sites.csv`; None where a value is missing.
    chargepoints : pandas.DataFrame
        One row an EVSE (`tables.CHARGEPOINTS`).
    sessions : pandas.DataFrame
        One row a session (`tables.SESSIONS`), sorted by (plug_in, session_id): the sound rows.
    residual_kw : xarray.DataArray or None
        Site load other than charging [kW] over `time`; None where the site has none on record.
    network_kva : xarray.DataArray or None
        Load of the site's network asset before the new site [kVA] over `time`.
    rating_kva : pandas.Series or None
        Rating of that asset [kVA] by season.
    timezone : str
        IANA zone of the site's clock.
    set_aside : dict of str to int
        Session rows and load intervals left out, by the rule they break.
    usual_power_factor : float or None
        Power factor that the portfolio gives for sites without one of their own.
    """

    site_id: str
    meta: dict
    chargepoints: pd.DataFrame
    sessions: pd.DataFrame
    residual_kw: xr.DataArray | None
    network_kva: xr.DataArray | None
    rating_kva: pd.Series | None
    timezone: str
    set_aside: dict[str, int] = field(default_factory=dict)
    usual_power_factor: float | None = None

    @property
    def name(self) -> str:
        """Name of the site, for people."""
        return self.meta.get("name") or self.site_id

    @property
    def asset_id(self) -> str | None:
        """Network asset that feeds the site; None where none is named."""
        return self.meta.get("asset_id")

    @property
    def power_factor(self) -> float:
        """Power factor of the site's import: its own, else the portfolio's, else 0.95."""
        given = self.meta.get("power_factor") or self.usual_power_factor
        return float(given or POWER_FACTOR)

    @property
    def requested_kva(self) -> float | None:
        """Capacity asked for the chargepoints [kVA]; None where none is stated."""
        return _number(self.meta.get("requested_kva"))

    @property
    def requested_kw(self) -> float | None:
        """Active power at the requested capacity [kW]."""
        return None if self.requested_kva is None else self.requested_kva * self.power_factor

    @property
    def dsc_kva(self) -> float | None:
        """Declared supply capacity of today [kVA]; None where none is stated."""
        return _number(self.meta.get("dsc_kva"))

    @property
    def dsc_kw(self) -> float | None:
        """Active power at the declared supply capacity [kW]."""
        return None if self.dsc_kva is None else self.dsc_kva * self.power_factor

    @property
    def tolerance_kwh(self) -> float:
        """Energy [kWh] that a session may lack before it counts as short."""
        return TOLERANCE_KWH

    @property
    def assumed(self) -> dict[str, str]:
        """What the portfolio does not say and is assumed: name to one sentence.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> Portfolio.open("data/demo").site("elm-road-lamps").assumed
        {}
        """
        if self.meta.get("power_factor"):
            return {}
        value = f"{self.power_factor:.2f}"
        source = "that of the portfolio" if self.usual_power_factor else "a common value"
        return {"power_factor": f"The site states no power factor: {value} is taken, {source}."}

    def half_hours(self) -> pd.DataFrame:
        """Return the network's load and rating, a row a half hour, with its place on the clock.

        Returns
        -------
        pandas.DataFrame
            Indexed by `time` [UTC]: `load_kva` and `rating_kva` [kVA], `season` (of EREC P27),
            `day_type` ("weekday" or "weekend"), `half_hour` of the local day (0 to 47), `day` (the
            local date). A half hour with a missing part has no load.

        Raises
        ------
        UserError
            If the site has no network load or rating on record, or its steps are above 30 minutes.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> load = Portfolio.open("data/demo").site("elm-road-lamps").half_hours()
        >>> len(load), load["day_type"].unique().tolist()
        (17520, ['weekday', 'weekend'])
        """
        if self.network_kva is None or self.rating_kva is None:
            raise UserError(
                f"{self.site_id}: no network load or rating on record; name the asset of the site "
                "in sites.csv, its ratings in assets.csv, and import its load"
            )
        load = self.network_kva.to_series()
        step = load.index[1] - load.index[0]
        if step > timebase.HALF_HOUR or timebase.HALF_HOUR % step:
            raise UserError(
                f"{self.site_id}: the network load is in steps of {step}; half hours or finer are "
                "needed"
            )
        if step < timebase.HALF_HOUR:
            parts = load.resample(timebase.HALF_HOUR)
            load = parts.mean().where(parts.count() == timebase.HALF_HOUR // step)
        time = load.index.tz_localize("UTC")
        season = timebase.season(time, self.timezone)
        day_type = pd.Series(timebase.day_type(time, self.timezone)).map(DAY_TYPE)
        return pd.DataFrame(
            {
                "load_kva": load.to_numpy(float),
                "rating_kva": pd.Series(season).map(self.rating_kva).to_numpy(float),
                "season": season,
                "day_type": day_type.to_numpy(),
                "half_hour": timebase.half_hour(time, self.timezone),
                "day": timebase.local_date(time, self.timezone),
            },
            index=load.index.rename("time"),
        )


def _number(value) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
