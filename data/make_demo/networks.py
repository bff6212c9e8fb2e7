"""The network models of the demo: a radial LV network and a meshed 11 kV one, both invented.

Impedances and ratings are typical of GB cables and transformers, after manufacturers' tables; no
real network is in them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np

# Substations with an asset of their own on record: their load is named after it and follows it.
RECORDED = {
    "Elm Road": "elm-road-tx",
    "Market Street": "market-tx",
    "Quarry Lane": "quarry-feeder",
}


@dataclass(frozen=True)
class Cable:
    """A type of cable: positive and zero sequence [ohm/km], capacitance [µF/km], rating [A]."""

    name: str
    r1: float
    x1: float
    r0: float
    x0: float
    c1: float
    amperes: float


# Combined neutral and earth, aluminium, laid direct; the neutral returns what phases do not cancel.
MAINS_300 = Cable("300 mm² Al mains", 0.100, 0.073, 0.50, 0.080, 0.0, 435)
MAINS_185 = Cable("185 mm² Al mains", 0.164, 0.074, 0.76, 0.082, 0.0, 335)
MAINS_95 = Cable("95 mm² Al mains", 0.320, 0.075, 1.40, 0.085, 0.0, 235)
# Single-core aluminium XLPE in trefoil, laid direct.
MV_300 = Cable("300 mm² Al 11 kV", 0.130, 0.094, 0.90, 0.055, 0.44, 435)
MV_185 = Cable("185 mm² Al 11 kV", 0.211, 0.101, 1.05, 0.060, 0.36, 335)
MV_95 = Cable("95 mm² Al 11 kV", 0.410, 0.112, 1.30, 0.070, 0.28, 230)
MV_70 = Cable("70 mm² Al 11 kV", 0.570, 0.117, 1.45, 0.075, 0.25, 190)
# Paper-insulated copper of the 1950s, laid direct.
MV_OLD = Cable("0.04 in² Cu 11 kV", 0.720, 0.110, 1.70, 0.085, 0.22, 97)


@dataclass
class Draft:
    """A network being drawn up: components of power-grid-model, numbered as they come."""

    data: dict[str, list[dict]] = field(default_factory=dict)
    number: int = 1000

    def add(self, component: str, **values) -> None:
        """Add a component; its id is the next number unless one is given."""
        if "id" not in values:
            self.number += 1
            values = {"id": self.number, **values}
        self.data.setdefault(component, []).append(values)

    def node(self, number: int, volts: float, name: str) -> None:
        """Add a node, with a number that people give."""
        self.add("node", id=number, u_rated=volts, name=name)

    def source(self, node: int, u_ref: float, fault_mva: float) -> None:
        """Add the supply: the network above as a voltage [per unit] behind its fault level."""
        self.add("source", node=node, status=1, u_ref=u_ref, sk=fault_mva * 1e6, rx_ratio=0.3)

    def cable(self, name: str, ends: tuple[int, int], metres: float, kind: Cable) -> None:
        """Add a length of cable."""
        km = metres / 1e3
        ohms = {key: round(getattr(kind, key) * km, 6) for key in ("r1", "x1", "r0", "x0")}
        farads = round(kind.c1 * km * 1e-6, 12)
        self.add(
            "line",
            **_between(ends),
            **ohms,
            c1=farads,
            tan1=0.0,
            c0=farads,
            tan0=0.0,
            i_n=float(kind.amperes),
            name=f"{name}, {kind.name}",
        )

    def transformer(self, name: str, ends: tuple[int, int], kva: float, **values) -> None:
        """Add a transformer, Dyn11: its ratings in per unit of `kva`, losses in W."""
        names = ("side", "pos", "min", "max", "nom", "size")
        taps = {f"tap_{name}": 0 for name in names}
        dyn11 = {"winding_from": 2, "winding_to": 1, "clock": 11}
        self.add(
            "transformer", **_between(ends), sn=kva * 1e3, **values, **dyn11, **taps, name=name
        )

    def homes(self, node: int, by_phase: tuple[int, int, int], name: str) -> None:
        """Add homes, each on one phase, at 1.6 kW of demand after diversity."""
        watts = [1600.0 * count for count in by_phase]
        vars_ = [round(0.2 * power, 1) for power in watts]
        self.add(
            "asym_load",
            node=node,
            status=1,
            type=0,
            p_specified=watts,
            q_specified=vars_,
            name=f"{name}, {sum(by_phase)} homes",
        )

    def load(self, node: int, kva: float, power_factor: float, name: str) -> None:
        """Add a balanced load."""
        self.add(
            "sym_load",
            node=node,
            status=1,
            type=0,
            p_specified=round(1e3 * kva * power_factor, 1),
            q_specified=round(1e3 * kva * np.sqrt(1 - power_factor**2), 1),
            name=name,
        )

    def text(self) -> str:
        """Return the JSON text of power-grid-model, a line a component."""
        parts = []
        for component, rows in self.data.items():
            lines = ",\n".join(f"      {json.dumps(row, ensure_ascii=False)}" for row in rows)
            parts.append(f"    {json.dumps(component)}: [\n{lines}\n    ]")
        head = '"version": "1.0",\n  "type": "input",\n  "is_batch": false,\n  "attributes": {}'
        return f'{{\n  {head},\n  "data": {{\n' + ",\n".join(parts) + "\n  }\n}\n"


def _between(ends: tuple[int, int]) -> dict:
    return {"from_node": ends[0], "to_node": ends[1], "from_status": 1, "to_status": 1}


def elm_road() -> Draft:
    """Return the LV network of Elm Road: four radial mains, homes on single phases."""
    draft = Draft()
    draft.node(1, 11_000.0, "Elm Road 11 kV")
    draft.node(2, 400.0, "Elm Road LV board")
    draft.source(1, 1.0, 150)
    draft.transformer(
        "Elm Road transformer",
        (1, 2),
        500,
        u1=11_000.0,
        u2=433.0,
        uk=0.045,
        pk=5100.0,
        i0=0.0025,
        p0=680.0,
    )
    mains = (
        ("Elm Road north", MAINS_185, 90, ((9, 7, 7), (6, 8, 6), (5, 6, 8), (4, 4, 4))),
        ("Elm Road south", MAINS_95, 70, ((3, 5, 3), (4, 3, 3), (3, 2, 4), (2, 2, 2))),
        ("Beech Grove", MAINS_300, 110, ((10, 8, 9), (9, 6, 7), (5, 8, 9))),
        ("Station Approach", MAINS_185, 100, ((8, 10, 7), (7, 8, 9), (6, 5, 7))),
    )
    node = 2
    for street, kind, metres, homes in mains:
        before = 2
        for part, by_phase in enumerate(homes, start=1):
            node += 1
            draft.node(node, 400.0, f"{street} {part}")
            draft.cable(f"{street} {part}", (before, node), metres, kind)
            draft.homes(node, by_phase, f"{street} {part}")
            before = node
    return draft


def northgate() -> Draft:
    """Return the 11 kV network of Northgate: a ring with a tie across it, run closed, and spurs."""
    draft = Draft()
    draft.node(1, 33_000.0, "Northgate 33 kV")
    draft.node(2, 11_000.0, "Northgate 11 kV")
    draft.source(1, 1.01, 750)
    draft.transformer(
        "Northgate primary substation",
        (1, 2),
        7500,
        u1=33_000.0,
        u2=11_000.0,
        uk=0.083,
        pk=52_000.0,
        i0=0.004,
        p0=7500.0,
    )
    substations = (
        (3, "Northgate Road", 800, 0.97),
        (4, "Elm Road", 430, 0.97),
        (5, "Market Street", 0, 0.97),
        (6, "Castle Walk", 900, 0.96),
        (7, "Riverside", 700, 0.97),
        (8, "Quarry Lane", 560, 0.94),
        (9, "Hospital", 1250, 0.96),
        (10, "Mill Lane", 650, 0.95),
        (11, "Station Road", 700, 0.97),
        (12, "Priory Park", 550, 0.97),
    )
    for number, name, kva, power_factor in substations:
        draft.node(number, 11_000.0, name)
        if kva:
            draft.load(number, kva, power_factor, RECORDED.get(name, name))
    for name, ends, metres, kind in (
        ("Northgate to Northgate Road", (2, 3), 1300, MV_185),
        ("Northgate Road to Elm Road", (3, 4), 700, MV_185),
        ("Elm Road to Market Street", (4, 5), 600, MV_185),
        ("Market Street to Castle Walk", (5, 6), 500, MV_95),
        ("Castle Walk to Riverside", (6, 7), 800, MV_70),
        ("Riverside to Quarry Lane", (7, 8), 900, MV_70),
        ("Quarry Lane to Hospital", (8, 9), 900, MV_OLD),
        ("Hospital to Northgate", (9, 2), 600, MV_70),
        ("tie from Elm Road to Quarry Lane", (4, 8), 1600, MV_70),
        ("spur to Mill Lane", (7, 10), 600, MV_70),
        ("spur to Station Road", (6, 11), 500, MV_70),
        ("spur to Priory Park", (3, 12), 400, MV_70),
    ):
        draft.cable(name, ends, metres, kind)
    draft.node(13, 400.0, "Market Street LV board")
    draft.transformer(
        "Market Street transformer",
        (5, 13),
        1000,
        u1=11_000.0,
        u2=433.0,
        uk=0.0475,
        pk=9500.0,
        i0=0.002,
        p0=1100.0,
    )
    draft.load(13, 610, 0.96, RECORDED["Market Street"])
    return draft


# By the asset that feeds each: its load is the load of the network.
NETWORKS = {"elm-road-tx": elm_road, "northgate-primary": northgate}
# Where sites lie in them, when each applied and who runs it; depots run their own, without a CPO.
PLACES = {
    "elm-road-lamps": {
        "network_id": "elm-road-tx",
        "network_node": 5,
        "applied_on": "2023-06-12",
        "operator": "Kerbside (invented)",
    },
    "elm-road-posts": {
        "network_id": "elm-road-tx",
        "network_node": 7,
        "applied_on": "2024-02-05",
        "operator": "Kerbside (invented)",
    },
    "station-taxi-hub": {
        "network_id": "northgate-primary",
        "network_node": 8,
        "applied_on": "2022-11-21",
        "operator": "Rankside (invented)",
    },
    "market-retail": {
        "network_id": "northgate-primary",
        "network_node": 13,
        "applied_on": "2023-09-04",
        "operator": "Parkside (invented)",
    },
    "riverside-leisure": {
        "network_id": "northgate-primary",
        "network_node": 13,
        "applied_on": "2024-05-13",
        "operator": "Parkside (invented)",
    },
    "kelvin-bus-depot": {"applied_on": "2023-03-27"},
    "kelvin-van-depot": {"applied_on": "2024-01-15"},
}
