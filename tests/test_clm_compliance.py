"""Rules in the manner of EREC G100: the cases of the methods reference, and what means can show."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers.clm import compliance
from scchelpers.clm.compliance import Rules, _possible_runs
from scchelpers.faults import UserError

DOMESTIC = Rules(self_resets=3)
START = pd.Timestamp("2026-01-05T08:00Z")
END = START + pd.Timedelta("90D")


def runs(*events):
    """Return excursions from (minutes after the start, seconds)."""
    return pd.DataFrame(
        {
            "start": [START + pd.Timedelta(minutes=minute) for minute, _ in events],
            "duration_min": [seconds / 60 for _, seconds in events],
            "depth_kw": 5.0,
        }
    ).astype({"start": "datetime64[ns, UTC]"})


def states(events, rules=None):
    return compliance.judge(runs(*events), rules)["state"].tolist()


@pytest.mark.parametrize(
    ("events", "rules", "expected"),
    [
        ([(0, 10)], Rules(), ["recorded"]),
        ([(0, 14.9), (1, 14.9), (2, 14.9)], Rules(), ["recorded"] * 3),
        ([(0, 15)], Rules(), ["counted"]),
        ([(0, 20)], Rules(), ["counted"]),
        ([(0, 60)], Rules(), ["counted"]),
        ([(0, 61)], Rules(), ["lock-out"]),
        ([(0, 20), (5, 20)], Rules(), ["counted", "lock-out"]),
        ([(0, 20), (10, 20)], Rules(), ["counted", "counted"]),
        ([(0, 20), (5, 10)], Rules(), ["counted", "recorded"]),
        ([(0, 20), (300, 20), (600, 20)], Rules(), ["counted", "counted", "lock-out"]),
        ([(0, 20), (300, 20), (600, 20)], Rules(day_count=4), ["counted"] * 3),
        ([(0, 20), (300, 20), (1441, 20)], Rules(), ["counted"] * 3),
    ],
)
def test_cases_of_the_reference(events, rules, expected):
    assert states(events, rules) == expected


def test_times_of_a_lockout():
    found = compliance.judge(runs((0, 61), (239, 61), (242, 20))).reset_index()
    assert found["state"].tolist() == ["lock-out", "locked out", "counted"]
    assert found["locked_from"][0] == START + pd.Timedelta("60s")
    assert found["locked_until"][0] == START + pd.Timedelta("4h60s")
    assert found["reason"][0] == "over 60 s" and found["reset"][0] == "automatic"
    # The count begins anew: the two before the reset are forgotten.
    pair = compliance.judge(runs((0, 20), (5, 20), (246, 20)))
    assert pair["state"].tolist() == ["counted", "lock-out", "counted"]
    assert pair["locked_from"].iloc[1] == START + pd.Timedelta("5min15s")


def test_a_home_resets_itself_three_times_in_thirty_days():
    events = [(day * 1440, 70) for day in (0, 5, 10, 15, 20)]
    found = compliance.judge(runs(*events), DOMESTIC)
    assert found["reset"].tolist() == ["automatic"] * 3 + ["installer", ""]
    assert found["state"].iloc[-1] == "locked out"
    told = compliance.summary(found, END)
    assert told["lock_outs"] == 4 and told["installer_visits"] == 1
    assert told["locked_h"] == pytest.approx(3 * 4 + 24 * 75 - 60 / 3600)
    spread = [(day * 1440, 70) for day in (0, 15, 29, 31)]
    assert compliance.judge(runs(*spread), DOMESTIC)["reset"].tolist() == ["automatic"] * 4


def test_no_excursion_no_verdict():
    found = compliance.judge(runs())
    assert found.empty
    assert compliance.summary(found, END).tolist() == [0, 0, 0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 90)), max_size=25))
def test_longer_times_allowed_never_lock_out_more(events):
    events = sorted(dict(events).items())
    strict = compliance.judge(runs(*events))
    lax = compliance.judge(runs(*events), Rules(counted_from_s=91, lockout_above_s=91))
    assert (lax["state"] == "recorded").all()
    assert len(strict) == len(events)
    assert strict["locked_from"].notna().sum() == (strict["state"] == "lock-out").sum()


def test_impossible_rules_are_refused():
    with pytest.raises(UserError, match="lockout_h"):
        Rules(lockout_h=-1)
    with pytest.raises(UserError, match="counted_from_s"):
        Rules(counted_from_s=70)
    with pytest.raises(UserError, match="order of time"):
        compliance.judge(runs((5, 20), (0, 20)))


# What means of a minute can show.


def minutes(values):
    time = pd.date_range("2026-01-05T08:00", periods=len(values), freq="1min")
    return xr.DataArray(np.asarray(values, float), {"time": time}, ("time",))


def seconds_above(power, limit):
    """Return the true excursions of power given by the second."""
    above = np.flatnonzero(np.diff(np.r_[False, power > limit, False]))
    return np.diff(above)[::2]


def test_bounds_by_hand():
    # Limit 100, swing 20: a mean of 105 is above for at least 15 s of its minute; one of 95 for at
    # most 20 / 25 of it, 48 s; one of 80 never.
    found = _possible_runs(minutes([80, 105, 80, 80]), 100, 20)
    assert found["shortest"]["duration_min"].tolist() == [0.25]
    assert found["as read"]["duration_min"].tolist() == [1]
    assert found["longest"]["duration_min"].tolist() == [1]
    hidden = _possible_runs(minutes([80, 95, 80]), 100, 20)
    assert hidden["shortest"].empty and hidden["as read"].empty
    assert hidden["longest"]["duration_min"].tolist() == pytest.approx([0.8])
    joined = _possible_runs(minutes([95, 120, 95]), 100, 20)
    assert joined["shortest"]["duration_min"].tolist() == [1]
    assert joined["longest"]["duration_min"].tolist() == pytest.approx([2.6])
    begins = joined["longest"]["start"].iloc[0] - START
    assert begins / pd.Timedelta("1s") == pytest.approx(12, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_no_true_excursion_is_longer_than_the_longest_reading(seed):
    rng = np.random.default_rng(seed)
    swing = 30.0
    power = 95 + np.repeat(rng.uniform(-15, 15, 60), 10)  # seconds; ten minutes
    means = power.reshape(-1, 60).mean(axis=1)
    assert np.abs(power.reshape(-1, 60) - means[:, None]).max() <= swing
    true = seconds_above(power, 100.0)
    found = _possible_runs(minutes(means), 100.0, swing)
    longest = found["longest"]["duration_min"].max() * 60 if len(found["longest"]) else 0
    assert true.max(initial=0) <= longest + 1e-6
    shortest = found["shortest"]["duration_min"].sum() * 60
    assert shortest <= true.sum() + 1e-6 <= found["longest"]["duration_min"].sum() * 60 + 1e-5


def test_readings_say_what_a_minute_cannot_show():
    found = compliance.readings(minutes([80, 101, 80, 80]), 100, 20)
    assert found.loc["shortest", ["recorded", "counted", "lock_outs"]].tolist() == [1, 0, 0]
    assert found.loc["as read", "counted"] == 1
    calm = compliance.readings(minutes([60, 70, 60]), 100, 20)
    assert (calm == 0).all(axis=None)
    missing = compliance.readings(minutes([60, np.nan, 60]), 100, 20)
    assert missing["above_min"].sum() == 0
