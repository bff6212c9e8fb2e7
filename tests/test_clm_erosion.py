"""Many CLM sites on one feeder."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.clm import erosion
from scchelpers.faults import UserError

LONG = pd.Timedelta("300D")
MONDAY = pd.Timestamp("2026-01-05T00:00Z")


def site(weeks=10, load_kw=40.0, peak_kw=70.0, seed=1):
    """Another half hour of high load each week; four cars a day that want 44 kW together."""
    rng = np.random.default_rng(seed)
    time = pd.date_range("2026-01-05", periods=weeks * 336, freq="30min")
    values = np.full(len(time), load_kw)
    values[np.arange(weeks) * 336 + rng.integers(0, 336, weeks)] = peak_kw
    plug_in = MONDAY + pd.to_timedelta(rng.permutation(weeks * 7 - 1)[:40], unit="D")
    plug_in += pd.to_timedelta(rng.integers(6 * 60, 18 * 60, 40), unit="min")
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{k:03}" for k in range(40)],
            "evse_id": [f"E{k % 4}" for k in range(40)],
            "plug_in": plug_in,
            "plug_out": plug_in + pd.Timedelta("5h"),
            "energy_kwh": 22.0,
            "max_kw": 11.0,
        }
    )
    chargepoints = pd.DataFrame({"evse_id": [f"E{k}" for k in range(4)], "rated_kw": 11.0})
    residual = xr.DataArray(values, {"time": time}, ("time",), attrs={"units": "kW"})
    return sessions, chargepoints, residual


def test_growth_multiplies_sessions_and_keeps_their_time_of_the_week():
    sessions, chargepoints, _ = site()
    visits, places = erosion.grown(sessions, chargepoints, 3)
    assert len(visits) == 120 and len(places) == 12 and visits["session_id"].is_unique
    assert visits["energy_kwh"].sum() == pytest.approx(3 * sessions["energy_kwh"].sum())
    moved = (visits["plug_in"] - pd.concat([sessions["plug_in"]] * 3, ignore_index=True)) % (
        pd.Timedelta("7D")
    )
    assert (moved == pd.Timedelta(0)).all()
    pd.testing.assert_series_equal(
        visits["plug_out"] - visits["plug_in"],
        pd.concat([sessions["plug_out"] - sessions["plug_in"]] * 3, ignore_index=True),
    )
    assert erosion.grown(sessions, chargepoints, 0)[0].empty
    late = sessions.assign(plug_out=sessions["plug_out"].where(sessions.index > 0, MONDAY + LONG))
    assert len(erosion.grown(late, chargepoints, 3)[0]) == 118
    with pytest.raises(UserError, match="factor"):
        erosion.grown(sessions, chargepoints, 1.5)


def test_composed_sites_keep_their_weeks_whole():
    _, _, residual = site()
    found = erosion._composed(residual, 5, seed=2)
    assert found.sizes == {"time": 3360, "evse": 5}
    np.testing.assert_allclose(found.sum("time"), float(residual.sum()))
    weeks = {tuple(week) for week in residual.to_numpy().reshape(10, 336)}
    assert all(tuple(week) in weeks for week in found.to_numpy()[:, 3].reshape(10, 336))
    xr.testing.assert_identical(found, erosion._composed(residual, 5, seed=2))
    with pytest.raises(UserError, match="weeks on record = 0"):
        erosion._composed(residual[:300], 5)


def test_limits_at_every_site_erode_diversity():
    sessions, chargepoints, residual = site()
    found = erosion.masked_growth(
        sessions, chargepoints, residual, 80.0, sites=8, factors=(0, 1, 30), samples=20
    )
    managed = found.xs("managed", level="case")
    # No site exceeds its DSC, so neither does the feeder exceed them all together.
    assert (managed["site_peak_kw"] <= 80 + 1e-6).all()
    assert (managed["share_of_dsc"] <= 1 + 1e-6).all()
    assert managed["peak_kw"].is_monotonic_increasing
    assert managed.loc[30, "coincidence_factor"] > managed.loc[0, "coincidence_factor"]
    assert managed.loc[30, "share_of_dsc"] > 0.95
    free = found.loc[(30, "unmanaged")]
    assert free["peak_kw"] > managed.loc[30, "peak_kw"] and free["unserved_share"] == 0
    assert found.attrs["saturated_kw"] == 640
    assert found.attrs["masked_kw"] == pytest.approx(
        managed.loc[30, "peak_kw"] - managed.loc[0, "peak_kw"]
    )


def test_without_charging_both_cases_are_the_load():
    sessions, chargepoints, residual = site()
    found = erosion.masked_growth(
        sessions.iloc[:0], chargepoints, residual, 80.0, sites=4, factors=(1,), samples=5
    )
    assert (found["growth"] == 1).all() and (found["site_peak_kw"] == 70).all()
