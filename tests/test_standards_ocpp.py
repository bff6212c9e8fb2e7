"""OCPP profiles: what a station that follows the rules keeps, and what the checks refuse."""

import asyncio
import copy
import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.messages import Call, validate_payload

from scchelpers import standards, tcc
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.site import Site
from scchelpers.standards import ocpp
from scchelpers.standards.ocpp_check import Capabilities, profile_faults, set_faults
from scchelpers.standards.schedule import COLUMNS, Schedule
from tests.conftest import ROOT
from tests.ocpp_station import Station, minute_of

WAYS = [("1.6", False), ("2.0.1", False), ("2.1", False), ("2.1", True)]


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


def site_of(zone: str, points: list[tuple] = ()) -> Site:
    """Return a site with nothing but chargepoints: (rated_kw, phases)."""
    rows = [(f"post-{k}", "somewhere", *point) for k, point in enumerate(points)]
    table = pd.DataFrame(rows, columns=["evse_id", "site_id", "rated_kw", "phases"])
    meta = {"name": "Somewhere", "power_factor": 1.0}
    return Site("somewhere", meta, table, pd.DataFrame(), None, None, None, zone)


def schedule_of(rows: list[tuple], zone: str = "Europe/London", points: list[tuple] = ()):
    """Return a schedule of 220 kVA outside windows, with power factor 1."""
    windows = pd.DataFrame([(*row, row[-1]) for row in rows], columns=list(COLUMNS))
    return Schedule(
        scheme="tcc",
        site=site_of(zone, points),
        requested_kva=220.0,
        power_factor=1.0,
        failsafe_kva=44.0,
        windows=windows,
        provenance={"workbook_version": "0"},
    )


def exported(schedule, version, local_time=False, **options):
    given = {"local_time": True} if local_time else {}
    return json.loads(standards.text(schedule, f"ocpp-{version}", **given, **options))


def kept_w(sent: dict, minutes: np.ndarray, zone="Europe/London") -> np.ndarray:
    """Return the limit that each station keeps [W], over (station, minute)."""
    kept = []
    for own in sent["stations"]:
        station = Station(zone)
        for request in own["requests"]:
            station.send(request)
        kept.append(station.limit(minutes))
    return np.array(kept)


def minutes_of(sent: dict) -> np.ndarray:
    return np.arange(minute_of(sent["start"]), minute_of(sent["end"]))


@pytest.mark.parametrize(("version", "local_time"), WAYS)
@pytest.mark.parametrize("site_id", ["elm-road-posts", "coastal-services"])
def test_replayed_profiles_keep_the_limit_in_every_minute_of_a_year(
    demo, site_id, version, local_time
):
    study = tcc.study(demo.site(site_id), max_windows=2, min_recovery="1h")
    sent = exported(
        standards.schedule_of(study), version, local_time, start="2026-07-01", days=366, hold="site"
    )
    minutes = minutes_of(sent)
    assert len(minutes) == 366 * 1440
    time = (minutes * np.timedelta64(1, "m") + np.datetime64("1970-01-01")).astype("datetime64[ns]")
    wanted = np.floor(study.limit_kw(time).to_numpy() * 10 + 1e-6) * 100
    assert len(np.unique(wanted)) > 5
    assert int((kept_w(sent, minutes)[0] != wanted).sum()) == 0


def clock_rule(rows, zone: str, first: date, days: int) -> np.ndarray:
    """Return the limit [W] of every minute, read off the clock of the Python standard library.

    Windows and clock changes fall on quarter hours: within one the limit is one.
    """
    place, utc = ZoneInfo(zone), ZoneInfo("UTC")
    begin = datetime(first.year, first.month, first.day, tzinfo=place).astimezone(utc)
    last = first + timedelta(days=days)
    end = datetime(last.year, last.month, last.day, tzinfo=place).astimezone(utc)
    found = []
    kinds = {"weekday": range(5), "weekend": (5, 6), "all": range(7)}
    for quarter in range(int((end - begin).total_seconds() // 900)):
        local = (begin + timedelta(minutes=15 * quarter)).astimezone(place)
        today, now = f"{local:%m-%d}", f"{local:%H:%M}"
        limit = 220.0
        for _, since, until, day_type, start, stop, cap in rows:
            in_season = since <= today < until if since < until else not until <= today < since
            in_window = start <= now < stop if start < stop else not stop <= now < start
            if in_season and in_window and local.weekday() in kinds[day_type]:
                limit = min(limit, cap)
        found.append(limit * 1000)
    return np.repeat(found, 15)


TWO_SEASONS = [
    ("winter", "10-15", "03-20", "weekday", "16:30", "18:30", 44.0),
    ("summer", "06-10", "09-01", "all", "22:00", "02:00", 66.0),
]
ZONES = ["Europe/London", "America/Los_Angeles", "Australia/Lord_Howe"]


@pytest.mark.parametrize("zone", ZONES)
def test_weekday_windows_of_two_seasons_keep_the_clock_of_any_zone(zone):
    schedule = schedule_of(TWO_SEASONS, zone)
    wanted = clock_rule(TWO_SEASONS, zone, date(2026, 9, 1), 366)
    for version, local_time in WAYS:
        sent = exported(schedule, version, local_time, start="2026-09-01", hold="site")
        kept = kept_w(sent, minutes_of(sent), zone)[0]
        assert int((kept != wanted).sum()) == 0, (version, local_time)


def test_local_time_makes_one_profile_of_a_winter():
    rows = [("winter", "10-01", "04-01", "all", "16:30", "18:30", 44.0)]
    cut = exported(schedule_of(rows), "2.1", start="2026-10-01", days=182, hold="site")
    whole = exported(schedule_of(rows), "2.1", True, start="2026-10-01", days=182, hold="site")
    assert cut["needs"]["max_stack_level"] == 3
    assert whole["needs"]["max_stack_level"] == 1
    with pytest.raises(UserError, match=r"OCPP 1\.6 has no profiles on local time"):
        exported(schedule_of(rows), "1.6", True, start="2026-10-01", hold="site")


def test_one_profile_in_utc_would_be_wrong_for_56_hours():
    rows = [("winter", "10-01", "04-01", "all", "16:30", "18:30", 44.0)]
    sent = exported(schedule_of(rows), "1.6", start="2026-10-01", days=182, hold="site")
    minutes = minutes_of(sent)
    right = kept_w(sent, minutes)[0]
    assert (right == 44000).sum() == 364 * 60
    base, _, winter, _ = sent["stations"][0]["requests"]
    alone = copy.deepcopy(winter)
    alone["csChargingProfiles"]["validFrom"] = sent["start"]
    alone["csChargingProfiles"]["validTo"] = sent["end"]
    alone["csChargingProfiles"]["chargingSchedule"]["startSchedule"] = "2026-09-01T00:00:00Z"
    assert profile_faults(alone, "1.6") == []
    station = Station()
    station.send(base)
    station.send(alone)
    wrong = station.limit(minutes)
    assert ((wrong > right).sum(), (wrong < right).sum()) == (28 * 60, 28 * 60)


def test_the_fail_safe_holds_before_and_after_and_nothing_without_it():
    sent = exported(schedule_of(TWO_SEASONS), "1.6", start="2026-09-01", days=30, hold="site")
    first, last = minute_of(sent["start"]), minute_of(sent["end"])
    outside = np.array([first - 1440, first - 1, last, last + 10**6])
    assert kept_w(sent, outside)[0].tolist() == [44000] * 4
    station = Station()
    requests = sent["stations"][0]["requests"]
    for request in requests[1:]:
        station.send(request)
    assert np.isinf(station.limit(outside)).all()
    assert "no profile holds always" in " ".join(set_faults(requests[1:], "1.6"))


def test_segments_never_share_a_level_as_the_later_would_open_the_station():
    sent = exported(schedule_of(TWO_SEASONS), "1.6", start="2026-09-01", hold="site")
    requests = sent["stations"][0]["requests"]
    levels = [request["csChargingProfiles"]["stackLevel"] for request in requests]
    assert levels == list(range(len(levels)))
    same = copy.deepcopy(requests)
    same[2]["csChargingProfiles"]["stackLevel"] = 1
    assert "each replaces the last" in " ".join(set_faults(same, "1.6"))


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_new_terms_hold_though_an_earlier_export_had_more_levels(version):
    lower = schedule_of([("all year", "01-01", "01-01", "all", "12:00", "20:00", 50.0)])
    old = exported(schedule_of(TWO_SEASONS), version, start="2026-09-01", hold="site")
    before = old["needs"]["max_stack_level"]
    new = exported(lower, version, start="2027-01-01", days=90, hold="site", earlier_level=before)
    minutes = minutes_of(new)
    wanted = kept_w(new, minutes)[0]
    station = Station()
    for request in old["stations"][0]["requests"]:
        station.send(request)
    highest = np.maximum(station.limit(minutes), wanted)
    for request in new["stations"][0]["requests"]:
        station.send(request)
        assert (station.limit(minutes) <= highest).all()
    assert (station.limit(minutes) > wanted).any()
    for request in new["clear"]:
        asyncio.run(validate_payload(Call("1", "ClearChargingProfile", dict(request)), version))
        station.clear(request)
        assert (station.limit(minutes) <= highest).all()
    assert (station.limit(minutes) == wanted).all()


@pytest.mark.parametrize(
    ("option", "value"), [("hold", "all"), ("unit", "kW"), ("below_minimum", "least")]
)
def test_unknown_choices_are_refused(option, value):
    schedule = schedule_of(TWO_SEASONS, points=MIXED)
    with pytest.raises(UserError, match=f"{option} = '{value}'"):
        exported(schedule, "1.6", start="2026-09-01", **{option: value})


posts = st.builds(
    ocpp.Station,
    station_id=st.just("post"),
    phases=st.just(3),
    dc=st.just(False),
    rated_w=st.integers(20, 1500).map(lambda steps: 100 * steps),
    least_w=st.sampled_from([0, 1400, 2000]),
    priority=st.integers(0, 3),
)


@given(
    among=st.lists(posts, min_size=1, max_size=12),
    limit_kw=st.floats(0, 900),
    below=st.sampled_from(["first", "stop"]),
)
def test_parts_add_up_to_the_limit_and_never_to_more(among, limit_kw, below):
    parts = ocpp.shares(limit_kw, among, below)
    rated = np.array([post.rated_w for post in among])
    least = np.array([post.least_w for post in among])
    assert (parts % 100 == 0).all()
    assert parts.sum() <= limit_kw * 1000 + 1e-6
    assert (parts <= rated).all()
    assert ((parts == 0) | (parts >= least)).all()
    if least.sum() <= limit_kw * 1000 - 100:
        assert parts.sum() > min(limit_kw * 1000, rated.sum()) - 100
        alike = [parts[k] for k in range(len(among)) if replace(among[k], priority=0) == among[0]]
        assert not alike or max(alike) - min(alike) <= 100


def test_a_static_limit_is_one_profile_for_good(demo):
    site = demo.site("village-hall")
    schedule = standards.scheme("clm")(site, limit_kva=60.0)
    for version in ("1.6", "2.0.1", "2.1"):
        sent = exported(schedule, version, start="2026-12-01")
        assert sent["needs"]["max_profiles"] == 1
        ever = np.array([minute_of("2026-06-01T00:00:00Z"), minute_of("2046-06-01T00:00:00Z")])
        assert (kept_w(sent, ever).sum(axis=0) == 58800).all()
    lower = standards.scheme("clm")(site, limit_kva=60.0, failsafe_kva=30.0)
    sent = exported(lower, "1.6", start="2026-12-01", days=1)
    after = minute_of(sent["end"]) + np.array([-1, 0])
    assert kept_w(sent, after).sum(axis=0).tolist() == [58800, 29400]


def test_profiled_days_sent_in_turn_leave_the_day_in_force_alone(demo):
    site = demo.site("elm-road-posts")
    make = standards.scheme("profiled")
    station, wanted, minutes = Station(), [], []
    for day in ("2025-10-25", "2025-10-26", "2025-10-27"):
        schedule = make(site, day=day, rule="seasonal quantile")
        sent = exported(schedule, "1.6", hold="site")
        own = minutes_of(sent)
        # Tomorrow's limits arrive at 14:00 UTC, while today's hold.
        if minutes:
            arrives = minutes[-1][0] + 14 * 60
            before = station.limit(minutes[-1])
        for request in sent["stations"][0]["requests"]:
            station.send(request)
        if minutes:
            late = minutes[-1] >= arrives
            assert (station.limit(minutes[-1])[late] == before[late]).all()
        minutes.append(own)
        limits = np.floor(schedule.issued_kw.to_numpy() * 10 + 1e-6) * 100
        wanted.append(np.repeat(limits, 30))
        assert (station.limit(own) == wanted[-1]).all()
    assert [len(day) // 30 for day in wanted] == [48, 50, 48]


def test_a_profiled_limit_uses_nothing_after_its_issue(demo):
    site = demo.site("elm-road-posts")
    make = standards.scheme("profiled")
    issued = make(site, day="2025-11-20", rule="regression")
    later = site.network_kva.to_series()
    later.loc["2025-11-19T10:00":] = 1.0
    blind = replace(site, network_kva=later.to_xarray().assign_attrs(site.network_kva.attrs))
    assert (make(blind, day="2025-11-20", rule="regression").issued_kw == issued.issued_kw).all()
    with pytest.raises(UserError, match="the record ends on 2026-01-01"):
        make(site, day="2026-01-02")
    with pytest.raises(UserError, match="20 days on record"):
        make(site, day="2025-01-21")


MIXED = [(22.0, 3), (22.0, 3), (7.4, 1), (50.0, 0)]


def test_parts_of_chargepoints_never_exceed_the_site_and_keep_6_a():
    rows = [
        ("a", "01-01", "01-01", "weekday", "16:30", "18:30", 44.44),
        ("b", "01-01", "01-01", "weekend", "10:00", "12:00", 9.9),
    ]
    schedule = schedule_of(rows, points=MIXED)
    limit = clock_rule(rows, "Europe/London", date(2026, 9, 1), 366)
    for version, local_time in WAYS:
        sent = exported(schedule, version, local_time, start="2026-09-01")
        kept = kept_w(sent, minutes_of(sent))
        total = kept.sum(axis=0)
        assert (total <= limit).all()
        assert (np.minimum(limit, 101400) - total < 100).all()
        floors = np.array([4140, 4140, 1380, 0])[:, None]
        assert (kept >= floors).all()


def test_parts_below_6_a_are_refused_shared_out_in_order_or_stopped():
    schedule = schedule_of(TWO_SEASONS, points=[(22.0, 3)] * 12)
    with pytest.raises(UserError, match=r"need 50\.4 kW to charge at 6 A .* lets 10 charge"):
        exported(schedule, "1.6", start="2026-12-01", days=1)
    evening = np.array([minute_of("2026-12-01T17:00:00Z")])
    first = exported(schedule, "1.6", start="2026-12-01", days=1, below_minimum="first")
    kept = kept_w(first, evening)[:, 0]
    assert kept.tolist() == [4400] * 10 + [0, 0]
    assert "stopped: post-10 and post-11" in first["notes"][0]
    stop = exported(schedule, "1.6", start="2026-12-01", days=1, below_minimum="stop")
    assert not kept_w(stop, evening).any()
    assert "every chargepoint is stopped" in stop["notes"][0]


def test_priority_decides_who_charges_when_not_all_can():
    schedule = schedule_of(TWO_SEASONS, points=[(22.0, 3)] * 12)
    points = schedule.site.chargepoints.assign(priority=[5] * 11 + [0])
    schedule = replace(schedule, site=replace(schedule.site, chargepoints=points))
    sent = exported(schedule, "1.6", start="2026-12-01", days=1, below_minimum="first")
    kept = kept_w(sent, np.array([minute_of("2026-12-01T17:00:00Z")]))[:, 0]
    assert kept[11] == 4400
    assert (kept == 0).nonzero()[0].tolist() == [9, 10]


def test_amperes_never_exceed_the_watts():
    schedule = schedule_of(TWO_SEASONS, points=[(22.0, 3), (7.4, 1)])
    sent = exported(schedule, "1.6", start="2026-12-01", days=31, unit="A")
    kept_a = kept_w(sent, minutes_of(sent))
    phases = np.array([3, 1])[:, None]
    in_watts = exported(schedule, "1.6", start="2026-12-01", days=31)
    kept = kept_w(in_watts, minutes_of(in_watts))
    assert (kept_a * 230 * phases <= kept + 1e-6).all()
    assert (kept - kept_a * 230 * phases < 0.1 * 230 * phases + 1e-6).all()
    with pytest.raises(UserError, match="direct current station takes watts"):
        exported(schedule_of(TWO_SEASONS, points=MIXED), "1.6", start="2026-12-01", unit="A")


def test_two_sockets_of_one_unit_hold_one_limit():
    schedule = schedule_of(TWO_SEASONS, points=[(22.0, 3), (22.0, 3), (50.0, 0), (43.0, 0)])
    points = schedule.site.chargepoints.assign(unit_id=["u", "u", "dc", "dc"])
    schedule = replace(schedule, site=replace(schedule.site, chargepoints=points))
    sent = exported(schedule, "2.0.1", start="2026-12-01", days=1)
    assert [own["station_id"] for own in sent["stations"]] == ["u", "dc"]
    at_noon = kept_w(sent, np.array([minute_of("2026-12-01T12:00:00Z")]))[:, 0]
    assert at_noon.tolist() == [44000, 50000]


def test_unknown_phases_and_missing_chargepoints_are_refused():
    schedule = schedule_of(TWO_SEASONS, points=[(22.0, None)])
    with pytest.raises(UserError, match=r"post-0, phases: empty; write 1, 3, or 0"):
        exported(schedule, "1.6", start="2026-12-01")
    with pytest.raises(UserError, match="no chargepoints"):
        exported(schedule_of(TWO_SEASONS), "1.6", start="2026-12-01")


def test_what_a_station_cannot_hold_is_refused():
    schedule = schedule_of(TWO_SEASONS)
    for name, value, said in (
        ("max_stack_level", 3, "the station goes to 3"),
        ("max_periods", 10, "11 periods: the station holds 10"),
        ("max_profiles", 2, "the station holds 2"),
    ):
        with pytest.raises(UserError, match=said):
            exported(schedule, "1.6", start="2026-09-01", hold="site", **{name: value})


@pytest.mark.parametrize("start", [None, "tomorrow", "2026-13-01"])
def test_a_first_day_is_needed(start):
    with pytest.raises(UserError, match="write the first day"):
        exported(schedule_of(TWO_SEASONS), "1.6", start=start, hold="site")


def test_every_request_validates_by_the_package_and_passes_the_checks(demo):
    made = [
        standards.scheme("tcc")(demo.site("elm-road-posts")),
        standards.scheme("clm")(demo.site("village-hall"), limit_kva=60.0, failsafe_kva=30.0),
        standards.scheme("profiled")(demo.site("market-retail"), rule="last week + margin"),
    ]
    calls = []
    for schedule in made:
        start = {} if schedule.scheme == "profiled" else {"start": "2026-07-01"}
        for version, local_time in WAYS:
            content = exported(schedule, version, local_time, below_minimum="first", **start)
            for station in content["stations"]:
                assert set_faults(station["requests"], version) == []
                for request in station["requests"]:
                    call = Call("1", "SetChargingProfile", copy.deepcopy(request))
                    calls.append((call, version))

    async def validate():
        for call in calls:
            await validate_payload(*call)

    asyncio.run(validate())
    assert len(calls) > 250


def daily() -> dict:
    """Return a sound profile: 4.4 kW from 16:30 to 18:30 in winter, for good."""
    periods = [(0, 22000), (59400, 4400), (66600, 22000)]
    return {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": 7,
            "stackLevel": 1,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Daily",
            "validFrom": "2026-11-01T00:00:00Z",
            "validTo": "2027-03-01T00:00:00Z",
            "chargingSchedule": {
                "duration": 86400,
                "startSchedule": "2026-11-01T00:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [
                    {"startPeriod": at, "limit": limit, "numberPhases": 3} for at, limit in periods
                ],
            },
        },
    }


def as_version(payload: dict, version: str) -> dict:
    """Return a profile of OCPP 1.6 in the words of a later version."""
    if version == "1.6":
        return payload
    profile = dict(payload["csChargingProfiles"])
    number = profile.pop("chargingProfileId")
    profile["id"] = number
    profile["chargingSchedule"] = [{"id": number, **profile["chargingSchedule"]}]
    purpose = profile["chargingProfilePurpose"]
    profile["chargingProfilePurpose"] = purpose.replace("ChargePoint", "ChargingStation")
    return {"evseId": payload["connectorId"], "chargingProfile": profile}


def put(place: str, value):
    """Return a change that sets, or with None removes, a dotted place of a profile."""

    def change(payload: dict) -> None:
        *path, last = place.split(".")
        for key in path:
            payload = payload[int(key) if key.isdigit() else key]
        if value is None:
            del payload[last]
        else:
            payload[last] = value

    return change


def reverse(payload: dict) -> None:
    payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"].reverse()


PROFILE, SCHEDULE = "csChargingProfiles.", "csChargingProfiles.chargingSchedule."
PERIOD = SCHEDULE + "chargingSchedulePeriod."
WRONG = {
    "connector 1": (put("connectorId", 1), "limits the whole station, which is 0"),
    "no recurrencyKind": (put(PROFILE + "recurrencyKind", None), "without recurrencyKind"),
    "no startSchedule": (put(SCHEDULE + "startSchedule", None), "without startSchedule"),
    "periods reversed": (reverse, "the first startPeriod is 66600"),
    "negative limit": (put(PERIOD + "1.limit", -5), "limit -5: must be 0 or more"),
    "ends before it starts": (
        put(PROFILE + "validFrom", "2027-04-01T00:00:00Z"),
        "not after validFrom",
    ),
    "no instant": (put(PROFILE + "validFrom", "yesterday"), "validFrom = 'yesterday'"),
    "no zone": (put(PROFILE + "validFrom", "2026-11-01T00:00:00"), "with its zone"),
    "an hour of the day": (put(SCHEDULE + "duration", 3600), "charges without limit"),
    "level -1": (put(PROFILE + "stackLevel", -1), "-1"),
    "no such day": (put(PROFILE + "validTo", "2027-02-30T00:00:00Z"), "validTo"),
    "relative": (put(PROFILE + "chargingProfileKind", "Relative"), "cannot be Relative"),
    "absolute that recurs": (put(PROFILE + "chargingProfileKind", "Absolute"), "with recurrency"),
    "starts late": (put(PERIOD + "0.startPeriod", 60), "the first startPeriod is 60"),
    "beyond the day": (put(PERIOD + "2.startPeriod", 86400), "beyond the recurrence"),
    "two at once": (put(PERIOD + "2.startPeriod", 59400), "does not rise"),
    "of a session": (put(PROFILE + "chargingProfilePurpose", "TxProfile"), "without a transaction"),
    "four phases": (put(PERIOD + "0.numberPhases", 4), "4"),
    "no periods": (put(SCHEDULE + "chargingSchedulePeriod", []), "chargingSchedulePeriod"),
    "two decimals": (put(PERIOD + "1.limit", 4400.05), "4400.05"),
    "unknown field": (put(PROFILE + "useLocalTime", True), "useLocalTime"),
}


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_the_sound_profile_is_accepted(version):
    assert profile_faults(as_version(daily(), version), version) == []


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_profile_is_refused_with_its_reason(name, version):
    change, reason = WRONG[name]
    payload = daily()
    change(payload)
    assert reason in "; ".join(profile_faults(as_version(payload, version), version))


@pytest.mark.parametrize("name", [*WRONG][:10])
def test_the_schema_alone_accepts_what_the_checks_refuse(name):
    payload = daily()
    WRONG[name][0](payload)
    asyncio.run(validate_payload(Call("1", "SetChargingProfile", payload), "1.6"))


def test_more_rules_of_later_versions():
    outside = as_version(daily(), "2.1")
    outside["chargingProfile"]["chargingProfilePurpose"] = "ChargingStationExternalConstraints"
    assert "may not set it" in "; ".join(profile_faults(outside, "2.1"))
    delayed = as_version(daily(), "2.1")
    delayed["chargingProfile"]["chargingSchedule"][0]["randomizedDelay"] = 600
    assert "randomizedDelay" in "; ".join(profile_faults(delayed, "2.1"))
    delayed["chargingProfile"]["chargingProfilePurpose"] = "TxDefaultProfile"
    assert profile_faults(delayed, "2.1") == []
    empty = as_version(daily(), "2.1")
    del empty["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"]
    assert "no limit" in "; ".join(profile_faults(empty, "2.1"))
    dynamic = as_version(daily(), "2.1")
    dynamic["chargingProfile"]["chargingProfileKind"] = "Dynamic"
    del dynamic["chargingProfile"]["recurrencyKind"]
    assert "Dynamic with startSchedule" in "; ".join(profile_faults(dynamic, "2.1"))
    with pytest.raises(UserError, match=r"there are 1\.6, 2\.0\.1, 2\.1"):
        profile_faults(daily(), "1.5")


def test_a_short_schedule_is_sound_over_a_lower_level():
    short = daily()
    short["csChargingProfiles"]["chargingSchedule"]["duration"] = 3600
    base = daily()
    base["csChargingProfiles"] |= {"chargingProfileId": 1, "stackLevel": 0}
    del base["csChargingProfiles"]["validFrom"], base["csChargingProfiles"]["validTo"]
    assert set_faults([base, short], "1.6") == []
    assert set_faults([short], "1.6") != []
    base["csChargingProfiles"]["stackLevel"] = 2
    assert "charges without limit" in "; ".join(set_faults([base, short], "1.6"))


def test_a_station_that_takes_amperes_refuses_watts():
    station = Capabilities(units=("A",))
    assert "the station takes A" in "; ".join(profile_faults(daily(), "1.6", station=station))


def test_every_limit_with_one_decimal_is_accepted():
    payload = daily()
    for tenth in range(1, 4001):
        payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] = [
            {"startPeriod": 0, "limit": tenth / 10}
        ]
        assert profile_faults(payload, "1.6") == []


@pytest.mark.parametrize("payload", [{}, [], None, "x", {"connectorId": float("nan")}])
def test_what_is_no_profile_is_refused_without_a_traceback(payload):
    assert profile_faults(payload, "1.6")
    assert set_faults([payload], "2.0.1")
