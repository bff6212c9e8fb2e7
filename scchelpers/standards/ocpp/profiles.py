"""Charging profiles of a schedule: a fail-safe that always holds, and the limits above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers import timebase
from scchelpers.standards.horizon import Horizon, instant, steps
from scchelpers.standards.ocpp.segments import segments
from scchelpers.standards.ocpp.versions import Version
from scchelpers.standards.schedule import Schedule
from scchelpers.standards.split import VOLTS, Station

DAY_S = 86400
FIRST_ID = 100


@dataclass(frozen=True)
class Layer:
    """One profile before it is shared among stations.

    Attributes
    ----------
    level : int
        Stack level: where several are valid the highest holds, whatever its limit.
    start, end : pandas.Timestamp or None
        Validity [UTC], end exclusive; None: always.
    recurrency : str
        "Daily" or "Weekly", or "" for a profile that runs once.
    anchor : pandas.Timestamp
        Where the periods count from [UTC, or the station's clock].
    duration_s : int or None
        Length of the schedule [s]; None: for good.
    periods : list of (int, float)
        Seconds from the anchor, and the limit from then on [kW].
    local_time : bool
        Whether the anchor is of the station's clock.
    """

    level: int
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    recurrency: str
    anchor: pd.Timestamp
    duration_s: int | None
    periods: list[tuple[int, float]]
    local_time: bool = False


def layers(schedule: Schedule, over: Horizon, *, local_time: bool = False) -> list[Layer]:
    """Return the profiles of a schedule in the order in which they are to be set.

    The first, at level 0, has no end: it holds the fail-safe limit before, after and wherever no
    other profile is valid. Each stretch of time has a level of its own, as a profile of the same
    purpose and level would replace the one before at once.

    Parameters
    ----------
    schedule : Schedule
        What is to hold.
    over : Horizon
        The days on which it is to hold.
    local_time : bool
        Whether the station knows the local clock (OCPP 2.1).
    """
    base = Layer(
        level=0,
        start=None,
        end=None,
        recurrency="",
        # In the past: until its start a profile limits nothing.
        anchor=pd.Timestamp(f"{over.start.year - 1}-01-01", tz="UTC"),
        duration_s=None,
        periods=[(0, schedule.failsafe_kw)],
    )
    if schedule.issued_kw is not None:
        return [base, *_issued(schedule, over)]
    found = segments(schedule, over, local_time=local_time)
    if len(found) == 1 and found[0].periods == base.periods:
        return [base]
    above = []
    for level, segment in enumerate(found, start=1):
        # A day begins in UTC at most a day before it does on any clock: early is early enough.
        midnight = segment.start.floor("1D")
        monday = midnight - pd.Timedelta(days=midnight.day_of_week)
        above.append(
            Layer(
                level=level,
                start=segment.start,
                end=segment.end,
                recurrency="Daily" if segment.daily else "Weekly",
                anchor=midnight if segment.daily else monday,
                duration_s=DAY_S if segment.daily else 7 * DAY_S,
                periods=segment.periods,
                local_time=local_time,
            )
        )
    return [base, *above]


def _issued(schedule: Schedule, over: Horizon) -> list[Layer]:
    """Return a profile a day; two levels take turns, so that tomorrow's leaves today's alone."""
    edges, _ = timebase.from_clock(
        over.days.union([over.days[-1] + pd.Timedelta("1D")]), schedule.site.timezone
    )
    found = []
    for day, start, end in zip(over.days, edges[:-1], edges[1:], strict=True):
        limits = schedule.limit_kw(timebase.grid(start, end, "30min")).to_numpy()
        found.append(
            Layer(
                level=1 + day.toordinal() % 2,
                start=start,
                end=end,
                recurrency="",
                anchor=start,
                duration_s=int((end - start).total_seconds()),
                periods=[(int(at) * 1800, float(limits[at])) for at in steps(limits)],
            )
        )
    return found


def request(
    layer: Layer, station: Station, limits_w: dict[float, int], version: Version, unit: str
) -> dict:
    """Return the SetChargingProfile request that sets a layer at a station.

    Parameters
    ----------
    layer : Layer
        What to set.
    station : Station
        Where.
    limits_w : dict of float to int
        The station's part [W] of each limit of the site [kW].
    version : Version
        Of the protocol.
    unit : {"W", "A"}
        Watts of the station, or amperes per phase, rounded down to 0.1 A.
    """
    periods, before = [], None
    for start_s, limit_kw in layer.periods:
        limit = limits_w[limit_kw]
        value = limit if unit == "W" else np.floor(10 * limit / (VOLTS * station.phases)) / 10
        # Different limits of the site may come to the same for one station.
        if value != before:
            periods.append({"startPeriod": start_s, "limit": value, "numberPhases": station.phases})
        before = value
    schedule = {"startSchedule": instant(layer.anchor)}
    if layer.duration_s is not None:
        schedule["duration"] = layer.duration_s
    if layer.local_time:
        schedule["useLocalTime"] = True
    schedule |= {"chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    number = FIRST_ID + layer.level
    profile = {
        version.profile_id: number,
        "stackLevel": layer.level,
        "chargingProfilePurpose": version.max_purpose,
        "chargingProfileKind": "Recurring" if layer.recurrency else "Absolute",
    }
    if layer.recurrency:
        profile["recurrencyKind"] = layer.recurrency
    if layer.start is not None:
        profile |= {"validFrom": instant(layer.start), "validTo": instant(layer.end)}
    profile["chargingSchedule"] = [{"id": number, **schedule}] if version.schedules else schedule
    return {version.whole_station: 0, version.profile: profile}
