"""Trials of TCC windows on measured feeders: derived on the first year, judged on the second.

Run as `python benchmarks/trials_tcc.py FOLDER` on the folder of the WPD feeders. The rating is set
so that the winter peak is constrained: a little above the first year's highest load, with a request
well above what that leaves. All is kVA at a power factor of 0.95; no margin is kept.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import importers, tcc

FEEDERS = {"staplegrove": ("*staplegrove*", {"unit": "MW"}), "mousehole": ("MW_Mousehole*", {})}
POWER_FACTOR = 0.95
ROOM, ASKED = 0.08, 0.25  # rating above the highest load, and request, as shares of that load
GROWTH = 0.02


def feeder(folder: Path, name: str) -> xr.DataArray:
    """Return the load of a feeder [kVA], half hours on straight lines missing."""
    pattern, options = FEEDERS[name]
    files = sorted(folder.glob(pattern))
    found = importers.read("loads", files, series=name, power_factor=POWER_FACTOR, **options)
    return found.loads["network_kva", name]["network_kva"]


def trial(load: xr.DataArray, quantile: float = 0.99) -> dict:
    """Return windows of the first year, breaches in and out of it, and the year they fail."""
    start = load["time"].to_numpy()[0]
    first = load.sel(time=slice(None, start + np.timedelta64(365, "D") - np.timedelta64(30, "m")))
    peak_kva = float(first.max())
    rating_kva, asked_kva = (1 + ROOM) * peak_kva, ASKED * peak_kva
    cells = tcc.Cells.of(first)
    windows = tcc.windows_of(cells, rating_kva, asked_kva, quantile=quantile)
    on = tcc.constrained(first, rating_kva, asked_kva)
    measured = tcc.consistency(on, windows, asked_kva)
    firm_kva = tcc.firm_capacity(rating_kva - cells.quantile(quantile))
    within = tcc.excess(first, rating_kva, tcc.limit_kva(windows, first["time"], asked_kva))
    beyond = tcc.out_of_sample(load, rating_kva, asked_kva, quantiles=(quantile,))[0]
    protected = tcc.protection(cells, rating_kva, asked_kva, windows, growth=GROWTH)
    return {
        "rating_kva": rating_kva,
        "asked_kva": asked_kva,
        "windows": windows,
        "verdict": tcc.verdict(windows, measured, asked_kva, firm_kva),
        "measured": measured,
        "in sample": tcc.breaches(within),
        "out of sample": tcc.breaches(beyond),
        "interval": tcc.bootstrap(beyond),
        "growth year": tcc.last_year(protected),
        "margin_kva": protected["margin_kva"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the WPD feeders")
    folder = parser.parse_args().folder
    for name in FEEDERS:
        load = feeder(folder, name)
        for quantile in (0.95, 0.99, 1.0):
            found = trial(load, quantile)
            print(
                f"\n{name}, quantile {quantile:g}: rating {found['rating_kva']:.0f} kVA, request "
                f"{found['asked_kva']:.0f} kVA: {found['verdict'].verdict}"
            )
            print(found["windows"].drop(columns=["months"]).to_string(index=False))
            print(found["measured"].round(3).to_dict())
            cases = {name: found[name] for name in ("in sample", "out of sample")}
            print(pd.DataFrame(cases).join(found["interval"]).round(1).to_string())
            print(f"growth of {GROWTH:.0%} a year: protection ends in year {found['growth year']}")


if __name__ == "__main__":
    main()
