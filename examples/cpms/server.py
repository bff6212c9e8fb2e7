"""The interface over HTTP, with the standard library; and the control loop that runs beside it.

For trials on one's own machine: it speaks plain HTTP. A CPMS in service stands behind TLS with
client certificates, as the document says.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cpms.endpoint import LARGEST_BODY, Endpoint, Request, status
from cpms.messages import written

LOOPBACK = "127.0.0.1"
WEBHOOK_TRIES = 3


def steady_clock() -> Callable[[], float]:
    """Return a clock of seconds since 1970 that no correction of the system's clock sets back."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


class _Listener(ThreadingHTTPServer):
    request_queue_size = 64  # the default of 5 turns clients away that come at once


class Server:
    """A CPMS on loopback; a context manager.

    Parameters
    ----------
    endpoint : Endpoint
        What answers.
    clock : callable, optional
        Seconds since 1970 [s].
    port : int
        0 for any that is free.
    period_s : float or None
        Between two steps of the control loop [s]; None if the caller makes the steps.
    webhook : str, optional
        URL of the DNO's receiver.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float] | None = None,
        port: int = 0,
        period_s: float | None = 0.2,
        webhook: str | None = None,
    ):
        self.endpoint = endpoint
        self.clock = clock or steady_clock()
        self.period_s = period_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._news: queue.Queue[tuple[str, dict] | None] = queue.Queue()
        self._webhook = webhook
        self._http = _Listener((LOOPBACK, port), _handler(self._answer))
        self._threads = [threading.Thread(target=self._http.serve_forever, args=(0.02,))]
        if period_s is not None:
            self._threads.append(threading.Thread(target=self._control))
        if webhook:
            self._threads.append(threading.Thread(target=self._tell))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._http.server_address[1]}"

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._news.put(None)
        self._http.shutdown()
        for thread in self._threads:
            thread.join()
        self._http.server_close()

    def step(self) -> None:
        """Go once round the control loop of every connection."""
        with self._lock:
            now = self.clock()
            for connection in self.endpoint.connections.values():
                connection.step(now)
            self._gather(now)

    def _answer(self, request: Request):
        with self._lock:
            now = self.clock()
            response = self.endpoint.handle(request, now)
            self._gather(now)
        return response

    def _control(self) -> None:
        while not self._stop.wait(self.period_s):
            self.step()

    def _gather(self, now: float) -> None:
        """Turn what changed into events for the DNO."""
        for connection in self.endpoint.connections.values():
            changes, connection.machine.changes = connection.machine.changes, []
            if self._webhook is None:
                continue
            for change in changes:
                event = {
                    "eventId": str(uuid.uuid4()),
                    "siteId": connection.site_id,
                    "at": written(change.at),
                }
                news = {"before": change.before, "after": change.after}
                told = event | news | {"status": status(connection, now)}
                self._news.put(("stateChanged", told))
                if change.after == "WARNING":
                    limit = {"limitKw": connection.machine.applied_kw}
                    told = event | limit | {"importKw": connection.import_kw}
                    self._news.put(("complianceError", told | {"eventId": str(uuid.uuid4())}))

    def _tell(self) -> None:
        while (news := self._news.get()) is not None:
            name, event = news
            for _ in range(WEBHOOK_TRIES):
                try:
                    post(f"{self._webhook}/{name}", event)
                    break
                except (OSError, HTTPException):
                    if self._stop.wait(0.1):
                        return


def post(url: str, content: dict, timeout_s: float = 5.0) -> int:
    """Send JSON and return the status of the answer."""
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc, timeout=timeout_s)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", place.path, json.dumps(content), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _handler(answer: Callable) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10  # a client that says nothing does not hold a thread for ever

        def _any(self):
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                length = -1
            if length < 0 or "chunked" in self.headers.get("Transfer-Encoding", ""):
                self.send_error(411)
                self.close_connection = True
                return
            # One byte over the limit is enough to refuse a longer body.
            body = self.rfile.read(min(length, LARGEST_BODY + 1))
            self.close_connection |= length > len(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = answer(Request(self.command, self.path, headers, body))
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_TRACE = _any  # noqa: N815

        def log_message(self, *_):
            pass

    return Handler
