"""Kernels of a run: this interpreter, talking over IPC, never outliving the process that asked.

Run as `python -m scchelpers.runner.kernels -f CONNECTION_FILE`, this module is the kernel itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import weakref
from pathlib import Path
from typing import ClassVar

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

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
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class RunKernelManager(AsyncKernelManager):
    """Starts kernels of this interpreter, whatever kernel specs the machine has.

    The connection file and sockets lie in the temporary folder: socket paths must be short.
    """

    live: ClassVar[weakref.WeakSet[RunKernelManager]] = weakref.WeakSet()

    def __init__(self, **traits):
        super().__init__(**traits)
        self.live.add(self)
        self.transport = "ipc"
        handle, self.connection_file = tempfile.mkstemp(suffix=".json", prefix="k")
        os.close(handle)
        Path(self.connection_file).unlink()

    @property
    def kernel_spec(self) -> KernelSpec:
        """The specification of the kernel, made here rather than looked up."""
        argv = [sys.executable, "-m", __name__, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def end_all() -> None:
    """End every kernel of this process at once, with all that it started."""
    for manager in list(RunKernelManager.live):
        process = getattr(manager.provisioner, "process", None)
        if process is not None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # a kernel leads its process group


def environment(scratch: str | Path) -> dict[str, str]:
    """Return the variables in which kernels run, beside those of this process.

    Parameters
    ----------
    scratch : str or pathlib.Path
        Folder of the worker; the user's IPython start-up files and history stay out of a run.
    """
    return {
        **ONE_THREAD,
        "MPLBACKEND": "Agg",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(Path(scratch, "ipython")),
        "TMPDIR": str(scratch),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
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


if __name__ == "__main__":
    die_with_parent()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
