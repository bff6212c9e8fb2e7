"""Coincidence: worked cases, exact enumeration of the test, its size and power, and the clock."""

import doctest
import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import charging, coincidence, timebase
from scchelpers.coincidence import findings
from scchelpers.faults import UserError
from scchelpers.figures import coincidence as draw
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.limits import read_limit
from tests.conftest import ROOT

CAPACITY_KW = 10.0


def array(values, time):
    stamps = timebase.naive_utc(time)
    return xr.DataArray(
        np.asarray(values, float), {"time": stamps}, ("time",), attrs={"units": "kW"}
    )


def year(step="1h", days=364, start="2026-01-05T00:00Z"):
    begin = pd.Timestamp(start)
    return timebase.grid(begin, begin + pd.Timedelta(days=days), step)


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


@pytest.fixture(scope="module")
def taxi(demo):
    site = demo.site("station-taxi-hub")
    asked = coincidence.capacity(site, 0.98)
    limit = coincidence.limit_of(site, "lmc", asked)
    return coincidence.study(
        site.sessions, site.chargepoints, limit, asked.requested_kw, step="30min"
    )


@pytest.mark.parametrize("name", ["schemes", "uses", "tabulated"])
def test_examples_in_docstrings(name):
    module = __import__(f"scchelpers.coincidence.{name}", fromlist=[name])
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


# The test by permutation


def test_pairs_of_a_worked_case():
    # Two days in four; demand 6 then 8 kW at noon, limit 5 then 10 kW at noon.
    time = year(days=2, start="2026-01-05T00:00Z")
    noon = time.hour == 12
    demand = array(np.where(noon, np.where(time.day == 5, 6, 8), 0), time)
    limit = array(np.where(noon & (time.day == 5), 5, 10), time)
    data = coincidence.blocks(demand, limit, CAPACITY_KW, block="day")
    assert coincidence.pairs(data).tolist() == [[1, 0], [3, 0]]
    assert coincidence.pairs(data, "wanted_restricted_kwh").tolist() == [[6, 0], [8, 0]]


def test_permutations_agree_with_full_enumeration():
    rng = np.random.default_rng(3)
    pair = rng.gamma(1.0, size=(6, 6))
    stratum = np.array(["a", "b", "a", "b", "a", "a"])
    a, b = np.flatnonzero(stratum == "a"), np.flatnonzero(stratum == "b")
    every = [
        sum(pair[i, j] for i, j in zip(a, p, strict=True))
        + sum(pair[i, j] for i, j in zip(b, q, strict=True))
        for p in itertools.permutations(a)
        for q in itertools.permutations(b)
    ]
    found = coincidence.permuted(pair, stratum, permutations=20000, seed=1)
    observed = np.trace(pair)
    assert float(found["observed_kwh"]) == pytest.approx(observed)
    assert float(found["p_more"]) == pytest.approx(np.mean(np.array(every) >= observed), abs=0.015)
    assert float(found["p_less"]) == pytest.approx(
        np.mean(np.array(every) <= observed + 1e-9), abs=0.015
    )
    assert float(found["chance_kwh"].mean()) == pytest.approx(np.mean(every), rel=0.01)


def test_effect_is_against_the_limits_of_other_blocks():
    pair = np.array([[4.0, 1.0, 1.0], [2.0, 4.0, 0.0], [1.0, 1.0, 4.0]])
    found = coincidence.permuted(pair, np.array(["s"] * 3), permutations=99)
    assert float(found["observed_kwh"]) == 12
    assert float(found["expected_kwh"]) == pytest.approx(6 / 2)  # off-diagonal sum / (n - 1)
    assert float(found["ratio"]) == pytest.approx(4)


def test_same_seed_same_result_and_other_seed_other_samples():
    pair = np.random.default_rng(0).random((12, 12))
    runs = [coincidence.permuted(pair, np.array(["s"] * 12), seed=s) for s in (5, 5, 6)]
    assert runs[0].identical(runs[1])
    assert not runs[0]["chance_kwh"].equals(runs[2]["chance_kwh"])


@pytest.mark.parametrize("block", ["week", "day"])
def test_false_alarms_are_as_rare_as_they_should_be(block):
    """Demand and limit drawn apart: p below 0.1 in about a tenth of the cases."""
    time = year("12h", days=56)
    n = 80
    alarms = 0
    for seed in range(n):
        rng = np.random.default_rng(seed)
        demand, limit = (array(np.repeat(rng.normal(5, 1, 56), 2), time) for _ in range(2))
        data = coincidence.blocks(demand, limit, CAPACITY_KW, block=block, timezone="UTC")
        test = coincidence.permuted(coincidence.pairs(data), data.stratum, permutations=199)
        alarms += float(test["p_more"]) < 0.1
    assert 0.02 * n < alarms < 0.2 * n


def test_a_shared_cause_is_found_and_its_sign_told():
    rng = np.random.default_rng(1)
    time = year()
    cold = np.repeat(rng.normal(0, 1, 52), 168)
    demand = array(5 + cold, time)
    found = {
        sign: coincidence.blocks(demand, array(5 - sign * cold, time), CAPACITY_KW, timezone="UTC")
        for sign in (1, -1)
    }
    tests = {
        sign: coincidence.permuted(coincidence.pairs(b), b.stratum) for sign, b in found.items()
    }
    assert float(tests[1]["p_more"]) < 0.001
    assert float(tests[1]["low"]) > 1
    assert float(tests[-1]["p_less"]) < 0.001
    assert float(tests[-1]["high"]) < 1


def test_a_season_shared_by_both_is_not_taken_for_coincidence_of_days():
    """Winter demand and winter limit alone: nothing to find within the seasons."""
    time = year()
    rng = np.random.default_rng(2)
    winter = timebase.season(time) == "winter"
    demand = array(np.where(winter, 8, 4) + np.repeat(rng.normal(0, 0.3, 364), 24), time)
    limit = array(np.where(winter, 7, 10) - np.repeat(rng.random(364), 24) * winter, time)
    data = coincidence.blocks(demand, limit, CAPACITY_KW)
    test = coincidence.permuted(coincidence.pairs(data), data.stratum)
    assert float(test["observed_kwh"]) > 0
    assert min(float(test["p_more"]), float(test["p_less"])) > 0.025


def test_a_window_alike_every_week_leaves_nothing_to_permute(demo):
    site = demo.site("elm-road-lamps")
    asked = coincidence.capacity(site, 0.98)
    limit = coincidence.limit_of(site, "tcc", asked, cap=0.1)
    case = coincidence.study(site.sessions, site.chargepoints, limit, asked.requested_kw)
    tests = coincidence.tests(coincidence.cut(case), permutations=99)
    assert float(tests["lost_kwh"]["observed_kwh"]) > 0
    assert not tests["lost_kwh"]["testable"]
    assert "same limit" in findings.chance(tests, "week")


# Days and clocks


def test_days_of_46_and_50_half_hours_keep_their_clock():
    time = timebase.grid("2026-10-19T00:00+01:00", "2027-04-05T00:00+01:00", "30min")
    clock = timebase.clock(time)
    limit = array(np.where(clock.hour == 17, 2.0, CAPACITY_KW), time)
    demand = array(np.full(len(time), 3.0), time)
    data = coincidence.blocks(demand, limit, CAPACITY_KW, block="day")
    assert len(data.day) == 168
    assert (data.limit_kw[:, 34:36] == 2).all()
    assert (np.delete(data.limit_kw, [34, 35], axis=1) == CAPACITY_KW).all()
    skipped = data.day == pd.Timestamp("2027-03-28")
    assert data.demand_kw[skipped, 2:4].tolist() == [[0.0, 0.0]]
    assert coincidence.turned(data)[0.0] == pytest.approx(168 * 1.0)


def test_days_with_unknown_limits_and_broken_weeks_are_left_out():
    time = year(days=21)
    limit = array(np.full(len(time), 5.0), time)
    limit[24 * 8 + 3] = np.nan  # a Tuesday of the second week
    demand = array(np.full(len(time), 6.0), time)
    by_day = coincidence.blocks(demand, limit, CAPACITY_KW, block="day", timezone="UTC")
    by_week = coincidence.blocks(demand, limit, CAPACITY_KW, block="week", timezone="UTC")
    assert len(by_day.members) == 20
    assert len(by_week.members) == 2
    assert set(by_day.stratum) == {"winter weekday", "winter saturday", "winter sunday"}


def test_a_week_in_two_seasons_changes_places_with_none():
    time = year(days=364)
    data = coincidence.blocks(
        *(array(np.full(len(time), x), time) for x in (6.0, 5.0)), CAPACITY_KW, timezone="UTC"
    )
    alone = [s for s in data.stratum if " to " in s]
    assert len(alone) == len(set(alone)) == 4


def test_turning_the_clock_moves_the_limit_later():
    time = year(days=1)
    demand = array(np.where(time.hour == 18, 4.0, 0.0), time)
    limit = array(np.where(time.hour == 16, 1.0, CAPACITY_KW), time)
    data = coincidence.blocks(demand, limit, CAPACITY_KW, block="day", timezone="UTC")
    turned = coincidence.turned(data)
    assert turned[2.0] == 3.0
    assert turned.drop([2.0, 2.5]).sum() == 0


def test_unknown_block_is_refused():
    time = year(days=2)
    with pytest.raises(UserError, match="write 'week' or 'day'"):
        coincidence.blocks(*(array(np.ones(len(time)), time),) * 2, 1.0, block="month")


# Cases


def test_a_case_is_measured_against_the_requested_capacity():
    sessions = pd.DataFrame(
        {
            "session_id": ["a", "b", "late"],
            "evse_id": ["E1", "E2", "E1"],
            "plug_in": pd.to_datetime(
                ["2026-01-05T16:00Z", "2026-01-05T16:00Z", "2026-01-07T00:00Z"]
            ),
            "plug_out": pd.to_datetime(
                ["2026-01-05T17:00Z", "2026-01-05T20:00Z", "2026-01-07T01:00Z"]
            ),
            "energy_kwh": [7.0, 7.0, 1.0],
            "max_kw": 7.0,
        }
    )
    evses = pd.DataFrame({"evse_id": ["E1", "E2"], "rated_kw": 7.0})
    time = timebase.grid("2026-01-05T00:00Z", "2026-01-06T00:00Z", "30min")
    limit = array(np.where(time.hour == 16, 4.0, 10.0), time)
    case = coincidence.study(sessions, evses, limit, 10.0)
    assert case.left_out == 1
    customer = case.customer()
    # With 10 kW each gets 5 kW in the first hour, with 4 kW each 2 kW: a lacks 2 and 5 kWh.
    assert float(customer["unserved_kwh"]) == pytest.approx(3.0)
    assert float(customer["lost_kwh"]) == pytest.approx(6.0)
    assert float(case.dno()["max_cut_kw"]) == 6.0


def test_sessions_in_a_gap_of_the_limit_are_left_out():
    time = timebase.grid("2026-01-05T00:00Z", "2026-01-06T00:00Z", "30min")
    limit = array(np.full(len(time), 5.0), time)
    limit[20] = np.nan  # 10:00 to 10:30
    hours = (("09:00", "10:00"), ("09:00", "10:01"), ("10:29", "12:00"), ("10:30", "12:00"))
    sessions = pd.DataFrame(
        {
            "session_id": list("abcd"),
            "plug_in": pd.to_datetime([f"2026-01-05T{a}Z" for a, _ in hours]),
            "plug_out": pd.to_datetime([f"2026-01-05T{b}Z" for _, b in hours]),
        }
    )
    assert coincidence.inside(sessions, limit)["session_id"].tolist() == ["a", "d"]


def test_patterns_add_up_to_the_whole(taxi):
    customer, dno = taxi.customer(), taxi.dno()
    for by in ("half_hour", "weekday", "season"):
        found = coincidence.pattern(taxi, by)
        assert found["lost_kwh"].sum() == pytest.approx(float(customer["lost_kwh"]))
        assert found["restricted_h"].sum() == pytest.approx(float(dno["restricted_h"]))
        assert found["unserved_kwh"].sum() == pytest.approx(
            float(customer["unserved_kwh"]), abs=0.5
        )


def test_blocks_hold_the_loss_of_the_case(taxi):
    data = coincidence.cut(taxi, block="day")
    lost = float(taxi.customer()["lost_kwh"])
    assert np.trace(coincidence.pairs(data)) == pytest.approx(lost, rel=1e-3)
    assert coincidence.turned(data)[0.0] == pytest.approx(lost, rel=1e-3)


def test_more_growth_never_restricts_less(demo, taxi):
    site = demo.site("station-taxi-hub")
    asked = coincidence.capacity(site, 0.98)
    limits = {g: coincidence.limit_of(site, "lmc", asked, growth=g) for g in (0.0, 0.1, 0.3)}
    found = coincidence.under_growth(
        site.sessions, site.chargepoints, limits, asked.requested_kw, step="30min"
    )
    for name in ("restricted_h", "lost_kwh", "unserved_kwh"):
        assert found[name].is_monotonic_increasing, name
    assert found.loc[0.0, "lost_kwh"] == pytest.approx(float(taxi.customer()["lost_kwh"]))


def test_no_shift_changes_nothing_and_a_shift_does(demo, taxi):
    site = demo.site("station-taxi-hub")
    options = (site.sessions, site.chargepoints)
    found = coincidence.under_shift(taxi, *options, [0, 4], step="30min")
    assert found.loc[0, "unserved_kwh"] == pytest.approx(float(taxi.customer()["unserved_kwh"]))
    assert found.loc[4, "lost_kwh"] != found.loc[0, "lost_kwh"]


def test_a_moved_limit_keeps_weekday_and_clock_across_zones_and_changes():
    source = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
    local = timebase.clock(source)
    coded = array(local.day_of_week * 100 + local.hour + local.minute / 100, source)
    target = timebase.grid("2019-05-02T00:00Z", "2019-11-20T00:00Z", "30min")
    moved = coincidence.transferred(coded, target, to_zone="America/Los_Angeles")
    there = timebase.clock(target, "America/Los_Angeles")
    expected = (there.day_of_week * 100 + there.hour + there.minute / 100).to_numpy()
    # Only where London's own clock changed can a half hour differ.
    assert (moved.to_numpy() == expected).mean() > 0.999
    assert moved.attrs["weeks"] == 313


@pytest.mark.parametrize(
    ("site_id", "wished", "used"),
    [
        ("elm-road-lamps", "lmc", "lmc"),
        ("village-hall", "lmc", "tcc"),
        ("caltech-garage", "tcc-derived", "tcc"),
        ("caltech-garage", "static", "static"),
    ],
)
def test_a_site_without_network_takes_the_stated_window(demo, site_id, wished, used):
    site = demo.site(site_id)
    assert coincidence.scheme_for(site, wished) == used
    asked = coincidence.capacity(site, 0.98)
    limit = coincidence.limit_of(site, used, asked)
    assert float(limit.max()) <= asked.requested_kw + 1e-9
    case = coincidence.study(
        site.sessions.head(200), site.chargepoints, limit, asked.requested_kw, step="30min"
    )
    said = findings.coverage(case, asked, wished, used)
    assert ("no network asset" in said) == (used != wished)


def test_schemes_and_caps_that_cannot_be_are_refused(demo):
    site = demo.site("elm-road-lamps")
    with pytest.raises(UserError, match="did you mean static"):
        coincidence.scheme_for(site, "statik")
    with pytest.raises(UserError, match=r"cap = 1\.5"):
        coincidence.limit_of(site, "static", coincidence.capacity(site, 0.98), cap=1.5)


def test_uses_are_scaled_to_their_own_highest_demand(demo, taxi):
    ids = coincidence.sites_of_uses(demo.sites, "station-taxi-hub", 1)
    assert ids[0] == "station-taxi-hub"
    assert len(ids) == 6
    found, left = coincidence.compare_uses(
        demo.site, ["station-taxi-hub", "elm-road-lamps", "caltech-garage"], taxi, step="30min"
    )
    assert not left
    lamps = demo.site("elm-road-lamps")
    inside = coincidence.inside(lamps.sessions, taxi.limit_kw)
    free = charging.simulate(inside, chargepoints=lamps.chargepoints, step="30min")
    assert found.loc["elm-road-lamps", "peak_kw"] == pytest.approx(float(free.power_kw.max()))
    assert (found["unserved_share"] <= found["lost_share"] + 1e-9).all()
    assert found.loc["caltech-garage", "use"] == "workplace"


def test_a_site_without_sessions_gets_a_sentence_and_no_figure(demo):
    site = demo.site("village-hall")
    asked = coincidence.capacity(site, 0.98)
    limit = coincidence.limit_of(site, "tcc", asked)
    case = coincidence.study(site.sessions.head(0), site.chargepoints, limit, asked.requested_kw)
    dno, customer = case.dno(), case.customer()
    blocks = coincidence.cut(case)
    tests = coincidence.tests(blocks, permutations=99)
    said = findings.answer(dno, customer, tests, coincidence.turned(blocks))
    assert "No answer for this site" in said[0]
    assert draw.chance(tests, "week") is None


def test_figures_say_what_they_show(taxi):
    tests = coincidence.tests(coincidence.cut(taxi), permutations=199)
    drawn = {
        "levels": draw.levels(taxi),
        "clock": draw.by_clock(coincidence.pattern(taxi, "half_hour")),
        "chance": draw.chance(tests, "week"),
        "turned": draw.turned(coincidence.turned(coincidence.cut(taxi))),
    }
    lost = float(tests["lost_kwh"]["observed_kwh"])
    assert f"{lost:,.0f}" in drawn["chance"][1]
    assert all(len(alt) > 80 for _, alt in drawn.values())


# A limit from a file


def test_a_limit_is_read_from_a_file(tmp_path):
    file = tmp_path / "limit.csv"
    file.write_text(
        "time,limit_kw\n2026-01-01T00:00Z,5\n2026-01-01T01:30+01:00,\n2026-01-01T01:00Z,7\n"
    )
    found = read_limit(str(file))
    assert found.to_numpy()[[0, 2]].tolist() == [5.0, 7.0]
    assert np.isnan(found[1])
    assert found["time"].to_numpy()[1] == np.datetime64("2026-01-01T00:30")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "time,limit_kw\n2026-01-01 00:00,5\n2026-01-01 00:30,5\n",
            "row 2, time = .*with its zone",
        ),
        ("time,limit_kw\n2026-01-01T00:00Z,5\n2026-01-01T00:00Z,5\n", "row 3, time = .*later"),
        (
            "time,limit_kw\n2026-01-01T00:00Z,5\n2026-01-01T00:30Z,five\n",
            "row 3, limit_kw = 'five'",
        ),
        ("time,limit_kw\n2026-01-01T00:00Z,5\n2026-01-01T00:30Z,inf\n", "row 3, limit_kw = 'inf'"),
        ("time,kw\n2026-01-01T00:00Z,5\n", "no column 'limit_kw'"),
        ("time,limit_kw\n2026-01-01T00:00Z,5\n", "1 rows"),
    ],
)
def test_faults_of_a_limit_file_name_the_row(tmp_path, text, message):
    file = tmp_path / "limit.csv"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_limit(str(file))


def test_a_missing_limit_file_is_said_so(tmp_path):
    with pytest.raises(UserError, match="cannot be read as a limit"):
        read_limit(str(tmp_path / "none.csv"))
