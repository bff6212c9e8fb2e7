"""Rules of charging sessions: which rows are fit for analysis, and why the rest are not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from scchelpers.faults import Fault
from scchelpers.portfolio import tables
from scchelpers.timebase import utc_index

# What a session may exceed rating × time by. Stamps cut to the minute hide up to one minute of a
# stay, and a rating is nominal: the supply may lie 10 % above 230 V (ESQC Regulations 2002).
ROUNDING = pd.Timedelta("1min")
OVER_RATING = 1.10
FIRST, LAST = pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")

ENERGY_RULE = "must not exceed rating × time (10 % and 1 minute are allowed)"
OVERLAP_RULE = "must not overlap another session on the same EVSE"
UNIQUE_RULE = "session_id must be unique"
_UNREAD = {
    "unreadable": ("must be readable", "write a number, or an ISO 8601 stamp with its zone"),
    "ambiguous": ("must not lie in the repeated hour of the autumn clock change", "give UTC"),
    "nonexistent": ("must not lie in the skipped hour of the spring clock change", "give UTC"),
}


def set_aside(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    *,
    doubt: pd.DataFrame | None = None,
    file: str = "sessions.parquet",
) -> tuple[pd.DataFrame, list[Fault]]:
    """Part the sessions that can be analysed from those that would falsify a figure.

    Parameters
    ----------
    sessions : pandas.DataFrame
        Columns of `tables.SESSIONS`; the index plus 1 is the row that a fault names.
    chargepoints : pandas.DataFrame
        evse_id, site_id and rated_kw [kW] of every EVSE that a session may name.
    doubt : pandas.DataFrame, optional
        What could not be read, see `frames.typed_sessions`.
    file : str
        Name for faults.

    Returns
    -------
    kept : pandas.DataFrame
        The sound rows, in their order. Of sessions that overlap on an EVSE as many are kept as
        can be; of a repeated session_id the first sound row.
    faults : list of Fault
        Every fault of every row left out, severity "set aside", rule by rule.

    Examples
    --------
    >>> posts = pd.DataFrame({"evse_id": ["e1"], "site_id": ["s"], "rated_kw": [7.0]})
    >>> stays = pd.DataFrame({
    ...     "session_id": ["a", "b"], "evse_id": ["e1", "e1"], "site_id": ["s", "s"],
    ...     "plug_in": pd.to_datetime(["2026-11-24T08:00Z", "2026-11-24T12:00Z"]),
    ...     "plug_out": pd.to_datetime(["2026-11-24T10:00Z", "2026-11-24T13:00Z"]),
    ...     "energy_kwh": [14.0, 20.0], "max_kw": [None, None]})
    >>> kept, faults = set_aside(stays, posts)
    >>> kept["session_id"].tolist(), faults[0].field, faults[0].value
    (['a'], 'energy_kwh', '20.0')
    """
    faults: list[Fault] = []
    sound = np.ones(len(sessions), dtype=bool)
    sites = sessions["site_id"].to_numpy(dtype=object)

    def refuse(bad, field, rule, remedy):
        at = np.flatnonzero(bad)
        sound[at] = False
        values = sessions[field].iloc[at]
        said = remedy if isinstance(remedy, list) else [remedy] * len(at)
        for row, value, site, how in zip(sessions.index[at], values, sites[at], said, strict=True):
            text = "" if pd.isna(value) else str(value)[:80]
            faults.append(
                Fault(file, int(row) + 1, field, text, rule, how, "set aside", str(site or ""))
            )

    unread = np.zeros(len(sessions), dtype=bool)
    for field in () if doubt is None else doubt.columns:
        reasons = doubt[field].to_numpy()
        for reason, (rule, remedy) in _UNREAD.items():
            refuse(reasons == reason, field, rule, remedy)
        unread |= (reasons != "") & (field != "max_kw")
    for column in tables.SESSIONS:
        if column.required:
            blank = sessions[column.name].isna()
            if column.kind == "id":
                blank |= sessions[column.name] == ""
            refuse(blank & ~unread, column.name, "a value is required", "fill in or delete the row")

    posts = chargepoints.drop_duplicates("evse_id").set_index("evse_id")
    evses = sessions["evse_id"].to_numpy(dtype=object)
    place = posts.index.get_indexer(pd.Index(evses))
    known = place >= 0
    home = np.where(known, _at(posts["site_id"], place), None)
    remedy = "add the EVSE to chargepoints.csv, or correct it here"
    refuse(~known & sessions["evse_id"].notna(), "evse_id", "must be in chargepoints.csv", remedy)
    stray = known & (home != sites)
    where = [f"chargepoints.csv has it at {site!r}; correct one of the two" for site in home[stray]]
    refuse(stray, "evse_id", "must be at the site of its EVSE", where)

    plug_in, plug_out = sessions["plug_in"], sessions["plug_out"]
    for field in ("plug_in", "plug_out"):
        absurd = (sessions[field] < FIRST) | (sessions[field] >= LAST)
        refuse(absurd, field, "must lie between 2000 and 2100", "correct the stamp")
    swap = "correct the two stamps; the day and the month may be swapped"
    refuse(plug_out <= plug_in, "plug_out", "must be after plug_in", swap)

    energy, max_kw = sessions["energy_kwh"].astype(float), sessions["max_kw"].astype(float)
    rule, remedy = "must be 0 kWh or more", "correct the value or delete the row"
    refuse((energy < 0) | np.isinf(energy), "energy_kwh", rule, remedy)
    refuse(
        (max_kw <= 0) | np.isinf(max_kw),
        "max_kw",
        "must be above 0 kW",
        "leave it blank if unknown",
    )
    rated_kw = np.where(known, _at(posts["rated_kw"], place), np.nan).astype(float)
    stay_h = ((plug_out - plug_in + ROUNDING) / pd.Timedelta("1h")).to_numpy()
    most = rated_kw * stay_h * OVER_RATING
    over = (energy.to_numpy() > most) & (plug_out > plug_in).to_numpy() & ~np.isinf(energy)
    said = [
        f"{kw:g} kW give at most {kwh:.1f} kWh here; correct energy, stamps or rating"
        for kw, kwh in zip(rated_kw[over], most[over], strict=True)
    ]
    refuse(over, "energy_kwh", ENERGY_RULE, said)
    powerless = known & np.isnan(rated_kw) & max_kw.isna().to_numpy()
    refuse(powerless, "max_kw", "max_kw or the EVSE's rated_kw must be known", "give the rating")

    again, first = _repeats(sessions, sound)
    refuse(
        again,
        "session_id",
        UNIQUE_RULE,
        [f"row {row + 1} has it too; rename or delete one" for row in first],
    )
    _refuse_overlaps(sessions, sound, refuse)
    return sessions[sound], faults


def counts(faults: Iterable[Fault]) -> dict[str, int]:
    """Return how many rows were set aside by rule; a row counts once, under its first rule."""
    first = {}
    for fault in faults:
        first.setdefault((fault.file, fault.row), fault.rule)
    return {str(k): int(v) for k, v in pd.Series(first, dtype=object).value_counts().items()}


def _at(values: pd.Series, place: np.ndarray) -> np.ndarray:
    """Return the values at places; where there is no value at all, missing."""
    if values.empty:
        return np.full(len(place), None)
    return values.to_numpy(dtype=object)[place]


def _repeats(sessions: pd.DataFrame, sound: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return which rows repeat a session_id, and the row kept for each: the first sound one."""
    ids = sessions["session_id"]
    order = np.argsort(~sound, kind="stable")
    again = np.zeros(len(sessions), dtype=bool)
    again[order] = ids.iloc[order].duplicated().to_numpy() & ids.iloc[order].notna().to_numpy()
    keeper = pd.Series(sessions.index[~again], index=ids[~again])
    keeper = keeper[~keeper.index.duplicated()]
    return again, keeper.reindex(ids[again]).tolist()


def _refuse_overlaps(sessions: pd.DataFrame, sound: np.ndarray, refuse) -> None:
    """Set aside the fewest sessions that leave each EVSE with one car at a time."""
    at = np.flatnonzero(sound)
    nanoseconds = {
        name: utc_index(sessions[name]).as_unit("ns").asi8 for name in ("plug_in", "plug_out")
    }
    rows = pd.DataFrame(
        {
            "evse": pd.factorize(sessions["evse_id"].iloc[at])[0],
            "start": nanoseconds["plug_in"][at],
            "end": nanoseconds["plug_out"][at],
            "at": at,
        }
    )
    by_start = rows.sort_values(["evse", "start"], kind="stable")
    same = by_start["evse"].to_numpy()[1:] == by_start["evse"].to_numpy()[:-1]
    clash = same & (by_start["end"].to_numpy()[:-1] > by_start["start"].to_numpy()[1:])
    busy = by_start.loc[by_start["evse"].isin(by_start["evse"].to_numpy()[1:][clash])]
    # Keeping, of those left, the session that ends first keeps the most sessions.
    busy = busy.sort_values(["evse", "end", "start"], kind="stable")
    bad = np.zeros(len(sessions), dtype=bool)
    other = {}
    last_evse, last_end, last_at = -1, None, -1
    for evse, start, end, at in busy.itertuples(index=False):
        if evse == last_evse and start < last_end:
            bad[at], other[at] = True, last_at
        else:
            last_evse, last_end, last_at = evse, end, at
    said = [
        f"row {sessions.index[other[at]] + 1} (session {sessions['session_id'].iloc[other[at]]!r}) "
        f"holds EVSE {sessions['evse_id'].iloc[at]!r} until "
        f"{sessions['plug_out'].iloc[other[at]]}; correct the stamps or delete one"
        for at in np.flatnonzero(bad)
    ]
    refuse(bad, "plug_in", OVERLAP_RULE, said)
