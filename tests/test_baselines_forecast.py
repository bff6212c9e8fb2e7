"""Forecasts know nothing of the future; dispatch files; pooling, real calls and netting."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import baselines, timebase
from scchelpers.baselines.delivery import only_in_events
from scchelpers.baselines.forecast import features, over_by
from scchelpers.baselines.matching import event_mean
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, dispatches
from tests.conftest import ROOT


def random_days(seed=0, days=200, chance=0.5, scale=10.0) -> baselines.Days:
    rng = np.random.default_rng(seed)
    level = rng.gamma(2, scale / 2, (days, 1)) * (rng.random((days, 1)) < chance)
    kw = level * rng.uniform(0.5, 1.5, (days, 48))
    return baselines.Days(kw, pd.Timestamp("2024-01-01"))


@pytest.fixture(scope="module")
def village():
    return Portfolio.open(ROOT / "data" / "demo").site("village-hall")


def evening_limit(days):
    """Return 5 kW from 16:30 to 18:30 of every day, else 500 kW."""
    first = days.first.tz_localize("UTC") - pd.Timedelta("1D")
    time = timebase.grid(first, first + pd.Timedelta(days=len(days) + 3), "30min")
    on = timebase.in_window(time, "16:30", "18:30")
    return xr.DataArray(np.where(on, 5.0, 500.0), {"time": timebase.naive_utc(time)}, ("time",))


@pytest.fixture(scope="module")
def village_days(village):
    return baselines.site_days(village)


# Known time.


def test_days_that_no_source_covers_are_unknown_and_not_empty(village):
    """A hole of two months in the sources: what was firm before is firm still, not nothing."""
    local = village.sessions["plug_in"].dt.tz_convert("Europe/London").dt.month
    spans = [("2025-01-01", "2025-05-01"), ("2025-07-01", "2026-01-01")]
    zone = village.timezone
    holed = replace(
        village,
        sessions=village.sessions[~local.isin([5, 6])].reset_index(drop=True),
        session_spans=tuple(tuple(pd.Timestamp(day, tz=zone) for day in span) for span in spans),
    )
    whole, days = baselines.site_days(village), baselines.site_days(holed)
    months = days.dates.month
    assert np.isnan(days.kw[months.isin([5, 6])]).all()
    assert np.isfinite(days.kw[~months.isin([5, 6])]).all(axis=1).mean() > 0.98
    events = baselines.schedule(days)
    assert not set(events["day"].dt.month) & {5, 6}
    same = baselines.schedule(whole)
    same = same[same["day"].isin(events["day"])]
    firm = [
        baselines.firm_kw(event_mean(baselines.actual(d, e)), 0.8)
        for d, e in ((days, events), (whole, same))
    ]
    assert firm[0] == pytest.approx(firm[1], abs=1e-6)


# The cut-off of information.


@pytest.mark.parametrize(("made", "known_until"), [("same_day", 34), ("day_ahead", -24)])
@pytest.mark.parametrize("model", ["regression", "quantile", "two_part"])
def test_a_forecast_knows_nothing_after_it_is_made(model, made, known_until):
    days = random_days(3, 150)
    events = baselines.schedule(days)
    k = 95
    row = (events["day"][k] - days.first).days
    later = days.kw.copy()
    rest = later.ravel()[48 * row + known_until :]
    rest[:] = np.random.default_rng(9).gamma(1, 300, len(rest))
    seen, unseen = (
        baselines.walk_forward(d, events, model, made=made).iloc[k]
        for d in (days, days.with_kw(later))
    )
    told = ["point_kw", "low_kw", "high_kw", "p_zero"]
    assert np.isfinite(seen[told[:3]].astype(float)).all()
    pd.testing.assert_series_equal(seen[told], unseen[told])


def test_a_forecast_does_use_what_was_known():
    days = random_days(3, 150)
    events = baselines.schedule(days)
    k = 95
    row = (events["day"][k] - days.first).days
    earlier = days.kw.copy()
    earlier[row, 26:33] += 50  # the window of the day
    one, other = (features(d, events, "same_day").iloc[k] for d in (days, days.with_kw(earlier)))
    assert other["window"] > one["window"] + 40
    ahead = [features(d, events, "day_ahead").iloc[k] for d in (days, days.with_kw(earlier))]
    pd.testing.assert_series_equal(*ahead)


def test_the_evening_before_is_not_over_at_noon():
    days = random_days(1, 40, chance=1.0)
    for start, late in (("17:00", 1), ("06:00", 0), ("10:00", 1)):
        events = baselines.schedule(days, start, 3.0, on="all")
        k = np.arange(len(events))
        np.testing.assert_array_equal(over_by(days, events, "same_day"), k)
        np.testing.assert_array_equal(over_by(days, events, "day_ahead"), np.maximum(k - late, 0))
    evening = baselines.schedule(days, "17:00", 3.0, on="all")
    last = features(days, evening, "day_ahead")["last"].to_numpy()
    drawn = event_mean(baselines.actual(days, evening))
    assert evening["day"][22].day_name() == "Tuesday" and last[22] == drawn[18]  # of Friday


def test_intervals_hold_on_independent_days():
    days = random_days(7, 700)
    events = baselines.schedule(days, on="all")
    told = baselines.walk_forward(days, events, "two_part", made="day_ahead")
    found = baselines.score_interval(told["actual_kw"], told["low_kw"], told["high_kw"])
    assert found["events"] > 600 and 0.87 < found["coverage"] < 0.93
    share = (told["actual_kw"] == 0).mean()
    brier = ((told["p_zero"] - (told["actual_kw"] == 0)) ** 2).mean()
    assert brier < 1.1 * share * (1 - share)


def test_a_site_that_never_draws_is_foretold_nothing():
    days = baselines.Days(np.zeros((120, 48)), pd.Timestamp("2024-01-01"))
    events = baselines.schedule(days)
    for model in ("regression", "quantile", "two_part"):
        told = baselines.walk_forward(days, events, model).dropna(subset=["point_kw"])
        assert len(told) > 20
        np.testing.assert_allclose(told[["point_kw", "low_kw"]], 0, atol=1e-9)
    assert (told["p_zero"] > 0.9).all()


def test_unknown_models_and_moments_are_refused():
    days = random_days(1, 60)
    events = baselines.schedule(days)
    with pytest.raises(UserError, match="two_part"):
        baselines.walk_forward(days, events, "oracle")
    with pytest.raises(UserError, match="day_ahead"):
        baselines.walk_forward(days, events, made="hindsight")


# Dispatch files.

HEADER = ",".join(dispatches.COLUMNS)


def dispatch_file(tmp_path, *rows: str):
    path = tmp_path / "dispatches.csv"
    path.write_text("\ufeff" + "\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def row(
    start="2025-06-23T15:00:00+01:00", end="2025-06-23T19:00:00+01:00", kind="utilisation", mw=0.01
):
    mws = (mw, 0.0) if kind == "availability" else (0.0, mw)
    return f"Someone,unit,Zone,Peak Reduction,{start},{end},{mws[0]},{mws[1]},0.0,134.58"


def test_dispatches_are_read_by_kind_with_their_energy(tmp_path):
    found = dispatches.read(
        dispatch_file(tmp_path, row(), row(), row(kind="availability", mw=0.049))
    )
    assert found["kind"].tolist() == [
        "availability",
        "utilisation",
        "utilisation",
    ]  # no row dropped
    assert found["energy_kwh"].tolist() == pytest.approx([196, 40, 40])
    assert str(found["start"][0]) == "2025-06-23 14:00:00+00:00"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row(start="noon"), "row 2, start_time_local = 'noon'"),
        (row(start="2025-06-23T15:00:00"), "offset"),
        (row(end="2025-06-23T15:00:00+01:00"), "after the start"),
        (row(mw=-1), "utilisation_mw_req = '-1'"),
    ],
)
def test_faulty_dispatches_name_the_row(tmp_path, bad, words):
    with pytest.raises(UserError, match=words):
        dispatches.read(dispatch_file(tmp_path, bad))


def test_a_file_without_its_columns_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="fu_id"):
        dispatches.read(path)
    with pytest.raises(UserError, match="no such file"):
        dispatches.read(tmp_path / "none.csv")


def test_real_dispatches(shared_data):
    [path] = shared_data("ukpn_dispatches").glob("*.csv")
    found = dispatches.read(path)
    assert found["kind"].value_counts().to_dict() == {"utilisation": 11887, "availability": 2926}
    asked = found[found["kind"] == "utilisation"]
    assert asked["hours"].median() == 2.5 and found["start"].is_monotonic_increasing
    days = random_days(1, 400)
    events = baselines.at_dispatches(days, asked, seed=1)
    assert events["day"].is_unique and set(events["day"]) <= set(days.dates)
    assert events["start"].mode()[0] in (34, 22)  # 17:00 or 11:00
    weekends = (asked["start"].dt.tz_convert("Europe/London").dt.day_of_week >= 5).mean()
    assert weekends < 0.1 < (events["day"].dt.day_of_week < 5).mean()


# Pooling.


def test_pooling_independent_sites_falls_with_the_root_of_their_number():
    members = [random_days(seed, 150, chance=0.7).kw for seed in range(16)]
    layout = baselines.Days(members[0], pd.Timestamp("2024-01-01"))
    events = baselines.schedule(layout, on="all")
    curve = baselines.pooling_curve(layout, members, events, ["bl01"], samples=10)
    error = curve.loc["bl01", "rrmse"]
    assert error[1] / error[10] == pytest.approx(np.sqrt(10), rel=0.25)
    assert curve.loc["bl01", "zero_share"].is_monotonic_decreasing
    number, basis = baselines.needed(curve, "bl01", 0.15)
    assert basis == "extrapolated" and number == pytest.approx((error[1] / 0.15) ** 2, rel=0.35)
    assert baselines.needed(curve, "bl01", 0.9)[1] == "measured"
    assert baselines.needed(curve, "caiso")[1] == "unknown"


def test_what_members_share_does_not_average_out():
    common = random_days(1, 150).kw
    layout = baselines.Days(common, pd.Timestamp("2024-01-01"))
    events = baselines.schedule(layout)
    curve = baselines.pooling_curve(layout, [common] * 6, events, ["bl01"])
    assert curve.loc["bl01", "rrmse"].std() < 1e-9
    assert baselines.needed(curve, "bl01") == (np.inf, "out of reach")


def test_sites_are_pooled_on_the_days_they_share():
    one, other = random_days(1, 200), random_days(2, 200)
    other = replace(other, first=other.first + pd.Timedelta("60D"))
    far = replace(other, first=other.first + pd.Timedelta("900D"))
    layout, cut = baselines.shared([one, other, far])
    assert len(cut) == 2 and len(layout) == 140
    np.testing.assert_array_equal(cut[1], other.kw[:140])


# Real calls.


def test_a_call_reduces_in_the_event_and_rebounds_after(village, village_days):
    calls = baselines.schedule(village_days, per_week=1, seed=1)
    given = village.sessions, village.chargepoints, village_days
    free, answered = (baselines.called(*given, events) for events in (calls.iloc[:0], calls))
    np.testing.assert_allclose(
        np.nansum(free.kw), np.nansum(village_days.kw), rtol=0.01
    )  # but for stays too short for their energy
    assert np.nanmax(baselines.actual(answered, calls)) < 1e-9
    after = calls.assign(start=calls["start"] + calls["periods"], periods=8)
    reduced = np.nansum(baselines.actual(free, calls) - baselines.actual(answered, calls))
    back = np.nansum(baselines.actual(answered, after) - baselines.actual(free, after))
    assert 0 < back < reduced
    credit = baselines.credited(free, answered, calls, ["bl01", "mbma", "zero"])
    assert credit.loc["zero", "credited_kwh"] == 0
    assert credit.loc["mbma", "rebound_kwh"] > 0 == pytest.approx(credit.loc["bl01", "rebound_kwh"])
    held = baselines.called(*given, calls, floor_kw=5.0)
    assert np.nanmax(baselines.actual(held, calls)) == pytest.approx(5.0)


def test_injected_reductions_come_back_in_full():
    days = baselines.Days(np.full((120, 48), 20.0), pd.Timestamp("2024-01-01"))
    events = baselines.schedule(days, per_week=1).iloc[4:]
    cut = days.kw.copy()
    for day, start in zip((events["day"] - days.first).dt.days, events["start"], strict=True):
        cut[day, start : start + 6] -= 8
        cut[day, start + 6 : start + 8] += 6
    found = baselines.credited(
        days, days.with_kw(cut), events, ["bl01", "bl01_additive", "caiso", "mbma"]
    )
    np.testing.assert_allclose(found["delivered_kwh"], 24)
    np.testing.assert_allclose(found["credited_kwh"], [24, 24, 24, 33])
    np.testing.assert_allclose(found["rebound_kwh"], [0, 0, 0, 9])
    steady = only_in_events(days, days.with_kw(cut), events)
    assert steady.kw.max() == 20 and steady.kw.min() == 12


def test_event_days_left_in_wear_the_baseline_out_and_left_out_drain_the_pool(
    village, village_days
):
    given = village.sessions, village.chargepoints, village_days
    free = baselines.called(*given, baselines.schedule(village_days).iloc[:0])
    kept, out = [], []
    for per_week in (0.5, 1.0, 5.0):
        events = baselines.schedule(village_days, per_week=per_week)
        answered = baselines.called(*given, events)
        for history, found in (("open", kept), ("blocked", out)):
            credit = baselines.credited(free, answered, events, ["bl01"], history=history)
            found.append(credit.loc["bl01"])
    assert kept[-1]["credit_share"] < 0.1 < kept[0]["credit_share"]
    assert out[-1]["short_pools"] == 1 > out[1]["short_pools"]


def test_inflation_earns_what_each_adjustment_lets_through():
    days = baselines.Days(np.full((90, 48), 10.0), pd.Timestamp("2024-01-01"))
    events = baselines.schedule(days, per_week=1).iloc[3:]
    rules = ["bl01", "bl01_additive", "caiso", "caiso_unclipped", "mbma"]
    found = baselines.inflation(days, events, rules, 5.0)["earned_share"]
    np.testing.assert_allclose(found, [0, 1, 0.4, 1, 1.5])


# The connection scheme.


def test_what_the_scheme_holds_back_is_not_sold(village, village_days):
    events = baselines.schedule(village_days)
    given = village.sessions, village.chargepoints, village_days
    free = baselines.called(*given, events.iloc[:0])
    limit_kw = evening_limit(village_days)
    limited = baselines.under_limit(*given, limit_kw)
    early = baselines.schedule(village_days, "17:00", 1.0)
    without, under = (event_mean(baselines.actual(days, early)) for days in (free, limited))
    assert np.nanmax(under) <= 5 + 1e-9 < np.nanmax(without)
    assert np.nanmax(without - under) > 5
    ample = baselines.under_limit(*given, limit_kw * 0 + 500)
    np.testing.assert_allclose(ample.kw, free.kw, atol=1e-9)


def test_an_unknown_limit_leaves_the_volume_unknown(village, village_days):
    limit_kw = evening_limit(village_days)
    june = (limit_kw["time"] >= np.datetime64("2025-06-01")) & (
        limit_kw["time"] < np.datetime64("2025-07-01")
    )
    given = village.sessions, village.chargepoints, village_days
    limited = baselines.under_limit(*given, limit_kw.where(~june))
    events = baselines.schedule(village_days)
    unknown = np.isnan(event_mean(baselines.actual(limited, events)))
    assert set(events["day"][unknown].dt.month) == {6}
    # A limit that is not known before its first signal begins with the unknown.
    begun = limit_kw.where(limit_kw["time"] >= np.datetime64("2025-01-01T12:00"))
    first = np.isnan(baselines.under_limit(*given, begun).kw[0])
    assert first[:24].all() and not first[24:].any()


def test_a_record_of_nothing_has_no_days_and_no_events():
    empty = xr.DataArray(np.empty(0), {"time": np.array([], "datetime64[ns]")}, ("time",))
    days = baselines.by_day(empty)
    events = baselines.schedule(days)
    assert len(days) == len(events) == 0
    assert baselines.walk_forward(days, events)["high_kw"].empty
