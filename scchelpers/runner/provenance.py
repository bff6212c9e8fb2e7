"""Where a result comes from: versions, data, parameters; no paths, no people, no times."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import fsspec

import scchelpers

# A value of a parameter so named would be published with the report.
_SECRET = re.compile(r"(?i)(passw|secret|token|api_?key|credential)")


def stamp(
    notebook: str | Path, parameters: dict[str, Any], data: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the provenance of one run.

    Parameters
    ----------
    notebook : str or pathlib.Path
        Source notebook.
    parameters : dict
        Parameters given, as typed; those that name a secret are hidden.
    data : dict of str to str, optional
        Input to SHA-256, see `data_hashes`.

    Returns
    -------
    dict
        Ready for JSON; the same for the same inputs.
    """
    return {
        "version": scchelpers.__version__,
        **_code(),
        "notebook": Path(notebook).stem,
        "notebook_sha256": hashlib.sha256(Path(notebook).read_bytes()).hexdigest(),
        "parameters": fit_to_show(parameters),
        "data": data or {},
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


def data_hashes(portfolio: str) -> dict[str, str]:
    """Return the SHA-256 of every input of a portfolio; a store of many files counts as one.

    Parameters
    ----------
    portfolio : str
        Folder or fsspec address of the portfolio.
    """
    fs, root = fsspec.core.url_to_fs(portfolio)
    found: dict[str, Any] = {}
    for path in sorted(fs.find(root)):
        name = path[len(root) :].strip("/")
        if any(part.startswith(".") for part in name.split("/")):
            continue
        top = name.split("/")[0]
        whole = found.setdefault(top, hashlib.sha256())
        if name != top:
            whole.update(name.encode() + b"\0")
        with fs.open(path, "rb") as file:
            while block := file.read(1 << 20):
                whole.update(block)
    return {name: whole.hexdigest() for name, whole in found.items()}


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
