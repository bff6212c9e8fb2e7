"""Kernels of a run: this interpreter, talking over IPC, never outliving the process that asked.

Run as `python -m scchelpers.runner.kernels -f CONNECTION_FILE`, this module is the kernel itself.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
import weakref
from pathlib import Path
from queue import Empty
from typing import ClassVar, NoReturn

import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from scchelpers.portfolio import reads

# One thread a kernel: the sites are the parallel work, and sums come out in one order.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    ),
    "1",
)
# A figure that a cell leaves open is an output of the cell, as in JupyterLab.
INLINE = "module://matplotlib_inline.backend_inline"
# Variables in which all kernels of a run are alike, and what they are forked from.
ALIKE = {
    **ONE_THREAD,
    "MPLBACKEND": INLINE,
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class RunKernelClient(AsyncKernelClient):
    """Knows that a kernel is ready by its own word, where Jupyter's waits for a silence."""

    def __init__(self, **traits):
        super().__init__(**traits)
        # [ms] A forked kernel is there sooner than ZeroMQ would look for it again.
        self.context.setsockopt(zmq.RECONNECT_IVL, 2)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return when the kernel has answered on both its channels.

        Raises
        ------
        RuntimeError
            If it has ended, or does not answer in time [s].
        """
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
        self.client_class = f"{__name__}.RunKernelClient"
        handle, self.connection_file = tempfile.mkstemp(suffix=".json", prefix="k")
        os.close(handle)
        Path(self.connection_file).unlink()

    @property
    def kernel_spec(self) -> KernelSpec:
        """The specification of the kernel, made here rather than looked up."""
        argv = [sys.executable, "-m", __name__, "-f", "{connection_file}"]
        metadata = {"kernel_provisioner": {"provisioner_name": "scc-warm"}} if self.forked else {}
        return KernelSpec(argv=argv, display_name="Python 3", language="python", metadata=metadata)


def end_all() -> None:
    """End every kernel of this process at once, with all that it started."""
    for manager in list(RunKernelManager.live):
        process = getattr(manager.provisioner, "process", None)
        if process is not None and process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # a kernel leads its process group


def environment(scratch: str | Path, memory_mb: float | None = None) -> dict[str, str]:
    """Return the variables in which kernels run, beside those of this process.

    Parameters
    ----------
    scratch : str or pathlib.Path
        Folder of the worker; the user's IPython start-up files and history stay out of a run.
    memory_mb : float, optional
        Memory that a kernel may allocate [MB].
    """
    limit = {} if memory_mb is None else {"SCC_MEMORY_MB": str(memory_mb)}
    return {
        **ALIKE,
        **limit,
        reads.VARIABLE: str(Path(scratch, "reads")),
        "IPYTHONDIR": str(Path(scratch, "ipython")),
        "TMPDIR": str(scratch),
    }


def die_with_parent() -> None:
    """Have the system end this process at once when its parent ends, however it ends.

    Linux only; elsewhere the kernel's own poll of its parent, once a second, does it.
    """
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before the call.
    if os.getppid() != int(os.environ.get("JPY_PARENT_PID", os.getppid())):
        sys.exit(1)


def limit_memory() -> None:
    """Have an allocation beyond SCC_MEMORY_MB raise MemoryError, on Linux.

    What a forked kernel shares with the process it comes from does not count.
    """
    most_mb = os.environ.get("SCC_MEMORY_MB")
    if not most_mb or sys.platform != "linux":
        return
    import resource

    status = Path("/proc/self/status").read_text(encoding="ascii")
    held_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmData" in line)
    most = held_kb * 1024 + int(float(most_mb) * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def become_kernel(arguments: list[str], env: dict[str, str], cwd: str) -> NoReturn:
    """Turn this process, just forked, into a kernel; it never returns.

    Parameters
    ----------
    arguments : list of str
        Of the command line of a kernel: `-f`, its connection file, and what else Jupyter asks for.
    env : dict of str to str
        All environment variables of the kernel, JPY_PARENT_PID among them.
    cwd : str
        Its working directory.
    """
    code = 1
    try:
        os.setpgid(0, 0)
        os.environ.clear()
        os.environ.update(env)
        die_with_parent()
        os.chdir(cwd)
        sys.path[0] = cwd
        tempfile.tempdir = None  # where temporary files go is for the kernel's own variables to say
        sys.argv = [__file__, *arguments]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        random.seed()  # or every kernel would draw the same "random" numbers
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        limit_memory()
        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        app.initialize(arguments)
        inline = sys.modules.get(INLINE.removeprefix("module://"))
        if inline is not None:  # it was imported when there was no shell to show figures
            inline.configure_inline_support(app.shell, INLINE)
            sys.modules["matplotlib"].interactive(True)  # or figures are not noted as drawn
        app.start()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # nothing of the process it was forked from may be run down here


if __name__ == "__main__":
    die_with_parent()
    limit_memory()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
