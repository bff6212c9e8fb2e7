"""Sites, units and EVSEs: which names are one, what each is rated, which socket a row was at."""

from __future__ import annotations

import heapq
import re

import numpy as np
import pandas as pd

from scchelpers.importers import ratings
from scchelpers.importers.council import places
from scchelpers.importers.sieve import Sieve, identifiers
from scchelpers.portfolio import tables

# Units hold no more sockets than this; more sessions at once on one unit are an overlap.
_SOCKETS = 3
# What a rating is taken to be when nothing tells it, as for a unit without one sound session [kW].
_ASSUMED_KW = 7.4


def place(rest: Sieve) -> list[str]:
    """Give each row its `site_name`, `site_id` and `unit_id`; return notes on names united."""
    rows = rest.rows
    names = places.unite(rows.assign(day=rows["start"]))
    site = rows["site"].map(names)
    rest.mend(site != rows["site"], "site name brought to one writing")
    notes = []
    for kept in sorted(set(names.values())):
        others = sorted(printed for printed in names if names[printed] == kept != printed)
        if others:
            notes.append(f"one site under several names: {kept} = {' = '.join(others)}")
    # A unit that moved is another unit at its other place, for an EVSE stands at one site.
    home = site.groupby(rows["unit"]).agg(lambda s: s.value_counts().index[0])
    moved = site != rows["unit"].map(home)
    for unit, where in sorted({*zip(rows["unit"][moved], site[moved], strict=True)}):
        notes.append(f"chargepoint {unit} also stood at {where}: counted there as another unit")
    unit = rows["unit"].where(~moved, rows["unit"] + " at " + site)
    # as_id joins all but letters and digits, so names are told apart after it.
    plain = {name: tables.as_id(name) for name in site.unique()}
    alone = identifiers(plain.values(), length=64)
    twice = {i for i in plain.values() if list(plain.values()).count(i) > 1}
    own = identifiers([name for name, i in plain.items() if i in twice], length=64)
    site_ids = {n: tables.as_id(own[n]) if i in twice else alone[i] for n, i in plain.items()}
    rest.rows = rows.assign(
        site_name=site, site_id=site.map(site_ids), unit_id=unit.map(identifiers(unit.unique()))
    )
    return notes


def rate(rest: Sieve, given: dict[str, float], fallback_kw: float | None) -> list[str]:
    """Give each unit its rating [kW]; return notes that say where from.

    The order is: the user's table (by chargepoint, then by model), a column of the file, the
    model's name, the user's fallback, and at last the mean power of the unit's own sessions.
    """
    rows = rest.rows
    stay_h = (rows["end"] - rows["start"]) / pd.Timedelta("1h")
    rated, source = {}, {}
    for unit, own in rows.groupby("unit_id"):
        model = own["model"].mode().iloc[0]
        by_model = given.get(model.lower(), np.nan)
        tries = {
            "the table of ratings": given.get(own["unit"].iloc[0].lower(), by_model),
            "the file": own["rated_kw"].median(),
            "the model": ratings.from_model(model),
            "the option": np.nan if fallback_kw is None else fallback_kw,
            "INFERRED": ratings.from_sessions(own["energy_kwh"], stay_h[own.index]),
            "ASSUMED": _ASSUMED_KW,
        }
        source[unit] = next(s for s, kw in tries.items() if 0.5 <= kw <= 2000)
        rated[unit] = tries[source[unit]]
    rest.rows = rows.assign(rated_kw=rows["unit_id"].map(rated))
    return [*_told_ratings(rated, source), *_told_models(rows["model"])]


def _told_ratings(rated: dict[str, float], source: dict[str, str]) -> list[str]:
    notes = []
    for where in dict.fromkeys(source.values()):
        units = [unit for unit in source if source[unit] == where]
        counts = pd.Series([rated[unit] for unit in units]).value_counts().sort_index()
        shown = ", ".join(f"{n} of {kw:g} kW" for kw, n in counts.items())
        note = f"rating of {len(units)} chargepoints from {where}: {shown}"
        if where == "INFERRED":
            note = (
                f"rating of {len(units)} chargepoints INFERRED ({shown}): the smallest on sale "
                "that their mean power allows, so perhaps too low; set ratings_file"
            )
        if where == "ASSUMED":
            note = (
                f"rating of {len(units)} chargepoints ASSUMED ({shown}) for want of a model and "
                "of sound sessions; set ratings_file"
            )
        notes.append(note)
    return notes


def _told_models(models: pd.Series) -> list[str]:
    read_as = {
        m: ratings.from_model(m) for m in models.unique() if not re.search(r"\d\s*kw", m, re.I)
    }
    return [
        f"model {model!r} read as {kw:g} kW by its words"
        for model, kw in sorted(read_as.items())
        if kw == kw
    ]


def number_sockets(rest: Sieve) -> list[str]:
    """Give each row its `evse_id`; where no connector is printed, share a unit's sessions out."""
    rows = rest.rows.sort_values(["unit_id", "plug_in", "plug_out"], kind="stable")
    socket = rows["connector"].where(rows["connector"] != "", None)
    blank = socket.isna()
    notes = []
    if blank.any():
        for _, own in (
            rows[blank]
            .drop_duplicates(["unit_id", "plug_in", "plug_out", "energy_kwh"])
            .groupby("unit_id")
        ):
            socket.update(pd.Series(_shared_out(own), index=own.index, dtype=object))
        socket = socket.fillna("1")
        notes.append(
            f"{int(blank.sum())} rows name no connector: sessions at once on one unit are put on "
            f"sockets 1 to {_SOCKETS}"
        )
    text = rows["unit_id"] + "-" + socket.astype(str)
    rest.rows = rows.assign(evse_id=text.map(identifiers(text.unique(), 46))).loc[rest.rows.index]
    return notes


def _shared_out(own: pd.DataFrame) -> list[str]:
    """Return the lowest free socket for each session of a unit, in the order of plugging in."""
    free = list(range(1, _SOCKETS + 1))
    busy: list[tuple[pd.Timestamp, int]] = []
    sockets = []
    for plug_in, plug_out in zip(own["plug_in"], own["plug_out"], strict=True):
        while busy and busy[0][0] <= plug_in:
            heapq.heappush(free, heapq.heappop(busy)[1])
        number = heapq.heappop(free) if free else _SOCKETS
        if number != _SOCKETS or not any(taken == _SOCKETS for _, taken in busy):
            heapq.heappush(busy, (plug_out, number))
        sockets.append(str(number))
    return sockets
