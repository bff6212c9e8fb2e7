"""Published forms of after-diversity demand, as plain functions of the number of chargepoints."""

from __future__ import annotations

import numpy as np
from scipy import stats

from scchelpers.faults import UserError


def rusck(n, g_inf: float):
    """Return the coincidence factor of n like loads: g_inf + (1 - g_inf) / sqrt(n).

    Parameters
    ----------
    n : int or array-like
        Number of chargepoints, 1 or more.
    g_inf : float
        Coincidence factor of very many.

    Returns
    -------
    float or numpy.ndarray
        Coincidence factor; 1 at n = 1.

    Notes
    -----
    Rusck 1956: independent loads with normally distributed demand at the time of the joint peak.

    Examples
    --------
    >>> rusck([1, 4, 100], 0.2).round(4).tolist()
    [1.0, 0.6, 0.28]
    """
    return g_inf + (1 - g_inf) / np.sqrt(_count(n))


def binomial_peak(n, p: float, q: float = 0.99):
    """Return how many of n like chargepoints are busy at once, exceeded with chance 1 - q.

    Parameters
    ----------
    n : int or array-like
        Number of chargepoints, 1 or more.
    p : float
        Chance that one is busy at the time of the peak, 0 to 1.
    q : float
        Quantile: the smallest k with P(K <= k) >= q.

    Returns
    -------
    float or numpy.ndarray
        k; times the rating it is a power.

    Raises
    ------
    UserError
        If p or q is not a probability.

    Examples
    --------
    >>> binomial_peak([1, 10, 100], 0.3, 0.99).tolist()
    [1.0, 7.0, 41.0]
    """
    if not (np.min(p) >= 0 and np.max(p) <= 1 and 0 < q < 1):
        raise UserError(f"p = {p}, q = {q}: both must be probabilities, 0 to 1")
    return stats.binom.ppf(q, _count(n), p)


def velander(energy_kwh, k1: float, k2: float):
    """Return the peak of loads with a yearly energy: k1 W + k2 sqrt(W).

    Parameters
    ----------
    energy_kwh : float or array-like
        Energy W of all loads together [kWh/yr].
    k1, k2 : float
        Coefficients [kW/kWh] and [kW/sqrt(kWh)]. There are no defaults: they belong to a class of
        customers and must come from its document.

    Returns
    -------
    float or numpy.ndarray
        Peak [kW].

    Examples
    --------
    >>> float(velander(100 * 4000, k1=0.0003, k2=0.05).round(4))
    151.6228
    """
    energy = np.asarray(energy_kwh, float)
    return k1 * energy + k2 * np.sqrt(energy)


def normal_form(n, mean_kw: float, sd_kw: float, z: float = 1.2816):
    """Return the peak of n like loads: n mu + z sigma sqrt(n).

    Parameters
    ----------
    n : int or array-like
        Number of loads.
    mean_kw, sd_kw : float
        Mean and standard deviation of one load at the time of the peak [kW].
    z : float
        Standard normal quantile; 1.2816 is 90 %.

    Returns
    -------
    float or numpy.ndarray
        Peak [kW].

    Examples
    --------
    >>> normal_form([1, 100], 1.5, 1.2).round(3).tolist()
    [3.038, 165.379]
    """
    n = _count(n)
    return n * mean_kw + z * sd_kw * np.sqrt(n)


def _count(n):
    count = np.asarray(n, float)
    if (count < 1).any():
        raise UserError(f"n = {n}: must be 1 or more chargepoints")
    return count[()]
