"""What a timed limit costs the customer: cars worked by hand, and who can opt out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.figures.tcc import customer as draw
from scchelpers.tcc import customer
from scchelpers.tcc.findings import customer as findings

REQUESTED_KW = 40.0


def cars(count=4, *, plug_in="16:00", plug_out="23:00", energy_kwh=21.0, days=3):
    """Return cars of 7 kW on as many chargepoints that come at the same time on some days."""
    rows = [
        {
            "session_id": f"{day}-{n}",
            "evse_id": f"E{n}",
            "plug_in": pd.Timestamp(f"2026-01-{5 + day:02d}T{plug_in}Z"),
            "plug_out": pd.Timestamp(f"2026-01-{5 + day:02d}T{plug_out}Z"),
            "energy_kwh": energy_kwh,
            "max_kw": 7.0,
        }
        for day in range(days)
        for n in range(count)
    ]
    return pd.DataFrame(rows)


def points(count=4, **columns):
    ids = [f"E{n}" for n in range(count)]
    return pd.DataFrame({"evse_id": ids, "rated_kw": 7.0, "phases": 1} | columns)


def limit(cap_kw, first=33, last=37, days=4):
    """Return a limit with a window from 16:30 to 18:30."""
    time = pd.date_range("2026-01-05", periods=48 * days, freq="30min")
    slot = np.arange(time.size) % 48
    values = np.where((slot >= first) & (slot < last), cap_kw, REQUESTED_KW)
    return xr.DataArray(values, {"time": time}, ("time",), attrs={"units": "kW"})


def charged(sessions, cap_kw=7.0, **options):
    return customer.charge(sessions, points(), limit(cap_kw), requested_kw=REQUESTED_KW, **options)


def test_shifted_and_unserved_by_hand():
    # Four cars want 21 kWh at 7 kW: 28 kW from 16:00 to 19:00. A cap of 7 kW from 16:30 to 18:30
    # takes 21 kW for 2 h = 42 kWh a day, all of it drawn after 18:30.
    found = customer.costs(charged(cars()), requested_kw=REQUESTED_KW).loc[customer.TCC]
    assert found["shifted_kwh"] == pytest.approx(3 * 42)
    assert found["unserved_kwh"] == 0
    assert (found["sessions"], found["slowed"], found["late"], found["short"]) == (12, 12, 12, 0)
    # Each car lacks 10.5 kWh more at 18:30 than it would have: an hour and a half.
    assert found["delay_p50_min"] == pytest.approx(90)


def test_cars_that_leave_early_go_without():
    found = customer.costs(charged(cars(plug_out="19:00")), requested_kw=REQUESTED_KW)
    timed = found.loc[customer.TCC]
    # From 18:30 to 19:00 each car takes 3.5 kWh; it lacks 10.5 + 3.5 there.
    assert timed["unserved_kwh"] == pytest.approx(3 * 4 * 10.5)
    assert timed["shifted_kwh"] == pytest.approx(0, abs=1e-6)
    assert timed["short"] == 12
    assert "leave with less" in findings.costs(found)


def test_rebound_and_staggered_release():
    # Two cars early, two late: firm they never meet at full power, held back they all do.
    early, late = cars(2, plug_in="16:00", energy_kwh=17.5), cars(4, plug_in="18:30")
    late = late[late["evse_id"].isin(["E2", "E3"])]
    sessions = pd.concat([early, late], ignore_index=True)
    cases = charged(sessions, 0.0)
    around = customer.openings(cases, requested_kw=REQUESTED_KW)
    assert around.sizes["opened"] == 3
    assert str(around["opened"].to_numpy()[0])[11:16] == "18:30"
    found = customer.rebound(around)
    assert found.loc[customer.FIRM, "highest_kw"] == pytest.approx(14.0)
    assert found.loc[customer.TCC, "highest_kw"] == pytest.approx(28.0)
    assert found.loc[customer.TCC, "rise_kw"] == pytest.approx(28.0)
    assert found.loc[customer.STAGGERED, "rise_kw"] < 28.0
    assert found.loc[customer.TCC, "rebounds"] == 3
    assert "but not the peak" in findings.rebound(found)
    _, alt = draw.rebound(around)
    assert "28" in alt


def test_a_limit_that_binds_nobody_costs_nothing():
    sessions = cars(plug_in="08:00", plug_out="12:00")
    cases = charged(sessions, 7.0)
    found = customer.costs(cases, requested_kw=REQUESTED_KW)
    assert found.loc[customer.TCC, ["shifted_kwh", "unserved_kwh", "slowed"]].tolist() == [0, 0, 0]
    assert "costs these customers nothing" in findings.costs(found)


def test_no_window_no_rebound():
    cases = charged(cars(), REQUESTED_KW)
    around = customer.openings(cases, requested_kw=REQUESTED_KW)
    assert around.sizes["opened"] == 0
    assert customer.rebound(around).empty
    assert draw.rebound(around) is None
    assert "no rebound" in findings.rebound(customer.rebound(around))


def test_a_step_that_is_none_is_not_told():
    rows = {"openings": 5, "mean_kw": 9.0, "p95_kw": 9.0, "highest_kw": 10.0, "rise_kw": -0.5}
    found = pd.DataFrame([rows | {"rebounds": n} for n in (0, 1, 1)], customer.CASES)
    said = findings.rebound(found)
    assert "After 1 of 5 openings" in said
    assert "no step" in said
    assert "staggered" not in said


def test_energy_is_conserved():
    cases = charged(cars(plug_out="19:00"))
    found = customer.costs(cases, requested_kw=REQUESTED_KW).loc[customer.TCC]
    drawn = [float(case.power_kw.sum()) / 12 for case in cases.values()]
    assert drawn[0] - drawn[1] == pytest.approx(found["unserved_kwh"])


@pytest.mark.parametrize(
    ("cap_kw", "inside", "kept"),
    [
        # 7 kW each; those who stay keep 1.38 kW each.
        (5.0, 0, 0),  # 4 floors need 5.52 kW: cars are stopped though nobody opts out
        (10.0, 1, 0),  # 7 + 3 x 1.38 = 11.14 kW do not fit
        (12.0, 1, 1),
        (16.0, 2, 1),  # 14 + 2 x 1.38 = 16.76 kW do not fit
        (17.0, 2, 2),
        (22.5, 3, 3),  # 21 + 1.38 = 22.38 kW
        (28.0, 4, 4),
    ],
)
def test_opt_out_by_hand(cap_kw, inside, kept):
    found = customer.opt_out(cars(days=2), points(), limit(cap_kw))
    assert (found["inside_cap"], found["others_kept"]) == (inside, kept)
    assert (found["stopped_h"] > 0) == (cap_kw == 5.0)
    assert findings.opt_out(found)


def test_opt_out_follows_priority():
    chargepoints = points(4, priority=[3, 0, 2, 1])
    chargepoints["rated_kw"] = [2.0, 7.0, 7.0, 7.0]
    found = customer.opt_out(cars(days=1), chargepoints, limit(8.0))
    assert found["inside_cap"] == 1  # E1 first, although E0 is smaller


def test_stopped_time_is_counted_in_whole_steps():
    from scchelpers import charging
    from scchelpers.charging import Chargers

    sessions = cars(2, days=1)
    result = charging.simulate(
        sessions, limit(1.38), chargepoints=points(2), step="15min", by_evse=True,
        chargers=Chargers(min_current_a=6.0), limit_after="hold",
    )  # fmt: skip
    # The first in the queue keeps 6 A, the other waits out the window of 2 h.
    assert customer.stopped_h(result, sessions).tolist() == [0.0, 2.0]


def test_faults_are_named():
    with pytest.raises(UserError, match="release_min"):
        charged(cars(), release_min=0)
