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
from tests import planted_weather
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


def days_of(demand, limit, timezone=timebase.LONDON, **options):
    """Return wanted and left by day, and their weeks."""
    wanted, left = coincidence.by_day(demand, limit, timezone=timezone)
    return wanted, left, coincidence.weeks(wanted.index, timezone=timezone, **options)


def judged(demand, limit, timezone=timebase.LONDON, **options):
    return coincidence.swapped(*days_of(demand, limit, timezone), above, **options)


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

NOON = pd.timedelta_range("0h", periods=2, freq="12h")


def noon(wanted_kw, left_kw, start="2026-06-01", many=7):
    """Return days whose demand and limit at noon are given, one value a week [kW]."""
    day = pd.date_range(start, periods=many * len(wanted_kw), name="day")
    tables = (
        pd.DataFrame({NOON[0]: 0.0, NOON[1]: np.repeat(kw, many)}, day)
        for kw in (np.array(wanted_kw, float), np.array(left_kw, float))
    )
    return *tables, coincidence.weeks(day)


def test_weeks_that_change_places_worked_by_hand():
    # Three weeks; a day loses 12 h times what is wanted above the limit at noon.
    wanted, left, calendar = noon([6, 8, 9], [5, 7, 10])
    strata, chance_kwh = coincidence.swapped(wanted, left, calendar, above, permutations=500)
    own = 12 * 7 * (1 + 1 + 0)
    expected = 12 * 7 * ((0 + 0) / 2 + (3 + 0) / 2 + (4 + 2) / 2)
    assert strata[["own_kwh", "expected_kwh"]].to_numpy().tolist() == [[own, expected]]
    assert strata["days"].item() == 21
    every = {12 * 7 * sum(x) for x in ((1, 1, 0), (1, 0, 2), (0, 3, 0), (0, 0, 4), (0, 1, 4))}
    every |= {12 * 7 * (0 + 3 + 2)}
    assert set(chance_kwh.round(6)) <= every


def test_permutations_agree_with_full_enumeration():
    rng = np.random.default_rng(3)
    wanted, left, calendar = noon(rng.gamma(2.0, 3.0, 4), rng.gamma(2.0, 3.0, 4))
    kw = [x.iloc[::7, 1].to_numpy() for x in (wanted, left)]
    every = np.array(
        [84 * above(kw[0], kw[1][list(p)]).sum() for p in itertools.permutations(range(4))]
    )
    strata, chance_kwh = coincidence.swapped(
        wanted, left, calendar, above, permutations=20000, seed=1
    )
    assert strata["own_kwh"].sum() == pytest.approx(every[0])
    assert chance_kwh.mean() == pytest.approx(every.mean(), rel=0.01)
    share = np.mean(every >= every[0] - 1e-9)
    assert np.mean(chance_kwh >= every[0] - 1e-6) == pytest.approx(share, abs=0.015)


def test_a_loss_in_a_part_week_stays_in():
    """15.3 kWh on two days, in a week of which only those are on record, are judged."""
    wanted, left, _ = noon([3, 3, 3, 3], [5, 5, 5, 5])
    wanted, left = wanted.iloc[:-5], left.iloc[:-5]  # the last week ends on Tuesday
    wanted.iloc[-2:, 1] = 5 + 15.3 / 24
    strata, _ = coincidence.swapped(wanted, left, coincidence.weeks(wanted.index), above)
    assert strata["own_kwh"].sum() == pytest.approx(15.3)
    assert strata["days"].sum() == 23


def test_an_unknown_day_is_not_judged_and_others_of_its_week_are():
    wanted, left, calendar = noon([6, 8, 9], [5, 7, 10])
    left.iloc[8, 1] = np.nan
    strata, _ = coincidence.swapped(wanted, left, calendar, above)
    assert strata["days"].item() == 20
    assert strata["own_kwh"].item() == pytest.approx(12 * (7 + 6))


def test_same_seed_same_result_and_other_seed_other_samples():
    rng = np.random.default_rng(0)
    given = noon(rng.random(12), rng.random(12) / 2)
    runs = [coincidence.swapped(*given, above, seed=s)[1] for s in (5, 5, 6)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def verdicts(sites, **given):
    """Return how many simulated sites are called other than chance, and how many intervals hold."""
    rng = np.random.default_rng(11)
    called, effects = 0, []
    for _ in range(sites):
        wanted, left = planted_weather.year(rng, **given)
        made = coincidence.swapped(
            wanted, left, coincidence.weeks(wanted.index), above, permutations=199
        )
        effects.append(coincidence.effect(*made))
        one = effects[-1]
        called += one["p"] <= 0.03 and not one["low"] <= 1 <= one["high"]
    one = pd.DataFrame(effects)
    truth = one["own_kwh"].sum() / one["expected_kwh"].sum()
    return called, int((one["low"].le(truth) & one["high"].ge(truth)).sum())


@pytest.mark.parametrize("dip", [1.0, 0.55], ids=["seasons", "seasons and Christmas"])
def test_false_alarms_are_rare_whatever_season_and_feast_both_share(dip):
    """30 sites of independent weather: more than 4 alarms would be 1 in 64 at 5 %."""
    called, held = verdicts(30, dip=dip)
    assert called <= 4
    assert held >= 22  # of 30 intervals that are to hold in 90 %


def test_a_weak_link_by_the_weather_is_found():
    """Demand rises by a tenth for each standard deviation of the network's weather."""
    called, held = verdicts(20, link=0.1)
    assert called >= 14
    assert held >= 14


def test_the_sign_of_a_shared_cause_is_told():
    rng = np.random.default_rng(1)
    time = year()
    cold = np.repeat(rng.normal(0, 1, 52), 168)
    demand = array(5 + cold, time)
    one, other = (
        coincidence.effect(*judged(demand, array(5 - sign * cold, time), "UTC"))
        for sign in (1, -0.5)
    )
    assert one["low"] > 1 and one["p"] < 0.001
    assert other["high"] < 1 and other["p"] < 0.01


def test_a_window_alike_every_week_leaves_nothing_to_test():
    time = year("30min", days=84)
    demand = array(np.random.default_rng(0).uniform(0, 9, len(time)), time)
    evening = timebase.in_window(time, "16:30", "18:30")
    found = coincidence.effect(*judged(demand, array(np.where(evening, 1.0, CAPACITY_KW), time)))
    assert found["own_kwh"] > 0
    assert np.isnan(found["p"])


def test_weeks_lie_in_strata_of_about_four_within_a_season_and_holidays_apart():
    calendar = coincidence.weeks(pd.date_range("2025-01-01", "2025-12-31"))
    assert calendar.groupby("stratum")["week"].nunique().le(6).all()
    season = pd.Series(calendar.index.month, calendar.index).map(timebase.SEASONS)
    assert season.groupby(calendar["stratum"]).nunique().eq(1).all()
    apart = calendar.groupby("week")["holiday"].transform("any")
    assert apart.groupby(calendar["stratum"]).nunique().eq(1).all()
    feast = ["2025-01-01", "2025-04-21", "2025-12-24", "2025-12-27", "2025-12-31"]
    assert calendar.loc[feast, "holiday"].all()
    assert not calendar.loc[["2025-01-02", "2025-12-23"], "holiday"].any()


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


def test_an_unknown_limit_stays_unknown_and_a_part_day_is():
    time = year(days=21)
    limit = array(np.full(len(time), 5.0), time)
    limit[24 * 8 + 3] = np.nan  # a Tuesday of the second week
    demand = array(np.full(len(time), 6.0), time)
    wanted, left = coincidence.by_day(demand[5:], limit[5:], timezone="UTC")
    assert len(wanted) == 21
    assert left.isna().any(axis=1).to_numpy().nonzero()[0].tolist() == [0, 8]


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
    wanted, left, calendar = days_of(free.power_kw, fine)
    lost_kwh = above(wanted, left).to_numpy().sum() / 2
    assert float(found["lost_kwh"]) > 0
    assert lost_kwh == pytest.approx(float(found["lost_kwh"]), rel=1e-3)
    strata, _ = coincidence.swapped(wanted, left, calendar, above, permutations=9)
    on = ~calendar["holiday"].to_numpy()
    on &= calendar.groupby("stratum")["week"].transform("nunique").to_numpy() > 1
    judged_kwh = above(wanted, left)[on].to_numpy().sum() / 2
    assert strata["own_kwh"].sum() == pytest.approx(judged_kwh, rel=1e-6)


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


def test_a_limit_of_a_finer_step_is_averaged_as_the_demand_is():
    minutes = pd.date_range("2026-01-05", periods=15, freq="1min", tz="UTC")
    limit = array(np.r_[np.arange(10.0), np.nan, np.ones(4)], minutes)
    steps = array(np.zeros(3), pd.date_range("2026-01-05", periods=3, freq="5min", tz="UTC"))
    found = coincidence.limit_on(limit, steps).to_numpy()
    assert found[:2].tolist() == [2.0, 7.0] and np.isnan(found[2])
