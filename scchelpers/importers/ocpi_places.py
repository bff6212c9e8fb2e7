"""Sites and EVSEs of OCPI records: names, time zones, and ratings as published or inferred."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from scchelpers.importers import ratings
from scchelpers.importers.council.places import site_type
from scchelpers.importers.ocpi_models import CdrLocation, Location
from scchelpers.importers.sieve import identifiers
from scchelpers.portfolio import tables
from scchelpers.timebase import LONDON, zone

# Countries of one time zone (their mainland): OCPI's alpha-3 and alpha-2 -> zone.
_ZONES = {
    "GBR GB": LONDON,
    "IRL IE": "Europe/Dublin",
    "NLD NL": "Europe/Amsterdam",
    "BEL BE": "Europe/Brussels",
    "LUX LU": "Europe/Luxembourg",
    "FRA FR": "Europe/Paris",
    "DEU DE": "Europe/Berlin",
    "AUT AT": "Europe/Vienna",
    "CHE CH": "Europe/Zurich",
    "DNK DK": "Europe/Copenhagen",
    "NOR NO": "Europe/Oslo",
    "SWE SE": "Europe/Stockholm",
    "FIN FI": "Europe/Helsinki",
    "ITA IT": "Europe/Rome",
    "ESP ES": "Europe/Madrid",
    "PRT PT": "Europe/Lisbon",
    "POL PL": "Europe/Warsaw",
    "CZE CZ": "Europe/Prague",
}
ZONES = {code: name for codes, name in _ZONES.items() for code in codes.split()}
# Power type -> phases, and the ratings [kW] such connectors are sold with, the usual one first.
POWER_TYPES = {
    "AC_1_PHASE": (1, (7.4,)),
    "AC_2_PHASE": (1, (7.4, 14.7)),
    "AC_2_PHASE_SPLIT": (1, (7.4, 14.7)),
    "AC_3_PHASE": (3, (22.0, 43.0)),
    "DC": (0, (50.0, 100.0, 150.0, 350.0)),
}


def named(keys: pd.Series) -> dict:
    """Return an identifier for each (owner, id): the id alone where it is of one owner."""
    unique = list(dict.fromkeys(keys))
    shared = Counter(own for _, own in unique)
    texts = {key: key[1] if shared[key[1]] == 1 else f"{key[0]} {key[1]}" for key in unique}
    found = identifiers(texts.values())
    return {key: found[text] for key, text in texts.items()}


def chargepoints(rows: pd.DataFrame, locations: list[Location], notes: list[str]) -> pd.DataFrame:
    """Return one row an EVSE; its rating as published, or else inferred and said."""
    published = {
        (place.id, evse.uid): (
            max((c.rated_kw for c in evse.connectors if c.rated_kw), default=None),
            next((c.power_type for c in evse.connectors if c.power_type), None),
        )
        for place in locations
        for evse in place.evses
    }
    found, how = [], Counter()
    stay_h = (rows["plug_out"] - rows["plug_in"]) / pd.Timedelta("1h")
    rows = rows.assign(charging_h=rows["charging_h"].fillna(stay_h))
    for (evse_id, site_id), own in rows.groupby(["evse_id", "site_id"], sort=True):
        place, evse = own["site_key"].iloc[0][1], own["evse_key"].iloc[0][1]
        rated_kw, power_type = published.get((place, evse), (None, None))
        types = own["power_type"].dropna()
        power_type = power_type or (types.mode().iloc[0] if len(types) else None)
        if rated_kw:
            how["published with the location"] += 1
        else:
            rated_kw, told = _inferred(own, power_type)
            how[told] += 1
        phases = POWER_TYPES.get(power_type, (ratings.phases(rated_kw),))[0]
        kind = tables.charger_kind(rated_kw)
        found.append((evse_id, site_id, rated_kw, phases, kind))
    notes += [f"rated_kw of {count} EVSEs {told}" for told, count in sorted(how.items())]
    return pd.DataFrame(found, columns=["evse_id", "site_id", "rated_kw", "phases", "kind"])


def _inferred(own: pd.DataFrame, power_type: str | None) -> tuple[float, str]:
    """Return the smallest usual rating [kW] that the sessions of an EVSE allow, and from what."""
    if power_type in POWER_TYPES:
        sold = POWER_TYPES[power_type][1]
        told = "inferred from the connector's power type and the power drawn"
    else:
        sold = ratings.STEPS[1:]
        told = "inferred from the power drawn alone"
    # What no such connector can deliver is a fault of the record and must not set the rating.
    possible = own[own["energy_kwh"] <= own["charging_h"] * sold[-1] * ratings.TOLERANCE]
    told_kw = possible["max_kw"].max()
    steps = (
        ratings.from_sessions(possible["energy_kwh"], possible["charging_h"], sold),
        next((step for step in sold if step * ratings.TOLERANCE >= told_kw), sold[0]),
    )
    return float(np.nanmax(steps)), told


def sites(
    rows: pd.DataFrame,
    locations: list[Location],
    told: dict[tuple[str, str], CdrLocation],
    notes: list[str],
) -> pd.DataFrame:
    """Return one row a site: name, type and time zone as its location tells."""
    published = {(f"{p.country_code}-{p.party_id}", p.id): p for p in locations}
    known = told | published
    by_id = {key[1]: place for key, place in known.items()}
    found, no_zone, swapped = [], [], []
    for site_id, own in rows.groupby("site_id", sort=True):
        party, location = key = own["site_key"].iloc[0]
        place = known.get(key) or by_id.get(location)
        name, tz = location, None
        if place is not None:
            parts = (place.name, None) if place.name else (place.address, place.city)
            name = ", ".join(part for part in parts if part) or location
            tz = ZONES.get((place.country or "").upper())
            if isinstance(place, Location) and place.time_zone:
                tz = zone(place.time_zone).key
            if _swapped(place):
                swapped.append(site_id)
        tz = tz or ZONES.get(party.split("-")[0].upper())
        if tz is None:
            no_zone.append(site_id)
        found.append((site_id, name, site_type(name), tz, "measured"))
    if no_zone:
        notes.append(f"no time zone known for {', '.join(no_zone[:5])}: the portfolio's is used")
    if swapped:
        notes.append(f"latitude and longitude look swapped at {', '.join(swapped[:5])}; not used")
    columns = ["site_id", "name", "site_type", "timezone", "provenance"]
    return pd.DataFrame(found, columns=columns)


def _swapped(place) -> bool:
    """Return whether coordinates lie in Europe only when latitude and longitude change places."""
    at = place.coordinates
    if at is None or at.latitude is None or at.longitude is None:
        return False

    def europe(latitude: float, longitude: float) -> bool:
        return 34 <= latitude <= 72 and -25 <= longitude <= 33

    return europe(at.longitude, at.latitude) and not europe(at.latitude, at.longitude)
