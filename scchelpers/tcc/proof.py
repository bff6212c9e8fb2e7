"""Proof out of sample: windows judged on days that had no part in deriving them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.tcc.derivation import Cells, DayTypes, Rules, half_hourly, rating_at
from scchelpers.timebase import LONDON


def excess(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    limit_kva: xr.DataArray | float,
    *,
    timezone: str = LONDON,
) -> xr.DataArray:
    """Return by how much the site, at its limit, takes the network above its rating.

    The site is taken to draw all it may. Where the load alone is above the rating the site answers
    for its own limit only: with a limit of 0 it is not to blame.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load before the site [kVA] over time.
    rating_kva : pandas.Series or float
        Rating [kVA].
    limit_kva : xarray.DataArray or float
        What the site may draw [kVA], over the same half hours.
    timezone : str
        Zone of the rating seasons.

    Returns
    -------
    xarray.DataArray
        Excess [kVA] over time, 0 where there is none, NaN where the load is missing.

    See Also
    --------
    breaches, unseen_limit_kva

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=3, freq="30min")
    >>> load_kva = xr.DataArray([80.0, 95.0, 120.0], {"time": time})
    >>> excess(load_kva, 100.0, 10.0).values.tolist()
    [0.0, 5.0, 10.0]
    """
    load = half_hourly(network_kva)
    over_kva = load + limit_kva - rating_at(rating_kva, load["time"], timezone)
    found = np.minimum(over_kva.clip(min=0), limit_kva)
    return found.rename("excess_kva").assign_attrs(units="kVA")


def breaches(excess_kva: xr.DataArray) -> pd.Series:
    """Return how often, how far, how long and how much a limit was not enough.

    Parameters
    ----------
    excess_kva : xarray.DataArray
        From `excess`.

    Returns
    -------
    pandas.Series
        half_hours (count), worst_kva [kVA], longest_h (longest run [h]), energy_kvah [kVAh],
        known_half_hours (those judged). A missing half hour ends a run.

    See Also
    --------
    excess

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=3, freq="30min")
    >>> found = breaches(xr.DataArray([0.0, 5.0, 10.0], {"time": time}))
    >>> found["half_hours"], found["worst_kva"]
    (np.float64(2.0), np.float64(10.0))
    """
    value = excess_kva.to_numpy()
    return pd.Series(
        {
            "half_hours": int((value > 0).sum()),
            "worst_kva": float(np.nanmax(value, initial=0.0)),
            "longest_h": _longest(value > 0) / 2,
            "energy_kvah": float(np.nansum(value)) / 2,
            "known_half_hours": int(np.isfinite(value).sum()),
        }
    )


def _longest(on: np.ndarray) -> int:
    """Return the length of the longest run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))


_FOLDS = 26

_BLOCK_DAYS = 14


def unseen_limit_kva(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantile: float = 0.99,
    margin_kva: float = 0.0,
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> xr.DataArray:
    """Return the limit of windows derived, day by day, without the days that it is judged on.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, quantile, margin_kva, calendar, day_types, timezone
        As in `derive_windows`.
    **rules
        Of `windows_in`.

    Returns
    -------
    xarray.DataArray
        Limit [kVA] over the half hours of the load. Each block of two weeks has the windows that
        all others make (of a record of several years, 26 sets of blocks in turn); unknown where
        these leave a half hour of the clock without any load. `years.added_over_h` judges it.

    Notes
    -----
    Leave-group-out cross-validation in blocks, as neighbouring days are alike (Roberts et al.,
    Ecography 40, 2017). Windows of all the days are a little better informed than those judged.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("elm-road-lamps")
    >>> unseen = unseen_limit_kva(site.network_kva, site.rating_kva, 134.0)
    >>> float(unseen.max())
    134.0
    """
    load = half_hourly(network_kva)
    cells = Cells.of(load, calendar=calendar, day_types=day_types, timezone=timezone)
    kept, assessed = Rules(**rules), cells.cell >= 0
    days = timebase.local_date(load["time"], timezone)
    part = ((days - days[0]).days // _BLOCK_DAYS % _FOLDS).to_numpy()
    allowed = np.full(load.sizes["time"], float(requested_kva))
    for fold in np.unique(part):
        here = part == fold
        planned_kva, _ = cells.planned(quantile, without=here)
        room_kva = cells.room_kva(rating_kva, planned_kva, margin_kva)
        limit = cells.limit_kva(room_kva, requested_kva, kept)
        allowed[here & assessed] = limit[cells.cell[here & assessed]]
    attrs = {"units": "kVA", "long_name": "limit judged on days held out"}
    return xr.DataArray(allowed, {"time": load["time"]}, ("time",), "limit_kva", attrs)
