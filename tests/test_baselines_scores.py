"""Scores, calibration and delivery: worked by hand, and identities that must hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import baselines
from scchelpers.baselines.forecast import (
    RATE,
    TAIL_LEVELS,
    calibrated,
    misses,
    mixed_quantile,
    step,
    two_part_level,
    widened,
)

# F4.

A, B = np.array([0.0, 4, 6, 10]), np.array([2.0, 3, 9, 8])


def test_scores_worked_by_hand():
    found = baselines.score(A, B)
    expected = {
        "events": 4, "zero_share": 0.25, "mean_kw": 5, "bias": 0.10, "rrmse": 0.424264,
        "normalised_sd": 0.476095, "wape": 0.40, "median_error": -0.20, "undefined": 1,
        "false_credit": 0.25,
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_nothing_drawn_leaves_relative_errors_undefined_and_errors_in_kw():
    found = baselines.score(np.zeros(3), [1, 2, 2])
    assert np.isnan(
        found[["rrmse", "bias", "median_error", "wape", "false_credit"]].astype(float)
    ).all()
    assert found["error_kw"] == pytest.approx(np.sqrt(3)) and found["undefined"] == 3


def test_missing_events_and_periods_are_left_out():
    nan = np.nan
    kw = [[1, 2], [nan, nan], [3, nan], [4, 4]]
    told = [[2, 2], [1, 1], [3, 3], [nan, nan]]
    found = baselines.score(kw, told)
    assert found["events"] == 2
    assert found["rrmse"] == pytest.approx(np.sqrt(1 / 3) / 2)  # over three periods, mean 2
    assert found["bias"] == pytest.approx(0.5 / 4.5)  # over the means of two events
    assert baselines.score([], [])["events"] == 0


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=30).filter(
        lambda pairs: sum(a for a, _ in pairs) > 1
    )
)
@settings(max_examples=60, deadline=None)
def test_rrmse_is_bias_and_spread(pairs):
    a, b = np.array(pairs).T
    found = baselines.score(a, b)
    spread = (b - a).std() / a.mean()
    assert found["rrmse"] ** 2 == pytest.approx(found["bias"] ** 2 + spread**2, rel=1e-6, abs=1e-9)


# F5.


def test_intervals_worked_by_hand():
    y, low, high = np.array([0.0, 5, 12]), np.array([0.0, 2, 3]), np.array([4.0, 6, 10])
    found = baselines.score_interval(y, low, high, level=0.9)
    assert found["winkler_kw"] == pytest.approx(55 / 3) and found["coverage"] == pytest.approx(
        2 / 3
    )
    assert found["coverage_zero"] == 1 and found["coverage_above"] == 0.5
    single = [
        baselines.score_interval(*row, level=0.9)["winkler_kw"]
        for row in zip(y[:, None], low[:, None], high[:, None], strict=True)
    ]
    np.testing.assert_allclose(single, (4, 4, 47))


def test_a_bound_through_the_value_covers_it():
    assert baselines.score_interval([5.0], [5.0 + 1e-9], [6.0])["coverage"] == 1


def test_conformal_order_statistic():
    scores = {
        n: np.random.default_rng(n).permutation(np.arange(1.0, n + 1)) for n in (8, 9, 19, 21)
    }
    assert [step(s, 0.9) for s in scores.values()] == [np.inf, 9, 18, 20]


def test_two_part_quantiles_worked_by_hand():
    levels = two_part_level(np.array([0.2, 0.04, 0.04, 0.96]), np.array([0.95, 0.95, 0.05, 0.95]))
    np.testing.assert_allclose(levels, [0.9375, 0.947917, 0.010417, 0], atol=1e-6)
    amount = np.tile(np.linspace(1, 2, len(TAIL_LEVELS)), (3, 1))
    p = np.array([0.2, 0.04, 0.96])
    low, high = (mixed_quantile(p, amount, q) for q in (0.05, 0.95))
    assert low.tolist()[::2] == [0, 0] and low[1] > 0
    assert high[2] == 0 and high[0] > 0


def test_calibration_keeps_a_lower_end_of_zero_and_never_crosses():
    low, high = widened(np.array([0.0, 5.0, 5.0]), np.array([10.0, 10.0, 10.0]), -4.0, 9.0)
    assert low[0] == 0 and high[0] == 6
    assert low[1] == high[1] == 7.5
    assert (misses([0, 0, 12], [0, 2, 2], [4, 4, 10]) == [-4, 2, 2]).all()


def test_rolling_calibration_uses_only_what_was_over():
    rng = np.random.default_rng(2)
    y = rng.normal(50, 10, 400)
    point = np.full(400, 50.0)
    known = np.maximum(np.arange(400) - 2, 0)  # two events late
    low, high = calibrated(y, point, point, known)
    assert np.isnan(low[:11]).all() and np.isfinite(low[11:]).all()
    covered = ((low <= y) & (y <= high))[60:].mean()
    assert 0.86 < covered < 0.94
    changed = y.copy()
    changed[100:] = 1e6
    np.testing.assert_array_equal(calibrated(changed, point, point, known)[1][:102], high[:102])


def test_adaptive_calibration_worked_by_hand():
    """A miss lowers the share of misses aimed at by 0.9 of the rate, a hit raises it by 0.1."""
    y = np.concatenate([np.arange(1.0, 20), [100.0, 100.0, 5.0]])  # 19 to learn from, two misses
    point = np.zeros(len(y))
    known = np.arange(len(y))
    _, split = calibrated(y, point, point, known)
    assert split[19:].tolist() == [18, 19, 100]  # ranks ceil(0.9 n + 0.9) of 19, 20 and 21
    _, high = calibrated(y, point, point, known, rate=0.05, highest_kw=200.0)
    # 10 misses 9: 0.1 - 0.045 is aimed at, of ten more than any rank, so all that can be. Each hit
    # adds 0.005, until at the 15th event 15 x 0.075 is above 1 and the rank ceil(15 x 0.925) = 14.
    assert high[9:15].tolist() == [9, 200, 200, 200, 200, 14]
    _, later = calibrated(y, point, point, np.minimum(known, 9), rate=0.05, highest_kw=200.0)
    assert (later[9:] == 9).all()  # learns of no miss before it is over


def test_adaptive_calibration_comes_back_after_demand_has_doubled():
    """Sixty days of twice the demand: the split interval loses them, the adaptive does not."""
    held = {0.0: [], RATE: []}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = 20 * np.exp(0.35 * rng.normal(size=320))
        y[260:] *= 2
        point = np.full(len(y), 20.0)
        known = np.maximum(np.arange(len(y)) - 1, 0)
        for rate, found in held.items():
            low, high = calibrated(y, point, point, known, rate=rate, highest_kw=200.0)
            inside = (low <= y) & (y <= high)
            found.append([inside[60:260].mean(), inside[260:].mean()])
    (before, after), (steady, adapted) = (np.mean(found, axis=0) for found in held.values())
    assert 0.87 < before < 0.93 and 0.87 < steady < 0.93
    assert after < 0.75 and adapted > 0.82


# F6 and delivery.


def test_a_firm_reduction_worked_by_hand():
    kw = [0, 2, 10, 18]
    assert baselines.firm_kw(kw, 0.9) == 0 and baselines.firm_kw(kw, 0.7) == 2
    assert np.quantile(np.minimum(kw, 10), 0.1) == pytest.approx(0.6)  # what interpolation hides
    assert np.isnan(baselines.firm_kw([], 0.9))


def test_the_interval_of_a_firm_reduction_is_of_ranks():
    """Of 100 independent events the 10 % point lies between ranks 5 and 15 (binomial, 90 %)."""
    days = pd.date_range("2026-01-01", periods=100)
    kw = pd.Series(np.random.default_rng(0).permutation(np.arange(1.0, 101)), days)
    low, high = baselines.firm_range(kw)
    assert 3 <= low <= 5 and 15 <= high <= 19
    assert baselines.firm_range(kw * 0) == (0, 0)
    assert baselines.firm_range(kw[:5])[0] == 0  # too few to exclude nothing
    assert np.isnan(baselines.firm_range(kw[:0])).all()


def test_days_that_resemble_each_other_make_the_interval_wider():
    days = pd.date_range("2026-01-01", periods=280)
    spells = np.random.default_rng(0).permutation(10.0 * np.arange(10))
    kw = pd.Series(np.repeat(spells, 28), days) + np.random.default_rng(1).random(280)
    mixed = kw.sample(frac=1, random_state=1).set_axis(days)
    width, narrow = (np.diff(baselines.firm_range(one))[0] for one in (kw, mixed))
    assert width > 2 * narrow


@given(st.lists(st.floats(0, 50), min_size=3, max_size=40), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_a_firm_reduction_is_there_as_often_as_it_says(kw, reliability):
    firm = baselines.firm_kw(kw, reliability)
    assert firm in kw
    assert np.mean(np.array(kw) >= firm) >= reliability - 1e-9
