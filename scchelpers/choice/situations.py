"""Which scheme a network situation calls for, before anything is simulated: a table to be read.

The report's authors reviewed more than eighty combinations of topology, voltage, connection point
and place of stress, and found one of four schemes to be the least that helps in each (section 5.1).
Their table is not public. This one is drawn up anew from what the report says of each scheme; it
covers the ninety situations that the five columns make, each by one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from scchelpers.choice import schemes
from scchelpers.choice.schemes import Applicant, timed_study
from scchelpers.report.words import count, percent, quantity
from scchelpers.tcc.assessment import FREE_H

VOLTAGES = ("LV", "11 kV", "33 kV")

CONNECTIONS = ("existing supply", "new connection")

STRESSES = ("nowhere", "own supply", "own asset", "asset above", "several places")

PATTERNS = ("timed", "irregular")

OTHERS = ("alone", "shared")

NO_PATTERN = "–"  # no network is stressed, so no load profile matters

ANY = "any"

NONE = "none needed"


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
    Row(ANY, ANY, "nowhere", ANY, ANY, NONE,
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
    applicant: Applicant, options: pd.DataFrame, feeds: Mapping[str, Mapping[str, float]]
) -> Situation | None:
    """Return the situation of a site; None where nothing is on record that would tell.

    Parameters
    ----------
    applicant : Applicant
        The site.
    options : pandas.DataFrame
        All its schemes, from `outcomes`: a constraint is timed if windows can hold it.
    feeds : mapping
        Of `decide`.
    """
    kv = applicant.site.meta.get("connection_kv") or 0.4
    voltage = VOLTAGES[0 if kv < 1 else 1 if kv <= 22 else 2]
    connection = OLD if applicant.dsc_kva else NEW
    if applicant.network is None and not applicant.dsc_kva:
        return None
    stressed = applicant.stressed
    sharing = [seen for seen in feeds.values() if any(name in seen for name in stressed)]
    others = "shared" if len(sharing) > 1 else "alone"
    if not stressed:
        stress = "nowhere" if applicant.network is not None else "own supply"
        return Situation(voltage, connection, stress, NO_PATTERN, others)
    own = applicant.site.meta.get("asset_id")
    stress = "several places" if len(stressed) > 1 else "asset above"
    stress = "own asset" if stressed == [own] else stress
    pattern = "timed" if options.loc[schemes.TCC, "possible"] else "irregular"
    return Situation(voltage, connection, stress, pattern, others)


MET, NOT_MET, UNKNOWN = "met", "not met", "not known"

# Where the report speaks in words, a line has to be drawn; these are conventions of this workbook.
CONSISTENT = 0.9  # share of the constrained days that lie wholly in the windows

CLOSE_TO_DSC = 0.9  # share of the DSC that the other load reaches at its highest

VOLATILE = 0.25  # share of the DSC that a dynamic limit must hold back

PREDOMINANT = 0.5  # share of the time with the whole request

REGULAR = ("on_street", "bus_depot", "van_depot", "workplace", "park_and_ride")

PASSING = ("rapid_hub", "en_route")


def conditions(applicant: Applicant, options: pd.DataFrame) -> pd.DataFrame:
    """Return the report's conditions of the four schemes, and how the site stands to them.

    Parameters
    ----------
    applicant : Applicant
        The site.
    options : pandas.DataFrame
        All its schemes, from `outcomes`.

    Returns
    -------
    pandas.DataFrame
        scheme, condition, section of the report, state ("met", "not met" or "not known") and
        figure, what it was judged by.
    """
    rows = [
        *_timed(applicant, options),
        *_load_management(applicant, options),
        *_led(applicant, options),
    ]
    columns = ["scheme", "condition", "section", "state", "figure"]
    return pd.DataFrame(rows, columns=columns)


def _state(met: bool | None) -> str:
    return UNKNOWN if met is None else MET if met else NOT_MET


def _timed(applicant: Applicant, options: pd.DataFrame):
    study = timed_study(applicant, applicant.stressed[0]) if applicant.stressed else None
    if study is None or study.windows.empty:
        known = "no window to try" if applicant.network is not None else "no network on record"
        consistent = limited = None
        figures = (known, known)
    else:
        measured = study.measured
        consistent = study.offered or measured["inside_days"] > CONSISTENT
        limited = measured["free_h"] >= FREE_H
        figures = (
            f"{percent(measured['inside_days'])} of the constrained days lie wholly in the windows",
            f"{quantity(measured['free_h'], 'h')} of every day stay free",
        )
    row = options.loc[schemes.TCC]
    kind = applicant.site.meta.get("site_type")
    regular = True if kind in REGULAR else False if kind in PASSING else None
    yield "TCC", "consistent load profile", "6.2", _state(consistent), figures[0]
    yield "TCC", "risk for a limited set period", "6.2", _state(limited), figures[1]
    yield (
        *("TCC", "charging can move out of the period", "6.2"),
        _state(bool(row["serves"]) if row["possible"] else None),
        f"{percent(row['unserved_share'])} unserved" if row["possible"] else "no window to try",
    )
    yield (
        *("TCC", "regular users, not passing drivers", "6.2", _state(regular)),
        str(kind or "kind of site not given").replace("_", " "),
    )


def _load_management(applicant: Applicant, options: pd.DataFrame):
    dsc_kva = applicant.dsc_kva
    supply = quantity(float(dsc_kva), "kVA") if dsc_kva else "no supply yet"
    yield "CLM", "a supply capacity (DSC) that can be kept", "7.1", _state(bool(dsc_kva)), supply
    load = applicant.residual_kw
    if not dsc_kva or load is None:
        known = "no other load on record"
        yield "CLM", "not already close to that capacity", "7.2", UNKNOWN, known
        yield "CLM", "other load not too volatile", "7.2", UNKNOWN, known
    else:
        agreed_kw = float(dsc_kva) * applicant.power_factor
        share = float(np.nanmax(load)) / agreed_kw
        lost_kw = agreed_kw - float(np.nanmean(load))
        lost_kw -= min(options.loc[schemes.DYNAMIC, "mean_kva"] * applicant.power_factor, lost_kw)
        yield (
            *("CLM", "not already close to that capacity", "7.2", _state(share < CLOSE_TO_DSC)),
            f"other load reaches {percent(share)} of it",
        )
        yield (
            *("CLM", "other load not too volatile", "7.2", _state(lost_kw < VOLATILE * agreed_kw)),
            f"{percent(lost_kw / agreed_kw)} of it held back by a dynamic limit",
        )
    rated = applicant.site.chargepoints
    rapid = rated["kind"].isin(["rapid", "ultra"])
    slow = float(rated.loc[~rapid, "rated_kw"].sum() / rated["rated_kw"].sum())
    yield (
        *("CLM", "mostly AC chargepoints", "7.2", _state(slow > 0.5)),
        f"{percent(slow)} of the rated power",
    )


def _led(applicant: Applicant, options: pd.DataFrame):
    places = len(applicant.stressed)
    known = applicant.network is not None
    kv = applicant.site.meta.get("connection_kv")
    # An LMC fits one place, a CMC several; where nothing is stressed, neither is called for.
    for name, fits in ((schemes.LMC, places == 1), (schemes.CMC, places > 1)):
        wanted = "one place is stressed" if name == schemes.LMC else "several places are stressed"
        found = f"{count(places, 'place')} stressed" if known else "no network on record"
        yield name, wanted, "8.1", _state(fits if known else None), found
        row = options.loc[name]
        if not row["possible"] and name == schemes.CMC:
            row = options.loc[schemes.LMC]
        share = row["availability"]
        yield (
            *(name, "the request is mostly there", "8.2"),
            _state(None if np.isnan(share) else share >= PREDOMINANT),
            f"{percent(share)} of the time",
        )
        yield (
            *(name, "higher voltage, larger capacity", "8.2", _state(None if not kv else kv >= 1)),
            f"{quantity(applicant.requested_kva, 'kVA')} at "
            + (quantity(float(kv), "kV") if kv else "a voltage not given"),
        )
    yield schemes.CMC, "a central platform of the DNO", "8.2", UNKNOWN, "not in the data"
