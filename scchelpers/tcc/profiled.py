"""Profiled capacity: a limit for every half hour, issued a day ahead from a forecast.

A timed connection fixes its windows for years; a profiled one is written afresh each day. It can
give more capacity, and it stands or falls with the forecast.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.tcc.derivation import half_hourly, rating_at
from scchelpers.timebase import LONDON, SEASONS, half_hour, local_date, minute_of_clock

HALF_HOURS = 48

# A quantile needs days: below this many of a season and day type, all days stand in for them.
FEW_DAYS = 20

_LONGEST_LAG = 21


@dataclass(frozen=True)
class _History:
    """A record by local day and half hour, and what is known of each day when it is forecast."""

    days: pd.DatetimeIndex
    load: np.ndarray
    last_week: np.ndarray
    usual: np.ndarray
    change: np.ndarray


def read_history(network_kva: xr.DataArray, *, issue: str = "10:00", tz: str = LONDON) -> _History:
    """Arrange a load by local day and half hour, with what is known of each day at its issue.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load [kVA] over time.
    issue : str
        Clock time on the day before at which a forecast is issued, 03:00 to 24:00 (later than any
        change of the clocks).
    tz : str
        Zone of days and clock.

    Raises
    ------
    UserError
        If the time of issue is not a clock time from 03:00 to 24:00.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> load = Portfolio.open("data/demo").site("elm-road-lamps").network_kva
    >>> read_history(load).load.shape
    (365, 48)
    """
    minutes = minute_of_clock(issue)
    if minutes < 180:
        raise UserError(f"issue = {issue!r}: must be from 03:00 to 24:00")
    halves = half_hourly(network_kva)
    day, slot = local_date(halves["time"], tz), half_hour(halves["time"], tz)
    long = pd.DataFrame({"day": day, "slot": slot, "load": halves.to_numpy()})
    days = pd.date_range(day[0], day[-1])
    wide = long.pivot_table(index="day", columns="slot", values="load")
    load = wide.reindex(index=days, columns=range(HALF_HOURS)).to_numpy()
    metered = (np.arange(HALF_HOURS) + 1) * 30 <= minutes
    usual = _mean_of(load, (7, 14, 21))
    missed = load - usual
    change = np.where(metered, _earlier(missed, 1), _earlier(missed, 2))
    return _History(
        days=days,
        load=load,
        last_week=_earlier(load, 7),
        usual=usual,
        change=np.nan_to_num(change),
    )


def forecast(
    history: _History,
    time,
    rule: str,
    *,
    quantile: float,
    warm_up_days: int = 91,
    refit_days: int = 28,
    tz: str = LONDON,
) -> xr.DataArray:
    """Return the forecast quantile of the load [kVA] over time, NaN in the first days.

    Parameters
    ----------
    history : History
        The record.
    time : DataArray or array of datetime64
        Half hours of the result [UTC].
    rule : str
        One of `RULES`.
    quantile : float
        Share of half hours that the load should stay below the forecast.
    warm_up_days : int
        Days on record before the first forecast, 56 or more.
    refit_days : int
        Days after which the rule is fitted again.
    tz : str
        Zone of days and clock, as of the history.

    Raises
    ------
    UserError
        If an option is outside its range or the rule is none.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> load = Portfolio.open("data/demo").site("elm-road-lamps").network_kva
    >>> told = forecast(read_history(load), load["time"], "last week", quantile=0.9)
    >>> bool(told[0].isnull()), bool(told[-1].notnull())
    (True, True)
    """
    if rule not in RULES:
        raise UserError(f"rule = {rule!r}: not a forecast; one of {', '.join(RULES)}")
    if not 0.5 <= quantile < 1:
        raise UserError(f"quantile = {quantile}: must be from 0.5 to below 1")
    if warm_up_days < 56 or refit_days < 1:
        raise UserError(
            f"warm_up_days = {warm_up_days}, refit_days = {refit_days}: give at least 56 and 1"
        )
    found = np.full(history.load.shape, np.nan)
    for first in range(warm_up_days, len(history.days), refit_days):
        block = slice(first, first + refit_days)
        # On the first day of the block, D-1 is not over when the forecast is issued.
        found[block] = RULES[rule](history, first - 1, block, quantile)
    row = history.days.get_indexer(local_date(time, tz))
    values = np.where(row >= 0, found[row, half_hour(time, tz)], np.nan)
    attrs = {"units": "kVA", "long_name": f"forecast, quantile {quantile:g}"}
    return xr.DataArray(values, {"time": np.asarray(time)}, ("time",), "forecast_kva", attrs)


def _same_day_last_week(history: _History, known: int, block: slice, quantile: float):
    """Return the load of a week ago as it was: the simplest forecast, of no quantile."""
    return history.last_week[block]


def _last_week_and_margin(history: _History, known: int, block: slice, quantile: float):
    """Return the load of a week ago and the quantile of what that missed so far."""
    missed = history.load[:known] - history.last_week[:known]
    return history.last_week[block] + _quantile(missed, quantile)


def _seasonal_quantile(history: _History, known: int, block: slice, quantile: float):
    """Return the quantile of the days on record of the same season and day type."""
    weekend = np.where(history.days.day_of_week >= 5, "weekend", "weekday")
    kind = np.array([SEASONS[month] for month in history.days.month], object) + weekend
    out = np.empty(history.load[block].shape)
    for own in set(kind[block]):
        like = kind[:known] == own
        pool = history.load[:known][like if like.sum() >= FEW_DAYS else slice(None)]
        out[kind[block] == own] = _quantile(pool, quantile)
    return out


def _regression(history: _History, known: int, block: slice, quantile: float):
    """Return a linear quantile regression for each hour, fitted with a half hour on either side.

    So four half hours a day bear on a high quantile, for half the fits and no more loss. Terms:
    constant, usual load and latest change of the half hour, Saturday, Sunday. More terms gained
    little with a year on record and lost much with a quarter of one; a yearly wave made the
    forecast of a second year worse on one of two feeders.
    """
    scale = np.nanstd(history.load[:known]) or 1.0
    terms = _terms(history, scale)
    out = np.full(history.load[block].shape, np.nan)
    slots, fits = [], []
    for slot in range(0, HALF_HOURS, 2):
        near = [(slot + shift) % HALF_HOURS for shift in (-1, 0, 1, 2)]
        x = terms[_LONGEST_LAG:known, near].reshape(-1, terms.shape[-1])
        y = history.load[_LONGEST_LAG:known, near].ravel() / scale
        sound = np.isfinite(x).all(axis=1) & np.isfinite(y)
        if sound.sum() > 10 * x.shape[1]:
            slots.append(slot)
            fits.append((x[sound], y[sound], quantile))
    # To a thousandth of the load's spread, or 50 steps.
    for slot, line in zip(slots, quantile_lines(fits, tolerance=1e-3, most=50), strict=True):
        out[:, slot : slot + 2] = terms[block, slot : slot + 2] @ line * scale
    return out


def quantile_lines(
    fits: Sequence[tuple[np.ndarray, np.ndarray, float]], *, tolerance: float, most: int
) -> list[np.ndarray]:
    """Return the coefficients of linear quantile regressions, worked out side by side.

    Parameters
    ----------
    fits : sequence of (array, array, float)
        Regressors over (row, term), the same terms in all; what they are to explain; the quantile.
    tolerance : float
        Change of the coefficients at which one is done.
    most : int
        Steps after which it is done in any case: then it is as good as needed.

    Notes
    -----
    Iterative weighted least squares, step by step as `statsmodels` 0.14 does it, to the last digit,
    but without the standard errors, and with one call for the inverses of all.
    """
    lines = [np.ones(x.shape[1]) for x, _, _ in fits]
    weighted = [x for x, _, _ in fits]
    left = list(range(len(fits)))
    for _ in range(most):
        if not left:
            break
        inverses = np.linalg.pinv(np.stack([weighted[k].T.dot(fits[k][0]) for k in left]))
        moved = []
        for k, inverse in zip(left, inverses, strict=True):
            x, y, level = fits[k]
            before, lines[k] = lines[k], inverse.dot(weighted[k].T.dot(y))
            missed = y - x.dot(lines[k])
            near = np.abs(missed) < 1e-6
            missed[near] = ((missed[near] >= 0) * 2 - 1) * 1e-6
            weight = np.abs(np.where(missed < 0, level * missed, (1 - level) * missed))
            weighted[k] = x / weight[:, None]
            if np.abs(lines[k] - before).max() > tolerance:
                moved.append(k)
        left = moved
    return lines


RULES: dict[str, Callable] = {
    "last week": _same_day_last_week,
    "last week + margin": _last_week_and_margin,
    "seasonal quantile": _seasonal_quantile,
    "regression": _regression,
}


def _terms(history: _History, scale: float) -> np.ndarray:
    """Return the regressors over (day, half hour, term)."""
    weekday = history.days.day_of_week.to_numpy()[:, None]
    even = np.ones_like(history.load)
    loads = [history.usual / scale, history.change / scale]
    return np.stack([even, *loads, even * (weekday == 5), even * (weekday == 6)], axis=-1)


def _earlier(load: np.ndarray, days: int) -> np.ndarray:
    out = np.full_like(load, np.nan)
    out[days:] = load[:-days]
    return out


def _mean_of(load: np.ndarray, lags) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Mean of empty slice")
        return np.nanmean([_earlier(load, days) for days in lags], axis=0)


def _quantile(values: np.ndarray, quantile: float) -> np.ndarray:
    """Return `np.nanquantile` over days, to the last digit and all half hours at once."""
    line, days = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)
    at = quantile * (days - 1)
    low = np.maximum(np.floor(at).astype(int), 0)
    half_hour = np.arange(values.shape[1])
    below = line[low, half_hour]
    above = line[np.minimum(low + 1, np.maximum(days - 1, 0)), half_hour]
    rise, part = above - below, at - np.floor(at)
    return np.where(part < 0.5, below + rise * part, above - rise * (1 - part))


TCC, PERFECT = "TCC", "perfect foresight"

# A limit that meets the rating to the last digit is no breach [kVA].
TOLERANCE_KVA = 1e-6


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
        Forecasts to try, of `profiled.RULES`.
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
