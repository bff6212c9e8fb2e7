"""Proof out of sample and stress, against hand-worked records."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.tcc.proof import folds
from tests.conftest import ROOT

YEAR = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")


def load_of(values, time=YEAR):
    return xr.DataArray(np.asarray(values, float), {"time": timebase.naive_utc(time)}, ("time",))


def teatime(time=YEAR, peak=340.0):
    hour = timebase.half_hour(time)
    return np.where((hour >= 33) & (hour < 37), peak, 100.0)


def test_breaches_of_a_hand_worked_day():
    time = YEAR[:10]
    load = load_of([380, 390, 410, 300, np.nan, 420, 380, 300, 300, 361], time)
    excess_kva = tcc.excess(load, 400.0, 40.0)
    # 410 is over on its own: the site answers for its 40 only; 420 likewise.
    assert excess_kva.fillna(-1).to_numpy().tolist() == [20, 30, 40, 0, -1, 40, 20, 0, 0, 1]
    found = tcc.breaches(excess_kva)
    assert found["half_hours"] == 6
    assert found["worst_kva"] == 40
    assert found["longest_h"] == 1.5
    assert found["energy_kvah"] == pytest.approx(151 / 2)
    assert found["known_half_hours"] == 9


def test_a_limit_of_nothing_is_never_to_blame():
    assert (tcc.excess(load_of(np.full(len(YEAR), 500.0)), 400.0, 0.0) == 0).all()


def test_bootstrap_holds_the_truth_and_knows_blocks():
    excess_kva = xr.zeros_like(load_of(teatime()))
    excess_kva[::336] = 5.0  # one half hour every week
    weekly = tcc.bootstrap(excess_kva, block="week", draws=300)
    assert weekly.loc["half_hours", "low"] <= 53 <= weekly.loc["half_hours", "high"]
    assert weekly.loc["half_hours", "high"] - weekly.loc["half_hours", "low"] <= 2
    daily = tcc.bootstrap(excess_kva, block="day", draws=300)
    assert daily.loc["half_hours", "high"] - daily.loc["half_hours", "low"] > 5
    assert weekly.loc["worst_kva"].tolist() == [5, 5]
    pd.testing.assert_frame_equal(weekly, tcc.bootstrap(excess_kva, block="week", draws=300))
    with pytest.raises(UserError, match="block"):
        tcc.bootstrap(excess_kva, block="month")


def test_one_year_is_cross_validated_and_two_hold_the_second_out():
    basis, part = folds(load_of(teatime()))
    assert basis == "cross-validation"
    assert np.bincount(part).min() > 0.2 * len(YEAR)
    assert set(part[:672]) == {0}
    two = timebase.grid("2025-01-01T00:00Z", "2027-01-01T00:00Z", "30min")
    basis, part = folds(load_of(teatime(two), two))
    assert basis == "held-out year"
    assert (part[:17520] == -1).all()
    assert (part[17520:] == 0).all()


def test_what_is_judged_had_no_part_in_the_windows():
    value = teatime()
    spike = (timebase.clock(YEAR).month == 3) & (timebase.clock(YEAR).day == 3)
    value = np.where(spike & (timebase.half_hour(YEAR) == 20), 390, value)
    excess_kva = tcc.out_of_sample(load_of(value), 400.0, 100.0, quantiles=(0.99, 1.0))
    assert excess_kva.sel(quantile=1.0).max() == 90  # the only such half hour was held out
    assert int((excess_kva.sel(quantile=1.0) > 0).sum()) == 1
    cells = tcc.Cells.of(load_of(value))
    windows = tcc.windows_of(cells, 400.0, 100.0, quantile=1.0)
    within = tcc.excess(load_of(value), 400.0, tcc.limit_kva(windows, YEAR, 100.0))
    assert float(within.max()) == 0


def test_a_limit_is_judged_on_days_that_did_not_make_it():
    kva = teatime().reshape(-1, 48)
    kva[20, 20] = 395.0  # one day that no other day shows
    load = load_of(kva.ravel())
    made = tcc.limit_kva(tcc.derive_windows(load, 400.0, 100.0, quantile=1.0), load["time"], 100.0)
    unseen = tcc.unseen_limit_kva(load, 400.0, 100.0, quantile=1.0)
    assert not (tcc.excess(load, 400.0, made) > 0).any()
    over = tcc.excess(load, 400.0, unseen)
    assert np.flatnonzero(over > 0).tolist() == [20 * 48 + 20]


def test_a_stricter_quantile_leaves_less_at_risk():
    rng = np.random.default_rng(5)
    load = load_of(teatime() * rng.normal(1, 0.05, len(YEAR)))
    over = tcc.out_of_sample(load, 400.0, 100.0, quantiles=(0.5, 0.9, 0.99)) > 0
    assert over.sum("time").to_series().is_monotonic_decreasing


@pytest.fixture
def flat():
    """Return cells and windows of a teatime load with 400 kVA of rating and a request of 100."""
    cells = tcc.Cells.of(load_of(teatime()), day_types="all")
    return cells, tcc.windows_of(cells, 400.0, 100.0, margin_kva=10)


def test_growth_ends_the_protection_in_the_year_worked_by_hand(flat):
    cells, windows = flat
    assert set(windows["limit_kva"]) == {50.0}
    protected = tcc.protection(cells, 400.0, 100.0, windows, growth=0.01)
    # 340 x 1.01^n + 50 <= 400 holds to n = 2 (346.83), and fails at n = 3 (350.30).
    assert protected["margin_kva"].iloc[:2].tolist() == pytest.approx([10.0, 6.6])
    assert tcc.last_year(protected) == 3
    assert protected.loc[3, "clock"] == "16:30"
    assert tcc.last_year(tcc.protection(cells, 400.0, 100.0, windows)) is None
    yearly_kva = np.where(np.isin(np.arange(48), range(33, 37)), 3.0, 8.0)
    added = tcc.protection(cells, 400.0, 100.0, windows, yearly_kva=yearly_kva)
    assert added["margin_kva"].iloc[:3].tolist() == pytest.approx([10.0, 7.0, 4.0])


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


@pytest.mark.parametrize(
    ("site_id", "verdict"),
    [
        ("elm-road-lamps", "TCC fits"),
        ("elm-road-posts", "TCC fits"),
        ("science-park", "firm connection fits"),
        ("station-taxi-hub", "not a TCC"),
        ("kelvin-bus-depot", "TCC fits only with deep curtailment"),
        ("solway-park-ride", "TCC fits"),
    ],
)
def test_verdicts_on_the_demo(demo, site_id, verdict):
    study = tcc.study(demo.site(site_id))
    assert study.verdict.verdict == verdict


def test_depot_gives_up_the_day_for_the_night(demo):
    study = tcc.study(demo.site("kelvin-bus-depot"))
    day = study.windows[study.windows["day_type"] == "weekday"]
    assert (day["limit_kva"] < 0.2 * study.requested_kva).all()
    time = study.network_kva["time"]
    night = timebase.half_hour(time) < 9  # until 04:30
    assert (study.limit_kw(time)[night] == study.requested_kw).all()


@pytest.mark.parametrize("site_id", ["village-hall", "caltech-garage"])
def test_a_site_without_a_network_ends_well(demo, site_id):
    study = tcc.study(demo.site(site_id))
    assert not study.known
    assert "no network asset" in study.lacking[0]


def test_after_diversity_is_asked_for_explicitly(demo):
    site = demo.site("elm-road-lamps")
    full = tcc.study(site)
    less = tcc.study(site, basis="after-diversity")
    assert full.request["basis"] == "full"
    assert full.requested_kva == site.meta["requested_kva"]
    assert less.requested_kva < full.requested_kva
    assert less.request["basis"] == "after-diversity"
    with pytest.raises(UserError, match="basis"):
        tcc.requested_capacity(site, "half")


def test_seasons_by_the_data_keep_every_month(demo):
    study = tcc.study(demo.site("elm-road-lamps"), seasons="data")
    assert sorted(month for months in study.cells.months for month in months) == list(range(1, 13))
    assert study.offered
