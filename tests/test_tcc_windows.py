"""Tables of windows: the limit they make, clock changes, overlaps, rules of a contract."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.tcc.windows import DAYS, checked, inside, length_min, months_of
from tests.tcc_rules import window_faults

YEAR_END = timebase.grid("2026-12-31T00:00Z", "2027-01-01T00:00Z", "30min")
WINTER_HALF = (10, 11, 12, 1, 2, 3)


def window(start="16:30", end="18:30", limit_kva=40.0, day_type="all", **more):
    row = {"season": "winter", "day_type": day_type, "start": start, "end": end}
    return pd.DataFrame([{**row, "limit_kva": limit_kva, **more}])


def winter_window(**more):
    return window(months=WINTER_HALF, **more)


def at(windows, local, requested_kva=100.0):
    """Return the limit at a time of the London clock."""
    instant, _ = timebase.from_clock([local])
    return float(tcc.limit_kva(windows, instant, requested_kva)[0])


@pytest.mark.parametrize("day", ["2026-10-24", "2026-10-25", "2027-03-27", "2027-03-28"])
def test_window_keeps_the_clock_on_both_sides_of_each_change(day):
    start, _ = timebase.from_clock([day])
    time = timebase.grid(start[0], start[0] + pd.Timedelta("26h"), "30min")
    time = time[timebase.local_date(time) == pd.Timestamp(day)]
    assert len(time) == timebase.half_hours_in_day(day)
    held = time[tcc.limit_kva(winter_window(), time, 100.0).to_numpy() < 100]
    assert timebase.clock(held).strftime("%H:%M").tolist() == ["16:30", "17:00", "17:30", "18:00"]


def test_window_hours_of_a_winter():
    time = timebase.grid("2026-09-30T23:00Z", "2027-03-31T23:00Z", "30min")
    assert inside(winter_window(), time).sum() / 2 == 364.0


def test_written_as_utc_a_winter_is_an_hour_off_on_28_afternoons():
    time = timebase.grid("2026-09-30T23:00Z", "2027-03-31T23:00Z", "30min")
    clock = tcc.limit_kva(winter_window(), time, 100.0)
    utc = tcc.limit_kva(winter_window(), time, 100.0, timezone="UTC")
    assert int((clock < utc).sum()) == int((clock > utc).sum()) == 2 * 28


@pytest.mark.parametrize(
    ("local", "allowed"),
    [
        ("2025-04-15 12:00", 30),
        ("2025-06-15 12:00", 0),
        ("2025-06-15 16:00", 100),
        ("2025-09-15 12:00", 30),
        ("2025-12-15 12:00", 100),
    ],
)
def test_where_published_rows_overlap_the_most_restrictive_holds(local, allowed):
    rows = pd.concat(
        [
            window("10:00", "16:00", 30, season="April to September", months=(4, 5, 6, 7, 8, 9)),
            window("10:00", "16:00", 0, season="May to August", months=(5, 6, 7, 8)),
        ]
    )
    assert at(rows, local) == allowed
    assert at(rows[::-1], local) == allowed


def test_window_over_midnight_follows_each_instants_own_day():
    night = window("22:00", "02:00", day_type="weekday", months=range(1, 13))
    assert at(night, "2026-06-05 23:00") == 40  # Friday evening
    assert at(night, "2026-06-06 01:00") == 100  # Saturday
    assert at(night, "2026-06-08 01:00") == 40  # Monday
    assert at(night, "2026-06-08 02:00") == 100


def test_limit_is_in_kw_and_never_above_the_request():
    time = timebase.grid("2026-12-01T16:00Z", "2026-12-01T19:00Z", "30min")
    limit_kw = tcc.limit(winter_window(limit_kva=500.0), time, 95.0, power_factor=0.95)
    assert limit_kw.attrs["units"] == "kW"
    assert limit_kw.to_numpy() == pytest.approx(95.0)
    limit_kw = tcc.limit(winter_window(), time, 95.0, power_factor=0.95)
    assert float(limit_kw.min()) == pytest.approx(40 * 0.95)


def test_no_rows_are_no_restriction():
    time = timebase.grid("2026-12-01T16:00Z", "2026-12-01T19:00Z", "30min")
    assert (tcc.limit(winter_window()[:0], time, 95.0, power_factor=0.9) == 95).all()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"start": "1630"}, "clock time"),
        ({"day_type": "weekdays"}, "did you mean weekday"),
        ({"limit_kva": -1.0}, "0 or more"),
        ({"limit_kva": np.nan}, "0 or more"),
        ({"season": "monsoon", "months": None}, "months are unknown"),
        ({"months": (13,)}, "months are unknown"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused(change, part):
    with pytest.raises(UserError, match=part):
        checked(winter_window().assign(**{k: [v] for k, v in change.items()}))


def test_a_missing_column_is_named():
    with pytest.raises(UserError, match="limit_kva"):
        checked(winter_window().drop(columns="limit_kva"))


def test_an_interval_that_a_window_would_split_is_refused():
    time = timebase.grid("2026-12-01T12:00Z", "2026-12-02T00:00Z", "1h")
    with pytest.raises(UserError, match="16:30 lies inside"):
        tcc.limit_kva(winter_window(), time, 100.0)


def test_power_factor_is_asked_for():
    with pytest.raises(UserError, match="power_factor"):
        tcc.limit(winter_window(), YEAR_END, 1.0, power_factor=95)


@settings(deadline=None, max_examples=40)
@given(
    start=st.integers(0, 47),
    length=st.integers(1, 47),
    cap=st.floats(0, 100),
    day_type=st.sampled_from(sorted(DAYS)),
)
def test_a_window_holds_exactly_its_length_on_each_of_its_days(start, length, cap, day_type):
    texts = [f"{half // 2:02d}:{30 * (half % 2):02d}" for half in (start, (start + length) % 48)]
    rows = window(*texts, limit_kva=cap, day_type=day_type, months=(6,))
    assert length_min(*texts) == 30 * length
    time = timebase.grid("2026-06-01T23:00Z", "2026-06-08T23:00Z", "30min")  # 7 days
    held = inside(rows, time).any(axis=0)
    assert held.sum() == length * len(DAYS[day_type])
    assert (tcc.limit_kva(rows, time, 100.0).to_numpy()[held] == cap).all()


def test_months_of_a_season_follow_each_other():
    assert months_of("winter") == (12, 1, 2)
    assert months_of("autumn") == (9, 10, 11)
    assert months_of("x", {1: "x", 2: "x", 11: "x", 12: "x"}) == (11, 12, 1, 2)


def test_window_faults_of_interruptible_loads():
    rules = {"max_windows": 3, "max_duration": "120min", "min_recovery": "120min"}

    def faults(*spans):
        return window_faults(pd.concat([window(*span) for span in spans]), **rules)

    assert faults(("09:30", "11:30"), ("16:30", "18:30")) == []
    [fault] = faults(("16:30", "18:45"))
    assert "16:30-18:45 lasts 135 min" in fault
    [fault] = faults(("09:30", "11:30"), ("13:00", "15:00"))
    assert "90 min after 11:30" in fault
    [fault] = faults(("01:00", "02:00"), ("06:00", "07:00"), ("11:00", "12:00"), ("16:00", "17:00"))
    assert "4 interruptions" in fault


def test_window_faults_look_over_midnight_and_join_what_touches():
    late = pd.concat([window("23:00", "24:00"), window("00:00", "00:30")])
    assert window_faults(late, max_windows=1, max_duration="90min") == []
    close = pd.concat([window("22:00", "23:00"), window("00:30", "01:00")])
    assert window_faults(close, min_recovery="2h")
    assert window_faults(close, min_recovery="90min") == []
