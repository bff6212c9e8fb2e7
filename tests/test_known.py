"""Known time only: what is missing is not judged, and never counts as zero."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import charging, choice, clm, network
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.site import Known, Site
from scchelpers.timebase import YEAR_H
from tests.conftest import ROOT

DEMO = ROOT / "data/demo"
YEAR = pd.date_range("2025-01-01", periods=17520, freq="30min")


def load(values, time=YEAR) -> xr.DataArray:
    return xr.DataArray(np.broadcast_to(values, len(time)).astype(float), {"time": time}, ("time",))


def without(series: xr.DataArray, start: str, days: int) -> xr.DataArray:
    """Return a load with some days lost."""
    first = np.datetime64(start)
    gone = (series["time"] >= first) & (series["time"] < first + np.timedelta64(days, "D"))
    return series.where(~gone)


def nightly(time=YEAR, kwh=10.0, hours=8) -> pd.DataFrame:
    """Return one session every night at 22:00, for as long as the record lasts."""
    plug_in = (time[::48] + pd.Timedelta("22h")).tz_localize("UTC")
    return pd.DataFrame(
        {
            "session_id": [f"s{k}" for k in range(len(plug_in))],
            "evse_id": "E1",
            "plug_in": plug_in,
            "plug_out": plug_in + pd.Timedelta(hours=hours),
            "energy_kwh": kwh,
            "max_kw": 7.0,
        }
    )


def site(sessions=None, **given) -> Site:
    points = pd.DataFrame(
        {"evse_id": ["E1"], "site_id": "x", "rated_kw": [7.0], "phases": [1], "kind": ["slow"]}
    )
    parts = {"meta": {"requested_kva": 20.0, "power_factor": 1.0}, "chargepoints": points}
    parts |= {"sessions": nightly() if sessions is None else sessions, "rating_kva": None}
    parts |= {"residual_kw": None, "network_kva": None, "timezone": "Europe/London"}
    return Site("x", **(parts | given))


def test_known_time_of_a_load_is_where_it_has_values():
    own = site(network_kva=without(load(10.0), "2025-06-10", 5))
    known = own.known("network_kva")
    assert known.years == pytest.approx(360 * 24 / YEAR_H)
    assert known.by_season["summer"] == pytest.approx((123 - 5) / 123, abs=1e-3)
    assert known.reasons == ()
    assert known.per_year == pytest.approx(YEAR_H / (360 * 24))


def test_a_load_of_minutes_and_one_of_hours_are_known_by_half_hours():
    minutes = load(1.0, pd.date_range("2025-01-01", periods=90, freq="1min"))
    minutes[75] = np.nan
    assert Known.of(minutes, timezone="UTC").half_hours.tolist() == [True, True, False]
    hours = load(1.0, pd.date_range("2025-01-01", periods=3, freq="1h"))
    hours[1] = np.nan
    assert (
        Known.of(hours, timezone="UTC").half_hours.tolist() == [True] * 2 + [False] * 2 + [True] * 2
    )


def test_sessions_are_known_from_the_first_day_to_the_last_on_the_local_clock():
    summer = nightly(pd.date_range("2025-07-01", periods=48 * 10, freq="30min"))
    known = site(summer).known("sessions").half_hours
    assert known.sum() == 480
    assert known.index[0] == pd.Timestamp("2025-06-30 23:00")  # midnight in London


def test_a_hole_far_longer_than_usual_is_missing_not_without_charging():
    stays = nightly()
    day = stays["plug_in"].dt.day_of_year
    hole = stays[(day < 100) | (day >= 160)]
    assert site(hole).known("sessions").years == pytest.approx(305 * 24 / YEAR_H, rel=1e-3)
    weekly = stays.iloc[::9]  # a seldom used chargepoint has no holes
    assert site(weekly).known("sessions").years == pytest.approx(361 * 24 / YEAR_H, rel=1e-3)


def test_coverage_says_what_is_known(tmp_path):
    import shutil

    place = shutil.copytree(DEMO, tmp_path / "p")
    rows = "source,kind,site_id,first_day,last_day\n"
    rows += "log,sessions,village-hall,2025-02-01,2025-04-30\n"
    (place / "coverage.csv").write_text(rows, encoding="utf-8")
    folder = Portfolio.open(place)
    known = folder.site("village-hall").known("sessions")
    assert known.years == pytest.approx((89 * 24 - 1) / YEAR_H, rel=1e-6)  # the spring clock change
    assert "2.9 months" in known.reasons[0]
    assert any("winter" in text for text in known.reasons)
    with pytest.raises(UserError, match="import the record of more months"):
        _ = known.per_year
    assert not folder.site("harbour-works").known("sessions").half_hours.any()
    (place / "coverage.csv").write_text(rows.replace("2025-04-30", "2024-04-30"), encoding="utf-8")
    with pytest.raises(UserError, match=r"coverage.csv, row 2, last_day = '2024-04-30'"):
        Portfolio.open(place).site("village-hall")


def test_what_was_never_on_record_is_known_at_no_time():
    assert site().known("residual_kw").reasons[0].startswith("no time is on record")
    assert site().judged.reasons == ()  # sessions alone are on record, and for a year


def test_sessions_of_one_year_on_a_load_of_two_are_scaled_by_one_year():
    two = pd.date_range("2024-01-01", periods=2 * 17520 + 48, freq="30min")
    own = site(network_kva=load(10.0, two), rating_kva=pd.Series(12.0, ["winter"]))
    known = own.known("sessions", "network_kva")
    kept, years = known.judged(own.sessions)
    # The last night runs beyond the load: it is left out, and so is its part of the time.
    assert len(kept) == 364
    assert years == pytest.approx(364 * 24 / YEAR_H)
    assert kept["energy_kwh"].sum() / years == pytest.approx(3652.5)  # 10 kWh a night


def test_a_stay_that_runs_into_a_gap_is_left_out_with_its_time():
    own = site(network_kva=without(load(10.0), "2025-06-10", 5))
    kept, years = own.known("sessions", "network_kva").judged(own.sessions)
    # 5 nights begin in the gap, the one of 9 June runs into it, that of 31 December beyond the end.
    assert len(kept) == 365 - 5 - 1 - 1
    assert kept["energy_kwh"].sum() / years == pytest.approx(3652.5)


def test_a_gap_of_two_hours_is_bridged_and_a_longer_one_is_not():
    kva = load(10.0)
    kva[48 * 100 : 48 * 100 + 4] = np.nan
    own = site(network_kva=kva)
    assert own.known("network_kva").half_hours.sum() == 17516
    assert len(own.known("network_kva").judged(own.sessions)[0]) == 364
    kva[48 * 100 + 4] = np.nan
    assert len(site(network_kva=kva).known("network_kva").judged(own.sessions)[0]) == 363


def test_a_missing_limit_charges_as_before_for_two_hours_and_then_is_none():
    frame = nightly(YEAR[:48], kwh=56.0)
    time = pd.date_range("2025-01-01 22:00", periods=8, freq="1h")
    held = [1.0, np.nan, np.nan, 1.0, np.nan, np.nan, np.nan, 1.0]
    result = charging.simulate(frame, load(held, time), step="1h", limit_missing="unjudged")
    assert result.power_kw.to_numpy()[:3].tolist() == [1.0, 1.0, 1.0]
    assert result.power_kw.to_numpy()[6] == pytest.approx(7.0)


@pytest.fixture(scope="module")
def bus_depot():
    """Return how the demo's bus depot is decided, with five June days of its feeder and without."""
    folder = Portfolio.open(DEMO)
    own = folder.site("kelvin-bus-depot")
    gap = replace(own, network_kva=without(own.network_kva, "2025-06-10", 5))
    made = {}
    for name, one in (("whole", own), ("gap", gap)):
        assets = {"kelvin-feeder": (one.network_kva, one.rating_kva)}
        feeds = {one.site_id: {"kelvin-feeder": 1.0}}
        around = choice.Surroundings([one], assets, feeds, {}, {"kelvin-feeder": "feeder"})
        made[name] = choice.decide(around, how_sure=False)[0]
    return {name: found[own.site_id] for name, found in made.items()}


def test_a_gap_of_five_days_does_not_turn_an_lmc_into_reinforcement(bus_depot):
    assert bus_depot["whole"].scheme == "LMC"
    assert bus_depot["gap"].scheme == "LMC"
    whole, gap = (bus_depot[name].options.loc["LMC"] for name in ("whole", "gap"))
    for name in ("unserved_kwh", "wanted_kwh", "restricted_h", "mean_kva", "availability"):
        assert gap[name] == pytest.approx(whole[name], rel=0.03), name
    assert gap["over_h"] == pytest.approx(whole["over_h"], abs=0.5)


def test_no_half_hour_of_the_gap_has_a_limit(bus_depot):
    limit = bus_depot["gap"].limits["LMC"]
    assert np.isnan(limit.sel(time=slice("2025-06-10T00:10", "2025-06-14T23:50"))).all()
    assert not np.isnan(limit.sel(time=slice("2025-06-16", None))).any()


def test_the_lmc_of_a_group_charges_nobody_in_the_gap():
    folder = Portfolio.open(DEMO)
    own = folder.site("kelvin-bus-depot")
    gap = replace(own, network_kva=without(own.network_kva, "2025-06-10", 5))
    seen = {}
    for name, one in (("whole", own), ("gap", gap)):
        group = network.locally_managed([one], step="30min")
        limit = network.limits(group, control=network.Control(step="30min"))
        seen[name] = network.views(group, limit).iloc[0] / group.years
    for name in ("unserved_kwh", "wanted_kwh", "restricted_h"):
        assert seen["gap"][name] == pytest.approx(seen["whole"][name], rel=0.04), name


def test_a_dynamic_clm_with_a_fifth_of_its_load_missing_costs_what_it_costs():
    own = Portfolio.open(DEMO).site("harbour-works")
    days = np.unique(own.residual_kw["time"].to_numpy().astype("datetime64[D]"))
    gone = np.random.default_rng(4).choice(days, round(0.18 * len(days)), replace=False)
    lost = np.isin(own.residual_kw["time"].to_numpy().astype("datetime64[D]"), gone)
    gap = replace(own, residual_kw=own.residual_kw.where(~lost))
    found = {}
    for name, one in (("whole", own), ("gap", gap)):
        known = one.known("sessions", "residual_kw")
        customers = clm.Customers(one.sessions, one.chargepoints).within(one.residual_kw, known)
        limit = clm.dynamic_limit(
            one.residual_kw, one.dsc_kva, power_factor=one.power_factor, margin_kw=60.0
        )
        found[name] = clm.yearly(
            customers, one.residual_kw, limit, one.dsc_kva, power_factor=one.power_factor
        )
    assert found["whole"]["unserved_kwh"] > 0
    whole, seen = found["whole"], found["gap"]
    assert seen["unserved_kwh"] == pytest.approx(whole["unserved_kwh"], rel=0.25)
    assert seen["excess_kva_days"] == pytest.approx(whole["excess_kva_days"], rel=0.25)


def test_three_winter_months_are_not_made_a_year():
    winter = pd.date_range("2025-01-01", periods=48 * 90, freq="30min")
    own = site(nightly(winter), network_kva=load(10.0, winter))
    own = replace(own, rating_kva=pd.Series(12.0, ["winter", "spring", "summer", "autumn"]))
    assert own.judged.reasons
    assets, feeds = {"a": (own.network_kva, own.rating_kva)}, {own.site_id: {"a": 1.0}}
    around = choice.Surroundings([own], assets, feeds, {}, {"a": "transformer"})
    found = choice.decide(around, how_sure=False)[0][own.site_id]
    assert found.facts["reasons"]
    assert found.scheme is None
