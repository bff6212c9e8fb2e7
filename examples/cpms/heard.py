"""What a connection has heard since its start, and the limit that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from cpms.messages import Block, Forecast, Setpoint
from cpms.terms import Terms


class HeldLimit(NamedTuple):
    """The limit that follows from all that was heard.

    Attributes
    ----------
    limit_kw : float
        The limit [kW].
    source : str
        What it comes from: the `limitSource` of the document.
    until : float
        When it lapses unless more is heard [s].
    silent : bool
        Whether the link is lost, the limit that leads is missing, or the clock is in doubt.
    """

    limit_kw: float
    source: str
    until: float
    silent: bool


@dataclass
class Heard:
    """Everything that limits a site, and dies with the program.

    Attributes
    ----------
    setpoint : Setpoint or None
        The newest.
    blocks : tuple of Block
        Of all forecasts, as far as later ones left them.
    offline_at : float
        When the link is lost unless a heartbeat comes [s].
    doubted : set of str
        Resources whose newest message came from the future: what has lapsed is then unknown.
    """

    setpoint: Setpoint | None = None
    blocks: tuple[Block, ...] = ()
    offline_at: float = -math.inf
    doubted: set[str] = field(default_factory=set)

    def take(self, forecast: Forecast, now: float) -> None:
        """Put a forecast in place of all blocks from its first start on."""
        first = forecast.blocks[0].start
        kept = [
            Block(block.start, min(block.end, first), block.limit_kw)
            for block in self.blocks
            if block.start < first and block.end > now
        ]
        self.blocks = (*kept, *forecast.blocks)

    def in_force(self, terms: Terms, now: float) -> HeldLimit:
        """Return the lowest limit that holds; the fail-safe is among them when it applies."""
        found, edges = {"AGREED_CAPACITY": terms.agreed_kw}, [self.offline_at]
        if self.setpoint is not None and now < self.setpoint.valid_until:
            found["SETPOINT"] = self.setpoint.limit_kw
            edges.append(self.setpoint.valid_until)
        for block in self.blocks:
            if block.start <= now < block.end:
                found["FORECAST"] = block.limit_kw
            if now < block.end:
                edges.append(block.end if block.start <= now else block.start)
        led = terms.led_by in found and now < self.offline_at
        silent = not led or bool(self.doubted)
        if silent:
            found["FAIL_SAFE"] = terms.rules.failsafe_kw
        source = min(found, key=lambda name: (found[name], name == "AGREED_CAPACITY"))
        return HeldLimit(found[source], source, min(edges), silent)
