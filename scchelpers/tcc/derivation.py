"""From sorted load to windows: what is restricted, when, and to what cap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.tcc.windows import COLUMNS, DAYS, months_of
from scchelpers.timebase import LONDON

HALF_HOURS = 48

DayTypes = Literal["each", "weekend", "all"]

# How days are grouped -> the group of each day of the week, and the groups' names.
_GROUPS = {
    "each": ((0, 0, 0, 0, 0, 1, 2), ("weekday", "saturday", "sunday")),
    "weekend": ((0, 0, 0, 0, 0, 1, 1), ("weekday", "weekend")),
    "all": ((0,) * 7, ("all",)),
}


@dataclass(frozen=True)
class Cells:
    """Sorted load [kVA] of every season, day type and half hour of the local clock.

    Attributes
    ----------
    seasons, day_types : tuple of str
        Labels of the first two axes.
    months : tuple of tuple of int
        Months of each season.
    sorted_kva : ndarray
        (season, day type, half hour, rank) load [kVA], rising; NaN beyond the samples.
    samples : ndarray
        (season, day type, half hour) known half hours.
    """

    seasons: tuple[str, ...]
    day_types: tuple[str, ...]
    months: tuple[tuple[int, ...], ...]
    sorted_kva: np.ndarray
    samples: np.ndarray

    @classmethod
    def of(
        cls,
        network_kva: xr.DataArray,
        *,
        calendar: dict[int, str] | None = None,
        day_types: DayTypes = "weekend",
        timezone: str = LONDON,
    ) -> Cells:
        """Sort a load into cells.

        Parameters
        ----------
        network_kva : xarray.DataArray
            Load before the new site [kVA] over time, import positive, in steps of up to 30 min
            (finer ones are averaged to half hours); NaN where missing.
        calendar : dict of int to str, optional
            Month to season; by default the rating seasons of EREC P27. Months left out are not
            assessed.
        day_types : {"each", "weekend", "all"}
            Weekdays, Saturdays and Sundays apart; both weekend days together; or all days alike.
        timezone : str
            Zone of the clock.

        Raises
        ------
        UserError
            If a month of the calendar has a half hour without any known load: what is unknown
            must not pass for unrestricted.
        """
        if day_types not in _GROUPS:
            raise UserError(f"day_types = {day_types!r}: one of {', '.join(_GROUPS)}")
        calendar = dict(calendar or timebase.SEASONS)
        load = half_hourly(network_kva)
        group, names = _GROUPS[day_types]
        seasons = tuple(dict.fromkeys(calendar.values()))
        season_of = np.full(13, -1)
        for month, season in calendar.items():
            season_of[month] = seasons.index(season)

        local = timebase.clock(load["time"], timezone)
        value = load.to_numpy()
        season = season_of[local.month]
        day = np.asarray(group)[local.day_of_week]
        key = (season * len(names) + day) * HALF_HOURS + local.hour * 2 + local.minute // 30
        known = np.isfinite(value) & (season >= 0)
        key, value = np.asarray(key)[known], value[known]

        shape = (len(seasons), len(names), HALF_HOURS)
        samples = np.bincount(key, minlength=int(np.prod(shape)))
        order = np.lexsort((value, key))
        rank = np.arange(len(order)) - np.repeat(np.cumsum(samples) - samples, samples)
        table = np.full((len(samples), max(samples.max(), 1)), np.nan)
        table[key[order], rank] = value[order]
        samples = samples.reshape(shape)
        months = tuple(months_of(name, calendar) for name in seasons)
        found = cls(seasons, names, months, table.reshape(*shape, -1), samples)
        found._refuse_unknown()
        return found

    def quantile(self, quantile: float | np.ndarray) -> np.ndarray:
        """Return quantiles of every cell's load [kVA], linear between samples.

        Parameters
        ----------
        quantile : float or ndarray
            In [0, 1].

        Returns
        -------
        ndarray
            (season, day type, half hour), after the axes of `quantile`.

        Raises
        ------
        UserError
            If a quantile lies outside [0, 1].
        """
        marks = np.asarray(quantile, float)
        if not ((marks >= 0) & (marks <= 1)).all():
            raise UserError(f"quantile = {quantile}: must lie between 0 and 1")
        at = marks[..., None, None, None] * (self.samples - 1)
        below = np.floor(at).astype(int)
        above = np.minimum(below + 1, self.samples - 1)
        cell = tuple(np.ogrid[tuple(slice(n) for n in self.samples.shape)])
        low, high = self.sorted_kva[(*cell, below)], self.sorted_kva[(*cell, above)]
        return low + (high - low) * (at - below)

    def _refuse_unknown(self) -> None:
        empty = np.argwhere(self.samples == 0)
        if len(empty):
            season, day, half_hour = empty[0]
            raise UserError(
                f"network_kva: no load on record in {self.seasons[season]} "
                f"({self.day_types[day]}) at {clock_text(half_hour)}; give a load that covers it, "
                "or a calendar of the months to be assessed"
            )


def half_hourly(load: xr.DataArray) -> xr.DataArray:
    """Return a load as half-hour means; a half hour with a missing part is missing.

    Raises
    ------
    UserError
        If the load is not over time alone, or its steps are longer than 30 minutes.
    """
    if load.dims != ("time",) or load.sizes["time"] < 2:
        raise UserError(f"network_kva has dims {load.dims}; give a load over ('time',)")
    time = pd.DatetimeIndex(load.get_index("time"))
    step = time[1] - time[0]
    if step == timebase.HALF_HOUR:
        return load
    if step > timebase.HALF_HOUR or timebase.HALF_HOUR % step:
        raise UserError(f"network_kva is in steps of {step}; half hours or finer are needed")
    groups = load.to_series().resample("30min")
    mean = groups.mean().where(groups.count() == timebase.HALF_HOUR // step)
    return mean.to_xarray().assign_attrs(load.attrs)


def clock_text(half_hour: int) -> str:
    """Return a half hour of the day as a clock time; 48 is the end of the day.

    Examples
    --------
    >>> clock_text(33), clock_text(48)
    ('16:30', '24:00')
    """
    return f"{half_hour // 2:02d}:{30 * (half_hour % 2):02d}"


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


FREE = "rest of the year"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def group_months(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantile: float = 0.99,
    margin_kva: float = 0.0,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
) -> dict[int, str]:
    """Return a calendar of seasons made by the months that need the restriction.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, quantile, margin_kva, day_types, timezone
        As in `derive_windows`.

    Returns
    -------
    dict of int to str
        Month to season: runs of months that need a restriction, such as "Nov–Feb" (a single free
        month between two of them is closed), and "rest of the year"; "all year" where all months
        or none need it.

    Notes
    -----
    A month's cell rests on about 20 weekdays, so its 0.99 quantile is close to its highest day.
    """
    monthly = {month: str(month) for month in range(1, 13)}
    cells = Cells.of(network_kva, calendar=monthly, day_types=day_types, timezone=timezone)
    free_kva = headroom(cells, rating_kva, cells.quantile(quantile), margin_kva)
    needs = (free_kva < requested_kva).any(axis=(1, 2))
    needed = {month for month in range(1, 13) if needs[month - 1]}
    needed |= {m for m in range(1, 13) if {_after(m), _before(m)} <= needed}
    if len(needed) in (0, 12):
        return dict.fromkeys(range(1, 13), "all year")
    found = dict.fromkeys(range(1, 13), FREE)
    for first in (month for month in sorted(needed) if _before(month) not in needed):
        run = [first]
        while _after(run[-1]) in needed:
            run.append(_after(run[-1]))
        found |= dict.fromkeys(run, _span_name(run))
    return found


def _span_name(months) -> str:
    """Return the name of a run of months.

    Examples
    --------
    >>> _span_name([11, 12, 1]), _span_name([6])
    ('Nov–Jan', 'Jun')
    """
    names = [_MONTHS[month - 1] for month in months]
    return names[0] if len(names) == 1 else f"{names[0]}–{names[-1]}"


def _before(month: int) -> int:
    return (month - 2) % 12 + 1


def _after(month: int) -> int:
    return month % 12 + 1


def derive_windows(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> pd.DataFrame:
    """Derive the windows and caps that keep a network inside its rating.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load of the asset before the new site [kVA] over time, import positive.
    rating_kva : pandas.Series or float
        Rating [kVA] by season of EREC P27 (`Site.rating_kva`), or one for the year.
    requested_kva : float
        Capacity asked for [kVA]: the full request, or an after-diversity figure.
    calendar, day_types, timezone
        How the year is cut, see `Cells.of`.
    **rules
        Of `windows_of`: quantile, margin_kva, growth, years, min_gap, min_length, max_windows,
        min_recovery, cap_step_kva.

    Returns
    -------
    pandas.DataFrame
        One row a window, see `windows_of`. No rows: the request fits at all times.

    Raises
    ------
    UserError
        If an input is missing or out of range.

    Notes
    -----
    Report section 6.2 asks for the analysis and names no method; this one takes quantiles of the
    load in each cell of season, day type and half hour.
    """
    cells = Cells.of(network_kva, calendar=calendar, day_types=day_types, timezone=timezone)
    return windows_of(cells, rating_kva, requested_kva, **rules)


def windows_of(
    cells: Cells,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantile: float = 0.99,
    margin_kva: float = 0.0,
    growth: float = 0.0,
    years: float = 0,
    added_kva: np.ndarray | float = 0.0,
    min_gap: str = "1h",
    min_length: str = "1h",
    max_windows: int = 2,
    min_recovery: str = "0h",
    cap_step_kva: float = 1.0,
) -> pd.DataFrame:
    """Derive windows from load already sorted into cells.

    Parameters
    ----------
    cells : Cells
        Sorted load.
    rating_kva : pandas.Series or float
        Rating [kVA].
    requested_kva : float
        Capacity asked for [kVA].
    quantile : float
        Share of the samples of a cell that the load to plan for is to cover.
    margin_kva : float
        Kept free below the rating [kVA].
    growth, years : float
        Growth of imported load per year (0.02 is 2 %), and for how many years ahead to plan.
    added_kva : ndarray or float
        Further load [kVA] of the shape of the cells or broadcast to it, not grown.
    min_gap : str
        Shorter gaps between restricted half hours are closed.
    min_length : str
        Shorter windows are lengthened, towards the side with less headroom.
    max_windows : int
        Most windows a day; the closest are joined.
    min_recovery : str
        Least time between windows, also over midnight; closer ones are joined.
    cap_step_kva : float
        The cap is rounded down to a multiple of it, never below 0 [kVA].

    Returns
    -------
    pandas.DataFrame
        season, months, day_type, start, end (clock), limit_kva [kVA], headroom_kva (least headroom
        in the window, unrounded, may be negative [kVA]) and samples (fewest days behind one of
        its quantiles). A window over midnight has its end before its start; each instant follows
        the rule of its own day. Where no half hour is free the row is 00:00 to 24:00.

    Raises
    ------
    UserError
        If an input is out of range.
    """
    _check(requested_kva, growth=growth, years=years, margin_kva=margin_kva)
    load_kva = grown(cells.quantile(quantile), growth, years) + added_kva
    headroom_kva = headroom(cells, rating_kva, load_kva, margin_kva)
    axes = [cells.seasons, cells.day_types, range(HALF_HOURS)]
    index = pd.MultiIndex.from_product(axes, names=["season", "day_type", "half_hour"])
    return windows_in(
        pd.Series(headroom_kva.ravel(), index),
        requested_kva,
        months=dict(zip(cells.seasons, cells.months, strict=True)),
        samples=pd.Series(cells.samples.ravel(), index),
        min_gap=min_gap,
        min_length=min_length,
        max_windows=max_windows,
        min_recovery=min_recovery,
        cap_step_kva=cap_step_kva,
    )


def windows_in(
    room_kva: pd.Series,
    requested_kva: float,
    *,
    months: dict[str, tuple[int, ...]] | None = None,
    samples: pd.Series | None = None,
    min_gap: str = "1h",
    min_length: str = "1h",
    max_windows: int = 2,
    min_recovery: str = "0h",
    cap_step_kva: float = 1.0,
) -> pd.DataFrame:
    """Cut windows into the room beside a load: where it is less than the request.

    Parameters
    ----------
    room_kva : pandas.Series
        Rating less margin less load to plan for [kVA], by season, day type and half hour (0 to
        47) of the local clock.
    requested_kva : float
        Capacity asked for [kVA].
    months : dict, optional
        Season to its months; by default the seasons of EREC P27.
    samples : pandas.Series, optional
        Days behind each value of the room.
    min_gap, min_length, max_windows, min_recovery, cap_step_kva
        As in `windows_of`.

    Returns
    -------
    pandas.DataFrame
        One row a window, as in `windows_of`.

    Raises
    ------
    UserError
        If a rule is out of range, or the room of a half hour is unknown.

    Examples
    --------
    >>> axes = [["winter"], ["weekday"], range(48)]
    >>> names = ["season", "day_type", "half_hour"]
    >>> room = pd.Series(120.0, pd.MultiIndex.from_product(axes, names=names))
    >>> room.loc["winter", "weekday", 33:36] = [80.0, 60.5, 70.0, 90.0]
    >>> windows_in(room, 100.0)[["start", "end", "limit_kva"]].to_numpy().tolist()
    [['16:30', '18:30', 60.0]]
    """
    gap, length = _half_hours(min_gap, "min_gap"), _half_hours(min_length, "min_length")
    gap = max(gap, _half_hours(min_recovery, "min_recovery"))
    _check(requested_kva, max_windows=max_windows, cap_step_kva=cap_step_kva)
    kinds = room_kva.index.droplevel("half_hour").unique()
    place = {name: at for at, name in enumerate(kinds.unique("season"))}
    kinds = kinds[np.argsort([len(DAYS) * place[s] + list(DAYS).index(d) for s, d in kinds])]
    wide = _by_half_hour(room_kva, kinds)
    if wide.isna().any(axis=None):
        raise UserError(f"room_kva: unknown in {wide.index[wide.isna().any(axis=1)].tolist()[0]}")
    seen = None if samples is None else _by_half_hour(samples, kinds)
    rows = []
    for (season, day_type), free_kva in zip(wide.index, wide.to_numpy(float), strict=True):
        for start, size in spans(free_kva < requested_kva, free_kva, gap, length, max_windows):
            here = (start + np.arange(size)) % HALF_HOURS
            least_kva = float(free_kva[here].min())
            steps = math.floor(least_kva / cap_step_kva + 1e-9)
            rows.append(
                (
                    season,
                    months[season] if months else months_of(season),
                    day_type,
                    clock_text(start),
                    clock_text((start + size - 1) % HALF_HOURS + 1),
                    float(max(0.0, steps * cap_step_kva)),
                    least_kva,
                    0 if seen is None else int(seen.loc[(season, day_type)].iloc[here].min()),
                )
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_half_hour(values: pd.Series, kinds: pd.MultiIndex) -> pd.DataFrame:
    names = ["season", "day_type"]
    long = values.rename("value").reset_index().astype(dict.fromkeys(names, object))
    wide = long.pivot_table("value", names, "half_hour")
    return wide.reindex(index=kinds, columns=range(HALF_HOURS))


def grown(load_kva: np.ndarray, growth: float, years: float) -> np.ndarray:
    """Return load after compound growth; export does not grow, for it would hide load growth."""
    return np.where(load_kva > 0, load_kva * (1 + growth) ** years, load_kva)


def headroom(
    cells: Cells, rating_kva: pd.Series | float, load_kva: np.ndarray, margin_kva: float
) -> np.ndarray:
    """Return rating less margin less load [kVA] over (season, day type, half hour)."""
    ratings = np.array([rating_by_months(rating_kva, months) for months in cells.months])
    return ratings[:, None, None] - margin_kva - load_kva


def spans(
    restricted: np.ndarray, headroom_kva: np.ndarray, gap: int, length: int, most: int
) -> list[tuple[int, int]]:
    """Return the windows of a day as (first half hour, half hours), round the clock.

    Parameters
    ----------
    restricted : ndarray of bool
        48 half hours.
    headroom_kva : ndarray
        Headroom of each [kVA].
    gap, length : int
        Gaps below `gap` half hours are closed; windows below `length` are lengthened.
    most : int
        Most windows.
    """
    whole = [(0, HALF_HOURS)]
    edges = np.flatnonzero(restricted & ~np.roll(restricted, 1))
    if not len(edges):
        return whole if restricted.all() else []
    ends = np.flatnonzero(~restricted & np.roll(restricted, 1))
    found = [(int(e), int(min((ends - e) % HALF_HOURS))) for e in edges]
    found = _joined(found, gap, most)
    found = [_lengthened(span, headroom_kva, length) for span in found]
    found = _joined(found, gap, most)
    return whole if sum(size for _, size in found) >= HALF_HOURS else found


def _joined(found: list[tuple[int, int]], gap: int, most: int) -> list[tuple[int, int]]:
    """Join neighbours round the clock until gaps and number are as asked."""
    found = sorted(found)
    while True:
        gaps = [
            (found[(i + 1) % len(found)][0] - start - size) % HALF_HOURS
            if len(found) > 1
            else HALF_HOURS - size
            for i, (start, size) in enumerate(found)
        ]
        at = int(np.argmin(gaps))
        if gaps[at] >= gap and len(found) <= most:
            return found
        if len(found) == 1:
            return [(0, HALF_HOURS)]
        after = (at + 1) % len(found)
        start, size = found[at]
        merged = (start, size + gaps[at] + found[after][1])
        found = sorted([span for i, span in enumerate(found) if i not in (at, after)] + [merged])
        if merged[1] >= HALF_HOURS:
            return [(0, HALF_HOURS)]


def _lengthened(span: tuple[int, int], headroom_kva: np.ndarray, length: int) -> tuple[int, int]:
    start, size = span
    while size < length:
        before, after = (start - 1) % HALF_HOURS, (start + size) % HALF_HOURS
        if headroom_kva[before] < headroom_kva[after]:
            start = before
        size += 1
    return start, size


def _half_hours(text: str, name: str) -> int:
    try:
        length = pd.Timedelta(text)
    except ValueError:
        length = pd.NaT
    if pd.isna(length) or not pd.Timedelta(0) <= length <= pd.Timedelta("24h"):
        raise UserError(f"{name} = {text!r}: write a length from 0h to 24h such as '90min'")
    return math.ceil(length / timebase.HALF_HOUR)


def _check(requested_kva, **given) -> None:
    allowed = {
        "requested_kva": ("above 0", lambda x: x > 0),
        "margin_kva": ("0 or more", lambda x: x >= 0),
        "growth": ("above -1, per year (0.02 is 2 %)", lambda x: x > -1),
        "years": ("0 or more", lambda x: x >= 0),
        "max_windows": ("a whole number, 1 or more", lambda x: x >= 1),
        "cap_step_kva": ("above 0", lambda x: x > 0),
    }
    for name, value in {"requested_kva": requested_kva, **given}.items():
        text, sound = allowed[name]
        if not (sound(value) and math.isfinite(value)):
            raise UserError(f"{name} = {value}: must be {text}")
