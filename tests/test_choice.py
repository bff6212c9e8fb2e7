"""The one decision: constructed sites with a known answer, and the store that keeps it."""

import dataclasses
import json
import multiprocessing
import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import choice
from scchelpers.choice import schemes, store
from scchelpers.choice.decision import COLUMNS, recommended
from scchelpers.choice.network import Network, Surroundings, as_half_hours
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, reads, shared
from scchelpers.portfolio import store as files
from scchelpers.site import Known, Site
from scchelpers.timebase import YEAR_H

DAYS = 364
TIME = pd.date_range("2025-01-06", periods=48 * DAYS, freq="30min")
RATING = pd.Series(200.0, ["winter", "spring", "summer", "autumn"])
TERMS = choice.Terms(draws=100)
STILL = dataclasses.replace(TERMS, level_sd=0.0, peak_sd=0.0, local_sd=0.0)  # like the record


def load(kva, *, evening=None, at_random=None, days=0.3, seed=0) -> xr.DataArray:
    """Return a steady load, another from 17:00 to 19:00, and one at odd hours of some days [kVA].

    The last rises and falls within six hours, as a monitor can follow.
    """
    values = np.full(len(TIME), float(kva))
    if evening is not None:
        values[(TIME.hour >= 17) & (TIME.hour < 19)] = evening
    if at_random is not None:
        rng = np.random.default_rng(seed)
        for day in np.flatnonzero(rng.random(DAYS - 1) < days):
            first = 48 * day + rng.integers(48)
            shape = np.r_[np.linspace(0.15, 1, 6), np.linspace(1, 0.15, 6)]
            values[first : first + 12] += (at_random - kva) * shape[: len(values) - first]
    return xr.DataArray(values, {"time": TIME}, ("time",), attrs={"units": "kVA"})


def own_load(day, night) -> xr.DataArray:
    """Return a site's other load, highest at 14:00 and lowest at 02:00 [kW]."""
    hours = TIME.hour + TIME.minute / 60
    values = (day + night) / 2 - (day - night) / 2 * np.cos(2 * np.pi * (hours - 2) / 24)
    return xr.DataArray(values, {"time": TIME}, ("time",), "residual_kw", {"units": "kW"})


def site(site_id="a", asked_kva=100.0, *, hour=20, stay_h=11, residual=None, **meta) -> Site:
    """Return a site of five points of 20 kW, each used every night from an hour on for 35 kWh."""
    points = pd.DataFrame(
        {
            "evse_id": [f"{site_id}-{k}" for k in range(5)],
            "site_id": site_id,
            "rated_kw": 20.0,
            "phases": 3,
            "kind": "fast",
        }
    )
    starts = pd.date_range("2025-01-06", periods=DAYS - 1, freq="1D", tz="UTC")
    starts = starts + pd.Timedelta(hours=hour)
    sessions = pd.DataFrame(
        {
            "session_id": [f"{evse}-{k}" for evse in points["evse_id"] for k in range(len(starts))],
            "evse_id": np.repeat(points["evse_id"], len(starts)).to_numpy(),
            "site_id": site_id,
            "plug_in": np.tile(starts, len(points)),
            "plug_out": np.tile(starts + pd.Timedelta(hours=stay_h), len(points)),
            "energy_kwh": 35.0,
            "max_kw": 20.0,
        }
    ).sort_values(["plug_in", "session_id"], ignore_index=True)
    own = {"site_id": site_id, "name": site_id, "site_type": "on_street", "dsc_kva": None}
    own |= {"requested_kva": asked_kva, "power_factor": 1.0, "asset_id": "tx"}
    own |= {"connection_kv": 0.4, "applied_on": None} | meta
    return Site(site_id, own, points, sessions, residual, None, None, "Etc/UTC")


def around(sites, kva=None, **others) -> Surroundings:
    """Return sites on one transformer, and on other assets above it."""
    assets = {} if kva is None else {"tx": (kva, RATING)}
    assets |= {name: (own, RATING) for name, own in others.items()}
    feeds = {own.site_id: dict.fromkeys(assets, 1.0) for own in sites}
    names = {name: name for name in assets}
    return Surroundings(list(sites), assets, feeds, names, dict.fromkeys(assets, "transformer"))


def decided(sites, kva=None, *, terms=TERMS, how_sure=False, **others) -> dict[str, choice.Choice]:
    return choice.decide(around(sites, kva, **others), terms, how_sure=how_sure)[0]


def alone(one, kva=None, **options) -> choice.Choice:
    return decided([one], kva, **options)[one.site_id]


# -- ten sites with an obvious answer ----------------------------------------------------------

SUPPLIED = {"dsc_kva": 110.0, "asset_id": None}
OBVIOUS = {
    "room for all": (site(hour=20, stay_h=2), load(60), {}, "firm"),
    "drivers need a quarter of it": (site(), load(140), {}, "ask for less"),
    "full in the evening": (site(hour=17, stay_h=14), load(80, evening=195), {}, "TCC"),
    "supply with room": (site(residual=own_load(60, 60), **SUPPLIED), None, {}, "static CLM"),
    "a little more supply": (
        site(residual=own_load(70, 70), dsc_kva=80.0), load(166), {}, "raise the supply",
    ),
    "full by day": (site(residual=own_load(105, 40), **SUPPLIED), None, {}, "dynamic CLM"),
    "full at odd hours": (site(), load(85, at_random=195), {}, "LMC"),
    "two places full at odd hours": (
        site(), load(85, at_random=195), {"high": load(85, at_random=195, seed=1)}, "CMC",
    ),
    "full at all hours": (site(stay_h=2), load(195), {}, "reinforcement"),
    "nothing on record": (site(asset_id=None), None, {}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", OBVIOUS)
def test_a_site_with_an_obvious_answer(name):
    one, kva, others, wanted = OBVIOUS[name]
    assert alone(one, kva, **others).scheme == wanted


# -- hard ones ---------------------------------------------------------------------------------


def test_a_more_complex_way_that_is_better_on_everything_is_taken():
    own = site(hour=17, stay_h=14, residual=own_load(60, 60), dsc_kva=110.0)
    found = alone(own, load(80, evening=120))
    less, fixed = found.options.loc[["ask for less", "static CLM"]].to_dict("records")
    assert less["viable"]
    assert fixed["unserved_share"] <= less["unserved_share"]
    assert fixed["over_h"] <= less["over_h"] == 0
    assert fixed["worth_gbp"] > less["worth_gbp"]
    assert found.scheme == "static CLM"


def test_what_the_other_load_does_alone_is_not_laid_to_the_site():
    kva = load(85, at_random=260, days=0.1)
    found = alone(site(), kva)
    above = float((kva > 200).mean()) * YEAR_H
    assert found.scheme == "LMC"
    assert found.row["over_h"] < 3
    assert found.row["own_over_h"] == pytest.approx(above, rel=0.3)
    assert not found.options.loc["firm", "possible"]  # it would draw while the asset is overloaded
    assert "ask for less" not in found.options.index[found.options["safe"]]


def test_a_gap_in_the_record_changes_no_answer():
    kva = load(85, at_random=195)
    gap = kva.where((kva["time"] < np.datetime64("2025-06-03")) | (TIME >= "2025-06-08"))
    whole, holed = alone(site(), kva), alone(site(), gap)
    assert whole.scheme == holed.scheme == "LMC"
    for name in ("unserved_share", "availability", "restricted_h", "wanted_kwh"):
        assert holed.row[name] == pytest.approx(whole.row[name], rel=0.1, abs=0.002)


def test_a_part_of_a_year_is_said_and_nothing_recommended():
    found = alone(site(), load(80, evening=195).isel(time=slice(0, 48 * 120)))
    assert found.scheme is None
    assert any("months are known" in reason for reason in found.facts["reasons"])
    assert found.options.loc["LMC", "possible"]


# -- what each column means --------------------------------------------------------------------


def network(kva, **others) -> Network:
    assets = {"tx": (kva, RATING)} | {name: (own, RATING) for name, own in others.items()}
    return Network.of(assets, margin_share=0.0, timezone="Etc/UTC")


def test_what_fits_at_all_times_forgives_no_hour():
    values = load(100)
    values[:10] = 190.0  # five hours
    assert network(values).firm_kva == 10
    assert network(values).short_h(40.0)["tx"] == pytest.approx(5 * YEAR_H / (24 * DAYS))
    values[:10] = np.nan  # unknown, which is neither
    assert network(values).firm_kva == 100


def test_fewer_chargepoints_are_no_way_where_not_one_fits():
    found = alone(site(), load(191)).options.loc["reduced capacity"]
    assert not found["possible"]
    assert found["why_not"].endswith("fits at all times, too little for one of the chargepoints")
    assert alone(site(), load(150)).options.loc["reduced capacity", "possible"]


def test_a_line_that_sees_half_of_the_power_takes_twice_as_much():
    assert network(load(100)).above({"tx": 0.5}).firm_kva == 200
    assert network(load(100)).holding(60.0, 20.0, {"tx": 0.5}).firm_kva == 70
    assert network(load(100)).grown(1.1).firm_kva == 90


def test_finer_limits_count_as_means_and_unknown_ones_as_unknown():
    time = pd.date_range("2025-01-06", periods=12, freq="5min")
    fine = xr.DataArray([0.0, 0, 0, 60, 60, 60, *[np.nan] * 6], {"time": time}, ("time",))
    found = as_half_hours(fine, xr.DataArray(TIME[:3], dims="time")).to_numpy()
    np.testing.assert_array_equal(found, [30, np.nan, 0])


def test_windows_are_judged_on_days_that_did_not_make_them():
    kva = load(80, evening=195)
    odd = (np.arange(len(TIME)) // 48 // 14 == 10) & (TIME.hour >= 12) & (TIME.hour < 14)
    kva = kva.where(~odd, 150.0)  # one fortnight is unlike all others
    found = alone(site(hour=17, stay_h=14), kva, terms=STILL)
    limit_kva = as_half_hours(found.limits["TCC"], kva["time"])
    assert not (kva + limit_kva > 200 + 1e-6).any()  # its own windows hold on record
    assert found.options.loc["TCC", "over_high_h"] > 20  # of 28 h in that fortnight


def test_years_unlike_the_record_weigh_on_what_it_seems_to_allow():
    tight = alone(site(stay_h=2), load(94)).options
    assert tight.loc["reinforcement", "possible"]
    assert "fits" in tight.loc["firm", "why_not"]
    assert alone(site(stay_h=2), load(94), terms=STILL).scheme == "firm"


def test_a_monitor_is_late_in_more_hours_of_a_heavier_year(monkeypatch):
    """The hours stated for a rise are those of the controller in a year with that much more."""
    monkeypatch.setattr(schemes, "MARGINS", ())
    kva = load(85, at_random=195)
    alike = {"time": kva["time"].to_numpy()}
    demand = schemes.Demand(site(), Known.of(kva, timezone="Etc/UTC", what="load of the network"))
    one = schemes.Applicant(demand, network(kva), TERMS)
    led = schemes.offer(one, schemes.LMC)

    def added_h(load_kva, allowed_kva):
        left_kva = RATING.iloc[0] + 1e-6 - load_kva
        return float(((allowed_kva > left_kva) & (left_kva >= 0)).sum()) / 2

    hours = []
    for rise in led.unseen_kva["rise"].to_numpy():
        heavier = dataclasses.replace(one, network=one.network.grown(1 + rise))
        sent_kw = schemes.offer(heavier, schemes.LMC).limit_kw
        stated = led.unseen_kva.sel(rise=rise, drop=True).assign_coords(alike)
        hours.append(added_h(kva * (1 + rise), stated))
        again = as_half_hours(sent_kw, kva["time"]) / one.power_factor
        assert added_h(kva * (1 + rise), again) == hours[-1]
    assert hours[2] == 0 < max(hours)  # the margin is enough for the steps on record


def test_growth_makes_a_stop_gap_of_a_scheme():
    grows = dataclasses.replace(TERMS, load_growth=0.02, planned_years=8)
    found = alone(site(hour=17, stay_h=14), load(84, evening=195), terms=grows)
    timed = found.options.loc["TCC"]
    assert 1.25 < timed["protection_ends"] <= 8  # after reinforcement, before the planned years
    assert timed["stop_gap"]
    assert not timed["viable"]
    assert found.scheme == "TCC"


def test_a_dynamic_limit_is_never_below_the_fixed_one():
    found = alone(site(residual=own_load(105, 40), **SUPPLIED))
    assert float(found.limits["dynamic CLM"].min()) >= found.limits["static CLM"] - 1e-9


def test_a_small_user_cannot_hold_a_curtailable_connection():
    found = alone(site(asked_kva=60.0, hour=17, stay_h=14), load(130, evening=195))
    assert found.options.loc["TCC", "serves"]
    assert "Schedule 2D" in found.options.loc["TCC", "against"]
    assert found.scheme not in schemes.CURTAILED


def test_drivers_who_cannot_wait_are_not_served_by_a_timer():
    found = alone(site(hour=17, stay_h=2), load(80, evening=195))
    assert not found.options.loc["TCC", "serves"]
    assert found.scheme == schemes.REINFORCED


def test_worth_is_against_waiting_with_its_range():
    options = alone(site(), load(140)).options
    possible = options[options["possible"]]
    assert possible.loc["reinforcement", "worth_gbp"] == 0
    assert np.isnan(possible.loc["reinforcement", "ahead_probability"])
    others = possible.drop("reinforcement")
    assert (others["worth_low_gbp"] <= others["worth_gbp"]).all()
    assert (others["worth_gbp"] <= others["worth_high_gbp"]).all()
    assert possible.loc["reinforcement", "ready_months"] > others["ready_months"].max()


def test_every_option_has_every_column():
    options = alone(site(), load(140)).options
    assert list(options.index) == list(schemes.RANK)
    assert set(options.columns) == set(COLUMNS)


def test_the_least_complex_of_what_will_do_whatever_the_order_of_rows():
    row = {"stop_gap": False, "unserved_share": 0.0, "over_h": 0.0, "ready_months": 6.0}
    options = pd.DataFrame(
        [{"viable": viable, "worth_gbp": 0.0, **row} for viable in (True, False, True)],
        index=["CMC", "firm", "static CLM"],
    )
    drawn = pd.DataFrame(0.0, [0, 1], options.index)
    assert recommended(options, drawn) == "static CLM"
    assert recommended(options.iloc[[1]], drawn) is None


def test_a_knife_edge_is_named():
    short = site(hour=20, stay_h=2)  # 92 kVA and the request: within the rating in 9 years of 10
    found = alone(short, load(92), how_sure=True)
    changes = dict(found.sure.itertuples(index=False))
    assert len(changes) == 8
    assert changes["load \N{MINUS SIGN}2 %"] == "firm" != changes["load +2 %"]
    safe = alone(short, load(60), how_sure=True)
    assert set(safe.sure["scheme"]) == {"firm"}


# -- together ----------------------------------------------------------------------------------


def stack():
    short = {"hour": 20, "stay_h": 2}
    return [
        site("late", 80.0, applied_on=date(2025, 3, 1), **short),
        site("early", 80.0, applied_on=date(2024, 3, 1), **short),
        site("undated", 80.0, **short),
    ]


def test_first_come_first_served():
    found = decided(stack(), load(60))
    assert list(found) == ["early", "late", "undated"]
    assert [one.firm_kva for one in found.values()] == [80, 56, 56]
    assert found["early"].scheme == "firm"
    assert found["late"].scheme == "reinforcement"  # which brings its own capacity


def test_a_later_applicant_changes_nothing_before_it():
    before, more = decided(stack()[:2], load(60)), decided(stack(), load(60))
    for name, one in before.items():
        pd.testing.assert_frame_equal(one.options, more[name].options)


def test_the_order_of_rows_is_of_no_consequence():
    found = [decided(sites, load(60)) for sites in (stack(), stack()[::-1])]
    for name, one in found[0].items():
        pd.testing.assert_frame_equal(one.options, found[1][name].options)


def test_what_is_left_to_buy_is_what_the_schemes_do_not_take_away():
    own = around([site(hour=17, stay_h=14)], load(80, evening=195))
    need = choice.decide(own, TERMS, how_sure=False)[1].set_index("connected")["over_kvah"]
    assert need["before"] == need["with schemes"] == 0
    assert need["without schemes"] > 0


@pytest.mark.parametrize("wrong", [{"unserved_target": 1.0}, {"tolerated_h": -1.0}])
def test_terms_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        choice.Terms(**wrong)


# -- the store ---------------------------------------------------------------------------------

PLACE = "village-hall"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path / "decisions"))
    return tmp_path / "decisions"


def contents(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_decision_is_made_once_and_notes_the_same_reads(place, tmp_path, monkeypatch):
    folder, again = Portfolio.open("data/demo"), Portfolio.open("data/demo")
    monkeypatch.setenv(reads.VARIABLE, str(tmp_path / "first"))
    made = choice.decided(folder, PLACE, TERMS)
    monkeypatch.setattr(store, "decide", None)  # it would be an error to need it
    monkeypatch.setenv(reads.VARIABLE, str(tmp_path / "second"))
    found = choice.decided(again, PLACE, TERMS)
    pd.testing.assert_frame_equal(found.options, made.options)
    assert (found.scheme, found.facts) == (made.scheme, made.facts)
    assert reads.noted(tmp_path / "first") == reads.noted(tmp_path / "second")
    assert f"site:{PLACE}" in reads.noted(tmp_path / "second")
    with pytest.raises(TypeError):  # other terms are another question
        choice.decided(folder, PLACE, dataclasses.replace(TERMS, tolerated_h=20.0))


def test_the_same_bytes_twice(place, tmp_path, monkeypatch):
    folder = Portfolio.open("data/demo")
    choice.decided(folder, PLACE, TERMS)
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path / "again"))
    choice.decided(folder, PLACE, TERMS)
    assert contents(place) == contents(tmp_path / "again")
    assert not [name for name in contents(place) if name.endswith((".pkl", ".pickle"))]


def test_a_changed_input_makes_it_anew(place, tmp_path):
    for name in ("portfolio.toml", "chargepoints.csv", "assets.csv", "sessions.parquet"):
        (tmp_path / name).write_bytes(Path("data/demo", name).read_bytes())
    sites = pd.read_csv("data/demo/sites.csv")
    sites.to_csv(tmp_path / "sites.csv", index=False)
    before = choice.decided(Portfolio.open(tmp_path), PLACE, TERMS)
    sites.loc[sites["site_id"] == PLACE, "requested_kva"] = 50
    sites.to_csv(tmp_path / "sites.csv", index=False)
    after = choice.decided(Portfolio.open(tmp_path), PLACE, TERMS)
    assert (before.facts["requested_kva"], after.facts["requested_kva"]) == (97, 50)
    assert len(list(place.glob("*/made"))) == 1  # in the same place


def _counted(log):
    real = store.decide

    def decide(*given, **more):
        with log.open("a") as file:
            file.write("made\n")
        return real(*given, **more)

    store.decide = decide
    choice.decided(Portfolio.open("data/demo"), PLACE, TERMS)


@pytest.mark.skipif(files.fcntl is None, reason="no file locks on this system")
def test_others_wait_for_whoever_makes_it(place, tmp_path):
    log = tmp_path / "log"
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=_counted, args=(log,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(120)
    assert [one.exitcode for one in both] == [0, 0]
    assert log.read_text() == "made\n"


def test_half_a_store_is_made_anew(place):
    folder = Portfolio.open("data/demo")
    choice.decided(folder, PLACE, TERMS)
    text = next(place.glob("*/made/choice.json"))
    known = json.loads(text.read_text())
    text.write_text(text.read_text()[:40])
    choice.decided(folder, PLACE, TERMS)
    assert json.loads(text.read_text()) == known
    assert os.environ[shared.VARIABLE] == str(place)
