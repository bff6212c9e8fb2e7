"""A charging station that follows the rules of OCPP charging profiles, minute by minute.

Written from the rules, not from the code that makes profiles: the highest stack level that is valid
and whose schedule reaches holds within a purpose, the lowest limit between purposes; a profile of
the same purpose and level replaces the one before at once; where nothing holds, nothing limits.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

CYCLE_MIN = {"Daily": 1440, "Weekly": 10080}


def minute_of(text: str) -> int:
    """Return the minutes of an instant with a zone since 1970 in UTC."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) // 60


def clock_minutes(minutes: np.ndarray, zone: str) -> np.ndarray:
    """Return UTC minutes as they read on a clock, as if that were UTC."""
    place, epoch = ZoneInfo(zone), datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    hours = np.unique(minutes // 15)
    shift = {
        hour: int(
            (epoch + timedelta(minutes=15 * int(hour)))
            .astimezone(place)
            .utcoffset()
            .total_seconds()
            // 60
        )
        for hour in hours
    }
    return (
        minutes + np.array([shift[hour] for hour in hours])[np.searchsorted(hours, minutes // 15)]
    )


class Station:
    """What a station holds, and the limit it then keeps."""

    def __init__(self, zone: str = "Europe/London"):
        self.zone = zone
        self.held: dict[tuple, dict] = {}

    def send(self, request: dict) -> None:
        """Take a SetChargingProfile request of any version."""
        if "csChargingProfiles" in request:
            where, profile = request["connectorId"], request["csChargingProfiles"]
            number = profile["chargingProfileId"]
            schedule = profile["chargingSchedule"]
        else:
            where, profile = request["evseId"], request["chargingProfile"]
            number = profile["id"]
            (schedule,) = profile["chargingSchedule"]
        for key, other in list(self.held.items()):
            if other["number"] == number:
                del self.held[key]
        slot = (where, profile["chargingProfilePurpose"], profile["stackLevel"])
        self.held[slot] = {"number": number, "profile": profile, "schedule": schedule}

    def clear(self, request: dict) -> None:
        """Take a ClearChargingProfile request of any version."""
        which = request.get("chargingProfileCriteria", request)
        where = which["connectorId"] if "connectorId" in which else which["evseId"]
        self.held.pop((where, which["chargingProfilePurpose"], which["stackLevel"]), None)

    def limit(self, minutes: np.ndarray) -> np.ndarray:
        """Return the limit in each minute (since 1970, UTC), infinite where nothing holds."""
        found = np.full(len(minutes), np.inf)
        for purpose in {slot[:2] for slot in self.held}:
            of_purpose = np.full(len(minutes), np.nan)
            levels = sorted(slot for slot in self.held if slot[:2] == purpose)
            for slot in reversed(levels):
                own = self._of_profile(self.held[slot], minutes)
                of_purpose = np.where(np.isnan(of_purpose), own, of_purpose)
            found = np.fmin(found, of_purpose)
        return found

    def _of_profile(self, held: dict, minutes: np.ndarray) -> np.ndarray:
        profile, schedule = held["profile"], held["schedule"]
        valid = np.ones(len(minutes), bool)
        if "validFrom" in profile:
            valid &= minutes >= minute_of(profile["validFrom"])
        if "validTo" in profile:
            valid &= minutes < minute_of(profile["validTo"])
        read = minutes
        if schedule.get("useLocalTime"):
            read = clock_minutes(minutes, self.zone)
        since = read - minute_of(schedule["startSchedule"])
        valid &= since >= 0
        if profile["chargingProfileKind"] == "Recurring":
            since = since % CYCLE_MIN[profile["recurrencyKind"]]
        if "duration" in schedule:
            valid &= since < schedule["duration"] // 60
        starts = [period["startPeriod"] // 60 for period in schedule["chargingSchedulePeriod"]]
        limits = np.array([period["limit"] for period in schedule["chargingSchedulePeriod"]], float)
        at = np.clip(np.searchsorted(starts, since, side="right") - 1, 0, None)
        return np.where(valid, limits[at], np.nan)
