"""What is to be run, and what became of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scchelpers.runner.files import join

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
