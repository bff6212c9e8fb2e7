"""Loss of the signal: what each answer costs and risks."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import charging, clm
from scchelpers.faults import UserError

DAY = pd.Timestamp("2026-01-05T00:00Z")
YEAR = (DAY, DAY + pd.Timedelta("365D"))


def over(values, step="1min"):
    time = pd.date_range("2026-01-05", periods=len(values), freq=step)
    return xr.DataArray(np.asarray(values, float), {"time": time}, ("time",))


def lost(*spans):
    return pd.DataFrame(
        {
            "start": [DAY + pd.Timedelta(minutes=first) for first, _ in spans],
            "end": [DAY + pd.Timedelta(minutes=last) for _, last in spans],
        }
    ).astype("datetime64[ns, UTC]")


def at(kept, minute):
    return float(
        kept.sel(time=DAY.tz_localize(None) + pd.Timedelta(minutes=minute), method="ffill")
    )


def test_outages_are_as_many_and_as_long_as_asked():
    found = clm.outages(*YEAR, per_year=400, mean_length="10min", seed=1)
    length = (found["end"] - found["start"]) / pd.Timedelta("1min")
    assert len(found) == pytest.approx(400, abs=60)
    assert length.mean() == pytest.approx(10, rel=0.2)
    assert (found["start"].to_numpy()[1:] > found["end"].to_numpy()[:-1]).all()
    again = clm.outages(*YEAR, per_year=400, mean_length="10min", seed=1)
    pd.testing.assert_frame_equal(found, again)


def test_outages_of_a_sweep_are_nested():
    few, many = (
        clm.outages(*YEAR, per_year=rate, mean_length="1min", seed=2, most_per_year=50)
        for rate in (10, 50)
    )
    assert set(few["start"]) < set(many["start"])
    assert clm.outages(*YEAR, per_year=0, mean_length="1h").empty


@pytest.mark.parametrize(("answer", "then"), [("hold", 50), ("fall", 15), ("stop", 0)])
def test_answers_by_hand(answer, then):
    limit = over([60, 50, 40, 30, 20, 10])
    kept = clm.with_outages(limit, lost((1.5, 4.5)), answer, static_kw=15, notice="1min")
    expected = {0: 60, 1: 50, 1.5: 50, 2: 50, 2.5: then, 4: then, 4.5: 20, 5: 10}
    assert {minute: at(kept, minute) for minute in expected} == expected


def test_an_outage_shorter_than_the_notice_only_holds():
    kept = clm.with_outages(over([60, 50, 40, 30]), lost((0.5, 2.5)), "stop", notice="5min")
    assert [at(kept, minute) for minute in (0, 1, 2, 2.5, 3)] == [60, 60, 60, 40, 30]


def test_no_outage_changes_nothing():
    limit = over([60, 50, 40])
    kept = clm.with_outages(limit, lost(), "stop")
    np.testing.assert_array_equal(kept, limit)


def test_noticed_at_once():
    kept = clm.with_outages(over([60, 50, 40, 30]), lost((1, 3)), "stop", notice="0s")
    assert [at(kept, minute) for minute in (0, 1, 2, 3)] == [60, 0, 0, 30]


@pytest.fixture
def site():
    """A car a day wants 30 kW for four hours; other load rises from 20 to 80 kW at 02:00."""
    days = 60
    minute = np.arange(days * 1440) % 1440
    residual = over(np.where((minute >= 120) & (minute < 600), 80.0, 20.0))
    begin = DAY + pd.to_timedelta(np.arange(days), unit="D") + pd.Timedelta("1h")
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{k}" for k in range(days)],
            "evse_id": "E1",
            "plug_in": begin,
            "plug_out": begin + pd.Timedelta("4h"),
            "energy_kwh": 60.0,
            "max_kw": 30.0,
        }
    )
    return sessions, residual


def outcome(sessions, residual, limit, agreed_kw=100.0, static_kw=20.0):
    """Return energy unserved [kWh], excursions and the deepest [kW]."""
    done = charging.simulate(
        sessions, limit, step="1min", limit_after=static_kw, limit_missing=static_kw
    )
    found = clm.excursions(clm.site_import(residual, done.power_kw), agreed_kw)
    return done.sessions["unserved_kwh"].sum(), len(found), found["depth_kw"].max()


def test_cost_and_risk_by_hand(site):
    sessions, residual = site
    limit = clm.dynamic_limit(residual, 100, power_factor=1.0)
    span = pd.DatetimeIndex(residual["time"].to_numpy()[[0, -1]]).tz_localize("UTC")
    gone = clm.outages(*span, per_year=60, mean_length="8h", seed=3)
    # 1 h at 30 kW and 1.5 h at 20 kW: without outages every car is full.
    assert outcome(sessions, residual, limit)[:2] == (pytest.approx(0, abs=1e-6), 0)
    kept = {a: clm.with_outages(limit, gone, a, static_kw=20.0) for a in clm.ANSWERS}
    found = {answer: outcome(sessions, residual, kw) for answer, kw in kept.items()}
    assert found["stop"][0] > found["fall"][0] >= -1e-6
    assert found["hold"][1] > 0 and found["fall"][1] == found["stop"][1] == 0
    # Held at 80 kW, the car takes its 30 beside a load of 80: 10 kW above.
    assert found["hold"][2] == pytest.approx(10)


def test_more_and_longer_outages_cost_no_less(site):
    sessions, residual = site
    limit = clm.dynamic_limit(residual, 100, power_factor=1.0)
    span = pd.DatetimeIndex(residual["time"].to_numpy()[[0, -1]]).tz_localize("UTC")
    cost = []
    for rate in (0, 20, 100):
        draws = {"per_year": rate, "seed": 5, "most_per_year": 100}
        lost = [clm.outages(*span, mean_length=length, **draws) for length in ("1h", "12h")]
        cost.append(
            [outcome(sessions, residual, clm.with_outages(limit, gone, "stop"))[0] for gone in lost]
        )
    assert (np.diff(cost, axis=0) >= -1e-6).all() and (np.diff(cost, axis=1) >= -1e-6).all()
    assert np.abs(cost[0]).max() < 1e-6


def test_impossible_answers_are_refused():
    with pytest.raises(UserError, match="answer"):
        clm.with_outages(over([1, 2]), lost(), "pray")
    with pytest.raises(UserError, match="per_year"):
        clm.outages(*YEAR, per_year=-1, mean_length="1h")
    with pytest.raises(UserError, match="static_kw"):
        clm.with_outages(over([1, 2]), lost(), "fall", static_kw=-1)
