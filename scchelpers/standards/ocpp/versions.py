"""What differs between the versions of OCPP, as far as charging profiles go."""

from __future__ import annotations

from dataclasses import dataclass


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
