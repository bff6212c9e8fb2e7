"""Speed of deriving TCC windows for one asset-year, and of judging them on later years.

Run as `python benchmarks/tcc_windows.py`.
"""

import time

import numpy as np
import xarray as xr

from scchelpers import tcc, timebase, years

RATING_KVA, ASKED_KVA = 500.0, 150.0


def asset_year(seed: int = 0) -> xr.DataArray:
    """Return a year of a teatime load [kVA], 17,520 half hours."""
    rng = np.random.default_rng(seed)
    index = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
    hour = timebase.half_hour(index) / 2
    winter = np.cos(2 * np.pi * (index.day_of_year.to_numpy() - 15) / 365)
    shape = 220 + 160 * np.exp(-(((hour - 18) / 2.2) ** 2)) * (1 + 0.25 * winter)
    value = shape * rng.normal(1, 0.05, len(index))
    return xr.DataArray(value, {"time": timebase.naive_utc(index)}, ("time",))


def median_ms(call, runs: int) -> float:
    """Return the median CPU time of a call [ms]."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        call()
        times.append(1000 * (time.process_time() - start))
    return float(np.median(times))


def main() -> None:
    load, asked = asset_year(), (RATING_KVA, ASKED_KVA)
    unseen = tcc.unseen_limit_kva(load, *asked)
    growth = 1.01 ** np.arange(16)
    rows = {
        "windows from the load": lambda: tcc.derive_windows(load, *asked),
        "the same in four steps": lambda: tcc.derive_windows(load, *asked, max_steps=4),
        "limit judged on days held out, 26 times the windows": lambda: tcc.unseen_limit_kva(
            load, *asked
        ),
        "400 later years": lambda: years.added_over_h(load, RATING_KVA, unseen),
        "400 later years in 16 steps of growth": lambda: years.added_over_h(
            load, RATING_KVA, unseen, growth=growth
        ),
        "days run another way": lambda: tcc.days_left_out(load),
    }
    for name, call in rows.items():
        print(f"{name}: {median_ms(call, 15):.0f} ms")


if __name__ == "__main__":
    main()
