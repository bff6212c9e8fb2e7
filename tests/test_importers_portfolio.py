"""Sources in a portfolio: replaced when imported again, the same in any order, edits kept."""

import pandas as pd
import pytest

from scchelpers import importers
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, store
from scchelpers.portfolio.check import check_portfolio

HEAD = "CP ID,Site,Start,End,kWh"


def month(folder, name, number, kwh=7.0, cps=("A", "B")):
    lines = [HEAD]
    for day in range(13, 28):
        lines += [
            f"{cp},North Road,2024-{number:02d}-{day} {9 + i}:00,2024-{number:02d}-{day} "
            f"{10 + i}:30,{kwh}"
            for i, cp in enumerate(cps)
        ]
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def rows(folder):
    frame = Portfolio.open(folder).sessions()
    return frame.sort_values("session_id").reset_index(drop=True)


def test_a_source_imported_again_replaces_itself(tmp_path):
    out = tmp_path / "out"
    file = month(tmp_path / "in", "january.csv", 1)
    importers.run("sessions", [file], out)
    before = rows(out)
    importers.run("sessions", [file], out)
    pd.testing.assert_frame_equal(rows(out), before)
    importers.run("sessions", [file], out, timezone="Europe/Oslo")
    assert len(rows(out)) == len(before)
    month(tmp_path / "in", "january.csv", 1, kwh=5.0)
    importers.run("sessions", [file], out)
    assert rows(out)["energy_kwh"].sum() == pytest.approx(5.0 * len(before))


def test_parts_in_any_order_give_what_all_at_once_gives(tmp_path):
    parts = [month(tmp_path / "in", f"{n}.csv", n, cps="ABC"[:n]) for n in (1, 2, 3)]
    importers.run("sessions", parts, tmp_path / "once")
    for name, order in (("up", parts), ("down", parts[::-1])):
        for part in order:
            importers.run("sessions", [part], tmp_path / name)
        pd.testing.assert_frame_equal(rows(tmp_path / name), rows(tmp_path / "once"))
        for table in ("chargepoints.csv", "sites.csv"):
            ours, theirs = (pd.read_csv(tmp_path / p / table) for p in (name, "once"))
            key = ours.columns[0]
            ours, theirs = (t.sort_values(key).reset_index(drop=True) for t in (ours, theirs))
            pd.testing.assert_frame_equal(ours, theirs, check_like=True)


def test_what_people_typed_stays_and_what_was_inferred_moves_on(tmp_path):
    out = tmp_path / "out"
    importers.run("sessions", [month(tmp_path / "in", "a.csv", 1, kwh=4.0)], out)
    points = pd.read_csv(out / "chargepoints.csv", index_col="evse_id")
    assert points["rated_kw"].tolist() == [3.7, 3.7]
    points.loc["A-1", "rated_kw"] = 43.0
    points.to_csv(out / "chargepoints.csv")
    importers.run("sessions", [month(tmp_path / "in", "b.csv", 2, kwh=30.0)], out)
    points = pd.read_csv(out / "chargepoints.csv", index_col="evse_id")
    assert points["rated_kw"].to_dict() == {"A-1": 43.0, "B-1": 22.0}


def test_coverage_names_source_and_days(tmp_path):
    out = tmp_path / "out"
    january, march = (month(tmp_path / "in", f"{n}.csv", n) for n in (1, 3))
    importers.run("sessions", [january], out)
    report = importers.run("sessions", [march], out)
    known = pd.read_csv(out / "coverage.csv")
    assert known[["source", "first_day", "last_day"]].to_numpy().tolist() == [
        ["in/1.csv", "2024-01-13", "2024-01-27"],
        ["in/3.csv", "2024-03-13", "2024-03-27"],
    ]
    assert any("joined with 1 sources" in note for note in report.notes)


def test_a_dry_run_shows_what_is_read_as_what_and_writes_nothing(tmp_path):
    file = month(tmp_path / "in", "a.csv", 1)
    report = importers.run("sessions", [file], tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    text = report.text()
    for word in ("Start", "start", "2024-01-13 09:00", "kwh", "clock: Europe/London"):
        assert word in text


def test_a_layout_of_ones_own_is_a_file_of_data(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'kind = "sessions"\ntitle = "Depot log"\nevidence = "ours"\n'
        'identify = ["Bay", "In"]\nclock = "UTC"\n[columns]\nchargepoint = "Bay"\n'
        'start = "In"\nend = "Out"\nenergy = { any = "Units", unit = "kwh" }\n'
    )
    (tmp_path / "log.csv").write_text("Bay,In,Out,Units\n1,2024-07-13 08:00,2024-07-13 09:00,5\n")
    found = importers.read("sessions", [tmp_path / "log.csv"], layout=str(tmp_path / "mine.toml"))
    assert f"{found.report.first:%H:%M}" == "08:00"
    (tmp_path / "mine.toml").write_text('kind = "sessions"\n')
    with pytest.raises(UserError, match=r"mine\.toml, title"):
        importers.read("sessions", [tmp_path / "log.csv"], layout=str(tmp_path / "mine.toml"))


def test_every_known_layout_is_sound():
    layouts = importers.known_layouts()
    assert len(layouts) >= 50
    assert len({layout.name for layout in layouts}) == len(layouts)
    for layout in layouts:
        assert layout.evidence and layout.columns, layout.name


def test_loads_join_and_replace(tmp_path):
    out = tmp_path / "out"

    def table(name, first, kw):
        stamps = pd.date_range(first, periods=48, freq="30min")
        lines = [f"{t},{kw}.{7 * i % 48:02d}" for i, t in enumerate(stamps)]
        (tmp_path / name).write_text("\n".join(["time UTC,Load (kW)", *lines]) + "\n")
        return tmp_path / name

    one, two = table("1.csv", "2024-01-01", 5), table("2.csv", "2024-01-02", 6)
    for file in (two, one, one):
        importers.run("loads", [file], out, of="site", series="hq", frozen=0, straight=0)
    load = Portfolio.open(out).loads("residual_kw", "hq")["residual_kw"]
    assert load.sizes["time"] == 96 and float(load[0]) == 5.0
    table("1.csv", "2024-01-01", 7)
    importers.run("loads", [one], out, of="site", series="hq", frozen=0, straight=0)
    load = Portfolio.open(out).loads("residual_kw", "hq")["residual_kw"]
    assert load.sizes["time"] == 96 and float(load[0]) == 7.0


def test_columns_to_fill_stand_blank_and_stay_as_filled(tmp_path):
    out, file = tmp_path / "out", month(tmp_path / "in", "january.csv", 1)
    importers.run("sessions", [file], out)
    table = pd.read_csv(out / "sites.csv", dtype=str)
    assert {"requested_kva", "dsc_kva", "power_factor", "asset_id"} <= {*table.columns}
    table.assign(requested_kva="43", power_factor="0.97").to_csv(out / "sites.csv", index=False)
    importers.run("sessions", [file], out)
    site = Portfolio.open(out).site("north-road")
    assert (site.requested_kva, site.power_factor) == (43.0, 0.97)


def test_the_check_says_what_each_notebook_can_answer(tmp_path):
    out = tmp_path / "out"
    importers.run("sessions", [month(tmp_path / "in", "january.csv", 1)], out)
    report = check_portfolio(out)
    assert report.lacks["01 load diversity"] == {"north-road": []}
    assert "requested_kva (sites.csv)" in report.lacks["02 TCC windows"]["north-road"]
    assert "01 load diversity: 1 of 1 sites" in report.text()


def test_the_check_doubts_what_an_import_would_refuse(tmp_path):
    out = tmp_path / "out"
    importers.run("sessions", [month(tmp_path / "in", "january.csv", 1)], out)
    stored = Portfolio.open(out).sessions()
    store.write_sessions(out, stored.assign(energy_kwh=stored["energy_kwh"] / 1000))
    doubts = [f for f in check_portfolio(out).faults if "plausible" in f.rule]
    assert [(f.site_id, f.severity) for f in doubts] == [("north-road", "note")]
    assert "less than any car takes" in doubts[0].rule


def test_the_rating_of_an_asset_may_be_given_with_its_load(tmp_path):
    rows = [f"{t:%d/%m/%Y %H:%M},{50 + t.hour}" for t in pd.date_range("2024-01-01", periods=96,
                                                                       freq="30min")]  # fmt: skip
    (tmp_path / "feeder.csv").write_text("\n".join(["Time,Load kVA", *rows]) + "\n")
    importers.run(
        "loads", [tmp_path / "feeder.csv"], tmp_path / "out", series="mill", rating_kva=500
    )
    assets = Portfolio.open(tmp_path / "out").raw_table("assets.csv")[0]
    ratings = assets.filter(regex=r"rating_.*_kva").astype(float)
    assert ratings.to_numpy().tolist() == [[500.0] * 4]
