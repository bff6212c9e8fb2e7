"""Files of a run, on this machine or at an fsspec address: nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec

_ASIDE = ".partial"


def is_address(place: str | Path) -> bool:
    """Return whether a place is an fsspec address (`s3://…`) rather than a path."""
    return "://" in str(place)


def join(place: str | Path, *names: str) -> str:
    """Return a place inside another, both paths or both addresses."""
    return "/".join([str(place).rstrip("/"), *names])


def write_whole(place: str | Path, content: str | bytes) -> None:
    """Write a file aside, under a hidden name beside it, and put it in place at once.

    Parameters
    ----------
    place : str or pathlib.Path
        File to write or replace; its folder is made. An object store replaces an object at once
        by itself.
    content : str or bytes
        All of it; text is written as UTF-8.
    """
    data = content.encode() if isinstance(content, str) else content
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        fs.pipe_file(path, data)
        return
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}{_ASIDE}")
    try:
        with aside.open("wb") as file:
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
    sink = io.StringIO()
    writer = csv.DictWriter(sink, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _shown(value) for name, value in row.items()} for row in rows)
    return sink.getvalue()


def _shown(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def read(place: str | Path) -> str | None:
    """Return the text of a file, None if it is not there."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        return fs.cat_file(path).decode() if fs.exists(path) else None
    path = Path(place)
    return path.read_text(encoding="utf-8") if path.exists() else None


def listing(folder: str | Path) -> dict[str, int]:
    """Return the size [bytes] of every file below a folder, by its path in the folder.

    Hidden files are left out; a folder that is not there holds none.
    """
    if is_address(folder):
        fs, root = fsspec.core.url_to_fs(str(folder))
        fs.invalidate_cache(root)
        found = fs.find(root, detail=True) if fs.exists(root) else {}
        named = {path[len(root) :].lstrip("/"): about["size"] for path, about in found.items()}
    else:
        named = dict(_below(str(folder), ""))
    return {name: size for name, size in named.items() if not _is_hidden(name)}


def _below(folder: str, inside: str) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, f"{inside}{entry.name}/")
            else:
                yield f"{inside}{entry.name}", entry.stat(follow_symlinks=False).st_size


def _is_hidden(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".")


def sweep(folder: str | Path) -> None:
    """Remove what a process that was killed had written aside below a folder."""
    if is_address(folder):
        return  # nothing is written aside there
    for name, _ in list(_below(str(folder), "")):
        if _is_hidden(name) and name.endswith(_ASIDE):
            Path(folder, name).unlink(missing_ok=True)


def exists(place: str | Path) -> bool:
    """Return whether a file is there."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        return fs.exists(path)
    return Path(place).exists()


def move(place: str | Path, to: str | Path) -> None:
    """Give a file another name in the same folder."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        fs.mv(path, fsspec.core.url_to_fs(str(to))[1])
        return
    Path(place).replace(to)


def remove(place: str | Path) -> None:
    """Remove a file, if it is there."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        if fs.exists(path):
            fs.rm_file(path)
        return
    Path(place).unlink(missing_ok=True)
