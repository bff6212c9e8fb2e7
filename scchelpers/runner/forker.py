"""The warm process, which has imported what notebooks import, and the kernels forked from it.

It never holds a thread, an event loop or a socket of a kernel: it is one loop over one channel. It
ends when the channel does, and its kernels with it. To be shared it forks itself: each who asks for
kernels has a warm process to itself, and what was imported is in memory once. Who asks: `kernels`.

Run as `python -m scchelpers.runner.forker DESCRIPTOR PORTFOLIO MODULE…`; with `-f CONNECTION_FILE`
it is a kernel itself, as where none can be forked.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

# A figure that a cell leaves open is an output of the cell, as in JupyterLab.
INLINE = "module://matplotlib_inline.backend_inline"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_ALWAYS = (
    "IPython.core.display_functions",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
)
# What a library imports only when it is first used.
_LATER = {
    "PIL": tuple(f"PIL.{kind}ImagePlugin" for kind in ("Bmp", "Gif", "Jpeg", "Png", "Ppm")),
    "fsspec": ("fsspec.implementations.local",),
    "matplotlib": (
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
        "matplotlib_inline.backend_inline",
    ),
    "pandas": ("pandas.core.arrays.arrow.extension_types", "pandas.io.formats.string"),
    "pyarrow": ("pyarrow.dataset", "pyarrow.parquet"),
    "scchelpers.report": ("jinja2", "matplotlib.pyplot", "scchelpers.report.say"),
    "xarray": ("dask.array", "xarray.computation.nanops", "zarr"),
}


def _load(modules: Iterable[str]) -> None:
    """Import modules, what they import later, and the compiled code of those that have some."""
    _import([*_ALWAYS, *modules])
    _import(name for first, names in _LATER.items() if first in sys.modules for name in names)
    if "numba" in sys.modules:
        with contextlib.suppress(Exception):  # another version of Numba may keep it elsewhere
            _load_compiled()


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):  # the notebook that wants it says it better
            importlib.import_module(name)


def _load_compiled() -> None:
    """Load what Numba otherwise loads at the first call in each kernel: types and cached code."""
    from numba.core.dispatcher import Dispatcher
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    here = cpu_target.target_context.codegen().magic_tuple()
    for function in [thing for thing in gc.get_objects() if isinstance(thing, Dispatcher)]:
        cache = getattr(function._cache, "_cache_file", None)
        for signature, made_for, _ in cache._load_index() if cache else ():
            if made_for == here:
                function.compile(signature)


def _read_tables(portfolio: str) -> None:
    """Read the tables of a portfolio that every notebook looks into.

    They are kept with the bytes they were read from (`frames.remembered`): a kernel that finds a
    table changed reads it anew.
    """
    from scchelpers.portfolio import Portfolio, reads

    os.environ.pop(reads.VARIABLE, None)  # no notebook has read it by this
    with contextlib.suppress(Exception):  # the notebook that meets it says it better
        folder = Portfolio.open(portfolio)
        for name in ("sites.csv", "chargepoints.csv", "assets.csv"):
            folder.raw_table(name)


def _serve(channel: socket.socket) -> None:
    """Fork kernels on request until the one at the other end closes the channel."""
    watched = selectors.DefaultSelector()
    watched.register(channel, selectors.EVENT_READ)
    unread = b""
    _tell(channel, ready=os.getpid())
    while True:
        for key, _ in watched.select():
            if key.fileobj is not channel:
                _report(channel, watched, key)
                continue
            more, descriptors, *_ = socket.recv_fds(channel, 65536, 8)
            if not more:
                return
            for descriptor in descriptors:
                if (other := _share(channel, watched, descriptor)) is not None:
                    _serve(other)
                    return
            *lines, unread = (unread + more).split(b"\n")
            for request in filter(None, map(json.loads, lines)):
                _fork(channel, watched, request)


def _tell(channel: socket.socket, **message) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _share(channel: socket.socket, watched, descriptor: int) -> socket.socket | None:
    """Fork this process; return the channel that the new one is to serve, None in this one.

    Where a fork is not safe the channel is closed: the other end then looks after itself.
    """
    with socket.socket(fileno=descriptor) as other:
        if _threads() > 1:
            return None
        if pid := os.fork():
            watched.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
            return None
        watched.close()
        channel.close()
        return other.dup()


def _fork(channel: socket.socket, watched, request: dict) -> None:
    threads = _threads()
    if threads > 1:
        why = f"the imports of the notebooks have started {threads - 1} threads"
        _tell(channel, refused=why)
        return
    request["env"]["JPY_PARENT_PID"] = str(os.getpid())
    pid = os.fork()
    if pid == 0:
        watched.close()
        channel.close()
        _become_kernel(**request)
    os.setpgid(pid, pid)  # as the kernel does itself: whichever comes first
    watched.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
    _tell(channel, pid=pid)


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _report(channel: socket.socket, watched, key) -> None:
    """Reap a child that has ended, and tell what it used."""
    watched.unregister(key.fileobj)
    os.close(key.fileobj)
    _, status, usage = os.wait4(key.data, 0)
    used = {
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mb": round(usage.ru_maxrss / 1024, 1),
    }
    with contextlib.suppress(OSError):
        _tell(channel, ended=key.data, returncode=os.waitstatus_to_exitcode(status), used=used)


def _become_kernel(arguments: list[str], env: dict[str, str], cwd: str) -> NoReturn:
    """Turn this process, just forked, into a kernel with the command line and variables given."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.environ.clear()
        os.environ.update(env)
        _die_with_parent()
        os.chdir(cwd)
        sys.path[0] = cwd
        tempfile.tempdir = None  # where temporary files go is for the kernel's own variables to say
        sys.argv = [__file__, *arguments]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        random.seed()  # or every kernel would draw the same "random" numbers
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        _limit_memory()
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


def _die_with_parent() -> None:
    """Have the system end this process at once when its parent ends, however it ends.

    Linux only; elsewhere the kernel's own poll of its parent, once a second, does it.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before the call.
    if os.getppid() != int(os.environ.get("JPY_PARENT_PID", os.getppid())):
        sys.exit(1)


def _limit_memory() -> None:
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


def _end_all() -> NoReturn:
    """End the kernels, which lead process groups of their own, and go."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for pid in children.read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):
            os.killpg(int(pid), signal.SIGKILL)
    os._exit(0)


def _warm(descriptor: str, portfolio: str, *modules: str) -> None:
    try:
        _load(modules)
        if portfolio:
            _read_tables(portfolio)
        gc.collect()
        gc.freeze()  # what all kernels share is not copied for the collector's bookkeeping
        _serve(socket.socket(fileno=int(descriptor)))
    except Exception:
        traceback.print_exc()
    finally:
        _end_all()


if __name__ == "__main__":
    _die_with_parent()
    if sys.argv[1] == "-f":
        _limit_memory()
        from ipykernel.kernelapp import launch_new_instance

        launch_new_instance()
    else:
        _warm(*sys.argv[1:])
