"""Scores, calibration, delivery and payment: worked by hand, and identities that must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import baselines
from scchelpers.baselines.forecast import (
    TAIL_LEVELS,
    misses,
    mixed_quantile,
    rolling,
    step,
    two_part_level,
    widened,
)
from scchelpers.faults import UserError

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


def test_a_difference_is_zero_for_twins_and_sure_for_a_better_rule():
    rng = np.random.default_rng(0)
    a = rng.gamma(2, 5, 200)
    weeks = np.arange(200) // 5
    assert baselines.difference(a, a + 1, a + 1, weeks) == (0, 0, 0)
    gap, low, high = baselines.difference(a, a + rng.normal(0, 8, 200), a + 1, weeks)
    assert low <= gap <= high < 0


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
    low, high = widened(np.array([0.0, 5.0, 5.0]), np.array([10.0, 10.0, 10.0]), -4.0)
    assert low[0] == 0 and high[0] == 6
    assert low[1] == high[1] == 7.5
    assert (misses([0, 0, 12], [0, 2, 2], [4, 4, 10]) == [-4, 2, 2]).all()


def test_rolling_calibration_uses_only_what_was_over():
    rng = np.random.default_rng(2)
    y = rng.normal(50, 10, 400)
    point = np.full(400, 50.0)
    known = np.maximum(np.arange(400) - 2, 0)  # two events late
    low, high = rolling(y, point, point, known)
    assert np.isnan(low[:11]).all() and np.isfinite(low[11:]).all()
    covered = ((low <= y) & (y <= high))[60:].mean()
    assert 0.86 < covered < 0.94
    changed = y.copy()
    changed[100:] = 1e6
    np.testing.assert_array_equal(rolling(changed, point, point, known)[1][:102], high[:102])


# F6 and delivery.


def test_a_firm_reduction_worked_by_hand():
    kw = [0, 2, 10, 18]
    assert baselines.firm_kw(kw, 0.9) == 0 and baselines.firm_kw(kw, 0.7) == 2
    assert np.quantile(np.minimum(kw, 10), 0.1) == pytest.approx(0.6)  # what interpolation hides
    assert np.isnan(baselines.firm_kw([], 0.9))


def test_sliding_payment():
    ratio = [0, 0.49, 0.5, 0.75, 1, 2]
    assert baselines.paid_share(ratio).tolist() == [0, 0, 0.5, 0.75, 1, 1]
    assert baselines.paid_share(ratio, scale="ramp").tolist() == [0, 0, 0, 0.5, 1, 1]
    for wrong in ({"threshold": 1.0}, {"scale": "cliff"}):
        with pytest.raises(UserError):
            baselines.paid_share(ratio, **wrong)


@given(st.lists(st.floats(0, 50), min_size=3, max_size=40), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_a_firm_reduction_is_there_as_often_as_it_says(kw, reliability):
    firm = baselines.firm_kw(kw, reliability)
    assert firm in kw
    assert np.mean(np.array(kw) >= firm) >= reliability - 1e-9
