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
from scchelpers.compliance.type_test import _excursion_runs
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.logs import read_log
from scchelpers.site import Site
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


def judged_on_demo(site_id: str) -> tuple[pd.DataFrame, list]:
    """The judged record of a demo site, and its entries."""
    portfolio = Portfolio.open(DEMO)
    own, setpoint_kw = register.read(portfolio).terms(site_id), portfolio.setpoint_kw(site_id)
    import_kw, faults = compliance.inspect_site(
        portfolio.site(site_id), own[-1], portfolio.import_kw(site_id)
    )
    assert not faults
    return compliance.judge(import_kw, own, setpoint_kw=setpoint_kw), own


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


def test_a_finer_record_is_averaged_over_the_time_of_the_terms():
    power = series([150, 50, 150, 60, 150, np.nan], "15min")
    judged = compliance.judge(power, static())
    assert judged["import_kw"].tolist()[:2] == [100, 105]
    assert np.isnan(judged["above_kw"].iloc[2])
    assert compliance.excursions(judged)["depth_kw"].tolist() == [5]


def test_a_coarser_record_can_show_a_breach_but_never_that_terms_are_kept():
    own = static(averaging=pd.Timedelta("60s"))
    judged = compliance.judge(series([90, 110, 90]), own)
    assert len(compliance.excursions(judged)) == 1
    kept = compliance.judge(series([90.0] * 48), own)
    assert compliance.verdict(kept, own[-1].averaging) == "not shown"
    assert compliance.verdict(kept, pd.Timedelta("30min")) == "kept"


@given(st.lists(st.one_of(st.just(np.nan), st.floats(0, 300)), min_size=2, max_size=60))
@settings(max_examples=60, deadline=None)
def test_missing_is_never_kept_nor_exceeded(values):
    judged = compliance.judge(series(values), static())
    unknown = np.isnan(values)
    assert not judged["known"][unknown].any()
    assert not judged["above"][unknown].any()
    assert judged["known"][~unknown].all()
    runs = compliance.excursions(judged)
    assert runs["duration_min"].sum() / 30 == judged["above"].sum()
    found = compliance.coverage(judged)
    assert found["missing_h"] == pytest.approx(unknown.sum() / 2)


@pytest.mark.parametrize(("share", "verdict"), [(0.94, "not shown"), (0.96, "kept")])
def test_too_little_on_record_is_not_shown_to_be_kept(share, verdict):
    power = clean(1)
    gap = np.random.default_rng(1).random(power.size) > share
    judged = compliance.judge(power.where(~gap), entries())
    assert compliance.excursions(judged).empty
    assert compliance.verdict(judged, entries()[-1].averaging) == verdict


def test_gaps_in_the_windows_alone_count():
    power, own = clean(1), entries()
    limited = compliance.judge(power, own)["limited"].to_numpy()
    judged = compliance.judge(power.where(~limited), own)
    covered = compliance.coverage(judged)
    assert covered["known_share"] > 0.8
    assert covered["limited_share"] == 0
    assert compliance.verdict(judged, own[-1].averaging) == "not shown"
    day = pd.Timestamp("2026-01-01T00:00Z")
    [(level, reason), *_] = compliance.reasons(own[-1], day, judged=judged)
    assert level == 2
    assert "not on record" in reason


def test_without_terms_or_tolerance_nothing_is_judged():
    with pytest.raises(UserError, match="no registered terms"):
        compliance.judge(series([1, 2]), [])
    for tolerance in (-0.01, 0.11, 0.5):
        with pytest.raises(UserError, match=r"tolerance = .*from 0 to 0\.1"):
            compliance.judge(series([1, 2]), static(), tolerance=tolerance)
    assert len(compliance.judge(series([1, 2]), static(), tolerance=0.1)) == 2


def test_only_entries_of_the_last_averaging_time_are_judged():
    change = pd.Timestamp("2026-01-05T01:00Z")
    old = static(averaging=pd.Timedelta("15min"), ends=change)
    new = static(begins=change)
    judged = compliance.judge(series([120, 120, 120, 90]), [*old, *new])
    assert judged["known"].tolist() == [False, False, True, True]


def test_a_signal_that_does_not_come_means_the_fail_safe():
    own = [terms("", "lmc", **FIRM, failsafe_kw=30.0)]
    sent = series([80.0] * 16).where(series([1.0] * 8 + [np.nan] * 8) == 1)
    judged = compliance.judge(series([80.0] * 16), own, setpoint_kw=sent)
    assert judged["limit_kw"].tolist() == [80] * 8 + [30] * 8
    assert judged["heard"].tolist() == [True] * 8 + [False] * 8
    [cause] = compliance.likely_causes(judged, own)
    assert (cause.name, cause.intervals) == ("fail-safe not kept", 8)
    assert compliance.judge(series([80.0] * 4), own)["known"].sum() == 0  # nothing sent on record


def test_a_signal_followed_late_is_named():
    rng = np.random.default_rng(2)
    sent = np.repeat(rng.choice([40.0, 60.0, 80.0, 100.0], 500), 4)
    late = np.r_[sent[:1], sent[:-1]]
    own = [terms("", "lmc", **FIRM, failsafe_kw=30.0, averaging=pd.Timedelta("5min"))]
    judged = compliance.judge(series(late, "5min"), own, setpoint_kw=series(sent, "5min"))
    [cause] = compliance.likely_causes(judged, own)
    assert cause.name in ("slow to follow", "window shifted")
    assert "5 minutes" in cause.detail


def test_averaging_keeps_what_does_not_divide():
    judged = compliance.judge(series([1.0, 2.0], "20min"), static())
    assert compliance.step_h(judged) == pytest.approx(1 / 3)


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
    table = compliance.monthly(compliance.judge(power.where(~february), entries()), "Europe/London")
    assert np.isnan(table.loc["2025-02-01", "above_share"])
    assert table.loc["2025-01-01", "above_share"] == 0
    assert table["judged_h"].sum() + table["missing_h"].sum() == pytest.approx(
        compliance.judge(power, entries())["limited"].sum() / 2
    )


# --- encroachment


def load_of(kva: float, growth: float = 0.0, years: int = 1) -> xr.DataArray:
    time = grid("2024-01-01T00:00Z", f"{2024 + years}-01-01T00:00Z", "30min")
    passed = np.asarray((time - time[0]) / pd.Timedelta("365.25D"))
    value = kva * (1 + growth) ** passed
    return xr.DataArray(value, {"time": naive_utc(time)}, ("time",), "network_kva")


def site_of(network_kva, rating_kva=500.0) -> Site:
    """A site at an asset with a load and a rating [kVA]."""
    rating = pd.Series(dict.fromkeys(("winter", "spring", "summer", "autumn"), rating_kva))
    nothing = pd.DataFrame()
    return Site("street", {"asset_id": "tx"}, nothing, nothing, None, network_kva,
                None if network_kva is None else rating, "Europe/London")  # fmt: skip


def at_limit(own, network_kva, ahead=()) -> pd.DataFrame:
    return compliance.load_at_limit(site_of(network_kva), replace(own, asset_id="tx"), ahead)


def test_the_year_in_which_protection_ends_by_hand():
    # 400 kVA of load and 60 kVA of site under 500 kVA: 400 x 1.05^n > 440 first at n = 2
    # (420, 441); at 1 % a year at n = 10 (441.8 at 10, 437.5 at 9); never without growth.
    own = terms("", "static_clm", capacity_kva=60.0)
    load = at_limit(own, load_of(400))
    planned = compliance.planned_load(load)
    ends = [
        compliance.ends_in(compliance.margin_by_year(planned, rate, first=2024))
        for rate in (0.0, 0.01, 0.05)
    ]
    assert ends == [None, 2034, 2026]
    growth = compliance.growth_per_year(load, (0.0, 0.01, 0.05))
    assert (growth["expected"], growth["measured"], growth["months"]) == (0.01, False, 12)
    with_other = at_limit(own, load_of(400), ahead=[replace(own, capacity_kva=41.0)])
    margin = compliance.margin_by_year(compliance.planned_load(with_other), 0.01)
    assert compliance.ends_in(margin) == 0
    over = with_other["load_kva"] + with_other["limit_kva"] - with_other["rating_kva"]
    assert over.to_numpy() == pytest.approx(np.ones(366 * 48))


def test_windows_of_any_months_count_where_they_hold():
    # A cap of 20 kVA from November to February, on the clock; 100 kVA otherwise.
    own = terms("nov-feb all 16:00-20:00 20", **FIRM)
    load = load_of(400)
    local = pd.DatetimeIndex(load["time"].to_numpy())
    teatime = np.isin(local.month, (11, 12, 1, 2)) & (local.hour >= 16) & (local.hour < 20)
    peaky = load.copy(data=load + 75 * teatime)
    kept = compliance.planned_load(at_limit(own, peaky))
    assert compliance.margin_by_year(kept, 0.0)[0] == pytest.approx(0.0)
    worst = compliance.planned_load(at_limit(own, peaky + 10 * teatime))
    assert compliance.margin_by_year(worst, 0.0)[0] == pytest.approx(-5.0)
    month, _, half_hour = worst.eval("rating_kva - load_kva - limit_kva").idxmin()
    assert month in (11, 12, 1, 2)
    assert half_hour == 32


def test_growth_is_measured_from_a_long_record():
    rng = np.random.default_rng(0)
    load = load_of(300, 0.03, years=3)
    noisy = load * (1 + 0.05 * rng.standard_normal(load.size))
    own, assumed = terms("", "static_clm", capacity_kva=60.0), (0.0, 0.01, 0.03)
    found = compliance.growth_per_year(at_limit(own, noisy), assumed)
    assert found["measured"]
    assert found["low"] < 0.03 < found["high"]
    assert found["high"] - found["low"] < 0.01
    assert not compliance.growth_per_year(at_limit(own, load_of(300)), assumed)["measured"]


def test_reversed_flow_does_not_grow():
    planned = pd.DataFrame({"load_kva": [-400.0], "limit_kva": [60.0], "rating_kva": [500.0]})
    margin = compliance.margin_by_year(planned, 0.05)
    assert margin[0] == margin[10]


def test_what_cannot_be_assessed_is_not():
    own = terms("", "static_clm", capacity_kva=60.0)
    assert at_limit(own, None) is None
    assert at_limit(terms("", "lmc", failsafe_kw=10.0), load_of(400)) is None
    assert at_limit(own, load_of(400).isel(time=slice(0, 4000))) is None  # not a year
    assert compliance.load_at_limit(site_of(load_of(400)), replace(own, asset_id="other")) is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda load: compliance.planned_load(load, 0.4), "quantile = 0.4"),
        (lambda load: compliance.planned_load(load, 1.1), "between 0.5 and 1"),
        (lambda load: compliance.margin_by_year(load, 0.01, horizon=0), "1 to 50 years"),
        (lambda load: compliance.growth_per_year(load, (0.02, 0.01, 0.03)), "must rise"),
        (lambda load: compliance.growth_per_year(load, (0.0, 0.01, 0.6)), "within -0.2 to 0.5"),
    ],
)
def test_options_out_of_range_are_refused(asked, words):
    with pytest.raises(UserError, match=words):
        asked(pd.DataFrame())


# --- the demo and its review


def test_the_demo_s_planted_clock_error_is_found_and_nothing_else():
    judged, own = judged_on_demo("elm-road-lamps")
    assert compliance.verdict(judged, own[-1].averaging) == "not kept"
    [cause] = compliance.likely_causes(judged, own)
    assert cause.name == "clock not changed"
    assert "an hour early from the change of 26 October 2025" in cause.detail
    runs = compliance.excursions(judged)
    start, end = runs["start"].min(), runs["start"].max()
    assert pd.Timestamp("2025-10-26T01:00Z") <= start <= end < pd.Timestamp("2025-11-23T00:00Z")


def test_the_review_puts_first_what_needs_action_first():
    table, day = compliance.review_portfolio(DEMO)
    assert day == pd.Timestamp("2026-01-01T00:00Z")
    assert table.index[0] == "elm-road-lamps"
    assert table["priority"].is_monotonic_increasing
    assert table["verdict"].to_dict() == {
        "elm-road-lamps": "not kept",
        "harbour-works": "not kept",
        "elm-road-posts": "not shown",
        "market-retail": "not shown",
        "village-hall": "kept",
    }
    assert table.loc["harbour-works", "cause"] == "answers late to other load"
    assert table.loc["village-hall", "action"] == "nothing due"
    assert table.loc["elm-road-posts", "protection"] == "until 2026"
    assert "the review was due on 30 September 2025" in table.loc["elm-road-posts", "reasons"]
    assert json.loads(compliance.review_json(table, day))["sites"][0]["excursions"] == 26
    assert "4 of 5 sites need action" in compliance.review_text(table, day)
    later, _ = compliance.review_portfolio(DEMO, "2027-03-15")
    assert later.loc["village-hall", "priority"] == 3  # its review is near
    assert later.loc["elm-road-lamps", "priority"] == 2  # its grave excursions are long past


def test_a_site_that_cannot_be_read_stops_no_review(monkeypatch):
    read = Portfolio.import_kw

    def broken(portfolio, site_id):
        if site_id == "village-hall":
            raise UserError("loads.zarr/import_kw: …")
        return read(portfolio, site_id)

    monkeypatch.setattr(Portfolio, "import_kw", broken)
    table, _ = compliance.review_portfolio(DEMO, "2026-01-01")
    assert table.loc["village-hall", ["priority", "verdict"]].tolist() == [1, "not shown"]
    assert len(table) == 5


def test_the_meter_in_doubt_comes_before_what_it_read():
    own, day = entries()[-1], pd.Timestamp("2026-01-01T00:00Z")
    faults = {"sign reversed": "Nine values in ten are negative."}
    [(level, reason)] = compliance.reasons(own, day, lacking="nothing judged", faults=faults)
    assert (level, reason.split(":")[0]) == (1, "sign reversed")
    margin = pd.Series([3.0, -1.0], index=[2025, 2026])
    assert compliance.reasons(own, day, margin_kva=margin) == [
        (2, "the terms protect only until 2026")
    ]
    assert compliance.reasons(own, day, margin_kva=margin - 5)[0][0] == 1
    assert compliance.review_day("2026-02-01", own) == pd.Timestamp("2026-02-01T00:00Z")
    assert compliance.review_day("", own) == own.begins
    with pytest.raises(UserError, match="write a day such as"):
        compliance.review_day("soon", own)


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
    sheet = compliance.type_test_sheet(answered(3, 9))
    found = verdicts(sheet)
    assert found["begin to reduce"] == "passed"
    assert sheet.loc["begin to reduce", "measured"] == 3
    assert sheet.loc["back at the limit, typical", "measured"] == 9
    assert found["excursions that lock the site out"] == "passed"
    assert found["fail-safe reached after loss of signal"] == "not tested"
    assert sheet.attrs["recorded"] == 1


def test_a_slow_controller_fails_where_it_is_slow():
    sheet = compliance.type_test_sheet(answered(8, 61))
    found = verdicts(sheet)
    assert found["begin to reduce"] == "failed"
    assert found["back at the limit, typical"] == "failed"
    assert found["back at the limit, at the latest"] == "failed"
    assert found["excursions that lock the site out"] == "failed"
    assert sheet.attrs["lock_outs"] == 1


def test_a_log_of_minutes_cannot_show_seconds():
    sheet = compliance.type_test_sheet(log([90, 120, 90, 90], step_s=60))
    assert set(verdicts(sheet).values()) <= {"cannot be shown", "not tested"} | {"passed"}
    assert verdicts(sheet)["begin to reduce"] == "cannot be shown"


def test_a_load_that_never_rose_tested_nothing():
    assert set(verdicts(compliance.type_test_sheet(log([50] * 60))).values()) == {"not tested"}


def test_the_fail_safe_by_hand():
    signal = [True] * 10 + [False] * 100 + [True] * 10
    falls = [30.0] * 40 + [8.0] * 80
    sheet = compliance.type_test_sheet(
        log([50] * 120, charging=falls, signal=signal), failsafe_kw=10
    )
    assert sheet.loc["fail-safe reached after loss of signal", "measured"] == 30
    assert verdicts(sheet)["fail-safe left before the signal was back"] == "passed"
    restarts = [*falls[:90], *[30.0] * 30]
    sheet = compliance.type_test_sheet(
        log([50] * 120, charging=restarts, signal=signal), failsafe_kw=10
    )
    assert verdicts(sheet)["fail-safe left before the signal was back"] == "failed"
    ignored = compliance.type_test_sheet(
        log([50] * 120, charging=[30] * 120, signal=signal), failsafe_kw=10
    )
    assert verdicts(ignored)["fail-safe reached after loss of signal"] == "failed"


def test_an_excursion_that_never_ends_fails():
    sheet = compliance.type_test_sheet(log([90] * 10 + [120] * 30))
    assert verdicts(sheet)["back at the limit, at the latest"] == "failed"
    runs = _excursion_runs(log([90, 120, np.nan, 90]))
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
    assert "5 of 5 sites need action" in text
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
