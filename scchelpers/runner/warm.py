"""A warm process, which forks kernels from itself, as those who ask it for kernels see it.

A kernel so made has its own process and namespace, and is ready in a few hundredths of a second.
The process itself: `forker`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable

from scchelpers.runner.kernels import ONE_THREAD

# What keeps libraries from starting threads when they are imported.
THREADLESS = {**ONE_THREAD, "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_PROCESS = "scchelpers.runner.forker"


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
    """The warm process as one who asks it for kernels sees it.

    Parameters
    ----------
    channel : socket.socket
        Channel to a warm process, see `start` and `share`.
    process : subprocess.Popen, optional
        The warm process, where it is one's own.
    """

    def __init__(self, channel: socket.socket, process: subprocess.Popen | None = None):
        self._channel = channel
        self.process = process
        self._lock = threading.RLock()
        self._kernels: dict[int, WarmProcess] = {}
        self._unread = b""
        self._ready = self._gone = False

    @classmethod
    def start(
        cls,
        modules: Iterable[str] = (),
        portfolio: str = "",
        env: dict[str, str] | None = None,
    ) -> WarmServer:
        """Return a new warm process of one's own.

        Parameters
        ----------
        modules : iterable of str
            What to import before the first fork; a module that cannot be imported is left to the
            notebook that wants it.
        portfolio : str
            Folder of a portfolio whose tables to read before; "" for none.
        env : dict of str to str, optional
            Environment variables beside those of this process.

        Raises
        ------
        ForkRefusedError
            If forking is not safe on this system.
        """
        if sys.platform != "linux":
            raise ForkRefusedError(f"forking is not safe on {sys.platform}")
        ours, theirs = socket.socketpair()
        told = {**(env or {}), **THREADLESS, "JPY_PARENT_PID": str(os.getpid())}
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", _PROCESS, str(theirs.fileno()), portfolio, *modules],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, **told},
            )
        return cls(ours, process)

    def share(self) -> socket.socket:
        """Return a channel to a fork of the process, for another process to have its kernels from.

        Raises
        ------
        ForkRefusedError
            If the process is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                socket.send_fds(self._channel, [b"{}\n"], [theirs.fileno()])
            except OSError:
                ours.close()
                raise ForkRefusedError("the warm process has ended") from None
        return ours

    @property
    def alive(self) -> bool:
        """Whether the process can fork, as far as is known."""
        return not self._gone and (self.process is None or self.process.poll() is None)

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
        """End every kernel made here, and the process if it is one's own."""
        self.listen()
        self._channel.close()
        if self.process is not None:
            if self._ready:  # or it is still importing, and has no kernel to end
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
        self._gone = True
        while self._kernels:
            _, kernel = self._kernels.popitem()
            kernel.returncode = -signal.SIGKILL
