"""The index of a portfolio's reports: every site beside the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import scchelpers
from scchelpers.faults import UserError
from scchelpers.runner import markup
from scchelpers.runner.execution import Outcome
from scchelpers.runner.files import write_whole
from scchelpers.runner.publish import environment


def write(
    path: str | Path,
    *,
    portfolio: Mapping[str, Any],
    sites: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    outcomes: Iterable[Outcome],
) -> None:
    """Write the index page.

    Parameters
    ----------
    path : str or pathlib.Path
        `index.html`, in the folder that holds the sites' folders.
    portfolio : mapping
        `title`, `description` and `sources`, as in `portfolio.toml`.
    sites : mapping of str to mapping
        Site id to its `name`, `site_type` and `provenance`, in the order to show.
    titles : mapping of str to str
        Notebook name to its title, in the order to show.
    outcomes : iterable of Outcome
        What became of each site and notebook.

    Raises
    ------
    UserError
        If the page would be unfit to publish.
    """
    outcomes = list(outcomes)
    by_notebook: dict[str, dict[str, Outcome]] = {name: {} for name in titles}
    for outcome in outcomes:
        by_notebook.setdefault(outcome.notebook, {})[outcome.site_id] = outcome
    page = (
        environment()
        .get_template("portfolio.html.j2")
        .render(
            portfolio={
                "title": portfolio.get("title") or portfolio.get("name") or "Portfolio",
                "description": portfolio.get("description", ""),
                "sources": portfolio.get("sources", []),
            },
            tally={
                "sites": len({o.site_id for o in outcomes}),
                "reports": sum(o.ok for o in outcomes),
                "failed": sum(not o.ok for o in outcomes),
            },
            sections=[
                _section(Path(path).parent, name, titles.get(name, name), sites, found)
                for name, found in by_notebook.items()
                if found
            ],
            version=scchelpers.__version__,
        )
    )
    if wrong := markup.faults(page):
        raise UserError("the index is unfit to publish: " + "; ".join(dict.fromkeys(wrong)))
    write_whole(Path(path), page)


def _section(
    folder: Path, notebook: str, title: str, sites: Mapping, found: Mapping[str, Outcome]
) -> dict[str, Any]:
    """Return the table of one notebook: a row a site, a column a figure."""
    shown = [(site_id, found[site_id]) for site_id in sites if site_id in found]
    shown += [(site_id, found[site_id]) for site_id in found if site_id not in sites]
    columns: dict[str, dict[str, Any]] = {}
    for _, outcome in shown:
        for figure in outcome.figures:
            column = columns.setdefault(
                figure["name"],
                {"label": figure["label"], "unit": figure["unit"], "number": False, "largest": 0},
            )
            if _is_number(figure["value"]):
                column["number"] = True
                column["largest"] = max(column["largest"], figure["value"])
    return {
        "anchor": f"notebook-{notebook}",
        "title": title,
        "columns": list(columns.values()),
        "rows": [
            _row(folder, notebook, site_id, sites.get(site_id, {}), outcome, columns)
            for site_id, outcome in shown
        ],
    }


def _row(
    folder: Path, notebook: str, site_id: str, site: Mapping, outcome: Outcome, columns: Mapping
) -> dict[str, Any]:
    words = [site_id, site.get("site_type"), site.get("provenance")]
    name = site.get("name") or site_id
    row = {
        "name": name,
        "kind": " · ".join(str(w).replace("_", " ") for w in words if w and w != name),
        "ok": outcome.ok,
        "fault": outcome.fault,
    }
    if outcome.ok:
        link = f"{site_id}/{notebook}.html"
        values = {figure["name"]: figure["value"] for figure in outcome.figures}
        cells = [_cell(values.get(key), column) for key, column in columns.items()]
        return {**row, "link": quote(link), "cells": cells}
    link = f"{site_id}/{notebook}.failed.ipynb"
    kept = ".." not in site_id and (folder / link).is_file()
    return {**row, "link": quote(link) if kept else ""}


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
