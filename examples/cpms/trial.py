"""A virtual trial of a DNO and a CPMS over a link that fails, on a clock of its own.

The report of the Charge Project planned one in open loop (section 8.5): the DNO sends what its
network allows and does not look at what the site does. In closed loop it does.
"""

from __future__ import annotations

import heapq
import itertools
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from cpms.client import Letters
from cpms.connection import Chargepoints
from cpms.endpoint import Request
from cpms.faults import Faults
from cpms.hosts import TOKEN, Host
from cpms.machine import Machine
from cpms.messages import read
from cpms.terms import Terms

# What the DNO decides: the time [s], the site's import as a meter in the network sees it [kW], and
# the newest state that it has heard of -> limit [kW], NaN to say nothing.
Decision = Callable[[float, float, dict | None], float]


class Tick(NamedTuple):
    """One step of the control loop, at a time of the DNO's clock [s]."""

    at: float
    bound_kw: float
    import_kw: float
    state: str


class Arrival(NamedTuple):
    """A message that reached the CPMS, and the limit in force before and after."""

    at: float
    resource: str
    message: object
    status: int
    before_kw: float
    after_kw: float


@dataclass
class Log:
    """What happened in a trial, and the terms and faults it ran with.

    Attributes
    ----------
    ticks : list of Tick
        Each step of the control loop; state is "DOWN" while the CPMS is away.
    arrivals : list of Arrival
        What reached the CPMS.
    boots : list of float
        When it started [s].
    sent : list of (float, float)
        When the DNO decided [s], and what [kW].
    """

    terms: Terms
    faults: Faults
    ticks: list[Tick] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    boots: list[float] = field(default_factory=list)
    sent: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What a trial does.

    Attributes
    ----------
    terms, faults : Terms, Faults
        Of the connection; of link and CPMS.
    decide : callable
        The DNO's decision, each `decision_s`.
    want_kw : callable
        Charging without a limit [s -> kW].
    seconds : float
        Length [s].
    decision_s, valid_s : float
        Between two setpoints, and how long each is to hold [s]. Where a forecast leads the site it
        is sent instead, as one block.
    trips : sequence of (float, str)
        When the DNO sends TRIP or RELEASE [s].
    defies : sequence of (float, float)
        When the site ignores its limit, begin and end [s].
    period_s : float
        Between two steps of the control loop [s].
    """

    terms: Terms
    faults: Faults
    decide: Decision
    want_kw: Callable[[float], float]
    seconds: float
    decision_s: float = 60.0
    valid_s: float = 180.0
    trips: Sequence[tuple[float, str]] = ()
    defies: Sequence[tuple[float, float]] = ()
    period_s: float = 1.0


def run(
    plan: Plan,
    *,
    start: float = 0.0,
    seed: int = 0,
    host: type[Host] = Host,
    machine: type[Machine] = Machine,
) -> Log:
    """Run a trial; the same seed gives the same log.

    Parameters
    ----------
    plan : Plan
        What it does.
    start : float
        Its beginning [s since 1970].
    seed : int
        Of all faults.
    host : type
        `Host`, or `LoopbackHost` for real HTTP.
    machine : type
        Control logic under trial.

    Returns
    -------
    Log
    """
    return _Run(plan, start, seed, host, machine).log()


class _Run:
    def __init__(self, plan, start, seed, host, machine):
        self.plan, self.start, self.now = plan, start, start
        self.rng = np.random.default_rng(seed)
        self.report: dict | None = None
        self.import_kw = 0.0
        terms, faults = plan.terms, plan.faults
        chargepoints = Chargepoints(plan.want_kw, terms.rules.failsafe_kw, terms.reaction_s / 2)
        self.host = host(terms, chargepoints, lambda: self.now + faults.clock_s, machine)
        self.letters = Letters(terms.site_id, TOKEN, lambda: self.now, self._new_id)
        self.told = Log(terms, faults)
        self.outages = start + faults.spells("outage", plan.seconds, self.rng)
        self._order = itertools.count()
        self._heap: list = []

    def log(self) -> Log:
        plan, end = self.plan, self.start + self.plan.seconds
        self._up()
        for begin, until in self.start + plan.faults.spells("restart", plan.seconds, self.rng):
            self._at(begin, self.host.stop)
            self._at(until, self._up)
        for begin, action in plan.trips:
            self._at(self.start + begin, self._send, lambda a=action: self.letters.trip(a))
        for begin, until in plan.defies:
            self._at(self.start + begin, self._obey, False)
            self._at(self.start + until, self._obey, True)
        for at in np.arange(self.start, end, plan.decision_s):
            self._at(at, self._decide)
        alive_s = plan.terms.link_timeout_s
        for at in np.arange(self.start, end, plan.terms.heartbeat_s):
            self._at(at, self._send, lambda: self.letters.heartbeat(alive_s))
        for at in np.arange(self.start, end, plan.period_s):
            self._at(at, self._tick)
        while self._heap:
            (at, *_), act, details = heapq.heappop(self._heap)
            if at >= end:
                break
            self.now = float(at)
            act(*details)
        self.host.stop()
        return self.told

    def _at(self, at: float, act: Callable, *details) -> None:
        # The control loop comes last of what falls on one instant: it sees all of it.
        order = (at, act == self._tick, next(self._order))
        heapq.heappush(self._heap, (order, act, details))

    def _up(self) -> None:
        self.host.start()
        self.told.boots.append(self.now)

    def _obey(self, obeys: bool) -> None:
        self.host.chargepoints.obeys = obeys

    def _tick(self) -> None:
        up = self.host.connection
        self.host.step()
        bound_kw = self.host.chargepoints.bound_kw(self.host.clock())
        self.import_kw = self.host.chargepoints.draw_kw(self.host.clock())
        state = up.machine.state if up else "DOWN"
        self.told.ticks.append(Tick(self.now, bound_kw, self.import_kw, state))

    def _decide(self) -> None:
        limit_kw = self.plan.decide(self.now, self.import_kw, self.report)
        self.told.sent.append((self.now, limit_kw))
        if np.isnan(limit_kw):
            return
        if self.plan.terms.led_by == "SETPOINT":
            self._send(lambda: self.letters.setpoint(limit_kw, self.plan.valid_s))
        else:
            block = (self.now, self.now + self.plan.valid_s, limit_kw)
            self._send(lambda: self.letters.forecast([block]))

    def _send(self, write: Callable[[], Request]) -> None:
        request = write()
        for copy, delay in enumerate(self.plan.faults.delays(self.rng)):
            # A second copy may come from the network, or from somebody who sends it anew.
            again = copy and self.rng.random() < 0.5
            anew = request.headers | {"x-request-id": str(self._new_id())}
            sent = replace(request, headers=anew) if again else request
            self._at(self.now + delay, self._arrive, sent)

    def _cut_off(self) -> bool:
        return any(begin <= self.now < until for begin, until in self.outages)

    def _arrive(self, request: Request) -> None:
        if self.host.connection is None or self._cut_off():
            return
        self.host.step()  # so that what follows is the message's own doing
        before_kw = self._in_force_kw()
        answer = self.host.carry(request)
        resource = request.target.rsplit("/", 1)[1]
        message = read(resource, request.body)
        arrival = Arrival(
            self.now, resource, message, answer.status, before_kw, self._in_force_kw()
        )
        self.told.arrivals.append(arrival)
        if resource == "heartbeat" and answer.status == 200:
            for delay in self.plan.faults.delays(self.rng):
                self._at(self.now + delay, self._hear, json.loads(answer.body))

    def _hear(self, report: dict) -> None:
        newer = self.report is None or report["at"] > self.report["at"]
        if newer and not self._cut_off():
            self.report = report

    def _in_force_kw(self) -> float:
        return self.host.connection.machine.in_force(self.host.clock()).limit_kw

    def _new_id(self) -> uuid.UUID:
        return uuid.UUID(bytes=self.rng.bytes(16), version=4)
