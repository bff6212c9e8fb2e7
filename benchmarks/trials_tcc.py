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

from scchelpers import importers, tcc, years

FEEDERS = {"staplegrove": ("*staplegrove*", {"unit": "MW"}), "mousehole": ("MW_Mousehole*", {})}
POWER_FACTOR = 0.95
ROOM, ASKED = 0.08, 0.25  # rating above the highest load, and request, as shares of that load
GROWTH = 0.02
TOLERATED_H = 10.0


def feeder(folder: Path, name: str) -> xr.DataArray:
    """Return the load of a feeder [kVA], half hours on straight lines missing."""
    pattern, options = FEEDERS[name]
    files = sorted(folder.glob(pattern))
    found = importers.read("loads", files, series=name, power_factor=POWER_FACTOR, **options)
    return found.loads["network_kva", name]["network_kva"]


def trial(load: xr.DataArray, quantile: float = 0.99) -> dict:
    """Return windows of the first year, breaches in it, held out and after, and what is stated."""
    start = load["time"].to_numpy()[0]
    first = load.sel(time=slice(None, start + np.timedelta64(365, "D") - np.timedelta64(30, "m")))
    peak_kva = float(first.max())
    rating_kva, asked_kva = (1 + ROOM) * peak_kva, ASKED * peak_kva
    second = load.sel(time=slice(first["time"].to_numpy()[-1] + np.timedelta64(30, "m"), None))
    rules = {"quantile": quantile}
    windows = tcc.derive_windows(first, rating_kva, asked_kva, **rules)
    on = tcc.constrained(first, rating_kva, asked_kva)
    measured = tcc.consistency(on, windows, asked_kva)
    limits = {
        "in sample": tcc.limit_kva(windows, first["time"], asked_kva),
        "held out": tcc.unseen_limit_kva(first, rating_kva, asked_kva, **rules),
        "year after": tcc.limit_kva(windows, second["time"], asked_kva),
    }
    loads = {"in sample": first, "held out": first, "year after": second}
    added_h, own_h = years.added_over_h(
        first, rating_kva, limits["held out"], growth=(1 + GROWTH) ** np.arange(6)
    )
    return {
        "rating_kva": rating_kva,
        "asked_kva": asked_kva,
        "windows": windows,
        "verdict": tcc.verdict(windows, measured, asked_kva, 0.0),
        "measured": measured,
        "added_h": np.quantile(added_h[0], [0.05, 0.5, 0.95]),
        "own_h": np.quantile(own_h[0], [0.05, 0.5, 0.95]),
        "kept": (added_h <= TOLERATED_H).mean(axis=1),
    } | {
        name: tcc.breaches(tcc.excess(loads[name], rating_kva, limit))
        for name, limit in limits.items()
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
            cases = {name: found[name] for name in ("in sample", "held out", "year after")}
            print(pd.DataFrame(cases).round(1).to_string())
            print(f"hours a year that the site adds: {found['added_h'].round(1)}; alone above: "
                  f"{found['own_h'].round(1)}; within {TOLERATED_H:g} h by year, load growing "
                  f"{GROWTH:.0%}: {found['kept'].round(2)}")  # fmt: skip


if __name__ == "__main__":
    main()
