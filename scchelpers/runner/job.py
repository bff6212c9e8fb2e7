"""What is to be run, and what became of it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import itertools
import json
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

import scchelpers
from scchelpers.runner.files import join

# Stands for the site where a notebook is run once for a whole portfolio; no site may be called so.
WHOLE = "_portfolio"

# Faults of the machine, not of the site: such a run is tried once more.
INFRASTRUCTURE = ("DeadKernel", "DeadWorker", "KernelStart")


@dataclass(frozen=True)
class Job:
    """What a worker needs to run one notebook for one site."""

    notebook: str  # path of the source
    site_id: str
    folder: str  # of the site's reports, a path or fsspec address
    parameters: dict[str, Any]  # typed, `portfolio` and `site_id` among them
    title: str = ""  # what the notebook calls itself
    page: dict[str, Any] = field(default_factory=dict)  # what the page says, see `publish.render`
    publisher: str = ""  # key of what makes pages
    stamp: dict[str, Any] = field(default_factory=dict)  # see `provenance`
    recipe: dict[str, str] = field(default_factory=dict)  # keys of notebook, parameters, package …
    seconds: float | None = None  # longest run [s]
    reuse: bool = False  # the executed notebook is sound, only its page is to be made anew

    @property
    def name(self) -> str:
        """Name of the notebook without its ending."""
        return Path(self.notebook).stem

    @property
    def page_key(self) -> str:
        """Key of what the page says beside the executed notebook."""
        return digest(self.page, self.publisher)

    def place(self, ending: str) -> str:
        """Return where a file of the run goes: `.ipynb`, `.html` or `.failed.ipynb`."""
        return join(self.folder, f"{self.name}{ending}")

    def path(self, ending: str) -> str:
        """Return the path of that file within the portfolio's reports."""
        return f"{self.site_id}/{self.name}{ending}"


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook for one site."""

    site_id: str
    notebook: str  # its name without the ending
    ok: bool  # it ran to its end and its report was published
    title: str = ""
    seconds: float = 0.0  # wall time [s]
    cell: int | None = None  # that failed, counted from 1 in the source; None where none did
    error: str = ""  # name of the exception
    message: str = ""
    figures: list[dict] = field(default_factory=list)  # see `records.Figure`
    cpu_s: float | None = None  # [s] of a forked kernel
    peak_mb: float | None = None  # [MB] of a forked kernel
    recipe: dict[str, str] = field(default_factory=dict)  # of the job
    page_key: str = ""  # of the job, when its page was made
    inputs: dict[str, str] = field(default_factory=dict)  # parts that were read, fingerprints
    written: dict[str, int] = field(default_factory=dict)  # sizes [bytes] of files, by ending
    attempts: int = 1  # how often it was tried
    kernel: str = ""  # "forked", or "stock: " and why

    @property
    def fault(self) -> str:
        """The failure in one line, "" when ok."""
        if self.ok:
            return ""
        where = f"cell {self.cell}: " if self.cell else ""
        return f"{where}{self.error}: {self.message}".rstrip(": ")


def digest(*parts) -> str:
    """Return a key of things that JSON can hold; the same for the same things."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


# Cells that papermill adds to a notebook.
ADDED = {"injected-parameters", "papermill-error-cell-tag"}
_SEAL = "seal"


def canonical(
    notebook: nbformat.NotebookNode, job: Job, inputs: dict[str, str]
) -> nbformat.NotebookNode:
    """Return an executed notebook, changed in place, without times, paths and random names.

    Same inputs, same bytes. `inputs` are the fingerprints of what it read, for its provenance.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    for number, cell in enumerate(notebook.cells):
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        tags = cell.metadata.get("tags", [])
        if cell.get("outputs"):
            cell.outputs = _streams_together(cell.outputs)
        if "id" not in cell or not ADDED.isdisjoint(tags):
            named = f"{number} {tags} {cell.source}".encode()
            cell["id"] = hashlib.sha256(named).hexdigest()[:8]
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    notebook.metadata["scc"] = {"site_id": job.site_id, "provenance": {**job.stamp, "data": inputs}}
    notebook.metadata["scc"][_SEAL] = _content_key(notebook)
    return notebook


def _streams_together(outputs: list) -> list:
    """Return a cell's outputs with each stream in one piece, standard output before errors.

    nbclient can do this too, with a regular expression that takes the square of a line's length.
    """
    kept, streams = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            kept.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            kept.append(output)
            streams[output["name"]] = output
    for output in streams.values():
        lines = output["text"].split("\n")
        # Of a line that was written over, such as a progress bar, the last writing stays.
        output["text"] = "\n".join(line[line.rstrip("\r").rfind("\r") + 1 :] for line in lines)
    names = [output.get("name") for output in kept]
    for at, pair in enumerate(itertools.pairwise(names)):
        if pair == ("stderr", "stdout"):
            kept[at], kept[at + 1] = kept[at + 1], kept[at]
    return kept


def is_sealed(text: str) -> bool:
    """Return whether the text of an executed notebook is as a run wrote it, edited by nobody."""
    try:
        notebook = nbformat.reads(text, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        return False
    return notebook.metadata.get("scc", {}).get(_SEAL) == _content_key(notebook)


def _content_key(notebook: nbformat.NotebookNode) -> str:
    cells = [(cell.cell_type, cell.source, cell.get("outputs")) for cell in notebook.cells]
    return digest(cells)[:16]


# A value of a parameter so named would be published with the report.
_SECRET = re.compile(r"(?i)(passw|secret|token|api_?key|credential)")


def provenance(notebook: Path) -> dict[str, Any]:
    """Return the provenance of runs of a notebook, but for parameters and data; ready for JSON.

    It is the same for the same inputs; outputs and counts are no change of a notebook.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    source = [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in cells]
    return {
        "version": scchelpers.__version__,
        **_code(),
        "notebook": notebook.stem,
        "notebook_sha256": digest(source),
        "python": platform.python_version(),
        "packages": _packages(),
    }


def fit_to_show(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the values of those that name a secret hidden.

    Examples
    --------
    >>> fit_to_show({"step": "5min", "api_key": "k"})
    {'step': '5min', 'api_key': 'hidden'}
    """
    return {name: "hidden" if _SECRET.search(name) else v for name, v in parameters.items()}


@cache
def package_key() -> str:
    """Return a key of the package's methods, which changes with any of their source files."""
    root = Path(scchelpers.__file__).parent
    parts = [path for kind in ("py", "toml", "csv", "mplstyle") for path in root.rglob(f"*.{kind}")]
    return _key(path for path in parts if path.parent.name != "runner")


@cache
def publisher_key() -> str:
    """Return a key of what makes pages of executed notebooks."""
    room = Path(__file__).parent
    return _key([room / "publish.py", room / "markup.py", *room.glob("template/*")])


def _key(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


@cache  # one run, one answer: a commit may be made meanwhile
def _code() -> dict[str, Any]:
    """Return the commit of the checkout that holds the package, and whether it is as committed."""
    root = Path(scchelpers.__file__).parents[1]
    commit = _git(root, "rev-parse", "--short=12", "HEAD") if (root / ".git").exists() else None
    if not commit:
        return {"commit": None, "clean": None}
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "clean": changes == ""}


def _git(root: Path, *command: str) -> str | None:
    command = ("git", "-C", str(root), *command)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _packages() -> dict[str, str]:
    """Return the installed versions of what the package itself asks for."""
    versions = {}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        asked = importlib.metadata.requires("scchelpers") or []
        own = {re.split(r"[^A-Za-z0-9._-]", one)[0] for one in asked if "extra ==" not in one}
        for name in sorted(own):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                versions[name] = importlib.metadata.version(name)
    return versions
