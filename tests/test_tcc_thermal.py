"""Hot spot and ageing against the reference values, and the two views of one load."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.tcc import thermal

PLAIN = thermal.Transformer()
UPGRADED = thermal.Transformer(upgraded_paper=True)


def series(values, step="30min", start="2026-01-05"):
    time = pd.date_range(start, periods=len(values), freq=step)
    return xr.DataArray(np.asarray(values, float), {"time": time}, ("time",))


def cyclic():
    """A week in quarter hours: 0.7 of the rating, 1.3 from 16:30 to 19:30."""
    minute = np.arange(7 * 96) * 15 % 1440
    return series(np.where((minute >= 990) & (minute < 1170), 1.3, 0.7), "15min")


# Reference values: methods, section 12.


@pytest.mark.parametrize(
    ("load", "air", "top_oil", "hot", "rate"),
    [
        (1.0, 20, 90.000, 117.600, 9.6242),
        (1.0, 0, 70.000, 97.600, 0.9548),
        (1.2, 0, 90.644, 127.592, 30.5275),
        (1.3, 0, 101.850, 143.847, 199.6194),
        (0.8, 30, 81.900, 101.213, 1.4495),
    ],
)
def test_steady_state(load, air, top_oil, hot, rate):
    oil, winding = PLAIN.rises(load)
    assert air + oil == pytest.approx(top_oil, abs=5e-4)
    assert air + oil + winding == pytest.approx(hot, abs=5e-4)
    assert PLAIN.ageing(air + oil + winding) == pytest.approx(rate, abs=5e-5)
    held = thermal.hot_spot(series([load] * 4), air)
    assert held["hot_spot_c"].to_numpy() == pytest.approx(hot, abs=5e-4)


@pytest.mark.parametrize(("start", "aged"), [("cold", 9.6909), ("steady", 9.7107)])
def test_cyclic_week(start, aged):
    load = cyclic()
    # The reference counts the state at the first sample, before any step, as a sample of its own.
    first_c = 5.0 if start == "cold" else 5.0 + sum(map(float, PLAIN.rises(0.7)))
    week = thermal.hot_spot(load[1:], 5.0, start=start, inner_step="15min")
    days = (float(week["ageing"].sum()) + float(PLAIN.ageing(first_c))) * 15 / 1440
    assert float(week["top_oil_c"].max()) == pytest.approx(85.541, abs=5e-4)
    assert float(week["hot_spot_c"].max()) == pytest.approx(127.538, abs=5e-4)
    assert days == pytest.approx(aged, abs=5e-5)


def test_ageing_rates():
    at = [80, 86, 92, 98, 104, 110, 140]
    assert PLAIN.ageing(at).tolist() == pytest.approx([0.125, 0.25, 0.5, 1, 2, 4, 128])
    assert UPGRADED.ageing([98, 110, 120, 140]) == pytest.approx(
        [0.28174, 1, 2.70893, 17.19946], abs=6e-6
    )


# Behaviour.


def test_inner_steps_change_the_ageing_but_not_the_peak():
    coarse = thermal.hot_spot(cyclic(), 5.0, inner_step="15min")
    fine = thermal.hot_spot(cyclic(), 5.0)
    finest = thermal.hot_spot(cyclic(), 5.0, inner_step="15s")
    assert float(fine["hot_spot_c"].max()) == pytest.approx(float(coarse["hot_spot_c"].max()))
    exact = float(finest["ageing"].sum())
    assert float(fine["ageing"].sum()) == pytest.approx(exact, rel=0.01)
    assert float(coarse["ageing"].sum()) > 1.05 * exact


def test_export_heats_like_import():
    up, down = (thermal.hot_spot(sign * cyclic(), 5.0) for sign in (1, -1))
    xr.testing.assert_allclose(up, down)


def test_a_gap_stays_a_gap_and_spoils_nothing_else():
    load = cyclic()
    gappy = load.copy()
    gappy[100:104] = np.nan
    warm = thermal.hot_spot(gappy, 5.0)
    assert np.isnan(warm["hot_spot_c"][100:104]).all()
    assert np.isfinite(warm["hot_spot_c"]).sum() == load.size - 4
    later = slice(104, None)
    whole = thermal.hot_spot(load, 5.0)
    np.testing.assert_allclose(warm["hot_spot_c"][later], whole["hot_spot_c"][later], atol=0.5)


def test_a_winding_overshoots_where_k21_is_above_one():
    large = thermal.Transformer(k11=0.5, k21=2.0, k22=2.0, oil_time_min=210, winding_time_min=10)
    step = thermal.hot_spot(series([0.0] * 4 + [1.0] * 40), 20.0, large)
    rise = step["hot_spot_c"] - step["top_oil_c"]
    end = float(large.rises(1.0)[1])
    assert float(rise.max()) > 1.2 * end
    assert float(rise[-1]) == pytest.approx(end, abs=0.1)


def test_ambient_is_a_winter_and_a_summer():
    air = thermal.ambient(pd.date_range("2026-01-01", periods=17520, freq="30min").to_numpy())
    by_month = air.groupby("time.month").mean()
    assert float(by_month[0]) == pytest.approx(3.4, abs=0.2)
    assert float(by_month[6]) == pytest.approx(14.8, abs=0.2)
    assert pd.Timestamp(air["time"].to_numpy()[int(air.argmax("time"))]).month in (7, 8)


def test_faults_are_named():
    with pytest.raises(UserError, match="steady"):
        thermal.hot_spot(cyclic(), 5.0, start="warm")
    with pytest.raises(UserError, match="no value is known"):
        thermal.hot_spot(series([np.nan] * 4), 5.0)
    with pytest.raises(UserError, match="regular"):
        thermal.hot_spot(cyclic()[[0, 1, 5]], 5.0)


def test_a_short_overload_heats_less_than_a_long_one():
    load = np.full(96, 0.33)
    load[20] = 1.2
    load[60:72] = 1.2
    warm = thermal.hot_spot(series(load), 20.0)["hot_spot_c"]
    assert not (warm[:50] > 120).any()
    assert (warm[60:72] > 120).any()
    assert warm[72] > 120  # the half hour after the overload still begins hot
