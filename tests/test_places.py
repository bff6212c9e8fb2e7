"""Where to connect: constructed networks with a known answer, against a search of every number."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import business, choice, places
from scchelpers.choice.network import Network
from scchelpers.choice.schemes import FIRM, LESS, LMC, TCC
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.site import Known
from tests.test_choice import STILL, TIME, alone, load, site

TERMS = dataclasses.replace(STILL, draws=20)
MOST = 8


def use(**stay) -> places.Use:
    """Return the use of five points of 20 kW, all busy at the same time each day."""
    own = site(**stay)
    known = Known(pd.Series(True, TIME), "Etc/UTC", "sessions")
    return places.Use(20.0, own.chargepoints, own.sessions, known, ("a",), 1.0)


def place(*loads, stay=None, rating=200.0, held=None, terms=TERMS) -> places.Place:
    """Return an asset with those above it, behind what earlier applicants hold [kVA]."""
    rated = pd.Series(rating, ["winter", "spring", "summer", "autumn"])
    assets = {f"a{k}": (own, rated) for k, own in enumerate(loads)}
    network = Network.of(assets, margin_share=terms.margin_share, timezone="Etc/UTC")
    for kva, seen in held or ():
        network = network.holding(kva, kva, dict.fromkeys(seen, 1.0))
    kinds = dict.fromkeys(assets, "transformer")
    return places.Place(
        "a0", network, {k: k for k in assets}, kinds, use(**(stay or {})), terms, MOST
    )


# The answer by hand: each point draws 20 kVA for 1.75 h from its plug-in, all together.
AT_TEA = {"hour": 17, "stay_h": 4}
QUEUE = [(60.0, ["a0"])]
SHARED = [(120.0, ["a1"])]  # by a site under the other transformer of this primary
KNOWN = {
    # 200 - 95 = 105 kVA at all times; five of 20 kVA. Sharing 2 h of it they may be six.
    "room for five": (place(load(95), stay={"stay_h": 2}), {FIRM: 5, LESS: 6}),
    # Nothing before 19:00; then 2 h of 200 - 80 kVA, less margin and growth: 6 of 35 kWh. A live
    # limit comes too late for a load that jumps at 17:00, a timed one does not.
    "room only at night": (place(load(80, evening=200), stay=AT_TEA), {LESS: 0, TCC: 6, LMC: 0}),
    # 200 - 95 - 60 = 45 kVA.
    "a queue": (place(load(95), held=QUEUE), {FIRM: 2}),
    "full": (place(load(200)), {FIRM: 0, LESS: 0, LMC: 0}),
    # The transformer has 150 kVA, but its primary 200 - 20 - 120 = 60 kVA.
    "two that share a primary": (place(load(50), load(20), held=SHARED), {FIRM: 3}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_largest_request_is_that_of_an_exhaustive_search(name):
    own, answers = KNOWN[name]
    for way, answer in answers.items():
        every = [count for count in range(1, MOST + 1) if own.fits(way, count)]
        largest = own.largest(way)
        assert abs(largest - max(every, default=0)) <= 1
        assert abs(largest - answer) <= (1 if way == TCC else 0)


def test_who_shares_a_firm_request_is_more_than_who_does_not():
    own = place(load(95), stay={"hour": 20, "stay_h": 11})
    # 105 kVA over 11 h would carry 33 points of 35 kWh.
    assert own.largest(FIRM) == 5 and own.largest(LESS) == MOST


def test_the_rule_is_that_of_the_table_of_options():
    """What fits is what `choice` finds viable for a site of the same drivers and request."""
    own = place(load(80, evening=195), stay={"hour": 17, "stay_h": 14})
    asked_kva = own.request_kva(5)
    assert asked_kva == 100.0
    decided = alone(site(asked_kva=asked_kva, hour=17, stay_h=14), load(80, evening=195),
                    terms=TERMS)  # fmt: skip
    for way in (FIRM, LESS, TCC, LMC):
        row = decided.options.loc[way]
        assert own.fits(way, 5) == bool(row["viable"])
    options, _ = own.options(5, (TCC,), business.Prices())
    for name in ("unserved_share", "ready_months", "cost_gbp", "protection_ends", "over_h"):
        assert options.loc[TCC, name] == pytest.approx(decided.options.loc[TCC, name], nan_ok=True)


@settings(max_examples=3, deadline=None)
@given(st.floats(0, 150), st.floats(0, 60), st.floats(0, 60))
def test_more_load_or_queue_and_less_rating_never_give_more(kva, more, held):
    noisy = dataclasses.replace(choice.Terms(draws=20))
    kept = place(load(kva, evening=kva + 20), terms=noisy).firm_kva()
    assert place(load(kva + more, evening=kva + more + 20), terms=noisy).firm_kva() <= kept
    queue = [(held, ["a0"])]
    assert place(load(kva, evening=kva + 20), held=queue, terms=noisy).firm_kva() <= kept
    smaller = place(load(kva, evening=kva + 20), rating=200 - more, terms=noisy)
    assert smaller.firm_kva() <= kept


def test_a_timed_request_falls_with_load_and_rises_with_rating():
    """At night only, as the known answer above, with 30 kVA more load or rating."""
    middle = place(load(80, evening=200), stay=AT_TEA).largest(TCC)
    assert place(load(110, evening=200), stay=AT_TEA).largest(TCC) < middle
    assert place(load(80, evening=230), stay=AT_TEA, rating=230.0).largest(TCC) > middle


def test_use_is_measured_or_missing():
    demo = Portfolio.open("data/demo")
    own = places.Use.of(demo, 22.0, site_type="on_street")
    assert own.sites == ("elm-road-posts",) and len(own.chargepoints) == 12
    assert places.Use.of(demo, 350.0) is None
    fewer, more = own.site(3, "x"), own.site(15, "x")
    assert set(fewer.sessions["session_id"]) < set(more.sessions["session_id"])
    assert len(more.chargepoints) == 15 and more.chargepoints["evse_id"].is_unique


def test_what_waits_in_the_queue_is_what_was_decided():
    """At its turn, a site of the demo finds the firm capacity that its report states."""
    demo = Portfolio.open("data/demo")
    held = {"coastal-services": places.Held("coastal-services", "coastal-feeder", None, 100.0)}
    empty = places.places(demo, None, queue={}, most=4)
    behind = places.places(demo, None, queue=held, most=4)
    assert behind["coastal-feeder"].firm_kva() == pytest.approx(
        empty["coastal-feeder"].firm_kva() - 100, abs=1
    )
    assert behind["elm-road-tx"].firm_kva() == empty["elm-road-tx"].firm_kva()


def test_an_asset_without_a_load_has_no_answer():
    own = places.Place("x", None, {}, {}, None)
    assert np.isnan(own.firm_kva())


def test_demand_is_read_from_a_layer_or_missing(tmp_path):
    (tmp_path / "portfolio.toml").write_text('name = "x"\n')
    folder = Portfolio.open(tmp_path)
    assert places.demand_layer(folder) is None
    head = "area_id,name,latitude,longitude,kwh_per_day,source\n"
    (tmp_path / "demand.csv").write_text(head + "a,Mill Street,55.1,-3.6,120,council\n")
    assert places.demand_layer(folder).loc["a", "kwh_per_day"] == 120
    (tmp_path / "demand.csv").write_text(head + "a,Mill Street,55.1,-3.6,many,council\n")
    with pytest.raises(UserError, match="kwh_per_day = 'many'"):
        places.demand_layer(folder)


def test_the_interval_of_demand_holds_a_planted_mean():
    """Sites whose means are drawn round 50: nine intervals of ten hold it, about."""
    rng, held = np.random.default_rng(0), 0
    for trial in range(20):
        means = rng.normal(50, 10, 8)
        weekly = {str(k): pd.DataFrame({"kwh": rng.normal(m, 5, 30)}) for k, m in enumerate(means)}
        found = places.per_chargepoint(weekly, draws=100, seed=trial).loc["kwh"]
        held += found["low"] <= 50 <= found["high"]
        assert found["site_low"] < found["low"] and found["high"] < found["site_high"]
    assert held >= 14  # eight sites: a bootstrap of so few is a little narrow
    alone = places.per_chargepoint({"a": pd.DataFrame({"kwh": [1.0, 3.0]})}).loc["kwh"]
    assert alone["mean"] == 2.0 and np.isnan(alone["low"])


def test_the_rules_bar_small_users_since_2023():
    assert "Schedule 2D" in business.closed("LMC", 60.0)
    assert business.closed("LMC", 60.0, "before-2023") == ""
    rules = business.access_rules()
    unverified = rules["sure"] == "U"
    assert (rules.loc[unverified, "says"].str.startswith("not verified")).all()
    assert unverified.sum() >= 3 and rules["source"].ne("").all()
    named = {way for ways in rules["ways"] for way in ways.split("; ")}
    assert named <= {way.name for way in choice.SCHEMES}
