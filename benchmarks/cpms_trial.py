"""Put the reference CPMS to the test: random trials of the safety rule, then an LMC in both loops.

Usage: python benchmarks/cpms_trial.py [TRIALS] [PORTFOLIO] [SITE] [FIRST_DAY]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cpms import Faults, cases
from cpms.loops import LOOPS, looped
from cpms.referee import RULES
from scchelpers import network
from scchelpers.portfolio import Portfolio

LINKS = {
    "sound, 0.2 s": Faults(latency_s=0.2),
    "slow, 20 s": Faults(latency_s=20.0),
    "30 % lost, 10 % held up 10 min": Faults(latency_s=1.0, loss=0.3, held_up=0.1, duplicate=0.1),
    "90 % lost": Faults(latency_s=1.0, loss=0.9),
    "outages of 20 min, 6 a day": Faults(latency_s=0.2, outages_per_hour=0.25, outage_s=1200.0),
    "restarts of 2 min, 12 a day": Faults(latency_s=0.2, restarts_per_hour=0.5, restart_s=120.0),
}


def rule(trials: int) -> None:
    begin = time.perf_counter()
    verdict = cases.verdicts(range(trials))
    print(f"\n{trials} random trials of 20 minutes, {time.perf_counter() - begin:.0f} s\n")
    print("| part of the rule | tested | broken |\n|---|---|---|")
    for name, meaning in RULES.items():
        print(f"| {meaning} | {verdict.tested[name]:,} | {verdict.broken[name]} |")


def loops(portfolio: str, site_id: str, day: str) -> None:
    study = network.locally_managed([Portfolio.open(portfolio).site(site_id)])
    rows = {}
    for link, faults in LINKS.items():
        for loop in LOOPS:
            _, rows[link, loop] = looped(
                study, faults, loop=loop, start=day, hours=24, period_s=20.0, seed=1
            )
    table = pd.DataFrame(rows).T.rename_axis(["link", "loop"]).round(2)
    print(f"\n{site_id}, 24 h from {day}\n\n{table.reset_index().to_string(index=False)}")


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    rule(int(given.get(0, 2000)))
    loops(given.get(1, "data/demo"), given.get(2, "station-taxi-hub"), given.get(3, "2025-07-31"))
