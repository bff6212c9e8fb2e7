"""One notebook run for one site, from the source to the report or the record of its failure."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat

from scchelpers.data import reads
from scchelpers.data.fingerprint import Fingerprints
from scchelpers.data.portfolio import Portfolio
from scchelpers.runner import files, kernels, records
from scchelpers.runner.job import Job, Outcome
from scchelpers.runner.provisioner import WarmProvisioner
from scchelpers.runner.publish import render

_ERROR_MARKER = "papermill-error-cell-tag"
_INJECTED = "injected-parameters"
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
    began = time.perf_counter()
    executed = scratch / f"{job.name}.ipynb"
    known = {"site_id": job.site_id, "notebook": job.name, "recipe": job.recipe}
    try:
        if job.reuse:
            notebook = nbformat.reads(files.read(job.place(".ipynb")), as_version=4)
        else:
            notebook = execute(job, executed)
        inputs = notebook.metadata["scc"]["provenance"].get("data", {})
        figures = [asdict(figure) for figure in records.recorded(notebook)]
        html = render(notebook, **job.page, stamp=notebook.metadata["scc"]["provenance"])
        if not job.reuse:
            files.write_whole(job.place(".ipynb"), nbformat.writes(notebook))
        files.write_whole(job.place(".html"), html)
        files.remove(job.place(".failed.ipynb"))
        known |= {"page_key": job.page_key, "inputs": inputs, "figures": figures}
        return Outcome(ok=True, seconds=_since(began), **_used(job), **known)
    except RunError as fault:
        known |= {"cell": fault.cell, "error": fault.error, "message": fault.message}
    except Exception as fault:  # a failure is a result: the other sites must go on
        known |= {"error": type(fault).__name__, "message": _one_line(str(fault))}
    with contextlib.suppress(OSError):  # a full disk holds no failed notebook either
        for ending in (".ipynb", ".html"):
            files.remove(job.place(ending))
        if executed.exists():
            failed = canonical(_read(executed), job, {})
            files.write_whole(job.place(".failed.ipynb"), nbformat.writes(failed))
    return Outcome(ok=False, seconds=_since(began), **_used(job), **known)


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

    executed.unlink(missing_ok=True)
    noted = Path(os.environ.get(reads.VARIABLE, executed.with_name("reads")))
    noted.unlink(missing_ok=True)
    source = _read(job.notebook)
    remote = files.is_address(job.folder)
    cwd = executed.parent if remote else Path(job.folder)
    cwd.mkdir(parents=True, exist_ok=True)
    late = threading.Event()
    watch = threading.Timer(job.seconds or 0, _end_late, [late])
    watch.daemon = True
    if job.seconds:
        watch.start()
    try:
        notebook = papermill.execute_notebook(
            source,
            str(executed),
            parameters=job.parameters,
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
        raise RunError(fault.ename, _one_line(fault.evalue), _position(job, executed)) from None
    except DeadKernelError:
        cell = _last_begun(job, executed)
        if late.is_set():
            raise RunError("TimeLimit", f"longer than {job.seconds:g} s", cell) from None
        message = "the kernel was ended from outside: killed, out of memory or crashed"
        raise RunError("DeadKernel", message, cell) from None
    except CellTimeoutError as fault:
        raise RunError("CellTimeout", _one_line(str(fault)), _last_begun(job, executed)) from None
    except RuntimeError as fault:  # a kernel that never answered
        raise RunError("KernelStart", _one_line(str(fault))) from None
    finally:
        watch.cancel()
    unfinished = _first_unfinished(notebook)
    if unfinished is not None:
        # papermill returns as if all were well after sys.exit(0)
        message = "the notebook stopped before its end (sys.exit or quit)"
        raise RunError("StoppedEarly", message, _in_source(job, notebook, unfinished))
    given = str(job.parameters["portfolio"])
    portfolio = Portfolio.open(given if files.is_address(given) else cwd / given)
    return canonical(notebook, job, Fingerprints(portfolio).of(reads.noted(noted)))


def _end_late(late: threading.Event) -> None:
    """End a kernel whose time is over."""
    late.set()
    kernels.end_all()


def canonical(
    notebook: nbformat.NotebookNode, job: Job, inputs: dict[str, str]
) -> nbformat.NotebookNode:
    """Return a notebook without times, paths and random names: same inputs, same bytes.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        As executed; changed in place.
    job : Job
        What was run.
    inputs : dict of str to str
        Fingerprints of what was read, for its provenance.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["scc"] = {"site_id": job.site_id, "provenance": {**job.stamp, "data": inputs}}
    for number, cell in enumerate(notebook.cells):
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        tags = cell.metadata.get("tags", [])
        if "id" not in cell or _INJECTED in tags or _ERROR_MARKER in tags:
            named = f"{number} {tags} {cell.source}".encode()
            cell["id"] = hashlib.sha256(named).hexdigest()[:8]
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    return notebook


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
    added = {_INJECTED, _ERROR_MARKER}
    before = notebook.cells[: index + 1]
    return sum(added.isdisjoint(cell.metadata.get("tags", [])) for cell in before)


def _read(path: str | Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


def _one_line(text: str, longest: int = 400) -> str:
    line = " ".join(_ANSI.sub("", text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
