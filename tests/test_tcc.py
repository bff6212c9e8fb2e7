"""Deriving windows and judging them, against hand-worked loads."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import trials_tcc
from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.tcc.assessment import DEEP, FIRM, FITS, NOT_A_TCC
from scchelpers.tcc.derivation import Cells, Rules, half_hourly, spans
from tests.tcc_rules import window_faults

YEAR = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
ALL_YEAR = dict.fromkeys(range(1, 13), "all year")
# methods reference, section 6: quantile of the load from 15:00 to 20:30.
FIXTURE = [250, 270, 285, 310, 330, 340, 300, 275, 290, 270, 260, 240]


def load_of(values, time=YEAR):
    return xr.DataArray(
        np.asarray(values, float),
        {"time": timebase.naive_utc(time)},
        ("time",),
        attrs={"units": "kVA"},
    )


def daily(profile, time=YEAR):
    """Return a load that repeats a profile of 48 half hours on the London clock."""
    return load_of(np.asarray(profile, float)[timebase.half_hour(time)], time)


def teatime(base=100.0, peak=340.0):
    profile = np.full(48, base)
    profile[33:37] = peak  # 16:30 to 18:30
    return profile


@pytest.fixture
def fixture_load():
    profile = np.full(48, 200.0)
    profile[30:42] = FIXTURE
    return daily(profile)


def test_window_and_cap_of_the_reference(fixture_load):
    windows = tcc.derive_windows(
        fixture_load, 400.0, 100.0, margin_kva=20, calendar=ALL_YEAR, day_types="all"
    )
    [row] = windows.to_dict("records")
    assert (row["start"], row["end"], row["limit_kva"]) == ("16:00", "19:30", 40.0)
    assert row["months"] == tuple(range(1, 13))
    assert row["samples"] == 365
    limit_kva = tcc.limit_kva(windows, fixture_load["time"], 100.0)
    released_kwh = float((limit_kva - 40).sum()) / 2 / 365
    assert released_kwh == pytest.approx(1230)  # a day, against a permanent cap of 40 kW


def test_gap_of_an_hour_stays_open_and_one_below_is_closed(fixture_load):
    given_ = {"margin_kva": 20, "calendar": ALL_YEAR, "day_types": "all", "min_length": "30min"}
    windows = tcc.derive_windows(fixture_load, 400.0, 100.0, min_gap="30min", **given_)
    spans_ = windows[["start", "end", "limit_kva"]].to_numpy().tolist()
    assert spans_ == [["16:00", "18:30", 40.0], ["19:00", "19:30", 90.0]]


def test_windows_too_many_or_too_close_are_joined(fixture_load):
    given_ = {"margin_kva": 20, "calendar": ALL_YEAR, "day_types": "all", "min_gap": "30min"}
    for rule in ({"max_windows": 1}, {"min_recovery": "1h"}):
        [row] = tcc.derive_windows(fixture_load, 400.0, 100.0, **given_, **rule).to_dict("records")
        assert (row["start"], row["end"]) == ("16:00", "19:30")


def test_a_short_window_grows_towards_less_headroom():
    restricted, free = np.zeros(48, bool), np.full(48, 200.0)
    restricted[36], free[36], free[35], free[37] = True, 50, 120, 150
    assert spans(restricted, free, 2, 2, 2) == [(35, 2)]


def test_a_constraint_over_midnight_is_one_window():
    profile = np.full(48, 100.0)
    profile[[46, 47, 0, 1]] = 350
    [row] = tcc.derive_windows(
        daily(profile), 400.0, 100.0, calendar=ALL_YEAR, day_types="all"
    ).to_dict("records")
    assert (row["start"], row["end"], row["limit_kva"]) == ("23:00", "01:00", 50.0)


def test_cap_is_rounded_down_to_the_step_and_never_below_nothing():
    given_ = {"calendar": ALL_YEAR, "day_types": "all"}
    load = daily(teatime(peak=367.6))
    [cap] = tcc.derive_windows(load, 400.0, 100.0, cap_step_kva=5, **given_)["limit_kva"]
    assert cap == 30
    windows = tcc.derive_windows(daily(teatime(peak=450.0)), 400.0, 100.0, **given_)
    assert windows["limit_kva"].tolist() == [0.0]
    assert windows["headroom_kva"].tolist() == [-50.0]


def test_seasons_day_types_and_ratings_are_kept_apart():
    profile = np.where(
        timebase.day_type(YEAR) == "weekday", teatime()[timebase.half_hour(YEAR)], 90.0
    )
    rating = pd.Series({"winter": 400, "spring": 500, "summer": 380, "autumn": 500})
    windows = tcc.derive_windows(load_of(profile), rating, 100.0)
    assert windows[["season", "day_type", "limit_kva"]].to_numpy().tolist() == [
        ["winter", "weekday", 60.0],
        ["summer", "weekday", 40.0],
    ]
    assert windows["months"].tolist() == [(12, 1, 2), (5, 6, 7, 8)]


def test_a_season_takes_the_lowest_rating_of_its_months():
    rating = pd.Series({"winter": 400, "spring": 395, "summer": 900, "autumn": 390})
    calendar = {m: "winter half" if m in (10, 11, 12, 1, 2, 3) else "rest" for m in range(1, 13)}
    [row] = (
        tcc.derive_windows(daily(teatime()), rating, 100.0, calendar=calendar, day_types="all")
        .query("season == 'winter half'")
        .to_dict("records")
    )
    assert row["limit_kva"] == 50
    assert row["months"] == (10, 11, 12, 1, 2, 3)


def test_export_leaves_room_and_makes_no_window():
    load = daily(np.where(np.abs(np.arange(48) - 24) < 6, -390.0, 50.0))
    assert tcc.derive_windows(load, 400.0, 100.0).empty


def test_months_are_grouped_by_what_the_data_need():
    cold = np.isin(timebase.clock(YEAR).month, (11, 12, 2))  # January closes
    load = load_of(np.where(cold, teatime()[timebase.half_hour(YEAR)], 90.0))
    calendar = tcc.group_months(load, 400.0, 100.0)
    assert [m for m in calendar if calendar[m] == "Nov–Feb"] == [1, 2, 11, 12]
    assert set(calendar.values()) == {"Nov–Feb", "rest of the year"}
    assert set(tcc.group_months(load, 900.0, 100.0).values()) == {"all year"}
    windows = tcc.derive_windows(load, 400.0, 100.0, calendar=calendar, day_types="all")
    assert windows["months"].tolist() == [(11, 12, 1, 2)]


def test_quantiles_are_those_of_pandas():
    rng = np.random.default_rng(1)
    load = load_of(rng.normal(300, 40, len(YEAR)))
    cells = Cells.of(load, day_types="each")
    frame = pd.DataFrame({"kva": load.to_numpy(), "half_hour": timebase.half_hour(YEAR)})
    frame["season"], frame["day_type"] = timebase.season(YEAR), timebase.day_type(YEAR)
    dropped = rng.random(len(YEAR)) < 0.3
    for without in (None, dropped):
        kept = frame if without is None else frame[~without]
        table = kept.groupby(["season", "day_type", "half_hour"])["kva"]
        found, samples = cells.planned(0.95, without)
        assert found == pytest.approx(table.quantile(0.95).reindex(cells.index).to_numpy())
        assert (samples == table.size().reindex(cells.index)).all()


def test_missing_load_is_not_zero_and_unknown_is_not_free():
    load = daily(teatime())
    gaps = load.where(np.random.default_rng(2).random(len(YEAR)) > 0.3)
    whole, partial = (tcc.derive_windows(x, 400.0, 100.0) for x in (load, gaps))
    pd.testing.assert_frame_equal(whole.drop(columns="samples"), partial.drop(columns="samples"))
    assert (partial["samples"] < whole["samples"]).all()
    winter_only = load.where(np.isin(timebase.season(YEAR), ["winter"]))
    with pytest.raises(UserError, match="no load on record in spring"):
        tcc.derive_windows(winter_only, 400.0, 100.0)
    calendar = dict.fromkeys((12, 1, 2), "winter")
    assert len(tcc.derive_windows(winter_only, 400.0, 100.0, calendar=calendar)) == 2


def test_finer_load_is_averaged_to_half_hours():
    time = timebase.grid("2025-01-01T00:00Z", "2025-01-01T02:00Z", "10min")
    load = load_of([1, 2, 3, 4, 5, 6, 7, np.nan, 9, 10, 11, 12], time)
    assert half_hourly(load).to_numpy() == pytest.approx([2, 5, np.nan, 11], nan_ok=True)
    with pytest.raises(UserError, match="half hours or finer"):
        half_hourly(load[::6])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"quantile": 1.2}, "between 0 and 1"),
        ({"margin_kva": -1}, "margin_kva"),
        ({"margin_kva": np.nan}, "margin_kva"),
        ({"requested_kva": 0}, "requested_kva"),
        ({"max_windows": 0}, "max_windows"),
        ({"cap_step_kva": 0}, "cap_step_kva"),
        ({"min_gap": "soon"}, "min_gap"),
        ({"max_steps": 0}, "max_steps"),
        ({"day_types": "working"}, "day_types"),
        ({"rating_kva": pd.Series({"winter": 400.0})}, "a rating above 0 is needed"),
        ({"rating_kva": np.nan}, "a rating above 0 is needed"),
    ],
)
def test_bad_input_is_refused_by_name(change, part):
    given_ = {"rating_kva": 400.0, "requested_kva": 100.0} | change
    with pytest.raises(UserError, match=part):
        tcc.derive_windows(daily(teatime()), **given_)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 1000),
    quantile=st.sampled_from([0.5, 0.9, 0.99, 1.0]),
    most=st.integers(1, 4),
    recovery=st.sampled_from(["0h", "1h", "3h"]),
    length=st.sampled_from(["30min", "2h"]),
)
def test_every_restricted_half_hour_is_covered_and_every_rule_kept(
    seed, quantile, most, recovery, length
):
    rng = np.random.default_rng(seed)
    time = YEAR[: 48 * 56]
    load = load_of(
        rng.normal(280, 60, 48)[timebase.half_hour(time)] + rng.normal(0, 9, len(time)), time
    )
    cut = {"calendar": {1: "x", 2: "x"}, "day_types": "all"}
    rules = {"max_windows": most, "min_recovery": recovery, "min_length": length}
    windows = tcc.derive_windows(load, 400.0, 100.0, quantile=quantile, **cut, **rules)
    free_kva = 400.0 - Cells.of(load, **cut).planned(quantile)[0]
    on_day = timebase.grid("2025-01-06T00:00Z", "2025-01-07T00:00Z", "30min")
    allowed = tcc.limit_kva(windows, on_day, 100.0).to_numpy()
    assert (allowed <= np.maximum(free_kva, 0) + 1e-9).all()
    faults = window_faults(windows, max_windows=most, min_recovery=recovery)
    assert faults == []
    assert all(tcc.windows.length_min(r.start, r.end) >= pd.Timedelta(length) / pd.Timedelta("1min")
               for r in windows.itertuples())  # fmt: skip


def test_windows_in_a_room_of_pandas_are_those_of_the_cells():
    rng = np.random.default_rng(7)
    load = load_of(teatime()[timebase.half_hour(YEAR)] * rng.normal(1, 0.05, len(YEAR)))
    frame = pd.DataFrame({"kva": load.to_numpy(), "half_hour": timebase.half_hour(YEAR)})
    frame["season"] = timebase.season(YEAR)
    frame["day_type"] = np.where(timebase.day_type(YEAR) == "weekday", "weekday", "weekend")
    clock = frame.groupby(["season", "day_type", "half_hour"], sort=False)["kva"]
    room = 400.0 - clock.quantile(0.95)
    found = tcc.windows_in(room, 100.0, samples=clock.count(), min_recovery="1h")
    expected = tcc.derive_windows(load, 400.0, 100.0, quantile=0.95, min_recovery="1h")
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(UserError, match="unknown in"):
        tcc.windows_in(room.iloc[1:], 100.0)


def test_a_higher_quantile_never_raises_a_cap():
    rng = np.random.default_rng(3)
    load = load_of(teatime()[timebase.half_hour(YEAR)] * rng.normal(1, 0.05, len(YEAR)))
    on_day = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
    limits = [
        tcc.limit_kva(
            tcc.derive_windows(load, 400.0, 100.0, quantile=q, day_types="all"), on_day, 100.0
        )
        for q in (0.5, 0.9, 0.99, 1.0)
    ]
    for loose, strict in pairwise(limits):
        assert (strict <= loose).all()


def test_the_quick_limit_of_cells_is_that_of_the_windows():
    rng = np.random.default_rng(6)
    load = load_of(teatime()[timebase.half_hour(YEAR)] * rng.normal(1, 0.08, len(YEAR)))
    cells = Cells.of(load)
    for rules in ({}, {"max_steps": 3, "cap_step_kva": 7.0}, {"max_windows": 1}):
        windows = tcc.derive_windows(load, 400.0, 100.0, **rules)
        room = cells.room_kva(400.0, cells.planned(0.99)[0], 0.0)
        found = cells.limit_kva(room, 100.0, Rules(**rules))[cells.cell]
        assert (found == tcc.limit_kva(windows, load["time"], 100.0)).all()


def test_steps_follow_the_room_where_one_cap_withholds_more(fixture_load):
    given_ = {"margin_kva": 20, "calendar": ALL_YEAR, "day_types": "all"}
    made = {
        steps: tcc.derive_windows(fixture_load, 400.0, 100.0, max_steps=steps, **given_)
        for steps in (1, 2, 3, 12)
    }
    # Room from 16:00 by half hour: 95 70 50 40 80 105 90, the request 100.
    assert made[2][["start", "end", "limit_kva"]].to_numpy().tolist() == [
        ["16:00", "18:00", 40.0],
        ["18:00", "19:30", 80.0],
    ]  # 4 x 40 + 3 x 80 = 400, against 7 x 40 = 280; no other split leaves more
    assert made[3]["limit_kva"].tolist() == [70.0, 40.0, 80.0]
    assert made[12]["limit_kva"].tolist() == [95.0, 70.0, 50.0, 40.0, 80.0, 105.0, 90.0]
    withheld = [
        float((100 - tcc.limit_kva(rows, fixture_load["time"], 100.0)).sum())
        for rows in made.values()
    ]
    assert withheld == sorted(withheld, reverse=True)


def other_days(days=("2025-02-02",), times=1.8):
    """Return a load of a cold season in which some whole days lie far above their neighbours."""
    rng = np.random.default_rng(8)
    local = timebase.local_date(YEAR)
    cold = 1 + 0.2 * np.cos(2 * np.pi * local.day_of_year / 365) + 0.05 * rng.normal(size=len(YEAR))
    load = load_of(teatime()[timebase.half_hour(YEAR)] * cold)
    return load.where(~local.isin(pd.to_datetime(list(days))), load * times)


def test_a_day_fed_another_way_is_found_and_a_cold_spell_is_not():
    found = tcc.days_left_out(other_days(("2025-02-02", "2025-06-11")))
    assert found.index.tolist() == list(pd.to_datetime(["2025-02-02", "2025-06-11"]))
    assert all(re.search(r"lies (7[5-9]|8[0-5])\s?% above", reason) for reason in found)
    assert tcc.days_left_out(other_days(times=1.4)).empty
    machine = other_days(())
    machine[48 * 40 : 48 * 40 + 20] *= 4  # ten hours of a day are no other way to feed it
    assert tcc.days_left_out(machine).empty


def test_days_are_left_out_as_asked_and_refused_by_name():
    load = other_days()
    found = tcc.days_left_out(load, "2025-03-01, 2025-12-26")
    assert [f"{day:%m-%d}" for day in found.index] == ["02-02", "03-01", "12-26"]
    assert tcc.days_left_out(load, "none").empty
    for text in ("2024-03-01", "1 March", "2025-13-01"):
        with pytest.raises(UserError, match="leave_out"):
            tcc.days_left_out(load, text)


def judged(load, rating_kva=400.0, requested_kva=100.0, **rules):
    windows = tcc.derive_windows(load, rating_kva, requested_kva, **rules)
    on = tcc.constrained(load, rating_kva, requested_kva)
    measured = tcc.consistency(on, windows, requested_kva)
    firm_kva = np.floor(max(0.0, rating_kva - float(load.max())))
    return windows, measured, tcc.verdict(windows, measured, requested_kva, firm_kva)


def test_a_load_never_constrained_needs_no_tcc():
    windows, measured, found = judged(daily(teatime(peak=290.0)))
    assert windows.empty
    assert found.verdict == FIRM
    assert measured["constrained_share"] == 0
    assert not found.offered


def test_a_steady_teatime_constraint_suits_a_tcc():
    windows, measured, found = judged(daily(teatime()))
    assert found.verdict == FITS
    assert found.offered
    assert set(zip(windows["start"], windows["end"], strict=True)) == {("16:30", "18:30")}
    assert measured["needed_share"] == 1
    assert measured["inside_days"] == 1
    assert measured["free_h"] == 22
    assert measured["deep_share"] == pytest.approx(2 * 0.4 / 24, rel=1e-3)
    on = tcc.constrained(daily(teatime()), 400.0, 100.0)
    spread = tcc.by_window(on, windows)
    assert set(spread["begins_early"]) == set(spread["begins_late"]) == {"16:30"}
    assert set(spread["ends_late"]) == {"18:30"}
    assert (spread["spread_h"] == 0).all()


def test_a_long_deep_daytime_constraint_is_called_deep():
    profile = np.full(48, 100.0)
    profile[12:38] = 395
    found = judged(daily(profile))[2]
    assert found.verdict == DEEP
    assert found.offered


@pytest.mark.parametrize("level", [320.0, 500.0])
def test_no_window_is_invented_on_a_flat_overloaded_load(level):
    windows, _, found = judged(daily(np.full(48, level)))
    assert found.verdict == NOT_A_TCC
    assert not found.offered
    assert "all day" in found.reasons[0]
    assert set(zip(windows["start"], windows["end"], strict=True)) == {("00:00", "24:00")}
    limit_kva = tcc.limit_kva(windows, YEAR, 100.0)
    assert float(limit_kva.max()) == max(0.0, 400 - level)  # the same at all times


def test_a_scattered_constraint_is_not_a_tcc():
    rng = np.random.default_rng(4)
    value = np.full(len(YEAR), 200.0)
    for start in rng.choice(len(YEAR) - 4, 600, replace=False):
        value[start : start + 4] = 350
    _, measured, found = judged(load_of(value))
    assert found.verdict == NOT_A_TCC
    assert measured["needed_share"] < 0.2


def test_a_rare_constraint_in_a_short_window_is_not_scattered():
    time = timebase.clock(YEAR)
    rare = (time.month == 1) & (time.day % 5 == 0)
    load = load_of(np.where(rare, teatime()[timebase.half_hour(YEAR)], 90.0))
    _, measured, found = judged(load)
    assert measured["needed_share"] < 0.2
    assert found.verdict == FITS


@pytest.mark.parametrize(
    ("name", "winter_weekday"),
    [
        ("staplegrove", [["17:00", "20:00", 227.0]]),
        ("mousehole", [["00:00", "04:30", 277.0], ["16:30", "21:00", 273.0]]),
    ],
)
def test_windows_of_measured_feeders_hold_on_the_year_after(shared_data, name, winter_weekday):
    load = trials_tcc.feeder(shared_data("wpd_feeders"), name)
    found = trials_tcc.trial(load)
    windows = found["windows"].query("season == 'winter' and day_type == 'weekday'")
    assert windows[["start", "end", "limit_kva"]].to_numpy().tolist() == winter_weekday
    assert found["verdict"].verdict == FITS
    within, held_out, after = (found[case] for case in ("in sample", "held out", "year after"))
    assert within["half_hours"] <= held_out["half_hours"]
    assert after["half_hours"] < 0.006 * after["known_half_hours"]
    low, _, high = found["added_h"]
    assert low <= after["half_hours"] / 2 * 17532 / after["known_half_hours"] <= high
