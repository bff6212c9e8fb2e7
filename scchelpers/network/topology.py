"""Faults and planned outages in a network model: a branch open for hours or weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.network.comparison import overloads
from scchelpers.network.model import Model
from scchelpers.network.parts import LOADS, branches, opened
from scchelpers.network.powerflow import supplied
from scchelpers.network.study import Study, charge

NORMAL = "normal running"


@dataclass(frozen=True, eq=False)
class Outages:
    """What a CMC leaves each site while a branch is out.

    Attributes
    ----------
    start, end : pandas.Timestamp
        Half-open span of the outages [UTC].
    sites : pandas.DataFrame
        By (branch, site), the first branch `NORMAL`: supplied; left_share, mean limit over the
        request; least_kw, lowest limit; restricted_h [h]; unserved_kwh of the sessions that begin
        in the span.
    network : pandas.DataFrame
        By branch: dark, names of the nodes without supply; dark_kva, their highest load; of the
        branch that is furthest above its rating in spite of the setpoints over_branch, its name,
        over_share, over_h [h], and beyond_h, those hours in which others alone are not too much.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    sites: pd.DataFrame
    network: pd.DataFrame


def extremes(load_kva: xr.DataArray, length: str, timezone: str) -> dict[str, tuple]:
    """Return the spans of highest and lowest mean load that begin at a local midnight.

    Parameters
    ----------
    load_kva : xarray.DataArray
        Load over `time` [kVA].
    length : str
        Of the span, such as "14D" or "36h".
    timezone : str
        Zone of the clock.

    Returns
    -------
    dict of str to (Timestamp, Timestamp)
        Start and end [UTC] by name, such as "14 days at the highest load"; highest first.

    Raises
    ------
    UserError
        If the record is shorter than the span.
    """
    times = timebase.utc_index(load_kva["time"])
    many = int(pd.Timedelta(length) / (times[1] - times[0]))
    clock = timebase.clock(times, timezone)
    midnight = (clock.hour == 0) & (clock.minute == 0)
    mean = pd.Series(load_kva.to_numpy(), times).rolling(many).mean().shift(1 - many)
    begun = mean[midnight].dropna()
    if begun.empty:
        raise UserError(f"an outage of {length} is longer than the load on record")
    span = pd.Timedelta(length)
    return {
        f"{lasting(span)} at the {which} load": (start, start + span)
        for which, start in (("highest", begun.idxmax()), ("lowest", begun.idxmin()))
    }


def lasting(span: pd.Timedelta) -> str:
    """Return a length of time in words."""
    days = span / pd.Timedelta("1D")
    if days >= 2:
        return f"{days:g} days"
    return f"{span / pd.Timedelta('1h'):g} hours"


def with_open(model: Model, branch: str, rule: str = "lifo") -> xr.Dataset:
    """Return the setpoints of a CMC with a branch out of service.

    Parameters
    ----------
    model : Model
        In normal running.
    branch : str
        Branch to open; `NORMAL` for none.
    rule : str
        Order of access.

    Returns
    -------
    xarray.Dataset
        As from `cmc.setpoints`, with supplied (site), whether a source still feeds it; a site that
        is cut off has the limit 0. dark_kva (time) is the load of others that is cut off [kVA],
        attrs["dark"] the names of the nodes without supply.

    Raises
    ------
    UserError
        If there is no such branch.
    """
    network = model.network
    left = replace(model, network=network if branch == NORMAL else opened(network, branch))
    live = supplied(left.network)
    asked = model.requested_kw.get_index("site")
    fed = model.sites.loc[asked, "network_node"].map(live).to_numpy(bool)
    found = left.only(asked[fed]).setpoints(rule)
    limit_kw = found["limit_kw"].reindex(site=asked, fill_value=0.0)
    cut_off = [
        network.names.get(int(row["id"]), f"load {row['id']}")
        for kind in LOADS
        for row in network.table(kind)
        if not live[int(row["node"])]
    ]
    dark = [network.names.get(int(node), f"node {node}") for node in live.index[~live]]
    return (
        found.drop_dims("site")
        .assign(
            limit_kw=limit_kw.where(found["unresolved_kva"] >= 0),
            supplied=("site", fed),
            dark_kva=model.base_kva.sel(load=cut_off).sum("load"),
        )
        .assign_attrs(dark=dark)
    )


def with_each_open(
    study: Study,
    model: Model,
    span: tuple[pd.Timestamp, pd.Timestamp],
    rule: str = "lifo",
    *,
    chosen: Sequence[str] = (),
) -> Outages:
    """Return what a CMC leaves each site while branches are out, one at a time.

    Parameters
    ----------
    study : Study
        The sites with their sessions.
    model : Model
        Network in normal running.
    span : (Timestamp, Timestamp)
        Half-open span of the outage [UTC].
    rule : str
        Order of access.
    chosen : sequence of str
        Branches to open in turn; none given: every branch (N-1).

    Raises
    ------
    UserError
        If there is no such branch, or no interval in the span.
    """
    short = study.only(list(model.sites.index)).between(*span)
    part = model.between(*span)
    by_site, by_branch = {}, {}
    for branch in [NORMAL, *(chosen or branches(model.network).index)]:
        found = with_open(part, branch, rule)
        by_site[branch] = _of_sites(short, found)
        by_branch[branch] = _of_network(found)
    return Outages(
        *span,
        pd.concat(by_site, names=["branch", "site"]),
        pd.DataFrame.from_dict(by_branch, orient="index").rename_axis("branch"),
    )


def _of_sites(study: Study, found: xr.Dataset) -> pd.DataFrame:
    limit_kw, asked = found["limit_kw"], study.requested_kw
    held = charge(study, limit_kw)
    return pd.DataFrame(
        {
            "supplied": found["supplied"],
            "left_share": (limit_kw / asked).mean("time"),
            "least_kw": limit_kw.min("time"),
            "restricted_h": (limit_kw < asked - 1e-6).sum("time") * _hours(found),
            "unserved_kwh": [held[name].sessions["unserved_kwh"].sum() for name in study.sites],
        },
        index=limit_kw.get_index("site"),
    )


def _of_network(found: xr.Dataset) -> dict:
    row = {"dark": found.attrs["dark"], "dark_kva": float(found["dark_kva"].max())}
    over = overloads(found)
    if over.empty:
        return row | {"over_branch": "", "over_share": np.nan, "over_h": 0.0, "beyond_h": 0.0}
    worst = over["peak_share"].idxmax()
    share, hours, beyond_h = over.loc[worst, ["peak_share", "over_h", "beyond_h"]]
    return row | {
        "over_branch": worst,
        "over_share": share,
        "over_h": hours,
        "beyond_h": beyond_h,
    }


def _hours(found: xr.Dataset) -> float:
    first, second = found["time"].to_index()[:2]
    return (second - first) / pd.Timedelta("1h")
