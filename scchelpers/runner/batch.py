"""A run: every site of a portfolio through every notebook.

The results of a portfolio lie in one folder::

    reports/<portfolio>/index.html             the sites beside each other
    reports/<portfolio>/asset-<asset_id>.html  who shares a network asset
    reports/<portfolio>/results.parquet        every figure recorded, one a row
    reports/<portfolio>/status.jsonl           what became of each site and notebook
    reports/<portfolio>/events.jsonl           what happened when
    reports/<portfolio>/<site_id>/index.html   what to do at a site, why, and how sure it is
    reports/<portfolio>/<site_id>/<notebook>.html, .ipynb
    reports/<portfolio>/<site_id>/<notebook>.failed.ipynb
    reports/<portfolio>/<site_id>/<notebook>.edited.ipynb    worked in by hand, kept from a rerun
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from scchelpers.faults import UserError, printable
from scchelpers.runner import files, index, journal, pages, plan, publish
from scchelpers.runner import notebooks as books
from scchelpers.runner import workers as workers_
from scchelpers.runner.job import Job, Outcome
from scchelpers.runner.journal import alone
from scchelpers.runner.plan import Request, ask

_Style = Literal["auto", "bar", "lines", "none"]


@contextlib.contextmanager
def _shown(total: int, style: _Style) -> Iterator[Callable[[Outcome], None]]:
    """Show the progress of a run on standard error; what it gives is called with each outcome."""
    console = Console(stderr=True, highlight=False)
    if style == "auto":
        style = "bar" if console.is_terminal else "lines"
    done = failed = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=style != "bar") as bar:
        task = bar.add_task("Running notebooks", total=total, failed="")

        def say(outcome: Outcome) -> None:
            nonlocal done, failed
            done, failed = done + 1, failed + (not outcome.ok)
            where = f"{outcome.site_id}  {outcome.notebook}"
            if style == "lines":
                end = "done" if outcome.ok else f"FAILED  {outcome.fault}"
                line = f"[{done}/{total}] {where}  {outcome.seconds:.1f} s  {end}"
                print(printable(line), file=sys.stderr)
            elif style == "bar" and not outcome.ok:
                console.print(printable(f"failed  {where}  {outcome.fault}"), markup=False)
            bar.update(task, advance=1, failed=f"[red]{failed} failed" if failed else "")

        yield say


@dataclass(frozen=True)
class RunSummary:
    """What a run came to."""

    folder: str  # of the portfolio's reports
    outcomes: list[Outcome]  # of all that was asked for, in the order of sites and notebooks
    kept: int = 0  # of them, of an earlier run, since nothing changed
    disagreements: tuple[str, ...] = ()  # two pages of a site give different figures, one name
    unfit: tuple[str, ...] = ()  # pages that could not be made, and why

    @property
    def index(self) -> str:
        """The index page."""
        return files.join(self.folder, "index.html")

    @property
    def failed(self) -> list[Outcome]:
        """The runs that failed."""
        return [outcome for outcome in self.outcomes if not outcome.ok]

    @property
    def exit_status(self) -> int:
        """0 if every run and page came to its end and no two pages disagree, 1 otherwise."""
        return 1 if self.failed or self.disagreements or self.unfit else 0

    def text(self) -> str:
        """Return the summary for people: the failures one by one, and where the index is."""
        done = len(self.outcomes) - self.kept - len(self.failed)
        lines = [f"{done} runs done, {self.kept} kept as they were, {len(self.failed)} failed."]
        if why := {o.kernel for o in self.outcomes if o.kernel.startswith("stock")}:
            lines.append(f"Kernels were started one by one, not forked ({'; '.join(sorted(why))}).")
        lines += [f"  {o.site_id}  {o.notebook}  {o.fault}" for o in self.failed]
        for said, found in (
            ("Pages of one site contradict each other; run both with the same parameters:",
             self.disagreements),
            ("Pages that could not be made:", self.unfit),
        ):  # fmt: skip
            lines += [said, *(f"  {text}" for text in found)] if found else []
        return "\n".join([*lines, f"Index page: {self.index}"])


def run(
    folder: str | Path,
    *,
    notebooks: Iterable[str] | None = None,
    sites: Iterable[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    out: str | Path | None = None,
    force: bool = False,
    only_failed: bool = False,
    seconds: float | None = None,
    memory_mb: float | None = None,
    progress: _Style = "auto",
    notebook_folder: str | Path | None = None,
) -> RunSummary:
    """Run notebooks over the sites of a portfolio and publish their reports.

    Everything that can be wrong with what was asked is found before any kernel starts. After that a
    site that fails is recorded and the rest goes on. What neither changed nor failed since the last
    run is kept.

    Parameters
    ----------
    folder : str or pathlib.Path
        Portfolio, a folder or fsspec address.
    notebooks : iterable of str, optional
        Names of notebooks, see `notebooks.find`; all by default.
    sites : iterable of str, optional
        Site ids; all by default. What earlier runs found for other sites is kept.
    parameters : mapping of str to object, optional
        Parameters for the notebooks that declare them; texts are read by their types.
    workers : int, optional
        Processes at a time; one a CPU by default.
    scheduler : str, optional
        Address of a Dask scheduler whose workers do the work instead.
    out : str or pathlib.Path, optional
        Folder of this portfolio's reports, a path or fsspec address; `reports/<portfolio>` by
        default.
    force : bool
        Run what is kept otherwise, too.
    only_failed : bool
        Run what failed last and nothing else.
    seconds, memory_mb : float, optional
        Longest time [s] and most memory [MB] of one run.
    progress : {"auto", "bar", "lines", "none"}
        How the run shows itself on standard error.
    notebook_folder : str or pathlib.Path, optional
        Folder of the notebooks, see `notebooks.folder`.

    Returns
    -------
    RunSummary

    Raises
    ------
    UserError
        If the portfolio, a site, a notebook or a parameter is not as it must be, or another run is
        at work on the same reports.
    """
    for name, value in (("workers", workers), ("seconds", seconds), ("memory_mb", memory_mb)):
        if value is not None and value < 1:
            raise UserError(f"{name} = {value}: must be 1 or more")
    asked = ask(
        folder,
        notebooks=notebooks,
        sites=sites,
        parameters=parameters,
        out=out,
        notebook_folder=notebook_folder,
        seconds=seconds,
    )
    place = asked.portfolio.path
    how = {
        "modules": books.imports(asked.paths),
        "portfolio": "" if files.is_address(place) else str(Path(place).resolve()),
        "memory_mb": memory_mb,
    }
    start = (
        functools.partial(workers_.run_on_cluster, scheduler=scheduler, **how)
        if scheduler
        else functools.partial(workers_.run_all, workers=workers or os.cpu_count() or 1, **how)
    )
    try:
        if not files.is_address(asked.reports):
            Path(asked.reports).mkdir(parents=True, exist_ok=True)
        with alone(asked.reports):
            files.sweep(asked.reports)
            decisions = asked.decide(force=force, only_failed=only_failed)
            outcomes, unfit = _run(asked, decisions, start, progress)
    except OSError as fault:
        raise UserError(
            f"{fault.filename or asked.reports}: {fault.strerror or fault}; see that the reports "
            "can be written, and run the same command again: it goes on where it was"
        ) from None
    kept = sum(d.action == "keep" for d in decisions)
    disagreements = tuple(pages.disagreements(outcomes))
    return RunSummary(asked.reports, outcomes, kept, disagreements, tuple(unfit))


def dry_run(
    folder: str | Path, *, force: bool = False, only_failed: bool = False, **asked: Any
) -> list[plan.Decision]:
    """Return what `run` would do with each notebook and site, and why.

    Its arguments are those of `run` that say what to run, not how.
    """
    return ask(folder, **asked).decide(force=force, only_failed=only_failed)


def _run(
    asked: Request, decisions: list[plan.Decision], start, progress: _Style
) -> tuple[list[Outcome], list[str]]:
    """Do what was decided, keep the books, write the pages; return outcomes and unfit pages."""
    for decision in decisions:
        if decision.edited:
            _set_aside(decision.job)
    work = [replace(d.job, reuse=d.action == "publish") for d in decisions if d.action != "keep"]
    kept = {(d.job.site_id, d.job.name) for d in decisions if d.action == "keep"}
    jobs = {(job.site_id, job.name): job for job in work}
    refused = asked.refused
    outcomes = []
    try:
        with (
            _shown(len(refused) + len(work), progress) as show,
            journal.Journal(asked.reports, len(refused) + len(work), len(kept)) as log,
            contextlib.closing(start(work, notice=log)) as running,
        ):
            for outcome in itertools.chain(refused, running):
                outcomes.append(outcome)
                journal.expect(asked.reports)
                log.ended(outcome)
                show(outcome)
                if job := None if outcome.ok else jobs.get((outcome.site_id, outcome.notebook)):
                    with contextlib.suppress(OSError):  # on a full disk the books say it alone
                        page = publish.failure(job.name, job.title, outcome.fault, **job.page)
                        files.write_whole(job.place(".html"), page)
    finally:  # an interrupted run, too, leaves an index of what is done
        journal.expect(asked.reports)
        files.sweep(asked.reports)
        header = {**asked.portfolio.header, "title": asked.title}
        known, unfit = index.gather(asked.reports, header, asked.about, asked.assets)
    outcomes += [known[pair] for pair in kept if pair in known]
    order = {
        pair: n for n, pair in enumerate((s, p.stem) for s in asked.sites for p in asked.paths)
    }
    return sorted(outcomes, key=lambda outcome: order[outcome.site_id, outcome.notebook]), unfit


def _set_aside(job: Job) -> None:
    """Keep an executed notebook that someone has worked in, under a name that is free."""
    names = itertools.chain([".edited.ipynb"], (f".edited-{n}.ipynb" for n in itertools.count(2)))
    free = next(name for name in names if not files.exists(job.place(name)))
    files.move(job.place(".ipynb"), job.place(free))
