"""Rusck and binomial models fitted to a measured curve, with intervals, and judged beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
import xarray as xr

from scchelpers.diversity.models import binomial_peak, rusck

# Two-sided 95 % of the standard normal distribution.
Z95 = 1.96
_OCCUPANCIES = np.linspace(0.002, 1.0, 500)


@dataclass(frozen=True)
class Fit:
    """A model of one parameter, fitted.

    Attributes
    ----------
    model, parameter : str
        Names.
    value : float
        Estimate.
    low, high : float
        95 % interval from half samples; NaN where nothing could be held out.
    nominal_low, nominal_high : float
        95 % interval of the regression itself, which takes these chargepoints and weeks as given;
        NaN where there is none.
    """

    model: str
    parameter: str
    value: float
    low: float = np.nan
    high: float = np.nan
    nominal_low: float = np.nan
    nominal_high: float = np.nan


def fit_rusck(curve: xr.Dataset, held: xr.Dataset | None = None) -> Fit:
    """Fit g_inf of the Rusck model to measured coincidence factors by least squares.

    Parameters
    ----------
    curve : xarray.Dataset
        From `coincidence`; sizes above 1 are used.
    held : xarray.Dataset, optional
        From `hold_out`, for the interval.

    Returns
    -------
    Fit
        value is NaN where fewer than two chargepoints are on record.

    Notes
    -----
    g - 1/sqrt(n) = g_inf (1 - 1/sqrt(n)) is linear in g_inf: ordinary least squares through the
    origin, errors clustered by random order. All draws share the same few chargepoints and weeks,
    so that interval is too narrow; the half samples (differences between disjoint halves, whose
    root mean square halved is the standard error of the whole) carry both.
    """
    g = curve["coincidence_factor"].where(curve["size"] > 1, drop=True)
    frame = g.to_dataframe(name="g").dropna().reset_index()
    if frame.empty:
        return Fit("Rusck", "g∞", np.nan)
    root = 1 / np.sqrt(frame["size"].to_numpy(float))
    model = sm.OLS(frame["g"].to_numpy() - root, 1 - root)
    result = model.fit(cov_type="cluster", cov_kwds={"groups": frame["sample"].to_numpy()})
    # No limit of a coincidence factor lies outside 0 and 1; the misfit is a parabola in g_inf, so
    # the best value inside is the nearest.
    value = float(np.clip(result.params[0], 0, 1))
    nominal = map(float, np.clip(result.conf_int()[0], 0, 1))
    return Fit("Rusck", "g∞", value, *_interval(value, held, _rusck_of), *nominal)


def fit_binomial(curve: xr.Dataset, held: xr.Dataset | None = None, *, q: float = 0.99) -> Fit:
    """Fit the peak occupancy p of the binomial model to measured demand factors.

    Parameters
    ----------
    curve : xarray.Dataset
        From `coincidence`, with ratings.
    held : xarray.Dataset, optional
        From `hold_out`, for the interval.
    q : float
        Quantile of the model.

    Returns
    -------
    Fit
        p that brings `binomial_peak(n, p, q) / n` nearest to the mean demand factors (least
        squares over the sizes); NaN where fewer than two chargepoints are on record.
    """
    mean = curve["demand_factor"].mean("sample")
    if curve.sizes["size"] < 2 or not np.isfinite(mean).any():
        return Fit("binomial", "p", np.nan)
    value = float(_occupancy(curve["size"].to_numpy(), mean.to_numpy(), q))
    interval = _interval(value, held, lambda halves: _binomial_of(halves, q))
    return Fit("binomial", "p", value, *interval)


def predicted(fit: Fit, curve: xr.Dataset, *, q: float = 0.99) -> np.ndarray:
    """Return the ADMD [kW] that a fitted model gives for the sizes of a curve.

    Rusck: coincidence factor x mean own peak; binomial: busy share x mean rating. Both means are
    those of the largest group.
    """
    n = curve["size"].to_numpy()
    largest = curve.isel(size=-1)
    if fit.model == "Rusck":
        own_kw = float((largest["admd_kw"] / largest["coincidence_factor"]).mean())
        return rusck(n, fit.value) * own_kw
    rating_kw = float((largest["admd_kw"] / largest["demand_factor"]).mean())
    return binomial_peak(n, fit.value, q) / n * rating_kw


def residuals(fit: Fit, curve: xr.Dataset, *, q: float = 0.99) -> pd.Series:
    """Return model minus data: the ADMD of a fitted model less the mean measured one.

    Returns
    -------
    pandas.Series
        [kW] by size above 1; empty where the model could not be fitted.
    """
    curve = curve.sel(size=curve["size"] > 1)
    if not np.isfinite(fit.value) or not curve.sizes["size"]:
        return pd.Series(dtype=float, name=fit.model)
    difference = predicted(fit, curve, q=q) - curve["admd_kw"].mean("sample").to_numpy()
    return pd.Series(difference, pd.Index(curve["size"].to_numpy(), name="size"), name=fit.model)


def _interval(value: float, held: xr.Dataset | None, estimate) -> tuple[float, float]:
    """Return the 95 % interval from estimates in disjoint halves, within 0 and 1."""
    if held is None or held.sizes["size"] < 2:
        return np.nan, np.nan
    first = estimate(held.sel(points="seen", weeks="seen"))
    second = estimate(held.sel(points="unseen", weeks="unseen"))
    error = np.sqrt(np.nanmean((first - second) ** 2)) / 2
    return max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)


def _rusck_of(half: xr.Dataset) -> np.ndarray:
    g = half["coincidence_factor"].mean("sample").transpose("split", "size").to_numpy()
    root = 1 / np.sqrt(half["size"].to_numpy())
    known = np.isfinite(g)
    weight = np.where(known, 1 - root, 0)
    return np.nansum((g - root) * weight, axis=1) / (weight**2).sum(axis=1)


def _binomial_of(half: xr.Dataset, q: float) -> np.ndarray:
    demand_factor = half["demand_factor"].mean("sample").transpose("split", "size").to_numpy()
    return _occupancy(half["size"].to_numpy(), demand_factor, q)


def _occupancy(sizes: np.ndarray, demand_factor: np.ndarray, q: float) -> np.ndarray:
    """Return the p nearest to each row of demand factors (…, size)."""
    shares = binomial_peak(sizes[None, :], _OCCUPANCIES[:, None], q) / sizes
    misfit = np.nansum((demand_factor[..., None, :] - shares) ** 2, axis=-1)
    # The model is a staircase: the middle of the best step, not its edge.
    best = misfit <= misfit.min(axis=-1, keepdims=True) + 1e-12
    return (best * _OCCUPANCIES).sum(axis=-1) / best.sum(axis=-1)
