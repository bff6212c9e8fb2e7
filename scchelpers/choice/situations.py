"""Which scheme a network situation calls for, before anything is simulated: a table to be read.

The report's authors reviewed more than eighty combinations of topology, voltage, connection point
and place of stress, and found one of four schemes to be the least that helps in each (section 5.1).
Their table is not public. This one is drawn up anew from what the report says of each scheme; it
covers the ninety situations that the five columns make, each by one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

from scchelpers.choice import schemes
from scchelpers.choice.case import Case

VOLTAGES = ("LV", "11 kV", "33 kV")
CONNECTIONS = ("existing supply", "new connection")
STRESSES = ("nowhere", "own supply", "own asset", "asset above", "several places")
PATTERNS = ("timed", "irregular")
OTHERS = ("alone", "shared")
NO_PATTERN = "–"  # no network is stressed, so no load profile matters
ANY = "any"
FIRM = "none needed"


@dataclass(frozen=True)
class Situation:
    """Where a site stands in the network.

    Attributes
    ----------
    voltage : str
        At the connection point: "LV", "11 kV" or "33 kV".
    connection : str
        "existing supply" or "new connection".
    stress : str
        Where the whole request would be too much: "nowhere", "own supply", "own asset", "asset
        above" or "several places".
    pattern : str
        When: at "timed" hours that a window can hold, or "irregular"; "–" without network stress.
    others : str
        Whether other applicants share what is stressed: "alone" or "shared".
    """

    voltage: str
    connection: str
    stress: str
    pattern: str
    others: str


@dataclass(frozen=True)
class Row:
    """One row of the table: a condition a column ("any", or values joined by " or "), and the rest.

    Attributes
    ----------
    family : str
        Scheme of the report, or "none needed".
    reason : str
        Why, in one sentence.
    section : str
        Of the report.
    """

    voltage: str
    connection: str
    stress: str
    pattern: str
    others: str
    family: str
    reason: str
    section: str

    def fits(self, situation: Situation) -> bool:
        """Return whether a situation is one of this row's."""
        return all(
            wanted == ANY or getattr(situation, column) in wanted.split(" or ")
            for column, wanted in self.conditions.items()
        )

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions by column."""
        return {name: getattr(self, name) for name in Situation.__dataclass_fields__}


HIGH = "11 kV or 33 kV"
ONE, MANY = "own asset or asset above", "own asset or asset above or several places"
OLD, NEW = CONNECTIONS

# voltage, connection point, where it is stressed, when, who else · scheme, why, section
TABLE = (
    Row(ANY, ANY, "nowhere", ANY, ANY, FIRM,
        "The standard assessment finds room for the whole request.", "6.2"),
    Row(ANY, OLD, "own supply", ANY, ANY, "CLM",
        "The site's own supply is what is short; a limit within it needs no network study.", "7.1"),
    Row("LV", OLD, MANY, ANY, "alone", "CLM",
        "A limit within the supply that the site has is less work than any network scheme.", "7.2"),
    Row("LV", OLD, MANY, ANY, "shared", "CLM",
        "The same; the DNO must know of it, for it erodes the diversity of a shared asset.", "7.3"),
    Row(HIGH, OLD, MANY, "timed", ANY, "TCC",
        "Depots and other large sites can do without in set hours, and get the rest.", "6.2"),
    Row(ANY, NEW, MANY, "timed", "alone", "TCC",
        "A consistent profile and a limited period: a timer is enough.", "6.2"),
    Row(ANY, NEW, MANY, "timed", "shared", "TCC",
        "The same, with windows wide enough for what earlier applicants hold.", "6.2, 9.2"),
    Row("LV", NEW, ONE, "irregular", ANY, "LMC",
        "One monitor is enough; at low voltage it waits for the DNO's control there.", "8.1, 8.2"),
    Row(HIGH, ANY, ONE, "irregular", "alone", "LMC",
        "One place is stressed at no set time: a monitor there, and a live setpoint.", "8.1"),
    Row(HIGH, ANY, ONE, "irregular", "shared", "LMC",
        "The same, with an order of access among those who share it.", "8.1, 9.2"),
    Row("LV", NEW, "several places", "irregular", ANY, "CMC",
        "Several places must be watched together, even at low voltage.", "8.1"),
    Row(HIGH, ANY, "several places", "irregular", ANY, "CMC",
        "Several places must be watched together: a central platform.", "8.1"),
)  # fmt: skip


def combinations() -> list[Situation]:
    """Return every situation that the columns make: ninety."""
    found = []
    for voltage, connection, stress, others in product(VOLTAGES, CONNECTIONS, STRESSES, OTHERS):
        if stress == "own supply" and connection == NEW:
            continue  # there is no supply yet
        patterns = (NO_PATTERN,) if stress in ("nowhere", "own supply") else PATTERNS
        found += [Situation(voltage, connection, stress, kind, others) for kind in patterns]
    return found


def row_of(situation: Situation) -> Row:
    """Return the row of the table for a situation.

    Examples
    --------
    >>> row_of(Situation("LV", "new connection", "own asset", "timed", "alone")).family
    'TCC'
    """
    return next(row for row in TABLE if row.fits(situation))


def situation_of(
    case: Case, options: pd.DataFrame, feeds: Mapping[str, Mapping[str, float]]
) -> Situation | None:
    """Return the situation of a site; None where nothing is on record that would tell.

    Parameters
    ----------
    case : Case
        The site.
    options : pandas.DataFrame
        All its schemes, from `outcomes`: a constraint is timed if windows can hold it.
    feeds : mapping
        Of `decide`.
    """
    kv = case.site.meta.get("connection_kv") or 0.4
    voltage = VOLTAGES[0 if kv < 1 else 1 if kv <= 22 else 2]
    connection = OLD if case.dsc_kva else NEW
    if case.network is None and not case.dsc_kva:
        return None
    stressed = case.stressed
    sharing = [seen for seen in feeds.values() if any(name in seen for name in stressed)]
    others = "shared" if len(sharing) > 1 else "alone"
    if not stressed:
        stress = "nowhere" if case.network is not None else "own supply"
        return Situation(voltage, connection, stress, NO_PATTERN, others)
    own = case.site.meta.get("asset_id")
    stress = "several places" if len(stressed) > 1 else "asset above"
    stress = "own asset" if stressed == [own] else stress
    pattern = "timed" if options.loc[schemes.TCC, "possible"] else "irregular"
    return Situation(voltage, connection, stress, pattern, others)


def as_frame(rows: Sequence[Row] = TABLE) -> pd.DataFrame:
    """Return rows of the table for showing."""
    return pd.DataFrame(
        [
            {
                **row.conditions,
                "scheme": row.family,
                "why": row.reason,
                "section": row.section,
            }
            for row in rows
        ],
        index=pd.RangeIndex(1, len(rows) + 1, name="row"),
    )
