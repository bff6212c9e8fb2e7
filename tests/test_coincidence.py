"""Coincidence: worked cases, exact enumeration of the test, its size and power, and the clock."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import coincidence, measures, timebase
from scchelpers.faults import UserError
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


def above(wanted, left):
    return np.maximum(wanted - left, 0)


def while_restricted(wanted, left):
    return wanted * (left < CAPACITY_KW)


def cut(demand, limit, block="week", timezone=timebase.LONDON):
    """Return wanted and left by day, members and strata."""
    wanted, left = coincidence.by_day(demand, limit, timezone=timezone)
    return wanted, left, *coincidence.blocks(wanted.index, block)


def judged(demand, limit, block="week", timezone=timebase.LONDON, **options):
    wanted, left, members, stratum = cut(demand, limit, block, timezone)
    pair = coincidence.pairs(wanted, left, members, above)
    return coincidence.permuted(pair, stratum, **options)


@pytest.fixture(scope="module")
def taxi(demo):
    """Charging under the headroom of the network, and that limit."""
    site = demo.site("station-taxi-hub")
    load = site.half_hours()
    room = (load["rating_kva"] - load["load_kva"]) * site.power_factor
    limit = array(room.clip(0, site.requested_kw), load.index.tz_localize("UTC"))
    pair = coincidence.charge(
        site.sessions, site.chargepoints, limit, site.requested_kw, step="30min"
    )
    return site, limit, *pair


# The test by permutation


def test_pairs_of_a_worked_case():
    # Two days in four; demand 6 then 8 kW at noon, limit 5 then 10 kW at noon.
    time = year(days=2, start="2026-01-05T00:00Z")
    noon = time.hour == 12
    demand = array(np.where(noon, np.where(time.day == 5, 6, 8), 0), time)
    limit = array(np.where(noon & (time.day == 5), 5, 10), time)
    wanted, left, members, _ = cut(demand, limit, "day")
    assert coincidence.pairs(wanted, left, members, above).tolist() == [[1, 0], [3, 0]]
    assert coincidence.pairs(wanted, left, members, while_restricted).tolist() == [[6, 0], [8, 0]]


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
        test = judged(demand, limit, block, "UTC", permutations=199)
        alarms += float(test["p_more"]) < 0.1
    assert 0.02 * n < alarms < 0.2 * n


def test_a_shared_cause_is_found_and_its_sign_told():
    rng = np.random.default_rng(1)
    time = year()
    cold = np.repeat(rng.normal(0, 1, 52), 168)
    demand = array(5 + cold, time)
    tests = {sign: judged(demand, array(5 - sign * cold, time), timezone="UTC") for sign in (1, -1)}
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
    test = judged(demand, limit)
    assert float(test["observed_kwh"]) > 0
    assert min(float(test["p_more"]), float(test["p_less"])) > 0.025


def test_a_window_alike_every_week_leaves_nothing_to_permute():
    time = year("30min", days=84)
    demand = array(np.random.default_rng(0).uniform(0, 9, len(time)), time)
    evening = timebase.in_window(time, "16:30", "18:30")
    test = judged(demand, array(np.where(evening, 1.0, CAPACITY_KW), time), permutations=99)
    assert float(test["observed_kwh"]) > 0
    assert not test["testable"]


# Days and clocks


def test_days_of_46_and_50_half_hours_keep_their_clock():
    time = timebase.grid("2026-10-19T00:00+01:00", "2027-04-05T00:00+01:00", "30min")
    clock = timebase.clock(time)
    limit = array(np.where(clock.hour == 17, 2.0, CAPACITY_KW), time)
    demand = array(np.full(len(time), 3.0), time)
    wanted, left = coincidence.by_day(demand, limit)
    assert len(wanted) == 168
    assert (left.iloc[:, 34:36] == 2).all(axis=None)
    assert (np.delete(left.to_numpy(), [34, 35], axis=1) == CAPACITY_KW).all()
    assert wanted.loc["2027-03-28"].iloc[2:4].tolist() == [0.0, 0.0]
    assert above(wanted, left).to_numpy().sum() / 2 == pytest.approx(168 * 1.0)


def test_days_with_unknown_limits_and_broken_weeks_are_left_out():
    time = year(days=21)
    limit = array(np.full(len(time), 5.0), time)
    limit[24 * 8 + 3] = np.nan  # a Tuesday of the second week
    demand = array(np.full(len(time), 6.0), time)
    *_, days, kinds = cut(demand, limit, "day", "UTC")
    *_, weeks, _ = cut(demand, limit, "week", "UTC")
    assert len(days) == 20
    assert len(weeks) == 2
    assert set(kinds) == {"winter weekday", "winter saturday", "winter sunday"}


def test_a_week_in_two_seasons_changes_places_with_none():
    time = year(days=364)
    *_, stratum = cut(*(array(np.full(len(time), x), time) for x in (6.0, 5.0)), timezone="UTC")
    alone = [s for s in stratum if " to " in s]
    assert len(alone) == len(set(alone)) == 4


def test_unknown_block_is_refused():
    with pytest.raises(UserError, match="write 'week' or 'day'"):
        coincidence.blocks(pd.date_range("2026-01-05", periods=14), "month")


def test_demand_and_limit_of_other_times_are_refused():
    one, other = (
        array(np.ones(48), year("1h", 2, start))
        for start in ("2026-01-05T00:00Z", "2026-01-06T00:00Z")
    )
    with pytest.raises(UserError, match="the same times"):
        coincidence.by_day(one, other)


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
    free, held = coincidence.charge(sessions, evses, limit, 10.0)
    assert free.sessions.index.tolist() == ["a", "b"]
    customer = measures.customer_measures(free, held, requested_kw=10.0)
    # With 10 kW each gets 5 kW in the first hour, with 4 kW each 2 kW: a lacks 2 and 5 kWh.
    assert float(customer["unserved_kwh"]) == pytest.approx(3.0)
    assert float(customer["lost_kwh"]) == pytest.approx(6.0)
    assert float(measures.dno_measures(limit, 10.0)["max_cut_kw"]) == 6.0


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
    assert coincidence.known_stays(sessions, limit)["session_id"].tolist() == ["a", "d"]


def test_days_hold_the_loss_of_the_charging(taxi):
    site, limit, free, held = taxi
    found = measures.customer_measures(free, held, requested_kw=site.requested_kw)
    fine = coincidence.limit_on(limit, free.power_kw)
    wanted, left, members, _ = cut(free.power_kw, fine, "day")
    pair = coincidence.pairs(wanted, left, members, above)
    assert float(found["lost_kwh"]) > 0
    assert np.trace(pair) == pytest.approx(float(found["lost_kwh"]), rel=1e-3)


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


def test_a_limit_is_lent_as_it_is_within_its_years_and_moved_to_others(demo, taxi):
    site, limit, *_ = taxi
    share = (limit / site.requested_kw).assign_attrs(units="kW")
    assert coincidence.borrowed(share, demo.site("elm-road-lamps"), site.timezone) is share
    garage = demo.site("caltech-garage")
    moved = coincidence.borrowed(share, garage, site.timezone)
    assert moved.attrs["weeks"] != 0
    assert len(coincidence.known_stays(garage.sessions, moved)) > 0.9 * len(garage.sessions)


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
