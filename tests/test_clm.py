"""Customer load management: limits, excursions, frontier, granularity, recommendation."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import clm
from scchelpers.clm import volatility
from scchelpers.clm.response import coarsened
from scchelpers.faults import UserError
from scchelpers.timebase import YEAR_DAYS, YEAR_H

START = "2026-01-05"
SUPPLY = {"dsc_kva": 200.0, "power_factor": 0.95}
FULL_KW = 190.0


def load_of(values, step="1min", start=START):
    time = pd.date_range(start, periods=len(values), freq=step, name="time")
    return xr.DataArray(np.asarray(values, float), {"time": time}, ("time",), "residual_kw")


def sessions_of(*rows, start=START):
    """Sessions of (evse, first minute, minutes, kWh, kW)."""
    at = pd.Timestamp(start, tz="UTC")
    return pd.DataFrame(
        {
            "session_id": [f"s{k}" for k in range(len(rows))],
            "evse_id": [row[0] for row in rows],
            "site_id": "site",
            "plug_in": [at + pd.Timedelta(minutes=row[1]) for row in rows],
            "plug_out": [at + pd.Timedelta(minutes=row[1] + row[2]) for row in rows],
            "energy_kwh": [float(row[3]) for row in rows],
            "max_kw": [float(row[4]) for row in rows],
        }
    )


def evses_of(**rated):
    """EVSEs by name and rating; names beginning with D are DC."""
    dc = [name.startswith("D") for name in rated]
    return pd.DataFrame(
        {
            "evse_id": list(rated),
            "rated_kw": list(rated.values()),
            "phases": [0 if is_dc else 1 for is_dc in dc],
            "kind": ["rapid" if is_dc else "slow" for is_dc in dc],
        }
    )


def import_under(load, limit_kw):
    return clm.site_import(load, limit_kw.fillna(0.0))


# To 0.1 kW, as meters read: less than a watt counts as no excursion.
readings = st.integers(-500, 2500).map(lambda tenths: tenths / 10)
loads = st.lists(readings, min_size=40, max_size=120)


# Limits


@pytest.mark.parametrize(("residual_kw", "limit_kw"), [(120.0, 55.0), (180.0, 0.0)])
def test_dynamic_limit_of_the_reference(residual_kw, limit_kw):
    limit = clm.dynamic_limit(load_of([residual_kw] * 2), **SUPPLY, margin_kw=15)
    assert limit.to_numpy().tolist() == [limit_kw, limit_kw]
    assert limit.attrs["units"] == "kW"


@given(loads, st.floats(0, 100), st.sampled_from(["0s", "20s", "1min", "150s"]))
@settings(max_examples=30, deadline=None)
def test_limit_stays_between_nothing_and_the_capacity(values, margin_kw, latency):
    limit = clm.dynamic_limit(load_of(values), **SUPPLY, margin_kw=margin_kw, latency=latency)
    known = limit.dropna("time")
    assert len(known) >= len(limit) - 1
    assert (known >= 0).all()
    assert (known <= FULL_KW).all()


def test_a_limit_acts_late_by_the_latency_and_says_nothing_before():
    limit = clm.dynamic_limit(load_of([10, 20]), **SUPPLY, latency="5s")
    assert np.isnan(limit.to_numpy()[0])
    assert limit.to_numpy()[1:].tolist() == [180.0, 170.0]
    assert (limit.time.to_numpy()[1:] - limit.time.to_numpy()[0]).astype("timedelta64[s]").astype(
        int
    ).tolist() == [5, 65]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"margin_kw": -1}, "margin_kw = -1"),
        ({"latency": "soon"}, "latency = 'soon'"),
        ({"power_factor": 1.2}, "power_factor = 1.2"),
        ({"controller": clm.Controller(metering="90s")}, "metering = '90s'.*1 min"),
    ],
)
def test_bad_input_is_refused_by_name(bad, words):
    with pytest.raises(UserError, match=words):
        clm.dynamic_limit(load_of([1, 2, 3]), **(SUPPLY | bad))


def test_an_irregular_load_is_refused():
    load = load_of([1, 2, 3, 4]).isel(time=[0, 1, 3])
    with pytest.raises(UserError, match="step changes"):
        clm.dynamic_limit(load, **SUPPLY)


# The control loop


@pytest.mark.parametrize(
    ("controller", "believed"),
    [
        (clm.Controller(), [10, 40, 20, 22, 60, 5]),
        (clm.Controller(metering="3min"), [10, 10, 10, 22, 22, 22]),
        (clm.Controller(control="2min"), [10, 10, 20, 20, 60, 60]),
        (clm.Controller(averaging="2min"), [np.nan, 10, 25, 30, 21, 41]),
        (clm.Controller(quantum_kw=25), [0, 50, 25, 25, 50, 0]),
        (clm.Controller(deadband_kw=30), [10, 40, 40, 40, 60, 5]),
        (clm.Controller(release_kw_per_min=8), [10, 40, 32, 24, 60, 52]),
    ],
)
def test_what_the_controller_believes(controller, believed):
    limit = clm.dynamic_limit(load_of([10, 40, 20, 22, 60, 5]), **SUPPLY, controller=controller)
    assert FULL_KW - limit.to_numpy() == pytest.approx(np.array(believed, float), nan_ok=True)


def test_readings_fall_on_the_clock_whenever_the_load_begins():
    load = load_of([10, 20, 30, 40, 50], start="2026-01-05 00:02")
    limit = clm.dynamic_limit(load, **SUPPLY, controller=clm.Controller(metering="5min"))
    assert (FULL_KW - limit.to_numpy()).tolist() == [10, 10, 10, 40, 40]


def test_a_gap_in_the_load_leaves_no_limit_and_no_excursion():
    load = load_of([10, np.nan, 100, 10])
    limit = clm.dynamic_limit(load, **SUPPLY)
    assert np.isnan(limit.to_numpy()).tolist() == [False, True, False, False]
    assert clm.excursions(import_under(load, limit), FULL_KW).empty


# Identities


@given(loads)
@settings(max_examples=30, deadline=None)
def test_perfect_metering_without_delay_or_margin_has_no_excursions(values):
    load = load_of(values)
    assert clm.excursions(import_under(load, clm.dynamic_limit(load, **SUPPLY)), FULL_KW).empty
    at = clm.frontier(load, **SUPPLY, latencies=["0s"], margins_kw=[0.0]).squeeze()
    assert float(at["events"]) == 0
    assert float(at["kept_kw"]) == pytest.approx(at.attrs["perfect_kw"])


@pytest.mark.parametrize("latency", ["5s", "1min", "30min"])
def test_a_constant_load_needs_no_margin(latency):
    load = load_of([80.0] * 90)
    risk = {"latency": latency, "tolerated_h": 0.0}
    assert clm.required_margin(load, **SUPPLY, **risk) == 0
    at = clm.frontier(load, **SUPPLY, latencies=[latency], margins_kw=[0.0])
    assert float(at["excursion_h"].squeeze()) == 0


@given(loads, st.sampled_from(["7s", "1min", "200s", "10min"]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_excursions_never_grow_with_the_margin(values, latency, damped):
    loop = clm.Controller(metering="2min", deadband_kw=9, release_kw_per_min=11) if damped else None
    found = clm.frontier(
        load_of(values), **SUPPLY, latencies=[latency], margins_kw=np.arange(0, 120, 7.0),
        controller=loop,
    )  # fmt: skip
    for name in ("excursion_h", "excess_kwh", "worst_kw", "half_hours", "kept_kw"):
        assert (found[name].diff("margin") <= 1e-9).all(), name


@given(loads, st.sampled_from(["0s", "13s", "1min", "95s"]), st.floats(0, 60))
@settings(max_examples=25, deadline=None)
def test_the_compiled_sweep_counts_what_the_import_shows(values, latency, margin_kw):
    load = load_of(values)
    at = clm.frontier(load, **SUPPLY, latencies=[latency], margins_kw=[margin_kw]).squeeze()
    limit = clm.dynamic_limit(load, **SUPPLY, latency=latency, margin_kw=margin_kw)
    flow = import_under(load, limit)
    found = clm.excursions(flow, FULL_KW)
    years = at.attrs["known_h"] / YEAR_H
    assert float(at["events"]) * years == pytest.approx(len(found))
    assert float(at["excursion_h"]) * years == pytest.approx(found["duration_min"].sum() / 60)
    assert float(at["excess_kwh"]) * years == pytest.approx(found["excess_kwh"].sum())
    assert float(at["worst_kw"]) == pytest.approx(found["depth_kw"].max() if len(found) else 0)
    whole = clm.half_hours_kva(flow, power_factor=0.95)[: len(values) // 30]
    assert float(at["highest_kva"]) == pytest.approx(float(whole.max()))


@given(loads, st.sampled_from(["13s", "1min", "5min"]), st.sampled_from([0.0, 500.0, 2000.0]))
@settings(max_examples=25, deadline=None)
def test_the_required_margin_is_just_enough(values, latency, tolerated_h):
    load = load_of(values)
    margin_kw = clm.required_margin(load, **SUPPLY, latency=latency, tolerated_h=tolerated_h)
    margins = [margin_kw, max(margin_kw - 0.01, 0.0)]
    at = clm.frontier(load, **SUPPLY, latencies=[latency], margins_kw=margins)
    hours = at["excursion_h"].squeeze().to_numpy()
    assert hours[0] <= tolerated_h + 1e-6
    assert margin_kw < 0.01 or hours[1] > tolerated_h


# A site with a lift, by hand


LIFT_AT = (50, 200, 345, 630)
LIFT_KW, LIFT_MIN, BASE_KW = 60.0, 5, 40.0


@pytest.fixture
def lift():
    values = np.full(720, BASE_KW)
    for at in LIFT_AT:
        values[at : at + LIFT_MIN] += LIFT_KW
    return load_of(values)


def test_the_detector_finds_the_lift(lift):
    found = volatility.detect(lift)
    minutes = (found["start"] - pd.Timestamp(START, tz="UTC")) / pd.Timedelta("1min")
    assert minutes.tolist() == list(LIFT_AT)
    assert found["size_kw"].tolist() == [LIFT_KW] * 4
    assert found["duration_min"].tolist() == [LIFT_MIN] * 4


def test_the_margin_covers_the_lift_and_costs_its_power(lift):
    risk = {"latency": "30s", "tolerated_h": 0.0}
    margin_kw = clm.required_margin(lift, **SUPPLY, **risk)
    assert margin_kw == LIFT_KW
    without, covered = (
        clm.excursions(
            import_under(lift, clm.dynamic_limit(lift, **SUPPLY, latency="30s", margin_kw=kw)),
            FULL_KW,
        )
        for kw in (0.0, margin_kw)
    )
    assert covered.empty
    assert without["duration_min"].tolist() == [0.5] * 4
    assert without["depth_kw"].tolist() == [LIFT_KW] * 4
    assert without["excess_kwh"].tolist() == pytest.approx([LIFT_KW * 30 / 3600] * 4)
    # Perfect knowledge leaves 150 kW, or 90 kW while the lift runs; the margin takes 60 of each.
    premium = clm.premium(lift, **SUPPLY, latencies=["30s"], tolerated_h=0.0).iloc[0]
    perfect_kw = 150 - 60 * len(LIFT_AT) * LIFT_MIN / 720
    first_half_minute = (perfect_kw - premium["premium_kw"] - premium["kept_kw"]) * 720
    assert abs(first_half_minute) < 1e-6
    lost_at_start = 90 * 0.5 / 720  # no reading has arrived in the first 30 s
    assert premium["premium_kw"] == pytest.approx(LIFT_KW + lost_at_start)


def test_the_cost_of_the_lift_to_a_driver_is_what_a_hand_calculation_says(lift):
    # 200 kWh in two hours at 100 kW; the limit is 90 kW, and 30 kW for five minutes of lift.
    customers = clm.Customers(
        sessions_of(("D1", 180, 120, 200, 100)), evses_of(D1=100.0), step="1min"
    )
    limit = clm.dynamic_limit(lift, **SUPPLY, latency="30s", margin_kw=LIFT_KW)
    done = customers.charge(limit).sessions.iloc[0]
    assert done["unserved_kwh"] == pytest.approx(200 - 90 * 2 + 60 * 5 / 60)
    assert done["delivered_kwh"] + done["unserved_kwh"] == pytest.approx(200)


def test_half_hourly_data_hide_the_lift(lift):
    found = clm.granularity(lift, **SUPPLY, latency="30s", tolerated_h=0.0)
    assert found.index.tolist() == [1, 5, 15, 30]
    # At minutes 50, 200 and 345 it lies within one half hour: 60 kW for 5 min of 30 is 10 kW.
    assert found["margin_kw"].tolist() == pytest.approx([60, 60, 20, 10])
    assert found["missing_kw"].tolist() == pytest.approx([0, 0, 40, 50])
    year = YEAR_H / 12
    assert found["true_events"].tolist() == pytest.approx([0, 0, 4 * year, 4 * year])
    assert found["seen_h"].tolist() == [0, 0, 0, 0]
    assert found.loc[30, "worst_kw"] == pytest.approx(50)
    assert found.loc[30, "hidden_share"] == 1  # mean import stays below, as the margin is back soon


# Excursions and bills


def test_an_excursion_is_what_charging_causes():
    load, cars = load_of([150, 195, 195, 195, 150]), load_of([45, 30, 0, 2, 30])
    flow = clm.site_import(load, cars)
    found = clm.excursions(flow, FULL_KW)
    assert found["duration_min"].tolist() == [2, 1]
    assert found["depth_kw"].tolist() == [30, 2]  # 35 kW above, of which 5 kW is the load's own


def test_half_hours_are_billed_in_kva():
    flow = clm.site_import(load_of([95] * 45), load_of([0] * 15 + [19] * 30))
    kva = clm.half_hours_kva(flow, power_factor=0.95)
    assert kva.to_numpy() == pytest.approx([110.0, 120.0])


def test_excess_is_billed_for_all_days_of_a_month():
    time = pd.date_range("2026-01-01", "2026-03-01", freq="30min", inclusive="left")
    half_hours = xr.DataArray(np.full(len(time), 90.0), {"time": time}, ("time",))
    half_hours[100] = 130.0  # January, 31 of the 59 days
    assert clm.excess_days(half_hours, 100.0) == pytest.approx(30 * 31 / 59 * 365.25)


# Static limits


def test_a_fixed_limit_by_hand():
    # Two cars of 7 kW for an hour each, together: 10 kW leaves 4 of 14 kWh.
    customers = clm.Customers(
        sessions_of(("A1", 0, 60, 7, 7), ("A2", 0, 60, 7, 7)), evses_of(A1=7.0, A2=7.0)
    )
    sweep = pd.DataFrame([customers.service(customers.charge(kw)) for kw in (10, 20)])
    assert sweep["unserved_share"].tolist() == pytest.approx([4 / 14, 0])
    assert sweep["short_share"].tolist() == [1, 0]
    assert sweep["peak_kw"].tolist() == pytest.approx([10, 14])
    # 1 % of 14 kWh may be missing: 13.86 kW, so 14 kVA; each car may lack 1 kWh: 12 kVA.
    assert clm.smallest_limit(customers, power_factor=1.0, unserved_target=0.01) == 14
    assert clm.smallest_limit(customers, power_factor=1.0, short_target=0.0) == 12


def test_below_the_least_current_a_car_stops():
    one = sessions_of(("A1", 0, 60, 7, 7))
    served = {
        floor: clm.Customers(one, evses_of(A1=7.0), min_current_a=floor).charge(1.0).sessions
        for floor in (0.0, 6.0)
    }
    assert served[0.0]["delivered_kwh"].iloc[0] == pytest.approx(1.0)
    assert served[6.0]["delivered_kwh"].iloc[0] == 0  # 6 A x 230 V = 1.38 kW


def test_phases_unknown_means_no_least_current():
    evses = evses_of(A1=7.0).assign(phases=np.nan)
    customers = clm.Customers(sessions_of(("A1", 0, 60, 7, 7)), evses)
    assert not customers.phases_known
    assert customers.charge(1.0).sessions["delivered_kwh"].iloc[0] == pytest.approx(1.0)


def test_managing_only_ac_at_69_kva_by_hand():
    rows = [("D1", 0, 60, 50, 50)] + [(f"A{k}", 0, 60, 7.4, 7.4) for k in range(4)]
    evses = evses_of(D1=50.0, A0=7.4, A1=7.4, A2=7.4, A3=7.4)
    found = clm.managed_options(clm.Customers(sessions_of(*rows), evses), 69, power_factor=0.95)
    # 65.55 kW: equal shares of 13.11 kW give AC all it wants; with DC exempt 15.55 kW are left.
    assert found.loc["all managed", "dc_unserved_share"] == pytest.approx(1 - (65.55 - 29.6) / 50)
    assert found.loc["all managed", "ac_unserved_share"] == pytest.approx(0)
    assert found.loc["only AC managed", "dc_unserved_share"] == pytest.approx(0)
    assert found.loc["only AC managed", "ac_unserved_share"] == pytest.approx(1 - 15.55 / 29.6)
    assert found.loc["only AC managed", "over_h"] == 0


def test_dc_left_alone_may_break_the_limit():
    rows = [("D1", 0, 60, 50, 50), ("D2", 0, 60, 50, 50), ("A1", 0, 60, 7, 7)]
    customers = clm.Customers(sessions_of(*rows), evses_of(D1=50.0, D2=50.0, A1=7.0))
    found = clm.managed_options(customers, 69, power_factor=1.0)
    assert found.loc["only AC managed", "peak_kw"] == pytest.approx(100)
    assert found.loc["only AC managed", "over_h"] > 0


# Granularity


def test_coarser_means_begin_on_the_clock_and_keep_gaps():
    load = load_of([1, 3, 5, np.nan, 7, 9], start="2026-01-05 00:01")
    coarse = coarsened(load, "2min")
    assert coarse.to_numpy() == pytest.approx([np.nan, 4, np.nan, np.nan], nan_ok=True)
    assert coarse.time.to_numpy()[1] == np.datetime64("2026-01-05T00:02")


# Ways to connect


def ways(capacity_kva, agreed=True, load=None, rows=(("A1", 0, 120, 14, 7),), **targets):
    customers = clm.Customers(sessions_of(*rows), evses_of(A1=7.0, A2=7.0))
    customers = customers if load is None else customers.within(load)
    usual = {"tolerated_h": 1.0, "unserved_target": 0.01, "short_target": 0.02, "latency": "30s"}
    return clm.ways_to_connect(
        customers, load, capacity_kva, power_factor=1.0, agreed=agreed, **(usual | targets),
    )  # fmt: skip


def test_no_scheme_where_nothing_is_exceeded():
    found = ways(10.0)
    assert found["admissible"].all()
    assert found.index.tolist() == ["no management", "static limit"]


def test_a_new_site_may_ask_for_less():
    found = ways(50.0, agreed=False, short_target=0.0)
    assert found.loc["static limit, smaller capacity", "kva"] == 7
    assert found.loc["static limit, smaller capacity", "admissible"]


def test_a_dynamic_limit_uses_the_quiet_hours_that_a_static_one_cannot():
    # 40 kW by day in the second hour; 45 kVA leave a static limit 5 kW, and need 7 for two hours.
    load = load_of([5.0] * 60 + [40.0] * 60 + [5.0] * 120)
    found = ways(45.0, load=load, rows=(("A1", 0, 240, 27, 7),))
    assert found.loc["static limit", "unserved_share"] == pytest.approx(1 - 20 / 27)
    assert not found.loc["static limit", "admissible"]
    assert found.loc["dynamic limit", "margin_kw"] <= 35
    assert found.loc["no management", "events"] > 0
    assert found.loc["larger DSC, no management", "kva"] == 47
    # Slower, it holds back more and leaves more unserved.
    slower = ways(45.0, load=load, rows=(("A1", 0, 240, 27, 7),), latency="30min")
    assert (
        slower.loc["dynamic limit", "unserved_share"]
        >= found.loc["dynamic limit", "unserved_share"]
    )


def test_excess_of_a_year_by_hand():
    # 50 kW of load and 7 of cars in one half hour; 52 kVA agreed.
    customers = clm.Customers(sessions_of(("A1", 0, 30, 3.5, 7)), evses_of(A1=7.0), step="1min")
    found = clm.yearly(customers, load_of([50.0] * 60), None, 52.0, power_factor=1.0)
    assert found["highest_kva"] == pytest.approx(57)
    assert found["worst_kw"] == pytest.approx(5)
    assert found["excess_kva_days"] == pytest.approx(5 * YEAR_DAYS)
    assert found["excursion_h"] == pytest.approx(YEAR_H / 2)


def test_energy_is_conserved_under_a_dynamic_limit():
    rng = np.random.default_rng(3)
    rows = [(f"A{k % 2 + 1}", 40 * k, 35, 5, 7) for k in range(20)]
    load = load_of(rng.uniform(0, 20, 900))
    customers = clm.Customers(sessions_of(*rows), evses_of(A1=7.0, A2=7.0)).within(load)
    supply = {"power_factor": 1.0, "latency": "30s"}
    margin_kw = clm.required_margin(load, 20.0, tolerated_h=1.0, **supply)
    result = customers.charge(clm.dynamic_limit(load, 20.0, margin_kw=margin_kw, **supply))
    done = result.sessions
    assert (done["delivered_kwh"] + done["unserved_kwh"]).to_numpy() == pytest.approx(5.0)
    drawn_kwh = float(result.power_kw.sum()) / 60
    assert drawn_kwh == pytest.approx(done["delivered_kwh"].sum())
    assert done["unserved_kwh"].sum() > 0


def test_sessions_outside_the_load_are_left_out():
    rows = (("A1", 0, 60, 7, 7), ("A1", 500, 60, 7, 7))
    customers = clm.Customers(sessions_of(*rows), evses_of(A1=7.0, A2=7.0))
    inside = customers.within(load_of([1.0] * 120))
    assert inside.sessions["session_id"].tolist() == ["s0"]


@pytest.mark.parametrize("load", [None, load_of([1.0] * 60)])
def test_a_site_without_sessions_has_no_ways(load):
    assert ways(10.0, load=load, rows=(("A1", 900, 60, 7, 7),) if load is not None else ()).empty
