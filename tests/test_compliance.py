"""Compliance: what is kept, what is not, and what is not shown."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from scchelpers import compliance, register
from scchelpers.cli import app
from scchelpers.compliance import findings, type_test
from scchelpers.compliance.judged import averaged
from scchelpers.faults import UserError
from scchelpers.figures import compliance as draw
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.logs import read_log
from scchelpers.timebase import grid, naive_utc
from tests.conftest import ROOT
from tests.planted import clean, entries, terms

DEMO = ROOT / "data" / "demo"
FIRM = {"capacity_kva": 100.0, "power_factor": 1.0}


def series(values, step="30min", start="2026-01-05T00:00Z") -> xr.DataArray:
    first = pd.Timestamp(start)
    time = grid(first, first + len(values) * pd.Timedelta(step), step)
    return xr.DataArray(np.array(values, float), {"time": naive_utc(time)}, ("time",), "import_kw")


def static(**fields):
    return [terms("", "static_clm", **FIRM | fields)]


@pytest.fixture(scope="module")
def demo():
    """The studies of the demo's registered sites, by site."""
    portfolio = Portfolio.open(DEMO)
    book = register.read(portfolio)
    return {one.site.site_id: one for one in compliance.studies(portfolio, book)}


# --- judging


def test_excursions_by_hand():
    # Limit 100 kW, granted 1 % and 0.1 kW: 101 is kept, 101.2 is not.
    power = [90, 101, 101.2, 90, 110, 120, np.nan, 140, 140, 140, 140, 140, 90, 131]
    judged = compliance.judge(series(power), static())
    runs = compliance.excursions(judged)
    assert runs["duration_min"].tolist() == [30, 60, 150, 30]
    assert runs["depth_kw"].round(6).tolist() == [1.2, 20, 40, 31]
    assert runs["excess_kwh"].round(6).tolist() == [0.6, 15, 100, 15.5]
    assert runs["severity"].tolist() == ["slight", "marked", "grave", "marked"]
    assert runs["limit_kw"].tolist() == [100] * 4
    table = compliance.counts(runs)
    assert table["excursions"].tolist() == [1, 2, 1]
    assert table.loc["marked", "hours_h"] == 1.5
    assert table.loc["grave", "longest_min"] == 150


def test_a_finer_record_is_averaged_over_the_time_of_the_terms():
    power = series([150, 50, 150, 60, 150, np.nan], "15min")
    judged = compliance.judge(power, static())
    assert judged.flow["import_kw"].to_numpy()[:2].tolist() == [100, 105]
    assert np.isnan(judged.flow["above_kw"].to_numpy()[2])
    assert compliance.excursions(judged)["depth_kw"].tolist() == [5]


def test_a_coarser_record_can_show_a_breach_but_never_that_terms_are_kept(demo):
    own = static(averaging=pd.Timedelta("60s"))
    judged = compliance.judge(series([90, 110, 90]), own)
    assert judged.coarse
    assert len(compliance.excursions(judged)) == 1
    site = demo["village-hall"].site
    kept = compliance.study(site, own, series([90.0] * 48))
    assert kept.verdict == "not shown"


@given(st.lists(st.one_of(st.just(np.nan), st.floats(0, 300)), min_size=2, max_size=60))
@settings(max_examples=60, deadline=None)
def test_missing_is_never_kept_nor_exceeded(values):
    judged = compliance.judge(series(values), static())
    unknown = np.isnan(values)
    assert not judged.known[unknown].any()
    assert not judged.above[unknown].any()
    assert judged.known[~unknown].all()
    runs = compliance.excursions(judged)
    assert runs["duration_min"].sum() / 30 == judged.above.sum()
    found = compliance.coverage(judged)
    assert found["missing_h"] == pytest.approx(unknown.sum() / 2)


@pytest.mark.parametrize(("share", "verdict"), [(0.94, "not shown"), (0.96, "kept")])
def test_too_little_on_record_is_not_shown_to_be_kept(demo, share, verdict):
    power = clean(1)
    gap = np.random.default_rng(1).random(power.size) > share
    found = compliance.study(demo["village-hall"].site, entries(), power.where(~gap))
    assert found.runs.empty
    assert found.verdict == verdict


def test_gaps_in_the_windows_alone_count(demo):
    power = clean(1)
    limited = compliance.judge(power, entries()).limited
    found = compliance.study(demo["village-hall"].site, entries(), power.where(~limited))
    assert found.covered["known_share"] > 0.8
    assert found.covered["limited_share"] == 0
    assert found.verdict == "not shown"
    level, reasons = compliance.priority(found, pd.Timestamp("2026-01-01T00:00Z"))
    assert level == 2
    assert "not on record" in " ".join(reasons)


def test_without_terms_or_tolerance_nothing_is_judged():
    with pytest.raises(UserError, match="no registered terms"):
        compliance.judge(series([1, 2]), [])
    with pytest.raises(UserError, match=r"tolerance = 0\.5"):
        compliance.judge(series([1, 2]), static(), tolerance=0.5)


def test_only_entries_of_the_last_averaging_time_are_judged():
    change = pd.Timestamp("2026-01-05T01:00Z")
    old = static(averaging=pd.Timedelta("15min"), ends=change)
    new = static(begins=change)
    judged = compliance.judge(series([120, 120, 120, 90]), [*old, *new])
    assert judged.known.tolist() == [False, False, True, True]


def test_a_signal_that_does_not_come_means_the_fail_safe():
    own = [terms("", "lmc", **FIRM, failsafe_kw=30.0)]
    sent = series([80.0] * 16).where(series([1.0] * 8 + [np.nan] * 8) == 1)
    judged = compliance.judge(series([80.0] * 16), own, setpoint_kw=sent)
    assert judged.flow["limit_kw"].to_numpy().tolist() == [80] * 8 + [30] * 8
    heard = np.isfinite(sent.to_numpy())
    [cause] = compliance.causes(judged, heard=heard)
    assert (cause.name, cause.intervals) == ("fail-safe not kept", 8)
    assert compliance.judge(series([80.0] * 4), own).known.sum() == 0  # nothing sent on record


def test_a_signal_followed_late_is_named():
    rng = np.random.default_rng(2)
    sent = np.repeat(rng.choice([40.0, 60.0, 80.0, 100.0], 500), 4)
    late = np.r_[sent[:1], sent[:-1]]
    own = [terms("", "lmc", **FIRM, failsafe_kw=30.0, averaging=pd.Timedelta("5min"))]
    judged = compliance.judge(series(late, "5min"), own, setpoint_kw=series(sent, "5min"))
    [cause] = compliance.causes(judged, heard=np.ones(len(sent), bool))
    assert cause.name in ("slow to follow", "window shifted")
    assert "5 min" in cause.detail


def test_averaging_keeps_what_does_not_divide():
    power = series([1.0, 2.0], "20min")
    assert averaged(power, pd.Timedelta("30min"))[1] == pd.Timedelta("20min")


# --- months


def test_months_and_their_trend():
    months = pd.date_range("2025-01-01", periods=8, freq="MS")
    rising = pd.DataFrame({"above_share": np.linspace(0, 0.7, 8)}, index=months)
    assert compliance.trend(rising)["word"] == "rising"
    assert compliance.trend(rising)["slope"] == pytest.approx(1.2, rel=0.02)
    assert compliance.trend(rising[::-1].set_axis(months))["word"] == "falling"
    one_bad = pd.DataFrame({"above_share": [0, 0, 0, 0.5, 0, 0, 0, 0.0]}, index=months)
    assert compliance.trend(one_bad)["word"] == "no clear trend"
    assert compliance.trend(rising[:5])["word"] == "too short to tell"


def test_a_month_without_record_has_no_share():
    power = clean(1)
    february = pd.DatetimeIndex(power["time"].to_numpy()).month == 2
    table = compliance.monthly(compliance.judge(power.where(~february), entries()))
    assert np.isnan(table.loc["2025-02-01", "above_share"])
    assert table.loc["2025-01-01", "above_share"] == 0
    assert table["judged_h"].sum() + table["missing_h"].sum() == pytest.approx(
        compliance.judge(power, entries()).limited.sum() / 2
    )


# --- encroachment


def load_of(kva: float, growth: float = 0.0, years: int = 1) -> xr.DataArray:
    time = grid("2024-01-01T00:00Z", f"{2024 + years}-01-01T00:00Z", "30min")
    passed = np.asarray((time - time[0]) / pd.Timedelta("365.25D"))
    value = kva * (1 + growth) ** passed
    return xr.DataArray(value, {"time": naive_utc(time)}, ("time",), "network_kva")


def test_the_year_in_which_protection_ends_by_hand():
    # 400 kVA of load and 60 kVA of site under 500 kVA: 400 x 1.05^n > 440 first at n = 2
    # (420, 441); at 1 % a year at n = 10 (441.8 at 10, 437.5 at 9); never without growth.
    own = terms("", "static_clm", capacity_kva=60.0)
    rating = pd.Series(dict.fromkeys(("winter", "spring", "summer", "autumn"), 500.0))
    found = compliance.encroachment(own, load_of(400), rating, assumed=(0.0, 0.01, 0.05))
    assert found.ends == {"low": None, "expected": 10, "high": 2}
    assert (found.year("high"), found.year("low")) == (2026, None)
    assert found.now["half_hours"] == 0
    assert not found.growth["measured"]
    with_other = compliance.encroachment(
        own, load_of(400), rating, ahead=[replace(own, capacity_kva=41.0)]
    )
    assert with_other.ends["expected"] == 0
    assert with_other.now["half_hours"] == 366 * 48
    assert with_other.now["worst_kva"] == pytest.approx(1.0)


def test_windows_of_any_months_count_where_they_hold():
    # A cap of 20 kVA from November to February, on the clock; 100 kVA otherwise.
    own = terms("nov-feb all 16:00-20:00 20", **FIRM)
    load = load_of(400)
    local = pd.DatetimeIndex(load["time"].to_numpy())
    teatime = np.isin(local.month, (11, 12, 1, 2)) & (local.hour >= 16) & (local.hour < 20)
    rating = pd.Series(dict.fromkeys(("winter", "spring", "summer", "autumn"), 500.0))
    peaky = load.copy(data=load + 75 * teatime)
    kept = compliance.encroachment(own, peaky, rating, assumed=(0.0, 0.0, 0.0))
    assert kept.protected["expected"].loc[0, "margin_kva"] == pytest.approx(0.0)
    worst = compliance.encroachment(own, peaky + 10 * teatime, rating, assumed=(0.0, 0.0, 0.0))
    row = worst.protected["expected"].loc[0]
    assert row["margin_kva"] == pytest.approx(-5.0)
    assert row["season"] in ("month 11", "month 12", "month 1", "month 2")
    assert row["clock"] == "16:00"


def test_growth_is_measured_from_a_long_record():
    rng = np.random.default_rng(0)
    load = load_of(300, 0.03, years=3)
    noisy = load * (1 + 0.05 * rng.standard_normal(load.size))
    found = compliance.measured_growth(noisy)
    assert found["measured"]
    assert found["low"] < 0.03 < found["high"]
    assert found["high"] - found["low"] < 0.01
    assert not compliance.measured_growth(load_of(300))["measured"]


def test_what_cannot_be_assessed_is_said():
    own = terms("", "lmc", failsafe_kw=10.0)
    found = compliance.encroachment(own, None, None)
    assert len(found.lacking) == 3
    assert "not assessed" in findings.protection(found)
    short = load_of(400).isel(time=slice(0, 4000))
    rating = pd.Series({"winter": 500.0, "spring": 500.0, "summer": 500.0, "autumn": 500.0})
    assert "a year" in compliance.encroachment(entries()[-1], short, rating).lacking[0]


# --- the demo and its review


def test_the_demo_s_planted_clock_error_is_found_and_nothing_else(demo):
    lamps = demo["elm-road-lamps"]
    assert lamps.verdict == "not kept"
    [cause] = lamps.causes
    assert cause.name == "clock not changed"
    assert "an hour early from the change of 26 October 2025" in cause.detail
    start, end = lamps.runs["start"].min(), lamps.runs["start"].max()
    assert pd.Timestamp("2025-10-26T01:00Z") <= start <= end < pd.Timestamp("2025-11-23T00:00Z")
    assert demo["village-hall"].verdict == "kept"
    assert demo["elm-road-posts"].verdict == "not shown"
    [late] = demo["harbour-works"].causes
    assert late.name == "answers late to other load"


def test_the_review_puts_first_what_needs_action_first(demo):
    table = compliance.review(demo.values(), as_of=pd.Timestamp("2026-01-01T00:00Z"))
    assert table.index[0] == "elm-road-lamps"
    assert table["priority"].is_monotonic_increasing
    assert table.loc["village-hall", "action"] == "nothing due"
    assert "the review was due on 30 September 2025" in table.loc["elm-road-posts", "reasons"]
    later = compliance.review(demo.values(), as_of=pd.Timestamp("2027-03-15T00:00Z"))
    assert later.loc["village-hall", "priority"] == 3  # its review is near
    assert later.loc["elm-road-lamps", "priority"] == 2  # its grave excursions are long past


def test_a_site_that_cannot_be_read_stops_no_review(demo):
    found = [*demo.values(), ("broken", "sites.csv, row 3: …")]
    table = compliance.review(found, as_of=pd.Timestamp("2026-01-01T00:00Z"))
    assert table.loc["broken", "priority"] == 1
    assert len(table) == len(demo) + 1
    with pytest.raises(UserError, match="no registered site has a metered record"):
        compliance.last_record([("broken", "")])


def test_the_sentences_agree_with_the_numbers(demo):
    day = pd.Timestamp("2026-01-01T00:00Z")
    lamps = demo["elm-road-lamps"]
    said = findings.answer(lamps, day)
    assert f"{len(lamps.runs)} excursions" in said
    assert "act now" in said
    assert "until 2026" in said
    assert "were kept" in findings.answer(demo["village-hall"], day)
    assert "not shown" in findings.answer(demo["market-retail"], day)
    site = demo["village-hall"].site
    bare = compliance.study(site, [], None)
    assert "no entry in the register" in findings.answer(bare, day)
    for sentence in (findings.terms, findings.covered, findings.causes, findings.trend):
        assert sentence(bare)
        assert sentence(lamps)


def test_figures_draw_what_there_is_and_nothing_else(demo):
    lamps, posts = demo["elm-road-lamps"], demo["elm-road-posts"]
    for figure in (draw.calendar, draw.worst_day, draw.months):
        _, alt = figure(lamps)
        assert alt.endswith(".")
        assert figure(posts) is None
    assert "26 excursions" in draw.calendar(lamps)[1]
    assert draw.worst_day(demo["village-hall"]) is None
    assert "in 2026" in draw.margins(lamps.encroachment)[1]
    assert draw.margins(demo["village-hall"].encroachment) is None


# --- the type test


def log(power, limit=100.0, charging=None, signal=None, step_s=1) -> pd.DataFrame:
    time = pd.date_range("2026-03-02T10:00:00Z", periods=len(power), freq=f"{step_s}s")
    frame = pd.DataFrame({"import_kw": np.array(power, float)}, index=time).assign(limit_kw=limit)
    frame["charging_kw"] = np.nan if charging is None else np.array(charging, float)
    frame["signal"] = None if signal is None else np.array(signal, dtype=object)
    return frame


def verdicts(sheet) -> dict[str, str]:
    return sheet["verdict"].to_dict()


def answered(after_s: int, back_s: int) -> pd.DataFrame:
    """A load that switches on after 60 s: charging falls from 50 kW and the import is back."""
    charging = np.r_[[50.0] * (60 + after_s), [40.0] * (back_s - after_s), [10.0] * 120]
    other = np.r_[[40.0] * 60, [80.0] * (len(charging) - 60)]
    return log(charging + other, charging=charging)


def test_a_quick_controller_passes_what_was_tried():
    sheet = compliance.sheet(answered(3, 9))
    found = verdicts(sheet)
    assert found["begin to reduce"] == "passed"
    assert sheet.loc["begin to reduce", "measured"] == 3
    assert sheet.loc["back at the limit, typical", "measured"] == 9
    assert found["excursions that lock the site out"] == "passed"
    assert found["fail-safe reached after loss of signal"] == "not tested"
    assert "not complete" in findings.tested(sheet)
    assert sheet.attrs["recorded"] == 1


def test_a_slow_controller_fails_where_it_is_slow():
    sheet = compliance.sheet(answered(8, 61))
    found = verdicts(sheet)
    assert found["begin to reduce"] == "failed"
    assert found["back at the limit, typical"] == "failed"
    assert found["back at the limit, at the latest"] == "failed"
    assert found["excursions that lock the site out"] == "failed"
    assert sheet.attrs["lock_outs"] == 1
    assert "fails" in findings.tested(sheet)


def test_a_log_of_minutes_cannot_show_seconds():
    sheet = compliance.sheet(log([90, 120, 90, 90], step_s=60))
    assert set(verdicts(sheet).values()) <= {"cannot be shown", "not tested"} | {"passed"}
    assert verdicts(sheet)["begin to reduce"] == "cannot be shown"


def test_a_load_that_never_rose_tested_nothing():
    assert set(verdicts(compliance.sheet(log([50] * 60))).values()) == {"not tested"}


def test_the_fail_safe_by_hand():
    signal = [True] * 10 + [False] * 100 + [True] * 10
    falls = [30.0] * 40 + [8.0] * 80
    sheet = compliance.sheet(log([50] * 120, charging=falls, signal=signal), failsafe_kw=10)
    assert sheet.loc["fail-safe reached after loss of signal", "measured"] == 30
    assert verdicts(sheet)["fail-safe left before the signal was back"] == "passed"
    restarts = [*falls[:90], *[30.0] * 30]
    sheet = compliance.sheet(log([50] * 120, charging=restarts, signal=signal), failsafe_kw=10)
    assert verdicts(sheet)["fail-safe left before the signal was back"] == "failed"
    ignored = compliance.sheet(log([50] * 120, charging=[30] * 120, signal=signal), failsafe_kw=10)
    assert verdicts(ignored)["fail-safe reached after loss of signal"] == "failed"


def test_an_excursion_that_never_ends_fails():
    sheet = compliance.sheet(log([90] * 10 + [120] * 30))
    assert verdicts(sheet)["back at the limit, at the latest"] == "failed"
    runs = type_test.excursion_runs(log([90, 120, np.nan, 90]))
    assert np.isnan(runs["back_s"].iloc[0])


def test_a_log_is_read_or_refused(tmp_path):
    place = tmp_path / "log.csv"
    place.write_text(
        "time,import_kw,limit_kw,signal\n2026-03-02T10:00:00Z,90,100,1\n"
        "2026-03-02T10:00:01Z,,100,0\n",
        encoding="utf-8",
    )
    found = read_log(str(place))
    assert found["signal"].tolist() == [True, False]
    assert np.isnan(found["import_kw"].iloc[1])
    for text, words in (
        ("time,import_kw\n1,2\n3,4\n", "no column 'limit_kw'"),
        ("time,import_kw,limit_kw\n2026-03-02T10:00:00,1,2\n2026-03-02T10:01:00Z,1,2\n", "row 2"),
        ("time,import_kw,limit_kw\n2026-03-02T10:00:00Z,x,2\n2026-03-02T10:01:00Z,1,2\n", "'x'"),
    ):
        place.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=words):
            read_log(str(place))


# --- the command line


def test_the_commands_answer_and_refuse(tmp_path):
    for name in ("portfolio.toml", "sites.csv", "chargepoints.csv", "assets.csv", "register.csv",
                 "register.seal"):  # fmt: skip
        shutil.copy(DEMO / name, tmp_path / name)
    run, place = CliRunner(), str(tmp_path)
    shown = run.invoke(app, ["register", place, "--site", "elm-road-lamps"])
    assert shown.exit_code == 0
    assert "elm-road-lamps-2, from 2025-09-01" in shown.output
    ended = ["site_id=village-hall", "scheme=firm", "valid_from=2026-01-01", "reason=reinforced",
             "approved_on=2025-12-01", "approved_by=network_planner"]  # fmt: skip
    added = run.invoke(app, ["register", place, *(x for pair in ended for x in ("--add", pair))])
    assert added.output == "Added: village-hall-2\n"
    # Without any series nothing is shown to be kept.
    table = run.invoke(app, ["review", place, "--as-of", "2025-01-31", "--json"])
    assert table.exit_code == 0
    said = json.loads(table.output)
    assert said["as_of"] == "2025-01-31"
    assert {site["verdict"] for site in said["sites"]} == {"not shown"}
    assert {site["priority"] for site in said["sites"]} == {2}
    text = run.invoke(app, ["review", place, "--as-of", "2025-01-31"]).output
    assert "5 sites of 5 need action" in text
    wrong = run.invoke(app, ["review", place, "--as-of", "soon"])
    assert isinstance(wrong.exception, UserError)
    assert "no registered site has a metered record" in str(
        run.invoke(app, ["review", place]).exception
    )


def test_the_sheet_on_the_command_line(tmp_path):
    place = tmp_path / "log.csv"
    frame = answered(8, 61).rename_axis("time").reset_index()
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    frame.to_csv(place, index=False)
    found = CliRunner().invoke(app, ["type-test", str(place), "--failsafe-kw", "10"])
    assert found.exit_code == 1
    assert "begin to reduce" in found.output
    assert "failed" in found.output
