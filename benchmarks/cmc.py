"""Setpoints of a CMC on a network of 130 nodes for a year: speed, and agreement with pandapower.

    python benchmarks/cmc.py              the tables, a few minutes
    python benchmarks/cmc.py --golden     renew tests/golden/pandapower.json instead

pandapower runs in an environment of its own, see `peers.py`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from peers import HERE, environment

sys.path.insert(0, str(HERE.parent))
from scchelpers.network import cmc, specified_kva
from scchelpers.network.cmc import Intervals
from scchelpers.network.powerflow import PowerFlow
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.network import Network
from tests import networks
from tests import oracle_cmc as oracle

GOLDEN = HERE.parent / "tests" / "golden" / "pandapower.json"
STEPS = 35_040  # a year of quarter hours
PEER_STEPS = 2_976  # of which pandapower solves a month
FEEDERS, LENGTH = 4, 32
# Feeder and position of each site, and what it asks for [kW], in order of application.
SITES = ((0, 20, 900.0), (1, 28, 700.0), (0, 30, 1200.0), (2, 10, 800.0), (3, 24, 1000.0))
CASES = (
    {"network": "street", "node": 4, "kw": 60.0, "scale": 1.0},
    {"network": "street", "node": 3, "kw": -90.0, "scale": 0.6},
    {"network": "ring", "node": 3, "kw": 800.0, "scale": 1.0},
    {"network": "northgate-primary", "node": 8, "kw": 500.0, "scale": 0.9},
    {"network": "northgate-primary", "node": 13, "kw": 370.0, "scale": 0.4},
)


def feeders(rng: np.random.Generator) -> Network:
    """Return 130 nodes: a primary and four feeders whose ends are tied in pairs."""
    last = FEEDERS * LENGTH + 2
    node = lambda feeder, part: 3 + feeder * LENGTH + part  # noqa: E731
    lines, number = [], 1000
    ends = [(node(0, LENGTH - 1), node(1, LENGTH - 1)), (node(2, LENGTH - 1), node(3, LENGTH - 1))]
    for feeder in range(FEEDERS):
        ends += [
            (2 if part == 0 else node(feeder, part - 1), node(feeder, part))
            for part in range(LENGTH)
        ]
    for pair in ends:
        number += 1
        km = rng.uniform(0.15, 0.45)
        lines.append(networks.line(number, pair, 0.21 * km, 0.10 * km, 290.0, c1=0.36e-6 * km))
    kw = rng.uniform(60, 220, last - 2)
    return networks.network(
        "feeders",
        node=[
            networks.node(1, 33_000.0),
            *(networks.node(n, 11_000.0) for n in range(2, last + 1)),
        ],
        source=[networks.source(1, 1.02)],
        transformer=[
            networks.transformer(
                900, (1, 2), 24_000, 33_000.0, 11_000.0, uk=0.12, pk=110e3, i0=0.002, p0=15e3
            )
        ],
        line=lines,
        sym_load=[
            networks.load(2000 + n, n, 1e3 * kw[n - 3], 0.25e3 * kw[n - 3])
            for n in range(3, last + 1)
        ],
    )


def year(network: Network, rng: np.random.Generator) -> xr.DataArray:
    """Return a load of every node [kVA]: day, week and year, each with its own noise."""
    times = pd.date_range("2026-01-01", periods=STEPS, freq="15min")
    hour = (times.hour + times.minute / 60).to_numpy()
    day = (
        0.45
        + 0.35 * np.exp(-(((hour - 17.75) / 2.2) ** 2))
        + 0.2 * np.exp(-(((hour - 9) / 3) ** 2))
    )
    season = 0.85 + 0.15 * np.cos(2 * np.pi * times.day_of_year.to_numpy() / 365)
    specified = np.abs(specified_kva(network))
    noise = rng.lognormal(0, 0.15, (STEPS, len(specified)))
    values = (day * season)[:, None] * noise * specified.to_numpy()
    return xr.DataArray(values, {"time": times.to_numpy(), "load": specified.index.to_numpy()})


def run_peer(task: dict) -> dict:
    """Return what pandapower makes of a task."""
    with tempfile.TemporaryDirectory() as scratch:
        given, found = Path(scratch) / "task.json", Path(scratch) / "results.json"
        given.write_text(json.dumps(task))
        subprocess.run(
            [environment("pandapower"), HERE / "peer_pandapower.py", given, found], check=True
        )
        return json.loads(found.read_text())


def as_data(network: Network) -> dict:
    """Return a network as the lists of a power-grid-model document."""
    return {
        kind: [
            {name: row[name].item() for name in rows.dtype.names if row[name] == row[name]}
            for row in rows
        ]
        for kind, rows in network.components.items()
    }


def write_golden() -> None:
    """Write pandapower's loadings of the test cases, so that tests need not have pandapower."""
    given = {name: getattr(networks, name)() for name in ("street", "ring")}
    given["northgate-primary"] = Portfolio.open(HERE.parent / "data" / "demo").network(
        "northgate-primary"
    )
    cases = [case | {"power_factor": 0.98} for case in CASES]
    task = {"networks": {name: as_data(network) for name, network in given.items()}, "cases": cases}
    results = run_peer(task)
    golden = {"made_by": "python benchmarks/cmc.py --golden", **results}
    aside = GOLDEN.with_suffix(".tmp")
    aside.write_text(json.dumps(golden, indent=1) + "\n")
    aside.replace(GOLDEN)
    print(f"wrote {GOLDEN}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--golden", action="store_true", help="renew tests/golden/pandapower.json")
    if parser.parse_args().golden:
        write_golden()
        return
    rng = np.random.default_rng(1)
    network = feeders(rng)
    base_kva = year(network, rng)
    sites = pd.DataFrame(
        {
            "network_node": [3 + feeder * LENGTH + part for feeder, part, _ in SITES],
            "power_factor": 0.98,
            "applied_on": pd.date_range("2022-01-01", periods=len(SITES), freq="90D"),
        },
        index=pd.Index([f"site-{n}" for n in range(1, len(SITES) + 1)], name="site_id"),
    )
    requested_kw = xr.DataArray([kw for *_, kw in SITES], {"site": sites.index.to_numpy()})
    found = speed(network, base_kva, sites, requested_kw)
    accuracy(network, base_kva, sites, requested_kw, found)


def speed(network, base_kva, sites, requested_kw) -> xr.Dataset:
    """Print what a year costs here, and what pandapower's time series costs."""
    cmc.setpoints(network, base_kva[:96], sites, requested_kw)  # compiled before the clock runs
    began, cpu = time.perf_counter(), time.process_time()
    found = cmc.setpoints(network, base_kva, sites, requested_kw)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    short = int((found["loading_full"] > 1).any("branch").sum())
    solved = int(2 * STEPS + short + found["corrections"].sum())

    flow = PowerFlow(network, sites["network_node"][:0], sites["power_factor"][:0], False)
    case = Intervals.of(network, base_kva, sites[:0], requested_kw[:0], 1.0, False)
    part = slice(0, PEER_STEPS)
    began, cpu = time.perf_counter(), time.process_time()
    ours = flow.solve(case.scale[part], np.zeros((PEER_STEPS, 0)), case.times[part])
    single_s, single_cpu_s = time.perf_counter() - began, time.process_time() - cpu
    loads = network.table("sym_load")
    with tempfile.TemporaryDirectory() as scratch:
        file = str(Path(scratch) / "powers.npz")
        scale = case.scale[part]
        p, q = (scale * loads[name] / 1e6 for name in ("p_specified", "q_specified"))
        np.savez(file, p_mw=p, q_mvar=q)
        series = {"network": "feeders", "file": file}
        peer = run_peer({"networks": {"feeders": as_data(network)}, "cases": [], "series": series})
    theirs = peer["series"]
    lines = len(network.table("line"))
    mine = np.abs(ours.loading[-1])
    apart = np.abs(
        np.concatenate([mine[:lines].max(axis=1), mine[lines:, 0]]) - theirs["last_loading"]
    ).max()
    rows = (
        (f"CMC of {len(sites)} sites, LIFO", STEPS, solved, wall_s, cpu_s),
        ("one batch here", PEER_STEPS, PEER_STEPS, single_s, single_cpu_s),
        ("pandapower run_timeseries", PEER_STEPS, PEER_STEPS, theirs["wall_s"], theirs["cpu_s"]),
    )
    print("| what | intervals | power flows | wall s | CPU s | power flows / CPU s |")
    print("|---|---|---|---|---|---|")
    for what, intervals, flows, wall, cpu in rows:
        print(
            f"| {what} | {intervals:,} | {flows:,} | {wall:.2f} | {cpu:.2f} | {flows / cpu:,.0f} |"
        )
    years = STEPS / PEER_STEPS
    print(
        f"\nShort intervals: {short:,}. Loadings of the last interval apart by {apart:.1e}. "
        f"run_timeseries ÷ batch: {theirs['wall_s'] / single_s:,.0f} (CPU "
        f"{theirs['cpu_s'] / single_cpu_s:,.0f}); a year of run_timeseries, one power flow an "
        f"interval, ÷ our year of control: {years * theirs['wall_s'] / wall_s:,.0f} (CPU "
        f"{years * theirs['cpu_s'] / cpu_s:,.0f})."
    )
    return found


def accuracy(network, base_kva, sites, requested_kw, found) -> None:
    """Print how far setpoints are from bisection in a sample of short intervals."""
    rng = np.random.default_rng(2)
    short = np.flatnonzero((found["loading_full"] > 1).any("branch"))
    chosen = np.sort(rng.choice(short, min(100, len(short)), replace=False))
    sample = base_kva.isel(time=chosen)
    print("\n| rule | cut kWh | exact kWh | apart | highest loading | corrections |")
    print("|---|---|---|---|---|---|")
    for rule, tier in (("lifo", np.arange(len(sites))), ("pro-rata", np.zeros(len(sites), int))):
        ours = cmc.setpoints(network, sample, sites, requested_kw, rule)
        case = Intervals.of(network, sample, sites, requested_kw, 1.0, False)
        exact_kw = oracle.exact(case, oracle.sees(case), tier)
        cut = (requested_kw - ours["limit_kw"]).sum().item() / 4
        true = (case.requested_kw - exact_kw).sum() / 4
        print(
            f"| {rule} | {cut:,.1f} | {true:,.1f} | {100 * (cut / true - 1):+.4f} % "
            f"| {100 * ours['loading'].max().item():.3f} % "
            f"| {ours['corrections'].mean().item():.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
