"""Where a result comes from: versions, data, parameters; no paths, no people, no times."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import scchelpers

# A value of a parameter so named would be published with the report.
_SECRET = re.compile(r"(?i)(passw|secret|token|api_?key|credential)")


def stamp(notebook: str | Path, parameters: dict[str, Any]) -> dict[str, Any]:
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
        "notebook_sha256": hashlib.sha256(Path(notebook).read_bytes()).hexdigest(),
        "parameters": fit_to_show(parameters),
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
