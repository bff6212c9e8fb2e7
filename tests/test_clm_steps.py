"""Loads that switch on at once, found at known times."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.clm import volatility
from scchelpers.faults import UserError


def site(starts, minutes, noise=1.5, seed=2, size_kw=60.0, days=20):
    """A yard with a daily shape, noise and a motor at known minutes."""
    minute = np.arange(days * 1440)
    values = 40 + 15 * np.sin(2 * np.pi * minute / 1440)
    values += noise * np.random.default_rng(seed).standard_normal(len(minute))
    for start, length in zip(starts, minutes, strict=True):
        values[start : start + length] += size_kw
    time = pd.date_range("2026-01-05", periods=len(minute), freq="1min")
    return xr.DataArray(values, {"time": time}, ("time",))


@pytest.mark.parametrize("seed", range(4))
def test_every_start_is_found_and_no_other(seed):
    rng = np.random.default_rng(100 + seed)
    starts = np.sort(rng.choice(np.arange(30, 28000, 45), 150, replace=False))
    minutes = rng.integers(1, 20, len(starts))
    found = volatility.detect(site(starts, minutes, seed=seed), smallest_kw=30)
    true = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(starts, unit="min")
    assert found["start"].tolist() == true.tolist()
    assert found["duration_min"].tolist() == minutes.tolist()
    np.testing.assert_allclose(found["size_kw"], 60, atol=10)


def test_a_start_within_an_interval_is_one_start_of_full_size():
    values = np.full(60, 20.0)
    values[20], values[21:25] = 20 + 35, 80  # it starts 25 s into the minute
    load = site([], []).isel(time=slice(60)).copy(data=values)
    found = volatility.detect(load, smallest_kw=20)
    assert found[["size_kw", "duration_min"]].to_numpy().tolist() == [[60, 5]]


def test_starts_beside_missing_data_are_not_invented():
    load = site([100, 200], [5, 5], noise=0.0).copy()
    load[98:103] = np.nan
    load[202] = np.nan
    found = volatility.detect(load, smallest_kw=30)
    assert len(found) == 1 and np.isnan(found["duration_min"].iloc[0])


def test_noise_alone_has_no_starts_by_default():
    assert volatility.detect(site([], [], noise=3.0)).empty


def test_a_smallest_start_within_the_noise_is_refused():
    with pytest.raises(UserError, match="does not stand out"):
        volatility.detect(site([], [], noise=3.0), smallest_kw=5)
    with pytest.raises(UserError, match="above 0"):
        volatility.detect(site([], []), smallest_kw=0)


def test_noise_is_not_moved_by_the_motor():
    starts = np.arange(100, 28000, 40)
    noisy = site(starts, [10] * len(starts), noise=1.5)
    # The change between two independent values has a deviation of 1.5 x sqrt(2).
    assert volatility._noise_kw(noisy) == pytest.approx(2.12, rel=0.1)


def test_hoist_of_the_demo_yard(demo_yard):
    found = volatility.detect(demo_yard, smallest_kw=30)
    assert (found["size_kw"] / 10).round().mode().iloc[0] == 6
    assert found["hour"].between(8, 17).all()
    # Poisson, 5 on each of six days a week but holidays; runs that overlap are one start.
    assert 4.3 * 6 < len(found) / found.attrs["weeks"] < 5 * 6
    assert found["duration_min"].quantile(0.05) >= 3 and found["duration_min"].median() == 6


@pytest.fixture
def demo_yard():
    from scchelpers.portfolio import Portfolio
    from tests.conftest import ROOT

    return Portfolio.open(ROOT / "data" / "demo").site("harbour-works").residual_kw
