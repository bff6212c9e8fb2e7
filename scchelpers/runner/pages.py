"""The pages of one decision: of a site, of a network asset, and the manager's lists of all sites.

They are made of what notebooks recorded. Only `08_scheme_choice` records what to do, and
`09_compliance` whether the terms in force are kept: a site without the first has a page that leads
to its other reports, a portfolio without it has no lists. Lists are sorted and cut by scheme here,
page by page, for nothing runs in the browser.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scchelpers.portfolio import tables
from scchelpers.report import words
from scchelpers.runner.job import Outcome
from scchelpers.runner.publish import put

DECISION, TERMS = "08_scheme_choice", "09_compliance"
_SECTIONS = (
    ("how_sure", "How sure?"),
    ("elsewhere", "Is there another place?"),
    ("in_force", "What is in force?"),
    ("readiness", "Are the chargepoints ready?"),
)
# The four numbers of a decision: the recorded figure, what it is called (else as recorded), and how
# it is written.
_NUMBERS = (
    ("served_share", "of the energy that drivers want is served", "share"),
    ("over_h", "", "hours"),
    ("ready_months", "until the connection is ready", "months"),
    ("worth_gbp", "worth against waiting for reinforcement", "pounds"),
)

# Schemes from the least complex to the most, as that report records them; "none" is none at all.
ORDER = (
    *("firm", "ask for less", "reduced capacity", "raise the supply", "TCC", "static CLM"),
    *("dynamic CLM", "profiled", "LMC", "CMC", "reinforcement", "none"),
)
NONE = ORDER[-1]
_QUESTIONS = (
    ("sites", "Which scheme do sites take?", ""),
    ("released_kva", "Where is capacity released?", "kVA"),
    ("unserved_kwh", "What do drivers go without in a year?", "kWh"),
)
COLUMNS = (
    *("site_id", "name", "site_type", "network", "scheme", "do", "why", "how_sure", "in_force"),
    *("next_step", "verdict", "requested_kva", "released_kva", "unserved_kwh", "unserved_share"),
    *("restricted_h", "over_h", "ready_months", "worth_gbp", "worth_low_gbp", "worth_high_gbp"),
    *("ahead_probability", "page"),
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
) -> list[str]:
    """Write the page of each site and of each network asset that feeds one.

    The arguments are those of `index.write`; what is wrong with a page is returned.
    """
    own: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        own.setdefault(outcome.site_id, []).append(outcome)
    told = {
        site_id: _site(site_id, sites[site_id], own[site_id], assets)
        for site_id in sites
        if site_id in own and tables.is_id(site_id)
    }
    unfit = []
    for site_id, about in told.items():
        about = {**about, "portfolio": portfolio}
        unfit += put(reports, f"{site_id}/index.html", "site.html.j2", about)
    for asset_id, asset in assets.items():
        here = [a for a in told.values() if asset_id in _above(a["site"].get("asset_id"), assets)]
        if here and tables.is_id(asset_id):
            about = {**_asset(asset_id, asset, here, assets), "portfolio": portfolio}
            unfit += put(reports, _asset_page(asset_id), "asset.html.j2", about)
    return unfit


def _above(asset_id: str | None, assets: Mapping) -> list[str]:
    """Return an asset and those that feed it, the nearest first."""
    chain: list[str] = []
    while asset_id and asset_id in assets and asset_id not in chain:
        chain.append(asset_id)
        asset_id = assets[asset_id].get("parent_id")
    return chain


def _asset_page(asset_id: str) -> str:
    return f"asset-{asset_id}.html"


def _site(
    site_id: str, site: Mapping[str, Any], outcomes: Sequence[Outcome], assets: Mapping
) -> dict[str, Any]:
    """Return what the page of a site says."""
    found = figures(outcomes)
    said = defaultdict(str, {name: figure["value"] for name, figure in found.items()})
    for name in ("unserved_share", *(name for name, _, _ in _NUMBERS)):
        if name in found and not _is_number(found[name]["value"], None):
            del found[name]  # a notebook recorded words under the name of a number
    if "unserved_share" in found:
        found["served_share"] = _rest(found["unserved_share"])
    numbers = (
        _number(found[name], text or found[name]["label"], how)
        for name, text, how in _NUMBERS
        if name in found
    )
    return {
        "site": {"name": site_id, "site_type": "", "provenance": "", "site_id": site_id, **site},
        "asset": _link(site.get("asset_id"), assets),
        "said": said,
        "numbers": list(numbers),
        "sections": [(title, said[name]) for name, title in _SECTIONS if said.get(name)],
        "failed": [o for o in outcomes if o.notebook == DECISION and not o.ok],
        "reports": [_report(outcome) for outcome in sorted(outcomes, key=_reading)],
    }


def _link(asset_id: str | None, assets: Mapping) -> dict[str, str] | None:
    """Return name and page of an asset; None where it is not in the table."""
    if not asset_id or asset_id not in assets:
        return None
    return {"name": assets[asset_id].get("name") or asset_id, "link": quote(_asset_page(asset_id))}


def _reading(outcome: Outcome) -> tuple:
    """Return a place in the order of reading: the decision, then what it rests on."""
    return outcome.notebook != DECISION, outcome.notebook


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


def _is_number(value: Any, *others: Any) -> bool:
    return value in others or (isinstance(value, int | float) and not isinstance(value, bool))


def _rest(share: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a share leaves of the whole, with its range."""
    parts = {"value": share["value"], "low": share.get("high"), "high": share.get("low")}
    return {name: None if part is None else 1 - part for name, part in parts.items()}


_WRITTEN = {
    "share": _share,
    "hours": lambda value: words.span(value, "hour", 2),
    "months": lambda value: words.months(value / 12),
    "pounds": words.pounds,
}


def _number(figure: Mapping[str, Any], text: str, how: str) -> dict[str, str]:
    """Return one of the four numbers as text, with its range."""
    written = _WRITTEN[how]
    value, low, high = (figure.get(name) for name in ("value", "low", "high"))
    return {
        "value": "not known" if value is None else written(value),
        "range": "" if low is None or high is None else f"{written(low)} to {written(high)}",
        "text": text,
    }


def is_share(name: str) -> bool:
    """Return whether a recorded name means a share of a whole, which readers see in per cent."""
    return name.endswith(("_share", "_probability", "availability"))


def as_text(figure: Mapping[str, Any]) -> str:
    """Return a figure with its unit, as a line of a list shows it."""
    value = figure["value"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {True: "yes", False: "no", None: "not known"}.get(value, str(value))
    if is_share(figure["name"]):
        return words.percent(value)
    return words.pounds(value) if figure["unit"] == "£" else words.quantity(value, figure["unit"])


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


_NUMERIC = COLUMNS[COLUMNS.index("requested_kva") : -1]


@dataclass(frozen=True)
class View:
    """One list of sites, a page or several."""

    page: str  # name of its first page, without ending
    title: str
    rows: list[dict[str, Any]]  # sites, sorted


def rows(found: Mapping[str, Mapping[str, Outcome]], sites: Mapping[str, Mapping]) -> list[dict]:
    """Return a row for each site with what its report recorded; none if there is no such report."""
    own, terms = found.get(DECISION, {}), found.get(TERMS, {})
    return [
        _row(site_id, sites[site_id], own[site_id], terms.get(site_id))
        for site_id in sites
        if site_id in own
    ]


def _row(site_id: str, site: Mapping, outcome: Outcome, terms: Outcome | None) -> dict[str, Any]:
    said = figures([outcome, terms] if terms else [outcome])
    row = {name: said[name]["value"] if name in said else None for name in COLUMNS}
    row |= {name: None for name in _NUMERIC if not _is_number(row[name])}
    if worth := said.get("worth_gbp"):
        row |= {"worth_low_gbp": worth.get("low"), "worth_high_gbp": worth.get("high")}
    page = f"{site_id}/index.html" if tables.is_id(site_id) else ""
    row |= {"site_id": site_id, "scheme": row["scheme"] or NONE, "page": quote(page)}
    row |= {name: site.get(name) or "" for name in ("name", "site_type", "asset_id")}
    row["name"] = row["name"] or site_id
    if not outcome.ok:
        row |= {"scheme": NONE, "why": f"The report failed: {outcome.fault}"}
    return row


def views(found: Sequence[dict]) -> list[View]:
    """Return the lists: all sites in four orders, the first by scheme, and one of each scheme."""
    by_scheme = sorted(found, key=lambda row: (_place(row["scheme"]), -_size(row)))
    lists = [
        View("index", "by scheme", by_scheme),
        View("sites-by-name", "by name", sorted(found, key=lambda row: row["name"].casefold())),
        View("sites-by-released", "by capacity released", _falling(found, "released_kva")),
        View("sites-by-unserved", "by energy unserved", _falling(found, "unserved_kwh")),
    ]
    for scheme in _present(found):
        own = [row for row in by_scheme if row["scheme"] == scheme]
        lists.append(View(f"sites-{_key(scheme)}", f"only {scheme}", own))
    return [view for view in lists if view.rows]


def _key(scheme: str) -> str:
    """Return the name of a scheme as part of an address."""
    return scheme.lower().replace(" ", "-")


def summary(found: Sequence[dict]) -> dict[str, Any]:
    """Return the totals, and for each question a bar a scheme, as the page shows them."""
    present = _present(found)
    totals = {
        scheme: {
            "sites": sum(row["scheme"] == scheme for row in found),
            **{
                name: sum(row[name] or 0.0 for row in found if row["scheme"] == scheme)
                for name in ("released_kva", "unserved_kwh")
            },
        }
        for scheme in present
    }
    pictures = []
    for name, question, unit in _QUESTIONS:
        largest = max((totals[scheme][name] for scheme in present), default=0.0)
        bars = [
            {
                "scheme": scheme,
                "link": f"sites-{_key(scheme)}.html",
                "text": _text(totals[scheme][name]),
                "share": round(totals[scheme][name] / largest, 3) if largest else 0.0,
            }
            for scheme in present
        ]
        pictures.append({"question": question, "unit": unit, "bars": bars})
    whole = {name: sum(totals[scheme][name] for scheme in present) for name, _, _ in _QUESTIONS}
    return {
        "pictures": pictures,
        "schemes": [{"name": scheme, "key": _key(scheme)} for scheme in present],
        "totals": {name: _text(value) for name, value in whole.items()},
        "undecided": totals.get(NONE, {"sites": 0})["sites"],
    }


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its figures as text."""
    share, months = row["unserved_share"], row["ready_months"]
    return {
        **{name: row[name] for name in ("name", "scheme", "page", "network")},
        "key": _key(row["scheme"]),
        "kind": " · ".join(
            word for word in (row["site_id"], row["site_type"].replace("_", " ")) if word
        ),
        # The page of the site says the rest.
        **{name: re.split(r"(?<=\.) ", row[name] or "")[0] for name in ("why", "how_sure")},
        "in_force": (row["in_force"] or "").replace("No smart connection is registered.", "none"),
        "asset_page": quote(_asset_page(row["asset_id"])) if row["asset_id"] else "",
        "figures": [
            {"label": label, "text": text, "range": span}
            for label, text, span in (
                ("asked for [kVA]", _text(row["requested_kva"]), ""),
                ("unserved", "" if share is None else words.percent(share), ""),
                ("ready in", "" if months is None else words.months(months / 12), ""),
                ("worth", *_worth(row)),
            )
        ],
    }


def _worth(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return the worth against waiting and its range, as text."""
    if row["worth_gbp"] is None:
        return "", ""
    low, high = row["worth_low_gbp"], row["worth_high_gbp"]
    span = "" if low is None or high is None else f"{words.pounds(low)} to {words.pounds(high)}"
    return words.pounds(row["worth_gbp"]), span


def _falling(found: Sequence[dict], name: str) -> list[dict]:
    return sorted(found, key=lambda row: -(row[name] or 0.0))


def _present(found: Sequence[dict]) -> list[str]:
    """Return the schemes that sites take, from the least complex; one not known here comes last."""
    return sorted({row["scheme"] for row in found}, key=lambda scheme: (_place(scheme), scheme))


def _place(scheme: str) -> int:
    return ORDER.index(scheme) if scheme in ORDER else len(ORDER)


def _size(row: Mapping[str, Any]) -> float:
    return row["released_kva"] or 0.0


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}".replace("-", "−")
