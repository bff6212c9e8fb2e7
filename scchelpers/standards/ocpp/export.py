"""A schedule as the requests that a central system sends to every station of a site."""

from __future__ import annotations

import json
from typing import Literal

from scchelpers.faults import UserError
from scchelpers.standards.horizon import horizon, instant
from scchelpers.standards.ocpp.check import Capabilities
from scchelpers.standards.ocpp.profiles import layers, request
from scchelpers.standards.ocpp.stack import set_faults
from scchelpers.standards.ocpp.versions import VERSIONS
from scchelpers.standards.options import one_of
from scchelpers.standards.schedule import Schedule
from scchelpers.standards.split import BelowMinimum, shares, stations, stopped, whole_site

Hold = Literal["chargepoints", "site"]
Unit = Literal["W", "A"]


def as_ocpp(
    version: str,
    schedule: Schedule,
    *,
    start: str | None = None,
    days: int = 366,
    hold: Hold = "chargepoints",
    below_minimum: BelowMinimum = "refuse",
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
    stack = layers(schedule, over, local_time=local_time)
    among = (
        whole_site(schedule.site, schedule.otherwise_kw)
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
