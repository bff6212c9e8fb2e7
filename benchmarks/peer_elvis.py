"""Run py-elvis on a workload file. Runs inside py-elvis' own environment.

    python peer_elvis.py workload.json results.json fcfs df

`fcfs` is what the package calls so; it sorts by departure. A limit that changes is a preload under
a constant one. The state of charge is dropped as a car is unplugged, so it is read just before.
"""

import json
import os
import sys
import tempfile
import time
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from elvis.battery import EVBattery
from elvis.charging_event import ChargingEvent
from elvis.charging_point import ChargingPoint
from elvis.config import ScenarioRealisation
from elvis.sched.schedulers import FCFS, DiscriminationFree, Uncontrolled
from elvis.set_up_infrastructure import wallbox_infrastructure
from elvis.simulate import simulate
from elvis.vehicle import ElectricVehicle

BATTERY_KWH = 100
MAX_KW = 7.4
START = datetime(2030, 1, 1)
RULES = {"none": Uncontrolled, "fcfs": FCFS, "df": DiscriminationFree}


def run(workload: dict, rule: str) -> dict:
    """Return CPU seconds of the run, the same with its set-up, and each session's energy [kWh]."""
    began_setup = time.process_time()
    step = timedelta(minutes=workload["minutes"])
    hours = workload["minutes"] / 60
    model = ElectricVehicle("any", "any", EVBattery(BATTERY_KWH, MAX_KW, 0, 1), 1)
    cars = [
        ChargingEvent(
            START + arrival * step, (departure - arrival) * hours, 1 - kwh / BATTERY_KWH, model
        )
        for arrival, departure, kwh in zip(
            workload["arrival"], workload["departure"], workload["energy_kwh"], strict=True
        )
    ]
    limit_kw = workload["limit_kw"]
    scenario = ScenarioRealisation(
        start_date=START,
        end_date=START + (len(limit_kw) - 1) * step,
        resolution=step,
        emissions_scenario=None,
        renewables_scenario=None,
        opening_hours=None,
        infrastructure=wallbox_infrastructure(
            workload["points"], MAX_KW, power_transformer=max(limit_kw)
        ),
        scheduling_policy=RULES[rule](),
        queue_length=0,
        disconnect_by_time=True,
        charging_events=[],
        transformer_preload=[max(limit_kw) - kw for kw in limit_kw],
    )
    scenario.charging_events = cars
    at_unplugging = {}

    def disconnect(point):
        car = point.connected_vehicle
        at_unplugging[car["id"]] = car["soc"]
        point.connected_vehicle = None

    ChargingPoint.disconnect_vehicle = disconnect
    began = time.process_time()
    simulate(scenario, print_progress=False)
    ended = time.process_time()
    delivered = [(at_unplugging[car.id] - car.soc) * BATTERY_KWH for car in cars]
    return {
        "cpu_s": ended - began,
        "with_setup_cpu_s": ended - began_setup,
        "delivered_kwh": delivered,
    }


def main() -> None:
    source, target, *rules = sys.argv[1:]
    workload = json.loads(Path(source).read_text())
    target = Path(target).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)  # the package writes log.log where it runs
        results = {
            "versions": {name: version(name) for name in ("py-elvis", "numpy", "pandas")},
            "rules": {rule: run(workload, rule) for rule in rules},
        }
    target.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
