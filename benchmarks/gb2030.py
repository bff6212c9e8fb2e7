"""A year of 400,000 public chargepoints, GB 2030, at 5 min under equal sharing.

    python benchmarks/gb2030.py                  20,000 sites of 20 points
    python benchmarks/gb2030.py --sites 400      the same, less of it

Sites are streamed: a worker draws one site's year, charges it with `simulate`, adds it to the sums
of its chunk and forgets it, so that memory does not grow with the number of sites. Every site
draws its own sessions from its own seed, with the distributions of `workload.py` but a year at a
time instead of car by car. 60 arrivals a day on 20 points, three a point, is a busy site: cost
follows car-hours, so quieter sites cost less.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

import numba
import numpy as np
import pandas as pd
import workload as workloads

from scchelpers.charging import simulate

POINTS = 20
ARRIVALS = 60
DAYS = 365
CHUNK = 50  # sites
SEED = 2030
NAMES = pd.Index([f"{k:02d}" for k in range(POINTS)])
SESSION_IDS = pd.array([f"{k:06d}" for k in range(2 * ARRIVALS * DAYS)], dtype="str")
START_NS = workloads.START.as_unit("ns").value
SLOT_NS = workloads.SLOT.as_unit("ns").value


@numba.njit(cache=True)
def seat(arrival, departure, points, pick):
    """Return each car's chargepoint, at random among the free ones; -1 for a car refused."""
    free_from = np.full(points, -10)
    free = np.empty(points, np.int64)
    seats = np.full(len(arrival), -1)
    for k in range(len(arrival)):
        n = 0
        for point in range(points):
            if free_from[point] + 1 <= arrival[k]:
                free[n] = point
                n += 1
        if n and departure[k] - arrival[k] >= 3:
            seats[k] = free[int(pick[k] * n)]
            free_from[seats[k]] = departure[k]
    return seats


def draw_sessions(site: int) -> pd.DataFrame:
    """Return a year of sessions of one site."""
    rng = np.random.default_rng([SEED, site])
    day = np.repeat(np.arange(DAYS), rng.poisson(ARRIVALS, DAYS))
    count = len(day)
    weights = workloads.HOUR_WEIGHTS / workloads.HOUR_WEIGHTS.sum()
    hour = rng.choice(24, count, p=weights)
    arrival = np.sort(workloads.SLOTS_PER_DAY * day + 12 * hour + rng.integers(0, 12, count))
    stay = np.clip(rng.lognormal(np.log(30), 0.6, count), 4, 200).astype(np.int64)
    departure = np.minimum(arrival + stay, workloads.SLOTS_PER_DAY * DAYS - 2)
    fills_kwh = workloads.MAX_FILL * workloads.RATED_KW * (departure - arrival) / 12
    energy_kwh = np.minimum(rng.lognormal(np.log(11), 0.6, count), fills_kwh)
    seats = seat(arrival, departure, POINTS, rng.random(count))
    kept = seats >= 0
    return pd.DataFrame(
        {
            "session_id": SESSION_IDS[: kept.sum()],
            "evse_id": pd.Categorical.from_codes(seats[kept], NAMES),
            "plug_in": instants(arrival[kept]),
            "plug_out": instants(departure[kept]),
            "energy_kwh": np.minimum(energy_kwh[kept], workloads.MAX_KWH),
            "max_kw": workloads.RATED_KW,
        }
    )


def instants(slots: np.ndarray) -> pd.DatetimeIndex:
    """Return the start of each slot (UTC)."""
    return pd.DatetimeIndex((START_NS + SLOT_NS * slots).view("M8[ns]")).tz_localize("UTC")


def charge_sites(sites: range) -> tuple[Counter, np.ndarray]:
    """Return sums over some sites, and their power at each step [kW]."""
    limit_kw = workloads.limit(POINTS, DAYS)
    end = workloads.START + pd.Timedelta(days=DAYS)
    power_kw = np.zeros(workloads.SLOTS_PER_DAY * DAYS)
    sums = Counter()
    for site in sites:
        began = time.process_time()
        sessions = draw_sessions(site)
        drawn = time.process_time()
        result = simulate(sessions, limit_kw, sharing="equal", start=workloads.START, end=end)
        sums["simulating_s"] += time.process_time() - drawn
        sums["drawing_s"] += drawn - began
        sums["sessions"] += len(sessions)
        sums["asked_kwh"] += sessions["energy_kwh"].sum()
        sums["unserved_kwh"] += result.sessions["unserved_kwh"].sum()
        sums["short"] += int(result.short().sum())
        sums["slowed"] += int(result.slowed().sum())
        power_kw += result.power_kw.to_numpy()
    return sums, power_kw


def peak_mib() -> float:
    """Return the most memory that this process ever held [MiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_chunk(sites: range) -> tuple[Counter, np.ndarray, int, float]:
    """Return the sums and power of some sites, and which worker did it with how much memory."""
    return *charge_sites(sites), os.getpid(), peak_mib()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, default=20_000, help="sites of 20 points")
    parser.add_argument("--workers", type=int, default=2, help="processes, one a core")
    options = parser.parse_args()
    chunks = [
        range(first, min(first + CHUNK, options.sites)) for first in range(0, options.sites, CHUNK)
    ]
    charge_sites(range(1))  # compiled before the clock runs
    began = time.perf_counter()
    sums, memory_mib, line = Counter(), {}, []
    power_kw = 0.0
    done = 0
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(run_chunk, chunk): len(chunk) for chunk in chunks}
        for future in as_completed(list(futures)):
            part, part_kw, worker, mib = future.result()
            sums.update(part)
            power_kw = power_kw + part_kw
            memory_mib[worker] = mib
            done += futures.pop(future)
            cpu_s = sums["simulating_s"] + sums["drawing_s"]
            line.append((done, time.perf_counter() - began, cpu_s))
            print(f"\r{done:,} of {options.sites:,} sites", end="", file=sys.stderr)
    report(options, sums, power_kw, line, memory_mib)


def report(options, sums: Counter, power_kw: np.ndarray, line: list, memory_mib: dict) -> None:
    sites, wall_s, cpu_s = np.array(line).T
    slope, start = np.polyfit(sites, cpu_s, 1)
    off = np.abs(cpu_s - (start + slope * sites)).max()
    total_mib = peak_mib() + sum(memory_mib.values())
    rows = [
        ("sites, chargepoints", f"{options.sites:,}, {options.sites * POINTS:,}"),
        ("sessions", f"{sums['sessions']:,}"),
        ("site-steps", f"{options.sites * len(power_kw):,}"),
        ("wall time", f"{wall_s[-1]:.0f} s on {options.workers} workers"),
        ("CPU, simulating", f"{sums['simulating_s']:.0f} s"),
        ("CPU, drawing the sessions", f"{sums['drawing_s']:.0f} s"),
        ("a site-year, simulating", f"{1e3 * sums['simulating_s'] / options.sites:.1f} ms CPU"),
        ("CPU over sites", f"{start:.1f} s + {1e3 * slope:.2f} ms a site, ± {off:.1f} s"),
        ("peak memory, all processes", f"{total_mib:.0f} MiB"),
        ("asked", f"{sums['asked_kwh'] / 1e6:,.2f} GWh"),
        ("unserved", f"{100 * sums['unserved_kwh'] / sums['asked_kwh']:.2f} %"),
        ("short, slowed sessions", f"{sums['short']:,}, {sums['slowed']:,}"),
        ("peak of all sites", f"{power_kw.max() / 1e6:.3f} GW"),
    ]
    print("\n| | |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")
    print("\n| sites | wall s | CPU s |\n|---|---|---|")
    for k in np.unique(np.linspace(0, len(line) - 1, 11).astype(int)):
        print(f"| {line[k][0]:,} | {line[k][1]:.1f} | {line[k][2]:.1f} |")


if __name__ == "__main__":
    main()
