"""A run: every site of a portfolio through every notebook.

The results of a portfolio lie in one folder::

    reports/<portfolio>/index.html             the sites beside each other
    reports/<portfolio>/results.parquet        every figure recorded, one a row
    reports/<portfolio>/status.jsonl           what became of each site and notebook
    reports/<portfolio>/<site_id>/<notebook>.html, .ipynb
    reports/<portfolio>/<site_id>/<notebook>.failed.ipynb
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scchelpers.data import tables
from scchelpers.data.portfolio import Portfolio
from scchelpers.faults import UserError, closest
from scchelpers.runner import notebooks as books
from scchelpers.runner import parameters as params
from scchelpers.runner import progress as bars
from scchelpers.runner import provenance, results
from scchelpers.runner.execution import Job, Outcome
from scchelpers.runner.workers import run_all

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None

# Given by the runner to every notebook.
OWN = ("portfolio", "site_id")


@dataclass(frozen=True)
class RunSummary:
    """What a run came to.

    Attributes
    ----------
    folder : pathlib.Path
        Folder of the portfolio's reports.
    outcomes : list of Outcome
        This run's, in the order of sites and notebooks.
    """

    folder: Path
    outcomes: list[Outcome]

    @property
    def index(self) -> Path:
        """The index page."""
        return self.folder / "index.html"

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
        done = len(self.outcomes) - len(self.failed)
        lines = [f"{done} of {len(self.outcomes)} runs done, {len(self.failed)} failed."]
        lines += [f"  {o.site_id}  {o.notebook}  {o.fault}" for o in self.failed]
        return "\n".join([*lines, f"Index page: {self.index}"])


def run(
    folder: str | Path,
    *,
    notebooks: Iterable[str] | None = None,
    sites: Iterable[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    workers: int | None = None,
    out: str | Path | None = None,
    progress: bars.Style = "auto",
    notebook_folder: str | Path | None = None,
) -> RunSummary:
    """Run notebooks over the sites of a portfolio and publish their reports.

    Everything that can be wrong with what was asked is found before any kernel starts. After that a
    site that fails is recorded and the rest goes on.

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
    out : str or pathlib.Path, optional
        Folder of this portfolio's reports, `reports/<portfolio>` by default.
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
    portfolio = Portfolio.open(folder)
    paths = books.find(books.folder(notebook_folder), notebooks)
    given = _checked(paths, parameters or {})
    chosen = _chosen(portfolio, sites)
    if workers is not None and workers < 1:
        raise UserError(f"workers = {workers}: must be 1 or more")
    reports = Path(out or Path("reports", portfolio.name)).absolute()
    reports.mkdir(parents=True, exist_ok=True)
    with _alone(reports):
        outcomes = _run(
            portfolio, chosen, paths, given, workers or os.cpu_count() or 1, reports, progress
        )
    return RunSummary(reports, outcomes)


def _run(
    portfolio: Portfolio,
    sites: list[str],
    paths: list[Path],
    given: dict[str, dict[str, Any]],
    workers: int,
    reports: Path,
    progress: bars.Style,
) -> list[Outcome]:
    about = _about_sites(portfolio)
    jobs, refused = _jobs(portfolio, sites, paths, given, reports, about)
    outcomes = []
    try:
        with (
            bars.shown(len(refused) + len(jobs), progress) as show,
            (reports / results.STATUS).open("a", encoding="utf-8") as log,
            contextlib.closing(run_all(jobs, workers)) as running,
        ):
            log.write("\n")  # after a line that a killed runner may have cut short
            for outcome in itertools.chain(refused, running):
                outcomes.append(outcome)
                # A whole line at once: what is done stays known if the runner is killed.
                log.write(json.dumps(asdict(outcome)) + "\n")
                log.flush()
                show(outcome)
    finally:  # an interrupted run, too, leaves an index of what is done
        header = {**portfolio.header, "title": _title(portfolio)}
        results.gather(reports, header, about, {path.stem: path for path in paths})
    order = {pair: n for n, pair in enumerate((s, p.stem) for s in sites for p in paths)}
    return sorted(outcomes, key=lambda outcome: order[outcome.site_id, outcome.notebook])


def _jobs(
    portfolio: Portfolio,
    sites: list[str],
    paths: list[Path],
    given: dict[str, dict[str, Any]],
    reports: Path,
    about: dict[str, dict],
) -> tuple[list[Job], list[Outcome]]:
    """Return what to run, and the outcomes of sites whose id must never become a path."""
    data = provenance.data_hashes(portfolio.path)
    shown = {"name": portfolio.name, "title": _title(portfolio)}
    defaults = {path.stem: {p.name: p.default for p in params.schema(path)} for path in paths}
    stamps = {path.stem: provenance.stamp(path, {}, data) for path in paths}
    jobs, refused = [], []
    for site_id, path in itertools.product(sites, paths):
        if not tables.is_id(site_id):
            rule = f"must be {tables.ID_RULE}; mend it in sites.csv"
            refused.append(Outcome(site_id, path.stem, False, error="UnfitSiteId", message=rule))
            continue
        own = {"portfolio": _seen_from(reports / site_id, portfolio.path), "site_id": site_id}
        told = {**defaults[path.stem], **given[path.stem], "portfolio": portfolio.name}
        told["site_id"] = site_id
        jobs.append(
            Job(
                notebook=str(path),
                site_id=site_id,
                folder=str(reports / site_id),
                parameters={**own, **given[path.stem]},
                page={"site": about[site_id], "portfolio": shown},
                stamp={**stamps[path.stem], "parameters": provenance.fit_to_show(told)},
            )
        )
    return jobs, refused


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


def _seen_from(folder: Path, portfolio: str) -> str:
    """Return the portfolio as a notebook in a folder finds it: relative, unless an address."""
    return portfolio if "://" in portfolio else os.path.relpath(portfolio, folder)


@contextlib.contextmanager
def _alone(reports: Path) -> Iterator[None]:
    """Hold the reports for one run; the hold ends with the process, however it ends."""
    with (reports / ".lock").open("w") as lock:
        if fcntl:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"{reports}: another run is writing these reports; wait for it, or name "
                    "another folder with --out"
                ) from None
        yield
