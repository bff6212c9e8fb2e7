"""CMC setpoints hold in the AC power flow, agree with bisection, and keep the order of access."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.network import cmc
from scchelpers.network.cmc import Intervals
from scchelpers.network.topology import base_loads
from scchelpers.portfolio import Portfolio
from tests import networks
from tests import oracle_cmc as oracle
from tests.conftest import ROOT


def over_time(values, name="time") -> xr.DataArray:
    times = pd.date_range("2026-01-05", periods=len(values), freq="30min")
    return xr.DataArray(np.asarray(values, float), {name: times.to_numpy()})


def sites_at(**nodes: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "network_node": list(nodes.values()),
            "power_factor": 0.98,
            "applied_on": pd.date_range("2024-01-01", periods=len(nodes), freq="30D"),
        },
        index=pd.Index(list(nodes), name="site_id"),
    )


def asked(**kw: float) -> xr.DataArray:
    return xr.DataArray(list(kw.values()), {"site": list(kw)})


@pytest.fixture(scope="module")
def demo():
    """Each demo network with its sites, their requests and 50 half hours of high load."""
    portfolio = Portfolio.open(ROOT / "data" / "demo")
    rng = np.random.default_rng(3)
    cases = {}
    for network_id, quantile in (("elm-road-tx", 0.3), ("northgate-primary", 0.93)):
        network = portfolio.network(network_id)
        sites = portfolio.sites[portfolio.sites["network_id"] == network_id]
        sites = sites.sort_values("applied_on")
        requested_kw = xr.DataArray(
            (sites["requested_kva"] * sites["power_factor"]).to_numpy(float),
            {"site": sites.index.to_numpy()},
        )
        records = {
            name: portfolio.loads("network_kva", name)["network_kva"].load()
            for name in (network_id, "elm-road-tx", "market-tx", "quarry-feeder")
        }
        load = records[network_id]
        high = np.flatnonzero(load > load.quantile(quantile))
        chosen = np.sort(rng.choice(high, 50, replace=False))
        base_kva = base_loads(network, records).isel(time=chosen)
        cases[network_id] = network, base_kva, sites, requested_kw
    return cases


@pytest.mark.parametrize("network_id", ["elm-road-tx", "northgate-primary"])
@pytest.mark.parametrize("rule", ["lifo", "pro-rata"])
def test_control_holds_and_cuts_what_bisection_cuts(demo, network_id, rule):
    network, base_kva, sites, requested_kw = demo[network_id]
    found = cmc.setpoints(network, base_kva, sites, requested_kw, rule)
    assert (found["loading_full"] > 1).any("branch").sum() > 12
    helpless = found["loading_without"].max("branch") > 1
    assert found["loading"].where(~helpless).max() <= 1.001
    assert (found["unresolved_kva"] > 0).sum() <= helpless.sum()

    case = Intervals.of(network, base_kva, sites, requested_kw, 1.0, None)
    tier = np.arange(len(sites)) if rule == "lifo" else np.zeros(len(sites), int)
    exact_kw = oracle.exact(case, oracle.sees(case), tier)
    cut = requested_kw.to_numpy() - found["limit_kw"].to_numpy()
    exact = requested_kw.to_numpy() - exact_kw
    assert cut.sum() == pytest.approx(exact.sum(), rel=1e-3)
    np.testing.assert_allclose(cut, exact, atol=1e-3 * requested_kw.to_numpy().max())


def test_a_demo_lv_network_binds_at_its_transformer_and_at_a_main(demo):
    found = cmc.setpoints(*demo["elm-road-tx"])
    at_rating = (abs(found["loading"] - 1) < 1e-3).any("time")
    assert at_rating.sel(branch="Elm Road transformer")
    assert at_rating.sel(branch="Elm Road south 1, 95 mm² Al mains")
    assert 0.94 < found["lowest_pu"].min() < found["highest_pu"].max() < 1.10


def test_one_site_gets_what_the_power_flow_allows():
    network = networks.street(i_n=400.0, kva=200.0)
    base_kva = over_time([50.0, 150.0, 175.0, 230.0])
    found = cmc.setpoints(network, base_kva, sites_at(a=4), asked(a=120.0))
    limit_kw = found["limit_kw"].sel(site="a")
    assert limit_kw[0] == 120 and limit_kw[3] == 0
    tight = found.isel(time=[1, 2])
    np.testing.assert_allclose(tight["loading"].max("branch"), 1, atol=1e-4)
    # The transformer carries losses too, so there is less room than rating less load.
    assert (limit_kw[1:3] < [50.0, 25.0]).all()
    assert found["unresolved_kva"][3] > 30 and found["unresolved_kva"][:3].sum() == 0


def test_what_is_not_known_is_missing():
    base_kva = over_time([50.0, np.nan, 190.0])
    found = cmc.setpoints(networks.street(), base_kva, sites_at(a=4), asked(a=120.0))
    for name in ("limit_kw", "loading", "unresolved_kva"):
        missing = np.isnan(found[name].to_numpy()).reshape(3, -1)
        assert missing.all(axis=1).tolist() == missing.any(axis=1).tolist() == [False, True, False]


def test_last_in_is_first_off_and_harms_nobody_before_it():
    network, base_kva = networks.street(), over_time([100.0, 140.0, 170.0])
    two = cmc.setpoints(network, base_kva, sites_at(a=3, b=4), asked(a=40.0, b=50.0))
    three = cmc.setpoints(network, base_kva, sites_at(a=3, b=4, c=3), asked(a=40, b=50, c=60))
    np.testing.assert_allclose(three["limit_kw"].sel(site=["a", "b"]), two["limit_kw"], atol=1e-2)
    assert (two["limit_kw"].sel(site="b") < 50).any()
    swapped = sites_at(a=3, b=4).assign(applied_on=pd.to_datetime(["2025-01-01", "2024-01-01"]))
    late = cmc.setpoints(network, base_kva, swapped, asked(a=40.0, b=50.0))["limit_kw"]
    assert (late.sel(site="a") <= two["limit_kw"].sel(site="a") + 1e-2).all()


def test_pro_rata_gives_the_same_share_of_each_request():
    network, base_kva = networks.street(), over_time([140.0, 170.0])
    found = cmc.setpoints(network, base_kva, sites_at(a=3, b=3), asked(a=40, b=80), "pro-rata")
    share = found["limit_kw"] / asked(a=40.0, b=80.0)
    np.testing.assert_allclose(share.sel(site="a"), share.sel(site="b"), rtol=1e-9)
    assert (share < 1).all()


def test_export_makes_room_and_a_turned_flow_is_followed():
    """Behind a solar farm charging first relieves the cable, then loads it the other way."""
    base_kva = over_time([-60.0, -60.0, 20.0])
    network = networks.street(i_n=120.0, kva=400.0)
    found = cmc.setpoints(network, base_kva, sites_at(a=4), asked(a=300.0))
    np.testing.assert_allclose(found["loading"].max("branch"), 1, atol=2e-4)
    assert found["limit_kw"][0, 0] > found["limit_kw"][2, 0] + 20


def test_ratings_follow_the_factor_by_time_and_by_branch():
    network, base_kva = networks.street(400.0, 200.0), over_time([150.0, 150.0])
    sites, requested_kw = sites_at(a=4), asked(a=100.0)
    half = over_time([1.0, 0.9])
    found = cmc.setpoints(network, base_kva, sites, requested_kw, rating_factor=half)
    fell = np.diff(found["limit_kw"].to_numpy().ravel())[0]
    assert -20 < fell < -15  # 20 kVA less at the transformer, of which losses take a part
    one = xr.DataArray([0.5], {"branch": ["transformer 11"]})
    found = cmc.setpoints(network, base_kva, sites, requested_kw, rating_factor=one)
    assert (found["limit_kw"] == 0).all()
    with pytest.raises(UserError, match="did you mean transformer 11"):
        bad = one.assign_coords(branch=["transformer 1"])
        cmc.setpoints(network, base_kva, sites, requested_kw, rating_factor=bad)


def test_loads_may_each_have_a_series():
    network, whole = networks.street(), over_time([120.0, 160.0])
    sites, requested_kw = sites_at(a=4), asked(a=100.0)
    share = xr.DataArray([0.6, 0.4], {"load": ["load 21", "load 22"]})
    one = cmc.setpoints(network, whole, sites, requested_kw)
    other = cmc.setpoints(network, whole * share, sites, requested_kw)
    np.testing.assert_allclose(one["limit_kw"], other["limit_kw"], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sites": sites_at(a=4).drop(columns="power_factor")}, "has no power_factor"),
        ({"sites": sites_at(a=4).drop(columns="applied_on")}, "has no applied_on"),
        ({"sites": sites_at(b=4)}, "site 'a' has no"),
        ({"requested_kw": asked(a=-1.0)}, "must be 0 or more"),
        ({"requested_kw": asked(a=1.0) * over_time([1.0, 2.0, 3.0])}, "requested_kw: its time"),
        ({"base_kva": over_time([np.nan, np.nan])}, "no interval of which"),
        ({"rule": "fifo"}, "fifo"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given = {
        "base_kva": over_time([150.0, 190.0]),
        "sites": sites_at(a=4),
        "requested_kw": asked(a=100.0),
        "rule": "lifo",
    }
    with pytest.raises(UserError, match=message):
        cmc.setpoints(networks.street(), **(given | change))
