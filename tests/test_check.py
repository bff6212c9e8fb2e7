"""`scc check` finds each fault by its rule, and reading a site agrees with it."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, store
from scchelpers.portfolio.check import check_portfolio as check
from scchelpers.portfolio.check import set_aside
from scchelpers.portfolio.rules import ENERGY_RULE, OVERLAP_RULE


def stays(*rows):
    names = ["session_id", "evse_id", "site_id", "plug_in", "plug_out", "energy_kwh"]
    frame = pd.DataFrame(rows, columns=names)
    for name in ("plug_in", "plug_out"):
        frame[name] = pd.to_datetime("2026-11-24T" + frame[name] + "Z")
    return frame.assign(max_kw=np.nan)


POSTS = pd.DataFrame(
    {"evse_id": ["e1", "e2"], "site_id": ["north", "south"], "rated_kw": [7.0, 50.0]}
)
GOOD = ("a", "e1", "north", "08:00", "10:00", 10.0)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "p"
    hours = pd.date_range("2026-11-24", periods=48, freq="30min")
    load = xr.Dataset({"network_kva": ("time", np.linspace(10, 90, 48))}, {"time": hours})
    store.merge(
        place,
        header={"name": "p", "sources": [{"title": "t", "licence": "l", "provenance": "measured"}]},
        sites=pd.DataFrame({"site_id": ["north", "south"], "asset_id": ["tx", None]}),
        chargepoints=POSTS,
        assets=pd.DataFrame(
            {
                "asset_id": ["tx"],
                **{f"rating_{s}_kva": [100.0] for s in ("winter", "spring", "summer", "autumn")},
            }
        ),
        sessions=stays(GOOD, ("b", "e2", "south", "08:00", "09:00", 40.0)),
        loads={("network_kva", "tx"): load},
    )
    return place


def found(folder, severity="error"):
    return {(f.file, f.row, f.field) for f in check(folder).faults if f.severity == severity}


def test_a_sound_portfolio_has_no_fault(folder):
    assert check(folder).faults == []


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (("b", "e1", "north", "12:00", "11:00", 1.0), "must be after plug_in"),
        (("b", "e1", "north", "12:00", "12:00", 1.0), "must be after plug_in"),
        (("b", "e1", "north", "12:00", "13:00", -1.0), "must be 0 kWh or more"),
        (("b", "e1", "north", "12:00", "13:00", 7.9), ENERGY_RULE),
        (("b", "e1", "north", "09:00", "13:00", 7.0), OVERLAP_RULE),
        (("a", "e1", "north", "12:00", "13:00", 7.0), "session_id must be unique"),
        (("b", "e9", "north", "12:00", "13:00", 7.0), "must be in chargepoints.csv"),
        (("b", "e2", "north", "12:00", "13:00", 7.0), "must be at the site of its EVSE"),
        (("b", "e1", "north", "12:00", "13:00", None), "a value is required"),
    ],
)
def test_set_aside_leaves_out_exactly_the_faulty_row(row, rule):
    kept, faults = set_aside(stays(GOOD, row), POSTS)
    assert [(f.row, f.rule, f.severity) for f in faults] == [(2, rule, "set aside")]
    assert kept.index.tolist() == [0]


def test_energy_tolerance_is_ten_per_cent_and_a_minute():
    # 7 kW × (60 + 1) min × 1.1 = 7.828 kWh
    sound = ("b", "e1", "north", "12:00", "13:00", 7.82)
    over = ("c", "e1", "north", "14:00", "15:00", 7.84)
    kept, _ = set_aside(stays(sound, over), POSTS)
    assert kept["session_id"].tolist() == ["b"]


def test_of_overlapping_sessions_the_one_that_spans_the_others_is_left_out():
    rows = [
        ("long", "e1", "north", "06:00", "20:00", 5.0),
        GOOD,
        ("c", "e1", "north", "10:00", "12:00", 5.0),
    ]
    kept, faults = set_aside(stays(*rows), POSTS)
    assert kept["session_id"].tolist() == ["a", "c"]
    assert faults[0].row == 1 and "row 3" in faults[0].remedy


def test_site_counts_what_it_left_out_once_a_row(folder):
    store.write_sessions(folder, stays(GOOD, ("b", "e1", "north", "09:00", "08:30", -1.0)))
    site = Portfolio.open(folder).site("north")
    assert site.sessions["session_id"].tolist() == ["a"]
    assert sum(site.set_aside.values()) == 1
    assert len([f for f in check(folder).faults if f.severity == "set aside"]) == 2


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("sites.csv", "site_id,dsc_kav\nnorth,5\nsouth,\n", (1, "dsc_kav")),
        ("sites.csv", "site_id,dsc_kva\nnorth,5 kVA\nsouth,\n", (2, "dsc_kva")),
        ("sites.csv", "site_id,power_factor\nnorth,1.2\nsouth,\n", (2, "power_factor")),
        ("sites.csv", "site_id,site_type\nnorth,workplce\nsouth,\n", (2, "site_type")),
        ("sites.csv", "site_id,asset_id\nnorth,ty\nsouth,\n", (2, "asset_id")),
        ("sites.csv", "site_id,timezone\nnorth,Mars\nsouth,\n", (2, "timezone")),
        ("sites.csv", "site_id\nnorth\nNorth\nsouth\n", (3, "site_id")),
        ("sites.csv", "site_id\nnorth\nsouth\n../../x\n", (4, "site_id")),
        ("sites.csv", "site_id,name\nnorth,Perth, Broxden\nsouth,\n", (2, "")),
        ("chargepoints.csv", "evse_id,site_id,rated_kw\ne1,north,\ne2,south,50\n", (2, "rated_kw")),
        ("chargepoints.csv", "evse_id,site_id,rated_kw\ne1,north,7\ne1,south,50\n", (3, "evse_id")),
        ("chargepoints.csv", "evse_id,site_id,rated_kw\ne1,nrth,7\ne2,south,50\n", (2, "site_id")),
        ("assets.csv", "asset_id,parent_id\ntx,up\nup,tx\n", (2, "parent_id")),
    ],
)
def test_table_faults_name_row_and_field(folder, name, text, place):
    (folder / name).write_text(text)
    assert (name, *place) in found(folder)


def test_one_bad_row_fails_its_own_site_only(folder):
    (folder / "chargepoints.csv").write_text("evse_id,site_id,rated_kw\ne1,north,x\ne2,south,50\n")
    portfolio = Portfolio.open(folder)
    assert portfolio.site("south").chargepoints["rated_kw"].tolist() == [50]
    with pytest.raises(UserError, match="row 2, rated_kw = 'x'"):
        portfolio.site("north")


def test_naive_stamps_are_refused_and_text_is_read_on_the_clock(folder):
    rows = stays(GOOD, ("b", "e1", "north", "12:00", "13:00", 1.0))
    naive = rows.assign(plug_in=rows["plug_in"].dt.tz_localize(None))
    naive.to_parquet(folder / "sessions.parquet")
    assert ("sessions.parquet", None, "plug_in") in found(folder)
    with pytest.raises(UserError, match="no time zone"):
        Portfolio.open(folder).site("north")
    text = rows.assign(
        plug_in=["2026-07-01 08:00", "2026-10-25 01:30"],
        plug_out=["2026-07-01 10:00", "2026-10-25 05:00"],
    )
    text.to_parquet(folder / "sessions.parquet")
    assert ("sessions.parquet", 2, "plug_in") in found(folder, "set aside")
    site = Portfolio.open(folder).site("north")
    assert site.sessions["plug_in"].tolist() == [pd.Timestamp("2026-07-01T07:00Z")]


@pytest.mark.parametrize(
    "name", ["portfolio.toml", "sites.csv", "chargepoints.csv", "assets.csv", "sessions.parquet"]
)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x00\x01\x02", b'a,"b\n1', b"PAR1"])
def test_damaged_files_are_faults_not_tracebacks(folder, name, content):
    (folder / name).write_bytes(content)
    report = check(folder)
    assert json.loads(report.as_json())["counts"]["error"] == report.counts["error"]
    assert report.text()
    if content or name != "portfolio.toml":
        assert report.counts["error"] > 0
    (folder / name).unlink()
    check(folder)


@pytest.mark.parametrize(
    ("change", "rule", "severity"),
    [
        (lambda d: d.isel(time=slice(None, None, -1)), "stamps must rise", "error"),
        (lambda d: d.isel(time=[0, 1, 1, 2]), "stamps must be unique", "error"),
        (lambda d: d.isel(time=[0, 1, 2, 5, 6]), "should have no gaps", "note"),
        (
            lambda d: d.assign_coords(time=d.time + np.timedelta64(7, "m")),
            "must lie on the UTC grid",
            "error",
        ),
        (lambda d: d * 0, "should not be zero throughout", "note"),
        (lambda d: d * 1000, "must not exceed 10 × rating", "error"),
        (
            lambda d: d.assign(network_max_kva=d.network_kva.where(d.network_kva > 10, 0)),
            "must hold min ≤ mean ≤ max",
            "set aside",
        ),
    ],
)
def test_load_faults(folder, change, rule, severity):
    load = Portfolio.open(folder).loads("network_kva", "tx").load()
    store.write_loads(folder, "network_kva", "tx", change(load))
    assert [(f.rule, f.severity) for f in check(folder).faults] == [(rule, severity)]
    if severity == "error":
        with pytest.raises(UserError, match="network_kva"):
            Portfolio.open(folder).site("north")
    else:
        site = Portfolio.open(folder).site("north")
        assert len(np.unique(np.diff(site.network_kva["time"]))) == 1
        assert bool(np.isnan(site.network_kva).any()) == (rule != "should not be zero throughout")


def test_a_place_lies_in_great_britain_and_is_whole(folder):
    sites = folder / "sites.csv"
    sites.write_text("site_id,latitude,longitude\nnorth,-3.4,56.4\nsouth,56.4,\n")
    assert found(folder) == {("sites.csv", 2, "latitude"), ("sites.csv", 2, "longitude")}
    assert ("sites.csv", 3, "longitude") in found(folder, "note")
    with pytest.raises(UserError, match="latitude"):
        Portfolio.open(folder).site("north")


ODD = ["", "x", "-1", "1,5", "9e99", "nan", "../x", "con", "a\u202eb", "é", "north ", "NORTH",
       "0", "2200", "=1+1", "a" * 300, "north\u200b", "1/2/2024", '"', "\t"]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_what_the_check_passes_no_site_refuses(folder, seed):
    chance = np.random.default_rng(seed)
    name = chance.choice(["sites.csv", "chargepoints.csv", "assets.csv"])
    rows = pd.read_csv(folder / name, dtype=str, keep_default_na=False)
    what = chance.choice(["cell", "cell", "cell", "column", "row", "again"])
    if what == "cell":
        rows.iloc[chance.integers(len(rows)), chance.integers(rows.shape[1])] = chance.choice(ODD)
    elif what == "column":
        rows = rows.drop(columns=rows.columns[chance.integers(rows.shape[1])])
    elif what == "row":
        rows = rows.drop(index=chance.integers(len(rows)))
    else:
        rows = pd.concat([rows, rows])
    rows.to_csv(folder / name, index=False)
    clean = not found(folder)
    portfolio, refused = Portfolio.open(folder), []
    try:
        sites = portfolio.site_ids
    except UserError:
        sites, refused = [], ["all"]
    for site in sites:
        try:
            portfolio.site(site)
        except UserError:
            refused.append(site)
    assert not (clean and refused), (name, what, refused)
