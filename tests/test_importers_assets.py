"""Tables of network operators become assets of a portfolio: powers, places, parents."""

import json

import pytest

from scchelpers import importers
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.check import check_portfolio

HEAT = """mrid;name;type;gsp;bsp;latlon;demandfirmcapacity;demandmaximum;demandcontractedcapacity
a-gsp;Weir GSP;GSP;;;54.5, -1.5;180;120;5
a-bsp;Weir BSP;BSP;a-gsp;;54.5, -1.5;90;60;5
p1;Mill Primary;Primary;a-gsp;a-bsp;54.52, -1.52;23;11.4;1.2
p2;Quarry Primary;Primary;a-gsp;a-bsp;-1.52, 54.52;19;17.1;NONE
"""
LTDS = """gridsupplypoint,substation,season,maximum_demand_24_25_mw,maximum_demand_24_25_pf,\
maximum_demand_23_24_mw,firm_capacity_mw,functional_location
Weir GSP,Mill 11kV,Winter,9.6,0.96,5,14.4,X-1
Weir GSP,Mill 11kV,Summer,4.8,0.96,5,11.52,X-1
"""


def rows(text, tmp_path, **options):
    (tmp_path / "table.csv").write_text(text)
    found = importers.read("assets", [tmp_path / "table.csv"], **options)
    return found.assets.set_index("asset_id"), found.report


def test_a_heat_map_asks_for_the_power_factor_and_builds_the_tree(tmp_path):
    with pytest.raises(UserError, match=r"power_factor=0\.95"):
        rows(HEAT, tmp_path)
    found, report = rows(HEAT, tmp_path, power_factor=0.95)
    assert (report.read, report.kept) == (4, 4)
    assert found["parent_id"].fillna("").to_dict() == {
        "a-gsp": "", "a-bsp": "a-gsp", "p1": "a-bsp", "p2": "a-bsp"}  # fmt: skip
    assert found.loc["p1", ["firm_capacity_kva", "maximum_demand_kva"]].tolist() == pytest.approx(
        [23 / 0.95 * 1000, 12_000]
    )
    assert found["queue_kva"].isna().tolist() == [False, False, False, True]
    assert found.loc["p2", ["latitude", "longitude"]].tolist() == [
        54.52,
        -1.52,
    ]  # as printed: turned
    assert found.loc["p1", "kind"] == "primary"
    in_mva, _ = rows(HEAT, tmp_path, unit="MVA")
    assert in_mva.loc["p1", "rating_summer_kva"] == 23_000


def test_seasons_of_a_table_3_are_ratings_and_the_last_year_counts(tmp_path):
    found, report = rows(LTDS, tmp_path)
    asset = found.loc["X-1"]
    ratings = [asset[f"rating_{s}_kva"] for s in ("winter", "spring", "summer", "autumn")]
    assert ratings == pytest.approx([15_000, 12_000, 12_000, 12_000])
    assert asset["maximum_demand_kva"] == pytest.approx(10_000)
    assert "firm capacity" in asset["rating_from"]
    assert asset["parent_id"] == "weir-gsp"
    assert found.loc["weir-gsp", "name"] == "Weir GSP"
    assert any("parents without a row" in note for note in report.notes)


def test_national_grid_is_turned_to_degrees_and_places_abroad_are_left_out(tmp_path):
    head = "Substation Number,Substation Name,Easting,Northing\n"
    found, _ = rows(
        head + "1,Tower,530000,180000\n2,Edge,170000,30000\n3,Far,9,9000000\n", tmp_path
    )
    # Ordnance Survey: TQ 30 80 lies at 51.504 N, 0.128 W.
    assert found.loc["1", ["latitude", "longitude"]].tolist() == pytest.approx(
        [51.5040, -0.1284], abs=2e-3
    )
    assert found.loc["3", ["latitude", "longitude"]].isna().all()


def test_rows_of_scenarios_are_asked_about(tmp_path):
    text = (
        "Asset ID,Scenario,Year,Demand headroom (MVA)\nA,low,2026,5\nA,high,2026,2\nB,low,2026,3\n"
    )
    with pytest.raises(UserError, match="several values"):
        rows(text, tmp_path)
    found, report = rows(text, tmp_path, rows="Scenario=low")
    assert found["published_headroom_kva"].tolist() == [5000, 3000]
    assert report.set_aside == {"other Scenario": 1}


def test_units_that_are_not_told_are_asked_for(tmp_path):
    with pytest.raises(UserError, match="unit=MVA"):
        rows("Asset ID,Firm capacity\nA,23\n", tmp_path)
    with pytest.raises(UserError, match="size"):
        rows("Asset ID,Firm capacity (MVA)\nA,23000\n", tmp_path)


def test_geojson_and_imports_in_any_order_make_one_portfolio_of_assets_alone(tmp_path):
    features = [
        {"type": "Feature", "properties": {"asset_id": f"p{i}", "name": f"Place {i}",
                                           "firm capacity (kVA)": 500 + i},
         "geometry": {"type": "Point", "coordinates": [-1.5, 54.0 + i]}}
        for i in (1, 2)
    ]  # fmt: skip
    (tmp_path / "a.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    (tmp_path / "b.csv").write_text(HEAT)
    for order in ("ab", "ba", "aba"):
        into = tmp_path / order
        for which in order:
            name = "a.geojson" if which == "a" else "b.csv"
            importers.run("assets", [tmp_path / name], into,
                          **({} if which == "a" else {"unit": "MVA"}))  # fmt: skip
        told = Portfolio.open(into).table("assets.csv").set_index("asset_id").sort_index()
        assert told.loc["p1", "firm_capacity_kva"] == 501  # the cautious of the two
        assert told.loc["p2", "latitude"] in (54.52, 56.0)
        assert len(told) == 4
        assert [f for f in check_portfolio(into).faults if f.severity == "error"] == []
    # What people type stays, and what an import wrote is replaced by the next.
    table = tmp_path / "ab" / "assets.csv"
    table.write_text(table.read_text().replace("Mill Primary", "Mill Street"))
    (tmp_path / "b.csv").write_text(HEAT.replace(";17.1;", ";18.1;"))
    importers.run("assets", [tmp_path / "b.csv"], tmp_path / "ab", unit="MVA")
    told = Portfolio.open(tmp_path / "ab").table("assets.csv").set_index("asset_id")
    assert told.loc["p1", "name"] in ("Mill Street", "Place 1")
    assert told.loc["p2", "maximum_demand_kva"] == 18_100
