"""Dated formats: half hours, OSCP and OpenADR, read back by parsers that are not ours."""

import io
import json
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import openadr3
import pandas as pd
import pytest
from toadr3.models import Event

from scchelpers import standards, tcc, timebase
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.standards.signals import read_forecast
from tests.conftest import ROOT

DAYS = [("2026-10-25", 50), ("2026-11-24", 48), ("2027-03-28", 46)]


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


@pytest.fixture(scope="module")
def study(demo):
    return tcc.study(demo.site("elm-road-lamps"), max_windows=2, min_recovery="1h")


@pytest.fixture(scope="module")
def lamps(study):
    return standards.schedule_of(study)


@pytest.fixture(scope="module")
def profiled(demo):
    return standards.scheme("profiled")(demo.site("elm-road-lamps"), day="2025-10-26")


def wanted_kw(study, start: str, end: str) -> np.ndarray:
    return study.limit_kw(timebase.grid(start, end, "30min")).to_numpy()


@pytest.mark.parametrize(("day", "many"), DAYS)
def test_half_hours_of_days_with_a_clock_change(study, lamps, day, many):
    table = pd.read_csv(io.StringIO(standards.text(lamps, "half-hourly", start=day)))
    assert len(table) == many
    assert table["settlement_period"].tolist() == list(range(1, many + 1))
    assert (table["end"][:-1].to_numpy() == table["start"][1:].to_numpy()).all()
    assert table["clock"][0].startswith(f"{day}T00:00")
    limits = wanted_kw(study, table["start"].iloc[0], table["end"].iloc[-1])
    assert np.allclose(table["limit_kw"], limits, atol=1e-3)
    assert (table["limit_kw"] <= limits + 1e-9).all()
    assert np.allclose(table["limit_kva"] * 0.98, limits, atol=1e-3)
    first = table.loc[table["limit_kw"] < 130, "clock"].iloc[0]
    assert (
        first[11:16] == {"2026-10-25": "17:00", "2026-11-24": "16:30", "2027-03-28": "17:00"}[day]
    )


@pytest.mark.parametrize(("day", "many"), DAYS)
def test_oscp_has_a_block_for_every_half_hour_and_a_fallback(study, lamps, day, many):
    fallback, forecast = json.loads(standards.text(lamps, "oscp-2.0", start=day))
    assert fallback["path"] == forecast["path"] == "/update_group_capacity_forecast"
    body = forecast["body"]
    assert set(body) == {"group_id", "type", "forecasted_blocks"}
    assert (body["group_id"], body["type"]) == ("elm-road-lamps", "CONSUMPTION")
    blocks = body["forecasted_blocks"]
    assert len(blocks) == many
    fields = {"capacity", "phase", "unit", "start_time", "end_time"}
    assert all(set(block) == fields for block in blocks)
    assert {(block["phase"], block["unit"]) for block in blocks} == {("ALL", "KW")}
    assert all(type(block["capacity"]) is float for block in blocks)
    edges = [datetime.fromisoformat(b["start_time"].replace("Z", "+00:00")) for b in blocks]
    assert all((b - a).total_seconds() == 1800 for a, b in pairwise(edges))
    limits = wanted_kw(study, blocks[0]["start_time"], blocks[-1]["end_time"])
    assert np.allclose([block["capacity"] for block in blocks], limits, atol=1e-3)
    (spare,) = fallback["body"]["forecasted_blocks"]
    assert fallback["body"]["type"] == "FALLBACK_CONSUMPTION"
    assert spare["capacity"] == 14.7
    assert spare["start_time"] == blocks[0]["start_time"]
    assert spare["end_time"] > "2027-09"
    assert read_forecast(body).forecasted_blocks[0].start_time.utcoffset().total_seconds() == 0


def forecast(**changes) -> dict:
    block = {
        "capacity": 60.0,
        "phase": "ALL",
        "unit": "KW",
        "start_time": "2026-11-24T16:30:00Z",
        "end_time": "2026-11-24T17:00:00+00:00",
    }
    return {
        "group_id": "SITE-1",
        "type": "CONSUMPTION",
        "forecasted_blocks": [{**block, **changes}],
    }


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"capacity": -1.0}, "capacity"),
        ({"capacity": "60"}, "capacity"),
        ({"capacity": float("inf")}, "capacity"),
        ({"unit": "KVA"}, "unit"),
        ({"phase": "all"}, "phase"),
        ({"start_time": "2026-11-24T16:30:00"}, "start_time"),
        ({"end_time": "2026-11-24T16:30:00Z"}, "end_time must be after"),
        ({"reason": "THERMAL"}, "reason"),
    ],
)
def test_wrong_oscp_blocks_are_refused(changes, place):
    assert read_forecast(forecast()).group_id == "SITE-1"
    with pytest.raises(UserError, match=place):
        read_forecast(forecast(**changes))


def test_oscp_blocks_may_not_overlap_nor_be_missing():
    twice = forecast()
    twice["forecasted_blocks"] *= 2
    with pytest.raises(UserError, match="blocks overlap at 2026-11-24T16:30Z"):
        read_forecast(twice)
    for wrong in ({"forecasted_blocks": []}, {"type": "IMPORT"}, {"group_id": ""}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            read_forecast({**forecast(), **wrong})


def said(interval) -> tuple[str, float]:
    """Return type and value of an interval's only payload."""
    (payload,) = [one.model_dump() for one in interval.payloads]
    (value,) = payload["values"]
    return payload["type"], value


def intervals_of(event, version: str) -> list[tuple]:
    """Return (start, end, type, value) of each interval, by the package of that version."""
    if version == "3.0.1":
        read = Event.model_validate(event)
        assert read.targets[0].model_dump()["values"] == ["elm-road-lamps"]
        return [
            (
                one.interval_period.start,
                one.interval_period.start + one.interval_period.duration,
                *said(one),
            )
            for one in read.intervals
        ]
    read = openadr3.Event.from_raw(event)
    assert read.targets == ["elm-road-lamps"]
    return [(*one.interval_period.period, *said(one)) for one in read.intervals]


@pytest.mark.parametrize("version", ["3.0.1", "3.1.0"])
@pytest.mark.parametrize(("day", "many"), DAYS)
def test_openadr_events_make_the_same_limit(study, lamps, version, day, many):
    events = json.loads(standards.text(lamps, f"openadr-{version}", start=day))
    ((since, until, kind, spare),) = intervals_of(events[0], version)
    assert (kind, spare) == ("IMPORT_CAPACITY_SUBSCRIPTION", 14.7)
    found = intervals_of(events[1], version)
    assert {kind for _, _, kind, _ in found} == {"IMPORT_CAPACITY_LIMIT"}
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert all(a[3] != b[3] for a, b in pairwise(found))
    assert since == found[0][0]
    assert (until - since).days >= 365
    half_hours = timebase.grid(found[0][0], found[-1][1], "30min")
    assert len(half_hours) == many
    limits = np.concatenate(
        [[kw] * int((end - start).total_seconds() // 1800) for start, end, _, kw in found]
    )
    assert np.allclose(limits, study.limit_kw(half_hours), atol=1e-3)


def test_openadr_in_kva_is_what_was_asked_for(lamps):
    for_kva = json.loads(standards.text(lamps, "openadr-3.1.0", start="2026-12-01", unit="KVA"))
    values = {one["payloads"][0]["values"][0] for one in for_kva[1]["intervals"]}
    assert values == {134.0, 27.0}
    assert for_kva[0]["payloadDescriptors"][0]["units"] == "KVA"
    assert for_kva[0]["intervals"][0]["payloads"][0]["values"] == [15.0]
    with pytest.raises(UserError, match="program_id = 'a b'"):
        standards.text(lamps, "openadr-3.1.0", start="2026-12-01", program_id="a b")


def test_the_two_versions_differ_in_their_targets_alone(lamps):
    old, new = (
        json.loads(standards.text(lamps, f"openadr-{v}", start="2026-12-01"))
        for v in ("3.0.1", "3.1.0")
    )
    assert old[1].pop("targets") == [{"type": "RESOURCE_NAME", "values": ["elm-road-lamps"]}]
    assert new[1].pop("targets") == ["elm-road-lamps"]
    assert old[1] == new[1]


def test_profiled_limits_bring_their_own_day(profiled):
    _, sent = json.loads(standards.text(profiled, "oscp-2.0"))
    blocks = sent["body"]["forecasted_blocks"]
    assert len(blocks) == 50
    assert blocks[0]["start_time"] == "2025-10-25T23:00:00Z"
    capacity = np.array([block["capacity"] for block in blocks])
    assert np.allclose(capacity, profiled.issued_kw, atol=1e-3)
    assert (capacity <= profiled.issued_kw.to_numpy() + 1e-9).all()
    assert len(np.unique(capacity)) > 5
    listed = json.loads(standards.text(profiled, "json"))["half_hours"]
    assert [one["limit_kw"] for one in listed] == capacity.tolist()
    table = pd.read_csv(io.StringIO(standards.text(profiled, "csv")))
    assert table["limit_kw"].tolist() == capacity.tolist()
    with pytest.raises(UserError, match="issued for 2025-10-26"):
        standards.text(profiled, "oscp-2.0", start="2025-10-27")


def test_where_no_limit_is_known_the_fail_safe_holds(profiled):
    limits = profiled.issued_kw.copy()
    limits[10:12] = np.nan
    holed = replace(profiled, issued_kw=limits, failsafe_kva=10.0)
    _, sent = json.loads(standards.text(holed, "oscp-2.0"))
    capacity = [block["capacity"] for block in sent["body"]["forecasted_blocks"]]
    assert capacity[10:12] == [9.8, 9.8]


def test_a_fallback_may_not_end_before_the_forecast(lamps):
    for form in ("oscp-2.0", "openadr-3.1.0"):
        with pytest.raises(UserError, match="fallback_days = 2: must be from 3"):
            standards.text(lamps, form, start="2026-12-01", days=3, fallback_days=2)
    with pytest.raises(UserError, match="days = 0"):
        standards.text(lamps, "half-hourly", start="2026-12-01", days=0)


def test_a_window_inside_a_half_hour_takes_all_of_it(lamps):
    windows = lamps.windows.assign(start="16:45", end="18:10")
    schedule = replace(lamps, windows=windows)
    table = pd.read_csv(io.StringIO(standards.text(schedule, "half-hourly", start="2026-12-01")))
    low = table.loc[table["limit_kw"] < 130, "clock"].str[11:16]
    assert low.tolist() == ["16:30", "17:00", "17:30", "18:00"]
