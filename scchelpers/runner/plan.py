"""What of a run is to be done, and why: what changed or failed, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.fingerprint import Fingerprints
from scchelpers.runner import canonical, files
from scchelpers.runner.job import Job, Outcome


@dataclass(frozen=True)
class Decision:
    """What is to be done with one notebook for one site.

    Attributes
    ----------
    job : Job
        What it concerns.
    action : str
        "run", "publish" (the page alone is made anew) or "keep".
    reason : str
        Why.
    edited : bool
        Whether someone has worked in its executed notebook, which is not to be lost.
    """

    job: Job
    action: str
    reason: str
    edited: bool = False

    def text(self) -> str:
        """Return the decision in one line."""
        return f"{self.action:8}{self.job.site_id}  {self.job.name}  {self.reason}"


def decide(
    jobs: Iterable[Job],
    known: Mapping[tuple[str, str], Outcome],
    portfolio: Portfolio,
    there: Mapping[str, int],
    *,
    force: bool = False,
    only_failed: bool = False,
) -> list[Decision]:
    """Decide what to run, by comparing keys and fingerprints with those of the last run.

    Parameters
    ----------
    jobs : iterable of Job
        All that was asked for.
    known : mapping of (site_id, notebook) to Outcome
        What became of it last.
    portfolio : Portfolio
        As it is now.
    there : mapping of str to int
        Files of the reports and their sizes [bytes], see `files.listing`.
    force : bool
        Run everything.
    only_failed : bool
        Run what failed last and nothing else.

    Returns
    -------
    list of Decision
        In the order of the jobs.
    """
    pairs = [(job, known.get((job.site_id, job.name))) for job in jobs]
    parts = {part for _, last in pairs if last is not None for part in last.inputs}
    now = Fingerprints(portfolio).of(sorted(parts)) if parts and not force else {}
    decisions = []
    for job, last in pairs:
        if force:
            action, reason = "run", "forced"
        elif only_failed and (last is None or last.ok):
            action, reason = "keep", "did not fail"
        else:
            action, reason = _compared(job, last, now, there)
        edited = action != "keep" and _is_edited(job, last, there)
        decisions.append(Decision(job, action, reason, edited))
    return decisions


def _compared(
    job: Job, last: Outcome | None, now: Mapping[str, str], there: Mapping[str, int]
) -> tuple[str, str]:
    if last is None:
        return "run", "new"
    if not last.ok:
        return "run", "failed before"
    changed = [name for name, key in job.recipe.items() if last.recipe.get(name) != key]
    changed += [part for part, key in last.inputs.items() if now.get(part) != key]
    if changed:
        return "run", "changed: " + ", ".join(changed)
    gone = {ending for ending in last.written if job.path(ending) not in there}
    other = {ending for ending, size in last.written.items() if there.get(job.path(ending)) != size}
    if ".ipynb" in gone:
        return "run", "its notebook is gone"
    if ".ipynb" in other:
        return "run", "its notebook is not as it was written"
    if last.page_key != job.page_key:
        return "publish", "what its page says of the site, its neighbours or the portfolio changed"
    if gone or other:
        return "publish", "its page is gone" if gone else "its page is not as it was written"
    return "keep", "nothing changed"


def _is_edited(job: Job, last: Outcome | None, there: Mapping[str, int]) -> bool:
    """Return whether the executed notebook that lies there is not as a run wrote it."""
    size = there.get(job.path(".ipynb"))
    if size is None or (last is not None and last.written.get(".ipynb") == size):
        return False
    return not canonical.is_sealed(files.read(job.place(".ipynb")))


def text(decisions: Iterable[Decision]) -> str:
    """Return decisions for people: what is to be done, line by line, and a count of all."""
    decisions = list(decisions)
    tally = Counter(decision.action for decision in decisions)
    lines = [decision.text() for decision in decisions if decision.action != "keep"]
    total = f"{tally['run']} to run, {tally['publish']} pages to make anew, {tally['keep']} to keep"
    return "\n".join([*lines, f"{total}."])
