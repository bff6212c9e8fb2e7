"""Loads and ratings of a network model from records, open branches, and the LMC beside the CMC."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import network as net
from scchelpers.faults import UserError
from scchelpers.network import PERFECT, Model, cmc
from scchelpers.network.cmc import Intervals
from scchelpers.network.powerflow import supplied
from scchelpers.network.topology import base_loads, opened, rating_factor
from scchelpers.portfolio import Portfolio
from tests import networks
from tests import oracle_cmc as oracle
from tests.conftest import ROOT
from tests.test_network import START, over_time, site


def model(network, base_kva, rating_factor=1.0, **nodes: tuple[int, float]) -> Model:
    """A model with sites given as node and request [kW]."""
    table = pd.DataFrame(
        {
            "network_node": [node for node, _ in nodes.values()],
            "power_factor": 0.98,
            "applied_on": pd.date_range("2024-01-01", periods=len(nodes), freq="30D"),
        },
        index=pd.Index(list(nodes), name="site_id"),
    )
    asked = xr.DataArray([kw for _, kw in nodes.values()], {"site": list(nodes)})
    base = base_loads(network, {network.network_id: base_kva})
    return Model(network, base, table, asked, rating_factor)


def test_a_load_with_a_record_follows_it_and_the_others_share_the_rest():
    records = {"tiny": over_time([100.0, 80.0, 20.0]), "load 22": over_time([30.0, 70.0, 25.0])}
    found = base_loads(networks.street(), records)
    assert found.sel(load="load 22").to_numpy().tolist() == [30, 70, 25]
    # The other load takes the remainder; where the record exceeds the network's, nothing.
    np.testing.assert_allclose(found.sel(load="load 21"), [70, 10, 0], rtol=1e-12)
    assert found.attrs["recorded"] == ["load 22"]
    assert found.attrs["below_zero_h"] == 0.5


def test_without_a_record_of_their_own_loads_share_as_the_file_specifies():
    found = base_loads(networks.street(), {"tiny": over_time([100.0, -50.0])})
    np.testing.assert_allclose(found[0], [60, 40])
    np.testing.assert_allclose(found[1], [-30, -20])
    with pytest.raises(UserError, match="its own load is not on record"):
        base_loads(networks.street(), {"other": over_time([1.0, 2.0])})


def test_a_branch_named_after_an_asset_takes_its_ratings_by_season():
    rating = pd.Series({"winter": 200.0, "spring": 190.0, "summer": 180.0, "autumn": 190.0})
    time = xr.DataArray(
        pd.to_datetime(["2026-01-05", "2026-07-06"]).to_numpy(), dims="time", name="time"
    )
    found = rating_factor(networks.street(), {"transformer 11": rating}, time)
    assert found.sel(branch="transformer 11").to_numpy().tolist() == [1.0, 0.9]
    assert rating_factor(networks.street(), {"elsewhere": rating}, time) == 1.0


def test_outages_are_tried_from_a_midnight():
    load = over_time(np.r_[np.full(96, 10.0), np.full(96, 90.0), np.full(96, 5.0)])
    found = net.heaviest(load, "2D", "UTC")
    assert {name: start.date().isoformat() for name, (start, _) in found.items()} == {
        "36 hours of highest load": "2026-01-07",
        "2 days of highest load": "2026-01-07",
        "2 days of lowest load": "2026-01-09",
    }
    lengths = [(end - start) / pd.Timedelta("1h") for start, end in found.values()]
    assert lengths == [36, 48, 48]
    with pytest.raises(UserError, match="longer than the load on record"):
        net.heaviest(load, "60D", "UTC")


def test_an_open_branch_leaves_a_spur_dark_and_a_ring_alive():
    live = supplied(opened(networks.street(), "line 13"))
    assert live[[1, 2, 3]].all() and not live[4]
    assert supplied(opened(networks.ring(), "line 12")).all()


def test_a_site_cut_off_gets_nothing_and_the_others_what_is_left():
    case = model(networks.street(), over_time([150.0, 190.0]), a=(4, 60.0), b=(3, 60.0))
    normal = case.setpoints()
    found = net.with_open(case, "line 13")
    assert found["supplied"].to_series().to_dict() == {"a": False, "b": True}
    assert (found["limit_kw"].sel(site="a") == 0).all()
    assert (found["limit_kw"].sel(site="b") > normal["limit_kw"].sel(site="b")).all()
    assert found.attrs["dark"] == ["node 4"]
    np.testing.assert_allclose(found["dark_kva"], [60, 76])


def test_with_the_only_infeed_open_everything_is_dark():
    case = model(networks.street(), over_time([150.0, 190.0]), a=(4, 60.0), b=(3, 60.0))
    found = net.with_open(case, "transformer 11")
    assert (found["limit_kw"] == 0).all()
    assert found.attrs["dark"] == ["node 2", "node 3", "node 4"]
    assert float(found["loading"].max()) == 0


@pytest.mark.parametrize("branch", ["line 11", "line 14"])
def test_setpoints_of_an_open_ring_are_those_of_bisection(branch):
    case = model(networks.ring(), over_time([2600.0, 5000.0]), a=(3, 900.0), b=(4, 900.0))
    found = net.with_open(case, branch)
    left = opened(case.network, branch)
    whole = Intervals.of(left, case.base_kva, case.sites, case.requested_kw, 1.0, None)
    exact_kw = oracle.exact(whole, oracle.sees(whole), np.arange(2))
    assert (exact_kw < 899).any()
    np.testing.assert_allclose(found["limit_kw"], exact_kw, atol=0.9)


def test_where_nothing_is_lost_and_one_branch_binds_the_cmc_is_the_lmc():
    network = networks.network(
        "tx",
        node=[networks.node(1, 11_000.0), networks.node(2, 400.0)],
        source=[networks.source(1)],
        transformer=[networks.transformer(11, (1, 2), 200.0, 11_000.0, 400.0, uk=1e-5, pk=0.0)],
        sym_load=[networks.load(21, 2, 100e3, 0.0)],
    )
    study = net.locally_managed([site("a"), site("b")])
    load = study.sites["a"].network_kva
    case = model(network, load, a=(2, 100.0), b=(2, 100.0))
    case.sites["power_factor"] = 1.0
    central = case.setpoints()
    at_once = net.limits(study, "lifo", control=PERFECT)
    mine = net.views(study, at_once).loc["b"]
    wide = net.views(study, central["limit_kw"]).loc["b"]
    watched = net.views(study, case.watching("transformer 11").setpoints()["limit_kw"]).loc["b"]
    for measure in ("restricted_h", "restricted_kwh", "lost_kwh", "unserved_kwh"):
        np.testing.assert_allclose([wide[measure], watched[measure]], mine[measure], rtol=1e-3)
    as_run = net.views(study, net.limits(study)).loc["b"]
    assert as_run["restricted_kwh"] > mine["restricted_kwh"]
    # Never has "b" all it asked for, so the only branch that binds is full all the time.
    assert (central["loading"] > 1 - net.TOLERANCE).all()


def test_load_of_others_alone_is_named_by_what_remains_above_the_rating():
    case = model(networks.street(), over_time([240.0, 240.0]), a=(4, 100.0), b=(3, 100.0))
    found = net.with_open(case, net.NORMAL)
    # 240 kVA on a cable of 250 A at 400 V, and a little more as its voltage falls.
    peak = found["loading"].max("time").to_series()
    assert peak.idxmax() == "line 12" and peak.max() == pytest.approx(240 / 173.2, rel=0.05)
    assert (found["loading_without"].sel(branch="line 12") > 1).all()
    assert (found["limit_kw"] == 0).all()


def test_each_branch_open_in_turn_is_set_against_normal_running():
    load = np.full(192, 150.0)
    group = net.locally_managed([site("a", load=load), site("b", load=load)])
    case = model(networks.street(), over_time(load), a=(4, 100.0), b=(3, 100.0))
    span = (START.tz_localize("UTC"), START.tz_localize("UTC") + pd.Timedelta("48h"))
    found = net.with_each_open(group, case, span)
    mine, other = (found.xs(name, level="site") for name in "ab")
    assert mine.index.tolist() == [net.NORMAL, "line 12", "line 13", "transformer 11"]
    normal = case.between(*span).setpoints()["limit_kw"].mean("time") / 100
    assert mine.loc[net.NORMAL, "left_share"] == pytest.approx(float(normal.sel(site="a")))
    # Two cars a site in two days, 40 kWh each; a site without supply serves none of it.
    assert mine.loc["line 13", "unserved_kwh"] == pytest.approx(80)
    assert not mine.loc["line 13", "supplied"] and other.loc["line 13", "supplied"]
    assert other.loc["line 13", "left_share"] > other.loc[net.NORMAL, "left_share"]
    assert mine.loc["line 13", "dark"] == 1
    assert mine.loc["transformer 11", "dark_kva"] == pytest.approx(150)
    assert (mine["over_share"] == 0).all()
    one = net.with_each_open(group, case, span, chosen=["line 13"])
    assert one.index.unique("out").tolist() == [net.NORMAL, "line 13"]


def test_an_asset_without_a_rating_in_the_model_is_watched_by_its_own_record():
    load = np.full(192, 50.0)
    load[40:60] = 190.0  # of 200; the model's own load is far below, so it cannot know of these
    group = net.locally_managed([site(name, requested=50.0, load=load) for name in "ab"])
    [asset] = group.load_kva["constraint"].to_numpy()
    known = {asset: (group.sites["a"].network_kva, group.sites["a"].rating_kva)}
    case = model(networks.street(), over_time(np.full(192, 10.0)), a=(4, 50.0), b=(3, 50.0))
    whole = case.setpoints()["limit_kw"]
    assert (whole == 50).all()  # nothing that the model watches is ever full
    held = replace(case, unwatched=tuple(known)).held_by_record(group, whole, "lifo")
    hours = over_time(load) == 190
    np.testing.assert_allclose(held.sel(site="a"), np.where(hours, 10.0, 50.0))
    np.testing.assert_allclose(held.sel(site="b"), np.where(hours, 0.0, 50.0))
    xr.testing.assert_identical(case.held_by_record(group, whole, "lifo"), whole)
    sites = pd.DataFrame({"network_id": "street", "network_node": [4, 3]}, ["a", "b"])
    street = replace(networks.street(), network_id=asset)
    made = net.Model.of(street, group, sites.assign(network_id=asset), known, {asset: "No branch"})
    assert made.unwatched == (asset,)
    named = net.Model.of(
        street, group, sites.assign(network_id=asset), known, {asset: "transformer 11"}
    )
    assert named.unwatched == ()


def test_a_branch_must_exist_and_a_span_must_be_on_record():
    case = model(networks.street(), over_time([150.0, 190.0]), a=(4, 60.0), b=(3, 60.0))
    with pytest.raises(UserError, match="no branch 'line 1x'"):
        net.with_open(case, "line 1x")
    start = START.tz_localize("UTC")
    assert case.between(start, start + pd.Timedelta("30min")).base_kva.sizes["time"] == 1
    group = net.locally_managed([site("a")])
    with pytest.raises(UserError, match="no intervals there"):
        group.between(start + pd.Timedelta("99D"), start + pd.Timedelta("100D"))


def test_elm_road_stays_over_its_rating_by_base_load_alone():
    portfolio = Portfolio.open(ROOT / "data" / "demo")
    load = portfolio.loads("network_kva", "elm-road-tx")["network_kva"].load()
    highest = np.sort(np.argsort(load.to_numpy())[-60:])
    own = portfolio.sites[portfolio.sites["network_id"] == "elm-road-tx"]
    asked = xr.DataArray(
        (own["requested_kva"] * own["power_factor"]).to_numpy(float), {"site": own.index.to_numpy()}
    )
    network = portfolio.network("elm-road-tx")
    found = cmc.setpoints(network, load.isel(time=highest), own, asked)
    above = (found["loading"] > 1 + net.TOLERANCE).to_series().unstack("branch")  # noqa: PD010
    assert above.columns[above.any()].tolist() == ["Elm Road transformer"]
    own = found.sel(branch="Elm Road transformer")
    over = own["loading"] > 1 + net.TOLERANCE
    assert int(over.sum()) == 4  # half hours, in all of which the base load alone is too much
    assert (own["loading_without"].where(over, drop=True) > 1).all()
    assert float(own["loading"].max()) == pytest.approx(
        float(own["loading_without"].where(over).max()), abs=1e-6
    )
    assert float(own["loading"].max()) == pytest.approx(1.0185, abs=5e-4)
    above = found["loading"].sel(branch="Elm Road transformer") > 1.001
    assert (found["limit_kw"].where(above, drop=True) == 0).all()


def test_an_operator_shares_its_setpoints_among_its_own_sites_only():
    sites = [site("a", operator="Kerb"), site("b", operator="Kerb"), site("c", operator="Park")]
    study = net.locally_managed(sites)
    assert net.operators(study) == {"Kerb": ["a", "b"]}
    assert net.operators(study.only(["a", "c"])) == {}
    limit_kw = net.limits(study, control=PERFECT)
    found = net.pooled(study, limit_kw, net.operators(study))
    views = net.views(study, limit_kw)["unserved_kwh"]
    assert found.loc["Kerb", "apart"] == pytest.approx(views[["a", "b"]].sum())
    # Four hours a day at 10 kW for two cars that want 40 kWh each: half stays unserved either way.
    assert found.loc["Kerb", "together"] == pytest.approx(160)
