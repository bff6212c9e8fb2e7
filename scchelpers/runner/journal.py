"""The books of a run: what became of each notebook and site, and what happened when.

`status.jsonl` holds one line an outcome, `events.jsonl` one line an event with its time (UTC). Both
grow line by line, so that what is done stays known however the runner ends.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from scchelpers.faults import UserError
from scchelpers.runner import files
from scchelpers.runner.job import Job, Outcome

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

_LOCK = ".lock"
MARKER = ".scc-reports"  # says that a folder is ours to write, sweep and replace in
DECISIONS = ".decisions"  # made once for all notebooks of a run, or by one that ran by hand before
STATUS, EVENTS = "status.jsonl", "events.jsonl"
# What a run writes at the top of its folder; pages of notebooks and assets besides.
OWN = (_LOCK, STATUS, EVENTS, "index.html", "results.csv", "results.parquet", "recommendations.csv",
       DECISIONS)  # fmt: skip
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # what a link leads to is not ours


@contextlib.contextmanager
def alone(reports: str | Path) -> Iterator[None]:
    """Hold a folder of reports for one run; the hold ends with the process, however it ends.

    An object store has no such lock.

    Raises
    ------
    UserError
        If another run holds it, or it is not one of reports.
    """
    if files.is_address(reports):
        yield
        return
    _claim(Path(reports))
    lock = os.open(Path(reports, _LOCK), os.O_CREAT | os.O_RDWR | _NO_LINK, 0o666)
    try:
        if not _takes(lock):
            raise UserError(
                f"{reports}: another run is writing these reports; wait for it, or name another "
                "folder with --out"
            )
        yield
    finally:
        os.close(lock)


def _takes(lock: int) -> bool:
    try:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _claim(reports: Path) -> None:
    """Mark a folder as one of reports; one with files of others, or links, is left as it is."""
    there = sorted(path.name for path in reports.iterdir())
    # Without a marker: begun by hand, or written before there was one.
    if MARKER not in there and not set(there) <= {_LOCK, DECISIONS}:
        foreign = [name for name in there if name not in OWN]
        if STATUS not in there or not known(reports):
            raise UserError(
                f"{reports}: holds {(foreign or there)[0]!r}, which no run wrote; name an empty or "
                "new folder with --out"
            )
    if links := [name for name in there if Path(reports, name).is_symlink()]:
        raise UserError(f"{reports}/{links[0]}: a link, not a file of a run; take it away")
    Path(reports, MARKER).touch()


def expect(reports: str) -> None:
    """Raise UserError where a folder that a run holds is no longer there."""
    if not files.is_address(reports) and not Path(reports, MARKER).exists():
        raise UserError(
            f"{reports}: was removed, renamed or emptied while the run wrote there; give it back, "
            "or run the same command again"
        )


def _held(reports: str | Path) -> bool:
    """Return whether a run holds a folder of reports now; nothing is written to find out."""
    if fcntl is None or files.is_address(reports):
        return False
    try:
        lock = os.open(Path(reports, _LOCK), os.O_RDONLY | _NO_LINK)
    except OSError:
        return False
    try:
        return not _takes(lock)
    finally:
        os.close(lock)


# An object store cannot append: there the books are written whole, at most this often [s].
_PATIENCE_S = 5.0


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
        if time.monotonic() - self._written > _PATIENCE_S:
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
        """Write what is left; OSError if there is still no room for it."""
        if self._file is None:
            self._write()
            return
        with self._file:
            self._push()


class Journal:
    """The books of one run: so many `runs` to come, so many `kept` from before."""

    def __init__(self, reports: str, runs: int, kept: int = 0):
        self._status = Book(files.join(reports, STATUS))
        self._events = Book(files.join(reports, EVENTS))
        self._event("run began", runs=runs, kept=kept)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind, *_) -> None:
        self._event("run ended" if kind is None else "run interrupted")
        self._status.close()
        self._events.close()

    def began(self, job: Job) -> None:
        """Note that a job was handed out."""
        self._event("began", site_id=job.site_id, notebook=job.name)

    def retried(self, job: Job, outcome: Outcome) -> None:
        """Note that a job is tried again after a fault of the machine."""
        self._event("retried", site_id=job.site_id, notebook=job.name, fault=outcome.fault)

    def ended(self, outcome: Outcome) -> None:
        """Note what became of a job."""
        self._status.add(asdict(outcome))
        self._event(
            "done" if outcome.ok else "failed",
            site_id=outcome.site_id,
            notebook=outcome.notebook,
            seconds=outcome.seconds,
            **({} if outcome.ok else {"fault": outcome.fault}),
        )

    def _event(self, what: str, **about: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._events.add({"time": now, "event": what, **about})


def known(reports: str | Path) -> dict[tuple[str, str], Outcome]:
    """Return the last outcome of each site and notebook of a portfolio's reports.

    A line that is cut short, or of another kind, is not known as done.
    """
    outcomes = _sound(Outcome, files.join(reports, STATUS))
    return {(outcome.site_id, outcome.notebook): outcome for outcome in outcomes}


@dataclass(frozen=True)
class _Event:
    """A line of the book of events, as far as it says how a run stands."""

    time: AwareDatetime
    event: str
    site_id: str = ""
    notebook: str = ""
    fault: str = ""
    runs: int = 0
    kept: int = 0


def _sound(kind: type, place: str) -> Iterator[Any]:
    """Yield what the lines of a book say; one cut short, or of another kind, says nothing."""
    for line in (files.read(place) or "").splitlines():
        with contextlib.suppress(ValidationError):
            yield _adapter(kind).validate_json(line)


_adapter = functools.cache(TypeAdapter)


_SHOWN = 20


@dataclass(frozen=True)
class _Standing:
    """How a run stands."""

    state: str  # "running", "finished" or "interrupted"
    runs: int
    kept: int  # from before
    done: int
    failed: int
    seconds: float  # since it began, until it ended [s]
    left_s: float | None  # at the rate so far [s]; None when nothing can be said
    at_work: list[dict[str, Any]] = field(default_factory=list)  # site_id, notebook, seconds
    faults: list[str] = field(default_factory=list)  # one line a failed run

    @property
    def per_min(self) -> float:
        """Runs ended a minute."""
        return (self.done + self.failed) / self.seconds * 60 if self.seconds else 0.0

    def text(self) -> str:
        """Return it for people."""
        said = [
            f"{self.state.capitalize()}: {self.done + self.failed} of {self.runs} runs, "
            f"{self.failed} failed, {self.kept} kept from before; "
            f"{self.seconds:.0f} s, {self.per_min:.1f} a minute"
            + (f", {self.left_s:.0f} s left." if self.left_s is not None else ".")
        ]
        said += [
            f"  at work  {w['site_id']}  {w['notebook']}  {w['seconds']:.0f} s"
            for w in self.at_work
        ]
        said += [f"  failed   {fault}" for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            said.append(f"  … and {len(self.faults) - _SHOWN} more failed")
        return "\n".join(said)


def standing(reports: str | Path, now: datetime | None = None) -> _Standing:
    """Return how the last run on a folder of reports stands, `now` or by the clock.

    Raises
    ------
    UserError
        If there are no books of a run.
    """
    events = list(_sound(_Event, files.join(reports, EVENTS)))
    begins = [place for place, event in enumerate(events) if event.event == "run began"]
    if not begins:
        raise UserError(
            f"{reports}: no run was made there; name the folder of a portfolio's reports"
        )
    first, *rest = events[begins[-1] :]
    running = _held(reports)
    last = rest[-1] if rest else first
    until = (now or datetime.now(UTC)) if running else last.time

    def since(time: datetime) -> float:
        return max(0.0, (until - time).total_seconds())  # a clock set back

    state, faults, open_ = "interrupted", [], {}
    done = 0
    for event in rest:
        pair, what = (event.site_id, event.notebook), event.event
        if what == "began":
            open_[pair] = event.time
        elif what in ("done", "failed"):
            open_.pop(pair, None)
            done += what == "done"
            faults += [f"{'  '.join(pair)}  {event.fault}"] if what == "failed" else []
        elif what == "run ended":
            state = "finished"
    seconds, ended = since(first.time), done + len(faults)
    return _Standing(
        state="running" if running else state,
        runs=first.runs,
        kept=first.kept,
        done=done,
        failed=len(faults),
        seconds=seconds,
        left_s=seconds / ended * (first.runs - ended) if running and ended else None,
        at_work=[
            {"site_id": site_id, "notebook": notebook, "seconds": since(begun)}
            for (site_id, notebook), begun in (open_.items() if running else ())
        ],
        faults=faults,
    )
