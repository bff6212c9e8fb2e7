"""A study's windows as the customer, the day-ahead limit and the transformer meet them."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.charging import ChargingResult
from scchelpers.tcc import customer, profiled, thermal
from scchelpers.tcc.assessment import Study
from scchelpers.tcc.customer import opt_out


def charged(study: Study, *, release_min: float = 30.0) -> dict[str, ChargingResult]:
    """Charge a study's sessions firm, under its windows, and with a staggered release.

    Parameters
    ----------
    study : Study
        From `study`.
    release_min : float
        Of `customer.charge` [min].

    Returns
    -------
    dict of str to ChargingResult
        By case; empty where no windows are offered or no sessions are on record.
    """
    sessions = study.site.sessions
    if not study.offered or sessions.empty:
        return {}
    return customer.charge(
        sessions,
        study.site.chargepoints,
        _session_limit(study),
        requested_kw=study.requested_kw,
        release_min=release_min,
    )


def opted_out(study: Study) -> pd.Series | None:
    """Return how many chargepoints could opt out (`opt_out`); None as in `charged`."""
    if not study.offered or study.site.sessions.empty:
        return None
    return opt_out(study.site.sessions, study.site.chargepoints, _session_limit(study))


def day_ahead(study: Study, *, issue_time: str = "10:00") -> xr.Dataset | None:
    """Issue limits a day ahead beside a study's windows; None where none are offered.

    Parameters
    ----------
    study : Study
        From `study`.
    issue_time : str
        Of `profiled.issue`.
    """
    if not study.offered:
        return None
    return profiled.issue(
        study.network_kva,
        study.site.rating_kva,
        study.limit_kw(study.network_kva["time"]),
        requested_kw=study.requested_kw,
        power_factor=study.power_factor,
        margin_kva=study.margin_kva,
        quantile=study.rules["quantile"],
        issue_time=issue_time,
        timezone=study.site.timezone,
    )


def thermal_view(study: Study, cases: dict[str, ChargingResult], kind: str) -> xr.Dataset | None:
    """Set the hot spot beside the rating, without the site and in each case of charging.

    Parameters
    ----------
    study : Study
        From `study`.
    cases : dict of str to ChargingResult
        From `charged`.
    kind : str
        What the asset is; only a transformer has a hot spot.

    Returns
    -------
    xarray.Dataset or None
        From `thermal.compare`; None for another asset, or without cases.
    """
    if kind != "transformer" or not cases:
        return None
    drawn = {name: cases[name].power_kw for name in (customer.FIRM, customer.TCC)}
    return thermal.compare(
        study.network_kva,
        {"without the site": None, **drawn},
        study.site.rating_kva,
        power_factor=study.power_factor,
        timezone=study.site.timezone,
    )


def _session_limit(study: Study) -> xr.DataArray:
    sessions = study.site.sessions
    last = sessions["plug_out"].max() + pd.Timedelta("1D")
    return study.limit_kw(timebase.grid(sessions["plug_in"].min(), last, "30min"))
