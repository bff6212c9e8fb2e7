"""Small networks built by hand, for tests of power flow and control."""

import json

import numpy as np

from scchelpers.portfolio.network import Network, parse

STIFF = 1e20  # fault level of a source that keeps its voltage [VA]


def network(network_id: str = "tiny", **components: list[dict]) -> Network:
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return parse(json.dumps(document | {"data": components}).encode(), network_id)


def node(number: int, volts: float) -> dict:
    return {"id": number, "u_rated": volts}


def source(at: int, u_ref: float = 1.0) -> dict:
    return {"id": 9001, "node": at, "status": 1, "u_ref": u_ref, "sk": STIFF}


def line(number: int, ends: tuple[int, int], r: float, x: float, amperes: float, **more) -> dict:
    row = {"id": number, "from_node": ends[0], "to_node": ends[1], "from_status": 1, "to_status": 1}
    zero = {"r0": 3 * r, "x0": 2 * x, "c0": more.get("c1", 0.0), "tan0": 0.0}
    return row | {"r1": r, "x1": x, "c1": 0.0, "tan1": 0.0, "i_n": amperes} | zero | more


def transformer(number: int, ends: tuple[int, int], kva: float, u1: float, u2: float, **more):
    row = {"id": number, "from_node": ends[0], "to_node": ends[1], "from_status": 1, "to_status": 1}
    taps = dict.fromkeys(("tap_side", "tap_pos", "tap_min", "tap_max", "tap_nom", "tap_size"), 0)
    kind = {"winding_from": 2, "winding_to": 1, "clock": 11, "i0": 0.0, "p0": 0.0}
    size = {"sn": 1e3 * kva, "u1": u1, "u2": u2, "uk": 0.045, "pk": 10.2 * kva}
    return row | taps | kind | size | more


def load(number: int, at: int, watts, vars_) -> dict:
    return {
        "id": number,
        "node": at,
        "status": 1,
        "type": 0,
        "p_specified": watts,
        "q_specified": vars_,
    }


def street(i_n: float = 250.0, kva: float = 200.0) -> Network:
    """A transformer, a board and two lengths of cable with balanced homes at each end."""
    return network(
        node=[node(1, 11_000.0), node(2, 400.0), node(3, 400.0), node(4, 400.0)],
        source=[source(1)],
        transformer=[transformer(11, (1, 2), kva, 11_000.0, 433.0, i0=0.003, p0=500.0)],
        line=[line(12, (2, 3), 0.030, 0.014, i_n), line(13, (3, 4), 0.045, 0.012, i_n)],
        sym_load=[load(21, 3, 60e3, 12e3), load(22, 4, 40e3, 8e3)],
    )


def ring() -> Network:
    """Four nodes at 11 kV in a ring with a tie across it."""
    return network(
        "ring",
        node=[node(n, 11_000.0) for n in (1, 2, 3, 4)],
        source=[source(1, 1.01)],
        line=[
            line(11, (1, 2), 0.25, 0.12, 200.0, c1=0.3e-6),
            line(12, (2, 3), 0.40, 0.11, 200.0, c1=0.2e-6),
            line(13, (3, 4), 0.60, 0.12, 120.0, c1=0.3e-6),
            line(14, (4, 1), 0.35, 0.13, 200.0, c1=0.4e-6),
            line(15, (2, 4), 0.90, 0.15, 60.0, c1=0.1e-6),
        ],
        sym_load=[load(21, 2, 0.7e6, 0.2e6), load(22, 3, 1.6e6, 0.4e6), load(23, 4, 0.9e6, 0.1e6)],
    )


def phases(transformer_kva: float | None = None) -> Network:
    """Two lengths of LV cable with homes on single phases, behind a board or a transformer."""
    upstream = (
        {"node": [node(2, 400.0)], "source": [source(2, 1.05)]}
        if transformer_kva is None
        else {
            "node": [node(1, 11_000.0), node(2, 400.0)],
            "source": [source(1)],
            "transformer": [transformer(11, (1, 2), transformer_kva, 11_000.0, 433.0)],
        }
    )
    return network(
        "phases",
        **(upstream | {"node": [*upstream["node"], node(3, 400.0), node(4, 400.0)]}),
        line=[line(12, (2, 3), 0.030, 0.014, 250.0), line(13, (3, 4), 0.045, 0.012, 250.0)],
        asym_load=[
            load(21, 3, [30e3, 10e3, 5e3], [6e3, 2e3, 1e3]),
            load(22, 4, [4e3, 0.0, 25e3], [1e3, 0.0, 5e3]),
        ],
    )


def watts(kw: float, power_factor: float) -> complex:
    """Return the complex power [VA] of a charging."""
    return 1e3 * kw * complex(1.0, np.tan(np.arccos(power_factor)))
