"""Stretches of time in which a schedule repeats itself exactly, as a profile can say it.

A charging profile repeats every 24 hours or every week of UTC. Windows keep the clock on the wall
and change with the seasons: so the time is cut wherever the clock or the season changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers import timebase
from scchelpers.standards.horizon import Horizon, steps
from scchelpers.standards.schedule import Schedule

WEEK_MIN = 7 * 24 * 60


@dataclass(frozen=True)
class Segment:
    """A stretch of time with one repeating limit.

    Attributes
    ----------
    start, end : pandas.Timestamp
        From, inclusive, to, exclusive [UTC].
    week_kw : numpy.ndarray
        Limit [kW] over (weekday, minute), Monday first: of UTC days, or of the station's clock.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    week_kw: np.ndarray

    @property
    def daily(self) -> bool:
        """Whether all days of the week are alike."""
        return bool((self.week_kw == self.week_kw[0]).all())

    @property
    def periods(self) -> list[tuple[int, float]]:
        """Seconds from the first midnight of a day (or week, on Monday) and the limit from then."""
        limits = self.week_kw[0] if self.daily else self.week_kw.ravel()
        return [(int(at) * 60, float(limits[at])) for at in steps(limits)]


def segments(schedule: Schedule, over: Horizon, *, local_time: bool = False) -> list[Segment]:
    """Cut a horizon into stretches with one repeating limit each.

    Parameters
    ----------
    schedule : Schedule
        With windows.
    over : Horizon
        The time to be covered, without gaps.
    local_time : bool
        Whether weeks are of the local clock, so that clock changes make no cut.

    Returns
    -------
    list of Segment
        In order of time; neighbours differ.
    """
    zone = schedule.site.timezone
    in_force = schedule.in_force(over.days)
    new_season = np.r_[True, (in_force[1:] != in_force[:-1]).any(axis=1)]
    seasons, _ = timebase.from_clock(over.days[new_season], zone)
    ticks = over.half_hours
    offsets = _offset_min(ticks, zone)
    cuts = seasons.union([] if local_time else ticks[steps(offsets)])
    found: list[Segment] = []
    for start, end in zip(cuts, [*cuts[1:], over.end], strict=True):
        day = over.days.get_indexer(timebase.local_date([start], zone))[0]
        week = schedule.week_kw(in_force[day])
        if not local_time:
            shift = offsets[ticks.get_indexer([start])[0]]
            week = np.roll(week.ravel(), -shift).reshape(week.shape)
        if found and np.array_equal(found[-1].week_kw, week):
            found[-1] = Segment(found[-1].start, end, week)
        else:
            found.append(Segment(start, end, week))
    return found


def _offset_min(instants: pd.DatetimeIndex, zone: str) -> np.ndarray:
    """Return by how much the clock is ahead of UTC [min]."""
    local = timebase.clock(instants, zone).tz_localize(None)
    return ((local - instants.tz_localize(None)) // pd.Timedelta("1min")).to_numpy()
