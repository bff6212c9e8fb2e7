"""A small CPMS that follows `docs/cpms-api.openapi.yaml`, a DNO's client, and a virtual trial.

`Machine` is the control logic, driven by the time it is told; `Endpoint` answers requests,
`Server` carries them over HTTP, `Client` sends them.
"""

from scchelpers.standards.cpms import cases, referee, trial
from scchelpers.standards.cpms.client import Client, Letters, Receiver, directly, over_http
from scchelpers.standards.cpms.connection import Chargepoints, Connection
from scchelpers.standards.cpms.endpoint import Caller, Endpoint, Request, Response
from scchelpers.standards.cpms.faults import Faults
from scchelpers.standards.cpms.hosts import Host, LoopbackHost
from scchelpers.standards.cpms.machine import Machine
from scchelpers.standards.cpms.memory import FileMemory, Memory
from scchelpers.standards.cpms.messages import Block, Forecast, Heartbeat, Setpoint, Trip
from scchelpers.standards.cpms.meter import Meter
from scchelpers.standards.cpms.problem import Refusal
from scchelpers.standards.cpms.server import Server, steady_clock
from scchelpers.standards.cpms.terms import Terms
from scchelpers.standards.cpms.trial import Plan

__all__ = [
    "Block",
    "Caller",
    "Chargepoints",
    "Client",
    "Connection",
    "Endpoint",
    "Faults",
    "FileMemory",
    "Forecast",
    "Heartbeat",
    "Host",
    "Letters",
    "LoopbackHost",
    "Machine",
    "Memory",
    "Meter",
    "Plan",
    "Receiver",
    "Refusal",
    "Request",
    "Response",
    "Server",
    "Setpoint",
    "Terms",
    "Trip",
    "cases",
    "directly",
    "over_http",
    "referee",
    "steady_clock",
    "trial",
]
