"""Rules of `register.csv`: entries that follow each other, and are never changed.

Every entry carries the fingerprint of its own content and of the entry before it, so that one
changed, moved or taken out in the middle is found. `register.seal` holds the number of entries and
the last fingerprint: entries cut from the end are found, too. One entry more than the seal names,
with a sound fingerprint, is an addition that a crash cut short between the two files. Who writes
both anew is found by comparing the last fingerprint with one noted elsewhere, such as in an earlier
report.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd

from scchelpers.faults import Fault, UserError
from scchelpers.portfolio import tables, windows
from scchelpers.portfolio.frames import as_typed
from scchelpers.timebase import minute_of_clock

FILE, SEAL = "register.csv", "register.seal"
SIGNALLED = ("profiled", "lmc", "cmc")  # schemes whose limit is sent
START = "register 1"


def content(row: pd.Series) -> str:
    """Return what an entry says, the same however a spreadsheet writes it.

    Parameters
    ----------
    row : pandas.Series
        A typed row, see `frames.as_typed`; blanks and the fingerprint do not count.
    """
    said = {}
    for column in tables.REGISTER:
        value = row[column.name]
        if column.name == "chain" or pd.isna(value):
            continue
        if column.kind in ("number", "integer"):
            value = f"{value:.10g}"
        elif column.kind == "date":
            value = f"{value:%Y-%m-%d}"
        said[column.name] = str(value)
    return json.dumps(said, ensure_ascii=True, sort_keys=True)


def link(before: str, row: pd.Series) -> str:
    """Return the fingerprint of an entry that stands after the entry of fingerprint `before`."""
    return hashlib.sha256(f"{before or START}\n{content(row)}".encode()).hexdigest()[:32]


def seal_text(chains: pd.Series) -> str:
    """Return what `register.seal` holds for the fingerprints of a register.

    Examples
    --------
    >>> seal_text(pd.Series(["aa", "bb"]))
    '2 bb'
    """
    return f"{len(chains)} {chains.iloc[-1]}" if len(chains) else ""


def chain_faults(raw: pd.DataFrame, seal: str) -> list[Fault]:
    """Return where a register was changed after the fact.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text, indexed by row number.
    seal : str
        Content of `register.seal`.
    """
    if raw.empty and not seal:
        return []
    typed = as_typed(raw, tables.REGISTER)
    before, faults = "", []
    remedy = "restore the register; to change terms, add an entry: `scc register FOLDER --add …`"
    for row, entry in typed.iterrows():
        said = entry["chain"] or ""
        if said != link(before, entry):
            rule = "must be the fingerprint of this entry and of those before it: one was changed, "
            rule += "moved or deleted"
            faults.append(_fault(row, "chain", said, rule, remedy, entry))
        before = said  # each break is named once, where it is
    whole = typed["chain"].fillna("") if len(typed) else pd.Series(dtype=str)
    unfinished = bool(seal) and seal == seal_text(whole[:-1])
    if not faults and seal != seal_text(whole) and not unfinished:
        rule = f"must name the last of {len(whole)} entries: some were deleted at the end"
        if not seal:
            rule = "must be there beside register.csv"
        faults.append(Fault(SEAL, None, "", seal[:80], rule, remedy))
    return faults


def entry_faults(raw: pd.DataFrame) -> list[Fault]:
    """Return where entries contradict themselves or those before them."""
    typed = as_typed(raw, tables.REGISTER)
    faults, last, signed = [], {}, pd.NaT
    for row, entry in typed.iterrows():

        def add(field, rule, remedy, row=row, entry=entry):
            value = entry[field]
            text = "" if pd.isna(value) else f"{value:%Y-%m-%d}" if _is_day(value) else str(value)
            faults.append(_fault(row, field, text, rule, remedy, entry))

        known = last.get(entry["site_id"])
        _follows(entry, known, signed, add)
        _scheme(entry, add)
        last[entry["site_id"]] = entry
        signed = entry["approved_on"] if pd.notna(entry["approved_on"]) else signed
    return faults


def _follows(entry: pd.Series, known: pd.Series | None, signed, add) -> None:
    expected = None if known is None else known["entry_id"]
    if entry["supersedes"] != expected:
        rule = "must be blank for a site's first entry"
        remedy = "leave it blank"
        if expected:
            rule, remedy = "must name the site's entry before this one", f"write {expected!r}"
        add("supersedes", rule, remedy)
    if known is not None and entry["valid_from"] < known["valid_from"]:
        remedy = f"begin on {known['valid_from']:%Y-%m-%d} or later"
        add("valid_from", "must not lie before that of the entry replaced", remedy)
    if entry["approved_on"] < signed:
        add("approved_on", "must not lie before that of the row above", "entries stand in order")
    if entry["review_by"] <= entry["valid_from"]:
        add("review_by", "must lie after valid_from", "name a later day")


def _scheme(entry: pd.Series, add) -> None:
    scheme, text = entry["scheme"], entry["windows"]
    if (scheme == "tcc") != bool(text):
        rule = "must name the windows" if scheme == "tcc" else "must be blank"
        add("windows", f"{rule} of a {scheme} scheme", "a timed scheme (tcc) alone has windows")
    if scheme == "dynamic_clm" and entry["metered"] == "charging":
        add("metered", "must be site: the limit of a dynamic CLM is the DSC", "write site")
    if scheme in SIGNALLED and pd.isna(entry["failsafe_kw"]):
        remedy = "write what the site may draw when no signal comes [kW]"
        add("failsafe_kw", f"is required for {scheme}", remedy)
    if entry["failsafe_kw"] > entry["capacity_kva"] * entry["power_factor"] + 1e-9:
        add("failsafe_kw", "must not be above the capacity agreed", "correct one of the two")
    if entry["averaging_s"] and 86_400 % entry["averaging_s"]:
        add("averaging_s", "must divide a day", "write such as 60 or 1800")
    try:
        rows = windows.parse(text or "")
    except UserError as error:
        add("windows", str(error), "correct the window")
        return
    for window in rows:
        if window["limit_kva"] >= entry["capacity_kva"]:
            add("windows", "a cap must be below capacity_kva", f"correct {windows.write([window])}")
        edges = [60 * minute_of_clock(window[name]) for name in ("start", "end")]
        if entry["averaging_s"] and any(edge % entry["averaging_s"] for edge in edges):
            rule = "windows must begin and end on a multiple of averaging_s"
            add("windows", rule, f"move {windows.write([window])}, or shorten averaging_s")


def _is_day(value) -> bool:
    return isinstance(value, pd.Timestamp | np.datetime64)


def _fault(row, field, value, rule, remedy, entry) -> Fault:
    site = "" if pd.isna(entry["site_id"]) else entry["site_id"]
    return Fault(FILE, int(row), field, str(value)[:80], rule, remedy, "error", site)
