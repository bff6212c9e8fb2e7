"""Session by session against ACN-Sim, whose energies are stored as numbers."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scchelpers import charging

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import workload

GOLDEN = json.loads((Path(__file__).parent / "golden" / "acnsim.json").read_text())


def delivered(rule: str, station_ties: bool = False) -> np.ndarray:
    size = GOLDEN["workload"]
    drawn = workload.make_workload(size["n"], size["r"], size["days"], size["seed"])
    sessions = workload.sessions_frame(drawn)
    if station_ties:  # departures a microsecond apart, in the order of the chargepoints
        sessions["announced_plug_out"] += pd.to_timedelta(drawn["chargepoint"], unit="us")
    result = charging.simulate(sessions, workload.limit(size["n"], size["days"]), sharing=rule)
    return result.sessions["delivered_kwh"].to_numpy()


@pytest.mark.parametrize(
    ("theirs", "ours", "station_ties"),
    [
        ("fcfs", "fcfs", False),
        ("edf", "edf", False),
        ("edf_station_ties", "edf", True),
        ("llf", "llf", False),
    ],
)
def test_every_session_gets_what_acn_sim_gives_it(theirs, ours, station_ties):
    stored = np.array(GOLDEN["delivered_kwh"][theirs])
    found = delivered(ours, station_ties)
    assert found.sum() == pytest.approx(stored.sum(), rel=0.00002)
    assert np.abs(found - stored).max() < 0.004


def test_the_tie_break_can_be_told_apart():
    stored = np.array(GOLDEN["delivered_kwh"]["edf_station_ties"])
    assert np.abs(delivered("edf") - stored).max() > 1
