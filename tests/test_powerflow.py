"""Power flow agrees with solvers written another way, on networks small enough to write down."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import fsolve

from scchelpers.faults import UserError
from scchelpers.network.powerflow import PowerFlow
from scchelpers.network.topology import branches, opened, specified_kva
from scchelpers.portfolio import Portfolio
from tests import networks
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "pandapower.json"
NOON = np.array(["2026-01-05T12:00"], "datetime64[m]")
OMEGA = 2 * np.pi * 50


def solved(network, site_node, kw, power_factor=0.98, scale=1.0, unbalanced=False):
    """Solve one interval with the project's own code."""
    flow = PowerFlow(
        network, pd.Series({"s": site_node}), pd.Series({"s": power_factor}), unbalanced
    )
    return flow, flow.solve(np.full((1, 1), scale), np.array([[kw]]), NOON)


def admittances(network, number):
    """Return the 2 × 2 admittance [S] of a branch and its nodes, by the formulas of a textbook."""
    volts = {int(row["id"]): float(row["u_rated"]) for row in network.table("node")}
    for row in network.table("line"):
        if row["id"] == number:
            series = 1 / complex(row["r1"], row["x1"])
            shunt = 1j * OMEGA * row["c1"] / 2
            own = series + shunt
            return np.array([[own, -series], [-series, own]]), (row["from_node"], row["to_node"])
    row = next(row for row in network.table("transformer") if row["id"] == number)
    ohms = row["u2"] ** 2 / row["sn"]
    r = row["pk"] / row["sn"] * ohms
    series = 1 / complex(r, np.sqrt((row["uk"] * ohms) ** 2 - r**2))
    g, y = row["p0"] / row["u2"] ** 2, row["i0"] / ohms
    shunt = complex(g, -np.sqrt(max(y**2 - g**2, 0))) / 2
    n = row["u1"] / row["u2"]
    assert volts[int(row["to_node"])] == 400
    matrix = np.array([[(series + shunt) / n**2, -series / n], [-series / n, series + shunt]])
    return matrix, (row["from_node"], row["to_node"])


def independent(network, charging: dict[int, complex], scale=1.0):
    """Solve the nodal equations with a general root finder; return voltages and branch flows."""
    ids = [int(row["id"]) for row in network.table("node")]
    volts = np.array([float(row["u_rated"]) for row in network.table("node")]) / np.sqrt(3)
    position = {number: i for i, number in enumerate(ids)}
    power = np.zeros(len(ids), complex)
    for row in network.table("sym_load"):
        power[position[int(row["node"])]] += (
            scale * complex(row["p_specified"], row["q_specified"]) / 3
        )
    for number, drawn in charging.items():
        power[position[number]] += drawn / 3
    matrix = np.zeros((len(ids), len(ids)), complex)
    parts = {}
    for number in branches(network)["id"]:
        own, ends = admittances(network, number)
        at = [position[int(end)] for end in ends]
        parts[number] = own, at
        matrix[np.ix_(at, at)] += own
    fixed = position[int(network.table("source")["node"][0])]
    free = [i for i in range(len(ids)) if i != fixed]

    def voltage(x):
        found = volts.astype(complex)
        found[fixed] *= network.table("source")["u_ref"][0]
        found[free] = volts[free] * (x[: len(free)] + 1j * x[len(free) :])
        return found

    def amiss(x):
        u = voltage(x)
        current = (matrix @ u)[free] + (power / u).conj()[free]
        share = current * volts[free] / 1e6
        return np.concatenate([share.real, share.imag])

    start = np.concatenate([np.ones(len(free)), np.zeros(len(free))])
    u = voltage(fsolve(amiss, start, xtol=1e-12))
    flows = {}
    for number, (own, at) in parts.items():
        current = own @ u[at]
        flows[number] = np.abs(current), 3 * np.abs(u[at] * current.conj())
    return np.abs(u) / volts, flows


@pytest.mark.parametrize(
    ("network", "at"), [(networks.street(), 4), (networks.ring(), 3)], ids=["radial", "meshed"]
)
@pytest.mark.parametrize("kw", [0.0, 50.0, -80.0])
def test_a_balanced_network_agrees_with_a_root_finder(network, at, kw):
    flow, found = solved(network, at, kw, scale=1.1)
    per_unit, flows = independent(network, {at: networks.watts(kw, 0.98)}, scale=1.1)
    assert found.lowest_pu[0] == pytest.approx(per_unit.min(), abs=1e-6)
    assert found.highest_pu[0] == pytest.approx(per_unit.max(), abs=1e-6)
    for i, (number, kind, rating) in enumerate(
        zip(*(flow.branches[name] for name in ("id", "kind", "rating")), strict=True)
    ):
        amperes, volt_amperes = flows[number]
        expected = (amperes if kind == "line" else volt_amperes) / rating
        np.testing.assert_allclose(np.abs(found.loading[0, i]), expected, atol=1e-6)


def sweep(supply, charging: complex):
    """Solve `networks.phases` by sweeping back and forth; return phase currents of both cables."""
    turn = np.exp(-2j * np.pi / 3 * np.arange(3))
    empty, inner = supply
    z = [
        (lambda z1, z0: (z0 - z1) / 3 * np.ones((3, 3)) + z1 * np.eye(3))(
            complex(r, x), complex(3 * r, 2 * x)
        )
        for r, x in ((0.030, 0.014), (0.045, 0.012))
    ]
    first = np.array([30e3 + 6e3j, 10e3 + 2e3j, 5e3 + 1e3j])
    last = np.array([4e3 + 1e3j, 0, 25e3 + 5e3j]) + charging / 3
    u = np.tile(empty * turn, (3, 1))
    for _ in range(200):
        end = (last / u[2]).conj()
        begin = end + (first / u[1]).conj()
        u[0] = empty * turn - inner * begin
        u[1] = u[0] - z[0] @ begin
        u[2] = u[1] - z[1] @ end
    return np.abs(begin), np.abs(end), u


@pytest.mark.parametrize("kva", [None, 200.0])
def test_single_phase_loads_agree_with_a_sweep(kva):
    network = networks.phases(kva)
    flow, found = solved(network, 4, 20.0, power_factor=1.0, unbalanced=True)
    if kva is None:
        supply = 400 / np.sqrt(3) * 1.05, 0.0
    else:
        ohms = 433**2 / (1e3 * kva)
        r = 10.2 * kva / (1e3 * kva) * ohms
        supply = 433 / np.sqrt(3), complex(r, np.sqrt((0.045 * ohms) ** 2 - r**2))
    begin, end, u = sweep(supply, 20e3)
    lines = [flow.branches.index.get_loc(f"line {n}") for n in (12, 13)]
    for i, amperes in zip(lines, (begin, end), strict=True):
        np.testing.assert_allclose(np.abs(found.loading[0, i, :3]), amperes / 250, atol=1e-6)
        np.testing.assert_allclose(np.abs(found.loading[0, i, 3:]), amperes / 250, atol=1e-6)
    rated = 400 / np.sqrt(3)
    assert found.highest_pu[0] == pytest.approx(np.abs(u).max() / rated, abs=1e-6)
    if kva:
        leaving = np.abs(found.loading[0, flow.branches.index.get_loc("transformer 11"), 3:])
        expected = np.abs(u[0]) * begin / (1e3 * kva / 3)
        np.testing.assert_allclose(np.sort(leaving), np.sort(expected), atol=1e-6)


def test_it_agrees_with_pandapower():
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for case in golden["cases"]:
        network = (
            Portfolio.open(ROOT / "data" / "demo").network(case["network"])
            if case["network"] == "northgate-primary"
            else getattr(networks, case["network"])()
        )
        network.table("source")["sk"] = networks.STIFF
        flow, found = solved(network, case["node"], case["kw"], 0.98, case["scale"])
        names = flow.branches["id"].astype(str)
        expected = np.array([case["loading"][name] for name in names])
        np.testing.assert_allclose(np.abs(found.loading[0]).max(axis=1), expected, atol=1e-6)
        assert found.lowest_pu[0] == pytest.approx(case["lowest_pu"], abs=1e-6)


def test_ratings_are_amperes_of_lines_and_va_of_transformers():
    table = branches(networks.street())
    assert table["rating"].tolist() == [250.0, 250.0, 200e3]
    np.testing.assert_allclose(table["rating_kva"], [173.205, 173.205, 200.0], atol=1e-3)
    assert specified_kva(networks.street()).sum() == 100 + 20j


def test_without_ratings_no_branch_limits_and_that_is_said():
    bare = networks.street()
    bare.table("line")["i_n"] = np.nan
    assert solved(bare, 4, 1.0)[0].branches.index.tolist() == ["transformer 11"]
    bare.table("transformer")["sn"] = 200e3
    for component in ("transformer", "line"):
        bare.components.pop(component, None)
    with pytest.raises(UserError, match="no branch has a rating"):
        solved(bare, 2, 1.0)


def test_an_outage_moves_the_flow_and_an_island_is_named():
    ring = networks.ring()
    before = np.abs(solved(ring, 3, 100.0)[1].loading).max(axis=2)[0]
    after = np.abs(solved(opened(ring, "line 12"), 3, 100.0)[1].loading).max(axis=2)[0]
    assert after[1] == 0 and after[2] > before[2]
    with pytest.raises(UserError, match="no source of tiny feeds this node"):
        solved(opened(networks.street(), "line 13"), 4, 1.0)
    with pytest.raises(UserError, match="did you mean line 12"):
        opened(ring, "lin 12")


def test_a_state_without_solution_is_named_with_its_time():
    flow = PowerFlow(networks.street(), pd.Series({"s": 4}), pd.Series({"s": 1.0}), False)
    times = NOON + np.arange(3) * np.timedelta64(30, "m")
    with pytest.raises(UserError, match=r"1 of 3 intervals, the first 2026-01-05T12:30 UTC"):
        flow.solve(np.ones((3, 1)), np.array([[10.0], [5e4], [10.0]]), times)


def test_a_node_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="site 's', network_node = 9"):
        solved(networks.street(), 9, 1.0)
