"""Profiled capacity: a limit for every half hour, issued a day ahead from a forecast.

A timed connection fixes its windows for years; a profiled one is written afresh each day. It can
give more capacity, and it stands or falls with the forecast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.tcc.cells import half_hourly
from scchelpers.tcc.forecasting import RULES, forecast, read_history
from scchelpers.tcc.ratings import rating_at
from scchelpers.timebase import LONDON, local_date

TCC, PERFECT = "TCC", "perfect foresight"
# A limit that meets the rating to the last digit is no breach [kVA].
TOLERANCE_KVA = 1e-6


def pinball(actual, forecast, quantile: float) -> np.ndarray:
    """Return the pinball loss of forecasts of a quantile, in the unit of the values.

    Examples
    --------
    >>> pinball([100, 100], [90, 120], 0.9).tolist()
    [9.0, 2.0]
    """
    missed = np.asarray(actual, float) - np.asarray(forecast, float)
    return np.round(np.maximum(quantile * missed, (quantile - 1) * missed), 12)


def limit(
    forecast_kva: xr.DataArray,
    rating_kva: xr.DataArray,
    *,
    requested_kw: float,
    power_factor: float,
    margin_kva: float = 0.0,
) -> xr.DataArray:
    """Return the limit that a forecast leaves: rating - margin - forecast, 0 to the request [kW].

    Parameters
    ----------
    forecast_kva, rating_kva : xarray.DataArray
        Over time [kVA].
    requested_kw : float
        Requested capacity [kW].
    power_factor : float
        Of the site.
    margin_kva : float
        Kept free [kVA].

    Examples
    --------
    >>> load = xr.DataArray([300.0, 380.0, 450.0], dims="time")
    >>> rating = xr.full_like(load, 400.0)
    >>> limit(load, rating, requested_kw=50, power_factor=1.0, margin_kva=5).values.tolist()
    [50.0, 15.0, 0.0]
    """
    left_kw = (rating_kva - margin_kva - forecast_kva) * power_factor
    attrs = {"units": "kW", "long_name": "limit issued a day ahead"}
    return left_kw.clip(0.0, requested_kw).rename("limit_kw").assign_attrs(attrs)


def issue(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    tcc_limit_kw: xr.DataArray,
    *,
    requested_kw: float,
    power_factor: float,
    margin_kva: float = 0.0,
    quantile: float = 0.99,
    issue_time: str = "10:00",
    rules: Sequence[str] = tuple(RULES),
    warm_up_days: int = 91,
    refit_days: int = 28,
    timezone: str = LONDON,
) -> xr.Dataset:
    """Issue limits day by day with each forecast, beside the TCC and perfect foresight.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load of the asset before the site [kVA] over time.
    rating_kva : pandas.Series or float
        Rating [kVA] by season, or one for the year.
    tcc_limit_kw : xarray.DataArray
        Limit of the timed connection [kW] over time, from `tcc.limit`.
    requested_kw : float
        Requested capacity [kW].
    power_factor : float
        Of the site.
    margin_kva : float
        Kept free [kVA].
    quantile : float
        Quantile of the load that is forecast.
    issue_time : str
        Clock time on the day before at which limits are issued.
    rules : sequence of str
        Forecasts to try, of `forecasting.RULES`.
    warm_up_days, refit_days : int
        Days on record before the first limit, and days between fits.
    timezone : str
        Zone of days and clock.

    Returns
    -------
    xarray.Dataset
        Over (case, time): limit_kw and forecast_kva (none for the TCC; the load itself for
        perfect foresight); over time: network_kva, rating_kva. The half hours from the first
        forecast on.

    Raises
    ------
    UserError
        If the record is no longer than the warm-up, or an option is outside its range.
    """
    load = half_hourly(network_kva)
    history = read_history(load, issue=issue_time, tz=timezone)
    if len(history.days) <= warm_up_days:
        raise UserError(
            f"network_kva holds {len(history.days)} days; more than warm_up_days = {warm_up_days} "
            "are needed before a forecast can be issued and judged"
        )
    options = {"warm_up_days": warm_up_days, "refit_days": refit_days, "tz": timezone}
    found = {
        rule: forecast(history, load["time"], rule, quantile=quantile, **options) for rule in rules
    }
    found |= {TCC: xr.full_like(load, np.nan), PERFECT: load}
    rating = rating_at(rating_kva, load["time"], timezone)
    terms = {"requested_kw": requested_kw, "power_factor": power_factor, "margin_kva": margin_kva}
    limits = {name: limit(values, rating, **terms) for name, values in found.items()}
    limits[TCC] = tcc_limit_kw.reindex(time=load["time"])
    both = ("case", "time")
    issued = xr.Dataset(
        {
            "forecast_kva": (both, np.stack(list(found.values())), {"units": "kVA"}),
            "limit_kw": (both, np.stack(list(limits.values())), {"units": "kW"}),
            "network_kva": load,
            "rating_kva": rating,
        },
        {"case": list(found), "time": load["time"]},
        {"quantile": quantile, "issue_time": issue_time, **terms},
    )
    return issued.isel(time=local_date(load["time"], timezone) >= history.days[warm_up_days])


def score(issued: xr.Dataset) -> pd.DataFrame:
    """Score the cases over the half hours in which all of them and the load are known.

    Parameters
    ----------
    issued : xarray.Dataset
        From `issue`.

    Returns
    -------
    pandas.DataFrame
        By case: half_hours scored; pinball_kva, the mean loss [kVA]; coverage, share of half
        hours with the load at or below the forecast; breaches, half hours in which load and the
        whole limit exceed the rating; breach_kva, the largest [kVA]; mean_kw, the mean limit;
        offered_kwh, the limit over time; released_kwh, that less the TCC's [kWh].

    Notes
    -----
    A breach here assumes that the site uses all of its limit. Where the limit is 0 an overload is
    the network's own and no breach.
    """
    quantile, power_factor = issued.attrs["quantile"], issued.attrs["power_factor"]
    forecasts = issued["forecast_kva"].drop_sel(case=TCC)
    known = (
        np.isfinite(forecasts).all("case")
        & np.isfinite(issued["limit_kw"]).all("case")
        & np.isfinite(issued["network_kva"])
    )
    scored = issued.isel(time=known.to_numpy())
    load, rating = scored["network_kva"].to_numpy(), scored["rating_kva"].to_numpy()
    rows = {}
    for name in scored["case"].to_numpy():
        one = scored.sel(case=name)
        limit_kw, ahead = one["limit_kw"].to_numpy(), one["forecast_kva"].to_numpy()
        over = np.where(limit_kw > 0, load + limit_kw / power_factor - rating, 0.0)
        breached = over > TOLERANCE_KVA
        timed = name == TCC
        rows[str(name)] = {
            "half_hours": len(load),
            "pinball_kva": np.nan if timed else pinball(load, ahead, quantile).mean(),
            "coverage": np.nan if timed else np.mean(load <= ahead + TOLERANCE_KVA),
            "breaches": int(breached.sum()),
            "breach_kva": float(over[breached].max(initial=0.0)),
            "mean_kw": float(limit_kw.mean()) if len(load) else np.nan,
            "offered_kwh": float(limit_kw.sum() / 2),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("case")
    return frame.assign(released_kwh=frame["offered_kwh"] - frame["offered_kwh"][TCC])


def score_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores as a table to show, from `score`."""
    return scores.drop(columns=["half_hours", "offered_kwh"]).rename(
        columns={
            "pinball_kva": "pinball loss [kVA]",
            "breaches": "breaches [half hours]",
            "breach_kva": "largest breach [kVA]",
            "mean_kw": "mean limit [kW]",
            "released_kwh": "more than the TCC [kWh]",
        }
    )
