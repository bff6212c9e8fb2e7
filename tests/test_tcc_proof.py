"""Proof out of sample and stress, against hand-worked records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
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
    over = [
        int(
            (
                tcc.excess(load, 400.0, tcc.unseen_limit_kva(load, 400.0, 100.0, quantile=q)) > 0
            ).sum()
        )
        for q in (0.5, 0.9, 0.99)
    ]
    assert over == sorted(over, reverse=True) and over[0] > over[-1]


def test_a_half_hour_that_only_the_days_judged_know_is_not_judged():
    load = load_of(teatime())
    january = timebase.clock(YEAR).month == 1
    known = january & (timebase.local_date(YEAR) < pd.Timestamp("2025-01-15"))
    calendar = dict.fromkeys(range(1, 13), "rest") | {1: "January"}
    load = load.where(known | ~january)
    unseen = tcc.unseen_limit_kva(load, 400.0, 100.0, calendar=calendar)
    assert np.isnan(unseen[known]).all() and np.isfinite(unseen[~january]).all()


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


def test_a_day_fed_another_way_does_not_decide_the_windows(demo):
    site = demo.site("elm-road-lamps")
    load = site.network_kva
    sunday = timebase.local_date(load["time"], site.timezone) == pd.Timestamp("2025-01-19")
    fed = replace(site, network_kva=load.where(~sunday, 2 * load))
    plain, found = tcc.study(site, leave_out="2025-01-19"), tcc.study(fed)
    assert found.left_out.index.tolist() == [pd.Timestamp("2025-01-19")]
    pd.testing.assert_frame_equal(found.windows, plain.windows)
    kept = tcc.study(fed, leave_out="none")
    assert kept.windows["limit_kva"].min() < found.windows["limit_kva"].min()


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
    assert sorted(study.calendar) == list(range(1, 13))
    assert study.offered
