"""What belongs to several sites, made once for all of them and kept beside the reports.

Whoever needs it first makes it, while others wait; a change of anything that it rests on (parts of
the portfolio, what is asked, the package) makes it anew. What is kept appears whole or not at all.
A hit notes the same parts of the portfolio as read, so that a rerun knows what a report rests on.
"""

from __future__ import annotations

import dataclasses
import dis
import hashlib
import json
import os
import tempfile
import types
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

import scchelpers
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, reads
from scchelpers.portfolio.fingerprint import Fingerprints
from scchelpers.portfolio.store import alone, write_aside

VARIABLE = "SCC_DECISIONS"
FOLDER = ".decisions"
_INPUTS = "inputs.json"
_ALONE = "table"  # name of what is returned without a name


def kept(
    folder: Portfolio,
    question: object,
    make: Callable[[], Any],
    write: Callable[[Path, Any], object],
    read: Callable[[Path], Any],
) -> Any:
    """Return what is kept for a question; it is made where nothing is, or something else.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    question : object
        What is asked, of numbers, texts, lists and mappings: all that the answer depends on but
        the portfolio's data and the package.
    make : callable
        Makes the answer. What it reads of the portfolio is noted.
    write, read : callable
        Writes an answer into a folder, and reads it from there.
    """
    name = hashlib.sha256(json.dumps([folder.path, question]).encode()).hexdigest()
    place = _place(folder) / name[:16] / "made"
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone(place.parent):
        if _holds(place, folder):
            try:
                return read(place)
            except (OSError, ValueError, KeyError):
                pass  # damaged from outside: it is made again
        before = _stamp(folder)
        with reads.heard() as parts:
            made = make()
        inputs = {"package": package_key()} | Fingerprints(folder).of(sorted(parts))

        def all_of_it(at: Path) -> None:
            at.mkdir()
            write(at, made)
            (at / _INPUTS).write_text(json.dumps(inputs, indent=1) + "\n", encoding="utf-8")

        write_aside(place, all_of_it)
        _write_stamp(place, before)
        return read(place)


def _place(folder: Portfolio) -> Path:
    """Return the folder of what is kept of a portfolio.

    The environment variable, which a run sets; else beside the reports that `scc run` makes by
    default, in this folder or one above it; else a temporary folder.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    for above in (Path.cwd(), *Path.cwd().parents):
        if (above / "reports").is_dir():
            return above / "reports" / folder.name / FOLDER
    return Path(tempfile.gettempdir(), f"scc-{os.environ.get('USER', '')}", folder.name)


@cache
def package_key() -> str:
    """Return a key of the methods that what is kept rests on: any source file changes it."""
    root, found = Path(scchelpers.__file__).parent, hashlib.sha256(scchelpers.__version__.encode())
    rooms = ("runner", "report", "cli", "importers", "places", "standards")
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.csv")]):
        if path.relative_to(root).parts[0] not in rooms:
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def _holds(place: Path, folder: Portfolio) -> bool:
    """Return whether what lies there rests on the inputs as they are; if so, note them as read.

    Where no file of the portfolio has been touched since, its contents are not read again.
    """
    try:
        inputs = json.loads((place / _INPUTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if inputs.pop("package", "") != package_key():
        return False
    stamp, now = place.parent / "stamp", _stamp(folder)
    if not now or not stamp.exists() or stamp.read_text(encoding="utf-8") != now:
        if Fingerprints(folder).of(inputs) != inputs:
            return False
        _write_stamp(place, now)
    for part in inputs:
        reads.note(part)
    return True


def _write_stamp(place: Path, stamp: str) -> None:
    write_aside(place.parent / "stamp", lambda at: at.write_text(stamp, encoding="utf-8"))


def _stamp(folder: Portfolio) -> str:
    """Return sizes and times of all files of a portfolio as one key; "" where there are none."""
    root = Path(folder.path)
    if not root.is_dir():
        return ""
    found = hashlib.sha256(package_key().encode())
    for above, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(names):
            about = Path(above, name).stat()
            found.update(f"{above}/{name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return found.hexdigest()


class Opened:
    """Something that several functions need, made once a process where any of them is run.

    Parameters
    ----------
    make : callable
        Makes it, without arguments.

    Examples
    --------
    >>> heavy = Opened(lambda: 1 + 1)
    >>> heavy(), heavy()
    (2, 2)
    """

    def __init__(self, make: Callable[[], Any]):
        self.make, self._found = make, []

    def __call__(self) -> Any:
        """Return it, and note what was read to make it."""
        if not self._found:
            with reads.heard() as parts:
                made = self.make()
            self._found = [made, sorted(parts)]
        for part in self._found[1]:
            reads.note(part)
        return self._found[0]


def once(folder: Portfolio) -> Callable[[Callable[[], Any]], Any]:
    """Run a function of a notebook once for all notebooks that ask the same; use as a decorator.

    The name then stands for what the function returns: a table, a `xarray.Dataset`, or several by
    name. "The same" is told by the function's code and by the values that it reads by name, such
    as parameters of the notebook.

    Parameters
    ----------
    folder : Portfolio
        Portfolio that it reads.

    Raises
    ------
    UserError
        If it reads a table or an array by name, which has no key: it must make it itself.

    Examples
    --------
    >>> folder, least = Portfolio.open("data/demo"), 2
    >>> @once(folder)
    ... def shared_assets():
    ...     many = folder.sites["asset_id"].value_counts()
    ...     return many[many >= least].to_frame("sites")
    >>> shared_assets["sites"].max().item()
    2
    """
    return lambda study: kept(folder, _asked(study), study, _write, _read)


def _asked(study: Callable) -> list:
    """Return what tells one function of a notebook from another: its code and what it reads."""
    code, found = study.__code__, [_code(study.__code__)]
    if code.co_freevars:
        raise UserError(f"{study.__name__}: define it at the top level of a cell")
    for name in sorted(_names(code) & set(study.__globals__)):
        value = study.__globals__[name]
        if isinstance(value, Opened):
            value = value.make
        own = isinstance(value, types.FunctionType) and value.__module__ == study.__module__
        if own:
            found.append([name, _asked(value)])
        elif isinstance(value, Portfolio):
            found.append([name, value.path])
        elif not isinstance(value, types.ModuleType) and not callable(value):
            found.append([name, _plain(f"{study.__name__}: {name}", value)])
    return found


def _names(code: types.CodeType) -> set[str]:
    """Return the global names that a function reads, and those of functions within it."""
    read = (one for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL")
    inner = (const for const in code.co_consts if isinstance(const, types.CodeType))
    return {one.argval for one in read}.union(*(_names(const) for const in inner))


def _code(code: types.CodeType) -> list:
    """Return what a function does, without where it stands."""
    consts = [
        _code(const) if isinstance(const, types.CodeType) else repr(const)
        for const in code.co_consts
    ]
    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), consts]


def _plain(what: str, value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if dataclasses.is_dataclass(value):
        value = dataclasses.asdict(value)
    try:
        json.dumps(value)
    except TypeError:
        kind = type(value).__name__
        raise UserError(f"{what} is a {kind}, read by name; make it inside the function") from None
    return value


def _write(place: Path, made: Any) -> None:
    for name, one in (made if isinstance(made, Mapping) else {_ALONE: made}).items():
        if isinstance(one, pd.DataFrame):
            one.to_parquet(place / f"{name}.parquet")
        elif isinstance(one, xr.Dataset):
            one.to_zarr(place / f"{name}.zarr", zarr_format=3, consolidated=False)
        else:
            raise UserError(f"{name}: a {type(one).__name__} is not kept; return a table")


def _read(place: Path) -> Any:
    found = {path.stem: pd.read_parquet(path) for path in sorted(place.glob("*.parquet"))}
    for path in sorted(place.glob("*.zarr")):
        found[path.stem] = xr.open_zarr(path, chunks=None, consolidated=False)
    return found[_ALONE] if set(found) == {_ALONE} else found
