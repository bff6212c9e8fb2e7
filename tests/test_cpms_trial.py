"""The virtual trial: the safety rule under faults, and a referee that sees a broken one."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cpms import (
    Caller,
    Chargepoints,
    Client,
    Connection,
    Endpoint,
    Faults,
    FileMemory,
    Letters,
    LoopbackHost,
    Machine,
    Memory,
    Plan,
    Receiver,
    Server,
    Terms,
    cases,
    over_http,
    steady_clock,
)
from cpms.referee import RULES, judge
from cpms.trial import run
from scchelpers.faults import UserError
from scchelpers.network.failsafe import FailSafe

TERMS = Terms("SITE-0001", 100.0, rules=FailSafe(failsafe_kw=20.0), ramp_kw_per_s=1e6)


def plan(**changes) -> Plan:
    sound = Plan(TERMS, Faults(), lambda *_: 70.0, lambda _: 120.0, seconds=600.0)
    return replace(sound, **changes)


def test_random_trials_never_break_the_rule():
    verdict = cases.verdicts(range(30), seconds=600.0)
    assert not any(verdict.broken.values()) and verdict.worst_kw == 0
    assert all(verdict.tested[rule] > 20 for rule in RULES)  # each part was put to the test


class Gullible(Machine):
    """Takes any sequence."""

    def _require_newer(self, resource, message, now):
        self.tick(now)


class Stubborn(Machine):
    """Holds a setpoint and blocks for ever."""

    def hear_setpoint(self, message, now):
        super().hear_setpoint(message, now)
        self.heard.setpoint = replace(message, valid_until=math.inf)

    def hear_forecast(self, message, now):
        last = replace(message.blocks[-1], end=math.inf)
        super().hear_forecast(replace(message, blocks=(*message.blocks[:-1], last)), now)


class Deaf(Machine):
    """Does not miss heartbeats."""

    def hear_heartbeat(self, message, now):
        super().hear_heartbeat(message, now)
        self.heard.offline_at = 1e9


class Proud(Machine):
    """Goes on after a restart where it was."""

    kept: dict = {}  # noqa: RUF012 - outlives each machine on purpose

    def __init__(self, terms, now, memory, seed=0):
        super().__init__(terms, now, memory, seed)
        self.heard = self.kept.setdefault(id(memory), self.heard)
        self.applied_kw = self.in_force(now).limit_kw


class Forgetful(Machine):
    """Forgets a trip at a restart."""

    def __init__(self, terms, now, memory, seed=0):
        memory.tripped = False
        super().__init__(terms, now, memory, seed)


class Trusting(Machine):
    """Never doubts its clock."""

    def _require_timely(self, resource, message, now):
        pass


@pytest.mark.parametrize(
    ("machine", "rule"),
    [
        (Gullible, "stale"),
        (Stubborn, "lapsed"),
        (Deaf, "lapsed"),
        (Proud, "started"),
        (Forgetful, "tripped"),
        (Trusting, "lapsed"),
    ],
)
def test_the_referee_sees_each_way_to_break_the_rule(machine, rule):
    broken = 0
    for seed in range(60):
        log = run(cases.drawn(seed, 600.0), seed=seed, machine=machine)
        broken += judge(log).broken[rule]
        if broken:
            break
    assert broken


def test_a_sound_link_keeps_the_site_at_its_setpoint():
    log = run(plan())
    assert {tick.state for tick in log.ticks[2:]} == {"LIMITED"}
    assert {tick.import_kw for tick in log.ticks[10:]} == {70.0}
    assert not any(judge(log).broken.values())


def test_an_outage_leads_to_the_failsafe_when_the_heartbeats_run_out():
    log = run(plan(faults=Faults(outages_per_hour=6, outage_s=240.0), seconds=3600.0), seed=2)
    verdict = judge(log)
    assert verdict.tested["lapsed"] > 100 and not any(verdict.broken.values())
    assert {tick.bound_kw for tick in log.ticks if tick.state == "COMMS_LOST"} <= {20.0}


def test_chargepoints_fall_back_by_themselves_while_the_cpms_is_away():
    log = run(plan(faults=Faults(restarts_per_hour=4, restart_s=400.0), seconds=3600.0), seed=1)
    down = [tick for tick in log.ticks if tick.state == "DOWN"]
    assert {tick.bound_kw for tick in down} == {70.0, 20.0}  # at first the order still holds
    assert not any(judge(log).broken.values())


def test_a_site_that_defies_its_limit_trips_and_waits_for_the_release():
    rules = FailSafe(failsafe_kw=20.0, warn_after="60s", trip_after="60s")
    terms = replace(TERMS, rules=rules, averaging_s=1.0)
    log = run(plan(terms=terms, defies=[(100.0, 400.0)], trips=[(500.0, "RELEASE")]))
    state = {tick.at: tick.state for tick in log.ticks}
    assert state[155.0] == "LIMITED" and state[170.0] == "WARNING" and state[230.0] == "TRIPPED"
    assert state[499.0] == "TRIPPED" and state[502.0] == "LIMITED"


def test_closed_loop_decisions_see_the_newest_state_heard():
    seen = []

    def decide(now, import_kw, report):
        seen.append(None if report is None else report["importKw"])
        return 50.0 if report else 70.0

    run(plan(decide=decide, faults=Faults(latency_s=0.5), seconds=300.0))
    assert seen[0] is None and seen[-1] == pytest.approx(50.0)


def test_the_same_seed_gives_the_same_log_in_the_program_and_over_loopback():
    trial = cases.drawn(3, 200.0)
    first, again = run(trial, seed=3), run(trial, seed=3)
    over_sockets = run(trial, seed=3, host=LoopbackHost)
    assert first.ticks == again.ticks == over_sockets.ticks
    assert first.arrivals == over_sockets.arrivals and len(first.arrivals) > 5


def test_wrong_faults_are_refused():
    with pytest.raises(UserError, match=r"loss = 1\.5: must be from 0 to 1"):
        Faults(loss=1.5)
    with pytest.raises(UserError, match=r"latency_s = -1: must be 0 or more"):
        Faults(latency_s=-1)


def served(memory: Memory, clock, **options) -> Server:
    terms = replace(TERMS, link_timeout_s=60.0)
    site = Connection(Machine(terms, clock(), memory), Chargepoints(lambda _: 120.0, 20.0, 0.2))
    scopes = frozenset({"limits.write", "monitoring.read"})
    caller = Caller("DNO", scopes, frozenset({"SITE-0001"}))
    return Server(Endpoint([site], {"t": caller}), clock=clock, period_s=0.02, **options)


def until(condition, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_limits_lapse_in_real_time_and_the_dno_is_told():
    clock = steady_clock()
    with Receiver() as receiver, served(Memory(), clock, webhook=receiver.url) as server:
        client = Client(over_http(server.url), Letters("SITE-0001", "t", clock))
        assert client.terms().content["failSafeLimitKw"] == 20.0
        client.heartbeat(alive_s=60.0)
        assert client.setpoint(70.0, valid_s=0.4).content["state"] == "LIMITED"
        assert until(lambda: client.status().content["importKw"] == 70.0)
        assert until(lambda: client.status().content["importKw"] == 20.0)
        assert client.status().content["state"] == "COMMS_LOST"
        assert client.trip().content["limitSource"] == "TRIP"
        assert until(lambda: len(receiver.events) >= 3)
    states = [event["after"] for name, event in receiver.events if name == "stateChanged"]
    assert states == ["LIMITED", "COMMS_LOST", "TRIPPED"]


def test_a_killed_server_starts_at_the_failsafe_and_a_client_finds_its_sequence(tmp_path):
    clock, path = steady_clock(), tmp_path / "memory.json"
    with served(FileMemory.open(path), clock) as server:
        client = Client(over_http(server.url), Letters("SITE-0001", "t", clock))
        for limit_kw in (60.0, 70.0, 80.0):
            assert client.setpoint(limit_kw, valid_s=60.0).status == 200
    with pytest.raises(OSError):
        client.status()
    with served(FileMemory.open(path), clock) as server:
        stranger = Client(over_http(server.url), Letters("SITE-0001", "t", clock))
        told = stranger.status().content
        assert (told["state"], told["lastSequences"]) == ("COMMS_LOST", {"setpoint": 2})
        assert stranger.setpoint(50.0, valid_s=60.0).content["sequence"] == 3  # after one 409


def test_requests_side_by_side_leave_one_newest_limit():
    clock = steady_clock()
    with served(Memory(), clock) as server:
        Client(over_http(server.url), Letters("SITE-0001", "t", clock)).heartbeat(60.0)
        letters = Letters("SITE-0001", "t", clock)
        requests = [letters.setpoint(float(kw), valid_s=60.0) for kw in range(30, 50)]
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(over_http(server.url, timeout_s=20.0), reversed(requests)))
        assert {answer.status for answer in answers} <= {200, 409} and answers[0].status == 200
        held = server.endpoint.connections["SITE-0001"].machine
        assert held.memory.newest["setpoint"] == 19 and held.heard.setpoint.limit_kw == 49.0
