"""The control logic of the reference CPMS, on a clock that the tests turn."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from cpms import (
    Block,
    FileMemory,
    Forecast,
    Heartbeat,
    Machine,
    Memory,
    Meter,
    Refusal,
    Setpoint,
    Terms,
    Trip,
)
from cpms.states import EVENTS, STATES, TRANSITIONS
from scchelpers.faults import UserError
from scchelpers.network import failsafe
from scchelpers.network.failsafe import FailSafe


def terms(**changes) -> Terms:
    rules = changes.pop("rules", FailSafe(failsafe_kw=20.0, timeout="15min"))
    return Terms("SITE-0001", 100.0, rules=rules, **({"ramp_kw_per_s": 1e9} | changes))


def led(limit_kw: float = 70.0, **changes) -> Machine:
    """Return a machine that has heard a heartbeat and a setpoint of sequence 10 at 0 s."""
    machine = Machine(terms(**{"link_timeout_s": 3600.0} | changes), now=0.0)
    machine.hear_heartbeat(Heartbeat(3600.0), now=0.0)
    machine.hear_setpoint(Setpoint(10, 0.0, limit_kw, 600.0), now=0.0)
    machine.tick(1.0)
    return machine


def test_a_start_is_at_the_failsafe_until_limit_and_heartbeat_are_heard():
    machine = Machine(terms(), now=0.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)
    machine.hear_setpoint(Setpoint(1, 0.0, 70.0, 600.0), now=0.0)
    machine.tick(1.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)  # nobody there
    machine.hear_heartbeat(Heartbeat(100.0), now=1.0)
    machine.tick(2.0)
    assert (machine.state, machine.applied_kw) == ("LIMITED", 70.0)


def test_a_setpoint_holds_until_its_expiry_and_not_an_instant_longer():
    machine = led()
    machine.tick(599.999)
    assert machine.applied_kw == 70.0
    machine.tick(600.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)
    assert machine.in_force(600.0).source == "FAIL_SAFE"


def test_the_link_is_lost_when_heartbeats_run_out():
    machine = led(link_timeout_s=120.0)
    assert machine.in_force(1.0).until == 120.0  # the DNO asked for 3600 s, 120 s are agreed
    machine.tick(120.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)


def test_a_limit_below_the_failsafe_outlasts_the_link():
    machine = led(limit_kw=5.0, link_timeout_s=120.0)
    machine.tick(130.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 5.0)
    machine.tick(600.0)  # it may rise from now on
    machine.tick(601.0)
    assert machine.applied_kw == 20.0


def test_a_validity_beyond_the_agreed_one_is_shortened():
    machine = led()
    machine.hear_setpoint(Setpoint(11, 1.0, 80.0, 1e9), now=1.0)
    assert machine.heard.setpoint.valid_until == 1.0 + 900.0


@pytest.mark.parametrize("sequence", [0, 9, 10])
def test_a_sequence_that_is_not_newer_changes_nothing(sequence):
    machine = led()
    with pytest.raises(Refusal) as refused:
        machine.hear_setpoint(Setpoint(sequence, 2.0, 90.0, 600.0), now=2.0)
    assert (refused.value.status, refused.value.more) == (409, {"lastSequence": 10})
    assert machine.applied_kw == 70.0


def test_a_newer_setpoint_that_has_lapsed_ends_the_one_before():
    machine = led()
    with pytest.raises(Refusal, match="has passed") as refused:
        machine.hear_setpoint(Setpoint(11, 10.0, 30.0, 20.0), now=30.0)
    assert refused.value.status == 422
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)


def test_a_setpoint_from_the_future_puts_the_clock_in_doubt_until_a_newer_one_passes():
    machine = led()
    machine.hear_setpoint(Setpoint(11, 7.0, 60.0, 600.0), now=2.0)  # 5 s ahead is borne
    with pytest.raises(Refusal, match=r"5\.1 s ahead"):
        machine.hear_setpoint(Setpoint(12, 7.1, 0.0, 600.0), now=2.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)
    machine.hear_heartbeat(Heartbeat(600.0), now=3.0)
    assert machine.applied_kw == 20.0
    with pytest.raises(Refusal, match="must be above 12"):
        machine.hear_setpoint(Setpoint(11, 2.0, 60.0, 600.0), now=3.0)
    machine.hear_setpoint(Setpoint(13, 3.0, 60.0, 600.0), now=3.0)
    machine.tick(4.0)
    assert (machine.state, machine.applied_kw) == ("LIMITED", 60.0)


def test_a_clock_that_goes_back_ends_every_limit():
    machine = led()
    machine.tick(100.0)
    machine.tick(50.0)
    assert (machine.state, machine.applied_kw) == ("COMMS_LOST", 20.0)


def test_a_late_heartbeat_does_not_bring_the_loss_forward():
    machine = Machine(terms(link_timeout_s=1000.0), now=0.0)
    machine.hear_heartbeat(Heartbeat(500.0), now=0.0)
    machine.hear_heartbeat(Heartbeat(100.0), now=1.0)
    assert machine.heard.offline_at == 500.0
    with pytest.raises(Refusal, match="offlineModeAt has passed"):
        machine.hear_heartbeat(Heartbeat(2.0), now=2.0)


def test_a_trip_outlasts_expiry_and_restart_and_ends_by_release_alone():
    machine = led()
    machine.hear_trip(Trip(1, 2.0, "TRIP"), now=2.0)
    assert (machine.state, machine.applied_kw) == ("TRIPPED", 0.0)
    machine.hear_setpoint(Setpoint(11, 3.0, 90.0, 600.0), now=3.0)
    assert machine.applied_kw == 0.0
    again = Machine(machine.terms, now=1000.0, memory=machine.memory)
    assert (again.state, again.applied_kw) == ("TRIPPED", 0.0)
    with pytest.raises(Refusal, match="must be above 1"):
        again.hear_trip(Trip(0, 0.0, "RELEASE"), now=1001.0)
    again.hear_trip(Trip(2, 1001.0, "RELEASE"), now=1001.0)
    again.tick(1002.0)
    again.tick(1003.0)
    assert (again.state, again.applied_kw) == ("COMMS_LOST", 20.0)


def test_a_restart_keeps_sequences_and_nothing_else():
    machine = led()
    again = Machine(machine.terms, now=5.0, memory=machine.memory)
    assert (again.state, again.applied_kw) == ("COMMS_LOST", 20.0)
    with pytest.raises(Refusal, match="must be above 10"):
        again.hear_setpoint(Setpoint(10, 0.0, 70.0, 600.0), now=5.0)


def test_a_site_that_defies_its_limit_is_warned_and_trips_by_itself():
    machine = led()
    machine.measured(80.0, now=1.0)  # above 70 + 2 kW
    machine.tick(300.9)
    assert machine.state == "LIMITED"
    machine.tick(301.0)
    assert machine.state == "WARNING"
    machine.hear_setpoint(Setpoint(11, 301.0, 70.0, 1500.0), now=302.0)
    machine.tick(1200.9)
    assert machine.state == "WARNING"
    machine.tick(1201.0)
    assert (machine.state, machine.applied_kw, machine.memory.tripped) == ("TRIPPED", 0.0, True)


def test_compliance_ends_a_warning_and_tolerance_bears_a_little():
    machine = led()
    machine.measured(72.0, now=1.0)
    machine.tick(400.0)
    assert machine.state == "LIMITED"
    machine.measured(73.0, now=1.0)
    machine.tick(401.0)
    machine.measured(70.0, now=402.0)
    machine.tick(403.0)
    assert [(c.before, c.after) for c in machine.changes[-2:]] == [
        ("LIMITED", "WARNING"),
        ("WARNING", "LIMITED"),
    ]


def test_a_limit_falls_at_once_and_rises_by_the_ramp():
    machine = led(ramp_kw_per_s=0.5)
    assert machine.applied_kw == pytest.approx(20.5)
    machine.tick(21.0)
    assert machine.applied_kw == pytest.approx(30.5)
    machine.hear_setpoint(Setpoint(11, 21.0, 10.0, 600.0), now=21.0)
    assert machine.applied_kw == 10.0


def test_a_rise_waits_at_random_for_at_most_the_agreed_delay():
    waits = set()
    for seed in range(20):
        machine = Machine(terms(release_delay_s=60.0), now=0.0, seed=seed)
        machine.hear_heartbeat(Heartbeat(100.0), now=0.0)
        machine.hear_setpoint(Setpoint(1, 0.0, 70.0, 600.0), now=0.0)
        second = next(s for s in range(1, 100) if machine.tick(float(s)) or machine.applied_kw > 20)
        waits.add(second)
    assert len(waits) > 10 and max(waits) <= 61


FORECAST = Forecast(1, 0.0, (Block(0.0, 100.0, 50.0), Block(200.0, 300.0, 90.0)))


def test_a_site_led_by_forecast_falls_back_between_blocks():
    machine = Machine(terms(led_by="FORECAST", link_timeout_s=900.0), now=0.0)
    machine.hear_heartbeat(Heartbeat(900.0), now=0.0)
    machine.hear_forecast(FORECAST, now=0.0)
    seen = []
    for at in (50.0, 100.0, 199.0, 201.0, 202.0, 300.0):
        machine.tick(at)
        seen.append(machine.applied_kw)
    # From 200 s on it may rise, which takes until the step after.
    assert seen == [50.0, 20.0, 20.0, 20.0, 90.0, 20.0]


def test_a_forecast_only_lowers_where_a_setpoint_leads():
    machine = led(limit_kw=70.0)
    machine.hear_forecast(FORECAST, now=2.0)
    assert machine.in_force(50.0)[:2] == (50.0, "FORECAST")
    assert machine.in_force(250.0)[:2] == (70.0, "SETPOINT")


def test_a_new_forecast_replaces_blocks_from_its_first_start():
    machine = Machine(terms(led_by="FORECAST"), now=0.0)
    machine.hear_forecast(FORECAST, now=0.0)
    machine.hear_forecast(Forecast(2, 0.0, (Block(60.0, 80.0, 30.0),)), now=0.0)
    assert machine.heard.blocks == (Block(0.0, 60.0, 50.0), Block(60.0, 80.0, 30.0))


@pytest.mark.parametrize(
    "blocks",
    [(Block(5.0, 5.0, 1.0),), (Block(5.0, 9.0, 1.0), Block(8.0, 10.0, 1.0))],
    ids=["empty", "overlapping"],
)
def test_blocks_that_contradict_each_other_are_refused(blocks):
    machine = Machine(terms(), now=0.0)
    with pytest.raises(Refusal) as refused:
        machine.hear_forecast(Forecast(1, 0.0, blocks), now=0.0)
    assert refused.value.kind == "inconsistent" and machine.memory.newest["forecast"] == -1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100)), min_size=2, max_size=40))
@settings(max_examples=25, deadline=None)
def test_it_agrees_with_the_failsafe_of_the_constraint_study(steps):
    """Both run the same record of signals heard and missed; the first is heard."""
    steps[0] = (True, steps[0][1])
    time = pd.date_range("2026-01-01", periods=len(steps), freq="5min")
    sent = xr.DataArray([float(kw) for _, kw in steps], {"time": time}, ("time",))
    heard = xr.DataArray([came for came, _ in steps], {"time": time}, ("time",))
    rules = FailSafe(failsafe_kw=20.0, timeout="15min")
    study = failsafe.run(sent, 100.0, rules, heard=heard)
    machine = Machine(terms(rules=rules, link_timeout_s=900.0), now=0.0)
    for k, (came, kw) in enumerate(steps):
        now = 300.0 * k
        if came:
            machine.hear_setpoint(Setpoint(k, now, float(kw), now + 900.0), now)
            machine.hear_heartbeat(Heartbeat(now + 900.0), now)
        machine.tick(now)
        assert machine.state == STATES[int(study["state"][k])]
        assert machine.in_force(now).limit_kw == study["limit_kw"][k]


def test_only_the_trip_of_the_dno_is_added_to_the_states_of_the_study():
    assert set(EVENTS) - set(failsafe.EVENTS) == {"tripped"} and failsafe.STATES == STATES
    for state, answers in failsafe.TRANSITIONS.items():
        kept = {event: after for event, after in TRANSITIONS[state].items() if event != "tripped"}
        assert kept == answers


def test_a_memory_in_a_file_outlives_the_program(tmp_path):
    path = tmp_path / "memory.json"
    memory = FileMemory.open(path)
    assert memory.newest == Memory().newest
    machine = Machine(terms(), now=0.0, memory=memory)
    machine.hear_trip(Trip(7, 0.0, "TRIP"), now=0.0)
    again = FileMemory.open(path)
    assert (again.newest["trip"], again.tripped) == (7, True)
    assert json.loads(path.read_text(encoding="utf-8"))["newest"]["setpoint"] == -1


def test_a_spoilt_memory_is_not_taken_for_an_empty_one(tmp_path):
    path = tmp_path / "memory.json"
    path.write_text('{"newest": {"setpoint": 3}}', encoding="utf-8")
    with pytest.raises(UserError, match=r"memory\.json: not the memory of a CPMS"):
        FileMemory.open(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"led_by": "WISH"}, "led_by = 'WISH': must be SETPOINT or FORECAST"),
        ({"power_factor": 0.0}, "power_factor = 0.0"),
        ({"rules": FailSafe(failsafe_kw=101.0)}, "failsafe_kw = 101.0: must be from 0 to"),
        ({"heartbeat_s": 120.0}, "link_timeout_s = 120.0: must exceed heartbeat_s, 120.0"),
        ({"ramp_kw_per_s": 0.0}, "ramp_kw_per_s = 0.0: must be above 0"),
        ({"release_delay_s": -1.0}, "release_delay_s = -1.0: must be 0 s or more"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        terms(**changes)


def test_the_meter_weighs_samples_by_time_and_leaves_gaps_unknown():
    meter = Meter(gap_s=60.0)
    for at, kw in ((0.0, 10.0), (40.0, 40.0), (600.0, 5.0)):
        meter.add(at, kw, limit_kw=kw)
    rows = meter.rows(0.0, 240.0, 60.0)
    assert rows[0][1] == {
        "mean": pytest.approx((40 * 10 + 20 * 40) / 60),
        "peak": 40.0,
        "limit": 10.0,
        "covered": 1.0,
    }
    assert rows[1][1]["covered"] == pytest.approx(40 / 60)
    assert math.isnan(rows[2][1]["mean"]) and rows[2][1]["covered"] == 0
    assert np.isnan(meter.mean(-100.0, 0.0))
