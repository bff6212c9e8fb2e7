"""Which column holds what: names matched by meaning, not by spelling."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Words that make a column one of people; such a column is never read.
PERSONAL = {
    "user", "userid", "username", "card", "cardid", "rfid", "tag", "idtag", "token", "driver",
    "email", "mail", "phone", "mobile", "customer", "member", "account", "contract", "uid",
    "vehicle", "registration", "reg", "vin", "vrn", "numberplate", "surname", "forename",
    "payment", "postcode",
}  # fmt: skip
_START = {"start", "started", "begin", "began", "from", "arrival", "connected", "pluggedin"}
_END = {"end", "ended", "stop", "stopped", "finish", "finished", "departure", "disconnected"}
_NOT_A_STAMP = {"zone", "tz", "soc", "meter", "kwh", "wh", "reading", "reason", "by", "type"}
_NOT_ENERGY = {"cost", "price", "per", "rate", "tariff", "saved", "start", "end", "co2", "ghg"}
# Names of the other columns, letters and digits only, best first.
_NAMES = {
    "chargepoint": (
        "cpid", "chargepointid", "chargepoint", "chargepointref", "chargepointreference", "cp",
        "chargerid", "charger", "chargingpointid", "chargingpoint", "chargingpostid",
        "chargeboxid", "evcpid", "stationid", "chargestationid", "chargingstationid", "station",
        "deviceid", "assetid", "unitid", "postid", "cpname", "chargername", "evseid", "stationname",
        "chargepointname",
    ),
    "connector": (
        "connector", "connectorid", "connectorno", "connectornumber", "connectornum", "socket",
        "socketid", "socketnumber", "socketno", "outlet", "outletid", "port", "portid",
        "portnumber", "plug", "evse",
    ),
    "site": (
        "site", "sitename", "location", "locationname", "chargepointlocation", "cplocation",
        "siteid", "stationname", "place", "carpark", "address", "siteaddress", "name",
        "cpname", "chargepointname", "chargername",
    ),
    "model": (
        "model", "cpmodel", "modelname", "chargepointmodel", "chargermodel", "chargertype",
        "chargepointtype", "cptype", "unittype", "posttype", "type", "speed", "chargerspeed",
        "connectortype", "plugtype",
    ),
    "rated_kw": (
        "ratedkw", "rating", "ratingkw", "ratedpower", "ratedpowerkw", "ratedoutputkw", "powerkw",
        "maxpowerkw", "maxkw", "chargerkw", "kw", "outputkw", "connectorkw", "connectorpower",
        "connectorpowerkw", "chargepointkw",
    ),
    "duration": (
        "pluginduration", "plugduration", "connectedduration", "connectionduration",
        "totalduration", "sessionduration", "duration", "durationmins", "durationminutes",
        "durationmin", "durationhours", "durationhhmmss", "totaldurationhhmmss",
        "connectiontime", "timeconnected", "durationhhmm",
    ),
}  # fmt: skip
_ENERGY = {"energy", "kwh", "wh", "consum", "consumption", "consumed"}


def words(name: str) -> list[str]:
    """Return the words of a column name, lower case.

    Examples
    --------
    >>> words("StartDate"), words("Consum(kWh)"), words("CP ID")
    (['start', 'date'], ['consum', 'kwh'], ['cp', 'id'])
    """
    name = re.sub(r"([kKmM]?)[wW]([hH]?)\b", lambda m: f" {m.group(0).lower()} ", name)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    name = re.sub(r"\b(start|end|stop|begin)(?=date|time)", r"\1 ", name.lower())
    return re.findall(r"[a-z0-9]+", name)


def personal(name: str) -> bool:
    """Return whether a column tells of a person.

    Examples
    --------
    >>> personal("User ID"), personal("RFID Card"), personal("CP ID")
    (True, True, False)
    """
    return bool(PERSONAL & {*words(name), "".join(words(name))})


def match(header: Sequence[str]) -> dict[str, int]:
    """Return the column number of each meaning found in a header.

    Meanings are chargepoint, connector, start, start_date, start_time, end, end_date, end_time,
    energy, site, model, rated_kw and duration. A column serves one meaning, one of people none.

    Examples
    --------
    >>> match(["_id", "CP ID", "Start Date", "Start Time", "End", "Consum(kWh)", "User ID"])
    {'start_date': 2, 'start_time': 3, 'end': 4, 'energy': 5, 'chargepoint': 1}
    """
    free = {i: words(name) for i, name in enumerate(header) if name and not personal(name)}
    found: dict[str, int] = {}

    def take(meaning: str, number: int) -> None:
        if meaning not in found:
            found[meaning] = number
            free.pop(number)

    for number, parts in list(free.items()):
        role = _stamp(parts)
        if role:
            take(role, number)
    energies = [i for i, parts in free.items() if _ENERGY & {*parts} and not _NOT_ENERGY & {*parts}]
    # A column that names its unit beats one that does not.
    for number in sorted(energies, key=lambda i: not {"kwh", "wh"} & {*free[i]})[:1]:
        take("energy", number)
    for meaning, names in _NAMES.items():
        joined = {"".join(parts): i for i, parts in reversed(free.items())}
        number = next((joined[name] for name in names if name in joined), None)
        if number is not None:
            take(meaning, number)
    return found


def _stamp(parts: list[str]) -> str | None:
    have = {*parts}
    plug = "".join(parts)
    starts = _START & have or plug.startswith(("plugin", "connect"))
    ends = _END & have or plug.startswith(("plugout", "unplug", "disconnect"))
    if (
        bool(starts) == bool(ends)
        or _NOT_A_STAMP & have
        or "duration" in plug
        or "connector" in plug
    ):
        return None
    side = "start" if starts else "end"
    kinds = {"date", "datetime", "timestamp", "time", "stamp"} & have
    if kinds == {"date"}:
        return f"{side}_date"
    if kinds == {"time"}:
        return f"{side}_time"
    return side if kinds or len(parts) <= 2 else None


def complete(found: dict[str, int]) -> bool:
    """Return whether the meanings found make a session file."""
    have = {*found}
    start = have & {"start", "start_date", "start_time"}
    end = have & {"end", "end_date", "end_time", "duration"}
    return bool(start and end and have >= {"energy", "chargepoint"})
