"""What a network model takes from the records of its assets: each load's series, and ratings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.network.parts import branches, specified_kva
from scchelpers.portfolio.network import Network
from scchelpers.tcc.ratings import rating_at
from scchelpers.timebase import LONDON


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
