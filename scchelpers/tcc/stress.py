"""What undoes a TCC: load growth, new load of another shape, a cold winter, reversed flow."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.tcc.breaches import breaches, excess
from scchelpers.tcc.cells import HALF_HOURS, Cells, half_hourly
from scchelpers.tcc.derivation import grown, headroom
from scchelpers.tcc.ratings import rating_at
from scchelpers.tcc.windows import limit_kva
from scchelpers.timebase import LONDON, minute_of_clock

WINTER = (11, 12, 1, 2)
# New load of another shape, as shares of its own peak by hour of the clock, and by month as shares
# of its winter peak. Assumed shapes: home charging after work; heat pumps in morning and evening.
SHAPES = {
    "home charging": (
        (0.45, 0.35, 0.25, 0.18, 0.12, 0.08, 0.06, 0.06, 0.07, 0.08, 0.09, 0.10,
         0.12, 0.13, 0.15, 0.22, 0.40, 0.68, 0.92, 1.00, 0.97, 0.88, 0.74, 0.58),
        (1.0, 1.0, 0.97, 0.94, 0.92, 0.90, 0.90, 0.90, 0.93, 0.96, 0.98, 1.0),
    ),
    "heat pumps": (
        (0.55, 0.54, 0.54, 0.56, 0.62, 0.74, 0.92, 1.00, 0.95, 0.86, 0.78, 0.72,
         0.69, 0.68, 0.69, 0.74, 0.83, 0.90, 0.92, 0.90, 0.85, 0.77, 0.68, 0.60),
        (1.0, 0.97, 0.83, 0.62, 0.38, 0.20, 0.15, 0.15, 0.25, 0.47, 0.75, 0.95),
    ),
}  # fmt: skip


def new_load(shape: str, kva_per_year: float, cells: Cells) -> np.ndarray:
    """Return load added every year, with a shape of its own.

    Parameters
    ----------
    shape : str
        "home charging" or "heat pumps" (assumed shapes, `SHAPES`).
    kva_per_year : float
        Its peak, added each year [kVA].
    cells : Cells
        Seasons and day types; a season takes the largest share of its months.

    Returns
    -------
    ndarray
        (season, 1, half hour) load added per year [kVA].
    """
    if shape not in SHAPES:
        raise UserError(f"shape = {shape!r}: one of {', '.join(SHAPES)}")
    hourly, monthly = SHAPES[shape]
    day = np.repeat(hourly, 2)
    share = np.array([max(monthly[month - 1] for month in months) for months in cells.months])
    return kva_per_year * share[:, None, None] * day


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


def cold_winter(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    windows: pd.DataFrame,
    *,
    colder: float,
    months: tuple[int, ...] = WINTER,
    timezone: str = LONDON,
) -> pd.Series:
    """Return the breaches of a winter in which the imported load is higher by a share.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, windows, timezone
        As before.
    colder : float
        Share by which a cold winter raises the load: 0.1 is 10 %.
    months : tuple of int
        Months that are colder.

    Returns
    -------
    pandas.Series
        The measures of `breaches`, and bearable_share: how much higher the load of those months
        could be before the first half hour on record breaches (negative if one does already).
    """
    load = half_hourly(network_kva)
    cold = np.isin(timebase.clock(load["time"], timezone).month, months)
    value = load.to_numpy()
    colder_kva = load.copy(data=np.where(cold & (value > 0), value * (1 + colder), value))
    allowed = limit_kva(windows, load["time"], requested_kva, timezone=timezone)
    found = breaches(excess(colder_kva, rating_kva, allowed, timezone=timezone))
    # Up to here the site's limit leaves room; with a limit of 0 the site is not to blame.
    on = cold & (value > 0) & (allowed.to_numpy() > 0)
    room_kva = (rating_at(rating_kva, load["time"], timezone) - allowed).to_numpy()
    ratio = np.where(on, room_kva / np.where(on, value, 1.0), np.inf)
    return pd.concat([found, pd.Series({"bearable_share": float(np.nanmin(ratio)) - 1})])


def reverse_flow(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    *,
    growth: float = 0.0,
    timezone: str = LONDON,
) -> pd.Series:
    """Return how often and how far the flow reverses, from signed load.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load [kVA], import positive; export is negative.
    rating_kva : pandas.Series or float
        Rating [kVA], taken to hold in both directions.
    growth : float
        Growth of the export per year.
    timezone : str
        Zone of the rating seasons.

    Returns
    -------
    pandas.Series
        half_hours (of reversed flow), share, largest_kva (export [kVA]), used_share (of the
        rating at that time), beyond_half_hours (export above the rating), years (until export
        first exceeds the rating; NaN without growth or export).

    Notes
    -----
    A cap on charging is no remedy for export: charging then relieves the network.
    """
    load = half_hourly(network_kva)
    out_kva = (-load).clip(min=0)
    used = (out_kva / rating_at(rating_kva, load["time"], timezone)).to_numpy()
    most = float(np.nanmax(used, initial=0.0))
    known = int(np.isfinite(load).sum())
    count = int((out_kva > 0).sum())
    years = np.nan
    if most > 0 and growth > 0:
        years = max(0.0, math.log(1 / most) / math.log(1 + growth))
    return pd.Series(
        {
            "half_hours": count,
            "share": count / known if known else np.nan,
            "largest_kva": float(out_kva.max()),
            "used_share": most,
            "beyond_half_hours": int((used > 1).sum()),
            "years": years,
        }
    )
