"""The measures of a limit against hand-worked values (methods reference, sections 3 and 4)."""

import doctest

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import charging, measures
from scchelpers.faults import UserError

LIMIT = [100, 100, 80, 60, 60, 100, 100, 0, 0, 100, 100, 90]
DEMAND = [20, 50, 90, 70, 50, 100, 30, 40, 10, 100, 60, 95]


def series(values, start="2026-11-24", step="30min"):
    time = pd.date_range(start, periods=len(values), freq=step)
    return xr.DataArray(
        np.asarray(values, float), coords={"time": time}, dims="time", attrs={"units": "kW"}
    )


def cars(*rows):
    """Return sessions from rows (plug_in, plug_out, energy_kwh, max_kw) of one January day."""
    day = "2026-01-05T"
    return pd.DataFrame(
        [
            {
                "session_id": f"s{k}",
                "evse_id": f"E{k}",
                "plug_in": pd.Timestamp(f"{day}{a}Z"),
                "plug_out": pd.Timestamp(f"{day}{b}Z"),
                "energy_kwh": kwh,
                "max_kw": kw,
            }
            for k, (a, b, kwh, kw) in enumerate(rows)
        ]
    )


def test_examples_in_docstrings():
    found = doctest.testmod(measures)
    assert found.attempted > 0
    assert found.failed == 0


def test_dno_view_of_the_worked_case():
    found = measures.dno_measures(series(LIMIT), 100.0, levels_kw=[20, 40, 100])
    expected = {
        "max_cut_kw": 100,
        "availability": 0.5,
        "events": 3,
        "full_events": 1,
        "events_per_year": 4380 * 8766 / 8760,  # a year has 365.25 days
        "event_p50_h": 1.0,
        "event_p90_h": 1.4,
        "event_max_h": 1.5,
        "restricted_kwh": 155,
        "equivalent_full_h": 1.55,
        "restricted_h": 3.0,
        "partial_h": 2.0,
        "full_h": 1.0,
        "observed_h": 6.0,
        "missing_h": 0.0,
    }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value), name
    assert found["probability"].to_numpy() == pytest.approx([5 / 12, 4 / 12, 2 / 12])
    assert "6 h are on record" in found.attrs["warning"]
    assert np.isnan(found["above_limit_h"])


def test_events_of_the_worked_case():
    found = measures.events(series(LIMIT), 100.0)
    assert found["duration_h"].tolist() == [1.5, 1.0, 0.5]
    assert found["max_cut_kw"].tolist() == [40, 100, 10]
    assert found["restricted_kwh"].tolist() == [50, 100, 5]
    assert found["full_h"].tolist() == [0, 1, 0]
    assert found["start"].iloc[0] == pd.Timestamp("2026-11-24T01:00Z")
    assert found["end"].iloc[0] == pd.Timestamp("2026-11-24T02:30Z")


def test_customer_view_of_the_worked_case_before_recovery():
    found = measures.loss_measures(series(DEMAND), series(LIMIT), 100.0)
    assert float(found["lost_kwh"]) == 37.5
    assert float(found["wanted_kwh"]) == 357.5
    assert int(found["coincident_steps"]) == 5
    assert float(found["loss_share"]) == pytest.approx(5 / 6)
    assert float(found["wanted_share"]) == 1.0


@pytest.mark.parametrize("hole", ["absent", "unknown"])
def test_a_run_ends_at_a_gap_and_a_gap_is_not_available(hole):
    limit = series([100, 50, 50, 50, 100, 100])
    limit = (
        limit.isel(time=[0, 1, 3, 4, 5])
        if hole == "absent"
        else limit.where(limit.time != limit.time[2])
    )
    found = measures.dno_measures(limit, 100.0)
    assert int(found["events"]) == 2
    assert float(found["event_max_h"]) == 0.5
    assert float(found["availability"]) == pytest.approx(3 / 5)
    assert float(found["observed_h"]) == 2.5
    assert float(found["missing_h"]) == 0.5
    assert "17% of the record is missing" in found.attrs["warning"]


def test_negative_limit_takes_no_more_than_the_capacity():
    found = measures.dno_measures(series([-50, 100, 100, 100]), 100.0)
    assert float(found["max_cut_kw"]) == 100
    assert float(found["equivalent_full_h"]) == 0.5


def test_a_leap_year_of_an_agreement_has_its_own_day():
    limit = np.full(2 * 17520 + 48, 100.0)  # from 1 January 2027: 365 and 366 days
    limit[17520 : 17520 + 60] = 50  # 30 h from the start of the second year
    limit[-20:] = 0  # 10 h at its end
    found = measures.dno_measures(series(limit, "2027-01-01"), 100.0, hours_limit_h=12)
    assert float(found["above_limit_h"]) == 28


def test_hours_above_a_limit_are_counted_by_year():
    year = 17520
    limit = np.full(2 * year, 100.0)
    limit[:20] = 0  # 10 h in the first year
    limit[year : year + 60] = 50  # 30 h, 15 h equivalent, in the second
    found = measures.dno_measures(series(limit, "2026-01-01"), 100.0, hours_limit_h=12)
    assert float(found["above_limit_h"]) == 18
    assert float(found["equivalent_above_limit_h"]) == 3
    assert float(found["events_per_year"]) == 8766 / 8760  # a year has 365.25 days
    assert found.attrs["warning"] == ""


@pytest.mark.parametrize(
    ("limit", "requested", "message"),
    [
        (series([1, 2]).rename(time="t"), 10.0, "over \\('time',\\)"),
        (series([1, 2]), 0.0, "requested_kw = 0.0"),
        (series([1, 2]), np.nan, "requested_kw = nan"),
        (series([1, 2]).assign_attrs(units="kVA"), 10.0, "'kVA'"),
        (series([1]), 10.0, "say step="),
        (series([np.nan, np.nan]), 10.0, "no interval"),
        (series([1, 2, 3, 4]).isel(time=[0, 2, 1]), 10.0, "must rise"),
        (series([1] * 14, step="1h").isel(time=[0, 3, 5, 11]), 10.0, "no grid"),
        (series([1] * 14, step="1h").isel(time=[0, 3, 4, 11]), 10.0, "moments of change"),
        (series([1, 2]), series([1, 2], "2027-01-01"), "same times"),
    ],
)
def test_refusals_name_what_is_wrong(limit, requested, message):
    with pytest.raises(UserError, match=message):
        measures.dno_measures(limit, requested)


def test_different_times_are_refused():
    with pytest.raises(UserError, match="same times"):
        measures.loss_measures(series([1, 2]), series([1, 2], "2027-01-01"), 3.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 30.0, 70.0, 100.0, np.nan]), min_size=2, max_size=40).filter(
        lambda values: not np.isnan(values).all()
    )
)
def test_properties_of_the_dno_view(values):
    found = measures.dno_measures(series(values), 100.0)
    listed = measures.events(series(values), 100.0)
    assert len(listed) == int(found["events"])
    assert listed["duration_h"].sum() == pytest.approx(float(found["restricted_h"]))
    assert listed["restricted_kwh"].sum() == pytest.approx(float(found["restricted_kwh"]))
    assert float(found["partial_h"] + found["full_h"]) == pytest.approx(
        float(found["restricted_h"])
    )
    assert (np.diff(found["probability"]) <= 0).all()
    known_h = float(found["observed_h"])
    assert float(found["availability"]) == pytest.approx(1 - float(found["restricted_h"]) / known_h)


def test_a_stay_long_enough_makes_up_what_a_short_one_loses():
    sessions = cars(("16:00", "20:00", 14.0, 7.0), ("16:00", "17:30", 10.5, 7.0))
    time = pd.date_range("2026-01-05T16:00", "2026-01-05T19:55", freq="5min")
    limit = series(np.where((time.hour == 16) & (time.minute >= 30), 0.0, 14.0), time[0], "5min")
    free = charging.simulate(sessions, step="5min")
    held = charging.simulate(sessions, limit, step="5min")
    found = measures.customer_measures(free, held, requested_kw=14.0, price=0.4)
    assert float(found["lost_kwh"]) == pytest.approx(7.0)  # 14 kW for half an hour
    assert float(found["unserved_kwh"]) == pytest.approx(3.5)
    assert float(found["recovered_share"]) == pytest.approx(0.5)
    assert (int(found["short_sessions"]), int(found["late_sessions"])) == (1, 1)
    assert int(found["slowed_sessions"]) == 2
    assert float(found["delay_p50_min"]) == pytest.approx(30)
    assert float(found["revenue_before"]) == pytest.approx(2.8)
    assert float(found["revenue_at_risk"]) == pytest.approx(1.4)
    assert float(found["loss_share"]) == 1.0
    assert float(found["rebound_peak_kw"]) == pytest.approx(14.0)


def test_the_rebound_exceeds_the_demand_without_a_limit_and_staggering_lowers_it():
    # Two cars one after the other would never meet; held back, they do.
    sessions = cars(("16:00", "22:00", 7.0, 7.0), ("17:00", "22:00", 7.0, 7.0))
    time = pd.date_range("2026-01-05T16:00", "2026-01-05T21:55", freq="5min")
    limit = series(np.where(time.hour < 18, 0.0, 14.0), time[0], "5min")
    free = charging.simulate(sessions, step="5min")
    runs = {
        rate: charging.simulate(sessions, limit, step="5min", release_kw_per_min=rate)
        for rate in (None, 0.1)
    }
    found = {r: measures.customer_measures(free, x, requested_kw=14.0) for r, x in runs.items()}
    assert float(found[None]["rebound_peak_kw"]) == pytest.approx(14.0)
    assert float(found[None]["unlimited_peak_kw"]) == 0.0
    assert float(found[0.1]["rebound_peak_kw"]) < 7.0
    assert all(float(x["unserved_kwh"]) == 0 for x in found.values())


def test_energy_that_no_limit_took_is_not_counted():
    sessions = cars(("16:00", "17:00", 20.0, 7.0))  # 13 kWh too much for the stay
    free = charging.simulate(sessions, step="5min")
    held = charging.simulate(sessions, 5.0, step="5min")
    found = measures.customer_measures(free, held)
    assert float(found["unserved_kwh"]) == pytest.approx(2.0)
    assert np.isnan(found["loss_share"])
    assert np.isnan(found["rebound_peak_kw"])
    assert np.isnan(found["revenue_at_risk"])


def test_results_of_different_cases_are_refused():
    first, second = (cars(("16:00", b, 7.0, 7.0)) for b in ("18:00", "19:00"))
    with pytest.raises(UserError, match="same time axis"):
        measures.customer_measures(charging.simulate(first), charging.simulate(second))
