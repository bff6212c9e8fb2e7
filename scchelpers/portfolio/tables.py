"""The tables of a portfolio: every column, its unit, its meaning and what it may hold.

This is the one place where a column is defined: reading, `scc check`, the importers and
`docs/conventions.md` all follow it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from scchelpers.site import CHARGER_KINDS
from scchelpers.timebase import SEASONS

_SITE_TYPES = (
    "on_street",
    "workplace",
    "retail",
    "leisure",
    "bus_depot",
    "van_depot",
    "rapid_hub",
    "en_route",
    "car_park",
    "park_and_ride",
    "mixed",
    "other",
)
ASSET_KINDS = ("transformer", "feeder", "primary", "other")
RATING_SEASONS = tuple(dict.fromkeys(SEASONS.values()))

_SITE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Names that Windows keeps for devices, and endings of the files of a run.
_RESERVED = re.compile(
    r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.(html|csv|parquet|jsonl|ipynb)"
)
LABEL_RULE = "1 to 128 printable characters without '/', '\\', '<', '>' or '..'"
ID_RULE = (
    "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, and not "
    "ending like a file of a run (.html, .csv, .parquet, .jsonl, .ipynb)"
)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Column name, a term of the field.
    kind : str
        "id", "text", "number", "integer", "date", "instant" or "choice".
    unit : str
        Unit, "–" for none.
    meaning : str
        One line for people.
    required : bool
        Whether the column must be there and filled in every row.
    low, high : float or None
        Smallest and largest value allowed (inclusive).
    choices : tuple of str
        Values allowed for a "choice" or an "integer".
    """

    name: str
    kind: str
    unit: str
    meaning: str
    required: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


_RATINGS = tuple(
    Column(f"rating_{season}_kva", "number", "kVA", f"thermal rating in {season}", low=0)
    for season in RATING_SEASONS
)

# Where Great Britain lies; the two are known together or not at all.
PLACE = (
    Column("latitude", "number", "degrees", "latitude north, WGS 84", low=49, high=61),
    Column("longitude", "number", "degrees", "longitude east, WGS 84", low=-9, high=3),
)
SITES = (
    Column("site_id", "id", "–", "identifier of the site, fit for a folder name", required=True),
    Column("name", "text", "–", "name of the site, for people"),
    Column("site_type", "choice", "–", "what the site is for", choices=_SITE_TYPES),
    Column("dsc_kva", "number", "kVA", "declared supply capacity today", low=0),
    Column("requested_kva", "number", "kVA", "capacity asked for the chargepoints", low=0),
    Column("power_factor", "number", "–", "power factor of the site's import", low=0.5, high=1),
    Column("asset_id", "id", "–", "network asset that feeds the site (`assets.csv`)"),
    Column("connection_kv", "number", "kV", "voltage of the connection point", low=0.2, high=400),
    Column("network_id", "id", "–", "network model that the site lies in (`networks/`)"),
    Column(
        "network_node",
        "integer",
        "–",
        "node of that model at which the site connects: its id or its name",
        low=0,
        high=2**31 - 1,
    ),
    Column("applied_on", "date", "–", "day on which the site applied: its place in the LIFO stack"),
    *PLACE,
    Column("operator", "text", "–", "chargepoint operator (CPO) that runs the site's chargepoints"),
    Column("timezone", "text", "–", "IANA zone of the site's clock, if not the portfolio's"),
    Column(
        "provenance", "choice", "–", "where the data are from", choices=("measured", "synthetic")
    ),
)
CHARGEPOINTS = (
    Column("evse_id", "id", "–", "identifier of the EVSE: one socket, one car", required=True),
    Column("site_id", "id", "–", "site of the EVSE", required=True),
    Column(
        "rated_kw", "number", "kW", "rated power of the EVSE", required=True, low=0.5, high=2000
    ),
    Column("phases", "integer", "–", "phases used: 1 or 3, 0 for DC", choices=("0", "1", "3")),
    Column("kind", "choice", "–", "class by rated power", choices=tuple(CHARGER_KINDS)),
    Column("priority", "integer", "–", "order when power is short, 0 first", low=0, high=99),
    Column("unit_id", "id", "–", "physical unit that holds the EVSE, if it has several sockets"),
    Column("rated_from", "text", "–", "what an importer has `rated_kw` from; blank: typed"),
)
ASSETS = (
    Column("asset_id", "id", "–", "identifier of the network asset", required=True),
    Column("name", "text", "–", "name of the asset, for people"),
    Column(
        "kind",
        "choice",
        "–",
        "what the asset is",
        choices=ASSET_KINDS,
    ),
    *_RATINGS,
    Column("parent_id", "id", "–", "asset that feeds this one"),
    *PLACE,
    Column(
        "firm_capacity_kva", "number", "kVA", "firm capacity as its operator publishes it", low=0
    ),
    Column("maximum_demand_kva", "number", "kVA", "highest load a year, as published", low=0),
    Column("queue_kva", "number", "kVA", "demand contracted and not yet connected", low=0),
    Column("published_headroom_kva", "number", "kVA", "what its operator says still fits"),
    Column("rating_from", "text", "–", "what an importer has the ratings from; blank: typed"),
    Column("published_from", "text", "–", "who publishes these figures, and of what date"),
)
SESSIONS = (
    Column("session_id", "id", "–", "identifier of the charging session", required=True),
    Column("evse_id", "id", "–", "EVSE of the session", required=True),
    Column("site_id", "id", "–", "site of the session", required=True),
    Column("plug_in", "instant", "UTC", "instant of plugging in", required=True),
    Column("plug_out", "instant", "UTC", "instant of unplugging", required=True),
    Column("energy_kwh", "number", "kWh", "energy delivered or wanted", required=True, low=0),
    Column("max_kw", "number", "kW", "most the car takes; missing: the EVSE's rating", low=0),
    Column("announced_plug_out", "instant", "UTC", "departure that the driver announced"),
    Column("charge_start", "instant", "UTC", "when charging began, if the file tells"),
    Column("charge_end", "instant", "UTC", "when charging ended, if the file tells"),
)
SCHEMES = ("tcc", "static_clm", "dynamic_clm", "profiled", "lmc", "cmc", "firm")
REGISTER = (
    Column("entry_id", "id", "–", "identifier of the entry, never used twice", required=True),
    Column("site_id", "id", "–", "site that the terms hold for", required=True),
    Column(
        "scheme",
        "choice",
        "–",
        "kind of connection; firm ends a flexible one",
        required=True,
        choices=SCHEMES,
    ),
    Column(
        "metered",
        "choice",
        "–",
        "what the limit holds for: the whole site, or its chargepoints alone",
        required=True,
        choices=("site", "charging"),
    ),
    Column(
        "capacity_kva",
        "number",
        "kVA",
        "capacity agreed: what holds outside every window",
        required=True,
        low=0.1,
    ),
    Column("power_factor", "number", "–", "of the terms: kW = kVA x power factor", True, 0.5, 1),
    Column("windows", "text", "–", "windows of a timed scheme, with their caps [kVA]"),
    Column("failsafe_kw", "number", "kW", "what may be drawn without a valid signal", low=0),
    Column(
        "averaging_s",
        "number",
        "s",
        "time over which power is averaged to be judged",
        required=True,
        low=1,
        high=1800,
    ),
    Column("asset_id", "id", "–", "network asset that the terms protect (`assets.csv`)"),
    Column("lifo_position", "integer", "–", "place in the stack, 1 for the first", low=1, high=999),
    Column("valid_from", "date", "–", "first day of the terms, on the site's clock", required=True),
    Column("review_by", "date", "–", "day by which the terms are reviewed", required=True),
    Column("supersedes", "id", "–", "entry of the site that this one replaces"),
    Column("approved_on", "date", "–", "day of the approval", required=True),
    Column(
        "approved_by",
        "choice",
        "–",
        "role, never a name",
        required=True,
        choices=("connections_engineer", "design_authority", "network_planner", "system_operator"),
    ),
    Column("reason", "text", "–", "why the entry was made", required=True),
    Column("chain", "text", "–", "fingerprint of the entry and of all before it", required=True),
)
COVERAGE = (
    Column("source", "text", "–", "file that the days were imported from"),
    Column("kind", "text", "–", "what was imported: sessions or loads", required=True),
    Column("site_id", "text", "–", "site, or asset of a load series", required=True),
    Column("first_day", "date", "–", "first day of the span, on the site's clock", required=True),
    Column("last_day", "date", "–", "last day of the span", required=True),
    Column("days_with_rows", "integer", "–", "days of the span that have a row", low=0),
)
TABLES = {
    "sites.csv": SITES,
    "chargepoints.csv": CHARGEPOINTS,
    "assets.csv": ASSETS,
    "sessions.parquet": SESSIONS,
    "register.csv": REGISTER,
    "coverage.csv": COVERAGE,
}
OPTIONAL = ("assets.csv", "register.csv", "coverage.csv")  # tables that a portfolio may lack
# Load series (`loads.zarr/<group>/<id>`): group -> variables with unit and meaning.
LOADS = {
    "residual_kw": {
        "residual_kw": ("kW", "site load other than charging, mean over the interval"),
        "residual_max_kw": ("kW", "largest 1-minute residual load in the interval"),
        "residual_min_kw": ("kW", "smallest 1-minute residual load in the interval"),
    },
    "import_kw": {
        "import_kw": ("kW", "metered import that the terms hold for, mean over the interval"),
        "import_max_kw": ("kW", "largest 1-minute import in the interval"),
        "import_min_kw": ("kW", "smallest 1-minute import in the interval"),
    },
    "setpoint_kw": {
        "setpoint_kw": ("kW", "limit sent to the site for the interval; missing: no valid signal"),
    },
    "network_kva": {
        "network_kva": ("kVA", "load of the asset before the new site, import positive, mean"),
        "network_max_kva": ("kVA", "largest 1-minute load of the asset in the interval"),
        "network_min_kva": ("kVA", "smallest 1-minute load of the asset in the interval"),
    },
}


# What Unicode calls default ignorable: bidi marks, zero widths, soft hyphens, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_HALF = re.compile("[\ud800-\udfff]")


def as_kept(value: object) -> object:
    """Return what was read as the workbook keeps it: one policy for every name and identifier.

    A text is in the composed form (NFC), without characters that no one sees; half a character
    becomes the sign of a lost one. Lists and mappings are gone through, other values are as they
    were. Upper and lower case stay: identifiers are compared letter by letter, and those of
    folders must differ by more than case (`rules.unique_faults`).

    Examples
    --------
    >>> as_kept("Cafe\u0301\u200b \u202eab\u202c"), as_kept({"name": ["a\ufeffb", 7]})
    ('Café ab', {'name': ['ab', 7]})
    """
    if isinstance(value, str):
        if value.isascii():
            return value
        seen = _HALF.sub("\ufffd", _INVISIBLE.sub("", value))
        return unicodedata.normalize("NFC", seen)
    if isinstance(value, list):
        return [as_kept(item) for item in value]
    if isinstance(value, dict):
        return {as_kept(key): as_kept(item) for key, item in value.items()}
    return value


def is_id(text: object) -> bool:
    """Return whether a text may be an identifier, and so a folder name.

    Examples
    --------
    >>> is_id("broxden-park"), is_id("../../x"), is_id("a..b"), is_id("con"), is_id("index.html")
    (True, False, False, False, False)
    """
    return (
        isinstance(text, str)
        and bool(_SITE_ID.fullmatch(text))
        and ".." not in text
        and not text.endswith(".")
        and not _RESERVED.fullmatch(text)
    )


def is_label(text: str) -> bool:
    """Return whether a text may name an EVSE, a unit or a session: no path, nothing unseen.

    Examples
    --------
    >>> is_label("GB*ABC*E1*2"), is_label("../x"), is_label("a/b")
    (True, False, False)
    """
    plain = 0 < len(text) <= 128 and text.isprintable() and text == as_kept(text)
    return plain and not re.search(r"[/\\<>]|\.\.", text)


def as_id(text: str) -> str:
    """Return an identifier made from a name: lower case, words joined by hyphens.

    Examples
    --------
    >>> as_id("Broxden Park & Ride, Perth")
    'broxden-park-ride-perth'
    """
    words = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:64].strip("-")
    return words if is_id(words) else f"site-{words}"[:64].strip("-")
