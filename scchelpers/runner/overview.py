"""The manager's page: which scheme each site should take, what it releases and what it costs.

It is made of what `08_scheme_choice` recorded for each site; a portfolio without that report has
none. Lists are sorted and cut by scheme here, page by page, for nothing runs in the browser.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scchelpers.portfolio import tables
from scchelpers.runner.job import Outcome

NOTEBOOK = "08_scheme_choice"
# Schemes from the least complex to the most, as that report records them; "none" is none at all.
ORDER = (
    *("firm", "reduced capacity", "TCC", "static CLM", "dynamic CLM", "profiled", "LMC", "CMC"),
    *("reinforcement", "none"),
)
NONE = ORDER[-1]
QUESTIONS = (
    ("sites", "Which scheme do sites take?", ""),
    ("released_kva", "Where is capacity released?", "kVA"),
    ("unserved_kwh", "What do drivers go without in a year?", "kWh"),
)
COLUMNS = (
    *("site_id", "name", "site_type", "network", "scheme", "reason", "requested_kva"),
    *("released_kva", "unserved_kwh", "unserved_share", "restricted_h", "over_h", "ready_years"),
    *("customer_gbp", "expected", "report"),
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
    own = found.get(NOTEBOOK, {})
    return [_row(site_id, sites[site_id], own[site_id]) for site_id in sites if site_id in own]


def _row(site_id: str, site: Mapping, outcome: Outcome) -> dict[str, Any]:
    recorded = {figure["name"]: figure["value"] for figure in outcome.figures}
    row = dict.fromkeys(COLUMNS) | {name: recorded.get(name) for name in COLUMNS}
    scheme = row["scheme"] if outcome.ok and row["scheme"] in ORDER else NONE
    report = f"{site_id}/{NOTEBOOK}.html" if tables.is_id(site_id) else ""
    row |= {"site_id": site_id, "scheme": scheme, "report": quote(report)}
    row |= {name: site.get(name) or "" for name in ("name", "site_type")}
    row["name"] = row["name"] or site_id
    if not outcome.ok:
        row["reason"] = f"The report failed: {outcome.fault}"
    return row


def views(found: Sequence[dict]) -> list[View]:
    """Return the lists: all sites in four orders, the first by scheme, and one of each scheme."""
    by_scheme = sorted(found, key=lambda row: (ORDER.index(row["scheme"]), -_size(row)))
    lists = [
        View("index", "by scheme", by_scheme),
        View("sites-by-name", "by name", sorted(found, key=lambda row: row["name"].casefold())),
        View("sites-by-released", "by capacity released", _falling(found, "released_kva")),
        View("sites-by-unserved", "by energy unserved", _falling(found, "unserved_kwh")),
    ]
    for scheme in ORDER:
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
    present = [scheme for scheme in ORDER if any(row["scheme"] == scheme for row in found)]
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
    share, years = row["unserved_share"], row["ready_years"]
    return {
        **{name: row[name] for name in ("name", "scheme", "report", "network")},
        "key": key(row["scheme"]),
        "kind": " · ".join(
            word for word in (row["site_id"], row["site_type"].replace("_", " ")) if word
        ),
        "reason": row["reason"] or "",
        "figures": [
            {"label": label, "text": text}
            for label, text in (
                ("asked for [kVA]", _text(row["requested_kva"])),
                ("released [kVA]", _text(row["released_kva"])),
                ("unserved [kWh a year]", _text(row["unserved_kwh"])),
                ("unserved [%]", "" if share is None else f"{100 * share:.1f}"),
                ("ready in [years]", "" if years is None else f"{years:.2g}"),
            )
        ],
    }


def as_csv(found: Sequence[dict]) -> str:
    """Return the rows as CSV, a site a line."""
    sink = io.StringIO()
    writer = csv.DictWriter(sink, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(found)
    return sink.getvalue()


def _falling(found: Sequence[dict], name: str) -> list[dict]:
    return sorted(found, key=lambda row: -(row[name] or 0.0))


def _size(row: Mapping[str, Any]) -> float:
    return row["released_kva"] or 0.0


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}".replace("-", "−")
