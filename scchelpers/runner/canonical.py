"""The form in which an executed notebook is kept: same inputs, same bytes, sealed against edits."""

from __future__ import annotations

import hashlib

import nbformat

from scchelpers.runner.job import Job, digest

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
    notebook.metadata["scc"][_SEAL] = _key(notebook)
    return notebook


def is_sealed(text: str) -> bool:
    """Return whether the text of an executed notebook is as a run wrote it, edited by nobody."""
    try:
        notebook = nbformat.reads(text, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        return False
    return notebook.metadata.get("scc", {}).get(_SEAL) == _key(notebook)


def _key(notebook: nbformat.NotebookNode) -> str:
    cells = [(cell.cell_type, cell.source, cell.get("outputs")) for cell in notebook.cells]
    return digest(cells)[:16]
