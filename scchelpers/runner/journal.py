"""The books of a run: what became of each notebook and site, and what happened when.

`status.jsonl` holds one line an outcome, `events.jsonl` one line an event with its time (UTC). Both
grow line by line, so that what is done stays known however the runner ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scchelpers.runner import files
from scchelpers.runner.job import Job, Outcome

STATUS = "status.jsonl"
EVENTS = "events.jsonl"
# An object store cannot append: there the books are written whole, at most this often [s].
_PATIENCE = 5.0


class Book:
    """A file of JSON lines that is added to.

    What a full disk does not take is kept and written when there is room again.
    """

    def __init__(self, place: str):
        self._place = place
        self._written = 0.0
        self._waiting = b"\n"  # after a line that a killed runner may have cut short
        self._lines: list[str] = []
        self._file = None
        if files.is_address(place):
            self._lines = (files.read(place) or "").splitlines()
        else:
            self._file = Path(place).open("ab", buffering=0)  # noqa: SIM115 - closed by close()

    def add(self, line: dict[str, Any]) -> None:
        """Add a line, whole."""
        text = json.dumps(line)
        if self._file:
            self._waiting += text.encode() + b"\n"
            with contextlib.suppress(OSError):
                self._push()
            return
        self._lines.append(text)
        if time.monotonic() - self._written > _PATIENCE:
            self._write()

    def _push(self) -> None:
        """Write what is waiting, whole or not at all."""
        before = self._file.seek(0, os.SEEK_END)
        if self._file.write(self._waiting) < len(self._waiting):
            self._file.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._waiting = b""

    def _write(self) -> None:
        files.write_whole(self._place, "\n".join([*self._lines, ""]))
        self._written = time.monotonic()

    def close(self) -> None:
        """Write what is left.

        Raises
        ------
        OSError
            If there is still no room for it.
        """
        if self._file is None:
            self._write()
            return
        with self._file:
            self._push()


class Journal:
    """The books of one run.

    Parameters
    ----------
    reports : str
        Folder of the portfolio's reports.
    runs : int
        Runs to come.
    kept : int
        Runs kept from before.
    """

    def __init__(self, reports: str, runs: int, kept: int = 0):
        self._status = Book(files.join(reports, STATUS))
        self._events = Book(files.join(reports, EVENTS))
        self.event("run began", runs=runs, kept=kept)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind, *_) -> None:
        self.event("run ended" if kind is None else "run interrupted")
        self._status.close()
        self._events.close()

    def began(self, job: Job) -> None:
        """Note that a job was handed out."""
        self.event("began", site_id=job.site_id, notebook=job.name)

    def ended(self, outcome: Outcome) -> None:
        """Note what became of a job."""
        self._status.add(asdict(outcome))
        self.event(
            "done" if outcome.ok else "failed",
            site_id=outcome.site_id,
            notebook=outcome.notebook,
            seconds=outcome.seconds,
            **({} if outcome.ok else {"fault": outcome.fault}),
        )

    def retried(self, job: Job, outcome: Outcome) -> None:
        """Note that a job is tried again after a fault of the machine."""
        self.event("retried", site_id=job.site_id, notebook=job.name, fault=outcome.fault)

    def event(self, what: str, **about: Any) -> None:
        """Note an event."""
        self._events.add({"time": _now(), "event": what, **about})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def lines(place: str) -> list[dict[str, Any]]:
    """Return the lines of a book; one cut short when a runner was killed is left out."""
    found = []
    for line in (files.read(place) or "").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def known(reports: str | Path) -> dict[tuple[str, str], Outcome]:
    """Return the last outcome of each site and notebook of a portfolio's reports.

    Parameters
    ----------
    reports : str or pathlib.Path
        Folder of the portfolio's reports.

    Returns
    -------
    dict of (site_id, notebook) to Outcome
    """
    found: dict[tuple[str, str], Outcome] = {}
    for line in lines(files.join(reports, STATUS)):
        try:
            outcome = Outcome(**line)
        except TypeError:
            continue  # written by another version: not known as done
        found[outcome.site_id, outcome.notebook] = outcome
    return found
