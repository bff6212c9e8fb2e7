"""Charging sessions as UK councils and the DfT publish them.

Columns are matched by meaning, the date style is told from the file, stamps are the clock on the
wall, and the end is the unplugging: stays contain idle time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers import ratings
from scchelpers.importers.council import places, units, wallclock
from scchelpers.importers.council.sheet import read_sheet
from scchelpers.importers.report import Imported
from scchelpers.importers.sieve import Sieve, session_ids
from scchelpers.portfolio import tables
from scchelpers.timebase import LONDON, zone

# Rows that are set aside for impossible energy are named, this many of the largest.
_NAMED = 5


def read(
    files: Sequence[str],
    *,
    date_style: str | None = None,
    ratings_file: str | None = None,
    rated_kw: float | None = None,
    max_stay_h: float = 48.0,
    min_stay_min: float = 0.0,
    max_energy_kwh: float | None = None,
    timezone: str = LONDON,
    publisher: str = "",
    licence: str = "",
) -> Imported:
    """Read session files of UK councils; files of several years are read together.

    Parameters
    ----------
    files : sequence of path-like
        CSV files with a header.
    date_style : str, optional
        One of `stamps.STYLES`, where a file does not tell its own.
    ratings_file : path-like, optional
        CSV of `rated_kw` [kW] by chargepoint or model; it goes before what the file tells.
    rated_kw : float, optional
        Rating [kW] of chargepoints for which neither that table nor the file tells one.
    max_stay_h : float
        Longest stay kept [h].
    min_stay_min : float
        Longest stay set aside as too short [min] (the DfT's study of 2017: 3).
    max_energy_kwh : float, optional
        Largest energy kept [kWh] (the DfT's study of 2017: 100); by default rating × time alone
        limits it.
    timezone : str
        IANA zone of the stamps.
    publisher, licence : str
        For the portfolio's list of sources.

    Returns
    -------
    Imported
        Sites, chargepoints, sessions, header and report. People's identifiers are never read.

    Raises
    ------
    UserError
        If a file cannot be read, lacks a column, or does not tell its date style.
    """
    zone(timezone)
    given = ratings.read_ratings(ratings_file) if ratings_file else {}
    sheets = [read_sheet(path, date_style) for path in files]
    notes = [note for _, told in sheets for note in told]
    rest = Sieve(pd.concat([rows for rows, _ in sheets], ignore_index=True))
    rest.drop(rest.rows["ragged"], "row with too few or too many fields")
    rest.drop(rest.rows["unit"] == "", "chargepoint missing")
    tests = {name for name in rest.rows["site"].unique() if places.is_test(name)}
    rest.drop(rest.rows["site"].isin(tests), "test site")
    rest.drop(rest.rows["start"].isna(), "start missing or not a date and time")
    if rest.rows.empty:
        raise UserError(
            f"{', '.join(map(str, files))}: no row tells both a chargepoint and a start"
        )
    notes += units.place(rest)
    notes += units.rate(rest, given, rated_kw)
    rest.rows = wallclock.to_utc(rest.rows, timezone)
    rest.mend(rest.rows["doubt"] == "ambiguous", "stamp in the repeated autumn hour settled")
    rest.mend(rest.rows["doubt"] == "nonexistent", "stamp in the skipped spring hour moved on 1 h")
    rest.mend(rest.rows["computed"], "end computed from start and duration")
    rest.mend(rest.rows["swapped"], "day and month exchanged back")
    rest.drop(rest.rows["plug_out"].isna(), "end unknown (missing, unreadable or 1970)")
    rest.check_stays(max_stay_h=max_stay_h, min_stay_min=min_stay_min)
    impossible = rest.check_energy(max_energy_kwh=max_energy_kwh)
    notes += _named(impossible)
    notes += units.number_sockets(rest)
    rest.check_repeats()
    rest.check_overlaps()
    return _imported(rest, files, notes, timezone, publisher, licence)


def _named(impossible: pd.DataFrame) -> list[str]:
    """Return notes that name the largest of the rows whose energy is impossible."""
    largest = impossible.sort_values("energy_kwh", ascending=False, kind="stable").head(_NAMED)
    return [
        f"set aside: {row.file}, row {row.line}: {row.energy_kwh:g} kWh in "
        f"{(row.plug_out - row.plug_in) / pd.Timedelta('1min'):g} min at {row.rated_kw:g} kW"
        for row in largest.itertuples()
    ]


def _imported(rest: Sieve, files, notes, timezone: str, publisher: str, licence: str) -> Imported:
    rows = rest.rows.assign(session_id=session_ids(rest.rows))
    sites = rows.drop_duplicates("site_id").sort_values("site_id")
    chargepoints = rows.drop_duplicates("evse_id").sort_values("evse_id")
    names = [Path(file).name for file in files]
    report = rest.report("council", files, notes, sites=len(sites), evses=len(chargepoints))
    about = {"publisher": publisher, "licence": licence or "not stated: ask the publisher"}
    about = {key: value for key, value in about.items() if value}
    sources = [{"title": name, **about, "provenance": "measured"} for name in names]
    return Imported(
        report,
        sites=pd.DataFrame(
            {
                "site_id": sites["site_id"],
                "name": sites["site_name"],
                "site_type": sites["site_name"].map(places.site_type),
                "timezone": timezone if timezone != LONDON else None,
                "provenance": "measured",
            }
        ).reset_index(drop=True),
        chargepoints=pd.DataFrame(
            {
                "evse_id": chargepoints["evse_id"],
                "site_id": chargepoints["site_id"],
                "rated_kw": chargepoints["rated_kw"],
                "phases": chargepoints["rated_kw"].map(ratings.phases),
                "kind": chargepoints["rated_kw"].map(tables.charger_kind),
                "unit_id": chargepoints["unit_id"],
            }
        ).reset_index(drop=True),
        sessions=rows[
            ["session_id", "evse_id", "site_id", "plug_in", "plug_out", "energy_kwh"]
        ].reset_index(drop=True),
        header={
            "title": "Council charging sessions",
            "description": "Sessions published by a council or government body; "
            "the end is the unplugging.",
            "timezone": LONDON,
            "sources": sources,
        },
    )
