"""Later years: what a load on record may do in years that are like it and unlike it.

A record is one draw of what years bring. A later year has its own level (weather, customers,
switching) and its own weeks. `added_over_h` draws such years and counts in each the hours that a
site adds above a rating, and those in which the other load is above it alone.

The sizes are standard deviations from year to year, as shares of the load. GB evenings of 23
winters move by 1.0 % a winter and their peak by 1.5 % for weather alone (regression on the
published demand and temperature data of National Grid, 1991 to 2014), by 1.4 % in ten winters of
metered transmission demand (2016 to 2026); values between the two and the ends of the workbook's
range are taken. What is local to one feeder is of the order of 3 to 5 % of its peak: two published
11 kV feeders over two winters, so it is weakly known, and a record of several years replaces it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON, YEAR_DAYS

LEVEL_SD = 0.0125  # of a winter's level, by weather
PEAK_SD = 0.0175  # of a winter's peak, by weather, that of the level included
LOCAL_SD = 0.04  # of one asset's load: customers, switching

EPS_KVA = 1e-6
_YEAR_D = 365
_WEIGHT = 4  # years of record that the local size above is worth beside what a record shows
_HIGH = 0.95  # quantile of a year's half hours by which years on record are compared
NEAR = 1e-9  # rises that differ by less are compared in full
FAR = 8.0  # a rise of the load beyond this multiple of it is not looked at


def added_over_h(
    load_kva: xr.DataArray,
    rating_kva: xr.DataArray | np.ndarray | float,
    allowed_kva: xr.DataArray | np.ndarray | float,
    *,
    level_sd: float = LEVEL_SD,
    peak_sd: float = PEAK_SD,
    local_sd: float | None = None,
    growth: float | np.ndarray = 1.0,
    draws: int = 400,
    seed: int = 0,
    timezone: str = LONDON,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the hours a year that a site adds above a rating, and those of the other load alone.

    Parameters
    ----------
    load_kva : xarray.DataArray
        Load without the site [kVA] over time in half hours, import positive; NaN where unknown.
        Import varies from year to year, export does not.
    rating_kva : xarray.DataArray, ndarray or float
        Rating over the same time [kVA], less what others hold that does not vary.
    allowed_kva : xarray.DataArray, ndarray or float
        What the site may draw [kVA], all of it drawn; NaN where it is not known. Give a limit
        judged on days held out (`tcc.unseen_limit_kva`), or it flatters itself. A limit that
        follows the load has a dimension `rise` beside time: what it allows in a year whose import
        is 1 + rise times that on record. Between these rises hours are interpolated.
    level_sd, peak_sd : float
        Size of the weather in the level and the peak of a year, as shares of the load.
    local_sd : float, optional
        Size of what is local to the asset; by default `local_spread` of the record.
    growth : float or ndarray
        The import, times this; several make a row each.
    draws, seed : int
        Later years, and the seed of their draws. One seed means the same years for every limit,
        and the same weather and weeks for loads of one span.
    timezone : str
        Zone of the days and seasons.

    Returns
    -------
    added_h, own_h : ndarray
        Hours a year by draw, or by (growth, draw): above the rating with the site less those of
        the other load alone, and the latter. NaN where nothing is known.

    Raises
    ------
    UserError
        If a size is negative.

    Notes
    -----
    A year on record is a draw too, so that n years on record widen the year's effect by
    sqrt(1 + 1/n). Within each season of EREC P27 whole weeks are drawn, a year's number of them,
    from weeks that are themselves weighted at random (Rubin, The Bayesian bootstrap, 1981): few
    weeks on record give a wide interval. Hours are scaled from known time, season by season.

    Examples
    --------
    A load of 90 kVA all year under a rating of 100 kVA, to which a site adds 9 or 12 kVA:

    >>> time = timebase.naive_utc(timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min"))
    >>> load = xr.DataArray(np.full(17520, 90.0), {"time": time}, ("time",))
    >>> still = dict(level_sd=0, peak_sd=0, local_sd=0, draws=3)
    >>> [added_over_h(load, 100.0, kva, **still)[0].round().tolist() for kva in (9.0, 12.0)]
    [[0.0, 0.0, 0.0], [8766.0, 8766.0, 8766.0]]
    """
    if local_sd is None:
        local_sd = local_spread(load_kva, level_sd=level_sd, peak_sd=peak_sd)
    for name, size in {"level_sd": level_sd, "peak_sd": peak_sd, "local_sd": local_sd}.items():
        if not size >= 0:
            raise UserError(f"{name} = {size}: a share of the load, 0 or more (0.02 is 2 %)")
    load = load_kva.to_numpy()
    rises = np.zeros(1)
    if "rise" in getattr(allowed_kva, "dims", ()):
        allowed_kva = allowed_kva.transpose("rise", "time")
        rises = allowed_kva["rise"].to_numpy()
    rating = np.broadcast_to(rating_kva, load.shape)
    allowed = np.broadcast_to(allowed_kva, (len(rises), len(load)))
    known = np.isfinite(load) & np.isfinite(rating) & np.isfinite(allowed).all(axis=0)
    block, season = _weeks(load_kva.get_index("time").as_unit("ns").asi8.tobytes(), timezone)

    counts = np.bincount(block[known], minlength=len(season))
    normal, weight = _drawn(seed, draws, season.tobytes(), counts.tobytes())
    beyond_sd = np.sqrt(max(peak_sd**2 - level_sd**2, 0.0))
    effect = normal * np.array([[level_sd], [beyond_sd], [local_sd]])
    on_record = max(1, round(known.sum() / 48 / YEAR_DAYS))
    effect = effect.sum(axis=0) * np.sqrt(1 + 1 / on_record)
    rise = np.multiply.outer(np.atleast_1d(growth), 1 + effect) - 1

    own = (load[known], rating[known], block[known], len(season))
    alone = _over(*own, rise)
    if len(rises) > 1:
        more = _more(*own, allowed[:, known], rises, rise)
    else:
        more = _over(own[0], own[1] - allowed[0, known], *own[2:], rise) - alone
    hours = [np.einsum("gdb,db->gd", many, weight) for many in (more, alone)]
    added, alone = hours if np.ndim(growth) else (part[0] for part in hours)
    return added, alone


def local_spread(
    load_kva: xr.DataArray, *, level_sd: float = LEVEL_SD, peak_sd: float = PEAK_SD
) -> float:
    """Return by what share of itself a load differs from year to year beyond the weather.

    Parameters
    ----------
    load_kva : xarray.DataArray
        Load [kVA] over time in half hours.
    level_sd, peak_sd : float
        Size of the weather.

    Returns
    -------
    float
        Standard deviation. With less than two years on record `LOCAL_SD`; with more the years'
        0.95 quantiles are compared, beside a prior of `LOCAL_SD` that counts as four years.
    """
    return _spread(load_kva.to_numpy().astype(float).tobytes(), max(peak_sd, level_sd) ** 2)


@lru_cache(maxsize=16)
def _spread(load_kva: bytes, weather: float) -> float:
    load = pd.Series(np.frombuffer(load_kva))
    years = len(load) // (48 * _YEAR_D)
    if years < 2:
        return LOCAL_SD
    number = np.minimum(np.arange(len(load)) // (48 * _YEAR_D), years - 1)
    known = load.notna().groupby(number).mean()
    high = np.log(load.clip(lower=EPS_KVA).groupby(number).quantile(_HIGH))[known > 0.75]
    if len(high) < 2:
        return LOCAL_SD
    seen = float(((high - high.mean()) ** 2).sum())
    whole = (_WEIGHT * (weather + LOCAL_SD**2) + seen) / (_WEIGHT + len(high) - 1)
    return float(np.sqrt(max(whole - weather, 0.0)))


@lru_cache(maxsize=4)
def _weeks(stamps: bytes, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the block of each half hour, a week within a season, and the season of each block."""
    time = np.frombuffer(stamps, np.int64).view("M8[ns]")
    month = timebase.clock(time, timezone).month.to_numpy()
    days = timebase.local_date(time, timezone)
    names = list(dict.fromkeys(timebase.SEASONS.values()))
    of_month = np.array([0, *(names.index(timebase.SEASONS[month]) for month in range(1, 13))])
    pair = (days - days[0]).days.to_numpy() // 7 * len(names) + of_month[month]
    found, block = np.unique(pair, return_inverse=True)
    return block, found % len(names)


@lru_cache(maxsize=4)
def _drawn(seed: int, draws: int, season: bytes, known: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return normal draws and the weeks of each year: the same for every limit on a record."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(3, draws))
    season, known = (np.frombuffer(part, np.int64) for part in (season, known))
    return normal, _year_of_weeks(rng, season, known, draws)


def _year_of_weeks(
    rng: np.random.Generator, season: np.ndarray, known: np.ndarray, draws: int
) -> np.ndarray:
    """Return the weight of each block in the hours of a year, over (draw, block) [h].

    A block that counts n half hours above the rating adds n times its weight.
    """
    weight = np.full((draws, len(season)), np.nan)
    seen = np.unique(season[known > 0])
    for name in seen:
        here = np.flatnonzero((season == name) & (known > 0))
        chance = known[here] * rng.exponential(size=(draws, len(here)))
        chance /= chance.sum(axis=1, keepdims=True)
        times = rng.multinomial(round(YEAR_DAYS / 4 / 7), chance)
        weight[:, here] = times / known[here] / times.sum(axis=1, keepdims=True)
    weight[:, known == 0] = 0.0 if len(seen) else np.nan
    return weight * timebase.YEAR_H / max(len(seen), 1)


def _over(
    load_kva: np.ndarray, left_kva: np.ndarray, block: np.ndarray, blocks: int, rise: np.ndarray
) -> np.ndarray:
    """Return how many half hours of each block are above what is left, over (..., block)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        tips = np.where(load_kva > EPS_KVA, (left_kva + EPS_KVA) / load_kva - 1, np.inf)
    tips = np.where((load_kva <= EPS_KVA) & (load_kva > left_kva + EPS_KVA), -np.inf, tips)
    rise = np.clip(rise, 1e-9 - 1, FAR)
    # Most half hours are above in every year or in none; only those between are sorted, as one
    # line for all blocks, each in its own stretch of it.
    tips = np.clip(tips, -FAR, FAR)
    always = tips < rise.min() - NEAR
    between = ~always & (tips <= rise.max() + NEAR)
    stretch = 4 * FAR * np.arange(blocks)
    line = np.sort(stretch[block[between]] + tips[between])
    first = np.searchsorted(line, stretch - 2 * FAR) - np.bincount(block[always], minlength=blocks)
    return np.searchsorted(line, stretch + rise[..., None]) - first


def _more(
    load_kva: np.ndarray,
    rating_kva: np.ndarray,
    block: np.ndarray,
    blocks: int,
    allowed_kva: np.ndarray,
    rises: np.ndarray,
    rise: np.ndarray,
) -> np.ndarray:
    """Return how many half hours of each block a limit that follows adds, over (..., block)."""
    counted = []
    for allowed, by in zip(allowed_kva, rises, strict=True):
        left = rating_kva - load_kva - by * load_kva.clip(min=0.0) + EPS_KVA
        counted.append(np.bincount(block[(left >= 0) & (allowed > left)], minlength=blocks))
    place = np.interp(rise, rises, np.arange(len(rises)))
    at = np.minimum(place.astype(int), len(rises) - 2)
    part = (place - at)[..., None]
    counted = np.array(counted, float)
    return counted[at] * (1 - part) + counted[at + 1] * part
