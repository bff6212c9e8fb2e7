"""Every reader fed with inputs that Hypothesis mangles: a fault named, or a right result.

`make fuzz` tries 100,000 inputs, `python -m tests.fuzzed --inputs 5000 --reader loads` some. Each
reader has a few sound seeds; edits swap words, lines and bytes for such as go wrong. What an input
may come to: a `UserError` that names its place and leaves nothing written, or rows that keep the
rules of a portfolio. `scc check` never raises, and what it passes no reader refuses. An input that
broke this stands, small, in `tests/fuzz`, and `test_fuzzed` reads it again.
"""

import argparse
import contextlib
import gzip
import io
import json
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from scchelpers import importers, register
from scchelpers.cli.options import pairs
from scchelpers.faults import UserError
from scchelpers.importers import table
from scchelpers.importers.layouts import _read_layout
from scchelpers.portfolio import Portfolio, rules, store, tables, windows
from scchelpers.portfolio.check import check_portfolio, toml_faults
from scchelpers.portfolio.logs import read_log
from scchelpers.portfolio.network import faults as network_faults
from scchelpers.portfolio.register import chain_faults, entry_faults
from scchelpers.portfolio.rules import FIRST, LAST
from scchelpers.runner import journal, notebooks, plan
from scchelpers.runner.job import Outcome
from scchelpers.standards import readiness
from tests.conftest import ROOT
from tests.test_importers_ocpi import cdr

LONGEST = 20  # seconds of the processor that one input may take
CORPUS = ROOT / "tests" / "fuzz"

WORDS = [
    *(b"", b"0", b"-0", b"-1", b"1e308", b"1e-320", b"-1e999", b"nan", b"NaN", b"inf", b"1e9"),
    *(b"9223372036854775808", b"2147483648", b"00", b"1_000", b"0x1F", b"1,5", b"1.234,5", b"7."),
    *(b"null", b"None", b"true", b"[]", b"{}", b'""', b"[null]", b'{"a": 1}', b"1" * 400),
    *(b"9999-12-31T23:59:59Z", b"0001-01-01", b"2025-02-30", b"2025-03-30 01:30", b"24:00"),
    *(b"2025-10-26T01:30:00", b"1e18", b"1677-09-21T00:12:43Z", b"31/12/99", b"+99:99", b"T"),
    *("²".encode(), "٣".encode(), "−5".encode(), "½".encode(), "\u202egnp\u202c".encode()),
    *("\u200b".encode(), "\ufeff".encode(), "e\u0301".encode(), "ﬁ".encode(), "İ".encode()),
    *(b"\x00", b"\x1b[31m", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\x85", b"\r"),
    *(b"=1+1", b"../../x", b"con", b"a/b", b"$x$", b"<b>", b"{{ 7 }}", b"'", b'"', b'""', b"\\"),
    *(b",", b";", b"\t", b"|", b"\n", b",,,,", b"[", b"]", b"{", b"}", b"[" * 3000, b"x" * 5000),
    *(b"kWh", b"Wh", b"MW", b"A", b"V", b"kV", b"\xb0C", b"site_id", b"time", b"Europe/Nowhere"),
    *(b"Europe/London", b"UTC", b"GMT", b"<!ENTITY a 'b'>", b"&a;", b"--", b"#F2", b"sep=,"),
]  # fmt: skip
_PARTS = re.compile(rb"[A-Za-z0-9_.:+\-]+|\s|.", re.DOTALL)


def mangled(data: bytes, edits) -> bytes:
    """Return a content with edits done: (kind, where, what), whole numbers of any size."""
    for kind, where, what in edits:
        word = WORDS[what % len(WORDS)]
        if kind in (0, 1, 2, 3):
            parts = _PARTS.findall(data)
            at = [i for i, part in enumerate(parts) if len(part) > 1 or kind == 3] or [0]
            i = at[where % len(at)]
            if not parts:
                data = word
                continue
            old = parts[i]
            if kind == 0:
                parts[i] = word
            elif kind == 1:
                parts[i] = parts[at[what % len(at)]]
            elif kind == 2:  # wherever it stands
                parts = [word if part == old else part for part in parts]
            else:
                parts.insert(i, word)
            data = b"".join(parts)
        elif kind in (4, 5, 6):
            lines = data.split(b"\n")
            i, j = where % len(lines), what % len(lines)
            if kind == 4:
                lines[i], lines[j] = lines[j], lines[i]
            elif kind == 5:
                lines.insert(j, lines[i])
            else:
                del lines[i]
            data = b"\n".join(lines)
        elif kind == 7 and data:
            at = where % len(data)
            data = data[:at] + bytes([data[at] ^ (1 << what % 8)]) + data[at + 1 :]
        elif kind == 8 and data:
            at = where % len(data)
            data = data[:at] if what % 2 else data[:at] + data[at + 1 + what % 40 :]
        elif kind == 9:
            data = _SAVED[what % len(_SAVED)](data, data.decode("utf-8", errors="replace"))
    return data


_SAVED = (  # in another form
    lambda data, text: text.encode("utf-16"),
    lambda data, text: text.encode("utf-16-be", "replace"),
    lambda data, text: text.encode("cp1252", "replace"),
    lambda data, text: b"\xef\xbb\xbf" + data,
    lambda data, text: gzip.compress(data),
    lambda data, text: gzip.compress(data)[:-9],
    lambda data, text: data.replace(b"\n", b"\r\n"),
    lambda data, text: data.replace(b"\n", b"\r"),
    lambda data, text: data.replace(b",", b";"),
    lambda data, text: data.replace(b",", b"\t"),
)


EDITS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 65535), st.integers(0, 65535)),
    min_size=1,
    max_size=4,
)


def packed(data: bytes, edits) -> bytes:
    """Mangle a member of a zip archive and pack it again; bits of the archive for the others."""
    kind, where, what = edits[0]
    if kind >= 7:
        return mangled(data, edits)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    names = sorted(held, key=lambda name: "sheet" not in name)
    name = names[(where % 7) // 3 % len(names)] if what % 5 else names[what // 5 % len(names)]
    held[name] = mangled(held[name], edits)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for one, content in held.items():
            archive.writestr(one, content)
    return out.getvalue()


_ODD = (
    lambda c: c.astype(str),
    lambda c: pd.Series(range(len(c))),
    lambda c: pd.Series([None] * len(c), dtype=object),
    lambda c: pd.Series([[1, 2]] * len(c)),
    lambda c: pd.Series([{"a": 1}] * len(c)),
    lambda c: c.astype(str).astype("category"),
    lambda c: c.astype(str).map(lambda text: text.encode() + b"\xff"),
    lambda c: pd.Series([np.inf, np.nan, -1.0] * len(c))[: len(c)],
    lambda c: pd.Series([True, False] * len(c))[: len(c)],
    lambda c: pd.Series(pd.date_range("2025-01-01", periods=len(c)).as_unit("ns")),
    lambda c: pd.Series(pd.date_range("2025-01-01", periods=len(c), tz="America/New_York")),
    lambda c: pd.Series([pd.Timestamp("9999-12-31", tz="UTC").as_unit("us")] * len(c)),
    lambda c: pd.Series([pd.Timestamp("2025-01-01").date()] * len(c)),
    lambda c: pd.Series([pd.Timedelta("1h")] * len(c)),
    lambda c: pd.Series([10**18] * len(c)),
    lambda c: pd.Series(["9999-12-31T00:00:00Z", "", "\u202e", "1e999"] * len(c))[: len(c)],
    lambda c: c.sample(frac=1, random_state=1).reset_index(drop=True),
    lambda c: pd.Series([c.iloc[0]] * len(c)),
    lambda c: pd.Series(pd.array([1, None] * len(c), "Int64")[: len(c)]),
)


def parquet(data: bytes, edits) -> bytes:
    """Give columns of a Parquet file odd types, names and values; bits of the file for others."""
    if edits[0][0] >= 8:
        return mangled(data, [(7 + k % 2, where, what) for k, where, what in edits])
    rows = pd.read_parquet(io.BytesIO(data))
    for kind, where, what in edits:
        if not len(rows.columns):
            break
        name = rows.columns[where % len(rows.columns)]
        if kind == 7:
            other = WORDS[what % len(WORDS)].decode("utf-8", "replace")
            rows = rows.rename(columns={name: other})
        elif kind == 6:
            rows = rows.drop(columns=name) if what % 3 else rows.iloc[: what % 2]
        else:
            with contextlib.suppress(Exception):
                rows = rows.assign(**{name: _ODD[what % len(_ODD)](rows[name])})
    out = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=bool(edits[0][1] % 2)), out)
    except (pa.ArrowException, ValueError, TypeError):  # no such file can be written
        return mangled(data, [(7, where, what) for _, where, what in edits])
    return out.getvalue()


@dataclass
class Reader:
    """A reader: sound contents by file name, what reads one, and how it is mangled."""

    seeds: dict[str, bytes]
    read: Callable[[Path, str, bytes, int], None]
    mangle: Callable = mangled
    share: int = 1  # of all inputs, in thousandths


class BrokenError(Exception):
    """What came of an input that is neither a fault named nor a right result."""


def _require(kept: bool, what: str) -> None:
    if not kept:
        raise BrokenError(what)


# Importers ------------------------------------------------------------------------------------


def _rows(head: str, *lines: str) -> bytes:
    return "\n".join([head, *lines, ""]).encode()


def _sessions() -> dict[str, bytes]:
    days = range(1, 8)
    acn = [
        {"sessionID": f"a{n}", "spaceID": "CA-1", "siteID": "0001", "stationID": "2-39-1",
         "connectionTime": f"2025-03-{n:02d}T15:00:00Z", "kWhDelivered": 7.5 + n, "userID": None,
         "disconnectTime": f"2025-03-{n:02d}T19:00:00Z", "timezone": "America/Los_Angeles",
         "doneChargingTime": f"2025-03-{n:02d}T18:30:00Z", "userInputs": [{"kWhRequested": 9}]}
        for n in days
    ]  # fmt: skip
    return {
        "plain.csv": _rows(
            "session_id,evse_id,site_id,plug_in,plug_out,energy_kwh,max_kw",
            *(f"x{n},e{n % 2},mill,2025-03-{n:02d}T10:00Z,2025-03-{n:02d}T12:00Z,5.{n},7"
              for n in days),
        ),
        "council.csv": _rows(
            "CP ID,Connector,Site,Start Date,Start Time,End Date,End Time,Total kWh,Cost,Model",
            *(f"5030{n % 3},{n % 2 + 1},Mill Street,{n + 12}/03/2025,09:1{n},{n + 12}/03/2025,"
              f"11:0{n},{n}.25,£1.2{n},APT 22kW" for n in days),
        ),
        "duration.csv": _rows(
            "Charger;Start;Duration;Energy (kWh)",
            *(f"A{n % 2};{n:02d}.03.2025 10:00;02:1{n}:00;{n},5" for n in days),
        ),
        "acn.json": json.dumps({"_meta": {"site": "caltech"}, "_items": acn}).encode(),
        "lines.jsonl": b"\n".join(json.dumps(record).encode() for record in acn),
    }  # fmt: skip


def _loads() -> dict[str, bytes]:
    times = pd.date_range("2025-03-29", periods=96, freq="30min", tz="UTC")
    halves = ",".join(f"{n % 24:02d}:{m}" for n in range(24) for m in ("00", "30"))
    reading = "".join(
        f"<IntervalReading><timePeriod><duration>1800</duration><start>{int(t.timestamp())}"
        f"</start></timePeriod><value>{n % 9 + 100}</value></IntervalReading>"
        for n, t in enumerate(times)
    )
    return {
        "plain.csv": _rows("time,load kW", *(f"{t:%Y-%m-%dT%H:%MZ},{n % 9}.5"
                                            for n, t in enumerate(times))),
        "wide.csv": _rows(f"MPAN,Date,{halves}", *(
            f"120003,{day:02d}/03/2025," + ",".join(str(n % 7 + 0.5) for n in range(48))
            for day in range(24, 30))),
        "two.csv": _rows("Transformer,Timestamp,Import MW,Status", *(
            f"T{n % 2},{t:%d/%m/%Y %H:%M},{n % 5}.25,A" for n, t in enumerate(times))),
        "green.xml": f'<?xml version="1.0"?><feed xmlns:espi="http://naesb.org/espi"><entry>'
                     f"<ReadingType><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom>"
                     f"</ReadingType></entry><IntervalBlock>{reading}</IntervalBlock></feed>".encode(),
        "stark.df2": _rows("#F2", "#O1200050000001", "#S1", *(
            f"{t:%d/%m/%y},{t:%H:%M},{n % 9}.2,A" for n, t in enumerate(times))),
        "octopus.json": json.dumps({"count": 96, "results": [
            {"consumption": n % 9 / 10, "interval_start": f"{t:%Y-%m-%dT%H:%M:%SZ}",
             "interval_end": f"{t + pd.Timedelta('30min'):%Y-%m-%dT%H:%M:%SZ}"}
            for n, t in enumerate(times)]}).encode(),
    }  # fmt: skip


def _assets() -> dict[str, bytes]:
    return {
        "plain.csv": _rows(
            "asset_id,name,kind,rating_winter_kva,rating_summer_kva,parent_id,latitude,longitude",
            "north,North primary,primary,7800,6800,,55.07,-3.6",
            "elm,Elm Road,transformer,500,450,north,55.08,-3.61",
            "oak,Oak Road,transformer,315,300,north,55.09,-3.62",
        ),
        "table.csv": _rows(
            "Substation Name,Voltage kV,Firm Capacity Winter (MVA),Firm Capacity Summer (MVA),"
            "Easting,Northing,Substation Number",
            *(f"Place {n},33/11,{20 + n}.5,{18 + n},{300000 + n},{700000 + n},{1000 + n}"
              for n in range(6)),
        ),
        "points.json": json.dumps({"type": "FeatureCollection", "features": [
            {"geometry": {"type": "Point", "coordinates": [-3.6, 55 + n / 10]},
             "properties": {"asset_id": f"a{n}", "name": f"A {n}", "rating_kva": 500 + n}}
            for n in range(5)]}).encode(),
    }  # fmt: skip


def _workbook(data: bytes) -> bytes:
    """Return a table as the simplest xlsx."""
    rows = [line.split(",") for line in data.decode().splitlines()]

    def cell(text, i, n):
        place = f'r="{chr(65 + i)}{n}"'
        if re.fullmatch(r"-?\d+(\.\d+)?", text):
            return f"<c {place}><v>{text}</v></c>"
        return f'<c {place} t="inlineStr"><is><t>{text}</t></is></c>'

    body = "".join(
        f'<row r="{n}">{"".join(cell(text, i, n) for i, text in enumerate(row))}</row>'
        for n, row in enumerate(rows, 1)
    )
    base = "http://schemas.openxmlformats.org"
    held = {
        "[Content_Types].xml": f'<Types xmlns="{base}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{base}/package/2006/relationships"><Relationship '
        f'Id="r1" Type="{base}/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{base}/spreadsheetml/2006/main" xmlns:r="{base}'
        '/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{base}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{base}/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{base}/spreadsheetml/2006/main">'
        f"<sheetData>{body}</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in held.items():
            archive.writestr(name, text)
    return out.getvalue()


def _as_parquet(data: bytes, *stamps: str) -> bytes:
    rows = pd.read_csv(io.BytesIO(data))
    rows = rows.assign(**{name: pd.to_datetime(rows[name], utc=True) for name in stamps})
    out = io.BytesIO()
    rows.to_parquet(out, index=False)
    return out.getvalue()


OPTIONS = {
    "sessions": ({}, {"timezone": "Europe/London"}, {"site": "mill", "timezone": "Europe/London"},
                 {"rated_kw": "22", "timezone": "Europe/London"}),
    "loads": ({"series": "elm", "unit": "kW", "power_factor": "0.95", "timezone": "UTC"},
              {"of": "site", "timezone": "Europe/London"},
              {"of": "site", "series": "elm", "unit": "kWh", "timezone": "UTC"},
              {"of": "site", "series": "elm", "unit": "kWh", "timezone": "Europe/London"}),
    "assets": ({}, {"layout": "none"}),
}  # fmt: skip


def _import(what: str):
    def read(place: Path, name: str, data: bytes, draw: int) -> None:
        path = place / name
        path.write_bytes(data)
        options = OPTIONS[what][draw % len(OPTIONS[what])]
        options = {k: v for k, v in options.items() if k in importers.OPTIONS[what].model_fields}
        if draw % 8 == 7:
            return _into(what, path, place / "made", options)
        _holds(importers.read(what, [path], **options))
        return None

    return read


def _into(what: str, path: Path, folder: Path, options: dict) -> None:
    """Import into a folder; refused, it leaves none, and what it makes `scc check` passes."""
    try:
        importers.run(what, [path], folder, **options)
    except UserError:
        _require(not folder.exists(), "refused, it left a folder")
        raise
    errors = [f for f in check_portfolio(folder).faults if f.severity == "error"]
    missing = {("sessions.parquet", "the file is required"), ("sites.csv", "must be readable"),
               ("chargepoints.csv", "must be readable")}  # fmt: skip
    errors = [f for f in errors if what == "sessions" or (f.file, f.rule) not in missing]
    _require(not errors, f"made what check refuses: {errors[:1]}")


def _holds(found) -> None:
    """Require that rows keep the rules of a portfolio."""
    report = found.report
    _require(report.read == report.kept + sum(report.set_aside.values()), "rows not accounted for")
    if found.sessions is not None and len(rows := found.sessions):
        _require((rows["plug_out"] > rows["plug_in"]).all(), "plug_out before plug_in")
        _require(rows["plug_in"].between(FIRST, LAST).all(), "a stamp beyond all years")
        _require(np.isfinite(rows["energy_kwh"]).all(), "energy not finite")
        _require((rows["energy_kwh"] >= 0).all(), "energy below 0")
        _require(rows["session_id"].is_unique, "a session twice")
        _require(rows["site_id"].map(tables.is_id).all(), "a site_id unfit for a path")
        _require(rows["evse_id"].map(tables.is_label).all(), "an evse_id that is no label")
        _require(rows["session_id"].map(tables.is_label).all(), "a session_id that is no label")
    if found.assets is not None:
        _require(found.assets["asset_id"].map(tables.is_id).all(), "an asset_id unfit for a path")
        _require(found.assets["asset_id"].is_unique, "an asset twice")
    for (_, series), load in found.loads.items():
        time_ = load["time"].to_index()
        _require(tables.is_id(series), "a series unfit for a path")
        _require(time_.is_monotonic_increasing and time_.is_unique, "times out of order")
        _require(not any(np.isinf(values).any() for values in load.values()), "not finite")


# The portfolio --------------------------------------------------------------------------------


def _portfolio() -> dict[str, bytes]:
    """Return the files of a small portfolio of every kind."""
    with tempfile.TemporaryDirectory() as place:
        folder, demo = Path(place, "p"), ROOT / "data/demo"
        ids = ["elm-road-lamps", "mill"]
        homes = [ids[0], ids[0], ids[1]]
        start = pd.date_range("2025-03-28 10:00", periods=12, freq="5h", tz="UTC")
        time_ = pd.date_range("2025-03-29", periods=48, freq="30min")
        load = xr.Dataset({"residual_kw": ("time", np.arange(48) % 9 + 1.0)}, {"time": time_})
        store.merge(
            folder,
            sites=pd.DataFrame({
                "site_id": ids, "name": ["Elm Road", "Mill Street"], "site_type": "on_street",
                "dsc_kva": [60.0, 100.0], "requested_kva": [90.0, np.nan], "power_factor": 0.95,
                "asset_id": ["elm-road-tx", None], "connection_kv": 0.4, "latitude": 55.1,
                "longitude": -3.6, "timezone": ["Europe/London", None],
                "network_id": ["elm-road-tx", None], "network_node": [5.0, np.nan],
                "applied_on": "2025-01-31",
            }),
            chargepoints=pd.DataFrame({
                "evse_id": ["elm-1", "elm-2", "mill-1"], "site_id": homes,
                "rated_kw": [7.0, 22.0, 11.0], "phases": [1, 3, 3],
            }),
            assets=pd.DataFrame({
                "asset_id": ["north", "elm-road-tx"], "name": ["North", "Elm Road"],
                "kind": ["primary", "transformer"], "parent_id": [None, "north"],
                **{f"rating_{season}_kva": [5000.0, 500.0] for season in tables.RATING_SEASONS},
            }),
            sessions=pd.DataFrame({
                "session_id": [f"x{n}" for n in range(12)], "energy_kwh": 4.0,
                "evse_id": ["elm-1", "elm-2", "mill-1"] * 4, "site_id": homes * 4,
                "plug_in": start, "plug_out": start + pd.Timedelta("2h"),
            }),
            loads={
                ("residual_kw", "mill"): load,
                ("network_kva", "elm-road-tx"): load.rename(residual_kw="network_kva") * 20,
            },
            header={"title": "Fuzzed", "description": "", "sources": [
                {"title": "x", "licence": "MIT", "provenance": "synthetic"}]},
        )  # fmt: skip
        shutil.copytree(demo / "networks", folder / "networks")
        (folder / "networks/northgate-primary.json").unlink()
        (folder / "coverage.csv").write_text(
            "source,kind,site_id,first_day,last_day,days_with_rows\n"
            + "".join(f"x.csv,sessions,{i},2025-03-28,2025-03-31,4\n" for i in ids)
        )
        for day in ("2025-02-01", "2025-03-01"):
            register.append(folder, {
                "site_id": ids[0], "scheme": "tcc", "metered": "site", "capacity_kva": "90",
                "power_factor": "0.95", "windows": "oct-mar all 16:30-20:30 40",
                "averaging_s": "1800", "asset_id": "elm-road-tx", "valid_from": day,
                "review_by": "2028-01-01", "approved_on": "2025-01-31",
                "approved_by": "network_planner", "reason": "first offer",
            })  # fmt: skip
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }


def _check_and_read(place: Path, name: str, data: bytes, draw: int) -> None:
    """Check and read a portfolio of which one file is mangled, or gone."""
    folder = place / "p"
    if not folder.exists():
        for one, content in WHOLE.items():
            (folder / one).parent.mkdir(parents=True, exist_ok=True)
            (folder / one).write_bytes(content)
    target = folder / name
    whole = draw % 16 == 15
    given = name == "sessions.csv"  # beside no Parquet file
    try:
        if given:
            (folder / "sessions.parquet").unlink()
        if draw % 199 == 198:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(data)
        if whole:
            agree(folder)
        else:
            _part(Portfolio.open(folder), name)
    finally:
        if given:
            target.unlink(missing_ok=True)
            (folder / "sessions.parquet").write_bytes(WHOLE["sessions.parquet"])
        else:
            target.write_bytes(WHOLE[name])


def _part(portfolio: Portfolio, name: str) -> None:
    """Read and check what one file of a portfolio holds."""
    if name == "portfolio.toml":
        toml_faults(portfolio)
    elif name == "coverage.csv":
        rules.coverage_faults(portfolio.raw_table(name)[0])
    elif name == "register.seal":
        chain_faults(portfolio.raw_table("register.csv")[0], portfolio.line(name))
    elif name.startswith("sessions"):
        typed, doubt = portfolio.typed_sessions(None, "Europe/London")
        posts = portfolio.table("chargepoints.csv")
        kept, _ = rules.set_aside(typed, posts, doubt=doubt)
        _require(
            (kept["plug_out"] > kept["plug_in"]).all(), "kept a stay that ends before it begins"
        )
    elif name.startswith("networks"):
        network_faults(portfolio.raw_network(Path(name).stem), name)
    elif name.startswith("loads"):
        _, group, series, *_ = (*Path(name).parts, "mill", "mill")
        if group in tables.LOADS and (load := portfolio.load(group, series)) is not None:
            faults = rules.load_faults(load, group, series, 500.0)
            if not any(fault.severity == "error" for fault in faults):
                made = rules.sound(load, group)[group]
                _require(not np.isinf(made).any(), "a load not finite")
    else:
        raw, form = portfolio.raw_table(name)
        columns = tables.TABLES[name]
        faults = [*form, *rules.table_faults(raw, columns, name)]
        faults += rules.unique_faults(raw, columns[0].name, name)
        if name == "assets.csv":
            faults += rules.cycle_faults(raw, name)
        if name == "register.csv":
            faults = faults or entry_faults(raw)
            chain_faults(raw, portfolio.line("register.seal"))
        if not faults:
            portfolio.table(name)
        [str(fault) for fault in faults]


def agree(folder: Path) -> None:
    """Require that check names what readers refuse, and readers refuse nothing that it passes."""
    report = check_portfolio(folder)
    report.text(), report.as_json()
    errors = [fault for fault in report.faults if fault.severity == "error"]
    of_all = any(not fault.site_id for fault in errors)
    named = {fault.site_id for fault in errors}
    try:
        portfolio = Portfolio.open(folder)
        ids = [site_id for site_id in portfolio.site_ids if site_id]
    except UserError as fault:
        _require(bool(errors), f"check passes, opening refuses: {fault}")
        return
    for site_id in dict.fromkeys(ids):
        try:
            site = portfolio.site(site_id)
            portfolio.import_kw(site_id)
            if site.meta["network_id"]:
                portfolio.network(site.meta["network_id"])
        except UserError as fault:
            _require(
                of_all or site_id in named, f"check passes {site_id}, reading refuses: {fault}"
            )
    try:
        request = plan.ask(folder, notebooks=["09"], out=folder.parent / "reports")
    except UserError as fault:
        _require(bool(errors), f"check passes, a run refuses: {fault}")
    else:
        refused = {outcome.site_id for outcome in request.refused} - named
        _require(of_all or not refused, f"check passes what a run refuses: {refused}")
    try:
        register.read(portfolio)
    except UserError as fault:
        told = any(f.file.startswith("register") for f in errors)
        _require(told, f"check passes the register, reading refuses: {fault}")


# What else is read ----------------------------------------------------------------------------


def _file(reader: Callable[[Path], object]):
    def read(place: Path, name: str, data: bytes, draw: int) -> None:
        path = place / name
        path.write_bytes(data)
        reader(path)

    return read


def _journal(place: Path, name: str, data: bytes, draw: int) -> None:
    for one, sound in {"status.jsonl": _STATUS, "events.jsonl": _EVENTS}.items():
        (place / one).write_bytes(data if one == name else sound)
    journal.known(place)
    journal.standing(place).text()


def _books() -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as place, journal.alone(place):
        with journal.Journal(place, 2, 0) as log:
            log.ended(Outcome("a", "01_x", True))
            log.ended(Outcome("b", "01_x", False))
        return Path(place, "status.jsonl").read_bytes(), Path(place, "events.jsonl").read_bytes()


_STATUS, _EVENTS = _books()


PARAMETERS = notebooks.schema(ROOT / "notebooks/02_tcc_windows.ipynb")


def _given(place: Path, name: str, data: bytes, draw: int) -> None:
    notebooks.check(PARAMETERS, pairs(data.decode("utf-8", "replace").splitlines()))


_PARAMETERS = "\n".join(f"{p.name}={p.default}" for p in PARAMETERS)


def _windows(place: Path, name: str, data: bytes, draw: int) -> None:
    windows.parse(data.decode("utf-8", "replace"))


def _layout() -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted((ROOT / "scchelpers/importers/layouts").rglob("[a-z]*.toml"))[:6]
    }


WHOLE = _portfolio()
_CHARGERS = _rows(
    "evse_id,kind,phases,protocol,smart_charging,connectivity,metering,rated_kw,min_current_a",
    *(f"{n},ac,1,ocpp-1.6,yes,wired,minute,7,6" for n in "ab"),
)
_LOG = _rows("time,import_kw,limit_kw,signal",
             *(f"2025-01-01T10:{n:02d}:00Z,{n},10,1" for n in range(20)))  # fmt: skip
_PLAIN = _sessions()["plain.csv"]
_TABLES = ("sites.csv", "chargepoints.csv", "assets.csv", "coverage.csv", "register.csv",
           "register.seal", "portfolio.toml")  # fmt: skip


def _sheet(place: Path, name: str, data: bytes, draw: int) -> None:
    (place / name).write_bytes(data)
    sheet = table.read(place / name)
    _require(len(sheet.frame) > 0 and sheet.frame.columns.is_unique, "a table without rows")


def _set(text: str) -> dict[str, bytes]:
    return {"text": text.encode()}


_FILES = _sessions() | _loads() | _assets()
_CDRS = {
    "cdrs.json": json.dumps([cdr(n) for n in range(1, 6)]).encode(),
    "one.json": json.dumps({"data": [cdr(1)], "status_code": 1000}).encode(),
}
_XLSX = {"a.xlsx": _workbook(_PLAIN)}
_ROWS = {"a.parquet": _as_parquet(_PLAIN, "plug_in", "plug_out")}
READERS = {
    # From file to table of text: encodings, delimiters, JSON, XML, workbooks, Parquet.
    "files": Reader(_FILES | _CDRS, _sheet, share=360),
    "files, xlsx": Reader(_XLSX, _sheet, packed, share=100),
    "files, parquet": Reader(_ROWS, _sheet, parquet, share=50),
    # Whole imports.
    "sessions": Reader(_sessions(), _import("sessions"), share=30),
    "ocpi": Reader(_CDRS, _import("sessions"), share=30),
    "loads": Reader(_loads(), _import("loads"), share=30),
    "assets": Reader(_assets(), _import("assets"), share=30),
    "xlsx": Reader(_XLSX, _import("sessions"), packed, share=5),
    "parquet": Reader(_ROWS, _import("sessions"), parquet, share=5),
    # A file of a portfolio; every sixteenth input the whole portfolio, checked and read.
    "tables": Reader({name: WHOLE[name] for name in _TABLES}, _check_and_read, share=50),
    "stored sessions": Reader(
        {"sessions.parquet": WHOLE["sessions.parquet"]}, _check_and_read, parquet, share=10
    ),
    "sessions.csv": Reader({"sessions.csv": _PLAIN.replace(b"e0", b"mill-1")}, _check_and_read,
                           share=5),
    "networks": Reader({n: d for n, d in WHOLE.items() if "networks" in n}, _check_and_read,
                       share=15),
    "zarr": Reader({n: d for n, d in WHOLE.items() if "zarr" in n}, _check_and_read, share=15),
    "parameters": Reader(_set(_PARAMETERS), _given, share=120),
    "journal": Reader({"status.jsonl": _STATUS, "events.jsonl": _EVENTS}, _journal, share=80),
    "layout": Reader(_layout(), _file(_read_layout), share=25),
    "chargers": Reader({"c.csv": _CHARGERS}, _file(readiness.read_chargers), share=15),
    "log": Reader({"log.csv": _LOG}, _file(read_log), share=15),
    "windows": Reader(_set("oct-mar all 16:30-20:30 40; apr-sep weekday 07:00-09:00 20"), _windows,
                      share=10),
}  # fmt: skip


# The trial ------------------------------------------------------------------------------------


class _TooLongError(BaseException):
    """An input took longer than `LONGEST`."""


def tried(reader: str, place: Path, name: str, data: bytes, draw: int) -> tuple[str, str, str]:
    """Read one input; return ("", "", "") for what is right, or what broke, where and how.

    A refusal that names no place counts as broken.
    """

    def late(*_):
        raise _TooLongError(f"more than {LONGEST} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            READERS[reader].read(place, name, data, draw)
    except UserError as fault:
        return ("", "", "") if str(fault).strip() else ("UserError", "", "says nothing")
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # a panic of a reader in Rust is no Exception
        frames = traceback.extract_tb(fault.__traceback__)
        own = [f for f in frames if "/scchelpers/" in f.filename] or frames[-1:]
        at = f"{Path(own[-1].filename).name}:{own[-1].lineno} {own[-1].name}"
        if isinstance(fault, BrokenError):
            at = re.sub(r"[\d'\"].*", "", str(fault))[:60]
        return type(fault).__name__, at, str(fault)[:300]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        shutil.rmtree(place / "made", ignore_errors=True)
    return "", "", ""


def fuzz(reader: str, inputs: int, place: Path, number: int = 0) -> tuple[int, dict]:
    """Try inputs of a reader; return how many, and the smallest that broke something, by what."""
    own, found, count = READERS[reader], {}, 0
    names = sorted(own.seeds)

    @seed(number)
    @settings(max_examples=inputs, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.integers(0, len(names) - 1), EDITS, st.integers(0, 65535))
    def one(which, edits, draw):
        nonlocal count
        count += 1
        name = names[which]
        data = own.mangle(own.seeds[name], edits)
        what, at, said = tried(reader, place, name, data, draw)
        if what and ((what, at) not in found or len(data) < len(found[what, at][1])):
            found[what, at] = (name, data, draw, said)

    one()
    return count, found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--inputs", type=int, default=100_000)
    options.add_argument("--reader", action="append", choices=READERS)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, help="folder for inputs that broke something")
    given_ = options.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    chosen = given_.reader or list(READERS)
    total = sum(READERS[name].share for name in chosen)
    counts, broken = Counter(), 0
    shm = Path("/dev/shm")
    for name in chosen:
        wanted, round_ = -(-given_.inputs * READERS[name].share // total), 0
        begun, every = time.process_time(), {}
        with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as place:
            while counts[name] < wanted and round_ < 1000:
                some = min(2000, wanted - counts[name])  # a long test remembers too much
                n, found = fuzz(name, some, Path(place), given_.seed * 1000 + round_)
                counts[name] += n
                round_ += 1
                for key, (file, data, draw, said) in found.items():
                    if key not in every or len(data) < len(every[key][1]):
                        every[key] = (file, data, draw, said)
        spent = time.process_time() - begun
        print(f"{name:16} {counts[name]:7,} inputs {spent:6.0f} s  {len(every)} broken", flush=True)
        for (what, at), (file, data, draw, said) in every.items():
            broken += 1
            print(
                f"    {what} at {at}: {said!r} ({file}, {len(data)} bytes, draw {draw})", flush=True
            )
            if given_.keep:
                stem = re.sub(r"\W+", "-", f"{name}-{what}-{at}")[:80]
                given_.keep.mkdir(parents=True, exist_ok=True)
                (given_.keep / f"{stem}.{draw}.{Path(file).name}").write_bytes(data)
    print(f"{counts.total():,} inputs, {broken} kinds of broken promises")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
