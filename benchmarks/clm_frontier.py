"""Time of the CLM frontier: a year at one minute, and how it grows with steps and sweep points.

Run `python benchmarks/clm_frontier.py`; no data are needed. The load is a base with noise and a
hoist of 60 kW. Times are CPU seconds of one thread, medians of 3, after the kernel is compiled (its
cache on disk makes that once a machine).
"""

import statistics
import time

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm

YEAR = 525_600
SUPPLY = {"dsc_kva": 200.0, "power_factor": 0.95}


def hoist_load(steps: int, seed: int = 0) -> xr.DataArray:
    """Return a load of one-minute steps [kW]: a base, noise and a hoist about four times a day."""
    rng = np.random.default_rng(seed)
    load = 40 + rng.normal(0, 2, steps)
    for at in rng.integers(0, steps - 10, steps // 360):
        load[at : at + 6] += 60
    time = pd.date_range("2026-01-01", periods=steps, freq="1min")
    return xr.DataArray(load, {"time": time}, ("time",), "residual_kw")


def seconds(run, repeats: int = 3) -> float:
    """Return the median CPU seconds of a call."""
    found = []
    for _ in range(repeats):
        begin = time.thread_time()
        run()
        found.append(time.thread_time() - begin)
    return statistics.median(found)


def main() -> None:
    clm.frontier(hoist_load(1440), **SUPPLY, margins_kw=[0.0])
    many = len(clm.LATENCIES)
    margins = np.linspace(0, 75, 16)
    year = hoist_load(YEAR)

    print("steps, with 11 response times x 16 margins")
    for share in (8, 4, 2, 1):
        load = year.isel(time=slice(YEAR // share))
        spent = seconds(lambda load=load: clm.frontier(load, **SUPPLY, margins_kw=margins))
        many_steps = load.sizes["time"]
        print(f"{many_steps:>9,} {spent:7.3f} s {1e9 * spent / many_steps:6.0f} ns a step")

    print("margins, with a year and 11 response times")
    for points in (1, 4, 16, 64):
        grid = np.linspace(0, 75, points)
        spent = seconds(lambda grid=grid: clm.frontier(year, **SUPPLY, margins_kw=grid))
        each = 1e3 * spent / (points * many)
        print(f"{points:>9} {spent:7.3f} s {each:6.2f} ms a point of {points * many}")

    spent = seconds(lambda: clm.premium(year, **SUPPLY, tolerated_h=1.0))
    print(f"premium, {many} response times with the exact margin of each: {spent:.3f} s")
    want = year.copy(data=np.full(YEAR, 50.0))
    spent = seconds(lambda: clm.frontier(year, **SUPPLY, margins_kw=margins, want_kw=want))
    print(f"frontier with a demand instead of the worst case: {spent:.3f} s")


if __name__ == "__main__":
    main()
