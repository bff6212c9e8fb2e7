"""From sorted load to windows: what is restricted, when, and to what cap."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError, closest
from scchelpers.report.words import percent
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
    """A load sorted into cells of season, day type and half hour of the local clock.

    Attributes
    ----------
    index : pandas.MultiIndex
        Season, day_type and half_hour of each cell, in the order of the seasons.
    months : dict of str to tuple of int
        Months of each season.
    cell : ndarray of int
        Cell of each half hour of the load; -1 in months that are not assessed.
    load_kva : ndarray
        The load [kVA], NaN where missing.
    order : ndarray of int
        Its known half hours by cell, and by load within a cell.
    """

    index: pd.MultiIndex
    months: dict[str, tuple[int, ...]]
    cell: np.ndarray
    load_kva: np.ndarray
    order: np.ndarray

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
        load = half_hourly(network_kva)
        time, value = load.get_index("time").as_unit("ns").asi8, load.to_numpy().astype(float)
        months = tuple((calendar or timebase.SEASONS).items())
        return _sorted(time.tobytes(), value.tobytes(), months, day_types, timezone)

    def planned(
        self, quantile: float, without: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a quantile of every cell's load [kVA], linear between samples, and the samples.

        Parameters
        ----------
        quantile : float
            In [0, 1].
        without : ndarray of bool, optional
            Half hours of the load that have no part in it.

        Returns
        -------
        load_kva, samples : ndarray
            By cell; a cell without samples has no load.

        Raises
        ------
        UserError
            If the quantile lies outside [0, 1].
        """
        if not 0 <= quantile <= 1:
            raise UserError(f"quantile = {quantile}: must lie between 0 and 1")
        order = self.order if without is None else self.order[~without[self.order]]
        samples = np.bincount(self.cell[order], minlength=len(self.index))
        value, first = self.load_kva[order], np.cumsum(samples) - samples
        at = quantile * np.maximum(samples - 1, 0)
        low = np.minimum(first + np.floor(at).astype(int), len(order) - 1)
        high = np.minimum(low + 1, first + np.maximum(samples - 1, 0))
        found = value[low] + (value[np.minimum(high, len(order) - 1)] - value[low]) * (at % 1)
        return np.where(samples > 0, found, np.nan), samples

    def room_kva(
        self, rating_kva: pd.Series | float, load_kva: np.ndarray, margin_kva: float
    ) -> np.ndarray:
        """Return by cell the season's lowest rating less margin less load [kVA]."""
        _check(margin_kva=margin_kva)
        lowest = [_rating_by_months(rating_kva, months) for months in self.months.values()]
        return np.repeat(lowest, len(self.index) // len(lowest)) - margin_kva - load_kva

    def limit_kva(self, room_kva: np.ndarray, requested_kva: float, rules: Rules) -> np.ndarray:
        """Return by cell the limit of the windows that a room makes [kVA].

        The same as the table of `windows_in`, quickly; of a day with a cell of unknown room
        nothing is known.
        """
        found = np.full(len(self.index), float(requested_kva)).reshape(-1, HALF_HOURS)
        wide_kva = room_kva.reshape(-1, HALF_HOURS)
        found[np.isnan(wide_kva).any(axis=1)] = np.nan
        short = (wide_kva < requested_kva).any(axis=1) & np.isfinite(found[:, 0])
        for day in np.flatnonzero(short):
            for here in rules.cut(wide_kva[day], requested_kva):
                found[day, here] = rules.cap(wide_kva[day, here].min())
        return found.ravel()


@lru_cache(maxsize=8)
def _sorted(time: bytes, load: bytes, calendar: tuple, day_types: DayTypes, timezone: str) -> Cells:
    """Return the cells of a load: windows, their proof and what-ifs ask for the same again."""
    group, names = _GROUPS[day_types]
    seasons = tuple(dict.fromkeys(season for _, season in calendar))
    season_of = np.full(13, -1)
    for month, season in calendar:
        season_of[month] = seasons.index(season)
    local = timebase.clock(np.frombuffer(time, np.int64).view("M8[ns]"), timezone)
    season, day = season_of[local.month], np.asarray(group)[local.day_of_week]
    half_hour = (local.hour * 2 + local.minute // 30).to_numpy()
    cell = np.where(season < 0, -1, (season * len(names) + day) * HALF_HOURS + half_hour)
    value = np.frombuffer(load)
    known = np.flatnonzero(np.isfinite(value) & (cell >= 0))
    index = pd.MultiIndex.from_product(
        [seasons, names, range(HALF_HOURS)], names=["season", "day_type", "half_hour"]
    )
    months = {name: months_of(name, dict(calendar)) for name in seasons}
    order = known[np.lexsort((value[known], cell[known]))]
    empty = np.flatnonzero(np.bincount(cell[order], minlength=len(index)) == 0)
    if len(empty):
        season, day_type, at = index[empty[0]]
        raise UserError(
            f"network_kva: no load on record in {season} ({day_type}) at {_clock_text(at)}; "
            "give a load that covers it, or a calendar of the months to be assessed"
        )
    return Cells(index, months, cell, value, order)


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


def _clock_text(half_hour: int) -> str:
    """Return a half hour of the day as a clock time; 48 is the end of the day."""
    return f"{half_hour // 2:02d}:{30 * (half_hour % 2):02d}"


def _rating_by_months(rating_kva: pd.Series | float, months: tuple[int, ...]) -> float:
    """Return the lowest rating of some months [kVA]."""
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


@dataclass(frozen=True)
class Rules:
    """How windows are cut out of the half hours of a day without room.

    Attributes
    ----------
    min_gap : str
        Shorter gaps between restricted half hours are closed.
    min_length : str
        Shorter windows are lengthened, towards the side with less headroom.
    max_windows : int
        Most windows a day; the closest are joined.
    min_recovery : str
        Least time between windows, also over midnight; closer ones are joined.
    max_steps : int
        Most caps within a window; they change where that withholds least.
    cap_step_kva : float
        A cap is rounded down to a multiple of it, never below 0 [kVA].
    """

    min_gap: str = "1h"
    min_length: str = "1h"
    max_windows: int = 2
    min_recovery: str = "0h"
    max_steps: int = 1
    cap_step_kva: float = 1.0

    def __post_init__(self):
        _check(
            max_windows=self.max_windows,
            max_steps=self.max_steps,
            cap_step_kva=self.cap_step_kva,
        )
        for name in ("min_gap", "min_length", "min_recovery"):
            _half_hours(getattr(self, name), name)

    def cap(self, room_kva: float) -> float:
        """Return the cap that a room allows [kVA]."""
        steps = math.floor(room_kva / self.cap_step_kva + 1e-9)
        return float(max(0.0, steps * self.cap_step_kva))

    def cut(self, free_kva: np.ndarray, requested_kva: float) -> list[np.ndarray]:
        """Return the half hours of each window of a day, or of each step of one."""
        if not (free_kva < requested_kva).any():
            return []
        gap = max(_half_hours(self.min_gap, "min_gap"),
                  _half_hours(self.min_recovery, "min_recovery"))  # fmt: skip
        length = _half_hours(self.min_length, "min_length")
        found = spans(free_kva < requested_kva, free_kva, gap, length, self.max_windows)
        windows = [(start + np.arange(size)) % HALF_HOURS for start, size in found]
        if self.max_steps == 1:
            return windows
        return [part for here in windows for part in self._steps(here, free_kva[here])]

    def _steps(self, here: np.ndarray, free_kva: np.ndarray) -> list[np.ndarray]:
        """Return the parts of a window whose own caps leave most: the best split, by recursion."""
        size = len(here)
        most = np.full((self.max_steps + 1, size + 1), -np.inf)
        most[0, 0], came = 0.0, np.zeros((self.max_steps + 1, size + 1), int)
        for end in range(1, size + 1):
            least = np.minimum.accumulate(free_kva[:end][::-1])[::-1]
            left = np.array([self.cap(kva) for kva in least]) * (end - np.arange(end))
            for step in range(1, self.max_steps + 1):
                whole = most[step - 1, :end] + left
                came[step, end] = whole.argmax()
                most[step, end] = whole.max()
        step, end, parts = int(most[:, size].argmax()), size, []
        while end:
            start = came[step, end]
            parts.insert(0, here[start:end])
            step, end = step - 1, start
        return parts


# A day is another way of running the network where nearly all of it lies above the same half hours
# of its neighbours (as many days of its kind within four weeks as there are), by half of their load
# and by far more than days differ. A cold spell is some 30 % and six spreads above; a machine that
# runs for some hours does not lift a whole day; a load that is low leaves room and does no harm.
SHIFT_SHARE, SHIFT_SPREADS, SHIFT_HALF_HOURS, NEAR = 0.5, 8.0, 0.9, "57D"


def days_left_out(
    network_kva: xr.DataArray, leave_out: str = "", *, timezone: str = LONDON
) -> pd.Series:
    """Return the days that windows are not to be made for, with the reason of each.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load [kVA] over time in half hours.
    leave_out : str
        Local days such as "2025-03-02, 2025-12-26", beside those found; "none" finds none.
    timezone : str
        Zone of the days.

    Returns
    -------
    pandas.Series
        Reason by local day: "asked for", or by how much the whole day lies above its neighbours
        (back-feeding by switching: a network run another way, which a timed limit cannot know).

    Raises
    ------
    UserError
        If a day cannot be read, or is not on record.

    See Also
    --------
    windows

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("elm-road-lamps")
    >>> days_left_out(site.network_kva, "2025-12-26").to_dict()
    {Timestamp('2025-12-26 00:00:00'): 'asked for'}
    """
    date = timebase.local_date(network_kva["time"], timezone)
    if leave_out.strip() == "none":
        return pd.Series(dtype=object)
    asked = []
    for text in leave_out.replace(",", " ").split():
        day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
        if day not in date:
            raise UserError(
                f"leave_out = {text!r}: write days from {date[0]:%Y-%m-%d} to {date[-1]:%Y-%m-%d} "
                'such as "2025-03-02, 2025-12-26", or "none"'
            )
        asked.append(day)
    stamps = network_kva.get_index("time").as_unit("ns").asi8.tobytes()
    reasons = _shifted(stamps, network_kva.to_numpy().astype(float).tobytes(), timezone)
    return pd.concat([reasons, pd.Series("asked for", asked)]).groupby(level=0).first()


@lru_cache(maxsize=8)
def _shifted(stamps: bytes, load: bytes, timezone: str) -> pd.Series:
    """Return by how much whole days lie above their neighbours, as a reason by day."""
    time = np.frombuffer(stamps, np.int64).view("M8[ns]")
    date, half_hour = timebase.local_date(time, timezone), timebase.half_hour(time, timezone)
    rows = pd.DataFrame({"kva": np.frombuffer(load), "day": date, "half_hour": half_hour})
    kva = rows.pivot_table("kva", "day", "half_hour")
    kinds = kva.groupby(kva.index.day_of_week >= 5, group_keys=False)
    usual_kva = kinds.apply(lambda days: days.rolling(NEAR, center=True, min_periods=5).median())
    above_kva = kva - usual_kva.reindex(kva.index)
    shift_kva = above_kva.median(axis=1)
    spread_kva = 1.4826 * (shift_kva - shift_kva.median()).abs().median()
    share = above_kva.mean(axis=1) / usual_kva.abs().mean(axis=1)
    whole = (above_kva > 0).sum(axis=1) >= SHIFT_HALF_HOURS * above_kva.notna().sum(axis=1)
    found = whole & (share > SHIFT_SHARE) & (shift_kva > SHIFT_SPREADS * spread_kva)
    return share[found].map(lambda rise: f"the whole day lies {percent(rise)} above its neighbours")


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

    See Also
    --------
    windows

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("elm-road-lamps")
    >>> months = group_months(site.network_kva, site.rating_kva, site.requested_kva)
    >>> sorted(set(months.values()))
    ['Oct–Apr', 'rest of the year']
    """
    monthly = {month: str(month) for month in range(1, 13)}
    cells = Cells.of(network_kva, calendar=monthly, day_types=day_types, timezone=timezone)
    room_kva = cells.room_kva(rating_kva, cells.planned(quantile)[0], margin_kva)
    needs = (room_kva < requested_kva).reshape(12, -1).any(axis=1)
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
    quantile: float = 0.99,
    margin_kva: float = 0.0,
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
    quantile : float
        Share of the samples of a cell that the load to plan for is to cover.
    margin_kva : float
        Kept free below the rating [kVA].
    calendar, day_types, timezone
        How the year is cut, see `Cells.of`.
    **rules
        Of `windows_in`: min_gap, min_length, max_windows, min_recovery, max_steps, cap_step_kva.

    Returns
    -------
    pandas.DataFrame
        One row a window, see `windows_in`. No rows: the request fits at all times.

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
    load_kva, samples = cells.planned(quantile)
    return windows_in(
        pd.Series(cells.room_kva(rating_kva, load_kva, margin_kva), cells.index),
        requested_kva,
        months=cells.months,
        samples=pd.Series(samples, cells.index),
        **rules,
    )


def windows_in(
    room_kva: pd.Series,
    requested_kva: float,
    *,
    months: dict[str, tuple[int, ...]] | None = None,
    samples: pd.Series | None = None,
    **rules,
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
    **rules
        Of `Rules`: min_gap, min_length, max_windows, min_recovery, max_steps, cap_step_kva.

    Returns
    -------
    pandas.DataFrame
        One row a window, or a step of one: season, months, day_type, start, end (clock), limit_kva
        [kVA], headroom_kva (least headroom in the row, unrounded, may be negative [kVA]) and
        samples (fewest days behind one of its quantiles). A window over midnight has its end
        before its start; each instant follows the rule of its own day. Where no half hour is free
        the row is 00:00 to 24:00.

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
    >>> windows_in(room, 100.0, max_steps=2)[["start", "end", "limit_kva"]].to_numpy().tolist()
    [['16:30', '18:00', 60.0], ['18:00', '18:30', 90.0]]
    """
    known = [rule.name for rule in fields(Rules)]
    for name in rules.keys() - set(known):
        near = {"quantile", "margin_kva", *known} - {name}
        hint = closest(name, near) or f"there are: {', '.join(known)}"
        raise UserError(f"{name} = {rules[name]!r}: no rule for windows; {hint}")
    kept = Rules(**rules)
    _check(requested_kva=requested_kva)
    kinds = room_kva.index.droplevel("half_hour").unique()
    place = {name: at for at, name in enumerate(kinds.unique("season"))}
    kinds = kinds[np.argsort([len(DAYS) * place[s] + list(DAYS).index(d) for s, d in kinds])]
    wide_kva = _by_half_hour(room_kva, kinds)
    unknown = np.isnan(wide_kva).any(axis=1)
    if unknown.any():
        raise UserError(f"room_kva: unknown in {kinds[unknown].tolist()[0]}")
    seen = None if samples is None else _by_half_hour(samples, kinds)
    rows = [
        (
            season,
            months[season] if months else months_of(season),
            day_type,
            _clock_text(here[0]),
            _clock_text(here[-1] + 1),
            kept.cap(free_kva[here].min()),
            float(free_kva[here].min()),
            0 if seen is None else int(seen[at, here].min()),
        )
        for at, ((season, day_type), free_kva) in enumerate(zip(kinds, wide_kva, strict=True))
        for here in kept.cut(free_kva, requested_kva)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_half_hour(values: pd.Series, kinds: pd.MultiIndex) -> np.ndarray:
    every = [(*kind, half_hour) for kind in kinds for half_hour in range(HALF_HOURS)]
    every = pd.MultiIndex.from_tuples(every, names=[*kinds.names, "half_hour"])
    return values.reindex(every).to_numpy(float).reshape(len(kinds), HALF_HOURS)


def grown(load_kva: np.ndarray, growth: float, years: float) -> np.ndarray:
    """Return load after compound growth; export does not grow, for it would hide load growth."""
    return np.where(load_kva > 0, load_kva * (1 + growth) ** years, load_kva)


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


@lru_cache
def _half_hours(text: str, name: str) -> int:
    try:
        length = pd.Timedelta(text)
    except ValueError:
        length = pd.NaT
    if pd.isna(length) or not pd.Timedelta(0) <= length <= pd.Timedelta("24h"):
        raise UserError(f"{name} = {text!r}: write a length from 0h to 24h such as '90min'")
    return math.ceil(length / timebase.HALF_HOUR)


def _check(**given) -> None:
    allowed = {
        "requested_kva": ("above 0", lambda x: x > 0),
        "margin_kva": ("0 or more", lambda x: x >= 0),
        "max_windows": ("a whole number, 1 or more", lambda x: x >= 1),
        "max_steps": ("a whole number, 1 or more", lambda x: x >= 1),
        "cap_step_kva": ("above 0", lambda x: x > 0),
    }
    for name, value in given.items():
        text, sound = allowed[name]
        if not (sound(value) and math.isfinite(value)):
            raise UserError(f"{name} = {value}: must be {text}")
