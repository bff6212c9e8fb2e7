"""Where to connect: constructed networks with a known answer, against a search of every number."""

import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from typer.testing import CliRunner

from scchelpers import business, choice, importers, places
from scchelpers.choice.network import Network
from scchelpers.choice.schemes import CMC, FIRM, LESS, LMC, PROFILED, TCC
from scchelpers.cli import app
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.site import Known
from tests.test_choice import STILL, TIME, alone, load, site

TERMS = dataclasses.replace(STILL, draws=20)
MOST = 8


@cache  # what was charged once for a number of points is kept with it
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


AT_ODD_HOURS = load(85, at_random=195)
SMART = {  # a network on which the way gives more than none and less than all
    TCC: ([load(80, evening=200)], AT_TEA),
    PROFILED: ([load(80, evening=200)], AT_TEA),
    LMC: ([AT_ODD_HOURS], {"stay_h": 6}),
    CMC: ([AT_ODD_HOURS, load(85, at_random=195, seed=1)], {"stay_h": 6}),
}


@cache
def smart(way: str) -> int:
    loads, stay = SMART[way]
    return place(*loads, stay=stay).largest(way)


@pytest.mark.parametrize("way", SMART)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(more=st.floats(3, 25))
def test_a_smart_request_never_grows_with_load_queue_or_a_smaller_rating(way, more):
    (loads, stay), most = SMART[way], smart(way)
    assert 0 < most < MOST
    worse = [
        place(*(kva + more for kva in loads), stay=stay),
        place(*loads, stay=stay, rating=200.0 - more),
        place(*loads, stay=stay, held=[(more, ["a0"])]),
    ]
    assert not any(own.fits(way, most + 1) for own in worse)
    # A way is counted as fitting where the request is firm: so no number is lost to that.
    assert place(*loads, stay=stay, rating=200.0 + more).fits(way, most)


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


# -- without loads: what operators publish, and places beside a site ---------------------------

PUBLISHED = """mrid;name;type;gsp;bsp;latlon;\
demandfirmcapacity;demandmaximum;demandcontractedcapacity
g;Weir GSP;GSP;;;54.5, -1.5;180;120;5
p1;Mill Primary;Primary;g;;54.52, -1.52;23;11.4;1.2
p2;Quarry Primary;Primary;g;;54.55, -1.49;19;19.5;NONE
"""


def test_a_published_table_becomes_the_page_of_a_portfolio_without_sites(tmp_path):
    """From the operator's file, in the Ofgem form, by `scc import assets` and `scc run`."""
    (tmp_path / "table.csv").write_text(PUBLISHED)
    folder, reports = tmp_path / "north", tmp_path / "reports"
    told = ["-o", "unit=MVA", "-o", "publisher=Northern", "-o", "published=2025-11-30"]
    calls = (["import", "assets", str(tmp_path / "table.csv"), "--into", str(folder), *told],
             ["run", str(folder), "--out", str(reports)])  # fmt: skip
    for call in calls:
        done = CliRunner().invoke(app, call)
        assert done.exit_code == 0, done.output
    found = places.published(Portfolio.open(folder))
    # By hand: 23 - 11.4 - 1.2 MVA; 19 - 19.5 MVA is none.
    assert found["room_kva"].to_dict() == {"g": 55_000, "p1": pytest.approx(10_400), "p2": 0}
    assert found.loc["p2", "told"] == "firm capacity less demand; queue not told"
    page = (reports / "_portfolio" / "10_where_to_connect.html").read_text()
    for text in ("10,400", "Northern, 2025-11-30", "not judged by hour", "Mill Primary"):
        assert text in page
    assert "Map of 3 places and their published room" in (reports / "index.html").read_text()


def test_a_headroom_that_is_published_counts_before_what_could_be_reckoned(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "portfolio.toml").write_text('name = "x"\n')
    (folder / "assets.csv").write_text(
        "asset_id,firm_capacity_kva,maximum_demand_kva,published_headroom_kva\n"
        "a,500,100,50\nb,500,,\nc,500,100,-20\n"
    )
    found = places.published(Portfolio.open(folder))
    assert found["room_kva"].to_dict() == {"a": 50.0, "c": 0.0}
    assert set(found["told"]) == {"headroom"}


def test_another_place_holds_all_that_is_asked_for():
    """Science park: what its rating leaves, less the margin and the 300 kVA of its own site."""
    demo = Portfolio.open("data/demo")
    found = places.elsewhere(demo, "elm-road-lamps", 134.0)
    assert list(found.index) == ["science-park-tx"] and 4 < found["km"].iloc[0] < 6
    load = demo.loads("network_kva", "science-park-tx")["network_kva"].load()
    left = Network.of({"a": (load, demo.rating_kva("science-park-tx"))}, margin_share=0.02,
                      timezone=demo.timezone).firm_kva  # fmt: skip
    assert found["room_kva"].iloc[0] == left - 300
    assert places.elsewhere(demo, "elm-road-lamps", left - 299).empty
    assert places.elsewhere(demo, "elm-road-lamps", 134.0, within_km=4.0).empty
    assert places.elsewhere(demo, "caltech-garage", 10.0).empty  # its place is not on record


def test_texts_on_a_map_cover_neither_marks_nor_each_other():
    fig, ax = plt.subplots()
    spots = pd.DataFrame({"latitude": [55.0, 55.001, 55.002], "longitude": [-3.6, -3.6, -3.599]})
    wide = pd.concat([spots, pd.DataFrame({"latitude": [55.05], "longitude": [-3.5]})])
    places.ground(ax, wide)
    places.label(ax, wide, ["1: 32", "2: 0", "3: 14", "4: 5"])
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts if ":" in text.get_text()]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_a_measured_feeder_takes_what_its_record_leaves(shared_data, tmp_path):
    """Staplegrove, whose highest half hour of 2.54 MW is known: 3,000 kVA leave the rest."""
    files = sorted(shared_data("wpd_feeders").glob("half_hourly_power_staplegrove*"))
    importers.run(
        "loads",
        files,
        tmp_path / "p",
        series="staplegrove",
        power_factor=1.0,
        layout="wpd-challenge",
        of="network",
    )
    kva = Portfolio.open(tmp_path / "p").loads("network_kva", "staplegrove")["network_kva"].load()
    own = place(kva, rating=3000.0)
    most = own.firm_kva()
    # At least what fits in every half hour; at most what adds the hours tolerated on record.
    added_h = (kva + most > 3000).sum() / 2 / (len(kva) / 48 / 365.25)
    assert np.floor(3000 - float(kva.max())) <= most and 0 < added_h <= TERMS.tolerated_h
