"""Speed of the charging engine on one workload: rules, options, plain twin, all in one run.

Run `python benchmarks/charging_speed.py [points] [arrivals a day] [days]`; the default is the
headline workload of 20 points, 60 arrivals a day, 30 days at 5 min. Times are CPU seconds of one
thread: the kernel's are of the compiled call alone; the call's of all `simulate` does, from a
frame, checked, to a result, whose frame and Dataset are not built until they are read; and with
`+ read` of the call and of building `sessions` and `intervals`. On a busy machine read ratios as
one significant digit.
"""

import statistics
import sys
import time

import pandas as pd
import workload

from scchelpers import charging
from scchelpers.charging import Chargers, kernel
from tests import charging_oracle as oracle

compiled = kernel.charge
STEP = pd.Timedelta("5min")


def measure(run, repeats=31, engine=compiled):
    """Return the median seconds of the kernel, the call, the call and reading; the last result."""
    inside, whole, read = [], [], []

    def timed(*arguments):
        begin = time.thread_time()
        engine(*arguments)
        inside.append(time.thread_time() - begin)

    kernel.charge = timed
    try:
        for _ in range(repeats):
            begin = time.thread_time()
            result = run()
            whole.append(time.thread_time() - begin)
        for _ in range(repeats):
            begin = time.thread_time()
            result = run()
            _ = result.sessions, result.intervals
            read.append(time.thread_time() - begin)
    finally:
        kernel.charge = compiled
    return *map(statistics.median, (inside, whole, read)), result


def active_steps(sessions, result):
    """Return the sum over sessions of the steps in which they charge or wait."""
    until = result.sessions["finished_at"].fillna(
        pd.Series(sessions["plug_out"].to_numpy(), index=result.sessions.index)
    )
    stay = until.to_numpy() - sessions["plug_in"].to_numpy()
    return (pd.to_timedelta(stay) / STEP).to_numpy().sum()


def main(points=20, arrivals=60, days=30):
    begin = time.perf_counter()
    sessions = workload.sessions_frame(workload.make_workload(points, arrivals, days))
    sessions = sessions.assign(phases=1)
    limit_kw = workload.limit(points, days)
    drawn = time.perf_counter()
    charging.simulate(sessions, limit_kw)
    print(f"workload {points} points, {len(sessions)} sessions, {days} d, 5 min")
    print(f"drawing it {drawn - begin:.2f} s, first call {time.perf_counter() - drawn:.2f} s")

    print(
        f"\n{'rule':22}{'kernel ms':>10}{'call ms':>9}{'+ read ms':>11}{'ns a car-step':>15}"
        f"{'Msteps/s':>10}"
    )
    base = None
    for rule in ("equal", "fcfs", "edf", "llf", "proportional", "priority", "priority-equal"):
        inside, whole, read, result = measure(
            lambda rule=rule: charging.simulate(sessions, limit_kw, sharing=rule)
        )
        base = base or inside
        rate = len(result.power_kw) / inside / 1e6
        each = inside / active_steps(sessions, result) * 1e9
        print(
            f"{rule:22}{inside * 1e3:10.3f}{whole * 1e3:9.2f}{read * 1e3:11.2f}{each:15.1f}"
            f"{rate:10.1f}"
        )
    inside, whole, read, _ = measure(lambda: charging.simulate(sessions))
    print(f"{'no limit':22}{inside * 1e3:10.3f}{whole * 1e3:9.2f}{read * 1e3:11.2f}")

    chargepoints = pd.DataFrame({"evse_id": sorted(sessions["evse_id"].unique()), "phases": 1})
    chargepoints["unit_id"] = [f"U{k // 2}" for k in range(len(chargepoints))]
    minute = sessions.assign(
        plug_in=sessions["plug_in"] + pd.Timedelta("1min"),
        plug_out=sessions["plug_out"] + pd.Timedelta("2min"),
    )
    options = {
        "minimum current, queue": {"chargers": Chargers(min_current_a=6)},
        "minimum current, rotate": {"chargers": Chargers(min_current_a=6, below_minimum="rotate")},
        "setpoints of 1 A": {"chargers": Chargers(setpoint_step_a=1)},
        "30 % do not resume": {"chargers": Chargers(no_resume_share=0.3)},
        "taper (all as DC)": {
            "sessions": sessions.assign(phases=0),
            "chargers": Chargers(taper_share=0.2),
        },
        "one EVSE opted out": {"never_curtailed": [chargepoints["evse_id"][0]]},
        "guaranteed share 0.3": {"guaranteed_share": 0.3},
        "cabinets of two": {"groups": charging.by_unit(chargepoints, 11.0)},
        "three phases": {"groups": charging.by_phase(chargepoints, 50 / 3 * points / 20)},
        "response delay 10 min": {"response_delay": "10min"},
        "staged release": {"release_kw_per_min": 1.0},
        "power by EVSE": {"by_evse": True},
        "times off the grid": {"sessions": minute, "limit_after": "hold"},
    }
    print(f"\n{'option (equal)':26}{'kernel ms':>10}{'ratio':>7}{'call ms':>9}{'kWh':>12}")
    for name, how in options.items():
        inside, whole, _, result = measure(
            lambda how=how: charging.simulate(**{"sessions": sessions, "limit_kw": limit_kw, **how})
        )
        kwh = result.sessions["delivered_kwh"].sum()
        print(f"{name:26}{inside * 1e3:10.3f}{inside / base:7.1f}{whole * 1e3:9.2f}{kwh:12.2f}")

    inside, *_ = measure(
        lambda: charging.simulate(sessions, limit_kw), repeats=1, engine=oracle.charge
    )
    print(f"\nplain twin, equal: {inside:.2f} s, {inside / base:,.0f} times the compiled kernel")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
