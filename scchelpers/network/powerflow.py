"""AC power flow of a network over many intervals, with power-grid-model.

A loading is kept as a complex number: its size is the share of the rating (current of a line,
apparent power of a transformer), its angle that of the power. So flows from several sites add up,
and a flow that turns round passes through zero instead of bouncing off it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from power_grid_model import CalculationMethod, PowerGridModel
from power_grid_model.errors import PowerGridError
from power_grid_model.validation import validate_input_data

from scchelpers.faults import UserError
from scchelpers.network.topology import BRANCHES, LINES, branches, with_sites
from scchelpers.portfolio.network import Network

# Quick method first, the more robust one for intervals in which it fails.
_METHODS = (CalculationMethod.iterative_current, CalculationMethod.newton_raphson)
# Intervals solved at once: enough to keep both cores busy, few enough to stay small in memory.
CHUNK = 4096


class Flow(NamedTuple):
    """Solved intervals.

    Attributes
    ----------
    loading : numpy.ndarray
        Complex loading over (interval, branch, end): both ends of a branch, in an unbalanced
        network each of their three phases.
    lowest_pu, highest_pu : numpy.ndarray
        Lowest and highest voltage of any node and phase, over interval [per unit of rated].
    """

    loading: np.ndarray
    lowest_pu: np.ndarray
    highest_pu: np.ndarray


def supplied(network: Network) -> pd.Series:
    """Return whether a source feeds each node, by node id."""
    nobody = pd.Series(dtype=float)
    return PowerFlow(network, nobody, nobody, unbalanced=False).supplied


class PowerFlow:
    """A network with sites, ready to be solved for any load.

    Parameters
    ----------
    network : Network
        Without the sites' charging.
    nodes, power_factor : pandas.Series
        Node of each site and power factor of its charging, by site_id.
    unbalanced : bool
        Whether to solve each phase. Sites charge alike on the three.

    Raises
    ------
    UserError
        If the network lacks what the calculation needs, no branch has a rating, or a site's node
        does not exist or has no supply.

    Attributes
    ----------
    branches : pandas.DataFrame
        Those with a rating, see `network.branches`.
    supplied : pandas.Series
        Whether a source feeds each node, by node id.
    """

    def __init__(
        self, network: Network, nodes: pd.Series, power_factor: pd.Series, unbalanced: bool
    ) -> None:
        self.network_id = network.network_id
        self.unbalanced = unbalanced
        known = branches(network)
        self.branches = known[known["rating_kva"].notna()]
        if self.branches.empty:
            raise UserError(
                f"{self.network_id}: no branch has a rating; give lines an i_n [A] and "
                "transformers an sn [VA]"
            )
        extended, self._sites = with_sites(network, nodes), len(nodes)
        self._sym, self._asym = extended.table("sym_load"), extended.table("asym_load")
        faults = validate_input_data(dict(extended.components), symmetric=not unbalanced)
        if faults:
            raise UserError(f"{self.network_id}: {faults[0]}")
        self._reactive = np.tan(np.arccos(power_factor.to_numpy(float)))
        self._columns = {
            kind: np.isin(extended.table(kind)["id"], self.branches["id"]) for kind in BRANCHES
        }
        try:
            self._model = PowerGridModel(dict(extended.components))
        except PowerGridError as error:
            raise UserError(f"{self.network_id}: {' '.join(str(error).split())}") from None
        idle = np.zeros((1, 1)), np.zeros((1, len(nodes)))
        results, _, _ = self._run(self._update(*idle), _METHODS[1])
        self._live = results["node"]["energized"][0] == 1
        self.supplied = pd.Series(self._live, network.table("node")["id"])
        for site_id, node in nodes.items():
            if not self.supplied[int(node)]:
                raise UserError(
                    f"site {site_id!r}, network_node = {node}: no source of {self.network_id} "
                    "feeds this node; close a switch, or correct the node in sites.csv"
                )

    def solve(self, scale: np.ndarray, charging_kw: np.ndarray, times: np.ndarray) -> Flow:
        """Solve intervals.

        Parameters
        ----------
        scale : numpy.ndarray
            Load over what the network file specifies, over (interval, load), or (interval, 1) for
            all loads alike. Loads stand as in `network.specified_kva`.
        charging_kw : numpy.ndarray
            Charging over (interval, site) [kW].
        times : numpy.ndarray
            Starts of the intervals, for messages.

        Raises
        ------
        UserError
            If an interval has no solution; it is named.
        """
        parts = []
        for start in range(0, len(times), CHUNK):
            rows = slice(start, start + CHUNK)
            parts.append(self._solve(scale[rows], charging_kw[rows], times[rows]))
        return Flow(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _solve(self, scale, charging_kw, times) -> Flow:
        results, failed, reason = self._run(self._update(scale, charging_kw), _METHODS[0])
        loading, lowest, highest = self._read(results)
        if len(failed):
            again = self._update(scale[failed], charging_kw[failed])
            results, lost, reason = self._run(again, _METHODS[1])
            if len(lost):
                raise UserError(
                    f"{self.network_id}: no power flow for {len(lost)} of {len(times)} intervals, "
                    f"the first {np.datetime_as_string(times[failed[lost[0]]], 'm')} UTC with "
                    f"{charging_kw[failed[lost[0]]].sum():,.0f} kW of charging ({reason}); the "
                    "voltage collapses: lower the load or the request, or check the network"
                )
            loading[failed], lowest[failed], highest[failed] = self._read(results)
        return Flow(loading, lowest, highest)

    def _update(self, scale: np.ndarray, charging_kw: np.ndarray) -> dict:
        """Return the loads of every interval as power-grid-model takes them."""
        own = len(self._sym) - self._sites
        by_load = np.broadcast_to(scale, (len(scale), own + len(self._asym)))
        update = {}
        watts = 1e3 * charging_kw
        for name, charging in (("p_specified", watts), ("q_specified", watts * self._reactive)):
            specified = self._sym[name][:own] * by_load[:, :own]
            update.setdefault("sym_load", {})[name] = np.hstack([specified, charging])
            if len(self._asym):
                by_phase = self._asym[name] * by_load[:, own:, None]
                update.setdefault("asym_load", {})[name] = by_phase
        update["sym_load"]["id"] = np.tile(self._sym["id"], (len(scale), 1))
        if len(self._asym):
            update["asym_load"]["id"] = np.tile(self._asym["id"], (len(scale), 1))
        return update

    def _run(self, update: dict, method: CalculationMethod) -> tuple[dict, np.ndarray, str]:
        """Return results, the positions of intervals without any, and why the first has none."""
        wanted = {"node": ["u_pu", "energized"]}
        for kind, columns in self._columns.items():
            if columns.any():
                sizes = ("p", "q", "i" if kind in LINES else "s")
                wanted[kind] = [f"{size}_{end}" for end in ("from", "to") for size in sizes]
        results = self._model.calculate_power_flow(
            symmetric=not self.unbalanced,
            calculation_method=method,
            update_data=update,
            output_component_types=wanted,
            threading=0,
            continue_on_batch_error=True,
        )
        error = self._model.batch_error
        if error is None:
            return results, np.zeros(0, int), ""
        failed = np.asarray(error.failed_scenarios, int)
        for table in results.values():
            for values in table.values():
                values[failed] = np.nan if values.dtype.kind == "f" else 0  # what is there is noise
        return results, failed, " ".join(error.error_messages[0].split())

    def _read(self, results: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        parts = []
        for kind, columns in self._columns.items():
            if not columns.any():
                continue
            table, rating = results[kind], self._rating(kind)
            size = "i" if kind in LINES else "s"
            ends = []
            for end in ("from", "to"):
                power = (table[f"p_{end}"] + 1j * table[f"q_{end}"])[:, columns]
                power = power.reshape(*power.shape[:2], -1)
                share = table[f"{size}_{end}"][:, columns].reshape(power.shape) / rating
                whole = np.abs(power)
                ends.append(share * np.divide(power, whole, out=power * 0, where=whole > 0))
            parts.append(np.concatenate(ends, axis=2))
        voltage = results["node"]["u_pu"][:, self._live].reshape(len(parts[0]), -1)
        loading = np.concatenate(parts, axis=1).astype(np.complex64)
        return loading, voltage.min(axis=1), voltage.max(axis=1)

    def _rating(self, kind: str) -> np.ndarray:
        """Return what a flow is compared with [A or VA], per phase where phases are solved."""
        rating = self.branches.loc[self.branches["kind"] == kind, "rating"].to_numpy()[:, None]
        return rating / 3 if self.unbalanced and kind not in LINES else rating
