"""Where a CPMS of a trial runs: in the same program, or behind HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable

from cpms.client import over_http
from cpms.connection import Chargepoints, Connection
from cpms.endpoint import Caller, Endpoint, Request, Response
from cpms.machine import Machine
from cpms.memory import Memory
from cpms.meter import Meter
from cpms.server import Server
from cpms.terms import Terms

TOKEN = "trial"  # a name within the trial, no secret


class Host:
    """A CPMS that can be stopped and started; chargepoints, meter and memory outlive it.

    Parameters
    ----------
    terms : Terms
        Of its one site.
    chargepoints : Chargepoints
        What it leads.
    clock : callable
        The CPMS's own [s].
    machine : type
        Control logic.
    """

    def __init__(
        self,
        terms: Terms,
        chargepoints: Chargepoints,
        clock: Callable[[], float],
        machine: type[Machine] = Machine,
    ):
        self.terms = terms
        self.chargepoints = chargepoints
        self.clock = clock
        self.memory = Memory()
        self.meter = Meter()
        self.connection: Connection | None = None
        self._machine = machine

    def start(self) -> None:
        """Begin anew, with what must not be forgotten."""
        machine = self._machine(self.terms, self.clock(), self.memory)
        self.connection = Connection(machine, self.chargepoints, self.meter)
        self.connection.order(self.clock())
        sites = frozenset({self.terms.site_id})
        caller = Caller("DNO", frozenset({"limits.write", "monitoring.read"}), sites)
        self.serve(Endpoint([self.connection], {TOKEN: caller}))

    def stop(self) -> None:
        """End without a word: nothing is said to DNO or chargepoints."""
        self.connection = None

    def step(self) -> None:
        """Go once round the control loop, or without a CPMS let the chargepoints go on alone."""
        if self.connection is not None:
            self.connection.step(self.clock())
        else:
            self.chargepoints.draw_kw(self.clock())

    def serve(self, endpoint: Endpoint) -> None:
        """Take requests."""
        self._endpoint = endpoint

    def carry(self, request: Request) -> Response:
        """Return the answer to a request."""
        return self._endpoint.handle(request, self.clock())


class LoopbackHost(Host):
    """The same behind a real server: each start opens a socket, each request goes through it."""

    def serve(self, endpoint: Endpoint) -> None:
        """Open the server."""
        self._server = Server(endpoint, clock=self.clock, period_s=None)
        self._server.__enter__()
        self._transport = over_http(self._server.url)

    def stop(self) -> None:
        """Close the server."""
        if self.connection is not None:
            self._server.__exit__()
        super().stop()

    def carry(self, request: Request) -> Response:
        """Return the answer to a request, over HTTP."""
        return self._transport(request)
