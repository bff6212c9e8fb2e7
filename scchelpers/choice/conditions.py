"""What the report asks of a network and a site for each scheme, and whether this one meets it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.choice import schemes
from scchelpers.choice.case import Case
from scchelpers.choice.offers import timed_study
from scchelpers.tcc.suitability import FREE_H
from scchelpers.wording import count, percent, quantity

MET, NOT_MET, UNKNOWN = "met", "not met", "not known"

# Where the report speaks in words, a line has to be drawn; these are conventions of this workbook.
CONSISTENT = 0.9  # share of the constrained days that lie wholly in the windows
CLOSE_TO_DSC = 0.9  # share of the DSC that the other load reaches at its highest
VOLATILE = 0.25  # share of the DSC that a dynamic limit must hold back
PREDOMINANT = 0.5  # share of the time with the whole request
REGULAR = ("on_street", "bus_depot", "van_depot", "workplace", "park_and_ride")
PASSING = ("rapid_hub", "en_route")


def conditions(case: Case, options: pd.DataFrame) -> pd.DataFrame:
    """Return the report's conditions of the four schemes, and how the site stands to them.

    Parameters
    ----------
    case : Case
        The site.
    options : pandas.DataFrame
        All its schemes, from `outcomes`.

    Returns
    -------
    pandas.DataFrame
        scheme, condition, section of the report, state ("met", "not met" or "not known") and
        figure, what it was judged by.
    """
    rows = [*_timed(case, options), *_load_management(case, options), *_led(case, options)]
    columns = ["scheme", "condition", "section", "state", "figure"]
    return pd.DataFrame(rows, columns=columns)


def _state(met: bool | None) -> str:
    return UNKNOWN if met is None else MET if met else NOT_MET


def _timed(case: Case, options: pd.DataFrame):
    study = timed_study(case, case.stressed[0]) if case.stressed else None
    if study is None or study.windows.empty:
        known = "no window to try" if case.network is not None else "no network on record"
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
    kind = case.site.meta.get("site_type")
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


def _load_management(case: Case, options: pd.DataFrame):
    dsc_kva = case.dsc_kva
    supply = quantity(float(dsc_kva), "kVA") if dsc_kva else "no supply yet"
    yield "CLM", "a supply capacity (DSC) that can be kept", "7.1", _state(bool(dsc_kva)), supply
    load = case.residual_kw
    if not dsc_kva or load is None:
        known = "no other load on record"
        yield "CLM", "not already close to that capacity", "7.2", UNKNOWN, known
        yield "CLM", "other load not too volatile", "7.2", UNKNOWN, known
    else:
        agreed_kw = float(dsc_kva) * case.power_factor
        share = float(np.nanmax(load)) / agreed_kw
        lost_kw = agreed_kw - float(np.nanmean(load))
        lost_kw -= min(options.loc[schemes.DYNAMIC, "mean_kva"] * case.power_factor, lost_kw)
        yield (
            *("CLM", "not already close to that capacity", "7.2", _state(share < CLOSE_TO_DSC)),
            f"other load reaches {percent(share)} of it",
        )
        yield (
            *("CLM", "other load not too volatile", "7.2", _state(lost_kw < VOLATILE * agreed_kw)),
            f"{percent(lost_kw / agreed_kw)} of it held back by a dynamic limit",
        )
    rated = case.site.chargepoints
    rapid = rated["kind"].isin(["rapid", "ultra"])
    slow = float(rated.loc[~rapid, "rated_kw"].sum() / rated["rated_kw"].sum())
    yield (
        *("CLM", "mostly AC chargepoints", "7.2", _state(slow > 0.5)),
        f"{percent(slow)} of the rated power",
    )


def _led(case: Case, options: pd.DataFrame):
    places = len(case.stressed)
    known = case.network is not None
    kv = case.site.meta.get("connection_kv")
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
            f"{quantity(case.requested_kva, 'kVA')} at "
            + (quantity(float(kv), "kV") if kv else "a voltage not given"),
        )
    yield schemes.CMC, "a central platform of the DNO", "8.2", UNKNOWN, "not in the data"
