"""What of a run is to be done, and why: what changed or failed, and nothing else."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.portfolio import Portfolio, tables
from scchelpers.portfolio.check import toml_faults
from scchelpers.portfolio.fingerprint import Fingerprints
from scchelpers.runner import files, journal
from scchelpers.runner import notebooks as books
from scchelpers.runner.job import (
    WHOLE,
    Job,
    Outcome,
    digest,
    fit_to_show,
    is_sealed,
    package_key,
    provenance,
    publisher_key,
)


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
    return not is_sealed(files.read(job.place(".ipynb")))


def text(decisions: Iterable[Decision]) -> str:
    """Return decisions for people: what is to be done, line by line, and a count of all."""
    decisions = list(decisions)
    tally = Counter(decision.action for decision in decisions)
    lines = [decision.text() for decision in decisions if decision.action != "keep"]
    total = f"{tally['run']} to run, {tally['publish']} pages to make anew, {tally['keep']} to keep"
    return "\n".join([*lines, f"{total}."])


# Given by the runner; a notebook without the second is run once for the whole portfolio.
OWN = ("portfolio", "site_id")


@dataclass(frozen=True)
class Request:
    """What was asked for, found sound.

    Attributes
    ----------
    portfolio : Portfolio
        As opened.
    sites : list of str
        Sites asked for, in the order of `sites.csv`, and `WHOLE`.
    paths : list of pathlib.Path
        Notebooks asked for, in reading order.
    reports : str
        Folder of the portfolio's reports, an absolute path or an fsspec address.
    about : dict of str to dict
        What pages say of every site of the portfolio.
    jobs : list of Job
        What it comes to.
    refused : list of Outcome
        Of sites whose id must never become a path.
    """

    portfolio: Portfolio
    sites: list[str]
    paths: list[Path]
    reports: str
    about: dict[str, dict[str, str]]
    jobs: list[Job]
    refused: list[Outcome]

    @property
    def assets(self) -> dict[str, dict[str, Any]]:
        """Rows of `assets.csv` by asset; what is missing is None."""
        if not self.portfolio.exists("assets.csv"):
            return {}
        table = self.portfolio.table("assets.csv").set_index("asset_id")
        return table.astype(object).where(table.notna(), None).to_dict("index")

    @property
    def title(self) -> str:
        """What pages call the portfolio."""
        return _title(self.portfolio)

    def decide(self, *, force: bool = False, only_failed: bool = False) -> list[Decision]:
        """Return what is to be done with each job, see `decide`."""
        known = journal.known(self.reports)
        there = files.listing(self.reports)
        return decide(self.jobs, known, self.portfolio, there, force=force, only_failed=only_failed)


def ask(
    folder: str | Path,
    *,
    notebooks: Iterable[str] | None = None,
    sites: Iterable[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    notebook_folder: str | Path | None = None,
    seconds: float | None = None,
) -> Request:
    """Check what was asked for; the arguments are those of `batch.run`.

    Raises
    ------
    UserError
        If the portfolio, a site, a notebook or a parameter is not as it must be.
    """
    portfolio = Portfolio.open(folder)
    if errors := [fault for fault in toml_faults(portfolio) if fault.severity == "error"]:
        raise UserError(str(errors[0]))
    paths = books.find(books.folder(notebook_folder), notebooks)
    whole = [path for path in paths if not any(p.name == OWN[1] for p in books.schema(path))]
    if sites is not None and notebooks is None:  # some sites are no portfolio
        paths, whole = [path for path in paths if path not in whole], []
    given = _checked(paths, parameters or {})
    paths = [path for path in paths if path not in whole]
    chosen = _chosen(portfolio, sites) if paths else []
    reports = str(out or Path("reports", portfolio.name))
    reports = reports.rstrip("/") if files.is_address(reports) else str(Path(reports).resolve())
    about = _about_sites(portfolio)
    header = {"name": portfolio.name, "title": _title(portfolio)}
    known = journal.known(reports)
    there = {*chosen, *(site_id for site_id, _ in known)} - {WHOLE}
    stems = {path.stem for path in paths}
    beside = _neighbours([s for s in about if s in there and tables.is_id(s)], about)
    pages = {
        site_id: {
            "site": about[site_id],
            "portfolio": header,
            "beside": beside[site_id],
            "questions": sorted(stems | {stem for own, stem in known if own == site_id}),
        }
        for site_id in chosen
        if site_id in beside
    }
    jobs = [
        job
        for path_jobs in zip(
            *(_jobs(path, portfolio, pages, given[path.stem], reports, seconds) for path in paths),
            strict=True,
        )
        for job in path_jobs
    ]
    questions = sorted({path.stem for path in whole} | {n for own, n in known if own == WHOLE})
    page = {WHOLE: {"site": None, "portfolio": header, "beside": None, "questions": questions}}
    for path in whole:
        jobs += _jobs(path, portfolio, page, given[path.stem], reports, seconds)
    rule = f"must be {tables.ID_RULE}; mend it in sites.csv"
    refused = [
        Outcome(
            site_id,
            path.stem,
            ok=False,
            title=books.title(path),
            error="UnfitSiteId",
            message=rule,
        )
        for site_id, path in itertools.product(chosen, paths)
        if site_id not in pages
    ]
    return Request(portfolio, [*chosen, WHOLE], [*paths, *whole], reports, about, jobs, refused)


def _jobs(
    path: Path,
    portfolio: Portfolio,
    pages: Mapping[str, dict],
    given: Mapping[str, Any],
    reports: str,
    seconds: float | None,
) -> list[Job]:
    """Return the jobs of one notebook, one for each site that may have a folder, or for all."""
    title, stamp = books.title(path), provenance(path, {})
    defaults = {parameter.name: parameter.default for parameter in books.schema(path)}
    recipe = {
        "notebook": stamp["notebook_sha256"][:16],
        "package": package_key()[:16],
        "dependencies": digest(stamp["python"], stamp["packages"])[:16],
    }
    jobs = []
    for site_id, page in pages.items():
        place = files.join(reports, site_id)
        of_site = {} if site_id == WHOLE else {"site_id": site_id}
        told = {**defaults, **given, "portfolio": portfolio.name, **of_site}
        own = {"portfolio": _seen_from(place, portfolio.path), **of_site}
        jobs.append(
            Job(
                notebook=str(path),
                title=title,
                site_id=site_id,
                folder=place,
                parameters={**own, **given},
                page=page,
                publisher=publisher_key(),
                stamp={**stamp, "parameters": fit_to_show(told)},
                recipe={**recipe, "parameters": digest(told)[:16]},
                seconds=seconds,
            )
        )
    return jobs


def _neighbours(sites: list[str], about: Mapping[str, dict]) -> dict[str, dict[str, Any]]:
    """Return the sites before and after each, as pages link to them."""
    told = [{"site_id": site_id, "name": about[site_id]["name"]} for site_id in sites]
    return {
        site_id: {"before": before, "after": after}
        for site_id, before, after in zip(sites, [None, *told], [*told[1:], None], strict=False)
    }


def _checked(paths: list[Path], given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the typed parameters of each notebook; a name must be known to at least one."""
    schemas = {path.stem: books.schema(path) for path in paths}
    problems = []
    for stem, schema in schemas.items():
        if OWN[0] not in {p.name for p in schema}:
            problems.append(f"{stem}: must declare the parameter {OWN[0]}")
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
            values[stem] = books.check(own, {n: v for n, v in given.items() if n in names})
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


TOLD = ("name", "site_type", "provenance", "asset_id")


def _about_sites(portfolio: Portfolio) -> dict[str, dict[str, str]]:
    """Return what pages say of each site."""
    about = {}
    for site_id, row in zip(portfolio.site_ids, portfolio.sites.to_dict("records"), strict=True):
        texts = {key: row.get(key) or "" for key in TOLD}
        about[str(site_id)] = {
            "site_id": str(site_id),
            **texts,
            "name": texts["name"] or str(site_id),
            "requested_kva": None if pd.isna(asked := row.get("requested_kva")) else asked,
            "applied_on": str(row.get("applied_on") or "")[:10],
        }
    return about


def _title(portfolio: Portfolio) -> str:
    return portfolio.header.get("title") or portfolio.name


def _seen_from(folder: str, portfolio: str) -> str:
    """Return the portfolio as a notebook in a folder finds it: relative, unless an address."""
    if files.is_address(portfolio):
        return portfolio
    # Links are followed first: a relative path is worked out on text.
    if files.is_address(folder):
        return str(Path(portfolio).resolve())
    return os.path.relpath(Path(portfolio).resolve(), folder)
