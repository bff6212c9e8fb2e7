"""The manager's page: which scheme each site should take, what it releases and what it costs.

It is made of what `08_scheme_choice` recorded for each site, and of whether `09_compliance` found
the terms in force kept; a portfolio without the first report has none. Lists are sorted and cut by
scheme here, page by page, for nothing runs in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scchelpers.portfolio import tables
from scchelpers.report import words
from scchelpers.runner import files, pages
from scchelpers.runner.job import Outcome

# Schemes from the least complex to the most, as that report records them; "none" is none at all.
ORDER = (
    *("firm", "ask for less", "reduced capacity", "raise the supply", "TCC", "static CLM"),
    *("dynamic CLM", "profiled", "LMC", "CMC", "reinforcement", "none"),
)
NONE = ORDER[-1]
QUESTIONS = (
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


@dataclass(frozen=True)
class View:
    """One list of sites, a page or several.

    Attributes
    ----------
    page : str
        Name of its first page, without ending.
    title : str
        What it shows.
    rows : list of dict
        Sites, sorted.
    """

    page: str
    title: str
    rows: list[dict[str, Any]]


def rows(found: Mapping[str, Mapping[str, Outcome]], sites: Mapping[str, Mapping]) -> list[dict]:
    """Return a row for each site with what its report recorded; none if there is no such report.

    Parameters
    ----------
    found : mapping
        Outcomes by notebook and site.
    sites : mapping of str to mapping
        Site id to its name and site_type.
    """
    own, terms = found.get(pages.DECISION, {}), found.get(pages.TERMS, {})
    return [
        _row(site_id, sites[site_id], own[site_id], terms.get(site_id))
        for site_id in sites
        if site_id in own
    ]


def _row(site_id: str, site: Mapping, outcome: Outcome, terms: Outcome | None) -> dict[str, Any]:
    said = pages.figures([outcome, terms] if terms else [outcome])
    row = {name: said[name]["value"] if name in said else None for name in COLUMNS}
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
        lists.append(View(f"sites-{key(scheme)}", f"only {scheme}", own))
    return [view for view in lists if view.rows]


def key(scheme: str) -> str:
    """Return the name of a scheme as part of an address.

    Examples
    --------
    >>> key("dynamic CLM")
    'dynamic-clm'
    """
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
    for name, question, unit in QUESTIONS:
        largest = max((totals[scheme][name] for scheme in present), default=0.0)
        bars = [
            {
                "scheme": scheme,
                "link": f"sites-{key(scheme)}.html",
                "text": _text(totals[scheme][name]),
                "share": round(totals[scheme][name] / largest, 3) if largest else 0.0,
            }
            for scheme in present
        ]
        pictures.append({"question": question, "unit": unit, "bars": bars})
    whole = {name: sum(totals[scheme][name] for scheme in present) for name, _, _ in QUESTIONS}
    return {
        "pictures": pictures,
        "schemes": [{"name": scheme, "key": key(scheme)} for scheme in present],
        "totals": {name: _text(value) for name, value in whole.items()},
        "undecided": totals.get(NONE, {"sites": 0})["sites"],
    }


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its figures as text."""
    share, months = row["unserved_share"], row["ready_months"]
    return {
        **{name: row[name] for name in ("name", "scheme", "page", "network")},
        "key": key(row["scheme"]),
        "kind": " · ".join(
            word for word in (row["site_id"], row["site_type"].replace("_", " ")) if word
        ),
        **{name: row[name] or "" for name in ("why", "how_sure", "in_force")},
        "asset_page": quote(pages.asset_page(row["asset_id"])) if row["asset_id"] else "",
        "figures": [
            {"label": label, "text": text, "range": span}
            for label, text, span in (
                ("asked for [kVA]", _text(row["requested_kva"]), ""),
                ("unserved", "" if share is None else words.percent(share), ""),
                ("ready in", "" if months is None else words.months(months / 12), ""),
                ("worth", *_worth(row)),
                ("terms kept", row["verdict"] or "", ""),
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


def as_csv(found: Sequence[dict]) -> str:
    """Return the rows as CSV, a site a line."""
    return files.as_csv(found, COLUMNS)


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
    if value is None:
        return ""
    return f"{value:,.0f}".replace("-", "−")
