"""One notebook run for one site, from the source to the report or the record of its failure."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from scchelpers.runner import records
from scchelpers.runner.files import write_whole

_ERROR_MARKER = "papermill-error-cell-tag"
_INJECTED = "injected-parameters"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Job:
    """What a worker needs to run one notebook for one site.

    Attributes
    ----------
    notebook : str
        Path of the source notebook.
    site_id : str
        Site, or "" where the site is unfit to run.
    folder : str
        Folder of the site's reports.
    parameters : dict
        Typed values, `portfolio` and `site_id` among them.
    page : dict
        What the page says of the site and portfolio, see `publish.publish`.
    stamp : dict
        Provenance, see `provenance.stamp`.
    """

    notebook: str
    site_id: str
    folder: str
    parameters: dict[str, Any]
    page: dict[str, Any] = field(default_factory=dict)
    stamp: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the notebook without its ending."""
        return Path(self.notebook).stem


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook for one site.

    Attributes
    ----------
    site_id, notebook : str
        Site, and name of the notebook without its ending.
    ok : bool
        Whether the notebook ran to its end and its report was published.
    seconds : float
        Wall time [s].
    cell : int or None
        Cell that failed, counted from 1 in the source notebook; None where no cell did.
    error, message : str
        Name and message of the exception, "" when ok.
    figures : list of dict
        Figures of merit (`records.Figure`).
    """

    site_id: str
    notebook: str
    ok: bool
    seconds: float = 0.0
    cell: int | None = None
    error: str = ""
    message: str = ""
    figures: list[dict] = field(default_factory=list)

    @property
    def fault(self) -> str:
        """The failure in one line, "" when ok."""
        if self.ok:
            return ""
        where = f"cell {self.cell}: " if self.cell else ""
        return f"{where}{self.error}: {self.message}".rstrip(": ")


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
    from scchelpers.runner.publish import render

    began = time.perf_counter()
    executed = scratch / f"{job.name}.ipynb"
    folder = Path(job.folder)
    finished, page, failed = (
        folder / f"{job.name}{ending}" for ending in (".ipynb", ".html", ".failed.ipynb")
    )
    try:
        notebook = execute(job, executed)
        figures = [asdict(figure) for figure in records.recorded(notebook)]
        html = render(notebook, **job.page, stamp=job.stamp)
        write_whole(finished, nbformat.writes(notebook))
        write_whole(page, html)
        failed.unlink(missing_ok=True)
        return Outcome(job.site_id, job.name, True, _since(began), figures=figures)
    except RunError as fault:
        outcome = (fault.cell, fault.error, fault.message)
    except Exception as fault:  # a failure is a result: the other sites must go on
        outcome = (None, type(fault).__name__, _one_line(str(fault)))
    for stale in (finished, page):
        stale.unlink(missing_ok=True)
    if executed.exists():
        write_whole(failed, nbformat.writes(canonical(_read(executed), job)))
    return Outcome(job.site_id, job.name, False, _since(began), *outcome)


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
    source = _read(job.notebook)
    Path(job.folder).mkdir(parents=True, exist_ok=True)
    try:
        notebook = papermill.execute_notebook(
            source,
            str(executed),
            parameters=job.parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=180,
            cwd=job.folder,
            kernel_manager_class="scchelpers.runner.kernels.RunKernelManager",
            shutdown_kernel="immediate",
            coalesce_streams=True,
        )
    except PapermillExecutionError as fault:
        raise RunError(fault.ename, _one_line(fault.evalue), _position(job, executed)) from None
    except DeadKernelError:
        message = "the kernel was ended from outside: killed, out of memory or crashed"
        raise RunError("DeadKernel", message, _last_begun(job, executed)) from None
    except CellTimeoutError as fault:
        raise RunError("CellTimeout", _one_line(str(fault)), _last_begun(job, executed)) from None
    unfinished = _first_unfinished(notebook)
    if unfinished is not None:
        # papermill returns as if all were well after sys.exit(0)
        message = "the notebook stopped before its end (sys.exit or quit)"
        raise RunError("StoppedEarly", message, _in_source(job, notebook, unfinished))
    return canonical(notebook, job)


def canonical(notebook: nbformat.NotebookNode, job: Job) -> nbformat.NotebookNode:
    """Return a notebook without times, paths and random names: same inputs, same bytes."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata["scc"] = {"site_id": job.site_id, "provenance": job.stamp}
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
