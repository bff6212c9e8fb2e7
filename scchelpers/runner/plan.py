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

# Given by the runner; a notebook without the second is run once for the whole portfolio.
OWN = ("portfolio", "site_id")
_TOLD = ("name", "site_type", "provenance", "asset_id")
_LONGEST_NAME = 200  # characters of a name or title that a page shows


@dataclass(frozen=True)
class Decision:
    """What is to be done with one notebook for one site, and why."""

    job: Job
    action: str  # "run", "publish" (the page alone is made anew) or "keep"
    reason: str
    edited: bool = False  # someone has worked in its executed notebook, which is not to be lost


def text(decisions: Iterable[Decision]) -> str:
    """Return decisions for people: what is to be done, line by line, and a count of all."""
    decisions = list(decisions)
    tally = Counter(decision.action for decision in decisions)
    lines = [
        f"{d.action:8}{d.job.site_id}  {d.job.name}  {d.reason}"
        for d in decisions
        if d.action != "keep"
    ]
    total = f"{tally['run']} to run, {tally['publish']} pages to make anew, {tally['keep']} to keep"
    return "\n".join([*lines, f"{total}."])


@dataclass(frozen=True)
class Request:
    """What was asked for, found sound."""

    portfolio: Portfolio
    sites: list[str]  # asked for, in the order of `sites.csv`, and `WHOLE`
    paths: list[Path]  # of the notebooks asked for, in reading order
    reports: str  # folder of the portfolio's reports, an absolute path or an fsspec address
    about: dict[str, dict[str, str]]  # what pages say of every site of the portfolio
    jobs: list[Job]  # what it comes to
    refused: list[Outcome]  # of sites whose id must never become a path

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
        """Return what is to be done with each job, in their order.

        Keys and fingerprints are compared with those of the last run. `force` runs everything,
        `only_failed` what failed last and nothing else.
        """
        known, there = journal.known(self.reports), files.listing(self.reports)
        pairs = [(job, known.get((job.site_id, job.name))) for job in self.jobs]
        parts = {part for _, last in pairs if last is not None for part in last.inputs}
        now = Fingerprints(self.portfolio).of(sorted(parts)) if parts and not force else {}
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
    if sites is None and whole and not portfolio.site_ids and portfolio.exists("assets.csv"):
        paths = []  # network assets alone: there is a question about them, and none about sites
    chosen = _chosen(portfolio, sites) if paths else []
    reports = str(out or Path("reports", portfolio.name))
    reports = reports.rstrip("/") if files.is_address(reports) else str(Path(reports).resolve())
    about = _about_sites(portfolio)
    known = journal.known(reports)
    pages = _pages(portfolio, chosen, about, known, {path.stem for path in paths})
    questions = sorted({path.stem for path in whole} | {n for own, n in known if own == WHOLE})
    header = {"name": portfolio.name, "title": _title(portfolio)}
    page = {WHOLE: {"site": None, "portfolio": header, "beside": None, "questions": questions}}

    def jobs_of(path: Path, pages: Mapping[str, dict]) -> list[Job]:
        return _jobs(path, portfolio, pages, given[path.stem], reports, seconds)

    jobs = itertools.chain(*zip(*(jobs_of(path, pages) for path in paths), strict=True))
    of_all = itertools.chain(*(jobs_of(path, page) for path in whole))
    refused = [
        Outcome(
            site_id,
            path.stem,
            ok=False,
            title=books.title(path),
            error="UnfitSiteId",
            message=f"must be {tables.ID_RULE}; mend it in sites.csv",
        )
        for site_id, path in itertools.product(chosen, paths)
        if site_id not in pages
    ]
    sites, paths = [*chosen, WHOLE], [*paths, *whole]
    return Request(portfolio, sites, paths, reports, about, [*jobs, *of_all], refused)


def _pages(
    portfolio: Portfolio,
    chosen: list[str],
    about: Mapping[str, dict],
    known: Iterable[tuple[str, str]],
    stems: set[str],
) -> dict[str, dict[str, Any]]:
    """Return what the pages of each site say beside the notebook; no id unfit for a path is one."""
    there = {*chosen, *(site_id for site_id, _ in known)} - {WHOLE}
    fit = [site_id for site_id in about if site_id in there and tables.is_id(site_id)]
    told = [{"site_id": site_id, "name": about[site_id]["name"]} for site_id in fit]
    beside = {
        site_id: {"before": before, "after": after}
        for site_id, before, after in zip(fit, [None, *told], [*told[1:], None], strict=False)
    }
    return {
        site_id: {
            "site": about[site_id],
            "portfolio": {"name": portfolio.name, "title": _title(portfolio)},
            "beside": beside[site_id],
            "questions": sorted(stems | {stem for own, stem in known if own == site_id}),
        }
        for site_id in chosen
        if site_id in beside
    }


def _jobs(
    path: Path,
    portfolio: Portfolio,
    pages: Mapping[str, dict],
    given: Mapping[str, Any],
    reports: str,
    seconds: float | None,
) -> list[Job]:
    """Return the jobs of one notebook, one for each site that may have a folder, or for all."""
    title, stamp = books.title(path), provenance(path)
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
    asked = there if sites is None else list(dict.fromkeys(sites))
    unknown = set(asked).difference(there)
    if unknown:
        hints = (f"no site {s!r}; {closest(s, there) or 'see sites.csv'}" for s in sorted(unknown))
        raise UserError(f"{portfolio.path}/sites.csv: " + "; ".join(hints))
    return asked


def _about_sites(portfolio: Portfolio) -> dict[str, dict[str, str]]:
    """Return what pages say of each site."""
    about = {}
    for site_id, row in zip(portfolio.site_ids, portfolio.sites.to_dict("records"), strict=True):
        texts = {key: row.get(key) or "" for key in _TOLD}
        about[str(site_id)] = {
            "site_id": str(site_id),
            **texts,
            "name": _short(texts["name"] or str(site_id)),
            "requested_kva": None if pd.isna(asked := row.get("requested_kva")) else asked,
            "applied_on": str(row.get("applied_on") or "")[:10],
        }
    return about


def _title(portfolio: Portfolio) -> str:
    return _short(portfolio.header.get("title") or portfolio.name)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _seen_from(folder: str, portfolio: str) -> str:
    """Return the portfolio as a notebook in a folder finds it: relative, unless an address."""
    if files.is_address(portfolio):
        return portfolio
    # Links are followed first: a relative path is worked out on text.
    place = str(Path(portfolio).resolve())
    return place if files.is_address(folder) else os.path.relpath(place, folder)
