"""OCPI 2.2.1 and 2.3.0 CDRs and sessions, as the Public Charge Point Regulations 2023 require them.

What the portfolio needs is taken and the rest passed over; a CDR is not a power series, so only its
start, end, energy and largest power are used.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers import ocpi_places as places
from scchelpers.importers.ocpi_files import read_records
from scchelpers.importers.ocpi_models import Cdr, Location, Record, Session
from scchelpers.importers.report import Imported
from scchelpers.importers.sieve import Sieve, session_ids
from scchelpers.portfolio import tables

RESERVED = "#NA"


def read(files, *, max_stay_h: float = 336.0) -> Imported:
    """Read OCPI CDRs, sessions and, for ratings, names and zones, locations.

    Parameters
    ----------
    files : iterable of path-like
        JSON files: an envelope, a list, one object or JSON lines; also .gz.
    max_stay_h : float
        Longest stay that is believed [h].

    Returns
    -------
    Imported
        Sites, chargepoints and sessions.

    Raises
    ------
    UserError
        If a file cannot be read or an object misses or misuses a field.
    """
    found = [record for path in files for record in read_records(str(path))]
    locations = [r for _, _, r in found if isinstance(r, Location)]
    charging = [(file, n, r) for file, n, r in found if not isinstance(r, Location)]
    if not charging:
        raise UserError(f"{found[0][0]}: only locations; give CDRs or sessions beside them")
    notes = [f"{len(locations)} locations read for ratings, names and zones"] if locations else []
    rows = pd.DataFrame([_row(record) for _, _, record in charging])
    for name in ("plug_in", "plug_out", "last_updated"):
        rows[name] = pd.to_datetime(rows[name], utc=True)
    sieve = Sieve(rows)
    sieve.mend(rows["volumes_in_wh"], "ENERGY volumes in Wh read as kWh")
    sieve.mend(rows["end_from_time"], "end from the start and total_time")
    _sift(sieve, notes)
    rows = _some(sieve, charging)
    site_ids = places.named(rows["site_key"])
    evse_ids = places.named(rows["evse_key"])
    sieve.rows = rows = rows.assign(
        site_id=rows["site_key"].map(site_ids), evse_id=rows["evse_key"].map(evse_ids)
    )
    chargepoints = places.chargepoints(rows, locations, notes)
    rated = chargepoints.set_index("evse_id")["rated_kw"]
    sieve.rows = rows.assign(rated_kw=rows["evse_id"].map(rated))
    sieve.check_stays(max_stay_h=max_stay_h)
    sieve.check_energy()
    sieve.check_repeats()
    sieve.check_overlaps()
    sieve.rows = rows = _some(sieve, charging).sort_values(["plug_in", "evse_id"])
    told = {
        _site_key(record): record.cdr_location
        for _, _, record in reversed(charging)
        if isinstance(record, Cdr)
    }
    sites = places.sites(rows, locations, told, notes)
    chargepoints = chargepoints[chargepoints["evse_id"].isin(rows["evse_id"])]
    short = rows["energy_kwh"] > rows["max_kw"] * (sieve.stay_h + 1 / 60)
    sessions = rows.assign(session_id=session_ids(rows), max_kw=rows["max_kw"].mask(short))
    report = sieve.report("ocpi", files, notes, sites=len(sites), evses=len(chargepoints))
    names = dict.fromkeys(file for file, _, _ in charging)
    sources = [{"title": f"OCPI records {name}", "provenance": "measured"} for name in names]
    return Imported(
        report,
        sites=sites,
        chargepoints=chargepoints,
        sessions=sessions[[c.name for c in tables.SESSIONS if c.name in sessions]],
        header={"sources": sources},
    )


def _some(sieve: Sieve, charging: list) -> pd.DataFrame:
    """Return the rows still in; refuse an import that would bring none."""
    if sieve.rows.empty:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in sieve.set_aside.items() if n)
        raise UserError(f"{charging[0][0]}: no record is a finished session that counts: {reasons}")
    return sieve.rows


def _site_key(record: Cdr | Session) -> tuple[str, str]:
    """Return whose location a record is of, and which."""
    location = record.cdr_location.id if isinstance(record, Cdr) else record.location_id
    return f"{record.country_code}-{record.party_id}", location


def _row(record: Cdr | Session) -> dict:
    """Return what is used of a record."""
    cdr = isinstance(record, Cdr)
    party, location = _site_key(record)
    volumes = _volumes(record)
    energy = record.total_energy if cdr else record.kwh
    # OCPI's own example of a session gives ENERGY in Wh beside a total in kWh.
    in_wh = energy > 0 and abs(volumes["ENERGY"] / energy / 1000 - 1) < 0.05
    place = record.cdr_location if cdr else record
    evse = place.evse_uid or (place.evse_id if cdr else None) or RESERVED
    hours = record.total_time if cdr else None
    parking = (record.total_parking_time if cdr else None) or volumes["PARKING_TIME"]
    end, from_time = record.end_date_time, False
    if end is None and record.start_date_time is not None and hours:
        end, from_time = record.start_date_time + pd.Timedelta(hours=hours), True
    return {
        "source": "CDR" if cdr else "session",
        "record_key": f"{party} {record.id}",
        "session_key": f"{party} {record.session_id if cdr else record.id}",
        "status": "COMPLETED" if cdr else record.status.upper(),
        "credit": bool(cdr and record.credit),
        "cancels": f"{party} {record.credit_reference_id}" if cdr and record.credit else None,
        "last_updated": record.last_updated,
        "site_key": (party, location),
        "evse_key": (f"{party} {location}", evse),
        "reserved": evse == RESERVED,
        "power_type": place.connector_power_type if cdr else None,
        "plug_in": record.start_date_time,
        "plug_out": end,
        "energy_kwh": energy,
        "max_kw": volumes["MAX_POWER"] or np.nan,
        "charging_h": (hours - parking) if hours and hours > parking else np.nan,
        "parking": parking > 0,
        "volumes_in_wh": in_wh,
        "end_from_time": from_time,
    }


def _volumes(record: Record) -> Counter:
    """Return the sum of ENERGY [kWh or Wh] and PARKING_TIME [h], the largest MAX_POWER [kW]."""
    volumes = Counter()
    for period in record.charging_periods or ():
        for dimension in period.dimensions:
            if dimension.type == "MAX_POWER":
                volumes["MAX_POWER"] = max(volumes["MAX_POWER"], dimension.volume)
            else:
                volumes[dimension.type] += dimension.volume
    return volumes


def _sift(sieve: Sieve, notes: list[str]) -> None:
    """Set aside what is no finished session, or is told elsewhere."""
    rows = sieve.rows
    cancelled = set(rows["cancels"].dropna())
    lost = cancelled - set(rows["record_key"])
    if lost:
        notes.append(f"{len(lost)} credit CDRs cancel a CDR that is not in these files")
    for status in ("ACTIVE", "INVALID", "PENDING", "RESERVATION"):
        sieve.drop(sieve.rows["status"] == status, f"session {status}")
    other = sieve.rows["status"] != "COMPLETED"
    sieve.drop(other, "session of unknown status")
    sieve.drop(sieve.rows["credit"], "credit CDR")
    is_cdr = sieve.rows["source"] == "CDR"
    sieve.drop(is_cdr & sieve.rows["record_key"].isin(cancelled), "CDR cancelled by a credit CDR")
    sieve.drop(sieve.rows["reserved"], "reservation without charging (EVSE #NA)")
    # The newest of several versions of a record counts, and a CDR before its session.
    sieve.rows = sieve.rows.sort_values(
        ["source", "last_updated"], ascending=[True, False], kind="stable", na_position="last"
    )
    again = sieve.rows.duplicated(["source", "record_key"])
    sieve.drop(again, "older or equal copy of the same record")
    told = sieve.rows.loc[sieve.rows["source"] == "CDR", "session_key"]
    is_session = sieve.rows["source"] == "session"
    sieve.drop(is_session & sieve.rows["session_key"].isin(told), "session told by its CDR")
    sieve.drop(sieve.rows["plug_in"].isna(), "start unknown")
    sieve.drop(sieve.rows["plug_out"].isna(), "end unknown")
    if sieve.rows["volumes_in_wh"].any():
        notes.append("ENERGY volumes of some records are in Wh; the totals in kWh are used")
    if sieve.rows["parking"].any():
        notes.append(
            f"{int(sieve.rows['parking'].sum())} stays hold parking time without charging; the "
            "stay is kept whole, and older feeds count curtailment as parking"
        )
