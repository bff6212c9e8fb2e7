"""The page of a site and the page of a network asset: one decision, and who shares the network.

Both are made of what the site's notebooks recorded. Only `08_scheme_choice` records what to do; a
site without that report has a page that leads to the others.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scchelpers.faults import UserError
from scchelpers.portfolio import tables
from scchelpers.report import words
from scchelpers.runner import files, markup
from scchelpers.runner.job import Outcome
from scchelpers.runner.publish import environment

DECISION, TERMS = "08_scheme_choice", "09_compliance"
SECTIONS = (
    ("how_sure", "How sure?"),
    ("in_force", "What is in force?"),
    ("readiness", "Are the chargepoints ready?"),
)
# The four numbers of a decision: the recorded figure, what it is called (else as recorded), and how
# it is written.
NUMBERS = (
    ("served_share", "of the energy that drivers want is served", "share"),
    ("over_h", "", "hours"),
    ("ready_months", "until the connection is ready", "months"),
    ("worth_gbp", "worth against waiting for reinforcement", "pounds"),
)


def figures(outcomes: Iterable[Outcome]) -> dict[str, dict[str, Any]]:
    """Return the figures that a site's notebooks recorded, by name; later notebooks come last."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.notebook)
    return {
        figure["name"]: figure for outcome in ordered if outcome.ok for figure in outcome.figures
    }


def disagreements(outcomes: Iterable[Outcome]) -> list[str]:
    """Return where two notebooks of a site recorded different values under one name.

    Examples
    --------
    >>> def said(notebook, value):
    ...     return Outcome("a", notebook, True, figures=[{"name": "ready_months", "value": value}])
    >>> disagreements([said("07_business_case", 15), said("08_scheme_choice", 24)])
    ['a: ready_months is 15 in 07_business_case and 24 in 08_scheme_choice']
    """
    first: dict[tuple[str, str], tuple[str, Any]] = {}
    found = []
    for outcome in sorted(outcomes, key=lambda outcome: outcome.notebook):
        for figure in outcome.figures if outcome.ok else ():
            name, value = figure["name"], figure["value"]
            where, known = first.setdefault((outcome.site_id, name), (outcome.notebook, value))
            if not _same(known, value):
                other = f"{value} in {outcome.notebook}"
                found.append(f"{outcome.site_id}: {name} is {known} in {where} and {other}")
    return found


def _same(one, other) -> bool:
    """Return whether two figures are equal but for rounding."""
    if isinstance(one, float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-9 * max(abs(one), abs(other))
    return one == other


def write(
    reports: str | Path,
    outcomes: Iterable[Outcome],
    *,
    sites: Mapping[str, Mapping[str, Any]],
    assets: Mapping[str, Mapping[str, Any]],
    portfolio: Mapping[str, str],
) -> None:
    """Write the page of each site and of each network asset that feeds one.

    Parameters
    ----------
    reports : str or pathlib.Path
        Folder that holds the sites' folders, a path or fsspec address.
    outcomes : iterable of Outcome
        What became of each site and notebook.
    sites : mapping of str to mapping
        Site id to its `name`, `site_type`, `provenance`, `asset_id`, `requested_kva`, `applied_on`.
    assets : mapping of str to mapping
        Asset id to its row of `assets.csv`.
    portfolio : mapping
        `title` of the portfolio.

    Raises
    ------
    UserError
        If a page would be unfit to publish.
    """
    own: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        own.setdefault(outcome.site_id, []).append(outcome)
    told = {
        site_id: _site(site_id, sites[site_id], own[site_id], assets)
        for site_id in sites
        if site_id in own and tables.is_id(site_id)
    }
    for site_id, about in told.items():
        _write(reports, f"{site_id}/index.html", "site.html.j2", about, portfolio)
    for asset_id, asset in assets.items():
        here = [a for a in told.values() if asset_id in _above(a["site"].get("asset_id"), assets)]
        if here and tables.is_id(asset_id):
            about = _asset(asset_id, asset, here, assets)
            _write(reports, asset_page(asset_id), "asset.html.j2", about, portfolio)


def _above(asset_id: str | None, assets: Mapping) -> list[str]:
    """Return an asset and those that feed it, the nearest first."""
    chain: list[str] = []
    while asset_id and asset_id in assets and asset_id not in chain:
        chain.append(asset_id)
        asset_id = assets[asset_id].get("parent_id")
    return chain


def asset_page(asset_id: str) -> str:
    """Return the name of an asset's page.

    Examples
    --------
    >>> asset_page("elm-road-tx")
    'asset-elm-road-tx.html'
    """
    return f"asset-{asset_id}.html"


def _write(reports, place: str, template: str, about: Mapping[str, Any], portfolio) -> None:
    """Write a page, unless it is there as it would be written."""
    html = environment().get_template(template).render(**about, portfolio=portfolio)
    if wrong := markup.faults(html):
        raise UserError(f"the page {place} is unfit: {'; '.join(wrong)}")
    if files.read(path := files.join(reports, place)) != html:
        files.write_whole(path, html)


def _site(
    site_id: str, site: Mapping[str, Any], outcomes: Sequence[Outcome], assets: Mapping
) -> dict[str, Any]:
    """Return what the page of a site says."""
    found = figures(outcomes)
    said = defaultdict(str, {name: figure["value"] for name, figure in found.items()})
    if "unserved_share" in found:
        found["served_share"] = _rest(found["unserved_share"])
    numbers = (
        _number(found[name], text or found[name]["label"], how)
        for name, text, how in NUMBERS
        if name in found
    )
    return {
        "site": {"name": site_id, "site_type": "", "provenance": "", "site_id": site_id, **site},
        "asset": _link(site.get("asset_id"), assets),
        "said": said,
        "numbers": list(numbers),
        "sections": [(title, said[name]) for name, title in SECTIONS if said.get(name)],
        "failed": [o for o in outcomes if o.notebook == DECISION and not o.ok],
        "reports": [_report(outcome) for outcome in _in_order(outcomes)],
    }


def _link(asset_id: str | None, assets: Mapping) -> dict[str, str] | None:
    """Return name and page of an asset; None where it is not in the table."""
    if not asset_id or asset_id not in assets:
        return None
    return {"name": assets[asset_id].get("name") or asset_id, "link": quote(asset_page(asset_id))}


def _in_order(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return reports in order of reading: the decision, then what it rests on."""
    return sorted(outcomes, key=lambda outcome: (outcome.notebook != DECISION, outcome.notebook))


def _report(outcome: Outcome) -> dict[str, Any]:
    first = next(iter(outcome.figures), None) if outcome.ok else None
    return {
        "title": outcome.title or outcome.notebook,
        "link": quote(f"{outcome.notebook}.html"),
        "ok": outcome.ok,
        "label": first["label"] if first else "",
        "text": as_text(first) if first else "",
    }


def _share(value: float) -> str:
    """Return a share as a percentage, with a decimal where nearly all is served."""
    if 0.99 <= value < 1:
        return f"{math.floor(1000 * value) / 10:.1f}{words.NARROW}%"
    return words.percent(value)


def _rest(share: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a share leaves of the whole, with its range."""
    parts = {"value": share["value"], "low": share.get("high"), "high": share.get("low")}
    return {name: None if part is None else 1 - part for name, part in parts.items()}


WRITTEN = {
    "share": _share,
    "hours": lambda value: words.span(value, "hour", 2),
    "months": lambda value: words.months(value / 12),
    "pounds": words.pounds,
}


def _number(figure: Mapping[str, Any], text: str, how: str) -> dict[str, str]:
    """Return one of the four numbers as text, with its range."""
    written = WRITTEN[how]
    value, low, high = (figure.get(name) for name in ("value", "low", "high"))
    return {
        "value": "not known" if value is None else written(value),
        "range": "" if low is None or high is None else f"{written(low)} to {written(high)}",
        "text": text,
    }


def as_text(figure: Mapping[str, Any]) -> str:
    """Return a figure with its unit, as a line of a list shows it."""
    value = figure["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {True: "yes", False: "no", None: "not known"}.get(value, str(value))
    return words.quantity(value, figure["unit"]).strip()


def _asset(
    asset_id: str, asset: Mapping[str, Any], here: Sequence[Mapping], assets: Mapping
) -> dict[str, Any]:
    """Return what the page of an asset says: its sites in the order in which they applied."""
    queue = sorted(
        here,
        key=lambda about: (
            not about["site"].get("applied_on"),
            about["site"].get("applied_on") or "",
            about["site"]["site_id"],
        ),
    )
    own = [about["said"] for about in queue if about["site"].get("asset_id") == asset_id]
    said = defaultdict(str, {n: v for each in own for n, v in each.items() if v is not None})
    return {
        "asset": {"asset_id": asset_id, **asset, "name": asset.get("name") or asset_id},
        "above": _link(asset.get("parent_id"), assets),
        "queue": queue,
        "requested_kva": sum(about["site"].get("requested_kva") or 0 for about in queue),
        "said": said,
        "need": said["asset_need"],
        "quantity": words.quantity,
    }
