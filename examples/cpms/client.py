"""The DNO's side: a client that numbers and repeats what it sends; a receiver of webhooks."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlencode, urlsplit

from cpms.endpoint import BASE, Endpoint, Request, Response
from cpms.messages import written

# Takes a request, returns the answer or raises OSError where none came.
Transport = Callable[[Request], Response]


def over_http(url: str, timeout_s: float = 2.0) -> Transport:
    """Return a transport to a server; it raises OSError where no answer comes."""
    place = urlsplit(url)

    def send(request: Request) -> Response:
        connection = HTTPConnection(place.netloc, timeout=timeout_s)
        try:
            connection.request(
                request.method, request.target, request.body or None, dict(request.headers)
            )
            answer = connection.getresponse()
            return Response(answer.status, answer.read(), dict(answer.getheaders()))
        except HTTPException as fault:
            raise OSError(f"{type(fault).__name__}: {fault}") from fault
        finally:
            connection.close()

    return send


def directly(endpoint: Endpoint, clock: Callable[[], float]) -> Transport:
    """Return a transport to an endpoint in the same program."""
    return lambda request: endpoint.handle(request, clock())


@dataclass(frozen=True)
class Answer:
    """What a CPMS answered."""

    status: int
    content: dict


class Letters:
    """What a DNO writes to the CPMS of one site: numbered requests, each under an ID of its own.

    Parameters
    ----------
    site_id, token : str
        Connection point, and the DNO's access token.
    clock : callable
        Seconds since 1970 [s].
    new_id : callable, optional
        Makes request IDs; random ones if not given.
    """

    def __init__(
        self,
        site_id: str,
        token: str,
        clock: Callable[[], float],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    ):
        self.newest = {"setpoint": -1, "forecast": -1, "trip": -1}
        self._path = f"{BASE}/sites/{quote(site_id, safe='')}"
        self._token = token
        self._clock = clock
        self._new_id = new_id

    def setpoint(self, limit_kw: float, valid_s: float, **more) -> Request:
        """Write a limit [kW] that holds from now for some time [s]."""
        until = {"validUntil": written(self._clock() + valid_s)}
        return self._numbered("PUT", "setpoint", {"limitKw": limit_kw} | until | more)

    def forecast(self, blocks: Sequence[tuple[float, float, float]]) -> Request:
        """Write limits for times to come: start, end [s], limit [kW]."""
        names = ("startTime", "endTime", "limitKw")
        rows = [
            dict(zip(names, (written(start), written(end), kw), strict=True))
            for start, end, kw in blocks
        ]
        return self._numbered("PUT", "forecast", {"blocks": rows})

    def heartbeat(self, alive_s: float) -> Request:
        """Write that the DNO is there, and will say so again within some time [s]."""
        body = {"offlineModeAt": written(self._clock() + alive_s)}
        return self._write("POST", "/heartbeat", body)

    def trip(self, action: str = "TRIP", **more) -> Request:
        """Write to stop all charging ("TRIP"), or to let it begin again ("RELEASE")."""
        return self._numbered("POST", "trip", {"action": action} | more)

    def question(self, path: str = "") -> Request:
        """Write a question, such as "/status"."""
        return self._write("GET", path)

    def _numbered(self, method: str, resource: str, body: dict) -> Request:
        self.newest[resource] += 1
        head = {"sequence": self.newest[resource], "issuedAt": written(self._clock())}
        return self._write(method, f"/{resource}", head | body)

    def _write(self, method: str, path: str, body: dict | None = None) -> Request:
        headers = {"authorization": f"Bearer {self._token}"}
        if body is None:
            return Request(method, self._path + path, headers)
        headers |= {"content-type": "application/json", "x-request-id": str(self._new_id())}
        return Request(method, self._path + path, headers, json.dumps(body).encode())


class Client:
    """A DNO that leads one site, and waits for each answer.

    Parameters
    ----------
    transport : callable
        From `over_http` or `directly`.
    letters : Letters
        What it writes.
    tries : int
        How often a request is sent until an answer comes, under the same request ID.
    """

    def __init__(self, transport: Transport, letters: Letters, tries: int = 3):
        self._transport = transport
        self._letters = letters
        self._tries = tries

    def setpoint(self, limit_kw: float, valid_s: float, **more) -> Answer:
        """Send a limit [kW] that holds from now for some time [s]."""
        return self._numbered("setpoint", limit_kw, valid_s, **more)

    def forecast(self, blocks: Sequence[tuple[float, float, float]]) -> Answer:
        """Send limits for times to come: start, end [s], limit [kW]."""
        return self._numbered("forecast", blocks)

    def heartbeat(self, alive_s: float) -> Answer:
        """Say that the DNO is there, and will say so again within some time [s]."""
        return self._send(self._letters.heartbeat(alive_s))

    def trip(self, action: str = "TRIP", **more) -> Answer:
        """Stop all charging ("TRIP"), or let it begin again ("RELEASE")."""
        return self._numbered("trip", action, **more)

    def status(self) -> Answer:
        """Ask for the state."""
        return self._send(self._letters.question("/status"))

    def terms(self) -> Answer:
        """Ask for the terms."""
        return self._send(self._letters.question())

    def measurements(self, start: float, end: float, resolution: str = "PT30M") -> Answer:
        """Ask for the import between two instants [s]."""
        query = {"from": written(start), "to": written(end), "resolution": resolution}
        return self._send(self._letters.question(f"/measurements?{urlencode(query)}"))

    def _numbered(self, resource: str, *content, **more) -> Answer:
        """Send under the next sequence; where the CPMS has heard a higher one, go on from there."""
        for _ in range(2):
            answer = self._send(getattr(self._letters, resource)(*content, **more))
            if answer.status != 409:
                break
            newest = self._letters.newest
            newest[resource] = max(newest[resource], answer.content["lastSequence"])
        return answer

    def _send(self, request: Request) -> Answer:
        for left in reversed(range(self._tries)):
            try:
                answer = self._transport(request)
                break
            except OSError:
                if not left:
                    raise
        return Answer(answer.status, json.loads(answer.body or b"{}"))


class Receiver:
    """Where a CPMS sends its webhooks; a context manager. `events` gathers (name, event)."""

    def __init__(self):
        self.events: list[tuple[str, dict]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.events.append((self.path.lstrip("/"), json.loads(raw)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
