"""What must hold for any sessions under any limit; the kernel against its plain twin."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import charging
from scchelpers.charging import Chargers, Groups, kernel
from scchelpers.charging.kernel import RULES
from tests import charging_oracle as oracle

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import workload

T0 = pd.Timestamp("2026-03-29T00:00Z")
MINUTE = pd.Timedelta("1min")
HOURS = 12
few = settings(max_examples=25, deadline=None)


def watts(low_kw, high_kw):
    """Powers [kW] of whole watts: none lies on the edge of what counts as a pause (1e-9 kW)."""
    return st.integers(int(low_kw * 1000), int(high_kw * 1000)).map(lambda watt: watt / 1000)


@st.composite
def sites(draw):
    """Sessions on six EVSEs, to the minute, with announced departures that may lack or be wrong."""
    rows = []
    for evse in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, 120))
        for _ in range(draw(st.integers(1, 4))):
            stay = draw(st.integers(1, 240))
            if at + stay > HOURS * 60:
                break
            announced = draw(st.none() | st.integers(-60, 300))
            rows.append(
                {
                    "session_id": f"S{len(rows):02d}",
                    "evse_id": f"E{evse}",
                    "plug_in": T0 + at * MINUTE,
                    "plug_out": T0 + (at + stay) * MINUTE,
                    "energy_kwh": draw(st.floats(0, 60)),
                    "max_kw": draw(st.sampled_from([3.0, 7.4, 11.0, 22.0, 50.0])),
                    "phases": draw(st.sampled_from([1, 3, 0])),
                    "priority": draw(st.integers(0, 2)),
                    "announced_plug_out": pd.NaT
                    if announced is None
                    else T0 + (at + announced) * MINUTE,
                }
            )
            at += stay + draw(st.integers(0, 60))
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["announced_plug_out"] = pd.to_datetime(frame["announced_plug_out"], utc=True)
        return frame
    return draw(sites())


@st.composite
def limits(draw):
    """A limit that changes a few times, at any minute, and may fall below zero."""
    stamps = sorted({0, *draw(st.lists(st.integers(1, HOURS * 60 - 1), max_size=6))})
    values = draw(st.lists(watts(-5, 120), min_size=len(stamps), max_size=len(stamps)))
    return series(stamps, values)


def series(stamps, values):
    time = pd.DatetimeIndex([T0 + k * MINUTE for k in stamps]).tz_localize(None)
    return xr.DataArray(np.array(values, float), coords={"time": time}, dims="time")


def run(sessions, limit_kw=None, **options):
    return charging.simulate(sessions, limit_kw, limit_after="hold", **options)


steps = st.sampled_from(["5min", "15min", "30min", "1h"])
rules = st.sampled_from(sorted(RULES))
realism = st.builds(
    Chargers,
    min_current_a=st.sampled_from([0.0, 6.0]),
    below_minimum=st.sampled_from(["queue", "rotate"]),
    setpoint_step_a=st.sampled_from([0.0, 1.0]),
    taper_share=st.sampled_from([0.0, 0.3]),
    no_resume_share=st.sampled_from([0.0, 0.5]),
)


def groups_of(sessions, cabinet_kw, phase_kw):
    names = sorted(sessions["evse_id"].unique())
    share = pd.DataFrame(
        [[1.0 * (k < 2) for k in range(len(names))], [1 / 3] * len(names)],
        index=["cabinet", "phase"],
        columns=names,
    )
    return Groups(share, pd.Series({"cabinet": cabinet_kw, "phase": phase_kw}))


@few
@given(sites(), limits(), rules, steps, realism, watts(0, 60), watts(0, 30))
def test_energy_is_conserved_and_every_bound_holds(
    sessions, limit_kw, rule, step, chargers, cabinet_kw, phase_kw
):
    groups = groups_of(sessions, cabinet_kw, phase_kw)
    result = run(
        sessions, limit_kw, sharing=rule, step=step, chargers=chargers, groups=groups, by_evse=True
    )
    hours = pd.Timedelta(step) / pd.Timedelta("1h")
    per_session = result.sessions
    asked = sessions.set_index("session_id")["energy_kwh"]
    np.testing.assert_allclose(
        per_session["delivered_kwh"] + per_session["unserved_kwh"], asked, atol=1e-9
    )
    assert (per_session[["delivered_kwh", "unserved_kwh"]] >= -1e-9).all(axis=None)
    site_kwh = result.power_kw.sum().item() * hours
    assert site_kwh == pytest.approx(per_session["delivered_kwh"].sum(), abs=1e-7)
    xr.testing.assert_allclose(result.by_evse_kw.sum("evse"), result.power_kw, atol=1e-9)
    from_negative = (-limit_kw).clip(0).max().item()
    assert result.excursion_kw.max() <= from_negative + 1e-9
    rated = sessions.groupby("evse_id")["max_kw"].max()
    assert (result.by_evse_kw.max("time") <= rated.to_numpy() + 1e-9).all()
    flow = groups.share.to_numpy() @ result.by_evse_kw.to_numpy().T
    assert (flow.max(axis=1) <= groups.limit_kw.to_numpy() + 1e-9).all()
    assert (result.power_kw <= result.want_kw + 1e-9).all()


@few
@given(sites(), limits(), steps)
def test_without_floors_the_site_draws_all_it_may(sessions, limit_kw, step):
    for rule in RULES:
        result = run(sessions, limit_kw.clip(0), sharing=rule, step=step)
        assert (result.power_kw <= np.minimum(result.want_kw, result.limit_kw) + 1e-9).all()
        # Only where one set of cars holds for the whole step is the mean the minimum.
        whole = run(sessions, 9.0, sharing=rule, step="1min")
        np.testing.assert_allclose(whole.power_kw, np.minimum(whole.want_kw, 9.0), atol=1e-9)


@few
@given(sites(), steps)
def test_no_limit_is_the_uncontrolled_profile(sessions, step):
    stay_h = (sessions["plug_out"] - sessions["plug_in"]) / pd.Timedelta("1h")
    sessions["energy_kwh"] = np.minimum(sessions["energy_kwh"], sessions["max_kw"] * stay_h)
    free = charging.uncontrolled(sessions, step=step)
    result = run(sessions, step=step)
    np.testing.assert_allclose(result.power_kw, free, atol=1e-9)
    assert result.sessions["unserved_kwh"].max() < 1e-9
    assert result.sessions["delay_min"].fillna(0).max() == 0
    peak_kw = result.power_kw.max().item()
    instant_kw = run(sessions, step="1min").power_kw.max().item()
    loose = run(sessions, max(peak_kw, instant_kw) * (1 + 1e-9) + 1e-9, step="1min")
    tight = run(sessions, step="1min")
    assert loose.power_kw.to_numpy().tobytes() == tight.power_kw.to_numpy().tobytes()


@few
@given(sites(), limits(), limits(), steps)
def test_more_limit_never_delivers_less_under_equal_sharing(sessions, one, other, step):
    stamps = np.union1d(one["time"], other["time"])
    low, high = (given_kw.reindex(time=stamps, method="ffill") for given_kw in (one, other))
    low, high = np.minimum(low, high), np.maximum(low, high)
    less, more = (run(sessions, given_kw, step=step) for given_kw in (low, high))
    gain = more.sessions["delivered_kwh"] - less.sessions["delivered_kwh"]
    assert gain.sum() >= -1e-7
    # Stronger, and true as well: no session gets less.
    assert gain.min() >= -1e-7


@few
@given(sites(), limits(), rules, steps, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_no_input(sessions, limit_kw, rule, step, random):
    rows = list(range(len(sessions)))
    random.shuffle(rows)
    one = run(sessions, limit_kw, sharing=rule, step=step)
    other = run(sessions.iloc[rows], limit_kw, sharing=rule, step=step)
    assert one.power_kw.to_numpy().tobytes() == other.power_kw.to_numpy().tobytes()
    pd.testing.assert_frame_equal(
        one.sessions, other.sessions.loc[one.sessions.index], check_exact=True
    )


@few
@given(sites(), limits(), rules, st.sampled_from([0.5, 3.0, 10.0]))
def test_all_powers_and_energies_scale_together(sessions, limit_kw, rule, factor):
    one = run(sessions, limit_kw, sharing=rule)
    scaled = sessions.assign(
        energy_kwh=sessions["energy_kwh"] * factor, max_kw=sessions["max_kw"] * factor
    )
    many = run(scaled, limit_kw * factor, sharing=rule)
    np.testing.assert_allclose(many.power_kw, one.power_kw * factor, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    sites(),
    limits(),
    rules,
    steps,
    realism,
    st.none() | st.tuples(watts(0, 60), watts(0, 30)),
    st.booleans(),
    st.sampled_from([0.0, 0.4]),
)
def test_the_kernel_is_its_plain_twin(
    sessions, limit_kw, rule, step, chargers, group_kw, opt_out, guaranteed_share
):
    options = {
        "sharing": rule,
        "step": step,
        "chargers": chargers,
        "groups": groups_of(sessions, *group_kw) if group_kw else None,
        "never_curtailed": ["S00"] if opt_out else [],
        "guaranteed_share": guaranteed_share,
        "by_evse": True,
    }
    fast = run(sessions, limit_kw, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "charge", oracle.charge)
        plain = run(sessions, limit_kw, **options)
    for name in ("power_kw", "want_kw", "excursion_kw", "by_evse_kw"):
        np.testing.assert_allclose(
            getattr(fast, name), getattr(plain, name), atol=1e-6, err_msg=name
        )
    np.testing.assert_allclose(
        fast.sessions["delivered_kwh"], plain.sessions["delivered_kwh"], atol=1e-6
    )


# Workload: (n, r, days) -> sessions, refused, kWh, stay slots.
CHECK_SUMS = {
    (20, 60, 7): (434, 3, 4483.36, 15205),
    (20, 60, 30): (1799, 13, 18866.20, 63452),
    (20, 30, 30): (944, 0, 9942.19, 32776),
    (20, 120, 30): (2944, 531, 31148.28, 101802),
    (100, 300, 7): (2128, 0, 22399.81, 74162),
}


@pytest.mark.parametrize("size", CHECK_SUMS)
def test_the_workload_has_its_check_sums(size):
    drawn = workload.make_workload(*size)
    count, refused, kwh, slots = CHECK_SUMS[size]
    assert (len(drawn["arrival"]), drawn["refused"]) == (count, refused)
    assert round(drawn["energy_kwh"].sum(), 2) == kwh
    assert (drawn["departure"] - drawn["arrival"]).sum() == slots


@pytest.fixture(scope="module")
def headline():
    return workload.sessions_frame(workload.make_workload(20, 60, 30))


# Delivered kWh, sessions short by more than 0.01 kWh, sessions slowed; found by two independent
# implementations that agree in every figure.
@pytest.mark.parametrize(
    ("rule", "week", "month"),
    [
        ("equal", (4166.23, 105, 320), (17248.67, 447, 1219)),
        ("fcfs", (4186.02, 82, 234), (17274.39, 356, 864)),
        ("edf", (4354.85, 35, 172), (18010.37, 202, 682)),
        ("llf", (4404.05, 51, 190), (18203.75, 326, 793)),
    ],
)
def test_the_workload_is_delivered_as_stored(rule, week, month, headline):
    short = workload.sessions_frame(workload.make_workload(20, 60, 7))
    for sessions, days, expected in ((short, 7, week), (headline, 30, month)):
        result = charging.simulate(sessions, workload.limit(20, days), sharing=rule)
        found = round(result.sessions["delivered_kwh"].sum(), 2)
        assert (found, result.short(0.01).sum(), result.slowed().sum()) == expected


# ACN-Sim 0.3.3 (acnportal) breaks ties by chargepoint. Its totals lie 0.0001 to 0.0016 % below
# those stored here, its round robin of 0.1 A 0.035 %.
@pytest.mark.parametrize(
    ("rule", "acn_kwh", "within"),
    [
        ("fcfs", 17274.39 * (1 - 0.000008), 0.00002),
        ("edf", 18005.42 * (1 - 0.000008), 0.00002),
        ("llf", 18203.75 * (1 - 0.000003), 0.00002),
        ("equal", 17248.67 * (1 - 0.00035), 0.0005),
    ],
)
def test_totals_agree_with_acn_sim(rule, acn_kwh, within, headline):
    point = headline["evse_id"].str[-3:].astype(int)
    by_point = headline.assign(
        announced_plug_out=headline["announced_plug_out"] + pd.to_timedelta(point, unit="us")
    )
    result = charging.simulate(by_point, workload.limit(20, 30), sharing=rule)
    assert result.sessions["delivered_kwh"].sum() == pytest.approx(acn_kwh, rel=within)


def test_earliest_departure_with_ties_by_chargepoint_is_as_stored(headline):
    point = headline["evse_id"].str[-3:].astype(int)
    by_point = headline.assign(
        announced_plug_out=headline["announced_plug_out"] + pd.to_timedelta(point, unit="us")
    )
    result = charging.simulate(by_point, workload.limit(20, 30), sharing="edf")
    found = round(result.sessions["delivered_kwh"].sum(), 2)
    assert (found, result.short(0.01).sum(), result.slowed().sum()) == (18005.42, 200, 675)


def test_splitting_a_step_changes_little(headline):
    coarse, fine = (
        charging.simulate(headline, workload.limit(20, 30), step=step)
        .sessions["delivered_kwh"]
        .sum()
        for step in ("5min", "150s")
    )
    minute = charging.simulate(headline, workload.limit(20, 30), step="1min")
    assert abs(coarse / fine - 1) < 0.0002
    assert round(minute.sessions["delivered_kwh"].sum(), 2) == 17246.91


def test_the_same_input_gives_the_same_bytes(headline):
    one, two = (charging.simulate(headline, workload.limit(20, 30)) for _ in range(2))
    assert one.power_kw.to_numpy().tobytes() == two.power_kw.to_numpy().tobytes()
    pd.testing.assert_frame_equal(one.sessions, two.sessions, check_exact=True)


def test_another_site_changes_no_other():
    frames = [
        workload.sessions_frame(workload.make_workload(5, 15, 7, seed), f"S{seed}")
        for seed in range(4)
    ]
    limits_kw = {f"S{seed}": workload.limit(5, 7) for seed in range(4)}
    three = charging.simulate_sites(pd.concat(frames[:3]), limits_kw)
    four = charging.simulate_sites(pd.concat(frames), limits_kw, workers=1)
    for site_id, result in three.items():
        assert result.power_kw.to_numpy().tobytes() == four[site_id].power_kw.to_numpy().tobytes()
        pd.testing.assert_frame_equal(result.sessions, four[site_id].sessions, check_exact=True)
