"""Abnormal running: less rating, load switched over, or a branch of the network model open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.network.cmc import TOLERANCE, Model
from scchelpers.network.control import finer
from scchelpers.network.group import Group, unserved_kwh
from scchelpers.network.powerflow import supplied
from scchelpers.network.topology import LOADS, branches, opened


def running(
    group: Group,
    start,
    end,
    *,
    rating_share: float = 1.0,
    transferred_kva: float | xr.DataArray = 0.0,
) -> Group:
    """Return a group in which the network runs abnormally for a time.

    Parameters
    ----------
    group : Group
        Sites and constraints.
    start, end : datetime [UTC]
        Half-open span of the abnormal running.
    rating_share : float
        Share of the rating that is left: one of two transformers out leaves about a half.
    transferred_kva : float or DataArray over time
        Load that is switched over from elsewhere [kVA].

    Raises
    ------
    UserError
        If the share is not above 0, or the span is empty.
    """
    if not rating_share > 0:
        raise UserError(f"rating_share = {rating_share}: must be above 0")
    first, last = (pd.Timestamp(at).tz_convert("UTC").tz_localize(None) for at in (start, end))
    if not first < last:
        raise UserError(f"start = {start}, end = {end}: the end must come after the start")
    within = (group.time >= first.to_datetime64()) & (group.time < last.to_datetime64())
    more = transferred_kva
    if isinstance(more, xr.DataArray):
        more = finer(more, str(group.step)).reindex(time=group.time.to_numpy())
    return replace(
        group,
        load_kva=group.load_kva.where(~within, group.load_kva + more),
        rating_kva=group.rating_kva.where(~within, group.rating_kva * rating_share),
    )


NORMAL = "normal running"


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
        Start and end [UTC] of "highest" and "lowest".

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
        "highest": (begun.idxmax(), begun.idxmax() + span),
        "lowest": (begun.idxmin(), begun.idxmin() + span),
    }


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
    group: Group,
    model: Model,
    site_id: str,
    span: tuple[pd.Timestamp, pd.Timestamp],
    rule: str = "lifo",
    *,
    chosen: Sequence[str] = (),
) -> pd.DataFrame:
    """Return what a CMC leaves a site while branches are out, one at a time.

    Parameters
    ----------
    group : Group
        The sites with their sessions.
    model : Model
        Network in normal running.
    site_id : str
        Site.
    span : (Timestamp, Timestamp)
        Half-open span of the outage [UTC].
    rule : str
        Order of access.
    chosen : sequence of str
        Branches to open in turn; none given: every branch.

    Returns
    -------
    pandas.DataFrame
        By `out`, first `NORMAL`: supplied; left_share, mean limit over the request; unserved_kwh of
        the sessions that begin in the span; dark, nodes without supply, and dark_kva, the highest
        load there; over_share, highest loading of a branch above its rating, 0 where none is.

    Raises
    ------
    UserError
        If there is no such branch, or no interval in the span.
    """
    part, during = group.only([site_id]).between(*span), model.between(*span)
    rows = {}
    for out in [NORMAL, *(chosen or branches(model.network).index)]:
        found = with_open(during, out, rule)
        limit_kw = found["limit_kw"].sel(site=[site_id])
        peak = float(found["loading"].max())
        rows[out] = {
            "supplied": bool(found["supplied"].sel(site=site_id)),
            "left_share": float(limit_kw.mean()) / group.asked_kw(site_id),
            "unserved_kwh": unserved_kwh(part, site_id, limit_kw),
            "dark": len(found.attrs["dark"]),
            "dark_kva": float(found["dark_kva"].max()),
            "over_share": peak if peak > 1 + TOLERANCE else 0.0,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("out")
