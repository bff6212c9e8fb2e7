"""The table of situations, the rule, and sites decided together: worked by hand."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import choice
from scchelpers.choice import schemes, situations
from scchelpers.choice.network import Network, as_half_hours
from scchelpers.choice.schemes import Applicant, offer
from scchelpers.choice.situations import TABLE, Situation, combinations, row_of
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.timebase import YEAR_H

DAYS = 364
TIME = pd.date_range("2025-01-06", periods=48 * DAYS, freq="30min")
RATING = pd.Series(200.0, ["winter", "spring", "summer", "autumn"])
TERMS = choice.Terms(margin_share=0.0)


def load(kva, *, evening=None) -> xr.DataArray:
    """Return a steady load, another from 17:00 to 19:00 UTC."""
    values = np.full(len(TIME), float(kva))
    if evening is not None:
        values[(TIME.hour >= 17) & (TIME.hour < 19)] = evening
    return xr.DataArray(values, {"time": TIME}, ("time",), attrs={"units": "kVA"})


def site(site_id="a", asked_kva=100.0, *, hour=22, stay_h=8, residual=None, **meta) -> Site:
    """Return a site of five points of 20 kW, each used every night from an hour on for 35 kWh."""
    points = pd.DataFrame(
        {
            "evse_id": [f"{site_id}-{k}" for k in range(5)],
            "site_id": site_id,
            "rated_kw": 20.0,
            "phases": 3,
            "kind": "fast",
        }
    )
    starts = pd.date_range("2025-01-06", periods=DAYS - 1, freq="1D", tz="UTC")
    starts = starts + pd.Timedelta(hours=hour)
    sessions = pd.DataFrame(
        {
            "session_id": [f"{evse}-{k}" for evse in points["evse_id"] for k in range(len(starts))],
            "evse_id": np.repeat(points["evse_id"], len(starts)).to_numpy(),
            "site_id": site_id,
            "plug_in": np.tile(starts, len(points)),
            "plug_out": np.tile(starts + pd.Timedelta(hours=stay_h), len(points)),
            "energy_kwh": 35.0,
            "max_kw": 20.0,
        }
    ).sort_values(["plug_in", "session_id"], ignore_index=True)
    own = {"site_id": site_id, "name": site_id, "site_type": "on_street", "dsc_kva": None}
    own |= {"requested_kva": asked_kva, "power_factor": 1.0, "asset_id": "tx"}
    own |= {"connection_kv": 0.4, "applied_on": None} | meta
    return Site(site_id, own, points, sessions, residual, None, None, "Etc/UTC")


def network(kva: xr.DataArray, **others) -> Network:
    assets = {"tx": (kva, RATING)} | {name: (own, RATING) for name, own in others.items()}
    return Network.of(assets, margin_share=0.0, timezone="Etc/UTC")


def decided(sites, kva, **options):
    assets, feeds = {"tx": (kva, RATING)}, {own.site_id: {"tx": 1.0} for own in sites}
    return choice.decide(sites, assets, feeds, options.pop("terms", TERMS), **options)


# -- the table of situations -----------------------------------------------------------------


def test_ninety_situations_each_meet_one_row():
    found = combinations()
    assert len(found) == len(set(found)) == 90
    assert [sum(row.fits(one) for row in TABLE) for one in found] == [1] * 90


def test_every_row_has_a_situation_and_a_known_scheme():
    families = {scheme.family for scheme in choice.SCHEMES if scheme.family}
    for row in TABLE:
        assert any(row.fits(one) for one in combinations()), row
        assert row.family in families | {situations.NONE}


# A situation of each row, and what the report's sections say of it.
ROWS = [
    (("LV", "new connection", "nowhere", "–", "alone"), "none needed", "6.2"),
    (("LV", "existing supply", "own supply", "–", "alone"), "CLM", "7.1"),
    (("LV", "existing supply", "own asset", "timed", "alone"), "CLM", "7.2"),
    (("LV", "existing supply", "several places", "irregular", "shared"), "CLM", "7.3"),
    (("11 kV", "existing supply", "own asset", "timed", "shared"), "TCC", "6.2"),
    (("LV", "new connection", "own asset", "timed", "alone"), "TCC", "6.2"),
    (("33 kV", "new connection", "asset above", "timed", "shared"), "TCC", "6.2, 9.2"),
    (("LV", "new connection", "own asset", "irregular", "shared"), "LMC", "8.1, 8.2"),
    (("11 kV", "new connection", "own asset", "irregular", "alone"), "LMC", "8.1"),
    (("33 kV", "existing supply", "asset above", "irregular", "shared"), "LMC", "8.1, 9.2"),
    (("LV", "new connection", "several places", "irregular", "alone"), "CMC", "8.1"),
    (("11 kV", "existing supply", "several places", "irregular", "shared"), "CMC", "8.1"),
]


@pytest.mark.parametrize(("where", "family", "section"), ROWS)
def test_each_row_of_the_table(where, family, section):
    row = row_of(Situation(*where))
    assert (row.family, row.section) == (family, section)
    assert TABLE.index(row) == ROWS.index((where, family, section))


# -- the network above a site ----------------------------------------------------------------


def test_what_fits_and_how_long_it_does_not():
    own = network(load(100, evening=160))
    assert own.short_h(40.0)["tx"] == 0
    assert own.short_h(50.0)["tx"] == pytest.approx(2 / 24 * YEAR_H)
    assert own.stressed(50.0, tolerated_h=10) == ["tx"]
    assert own.firm_kva(tolerated_h=10) == 40
    assert own.over_h(41.0)["tx"] == pytest.approx(2 / 24 * YEAR_H)
    assert own.over_h(40.0)["tx"] == 0


def test_a_line_that_sees_half_of_the_power_takes_twice_as_much():
    seen = network(load(100)).above({"tx": 0.5})
    assert seen.firm_kva(tolerated_h=0) == 200
    held = network(load(100)).holding(60.0, 20.0, {"tx": 0.5})
    assert held.firm_kva(tolerated_h=0) == 70
    assert held.over_h(95.0, drawn=True)["tx"] == YEAR_H
    assert held.over_h(90.0, drawn=True)["tx"] == 0


def test_tolerated_hours_are_left_out_of_what_fits():
    values = load(100)
    values[:10] = 190.0  # five hours
    assert network(values).firm_kva(tolerated_h=4) == 10
    assert network(values).firm_kva(tolerated_h=6) == 100


def test_finer_limits_count_as_means():
    time = pd.date_range("2025-01-06", periods=6, freq="5min")
    fine = xr.DataArray([0.0, 0, 0, 60, 60, 60], {"time": time}, ("time",))
    assert as_half_hours(fine, xr.DataArray(TIME[:2], dims="time"))[0] == 30
    assert as_half_hours(fine, xr.DataArray(TIME[:2], dims="time"))[1] == 0


# -- the rule --------------------------------------------------------------------------------


def test_the_least_complex_viable_scheme_whatever_the_order_of_rows():
    options = pd.DataFrame({"viable": [True, False, True]}, index=["CMC", "firm", "static CLM"])
    assert choice.minimum_viable(options) == "static CLM"
    assert choice.minimum_viable(options.iloc[[1]]) is None


def test_a_network_with_room_takes_the_request():
    assert decided([site()], load(100))["a"].scheme == schemes.FIRM


def test_a_short_evening_takes_a_timer():
    found = decided([site(hour=16)], load(80, evening=190), in_full="a")["a"]
    assert found.scheme == schemes.TCC
    options = found.options
    assert options.loc["TCC", "unserved_share"] == 0
    assert options.loc["reduced capacity", "unserved_share"] == 1  # 10 kVA: not one point of five
    assert options.loc["TCC", "mean_kva"] == pytest.approx((22 * 100 + 2 * 10) / 24)
    assert not options.loc["CMC", "possible"]


def test_drivers_who_cannot_wait_are_not_served_by_a_timer():
    found = decided([site(hour=17, stay_h=2)], load(80, evening=190), in_full="a")["a"]
    assert not found.options.loc["TCC", "serves"]
    assert found.scheme == schemes.REINFORCED


def test_a_site_keeps_within_the_supply_that_it_has():
    residual = load(60).assign_attrs(units="kW").rename("residual_kw")
    own = site(dsc_kva=110.0, residual=residual, asset_id=None)
    found = choice.decide([own], {}, {}, TERMS, in_full="a")["a"]
    assert found.scheme == schemes.STATIC
    assert found.row["mean_kva"] == 50
    assert found.applicant.firm_kva == 50
    assert situations.situation_of(found.applicant, found.options, {}).stress == "own supply"


def test_without_network_and_supply_nothing_is_recommended():
    own = site(asset_id=None)
    found = choice.decide([own], {}, {}, TERMS, in_full="a")["a"]
    assert found.scheme is None
    assert found.held_kva == 0
    assert situations.situation_of(found.applicant, found.options, {}) is None


def test_one_monitor_for_one_place_several_for_several():
    case = Applicant(site(), network(load(150), high=load(150, evening=190)), TERMS)
    assert case.stressed == ["tx", "high"]
    local, central = (offer(case, name).limit_kw for name in (schemes.LMC, schemes.CMC))
    assert float(local.min()) == 50
    assert 0 < float(central.min()) <= 10
    one = Applicant(site(), network(load(150)), TERMS)
    assert "one monitor" in offer(one, schemes.CMC).why_not


def test_the_margin_grows_until_a_late_setpoint_is_harmless():
    terms = dataclasses.replace(TERMS, tolerated_h=0.0)
    case = Applicant(site(), network(load(110, evening=130)), terms)
    found = offer(case, schemes.LMC)
    assert case.network.over_h(found.limit_kw)["tx"] == 0
    assert "3\u202f% of the rating kept free" in found.note  # 20 kVA for 5 min of 30


# -- together --------------------------------------------------------------------------------


def stack():
    return [
        site("late", 80.0, applied_on=date(2025, 3, 1)),
        site("early", 80.0, applied_on=date(2024, 3, 1)),
        site("undated", 80.0),
    ]


def test_first_come_first_served():
    found = decided(stack(), load(60))
    assert list(found) == ["early", "late", "undated"]
    assert [one.applicant.firm_kva for one in found.values()] == [140, 60, 0]
    assert found["early"].scheme == schemes.FIRM
    assert found["late"].scheme == schemes.STATIC  # 60 kVA among its points are enough by morning


def test_a_later_applicant_changes_nothing_before_it():
    alone = decided(stack()[:2], load(60))
    more = decided(stack(), load(60))
    for name, one in alone.items():
        pd.testing.assert_frame_equal(one.options, more[name].options)


def test_the_order_of_rows_is_of_no_consequence():
    found = [decided(sites, load(60)) for sites in (stack(), stack()[::-1])]
    assert [[*one] for one in found] == [["early", "late", "undated"]] * 2
    for name, one in found[0].items():
        pd.testing.assert_frame_equal(one.options, found[1][name].options)


def test_what_is_left_to_buy_is_what_the_schemes_do_not_take_away():
    sites = [site(hour=16)]
    kva = load(80, evening=190)
    found = decided(sites, kva)
    left = choice.need(found, {"tx": (kva, RATING)}, {"a": {"tx": 1.0}})["over_kvah"]["tx"]
    assert left["before"] == left["with schemes"] == 0
    assert left["without schemes"] > 0


def test_worth_needs_the_supply_that_a_new_limit_keeps():
    from scchelpers import business

    one = decided([site(hour=16)], load(80, evening=190), in_full="a")["a"]
    prices = business.Prices()
    found = choice.ways(one.applicant, one.options, {}, prices, years=15)
    worth = business.compare(found, prices, margin=0.2)
    assert worth.loc["static CLM", "ready_years"] == worth.loc["TCC", "ready_years"]
    assert worth.loc["reinforcement", "ready_years"] > worth.loc["TCC", "ready_years"]
    assert set(worth.index) == set(one.options.index[one.options["possible"]])


def test_conditions_cover_the_four_schemes_and_say_what_they_rest_on():
    one = decided([site(hour=16)], load(80, evening=190), in_full="a")["a"]
    found = choice.conditions(one.applicant, one.options)
    assert set(found["scheme"]) == {"TCC", "CLM", "LMC", "CMC"}
    assert set(found["state"]) <= {"met", "not met", "not known"}
    assert (found["figure"].str.len() > 0).all()
    timed = found[found["scheme"] == "TCC"].set_index("condition")["state"]
    assert (timed == "met").all()


def test_a_record_too_short_for_seasons_is_said_and_the_rest_goes_on():
    short = load(80, evening=190).isel(time=slice(0, 48 * 60))
    found = decided([site(hour=16)], short, in_full="a")["a"]
    assert "season" in found.options.loc["TCC", "why_not"]
    assert "too short" in found.options.loc["profiled", "why_not"]
    assert found.options.loc["LMC", "possible"]
    assert len(choice.conditions(found.applicant, found.options)) == 15


@pytest.mark.parametrize("wrong", [{"unserved_target": 1.0}, {"tolerated_h": -1.0}])
def test_terms_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        choice.Terms(**wrong)


def test_a_site_of_the_demo_is_decided_with_its_neighbours():
    from scchelpers.portfolio import Portfolio

    found = choice.decided(Portfolio.open("data/demo"), "coastal-services")
    assert found.scheme in found.options.index
    assert found.row["viable"]
    assert found.limit_kw is not None
