"""How a link and a CPMS fail: drawn at random from a seed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from scchelpers.faults import UserError


@dataclass(frozen=True)
class Faults:
    """What goes wrong between DNO and CPMS; the default is a sound link.

    Attributes
    ----------
    latency_s : float
        Mean delay of a message on each way, drawn from an exponential distribution [s]: messages
        overtake one another.
    loss, duplicate, held_up : float
        Shares of messages that are lost, come twice, or are held up.
    held_up_s : float
        Mean further delay of those held up [s]: they come when others have long replaced them.
    outages_per_hour, outage_s : float
        How often nothing comes through in either direction, and for how long in the mean [s].
    restarts_per_hour, restart_s : float
        How often the CPMS stops, and how long it is away in the mean [s].
    clock_s : float
        Clock of the CPMS less that of the DNO [s].
    """

    latency_s: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    held_up: float = 0.0
    held_up_s: float = 600.0
    outages_per_hour: float = 0.0
    outage_s: float = 120.0
    restarts_per_hour: float = 0.0
    restart_s: float = 30.0
    clock_s: float = 0.0

    def __post_init__(self):
        for name in ("loss", "duplicate", "held_up"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} = {getattr(self, name)}: must be from 0 to 1")
        for each in fields(self):
            if each.name != "clock_s" and not getattr(self, each.name) >= 0:
                raise UserError(f"{each.name} = {getattr(self, each.name)}: must be 0 or more")

    def delays(self, rng: np.random.Generator) -> list[float]:
        """Return when the copies of one message come [s]: none if lost, two if doubled."""
        if rng.random() < self.loss:
            return []
        copies = 2 if rng.random() < self.duplicate else 1
        return [
            rng.exponential(self.latency_s)
            + (rng.exponential(self.held_up_s) if rng.random() < self.held_up else 0.0)
            for _ in range(copies)
        ]

    def spells(self, what: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
        """Return begin and end of each "outage" or "restart" within some time [s], merged."""
        often, mean = {
            "outage": (self.outages_per_hour, self.outage_s),
            "restart": (self.restarts_per_hour, self.restart_s),
        }[what]
        begin = np.sort(rng.random(rng.poisson(often * seconds / 3600))) * seconds
        merged: list[list[float]] = []
        for start, length in zip(begin, rng.exponential(mean, len(begin)), strict=True):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], start + length)
            else:
                merged.append([start, start + length])
        return np.array(merged).reshape(-1, 2)
