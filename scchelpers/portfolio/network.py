"""A network model of a portfolio: input data of power-grid-model, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scchelpers.faults import Fault, UserError
from scchelpers.portfolio.tables import as_kept

_LEAST_VOLTS = 100  # no network has less
_RULE = "must be input data of power-grid-model"
DOCUMENT = "see docs/portfolio.md for an example"


@dataclass(frozen=True)
class Network:
    """A network as power-grid-model takes it.

    Attributes
    ----------
    network_id : str
        Identifier: that of the asset which feeds the network.
    components : mapping of str to numpy.ndarray
        Component ("node", "line", "transformer", …) to its structured array, in SI units.
    names : dict of int to str
        Names of components by id, where the file gives them.
    """

    network_id: str
    components: Mapping[str, np.ndarray]
    names: dict[int, str] = field(default_factory=dict)

    @property
    def unbalanced(self) -> bool:
        """Whether any load or generator is given by phase."""
        return any(len(self.table(kind)) for kind in ("asym_load", "asym_gen"))

    def named(self, number: int) -> str:
        """Return a component as people know it: its name, else its id."""
        return self.names.get(int(number), f"id {number}")

    def node_id(self, text: str) -> str:
        """Return the id of the one node of a name; any other text as it is."""
        nodes = {str(i) for i in self.table("node")["id"]}
        found = [str(i) for i, name in self.names.items() if name == text and str(i) in nodes]
        return found[0] if len(found) == 1 and text not in nodes else text

    @property
    def fed(self) -> set[int]:
        """Nodes that a source feeds while every switch is as it is."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        nodes = {int(n): i for i, n in enumerate(self.table("node")["id"])}
        pairs = [
            (nodes[int(row["from_node"])], nodes[int(row["to_node"])])
            for rows in self.components.values()
            if {"from_node", "to_node"} <= set(rows.dtype.names or ())
            for row in rows
            if row["from_status"] == 1 == row["to_status"]
        ]
        ends = np.array(pairs, dtype=int).reshape(-1, 2).T
        joined = coo_array((np.ones(len(pairs)), tuple(ends)), (len(nodes), len(nodes)))
        part = connected_components(joined, directed=False)[1]
        sources = self.table("source")
        on = {part[nodes[int(row["node"])]] for row in sources if row["status"] == 1}
        return {node for node, i in nodes.items() if part[i] in on}

    def table(self, component: str) -> np.ndarray:
        """Return the rows of a component, none where the network has none."""
        return self.components.get(component, np.zeros(0, [("id", np.int32)]))


def parse(data: bytes, network_id: str) -> Network:
    """Read a network from the JSON text of power-grid-model.

    Parameters
    ----------
    data : bytes
        Content of `networks/<network_id>.json`. A component may have a `name`.
    network_id : str
        Identifier.

    Raises
    ------
    UserError
        If it is not JSON, or not input data of one network.
    """
    # Imported here: most runs of a portfolio never open a network.
    from power_grid_model.errors import PowerGridError
    from power_grid_model.utils import json_deserialize

    try:
        document = json.loads(data)
        if isinstance(document, dict) and isinstance(document.get("node"), list):
            # The flat form of power-grid-model-io: the components themselves.
            document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {},
                        "data": document}  # fmt: skip
            data = json.dumps(document).encode()
        if not isinstance(document, dict) or document.get("type") != "input":
            raise UserError(f"{_RULE}: a document whose type is 'input'; {DOCUMENT}")
        if document.get("is_batch"):
            raise UserError(f"{_RULE} of one state, with is_batch = false; {DOCUMENT}")
        components = json_deserialize(data)
    except (ValueError, RecursionError, PowerGridError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{_RULE} ({' '.join(str(error).split())}); {DOCUMENT}") from None
    names = {
        int(row["id"]): as_kept(str(row["name"]))
        for rows in document["data"].values()
        for row in rows
        if isinstance(row, dict) and row.get("name") and isinstance(row.get("id"), int)
    }
    return Network(network_id, {str(kind.value): rows for kind, rows in components.items()}, names)


def faults(network: Network, file: str) -> list[Fault]:
    """Return what power-grid-model, or this workbook, cannot calculate in a network."""
    from power_grid_model.validation import validate_input_data

    found = [
        Fault(
            file,
            None,
            error.component_str,
            f"id {', '.join(str(i[-1] if isinstance(i, tuple) else i) for i in error.ids[:5])}",
            str(error).rstrip("."),
            "correct these components",
        )
        for error in validate_input_data(dict(network.components), symmetric=True) or []
    ]
    if not len(network.table("source")):
        rule, remedy = "a network needs a source", "add a source at the node that feeds it"
        found.append(Fault(file, None, "source", "", rule, remedy))
    volts = network.table("node")
    small = volts["id"][volts["u_rated"] < _LEAST_VOLTS] if len(volts) else []
    if len(small):
        rule, remedy = f"must be {_LEAST_VOLTS} V or more", "write volts, not kilovolts"
        value = f"id {', '.join(map(str, small[:5]))}"
        found.append(Fault(file, None, "node, u_rated", value, rule, remedy))
    if len(network.table("three_winding_transformer")):
        rule = "transformers with three windings are not watched"
        remedy = "model each as transformers of two windings"
        found.append(Fault(file, None, "three_winding_transformer", "", rule, remedy))
    return found or _flow_faults(network, file)


def _flow_faults(network: Network, file: str) -> list[Fault]:
    """Return what the power flow of the network as it is, without any site, shows."""
    from power_grid_model import PowerGridModel
    from power_grid_model.errors import PowerGridError

    try:
        nodes = PowerGridModel(dict(network.components)).calculate_power_flow(
            symmetric=not network.unbalanced
        )["node"]
    except PowerGridError as error:
        rule = "must have a power flow with its own loads"
        remedy = "look at the sizes of impedances [Ω] and loads [W], and at open switches"
        return [Fault(file, None, "", " ".join(str(error).split())[:80], rule, remedy)]
    fed, level = nodes["energized"] == 1, nodes["u_pu"].reshape(len(nodes), -1)
    found = []
    if not fed.all():
        alone = ", ".join(network.named(i) for i in nodes["id"][~fed][:5])
        rule, remedy = (
            "should be fed by a source",
            "close the switch, or add the line that feeds it",
        )
        found.append(Fault(file, None, "node", alone, rule, remedy, "note"))
    odd = fed & ((level < 0.7) | (level > 1.3)).any(axis=1)
    if odd.any():
        first = zip(nodes["id"][odd][:3], level[odd].min(axis=1)[:3], strict=True)
        where = ", ".join(f"{network.named(i)}: {u:.2f}" for i, u in first)
        rule = "voltage must lie between 0.7 and 1.3 of the rated one, with its own loads"
        remedy = "look at u1 and u2 of transformers [V], impedances [Ω] and loads [W]"
        found.append(Fault(file, None, "node", where, rule, remedy))
    return found
