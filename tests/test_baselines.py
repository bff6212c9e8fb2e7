"""Baseline rules: the hand-worked fixtures of the reference, days and bank holidays."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import baselines
from scchelpers.baselines import RULES
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON, naive_utc

DAY_MATCHING = [name for name, rule in RULES.items() if rule.kind == "history"]

# F1: date -> (first period, second period, window before), kW. 9 May is an earlier event,
# 6 May a bank holiday.
HISTORY = {
    "05-15": (3, 5, 11), "05-14": (10, 14, 8), "05-13": (0, 0, 0), "05-10": (20, 24, 12),
    "05-09": (1, 1, 10), "05-08": (6, 10, 6), "05-07": (12, 16, 10), "05-06": (30, 30, 30),
    "05-03": (0, 4, 4), "05-02": (16, 20, 14), "05-01": (4, 8, 2), "04-30": (18, 22, 16),
    "04-29": (8, 12, 8), "04-26": (40, 44, 40),
}  # fmt: skip


def record(by_date: dict, year: int = 2024, start: int = 34) -> xr.DataArray:
    """Return half-hourly demand [kW]: two periods from `start`, the window 4 h to 1 h before."""
    dates = pd.to_datetime([f"{year}-{date}" for date in by_date])
    local = pd.date_range(dates.min(), dates.max() + pd.Timedelta("1D"), freq="30min", tz=LONDON)
    kw = pd.Series(np.nan, local[:-1])
    for date, (first, second, window) in zip(dates, by_date.values(), strict=True):
        day = kw.index.tz_localize(None).normalize() == date
        half = kw.index.hour * 2 + kw.index.minute // 30
        kw[day] = 0.0
        kw[day & (half == start)] = first
        kw[day & (half == start + 1)] = second
        kw[day & (half >= start - 8) & (half < start - 2)] = window
    return xr.DataArray(kw.to_numpy(), {"time": naive_utc(kw.index)}, ("time",))


EVENT = pd.Timestamp("2024-05-15 17:00", tz=LONDON), pd.Timestamp("2024-05-15 18:00", tz=LONDON)


def one_event(power_kw, event, rule, *, calendar="auto", excluded=(), **options):
    """Return the baseline of one event [kW], with the days behind it and the flags that hold."""
    start, end = event
    days = baselines.by_day(power_kw, calendar=calendar)
    events = pd.DataFrame(
        {
            "day": [start.tz_localize(None).normalize()],
            "start": [2 * start.hour + start.minute // 30],
            "periods": [int((end - start) / pd.Timedelta("30min"))],
        }
    )
    rules = [rule] if isinstance(rule, str) else {"rule": rule}
    excluded = pd.DatetimeIndex(list(excluded))
    [found] = baselines.estimate_all(days, events, rules, excluded=excluded, **options).values()
    return SimpleNamespace(
        baseline_kw=found.baseline_kw[0],
        unadjusted_kw=found.unadjusted_kw[0],
        dates=days.dates[found.rows[0][found.rows[0] >= 0]],
        oldest_days=found.oldest_days[0],
        raw=found.raw[0],
        applied=found.applied[0],
        flags=tuple(name for name, holds in found.flags.items() if holds[0]),
    )


def estimate(rule, history=HISTORY, excluded=("2024-05-09",), **options):
    excluded = pd.to_datetime(list(excluded))
    return one_event(record(history), EVENT, rule, excluded=excluded, **options)


def dates(found) -> list[str]:
    return [f"{date:%m-%d}" for date in found.dates]


CAISO = RULES["caiso_unclipped"]
HIGH_RATIO = replace(RULES["high_5_of_10"], adjustment="ratio")
NYISO_LIKE = replace(HIGH_RATIO, base="pool")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (RULES["bl01"], (9.4, 13.0)),
        (RULES["bl01_additive"], (12.4, 16.0)),
        (CAISO, (12.925, 17.875)),
        (RULES["caiso"], (11.28, 15.6)),
        (RULES["high_5_of_10"], (15.2, 19.2)),
        (RULES["high_5_additive"], (14.2, 18.2)),
        (HIGH_RATIO, (13.93333, 17.6)),
        (NYISO_LIKE, (20.9, 26.4)),
        (replace(NYISO_LIKE, clip=(0.8, 1.2)), (18.24, 23.04)),
        (RULES["mid_8_of_10"], (9.25, 13.25)),
        (RULES["low_5_of_10"], (3.6, 6.8)),
        (RULES["pjm"], (12, 16)),
        (RULES["pjm_additive"], (14, 18)),
        (RULES["bl01_highest"], (13.4, 17.4)),
        (replace(RULES["nyiso_low_usage"], adjustment=None), (21.2, 25.2)),
        (RULES["zero"], (0, 0)),
    ],
)
def test_day_matching_worked_by_hand(rule, expected):
    np.testing.assert_allclose(estimate(rule).baseline_kw, expected, rtol=1e-5)


def test_the_days_behind_a_baseline_are_told():
    ten = estimate("bl01_additive")
    used = [date for date in HISTORY if date not in ("05-15", "05-09", "05-06", "04-26")]
    assert dates(ten) == used
    assert (len(ten.dates), ten.oldest_days, ten.raw, ten.applied) == (10, 16, 3, 3)
    assert ten.flags == ()
    np.testing.assert_allclose(ten.unadjusted_kw, (9.4, 13.0))
    np.testing.assert_allclose(ten.baseline_kw - (3, 5), (9.4, 11.0))  # the reduction
    assert sorted(dates(estimate("high_5_of_10"))) == ["04-30", "05-02", "05-07", "05-10", "05-14"]
    assert sorted(dates(estimate("pjm"))) == ["05-07", "05-08", "05-10", "05-14"]
    clipped = estimate("caiso")
    assert (clipped.raw, clipped.applied, clipped.flags) == (1.375, 1.2, ("clipped",))


def test_low_usage_days_out_leave_a_short_pool_and_say_so():
    found = estimate("nyiso_low_usage")
    assert dates(found) == ["04-26", "05-10", "04-30", "05-02", "05-07"]
    assert "short_pool" in found.flags


def test_exclusions_matter():
    wrong = estimate("bl01", excluded=(), calendar="weekends only")
    np.testing.assert_allclose(wrong.baseline_kw, (9.9, 12.7))
    assert not np.allclose(estimate("bl01").baseline_kw, (9.9, 12.7))


@pytest.mark.parametrize("rule", [*DAY_MATCHING, "mbma", "mbma_line", "same_day_3_2"])
def test_constant_load_is_its_own_baseline(rule):
    time = pd.date_range("2024-03-01", "2024-07-01", freq="30min", inclusive="left")
    flat = xr.DataArray(np.full(len(time), 7.0), {"time": time}, ("time",))
    found = one_event(flat, EVENT, rule)
    np.testing.assert_allclose(found.baseline_kw, 7.0)
    assert found.flags == ()


# F2: zeros.


def windows(base: float, metered: float) -> dict:
    """Return ten working days of (3, 6) with one window, and the event day with another."""
    days = pd.bdate_range("2024-05-01", "2024-05-15")
    return {f"{day:%m-%d}": (3, 6, base) for day in days} | {"05-15": (0, 0, metered)}


def test_a_ratio_on_a_zero_window_does_not_adjust():
    for rule in ("caiso", "caiso_unclipped"):
        found = estimate(rule, windows(0, 5), excluded=())
        np.testing.assert_allclose(found.baseline_kw, (3, 6))
        assert "zero_window" in found.flags and np.isnan(found.raw) and found.applied == 1


def test_an_additive_adjustment_is_floored_and_a_ratio_clipped():
    found = estimate("bl01_additive", windows(8, 0), excluded=())
    np.testing.assert_allclose(found.baseline_kw, (0, 0))
    assert found.raw == found.applied == -8 and "floored" in found.flags
    np.testing.assert_allclose(
        estimate("caiso", windows(8, 0), excluded=()).baseline_kw, (2.4, 4.8)
    )


@pytest.mark.parametrize("rule", DAY_MATCHING)
def test_equal_days_give_exactly_as_many_as_the_rule_keeps(rule):
    time = pd.date_range("2024-02-01", "2024-05-16", freq="30min", inclusive="left")
    empty = xr.DataArray(np.zeros(len(time)), {"time": time}, ("time",))
    found = one_event(empty, EVENT, rule)
    np.testing.assert_array_equal(found.baseline_kw, 0)
    assert len(found.dates) == RULES[rule].keep[0] if rule != "bl01_highest" else 10


# F3: same-day rules. Event 17:00 to 20:00.


def around(hours: dict[int, float]) -> xr.DataArray:
    local = pd.date_range("2024-05-15", periods=48, freq="30min", tz=LONDON)
    kw = [hours.get(hour, 0.0) for hour in local.hour]
    return xr.DataArray(kw, {"time": naive_utc(local)}, ("time",))


THREE_HOURS = EVENT[0], EVENT[0] + pd.Timedelta("3h")
METERED = {16: 10, 17: 2, 18: 2, 19: 2, 20: 16}


@pytest.mark.parametrize(
    ("rule", "hours", "expected"),
    [
        ("mbma", METERED, (13, 13, 13)),
        ("mbma_line", METERED, (11.5, 13.0, 14.5)),
        ("meter_before", METERED, (10, 10, 10)),
        ("mbma", METERED | {20: 8}, (9, 9, 9)),
        ("same_day_3_2", {13: 6, 14: 8, 15: 10, 21: 12, 22: 9}, (9, 9, 9)),
    ],
)
def test_same_day_rules_worked_by_hand(rule, hours, expected):
    found = one_event(around(hours), THREE_HOURS, rule)
    np.testing.assert_allclose(found.baseline_kw.reshape(3, 2).mean(1), expected)


def test_rebound_after_the_event_is_credited_by_the_meter_after():
    reduction_kwh = [
        float((one_event(around(h), THREE_HOURS, "mbma").baseline_kw - 2).sum() / 2)
        for h in (METERED, METERED | {20: 8})
    ]
    assert reduction_kwh[0] == pytest.approx(33)
    assert reduction_kwh[0] - reduction_kwh[1] == pytest.approx(12)


# F6: days.


def zeros(start: str, end: str) -> xr.DataArray:
    local = pd.date_range(start, end, freq="30min", tz=LONDON, inclusive="left")
    return xr.DataArray(np.zeros(len(local)), {"time": naive_utc(local)}, ("time",))


def test_easter_in_england_and_in_scotland():
    power_kw = zeros("2024-02-01", "2024-04-03")
    monday = [pd.Timestamp(f"2024-04-01 {hour}:00", tz=LONDON) for hour in (17, 18)]
    english = one_event(power_kw, monday, "bl01", calendar="GB-ENG")
    # Sunday 31 March, of 46 half hours, is passed over.
    assert dates(english) == ["03-30", "03-29", "03-24", "03-23"]
    scottish = one_event(power_kw, monday, "bl01", calendar="GB-SCT")
    assert len(scottish.dates) == 10 and "03-28" in dates(scottish)
    assert "03-29" not in dates(scottish)  # Good Friday is a holiday in both


def test_days_of_46_and_50_half_hours_keep_to_the_clock():
    local = pd.date_range("2024-10-26", "2024-10-29", freq="30min", tz=LONDON, inclusive="left")
    clock_hour = xr.DataArray(local.hour.to_numpy(float), {"time": naive_utc(local)}, ("time",))
    days = baselines.by_day(clock_hour)
    assert days.clock_change.tolist() == [False, True, False]
    np.testing.assert_array_equal(days.kw, np.repeat(np.arange(24.0), 2) * np.ones((3, 1)))
    assert days.sound.tolist() == [True, False, True]
    spring = baselines.by_day(zeros("2024-03-31", "2024-04-01"))
    assert np.isnan(spring.kw[0, 2:4]).all() and np.isfinite(spring.kw[0]).sum() == 46


def test_missing_is_not_zero():
    power_kw = record(HISTORY)
    day = baselines.by_day(power_kw)
    gap = power_kw.where(power_kw["time"] != power_kw["time"][-2])
    assert day.sound.sum() - baselines.by_day(gap).sound.sum() == 1
    short = xr.DataArray(
        [1.0, 2.0], {"time": zeros("2024-05-01", "2024-05-02").time[:2]}, ("time",)
    )
    assert np.isnan(baselines.by_day(short).kw[0, 2:]).all()


def test_finer_steps_are_averaged_and_coarser_refused():
    time = pd.date_range("2024-06-01T00:00", periods=288, freq="5min")
    fine = xr.DataArray(np.arange(288.0), {"time": time}, ("time",))
    kw = baselines.by_day(fine, timezone="UTC").kw
    np.testing.assert_allclose(kw[0], np.arange(288).reshape(48, 6).mean(1))
    with pytest.raises(UserError, match="half hours"):
        baselines.by_day(fine[::12], timezone="UTC")


# What cannot be.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rule": "bl02"}, "did you mean bl01"),
        ({"rule": "bl01", "calendar": "GB-XXX"}, "GB-SCT"),
        ({"rule": "capacity"}, "capacity_kw"),
    ],
)
def test_faults_name_what_is_allowed(options, words):
    with pytest.raises(UserError, match=words):
        estimate(**options)


def test_an_event_outside_the_record_is_refused():
    event = [when + pd.Timedelta("400D") for when in EVENT]
    with pytest.raises(UserError, match="outside the record"):
        one_event(record(HISTORY), event, "bl01")


def test_no_history_gives_no_baseline():
    found = estimate("bl01", {"05-15": (3, 5, 11)}, excluded=())
    assert np.isnan(found.baseline_kw).all() and len(found.dates) == 0
    assert {"no_history", "short_pool"} <= set(found.flags)


def test_capacity_caps_every_baseline():
    found = estimate("bl01", capacity_kw=10.0)
    np.testing.assert_allclose(found.baseline_kw, (9.4, 10.0))
    assert "capped" in found.flags


# Many events at once.


def random_days(seed: int, days: int = 90, chance: float = 0.6) -> baselines.Days:
    rng = np.random.default_rng(seed)
    kw = rng.gamma(1.0, 10.0, (days, 48)) * (rng.random((days, 48)) < chance)
    return baselines.Days(kw, pd.Timestamp("2024-02-01"))


@pytest.mark.parametrize("rule", list(RULES))
def test_all_events_at_once_are_each_event_alone(rule):
    days = random_days(4)
    events = baselines.schedule(days, "16:30", 2.5, on="all").iloc[30:-1:9]
    options = {"excluded": days.dates[40:44], "capacity_kw": 60.0, "reference_kw": 5.0}
    together = baselines.estimate_all(days, events, [rule], **options)[rule]
    for k in range(len(events)):
        one = baselines.estimate_all(days, events.iloc[[k]], [rule], **options)[rule]
        np.testing.assert_array_equal(one.baseline_kw[0], together.baseline_kw[k])
        for name, holds in one.flags.items():
            assert holds[0] == together.flags[name][k]


def test_events_of_different_shape_keep_their_order():
    days = random_days(5)
    parts = [
        baselines.schedule(days, start, hours) for start, hours in (("23:00", 3), ("05:00", 1))
    ]
    mixed = pd.concat(parts).sort_values(["day", "start"], ignore_index=True)
    mixed = mixed[mixed["day"] > days.first + pd.Timedelta("40D")].reset_index(drop=True)
    both = baselines.estimate_all(days, mixed, ["bl01"])["bl01"]
    for start, of_shape in mixed.groupby("start"):
        alone = baselines.estimate_all(days, of_shape, ["bl01"])["bl01"].baseline_kw
        periods = of_shape["periods"].iloc[0]
        np.testing.assert_array_equal(both.baseline_kw[of_shape.index, :periods], alone)
        assert start in (10, 46)
    assert np.isnan(both.baseline_kw[(mixed["start"] == 10).to_numpy(), 2:]).all()


@given(seed=st.integers(0, 50), rule=st.sampled_from([*DAY_MATCHING, "meter_before"]))
@settings(max_examples=40, deadline=None)
def test_a_rule_knows_nothing_of_the_event_or_later(seed, rule):
    days = random_days(seed)
    event = baselines.schedule(days).iloc[[45]]
    row, start = int((event["day"].iloc[0] - days.first).days), 34
    later = days.kw.copy()
    later.ravel()[row * 48 + start :] = 1e6
    seen, unseen = (
        baselines.estimate_all(d, event, [rule])[rule].baseline_kw
        for d in (days, days.with_kw(later))
    )
    np.testing.assert_array_equal(seen, unseen)


def test_a_rule_says_until_when_it_reads_the_meter():
    reads = {name: rule.reads for name, rule in RULES.items()}
    assert reads["bl01"] == reads["zero"] == "days before"
    assert reads["bl01_additive"] == reads["meter_before"] == "event start"
    assert reads["mbma"] == "after the event"


def test_the_table_of_days_is_named_by_the_clock():
    days = random_days(1, 3)
    assert days.table.loc["2024-02-02", "17:30"] == days.kw[1, 35]
