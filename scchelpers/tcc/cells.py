"""A network's load by season, day type and half hour of the clock, sorted once.

Every quantile, growth step and window is then arithmetic on small arrays: quick enough to follow a
slider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.tcc.windows import months_of
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
