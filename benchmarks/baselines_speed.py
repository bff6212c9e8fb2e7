"""Baselines: speed of the rules, and speed and errors beside OpenDSM's hourly model.

    python benchmarks/baselines_speed.py FOLDER [--dispatches CSV]

FOLDER is an imported portfolio with two years on record, such as Perth & Kinross. OpenDSM is fitted
to one year and foretells the next; the rules see what was metered before each event of the next
year. OpenDSM lives in an environment of its own, made by `peers.environment` on first use (1.2 GB).
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import peers

from scchelpers import baselines, diversity
from scchelpers.baselines.days import Days
from scchelpers.portfolio import Portfolio, dispatches
from scchelpers.timebase import from_clock

YEAR = pd.Timedelta("364D")  # whole weeks
FIFTEEN = [
    name for name in baselines.RULES if baselines.RULES[name].kind in ("history", "same_day")
][:15]
JUDGED = ("bl01", "bl01_additive", "caiso", "pjm_additive", "high_5_of_10", "mbma")
REPEATS = 21
SUM = "all summed"


def cpu_s(call) -> float:
    """Return the median CPU time [s] of a call."""
    spent = []
    for _ in range(REPEATS):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return statistics.median(spent)


def rules_speed() -> float:
    """Print what fifteen rules cost on a site-year; return the seconds of every half hour."""
    rng = np.random.default_rng(0)
    days = Days(rng.gamma(1.0, 10.0, (365, 48)), pd.Timestamp("2025-01-01"))
    whole, evening = (
        baselines.schedule(days, start, hours, on="all")
        for start, hours in (("00:00", 24), ("17:00", 3))
    )
    per_half_hour = pd.concat(
        [
            baselines.schedule(days, f"{k // 2:02d}:{k % 2 * 30:02d}", 0.5, on="all")
            for k in range(48)
        ]
    ).reset_index(drop=True)
    print("| 15 rules on a site-year | events | CPU ms |\n|---|---|---|")
    seconds = {}
    for name, events in (
        ("whole days, every half hour", whole),
        ("17:00 to 20:00, every day", evening),
        ("every half hour as an event of its own", per_half_hour),
    ):
        seconds[name] = cpu_s(lambda events=events: baselines.estimate_all(days, events, FIFTEEN))
        print(f"| {name} | {len(events):,} | {1e3 * seconds[name]:.2f} |", flush=True)
    return seconds["whole days, every half hour"]


def hourly(days: Days, first: pd.Timestamp) -> dict:
    """Return a year of hourly energy [kWh] by UTC time, without the hours of clock changes."""
    rows = (days.dates >= first) & (days.dates < first + YEAR)
    kwh = days.kw[rows].reshape(-1, 2).mean(axis=1)
    naive = pd.date_range(first, periods=len(kwh), freq="h")
    utc, doubt = from_clock(naive, days.timezone)
    known = (doubt == "") & np.isfinite(kwh)
    return {
        "tz": days.timezone,
        "time": [when.isoformat() for when in utc[known]],
        "kwh": kwh[known].tolist(),
    }


def opendsm(series: dict) -> dict:
    """Run the peer on all series."""
    python = peers.environment("opendsm")
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "series.json", Path(scratch) / "results.json"
        source.write_text(json.dumps(series))
        script = Path(__file__).with_name("peer_opendsm.py")
        subprocess.run([python, script, source, target], check=True, env=one_thread)
        return json.loads(target.read_text())


def predicted(days: Days, found: dict, series: dict) -> Days:
    """Return a peer's prediction laid out as days."""
    utc = pd.DatetimeIndex(pd.to_datetime(series["time"], utc=True))
    local = utc.tz_convert(days.timezone).tz_localize(None)
    kw = np.full(days.kw.size, np.nan)
    slot = ((local - days.first) / pd.Timedelta("30min")).to_numpy().astype(int)
    kw[slot] = kw[slot + 1] = np.maximum(found["kwh"], 0.0)
    return days.with_kw(kw.reshape(days.kw.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--dispatches", help="CSV of dispatches; else 17:00 to 20:00, working days")
    given = parser.parse_args()
    ours_s = rules_speed()

    records, series = {}, {}
    portfolio = Portfolio.open(given.folder)
    for site_id in portfolio.site_ids:
        site = portfolio.site(site_id)
        power_kw = diversity.demand(site).sum("evse", min_count=1)
        days = baselines.by_day(power_kw, timezone=site.timezone)
        first = days.dates[-1] - 2 * YEAR + pd.Timedelta("1D")
        if len(days) >= 730 and np.isfinite(days.kw[days.dates >= first]).mean() > 0.99:
            records[site_id] = days
            series[site_id] = {"train": hourly(days, first), "test": hourly(days, first + YEAR)}
    layout, kw = baselines.shared(list(records.values()), 700)
    records[SUM] = layout.with_kw(np.sum(kw, axis=0))
    first = layout.dates[-1] - 2 * YEAR + pd.Timedelta("1D")
    series[SUM] = {
        "train": hourly(records[SUM], first),
        "test": hourly(records[SUM], first + YEAR),
    }
    results = opendsm(series)

    rows, spent = {}, []
    for site_id, days in records.items():
        events = baselines.schedule(days)
        if given.dispatches:
            asked = dispatches.read(given.dispatches)
            events = baselines.at_dispatches(days, asked[asked["kind"] == "utilisation"])
        events = events[events["day"] > days.dates[-1] - YEAR].reset_index(drop=True)
        told = {
            name: found.baseline_kw
            for name, found in baselines.estimate_all(days, events, list(JUDGED)).items()
        }
        peer = results["sites"][site_id]
        for name, found in peer.items():
            if "kwh" in found:
                spent.append(found["cpu_s"])
                told[f"OpenDSM, {name}"] = baselines.actual(
                    predicted(days, found, series[site_id]["test"]), events
                )
        kw = baselines.actual(days, events)
        known = np.isfinite(kw).any(axis=1) & np.all(
            [np.isfinite(b).any(axis=1) for b in told.values()], axis=0
        )
        scores = {name: baselines.score(kw[known], b[known]) for name, b in told.items()}
        rows[site_id] = pd.DataFrame(scores).T[["rrmse", "bias", "wape", "zero_share", "events"]]
    table = pd.concat(rows)
    runs = [found for peer in results["sites"].values() for found in peer.values()]
    faults = sum("fault" in found for found in runs)
    eased = sum(found.get("alpha", 0.0139) < 0.0139 for found in runs)
    print(
        f"\nOpenDSM {results['version']}, {len(runs)} runs: {eased} crashed with the default "
        f"penalty and ran with a smaller one, {faults} crashed with all"
    )
    ran = [site for site in records if "OpenDSM, zeros_kept" in table.loc[site].index]
    print(
        f"| median of the {len(ran)} series that OpenDSM can do | RRMSE "
        "| ÷ OpenDSM's, site by site | bias | sites summed: RRMSE |\n" + "|---" * 5 + "|"
    )
    error = table["rrmse"].unstack().loc[ran]  # noqa: PD010
    ratio = error.div(error["OpenDSM, zeros_kept"], axis=0)
    bias = table["bias"].unstack().loc[ran]  # noqa: PD010
    for name in error.median().sort_values().index:
        print(
            f"| {name} | {error[name].median():.2f} | {ratio[name].median():.2f} "
            f"| {bias[name].median():+.2f} | {error.loc[SUM].get(name, np.nan):.2f} |"
        )
    peer_s = statistics.median(spent)
    print(
        f"\nfit and predict a site-year: OpenDSM {peer_s:.2f} s CPU; 15 rules, every half hour of "
        f"a site-year: {1e3 * ours_s:.2f} ms; ratio {peer_s / ours_s:,.0f}"
    )


if __name__ == "__main__":
    main()
