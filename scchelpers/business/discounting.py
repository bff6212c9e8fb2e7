"""What money at another time is worth now, in real terms."""

from __future__ import annotations

import numpy as np

from scchelpers.faults import UserError

# Steps of the social time preference rate: after so many years it lies so much lower (HM Treasury,
# The Green Book, 2022, table 7: 3.5 % to year 30, 3.0 % to year 75, 2.5 % to year 125).
GREEN_BOOK = 0.035
STEPS = ((30.0, 0.005), (75.0, 0.010))


def factor(years, rate: float) -> np.ndarray:
    """Return the discount factor after some years at one rate.

    Parameters
    ----------
    years : array-like
        Time from now [years], 0 or more; parts of a year count.
    rate : float
        Real rate a year; 0.06 is 6 %.

    Raises
    ------
    UserError
        If the rate is not above -1 or a time is before now.

    Examples
    --------
    >>> factor([0, 1, 2], 0.25).tolist()
    [1.0, 0.8, 0.64]
    """
    return (1 + _rate(rate)) ** -_times(years)


def social_factor(years, rate: float = GREEN_BOOK) -> np.ndarray:
    """Return the discount factor of the Green Book, whose rate falls with time.

    Parameters
    ----------
    years : array-like
        Time from now [years].
    rate : float
        Rate of the first 30 years; then half a point less, after 75 years one point.

    Examples
    --------
    >>> social_factor([1, 30, 45]).round(6).tolist()
    [0.966184, 0.356278, 0.228682]
    """
    times = _times(years)
    starts = [0.0, *(after for after, _ in STEPS)]
    rates = [rate, *(rate - less for _, less in STEPS)]
    ends = [*starts[1:], np.inf]
    found = np.ones_like(times)
    for start, end, own in zip(starts, ends, rates, strict=True):
        found *= (1 + _rate(own)) ** -(np.clip(times, start, end) - start)
    return found


def annuity(rate: float, years: int) -> float:
    """Return the present value of 1 at the end of each year.

    Examples
    --------
    >>> round(annuity(0.035, 10), 6), annuity(0.0, 10)
    (8.316605, 10.0)
    """
    return float(factor(np.arange(1, years + 1), rate).sum())


def deferral(cost_gbp: float, rate: float, years: float) -> float:
    """Return what putting off a cost saves in present value [£].

    Parameters
    ----------
    cost_gbp : float
        Cost, the same in real terms whenever it comes [£].
    rate : float
        Real rate a year.
    years : float
        Years by which it comes later.

    Examples
    --------
    >>> round(deferral(100_000, 0.035, 5), 2)
    15802.68
    """
    return float(cost_gbp * (1 - factor(years, rate)))


def _rate(rate: float) -> float:
    if not -1 < rate < np.inf:
        raise UserError(f"rate = {rate}: must be above -1 (0.06 is 6 %)")
    return float(rate)


def _times(years) -> np.ndarray:
    times = np.asarray(years, dtype=float)
    if (times < 0).any():
        raise UserError(f"years = {times.min():g}: must be 0 or more")
    return times
