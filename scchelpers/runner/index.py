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
from scchelpers.portfolio import tables
from scchelpers.report import words
from scchelpers.runner import files, journal, pages
from scchelpers.runner.files import join, write_whole
from scchelpers.runner.job import WHOLE, Outcome
from scchelpers.runner.publish import marked, put

PAGE_ROWS = 500
_FAULTS_SHOWN = 50
_SHOWN = "index"  # tag of the cells whose drawings the index shows
_CHANCE = "chance_p"  # what a notebook calls the p of its test


def write(
    reports: str | Path,
    *,
    portfolio: Mapping[str, Any],
    sites: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    outcomes: Sequence[Outcome],
    assets: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[str]:
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

    Returns
    -------
    list of str
        Pages that could not be made, and why.
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
    told = {"sites": sites, "assets": assets or {}, "portfolio": about["portfolio"]}
    unfit = pages.write(reports, outcomes, **told)
    faults = [_fault(reports, outcome, sites) for outcome in failed[:_FAULTS_SHOWN]]
    columns = [_headline(name, titles.get(name, name), of) for name, of in found.items()]
    rows = [_overview_row(site_id, sites[site_id], columns, found) for site_id in shown]
    failures = {"columns": columns, "faults": faults, "more": len(failed) - len(faults)}
    decided = pages.rows(found, sites)
    first = "reports" if decided else "index"
    unfit += _write_pages(reports, first, "portfolio.html.j2", rows, {**about, **failures})
    if decided:
        unfit += _write_lists(reports, decided, {**about, **failures})
    for name, of in found.items():
        comparison = {"title": titles.get(name, name), "columns": _columns(of.values())}
        rows = [
            _row(name, site_id, sites[site_id], of[site_id], comparison["columns"])
            for site_id in sites
            if site_id in of and of[site_id].ok
        ]
        unfit += _write_pages(reports, name, "comparison.html.j2", rows, {**about, **comparison})
    return unfit


def _of_all(reports: str | Path, outcome: Outcome) -> dict[str, Any]:
    """Return what the index shows of a report on the whole portfolio: its link, text and map."""
    link, first = f"{WHOLE}/{outcome.notebook}", next(iter(outcome.figures), None)
    made = files.read(join(reports, f"{link}.ipynb"))
    drawings = marked(nbformat.reads(made, as_version=4), _SHOWN) if made else []
    text = pages.as_text(first) if first else ""
    own = {"title": outcome.title, "link": quote(f"{link}.html"), "text": text}
    return own | {"figures": drawings}


def _write_lists(reports: str | Path, decided: Sequence[dict], about: dict[str, Any]) -> list[str]:
    """Write the manager's pages, the index first, and what they are made of as a table."""
    write_whole(join(reports, "recommendations.csv"), files.as_csv(decided, pages.COLUMNS))
    unfit = []
    views = pages.views(decided)
    manager = pages.summary(decided)
    for view in views:
        lists = [
            {"title": v.title, "link": f"{v.page}.html", "here": v.page == view.page}
            for v in views
            if not v.title.startswith("only ") or v.page == view.page
        ]
        rows = [pages.shown(row) for row in view.rows]
        own = {"manager": manager, "lists": lists}
        unfit += _write_pages(reports, view.page, "overview.html.j2", rows, {**about, **own})
    return unfit


def _write_pages(
    reports: str | Path, name: str, template: str, rows: Sequence[dict], about: dict[str, Any]
) -> list[str]:
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
    unfit = []
    for number, part in enumerate(parts):
        own = {"rows": part, "pages": links, "here": number}
        unfit += put(reports, _page_name(name, number), template, {**about, **own})
    number = len(parts)
    while files.exists(stale := join(reports, _page_name(name, number))):
        files.remove(stale)
        number += 1
    return unfit


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
        if figure["name"] == _CHANCE and figure["value"] is not None
    }
    if len(tested) < 2:
        return list(outcomes)
    label = "p, corrected for the number of sites"
    told = list(outcomes)
    for number, p in zip(tested, false_discovery_control(list(tested.values())), strict=True):
        own = {"name": f"{_CHANCE}_all", "label": label, "unit": "", "value": float(p)}
        told[number] = replace(told[number], figures=[*told[number].figures, own])
    return told


def _fault(reports: str | Path, outcome: Outcome, sites: Mapping) -> dict[str, str]:
    link = f"{outcome.site_id}/{outcome.notebook}.failed.ipynb"
    own = outcome.site_id == WHOLE or tables.is_id(outcome.site_id)
    kept = own and files.exists(join(reports, link))
    name = sites.get(outcome.site_id, {}).get("name") or outcome.site_id
    return {
        "name": "The whole portfolio" if outcome.site_id == WHOLE else name,
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
            cells.append(_cell("", None, column))
            continue
        values = {figure["name"]: figure["value"] for figure in outcome.figures}
        cell = _cell(column["figure"], values.get(column["figure"]), column)
        link = quote(f"{site_id}/{column['notebook']}.html") if tables.is_id(site_id) else ""
        cells.append({**cell, "link": link, "failed": not outcome.ok})
    return {**_who(site_id, site), "cells": cells}


def _row(
    notebook: str, site_id: str, site: Mapping, outcome: Outcome, columns: Mapping
) -> dict[str, Any]:
    values = {figure["name"]: figure["value"] for figure in outcome.figures}
    cells = [_cell(key, values.get(key), column) for key, column in columns.items()]
    return {**_who(site_id, site), "link": quote(f"{site_id}/{notebook}.html"), "cells": cells}


def _cell(name: str, value, column: Mapping) -> dict[str, Any]:
    share, numeric = None, _is_number(value)
    if numeric and value >= 0 and column["largest"] > 0:
        share = round(value / column["largest"], 3)
    unit = f" [{column['unit']}]" if column["unit"] else ""
    return {
        "label": column["label"] + unit,
        "number": column["number"],
        "text": words.percent(value) if numeric and pages.is_share(name) else _as_text(value),
        "share": share,
        "link": "",
        "failed": False,
    }


def _as_text(value) -> str:
    """Return a figure as the index shows it: three significant digits, thousands set apart."""
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


_TEXTS = ("site_id", "notebook", "figure", "label", "unit")
_NUMBERS = ("value", "low", "high")


def gather(
    reports: str,
    portfolio: Mapping[str, Any],
    about: Mapping[str, Mapping[str, Any]],
    assets: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[tuple[str, str], Outcome], list[str]]:
    """Write status, figures and index from the last outcome of each site and notebook.

    The arguments are those of `write`; sites that are not in `about` are of the past and left out.
    Returned are the outcomes, and the pages that could not be made.
    """
    place = {site_id: number for number, site_id in enumerate([*about, WHOLE])}
    found = [outcome for outcome in journal.known(reports).values() if outcome.site_id in place]
    found.sort(key=lambda outcome: (outcome.notebook, place[outcome.site_id]))
    lines = (json.dumps(asdict(outcome)) + "\n" for outcome in found)
    write_whole(join(reports, journal.STATUS), "".join(lines))
    rows = _rows(found)
    write_whole(join(reports, "results.parquet"), _as_parquet(rows))
    write_whole(join(reports, "results.csv"), files.as_csv(rows, [*_TEXTS, *_NUMBERS, "text"]))
    titles = {outcome.notebook: outcome.title for outcome in found}
    told = {"portfolio": portfolio, "sites": about, "assets": assets}
    unfit = write(reports, **told, titles=titles, outcomes=found)
    return {(outcome.site_id, outcome.notebook): outcome for outcome in found}, unfit


def _as_parquet(rows: list[dict[str, Any]]) -> bytes:
    """Return the recorded figures as a Parquet file, one row a figure, texts beside numbers."""
    texts = dict.fromkeys((*_TEXTS, "text"), pa.string())
    kinds = {name: texts.get(name, pa.float64()) for name in (*_TEXTS, *_NUMBERS, "text")}
    columns = {name: [row[name] for row in rows] for name in kinds}
    for name in _NUMBERS:
        columns[name] = [None if v is None else float(v) for v in columns[name]]
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=pa.schema(kinds.items())), sink)
    return sink.getvalue()


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
