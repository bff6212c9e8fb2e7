"""What is wrong with the profiles of a station together, though each is sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from scchelpers.standards.ocpp.check import (
    RECURRENCE_S,
    Capabilities,
    profile_faults,
    schema_faults,
)
from scchelpers.standards.ocpp.versions import VERSIONS


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
    found = [fault for one in payloads if (fault := schema_faults(one, version))]
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
    cycle = RECURRENCE_S.get(profile.get("recurrencyKind"), float("inf"))
    return all(schedule.get("duration", cycle) >= cycle for schedule in schedules)
