"""Discounting, charging rules, prices and accounts against hand-worked values."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import business
from scchelpers.business import Option, Prices
from scchelpers.business.ledger import REGIMES, factor, social_factor, stop_gap
from scchelpers.business.prices import rebased
from scchelpers.faults import Fault, UserError


def annuity(rate, years):
    return factor(np.arange(1, years + 1), rate).sum()


NO_RATE = {"customer_rate": 0.0, "social_rate": 0.0}
MARGIN = {"fleet_price": 0.5, "energy_cost": 0.25}  # 25 p left of a kWh to a fleet


def option(name="scheme", years=10, **fields):
    given_fields = {
        "ready_years": 0.0,
        "wanted_kwh": np.full(years, 1000.0),
        "unserved_kwh": np.zeros(years),
        "mix": {"fleet": 1.0},
    }
    return Option(name, **(given_fields | fields))


def worth(own, prices, view="customer", **terms):
    return business.npv(business.cash_flows(own, prices, **terms), prices, view)


@pytest.mark.parametrize(
    ("rate", "years", "expected"),
    [
        (0.035, 10, 8.316605),
        (0.035, 20, 14.212403),
        (0.035, 30, 18.392045),
        (0.05, 10, 7.721735),
        (0.05, 20, 12.462210),
        (0.05, 45, 17.774070),
        (0.06, 10, 7.360087),
        (0.06, 45, 15.455832),
        (0.035, 45, 22.495450),
    ],
)
def test_annuities_of_the_reference(rate, years, expected):
    assert annuity(rate, years) == pytest.approx(expected, abs=1e-6)


def test_green_book_factors_of_the_reference():
    assert social_factor([1, 30, 45]) == pytest.approx([1 / 1.035, 0.356278, 0.228682], abs=1e-6)
    assert social_factor(45) == pytest.approx(1.035**-30 * 1.03**-15)
    assert social_factor(np.arange(1, 46)).sum() == pytest.approx(22.645274, abs=1e-6)
    assert social_factor(100) == pytest.approx(1.035**-30 * 1.03**-45 * 1.025**-25)


@pytest.mark.parametrize(
    ("rate", "years", "saved"),
    [
        (0.035, 5, 15802.68),
        (0.05, 5, 21647.38),
        (0.06, 5, 25274.18),
        (0.035, 10, 29108.12),
        (0.05, 10, 38608.67),
        (0.06, 10, 44160.52),
    ],
)
def test_deferral_of_the_reference(rate, years, saved):
    assert 100_000 * (1 - factor(years, rate)) == pytest.approx(saved, abs=0.005)


def test_times_and_rates_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="rate = -1"):
        factor(1, -1.0)
    with pytest.raises(UserError, match="years = -2"):
        factor([1, -2], 0.05)


def test_equal_flows_are_worth_their_annuity_and_a_zero_rate_adds_up():
    prices = Prices().at(MARGIN)
    own = option(extension_gbp=500.0)
    assert worth(own, prices) == pytest.approx(250 * annuity(0.08, 10) - 500)
    assert worth(own, prices.at(NO_RATE)) == pytest.approx(2500 - 500)


def test_putting_reinforcement_off_saves_its_deferral():
    prices = Prices().at(MARGIN).at({"asset_life": 1e12, "social_rate": 0.035})
    built = {"reinforcement_gbp": 100_000.0, "created_kva": 500.0, "requested_kva": 100.0}
    now, later = (option(years=20, reinforced_years=years, **built) for years in (0.0, 5.0))
    # With an endless life all of it is left at the end, alike for both.
    assert worth(later, prices, "dno") - worth(now, prices, "dno") == pytest.approx(
        15802.68, abs=0.01
    )


def test_what_is_left_of_an_asset_falls_in_a_straight_line():
    prices = Prices().at(MARGIN).at({"asset_life": 40.0, **NO_RATE})
    own = option(years=20, reinforcement_gbp=1000.0, created_kva=10.0, requested_kva=10.0,
                 reinforced_years=10.0)  # fmt: skip
    assert worth(own, prices, "dno") == pytest.approx(-1000 + 750)
    late = option(years=20, reinforcement_gbp=1000.0, created_kva=1.0, reinforced_years=25.0)
    assert worth(late, prices, "dno") == 0.0


def test_charging_rules_before_and_since_2023():
    rules = {"high_cost_threshold": 1720.0}
    assert business.contribution(47_500, 134, 500, **rules) == 0.0
    # 1,720 x 20 = 34,400 is the DNO's; the rest the customer's
    assert business.contribution(47_500, 20, 500, **rules) == pytest.approx(13_100)
    before = {**rules, "regime": "before-2023"}
    assert business.contribution(47_500, 134, 500, **before) == pytest.approx(47_500 * 134 / 500)
    assert business.contribution(47_500, 900, 500, **before) == 47_500
    with pytest.raises(UserError, match="regime = '2023'"):
        business.contribution(1, 1, 1, regime="2023", **rules)


@pytest.mark.parametrize("regime", REGIMES)
def test_transfers_vanish_for_great_britain(regime):
    prices = Prices().at(MARGIN).at(NO_RATE)
    own = option(
        reinforcement_gbp=50_000.0, created_kva=500.0, requested_kva=20.0, reinforced_years=1.0,
        charges_gbp=np.full(10, 20.0), mix={"ac": 1.0},
    )  # fmt: skip
    flows = business.cash_flows(own, prices, regime=regime)
    both = flows.groupby("item")["gbp"].sum()
    for item in ("contribution", "capacity charge"):
        assert both[item] == pytest.approx(0.0, abs=1e-6)
    parts = [business.npv(flows, prices, view) for view in ("customer", "dno")]
    # What is left beyond the two is the Treasury's.
    tax = 10 * 1000 * prices["ac_price"] / 6
    assert both["value added tax"] == pytest.approx(tax)
    assert business.npv(flows, prices, "gb") == pytest.approx(sum(parts) + tax)


def test_each_view_has_its_own_rate():
    prices = Prices().at(MARGIN)
    flows = business.cash_flows(option(), prices)
    dearer = prices.at({"customer_rate": 0.2})
    assert business.npv(flows, dearer, "gb") == business.npv(flows, prices, "gb")
    assert business.npv(flows, dearer) < business.npv(flows, prices)
    with pytest.raises(UserError, match="view = 'both'"):
        business.npv(flows, prices, "both")


def test_a_later_connection_loses_the_margin_of_the_time_waited():
    prices = Prices().at(MARGIN).at(NO_RATE)
    assert worth(option(ready_years=1.25), prices) == pytest.approx(250 * 8.75)
    assert option(ready_years=1.25).connected.tolist() == [0, 0.75] + [1] * 8


def test_unserved_energy_costs_margin_and_goodwill_and_never_more_than_all():
    prices = Prices().at(MARGIN).at(NO_RATE | {"goodwill": 0.1})
    own = option(unserved_kwh=np.full(10, 100.0))
    assert worth(option(), prices) - worth(own, prices) == pytest.approx(10 * 100 * 0.35)
    worse = prices.at({"curtailment_level": 50.0})
    assert worth(own, worse) == pytest.approx(10 * 1000 * (0.25 - 0.35))
    assert own.unserved_share == pytest.approx(0.1)


def test_charges_trips_and_breaches_by_hand():
    prices = (
        Prices()
        .at(MARGIN)
        .at(
            NO_RATE
            | {"trip_hours": 4, "trip_callout": 300, "ac_hire": 40, "dc_hire": 80}
            | {"goodwill": 0.1, "other_load_value": 6, "breach_cost": 5000}
        )
    )
    own = option(
        years=1, charges_gbp=np.array([1461.0]), trips=np.array([0.5]),
        mean_kw=np.array([20.0]), other_kw=10.0, breaches=np.array([0.02]),
        rated_kw=44.0, rapid_share=0.25, equipment_gbp=700.0,
        running_gbp=np.array([80.0]), dno_equipment_gbp=900.0, dno_running_gbp=np.array([90.0]),
    )  # fmt: skip
    flows = business.cash_flows(own, prices)
    found = business.npv(flows, prices, by_item=True)
    assert found["capacity charge"] == pytest.approx(-1461)
    assert found["trips"] == pytest.approx(-0.5 * (300 + 4 * (20 * 0.35 + 10 * 6)))
    assert found["breaches"] == pytest.approx(-100)
    assert found["chargepoints"] == pytest.approx(-33 * 40 - 11 * 80)
    assert found["control"] == pytest.approx(-700)
    assert found["upkeep"] == pytest.approx(-80)
    dno = business.npv(flows, prices, "dno", by_item=True)
    assert dno["control"] + dno["upkeep"] == pytest.approx(-990)


def test_the_quick_value_is_the_same():
    prices = Prices().at(MARGIN)
    own = option(ready_years=0.5, extension_gbp=100.0, charges_gbp=np.full(10, 80.0))
    for view in business.VIEWS:
        quick = business.value_of(business.entries(own, prices), prices, view)
        assert quick == pytest.approx(worth(own, prices, view))


def test_a_stop_gap_mixes_the_year_of_the_change():
    scheme = option("TCC", ready_years=0.5, unserved_kwh=np.full(10, 100.0), extension_gbp=10.0,
                    running_gbp=np.full(10, 5.0))  # fmt: skip
    full = option("reinforcement", ready_years=2.0, reinforced_years=2.0, extension_gbp=30.0,
                  reinforcement_gbp=1000.0, created_kva=50.0, requested_kva=10.0)  # fmt: skip
    found = stop_gap(scheme, full, 3.5)
    assert found.unserved_kwh.tolist() == [100, 100, 100, 50] + [0] * 6
    assert found.running_gbp.tolist() == [5, 5, 5, 2.5] + [0] * 6
    assert (found.reinforced_years, found.later_extension_gbp) == (3.5, 20.0)
    assert found.limited.tolist() == [0.5, 1, 1, 0.5] + [0] * 6
    assert stop_gap(scheme, full, 1.0).reinforced_years == 2.0
    free = stop_gap(scheme, full, 3.5, contributes=False)
    prices = Prices().at(MARGIN).at(NO_RATE)
    gap = worth(free, prices, regime="before-2023") - worth(found, prices, regime="before-2023")
    assert gap == pytest.approx(200)


@settings(max_examples=20, deadline=None)
@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_options_changes_nothing(order):
    made = {name: option(name, ready_years=float(k)) for k, name in enumerate("abcd")}
    prices = Prices().at(MARGIN)
    found = business.compare([made[name] for name in order], prices)
    expected = business.compare(list(made.values()), prices)
    pd.testing.assert_frame_equal(found.loc[list("abcd")], expected)


def test_items_add_up_to_the_value_and_names_must_differ():
    prices = Prices().at(MARGIN)
    one, other = option("one", ready_years=0.5), option("other", ready_years=2.0, extension_gbp=9.0)
    by_item = [
        business.npv(business.cash_flows(own, prices), prices, by_item=True) for own in (one, other)
    ]
    moved = by_item[0] - by_item[1]
    assert moved.sum() == pytest.approx(worth(one, prices) - worth(other, prices))
    assert moved["connection"] > 0
    with pytest.raises(UserError, match="a name of its own"):
        business.compare([one, one], prices)


def test_years_of_an_option_must_agree():
    with pytest.raises(UserError, match="mean_kw: 3 values"):
        option(mean_kw=np.zeros(3))
    with pytest.raises(UserError, match="ready_years = -1"):
        option(ready_years=-1)


def test_every_price_has_its_place():
    table = Prices().table()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert table["year"].between(2000, 2030).all()
    for column in ("unit", "meaning", "source"):
        assert (table[column].str.len() > 0).all()
    assert table["meaning"].is_unique


def test_prices_are_given_by_a_table_and_by_name():
    rows = pd.DataFrame(
        {"name": ["ac_price", "transformer_cost"], "value": ["0.49", "62000"], "low": ["", "55000"],
         "high": ["", "70000"], "year": ["", "2026"], "source": ["own tariff", "quotation"]}
    )  # fmt: skip
    found = Prices().given(rows).changed(goodwill=0.9, dc_price=None)
    assert found["ac_price"] == 0.49
    assert found.price("ac_price").low == Prices().price("ac_price").low
    # a quotation in the money of 2026 is brought to that of 2024
    assert found["transformer_cost"] == pytest.approx(62_000 / 1.0461)
    assert found.price("transformer_cost").year == 2026
    assert found.price("transformer_cost").source == "quotation"
    assert (found["goodwill"], found.price("goodwill").high) == (0.9, 0.9)
    assert Prices()["goodwill"] == pytest.approx(0.10)
    assert "growth" not in found


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"name": ["acprice"], "value": ["1"]}, "did you mean ac_price"),
        ({"name": ["ac_price"], "value": ["dear"]}, "ac_price, value = 'dear'"),
        ({"name": ["ac_price"], "value": ["-1"]}, "must be a number of 0 or more"),
        ({"name": ["ac_price"], "value": ["1"], "high": ["0.5"]}, "must lie within its range"),
        ({"name": ["ac_price"] * 2, "value": ["1", "2"]}, "given twice"),
        ({"price": ["ac_price"], "value": ["1"]}, "no column 'name'"),
    ],
)
def test_prices_that_cannot_be_are_refused(rows, message):
    with pytest.raises(UserError, match=message):
        Prices().given(pd.DataFrame(rows))


def test_a_fault_of_the_price_file_is_refused():
    fault = Fault("prices.csv", 3, "", "", "as many cells as the header", "mend it")
    with pytest.raises(UserError, match=r"prices.csv, row 3"):
        Prices().given(pd.DataFrame({"name": [], "value": []}), [fault])


def drawn_ways(prices):
    """Two ways whose times, charges and equipment hang on the prices."""
    firm = option("reinforcement", ready_years=prices["transformer_years"],
                  reinforcement_gbp=prices["transformer_cost"], created_kva=500.0,
                  requested_kva=20.0, reinforced_years=prices["transformer_years"],
                  extension_gbp=prices["extension_fixed"])  # fmt: skip
    scheme = option("TCC", ready_years=prices["extension_years"], unserved_kwh=np.full(10, 90.0),
                    running_gbp=prices["timed_running"], breaches=prices["breaches"])  # fmt: skip
    return [firm, stop_gap(scheme, firm, 3.5, name="TCC")]


@pytest.mark.parametrize("view", business.VIEWS)
def test_all_draws_at_once_are_worth_what_each_is_by_itself(view):
    prices = Prices()
    together = business.worth(drawn_ways, prices, draws=40, seed=3, view=view)
    columns = prices.drawn(40, 3)
    for draw in range(0, 40, 7):
        own = prices.at(
            {name: float(np.ravel(v)[draw % np.size(v)]) for name, v in columns.items()}
        )
        wait, scheme = (worth(way, own, view) for way in drawn_ways(own))
        assert together.loc[draw, "TCC"] == pytest.approx(scheme - wait)
    assert (together["reinforcement"] == 0).all()


def test_a_price_is_drawn_as_often_below_its_value_as_above():
    prices = Prices()
    columns = prices.drawn(4001, 1)
    for name, price in prices.table().iterrows():
        found = np.ravel(columns[name])
        assert price["low"] <= found.min()
        assert found.max() <= price["high"]
        if price["low"] < price["value"] < price["high"]:
            assert (found < price["value"]).mean() == pytest.approx(0.5, abs=0.03)


def test_the_headline_is_the_median_and_says_what_is_too_close_to_call():
    drawn = pd.DataFrame({"a": np.arange(-45.0, 55.0), "b": np.full(100, 5.0), "firm": 0.0})
    found = business.headline(drawn)
    assert found.loc["a", "worth_gbp"] == pytest.approx(4.5)
    assert found.loc["a", "worth_low_gbp"] == pytest.approx(-45 + 0.05 * 99)
    assert found.loc["a", "ahead_probability"] == pytest.approx(0.54)
    assert found["close"].to_dict() == {"a": True, "b": False, "firm": False}
    assert np.isnan(found.loc["firm", "ahead_probability"])
    with pytest.raises(UserError, match="draws = 0"):
        business.worth(drawn_ways, Prices().at(MARGIN), draws=0)


def test_prices_are_brought_to_one_year_by_the_deflator_of_the_reference():
    for year, factor_of in ((2013, 1.361), (2019, 1.233), (2020, 1.174), (2021, 1.168),
                            (2022, 1.105), (2023, 1.039)):  # fmt: skip
        assert rebased(1.0, year) == pytest.approx(factor_of, abs=6e-4)
    # 16.94 of 2013 is 23.58 of 2025 in the reference, to which the last years are fitted
    assert rebased(16.94, 2013) == pytest.approx(rebased(23.58, 2025), rel=1e-3)
    with pytest.raises(UserError, match="the deflator covers 2010 to 2026"):
        rebased(1.0, 2005)


@pytest.mark.parametrize(
    ("area", "gbp"),
    [("Eastern", 8265), ("South England", 8848), ("East Midlands", 9442), ("North West", 10741),
     ("SP Manweb", 24167)],
)  # fmt: skip
def test_a_year_of_300_kva_costs_what_the_reference_reckons(area, gbp):
    prices = Prices().in_area(area)
    assert business.capacity_gbp(300, prices) == pytest.approx(rebased(gbp, 2025), rel=2e-3)


def test_charges_step_with_the_band_and_follow_area_and_voltage():
    prices = Prices().in_area("SP Manweb")
    daily = 365.25 / 100
    step = business.capacity_gbp(151, prices) - business.capacity_gbp(150, prices)
    bands = prices["fixed_charge_3"] - prices["fixed_charge_2"]
    assert step == pytest.approx(daily * (bands + prices["capacity_charge"]))
    assert business.capacity_gbp(69, prices) == 0.0
    high = business.capacity_gbp(100, prices, high_voltage=True)
    assert high == pytest.approx(daily * 100 * rebased(10.12, 2025))
    assert Prices()["capacity_charge"] == pytest.approx(rebased(7.72, 2025))  # the middle of five
    named = pd.DataFrame({"name": ["dno_area", "band_1_kva"], "value": ["SP Manweb", "90"]})
    given = Prices().given(named)
    assert given["capacity_charge"] == prices["capacity_charge"]
    assert given["band_1_kva"] == 90
    with pytest.raises(UserError, match="dno_area = 'Wales'"):
        Prices().in_area("Wales")


def test_an_operator_keeps_the_price_without_tax_and_a_fleet_all_of_it():
    prices = Prices()
    cost = prices["energy_cost"]
    assert business.margin_of({"ac": 1.0}, prices) == pytest.approx(prices["ac_price"] / 1.2 - cost)
    assert business.margin_of({"fleet": 1.0}, prices) == prices["fleet_price"] - cost
