"""Proof out of sample: windows judged on days that had no part in deriving them."""

from __future__ import annotations

import math
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
    grown,
    half_hourly,
    headroom,
    rating_at,
    windows_of,
)
from scchelpers.tcc.windows import inside, limit_kva
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


QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)

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


def frontier(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantiles: Sequence[float] = QUANTILES,
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> pd.DataFrame:
    """Return what each quantile costs the customer and leaves at risk, out of sample.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, quantiles, calendar, day_types, timezone, **rules
        As in `out_of_sample`.

    Returns
    -------
    pandas.DataFrame
        Indexed by quantile: window_hours [h a year], limit_kva (lowest cap [kVA]), withheld_share
        (of the capacity-hours of a year), samples (fewest in a cell of a window), and, out of
        sample and per year judged, half_hours, energy_kvah; worst_kva and longest_h of all.
    """
    load = half_hourly(network_kva)
    given = {"calendar": calendar, "day_types": day_types, "timezone": timezone}
    excess_kva = out_of_sample(
        load, rating_kva, requested_kva, quantiles=quantiles, **given, **rules
    )
    cells = Cells.of(load, **given)
    time = load["time"]
    years = time.size / 17520
    rows = {}
    for quantile in quantiles:
        windows = windows_of(cells, rating_kva, requested_kva, quantile=quantile, **rules)
        allowed = limit_kva(windows, time, requested_kva, timezone=timezone)
        inside_h = inside(windows, time, timezone).any(axis=0).sum() / 2
        found = breaches(excess_kva.sel(quantile=quantile))
        judged_years = found["known_half_hours"] / 17520
        rows[quantile] = {
            "window_hours": inside_h / years,
            "limit_kva": windows["limit_kva"].min() if len(windows) else float(requested_kva),
            "withheld_share": float(1 - allowed.mean() / requested_kva),
            "samples": int(windows["samples"].min()) if len(windows) else int(cells.samples.min()),
            "half_hours": found["half_hours"] / judged_years,
            "energy_kvah": found["energy_kvah"] / judged_years,
            "worst_kva": found["worst_kva"],
            "longest_h": found["longest_h"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantile")


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
