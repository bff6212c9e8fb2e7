"""Whether a trial kept the safety rule, judged from what was heard alone.

It shares no code with the control logic: it asks which message is the newest ever heard, whether
that one was heard since the last start, and whether it still holds.
"""

from __future__ import annotations

import bisect
import functools
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from cpms.trial import Arrival, Log

ROUNDING_KW = 1e-6


@dataclass
class Verdict:
    """How often each part of the rule was put to the test, and broken.

    Attributes
    ----------
    tested : dict of str to int
        Instants or messages to which each part applied.
    broken : dict of str to int
        Those at which it was broken.
    worst_kw : float
        Largest power above what was allowed [kW].
    """

    tested: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RULES, 0))
    broken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RULES, 0))
    worst_kw: float = 0.0

    def add(self, rule: str, kw: float, most_kw: float) -> None:
        """Count one test of a rule: a power against the most that is allowed [kW]."""
        self.tested[rule] += 1
        if kw > most_kw + ROUNDING_KW:
            self.broken[rule] += 1
            self.worst_kw = max(self.worst_kw, kw - most_kw)

    def merged(self, other: Verdict) -> Verdict:
        """Return both together."""
        return Verdict(
            {rule: self.tested[rule] + other.tested[rule] for rule in RULES},
            {rule: self.broken[rule] + other.broken[rule] for rule in RULES},
            max(self.worst_kw, other.worst_kw),
        )

    def as_dict(self) -> dict:
        """Return the verdict, ready for JSON."""
        return asdict(self)


RULES = {
    "lapsed": "from the expiry of the last valid limit, or the loss of the link, at most fail-safe",
    "started": "from a start until a limit is heard anew at most fail-safe",
    "tripped": "from a trip to its release nothing, restarts included",
    "limited": "otherwise at most the newest limit heard",
    "stale": "a message that is not newer than all before raises nothing",
    "import": "the import at most what was allowed within the reaction time before",
}


def judge(log: Log) -> Verdict:
    """Hold a trial against the rule.

    Parameters
    ----------
    log : Log
        From `trial.run`, of a site that obeys.

    Returns
    -------
    Verdict
    """
    verdict = Verdict()
    highest: dict[str, int] = {}
    for arrival in log.arrivals:
        if arrival.resource != "heartbeat":
            sequence = arrival.message.sequence
            if sequence <= highest.get(arrival.resource, -1):
                verdict.add("stale", arrival.after_kw, arrival.before_kw)
            highest[arrival.resource] = max(sequence, highest.get(arrival.resource, -1))
    known = _known_by_time(log)
    allowed = sorted(
        [(boot, log.terms.rules.failsafe_kw) for boot in log.boots]
        + [(arrival.at, known(arrival.at).most(arrival.at)[1]) for arrival in log.arrivals]
    )
    for tick in log.ticks:
        rule, most_kw = known(tick.at).most(tick.at)
        verdict.add(rule, tick.bound_kw, most_kw)
        bisect.insort(allowed, (tick.at, most_kw))
        # What held when the reaction time began counts, too: hence one more.
        first = bisect.bisect_left(allowed, (tick.at - log.terms.reaction_s,)) - 1
        last = bisect.bisect_right(allowed, (tick.at, math.inf))
        verdict.add("import", tick.import_kw, max(kw for _, kw in allowed[max(0, first) : last]))
    return verdict


class _Known:
    """What is known at a time: the messages that have reached the CPMS, and its last start."""

    def __init__(self, log: Log, heard: list[Arrival], boot: float):
        self.log, self.terms = log, log.terms
        trips = _risen(heard, "trip")
        self.tripped = bool(trips) and trips[-1].message.action == "TRIP"
        since = [arrival for arrival in heard if arrival.at >= boot]
        self.offline_at = max(
            (
                min(each.message.offline_at, self.clock(each.at) + self.terms.link_timeout_s)
                for each in since
                if each.resource == "heartbeat"
            ),
            default=-math.inf,
        )
        self.setpoints = _risen(heard, "setpoint", boot)
        self.forecasts = _risen(heard, "forecast", boot)
        newest = self.setpoints[-1:] + self.forecasts[-1:]
        self.doubted = any(self.ahead(arrival) for arrival in newest)
        self.led = any(each.resource == self.terms.led_by.lower() for each in since)

    def clock(self, at: float) -> float:
        return at + self.log.faults.clock_s

    def ahead(self, arrival: Arrival) -> bool:
        """Return whether a message seemed to come from the future."""
        ahead_s = arrival.message.issued_at - self.clock(arrival.at)
        return ahead_s > self.terms.clock_tolerance_s

    def most(self, at: float) -> tuple[str, float]:
        """Return the part of the rule that applies at an instant, and the limit it sets [kW]."""
        if self.tripped:
            return "tripped", 0.0
        leading = self._setpoint if self.terms.led_by == "SETPOINT" else self._block
        limit_kw = leading(self.clock(at))
        if limit_kw is not None and self.clock(at) < self.offline_at and not self.doubted:
            return "limited", min(limit_kw, self.terms.agreed_kw)
        return "lapsed" if self.led else "started", self.terms.rules.failsafe_kw

    def _setpoint(self, clock: float) -> float | None:
        for arrival in self.setpoints[-1:]:
            until = self.clock(arrival.at) + self.terms.validity_s
            if clock < min(arrival.message.valid_until, until):
                return arrival.message.limit_kw
        return None

    def _block(self, clock: float) -> float | None:
        limit_kw = None
        for arrival in self.forecasts:
            blocks = arrival.message.blocks
            if clock >= blocks[0].start and not self.ahead(arrival):
                now = [block.limit_kw for block in blocks if block.start <= clock < block.end]
                limit_kw = now[0] if now else None
        return limit_kw


def _known_by_time(log: Log) -> Callable[[float], _Known]:
    times = [arrival.at for arrival in log.arrivals]

    @functools.cache
    def made(many: int, boot: float) -> _Known:
        return _Known(log, log.arrivals[:many], boot)

    return lambda at: made(
        bisect.bisect_right(times, at), max(boot for boot in log.boots if boot <= at)
    )


def _risen(heard: list[Arrival], resource: str, boot: float = -math.inf) -> list[Arrival]:
    """Return the messages that were newer than all before them when they came, since a start."""
    risen: list[Arrival] = []
    highest = -1
    for arrival in heard:
        if arrival.resource == resource and arrival.message.sequence > highest:
            highest = arrival.message.sequence
            risen.append(arrival)
    return [arrival for arrival in risen if arrival.at >= boot]
