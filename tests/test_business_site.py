"""The business case of whole sites: what is possible, how it grows, how sure it is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import business
from scchelpers.business import Prices, model
from scchelpers.business import situation as ways
from scchelpers.business.model import CENTRAL, HIGH, LOW
from scchelpers.business.situation import flexible, grown_sessions
from scchelpers.faults import UserError
from scchelpers.site import Site

RATING = pd.Series(dict.fromkeys(("winter", "spring", "summer", "autumn"), 100.0))


def sessions(days=364):
    """One car a day on each of four EVSEs, from 17:00 for three hours, 15 kWh."""
    first = pd.Timestamp("2025-01-01T17:00Z")
    start = first + pd.to_timedelta(np.repeat(np.arange(days), 4), "D")
    return pd.DataFrame(
        {
            "session_id": [f"s{k}" for k in range(4 * days)],
            "evse_id": [f"E{k % 4}" for k in range(4 * days)],
            "site_id": "site",
            "plug_in": start,
            "plug_out": start + pd.Timedelta("3h"),
            "energy_kwh": 15.0,
            "max_kw": 10.0,
        }
    )


def network(evening_kva=80.0):
    """A load of 40 kVA, more from 16:00 to 20:00 UTC."""
    time = pd.date_range("2025-01-01", "2026-01-01", freq="30min", inclusive="left")
    kva = np.where((time.hour >= 16) & (time.hour < 20), evening_kva, 40.0)
    return xr.DataArray(kva, {"time": time}, ("time",), "network_kva", {"units": "kVA"})


def site(load=None, **meta):
    row = {"site_id": "site", "site_type": "car_park", "power_factor": 1.0, "requested_kva": 40.0}
    row |= {"asset_id": None if load is None else "tx", "dsc_kva": None} | meta
    points = pd.DataFrame(
        {"evse_id": [f"E{k}" for k in range(4)], "rated_kw": 10.0, "kind": "fast", "phases": 3}
    )
    return Site(
        "site", row, points, sessions(), None, load, None if load is None else RATING,
        "Europe/London",
    )  # fmt: skip


QUICK = {"horizon": 6, "runs": 2}


@pytest.fixture(scope="module")
def constrained():
    return business.modelled(
        business.situated(site(network()), kind="transformer"), load_growth=0.02, **QUICK
    )


@pytest.fixture(scope="module")
def unknown():
    return business.modelled(business.situated(site(dsc_kva=30.0)), **QUICK)


def test_what_is_possible_follows_from_the_network():
    free = business.situated(site(network(50.0)))
    assert ways.possible(free) == (ways.FIRM,)
    tight = business.situated(site(network()))
    # 100 - 80, and 2 % of the rating kept free
    assert (tight.firm_kva, tight.short) == (18.0, (("other", 22.0),))
    assert ways.possible(tight) == (
        ways.LESS, ways.TCC, ways.PROFILED, ways.LMC, ways.WAIT,
    )  # fmt: skip
    behind = business.situated(site(network(), dsc_kva=30.0))
    assert ways.STATIC in ways.possible(behind)
    assert ways.possible(business.situated(site())) == (
        ways.FIRM, ways.LESS, ways.WAIT,
    )  # fmt: skip


def test_earlier_applicants_keep_what_they_asked_for():
    case = business.situated(site(network()), earlier_kva=15.0)
    assert case.firm_kva == 3.0
    table = pd.DataFrame({"requested_kva": [10.0, 25.0, np.nan]}, index=["a", "b", "c"])
    assert business.promised_kva(table, ["a", "c", "b"], "b") == 10.0
    assert business.promised_kva(table, ["b", "a"], "b") == 0.0


def test_an_asset_above_may_be_the_one_that_is_short():
    above = business.Asset("primary", "primary", network(75.0), RATING)
    case = business.situated(site(network(50.0)), kind="transformer", above=[above])
    assert (case.firm_kva, case.short) == (25.0, (("primary", 15.0),))
    assert ways.CMC in ways.possible(case)
    time = pd.date_range("2025-06-01T17:00Z", periods=2, freq="30min")
    lmc, cmc = (ways.limit_of(case, name, 1.0, time) for name in (ways.LMC, ways.CMC))
    assert lmc.to_numpy().tolist() == [40.0, 40.0]
    assert cmc.to_numpy().tolist() == [25.0, 25.0]


def test_limits_of_the_schemes_by_hand():
    case = business.situated(site(network(), dsc_kva=30.0))
    time = pd.date_range("2025-06-01T15:30Z", periods=2, freq="30min")
    assert ways.limit_of(case, ways.LMC, 1.0, time).to_numpy().tolist() == [40.0, 20.0]
    assert ways.limit_of(case, ways.LMC, 1.1, time).to_numpy() == pytest.approx([40.0, 12.0])
    assert ways.limit_of(case, ways.STATIC, 1.0, time) == 30.0
    assert ways.limit_of(case, ways.LESS, 1.0, time) == 18.0
    assert ways.limit_of(case, ways.WAIT, 1.0, time) == 40.0


def test_a_limit_of_another_year_is_moved_to_the_sessions():
    case = business.situated(site(network()))
    time = pd.date_range("2019-06-03T15:30Z", periods=2, freq="30min")
    assert ways.limit_of(case, ways.LMC, 1.0, time).to_numpy().tolist() == [40.0, 20.0]


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.0, 3.25])
def test_charging_grows_by_the_factor(factor):
    made = site()
    more, points = grown_sessions(made.sessions, made.chargepoints, factor, seed=1)
    assert len(more) == pytest.approx(factor * len(made.sessions), rel=0.03)
    assert set(more["evse_id"]) <= set(points["evse_id"])
    assert more["session_id"].is_unique
    again, _ = grown_sessions(made.sessions, made.chargepoints, factor, seed=1)
    pd.testing.assert_frame_equal(more, again)


def test_flexibility_is_what_nine_evenings_in_ten_draw():
    time = pd.date_range("2025-01-06", periods=48 * 10, freq="30min")  # ten days from a Monday
    kw = np.where((time.hour >= 17) & (time.hour < 20), 12.0, 0.0)
    kw[time.day_of_week >= 5] = 0.0  # weekends do not count
    power = xr.DataArray(kw, {"time": time}, ("time",))
    assert flexible(power, "Europe/London") == 12.0
    kw[time.day.isin((6, 7))] = 0.0  # two evenings of eight without charging
    assert flexible(power.copy(data=kw), "Europe/London") == 0.0


def test_energy_by_hand(constrained):
    first = constrained.energies[CENTRAL]
    wanted = 4 * 15.0 * 365.25  # a year
    # At 18 kW three hours leave 54 of 60 kWh.
    assert first[ways.LESS].wanted_kwh[0] == pytest.approx(wanted, rel=0.01)
    assert first[ways.LESS].unserved_kwh[0] == pytest.approx(0.1 * wanted, rel=0.01)
    assert first[ways.WAIT].unserved_kwh[0] == 0.0
    grown = constrained.energies[CENTRAL][ways.LESS]
    assert (np.diff(grown.unserved_kwh) > 0).all()
    still = constrained.energies[LOW][ways.LMC].unserved_kwh
    fast = constrained.energies[HIGH][ways.LMC].unserved_kwh
    assert still[-1] == pytest.approx(still[0])
    assert fast[-1] > first[ways.LMC].unserved_kwh[-1] > still[-1]


def test_growth_of_the_load_asks_for_reinforcement_by_itself(constrained):
    # 80 kVA at 2 % a year pass 100 kVA in year 12; with 18 kVA added, in year 2.
    long = ways.request_of(constrained.situation, horizon=20, load_growth=0.02)
    assert long.growth_years[ways.TCC] == 12.0
    assert long.growth_years[ways.LESS] == 2.0
    assert not ways.request_of(
        constrained.situation, horizon=20, load_growth=0.02, reinforced_for_growth=False
    ).growth_years
    options = {option.name: option for option in constrained.options(Prices())}
    assert options[ways.LESS].contributes is False
    assert options[ways.LESS].reinforced_years == 2.0
    assert options[ways.TCC].reinforcement_gbp == 0.0


def test_reinforcement_comes_in_lumps():
    prices = Prices().at({"transformer_size": 500, "transformer_cost": 10, "transformer_years": 1})
    prices = prices.at({"primary_size": 1000, "primary_cost": 70, "primary_years": 4})
    found = ways.reinforcement((("transformer", 501.0), ("primary", 5.0)), prices)
    assert found == (90.0, 1000.0, 4.0)
    assert ways.reinforcement((("other", 1.0),), prices) == (10.0, 500.0, 1.0)
    assert ways.reinforcement((), prices) == (0.0, 0.0, 0.0)


def test_capacity_is_paid_for_above_whole_current(unknown):
    request = unknown.requests[CENTRAL]
    energy = unknown.energies[CENTRAL][ways.FIRM]
    prices = Prices()
    assert business.offer(ways.STATIC, request, energy, prices).charges_gbp[0] == 0
    both = business.offer(ways.FIRM, replace(request, dsc_kva=60.0), energy, prices)
    # 60 kVA were not charged for, 100 are
    assert both.charges_gbp[0] == business.capacity_gbp(100.0, prices)
    more = business.offer(ways.FIRM, replace(request, dsc_kva=80.0), energy, prices)
    today = business.capacity_gbp(80.0, prices)
    assert more.charges_gbp[0] == business.capacity_gbp(120.0, prices) - today


def test_an_unknown_network_is_no_choice(unknown):
    prices = Prices()
    values = unknown.values(prices)
    assert ways.FIRM in values
    assert unknown.best(values.where(values.index != ways.FIRM, 1e9)) != ways.FIRM
    assert unknown.uncertain == (ways.FIRM,)


def test_a_site_without_sessions_says_so():
    empty = replace(site(), sessions=sessions().iloc[:0])
    model = business.modelled(business.situated(empty), **QUICK)
    assert not model.known
    assert business.compare([], Prices(), margin=0.2).empty


def test_bearable_curtailment_makes_both_worth_the_same(constrained):
    prices = Prices()
    option = {o.name: o for o in constrained.options(prices)}[ways.TCC]
    bearable, simulated = business.bearable_share(constrained, prices, ways.TCC, ways.WAIT)
    assert simulated == pytest.approx(option.unserved_share)
    same = replace(option, unserved_kwh=bearable * option.wanted_kwh)
    terms = {"margin": constrained.margin(prices)}
    found = business.npv(business.cash_flows(same, prices, **terms), prices)
    assert found == pytest.approx(constrained.values(prices)[ways.WAIT], abs=0.01)


def test_break_even_time_makes_both_worth_the_same(constrained):
    prices, name = Prices(), "transformer_years"
    at = business.break_even(constrained, prices, ways.LESS, ways.WAIT, name)
    there = constrained.values(prices.at({name: at}))
    assert there[ways.LESS] == pytest.approx(there[ways.WAIT], abs=1.0)
    assert model.crossings(lambda x: 1.0, 0.0, 1.0) == []


def test_break_even_cost_is_where_the_threshold_bites(constrained):
    # Up to 1,720 x 40 kVA the customer pays nothing, so that no cost below turns the answer.
    at = business.break_even(constrained, Prices(), ways.LMC, ways.WAIT, "transformer_cost")
    assert at > 1720 * 40
    before = replace(constrained, regime="before-2023")
    earlier = business.break_even(before, Prices(), ways.LMC, ways.WAIT, "transformer_cost")
    assert earlier != pytest.approx(at)


def test_random_futures_are_the_same_for_the_same_seed(constrained):
    one, same, other = (
        business.monte_carlo(constrained, Prices(), draws=20, seed=seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)
    with pytest.raises(UserError, match="draws = 0"):
        business.monte_carlo(constrained, Prices(), draws=0)


def test_without_ranges_random_futures_agree(constrained):
    fixed = Prices().given(
        pd.DataFrame([{"name": n, "value": v, "low": v, "high": v} for n, v in Prices().items()])
    )
    growths = (LOW, CENTRAL, HIGH)
    still = replace(
        constrained,
        energies=dict.fromkeys(growths, constrained.energies[CENTRAL]),
        requests={CENTRAL: constrained.requests[CENTRAL]},
    )
    drawn = business.monte_carlo(still, fixed, draws=3)
    expected = still.values(fixed)
    for _, row in drawn.iterrows():
        assert row.to_numpy() == pytest.approx(expected.to_numpy())


def test_growth_between_runs_is_interpolated(constrained):
    prices = Prices()
    names = [o.name for o in constrained.options(prices)]
    at = names.index(ways.LMC)
    low, middle, half = (constrained.options(prices, g)[at] for g in (LOW, CENTRAL, -0.5))
    assert half.unserved_kwh == pytest.approx((low.unserved_kwh + middle.unserved_kwh) / 2)


def test_a_quotation_moves_the_price_of_what_is_short_here(constrained):
    prices = constrained.quoted(Prices(), cost_gbp=99_000.0, years=3.0)
    assert (prices["transformer_cost"], prices["transformer_years"]) == (99_000.0, 3.0)
    assert prices["feeder_cost"] == Prices()["feeder_cost"]


def test_waiting_longer_turns_the_answer(constrained):
    prices = Prices()
    assert constrained.best(constrained.values(prices)) == ways.WAIT
    late = constrained.values(prices.at({"transformer_years": 5.0}))
    assert constrained.best(late) == ways.LESS
    gap = f"{ways.TCC}, then reinforced"
    kept = replace(constrained, stop_gap_years=None).values(prices)
    assert gap not in kept
    assert kept[ways.TCC] == pytest.approx(constrained.values(prices)[ways.TCC])
