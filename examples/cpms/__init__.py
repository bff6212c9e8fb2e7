"""A small CPMS that follows `docs/cpms-api.openapi.yaml`, a DNO's client, and a virtual trial.

`Machine` is the control logic, driven by the time it is told; `Endpoint` answers requests,
`Server` carries them over HTTP, `Client` sends them.
"""

from cpms import cases, referee, trial
from cpms.client import Client, Letters, Receiver, directly, over_http
from cpms.connection import Chargepoints, Connection
from cpms.endpoint import Caller, Endpoint, Request, Response
from cpms.faults import Faults
from cpms.hosts import Host, LoopbackHost
from cpms.machine import Machine
from cpms.memory import FileMemory, Memory
from cpms.messages import Block, Forecast, Heartbeat, Setpoint, Trip
from cpms.meter import Meter
from cpms.problem import Refusal
from cpms.server import Server, steady_clock
from cpms.terms import Terms
from cpms.trial import Plan

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
