"""States of a connection: those of `network.failsafe`, and the trip that the DNO sends."""

from __future__ import annotations

from dataclasses import dataclass

from scchelpers.network import failsafe

STATES = failsafe.STATES
# The DNO's own trip comes before all that the site may bring about by itself.
EVENTS = ("tripped", *failsafe.EVENTS)
TRANSITIONS = {
    state: ({} if state == "TRIPPED" else {"tripped": "TRIPPED"}) | answers
    for state, answers in failsafe.TRANSITIONS.items()
}


@dataclass(frozen=True)
class Change:
    """The state changed [s]."""

    at: float
    before: str
    after: str
