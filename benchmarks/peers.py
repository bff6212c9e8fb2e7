"""Agreement and speed against ACN-Sim and py-elvis on the same sessions.

    python benchmarks/peers.py              both tables, about two minutes
    python benchmarks/peers.py --golden     renew tests/golden/acnsim.json instead

Each peer lives in its own virtual environment, made here with fixed versions under
`benchmarks/.peers/` (git ignores it); neither is a dependency of the project. Exit status 1 says
that a peer disagrees by more than the goal.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from unittest.mock import patch

import numpy as np
import workload as workloads

from scchelpers.charging import ChargingResult, kernel, simulate

HERE = Path(__file__).parent
CACHE = HERE / ".peers"
GOLDEN = HERE.parent / "tests" / "golden" / "acnsim.json"
PINS = {
    "acnsim": ("acnportal==0.3.3", "numpy==2.4.6", "pandas==3.1.1"),
    "elvis": (
        "py-elvis==0.2.1",
        "numpy==1.26.4",
        "pandas==1.5.3",
        "networkx==3.6.1",
        "matplotlib==3.11.2",
        "PyYAML==6.0.3",
        "scikit-learn==1.9.1",
    ),
    "pandapower": (
        "pandapower==3.5.6",
        "numpy==2.4.6",
        "pandas==2.3.3",
        "scipy==1.17.1",
        "numba==0.68.1",
    ),
    "opendsm": ("opendsm==1.2.7", "multimethod==1.12", "numpy==2.4.6", "pandas==2.3.3"),
}
SMALL = (20, 60, 7)  # chargepoints, arrivals a day, days
HEADLINE = (20, 60, 30)
REPEATS = 3  # of a peer's run; ours is quick enough for more
OWN_REPEATS = 31
# Our rule of each peer's, and the goal: difference of the total [%], of the worst session [kWh].
ACNSIM = {
    "none": (None, 0.002, 0.004),
    "fcfs": ("fcfs", 0.002, 0.004),
    "edf": ("edf", 0.002, 0.004),
    "llf": ("llf", 0.002, None),  # near-ties in laxity move single sessions
}
ROUND_ROBIN = {"round_robin": ("equal", 0.05, None)}
ELVIS = {
    "none": (None, 0.002, 0.004),
    "fcfs": ("edf", None, None),  # its name for earliest departure first; ties in no fixed order
    "df": ("equal", None, None),  # shares by rotation in time: another rule
}


def environment(peer: str) -> Path:
    """Return the interpreter of a peer's environment, made first if its pins are not in it."""
    folder, pins = CACHE / peer, "\n".join(PINS[peer])
    python, stamp = folder / "bin" / "python", folder / "pins.txt"
    if not stamp.exists() or stamp.read_text() != pins:
        print(f"making the environment of {peer} …", file=sys.stderr)
        CACHE.mkdir(exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS[peer]], check=True)
        stamp.write_text(pins)
    return python


def limit_by_slot(n: int, days: int) -> list[float]:
    """Return the workload's limit [kW] at every slot."""
    edges = workloads.START.tz_localize(None) + workloads.SLOT * np.arange(288 * days)
    return workloads.limit(n, days).sel(time=edges, method="ffill").values.tolist()


def run_peer(peer: str, size: tuple[int, int, int], rules) -> dict:
    """Return versions, and per rule CPU seconds and the energy of every session [kWh]."""
    n, r, days = size
    sessions = workloads.make_workload(n, r, days)
    given = {
        "points": n,
        "minutes": 5,
        "limit_kw": limit_by_slot(n, days),
        **{name: sessions[name].tolist() for name in sessions if name != "refused"},
    }
    python = environment(peer)
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch) / "workload.json", Path(scratch) / "results.json"
        source.write_text(json.dumps(given))
        script = HERE / f"peer_{peer}.py"
        subprocess.run([python, script, source, target, *rules], check=True, env=one_thread)
        return json.loads(target.read_text())


class Own:
    """Our engine on a workload: energies, and CPU of the whole call and of the kernel in it."""

    def __init__(self, size: tuple[int, int, int]) -> None:
        n, r, days = size
        self.sessions = workloads.sessions_frame(workloads.make_workload(n, r, days))
        self.limit_kw = workloads.limit(n, days)

    def simulate(self, rule: str | None, **options):
        if rule is None:
            return simulate(self.sessions, **options)
        return simulate(self.sessions, self.limit_kw, sharing=rule, **options)

    def cpu_s(self, rule: str | None, **options) -> tuple[float, float]:
        """Return medians [s] of the whole call, and of the compiled kernel alone."""
        whole, inside = [], []
        charge = kernel.charge

        def timed(*arguments):
            began = time.process_time()
            charge(*arguments)
            inside.append(time.process_time() - began)

        with patch.object(kernel, "charge", timed):
            for _ in range(OWN_REPEATS):
                began = time.process_time()
                read_out(self.simulate(rule, **options))
                whole.append(time.process_time() - began)
        return statistics.median(whole), statistics.median(inside)


def read_out(result: ChargingResult) -> None:
    """Have a result build the tables that it builds only when asked."""
    for name in ("sessions", "intervals"):
        getattr(result, name)


def agreement(peer: str, size: tuple[int, int, int], rules: dict, results: dict) -> bool:
    """Print a table row for each rule; return whether every goal is met."""
    own = Own(size)
    met = True
    for rule, (ours, goal_percent, goal_kwh) in rules.items():
        mine = own.simulate(ours).sessions["delivered_kwh"].to_numpy()
        theirs = np.array(results["rules"][rule]["delivered_kwh"])
        percent = 100 * (theirs.sum() / mine.sum() - 1)
        apart = np.abs(theirs - mine)
        verdict = "–"
        if goal_percent is not None:
            fine = abs(percent) <= goal_percent and (goal_kwh is None or apart.max() <= goal_kwh)
            verdict = "met" if fine else "MISSED"
            met &= fine
        print(
            f"| {peer} {rule} | {ours or 'no limit'} | {size[2]} | {mine.sum():,.2f} "
            f"| {percent:+.4f} % | {apart.max():.4f} | {(apart > 0.004).sum()} of {len(mine)} "
            f"| {verdict} |",
            flush=True,
        )
    return met


def speed(peer: str, own: Own, rules: dict, runs: list[dict]) -> None:
    """Print a table row for each rule: medians of CPU seconds and their ratios."""
    for rule, (ours, *_) in rules.items():
        run_s = statistics.median(run["rules"][rule]["cpu_s"] for run in runs)
        with_setup_s = statistics.median(run["rules"][rule]["with_setup_cpu_s"] for run in runs)
        whole_s, kernel_s = own.cpu_s(ours)
        print(
            f"| {peer} {rule} | {run_s:.2f} | {with_setup_s:.2f} | {ours or 'no limit'} "
            f"| {1e3 * kernel_s:.3f} | {1e3 * whole_s:.2f} "
            f"| {run_s / kernel_s:,.0f} | {with_setup_s / whole_s:,.0f} |",
            flush=True,
        )


FIRST_CALL = """
import sys, time
began = time.perf_counter()
import workload
imported = time.perf_counter()
from scchelpers.charging import simulate
loaded = time.perf_counter()
sessions = workload.sessions_frame(workload.make_workload(20, 60, 30))
limit_kw = workload.limit(20, 30)
made = time.perf_counter()
simulate(sessions, limit_kw)
first = time.perf_counter()
simulate(sessions, limit_kw)
second = time.perf_counter()
print(imported - began, loaded - imported, first - made, second - first)
"""


def first_call() -> None:
    """Print what a process pays once: with an empty cache of compiled code, and with a full one."""
    print("\n| cache of compiled code | pandas, xarray s | engine s | first call s | second s |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as cache:
        for state in ("empty", "full"):
            out = subprocess.run(
                [sys.executable, "-c", FIRST_CALL],
                env={**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(HERE)},
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
            print(f"| {state} | " + " | ".join(f"{float(seconds):.3f}" for seconds in out) + " |")


def write_golden() -> None:
    """Write ACN-Sim's energies on the small workload, for tests that must not need ACN-Sim."""
    rules = ("fcfs", "edf", "edf_station_ties", "llf")
    results = run_peer("acnsim", SMALL, rules)
    n, r, days = SMALL
    golden = {
        "made_by": "python benchmarks/peers.py --golden",
        "versions": results["versions"],
        "workload": {"n": n, "r": r, "days": days, "seed": 1},
        "ties": {
            "fcfs": "arrival, session",
            "edf": "departure, arrival, session",
            "edf_station_ties": "departure, chargepoint (ACN-Sim as shipped)",
            "llf": "laxity, chargepoint; a few sessions differ by near-ties",
        },
        "delivered_kwh": {
            rule: [round(kwh, 6) for kwh in results["rules"][rule]["delivered_kwh"]]
            for rule in rules
        },
    }
    GOLDEN.parent.mkdir(exist_ok=True)
    aside = GOLDEN.with_suffix(".tmp")
    aside.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    aside.replace(GOLDEN)
    print(f"wrote {GOLDEN}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--golden", action="store_true", help="renew tests/golden/acnsim.json")
    if parser.parse_args().golden:
        write_golden()
        return 0
    acnsim_small = run_peer("acnsim", SMALL, {**ACNSIM, **ROUND_ROBIN})
    acnsim = [run_peer("acnsim", HEADLINE, ACNSIM) for _ in range(REPEATS)]
    elvis = [run_peer("elvis", HEADLINE, ELVIS) for _ in range(REPEATS)]

    print("| peer, its rule | our rule | days | our kWh | total | worst kWh | > 0.004 kWh | goal |")
    print("|---|---|---|---|---|---|---|---|")
    met = [
        agreement("ACN-Sim", SMALL, ACNSIM | ROUND_ROBIN, acnsim_small),
        agreement("ACN-Sim", HEADLINE, ACNSIM, acnsim[0]),
        agreement("py-elvis", HEADLINE, ELVIS, elvis[0]),
    ]
    own = Own(HEADLINE)
    own.simulate("equal")  # compiled before the clock runs
    print("\n| peer, its rule | run s | with set-up s | ours | kernel ms | whole call ms", end=" ")
    print("| run ÷ kernel | with set-up ÷ whole call |")
    print("|---|---|---|---|---|---|---|---|")
    speed("ACN-Sim", own, ACNSIM, acnsim)
    speed("py-elvis", own, ELVIS, elvis)
    first_call()
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
