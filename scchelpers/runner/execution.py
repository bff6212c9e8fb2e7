"""One notebook run for one site, from the source to the report or the record of its failure."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NBClientEngine, papermill_engines

from scchelpers.portfolio import Portfolio, reads
from scchelpers.portfolio.fingerprint import Fingerprints
from scchelpers.report import NeedsData, records
from scchelpers.runner import files, kernels
from scchelpers.runner.job import ERROR_MARKER, INJECTED, Job, Outcome, canonical
from scchelpers.runner.journal import DECISIONS
from scchelpers.runner.provisioner import WarmProvisioner
from scchelpers.runner.publish import render

NAME = "scc"


class SavedOnceEngine(NBClientEngine):
    """Saves the notebook when it ended, however it ended."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **options):
        """Execute a notebook as papermill does."""
        place, nb_man.output_path = nb_man.output_path, None
        try:
            return super().execute_managed_notebook(nb_man, kernel_name, **options)
        finally:
            nb_man.output_path = place  # papermill saves it there next


papermill_engines.register(NAME, SavedOnceEngine)

# A path of the machine, which is nobody's business; its last name may stay.
_PLACE = re.compile(r"(?<![\w.:/])/(?:[^\s/'\",:;]+/)+")

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class RunError(Exception):
    """A run that did not come to its end, though no exception may have said so."""

    def __init__(self, error: str, message: str, cell: int | None = None):
        super().__init__(f"{error}: {message}")
        self.error, self.message, self.cell = error, message, cell


def perform(job: Job, scratch: Path) -> Outcome:
    """Run a notebook for a site, publish it, and say what became of it.

    The executed notebook and its page are put in place whole, and only when the run came to its
    end. A failed run leaves `<notebook>.failed.ipynb` and takes away the finished files of an
    earlier run, whose inputs were others.

    Parameters
    ----------
    job : Job
        What to run.
    scratch : pathlib.Path
        Folder for the notebook while it runs.
    """
    if not job.reuse:
        WarmProvisioner.prepare()  # its imports are not the time of this run
    began = time.perf_counter()
    executed = scratch / f"{job.name}.ipynb"
    executed.unlink(missing_ok=True)  # of another site
    known = {"site_id": job.site_id, "notebook": job.name, "title": job.title, "recipe": job.recipe}
    try:
        notebook = _finished(job) if job.reuse else execute(job, executed)
        stamp = notebook.metadata["scc"]["provenance"]
        figures = [asdict(figure) for figure in records.recorded(notebook)]
        made = {
            ".ipynb": f"{nbformat.writes(notebook)}\n".encode(),  # as JupyterLab saves it
            ".html": render(notebook, **job.page, stamp=stamp).encode(),
        }
        for ending, content in made.items():
            files.write_whole(job.place(ending), content)
        files.remove(job.place(".failed.ipynb"))
        known |= {"page_key": job.page_key, "inputs": stamp["data"], "figures": figures}
        known |= {"written": {ending: len(content) for ending, content in made.items()}}
        return Outcome(ok=True, seconds=_since(began), **_used(job), **known)
    except RunError as fault:
        known |= {"cell": fault.cell, "error": fault.error, "message": fault.message}
    except Exception as fault:  # a failure is a result: the other sites must go on
        said = fault.strerror if isinstance(fault, OSError) else None  # its path says where we are
        known |= {"error": type(fault).__name__, "message": _one_line(said or str(fault))}
    with contextlib.suppress(OSError):  # a full disk holds no failed notebook either
        for ending in (".ipynb", ".html"):
            files.remove(job.place(ending))
        if executed.exists():
            failed = canonical(_read(executed), job, {})
            files.write_whole(job.place(".failed.ipynb"), nbformat.writes(failed))
    return Outcome(ok=False, seconds=_since(began), **_used(job), **known)


def _finished(job: Job) -> nbformat.NotebookNode:
    """Return the executed notebook of an earlier run."""
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


def execute(job: Job, executed: Path) -> nbformat.NotebookNode:
    """Run a notebook in a kernel of its own and return it, free of everything of this one run.

    Parameters
    ----------
    job : Job
        What to run.
    executed : pathlib.Path
        Where the notebook is saved, cell by cell, while it runs.

    Raises
    ------
    RunError
        If any cell failed, never ran or was cut short.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    noted = Path(os.environ.get(reads.VARIABLE, executed.with_name("reads")))
    noted.unlink(missing_ok=True)
    source = _read(job.notebook)
    remote = files.is_address(job.folder)
    cwd = executed.parent if remote else Path(job.folder)
    cwd.mkdir(parents=True, exist_ok=True)
    beside = executed if remote else Path(job.folder)
    os.environ["SCC_DECISIONS"] = str(beside.parent / DECISIONS)
    watch = _Watch(job.seconds)
    try:
        notebook = papermill.execute_notebook(
            source,
            str(executed),
            parameters=job.parameters,
            engine_name=NAME,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=180,
            cwd=str(cwd),
            kernel_manager_class="scchelpers.runner.kernels.RunKernelManager",
            shutdown_kernel="immediate",
            coalesce_streams=True,
        )
    except PapermillExecutionError as fault:
        if fault.ename == NeedsData.__name__:  # an answer: the page says what to supply
            return _sealed(_read(executed), job, noted, cwd)
        raise RunError(fault.ename, _one_line(fault.evalue), _position(job, executed)) from None
    except DeadKernelError:
        cell = _last_begun(job, executed)
        if watch.late:
            raise RunError("TimeLimit", f"longer than {job.seconds:g} s", cell) from None
        message = "the kernel was ended from outside: killed, out of memory or crashed"
        raise RunError("DeadKernel", message, cell) from None
    except CellTimeoutError as fault:
        raise RunError("CellTimeout", _one_line(str(fault)), _last_begun(job, executed)) from None
    except RuntimeError as fault:  # a kernel that never answered
        raise RunError("KernelStart", _one_line(str(fault))) from None
    finally:
        watch.end()
    unfinished = _first_unfinished(notebook)
    if unfinished is not None:
        # papermill returns as if all were well after sys.exit(0)
        message = "the notebook stopped before its end (sys.exit or quit)"
        raise RunError("StoppedEarly", message, _in_source(job, notebook, unfinished))
    return _sealed(notebook, job, noted, cwd)


def _sealed(notebook, job: Job, noted: Path, cwd: Path) -> nbformat.NotebookNode:
    """Return an executed notebook as it is kept, with what it read."""
    given = str(job.parameters["portfolio"])
    portfolio = Portfolio.open(given if files.is_address(given) else cwd / given)
    return canonical(notebook, job, Fingerprints(portfolio).of(reads.noted(noted)))


class _Watch:
    """Ends the kernels of this process when their time is over; `late` says that it did."""

    def __init__(self, seconds: float | None):
        self.late = False
        self._over = threading.Event()
        if seconds:
            threading.Thread(target=self._wait, args=(seconds,), daemon=True).start()

    def _wait(self, seconds: float) -> None:
        # Again and again: a kernel may be about to start.
        while not self._over.wait(seconds):
            self.late, seconds = True, 0.2
            kernels.end_all()

    def end(self) -> None:
        """Watch no longer."""
        self._over.set()


def _first_unfinished(notebook) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        run = cell.metadata.get("papermill", {})
        errors = any(output.output_type == "error" for output in cell.outputs)
        if errors or run.get("exception") or run.get("status") != "completed":
            return index
    return None


def _position(job: Job, executed: Path) -> int | None:
    """Return the failed cell of a saved notebook, counted from 1 in the source."""
    notebook = _read(executed)
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("exception"):
            return _in_source(job, notebook, index)
    return None


def _last_begun(job: Job, executed: Path) -> int | None:
    """Return the last cell begun: after a dead kernel all claim to be completed."""
    notebook = _read(executed)
    begun = [
        index
        for index, cell in enumerate(notebook.cells)
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    return _in_source(job, notebook, begun[-1]) if begun else None


def _in_source(job: Job, notebook, index: int) -> int:
    """Return the place, from 1, that a cell has in the source, where papermill added none."""
    added = {INJECTED, ERROR_MARKER}
    before = notebook.cells[: index + 1]
    return sum(added.isdisjoint(cell.metadata.get("tags", [])) for cell in before)


def _read(path: str | Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


def _one_line(text: str, longest: int = 400) -> str:
    line = _PLACE.sub("…/", " ".join(_ANSI.sub("", text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
