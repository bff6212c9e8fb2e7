"""What is to be run, and what became of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
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
    """What a worker needs to run one notebook for one site.

    Attributes
    ----------
    notebook : str
        Path of the source notebook.
    site_id : str
        Site.
    folder : str
        Folder of the site's reports, a path or fsspec address.
    parameters : dict
        Typed values, `portfolio` and `site_id` among them.
    title : str
        What the notebook calls itself.
    page : dict
        What the page says of the site and portfolio, see `publish.render`.
    publisher : str
        Key of what makes pages.
    stamp : dict
        Provenance, see `provenance.stamp`.
    recipe : dict of str to str
        Keys of the notebook, its parameters, the package and its dependencies.
    seconds : float or None
        Longest run [s].
    reuse : bool
        Whether the executed notebook is sound and only its page is to be made anew.
    """

    notebook: str
    site_id: str
    folder: str
    parameters: dict[str, Any]
    title: str = ""
    page: dict[str, Any] = field(default_factory=dict)
    publisher: str = ""
    stamp: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    reuse: bool = False

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
    """What became of one notebook for one site.

    Attributes
    ----------
    site_id, notebook : str
        Site, and name of the notebook without its ending.
    ok : bool
        Whether the notebook ran to its end and its report was published.
    title : str
        What the notebook calls itself.
    seconds : float
        Wall time [s].
    cpu_s, peak_mb : float or None
        CPU time [s] and largest memory [MB] of a forked kernel.
    cell : int or None
        Cell that failed, counted from 1 in the source notebook; None where no cell did.
    error, message : str
        Name and message of the exception, "" when ok.
    figures : list of dict
        Figures of merit (`records.Figure`).
    recipe : dict of str to str
        Of the job.
    page_key : str
        Of the job, when its page was made.
    inputs : dict of str to str
        Parts of the portfolio that were read and their fingerprints, see `data.fingerprint`.
    written : dict of str to int
        Sizes [bytes] of the executed notebook and its page, by ending.
    attempts : int
        How often it was tried.
    kernel : str
        "forked", or "stock: " and why.
    """

    site_id: str
    notebook: str
    ok: bool
    title: str = ""
    seconds: float = 0.0
    cell: int | None = None
    error: str = ""
    message: str = ""
    figures: list[dict] = field(default_factory=list)
    cpu_s: float | None = None
    peak_mb: float | None = None
    recipe: dict[str, str] = field(default_factory=dict)
    page_key: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    attempts: int = 1
    kernel: str = ""

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


INJECTED = "injected-parameters"

ERROR_MARKER = "papermill-error-cell-tag"

_SEAL = "seal"


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
    for number, cell in enumerate(notebook.cells):
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        tags = cell.metadata.get("tags", [])
        if "id" not in cell or INJECTED in tags or ERROR_MARKER in tags:
            named = f"{number} {tags} {cell.source}".encode()
            cell["id"] = hashlib.sha256(named).hexdigest()[:8]
    notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
    notebook.metadata["scc"] = {"site_id": job.site_id, "provenance": {**job.stamp, "data": inputs}}
    notebook.metadata["scc"][_SEAL] = _content_key(notebook)
    return notebook


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


def provenance(notebook: str | Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the provenance of one run, but for the data that it reads.

    Parameters
    ----------
    notebook : str or pathlib.Path
        Source notebook.
    parameters : dict
        Parameters given, as typed; those that name a secret are hidden.

    Returns
    -------
    dict
        Ready for JSON; the same for the same inputs.
    """
    return {
        "version": scchelpers.__version__,
        **_code(),
        "notebook": Path(notebook).stem,
        "notebook_sha256": _source_key(notebook),
        "parameters": fit_to_show(parameters),
        "python": platform.python_version(),
        "packages": _packages(),
    }


def _source_key(notebook: str | Path) -> str:
    """Return a key of what the cells of a notebook say; outputs and counts are no change."""
    cells = nbformat.read(notebook, as_version=4).cells
    return digest([(c.cell_type, c.source, c.metadata.get("tags", [])) for c in cells])


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
    if not (root / ".git").exists():
        return {"commit": None, "clean": None}
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit or None, "clean": changes == "" if commit else None}


def _git(root: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *command], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _packages() -> dict[str, str]:
    """Return the installed versions of what the package itself asks for."""
    try:
        asked = importlib.metadata.requires("scchelpers") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    names = sorted({re.split(r"[^A-Za-z0-9._-]", one)[0] for one in asked if "extra ==" not in one})
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
