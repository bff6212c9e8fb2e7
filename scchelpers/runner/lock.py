"""One run at a time on a folder of reports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from scchelpers.faults import UserError
from scchelpers.runner import files

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

_NAME = ".lock"


@contextlib.contextmanager
def alone(reports: str | Path) -> Iterator[None]:
    """Hold a folder of reports for one run; the hold ends with the process, however it ends.

    An object store has no such lock.

    Raises
    ------
    UserError
        If another run holds it.
    """
    if files.is_address(reports):
        yield
        return
    with Path(reports, _NAME).open("w") as lock:
        if fcntl:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"{reports}: another run is writing these reports; wait for it, or name "
                    "another folder with --out"
                ) from None
        yield


def held(reports: str | Path) -> bool:
    """Return whether a run holds a folder of reports now."""
    path = Path(reports, _NAME)
    if fcntl is None or files.is_address(reports) or not path.exists():
        return False
    with path.open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
