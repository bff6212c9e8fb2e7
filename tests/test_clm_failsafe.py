"""Loss of the signal: what each answer costs and risks."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import clm
from scchelpers.clm import failsafe
from scchelpers.clm.findings import failsafe as findings
from scchelpers.faults import UserError
from scchelpers.figures.clm import failsafe as figures

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
    found = failsafe.outages(*YEAR, per_year=400, mean_length="10min", seed=1)
    length = (found["end"] - found["start"]) / pd.Timedelta("1min")
    assert len(found) == pytest.approx(400, abs=60)
    assert length.mean() == pytest.approx(10, rel=0.2)
    assert (found["start"].to_numpy()[1:] > found["end"].to_numpy()[:-1]).all()
    again = failsafe.outages(*YEAR, per_year=400, mean_length="10min", seed=1)
    pd.testing.assert_frame_equal(found, again)


def test_outages_of_a_sweep_are_nested():
    few, many = (
        failsafe.outages(*YEAR, per_year=rate, mean_length="1min", seed=2, most_per_year=50)
        for rate in (10, 50)
    )
    assert set(few["start"]) < set(many["start"])
    assert failsafe.outages(*YEAR, per_year=0, mean_length="1h").empty


@pytest.mark.parametrize(("answer", "then"), [("hold", 50), ("fall", 15), ("stop", 0)])
def test_answers_by_hand(answer, then):
    limit = over([60, 50, 40, 30, 20, 10])
    kept = failsafe.with_outages(limit, lost((1.5, 4.5)), answer, static_kw=15, notice="1min")
    expected = {0: 60, 1: 50, 1.5: 50, 2: 50, 2.5: then, 4: then, 4.5: 20, 5: 10}
    assert {minute: at(kept, minute) for minute in expected} == expected


def test_an_outage_shorter_than_the_notice_only_holds():
    kept = failsafe.with_outages(over([60, 50, 40, 30]), lost((0.5, 2.5)), "stop", notice="5min")
    assert [at(kept, minute) for minute in (0, 1, 2, 2.5, 3)] == [60, 60, 60, 40, 30]


def test_no_outage_changes_nothing():
    limit = over([60, 50, 40])
    kept = failsafe.with_outages(limit, lost(), "stop")
    np.testing.assert_array_equal(kept, limit)


def test_noticed_at_once():
    kept = failsafe.with_outages(over([60, 50, 40, 30]), lost((1, 3)), "stop", notice="0s")
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


def test_cost_and_risk_by_hand(site):
    sessions, residual = site
    agreed_kw = 100.0
    limit = clm.dynamic_limit(residual, 100, power_factor=1.0)
    found = failsafe.sweep(
        sessions, limit, residual, agreed_kw, per_year=[60], mean_lengths=["8h"], seed=3
    )
    assert found.attrs["static_kw"] == 20
    # 1 h at 30 kW and 1.5 h at 20 kW: without outages every car is full.
    assert found.attrs["without"]["unserved_kwh"] == pytest.approx(0, abs=1e-6)
    assert found.attrs["without"]["excursions"] == 0
    cost = found["unserved_kwh"].droplevel(["per_year", "length_h"])
    risk = found["excursions"].droplevel(["per_year", "length_h"])
    assert cost["stop"] > cost["fall"] >= -1e-6 and risk["hold"] > 0
    assert risk["fall"] == risk["stop"] == 0
    # Held at 80 kW, the car takes its 30 beside a load of 80: 10 kW above.
    assert found["deepest_kw"].max() == pytest.approx(10)
    said = findings.failsafe(found)
    assert "holding the last limit costs no energy" in said and "up to 10.0" in said
    assert "falling to the static limit" in findings.advice(found)
    assert "stop" in figures.failsafe(found)[1]


def test_more_and_longer_outages_cost_no_less(site):
    sessions, residual = site
    limit = clm.dynamic_limit(residual, 100, power_factor=1.0)
    found = failsafe.sweep(
        sessions, limit, residual, 100.0, per_year=[0, 20, 100], mean_lengths=["1h", "12h"],
        answers=["stop"], seed=5,
    )  # fmt: skip
    cost = found.reset_index().pivot_table("unserved_kwh", "per_year", "length_h")
    assert (np.diff(cost, axis=0) >= -1e-6).all() and (np.diff(cost, axis=1) >= -1e-6).all()
    assert (cost.loc[0].abs() < 1e-9).all()


def test_impossible_answers_are_refused():
    with pytest.raises(UserError, match="answer"):
        failsafe.with_outages(over([1, 2]), lost(), "pray")
    with pytest.raises(UserError, match="per_year"):
        failsafe.outages(*YEAR, per_year=-1, mean_length="1h")
    with pytest.raises(UserError, match="static_kw"):
        failsafe.with_outages(over([1, 2]), lost(), "fall", static_kw=-1)
