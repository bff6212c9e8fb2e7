"""The pages that bring a portfolio's reports together.

`index.html` has a row a site and a column a notebook, in its cells the first figure that each
recorded; `<notebook>.html` compares all figures of one notebook; `pages` writes a page a site and a
page a network asset. A page holds 500 sites at most, so that it stays quick to open with thousands
of them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import false_discovery_control

import scchelpers
from scchelpers.faults import UserError
from scchelpers.portfolio import tables
from scchelpers.runner import files, journal, markup, overview, pages
from scchelpers.runner.files import join, write_whole
from scchelpers.runner.job import WHOLE, Outcome
from scchelpers.runner.publish import environment, marked

PAGE_ROWS = 500

FAULTS_SHOWN = 50

SHOWN = "index"  # tag of the cells whose drawings the index shows

CHANCE = "chance_p"  # what a notebook calls the p of its test


def write(
    reports: str | Path,
    *,
    portfolio: Mapping[str, Any],
    sites: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    outcomes: Sequence[Outcome],
    assets: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write the index, the comparison of each notebook, and a page a site and an asset.

    Parameters
    ----------
    reports : str or pathlib.Path
        Folder that holds the sites' folders, a path or fsspec address.
    portfolio : mapping
        `title`, `description` and `sources`, as in `portfolio.toml`.
    sites : mapping of str to mapping
        Site id to its `name`, `site_type` and `provenance`, in the order to show; `asset_id`,
        `requested_kva` and `applied_on` for the page of its network asset.
    titles : mapping of str to str
        Notebook name to its title, in the order to show.
    outcomes : sequence of Outcome
        What became of each site and notebook.
    assets : mapping of str to mapping, optional
        Asset id to its row of `assets.csv`.

    Raises
    ------
    UserError
        If a page would be unfit to publish.
    """
    of_all = [outcome for outcome in outcomes if outcome.site_id == WHOLE]
    outcomes = [outcome for outcome in outcomes if outcome.site_id != WHOLE]
    found: dict[str, dict[str, Outcome]] = {name: {} for name in titles}
    for outcome in _corrected(outcomes):
        found.setdefault(outcome.notebook, {})[outcome.site_id] = outcome
    found = {name: of for name, of in found.items() if of}
    every = [*of_all, *(outcome for of in found.values() for outcome in of.values())]
    failed = [outcome for outcome in every if not outcome.ok]
    shown = [site_id for site_id in sites if any(site_id in of for of in found.values())]
    about = {
        "portfolio": {
            "title": portfolio.get("title") or portfolio.get("name") or "Portfolio",
            "description": portfolio.get("description", ""),
            "sources": portfolio.get("sources", []),
        },
        "tally": {
            "sites": len(shown),
            "reports": len(every) - len(failed),
            "failed": len(failed),
        },
        "notebooks": [
            {"title": titles.get(name, name), "link": quote(f"{name}.html")} for name in found
        ],
        "whole": [_of_all(reports, outcome) for outcome in of_all if outcome.ok],
        "version": scchelpers.__version__,
    }
    pages.write(reports, outcomes, sites=sites, assets=assets or {}, portfolio=about["portfolio"])
    faults = [_fault(reports, outcome, sites) for outcome in failed[:FAULTS_SHOWN]]
    columns = [_headline(name, titles.get(name, name), of) for name, of in found.items()]
    rows = [_overview_row(site_id, sites[site_id], columns, found) for site_id in shown]
    failures = {"columns": columns, "faults": faults, "more": len(failed) - len(faults)}
    decided = overview.rows(found, sites)
    first = "reports" if decided else "index"
    _write_pages(reports, first, "portfolio.html.j2", rows, {**about, **failures})
    if decided:
        _write_lists(reports, decided, {**about, **failures})
    for name, of in found.items():
        comparison = {"title": titles.get(name, name), "columns": _columns(of.values())}
        rows = [
            _row(name, site_id, sites[site_id], of[site_id], comparison["columns"])
            for site_id in sites
            if site_id in of and of[site_id].ok
        ]
        _write_pages(reports, name, "comparison.html.j2", rows, {**about, **comparison})


def _of_all(reports: str | Path, outcome: Outcome) -> dict[str, Any]:
    """Return what the index shows of a report on the whole portfolio: its link, text and map."""
    link, first = f"{WHOLE}/{outcome.notebook}", next(iter(outcome.figures), None)
    made = files.read(join(reports, f"{link}.ipynb"))
    drawings = marked(nbformat.reads(made, as_version=4), SHOWN) if made else []
    text = pages.as_text(first) if first else ""
    own = {"title": outcome.title, "link": quote(f"{link}.html"), "text": text}
    return own | {"figures": drawings}


def _write_lists(reports: str | Path, decided: Sequence[dict], about: dict[str, Any]) -> None:
    """Write the manager's pages, the index first, and what they are made of as a table."""
    files.write_whole(files.join(reports, "recommendations.csv"), overview.as_csv(decided))
    views = overview.views(decided)
    manager = overview.summary(decided)
    for view in views:
        lists = [
            {"title": v.title, "link": f"{v.page}.html", "here": v.page == view.page}
            for v in views
            if not v.title.startswith("only ") or v.page == view.page
        ]
        rows = [overview.shown(row) for row in view.rows]
        own = {"manager": manager, "lists": lists}
        _write_pages(reports, view.page, "overview.html.j2", rows, {**about, **own})


def _write_pages(
    reports: str | Path, name: str, template: str, rows: Sequence[dict], about: dict[str, Any]
) -> None:
    """Write a table over as many pages as it needs, and take away those that it needs no more."""
    parts = [rows[at : at + PAGE_ROWS] for at in range(0, max(len(rows), 1), PAGE_ROWS)]
    links = [
        {
            "link": quote(_page_name(name, number)),
            "first": part[0]["name"] if part else "",
            "last": part[-1]["name"] if part else "",
        }
        for number, part in enumerate(parts)
    ]
    for number, part in enumerate(parts):
        html = (
            environment()
            .get_template(template)
            .render(**about, rows=part, pages=links, here=number)
        )
        if wrong := markup.faults(html):
            raise UserError(f"the page {links[number]['link']} is unfit: {'; '.join(wrong)}")
        files.write_whole(files.join(reports, _page_name(name, number)), html)
    number = len(parts)
    while files.exists(stale := files.join(reports, _page_name(name, number))):
        files.remove(stale)
        number += 1


def _page_name(name: str, number: int) -> str:
    return f"{name}.html" if number == 0 else f"{name}-{number + 1}.html"


def _corrected(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return outcomes with each test's p corrected for the number of sites that were tested.

    Of many sites some look uncommon by chance: Benjamini and Hochberg's rule keeps the share of
    false finds among all finds in hand.
    """
    tested = {
        number: figure["value"]
        for number, outcome in enumerate(outcomes)
        for figure in outcome.figures
        if figure["name"] == CHANCE and figure["value"] is not None
    }
    if len(tested) < 2:
        return list(outcomes)
    label = "p, corrected for the number of sites"
    told = list(outcomes)
    for number, p in zip(tested, false_discovery_control(list(tested.values())), strict=True):
        own = {"name": f"{CHANCE}_all", "label": label, "unit": "", "value": float(p)}
        told[number] = replace(told[number], figures=[*told[number].figures, own])
    return told


def _fault(reports: str | Path, outcome: Outcome, sites: Mapping) -> dict[str, str]:
    link = f"{outcome.site_id}/{outcome.notebook}.failed.ipynb"
    own = outcome.site_id == WHOLE or tables.is_id(outcome.site_id)
    kept = own and files.exists(files.join(reports, link))
    return {
        "name": "The whole portfolio"
        if outcome.site_id == WHOLE
        else sites.get(outcome.site_id, {}).get("name") or outcome.site_id,
        "site_id": outcome.site_id,
        "notebook": outcome.notebook,
        "text": outcome.fault,
        "link": quote(link) if kept else "",
    }


def _columns(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Return the figures of a notebook as columns: name to label, unit and largest value."""
    columns: dict[str, dict[str, Any]] = {}
    for figure in (figure for outcome in outcomes for figure in outcome.figures):
        column = columns.setdefault(
            figure["name"],
            {"label": figure["label"], "unit": figure["unit"], "number": False, "largest": 0},
        )
        if _is_number(figure["value"]):
            column["number"] = True
            column["largest"] = max(column["largest"], figure["value"])
    return columns


def _headline(name: str, title: str, found: Mapping[str, Outcome]) -> dict[str, Any]:
    """Return the column of a notebook in the overview: the first figure that it records."""
    columns = _columns(found.values())
    first = next(iter(columns), None)
    blank = {"label": title, "unit": "", "number": False, "largest": 0}
    return {"notebook": name, "figure": first, "title": title, **columns.get(first, blank)}


def _who(site_id: str, site: Mapping) -> dict[str, str]:
    words = [site_id, site.get("site_type"), site.get("provenance")]
    name = site.get("name") or site_id
    kind = " · ".join(str(word).replace("_", " ") for word in words if word and word != name)
    link = quote(f"{site_id}/index.html") if tables.is_id(site_id) else ""
    return {"name": name, "kind": kind, "page": link}


def _overview_row(
    site_id: str, site: Mapping, columns: Sequence[Mapping], found: Mapping
) -> dict[str, Any]:
    cells = []
    for column in columns:
        outcome = found[column["notebook"]].get(site_id)
        if outcome is None:
            cells.append(_cell(None, column))
            continue
        values = {figure["name"]: figure["value"] for figure in outcome.figures}
        cell = _cell(values.get(column["figure"]), column)
        link = quote(f"{site_id}/{column['notebook']}.html") if tables.is_id(site_id) else ""
        cells.append({**cell, "link": link, "failed": not outcome.ok})
    return {**_who(site_id, site), "cells": cells}


def _row(
    notebook: str, site_id: str, site: Mapping, outcome: Outcome, columns: Mapping
) -> dict[str, Any]:
    values = {figure["name"]: figure["value"] for figure in outcome.figures}
    cells = [_cell(values.get(key), column) for key, column in columns.items()]
    return {**_who(site_id, site), "link": quote(f"{site_id}/{notebook}.html"), "cells": cells}


def _cell(value, column: Mapping) -> dict[str, Any]:
    share = None
    if _is_number(value) and value >= 0 and column["largest"] > 0:
        share = round(value / column["largest"], 3)
    unit = f" [{column['unit']}]" if column["unit"] else ""
    return {
        "label": column["label"] + unit,
        "number": column["number"],
        "text": as_text(value),
        "share": share,
        "link": "",
        "failed": False,
    }


def as_text(value) -> str:
    """Return a figure as the index shows it: three significant digits, thousands set apart.

    Examples
    --------
    >>> [as_text(v) for v in (0.41234, 1234.5, 7, True, None, "16:30")]
    ['0.412', '1,234', '7', 'yes', '', '16:30']
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
        return text.replace("-", "−")
    return str(value)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXTS = ("site_id", "notebook", "figure", "label", "unit")


def gather(
    reports: str,
    portfolio: Mapping[str, Any],
    about: Mapping[str, Mapping[str, Any]],
    assets: Mapping[str, Mapping[str, Any]],
) -> dict[tuple[str, str], Outcome]:
    """Write status, figures and index from the last outcome of each site and notebook.

    Parameters
    ----------
    reports : str
        Folder of the portfolio's reports.
    portfolio : mapping
        `title`, `description` and `sources`, as in `portfolio.toml`.
    about : mapping of str to mapping
        Site id to what the index says of the site; other sites are of the past and left out.
    assets : mapping of str to mapping
        Asset id to its row of `assets.csv`.

    Returns
    -------
    dict of (site_id, notebook) to Outcome
        Those outcomes.
    """
    place = {site_id: number for number, site_id in enumerate([*about, WHOLE])}
    found = [outcome for outcome in journal.known(reports).values() if outcome.site_id in place]
    found.sort(key=lambda outcome: (outcome.notebook, place[outcome.site_id]))
    lines = (json.dumps(asdict(outcome)) + "\n" for outcome in found)
    write_whole(join(reports, journal.STATUS), "".join(lines))
    write_whole(join(reports, "results.parquet"), as_parquet(found))
    write_whole(join(reports, "results.csv"), as_csv(found))
    titles = {outcome.notebook: outcome.title for outcome in found}
    told = {"portfolio": portfolio, "sites": about, "assets": assets}
    write(reports, **told, titles=titles, outcomes=found)
    return {(outcome.site_id, outcome.notebook): outcome for outcome in found}


def as_parquet(outcomes: list[Outcome]) -> bytes:
    """Return the recorded figures as a Parquet file, one row a figure, texts beside numbers."""
    rows = _rows(outcomes)
    numbers = dict.fromkeys(("value", "low", "high"), pa.float64())
    kinds = {**dict.fromkeys(TEXTS, pa.string()), **numbers, "text": pa.string()}
    columns = {name: [row[name] for row in rows] for name in kinds}
    for name in numbers:
        columns[name] = [None if v is None else float(v) for v in columns[name]]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=pa.schema(kinds.items())), sink)
    return sink.getvalue()


def as_csv(outcomes: list[Outcome]) -> str:
    """Return the same rows as CSV."""
    return files.as_csv(_rows(outcomes), [*TEXTS, "value", "low", "high", "text"])


def _rows(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "site_id": outcome.site_id,
            "notebook": outcome.notebook,
            "figure": figure["name"],
            "label": figure["label"],
            "unit": figure["unit"],
            "value": None if isinstance(figure["value"], str) else figure["value"],
            "low": figure.get("low"),
            "high": figure.get("high"),
            "text": figure["value"] if isinstance(figure["value"], str) else None,
        }
        for outcome in outcomes
        for figure in outcome.figures
    ]
