"""OCPI CDRs and sessions: the traps of real feeds, and identifiers of people that stay out."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scchelpers.faults import UserError
from scchelpers.importers import read as read_files
from scchelpers.importers import run
from scchelpers.portfolio import Portfolio

PLANTED = ("012345678", "GB8ACC12E46L89", "AUTH-8f3e", "driver@example.org", "VIN-WVW123")
TOKEN = {
    "country_code": "GB",
    "party_id": "TNM",
    "uid": "012345678",
    "type": "RFID",
    "contract_id": "GB8ACC12E46L89",
}


def cdr(number=1, **changes):
    record = {
        "country_code": "GB",
        "party_id": "ABC",
        "id": f"cdr-{number}",
        "session_id": f"s-{number}",
        "start_date_time": f"2026-11-{number:02d}T10:00:00Z",
        "end_date_time": f"2026-11-{number:02d}T12:00:00Z",
        "cdr_token": TOKEN,
        "auth_method": "WHITELIST",
        "authorization_reference": "AUTH-8f3e",
        "remark": "driver@example.org",
        "cdr_location": {
            "id": "LOC1",
            "name": "Mill Street Car Park",
            "address": "Mill Street",
            "city": "Perth",
            "country": "GBR",
            "coordinates": {"latitude": "56.397", "longitude": "-3.437"},
            "evse_uid": "3256",
            "evse_id": "GB*ABC*E3256",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
            "vehicle": "VIN-WVW123",
        },
        "currency": "GBP",
        "charging_periods": [
            {
                "start_date_time": f"2026-11-{number:02d}T10:00:00Z",
                "dimensions": [{"type": "ENERGY", "volume": 20.0}],
            }
        ],
        "total_cost": {"excl_vat": 4.0, "incl_vat": 4.8},
        "total_energy": 20.0,
        "total_time": 2.0,
        "last_updated": f"2026-11-{number:02d}T12:05:00Z",
    }
    record.update(changes)
    return copy.deepcopy(record)


def session(number=1, **changes):
    record = {
        "country_code": "GB",
        "party_id": "ABC",
        "id": f"s-{number}",
        "start_date_time": f"2026-11-{number:02d}T10:00:00Z",
        "end_date_time": f"2026-11-{number:02d}T12:00:00Z",
        "kwh": 20.0,
        "cdr_token": TOKEN,
        "auth_method": "WHITELIST",
        "location_id": "LOC1",
        "evse_uid": "3256",
        "connector_id": "1",
        "currency": "GBP",
        "status": "COMPLETED",
        "last_updated": f"2026-11-{number:02d}T12:05:00Z",
    }
    record.update(changes)
    return copy.deepcopy(record)


def place(record, **changes):
    record["cdr_location"].update(changes)
    return record


def read(folder, *records, **options):
    path = folder / "feed.json"
    path.write_text(json.dumps(list(records)))
    return read_files("sessions", [path], **options)


WRAPPED = {
    "list": lambda records: json.dumps(records),
    "envelope": lambda records: json.dumps(
        {"data": records, "status_code": 1000, "timestamp": "2026-11-24T00:00:00Z"}
    ),
    "lines": lambda records: "\n".join(map(json.dumps, records)) + "\n",
    "envelopes a line": lambda records: "\n".join(
        json.dumps({"data": [r], "status_code": 1000}) for r in records
    ),
    "indented": lambda records: "\ufeff" + json.dumps(records, indent=2),
}


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wrap=st.sampled_from(list(WRAPPED)),
    zulu=st.sampled_from(["Z", "", ".000Z", "+00:00"]),
    as_text=st.booleans(),
    extra=st.booleans(),
    energies=st.lists(st.floats(0.1, 40).map(lambda x: round(x, 3)), min_size=1, max_size=5),
)
def test_sessions_come_back_from_any_wrapping(tmp_path, wrap, zulu, as_text, extra, energies):
    records = []
    for n, energy in enumerate(energies, 1):
        record = cdr(n) if n % 2 else session(n)
        record["total_energy" if n % 2 else "kwh"] = str(energy) if as_text else energy
        record.pop("charging_periods", None)
        for name in ("start_date_time", "end_date_time"):
            record[name] = record[name].removesuffix("Z") + zulu
        if extra:
            record["x_vendor"] = {"any": [1, None]}
        records.append(record)
    path = tmp_path / "feed.json"
    path.write_text(WRAPPED[wrap](records), encoding="utf-8")
    found = read_files("sessions", [path])
    assert found.sessions["energy_kwh"].tolist() == energies
    assert (found.sessions["plug_in"].dt.strftime("%H:%M %Z") == "10:00 UTC").all()
    assert found.report.read == found.report.kept == len(energies)
    assert found.chargepoints["evse_id"].tolist() == ["3256"]


def test_one_bare_object_is_a_file(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(cdr()))
    assert read_files("sessions", [tmp_path / "one.json"]).report.kept == 1


def test_identifiers_of_people_reach_no_byte_of_the_portfolio(tmp_path):
    (tmp_path / "feed.json").write_text(json.dumps([cdr(1), session(2)]))
    report = run("sessions", [tmp_path / "feed.json"], tmp_path / "out")
    written = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert report.kept == 2 and len(written) >= 4
    for planted in PLANTED:
        assert planted in (tmp_path / "feed.json").read_text()
        assert all(planted.encode() not in path.read_bytes() for path in written)
    # Parquet is compressed: look into the values as well.
    sessions = Portfolio.open(tmp_path / "out").sessions()
    assert not any(planted in sessions.to_csv() for planted in PLANTED)


def test_sites_and_evses_as_the_location_tells(tmp_path):
    location = {
        "country_code": "GB",
        "party_id": "ABC",
        "id": "LOC1",
        "name": "Mill Street Hub",
        "country": "GBR",
        "coordinates": {"latitude": "56.397", "longitude": "-3.437"},
        "time_zone": "Europe/London",
        "evses": [
            {
                "uid": "3256",
                "connectors": [
                    {"power_type": "AC_3_PHASE", "max_voltage": 230, "max_amperage": 32},
                    {"power_type": "AC_3_PHASE", "max_electric_power": 11000},
                ],
            }
        ],
    }
    found = read(tmp_path, session(1), location)
    assert found.sites["name"].tolist() == ["Mill Street Hub"]
    assert found.sites["timezone"].tolist() == ["Europe/London"]
    assert found.chargepoints["rated_kw"].tolist() == [22.08]
    assert found.report.read == 1
    assert found.chargepoints["rated_from"].tolist() == ["file"]


@pytest.mark.parametrize(
    ("power_type", "hours", "energy", "rated_kw", "phases"),
    [
        ("AC_1_PHASE", 2, 10, 7.4, 1),
        ("AC_3_PHASE", 2, 10, 22.0, 3),
        ("AC_3_PHASE", 2, 70, 43.0, 3),
        ("DC", 1, 40, 50.0, 0),
        ("DC", 1, 120, 150.0, 0),
        (None, 2, 30, 22.0, 3),
    ],
)
def test_ratings_are_inferred_and_said(tmp_path, power_type, hours, energy, rated_kw, phases):
    record = cdr(
        end_date_time=f"2026-11-01T{10 + hours}:00:00Z",
        total_time=hours,
        total_energy=energy,
        charging_periods=[],
    )
    found = read(tmp_path, place(record, connector_power_type=power_type))
    assert found.chargepoints[["rated_kw", "phases"]].to_numpy().tolist() == [[rated_kw, phases]]
    assert found.chargepoints["rated_from"].tolist() == ["inferred"]


def test_the_largest_power_and_parking_time_are_used(tmp_path):
    dimensions = [
        {"type": "ENERGY", "volume": 60},
        {"type": "MAX_POWER", "volume": "88.5"},
        {"type": "PARKING_TIME", "volume": 5},
    ]
    record = cdr(
        end_date_time="2026-11-01T16:00:00Z",
        total_time=6,
        total_energy=60,
        charging_periods=[{"start_date_time": "2026-11-01T10:00:00", "dimensions": dimensions}],
    )
    found = read(tmp_path, place(record, connector_power_type="DC"))
    assert found.sessions["max_kw"].tolist() == [88.5]
    assert found.chargepoints["rated_kw"].tolist() == [100.0]
    assert any("parking time" in note for note in found.report.notes)


def test_volumes_in_wh_are_rescaled_with_a_warning(tmp_path):
    # As in the specification's own session example: 120 Wh and 41 kWh beside 41.12 kWh.
    periods = [
        {"start_date_time": "2026-11-01T10:00:00Z", "dimensions": [{"type": "ENERGY", "volume": v}]}
        for v in (120, 41000)
    ]
    found = read(tmp_path, session(kwh=41.12, charging_periods=periods))
    assert found.sessions["energy_kwh"].tolist() == [41.12]
    assert found.report.mended == {"ENERGY volumes in Wh read as kWh": 1}


def test_a_credit_cdr_cancels_the_one_it_names(tmp_path):
    credit = cdr(1, id="cdr-1-C", credit=True, credit_reference_id="cdr-1")
    mended = cdr(1, id="cdr-1-new", total_energy=11.5)
    found = read(tmp_path, cdr(1), credit, mended, cdr(2))
    assert found.sessions["energy_kwh"].tolist() == [11.5, 20.0]
    assert found.report.set_aside == {"credit CDR": 1, "CDR cancelled by a credit CDR": 1}
    lone = read(tmp_path, credit, cdr(2))
    assert any("not in these files" in note for note in lone.report.notes)


def test_what_is_no_finished_session_is_set_aside_by_reason(tmp_path):
    statuses = [
        session(n, status=s)
        for n, s in enumerate(("ACTIVE", "INVALID", "PENDING", "RESERVATION", "PAUSED"), 2)
    ]
    found = read(
        tmp_path,
        session(1),
        *statuses,
        place(cdr(7), evse_uid="#NA"),
        session(8, start_date_time="1970-01-01T00:00:00Z"),
        session(9, end_date_time=None),
        cdr(10, end_date_time="2026-11-10T09:00:00Z"),
        session(11, kwh=0),
        session(12, kwh=2000),
        cdr(13),
        session(13),
        cdr(14),
        cdr(14, total_energy=19.0, last_updated="2026-11-14T13:00:00Z"),
    )
    assert found.report.set_aside == {
        "session ACTIVE": 1,
        "session INVALID": 1,
        "session PENDING": 1,
        "session RESERVATION": 1,
        "session of unknown status": 1,
        "reservation without charging (EVSE #NA)": 1,
        "older or equal copy of the same record": 1,
        "session told by its CDR": 1,
        "start unknown": 1,
        "end unknown": 1,
        "end before start": 1,
        "energy zero": 1,
        "energy beyond rating × time": 1,
    }
    assert sorted(found.sessions["energy_kwh"]) == [19.0, 20.0, 20.0]
    assert found.report.read == 16 and found.report.kept == 3


def test_a_missing_end_follows_from_total_time(tmp_path):
    found = read(tmp_path, cdr(end_date_time="1970-01-01T00:00:00Z"))
    assert found.sessions["plug_out"].dt.strftime("%H:%M").tolist() == ["12:00"]
    assert found.report.mended == {"end from the start and total_time": 1}


def test_evses_and_sites_of_two_parties_stay_apart(tmp_path):
    found = read(tmp_path, cdr(1), cdr(2, country_code="NL", party_id="XYZ"))
    assert found.sites["timezone"].tolist() == ["Europe/London", "Europe/London"]
    assert len(set(found.sites["site_id"])) == 2 and len(set(found.chargepoints["evse_id"])) == 2


def test_the_country_gives_the_zone_and_hostile_ids_become_safe(tmp_path):
    record = place(cdr(), country="NLD", id="../../x", name="<script>alert(1)</script>")
    (tmp_path / "feed.json").write_text(json.dumps(record))
    run("sessions", [tmp_path / "feed.json"], tmp_path / "out")
    portfolio = Portfolio.open(tmp_path / "out")
    site = portfolio.site(portfolio.site_ids[0])
    assert site.timezone == "Europe/Amsterdam" and "/" not in site.site_id
    assert site.name == "<script>alert(1)</script>" and len(site.sessions) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("[]", "no records"),
        (json.dumps([cdr()])[:-40], "cut short"),
        (json.dumps(cdr()) + "\n" + json.dumps(cdr(2))[:-9], "line 2: .*cut short"),
        ('[{"total_energy": NaN}]', "NaN is no JSON number"),
        ("[3]", "no records"),
        ('[{"id": "x"}]', "no column is understood"),
        (json.dumps({"data": [], "status_code": 2001}), "status_code = 2001"),
        (json.dumps([cdr(total_energy="much")]), "total_energy = 'much' is no number"),
        (json.dumps([cdr(total_energy=True)]), "total_energy = 'True'"),
        (json.dumps([cdr(total_energy=None)]), "total_energy = 'None'"),
        (json.dumps([session(start_date_time=1.5e9)]), "start_date_time = .*2026-11-24T16:30:00Z"),
        (json.dumps([session(start_date_time="soon-ish")]), "start_date_time = 'soon-ish'"),
        (json.dumps([{k: v for k, v in session().items() if k != "evse_uid"}]), "no evse_uid"),
        (json.dumps([place(cdr(), id=[])]), "no location"),
        (json.dumps([session(status="ACTIVE")]), "no record is a finished session"),
        (json.dumps([session(kwh=0)]), r"energy zero +1"),
        ("[" * 100_000, "not readable JSON"),
    ],
)
def test_bad_files_are_refused_and_nothing_is_written(tmp_path, text, words):
    (tmp_path / "feed.json").write_text(text)
    with pytest.raises(UserError, match=words):
        run("sessions", [tmp_path / "feed.json"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
