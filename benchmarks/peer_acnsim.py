"""Run ACN-Sim (acnportal) on a workload file. Runs inside ACN-Sim's own environment.

    python peer_acnsim.py workload.json results.json fcfs edf llf

Everything is the package's own but three things: the site limit changes with time (set before each
schedule is made), the earliest-departure rule has a variant that breaks ties by arrival and
session rather than by station, and round robin hands out 0.1 A at a time.
"""

import json
import sys
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from acnportal import acnsim
from acnportal.acnsim.events import EventQueue, PluginEvent
from acnportal.acnsim.models import EV, EVSE, Battery
from acnportal.algorithms import (
    RoundRobin,
    SortedSchedulingAlgo,
    UncontrolledCharging,
    earliest_deadline_first,
    first_come_first_served,
    least_laxity_first,
)

VOLTS = 230
MAX_KW = 7.4


def under_a_changing_limit(algorithm: type) -> type:
    """Return the algorithm with the limit of the current period in force."""

    class Limited(algorithm):
        def __init__(self, limit_a, *args, **options):
            super().__init__(*args, **options)
            self.limit_a = limit_a

        def schedule(self, active_sessions):
            simulator = self.interface._simulator
            simulator.network.magnitudes[0] = self.limit_a[simulator.iteration]
            return super().schedule(active_sessions)

    return Limited


def departure_arrival_session(sessions, _):
    """Sort by (departure, arrival, session), the tie-break that scchelpers documents."""
    return sorted(sessions, key=lambda s: (s.estimated_departure, s.arrival, s.session_id))


RULES = {
    "fcfs": (SortedSchedulingAlgo, first_come_first_served),
    "edf": (SortedSchedulingAlgo, departure_arrival_session),
    "edf_station_ties": (SortedSchedulingAlgo, earliest_deadline_first),
    "llf": (SortedSchedulingAlgo, least_laxity_first),
    "round_robin": (RoundRobin, first_come_first_served),
}


def run(workload: dict, rule: str) -> dict:
    """Return CPU seconds of the run, the same with its set-up, and each session's energy [kWh]."""
    began_setup = time.process_time()
    stations = [f"cp-{k:03d}" for k in range(workload["points"])]
    network = acnsim.ChargingNetwork()
    for station in stations:
        network.register_evse(EVSE(station, max_rate=MAX_KW * 1000 / VOLTS), VOLTS, 0)
    limit_a = [kw * 1000 / VOLTS for kw in workload["limit_kw"]]
    network.add_constraint(acnsim.Current(stations), limit_a[0], name="site")
    cars = [
        EV(arrival, departure, kwh, stations[point], f"s{k:07d}", Battery(kwh, 0, MAX_KW))
        for k, (arrival, departure, point, kwh) in enumerate(
            zip(
                workload["arrival"],
                workload["departure"],
                workload["chargepoint"],
                workload["energy_kwh"],
                strict=True,
            )
        )
    ]
    if rule == "none":
        network.magnitudes[0] = 1e9
        scheduler = UncontrolledCharging()
    else:
        algorithm, order = RULES[rule]
        scheduler = under_a_changing_limit(algorithm)(limit_a, order)
    simulator = acnsim.Simulator(
        network,
        scheduler,
        EventQueue([PluginEvent(car.arrival, car) for car in cars]),
        datetime(2030, 1, 1),
        period=workload["minutes"],
        verbose=False,
    )
    began = time.process_time()
    simulator.run()
    ended = time.process_time()
    return {
        "cpu_s": ended - began,
        "with_setup_cpu_s": ended - began_setup,
        "delivered_kwh": [float(car.energy_delivered) for car in cars],
    }


def main() -> None:
    source, target, *rules = sys.argv[1:]
    workload = json.loads(Path(source).read_text())
    results = {
        "versions": {name: version(name) for name in ("acnportal", "numpy", "pandas")},
        "rules": {rule: run(workload, rule) for rule in rules},
    }
    Path(target).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
