"""An LMC over the interface, in open and closed loop, on a site small enough to work by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cpms import Faults
from cpms.loops import LOOPS, Asset, looped
from cpms.messages import written
from scchelpers import network
from scchelpers.faults import UserError
from scchelpers.network import PERFECT
from scchelpers.site import Site

DAY = pd.Timestamp("2026-01-05")


@pytest.fixture(scope="module")
def study():
    """One car, there 06:00 to 10:00, wants 60 kWh; 10 kVA are free then, 100 kVA before."""
    morning = DAY.tz_localize("UTC") + pd.Timedelta("6h")
    sessions = pd.DataFrame(
        {
            "session_id": ["one"],
            "evse_id": "a-1",
            "site_id": "a",
            "plug_in": [morning],
            "plug_out": [morning + pd.Timedelta("4h")],
            "energy_kwh": 60.0,
            "max_kw": 50.0,
        }
    )
    points = pd.DataFrame({"evse_id": ["a-1"], "site_id": "a", "rated_kw": 50.0, "phases": 3})
    meta = {"asset_id": "tx", "requested_kva": 100.0, "power_factor": 1.0, "name": "a"}
    time = pd.date_range(DAY, periods=48, freq="30min")
    load = np.r_[np.full(12, 100.0), np.full(8, 190.0), np.full(28, 50.0)]
    rating = pd.Series(200.0, index=["winter", "spring", "summer", "autumn"])
    load_kva = xr.DataArray(load, {"time": time}, ("time",))
    site = Site("a", meta, points, sessions, None, load_kva, rating, "Europe/London")
    return network.locally_managed([site])


def trial(study, faults, loop, **changes):
    span = {"start": f"{DAY:%F} 05:30", "hours": 5}
    options = span | {"failsafe": 0.05, "control": PERFECT} | changes
    return looped(study, faults, loop=loop, **options)


@pytest.mark.parametrize("loop", LOOPS)
def test_over_a_sound_link_the_car_gets_what_is_free(study, loop):
    _, found = trial(study, Faults(), loop)
    assert found["unserved_kwh"] == pytest.approx(60 - 10 * 4, abs=0.5)
    assert found["lost_kwh"] == pytest.approx(0, abs=0.5)
    # The chargepoints answer late: 40 kVA above the rating, for one step of 10 s.
    assert found["overload_kva"] == pytest.approx(40.0)
    assert found["overload_h"] * 3600 == pytest.approx(10, abs=0.1)
    assert found["failsafe_h"] == 0 and found["overload_alone_h"] == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_over_a_dead_link_it_gets_the_failsafe(study, loop):
    _, found = trial(study, Faults(loss=1.0), loop)
    assert found["failsafe_h"] == pytest.approx(5)
    assert found["unserved_kwh"] == pytest.approx(60 - 5 * 4)
    assert found["lost_kwh"] == pytest.approx(20) and found["overload_h"] == 0


def test_import_that_the_dno_has_not_heard_of_counts_as_other_load(study):
    seven = (DAY + pd.Timedelta("7h")).tz_localize("UTC").timestamp()
    decide = Asset(study, DAY).as_seen(100.0, PERFECT)
    fresh = {"importKw": 8.0, "at": written(seven - 60)}
    old = {"importKw": 8.0, "at": written(seven - 301)}
    decisions = [decide(seven, 8.0, report) for report in (None, fresh, old)]
    assert decisions == pytest.approx([2.0, 10.0, 2.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loop": "ajar"}, "loop = 'ajar': must be open or closed"),
        ({"hours": 25}, "the record does not cover them"),
    ],
)
def test_a_trial_that_cannot_run_is_refused(study, changes, message):
    loop = changes.pop("loop", "open")
    with pytest.raises(UserError, match=message):
        trial(study, Faults(), loop, **changes)
