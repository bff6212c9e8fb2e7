"""A network model of a portfolio: input data of power-grid-model, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scchelpers.faults import Fault, UserError

RULE = "must be input data of power-grid-model"
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
        if not isinstance(document, dict) or document.get("type") != "input":
            raise UserError(f"{RULE}: a document whose type is 'input'; {DOCUMENT}")
        if document.get("is_batch"):
            raise UserError(f"{RULE} of one state, with is_batch = false; {DOCUMENT}")
        components = json_deserialize(data)
    except (ValueError, RecursionError, PowerGridError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{RULE} ({' '.join(str(error).split())}); {DOCUMENT}") from None
    names = {
        int(row["id"]): str(row["name"])
        for rows in document["data"].values()
        for row in rows
        if isinstance(row, dict) and row.get("name")
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
    if len(network.table("three_winding_transformer")):
        rule = "transformers with three windings are not watched"
        remedy = "model each as transformers of two windings"
        found.append(Fault(file, None, "three_winding_transformer", "", rule, remedy))
    return found
