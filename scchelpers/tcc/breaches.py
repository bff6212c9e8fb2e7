"""Where a limit leaves the network above its rating, and how sure that count is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.tcc.cells import half_hourly
from scchelpers.tcc.ratings import rating_at
from scchelpers.timebase import LONDON

MEASURES = ("half_hours", "worst_kva", "longest_h", "energy_kvah")


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


def bootstrap(
    excess_kva: xr.DataArray,
    *,
    block: str = "week",
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 0,
    timezone: str = LONDON,
) -> pd.DataFrame:
    """Return intervals of the breach measures, had other days or weeks like these come.

    Parameters
    ----------
    excess_kva : xarray.DataArray
        From `excess`.
    block : {"day", "week"}
        What is drawn with replacement: local days, or runs of seven, as days next to each other
        are alike. Half hours are never drawn on their own.
    draws : int
        Resampled records.
    level : float
        Share of them between low and high.
    seed : int
        Seed of the draws.
    timezone : str
        Zone of the days.

    Returns
    -------
    pandas.DataFrame
        low and high by measure of `MEASURES`; a run over the edge of a block counts in parts.
    """
    if block not in ("day", "week"):
        raise UserError(f"block = {block!r}: 'day' or 'week'")
    days = timebase.local_date(excess_kva["time"], timezone)
    number = ((days - days[0]).days // (7 if block == "week" else 1)).to_numpy()
    value = np.nan_to_num(excess_kva.to_numpy())
    edges = np.flatnonzero(np.diff(number, prepend=-1))
    parts = {
        "half_hours": np.add.reduceat(value > 0, edges, dtype=float),
        "worst_kva": np.maximum.reduceat(value, edges),
        "longest_h": np.array([_longest(part > 0) / 2 for part in np.split(value, edges[1:])]),
        "energy_kvah": np.add.reduceat(value, edges) / 2,
    }
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(edges), size=(draws, len(edges)))
    marks = [(1 - level) / 2, (1 + level) / 2]
    rows = {}
    for name in MEASURES:
        gather = np.max if name in ("worst_kva", "longest_h") else np.sum
        rows[name] = np.quantile(gather(parts[name][drawn], axis=1), marks)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high"])


def _longest(on: np.ndarray) -> int:
    """Return the length of the longest run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))
