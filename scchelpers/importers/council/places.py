"""Which names are one site: names change by year, chargepoints seldom move."""

from __future__ import annotations

import difflib
import re

import pandas as pd

# What a name tells of the site's use; the first that is found holds.
_TYPE_WORDS = (
    ("park_and_ride", r"park\s*(&|and|n|\+)\s*ride|\bp\s?&\s?r\b"),
    ("bus_depot", r"\bbus (depot|garage|station)"),
    ("van_depot", r"\bdepot\b|\bfleet\b"),
    ("rapid_hub", r"\b(charging )?hub\b|\btaxi\b"),
    ("en_route", r"\bservices?\b|motorway"),
    ("leisure", r"leisure|sports?\b|swimming|\bpool\b|museum|theatre|golf|country park|arena"),
    ("retail", r"retail|supermarket|shopping|tesco|asda|sainsbury|morrisons|\blidl\b|\baldi\b"),
    ("car_park", r"car\s?park|multi.?stor(e)?y|\bmscp\b|\bparking\b"),
    ("workplace", r"\boffices?\b|council hq|headquarters|hospital|business park|campus|university"),
    ("on_street", r"on.?street|lamp.?(post|column)"),
)
_TEST = re.compile(r"\*\*\*|\btest\b|\bdummy\b|\bdemo (site|unit)\b", re.IGNORECASE)
# Names in use side by side for longer than this are two places that a unit moved between [days].
_HANDOVER = pd.Timedelta("30D")


def is_test(name: str) -> bool:
    """Return whether a name is of a test site, not a place.

    Examples
    --------
    >>> is_test("***TEST SITE*** HQ"), is_test("Testwood Car Park")
    (True, False)
    """
    return bool(_TEST.search(name))


def site_type(name: str) -> str:
    """Return the site type that a name tells, "other" if none.

    Examples
    --------
    >>> site_type("Kinross Park and Ride"), site_type("Mill Street, Perth")
    ('park_and_ride', 'other')
    """
    return next((t for t, words in _TYPE_WORDS if re.search(words, name.lower())), "other")


def plain(name: str) -> str:
    """Return a name without case, punctuation and doubled blanks."""
    return " ".join(re.findall(r"[a-z0-9]+", name.lower().replace("&", " and ")))


def alike(one: str, other: str) -> bool:
    """Return whether two plain names may be of one place: one within the other, or nearly equal.

    Examples
    --------
    >>> alike("canal street car park", "canal street car park 3rd floor perth")
    True
    >>> alike("canal street car park", "mill street")
    False
    """
    a, b = set(one.split()), set(other.split())
    return a <= b or b <= a or difflib.SequenceMatcher(None, one, other).ratio() > 0.8


def unite(rows: pd.DataFrame) -> dict[str, str]:
    """Return the site name of each printed name.

    Names are one site where they differ in writing only, or where a chargepoint stands under both
    and they are alike or the one follows the other; the commonest name is kept, of equally common
    ones the latest.

    Parameters
    ----------
    rows : pandas.DataFrame
        `unit` (chargepoint), `site` (printed name) and `day` (start).

    Returns
    -------
    dict of str to str
        Printed name to site name.
    """
    rows = rows.assign(plain=rows["site"].map({n: plain(n) for n in rows["site"].unique()}))
    use = rows.groupby("plain")["day"].agg(["min", "max"])
    root = {name: name for name in use.index}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for _, names in rows.groupby("unit")["plain"]:
        ordered = sorted(names.unique(), key=lambda name: use.loc[name, "min"])
        for i, earlier in enumerate(ordered):
            for later in ordered[i + 1 :]:
                followed = use.loc[earlier, "max"] - use.loc[later, "min"] <= _HANDOVER
                if alike(earlier, later) or followed:
                    root[find(later)] = find(earlier)
    rows["group"] = rows["plain"].map(find)
    tally = rows.groupby(["group", "site"])["day"].agg(["size", "max"]).reset_index()
    best = tally.sort_values(["size", "max", "site"]).groupby("group")["site"].last()
    named = rows.drop_duplicates("site")
    return dict(zip(named["site"], named["group"].map(best), strict=True))
