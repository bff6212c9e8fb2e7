"""Speed of deriving TCC windows: one asset-year, all quantiles and growth steps.

Run as `python benchmarks/tcc_windows.py`. The same quantiles come from a plain
`groupby().quantile()` loop in pandas; both results are compared before any time is taken.
"""

import time

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import tcc, timebase
from scchelpers.tcc.derivation import grown, headroom

QUANTILES = (0.9, 0.95, 0.98, 0.99, 1.0)
YEARS = range(11)
GROWTH = 0.02
RATING_KVA, ASKED_KVA = 500.0, 150.0
SEASONS = ("winter", "spring", "summer", "autumn")


def asset_year(seed: int = 0) -> xr.DataArray:
    """Return a year of a teatime load [kVA], 17,520 half hours."""
    rng = np.random.default_rng(seed)
    index = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
    hour = timebase.half_hour(index) / 2
    winter = np.cos(2 * np.pi * (index.day_of_year.to_numpy() - 15) / 365)
    shape = 220 + 160 * np.exp(-(((hour - 18) / 2.2) ** 2)) * (1 + 0.25 * winter)
    value = shape * rng.normal(1, 0.05, len(index))
    return xr.DataArray(value, {"time": timebase.naive_utc(index)}, ("time",))


def restricted_by_cells(load: xr.DataArray) -> np.ndarray:
    """Return headroom of (quantile, year, season, day type, half hour) from sorted cells."""
    cells = tcc.Cells.of(load)
    base = cells.quantile(np.array(QUANTILES))
    return np.stack(
        [
            [headroom(cells, RATING_KVA, grown(one, GROWTH, year), 0.0) for year in YEARS]
            for one in base
        ]
    )


def restricted_by_pandas(load: xr.DataArray) -> np.ndarray:
    """Return the same from a loop over quantiles and years."""
    index = timebase.utc_index(load["time"])
    days = np.where(timebase.day_type(index) == "weekday", "weekday", "weekend")
    frame = pd.DataFrame(
        {
            "kva": load.to_numpy(),
            "season": timebase.season(index),
            "day": days,
            "half_hour": timebase.half_hour(index),
        }
    )
    found = []
    for quantile in QUANTILES:
        for year in YEARS:
            frame["grown"] = frame["kva"] * (1 + GROWTH) ** year
            table = frame.groupby(["season", "day", "half_hour"])["grown"].quantile(quantile)
            found.append(RATING_KVA - table.loc[list(SEASONS)].to_numpy())
    return np.array(found).reshape(len(QUANTILES), len(YEARS), len(SEASONS), 2, 48)


def windows_by_step(load: xr.DataArray) -> None:
    """Derive the windows of every quantile and growth step from cells sorted once."""
    cells = tcc.Cells.of(load)
    for quantile in QUANTILES:
        for year in YEARS:
            tcc.windows_of(
                cells, RATING_KVA, ASKED_KVA, quantile=quantile, growth=GROWTH, years=year
            )


def median_ms(call, runs: int) -> float:
    """Return the median CPU time of a call [ms]."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        call()
        times.append(1000 * (time.process_time() - start))
    return float(np.median(times))


def main() -> None:
    load = asset_year()
    cells = tcc.Cells.of(load)
    np.testing.assert_allclose(restricted_by_cells(load), restricted_by_pandas(load), atol=1e-9)
    steps = len(QUANTILES) * len(YEARS)
    ours = median_ms(lambda: restricted_by_cells(load), 31)
    theirs = median_ms(lambda: restricted_by_pandas(load), 3)
    print(f"17,520 half hours, {len(QUANTILES)} quantiles x {len(YEARS)} years of growth = {steps}")
    print(f"headroom of every cell and step: {ours:.1f} ms, pandas loop {theirs:.0f} ms: "
          f"{theirs / ours:.0f} times as fast, same result")  # fmt: skip
    rows = {
        "sort a year into cells": lambda: tcc.Cells.of(load),
        "windows at one setting, cells sorted": lambda: tcc.windows_of(
            cells, RATING_KVA, ASKED_KVA
        ),
        "windows at one setting, from the load": lambda: tcc.derive_windows(
            load, RATING_KVA, ASKED_KVA
        ),
        f"windows at all {steps} settings, from the load": lambda: windows_by_step(load),
    }
    for name, call in rows.items():
        print(f"{name}: {median_ms(call, 15):.2f} ms")


if __name__ == "__main__":
    main()
