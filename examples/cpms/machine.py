"""The control logic of a CPMS under a DNO-led scheme, without any transport or clock of its own.

Every method is told the time; nothing happens between two calls but that limits lapse, and
`in_force` says when, so that chargepoints can fall back even if the CPMS is gone.
"""

from __future__ import annotations

import math
from random import Random

import pandas as pd

from cpms.heard import Heard, HeldLimit
from cpms.memory import Memory
from cpms.messages import (
    Forecast,
    Heartbeat,
    Message,
    Numbered,
    Setpoint,
    Trip,
)
from cpms.problem import Refusal
from cpms.states import EVENTS, TRANSITIONS, Change
from cpms.terms import Terms


class Machine:
    """One connection: which limit holds now, and why.

    Parameters
    ----------
    terms : Terms
        What was agreed.
    now : float
        Time of the start [s]. Whatever was heard before it is void: it begins at the fail-safe.
    memory : Memory, optional
        What an earlier run left.
    seed : int
        Seed of the random wait before a rise.

    Examples
    --------
    >>> from scchelpers.network import FailSafe
    >>> terms = Terms("a", 100.0, rules=FailSafe(failsafe_kw=20.0), ramp_kw_per_s=5.0)
    >>> machine = Machine(terms, now=0.0)
    >>> machine.state, machine.applied_kw
    ('COMMS_LOST', 20.0)
    >>> machine.hear_heartbeat(Heartbeat(offline_at=60.0), now=1.0)
    >>> machine.hear_setpoint(Setpoint(1, 1.0, 70.0, valid_until=900.0), now=1.0)
    >>> machine.tick(11.0)  # nothing but the ramp: 5 kW/s for 10 s
    []
    >>> machine.state, machine.applied_kw
    ('LIMITED', 70.0)
    >>> [(change.before, change.after) for change in machine.tick(60.0)], machine.applied_kw
    ([('LIMITED', 'COMMS_LOST')], 20.0)
    """

    def __init__(self, terms: Terms, now: float, memory: Memory | None = None, seed: int = 0):
        self.terms = terms
        self.memory = memory or Memory()
        self.state = "TRIPPED" if self.memory.tripped else "COMMS_LOST"
        self.applied_kw = 0.0 if self.memory.tripped else terms.rules.failsafe_kw
        self.heard = Heard()
        self.changes: list[Change] = []
        self._now = now
        self._over_since: float | None = None
        self._rise_from: float | None = None
        self._random = Random(seed)
        self._warn_s = pd.Timedelta(terms.rules.warn_after).total_seconds()
        self._trip_s = self._warn_s + pd.Timedelta(terms.rules.trip_after).total_seconds()

    def hear(self, message: Message, now: float) -> None:
        """Take any message.

        Raises
        ------
        Refusal
            As the method for its kind does.
        """
        takes = {
            Setpoint: self.hear_setpoint,
            Forecast: self.hear_forecast,
            Heartbeat: self.hear_heartbeat,
            Trip: self.hear_trip,
        }
        takes[type(message)](message, now)

    def hear_setpoint(self, message: Setpoint, now: float) -> None:
        """Apply a setpoint, for at most the agreed validity.

        Raises
        ------
        Refusal
            "stale", "clock", "inconsistent" or "lapsed".
        """
        self._require_newer("setpoint", message, now)
        if message.valid_until <= message.issued_at:
            raise Refusal("inconsistent", "validUntil must be after issuedAt")
        self._remember("setpoint", message.sequence)
        self._require_timely("setpoint", message, now)
        until = min(message.valid_until, now + self.terms.validity_s)
        # Also where it has lapsed: it is the newest word, so that an older one holds no longer.
        self.heard.setpoint = Setpoint(message.sequence, message.issued_at, message.limit_kw, until)
        self.tick(now)
        if until <= now:
            raise Refusal("lapsed", "validUntil has passed; the fail-safe limit applies")

    def hear_forecast(self, message: Forecast, now: float) -> None:
        """Hold limits for times to come; blocks held from the first new start on are replaced.

        Raises
        ------
        Refusal
            "stale", "clock", "inconsistent" or "lapsed".
        """
        self._require_newer("forecast", message, now)
        edge = -math.inf
        for place, block in enumerate(message.blocks):
            if not (edge <= block.start < block.end):
                raise Refusal(
                    "inconsistent",
                    f"blocks[{place}]: must end after it begins, and begin no earlier than the "
                    "block before it ends",
                )
            edge = block.end
        self._remember("forecast", message.sequence)
        self._require_timely("forecast", message, now)
        self.heard.take(message, now)
        self.tick(now)
        if edge <= now:
            raise Refusal("lapsed", "every block has passed")

    def hear_heartbeat(self, message: Heartbeat, now: float) -> None:
        """Put off the loss of the link, never bring it forward, by at most the agreed time.

        Raises
        ------
        Refusal
            "lapsed".
        """
        self.tick(now)
        if message.offline_at <= now:
            raise Refusal("lapsed", "offlineModeAt has passed")
        until = min(message.offline_at, now + self.terms.link_timeout_s)
        self.heard.offline_at = max(self.heard.offline_at, until)
        self.tick(now)

    def hear_trip(self, message: Trip, now: float) -> None:
        """Stop all charging at once, or let it begin again from the limit then in force.

        Raises
        ------
        Refusal
            "stale".
        """
        self._require_newer("trip", message, now)
        self.memory.tripped = message.action == "TRIP"
        self._remember("trip", message.sequence)
        self.tick(now)

    def measured(self, kw: float, now: float) -> None:
        """Hold the import against the limit [kW]: how long it is above decides on the trip."""
        if kw <= self.applied_kw + self.terms.rules.tolerance_kw:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = now

    def tick(self, now: float) -> list[Change]:
        """Let time pass: limits lapse, the state follows, the applied limit moves.

        Returns
        -------
        list of Change
            What this call brought about; `changes` gathers all until it is emptied.
        """
        if now < self._now:  # a clock set back would make every limit hold longer
            self.heard = Heard()
            self._over_since = self._rise_from = None
            self._now = now
        heard = self.heard.in_force(self.terms, now)
        before = self.state
        self.state = self._next_state(now, heard)
        if self.state == "TRIPPED" and not self.memory.tripped:
            self.memory.tripped = True  # by its own default: it, too, waits for a release
            self.memory.save()
        self._apply(self.in_force(now).limit_kw, now)
        self._now = now
        changed = [Change(now, before, self.state)] if self.state != before else []
        self.changes += changed
        return changed

    def in_force(self, now: float) -> HeldLimit:
        """Return the limit that holds, before the ramp."""
        if self.state == "TRIPPED":
            return HeldLimit(0.0, "TRIP", math.inf, False)
        return self.heard.in_force(self.terms, now)

    def _next_state(self, now: float, heard: HeldLimit) -> str:
        over_s = -1.0 if self._over_since is None else now - self._over_since
        restricted = heard.limit_kw < self.terms.agreed_kw
        came = {
            "tripped": self.memory.tripped,
            "restored": not self.memory.tripped,
            "defied": over_s >= self._trip_s,
            "exceeded": over_s >= self._warn_s,
            "complied": self._over_since is None,
            "silent": heard.silent,
            "restricted": restricted and not heard.silent,
            "freed": not restricted and not heard.silent,
        }
        answers = TRANSITIONS[self.state]
        return next((answers[e] for e in EVENTS if came[e] and e in answers), self.state)

    def _apply(self, limit_kw: float, now: float) -> None:
        """Fall at once; rise after a random wait, no faster than the ramp."""
        if limit_kw <= self.applied_kw:
            self.applied_kw, self._rise_from = limit_kw, None
            return
        if self._rise_from is None:
            self._rise_from = now + self._random.uniform(0, self.terms.release_delay_s)
        risen_s = max(0.0, now - max(self._now, self._rise_from))
        self.applied_kw = min(limit_kw, self.applied_kw + self.terms.ramp_kw_per_s * risen_s)

    def _require_newer(self, resource: str, message: Numbered, now: float) -> None:
        self.tick(now)
        newest = self.memory.newest[resource]
        if message.sequence <= newest:
            rule = f"sequence = {message.sequence}: must be above {newest}"
            raise Refusal("stale", rule, lastSequence=newest)

    def _require_timely(self, resource: str, message: Setpoint | Forecast, now: float) -> None:
        """Distrust the clock until a newer message passes: which limits have lapsed is unknown."""
        ahead_s = message.issued_at - now
        if ahead_s > self.terms.clock_tolerance_s:
            self.heard.doubted.add(resource)
            self.tick(now)
            raise Refusal(
                "clock",
                f"issuedAt is {ahead_s:.1f} s ahead of this clock; at most "
                f"{self.terms.clock_tolerance_s} s are borne; the fail-safe limit applies",
            )
        self.heard.doubted.discard(resource)

    def _remember(self, resource: str, sequence: int) -> None:
        self.memory.newest[resource] = sequence
        self.memory.save()
