"""Proof out of sample: windows judged on days that had no part in deriving them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.tcc.derivation import (
    HALF_HOURS,
    Cells,
    DayTypes,
    derive_windows,
    grown,
    half_hourly,
    headroom,
    rating_at,
    windows_of,
)
from scchelpers.tcc.windows import limit_kva
from scchelpers.timebase import LONDON, minute_of_clock

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


FOLDS = 4

BLOCK_DAYS = 14

# A second year counts as held out from three quarters of it on: with fewer, seasons are missing.
YEAR = pd.Timedelta("365D")

SECOND_YEAR = pd.Timedelta("274D")


def folds(network_kva: xr.DataArray, *, timezone: str = LONDON) -> tuple[str, np.ndarray]:
    """Say how a record is held out, and number the parts of its half hours.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load [kVA] over time, in half hours.
    timezone : str
        Zone of the days.

    Returns
    -------
    basis : str
        "held-out year" where at least 21 months are on record, else "cross-validation".
    part : ndarray of int
        Part that judges each half hour, of windows derived from all other parts; -1: only used
        to derive. With two years the first is part -1 and the rest part 0. With less, blocks of
        two weeks are dealt in turn to four parts, so that every season is in each of them.
    """
    days = timebase.local_date(network_kva["time"], timezone)
    since = days - days[0]
    if since[-1] >= YEAR + SECOND_YEAR:
        return "held-out year", np.where(since < YEAR, -1, 0)
    return "cross-validation", (since.days // BLOCK_DAYS % FOLDS).to_numpy()


def unseen_limit_kva(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    timezone: str = LONDON,
    **rules,
) -> xr.DataArray:
    """Return the limit of windows derived, day by day, without the days that it is judged on.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, timezone
        As in `derive_windows`.
    **rules
        Of `derive_windows` and `windows_of`: quantile, margin_kva, calendar, day_types and so on.

    Returns
    -------
    xarray.DataArray
        Limit [kVA] over the half hours of the load. Blocks of two weeks are dealt in turn to four
        parts; each has the windows that the other three make. `years.added_over_h` judges it.
    """
    load = half_hourly(network_kva)
    days = timebase.local_date(load["time"], timezone)
    part = ((days - days[0]).days // BLOCK_DAYS % FOLDS).to_numpy()
    allowed = np.full(load.sizes["time"], np.nan)
    for fold in np.unique(part):
        here = part == fold
        windows = derive_windows(
            load.where(xr.DataArray(~here, dims="time")),
            rating_kva,
            requested_kva,
            timezone=timezone,
            **rules,
        )
        allowed[here] = limit_kva(windows, load["time"][here], requested_kva, timezone=timezone)
    attrs = {"units": "kVA", "long_name": "limit judged on days held out"}
    return xr.DataArray(allowed, {"time": load["time"]}, ("time",), "limit_kva", attrs)


def out_of_sample(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantiles: Sequence[float] = (0.99,),
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> xr.DataArray:
    """Return the excess of windows over half hours that had no part in deriving them.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, calendar, day_types, timezone
        As in `derive_windows`.
    quantiles : sequence of float
        Quantiles to derive for.
    **rules
        Of `windows_of`, but quantile.

    Returns
    -------
    xarray.DataArray
        Excess [kVA] over (quantile, time), the judged half hours only; `attrs["basis"]` says how.
    """
    load = half_hourly(network_kva)
    basis, part = folds(load, timezone=timezone)
    judged = part >= 0
    value = np.full((len(quantiles), load.sizes["time"]), np.nan)
    for fold in np.unique(part[judged]):
        here = part == fold
        cells = Cells.of(
            load.where(xr.DataArray(~here, dims="time")),
            calendar=calendar, day_types=day_types, timezone=timezone,
        )  # fmt: skip
        test = load[here]
        for at, quantile in enumerate(quantiles):
            windows = windows_of(cells, rating_kva, requested_kva, quantile=quantile, **rules)
            allowed = limit_kva(windows, test["time"], requested_kva, timezone=timezone)
            value[at, here] = excess(test, rating_kva, allowed, timezone=timezone)
    return xr.DataArray(
        value[:, judged],
        {"quantile": list(quantiles), "time": load["time"].to_numpy()[judged]},
        ("quantile", "time"),
        "excess_kva",
        {"units": "kVA", "basis": basis},
    )


def cell_limits(windows: pd.DataFrame, cells: Cells, requested_kva: float) -> np.ndarray:
    """Return the limit of every cell [kVA]; windows must be of the same seasons and day types."""
    table = np.full((len(cells.seasons), len(cells.day_types), HALF_HOURS), float(requested_kva))
    for row in windows.itertuples():
        if row.season not in cells.seasons or row.day_type not in cells.day_types:
            raise UserError(
                f"window {row.season}, {row.day_type}: not among the cells' seasons "
                f"({', '.join(cells.seasons)}) and day types ({', '.join(cells.day_types)})"
            )
        first, last = minute_of_clock(row.start) // 30, minute_of_clock(row.end) // 30
        size = last - first if last > first else last - first + HALF_HOURS
        here = (first + np.arange(size)) % HALF_HOURS
        cell = table[cells.seasons.index(row.season), cells.day_types.index(row.day_type)]
        cell[here] = np.minimum(cell[here], row.limit_kva)
    return table


def protection(
    cells: Cells,
    rating_kva: pd.Series | float,
    requested_kva: float,
    windows: pd.DataFrame,
    *,
    quantile: float = 0.99,
    growth: float = 0.0,
    yearly_kva: np.ndarray | float = 0.0,
    horizon: int = 20,
) -> pd.DataFrame:
    """Return the margin that a TCC leaves each year while the load grows.

    Parameters
    ----------
    cells : Cells
        Sorted load of today.
    rating_kva, requested_kva, windows
        Rating [kVA], request [kVA] and the windows that were derived.
    quantile : float
        Of the load that is to stay inside the rating.
    growth : float
        Compound growth of imported load per year.
    yearly_kva : ndarray or float
        Load added each year, from `new_load` [kVA].
    horizon : int
        Years to look ahead.

    Returns
    -------
    pandas.DataFrame
        Indexed by year from 0: margin_kva, least rating - limit - load at the quantile [kVA],
        negative once the TCC no longer protects the network; and where that is: season, day_type,
        clock.
    """
    allowed = cell_limits(windows, cells, requested_kva)
    base = cells.quantile(quantile)
    rows = []
    for year in range(horizon + 1):
        load_kva = grown(base, growth, year) + year * yearly_kva
        left = headroom(cells, rating_kva, load_kva, 0.0) - allowed
        s, d, h = np.unravel_index(np.argmin(left), left.shape)
        clock = f"{h // 2:02d}:{30 * (h % 2):02d}"
        rows.append((year, float(left[s, d, h]), cells.seasons[s], cells.day_types[d], clock))
    names = ["year", "margin_kva", "season", "day_type", "clock"]
    return pd.DataFrame(rows, columns=names).set_index("year")


def last_year(protected: pd.DataFrame) -> int | None:
    """Return the first year in which a TCC no longer protects; None if not within the horizon.

    Examples
    --------
    >>> last_year(pd.DataFrame({"margin_kva": [5.0, 1.0, -2.0]}))
    2
    """
    failed = protected.index[protected["margin_kva"] < -1e-9]
    return int(failed[0]) if len(failed) else None
