"""Faults planted in made-up years: each is found and rightly named, and a clean year gives none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from make_demo.metered import held
from scchelpers.compliance import excursions, inspect, judge, likely_causes
from scchelpers.timebase import clock, local_date
from tests import planted
from tests.planted import CAPACITY, PF, between, edges, entries, on_clock, shifted, times, under

FREE = CAPACITY * PF
OWN = entries()
LIMIT = planted.limit_of(OWN)
DAY = clock(times()).day_of_week.to_numpy()
AFTER_OCTOBER = "2025-10-26 02:00"


def only(where: np.ndarray, limit: np.ndarray | float) -> np.ndarray:
    """A limit that replaces the site's own somewhere."""
    return np.where(where, limit, LIMIT)


def raised(level_kw: float) -> np.ndarray:
    return np.where(LIMIT < FREE - 1e-6, np.maximum(LIMIT, level_kw), LIMIT)


def weekday_caps() -> np.ndarray:
    terms = OWN[-1]
    rows = terms.windows[terms.windows["day_type"] == "weekday"].assign(day_type="all")
    summer = terms.windows[terms.windows["day_type"] == "all"]
    taken = replace(terms, windows=pd.concat([rows, summer]))
    return only(DAY >= 5, planted.limit_of([taken]))


# What was planted, its size, the limit that the site followed, and the cause to be named.
CONTROL = [
    ("on UTC", "all year", on_clock("UTC"), "controller never changes its clock"),
    ("on summer time", "all year", on_clock("Etc/GMT-1"), "controller never changes its clock"),
    ("not put back", "3 weeks", only(between(AFTER_OCTOBER, "2025-11-16"), shifted(-60)),
     "clock not changed"),
    ("not put back", "9 weeks", only(between(AFTER_OCTOBER, "2026-01-01"), shifted(-60)),
     "clock not changed"),
    ("not put forward", "10 days", only(between("2025-03-30 03:00", "2025-04-09"), shifted(60)),
     "clock not changed"),
    ("shifted", "30 min late", shifted(30), "window shifted"),
    ("shifted", "60 min early", shifted(-60), "window shifted"),
    ("shifted", "3 h early", shifted(-180), "window shifted"),
    ("shifted since", "90 min late from June", only(between("2025-06-10", "2026-01-01"),
                                                   shifted(90)), "window shifted"),
    ("weekends left out", "all year", only(DAY >= 5, FREE), "days left out"),
    ("Sundays left out", "all year", only(DAY == 6, FREE), "days left out"),
    ("weekdays left out", "all year", only(DAY < 5, FREE), "days left out"),
    ("weekday caps at weekends", "all year", weekday_caps(), "cap of other days"),
    ("March left out", "a month", only(between("2025-03-01", "2025-04-01"), FREE),
     "months left out"),
    ("season ends early", "December", only(between("2025-12-01", "2026-01-01"), FREE),
     "months left out"),
    ("kVA for kW", "3 %", np.where(LIMIT < FREE - 1e-6, LIMIT / PF, LIMIT), "kVA taken for kW"),
    ("old terms", "all year", planted.limit_of([replace(OWN[0], ends=pd.NaT)]),
     "superseded terms"),
    ("fail-safe", "63 kW", raised(63.0), "fail-safe instead of the cap"),
    ("cap of spring", "all year", raised(70 * PF), "cap of another window"),
    ("doubled", "all year", np.minimum(2 * LIMIT, FREE), "limit multiplied"),
    ("too high", "1.3 times", np.minimum(1.3 * LIMIT, FREE), "cap set too high"),
    ("too high", "by a twentieth", np.minimum(1.05 * LIMIT, FREE), "cap set too high"),
    ("too high", "84 kW", raised(84.0), "cap set too high"),
    ("late", "30 min", edges(LIMIT, 1, "start"), "begins late"),
    ("late", "60 min", edges(LIMIT, 2, "start"), "begins late"),
    ("early", "30 min", edges(LIMIT, 1, "end"), "ends early"),
    ("ignored", "all year", np.full(len(LIMIT), FREE), "limit not applied"),
    ("ignored", "since September", only(between("2025-09-10", "2026-01-01"), FREE),
     "limit not applied since"),
    ("ignored", "2 weeks", only(between("2025-02-05", "2025-02-19"), FREE),
     "limit not applied for a time"),
    ("ignored", "a day", only(between("2025-02-05", "2025-02-06"), FREE), "isolated"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("limit_kw", "expected"),
    [item[2:] for item in CONTROL],
    ids=[f"{item[0]}: {item[1]}" for item in CONTROL],
)
def test_each_fault_of_control_is_found_and_named(limit_kw, expected):
    seed = 3
    judged = judge(under(seed, limit_kw), OWN)
    [cause] = likely_causes(judged, OWN)
    assert cause.name == expected
    assert cause.explained_share == 1.0
    assert cause.intervals == judged["above"].sum()
    # What is above the limit here is above it in the truth that was planted, and nowhere else.
    drawn = held(planted.want_kw(seed), limit_kw)
    assert np.array_equal(judged["above"], np.round(drawn, 1) > LIMIT * 1.01 + 0.1)


@pytest.mark.parametrize("seed", range(12))
def test_a_clean_year_gives_no_alarm(seed):
    judged = judge(planted.clean(seed), OWN)
    assert excursions(judged).empty
    assert likely_causes(judged, OWN) == []
    assert not inspect(planted.clean(seed), FREE)[1]


@pytest.mark.parametrize("seed", [5, 6])
def test_with_other_seeds_the_names_are_the_same(seed):
    wrong = []
    for name, size, limit_kw, expected in CONTROL[::4]:
        found = [cause.name for cause in likely_causes(judge(under(seed, limit_kw), OWN), OWN)]
        wrong += [(name, size, found)] if found != [expected] else []
    assert wrong == []


def test_a_meter_on_local_time_is_told_from_a_controller_on_utc():
    record = planted.as_import(planted.local_stamps(planted.clean(3).to_numpy()))
    [cause] = likely_causes(judge(record, OWN), OWN)
    assert cause.name == "meter in local time"


def test_two_faults_at_once_are_both_named():
    both = np.where(between(AFTER_OCTOBER, "2025-11-16"), shifted(-60), only(DAY == 6, FREE))
    found = likely_causes(judge(under(3, both), OWN), OWN)
    assert [cause.name for cause in found] == ["days left out", "clock not changed"]


def test_a_load_added_is_above_the_capacity_agreed():
    rng = np.random.default_rng(1)
    power = planted.clean(3).to_numpy()
    busy = (LIMIT > FREE - 1e-6) & between("2025-05-01", "2026-01-01") & (power > 100)
    added = planted.as_import(power + np.where(busy, rng.uniform(0, 60, len(power)), 0))
    found = likely_causes(judge(added, OWN), OWN)
    assert [cause.name for cause in found] == ["above the capacity agreed"]


def test_a_rebound_is_told_from_other_load():
    limited = LIMIT < FREE - 1e-6
    after = np.r_[False, limited[:-1]] & ~limited
    rng = np.random.default_rng(1)
    power = planted.clean(3).to_numpy() + np.where(after, rng.uniform(50, 90, len(LIMIT)), 0)
    found = likely_causes(judge(planted.as_import(power), OWN), OWN)
    assert [cause.name for cause in found] == ["rebound above the capacity"]


METERS = [
    ("sign", lambda kw: -kw, "sign reversed", False),
    ("watts", lambda kw: kw * 1000, "watts read as kilowatts", False),
    ("megawatts", lambda kw: kw / 1000, "megawatts read as kilowatts", False),
    ("twice", lambda kw: kw * 2, "counted twice", False),
    ("energy", lambda kw: kw / 2, "half-hourly energy read as power", False),
    ("stuck", lambda kw: np.where(between("2025-06-01", "2025-06-03"), 41.7, kw),
     "meter stuck", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "expected", "usable"), [item[1:] for item in METERS], ids=[m[0] for m in METERS]
)
def test_each_fault_of_the_meter_is_found_before_any_excursion(spoil, expected, usable):
    true = planted.clean(3)
    spoilt = true.copy(data=spoil(true.to_numpy()))
    left, faults = inspect(spoilt, FREE, expected=float(true.sum()) / 2)
    assert list(faults) == [expected]
    assert bool(np.isfinite(left).any()) == usable


def test_what_a_stuck_or_dead_meter_reads_is_missing():
    true = planted.clean(3)
    off = between("2025-06-01", "2025-06-03")
    day = pd.DatetimeIndex(["2025-06-01T10:00Z"])
    sessions = pd.DataFrame(
        {"plug_in": day, "plug_out": day + pd.Timedelta("3h"), "energy_kwh": [12.0]}
    )
    left, faults = inspect(true.copy(data=np.where(off, 0.0, true)), FREE, sessions=sessions)
    assert list(faults) == ["meter dead"]
    assert np.array_equal(np.isnan(left.to_numpy()), off)
    # Zeros in which nobody charged are zeros.
    assert not inspect(true.copy(data=np.where(off, 0.0, true)), FREE)[1]


def test_a_fault_within_a_gap_is_missing_not_kept():
    ignored = under(3, only(between("2025-02-05", "2025-02-19"), FREE))
    gap = between("2025-02-05", "2025-02-19")
    judged = judge(ignored.where(~gap), OWN)
    assert excursions(judged).empty
    assert not judged["known"][gap].any()
    assert local_date(times())[~judged["known"]].nunique() == 14
