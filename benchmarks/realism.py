"""What each option of the charging engine costs on the headline workload.

    python benchmarks/realism.py

CPU milliseconds (medians) of the compiled kernel and of the whole call, equal sharing.
"""

import pandas as pd
from peers import HEADLINE, Own

from scchelpers.charging import Chargers, by_unit


def main() -> None:
    own = Own(HEADLINE)
    names = sorted(own.sessions["evse_id"].unique())
    pairs = pd.DataFrame({"evse_id": names, "unit_id": [f"U{k // 2}" for k in range(len(names))]})
    own.sessions["phases"] = 1
    cases = {
        "none": {},
        "minimum current 6 A, queue": {"chargers": Chargers(min_current_a=6.0)},
        "minimum current 6 A, rotation": {
            "chargers": Chargers(min_current_a=6.0, below_minimum="rotate")
        },
        "setpoints of 1 A": {"chargers": Chargers(setpoint_step_a=1.0)},
        "6 A, a third do not resume": {
            "chargers": Chargers(min_current_a=6.0, no_resume_share=1 / 3)
        },
        "response delay 3 min": {"response_delay": "3min"},
        "release 5 kW/min": {"release_kw_per_min": 5.0},
        "one EVSE never curtailed": {"never_curtailed": names[:1]},
        "guaranteed half": {"guaranteed_share": 0.5},
        "cabinets of two, 11 kW": {"groups": by_unit(pairs, 11.0)},
        "step 1 min": {"step": "1min"},
        "power of each EVSE": {"by_evse": True},
    }
    for options in ({}, cases["guaranteed half"]):
        own.simulate("equal", **options)  # compiled before the clock runs
    print("| option | kernel ms | × | whole call ms | × |")
    print("|---|---|---|---|---|")
    plain = own.cpu_s("equal")
    for name, options in cases.items():
        row(name, own.cpu_s("equal", **options), plain)
    own.sessions["phases"] = 0  # DC, which alone tapers
    row("taper over the last 20 %", own.cpu_s("equal", chargers=Chargers(taper_share=0.2)), plain)


def row(name: str, cost_s: tuple[float, float], plain_s: tuple[float, float]) -> None:
    (whole, kernel), (plain_whole, plain_kernel) = cost_s, plain_s
    print(
        f"| {name} | {1e3 * kernel:.2f} | {kernel / plain_kernel:.1f} "
        f"| {1e3 * whole:.1f} | {whole / plain_whole:.1f} |"
    )


if __name__ == "__main__":
    main()
