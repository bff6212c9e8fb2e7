"""What a notebook reads of a portfolio, noted so that a rerun knows what it rests on.

Where the environment variable SCC_READS names a file, every part of a portfolio that is read adds
a line to it; elsewhere nothing happens. The parts and their fingerprints: `fingerprint`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "SCC_READS"
_within: list[None] = []
_hearing: list[set[str]] = []


def note(part: str) -> None:
    """Note that a part was read, unless it belongs to a larger one being read."""
    if _within:
        return
    for heard_so_far in _hearing:
        heard_so_far.add(part)
    place = os.environ.get(VARIABLE)
    if place:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(part + "\n")


@contextlib.contextmanager
def whole(part: str) -> Iterator[None]:
    """Note a part once, whatever is read for it inside."""
    note(part)
    with silent():
        yield


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Note nothing inside: what is looked at to take a fingerprint is no input."""
    _within.append(None)
    try:
        yield
    finally:
        _within.pop()


@contextlib.contextmanager
def heard() -> Iterator[set[str]]:
    """Gather the parts that are read inside."""
    parts: set[str] = set()
    _hearing.append(parts)
    try:
        yield parts
    finally:
        _hearing[:] = [one for one in _hearing if one is not parts]  # equal ones may be nested


def noted(place: str | Path) -> list[str]:
    """Return the parts noted in a file, sorted, each once."""
    path = Path(place)
    return sorted(set(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
