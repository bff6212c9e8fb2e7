"""One site of a portfolio, as the analyses take it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import xarray as xr


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

    @property
    def name(self) -> str:
        """Name of the site, for people."""
        return self.meta.get("name") or self.site_id
