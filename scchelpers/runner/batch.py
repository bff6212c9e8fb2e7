"""A run: every site of a portfolio through every notebook.

The results of a portfolio lie in one folder::

    reports/<portfolio>/index.html             the sites beside each other
    reports/<portfolio>/results.parquet        every figure recorded, one a row
    reports/<portfolio>/status.jsonl           what became of each site and notebook
    reports/<portfolio>/events.jsonl           what happened when
    reports/<portfolio>/<site_id>/<notebook>.html, .ipynb
    reports/<portfolio>/<site_id>/<notebook>.failed.ipynb
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scchelpers.data import tables
from scchelpers.data.portfolio import Portfolio
from scchelpers.faults import UserError, closest
from scchelpers.runner import cluster, files, journal, plan, provenance, publish, results
from scchelpers.runner import notebooks as books
from scchelpers.runner import parameters as params
from scchelpers.runner import progress as bars
from scchelpers.runner import workers as workers_
from scchelpers.runner.job import Job, Outcome, digest
from scchelpers.runner.lock import alone

# Given by the runner to every notebook.
OWN = ("portfolio", "site_id")


@dataclass(frozen=True)
class RunSummary:
    """What a run came to.

    Attributes
    ----------
    folder : str
        Folder of the portfolio's reports.
    outcomes : list of Outcome
        Of all that was asked for, in the order of sites and notebooks.
    kept : int
        How many of them are of an earlier run, since nothing changed.
    """

    folder: str
    outcomes: list[Outcome]
    kept: int = 0

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
        """0 if every run came to its end, 1 otherwise."""
        return 1 if self.failed else 0

    def text(self) -> str:
        """Return the summary for people: the failures one by one, and where the index is."""
        done = len(self.outcomes) - self.kept - len(self.failed)
        lines = [f"{done} runs done, {self.kept} kept as they were, {len(self.failed)} failed."]
        if why := {o.kernel for o in self.outcomes if o.kernel.startswith("stock")}:
            lines.append(f"Kernels were started one by one, not forked ({'; '.join(sorted(why))}).")
        lines += [f"  {o.site_id}  {o.notebook}  {o.fault}" for o in self.failed]
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
    progress: bars.Style = "auto",
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
    asked = _ask(folder, notebooks, sites, parameters, out, notebook_folder, seconds)
    how = {"modules": books.imports(asked.paths), "memory_mb": memory_mb}
    start = (
        functools.partial(cluster.run_all, scheduler=scheduler, **how)
        if scheduler
        else functools.partial(workers_.run_all, workers=workers or os.cpu_count() or 1, **how)
    )
    if not files.is_address(asked.reports):
        Path(asked.reports).mkdir(parents=True, exist_ok=True)
    with alone(asked.reports):
        decisions = asked.decide(force=force, only_failed=only_failed)
        outcomes = _run(asked, decisions, start, progress)
    return RunSummary(asked.reports, outcomes, kept=sum(d.action == "keep" for d in decisions))


def dry_run(
    folder: str | Path,
    *,
    notebooks: Iterable[str] | None = None,
    sites: Iterable[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    force: bool = False,
    only_failed: bool = False,
    notebook_folder: str | Path | None = None,
) -> list[plan.Decision]:
    """Return what `run` would do with each notebook and site, and why; arguments as there."""
    asked = _ask(folder, notebooks, sites, parameters, out, notebook_folder, None)
    return asked.decide(force=force, only_failed=only_failed)


@dataclass(frozen=True)
class _Asked:
    """What was asked for, found sound."""

    portfolio: Portfolio
    sites: list[str]
    paths: list[Path]
    reports: str
    about: dict[str, dict[str, str]]
    jobs: list[Job]
    refused: list[Outcome]

    def decide(self, **how: bool) -> list[plan.Decision]:
        known = {(o.site_id, o.notebook): o for o in journal.outcomes(self.reports)}
        return plan.decide(self.jobs, known, self.portfolio, **how)


def _ask(folder, notebooks, sites, parameters, out, notebook_folder, seconds) -> _Asked:
    """Check what was asked for, and return it with the jobs that it comes to."""
    portfolio = Portfolio.open(folder)
    paths = books.find(books.folder(notebook_folder), notebooks)
    given = _checked(paths, parameters or {})
    chosen = _chosen(portfolio, sites)
    reports = str(out or Path("reports", portfolio.name))
    reports = reports.rstrip("/") if files.is_address(reports) else str(Path(reports).absolute())
    about = _about_sites(portfolio)
    there = {*chosen, *(outcome.site_id for outcome in journal.outcomes(reports))}
    beside = _neighbours([s for s in about if s in there and tables.is_id(s)], about)
    jobs, refused = _jobs(portfolio, chosen, paths, given, reports, about, beside, seconds)
    return _Asked(portfolio, chosen, paths, reports, about, jobs, refused)


def _run(asked: _Asked, decisions: list[plan.Decision], start, progress) -> list[Outcome]:
    """Do what was decided, keep the books, and write results and index."""
    work = [replace(d.job, reuse=d.action == "publish") for d in decisions if d.action != "keep"]
    kept = {(d.job.site_id, d.job.name) for d in decisions if d.action == "keep"}
    jobs = {(job.site_id, job.name): job for job in work}
    portfolio, refused = asked.portfolio, asked.refused
    outcomes = []
    try:
        with (
            bars.shown(len(refused) + len(work), progress) as show,
            journal.Journal(asked.reports, len(refused) + len(work), len(kept)) as log,
            contextlib.closing(start(work, notice=log)) as running,
        ):
            for outcome in itertools.chain(refused, running):
                outcomes.append(outcome)
                log.ended(outcome)
                show(outcome)
                if job := None if outcome.ok else jobs.get((outcome.site_id, outcome.notebook)):
                    with contextlib.suppress(OSError):  # on a full disk the books say it alone
                        files.write_whole(job.place(".html"), _failure(job, outcome))
    finally:  # an interrupted run, too, leaves an index of what is done
        header = {**portfolio.header, "title": _title(portfolio)}
        results.gather(
            asked.reports, header, asked.about, {path.stem: path for path in asked.paths}
        )
    known = {(o.site_id, o.notebook): o for o in journal.outcomes(asked.reports)}
    outcomes += [known[pair] for pair in kept if pair in known]
    order = {
        pair: n for n, pair in enumerate((s, p.stem) for s in asked.sites for p in asked.paths)
    }
    return sorted(outcomes, key=lambda outcome: order[outcome.site_id, outcome.notebook])


def _failure(job: Job, outcome: Outcome) -> str:
    """Return the page that stands where a report could not be made."""
    title = books.title(job.notebook)
    return publish.failure(job.name, title, outcome.fault, **job.page)


def _jobs(
    portfolio: Portfolio,
    sites: list[str],
    paths: list[Path],
    given: dict[str, dict[str, Any]],
    reports: str,
    about: dict[str, dict],
    beside: dict[str, dict],
    seconds: float | None,
) -> tuple[list[Job], list[Outcome]]:
    """Return what to run, and the outcomes of sites whose id must never become a path."""
    shown = {"name": portfolio.name, "title": _title(portfolio)}
    defaults = {path.stem: {p.name: p.default for p in params.schema(path)} for path in paths}
    stamps = {path.stem: provenance.stamp(path, {}) for path in paths}
    jobs, refused = [], []
    for site_id, path in itertools.product(sites, paths):
        if not tables.is_id(site_id):
            rule = f"must be {tables.ID_RULE}; mend it in sites.csv"
            refused.append(Outcome(site_id, path.stem, False, error="UnfitSiteId", message=rule))
            continue
        place = files.join(reports, site_id)
        own = {"portfolio": _seen_from(place, portfolio.path), "site_id": site_id}
        told = {**defaults[path.stem], **given[path.stem], "portfolio": portfolio.name}
        told["site_id"] = site_id
        stamp = {**stamps[path.stem], "parameters": provenance.fit_to_show(told)}
        recipe = {
            "notebook": stamp["notebook_sha256"][:16],
            "parameters": digest(told)[:16],
            "package": provenance.package_key()[:16],
            "dependencies": digest(stamp["python"], stamp["packages"])[:16],
        }
        jobs.append(
            Job(
                notebook=str(path),
                site_id=site_id,
                folder=place,
                parameters={**own, **given[path.stem]},
                page={"site": about[site_id], "portfolio": shown, "beside": beside[site_id]},
                publisher=provenance.publisher_key(),
                stamp=stamp,
                recipe=recipe,
                seconds=seconds,
            )
        )
    return jobs, refused


def _neighbours(sites: list[str], about: Mapping[str, dict]) -> dict[str, dict[str, Any]]:
    """Return the sites before and after each, as pages link to them."""
    told = [{"site_id": site_id, "name": about[site_id]["name"]} for site_id in sites]
    return {
        site_id: {"before": before, "after": after}
        for site_id, before, after in zip(sites, [None, *told[:-1]], [*told[1:], None], strict=True)
    }


def _checked(paths: list[Path], given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the typed parameters of each notebook; a name must be known to at least one."""
    schemas = {path.stem: params.schema(path) for path in paths}
    problems = []
    for stem, schema in schemas.items():
        lacking = [name for name in OWN if name not in {p.name for p in schema}]
        if lacking:
            problems.append(f"{stem}: must declare the parameters {' and '.join(lacking)}")
    known = {p.name for schema in schemas.values() for p in schema} - set(OWN)
    for name in given:
        if name in OWN:
            problems.append(f"parameter {name}: is set by the runner; use FOLDER or --site")
        elif name not in known:
            hint = closest(name, known) or "there are: " + ", ".join(sorted(known))
            problems.append(f"parameter {name}: unknown to every notebook asked for; {hint}")
    values = {}
    for stem, schema in schemas.items():
        own = [p for p in schema if p.name not in OWN]
        names = {p.name for p in own}
        try:
            values[stem] = params.check(own, {n: v for n, v in given.items() if n in names})
        except UserError as fault:
            problems.append(f"{stem}: {fault}")
    if problems:
        raise UserError("\n".join(problems))
    return values


def _chosen(portfolio: Portfolio, sites: Iterable[str] | None) -> list[str]:
    """Return the sites asked for, each once."""
    there = list(dict.fromkeys(str(site_id) for site_id in portfolio.site_ids))
    if not there:
        raise UserError(f"{portfolio.path}/sites.csv: holds no site")
    if sites is None:
        return there
    asked = list(dict.fromkeys(sites))
    unknown = [site_id for site_id in asked if site_id not in there]
    if unknown:
        hints = (f"no site {s!r}; {closest(s, there) or 'see sites.csv'}" for s in unknown)
        raise UserError(f"{portfolio.path}/sites.csv: " + "; ".join(hints))
    return asked


def _about_sites(portfolio: Portfolio) -> dict[str, dict[str, str]]:
    """Return what pages say of each site."""
    about = {}
    for site_id, row in zip(portfolio.site_ids, portfolio.sites.to_dict("records"), strict=True):
        texts = {key: row.get(key) or "" for key in ("name", "site_type", "provenance")}
        about[str(site_id)] = {
            "site_id": str(site_id),
            **texts,
            "name": texts["name"] or str(site_id),
        }
    return about


def _title(portfolio: Portfolio) -> str:
    return portfolio.header.get("title") or portfolio.name


def _seen_from(folder: str, portfolio: str) -> str:
    """Return the portfolio as a notebook in a folder finds it: relative, unless an address."""
    if files.is_address(portfolio):
        return portfolio
    if files.is_address(folder):
        return str(Path(portfolio).absolute())
    return os.path.relpath(portfolio, folder)
