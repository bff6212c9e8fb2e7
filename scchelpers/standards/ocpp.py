"""A schedule as the requests that a central system sends to every station of a site."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.standards.ocpp_check import VERSIONS, Capabilities, Version, set_faults
from scchelpers.standards.schedule import Horizon, Schedule, horizon, instant, listed, one_of, steps

VOLTS = 230.0

LEAST_A = 6.0

# Limits are whole multiples of this, rounded down [W].
STEP_W = 100

_BelowMinimum = Literal["refuse", "first", "stop"]


@dataclass(frozen=True)
class Station:
    """What holds one limit: a physical unit with all its EVSEs, or a site behind a controller.

    Attributes
    ----------
    station_id : str
        unit_id, or evse_id where the EVSE is a unit of its own.
    phases : int
        Phases of its supply, 1 or 3; direct current is fed by three.
    dc : bool
        Whether it delivers direct current.
    rated_w, least_w : int
        Rated power, and the power at which every socket charges at 6 A a phase [W], both in whole
        steps; direct current has no least power.
    priority : int
        Order when power is short, 0 first.
    """

    station_id: str
    phases: int
    dc: bool
    rated_w: int
    least_w: int
    priority: int = 0


def stations(site: Site) -> list[Station]:
    """Return the charging stations of a site in the order of its chargepoints.

    Raises
    ------
    UserError
        If there are none, or the phases of one are unknown.
    """
    rows = site.chargepoints
    if rows.empty:
        raise UserError(f"{site.site_id}: no chargepoints (chargepoints.csv), so nothing to limit")
    if "phases" not in rows or rows["phases"].isna().any():
        which = rows["evse_id"] if "phases" not in rows else rows["evse_id"][rows["phases"].isna()]
        raise UserError(
            f"chargepoints.csv, {which.iloc[0]}, phases: empty; write 1, 3, or 0 for direct current"
        )
    names = rows["evse_id"]
    if "unit_id" in rows:
        names = rows["unit_id"].fillna(names)
    found = []
    for name, own in rows.groupby(names, sort=False):
        dc = own["phases"] == 0
        ac = own[~dc]
        rated_kw = ac["rated_kw"].sum() + (own["rated_kw"][dc].max() if dc.any() else 0.0)
        rated_w = STEP_W * math.floor(round(rated_kw * 1000 / STEP_W, 6))
        least_kw = float((ac["phases"] * VOLTS * LEAST_A).sum()) / 1000
        least_w = STEP_W * math.ceil(round(least_kw * 1000 / STEP_W, 6))
        priority = own["priority"].min() if "priority" in own else 0
        found.append(
            Station(
                station_id=str(name),
                phases=3 if dc.any() else int(own["phases"].max()),
                dc=bool(dc.any()),
                rated_w=rated_w,
                least_w=min(least_w, rated_w),
                priority=0 if priority != priority else int(priority),
            )
        )
    return found


def sockets_kw(site: Site) -> np.ndarray:
    """Return what each alternating-current socket of a site needs for 6 A a phase [kW], rising."""
    phases = site.chargepoints["phases"].to_numpy(float)
    return np.sort(phases[phases > 0]) * VOLTS * LEAST_A / 1000


def _whole_site(site: Site, requested_kw: float) -> list[Station]:
    """Return the site as one station: a local controller that shares the limit itself."""
    rated_w = STEP_W * math.floor(round(requested_kw * 1000 / STEP_W, 6))
    return [Station(site.site_id, phases=3, dc=False, rated_w=rated_w, least_w=0)]


def shares(limit_kw: float, among: list[Station], below: _BelowMinimum = "refuse") -> np.ndarray:
    """Share a limit: the least power first, the rest in proportion to what is left of the ratings.

    Parameters
    ----------
    limit_kw : float
        Limit of all stations together [kW].
    among : list of Station
        The stations.
    below : {"refuse", "first", "stop"}
        Where the limit does not carry 6 A for every socket: refuse; let as many stations as it
        carries charge, by priority and then in their order, and stop the rest; or stop all.

    Returns
    -------
    numpy.ndarray
        A limit for each station [W], whole steps of 100 W. Their sum is the limit rounded down to
        a step, or the sum of the ratings if that is less; it never exceeds the limit.

    Raises
    ------
    UserError
        If the limit is too low and `below` is "refuse", or that is no choice.

    Examples
    --------
    >>> post = [Station(name, 3, False, 22000, 4200) for name in "ab"]
    >>> shares(20.05, post).tolist(), shares(5.0, post, "first").tolist()
    ([10000, 10000], [5000, 0])
    """
    one_of("below_minimum", below, _BelowMinimum)
    steps = math.floor(round(limit_kw * 1000 / STEP_W, 6))
    rated = np.array([station.rated_w for station in among]) // STEP_W
    least = np.array([station.least_w for station in among]) // STEP_W
    if steps >= rated.sum():
        return rated * STEP_W
    on = np.ones(len(among), bool)
    if least.sum() > steps:
        on = _carried(steps, least, among) if below == "first" else ~on
        if below == "refuse" and steps > 0:
            raise UserError(_refusal(limit_kw, least, among))
    part = np.where(on, least, 0)
    room = np.where(on, rated - least, 0)
    spare = min(steps - part.sum(), room.sum())
    if on.any() and spare > 0:
        exact = spare * room / room.sum()
        more = np.floor(np.round(exact, 9)).astype(int)
        # What rounding left goes to those it took most from.
        left = int(spare - more.sum())
        more[np.argsort(more - exact, kind="stable")[:left]] += 1
        part = part + more
    return part * STEP_W


def _carried(steps: int, least: np.ndarray, among: list[Station]) -> np.ndarray:
    """Return which stations can have their least power, in order of priority."""
    on = np.zeros(len(among), bool)
    for at in sorted(range(len(among)), key=lambda at: among[at].priority):
        if least[at] <= steps:
            on[at] = True
            steps -= least[at]
    return on


def _refusal(limit_kw: float, least: np.ndarray, among: list[Station]) -> str:
    carried = int(_carried(math.floor(limit_kw * 1000 / STEP_W), least, among).sum())
    needed_kw = least.sum() * STEP_W / 1000
    return (
        f"limit of {limit_kw:g} kW: {len(among)} chargepoint{'s' * (len(among) > 1)} need "
        f"{needed_kw:g} kW to charge at {LEAST_A:g} A a phase, below which cars stop. "
        f"below_minimum=first lets {carried} charge and stops the others, below_minimum=stop "
        "stops all, hold=site leaves it to a local controller that can take turns"
    )


def stopped(limit_kw: float, parts: np.ndarray, among: list[Station]) -> str:
    """Return what a limit stops, for people; "" where every station may charge."""
    held = [station.station_id for station, part in zip(among, parts, strict=True) if not part]
    if not held:
        return ""
    if len(held) == len(among):
        return f"At a limit of {limit_kw:g} kW every chargepoint is stopped."
    on = len(among) - len(held)
    return (
        f"At a limit of {limit_kw:g} kW {on} chargepoint{'s' * (on > 1)} may charge; "
        f"stopped: {listed(held)}."
    )


WEEK_MIN = 7 * 24 * 60


@dataclass(frozen=True)
class _Segment:
    """A stretch of time with one repeating limit."""

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


def segments(schedule: Schedule, over: Horizon, *, local_time: bool = False) -> list[_Segment]:
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
    found: list[_Segment] = []
    for start, end in zip(cuts, [*cuts[1:], over.end], strict=True):
        day = over.days.get_indexer(timebase.local_date([start], zone))[0]
        week = schedule.week_kw(in_force[day])
        if not local_time:
            shift = offsets[ticks.get_indexer([start])[0]]
            week = np.roll(week.ravel(), -shift).reshape(week.shape)
        if found and np.array_equal(found[-1].week_kw, week):
            found[-1] = _Segment(found[-1].start, end, week)
        else:
            found.append(_Segment(start, end, week))
    return found


def _offset_min(instants: pd.DatetimeIndex, zone: str) -> np.ndarray:
    """Return by how much the clock is ahead of UTC [min]."""
    local = timebase.clock(instants, zone).tz_localize(None)
    return ((local - instants.tz_localize(None)) // pd.Timedelta("1min")).to_numpy()


_DAY_S = 86400

_FIRST_ID = 100


@dataclass(frozen=True)
class _Layer:
    """One profile before it is shared among stations."""

    level: int
    start: pd.Timestamp | None
    end: pd.Timestamp | None
    recurrency: str
    anchor: pd.Timestamp
    duration_s: int | None
    periods: list[tuple[int, float]]
    local_time: bool = False


def _layers(schedule: Schedule, over: Horizon, *, local_time: bool = False) -> list[_Layer]:
    """Return the profiles of a schedule in the order in which they are to be set."""
    base = _Layer(
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
            _Layer(
                level=level,
                start=segment.start,
                end=segment.end,
                recurrency="Daily" if segment.daily else "Weekly",
                anchor=midnight if segment.daily else monday,
                duration_s=_DAY_S if segment.daily else 7 * _DAY_S,
                periods=segment.periods,
                local_time=local_time,
            )
        )
    return [base, *above]


def _issued(schedule: Schedule, over: Horizon) -> list[_Layer]:
    """Return a profile a day; two levels take turns, so that tomorrow's leaves today's alone."""
    edges, _ = timebase.from_clock(
        over.days.union([over.days[-1] + pd.Timedelta("1D")]), schedule.site.timezone
    )
    found = []
    for day, start, end in zip(over.days, edges[:-1], edges[1:], strict=True):
        limits = schedule.limit_kw(timebase.grid(start, end, "30min")).to_numpy()
        found.append(
            _Layer(
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
    layer: _Layer, station: Station, limits_w: dict[float, int], version: Version, unit: str
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
    number = _FIRST_ID + layer.level
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


Hold = Literal["chargepoints", "site"]

Unit = Literal["W", "A"]


def as_ocpp(
    version: str,
    schedule: Schedule,
    *,
    start: str | None = None,
    days: int = 366,
    hold: Hold = "chargepoints",
    below_minimum: _BelowMinimum = "refuse",
    unit: Unit = "W",
    local_time: bool = False,
    max_stack_level: int | None = None,
    max_periods: int | None = None,
    max_profiles: int | None = None,
    earlier_level: int = 0,
) -> str:
    """Return a schedule as SetChargingProfile requests, in the order in which to send them.

    Parameters
    ----------
    version : {"1.6", "2.0.1", "2.1"}
        Of OCPP.
    schedule : Schedule
        What is to hold.
    start : str, optional
        First local day; limits that were issued for set days bring their own.
    days : int
        Days for which the limits hold; then the fail-safe does.
    hold : {"chargepoints", "site"}
        Whether each station holds its part of the limit, or one local controller all of it.
    below_minimum : {"refuse", "first", "stop"}
        Of `split.shares`, where a limit does not carry 6 A for every socket.
    unit : {"W", "A"}
        Watts, or amperes per phase at 230 V.
    local_time : bool
        Let the stations follow their own clock (2.1 only): one profile over a clock change.
    max_stack_level, max_periods, max_profiles : int, optional
        What the stations can hold; more is refused. Read ChargeProfileMaxStackLevel,
        ChargingScheduleMaxPeriods and MaxChargingProfilesInstalled from them first.
    earlier_level : int
        Highest level of an earlier export that the stations still hold: it would stand above the
        new profiles, so what they do not replace is cleared.

    Returns
    -------
    str
        JSON: what the stations must be able to hold, what is to be known, and for each station
        its requests.

    Raises
    ------
    UserError
        If an option does not fit the version, a limit is too low for the chargepoints, or the
        profiles fail a check.
    """
    form = VERSIONS[version]
    one_of("hold", hold, Hold)
    one_of("unit", unit, Unit)
    if local_time and not form.local_time:
        raise UserError(f"local_time: OCPP {version} has no profiles on local time; 2.1 has")
    over = horizon(schedule, start, days)
    stack = _layers(schedule, over, local_time=local_time)
    among = (
        _whole_site(schedule.site, schedule.otherwise_kw)
        if hold == "site"
        else stations(schedule.site)
    )
    if unit == "A" and any(station.dc for station in among):
        raise UserError("unit = 'A': a direct current station takes watts; use unit=W")
    limits = sorted({limit_kw for layer in stack for _, limit_kw in layer.periods})
    parts = {limit_kw: shares(limit_kw, among, below_minimum) for limit_kw in limits}
    notes = [text for kw, part in parts.items() if (text := stopped(kw, part, among))]
    station = Capabilities(max_stack_level, max_periods, max_profiles)
    written = []
    for at, one in enumerate(among):
        own = {limit_kw: int(part[at]) for limit_kw, part in parts.items()}
        requests = [request(layer, one, own, form, unit) for layer in stack]
        faults = set_faults(requests, version, station=station)
        if faults:
            raise UserError(
                f"{one.station_id}: {'; '.join(faults)}; fewer days need fewer profiles"
            )
        written.append({"station_id": one.station_id, "requests": requests})
    content = {
        "protocol": f"OCPP {version}",
        "action": "SetChargingProfile",
        "scheme": schedule.scheme,
        "site_id": schedule.site.site_id,
        "name": schedule.site.name,
        "start": instant(over.start),
        "end": instant(over.end),
        "meaning": (
            "Send the requests of a station in this order, then clear what clear lists. Level 0 "
            "holds the fail-safe limit before, after and wherever no other profile is valid."
        ),
        "needs": {
            "max_stack_level": max(layer.level for layer in stack),
            "max_periods": max(
                len(schedule["chargingSchedulePeriod"])
                for station in written
                for payload in station["requests"]
                for schedule in form.read(payload)[1]
            ),
            "max_profiles": len(stack),
            "unit": unit,
        },
        "notes": notes,
        "provenance": schedule.provenance,
        "stations": written,
        "clear": [
            form.clear(level) for level in range(earlier_level, stack[-1].level, -1) if level > 0
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
