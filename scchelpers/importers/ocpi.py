"""OCPI 2.1.1, 2.2.1 and 2.3.0: CDRs, sessions and locations, as the UK's regulations require them.

What the portfolio needs is taken and the rest passed over: tokens, contracts and prices never enter
the program. A CDR is no power series, so its start, end, energy and largest power are used.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers.account import Account
from scchelpers.importers.joining import Sieve
from scchelpers.importers.sessions import HOUR, ROWS, SessionOptions
from scchelpers.importers.table import decoded, json_values
from scchelpers.timebase import LONDON, zone

# Countries of one time zone (their mainland): OCPI's alpha-3 and alpha-2 -> zone.
_ZONES = {
    "GBR GB": LONDON, "IRL IE": "Europe/Dublin", "NLD NL": "Europe/Amsterdam",
    "BEL BE": "Europe/Brussels", "LUX LU": "Europe/Luxembourg", "FRA FR": "Europe/Paris",
    "DEU DE": "Europe/Berlin", "AUT AT": "Europe/Vienna", "CHE CH": "Europe/Zurich",
    "DNK DK": "Europe/Copenhagen", "NOR NO": "Europe/Oslo", "SWE SE": "Europe/Stockholm",
    "FIN FI": "Europe/Helsinki", "ITA IT": "Europe/Rome", "ESP ES": "Europe/Madrid",
    "PRT PT": "Europe/Lisbon", "POL PL": "Europe/Warsaw", "CZE CZ": "Europe/Prague",
}  # fmt: skip
ZONES = {code: name for codes, name in _ZONES.items() for code in codes.split()}
# Power type -> phases, and the ratings [kW] such connectors are sold with, the usual one first.
_POWER_TYPES = {
    "AC_1_PHASE": (1, "7.4"),
    "AC_2_PHASE": (1, "7.4 14.7"),
    "AC_2_PHASE_SPLIT": (1, "7.4 14.7"),
    "AC_3_PHASE": (3, "22 43"),
    "DC": (0, "50 100 150 350"),
}
_ANY = "7.4 11 22 50 100 150 350"
_MAX_STAY_H = 336.0
_RESERVED = "#na"
_FINISHED = "COMPLETED"


def is_ocpi(value) -> bool:
    """Return whether a JSON value holds OCPI objects: CDRs, sessions or locations."""
    if isinstance(value, dict) and "status_code" in value:
        return True
    records = _opened(value)[:3]
    return bool(records) and any(isinstance(r, dict) and _kind_of(r) for r in records)


def _opened(value) -> list:
    if isinstance(value, dict) and "data" in value and not _kind_of(value):
        value = value["data"]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _kind_of(record: dict) -> str:
    """Return CDR, session or location, "" if a record is none of them."""
    if "cdr_location" in record or "total_energy" in record:
        return "CDR"
    started = "start_date_time" in record or "start_datetime" in record
    if started and ("kwh" in record or "status" in record):
        return "session"
    if "evses" in record or ("coordinates" in record and not started and "country" in record):
        return "location"
    return ""


def read(data: bytes, file: str) -> tuple[pd.DataFrame, Account]:
    """Read one file of OCPI objects.

    Parameters
    ----------
    data : bytes
        JSON: an envelope, a list, one object, or one a line.
    file : str
        Name for people.

    Returns
    -------
    rows : pandas.DataFrame
        One row an object, as `sift` takes them.
    account : Account
        What was read.

    Raises
    ------
    UserError
        If the file is cut, or an answer reports a fault.
    """
    account = Account(file)
    rows = []
    for value in json_values(decoded(data, file)[0], file):
        code = value.get("status_code", 1000) if isinstance(value, dict) else 1000
        if not isinstance(code, int) or not 1000 <= code < 2000:
            told = value.get("status_message", "no message")
            raise UserError(f"{file}, status_code = {code!r}: the answer reports a fault ({told})")
        for record in _opened(value):
            rows += _rows_of(record, file, len(rows) + 1)
    if not rows:
        raise UserError(f"{file}: no records; give OCPI CDRs or sessions as JSON")
    frame = pd.DataFrame(rows)
    counts = frame.drop_duplicates("line")["kind"].value_counts()
    found = ", ".join(f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items())
    versions = ", ".join(sorted(frame["version"].unique()))
    account.note(f"OCPI {versions}: {found}; stamps in UTC, energy in kWh, times in hours")
    bad = frame["fault"] != ""
    if bad.all():
        raise UserError(f"{file}: no record can be read: {frame['fault'].iloc[0]}")
    for line, fault in frame.loc[bad, ["line", "fault"]].head(3).itertuples(index=False):
        account.note(f"record {line} set aside: {fault}")
    return frame, account


class _Field:
    """Reads fields of a record kindly, and remembers the first that cannot be read."""

    def __init__(self, record: dict):
        self.record, self.fault = record, ""

    def text(self, *names: str) -> str:
        for name in names:
            value = self.record.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()
        return ""

    def part(self, name: str) -> dict:
        value = self.record.get(name)
        return value if isinstance(value, dict) else {}

    def number(self, name: str, needed: bool = False) -> float:
        value = self.record.get(name)
        try:
            found = np.nan if value in (None, "") or isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            found = np.nan
        if needed and not np.isfinite(found):
            self.fault = self.fault or f"{name} = {str(value)[:40]!r} is no number"
        return found

    def instant(self, *names: str) -> pd.Timestamp:
        """Return a time, which is UTC with or without a Z; 1970 stands for unknown."""
        for name in names:
            value = self.record.get(name)
            if value in (None, ""):
                continue
            stamp = pd.NaT
            if isinstance(value, str) and "-" in value:
                stamp = pd.to_datetime(value, errors="coerce", utc=True)
            if pd.isna(stamp):
                told = f"{name} = {str(value)[:40]!r} is no time such as 2026-11-24T16:30:00Z"
                self.fault = self.fault or told
                return pd.NaT
            return stamp if 1970 < stamp.year < 2100 else pd.NaT
        return pd.NaT


def _rows_of(record, file: str, line: int) -> list[dict]:
    """Return the row of a CDR or session, or the rows of a location's EVSEs."""
    blank = dict.fromkeys(
        ("kind", "version", "record", "session", "cancels", "party", "location"), ""
    )
    blank |= dict.fromkeys(("evse", "connector", "name", "country", "zone", "power_type"), "")
    blank |= {"file": file, "line": line, "fault": "", "status": "", "version": "2.2.1/2.3.0"}
    blank |= dict.fromkeys(("start", "end", "updated"), pd.NaT)
    blank |= dict.fromkeys(("energy_kwh", "max_kw", "charging_h", "parked", "rated_kw"), np.nan)
    blank |= {"in_wh": False, "from_time": False}
    kind = _kind_of(record) if isinstance(record, dict) else ""
    if not kind:
        fault = "neither a CDR (total_energy, cdr_location) nor a session (kwh, status)"
        return [blank | {"kind": "record", "fault": fault}]
    field = _Field(record)
    if kind == "location":
        return _location(field, blank)
    embedded = _Field(field.part("cdr_location") or field.part("location"))
    old = "stop_date_time" in record or "start_datetime" in record or "location" in record
    evses = [e for e in embedded.record.get("evses") or [] if isinstance(e, dict)]
    evse = _Field(evses[0] if evses else {})
    connectors = [c for c in evse.record.get("connectors") or [] if isinstance(c, dict)]
    volumes = _volumes(record)
    energy = field.number("total_energy" if kind == "CDR" else "kwh", needed=True)
    start = field.instant("start_date_time", "start_datetime")
    end = field.instant("end_date_time", "stop_date_time", "end_datetime")
    hours, parking = field.number("total_time"), field.number("total_parking_time")
    parking = parking if parking > 0 else volumes["PARKING_TIME"]
    from_time = pd.isna(end) and pd.notna(start) and hours > 0
    country = embedded.text("country") or field.text("country_code")
    party = f"{field.text('country_code')}-{field.text('party_id')}"
    location = embedded.text("id") or field.text("location_id")
    place = embedded if kind == "CDR" or old else field
    uid = place.text("evse_uid", "evse_id") or evse.text("uid", "evse_id")
    if not location:
        field.fault = field.fault or "no location"
    if kind == "session" and not uid and not old:
        field.fault = field.fault or "no evse_uid"
    name = ", ".join(p for p in (embedded.text("address"), embedded.text("city")) if p)
    key = f"{party} {field.text('id')}".lower()
    session = field.text("session_id") if kind == "CDR" else field.text("id")
    return [
        blank
        | {
            "kind": kind,
            "version": "2.1.1" if old else "2.2.1/2.3.0",
            "record": key,
            "session": f"{party} {session}".lower() if session else "",
            "status": _FINISHED if kind == "CDR" else field.text("status").upper(),
            "cancels": f"{party} {field.text('credit_reference_id')}".lower()
            if record.get("credit")
            else "",
            "party": party,
            "location": location,
            "evse": uid or _RESERVED,
            "connector": place.text("connector_id") or _Field((connectors or [{}])[0]).text("id"),
            "name": embedded.text("name") or name,
            "country": country,
            "power_type": embedded.text("connector_power_type")
            or _Field((connectors or [{}])[0]).text("power_type"),
            "rated_kw": max((_rated(c) for c in connectors), default=np.nan),
            "start": start,
            "end": start + pd.Timedelta(hours=hours) if from_time else end,
            "from_time": from_time,
            "updated": field.instant("last_updated"),
            "energy_kwh": energy,
            "max_kw": volumes["MAX_POWER"] or np.nan,
            "parked": parking,
            "charging_h": hours - parking if hours > parking else np.nan,
            # OCPI's own example of a session gives ENERGY in Wh beside a total in kWh.
            "in_wh": bool(energy > 0 and abs(volumes["ENERGY"] / energy / 1000 - 1) < 0.05),
            "fault": field.fault,
        }
    ]


def _location(field: _Field, blank: dict) -> list[dict]:
    name = ", ".join(p for p in (field.text("address"), field.text("city")) if p)
    told = {
        "kind": "location",
        "party": f"{field.text('country_code')}-{field.text('party_id')}",
        "location": field.text("id"),
        "name": field.text("name") or name,
        "country": field.text("country"),
        "zone": zone(field.text("time_zone")).key if field.text("time_zone") else "",
        "updated": field.instant("last_updated"),
    }
    rows = []
    for evse in field.record.get("evses") or [{}]:
        connectors = [c for c in evse.get("connectors") or [] if isinstance(c, dict)]
        types = [t for c in connectors if (t := _Field(c).text("power_type"))]
        rated = [kw for c in connectors if (kw := _rated(c)) == kw]
        uid, power_type = _Field(evse).text("uid"), types[0] if types else ""
        most = max(rated, default=np.nan)
        rows.append(blank | told | {"evse": uid, "power_type": power_type, "rated_kw": most})
    return rows or [blank | told]


def _rated(connector: dict) -> float:
    """Return the rated power [kW] of a connector; three-phase volts may be of line or phase."""
    field = _Field(connector)
    watts = field.number("max_electric_power")
    if watts > 0:
        return watts / 1000
    volts, amps = (
        max(field.number(f"max_{n}"), field.number(n)) if field.number(n) == field.number(n)
        else field.number(f"max_{n}")
        for n in ("voltage", "amperage")
    )  # fmt: skip
    if field.text("power_type") == "AC_3_PHASE":
        volts *= 3 if volts < 300 else np.sqrt(3)
    return volts * amps / 1000 if volts * amps > 0 else np.nan


def _volumes(record: dict) -> Counter:
    """Return the sum of ENERGY [kWh or Wh] and PARKING_TIME [h], the largest MAX_POWER [kW]."""
    volumes: Counter = Counter()
    for period in record.get("charging_periods") or ():
        for dimension in (period.get("dimensions") or ()) if isinstance(period, dict) else ():
            field = _Field(dimension if isinstance(dimension, dict) else {})
            name, volume = field.text("type").upper(), field.number("volume")
            if not np.isfinite(volume):
                continue
            volumes[name] = max(volumes[name], volume) if name == "MAX_POWER" else (
                volumes[name] + volume
            )  # fmt: skip
    return volumes


def sift(sieve: Sieve, options: SessionOptions, account: Account) -> None:
    """Turn the objects of all files into rows of sessions, each told once.

    Identifiers of OCPI are case-insensitive. The newest of several versions of a record counts, a
    CDR before its session, and of records of one session that begin together the longest.
    """
    places = sieve.rows[sieve.rows["kind"] == "location"]
    sieve.rows = sieve.rows[sieve.rows["kind"] != "location"]
    sieve.read = len(sieve.rows)
    rows = sieve.rows
    sieve.drop(rows["fault"] != "", "OCPI record that misses or misuses a field")
    rows = sieve.rows
    cancelled = set(rows["cancels"]) - {""}
    lost = cancelled - set(rows["record"])
    if lost:
        account.note(f"{len(lost)} credit CDRs cancel a CDR that is not in these files")
    for status in ("ACTIVE", "INVALID", "PENDING", "RESERVATION"):
        sieve.drop(sieve.rows["status"] == status, f"session {status}")
    sieve.drop(sieve.rows["status"] != _FINISHED, "session of unknown status")
    sieve.drop(sieve.rows["cancels"] != "", "credit CDR")
    is_cdr = sieve.rows["kind"] == "CDR"
    sieve.drop(is_cdr & sieve.rows["record"].isin(cancelled), "CDR cancelled by a credit CDR")
    reserved = sieve.rows["evse"].str.lower() == _RESERVED
    sieve.drop(reserved, "reservation without charging (EVSE #NA)")
    order = ["kind", "updated", "end"]
    sieve.rows = sieve.rows.sort_values(order, ascending=[True, False, False], kind="stable")
    again = sieve.rows.duplicated(["kind", "record"])
    sieve.drop(again, "older or equal copy of the same record")
    told = set(sieve.rows.loc[sieve.rows["kind"] == "CDR", "session"]) - {""}
    is_session = sieve.rows["kind"] == "session"
    sieve.drop(is_session & sieve.rows["session"].isin(told), "session told by its CDR")
    sieve.rows = sieve.rows.sort_values("end", ascending=False, kind="stable", na_position="last")
    part = (sieve.rows["session"] != "") & sieve.rows.duplicated(["session", "start"])
    sieve.drop(part, "part of a session that another record tells whole")
    sieve.drop(sieve.rows["start"].isna(), "start unknown")
    sieve.drop(sieve.rows["end"].isna(), "end unknown")
    if sieve.rows.empty:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in sieve.set_aside.items() if n)
        account.judge("rows", True, f"no record is a finished session that counts: {reasons}",
                      "files with CDRs or completed sessions")  # fmt: skip
        return
    rows = sieve.rows = sieve.rows.sort_values("start", kind="stable")
    sieve.mend(rows["in_wh"], "ENERGY volumes in Wh read as kWh")
    sieve.mend(rows["from_time"], "end from the start and total_time")
    if (parking := int((rows["parked"] > 0).sum()) if len(rows) else 0) > 0:
        account.note(f"{parking} stays hold parking time without charging; the stay is kept whole")
    sieve.rows = _as_sessions(rows, places, options, account)


def _spelt(column: pd.Series) -> pd.Series:
    """Bring identifiers that differ in case to their commonest spelling."""
    count = column.value_counts().rename_axis("text").reset_index(name="n")
    count["low"] = count["text"].str.lower()
    best = count.sort_values(["n", "text"], ascending=[False, True]).groupby("low")["text"].first()
    return column.str.lower().map(best)


def _as_sessions(rows, places, options: SessionOptions, account: Account) -> pd.DataFrame:
    """Return rows in the columns of `sessions.ROWS`: places named, ratings published or open."""
    both = pd.concat([rows, places])
    for name in ("party", "location", "evse", "connector"):
        both[name] = _spelt(both[name])
    rows, places = both[both["kind"] != "location"], both[both["kind"] == "location"]
    places = places.sort_values("updated", na_position="first").drop_duplicates(
        ["location", "evse"], keep="last"
    )
    by_evse = places.set_index(["location", "evse"])
    at = pd.MultiIndex.from_frame(rows[["location", "evse"]])
    known = by_evse.reindex(at).set_index(rows.index)
    by_place = places.drop_duplicates("location").set_index("location").reindex(rows["location"])
    by_place.index = rows.index
    if len(places):
        account.note(f"{places['location'].nunique()} locations read for ratings, names and zones")
    power_type = known["power_type"].fillna("").where(lambda s: s != "", rows["power_type"])
    name = by_place["name"].fillna("").where(lambda s: s != "", rows["name"])
    first_name = name.groupby(rows["location"]).transform(lambda s: next((n for n in s if n), ""))
    country = by_place["country"].fillna("").where(lambda s: s != "", rows["country"]).str.upper()
    zones = by_place["zone"].fillna("").where(lambda s: s != "", country.map(ZONES))
    zones = zones.fillna(rows["party"].str.split("-").str[0].str.upper().map(ZONES))
    unzoned = sorted(rows["location"][zones.isna()].unique())
    if unzoned:
        account.note(f"no time zone known for {', '.join(unzoned[:5])}: the portfolio's is used")

    def named(ids: pd.Series, owner: pd.Series) -> pd.Series:
        """Return the id alone where it is of one owner."""
        shared = owner.groupby(ids).transform("nunique") > 1
        return ids.where(~shared, owner + " " + ids)

    site_key = named(rows["location"], rows["party"])
    found = pd.DataFrame(index=rows.index).assign(
        file=rows["file"],
        line=rows["line"],
        unit=named(rows["evse"], site_key),
        connector=_connectors(rows.assign(place=site_key)),
        site=first_name.where(first_name != "", rows["location"]),
        site_key=site_key,
        site_type="",
        model="",
        zone=zones.fillna(LONDON),
        start=rows["start"].dt.tz_localize(None),
        end=rows["end"].dt.tz_localize(None),
        charge_start=pd.NaT,
        charge_end=pd.NaT,
        announced=pd.NaT,
        start_offset=pd.Timedelta(0),
        end_offset=pd.Timedelta(0),
        stay=np.timedelta64("NaT", "ns"),
        computed=False,
        swapped=False,
        claimed=False,
        energy_kwh=rows["energy_kwh"],
        max_kw=rows["max_kw"],
        rated_kw=known["rated_kw"].fillna(rows["rated_kw"]),
        charging_h=rows["charging_h"].fillna((rows["end"] - rows["start"]) / HOUR),
        phases=power_type.map({k: v[0] for k, v in _POWER_TYPES.items()}),
        on_sale=power_type.map({k: v[1] for k, v in _POWER_TYPES.items()}).fillna(_ANY),
        max_stay_h=max(options.max_stay_h, _MAX_STAY_H),
    )
    return found.astype(ROWS)


def _connectors(rows: pd.DataFrame) -> pd.Series:
    """Return the connectors of EVSEs that charge on several at once; "=" elsewhere."""
    found = pd.Series("=", index=rows.index)
    ordered = rows.sort_values("start", kind="stable")
    for _, own in ordered.groupby(["place", "evse"]):
        if own["connector"].nunique() < 2:
            continue
        until = own["end"].cummax().shift()
        at_once = own["start"] < until
        alone = all(
            (c["start"].iloc[1:].to_numpy() >= c["end"].iloc[:-1].to_numpy()).all()
            for _, c in own.groupby("connector")
        )
        if at_once.any() and alone:
            found[own.index] = own["connector"]
    return found
