"""Trials of a dynamic CLM on measured loads: premium by response time, and what half hours hide.

Run as `python benchmarks/trials_clm.py HOMES FEEDERS` on portfolios that `scc import loads`
made: 1-minute homes (`-o of=site -o zero_gaps=true -o clip=6000`) and half-hourly feeders with
their highest minute. From the homes a building is *composed*: each of its flats takes, week by
week, a whole week of one of the homes that is known throughout, moved by up to an hour. It is no
measured building. The capacity is twice the highest load, so
that charging may take as much as all else at the worst moment.
"""

import argparse

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm
from scchelpers.portfolio import Portfolio

WEEK_MIN = 10_080
LATENCIES = ("5s", "30s", "1min", "2min", "5min", "15min", "30min")
TOLERATED_H = 1.0
LATENCY = "30s"


def known_weeks(load: xr.DataArray) -> np.ndarray:
    """Return the weeks from Monday of a 1-minute load that are known throughout [kW]."""
    time = load.get_index("time")
    first = int(np.argmax((time.day_of_week == 0) & (time.hour == 0) & (time.minute == 0)))
    values = load.to_numpy()[first:].astype(float)
    weeks = values[: len(values) // WEEK_MIN * WEEK_MIN].reshape(-1, WEEK_MIN)
    return weeks[np.isfinite(weeks).all(axis=1)]


def composed(weeks: np.ndarray, flats: int, length: int, seed: int = 0) -> xr.DataArray:
    """Return the load of a building of so many flats over so many weeks [kW]."""
    rng = np.random.default_rng(seed)
    total = np.zeros((length, WEEK_MIN))
    for week in total:
        # Moved by up to an hour, so that flats that draw the same week do not switch as one.
        owners, shifts = rng.integers(0, len(weeks), flats), rng.integers(-60, 61, flats)
        for own, shift in zip(owners, shifts, strict=True):
            week += np.roll(weeks[own], shift)
    total = total.ravel()
    time = pd.date_range("2026-01-05", periods=len(total), freq="1min")
    return xr.DataArray(total, {"time": time}, ("time",), "residual_kw", {"units": "kW"})


def trial(name: str, load: xr.DataArray) -> None:
    """Print the premium by response time and what coarser data would have missed."""
    supply = {"dsc_kva": 2 * float(load.max()), "power_factor": 1.0}
    highest, mean = float(load.max()), float(load.mean())
    print(f"\n{name}: {load.sizes['time']:,} minutes, mean {mean:.2f} kW, highest {highest:.2f} kW")
    premium = clm.premium(load, **supply, latencies=LATENCIES, tolerated_h=TOLERATED_H)
    columns = ["margin_kw", "premium_kw", "premium_share", "events", "worst_kw"]
    print(premium[columns].round(3).to_string())
    risk = {"latency": LATENCY, "tolerated_h": TOLERATED_H}
    print(f"a response of {LATENCY}, studied with means of each step [min]")
    print(clm.granularity(load, **supply, **risk).round(3).to_string())


def feeder(name: str, series: xr.Dataset) -> None:
    """Print how far single minutes rise above half-hourly means, and how many half hours exceed.

    A CLM that knew each half-hourly mean in advance, with the margin that half-hourly data suggest.
    """
    mean, top = series["network_kva"], series["network_max_kva"]
    both = np.isfinite(mean) & np.isfinite(top)
    mean, top = mean.where(both), top.where(both)
    peak = float(mean.max())
    supply = {"dsc_kva": 2 * peak, "power_factor": 1.0}
    print(f"\n{name}: {int(both.sum()):,} half hours with a highest minute, peak {peak:,.0f} kVA")
    premium = clm.premium(mean, **supply, latencies=["5min", "15min", "30min"], tolerated_h=1.0)
    print(premium[["margin_kw", "premium_share", "events"]].round(3).to_string())
    inside = (top - mean).to_series().quantile([0.5, 0.95, 0.99, 0.999, 1.0])
    print("highest minute above its half hour's mean\n", inside.round(1).to_string())
    margin = clm.required_margin(mean, **supply, latency=LATENCY, tolerated_h=TOLERATED_H)
    for held in (0.0, margin):
        above = int((top - mean > held + 1e-3).sum())
        print(
            f"half hours with a minute above the limit set from their mean less {held:.0f} kW: "
            f"{above:,} ({above / int(both.sum()):.2%}); half-hourly means show none of them"
        )
    safe = float(np.nanquantile(top - mean, 1 - TOLERATED_H / 8766))
    print(f"margin that leaves one half hour in 8,766 with such a minute: {safe:.0f} kW")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("homes", help="portfolio with 1-minute site loads")
    parser.add_argument("feeders", help="portfolio with half-hourly asset loads and their extremes")
    parser.add_argument("--flats", type=int, default=30)
    parser.add_argument("--weeks", type=int, default=52)
    given = parser.parse_args()
    homes = Portfolio.open(given.homes)
    weeks = []
    for home in homes.series("residual_kw"):
        load = homes.loads("residual_kw", home)["residual_kw"].load()
        weeks.append(known_weeks(load))
        missing = 1 - float(np.isfinite(load).mean())
        print(f"{home}: {len(weeks[-1])} whole weeks known, {missing:.1%} missing")
        trial(f"home {home}", load)
    building = composed(np.concatenate(weeks), given.flats, given.weeks)
    trial(f"composed building of {given.flats} flats", building)
    feeders = Portfolio.open(given.feeders)
    for asset_id in feeders.series("network_kva"):
        feeder(asset_id, feeders.loads("network_kva", asset_id).load())


if __name__ == "__main__":
    main()
