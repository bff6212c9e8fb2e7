"""The process of a worker: it runs one notebook after another, from the source to the report.

A worker reads jobs, one JSON line each, from its standard input and answers on its standard output.
The end of that input means that the runner is gone, however it went: the worker then ends its
kernel, clears its scratch folder and leaves. The kernel in turn dies with the worker. A worker that
has lost its warm process starts another. How the runner sees it: `workers`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from scchelpers.portfolio import Portfolio, reads
from scchelpers.portfolio.fingerprint import Fingerprints
from scchelpers.report import NeedsData, records
from scchelpers.runner import files, provisioner
from scchelpers.runner.job import ADDED, Job, Outcome, canonical
from scchelpers.runner.journal import DECISIONS
from scchelpers.runner.provisioner import WarmProvisioner, WarmServer
from scchelpers.runner.publish import render

NAME = "scc"
# A kernel that does not end in so long [s] hangs on a warm process that was stopped.
_STUCK_S = 2.0
# A path of the machine, which is nobody's business; its last name may stay.
_PLACE = re.compile(r"(?<![\w.:/])/(?:[^\s/'\",:;]+/)+")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SAID = 400  # characters of a message that are kept


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
        # The runner is gone: so is this, in the middle of whatever it is at.
        provisioner.end_all()
        WarmProvisioner.end_server()
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    gc.freeze()  # what was imported stays: the collector need not look at it again and again
    while True:
        answers.write(json.dumps(asdict(_perform(jobs.get(), Path(scratch)))) + "\n")


class _RunError(Exception):
    """A run that did not come to its end, though no exception may have said so."""

    def __init__(self, error: str, message: str, cell: int | None = None):
        super().__init__(f"{error}: {message}")
        self.about = {"error": error, "message": _one_line(message), "cell": cell}


def _perform(job: Job, scratch: Path) -> Outcome:
    """Run a notebook for a site, publish it, and say what became of it.

    The executed notebook and its page are put in place whole, and only when the run came to its
    end. A failed run leaves `<notebook>.failed.ipynb` and takes away the finished files of an
    earlier run, whose inputs were others.
    """
    if not job.reuse:
        WarmProvisioner.prepare()  # its imports are not the time of this run
    began = time.perf_counter()
    executed = scratch / f"{job.name}.ipynb"
    executed.unlink(missing_ok=True)  # of another site
    ok, known = False, {}
    try:
        notebook = _finished(job) if job.reuse else _execute(job, executed)
        known, ok = _published(job, notebook), True
    except _RunError as fault:
        known = fault.about
    except Exception as fault:  # a failure is a result: the other sites must go on
        said = fault.strerror if isinstance(fault, OSError) else None  # its path says where we are
        known = {"error": type(fault).__name__, "message": _one_line(said or str(fault))}
    if not ok:
        with contextlib.suppress(OSError):  # a full disk holds no failed notebook either
            for ending in (".ipynb", ".html"):
                files.remove(job.place(ending))
            if executed.exists():
                failed = nbformat.writes(canonical(_read(executed), job, {}))
                files.write_whole(job.place(".failed.ipynb"), failed)
    return Outcome(
        job.site_id,
        job.name,
        ok,
        title=job.title,
        recipe=job.recipe,
        seconds=round(time.perf_counter() - began, 2),
        **_used(job),
        **known,
    )


def _published(job: Job, notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """Put an executed notebook and its page in place, and return what an outcome says of them."""
    stamp = notebook.metadata["scc"]["provenance"]
    figures = [asdict(figure) for figure in records.recorded(notebook)]
    made = {
        ".ipynb": f"{nbformat.writes(notebook)}\n".encode(),  # as JupyterLab saves it
        ".html": render(notebook, **job.page, stamp=stamp).encode(),
    }
    for ending, content in made.items():
        files.write_whole(job.place(ending), content)
    files.remove(job.place(".failed.ipynb"))
    written = {ending: len(content) for ending, content in made.items()}
    return {
        "page_key": job.page_key,
        "inputs": stamp["data"],
        "figures": figures,
        "written": written,
    }


def _finished(job: Job) -> nbformat.NotebookNode:
    return nbformat.reads(files.read(job.place(".ipynb")), as_version=4)


def _used(job: Job) -> dict[str, Any]:
    """Return what the kernel used and how it was made, where a kernel was."""
    if job.reuse:
        return {}
    process = WarmProvisioner.last
    if process is None:
        return {"kernel": f"stock: {WarmProvisioner.stock_because}"}
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    return {"kernel": "forked", **process.used}


class _SavedOnceEngine(NBClientEngine):
    """Saves the notebook when it ended, however it ended."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        place, nb_man.output_path = nb_man.output_path, None
        try:
            return super().execute_managed_notebook(nb_man, kernel_name, **options)
        finally:
            nb_man.output_path = place  # papermill saves it there next


papermill_engines.register(NAME, _SavedOnceEngine)


def _execute(job: Job, executed: Path) -> nbformat.NotebookNode:
    """Run a notebook in a kernel of its own and return it, free of everything of this one run."""
    noted = Path(os.environ.get(reads.VARIABLE, executed.with_name("reads")))
    noted.write_text("")
    began_ns = noted.stat().st_ctime_ns  # by the clock that the changes of files are told by
    remote = files.is_address(job.folder)
    cwd = executed.parent if remote else Path(job.folder)
    cwd.mkdir(parents=True, exist_ok=True)
    os.environ["SCC_DECISIONS"] = str((executed if remote else cwd).parent / DECISIONS)
    watch = _Watch(job.seconds)

    def late(error: str, message: object, cell: int | None = None) -> _RunError:
        if watch.late:
            error, message = "TimeLimit", f"longer than {job.seconds:g} s"
        return _RunError(error, str(message), cell)

    def places(met: Callable[[dict], Any]) -> list[int]:
        return _places(_read(executed), lambda cell: met(cell.metadata.get("papermill", {})))

    try:
        notebook = papermill.execute_notebook(
            _read(job.notebook),
            str(executed),
            parameters=job.parameters,
            engine_name=NAME,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=180,
            cwd=str(cwd),
            kernel_manager_class="scchelpers.runner.provisioner.RunKernelManager",
            shutdown_kernel="immediate",
        )
    except PapermillExecutionError as fault:
        if fault.ename != NeedsData.__name__:  # or an answer: the page says what to supply
            where = places(lambda run: run.get("exception"))
            raise _RunError(fault.ename, fault.evalue, *where[:1]) from None
        notebook = _read(executed)
    except (DeadKernelError, CellTimeoutError) as fault:
        dead = isinstance(fault, DeadKernelError)
        error = "DeadKernel" if dead else "CellTimeout"
        said = "the kernel was ended from outside: killed, out of memory or crashed"
        # After a dead kernel all cells claim to be completed.
        where = places(lambda run: run.get("start_time"))
        raise late(error, said if dead else fault, *where[-1:]) from None
    except RuntimeError as fault:  # a kernel that never answered
        raise late("KernelStart", fault) from None
    else:
        if where := _places(notebook, _is_unfinished):
            # papermill returns as if all were well after sys.exit(0)
            message = "the notebook stopped before its end (sys.exit or quit)"
            raise _RunError("StoppedEarly", message, where[0])
    finally:
        watch.over.set()
    given = str(job.parameters["portfolio"])
    portfolio = Portfolio.open(given if files.is_address(given) else cwd / given)
    read = Fingerprints(portfolio).of(reads.noted(noted), since_ns=began_ns)
    return canonical(notebook, job, read)


class _Watch:
    """Ends the kernels of this process when their time is over; `late` says that it did."""

    def __init__(self, seconds: float | None):
        self.late, self.over = False, threading.Event()
        if seconds:
            threading.Thread(target=self._wait, args=(seconds,), daemon=True).start()

    def _wait(self, seconds: float) -> None:
        times = 0
        # Again and again: a kernel may be about to start.
        while not self.over.wait(0.2 if times else seconds):
            self.late, times = True, times + 1
            provisioner.end_all()
            if 0.2 * times > _STUCK_S and WarmProvisioner.server is not None:
                WarmProvisioner.server.kill()


def _places(notebook, met: Callable[[Any], Any]) -> list[int]:
    """Return the places, from 1 and in the source, of the code cells that a rule is met by."""
    found, place = [], 0
    for cell in notebook.cells:
        place += ADDED.isdisjoint(cell.metadata.get("tags", []))  # what papermill added is in none
        if cell.cell_type == "code" and met(cell):
            found.append(place)
    return found


def _is_unfinished(cell) -> bool:
    run = cell.metadata.get("papermill", {})
    errors = any(output.output_type == "error" for output in cell.outputs)
    return bool(errors or run.get("exception") or run.get("status") != "completed")


def _read(path: str | Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _one_line(text: str) -> str:
    # A message may be megabytes long: what is looked through is a little of it.
    line = _PLACE.sub("…/", " ".join(_ANSI.sub("", text[: 10 * _SAID]).split()))
    return line if len(line) <= _SAID else line[: _SAID - 1] + "…"
