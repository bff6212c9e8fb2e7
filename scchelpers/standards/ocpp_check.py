"""Checks of charging profiles that the schemas of OCPP do not make.

The rules are those of OCPP 1.6 edition 2, sections 3.13, 5.16 and 7, and of use case K01 of OCPP
2.0.1. A schema accepts a profile that lets a station charge without limit; these do not.
"""

from __future__ import annotations

import decimal
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from scchelpers.faults import UserError


@dataclass(frozen=True)
class Version:
    """Names of one version of the protocol.

    Attributes
    ----------
    name : str
        Such as "1.6".
    whole_station : str
        Key of the connector or EVSE; 0 is the whole station.
    profile, profile_id : str
        Key of the profile and of its number.
    max_purpose, external_purpose : str
        Purpose of a limit of the whole station; that which a central system may not set, or "".
    schedules : bool
        Whether a profile holds a list of schedules, each with a number.
    local_time : bool
        Whether a schedule may follow the clock of the station.
    """

    name: str
    whole_station: str
    profile: str
    profile_id: str
    max_purpose: str
    external_purpose: str
    schedules: bool
    local_time: bool

    def read(self, payload: dict) -> tuple[dict, list[dict]]:
        """Return the profile and the schedules of a SetChargingProfile request."""
        profile = payload[self.profile]
        schedule = profile["chargingSchedule"]
        return profile, schedule if self.schedules else [schedule]

    def clear(self, level: int) -> dict:
        """Return the ClearChargingProfile request for a limit of the whole station at a level."""
        which = {
            self.whole_station: 0,
            "chargingProfilePurpose": self.max_purpose,
            "stackLevel": level,
        }
        return {"chargingProfileCriteria": which} if self.schedules else which


_EVSE = ("evseId", "chargingProfile", "id")

_STATION = ("ChargingStationMaxProfile", "ChargingStationExternalConstraints")

VERSIONS = {
    version.name: version
    for version in (
        Version(
            *("1.6", "connectorId", "csChargingProfiles", "chargingProfileId"),
            *("ChargePointMaxProfile", "", False, False),
        ),
        Version("2.0.1", *_EVSE, *_STATION, True, False),
        Version("2.1", *_EVSE, *_STATION, True, True),
    )
}

_RECURRENCE_S = {"Daily": 86400, "Weekly": 604800}

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


@dataclass(frozen=True)
class Capabilities:
    """What a station says it can hold; None where it is not known.

    Attributes
    ----------
    max_stack_level : int or None
        ChargeProfileMaxStackLevel, in 2.0.1 SmartChargingCtrlr.ProfileStackLevel.
    max_periods : int or None
        ChargingScheduleMaxPeriods, in 2.0.1 SmartChargingCtrlr.PeriodsPerSchedule.
    max_profiles : int or None
        MaxChargingProfilesInstalled, in 2.0.1 SmartChargingCtrlr.Entries.
    units : tuple of str
        ChargingScheduleAllowedChargingRateUnit, as "W" and "A".
    """

    max_stack_level: int | None = None
    max_periods: int | None = None
    max_profiles: int | None = None
    units: tuple[str, ...] = ("W", "A")


def profile_faults(
    payload: dict,
    version: str,
    *,
    lower_level: bool = False,
    station: Capabilities | None = None,
) -> list[str]:
    """Return what is wrong with a SetChargingProfile request; empty where nothing is.

    Parameters
    ----------
    payload : dict
        The request.
    version : {"1.6", "2.0.1", "2.1"}
        Of OCPP.
    lower_level : bool
        Whether a profile of the same purpose and a lower level holds where this one ends.
    station : Capabilities, optional
        What the station can hold.

    Returns
    -------
    list of str
        A sentence a fault. What the schema refuses is not examined further.

    Raises
    ------
    UserError
        If there is no such version.
    """
    if version not in VERSIONS:
        raise UserError(f"OCPP version = {version!r}: there are {', '.join(VERSIONS)}")
    broken = _schema_faults(payload, version)
    if broken:
        return broken
    form = VERSIONS[version]
    profile, schedules = form.read(payload)
    found = [*_of_profile(payload[form.whole_station], profile, form)]
    for schedule in schedules:
        found += _of_schedule(profile, schedule, lower_level)
        found += _of_periods(profile, schedule["chargingSchedulePeriod"])
    return found + _beyond(profile, schedules, station or Capabilities())


def _schema_faults(payload: dict, version: str) -> list[str]:
    """Return what the schema of a version refuses in a SetChargingProfile request."""
    # Loaded only where it is used: with all formats of jsonschema it takes as long as pandas.
    from ocpp.messages import MessageType, get_validator

    # 0.1 is no sum of halves: read as binary fractions, a third of the limits with one decimal
    # would be refused as no multiple of it.
    validator = get_validator(
        MessageType.Call, "SetChargingProfile", version, parse_float=decimal.Decimal
    )
    try:
        exact = json.loads(json.dumps(payload, allow_nan=False), parse_float=decimal.Decimal)
    except (TypeError, ValueError) as error:
        return [f"not JSON: {error}"]
    return [
        f"schema: {'/'.join(map(str, error.absolute_path)) or 'request'}: {error.message}"
        for error in validator.iter_errors(exact)
    ]


def _of_profile(where: int, profile: dict, form: Version) -> list[str]:
    purpose, kind = profile["chargingProfilePurpose"], profile["chargingProfileKind"]
    of_station = purpose in (form.max_purpose, form.external_purpose)
    of_session = purpose == "TxProfile"
    rules = [
        (where < 0, f"{form.whole_station} {where}: must be 0 or more"),
        (
            of_station and where != 0,
            f"{form.whole_station} {where}: {purpose} limits the whole station, which is 0",
        ),
        (of_station and kind == "Relative", f"{purpose} cannot be Relative: it has no session"),
        (
            purpose == form.external_purpose,
            f"{purpose} comes from outside; a central system may not set it",
        ),
        (of_session and "transactionId" not in profile, "TxProfile without a transactionId"),
        (of_session and where == 0, f"TxProfile at {form.whole_station} 0: it is of one session"),
        (not of_session and "transactionId" in profile, f"{purpose} with a transactionId"),
        (
            kind == "Recurring" and "recurrencyKind" not in profile,
            "Recurring without recurrencyKind",
        ),
        (kind != "Recurring" and "recurrencyKind" in profile, f"{kind} with recurrencyKind"),
        (profile["stackLevel"] < 0, f"stackLevel {profile['stackLevel']}: must be 0 or more"),
    ]
    found = [text for wrong, text in rules if wrong]
    for name in ("validFrom", "validTo", "dynUpdateTime"):
        found += _of_instant(name, profile)
    if not found and "validFrom" in profile and "validTo" in profile:
        first, last = (pd.Timestamp(profile[name]) for name in ("validFrom", "validTo"))
        if last <= first:
            found.append(
                f"validTo {profile['validTo']}: not after validFrom {profile['validFrom']}"
            )
    return found


def _of_schedule(profile: dict, schedule: dict, lower_level: bool) -> list[str]:
    kind, duration = profile["chargingProfileKind"], schedule.get("duration")
    found = _of_instant("startSchedule", schedule)
    if kind in ("Absolute", "Recurring") and "startSchedule" not in schedule:
        found.append(f"{kind} without startSchedule")
    if kind in ("Relative", "Dynamic") and "startSchedule" in schedule:
        found.append(f"{kind} with startSchedule: it counts from an event")
    if duration is not None and duration <= 0:
        found.append(f"duration {duration}: must be above 0 s")
    cycle = _RECURRENCE_S.get(profile.get("recurrencyKind"))
    short = bool(cycle) and duration is not None and duration < cycle
    if kind == "Recurring" and short and not lower_level:
        found.append(
            f"duration {duration} is shorter than the recurrence of {cycle} s and no lower "
            "stackLevel holds: in between the station charges without limit"
        )
    if "randomizedDelay" in schedule and not profile["chargingProfilePurpose"].startswith("Tx"):
        found.append("randomizedDelay: only for TxProfile and TxDefaultProfile")
    least = schedule.get("minChargingRate")
    if least is not None and least < 0:
        found.append(f"minChargingRate {least}: must be 0 or more")
    return found


def _of_periods(profile: dict, periods: list[dict]) -> list[str]:
    if not periods:
        return ["chargingSchedulePeriod is empty"]
    starts = [period["startPeriod"] for period in periods]
    found = []
    if starts[0] != 0:
        found.append(f"the first startPeriod is {starts[0]}: must be 0")
    if any(later <= before for before, later in pairwise(starts)):
        found.append("startPeriod does not rise from period to period")
    cycle = _RECURRENCE_S.get(profile.get("recurrencyKind"))
    if cycle and max(starts) >= cycle:
        found.append(f"startPeriod {max(starts)} lies beyond the recurrence of {cycle} s")
    for period in periods:
        limit = period.get("limit")
        if limit is None:
            if period.get("operationMode", "ChargingOnly") == "ChargingOnly":
                found.append(f"period from {period['startPeriod']}: no limit")
        elif limit < 0:
            found.append(f"limit {limit}: must be 0 or more")
        elif round(limit, 1) != limit:
            found.append(f"limit {limit}: at most one decimal")
        if not 0 <= period.get("numberPhases", 3) <= 3:
            found.append(f"numberPhases {period['numberPhases']}: 1, 2 or 3")
    return found


def _beyond(profile: dict, schedules: list[dict], station: Capabilities) -> list[str]:
    found = []
    most, level = station.max_stack_level, profile["stackLevel"]
    if most is not None and level > most:
        found.append(f"stackLevel {level}: the station goes to {most}")
    for schedule in schedules:
        many = len(schedule["chargingSchedulePeriod"])
        if station.max_periods is not None and many > station.max_periods:
            found.append(f"{many} periods: the station holds {station.max_periods}")
        if schedule["chargingRateUnit"] not in station.units:
            found.append(
                f"chargingRateUnit {schedule['chargingRateUnit']}: the station takes "
                f"{' and '.join(station.units)}"
            )
    return found


def _of_instant(name: str, content: dict) -> list[str]:
    text = content.get(name)
    if text is None:
        return []
    if _INSTANT.fullmatch(text):
        try:
            pd.Timestamp(text)
            return []
        except ValueError:
            pass
    return [f"{name} = {text!r}: must be an instant with its zone, such as 2026-11-01T00:00:00Z"]


def set_faults(
    payloads: Iterable[dict], version: str, *, station: Capabilities | None = None
) -> list[str]:
    """Return what is wrong with all the profiles of one station together.

    Beside the faults of each: two profiles of one purpose and level, of which the second replaces
    the first at once; and a limit of the whole station without a profile below that never ends, so
    that the station charges without limit when it lapses.

    Parameters
    ----------
    payloads : iterable of dict
        SetChargingProfile requests for one station.
    version, station
        As in `profile_faults`.
    """
    payloads = list(payloads)
    found = [fault for one in payloads if (fault := _schema_faults(one, version))]
    if found:
        return [text for faults in found for text in faults]
    form = VERSIONS[version]
    read = [form.read(payload) for payload in payloads]
    base = min(
        (profile["stackLevel"] for profile, schedules in read if _holds_always(profile, schedules)),
        default=None,
    )
    said = []
    for payload, (profile, _) in zip(payloads, read, strict=True):
        lower = base is not None and base < profile["stackLevel"]
        name = f"profile {profile[form.profile_id]}"
        faults = profile_faults(payload, version, lower_level=lower, station=station)
        said += [f"{name}: {fault}" for fault in faults]
    for (purpose, level), many in Counter(
        (profile["chargingProfilePurpose"], profile["stackLevel"]) for profile, _ in read
    ).items():
        if many > 1:
            said.append(
                f"{many} profiles of {purpose} at stackLevel {level}: each replaces the last"
            )
    for number, many in Counter(profile[form.profile_id] for profile, _ in read).items():
        if many > 1:
            said.append(f"{many} profiles have the number {number}: each replaces the last")
    if base is None:
        said.append("no profile holds always: the station charges without limit once these lapse")
    limit = (station or Capabilities()).max_profiles
    if limit is not None and len(payloads) > limit:
        said.append(f"{len(payloads)} profiles; the station holds {limit}")
    return said


def _holds_always(profile: dict, schedules: list[dict]) -> bool:
    """Return whether a profile limits the whole station at every instant from its start on."""
    if "validFrom" in profile or "validTo" in profile:
        return False
    if not profile["chargingProfilePurpose"].endswith("MaxProfile"):
        return False
    cycle = _RECURRENCE_S.get(profile.get("recurrencyKind"), float("inf"))
    return all(schedule.get("duration", cycle) >= cycle for schedule in schedules)
