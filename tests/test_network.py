"""LMC setpoints, fail-safe and trip, abnormal running, storage and parallel schemes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import network
from scchelpers.faults import UserError
from scchelpers.network import PERFECT, Control, FailSafe, failsafe
from scchelpers.network.control import finer
from scchelpers.network.group import related, upstream
from scchelpers.site import Site

START = pd.Timestamp("2026-01-05")


def over_time(values, step="30min", name="time") -> xr.DataArray:
    time = pd.date_range(START, periods=len(values), freq=step)
    return xr.DataArray(np.asarray(values), {name: time}, name)


def site(site_id="a", *, requested=100.0, load=None, energy=40.0, applied="2024-01-01", **more):
    """A site with one car a day, there 06:00 to 10:00, on an asset of 200 kVA."""
    days = pd.date_range(START.tz_localize("UTC"), periods=4, freq="1D")
    sessions = pd.DataFrame(
        {
            "session_id": [f"{site_id}{k}" for k in range(4)],
            "evse_id": f"{site_id}-1",
            "site_id": site_id,
            "plug_in": days + pd.Timedelta("6h"),
            "plug_out": days + pd.Timedelta("10h"),
            "energy_kwh": energy,
            "max_kw": 50.0,
        }
    )
    points = pd.DataFrame(
        {"evse_id": [f"{site_id}-1"], "site_id": site_id, "rated_kw": 50.0, "phases": 3}
    )
    meta = {"asset_id": "tx", "requested_kva": requested, "power_factor": 1.0, "name": site_id}
    if load is None:
        load = np.tile(np.r_[np.full(12, 100.0), np.full(8, 190.0), np.full(28, 50.0)], 4)
    rating = pd.Series(200.0, index=["winter", "spring", "summer", "autumn"])
    residual = more.pop("residual_kw", None)
    return Site(
        site_id, meta | more, points, sessions, residual, over_time(load), rating, "Europe/London"
    )


@pytest.fixture(scope="module")
def pair():
    return network.locally_managed([site("a"), site("b")])


def test_headroom_follows_measured_voltage_and_export():
    room = network.headroom_kva(over_time([380.0, -50.0]), xr.DataArray(400.0), volts_pu=0.95)
    assert room.to_numpy().tolist() == [0.0, 430.0]


def test_a_delay_shows_the_load_of_before():
    load = over_time([10.0, 20.0, 30.0, 40.0], "5min")
    seen = network.as_measured(load, Control(delay="7min"))
    assert seen.to_numpy().tolist() == [10, 10, 10, 20]


def test_bias_and_noise_change_what_is_read():
    load = over_time(np.full(4000, 100.0), "5min")
    now = {"delay": "0min"}
    assert (network.as_measured(load, Control(bias=0.01, **now)) == 101.0).all()
    assert (network.as_measured(-load, Control(bias=0.01, **now)) == -99.0).all()
    noisy = network.as_measured(load, Control(noise=0.02, seed=1, **now))
    assert float(noisy.std()) == pytest.approx(2.0, rel=0.05)
    xr.testing.assert_equal(noisy, network.as_measured(load, Control(noise=0.02, seed=1, **now)))


def sent(target, **options):
    control = Control(step="5min", **options)
    kw = over_time(target, "5min").expand_dims(site=["a"])
    asked = xr.DataArray([100.0], {"site": ["a"]})
    return network.setpoints(kw, asked, control)[:, 0].to_numpy().tolist()


def test_cuts_at_once_and_rises_by_the_ramp():
    assert sent([100.0, 30, 100, 100, 100], hold="0min", deadband=0.0, ramp=0.05) == [
        100, 30, 55, 80, 100,
    ]  # fmt: skip


def test_a_rise_waits_until_the_room_has_stood():
    kw = sent([100.0, 30, 90, 30, 90, 90, 90, 90], hold="15min", deadband=0.0, ramp=1.0)
    assert kw == [100, 30, 30, 30, 30, 30, 90, 90]


def test_a_small_rise_is_not_sent_but_the_whole_capacity_is():
    assert sent([50.0, 51, 51], hold="0min", deadband=0.02, ramp=1.0) == [50, 50, 50]
    assert sent([99.0, 100, 100], hold="0min", deadband=0.02, ramp=1.0) == [99, 100, 100]


def test_a_gap_stays_a_gap():
    kw = sent([50.0, np.nan, 40.0], hold="0min", ramp=1.0)
    assert np.isnan(kw[1])
    assert kw[2] == 40


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.sampled_from([0, 5, 20]))
def test_setpoints_never_exceed_what_is_there(target, minutes):
    kw = sent(target, hold=f"{minutes}min", deadband=0.05, ramp=0.03)
    assert (np.array(kw) <= np.array(target) + 1e-9).all()
    assert (np.diff(kw) <= 15 + 1e-9).all()


@pytest.mark.parametrize(
    "bad", [{"ramp": 0.0}, {"deadband": -0.1}, {"noise": 1.0}, {"hold": "soon"}, {"delay": "-5min"}]
)
def test_control_refuses_what_cannot_be(bad):
    with pytest.raises(UserError, match=next(iter(bad))):
        Control(**bad)


def test_a_finer_step_keeps_each_mean():
    fine = finer(over_time([1.0, 2.0]), "10min")
    assert fine.to_numpy().tolist() == [1, 1, 1, 2, 2, 2]
    with pytest.raises(UserError, match="divide"):
        finer(over_time([1.0, 2.0]), "20min")


def test_two_sites_share_the_headroom_of_their_asset_in_order(pair):
    limit = network.limits(pair, control=PERFECT)
    at = limit.sel(time=START + pd.Timedelta("7h"))
    assert at.to_numpy().tolist() == [10.0, 0.0]
    night = limit.sel(time=START + pd.Timedelta("2h"))
    assert night.to_numpy().tolist() == [100.0, 0.0]
    half = network.limits(pair, "pro-rata", control=PERFECT)
    assert half.sel(time=START + pd.Timedelta("7h")).to_numpy().tolist() == [5.0, 5.0]


def test_both_views_by_hand(pair):
    found = network.views(pair, network.limits(pair, control=PERFECT))
    # 4 h a day at 10 kW, 8 h at 150 or 100 kVA free: site a has its 100 kW but for 06:00-10:00.
    assert found.loc["a", "restricted_h"] == 16
    assert found.loc["a", "max_cut_kw"] == 90
    assert found.loc["a", "unserved_kwh"] == pytest.approx(0)
    # Site b: nothing until 10:00, when its car leaves; then 50 kW.
    assert found.loc["b", "unserved_kwh"] == pytest.approx(160)
    assert found.loc["b", "short_sessions"] == 4
    assert found.loc["b", "availability"] == 0


def unserved(group, limit_kw) -> pd.Series:
    return network.views(group, limit_kw)["unserved_kwh"]


def test_lending_on_serves_more_and_keeps_the_order(pair):
    lifo, lent = (network.limits(pair, control=PERFECT, basis=b) for b in ("contracted", "demand"))
    assert unserved(pair, lent).sum() <= unserved(pair, lifo).sum() + 1e-6
    shared = network.limits(pair, "pro-rata", control=PERFECT)
    assert unserved(pair, lifo)["a"] <= unserved(pair, shared)["a"] + 1e-6


def test_like_sites_exchange_their_places(pair):
    turned = pd.Series({"a": 1, "b": 0})
    first = network.views(pair, network.limits(pair, control=PERFECT))
    other = network.views(pair, network.limits(pair, control=PERFECT, rank=turned))
    for measure in ("restricted_h", "unserved_kwh"):
        assert first.loc["a", measure] == other.loc["b", measure]
        assert first.loc["b", measure] == other.loc["a", measure]


def test_a_newcomer_harms_nobody_under_lifo(pair):
    alone = pair.only(["a"])
    before = network.limits(alone, control=PERFECT)
    after = network.limits(pair, control=PERFECT).sel(site=["a"])
    xr.testing.assert_allclose(before, after)
    shared = network.limits(pair, "pro-rata", control=PERFECT).sel(site="a")
    assert float((shared < 100).sum()) / 12 > 16


def test_a_dead_link_leaves_the_fail_safe_alone(pair):
    own = network.limits(pair, control=PERFECT).sel(site="a", drop=True)
    dead = network.intact(pair.time, per_year=20000, mean_h=500)
    seen = failsafe.run(own, 100.0, FailSafe(failsafe_kw=0.0), heard=dead)
    held = seen["limit_kw"].expand_dims(site=["a"])
    assert unserved(pair, held)["a"] == pytest.approx(160, rel=0.15)


def test_a_late_signal_is_the_networks_harm(pair):
    limit = network.limits(pair, control=PERFECT).sel(site=["a"])
    late = network.charge(pair, limit, response_delay="10min")["a"]
    # 50 kW drawn for ten minutes where 10 are allowed, four times.
    assert float(late.excursion_kw.sum()) / 12 == pytest.approx(4 * 40 / 6)
    prompt = network.charge(pair, limit, response_delay="0s")["a"]
    assert float(prompt.excursion_kw.sum()) == pytest.approx(0, abs=1e-9)


def test_each_per_cent_of_rating_restricts_the_more(pair):
    cut = []
    for shift in (-0.02, -0.01, 0.0, 0.01, 0.02):
        shifted = replace(pair, rating_kva=pair.rating_kva * (1 + shift))
        limit = network.limits(shifted, control=PERFECT)
        cut.append(network.views(shifted, limit).loc["a", "restricted_kwh"])
    # 06:00 to 10:00 on four days leave 10 kW of 100, and 2 kW more or less each per cent; before
    # 06:00 just 100 kVA are free, which 2 kVA less no longer are.
    expected = [16 * 94 + 24 * 4, 16 * 92 + 24 * 2, 16 * 90, 16 * 88, 16 * 86]
    np.testing.assert_allclose(cut, expected)


def test_power_factor_and_shortness_are_those_of_the_site():
    group = network.locally_managed([site("a", power_factor=None)])
    assert group.asked_kw("a") == pytest.approx(95)
    found = network.views(group, 0 * network.limits(group, control=PERFECT))
    small = network.locally_managed([site("a", energy=0.9)])
    none = network.views(small, 0 * network.limits(small, control=PERFECT))
    assert found.loc["a", "short_sessions"] == 4
    # Less than the tolerance of a site (1 kWh) is missing, not short.
    assert none.loc["a", "short_sessions"] == 0 and none.loc["a", "unserved_kwh"] > 3


def test_some_sites_of_a_group_stay_on_its_time_axis():
    late = site("b")
    late.sessions.loc[3, "plug_out"] += pd.Timedelta("20h")
    group = network.locally_managed([site("a"), late]).only(["a"])
    found = network.views(group, network.limits(group, control=PERFECT))
    assert found.index.tolist() == ["a"]


def test_the_scheme_keeps_the_asset_inside_its_rating(pair):
    free = network.overload(pair, pair.free)
    assert free.loc["tx", "peak_share"] == pytest.approx(290 / 200)
    assert free.loc["tx", "over_h"] == pytest.approx(4 * 40 / 50, abs=0.4)
    held = network.overload(pair, network.charge(pair, network.limits(pair, control=PERFECT)))
    assert held.loc["tx", "over_kvah"] == 0


def test_what_a_site_lacks_is_said():
    whole = site()
    assert network.lacking(whole) == ""
    bare = Site("x", whole.meta | {"asset_id": None}, *[None] * 5, "Europe/London")
    assert "asset" in network.lacking(bare)
    other = Site(
        "x", whole.meta, whole.chargepoints, whole.sessions.iloc[:0], None,
        whole.network_kva, whole.rating_kva, "Europe/London",
    )  # fmt: skip
    assert "session" in network.lacking(other)


def test_order_of_application_and_the_assets_above():
    sites = pd.DataFrame(
        {
            "site_id": ["x", "y", "z", "w"],
            "asset_id": ["tx", "tx", "tx", "other"],
            "applied_on": pd.to_datetime(["2024-05-01", None, "2023-01-01", "2020-01-01"]),
        }
    ).set_index("site_id", drop=False)
    assert network.applicants(sites, "x") == ["z", "x", "y"]
    assets = pd.DataFrame({"parent_id": [None, "p", "p", None]}, index=["p", "tx", "t2", "far"])
    assert upstream(assets, "tx") == ["tx", "p"]
    assert related(assets, "t2") == ["p", "tx", "t2"]


def follow(events, **rules):
    """Follow a site of 100 kW whose setpoint is 40 kW; a letter a 5 min step.

    . heard and obeyed, s silent, d defied, r a setpoint of the whole 100 kW
    """
    setpoint = over_time([100.0 if e == "r" else 40.0 for e in events], "5min")
    seen = failsafe.run(
        setpoint, 100.0, FailSafe(failsafe_kw=10.0, **rules),
        heard=over_time([e != "s" for e in events], "5min"),
        obeys=over_time([e != "d" for e in events], "5min"),
    )  # fmt: skip
    return "".join(failsafe.STATES[k][0] for k in seen["state"].to_numpy()), seen[
        "limit_kw"
    ].to_numpy()


def test_every_state_and_event_of_the_table_is_known_and_can_be_reached():
    reached = {"NORMAL"}
    for answers in failsafe.TRANSITIONS.values():
        reached |= set(answers.values())
        assert set(answers) <= set(failsafe.EVENTS)
    assert reached == set(failsafe.STATES) == set(failsafe.TRANSITIONS)


def test_silence_leads_to_the_fail_safe_and_a_signal_back():
    states, limit = follow("r.ssss.r", timeout="15min")
    assert states == "NLLLCCLN"
    assert limit.tolist() == [100, 40, 40, 40, 10, 10, 40, 100]


def test_defiance_leads_to_a_warning_and_a_trip_until_switched_on_by_hand():
    rules = {"warn_after": "5min", "trip_after": "10min", "restore_after": "15min"}
    states, limit = follow(".ddddd.....", **rules)
    assert states == "LLWWTTTLLLL"
    assert limit.tolist() == [40, 100, 100, 100, 0, 0, 0, 40, 40, 40, 40]


def test_who_complies_after_the_warning_is_not_tripped():
    rules = {"warn_after": "5min", "trip_after": "10min"}
    states, _ = follow(".dd....", **rules)
    assert states == "LLWWLLL"


def test_a_trip_loses_the_other_load_too():
    time = pd.date_range(START, periods=6, freq="5min")
    states = xr.Dataset({"state": ("time", [0, 4, 4, 4, 0, 0])}, {"time": time})
    residual = over_time([60.0, 60.0])
    assert failsafe.lost_load_kwh(states, residual) == pytest.approx(15.0)
    assert np.isnan(failsafe.lost_load_kwh(states, None))


def test_random_failures_have_their_rate_and_length():
    time = over_time(np.zeros(8760), "1h")["time"]
    works = [network.intact(time, per_year=100, mean_h=5, seed=k) for k in range(20)]
    share = np.mean([1 - float(w.mean()) for w in works])
    # A failure touches half an hour more than its length at each end; few overlap.
    assert share == pytest.approx(100 * 6 / 8760, rel=0.1)
    assert network.intact(time, per_year=0, mean_h=5).all()


def test_abnormal_running_changes_rating_and_load_for_its_time_alone(pair):
    first = START.tz_localize("UTC")
    other = network.running(
        pair, first, first + pd.Timedelta("1h"), rating_share=0.5, transferred_kva=20.0
    )
    assert (other.rating_kva[:12] == 100).all()
    assert (other.rating_kva[12:] == 200).all()
    assert (other.load_kva[:12] == 120).all()
    assert (other.load_kva[12:] == pair.load_kva[12:]).all()
    with pytest.raises(UserError, match="end"):
        network.running(pair, first, first)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=40),
    st.floats(0, 200),
    st.floats(1, 80),
    st.floats(0.7, 1.0),
)
def test_a_battery_gives_no_more_than_it_took(rows, energy, power, efficiency):
    limit, demand = (over_time([row[k] for row in rows]) for k in (0, 1))
    found = network.backfill(
        limit, demand, battery_kwh=energy, battery_kw=power, efficiency=efficiency
    )
    given_kw, stored = found["battery_kw"].to_numpy(), found["stored_kwh"].to_numpy()
    assert (stored >= -1e-9).all()
    assert (stored <= energy + 1e-9).all()
    assert (np.abs(given_kw) <= power + 1e-9).all()
    change = np.where(given_kw > 0, given_kw / efficiency, given_kw * efficiency) * 0.5
    np.testing.assert_allclose(np.diff(stored, prepend=energy), -change, atol=1e-6)
    # What network and battery carry together stays within the network's limit.
    carried = np.minimum(demand, found["limit_kw"]) - given_kw
    assert (carried <= np.maximum(limit, 0) + 1e-6).all()


def test_parallel_schemes_each_keep_their_own_limit():
    day = np.r_[np.full(12, 100.0), np.full(8, 190.0), np.full(28, 50.0)]
    year, residual = np.tile(day, 366), over_time(np.full(366 * 48, 30.0))
    own = {"residual_kw": residual, "dsc_kva": 50.0}
    sites = [site("t", load=year), site("c", load=year, **own), site("l"), site("m")]
    schemes = network.assigned(sites)
    assert schemes.to_dict() == {"t": "TCC", "c": "CLM", "l": "LMC", "m": "CMC"}
    assets = {"tx": (sites[0].network_kva, sites[0].rating_kva)}
    group = network.tree_managed(sites, assets, {s.site_id: ["tx"] for s in sites})
    found = network.in_parallel(group, schemes, control=PERFECT)
    assert float(found.sel(site="c").max()) == 20.0
    morning = found.sel(time=START + pd.Timedelta("7h"))
    assert float(morning.sel(site="t")) <= 10
    assert float(morning.sel(site="m")) == 0
    before = network.overload(group, group.free).loc["tx", "over_kvah"]
    assert network.overload(group, network.charge(group, found)).loc["tx", "over_kvah"] < before
    with pytest.raises(UserError, match="'ANM'"):
        network.in_parallel(group, schemes.replace("TCC", "ANM"))


@pytest.mark.parametrize("rule", ["lifo", "pro-rata"])
def test_a_site_gets_the_same_whether_the_others_count_one_by_one_or_as_one(rule):
    asked = {"a": 30.0, "b": 80.0, "c": 50.0, "d": 20.0}
    sites = {name: site(name, requested=kva) for name, kva in asked.items()}
    group = network.locally_managed(list(sites.values()))
    whole, stack = network.limits(group, rule), network.stack(group)
    for name, own in sites.items():
        for part in (group.alone(name), network.seen_by(own, stack)):
            mine = network.limits(part, rule).sel(site=name)
            np.testing.assert_allclose(mine, whole.sel(site=name), atol=1e-9)
    moved = pd.Series([1, 2, 3, 0], ["a", "b", "c", "d"])  # "d" before all others
    placed = network.limits(group, "lifo", rank=moved).sel(site="d")
    np.testing.assert_allclose(network.limits(group.alone("d", 0), "lifo").sel(site="d"), placed)
    first = network.views(group.alone("d", 0), placed.expand_dims(site=["d"])).loc["d"]
    assert first.equals(network.views(group, placed.expand_dims(site=["d"])).loc["d"])


def test_the_last_applicant_takes_from_others_only_where_all_share():
    group = network.locally_managed([site("a"), site("b")])
    added = network.added_by_last(group, Control())["restricted_h"]
    assert added["lifo"] == 0 and added["pro-rata"] > 0
    assert network.added_by_last(group.only(["a"]), Control()).empty
