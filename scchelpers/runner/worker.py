"""The process of a worker: it runs one notebook after another and dies with the runner.

A worker reads jobs, one JSON line each, from its standard input and answers on its standard output.
The end of that input means that the runner is gone, however it went: the worker then ends its
kernel, clears its scratch folder and leaves. The kernel in turn dies with the worker. A worker that
has lost its warm process starts another. `workers` is how the runner sees it.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import shutil
import socket
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import papermill  # noqa: F401 - loaded here, while the warm process imports, not in the first run

from scchelpers.runner import kernels
from scchelpers.runner.execution import perform
from scchelpers.runner.job import Job
from scchelpers.runner.provisioner import WarmProvisioner
from scchelpers.runner.warm import WarmServer


def serve(scratch: str, descriptor: str, portfolio: str, *modules: str) -> None:
    """Be a worker: perform the jobs that come in until the input ends.

    Parameters
    ----------
    scratch : str
        Folder of its own.
    descriptor : str
        File descriptor of a channel to a warm process, "" for a warm process of its own.
    portfolio : str
        Folder of the portfolio, "" where it is not one on this machine.
    *modules : str
        What notebooks import.
    """
    WarmProvisioner.modules, WarmProvisioner.portfolio = modules, portfolio
    if descriptor:
        WarmProvisioner.server = WarmServer(socket.socket(fileno=int(descriptor)))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(Job(**json.loads(line)))
        _leave(Path(scratch))

    threading.Thread(target=listen, daemon=True).start()
    gc.freeze()  # what was imported stays: the collector need not look at it again and again
    while True:
        answers.write(json.dumps(asdict(perform(jobs.get(), Path(scratch)))) + "\n")


def _leave(scratch: Path) -> None:
    """End the kernel and go at once, in the middle of whatever the worker is at."""
    kernels.end_all()
    WarmProvisioner.end_server()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)
