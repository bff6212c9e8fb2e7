"""A portfolio's network models: read, checked, and refused with a reason."""

import json

import pytest

import from_pandapower
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.check import check_portfolio as check
from tests import networks

SOUND = {
    "node": [{"id": 1, "u_rated": 11e3, "name": "up"}, {"id": 2, "u_rated": 11e3}],
    "source": [networks.source(1)],
    "line": [networks.line(3, (1, 2), 0.1, 0.1, 200.0, name="cable")],
    "sym_load": [networks.load(4, 2, 1e5, 2e4)],
}


def text(data=SOUND, **change) -> str:
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return json.dumps(document | {"data": data} | change)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "tx.json").write_text(text())
    (tmp_path / "portfolio.toml").write_text(
        'name = "p"\n[[sources]]\ntitle = "t"\nlicence = "l"\nprovenance = "synthetic"\n'
    )
    (tmp_path / "assets.csv").write_text("asset_id\ntx\n")
    (tmp_path / "chargepoints.csv").write_text("evse_id,site_id,rated_kw\ne1,north,7\n")
    write_sites(tmp_path)
    return tmp_path


def write_sites(folder, network_id="tx", node="2", applied_on="2024-03-31"):
    rows = f"site_id,network_id,network_node,applied_on\nnorth,{network_id},{node},{applied_on}\n"
    (folder / "sites.csv").write_text(rows)


def found(folder, severity="error"):
    """Return the faults of networks and of the sites' places in them."""
    faults = [f for f in check(folder).faults if f.severity == severity]
    return [f for f in faults if f.file != "sessions.parquet" and "rating" not in f.field]


def test_a_network_is_read_with_its_names(folder):
    portfolio = Portfolio.open(folder)
    network = portfolio.network("tx")
    assert found(folder) == []
    assert portfolio.network_ids == ["tx"]
    assert network.names == {1: "up", 3: "cable"}
    assert len(network.table("node")) == 2 and len(network.table("shunt")) == 0
    assert not network.unbalanced
    assert portfolio.sites.loc["north", "network_node"] == 2


@pytest.mark.parametrize("written", ["2024-03-31", "31/03/2024"])
def test_days_are_read_as_people_write_them(folder, written):
    write_sites(folder, applied_on=written)
    assert Portfolio.open(folder).site("north").meta["applied_on"].isoformat()[:10] == "2024-03-31"
    assert found(folder) == []


@pytest.mark.parametrize("written", ["31 March", "2024-02-30", "03/31/2024"])
def test_what_is_no_day_is_refused(folder, written):
    write_sites(folder, applied_on=written)
    assert [(f.row, f.field, f.value) for f in found(folder)] == [(2, "applied_on", written)]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"network_id": "txx"}, "network_id", "did you mean tx?"),
        ({"network_id": "../tx"}, "network_id", "fit for a path"),
        ({"node": "9"}, "network_node", "nodes: 1 to 2"),
        ({"node": ""}, "network_node", "nodes: 1 to 2"),
        ({"node": "1.5"}, "network_node", "whole number"),
    ],
)
def test_a_site_must_lie_in_its_network(folder, change, field, said):
    write_sites(folder, **change)
    faults = [str(f) for f in found(folder) if f.field == field and f.site_id == "north"]
    assert any(said in fault for fault in faults)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "must be input data of power-grid-model"),
        ("[1]", "whose type is 'input'"),
        (text(type="update"), "whose type is 'input'"),
        (text(data=[SOUND], is_batch=True), "is_batch = false"),
        (text({"nodes": []}), "Cannot find component with name: nodes"),
        (text(SOUND | {"source": []}), "a network needs a source"),
        (text(SOUND | {"sym_load": [networks.load(4, 7, 1.0, 1.0)]}), "valid node id"),
        (
            text(SOUND | {"node": [{"id": 1, "u_rated": 400.0}, {"id": 2}]}),
            "'u_rated' is missing for 1 node",
        ),
    ],
)
def test_a_faulty_network_is_refused_with_the_reason(folder, content, said):
    (folder / "networks" / "tx.json").write_text(content)
    assert any(said in str(fault) for fault in found(folder))
    with pytest.raises(UserError, match=r"networks/tx\.json"):
        Portfolio.open(folder).network("tx")


def test_a_network_nobody_lies_in_is_noted(folder):
    (folder / "networks" / "spare.json").write_text(text())
    rules = [f.rule for f in found(folder, "note") if f.file == "networks/spare.json"]
    assert rules == ["should be named after the asset that feeds it", "should have sites"]


def test_an_unknown_network_is_refused_with_the_closest_name(folder):
    with pytest.raises(UserError, match="did you mean tx"):
        Portfolio.open(folder).network("txx")
    with pytest.raises(UserError, match="no network"):
        Portfolio.open(folder).network("../portfolio")


def changed(folder, **components):
    (folder / "networks" / "tx.json").write_text(text(SOUND | components))
    return {f.field: f for f in found(folder)}


def test_a_node_may_be_named_and_the_flat_form_is_read(folder):
    (folder / "networks" / "tx.json").write_text(json.dumps(SOUND))
    write_sites(folder, node="up")
    assert found(folder) == []
    assert Portfolio.open(folder).sites.loc["north", "network_node"] == 1
    write_sites(folder, node="down")
    assert "network_node" in {f.field for f in found(folder)}


def test_kilovolts_islands_and_a_flow_that_fails_are_named(folder):
    in_kv = [row | {"u_rated": 11.0} for row in SOUND["node"]]
    assert "kilovolts" in changed(folder, node=in_kv)["node, u_rated"].remedy
    opened = [SOUND["line"][0] | {"from_status": 0}]
    assert "feeds" in changed(folder, line=opened)["network_node"].rule
    write_sites(folder, node="1")
    assert changed(folder, line=opened) == {}  # a load alone is a note
    assert any("fed by a source" in f.rule for f in found(folder, "note"))
    far = [SOUND["line"][0] | {"r1": 1e5, "x1": 1e5}]
    assert "power flow" in changed(folder, line=far)[""].rule
    low = [SOUND["line"][0] | {"r1": 285.0}]
    assert "voltage" in changed(folder, line=low)["node"].rule


def test_loads_of_no_power_are_sound(folder):
    assert changed(folder, sym_load=[networks.load(4, 2, 0.0, 0.0)]) == {}


@pytest.mark.parametrize("name", ["create_cigre_network_mv", "mv_oberrhein"])
def test_networks_of_pandapower_come_in_with_their_names(folder, name):
    nets = pytest.importorskip("pandapower.networks", reason="needs pandapower")
    pytest.importorskip("power_grid_model_io", reason="needs power-grid-model-io")
    (folder / "networks" / "tx.json").write_text(from_pandapower.converted(getattr(nets, name)()))
    write_sites(folder, node="Bus 3")
    assert found(folder) == []
    assert Portfolio.open(folder).sites.loc["north", "network_node"] == 3
