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
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scchelpers.faults import UserError
from scchelpers.runner import files
from scchelpers.runner.job import Job, Outcome

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

_NAME = ".lock"
MARKER = ".scc-reports"  # says that a folder is ours to write, sweep and replace in
DECISIONS = ".decisions"  # made once for all notebooks of a run, or by one that ran by hand before
STATUS, EVENTS = "status.jsonl", "events.jsonl"
# What a run writes at the top of its folder; pages of notebooks and assets besides.
OWN = (_NAME, STATUS, EVENTS, "index.html", "results.csv", "results.parquet", "recommendations.csv",
       DECISIONS)  # fmt: skip


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
    _claim(Path(reports))
    # Never through a link: what it leads to is not ours.
    lock = os.open(
        Path(reports, _NAME), os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o666
    )
    try:
        if fcntl:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"{reports}: another run is writing these reports; wait for it, or name "
                    "another folder with --out"
                ) from None
        yield
    finally:
        os.close(lock)


def _claim(reports: Path) -> None:
    """Mark a folder as one of reports; one that holds anything else is left as it is.

    Raises
    ------
    UserError
        If it holds files that no run wrote, or links in place of a run's own files.
    """
    there = sorted(path.name for path in reports.iterdir())
    if MARKER in there or set(there) <= {_NAME, DECISIONS}:
        links = [name for name in OWN if Path(reports, name).is_symlink()]
        if links:
            raise UserError(f"{reports}/{links[0]}: a link, not a file of a run; take it away")
        Path(reports, MARKER).touch()
        return
    if STATUS in there and known(reports):  # written before there was a marker
        Path(reports, MARKER).touch()
        return
    foreign = [name for name in there if name not in OWN]
    raise UserError(
        f"{reports}: holds {(foreign or there)[0]!r}, which no run wrote; name an empty or new "
        "folder with --out"
    )


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


SHOWN = 20


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes
    ----------
    state : str
        "running", "finished" or "interrupted".
    runs, kept, done, failed : int
        Runs of this run, kept from before, done and failed so far.
    seconds : float
        Since it began, until it ended [s].
    left_s : float or None
        Time left at the rate so far [s]; None when nothing can be said.
    at_work : list of dict
        `site_id`, `notebook`, `seconds` of what is running.
    faults : list of str
        One line a failed run.
    """

    state: str
    runs: int
    kept: int
    done: int
    failed: int
    seconds: float
    left_s: float | None
    at_work: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def per_min(self) -> float:
        """Runs ended a minute."""
        return (self.done + self.failed) / self.seconds * 60 if self.seconds else 0.0

    def text(self) -> str:
        """Return it for people."""
        lines = [
            f"{self.state.capitalize()}: {self.done + self.failed} of {self.runs} runs, "
            f"{self.failed} failed, {self.kept} kept from before; "
            f"{self.seconds:.0f} s, {self.per_min:.1f} a minute"
            + (f", {self.left_s:.0f} s left." if self.left_s is not None else ".")
        ]
        lines += [
            f"  at work  {w['site_id']}  {w['notebook']}  {w['seconds']:.0f} s"
            for w in self.at_work
        ]
        lines += [f"  failed   {fault}" for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(f"  … and {len(self.faults) - SHOWN} more failed")
        return "\n".join(lines)


def standing(reports: str | Path, now: datetime | None = None) -> Standing:
    """Return how the last run on a folder of reports stands.

    Parameters
    ----------
    reports : str or pathlib.Path
        Folder of a portfolio's reports.
    now : datetime, optional
        Time to reckon from, that of the clock by default.

    Raises
    ------
    UserError
        If there are no books of a run.
    """
    events = lines(files.join(reports, EVENTS))
    begins = [place for place, event in enumerate(events) if event["event"] == "run began"]
    if not begins:
        raise UserError(
            f"{reports}: no run was made there; name the folder of a portfolio's reports"
        )
    first, *rest = events[begins[-1] :]
    running = held(reports)
    ended = next((e for e in rest if e["event"] in ("run ended", "run interrupted")), None)
    state = "running" if running else "finished"
    if not running and (ended is None or ended["event"] == "run interrupted"):
        state = "interrupted"
    last = (rest or [first])[-1]
    until = (now or datetime.now(UTC)) if running else datetime.fromisoformat(last["time"])
    seconds = (until - datetime.fromisoformat(first["time"])).total_seconds()
    done = sum(event["event"] == "done" for event in rest)
    faults = [
        f"{e['site_id']}  {e['notebook']}  {e['fault']}" for e in rest if e["event"] == "failed"
    ]
    left = first["runs"] - done - len(faults)
    ended_runs = done + len(faults)
    return Standing(
        state=state,
        runs=first["runs"],
        kept=first["kept"],
        done=done,
        failed=len(faults),
        seconds=seconds,
        left_s=seconds / ended_runs * left if running and ended_runs else None,
        at_work=_at_work(rest, until) if running else [],
        faults=faults,
    )


def _at_work(events: list[dict], until: datetime) -> list[dict[str, Any]]:
    """Return what began and has not ended."""
    open_: dict[tuple[str, str], str] = {}
    for event in events:
        pair = (event.get("site_id"), event.get("notebook"))
        if event["event"] == "began":
            open_[pair] = event["time"]
        elif event["event"] in ("done", "failed"):
            open_.pop(pair, None)
    return [
        {
            "site_id": site_id,
            "notebook": notebook,
            "seconds": (until - datetime.fromisoformat(begun)).total_seconds(),
        }
        for (site_id, notebook), begun in open_.items()
    ]
