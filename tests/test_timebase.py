"""The clock-change rules, against days worked by hand."""

import pandas as pd
import pytest

from scchelpers import timebase
from scchelpers.faults import UserError


@pytest.mark.parametrize(
    ("day", "start", "half_hours", "teatime", "period"),
    [
        ("2026-10-25", "2026-10-24T23:00Z", 50, "2026-10-25T16:30Z", 36),
        ("2026-11-24", "2026-11-24T00:00Z", 48, "2026-11-24T16:30Z", 34),
        ("2027-03-28", "2027-03-28T00:00Z", 46, "2027-03-28T15:30Z", 32),
    ],
)
def test_clock_change_days(day, start, half_hours, teatime, period):
    at = pd.DatetimeIndex([teatime])
    assert timebase.half_hours_in_day(day) == half_hours
    assert timebase.day_start(at)[0] == pd.Timestamp(start)
    assert timebase.half_hour(at)[0] == 33
    assert timebase.settlement_period(at)[0] == period


def test_winter_window_is_on_the_clock_not_in_utc():
    times = timebase.grid("2026-09-30T23:00Z", "2027-03-31T23:00Z", "30min")
    local = timebase.in_window(times, "16:30", "18:30")
    as_utc = timebase.in_window(times, "16:30", "18:30", tz="UTC")
    assert local.sum() / 2 == 182 * 2 == 364
    assert (local & ~as_utc).sum() / 2 == (as_utc & ~local).sum() / 2 == 28


def test_a_day_whose_midnight_is_skipped_begins_an_hour_later():
    noon = pd.DatetimeIndex(["2026-09-06T15:00Z"])
    start = timebase.day_start(noon, "America/Santiago")[0]
    assert start == pd.Timestamp("2026-09-06T04:00Z")
    assert timebase.half_hours_in_day("2026-09-06", "America/Santiago") == 46


@pytest.mark.parametrize("name", ["Mars", "", "../x", 5, "Europe"])
def test_unknown_zones_are_user_errors(name):
    with pytest.raises(UserError, match="timezone"):
        timebase.zone(name)
