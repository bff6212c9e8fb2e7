"""The engine against cases worked by hand and against other engines' stored results."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import charging
from scchelpers.charging import Chargers, Groups
from scchelpers.charging.kernel import water_level
from scchelpers.charging.limits import Steps
from scchelpers.charging.sessions import compile_sessions
from scchelpers.faults import UserError

T0 = pd.Timestamp("2026-01-05T00:00Z")
HOUR = pd.Timedelta("1h")


def cars(rows, step="1h", **columns):
    """Sessions from {id: (plug_in, plug_out, kwh, kw)} in steps; departures as announced."""
    length = pd.Timedelta(step)
    frame = pd.DataFrame(
        [
            {
                "session_id": name,
                "evse_id": f"E-{name}",
                "plug_in": T0 + begin * length,
                "plug_out": T0 + end * length,
                "energy_kwh": float(kwh),
                "max_kw": float(kw),
                "announced_plug_out": T0 + end * length,
            }
            for name, (begin, end, kwh, kw) in rows.items()
        ]
    )
    return frame.assign(**columns)


def limit(values, step="1h"):
    time = pd.date_range(T0.tz_localize(None), periods=len(values), freq=step)
    return xr.DataArray(
        np.array(values, float), coords={"time": time}, dims="time", attrs={"units": "kW"}
    )


def powers(result):
    """Power of A, B, C (in order of the EVSEs) as "a,b,c / …", rounded to 4 decimals."""
    return result.by_evse_kw.to_numpy().round(4).tolist()


def rows(text):
    return [[float(kw) for kw in step.split(",")] for step in text.split("/")]


F1 = {"A": (0, 3, 17, 7), "B": (1, 5, 15, 7), "C": (2, 4, 6, 7)}
F1_LIMIT = [10, 10, 6, 6, 10]
F1_EXPECTED = {
    "no limit": (
        "7,0,0 / 7,7,0 / 3,7,6 / 0,1,0 / 0,0,0",
        [17, 15, 6],
        "",
        {"A": 2, "B": 3, "C": 2},
    ),
    "equal": ("7,0,0 / 5,5,0 / 2,2,2 / 0,3,3 / 0,5,0", [14, 15, 5], "ABC", {"B": 4}),
    "fcfs": ("7,0,0 / 7,3,0 / 3,3,0 / 0,6,0 / 0,3,0", [17, 15, 0], "BC", {"A": 2, "B": 4}),
    "edf": ("7,0,0 / 7,3,0 / 3,0,3 / 0,3,3 / 0,7,0", [17, 13, 6], "BC", {"A": 2, "C": 3}),
    "llf": ("7,0,0 / 7,3,0 / 3,0,3 / 0,6,0 / 0,6,0", [17, 15, 3], "BC", {"A": 2, "B": 4}),
    "priority": ("7,0,0 / 7,3,0 / 0,0,6 / 0,6,0 / 0,6,0", [14, 15, 6], "AB", {"B": 4, "C": 2}),
    "priority-equal": (
        "7,0,0 / 5,5,0 / 0,0,6 / 0,6,0 / 0,4,0",
        [12, 15, 6],
        "AB",
        {"B": 4, "C": 2},
    ),
}


@pytest.mark.parametrize("rule", F1_EXPECTED)
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_f1_every_rule(rule, order):
    frame = cars(F1, priority=[2, 2, 1]).iloc[order]
    power, kwh, slowed, finished = F1_EXPECTED[rule]
    how = {} if rule == "no limit" else {"limit_kw": limit(F1_LIMIT), "sharing": rule}
    result = charging.simulate(frame, step="1h", by_evse=True, **how)
    assert powers(result) == rows(power)
    found = result.sessions.loc[["A", "B", "C"]]
    assert found["delivered_kwh"].round(9).tolist() == kwh
    assert "".join(found.index[result.slowed()[found.index]]) == slowed
    for name, at in found["finished_at"].items():
        if name in finished:
            begin = T0 + finished[name] * HOUR
            assert begin < at <= begin + HOUR
        else:
            assert pd.isna(at)


def test_departure_rules_use_what_was_announced():
    unknown = cars(F1).drop(columns="announced_plug_out")
    by = {
        rule: powers(
            charging.simulate(unknown, limit(F1_LIMIT), step="1h", sharing=rule, by_evse=True)
        )
        for rule in ("fcfs", "edf")
    }
    assert by["edf"] == by["fcfs"] == rows(F1_EXPECTED["fcfs"][0])
    wrong = cars(F1)
    wrong.loc[1, "announced_plug_out"] = T0 + 1.5 * HOUR  # B says it leaves first
    result = charging.simulate(wrong, limit(F1_LIMIT), step="1h", sharing="edf", by_evse=True)
    assert powers(result)[1] == [3, 7, 0]


F2 = {"A": (0, 7, 6.25, 3), "B": (0, 7, 14, 7), "C": (0, 7, 30, 22)}
F2_LIMIT = [40, 18, 9, 7.5, 0, -5, 18]


@pytest.mark.parametrize(
    ("rule", "power", "kwh"),
    [
        (
            "equal",
            "3,7,22 / 3,7,8 / 3,3,3 / 2.5,2.5,2.5 / 0,0,0 / 0,0,0 / 1,7,10",
            [6.25, 13.25, 22.75],
        ),
        (
            "fcfs",
            "3,7,22 / 3,7,8 / 3,6,0 / 3,4.5,0 / 0,0,0 / 0,0,0 / 0.5,3.5,14",
            [6.25, 14, 22],
        ),
    ],
)
def test_f2_limit_shapes(rule, power, kwh):
    result = charging.simulate(
        cars(F2, "30min"), limit(F2_LIMIT, "30min"), step="30min", sharing=rule, by_evse=True
    )
    assert powers(result) == rows(power)
    assert result.sessions["delivered_kwh"].round(9).tolist() == kwh
    assert result.excursion_kw.to_numpy().round(9).tolist() == [0, 0, 0, 0, 0, 5, 0]
    assert result.power_kw.sum().item() * 0.5 == pytest.approx(42.25)


def test_f2_delay_shows_as_excursion_not_as_energy():
    frame = cars(dict.fromkeys("ABC", (0, 4, 10, 5)), "30min")
    true = limit([15, 9, 9, 15], "30min")
    late = charging.simulate(frame, true, step="30min", response_delay="30min", by_evse=True)
    assert powers(late) == rows("5,5,5 / 5,5,5 / 3,3,3 / 3,3,3")
    assert late.sessions["delivered_kwh"].tolist() == pytest.approx([8, 8, 8])
    assert late.excursion_kw.to_numpy().tolist() == pytest.approx([0, 6, 0, 0])
    at_once = charging.simulate(frame, true, step="30min")
    assert at_once.sessions["delivered_kwh"].tolist() == pytest.approx([8, 8, 8])
    assert at_once.excursion_kw.max() == 0


F3 = {"A": (0, 3, 15, 7), "B": (1, 3, 10, 7), "C": (1, 4, 12, 7)}


@pytest.mark.parametrize(
    ("rule", "power", "kwh"),
    [
        ("priority", "5,0,0 / 3,7,0 / 7,3,0 / 0,0,7", [15, 10, 7]),
        ("priority-equal", "5,0,0 / 1.5,7,1.5 / 3.5,3,3.5 / 0,0,7", [10, 10, 12]),
        (
            "equal",
            "5,0,0 / 3.3333,3.3333,3.3333 / 3.3333,3.3333,3.3333 / 0,0,5.3333",
            [35 / 3, 20 / 3, 12],
        ),
    ],
)
def test_f3_priority(rule, power, kwh):
    chargepoints = pd.DataFrame(
        {"evse_id": ["E-A", "E-B", "E-C"], "rated_kw": 22.0, "priority": [2, 1, 2]}
    )
    result = charging.simulate(
        cars(F3),
        limit([5, 10, 10, 10]),
        step="1h",
        sharing=rule,
        by_evse=True,
        chargepoints=chargepoints,
    )
    assert powers(result) == rows(power)
    assert result.sessions["delivered_kwh"].tolist() == pytest.approx(kwh)


@pytest.mark.parametrize("opted_out", ["B", "E-B"])
def test_f3_opt_out(opted_out):
    result = charging.simulate(
        cars(F3),
        limit([5, 5, 10, 10]),
        step="1h",
        by_evse=True,
        never_curtailed=[opted_out],
    )
    assert powers(result) == rows("5,0,0 / 0,7,0 / 3.5,3,3.5 / 0,0,7")
    assert result.sessions["delivered_kwh"].tolist() == pytest.approx([8.5, 10, 10.5])
    assert result.excursion_kw.to_numpy().tolist() == pytest.approx([0, 2, 0, 0])
    assert result.sessions.loc["B", "held_min"] == 0


F4 = {"A": (0, 32, 10, 7), "B": (20, 32, 10, 7), "C": (20, 32, 10, 7)}


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
@pytest.mark.parametrize(
    ("rule", "last_steps", "kwh"),
    [
        ("fcfs", "7,0,0 / 3,4,0", [10, 4, 0]),
        ("edf", "7,0,0 / 3,4,0", [10, 4, 0]),
        ("llf", "7,0,0 / 0,7,0", [7, 7, 0]),
        ("equal", "2.3333,2.3333,2.3333 / 2.3333,2.3333,2.3333", [14 / 3] * 3),
    ],
)
def test_f4_long_stays_and_ties(rule, last_steps, kwh, order):
    result = charging.simulate(
        cars(F4).iloc[order], limit([0] * 30 + [7, 7]), step="1h", sharing=rule, by_evse=True
    )
    assert powers(result)[30:] == rows(last_steps)
    assert result.sessions.loc[["A", "B", "C"], "delivered_kwh"].tolist() == pytest.approx(kwh)


@pytest.mark.parametrize(
    ("changes", "limit_kw", "power"),
    [
        ({}, 4.2, [1.4, 1.4, 1.4]),
        ({}, 4, [2, 2, 0]),
        ({}, 2.5, [2.5, 0, 0]),
        ({}, 1.2, [0, 0, 0]),
        ({"B": "three-phase"}, 6, [1.86, 4.14, 0]),
        ({"B": "three-phase"}, 10, [2.93, 4.14, 2.93]),
        ({"B": "three-phase"}, 15, [5, 5, 5]),
        ({"A": "nearly full"}, 4, [0.5, 1.75, 1.75]),
    ],
)
def test_f5_minimum_current_in_a_queue(changes, limit_kw, power):
    frame = cars(dict.fromkeys("ABC", (0, 1, 100, 7)), phases=1)
    if "B" in changes:
        frame.loc[1, ["phases", "max_kw"]] = [3, 11]
    if "A" in changes:
        frame.loc[0, "energy_kwh"] = 0.5
    result = charging.simulate(
        frame, limit([limit_kw]), step="1h", by_evse=True, chargers=Chargers(min_current_a=6)
    )
    assert powers(result) == [pytest.approx(power)]


def test_f5_rotation():
    frame = cars(dict.fromkeys("ABC", (0, 3, 100, 7)), phases=1)
    result = charging.simulate(
        frame,
        limit([4, 4, 4]),
        step="1h",
        by_evse=True,
        chargers=Chargers(min_current_a=6, below_minimum="rotate"),
    )
    assert powers(result) == rows("2,2,0 / 2,0,2 / 0,2,2")
    assert result.sessions["delivered_kwh"].tolist() == pytest.approx([4, 4, 4])
    assert result.sessions["pauses"].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("minutes", "b"), [(60, 7), (30, 6.5), (15, 6.5), (12, 6.2), (6, 6.2), (1, 6.2)]
)
def test_f6_the_step(minutes, b):
    frame = cars({"A": (0, 1, 2, 7), "B": (0, 1, 20, 7)})
    result = charging.simulate(frame, 10.0, step=f"{minutes}min")
    assert result.sessions["delivered_kwh"].tolist() == pytest.approx([2, b])


def test_f6_the_limit_caps_every_instant_of_a_fraction():
    frame = cars({"C": (1 / 3, 2.5, 100, 6)})
    free = charging.simulate(frame, step="1h")
    assert free.power_kw.to_numpy().tolist() == pytest.approx([4, 6, 3])
    capped = charging.simulate(frame, 5.0, step="1h")
    assert capped.power_kw.to_numpy().tolist() == pytest.approx([10 / 3, 5, 2.5])
    assert capped.excursion_kw.max() == pytest.approx(0)


def test_a_higher_limit_can_deliver_less_under_least_laxity():
    frame = cars({"A": (1, 3, 10, 7), "B": (2, 3, 2, 5), "C": (0, 2, 4, 3)})
    low, high = (
        charging.simulate(frame, limit([first, 5, 13]), step="1h", sharing="llf")
        for first in (2, 3)
    )
    assert low.sessions["delivered_kwh"].tolist() == pytest.approx([10, 2, 4])
    assert high.sessions["delivered_kwh"].tolist() == pytest.approx([10, 2, 3])


def test_sparse_limit_inside_a_step_is_the_same_as_a_dense_one():
    frame = cars({"A": (0, 4, 100, 7), "B": (0.25, 4, 100, 7)})
    stamps = pd.DatetimeIndex([T0, T0 + 0.75 * HOUR, T0 + 1.5 * HOUR]).tz_localize(None)
    sparse = xr.DataArray([9.0, 3.0, 6.0], coords={"time": stamps}, dims="time")
    dense = sparse.reindex(time=pd.date_range(stamps[0], periods=16, freq="15min"), method="ffill")
    results = [
        charging.simulate(frame, given, step="1h", limit_after="hold") for given in (sparse, dense)
    ]
    # 0:00-0:15 A alone 7, then 9 to 0:45, 3 to 1:30, 6 on.
    assert results[0].power_kw.to_numpy().tolist() == pytest.approx([7, 4.5, 6, 6])
    xr.testing.assert_allclose(results[0].power_kw, results[1].power_kw)


def test_limits_that_end_early_or_have_gaps_are_refused_or_said():
    frame = cars({"A": (0, 4, 100, 7)})
    with pytest.raises(UserError, match=r"ends 2026-01-05 02:00.*limit_after"):
        charging.simulate(frame, limit([5, 5]), step="1h")
    held = charging.simulate(frame, limit([5, 4]), step="1h", limit_after="hold")
    assert held.power_kw.to_numpy().tolist() == [5, 4, 4, 4]
    told = charging.simulate(frame, limit([5, 4]), step="1h", limit_after=1)
    assert told.power_kw.to_numpy().tolist() == [5, 4, 1, 1]
    with pytest.raises(UserError, match="starts 2026-01-05 01:00"):
        charging.simulate(cars({"A": (0, 2, 9, 7)}), limit([5] * 9)[1:], step="1h")
    gap = limit([5, np.nan, 4, 4])
    with pytest.raises(UserError, match=r"01:00.*nan.*limit_missing"):
        charging.simulate(frame, gap, step="1h")
    safe = charging.simulate(frame, gap, step="1h", limit_missing=2)
    assert safe.power_kw.to_numpy().tolist() == [5, 2, 4, 4]
    kept = charging.simulate(frame, gap, step="1h", limit_missing="hold")
    assert kept.power_kw.to_numpy().tolist() == [5, 5, 4, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"energy_kwh": [-1.0, 5.0]}, r"'A' \(row 0\), energy_kwh = -1.0"),
        ({"energy_kwh": [1.0, np.nan]}, r"'B' \(row 1\), energy_kwh = nan"),
        ({"max_kw": [7.0, np.nan]}, r"'B' \(row 1\), max_kw = nan.*rating"),
        ({"max_kw": [7.0, 0.0]}, r"'B' .*max_kw = 0.0"),
        ({"session_id": ["A", "A"]}, r"'A' .*occurs twice"),
        ({"evse_id": ["E", "E"]}, r"session 'B', plug_in = .*session 'A' is on EVSE 'E' until"),
        ({"plug_out": [T0, T0 + 5 * HOUR]}, r"'A' .*plug_out = .*after plug_in"),
        ({"plug_out": [pd.NaT, T0 + 5 * HOUR]}, r"'A' .*must be known"),
        ({"plug_in": [pd.NaT, pd.NaT]}, r"'A' .*plug_in, plug_out = .*must be known"),
        ({"announced_plug_out": ["noon", None]}, r"announced_plug_out: holds .*give instants"),
        ({"session_id": ["A", None]}, r"row 1.*session_id = .*must be known"),
        ({"evse_id": ["E", None]}, r"'B' .*evse_id = .*must be known"),
    ],
)
def test_bad_sessions_are_refused_by_name(change, message):
    frame = cars({"A": (0, 4, 5, 7), "B": (1, 4, 5, 7)}).assign(**change)
    with pytest.raises(UserError, match=message):
        charging.simulate(frame, 5.0)
    with pytest.raises(UserError, match=message):
        charging.uncontrolled(frame)


def test_bad_options_are_refused():
    frame = cars({"A": (0, 4, 5, 7)})
    with pytest.raises(UserError, match=r"sharing = 'ecual'.*did you mean equal"):
        charging.simulate(frame, 5.0, sharing="ecual")
    with pytest.raises(UserError, match="phases"):
        charging.simulate(frame, 5.0, chargers=Chargers(min_current_a=6))
    with pytest.raises(UserError, match="never_curtailed holds 'Z'"):
        charging.simulate(frame, 5.0, never_curtailed=["Z"])
    with pytest.raises(UserError, match="in 'kVA'"):
        charging.simulate(frame, limit([5] * 5).assign_attrs(units="kVA"))
    with pytest.raises(UserError, match=r"no zone|holds datetime64"):
        charging.simulate(frame.assign(plug_in=T0.tz_localize(None)), 5.0)
    with pytest.raises(UserError, match="give start and end"):
        charging.simulate(frame.iloc[:0], 5.0)
    with pytest.raises(UserError, match="is not among the chargepoints"):
        charging.simulate(frame, chargepoints=pd.DataFrame({"evse_id": ["X"], "rated_kw": [7.0]}))


def test_no_sessions_draw_nothing():
    empty = cars({"A": (0, 4, 5, 7)}).iloc[:0]
    span = {"start": T0, "end": T0 + 2 * HOUR, "step": "1h"}
    assert charging.simulate(empty, 5.0, **span).power_kw.to_numpy().tolist() == [0, 0]
    assert charging.uncontrolled(empty, **span).to_numpy().tolist() == [0, 0]


def test_setpoints_are_rounded_down_to_steps():
    frame = cars(dict.fromkeys("ABC", (0, 1, 100, 7)), phases=1)
    result = charging.simulate(
        frame, 10.0, step="1h", by_evse=True, chargers=Chargers(setpoint_step_a=1)
    )
    assert powers(result) == [[3.22, 3.22, 3.22]]  # 14 A; 10/3 kW is 14.49 A


def test_taper_matches_a_loop_of_seconds():
    frame = cars({"A": (0, 2, 40, 50)}, phases=0)
    result = charging.simulate(
        frame, step="10min", chargers=Chargers(taper_share=0.3, taper_low=0.1)
    )
    left, by_step = 40.0, []
    for _ in range(12):
        before = left
        for _ in range(600 * 10):
            left -= 50 * min(1, max(left / 12, 0.1)) * 0.1 / 3600 if left > 0 else 0
        by_step.append((before - max(left, 0)) * 6)
    assert result.power_kw.to_numpy().tolist() == pytest.approx(by_step, abs=0.02)
    assert result.sessions["delivered_kwh"].item() == pytest.approx(40)
    full_h = 28 / 50 + 12 / 50 * np.log(10) + 12 / 50
    at = result.sessions["finished_at"].item()
    assert (at - T0) / HOUR == pytest.approx(full_h, abs=1e-6)
    assert result.sessions["delay_min"].item() == 0


def test_cars_that_do_not_resume_stop_at_their_first_pause():
    frame = cars({"A": (0, 4, 20, 7), "B": (2, 4, 5, 7)})
    stop_and_go = limit([7, 0, 7, 7])
    never = charging.simulate(frame, stop_and_go, step="1h", chargers=Chargers(no_resume_share=1))
    # A has charged and is paused; B was not there yet.
    assert never.sessions["delivered_kwh"].tolist() == [7, 5]
    assert never.sessions["pauses"].tolist() == [1, 0]
    always = charging.simulate(frame, stop_and_go, step="1h")
    assert always.sessions["delivered_kwh"].tolist() == pytest.approx([16, 5])


def test_no_resume_draws_by_id_and_seed():
    frame = cars({f"S{k:03d}": (0, 3, 30, 7) for k in range(200)})
    stop_and_go = limit([1400, 0, 1400])

    def stalled(rows, seed):
        result = charging.simulate(
            frame.iloc[rows],
            stop_and_go,
            step="1h",
            chargers=Chargers(no_resume_share=0.3, seed=seed),
        )
        return result.sessions["delivered_kwh"] < 10

    first = stalled(slice(None), 1)
    assert 0.2 < first.mean() < 0.4
    assert (first != stalled(slice(None), 2)).any()
    half = stalled(slice(0, 100), 1)
    pd.testing.assert_series_equal(half, first.iloc[:100])


def test_release_is_staged():
    frame = cars(dict.fromkeys("AB", (0, 4, 100, 7)))
    result = charging.simulate(
        frame, limit([2, 2, 14, 14]), step="30min", release_kw_per_min=0.1, limit_after="hold"
    )
    assert result.power_kw.to_numpy().tolist()[:8] == pytest.approx([2, 2, 2, 2, 5, 8, 11, 14])


def test_guaranteed_share_goes_first():
    frame = cars({"A": (0, 4, 10, 7), "B": (1, 3, 10, 7)})
    fcfs = charging.simulate(frame, 3.0, step="1h", sharing="fcfs")
    assert fcfs.sessions["delivered_kwh"].tolist() == pytest.approx([10, 2 * 3 - 6 + 0])
    half = charging.simulate(frame, 3.0, step="1h", sharing="fcfs", guaranteed_share=0.3)
    # A has its 3 kWh after an hour; B goes first until it has 3.
    assert half.sessions["delivered_kwh"].tolist() == pytest.approx([9, 3])


def test_groups_bound_phases_and_cabinets():
    chargepoints = pd.DataFrame(
        {
            "evse_id": ["E-A", "E-B", "E-C", "E-D"],
            "rated_kw": 22.0,
            "phases": [1, 1, 1, 3],
            "unit_id": ["U1", "U1", None, None],
        }
    )
    frame = cars(dict.fromkeys("ABCD", (0, 1, 100, 7)))
    unit = charging.by_unit(chargepoints, 8.0)
    result = charging.simulate(frame, 20.0, step="1h", by_evse=True, groups=unit)
    assert powers(result) == [[4, 4, 6, 6]]
    phase = charging.by_phase(chargepoints, 5.0)
    result = charging.simulate(frame, step="1h", by_evse=True, groups=phase)
    # Each phase carries one single-phase car and a third of D: x + x/3 = 5.
    assert powers(result) == [[3.75] * 4]
    both = charging.simulate(frame, step="1h", by_evse=True, groups=unit + phase, sharing="fcfs")
    assert powers(both) == [[5, 3, 5, 0]]


def test_group_limits_vary_over_time():
    share = pd.DataFrame({"E-A": [1.0], "E-B": [1.0]}, index=["cabinet"])
    limit_kw = limit([10, 4]).expand_dims(group=["cabinet"])
    frame = cars(dict.fromkeys("AB", (0, 2, 100, 7)))
    result = charging.simulate(frame, step="1h", groups=Groups(share, limit_kw))
    assert result.power_kw.to_numpy().tolist() == [10, 4]


def test_stay_shift_moves_departures_up_to_the_next_car():
    frame = cars({"A": (0, 1, 20, 7), "B": (2, 3, 20, 7)}).assign(evse_id="E")
    longer = charging.simulate(frame, 7.0, step="1h", stay_shift="5h")
    assert longer.sessions["delivered_kwh"].tolist() == pytest.approx([14, 20])
    shorter = charging.simulate(frame, 7.0, step="1h", stay_shift="-30min")
    assert shorter.sessions["delivered_kwh"].tolist() == pytest.approx([3.5, 3.5])
    one = pd.Series({"B": pd.Timedelta("1h")})
    assert charging.simulate(frame, 7.0, step="1h", stay_shift=one).sessions[
        "delivered_kwh"
    ].tolist() == pytest.approx([7, 14])


def test_uncontrolled_draws_what_does_not_fit_at_its_mean():
    frame = cars({"A": (0, 1, 10, 7)})
    drawn = charging.uncontrolled(frame, step="30min")
    assert drawn.to_numpy().tolist() == [10, 10]
    assert drawn.attrs["sessions_raised"] == 1
    bounded = charging.simulate(frame, step="30min")
    assert bounded.power_kw.to_numpy().tolist() == [7, 7]
    assert bounded.sessions["unserved_kwh"].item() == pytest.approx(3)


def test_uncontrolled_by_evse_names_idle_ones():
    chargepoints = pd.DataFrame({"evse_id": ["E-B", "idle", "E-A"], "rated_kw": [3.0, 7.0, 7.0]})
    frame = cars({"A": (0, 2, 7, np.nan), "B": (0.5, 3, 3, np.nan)}).drop(columns="max_kw")
    drawn = charging.uncontrolled(frame, step="1h", by="evse", chargepoints=chargepoints)
    assert drawn["evse"].to_numpy().tolist() == ["E-B", "idle", "E-A"]
    assert drawn.to_numpy().tolist() == [[1.5, 0, 7], [1.5, 0, 0], [0, 0, 0]]
    spread = charging.uncontrolled(frame, step="1h", placement="spread", chargepoints=chargepoints)
    assert spread.to_numpy().tolist() == pytest.approx([3.5 + 0.6, 3.5 + 1.2, 1.2])


def test_sites_do_not_touch_each_other():
    frame = pd.concat(
        [
            cars(F1, site_id="S1"),
            cars(F3, site_id="S2").assign(
                session_id=lambda x: "2" + x["session_id"], evse_id=lambda x: "2" + x["evse_id"]
            ),
        ]
    )
    limits = {"S1": limit(F1_LIMIT), "S2": 9.0}
    both = charging.simulate_sites(frame, limits, step="1h")
    assert list(both) == ["S1", "S2"]
    alone = charging.simulate(frame[frame["site_id"] == "S1"], limits["S1"], step="1h")
    assert alone.power_kw.to_numpy().tobytes() == both["S1"].power_kw.to_numpy().tobytes()
    pd.testing.assert_frame_equal(alone.sessions, both["S1"].sessions)
    with pytest.raises(UserError, match="site S2: limit_kw"):
        charging.simulate_sites(frame, {"S2": float("nan")}, step="1h")


def test_tables_of_a_result_are_built_once_and_only_if_read():
    result = charging.simulate(cars(F1), limit(F1_LIMIT), step="1h")
    assert not {"intervals", "sessions", "by_evse_kw"} & set(vars(result))
    assert result.want_kw.to_numpy().tolist() == [7, 14, 18, 11, 5]
    assert result.intervals is result.intervals
    assert result.sessions is result.sessions
    assert result.by_evse_kw is None
    assert repr(result).startswith("<ChargingResult 3 sessions, 5 steps of ")


def test_phases_and_priority_of_a_session_go_before_those_of_its_evse():
    chargepoints = pd.DataFrame(
        {
            "evse_id": ["E-C", "E-B", "E-A"],
            "rated_kw": 22.0,
            "phases": [np.nan, 3, 1],
            "priority": [5, np.nan, 7],
        }
    )
    frame = cars(dict.fromkeys("ABC", (0, 1, 9, 7)), phases=[3, np.nan, np.nan])
    known = compile_sessions(frame, chargepoints)
    assert known.phases.tolist() == [3, 3, -1]
    assert known.priority.tolist() == [7, 0, 5]


def test_steps_hold_from_their_stamp_to_the_next():
    steps = Steps(np.array([10, 20, 25]), np.array([1.0, 2.0, 3.0]))
    assert steps.at(np.array([0, 10, 19, 20, 24, 25, 99])).tolist() == [1, 1, 1, 2, 2, 3, 3]
    assert steps.at(np.array([21, 22])).tolist() == [2, 2]
    assert steps.delayed(5).at(np.array([20, 24, 25, 30])).tolist() == [1, 1, 2, 3]


def test_the_level_is_found_where_the_cap_is_a_sum_of_wants_but_for_rounding():
    # 0.324 + 3.24 + 3 × 4.7 = 17.664, which binary numbers miss: the level once went back and forth
    want = np.array([6.064, 0.324, 3.24, 7.74, 4.7])
    assert water_level(want, 5, 17.664) == pytest.approx(4.7)
