"""How a run stands, in progress or finished, from its books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scchelpers.faults import UserError
from scchelpers.runner import files, journal
from scchelpers.runner.lock import held

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
    events = journal.lines(files.join(reports, journal.EVENTS))
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
