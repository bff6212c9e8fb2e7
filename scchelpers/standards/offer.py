"""The technical schedule of a connection offer: one page that says what was agreed, for people."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import pandas as pd

from scchelpers.standards.ocpp import LEAST_A, STEP_W, sockets_kw, stations
from scchelpers.standards.schedule import Schedule

_TITLES = {
    "tcc": "technical schedule of a timed capacity connection",
    "clm": "technical schedule of customer load management",
    "profiled": "technical schedule of a profiled capacity connection",
}
DAYS = {
    "all": "every day",
    "weekday": "Monday to Friday",
    "weekend": "Saturday and Sunday",
    "saturday": "Saturday",
    "sunday": "Sunday",
}
_STYLE = (
    "@page{size:A4;margin:8mm 15mm}body{font:9pt/1.3 sans-serif;max-width:180mm;margin:0 auto;"
    "padding:1mm;color:#111}h1{font-size:14pt;margin:0}h2{font-size:10pt;margin:3mm 0 1mm}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #888;padding:.5mm 2mm;"
    "text-align:left;vertical-align:top}th{background:#eee}ul{margin:0;padding-left:5mm}"
    "table:last-of-type td{height:6mm}"
)


@dataclass(frozen=True)
class _Section:
    """A heading with a table or a list: rows without a header are a list."""

    heading: str
    rows: list[tuple[str, ...]]
    header: tuple[str, ...] = ()


def as_html(schedule: Schedule, *, release_min: float = 10.0, review: str = "") -> str:
    """Return the technical schedule as a page of HTML that needs nothing else.

    Parameters
    ----------
    schedule : Schedule
        What is agreed.
    release_min : float
        Time over which capacity is taken up again after a limit [min].
    review : str
        Day of the next review; empty for a line to fill in.
    """
    parts = [f"<h1>{html.escape(_title(schedule))}</h1>"]
    for section in _sections(schedule, release_min, review):
        parts.append(f"<h2>{html.escape(section.heading)}</h2>")
        if section.header:
            lines = [_html_row(section.header, "th"), *(_html_row(row) for row in section.rows)]
            parts.append("<table>\n" + "\n".join(lines) + "\n</table>")
        else:
            lines = [f"<li>{html.escape(row[0])}</li>" for row in section.rows]
            parts.append("<ul>\n" + "\n".join(lines) + "\n</ul>")
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(_title(schedule))}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def as_markdown(schedule: Schedule, *, release_min: float = 10.0, review: str = "") -> str:
    """Return the technical schedule as Markdown.

    Parameters
    ----------
    schedule, release_min, review
        As in `as_html`.
    """
    parts = [f"# {_escaped(_title(schedule))}"]
    for section in _sections(schedule, release_min, review):
        parts.append(f"## {section.heading}")
        if section.header:
            rule = "|" + "---|" * len(section.header)
            parts.append("\n".join([_md_row(section.header), rule, *map(_md_row, section.rows)]))
        else:
            parts.append("\n".join(f"- {_escaped(row[0])}" for row in section.rows))
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Return text from data so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~$-])", r"\\\1", html.escape(text))


def _html_row(cells: tuple[str, ...], tag: str = "td") -> str:
    scope = ' scope="col"' if tag == "th" else ""
    inner = "".join(f"<{tag}{scope}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"


def _md_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _title(schedule: Schedule) -> str:
    return f"{schedule.site.name}: {_TITLES[schedule.scheme]}"


def _sections(schedule: Schedule, release_min: float, review: str) -> list[_Section]:
    derived = "; ".join(_told(name, value) for name, value in schedule.provenance.items())
    return [
        _Section("Connection", _connection(schedule), ("what", "value")),
        _limits(schedule),
        _Section("Rules", [(text,) for text in _rules(schedule, release_min)]),
        _Section("Chargepoints", _chargepoints(schedule), ("units", "rated", "supply", "at 6 A")),
        _Section("Derivation", [(derived,)]),
        _Section(
            "Agreement",
            [("next review", review), ("for the network operator", ""), ("for the customer", "")],
            ("what", "name, day, signature"),
        ),
    ]


def _connection(schedule: Schedule) -> list[tuple[str, str]]:
    site = schedule.site
    asset = site.meta.get("asset_id") or "none named"
    return [
        ("site", f"{site.name} ({site.site_id})"),
        ("network asset", asset),
        ("capacity outside every limit", _both(schedule.requested_kva, schedule)),
        ("fail-safe limit", _both(schedule.failsafe_kva, schedule)),
        ("power factor taken", f"{schedule.power_factor:g}"),
        ("clock", site.timezone),
        ("averaging time", "half hour, as metered from :00 and :30"),
    ]


def _limits(schedule: Schedule) -> _Section:
    if schedule.issued_kw is not None:
        return _Section(
            "Limits",
            [
                (
                    f"Each day a limit for every half hour of the next is issued by "
                    f"{schedule.provenance['issued'].split()[1]}.",
                ),
                (
                    "It is the rating less the margin and the forecast load, never above the "
                    "capacity and never below 0.",
                ),
            ],
        )
    rows = [
        (
            _dates(row.first, row.until),
            DAYS[row.day_type],
            f"{row.start} to {row.end}",
            _both(row.limit_kva, schedule),
        )
        for row in schedule.windows.rename(columns={"from": "first"}).itertuples()
    ]
    return _Section("Limits", rows, ("dates", "days", "clock", "limit"))


def _rules(schedule: Schedule, release_min: float) -> list[str]:
    rules = [
        "A limit is on the import of all chargepoints together, as a mean over the half hour. "
        "Where rows overlap the lowest holds; outside every row the capacity does.",
        "A window holds from its first clock time up to, not including, its second; over midnight "
        "each instant follows the rule of its own day. When the clock changes, windows keep their "
        "clock times.",
        "The fail-safe limit holds when the signal or the controller fails, after a loss of "
        "supply, and once what was sent has lapsed, until a valid limit is in force again.",
        f"After a limit the chargepoints take up capacity over {release_min:g} minutes, not at "
        "once.",
        "Compliance is judged by half-hourly metering of the chargepoints: a half hour whose mean "
        "is above its limit is an excursion.",
    ]
    least_kw = sockets_kw(schedule.site)
    lowest_kw = min(
        [schedule.failsafe_kw, *(schedule.windows["limit_kva"] * schedule.power_factor)]
    )
    if lowest_kw < least_kw.sum():
        able = int((least_kw.cumsum() <= lowest_kw).sum())
        rules.append(
            f"Below {LEAST_A:g} A a phase a car stops. The lowest limit, {lowest_kw:,.1f} kW, "
            f"carries {able} of {len(least_kw)} AC socket{'s' * (len(least_kw) > 1)} at a time; "
            f"all need {least_kw.sum():,.1f} kW."
        )
    return rules


def _chargepoints(schedule: Schedule) -> list[tuple[str, str, str, str]]:
    groups: dict[tuple, int] = {}
    for station in stations(schedule.site):
        kind = (station.rated_w, station.phases, station.dc, station.least_w)
        groups[kind] = groups.get(kind, 0) + 1
    return [
        (
            str(many),
            f"{rated_w / 1000:g} kW",
            "direct current" if dc else f"{phases} phase{'s' if phases > 1 else ''}",
            f"{least_w / 1000:g} kW" if least_w else "no minimum",
        )
        for (rated_w, phases, dc, least_w), many in groups.items()
    ]


def _both(kva: float, schedule: Schedule) -> str:
    steps = round(kva * schedule.power_factor * 1000 / STEP_W, 6) // 1
    return f"{kva:,.10g} kVA ({steps * STEP_W / 1000:,.1f} kW)"


def _dates(first: str, until: str) -> str:
    if first == until:
        return "all year"
    begin = pd.Timestamp(f"2023-{first}")
    end = pd.Timestamp(f"2023-{until}") - pd.Timedelta("1D")
    # 2023 is no leap year: a season up to 1 March ends on the last day of February.
    last = "end of February" if (end.month, end.day) == (2, 28) else f"{end.day} {end:%B}"
    return f"{begin.day} {begin:%B} to {last}"


def _told(name: str, value: object) -> str:
    """Return an item of the provenance in words, its unit after its value."""
    if isinstance(value, dict):
        value = ", ".join(f"{key} {one:g}" for key, one in value.items())
    elif isinstance(value, float):
        value = f"{value:g}"
    words = name.removesuffix("_kva").replace("_", " ")
    unit = " kVA" if name.endswith("_kva") else ""
    return f"{words} {value}{unit}".replace("\u202f", " ")
