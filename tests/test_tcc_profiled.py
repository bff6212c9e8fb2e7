"""Limits issued a day ahead: what may be known, what they are worth."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from statsmodels.regression.quantile_regression import QuantReg

from scchelpers.faults import UserError
from scchelpers.tcc import profiled
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


def loss(found, quantile=0.9):
    """Return the mean pinball loss of each forecast [kVA] where all of them are known."""
    ahead = found["forecast_kva"].drop_sel(case=profiled.TCC)
    missed = found["network_kva"] - ahead
    each = np.maximum(quantile * missed, (quantile - 1) * missed)
    return each.where(np.isfinite(ahead).all("case")).mean("time").to_series()


def over_kva(found):
    """Return by how much load and limit exceed the rating [kVA]; a limit of 0 is not to blame."""
    load = found["network_kva"] + found["limit_kw"] / found.attrs["power_factor"]
    return (load - found["rating_kva"]).where(found["limit_kw"] > 0, 0.0)


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
    breaches = (over_kva(tried) > profiled.TOLERANCE_KVA).sum("time").to_series()
    offered = tried["limit_kw"].sum("time").to_series()
    assert breaches[profiled.PERFECT] == 0
    kept = offered[breaches == 0]
    assert (kept <= offered[profiled.PERFECT] + 1e-6).all()


def test_regression_beats_the_references_where_levels_last(tried):
    each = loss(tried)
    assert each[profiled.PERFECT] == 0
    assert each["regression"] < each.drop([profiled.PERFECT, "regression"]).min()


def test_where_nothing_is_withheld_nothing_is_gained():
    network_kva = load()
    free = profiled.issue(
        network_kva, 1000.0, xr.full_like(network_kva, 100.0), requested_kw=100.0, power_factor=1.0
    )
    assert (free["limit_kw"].dropna("time") == 100.0).all()


def test_missing_load_is_neither_forecast_nor_scored():
    gappy = load()
    gappy[48 * 100 : 48 * 101] = np.nan
    found = issued(gappy, rules=("last week", "regression"))
    last_week = found["limit_kw"].sel(case="last week")
    missing = np.isnan(last_week).to_numpy()
    assert missing.sum() == 48
    # The day itself, and the one a week later that has no last week.
    known = np.isfinite(found["limit_kw"]).all("case") & np.isfinite(found["network_kva"])
    assert int(known.sum()) == found.sizes["time"] - 96


def test_faults_are_named():
    with pytest.raises(UserError, match="warm_up_days = 91"):
        issued(load(days=60))
    with pytest.raises(UserError, match="issue"):
        issued(load(), issue_time="01:00")
    with pytest.raises(UserError, match="not a forecast"):
        issued(load(), rules=("crystal ball",))
    with pytest.raises(UserError, match="quantile"):
        issued(load(), quantile=1.0)


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
    each = loss(found, 0.97)
    assert each["regression"] < each["seasonal quantile"]
    assert each["regression"] < each["last week + margin"]
    ahead = found["forecast_kva"].sel(case="regression")
    seen = np.isfinite(found["network_kva"]) & np.isfinite(ahead)
    covered = (found["network_kva"] <= ahead + profiled.TOLERANCE_KVA).where(seen)
    assert float(covered.mean()) == pytest.approx(0.97, abs=0.015)


def test_quantile_lines_are_those_of_statsmodels_to_the_last_digit():
    rng, fits = np.random.default_rng(3), []
    for level, rows in ((0.05, 80), (0.5, 400), (0.97, 300)):
        x = np.column_stack([np.ones(rows), rng.normal(size=(rows, 2)), rng.random(rows) < 0.2])
        fits.append((x, x @ rng.normal(size=4) + rng.standard_t(3, size=rows), level))
    found = profiled.quantile_lines(fits, tolerance=1e-4, most=200)
    for (x, y, level), line in zip(fits, found, strict=True):
        other = QuantReg(y, x).fit(q=level, p_tol=1e-4, max_iter=200)
        np.testing.assert_array_equal(line, other.params)
