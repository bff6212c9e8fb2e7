"""Files of a run, on this machine or at an fsspec address: nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd

_ASIDE = ".partial"


def is_address(place: str | Path) -> bool:
    """Return whether a place is an fsspec address (`s3://…`) rather than a path."""
    return "://" in str(place)


def join(place: str | Path, *names: str) -> str:
    """Return a place inside another, both paths or both addresses."""
    return "/".join([str(place).rstrip("/"), *names])


def write_whole(place: str | Path, content: str | bytes) -> None:
    """Write a file, its folder too, aside under a hidden name and put it in place at once.

    An object store replaces an object at once by itself. A link is replaced, never followed.
    """
    data = content.encode() if isinstance(content, str) else content
    if is_address(place):
        fs, path = _at(place)
        fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        fs.pipe_file(path, data)
        return
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}{_ASIDE}")
    try:
        aside.unlink(missing_ok=True)  # of a run that was killed
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:  # a full disk: what was written of it must not stay
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def as_csv(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> str:
    r"""Return rows as CSV that a spreadsheet shows and never runs.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.

    Examples
    --------
    >>> as_csv([{"name": "=1+1", "kva": -3.5}], ["name", "kva"])
    "name,kva\n'=1+1,-3.5\n"
    """
    table = pd.DataFrame(list(rows), columns=list(names), dtype=object)
    return table.map(_harmless).to_csv(index=False, lineterminator="\n")


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _at(place: str | Path) -> tuple[fsspec.AbstractFileSystem, str]:
    return fsspec.core.url_to_fs(str(place))


def read(place: str | Path) -> str | None:
    """Return the text of a file, None if it is not there."""
    fs, path = _at(place)
    return fs.cat_file(path).decode("utf-8", errors="replace") if fs.exists(path) else None


def exists(place: str | Path) -> bool:
    """Return whether a file is there."""
    fs, path = _at(place)
    return fs.exists(path)


def move(place: str | Path, to: str | Path) -> None:
    """Give a file another name in the same folder."""
    fs, path = _at(place)
    fs.mv(path, _at(to)[1])


def remove(place: str | Path) -> None:
    """Remove a file, if it is there."""
    fs, path = _at(place)
    with contextlib.suppress(FileNotFoundError):
        fs.rm_file(path)


def listing(folder: str | Path) -> dict[str, int]:
    """Return the size [bytes] of every file below a folder, by its path in the folder.

    Hidden files are left out; a folder that is not there holds none.
    """
    if is_address(folder):
        fs, root = _at(folder)
        fs.invalidate_cache(root)
        found = fs.find(root, detail=True) if fs.exists(root) else {}
        named = {path[len(root) :].lstrip("/"): about["size"] for path, about in found.items()}
    else:
        named = dict(_below(str(folder), ""))
    return {name: size for name, size in named.items() if not _is_hidden(name)}


def sweep(folder: str | Path) -> None:
    """Remove what a process that was killed had written aside below a folder."""
    for name, _ in [] if is_address(folder) else list(_below(str(folder), "")):
        if _is_hidden(name) and name.endswith(_ASIDE):
            Path(folder, name).unlink(missing_ok=True)


def _below(folder: str, inside: str) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{inside}{entry.name}/")
            else:
                yield f"{inside}{entry.name}", entry.stat(follow_symlinks=False).st_size


def _is_hidden(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".")
