"""Requests to answers, without a socket: routes, access, idempotency, problems.

What it answers is set down in `docs/cpms-api.openapi.yaml`; tests hold the two together.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from cpms.connection import Connection
from cpms.messages import Heartbeat, Message, instant, read, written
from cpms.problem import Refusal

BASE = "/scc/v1"
LARGEST_BODY = 65536
REMEMBERED = 10_000
RESOLUTIONS = {"PT1M": 60.0, "PT30M": 1800.0}
MOST_ROWS = 1500
ROUTES = {
    "": {"GET": "monitoring.read"},
    "setpoint": {"PUT": "limits.write"},
    "forecast": {"PUT": "limits.write"},
    "heartbeat": {"POST": "limits.write"},
    "trip": {"POST": "limits.write"},
    "status": {"GET": "monitoring.read"},
    "measurements": {"GET": "monitoring.read"},
}

_PATH = re.compile(rf"{BASE}/sites/([^/]+)(?:/([a-z]+))?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Caller:
    """Who holds an access token: a DNO, its scopes and its sites."""

    name: str
    scopes: frozenset[str]
    sites: frozenset[str]


@dataclass(frozen=True)
class Request:
    """A request as any transport brings it; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """An answer for any transport to carry."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Endpoint:
    """The interface of a CPMS for all its connections.

    Parameters
    ----------
    connections : iterable of Connection
        Sites.
    callers : dict of str to Caller
        By access token. A real CPMS asks its authorisation server, and binds the token to the
        client's certificate (RFC 8705).
    """

    def __init__(self, connections: Iterable[Connection], callers: Mapping[str, Caller]):
        self.connections = {connection.site_id: connection for connection in connections}
        self.callers = dict(callers)
        self._answered: OrderedDict[tuple, tuple[bytes, Response]] = OrderedDict()

    def handle(self, request: Request, now: float) -> Response:
        """Answer a request that came at an instant [s]."""
        request_id = request.headers.get("x-request-id", "")
        extra = {"X-Request-ID": request_id} if _UUID.fullmatch(request_id) else {}
        try:
            caller = self._caller(request)
            connection, resource = self._route(request, caller)
            if request.method == "GET":
                return _answer(200, self._read(connection, resource, request, now), extra)
            if not extra:
                raise Refusal("malformed", "the header X-Request-ID must be a UUID")
            message = _read_body(request, resource)
            return self._once(caller, connection, message, request, now, extra)
        except Refusal as refusal:
            return _refused(refusal, extra)

    def _caller(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token not in self.callers:
            raise Refusal("unauthenticated", "send an access token: Authorization: Bearer …")
        return self.callers[token]

    def _route(self, request: Request, caller: Caller) -> tuple[Connection, str]:
        found = _PATH.fullmatch(request.target.partition("?")[0])
        site_id = unquote(found[1]) if found else ""
        resource = (found[2] or "") if found else ""
        # A site of somebody else is not told apart from one that is not there.
        if resource not in ROUTES or site_id not in caller.sites & set(self.connections):
            raise Refusal("not-found", "there is no such resource, or not for this client")
        methods = ROUTES[resource]
        if request.method not in methods:
            raise Refusal("method", f"allowed: {', '.join(methods)}", allow=", ".join(methods))
        if methods[request.method] not in caller.scopes:
            raise Refusal("forbidden", f"needs the scope {methods[request.method]}")
        return self.connections[site_id], resource

    def _once(self, caller, connection, message, request, now, extra) -> Response:
        """Apply a request ID at most once: a repeat gets the first answer.

        One that was refused is judged anew.
        """
        key = (caller.name, extra["X-Request-ID"].lower())
        told = f"{request.method} {request.target}\n".encode() + request.body
        print_ = hashlib.sha256(told).digest()
        if key in self._answered:
            before, answer = self._answered[key]
            if before != print_:
                raise Refusal("reused", "choose a new request ID for each new request")
            return answer
        answer = _answer(200, _heard(connection, message, now), extra)
        self._answered[key] = (print_, answer)
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)
        return answer

    def _read(self, connection: Connection, resource: str, request: Request, now: float):
        if resource == "status":
            return status(connection, now)
        if resource == "measurements":
            return measurements(connection, request.target.partition("?")[2])
        return connection.machine.terms.as_dict()


def _read_body(request: Request, resource: str) -> Message:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Refusal("media-type", f"Content-Type is {media[:60]!r}")
    if len(request.body) > LARGEST_BODY:
        raise Refusal("too-large", f"at most {LARGEST_BODY} bytes")
    return read(resource, request.body)


def _heard(connection: Connection, message: Message, now: float) -> dict:
    """Let a connection hear a message, and tell its chargepoints at once what follows."""
    machine = connection.machine
    try:
        machine.hear(message, now)
    finally:
        connection.order(now)
    if isinstance(message, Heartbeat):
        return status(connection, now)
    held = machine.in_force(now)
    acknowledged = {
        "sequence": message.sequence,
        "state": machine.state,
        "limitKw": held.limit_kw,
        "limitSource": held.source,
        "compliantBy": written(now + machine.terms.reaction_s),
    }
    if now < held.until < math.inf:
        acknowledged["validUntil"] = written(held.until)
    return acknowledged


def status(connection: Connection, now: float) -> dict:
    """Return the state of a connection under the names of the document, ready for JSON."""
    machine = connection.machine
    machine.tick(now)
    told = {
        "siteId": connection.site_id,
        "at": written(now),
        "state": machine.state,
        "limitSource": machine.in_force(now).source,
        "appliedLimitKw": machine.applied_kw,
        "importKw": connection.import_kw,
        "lastSequences": {name: n for name, n in machine.memory.newest.items() if n >= 0},
    }
    if now < machine.heard.offline_at:
        told["offlineModeAt"] = written(machine.heard.offline_at)
    return told


def measurements(connection: Connection, query: str) -> dict:
    """Return the measured import between two instants of a query, ready for JSON.

    Raises
    ------
    Refusal
        If the query does not follow the document or asks for too much.
    """
    asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    try:
        start, end = instant(asked["from"]), instant(asked["to"])
        length = RESOLUTIONS[asked.get("resolution", "PT30M")]
    except (KeyError, ValueError):
        raise Refusal(
            "malformed",
            "from and to must be instants with a zone (RFC 3339, with + written %2B), resolution "
            f"one of {', '.join(RESOLUTIONS)}",
        ) from None
    if not start < end <= start + MOST_ROWS * length:
        raise Refusal("inconsistent", f"to must be after from, by at most {MOST_ROWS} intervals")
    rows = []
    for at, row in connection.meter.rows(start, end, length):
        told = {"startTime": written(at), "endTime": written(min(at + length, end))}
        for name, kw in (("averageKw", "mean"), ("peakKw", "peak"), ("limitKw", "limit")):
            told[name] = None if math.isnan(row[kw]) else round(row[kw], 3)
        rows.append(told | {"coverage": round(row["covered"], 4)})
    return {"siteId": connection.site_id, "measurements": rows}


def _answer(status: int, content, extra: Mapping[str, str], media: str = "json") -> Response:
    headers = {"Content-Type": f"application/{media}", "Cache-Control": "no-store"} | dict(extra)
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), headers)


def _refused(refusal: Refusal, extra: Mapping[str, str]) -> Response:
    more = dict(extra)
    if refusal.kind == "unauthenticated":
        more["WWW-Authenticate"] = "Bearer"
    if "allow" in refusal.more:
        more["Allow"] = refusal.more.pop("allow")
    return _answer(refusal.status, refusal.as_dict(), more, "problem+json")
