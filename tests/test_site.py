"""One site: what each term means, and what is assumed where the portfolio is silent."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import charging, choice, network, standards, tcc
from scchelpers.choice.schemes import Applicant
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.site import Site
from tests.conftest import ROOT


def bare(**given) -> Site:
    empty = pd.DataFrame()
    values = {"site_id": "x", "meta": {"requested_kva": 510.0}, "chargepoints": empty}
    values |= {"sessions": empty, "residual_kw": None, "network_kva": None, "rating_kva": None}
    return Site(**(values | {"timezone": "Europe/London"} | given))


def test_a_site_without_a_power_factor_takes_one_value_and_says_so():
    assert bare().requested_kw == pytest.approx(484.5)  # 510 kVA at 0.95
    assert "0.95" in bare().assumed["power_factor"]
    own = bare(meta={"requested_kva": 510.0, "power_factor": 0.98})
    assert own.requested_kw == pytest.approx(499.8)
    assert own.assumed == {}
    assert bare(usual_power_factor=0.9).requested_kw == pytest.approx(459.0)
    assert "portfolio" in bare(usual_power_factor=0.9).assumed["power_factor"]


def test_a_capacity_that_is_not_stated_is_missing_not_zero():
    assert bare(meta={}).requested_kva is None
    assert bare(meta={}).requested_kw is None
    assert bare().dsc_kva is None


def test_half_hours_of_a_minute_load_and_of_an_unknown_one():
    time = pd.date_range("2026-03-29", periods=120, freq="1min")
    kva = np.r_[np.full(30, 10.0), np.full(30, 20.0), np.full(59, 30.0), np.nan]
    load = xr.DataArray(kva, {"time": time}, ("time",))
    rating = pd.Series({"spring": 100.0, "winter": 120.0})
    table = bare(network_kva=load, rating_kva=rating).half_hours()
    assert table["load_kva"].tolist()[:3] == [10.0, 20.0, 30.0]
    assert np.isnan(table["load_kva"].iloc[3])  # one minute of it is missing
    # 01:00 UTC is 02:00 on the day the clocks go forward.
    assert table["half_hour"].tolist() == [0, 1, 4, 5]
    assert (table["rating_kva"] == 100.0).all()
    with pytest.raises(UserError, match="no network load"):
        bare().half_hours()


def test_half_hours_of_the_demo_equal_what_the_portfolio_holds():
    site = Portfolio.open(ROOT / "data/demo").site("elm-road-lamps")
    table = site.half_hours()
    assert (table["load_kva"].to_numpy() == site.network_kva.to_numpy()).all()
    assert table.groupby("day").size().value_counts().to_dict() == {48: 363, 46: 1, 50: 1}


def test_the_portfolio_states_a_power_factor_for_its_sites(tmp_path):
    (tmp_path / "portfolio.toml").write_text('name = "p"\npower_factor = 1.2\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"power_factor = 1.2"):
        _ = Portfolio.open(tmp_path).power_factor


# What only `site.py` and `timebase.py` decide.
DECIDED = re.compile(
    r"""meta(?:\.get\(|\[)\\?["'](?:power_factor|requested_kva|dsc_kva)"""
    r"""|\b(?:8760|8766|17520|365\.25)\b|power_factor: float = 0\."""
)


@pytest.mark.parametrize(
    "path",
    [*sorted((ROOT / "scchelpers").rglob("*.py")), *sorted((ROOT / "notebooks").glob("*.ipynb"))],
    ids=lambda path: path.name,
)
def test_nobody_decides_again_what_a_site_means(path):
    if path.name in ("site.py", "timebase.py"):
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [x for x in lines if DECIDED.search(x) and ">>>" not in x and " to 8760" not in x]
    # A doctest may count the half hours of a year.
    assert not [x for x in found if not x.strip().startswith(("(", "'", "[["))]


def test_every_method_takes_the_same_capacity_of_a_site_without_a_power_factor():
    whole = Portfolio.open(ROOT / "data/demo").site("kelvin-van-depot")
    site = replace(whole, meta={**whole.meta, "power_factor": None})
    asked_kw = whole.requested_kva * 0.95
    assert site.requested_kw == pytest.approx(asked_kw)
    study = tcc.study(site)
    assert study.known
    found = {
        "timed": study.requested_kw,
        "choice": Applicant(site, None, choice.Terms()).requested_kw,
        "network": network.locally_managed([site], step="30min").asked_kw(site.site_id),
        "schedule": standards.scheme("clm")(site, limit_kva=whole.requested_kva)
        .windows["limit_kw"]
        .iloc[0],
    }
    assert found == pytest.approx(dict.fromkeys(found, asked_kw))


def test_a_site_of_two_frames_answers_like_one_of_a_portfolio():
    whole = Portfolio.open(ROOT / "data/demo").site("elm-road-lamps")
    load = whole.network_kva.to_series()
    own = Site.of(
        whole.sessions[["plug_in", "plug_out", "energy_kwh", "max_kw", "session_id", "evse_id"]],
        load=load.tz_localize("UTC"),
        rating_kva=whole.rating_kva.to_dict(),
        requested_kva=whole.requested_kva,
        power_factor=whole.power_factor,
    )
    pd.testing.assert_frame_equal(own.half_hours(), whole.half_hours())
    assert own.requested_kw == whole.requested_kw
    held = [
        charging.simulate(s.sessions, 20.0, chargepoints=s.chargepoints[["evse_id", "rated_kw"]])
        for s in (own, whole)
    ]
    unserved = [result.sessions["unserved_kwh"].sum() for result in held]
    assert unserved[0] == pytest.approx(unserved[1], rel=1e-3)
    assert "elm" not in repr(own) and "134 kVA asked for" in repr(own)
    kinds = [
        s.chargepoints.set_index("evse_id")["kind"].sort_index().to_dict() for s in (own, whole)
    ]
    assert kinds[0] == kinds[1]
    card = own._repr_html_()
    assert "not on record" in card and "12 months known" in card


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plug_in": None}, "no column 'plug_in'"),
        ({"energy_kwh": -1.0}, "must end after it begins"),
        ({"plug_in": pd.Timestamp("2026-01-01T08:00")}, "have no zone"),
    ],
)
def test_a_site_of_a_frame_says_what_to_pass(change, words):
    stays = {"plug_in": pd.Timestamp("2026-01-01T08:00Z"), "energy_kwh": 20.0}
    stays |= {"plug_out": pd.Timestamp("2026-01-01T12:00Z")} | change
    frame = pd.DataFrame([{name: value for name, value in stays.items() if value is not None}])
    with pytest.raises(UserError, match=words):
        Site.of(frame)


def test_a_load_without_times_says_how_to_read_it():
    stays = pd.DataFrame({"plug_in": [], "plug_out": [], "energy_kwh": []})
    stays = stays.astype({"plug_in": "datetime64[ns, UTC]", "plug_out": "datetime64[ns, UTC]"})
    with pytest.raises(UserError, match="parse_dates"):
        Site.of(stays, load=pd.Series([1.0, 2.0]))
