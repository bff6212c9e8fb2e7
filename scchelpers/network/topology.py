"""The parts of a network model: branches with their ratings, loads, and sites joined to nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr
from power_grid_model import ComponentType, DatasetType, LoadGenType, initialize_array

from scchelpers.faults import UserError, closest
from scchelpers.portfolio.network import Network
from scchelpers.tcc import rating_at
from scchelpers.timebase import LONDON

# A line is rated in amperes, a transformer in kVA: branch kind -> what its loading compares.
LINES = ("line", "asym_line")

_TRANSFORMERS = ("transformer", "generic_branch")

BRANCHES = (*LINES, *_TRANSFORMERS)

LOADS = ("sym_load", "asym_load")


def branches(network: Network) -> pd.DataFrame:
    """Return the branches of a network that may have a rating.

    Returns
    -------
    pandas.DataFrame
        Indexed by `branch` (its name in the file, else kind and id), with columns kind, id,
        from_node, to_node, rating (`i_n` [A] of a line, `sn` [VA] of a transformer) and
        rating_kva [kVA], for a line at rated voltage. Missing where the file gives none: such a
        branch limits nobody.
    """
    nodes = network.table("node")
    volts = dict(zip(nodes["id"].tolist(), nodes["u_rated"].tolist(), strict=True))
    rows = []
    for kind in BRANCHES:
        for row in network.table(kind):
            number, rating = int(row["id"]), float(row["i_n" if kind in LINES else "sn"])
            rating = rating if 0 < rating < np.inf else np.nan
            volt_amperes = np.sqrt(3) * volts[int(row["from_node"])] * rating
            rows.append(
                {
                    "branch": network.names.get(number, f"{kind} {number}"),
                    "kind": kind,
                    "id": number,
                    "from_node": int(row["from_node"]),
                    "to_node": int(row["to_node"]),
                    "rating": rating,
                    "rating_kva": (volt_amperes if kind in LINES else rating) / 1e3,
                }
            )
    columns = ["branch", "kind", "id", "from_node", "to_node", "rating", "rating_kva"]
    frame = pd.DataFrame(rows, columns=columns)
    again = frame["branch"].duplicated(keep=False)
    frame.loc[again, "branch"] += " (" + frame["id"].astype(str) + ")"
    return frame.set_index("branch")


def opened(network: Network, branch: str) -> Network:
    """Return a network with a branch out of service, as in a fault or a planned outage.

    Raises
    ------
    UserError
        If there is no such branch.
    """
    known = branches(network)
    if branch not in known.index:
        raise UserError(
            f"{network.network_id}: no branch {branch!r}; "
            f"{closest(branch, known.index) or 'branches: ' + ', '.join(known.index)}"
        )
    kind, number = known.loc[branch, ["kind", "id"]]
    rows = network.table(kind).copy()
    rows["from_status"] = np.where(rows["id"] == number, 0, rows["from_status"])
    rows["to_status"] = np.where(rows["id"] == number, 0, rows["to_status"])
    return replace(network, components={**network.components, kind: rows})


def with_sites(network: Network, nodes: pd.Series) -> Network:
    """Return a network with a balanced load for each site, the last of its `sym_load`.

    Parameters
    ----------
    network : Network
        Without the sites' charging.
    nodes : pandas.Series
        Node id by site_id.

    Raises
    ------
    UserError
        If a node is missing or not of the network.
    """
    known = set(network.table("node")["id"].tolist())
    for site_id, node in nodes.items():
        if pd.isna(node) or int(node) not in known:
            raise UserError(
                f"site {site_id!r}, network_node = {node}: not a node of {network.network_id}; "
                "correct it in sites.csv"
            )
    highest = max(int(rows["id"].max()) for rows in network.components.values() if len(rows))
    loads = initialize_array(DatasetType.input, ComponentType.sym_load, len(nodes))
    loads["id"] = np.arange(highest + 1, highest + 1 + len(nodes))
    loads["node"], loads["status"] = nodes.to_numpy(int), 1
    loads["type"], loads["p_specified"], loads["q_specified"] = LoadGenType.const_power, 0, 0
    before = network.components.get("sym_load", loads[:0])
    return replace(
        network,
        components={**network.components, "sym_load": np.concatenate([before, loads])},
    )


def specified_kva(network: Network) -> pd.Series:
    """Return the loads of a network as the file gives them [kVA], by load.

    Complex: active power plus reactive power times j, of all phases together. A load is named as
    in the file, else "load" and id.
    """
    power = {}
    for kind in LOADS:
        for row in network.table(kind):
            name = network.names.get(int(row["id"]), f"load {row['id']}")
            power[name] = complex(np.sum(row["p_specified"]), np.sum(row["q_specified"])) / 1e3
    return pd.Series(power, dtype=complex).rename_axis("load")


def base_loads(network: Network, records: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Return the load at each load of a network before the sites.

    A load of the model that bears the name of an asset with a record of its own follows that
    record. The others share what is left of the network's record in proportion to what the file
    specifies.

    Parameters
    ----------
    network : Network
        Without the sites' charging.
    records : mapping of str to DataArray over time
        Load by asset_id [kVA]; that of the network's own asset must be among them.

    Returns
    -------
    xarray.DataArray
        base_kva over (time, load) [kVA], added as if in phase; `attrs["below_zero_h"]` tells for
        how long the records of single loads exceed the network's: nothing is left to share then.

    Raises
    ------
    UserError
        If the network's own record is missing.
    """
    if network.network_id not in records:
        raise UserError(
            f"{network.network_id}: its own load is not on record; add network_kva of this asset"
        )
    specified = specified_kva(network)
    own = [name for name in specified.index if name in records and name != network.network_id]
    rest = specified.drop(own)
    whole, *known = xr.align(
        records[network.network_id], *(records[name] for name in own), join="left"
    )
    left = whole - sum(known) if known else whole
    share = np.abs(rest) / abs(rest.sum()) if len(rest) else np.abs(rest)
    # A network that exports as a whole (no own records) keeps its sign.
    shared = left.clip(min=0) if known else left
    parts = [
        known[own.index(name)] if name in own else shared * share[name] for name in specified.index
    ]
    first, second = whole["time"].to_index()[:2]
    found = xr.concat(parts, pd.Index(specified.index, name="load"), join="override")
    return (
        found.transpose("time", "load")
        .rename("base_kva")
        .assign_attrs(
            units="kVA",
            recorded=own,
            below_zero_h=float((left < 0).sum()) * (second - first) / pd.Timedelta("1h")
            if known
            else 0.0,
        )
    )


def rating_factor(
    network: Network,
    ratings: Mapping[str, pd.Series],
    time: xr.DataArray,
    timezone: str = LONDON,
) -> xr.DataArray | float:
    """Return the rating of branches by season over that of the network file.

    Parameters
    ----------
    network : Network
        Its branches that bear the name of an asset take that asset's ratings.
    ratings : mapping of str to Series
        Rating by season [kVA], by the asset's name.
    time : xarray.DataArray
        Starts of the intervals.
    timezone : str
        Zone of the calendar.

    Returns
    -------
    xarray.DataArray or float
        Over (time, branch), for `cmc.setpoints`; 1 where no branch is named after an asset.
    """
    known = branches(network)["rating_kva"].dropna()
    named = [name for name in known.index if name in ratings]
    if not named:
        return 1.0
    parts = [rating_at(ratings[name], time, timezone) / known[name] for name in named]
    return xr.concat(parts, pd.Index(named, name="branch")).transpose("time", "branch")
