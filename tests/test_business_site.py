"""The business case of whole sites: ways to connect out of the table of options, by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from benchmarks.trials_business import calibration
from scchelpers import business
from scchelpers.business import Prices, Request
from scchelpers.business.connections import grown_sessions, reinforcement
from scchelpers.faults import UserError
from scchelpers.site import Site

WAIT, LESS, FEWER, TCC, LMC = "reinforcement", "ask for less", "reduced capacity", "TCC", "LMC"
STATIC = "static CLM"


def table(**changes):
    """A table of options: 100,000 kWh a year wanted, 100 kVA asked for."""
    rows = {
        LESS: {"asked_kva": 60.0, "unserved_kwh": 1000.0},
        FEWER: {"asked_kva": 50.0, "unserved_kwh": 50_000.0},
        TCC: {"asked_kva": 100.0, "unserved_kwh": 2000.0},
        STATIC: {"asked_kva": 0.0, "unserved_kwh": 3000.0},
        LMC: {"asked_kva": 100.0, "unserved_kwh": 0.0},
        WAIT: {"asked_kva": 100.0, "unserved_kwh": 0.0},
    }
    rest = {"possible": True, "wanted_kwh": 100_000.0, "protection_ends": np.nan}
    frame = pd.DataFrame.from_dict({n: rest | row for n, row in rows.items()}, orient="index")
    for name, change in changes.items():
        frame.loc[name.replace("_", " "), list(change)] = list(change.values())
    return frame


REQUEST = Request(10, 100.0, short=(("transformer", 40.0),), rated_kw=80.0)


def made(options=None, request=REQUEST, prices=None):
    found = business.ways(table() if options is None else options, request, prices or Prices())
    return {way.name: way for way in found}


def site(days=364, **meta):
    """One car a day on each of four EVSEs, from 17:00 for three hours, 15 kWh."""
    first = pd.Timestamp("2025-01-01T17:00Z")
    start = first + pd.to_timedelta(np.repeat(np.arange(days), 4), "D")
    sessions = pd.DataFrame(
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
    row = {"site_id": "site", "site_type": "car_park", "power_factor": 1.0, "dsc_kva": None} | meta
    points = pd.DataFrame(
        {"evse_id": [f"E{k}" for k in range(4)], "rated_kw": [10.0, 10, 10, 50],
         "kind": ["fast"] * 3 + ["rapid"], "phases": 3}
    )  # fmt: skip
    return Site("site", row, points, sessions, None, None, None, "Europe/London")


def test_a_way_pays_for_what_it_asks_for():
    prices, ways = Prices(), made()
    small = prices["extension_fixed"] + 60 * prices["extension_rate"]
    assert ways[LESS].extension_gbp == pytest.approx(small)
    assert ways[STATIC].extension_gbp == 0.0
    assert ways[LESS].charges_gbp[0] == 0.0  # 60 kVA keep a whole-current meter
    assert ways[TCC].charges_gbp[0] == pytest.approx(business.capacity_gbp(100.0, prices))
    assert ways[WAIT].ready_years == prices["transformer_years"]
    assert ways[LMC].ready_years == prices["extension_years"] + prices["scheme_years"]
    assert ways[STATIC].ready_years == prices["notice_years"]


def test_asking_for_less_builds_all_chargepoints_and_reduced_capacity_fewer():
    ways = made()
    assert (ways[LESS].rated_kw, ways[FEWER].rated_kw) == (80.0, 40.0)
    assert ways[LESS].equipment_gbp == Prices()["static_equipment"]
    assert ways[FEWER].equipment_gbp == 0.0


def test_more_capacity_is_paid_above_what_the_site_has():
    prices = Prices()
    had = Request(10, 100.0, dsc_kva=80.0)
    more = made(request=had)[TCC].charges_gbp[0]
    today, later = (business.capacity_gbp(kva, prices) for kva in (80.0, 180.0))
    assert more == pytest.approx(later - today)
    high = made(request=Request(10, 100.0, kv=11.0))[TCC].charges_gbp[0]
    assert high == pytest.approx(business.capacity_gbp(100.0, prices, high_voltage=True))


def test_what_is_impossible_or_unknown_is_no_way():
    options = table(TCC={"possible": False}, LMC={"wanted_kwh": np.nan})
    assert set(made(options)) == {LESS, FEWER, STATIC, WAIT}


def test_reinforcement_follows_where_growth_ends_the_protection():
    ways = made(table(TCC={"protection_ends": 4.0}))
    assert ways[TCC].unserved_kwh.tolist() == [2000.0] * 4 + [0.0] * 6
    assert ways[TCC].reinforced_years == 4.0
    assert ways[TCC].contributes is False
    assert ways[LMC].reinforcement_gbp == 0.0


def test_reinforcement_comes_in_lumps():
    prices = Prices().at({"transformer_size": 500, "transformer_cost": 10, "transformer_years": 1})
    prices = prices.at({"primary_size": 1000, "primary_cost": 70, "primary_years": 4})
    found = reinforcement((("transformer", 501.0), ("primary", 5.0)), prices)
    assert found == (90.0, 1000.0, 4.0)
    assert reinforcement((("other", 1.0),), prices) == (10.0, 500.0, 1.0)
    assert reinforcement((), prices) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("scheme", ["TCC", "profiled", "LMC", "CMC"])
def test_small_users_cannot_hold_a_curtailable_connection(scheme):
    assert "DCUSA Schedule 2D" in business.closed(scheme, 69.0)
    assert business.closed(scheme, 70.0) == ""
    assert business.closed("ask for less", 50.0) == ""


def test_what_holds_for_a_site():
    found = business.request_of(
        site(connection_kv=11.0, dsc_kva=30.0), requested_kva=40, short=[["feeder", 2]], years=7
    )
    assert (found.years, found.requested_kva, found.dsc_kva, found.kv) == (7, 40.0, 30.0, 11.0)
    assert (found.rated_kw, found.rapid_share) == (80.0, 0.625)
    assert found.short == (("feeder", 2.0),)
    assert found.mix == {"ac": 0.75, "dc": 0.25}
    assert business.mix_of(site(site_type="bus_depot")) == {"fleet": 1.0}


@pytest.mark.parametrize("factor", [1.0, 1.5, 2.0, 3.25])
def test_charging_grows_by_the_factor(factor):
    own = site()
    more, points = grown_sessions(own, factor, seed=1)
    assert len(more) == pytest.approx(factor * len(own.sessions), rel=0.03)
    assert set(more["evse_id"]) <= set(points["evse_id"])
    assert more["session_id"].is_unique
    again, _ = grown_sessions(own, factor, seed=1)
    pd.testing.assert_frame_equal(more, again)


def test_energy_unserved_as_charging_grows_by_hand():
    time = pd.date_range("2025-01-01", "2026-01-01", freq="30min", inclusive="left")
    wide = xr.DataArray(np.full(len(time), 1e3), {"time": time}, ("time",))
    found = business.unserved_as_charging_grows(
        site(days=28), {"tight": 18.0, "wide": wide}, growth=0.26, years=4, runs=2
    )
    # At 18 kW three hours leave 54 of 60 kWh; with twice the cars (1.26 cubed), 54 of 120.
    assert found.loc[1, "tight"] == pytest.approx(0.1, abs=0.001)
    assert found.loc[4, "tight"] == pytest.approx(1 - 54 / 120, abs=0.02)
    assert found.loc[2, "tight"] == pytest.approx(
        found.loc[1, "tight"] + (found.loc[4, "tight"] - found.loc[1, "tight"]) / 3
    )
    assert (found["wide"] == 0).all()
    with pytest.raises(UserError, match="years = 0"):
        business.unserved_as_charging_grows(site(days=28), {}, growth=0.0, years=0)


def ways_at(prices):
    return business.ways(table(), REQUEST, prices)


def test_bearable_curtailment_makes_both_worth_the_same():
    prices, options = Prices(), table()
    bearable, simulated = business.bearable_share(made()[TCC], made()[WAIT], prices)
    assert simulated == pytest.approx(0.02)
    options.loc[TCC, "unserved_kwh"] = bearable * 100_000
    same = business.against_waiting(lambda own: business.ways(options, REQUEST, own), prices)
    assert same[TCC].item() == pytest.approx(0.0, abs=0.01)


def test_break_even_time_makes_both_worth_the_same():
    prices, name = Prices(), "transformer_years"
    at = business.break_even(ways_at, prices, TCC, name)
    there = business.against_waiting(ways_at, prices.at({name: at}))
    assert there[TCC].item() == pytest.approx(0.0, abs=0.01)
    nothing = business.break_even(ways_at, prices, TCC, "primary_cost")
    assert np.isnan(nothing)


def test_break_even_cost_is_where_the_threshold_bites():
    # Up to 1,720 x 100 kVA the customer pays nothing, so that no cost below turns the answer.
    name = "transformer_cost"
    at = business.break_even(ways_at, Prices().at({"transformer_years": 0.5}), TCC, name)
    assert at > 1720 * 100


def test_futures_are_common_to_all_ways_and_the_same_for_the_same_seed():
    one, same, other = (business.worth(ways_at, Prices(), draws=50, seed=k) for k in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)
    alone = business.worth(lambda p: [w for w in ways_at(p) if w.name in (TCC, WAIT)], Prices(),
                           draws=50, seed=1)  # fmt: skip
    pd.testing.assert_series_equal(alone[TCC], one[TCC])


def test_without_ranges_random_futures_agree():
    fixed = Prices().given(
        pd.DataFrame([{"name": n, "value": v, "low": v, "high": v} for n, v in Prices().items()])
    )
    drawn = business.worth(ways_at, fixed, draws=3)
    expected = business.against_waiting(ways_at, fixed).iloc[0]
    for _, row in drawn.iterrows():
        assert row.to_numpy() == pytest.approx(expected.to_numpy())


def test_the_probability_of_being_ahead_is_calibrated_against_planted_prices():
    found = calibration(sites=25, futures=40, draws=400, seed=5)
    assert found["bias"] == pytest.approx(0.0, abs=0.06)
    assert 0.84 <= found["inside"] <= 0.95
    assert found["close_ahead"] == pytest.approx(0.5, abs=0.15)
