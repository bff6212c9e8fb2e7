"""Kernels of a run: this interpreter, talking over IPC, never outliving the process that asked.

They are forks of a warm process (`forker`), handed out by a provisioner that jupyter_client knows
by the entry point `scc-warm`: whatever drives kernels through it (papermill, nbclient) need not
know, and a kernel is ready in a few hundredths of a second. Where none can be forked it is started
as any other, and `WarmProvisioner.stock_because` says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable
from pathlib import Path
from queue import Empty
from typing import ClassVar

import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from scchelpers.portfolio import reads
from scchelpers.runner.forker import INLINE

NAME = "scc-warm"
_FORKER = "scchelpers.runner.forker"
# One thread a kernel: the sites are the parallel work, and sums come out in one order.
ONE_THREAD = {
    f"{library}_THREADS": "1"
    for library in (
        "OMP_NUM",
        "OPENBLAS_NUM",
        "MKL_NUM",
        "VECLIB_MAXIMUM",
        "NUMEXPR_NUM",
        "NUMBA_NUM",
    )
}
# Variables in which all kernels of a run are alike, and what they are forked from.
ALIKE = {
    **ONE_THREAD,
    "MPLBACKEND": INLINE,
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
# What keeps libraries from starting threads when they are imported.
_THREADLESS = {**ONE_THREAD, "JE_ARROW_MALLOC_CONF": "background_thread:false"}
_LONGEST_START_S = 180.0


class ForkRefusedError(RuntimeError):
    """A kernel cannot be forked here; the message says why."""


class _WarmProcess:
    """A fork of a warm process: as much of `subprocess.Popen` as jupyter_client needs."""

    stdin = stdout = stderr = None

    def __init__(self, server: WarmServer, pid: int):
        self._server, self.pid = server, pid
        self.returncode: int | None = None
        self.used: dict[str, float] = {}

    def poll(self) -> int | None:
        """Return the exit status, None while the process lives."""
        if self.returncode is None:
            self._server.listen()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when the process has ended; TimeoutExpired after `timeout` [s]."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("kernel", timeout)
            self._server.listen(0.1)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it lives."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)


class WarmServer:
    """The warm process as one who asks it for kernels sees it, at the other end of a channel.

    `process` is the warm process where it is one's own, None where it is a fork of another's.
    """

    def __init__(self, channel: socket.socket, process: subprocess.Popen | None = None):
        self._channel = channel
        self.process = process
        self._lock = threading.RLock()
        self._forks: dict[int, _WarmProcess] = {}
        self._unread = b""
        self._handle: int | None = None  # of the process, whatever becomes of its number
        self._gone = False

    @classmethod
    def start(
        cls,
        modules: Iterable[str] = (),
        portfolio: str = "",
        env: dict[str, str] | None = None,
    ) -> WarmServer:
        """Return a new warm process that imports modules and reads the tables of a portfolio.

        Raises
        ------
        ForkRefusedError
            If forking is not safe on this system.
        """
        if sys.platform != "linux":
            raise ForkRefusedError(f"forking is not safe on {sys.platform}")
        ours, theirs = socket.socketpair()
        told = {**(env or {}), **_THREADLESS, "JPY_PARENT_PID": str(os.getpid())}
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", _FORKER, str(theirs.fileno()), portfolio, *modules],
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
        """Return when the process has imported all it was asked to, or has ended.

        One that says nothing for long is ended: it hangs, or was stopped.
        """
        with self._lock, contextlib.suppress(OSError):
            if self._handle is None and self._heard(_LONGEST_START_S) == {}:
                self.kill()

    def fork(self, arguments: list[str], env: dict[str, str], cwd: str) -> _WarmProcess:
        """Return a new kernel, with the command line, variables and working directory given.

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
                        pid = answer["pid"]
                        return self._forks.setdefault(pid, _WarmProcess(self, pid))
                    if "refused" in answer:
                        raise ForkRefusedError(answer["refused"])
            except OSError:
                pass
            self._lost()
            raise ForkRefusedError("the warm process has ended")

    def listen(self, patience: float = 0.0) -> None:
        """Take in which kernels have ended, waiting up to `patience` [s] for news."""
        if not self._lock.acquire(timeout=1.0):
            return  # another thread waits for a kernel, and will hear it
        try:
            while (answer := self._heard(patience)) != {}:
                if answer is None:
                    self._lost()
                    break
                patience = 0.0
        except OSError:
            self._lost()
        finally:
            self._lock.release()

    def kill(self) -> None:
        """End the process at once, stopped or not; its kernels die with it."""
        with contextlib.suppress(OSError):
            if self.process is not None:
                self.process.kill()
            elif self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def end(self) -> None:
        """End every kernel made here, and the process."""
        self.listen()
        self._channel.close()  # it then ends its kernels with all that they started, and itself
        if self.process is not None:
            if self._handle is not None:  # or it is still importing, and has no kernel to end
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)
            self.process.kill()
            self.process.wait()
        elif self._handle is not None and not select.select([self._handle], [], [], 5)[0]:
            self.kill()  # it was stopped
            select.select([self._handle], [], [], 5)
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
        if "ready" in message and self._handle is None:
            with contextlib.suppress(OSError):
                self._handle = os.pidfd_open(message["ready"])
        if "ended" in message:
            kernel = self._forks.pop(message["ended"], None)
            if kernel is not None:
                kernel.used, kernel.returncode = message["used"], message["returncode"]
        return message

    def _lost(self) -> None:
        """Take it that the process is gone, and with it every kernel."""
        self._gone = True
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        while self._forks:
            _, kernel = self._forks.popitem()
            kernel.returncode = -signal.SIGKILL


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from a warm process; owns their process ids.

    What the warm process of this one imports (`modules`) and whose tables it reads (`portfolio`) is
    set before the first kernel, as may be one to share (`server`). `last` is the last kernel, None
    if it was started rather than forked; `stock_because` then says why.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    portfolio: ClassVar[str] = ""
    server: ClassVar[WarmServer | None] = None
    last: ClassVar[_WarmProcess | None] = None
    stock_because: ClassVar[str] = ""

    async def launch_kernel(self, cmd: list[str], **kwargs):
        """Fork a kernel, or start one where that cannot be."""
        cwd = Path(kwargs.get("cwd") or Path.cwd())
        try:
            self.process = self._fork(cmd[cmd.index("-f") :], dict(kwargs["env"]), str(cwd))
        except ForkRefusedError as why:
            WarmProvisioner.last, WarmProvisioner.stock_because = None, str(why)
            return await super().launch_kernel(cmd, **kwargs)
        WarmProvisioner.last, WarmProvisioner.stock_because = self.process, ""
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and see it gone, which Jupyter would look for ten times a second."""
        await super().kill(restart)
        await self.wait()

    async def wait(self) -> int | None:
        """Return the exit status of the kernel when it has ended; Jupyter looks too rarely."""
        while isinstance(self.process, _WarmProcess) and self.process.poll() is None:
            await asyncio.sleep(0.005)
        return await super().wait()

    @classmethod
    def _fork(cls, *request) -> _WarmProcess:
        """Fork a kernel; a warm process that ended in the meantime is made anew, once."""
        server = cls._warm_server()
        try:
            return server.fork(*request)
        except ForkRefusedError:
            if server.alive:
                raise
        return cls._warm_server().fork(*request)

    @classmethod
    def prepare(cls) -> None:
        """Have a warm process that can fork at once, where one can be had."""
        with contextlib.suppress(ForkRefusedError):
            cls._warm_server().wait_ready()

    @classmethod
    def _warm_server(cls) -> WarmServer:
        """Return the warm process of this process, made anew if it has ended."""
        if cls.server is None or not cls.server.alive:
            WarmProvisioner.server = WarmServer.start(cls.modules, cls.portfolio)
        return WarmProvisioner.server

    @classmethod
    def end_server(cls) -> None:
        """End the warm process and every kernel it made."""
        if cls.server is not None:
            cls.server.end()
            WarmProvisioner.server = None


class _RunKernelClient(AsyncKernelClient):
    """Knows that a kernel is ready by its own word, where Jupyter's waits for a silence."""

    def __init__(self, **traits):
        super().__init__(**traits)
        # [ms] A forked kernel is there sooner than ZeroMQ would look for it again.
        self.context.setsockopt(zmq.RECONNECT_IVL, 2)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return when the kernel has answered on both its channels; RuntimeError if it does not."""
        end = time.monotonic() + (timeout or float("inf"))
        while time.monotonic() < end:
            asked = self.kernel_info()
            with contextlib.suppress(Empty):
                await self.get_shell_msg(timeout=1)
                # Unheard where the channel was not yet connected: then it is asked again.
                while not _is_idle_after(asked, await self.get_iopub_msg(timeout=0.02)):
                    continue
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
        raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")


def _is_idle_after(asked: str, message: dict) -> bool:
    idle = message["content"].get("execution_state") == "idle"
    return idle and message["parent_header"].get("msg_id") == asked


class RunKernelManager(AsyncKernelManager):
    """Starts kernels of this interpreter, whatever kernel specs the machine has.

    The connection file and sockets lie in the temporary folder: socket paths must be short.
    """

    live: ClassVar[weakref.WeakSet[RunKernelManager]] = weakref.WeakSet()
    forked: ClassVar[bool] = True

    def __init__(self, **traits):
        super().__init__(**traits)
        self.live.add(self)
        self.transport = "ipc"
        self.client_class = f"{__name__}._RunKernelClient"
        handle, self.connection_file = tempfile.mkstemp(suffix=".json", prefix="k")
        os.close(handle)
        Path(self.connection_file).unlink()

    @property
    def kernel_spec(self) -> KernelSpec:
        """The specification of the kernel, made here rather than looked up."""
        argv = [sys.executable, "-m", _FORKER, "-f", "{connection_file}"]
        metadata = {"kernel_provisioner": {"provisioner_name": NAME}} if self.forked else {}
        return KernelSpec(argv=argv, display_name="Python 3", language="python", metadata=metadata)


def end_all() -> None:
    """End every kernel of this process at once, with all that it started."""
    for manager in list(RunKernelManager.live):
        process = getattr(manager.provisioner, "process", None)
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # a kernel leads its process group


def environment(scratch: Path, memory_mb: float | None = None) -> dict[str, str]:
    """Return the variables in which kernels run, beside those of this process.

    The user's IPython start-up files and history stay out of a run.
    """
    limit = {} if memory_mb is None else {"SCC_MEMORY_MB": str(memory_mb)}
    own = {reads.VARIABLE: "reads", "IPYTHONDIR": "ipython"}
    return {
        **ALIKE,
        **limit,
        **{name: str(scratch / place) for name, place in own.items()},
        "TMPDIR": str(scratch),
    }
