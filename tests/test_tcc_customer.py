"""Who could be spared from a timed limit: cars worked by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.tcc import customer

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
