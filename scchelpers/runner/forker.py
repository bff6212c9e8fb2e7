"""The warm process: it has imported what notebooks import, and forks kernels on request.

It never holds a thread, an event loop or a socket of a kernel: it is one loop over one channel. It
ends when the channel does, and its kernels with it. To be shared it forks itself: each who asks for
kernels has a warm process to itself, and what was imported is in memory once.

Run as `python -m scchelpers.runner.forker DESCRIPTOR PORTFOLIO MODULE…`; others see it by `warm`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from scchelpers.runner.kernels import become_kernel, die_with_parent

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


def load(modules: Iterable[str]) -> None:
    """Import modules, what they import later, and the compiled code of those that have some.

    Parameters
    ----------
    modules : iterable of str
        Modules, or things in modules; what cannot be imported is left out: the notebook that
        wants it says so better.
    """
    _import([*_ALWAYS, *modules])
    _import(name for first, names in _LATER.items() if first in sys.modules for name in names)
    if "numba" in sys.modules:
        with contextlib.suppress(Exception):  # another version of Numba may keep it elsewhere
            _load_compiled()


def read_tables(portfolio: str) -> None:
    """Read the tables of a portfolio that every notebook looks into.

    They are kept with the bytes they were read from (`frames.remembered`): a kernel that finds a
    table changed reads it anew.

    Parameters
    ----------
    portfolio : str
        Folder of the portfolio.
    """
    from scchelpers.faults import UserError
    from scchelpers.portfolio import Portfolio, reads

    os.environ.pop(reads.VARIABLE, None)  # no notebook has read it by this
    with contextlib.suppress(UserError):  # the notebook that meets it says it better
        folder = Portfolio.open(portfolio)
        for name in ("sites.csv", "chargepoints.csv", "assets.csv"):
            folder.raw_table(name)


def _import(names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):
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


def _serve(channel: socket.socket) -> None:
    """Fork kernels on request until the one at the other end closes the channel."""
    watched = selectors.DefaultSelector()
    watched.register(channel, selectors.EVENT_READ)
    unread = b""
    channel.sendall(b'{"ready": true}\n')
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


def _share(
    channel: socket.socket, watched: selectors.BaseSelector, descriptor: int
) -> socket.socket | None:
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


def _fork(channel: socket.socket, watched: selectors.BaseSelector, request: dict) -> None:
    threads = _threads()
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


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _report(channel: socket.socket, watched: selectors.BaseSelector, key) -> None:
    """Reap a child that has ended, and tell what it used."""
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
    _descriptor, _portfolio, *_modules = sys.argv[1:]
    try:
        load(_modules)
        if _portfolio:
            read_tables(_portfolio)
        gc.collect()
        gc.freeze()  # what all kernels share is not copied for the collector's bookkeeping
        _serve(socket.socket(fileno=int(_descriptor)))
    except Exception:
        traceback.print_exc()
    finally:
        _end_all()
