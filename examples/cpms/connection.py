"""A connection at work: the control logic, the chargepoints it leads, and the meter."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cpms.machine import Machine
from cpms.meter import Meter


class Chargepoints:
    """What stands behind a CPMS: it follows its limit late, and falls back by itself.

    Each order carries the time at which it lapses, as an OCPP profile does over a fail-safe on the
    stack level below: without the CPMS the fail-safe limit applies from then on.

    Parameters
    ----------
    want_kw : callable
        Charging without a limit at an instant [s -> kW].
    failsafe_kw : float
        Limit once the last order has lapsed [kW].
    lag_s : float
        Import may stay at an earlier limit for so long [s]; it rises at once: the worst case.
    """

    def __init__(self, want_kw: Callable[[float], float], failsafe_kw: float, lag_s: float = 5.0):
        self.want_kw = want_kw
        self.failsafe_kw = failsafe_kw
        self.lag_s = lag_s
        self.obeys = True
        self._order = (failsafe_kw, float("inf"))
        self._past: deque[tuple[float, float]] = deque()

    def order(self, limit_kw: float, lapses_at: float) -> None:
        """Take a limit [kW] and when it lapses [s]."""
        self._order = (limit_kw, lapses_at)

    def bound_kw(self, now: float) -> float:
        """Return the limit that binds the chargepoints now [kW]."""
        limit_kw, lapses_at = self._order
        return limit_kw if now < lapses_at else min(limit_kw, self.failsafe_kw)

    def draw_kw(self, now: float) -> float:
        """Return the import now [kW]; to be asked in order of time."""
        self._past.append((now, self.bound_kw(now)))
        while len(self._past) > 1 and self._past[1][0] <= now - self.lag_s:
            self._past.popleft()
        want = self.want_kw(now)
        return min(want, max(kw for _, kw in self._past)) if self.obeys else want


class Connection:
    """One site as a CPMS runs it.

    Parameters
    ----------
    machine : Machine
        Control logic.
    chargepoints : Chargepoints
        What it leads.
    meter : Meter, optional
        Where import is recorded.
    """

    def __init__(self, machine: Machine, chargepoints: Chargepoints, meter: Meter | None = None):
        self.machine = machine
        self.chargepoints = chargepoints
        self.meter = meter or Meter()
        self.import_kw = 0.0

    @property
    def site_id(self) -> str:
        """Connection point."""
        return self.machine.terms.site_id

    def step(self, now: float) -> None:
        """Go once round the control loop: limit, order, measurement."""
        self.machine.tick(now)
        self.order(now)
        self.import_kw = self.chargepoints.draw_kw(now)
        self.meter.add(now, self.import_kw, self.machine.applied_kw)
        averaged = self.meter.mean(now - self.machine.terms.averaging_s, now)
        self.machine.measured(self.import_kw if averaged != averaged else averaged, now)

    def order(self, now: float) -> None:
        """Tell the chargepoints the limit that applies, and until when."""
        machine = self.machine
        self.chargepoints.order(machine.applied_kw, machine.in_force(now).until)
