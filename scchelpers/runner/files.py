"""Files of a run, on this machine or at an fsspec address: nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import fsspec


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
    aside = path.with_name(f".{path.name}.partial")
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


def read(place: str | Path) -> str | None:
    """Return the text of a file, None if it is not there."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        return fs.cat_file(path).decode() if fs.exists(path) else None
    path = Path(place)
    return path.read_text(encoding="utf-8") if path.exists() else None


def exists(place: str | Path) -> bool:
    """Return whether a file is there."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        return fs.exists(path)
    return Path(place).exists()


def remove(place: str | Path) -> None:
    """Remove a file, if it is there."""
    if is_address(place):
        fs, path = fsspec.core.url_to_fs(str(place))
        if fs.exists(path):
            fs.rm_file(path)
        return
    Path(place).unlink(missing_ok=True)
