"""Rises of the residual load, the margin they ask for, and margins on unseen periods."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers.clm import volatility
from scchelpers.faults import UserError


def load(values, start="2026-01-05", step="1min"):
    time = pd.date_range(start, periods=len(values), freq=step)
    return xr.DataArray(np.asarray(values, float), {"time": time}, ("time",))


def motor(days=28, seed=1, noise=0.5):
    """A 60 kW motor that runs five minutes at 08:10 and at 14:40 every day, over noise."""
    minute = np.arange(days * 1440) % 1440
    on = ((minute >= 490) & (minute < 495)) | ((minute >= 880) & (minute < 885))
    return load(20 + 60 * on + noise * np.random.default_rng(seed).standard_normal(len(on)))


def test_a_rise_is_the_highest_within_the_time_not_the_last():
    given_kw = load([10, 70, 10, 40, 40])
    assert volatility.rises(given_kw, "2min").to_numpy()[:3].tolist() == [60, 0, 30]
    assert volatility.rises(given_kw, "0s").to_numpy().tolist() == [0] * 5
    # Less than a step counts as one step.
    five = volatility.rises(given_kw, "5s")
    assert five.to_numpy()[:4].tolist() == [60, 0, 30, 0] and five.attrs["steps"] == 1


def test_a_rise_that_a_gap_may_hide_is_missing():
    found = volatility.rises(load([10, 10, np.nan, 10, 10, 10]), "1min").to_numpy()
    assert np.isnan(found).tolist() == [False, True, True, False, False, True]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=6, max_size=40), st.integers(0, 4))
def test_rises_grow_with_the_response_time(values, steps):
    short = volatility.rises(load(values), f"{steps}min").to_numpy()
    long = volatility.rises(load(values), f"{steps + 1}min").to_numpy()
    assert (long[: -steps - 1] >= short[: -steps - 1]).all() and (np.nan_to_num(short) >= 0).all()


def test_a_constant_load_needs_no_margin():
    found = volatility.margins(load(np.full(20 * 1440, 33.0)), ["1min", "30min"])
    assert (found[["margin_kw", "low_kw", "high_kw"]] == 0).all(axis=None)


def test_margin_of_the_motor_by_hand():
    # Of 1,440 minutes a day two come just before a start, so 1 in 720 rises is of 60 kW.
    found = volatility.margins(motor(noise=0.0), ["1min"], [0.001, 0.002], block="day")
    assert found.loc[(60.0, 0.001), "margin_kw"] == 60
    assert found.loc[(60.0, 0.002), "margin_kw"] == 0
    # In five minutes' time ten of 1,440: 1 in 144.
    later = volatility.margins(motor(noise=0.0), ["5min"], [0.006, 0.008])
    assert later["margin_kw"].tolist() == [60, 0]
    assert later["blocks"].tolist() == [4, 4]


def test_exceedance_in_sample_is_never_above_what_was_meant():
    rise = volatility.rises(motor(), "5min")
    known = rise.to_numpy()[np.isfinite(rise.to_numpy())]
    for chance in (0.1, 0.01, 0.001, 0.0001):
        assert (known > volatility._exceeded(known, chance)).mean() <= chance


def test_bootstrap_is_the_same_for_the_same_seed_and_holds_the_estimate():
    noisy = load(np.random.default_rng(0).gamma(2.0, 5.0, 14 * 1440))
    one, two = (volatility.margins(noisy, ["1min"], block="day", seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert (one["low_kw"] <= one["margin_kw"]).all() and (one["margin_kw"] <= one["high_kw"]).all()
    assert (one["low_kw"] < one["high_kw"]).all()


def test_unseen_periods_are_not_used():
    quiet = np.zeros(20000)
    quiet[15000::100] = 60.0  # only the last quarter has a machine
    found = volatility.held_out(load(quiet), "1min", [0.001], methods=["plain"]).iloc[0]
    # Derived from the other three quarters, the margin for the last is 0 and is met 50 times.
    assert found["worst_share"] == pytest.approx(0.01, rel=0.05)
    assert found["margin_low_kw"] == 0


def test_a_machine_with_hours_is_better_known_by_the_hour():
    found = volatility.held_out(
        motor(days=56), "1min", [0.001], methods=["plain", "hour", "recent"]
    )
    assert found["pinball_kw"].idxmin() == ("hour", 0.001)
    assert found.loc[("hour", 0.001), "margin_kw"] < 0.3 * found.loc[("plain", 0.001), "margin_kw"]


def test_garch_follows_changing_volatility():
    rng = np.random.default_rng(6)
    scale = np.repeat(np.where(np.arange(80) % 8 < 2, 8.0, 1.0), 100)
    walk = 100 + np.cumsum(scale * rng.standard_normal(8000))
    found = volatility.held_out(
        load(walk), "1min", [0.01], methods=["plain", "recent", "garch"], periods=2
    )
    loss = found["pinball_kw"].droplevel("chance")
    assert max(loss["recent"], loss["garch"]) < 0.8 * loss["plain"]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: volatility.margins(motor(1), ["1min"], [0.0]), "chances"),
        (lambda: volatility.margins(motor(1), ["1min"], block="month"), "block"),
        (lambda: volatility.rises(motor(1), "-1min"), "latency"),
        (lambda: volatility.held_out(motor(1), "1min", methods=["magic"]), "magic"),
        (lambda: volatility.held_out(motor(1), "1min", periods=1), "periods"),
        (lambda: volatility.held_out(motor(1), "1min"), "too few"),
    ],
)
def test_impossible_questions_are_refused(call, word):
    with pytest.raises(UserError, match=word):
        call()


def filled_gaps_removed(watts: pd.Series) -> pd.Series:
    """Return a home's load without what its logger filled in (zero runs and frozen values)."""
    run = watts.ne(watts.shift()).cumsum()
    length = run.groupby(run).transform("size")
    zero = watts.eq(0)
    before = (zero.shift(-1, fill_value=False) & ~zero) & (length >= 15)
    frozen = (length >= 30) | run.isin(run[before])
    return watts.mask(zero | frozen | watts.ge(6000))


def test_margin_of_a_real_home_holds_on_unseen_months(shared_data):
    path = shared_data("refit_homes") / "refit_house20_1min_w.csv.gz"
    table = pd.read_csv(path, parse_dates=["time"], nrows=200_000)
    home = load(filled_gaps_removed(table["w"]) / 1000, start=table["time"].iloc[0])
    found = volatility.held_out(home, "1min", [0.001], methods=["plain"]).iloc[0]
    assert 2.0 < found["margin_kw"] < 6.0
    assert 0.3e-3 < found["exceeded_share"] < 3e-3
