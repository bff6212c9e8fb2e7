"""Ratings of an asset: by season as given, by month as a calendar needs, over time as it holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON


def rating_by_months(rating_kva: pd.Series | float, months: tuple[int, ...]) -> float:
    """Return the lowest rating of some months [kVA].

    Parameters
    ----------
    rating_kva : pandas.Series or float
        Rating [kVA] by season of EREC P27, or one for the year.
    months : tuple of int
        Months, 1 to 12.

    Raises
    ------
    UserError
        If the rating of one of them is missing or not above 0.

    Examples
    --------
    >>> rating = pd.Series({"winter": 500, "spring": 500, "summer": 460, "autumn": 490})
    >>> rating_by_months(rating, (10, 11, 12, 1, 2, 3))
    490.0
    """
    by_month = _by_month(rating_kva)
    own = [by_month.get(month, np.nan) for month in months]
    for month, value in zip(months, own, strict=True):
        if not value > 0:
            raise UserError(
                f"rating_kva for month {month} ({timebase.SEASONS[month]}) = {value}: a rating "
                "above 0 is needed; give one for every season"
            )
    return float(min(own))


def rating_at(rating_kva: pd.Series | float, time, timezone: str = LONDON) -> xr.DataArray:
    """Return the rating that holds at each instant [kVA]; NaN where none is given."""
    by_month = _by_month(rating_kva)
    table = np.array([np.nan, *(by_month.get(month, np.nan) for month in range(1, 13))])
    return xr.DataArray(
        table[timebase.clock(time, timezone).month],
        {"time": timebase.naive_utc(time)},
        ("time",),
        "rating_kva",
        {"units": "kVA"},
    )


def _by_month(rating_kva: pd.Series | float) -> dict[int, float]:
    if np.ndim(rating_kva) == 0:
        return dict.fromkeys(range(1, 13), float(rating_kva))
    by_season = {str(season): float(value) for season, value in rating_kva.items()}
    return {m: by_season[s] for m, s in timebase.SEASONS.items() if s in by_season}
