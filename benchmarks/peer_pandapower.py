"""Solve networks with pandapower. Runs inside pandapower's own environment.

    python peer_pandapower.py task.json results.json

The task holds networks as power-grid-model JSON, single cases to solve, and perhaps a series: the
active and reactive power of every load over time, in a NumPy file.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd
from pandapower.control import ConstControl
from pandapower.timeseries import DFData, OutputWriter, run_timeseries

SETTINGS = {"trafo_model": "pi", "calculate_voltage_angles": True}


def convert(data: dict):
    """Return a pandapower network: nodes, one source, lines, transformers and balanced loads."""
    net = pp.create_empty_network(f_hz=50)
    buses = {row["id"]: pp.create_bus(net, row["u_rated"] / 1e3) for row in data["node"]}
    source = data["source"][0]
    pp.create_ext_grid(net, buses[source["node"]], vm_pu=source["u_ref"])
    for row in data.get("line", []):
        pp.create_line_from_parameters(
            net,
            buses[row["from_node"]],
            buses[row["to_node"]],
            length_km=1.0,
            r_ohm_per_km=row["r1"],
            x_ohm_per_km=row["x1"],
            c_nf_per_km=1e9 * row["c1"],
            max_i_ka=row["i_n"] / 1e3,
            name=str(row["id"]),
        )
    for row in data.get("transformer", []):
        pp.create_transformer_from_parameters(
            net,
            buses[row["from_node"]],
            buses[row["to_node"]],
            sn_mva=row["sn"] / 1e6,
            vn_hv_kv=row["u1"] / 1e3,
            vn_lv_kv=row["u2"] / 1e3,
            vk_percent=100 * row["uk"],
            vkr_percent=100 * row["pk"] / row["sn"],
            pfe_kw=row["p0"] / 1e3,
            i0_percent=100 * row["i0"],
            shift_degree=30.0 * row["clock"],
            name=str(row["id"]),
        )
    for row in data["sym_load"]:
        p, q = row["p_specified"] / 1e6, row["q_specified"] / 1e6
        pp.create_load(net, buses[row["node"]], p, q, name=str(row["id"]))
    return net, buses


def loadings(net) -> dict[str, float]:
    """Return the loading by branch id: of a line its current, of a transformer its power."""
    lines = net.res_line.i_ka / net.line.max_i_ka
    power = [
        np.hypot(net.res_trafo[f"p_{s}_mw"], net.res_trafo[f"q_{s}_mvar"]) for s in ("hv", "lv")
    ]
    trafos = np.maximum(*power) / net.trafo.sn_mva if len(net.trafo) else []
    names = [*net.line.name, *net.trafo.name]
    return dict(zip(names, [*map(float, lines), *map(float, trafos)], strict=True))


def solve(data: dict, case: dict) -> dict:
    """Return a case with its loadings and lowest voltage."""
    net, buses = convert(data)
    net.load[["p_mw", "q_mvar"]] *= case["scale"]
    mvar = case["kw"] / 1e3 * np.tan(np.arccos(case["power_factor"]))
    pp.create_load(net, buses[case["node"]], case["kw"] / 1e3, mvar)
    pp.runpp(net, tolerance_mva=1e-10, **SETTINGS)
    return case | {"loading": loadings(net), "lowest_pu": float(net.res_bus.vm_pu.min())}


def series(data: dict, file: str) -> dict:
    """Return the seconds of a time series, and the loading of every branch in its last interval."""
    net, _ = convert(data)
    powers = np.load(file)
    for name in ("p_mw", "q_mvar"):
        profiles = DFData(pd.DataFrame(powers[name]))
        ConstControl(
            net,
            "load",
            name,
            net.load.index,
            profile_name=list(net.load.index),
            data_source=profiles,
        )
    steps = range(len(powers["p_mw"]))
    writer = OutputWriter(net, steps, output_path=None, log_variables=[])
    for table, column in (
        ("res_line", "i_ka"),
        ("res_trafo", "p_hv_mw"),
        ("res_trafo", "q_hv_mvar"),
    ):
        writer.log_variable(table, column)
    run_timeseries(net, range(10), verbose=False, **SETTINGS)  # compiled before the clock runs
    began, cpu = time.perf_counter(), time.process_time()
    run_timeseries(net, steps, verbose=False, **SETTINGS)
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    lines = writer.output["res_line.i_ka"].to_numpy()[-1] / net.line.max_i_ka.to_numpy()
    p, q = (writer.output[f"res_trafo.{name}"].to_numpy()[-1] for name in ("p_hv_mw", "q_hv_mvar"))
    return {
        "wall_s": seconds,
        "cpu_s": cpu_s,
        "steps": len(steps),
        "last_loading": [*lines.tolist(), *(np.hypot(p, q) / net.trafo.sn_mva.to_numpy()).tolist()],
    }


def main() -> None:
    task = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    results = {
        "versions": {name: version(name) for name in ("pandapower", "numpy", "pandas", "numba")},
        "cases": [solve(task["networks"][case["network"]], case) for case in task["cases"]],
    }
    if "series" in task:
        results["series"] = series(
            task["networks"][task["series"]["network"]], task["series"]["file"]
        )
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
