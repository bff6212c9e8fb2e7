"""Limits issued a day ahead: what may be known, what they are worth."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers.faults import UserError
from scchelpers.figures.tcc import profiled as draw
from scchelpers.tcc import profiled
from scchelpers.tcc.findings import profiled as findings
from scchelpers.timebase import from_clock

DAYS = 140


def load(days=DAYS, seed=1, start="2026-02-02"):
    """A load with a daily and a weekly shape and noise that lasts for days [kVA]."""
    rng = np.random.default_rng(seed)
    time = pd.date_range(start, periods=days * 48, freq="30min")
    shape = 60 * np.sin(2 * np.pi * (np.arange(time.size) % 48 - 24) / 48)
    week = np.where(time.day_of_week >= 5, -30.0, 0.0)
    level = np.repeat(np.convolve(rng.normal(0, 10, days + 3), np.ones(4) / 2, "valid"), 48)
    values = 200 + shape + week + level + rng.normal(0, 8, time.size)
    return xr.DataArray(values, {"time": time}, ("time",), attrs={"units": "kVA"})


def issued(network_kva, rating=300.0, **options):
    timed = xr.full_like(network_kva, 60.0)
    options = {"requested_kw": 100.0, "power_factor": 1.0, "quantile": 0.9} | options
    return profiled.issue(network_kva, rating, timed, **options)


@pytest.fixture(scope="module")
def tried():
    return issued(load())


# Reference values: methods, section 7.


def test_pinball():
    assert profiled.pinball([100, 100], [90, 120], 0.9).tolist() == [9.0, 2.0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=40),
    st.floats(0.5, 0.99),
    st.floats(-1e3, 1e3),
)
def test_no_constant_beats_the_sample_quantile(values, quantile, other):
    best = np.quantile(values, quantile, method="inverted_cdf")
    loss = profiled.pinball(values, best, quantile).mean()
    assert loss <= profiled.pinball(values, other, quantile).mean() + 1e-9


# Nothing metered after the issue may enter.


@pytest.mark.parametrize("rule", list(profiled.RULES))
@pytest.mark.parametrize(
    # The instant of issue of the forecast for the day after; one is the day the clocks go on.
    ("day", "issue"),
    [("2026-03-29", "10:00"), ("2026-05-12", "16:30")],
)
def test_the_future_does_not_change_a_forecast(rule, day, issue):
    whole = load()
    at = from_clock([f"{day} {issue}"])[0].tz_localize(None)[0]
    after = whole["time"] >= np.datetime64(at)
    other = whole.where(~after, whole + 500 * np.random.default_rng(0).random(whole.size))
    # The block of a fit begins with the day after the issue: nothing of it may be in the fit.
    ahead = (pd.Timestamp(day) - pd.Timestamp("2026-02-02")).days + 1
    options = {"quantile": 0.9, "warm_up_days": ahead % 14 + 56, "refit_days": 14}
    told = [
        profiled.forecast(
            profiled.read_history(series, issue=issue), whole["time"], rule, **options
        )
        for series in (whole, other)
    ]
    end = from_clock([pd.Timestamp(day) + pd.Timedelta("2D")])[0].tz_localize(None)[0]
    so_far = (whole["time"] < np.datetime64(end)).to_numpy()
    assert np.isfinite(told[0][so_far][-48:]).all()
    np.testing.assert_array_equal(told[0][so_far], told[1][so_far])
    assert not np.array_equal(told[0], told[1], equal_nan=True)


def test_what_is_known_at_the_time_of_issue_is_used():
    whole = load()
    morning = whole.copy()
    at = (whole["time"] >= np.datetime64("2026-02-28T08:00")) & (
        whole["time"] < np.datetime64("2026-02-28T10:00")
    )
    morning[at.to_numpy()] += 100
    early, late = (
        profiled.read_history(morning, issue=issue).change[27, 16:22]
        - profiled.read_history(whole, issue=issue).change[27, 16:22]
        for issue in ("08:00", "10:00")
    )
    assert early.tolist() == [0] * 6
    np.testing.assert_allclose(late, [100] * 4 + [0] * 2)


# Limits.


def test_limit_is_what_the_forecast_leaves(tried):
    one = tried.sel(case="regression")
    expected = np.clip(300.0 - one["forecast_kva"], 0, 100)
    np.testing.assert_allclose(one["limit_kw"], expected)


def test_issue_begins_after_the_warm_up(tried):
    assert str(tried["time"].to_numpy()[0])[:10] == "2026-05-03"
    assert np.isfinite(tried["forecast_kva"].sel(case="regression")).all()


def test_perfect_foresight_never_breaches_and_no_rule_offers_more_safely(tried):
    scores = profiled.score(tried)
    perfect = scores.loc[profiled.PERFECT]
    assert perfect["breaches"] == 0
    assert perfect["pinball_kva"] == 0
    kept = scores[scores["breaches"] == 0]
    assert (kept["offered_kwh"] <= perfect["offered_kwh"] + 1e-6).all()
    assert scores.loc[profiled.TCC, "released_kwh"] == 0


def test_score_counts_by_hand():
    time = pd.date_range("2026-01-05", periods=3, freq="30min")
    cases = ["rule", profiled.TCC, profiled.PERFECT]
    forecast = [[80.0, 90.0, 110.0], [np.nan] * 3, [90.0, 85.0, 120.0]]
    limits = [[20.0, 10.0, 0.0], [12.0, 12.0, 0.0], [10.0, 15.0, 0.0]]
    both = ("case", "time")
    one = xr.Dataset(
        {
            "forecast_kva": (both, forecast),
            "limit_kw": (both, limits),
            "network_kva": ("time", [90.0, 85.0, 120.0]),
            "rating_kva": ("time", [100.0] * 3),
        },
        {"case": cases, "time": time},
        {"quantile": 0.9, "power_factor": 1.0},
    )
    scores = profiled.score(one)
    rule = scores.loc["rule"]
    # Missed by 10, -5 and 10: 9 + 0.5 + 9 over three half hours; one of three was covered. The
    # overload at a limit of 0 is the network's own.
    assert rule["pinball_kva"] == pytest.approx(18.5 / 3)
    assert rule["coverage"] == pytest.approx(1 / 3)
    assert (rule["breaches"], rule["breach_kva"]) == (1, 10.0)
    assert rule["released_kwh"] == pytest.approx(3.0)
    assert scores.loc[profiled.TCC, "breaches"] == 1


def test_regression_beats_the_references_where_levels_last(tried):
    loss = profiled.score(tried)["pinball_kva"]
    assert loss["regression"] < loss.drop([profiled.PERFECT, "regression"]).min()
    assert "below" in findings.profiled(profiled.score(tried), tried)


def test_where_nothing_is_withheld_nothing_is_gained():
    network_kva = load()
    free = profiled.issue(
        network_kva, 1000.0, xr.full_like(network_kva, 100.0), requested_kw=100.0, power_factor=1.0
    )
    scores = profiled.score(free)
    assert (scores["released_kwh"] == 0).all()
    assert "gains nothing here" in findings.profiled(scores, free)


def test_missing_load_is_neither_forecast_nor_scored():
    gappy = load()
    gappy[48 * 100 : 48 * 101] = np.nan
    found = issued(gappy, rules=("last week", "regression"))
    last_week = found["limit_kw"].sel(case="last week")
    missing = np.isnan(last_week).to_numpy()
    assert missing.sum() == 48
    # The day itself, and the one a week later that has no last week.
    assert profiled.score(found)["half_hours"].iloc[0] == found.sizes["time"] - 96


def test_faults_are_named():
    with pytest.raises(UserError, match="warm_up_days = 91"):
        issued(load(days=60))
    with pytest.raises(UserError, match="issue"):
        issued(load(), issue_time="01:00")
    with pytest.raises(UserError, match="not a forecast"):
        issued(load(), rules=("crystal ball",))
    with pytest.raises(UserError, match="quantile"):
        issued(load(), quantile=1.0)


def test_figure_states_the_mean_limits(tried):
    _, alt = draw.profiled(tried)
    assert "perfect foresight" in alt
    assert "mean limit [kW]" in profiled.score_table(profiled.score(tried)).columns


# Real feeders: first year to learn, the rest to judge.


@pytest.mark.parametrize(
    ("file", "rating", "dayfirst"),
    [
        ("half_hourly_power_staplegrove.csv", 2600.0, True),
        (
            "MW_Mousehole_CB51_MW_observation_variable_half_hourly_real_power_MW.csv",
            2500.0,
            False,
        ),
    ],
)
def test_real_feeders(shared_data, file, rating, dayfirst):
    table = pd.read_csv(shared_data("wpd_feeders") / file)
    time = pd.to_datetime(table["time"], dayfirst=dayfirst)
    network_kva = xr.DataArray(1000 * table["value"] / 0.98, {"time": time.to_numpy()}, ("time",))
    found = issued(network_kva, rating, requested_kw=500.0, power_factor=0.98, quantile=0.97,
                   warm_up_days=365, refit_days=91)  # fmt: skip
    scores = profiled.score(found)
    ours = scores.loc["regression"]
    assert ours["pinball_kva"] < scores.loc["seasonal quantile", "pinball_kva"]
    assert ours["pinball_kva"] < scores.loc["last week + margin", "pinball_kva"]
    assert ours["coverage"] == pytest.approx(0.97, abs=0.015)
