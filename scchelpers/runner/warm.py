"""A warm process: it has imported what notebooks import, and forks a kernel from itself on request.

A kernel so made has its own process and namespace, and is ready in a few hundredths of a second.
The warm process never holds a thread, an event loop or a socket of a kernel: it is one loop over
one channel. It ends with the process that started it, and its kernels end with it.

Run as `python -m scchelpers.runner.warm DESCRIPTOR MODULE…`, this module is the process itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from scchelpers.runner import imports
from scchelpers.runner.kernels import ONE_THREAD, become_kernel, die_with_parent

# What keeps libraries from starting threads when they are imported.
THREADLESS = {**ONE_THREAD, "JE_ARROW_MALLOC_CONF": "background_thread:false"}


class ForkRefusedError(RuntimeError):
    """A kernel cannot be forked here; the message says why."""


class WarmProcess:
    """A forked kernel as its owner sees it: as much of `subprocess.Popen` as jupyter_client needs.

    Signals go to the kernel's own process id.

    Attributes
    ----------
    pid : int
        Process id; the kernel leads a process group of the same number.
    returncode : int or None
        As of `subprocess.Popen`; None while it lives.
    used : dict
        `cpu_s` [s] and `peak_mb` [MB] of the process, once it has ended.
    """

    stdin = stdout = stderr = None

    def __init__(self, server: WarmServer, pid: int):
        self._server, self.pid = server, pid
        self.returncode: int | None = None
        self.used: dict[str, float] = {}

    def poll(self) -> int | None:
        """Return the exit status, None while the kernel lives."""
        self._server.listen()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when the kernel has ended.

        Raises
        ------
        subprocess.TimeoutExpired
            If it has not ended in time [s].
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout)
            self._server.listen(0.1)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


class WarmServer:
    """The warm process as its owner sees it.

    Parameters
    ----------
    modules : iterable of str
        What to import before the first fork; a module that cannot be imported is left to the
        notebook that wants it.
    """

    def __init__(self, modules: Iterable[str] = ()):
        if sys.platform != "linux":
            raise ForkRefusedError(f"forking is not safe on {sys.platform}")
        ours, theirs = socket.socketpair()
        self._channel = ours
        self._lock = threading.RLock()
        self._kernels: dict[int, WarmProcess] = {}
        self._unread = b""
        self._ready = False
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, **THREADLESS, "JPY_PARENT_PID": str(os.getpid())},
            )

    @property
    def alive(self) -> bool:
        """Whether the process can fork."""
        return self.process.poll() is None

    def wait_ready(self) -> None:
        """Wait until the imports are done; a process that has ended is ready as well."""
        with self._lock, contextlib.suppress(OSError):
            while not self._ready and self._heard(None) is not None:
                continue

    def fork(self, arguments: list[str], env: dict[str, str], cwd: str) -> WarmProcess:
        """Return a new kernel.

        Parameters
        ----------
        arguments : list of str
            Of the command line of a kernel: `-f`, its connection file, and what else Jupyter asks.
        env : dict of str to str
            All its environment variables.
        cwd : str
            Its working directory.

        Raises
        ------
        ForkRefusedError
            If the process is gone or holds threads.
        """
        with self._lock:
            request = {"arguments": arguments, "env": env, "cwd": cwd}
            try:
                self._channel.sendall(json.dumps(request).encode() + b"\n")
                while (answer := self._heard(None)) is not None:
                    if "pid" in answer:
                        return self._kernels.setdefault(
                            answer["pid"], WarmProcess(self, answer["pid"])
                        )
                    if "refused" in answer:
                        raise ForkRefusedError(answer["refused"])
            except OSError:
                pass
            self._lost()
            raise ForkRefusedError("the warm process has ended")

    def listen(self, patience: float = 0.0) -> None:
        """Take in which kernels have ended, waiting up to `patience` [s] for news."""
        with self._lock:
            try:
                while (answer := self._heard(patience)) != {}:
                    if answer is None:
                        return self._lost()
                    patience = 0.0
            except OSError:
                self._lost()

    def end(self) -> None:
        """End the process and every kernel it made."""
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self._lost()

    def _heard(self, patience: float | None) -> dict | None:
        """Return the next message, {} if there is none, None if there will be none."""
        while b"\n" not in self._unread:
            self._channel.settimeout(patience)
            try:
                more = self._channel.recv(65536)
            except (TimeoutError, BlockingIOError):
                return {}
            if not more:
                return None
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        message = json.loads(line)
        self._ready |= "ready" in message
        if "ended" in message:
            kernel = self._kernels.pop(message["ended"], None)
            if kernel is not None:
                kernel.used, kernel.returncode = message["used"], message["returncode"]
        return message

    def _lost(self) -> None:
        """Take it that the process is gone, and with it every kernel."""
        while self._kernels:
            _, kernel = self._kernels.popitem()
            kernel.returncode = -signal.SIGKILL


def _serve(channel: socket.socket, modules: list[str]) -> None:
    """Fork kernels on request until the owner closes the channel."""
    imports.load(modules)
    gc.collect()
    gc.freeze()  # what all kernels share is not copied for the collector's bookkeeping
    watched = selectors.DefaultSelector()
    watched.register(channel, selectors.EVENT_READ)
    unread = b""
    channel.sendall(b'{"ready": true}\n')
    while True:
        for key, _ in watched.select():
            if key.fileobj is not channel:
                _report(channel, watched, key)
                continue
            more = channel.recv(65536)
            if not more:
                return
            *requests, unread = (unread + more).split(b"\n")
            for request in requests:
                _fork(channel, watched, json.loads(request))


def _fork(channel: socket.socket, watched: selectors.BaseSelector, request: dict) -> None:
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads > 1:
        why = f"the imports of the notebooks have started {threads - 1} threads"
        channel.sendall(json.dumps({"refused": why}).encode() + b"\n")
        return
    request["env"]["JPY_PARENT_PID"] = str(os.getpid())
    pid = os.fork()
    if pid == 0:
        watched.close()
        channel.close()
        become_kernel(**request)
    os.setpgid(pid, pid)  # as the kernel does itself: whichever comes first
    watched.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
    channel.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _report(channel: socket.socket, watched: selectors.BaseSelector, key) -> None:
    """Reap a kernel that has ended, and tell what it used."""
    watched.unregister(key.fileobj)
    os.close(key.fileobj)
    _, status, usage = os.wait4(key.data, 0)
    message = {
        "ended": key.data,
        "returncode": os.waitstatus_to_exitcode(status),
        "used": {
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "peak_mb": round(usage.ru_maxrss / 1024, 1),
        },
    }
    with contextlib.suppress(OSError):
        channel.sendall(json.dumps(message).encode() + b"\n")


def _end_all() -> None:
    """End the kernels, which lead process groups of their own, and go."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for pid in children.read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):
            os.killpg(int(pid), signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    die_with_parent()
    _descriptor, *_modules = sys.argv[1:]
    try:
        _serve(socket.socket(fileno=int(_descriptor)), _modules)
    finally:
        _end_all()
