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

    Examples
    --------
    >>> from scchelpers.network import locally_managed
    >>> from scchelpers.portfolio import Portfolio
    >>> group = locally_managed([Portfolio.open("data/demo").site("elm-road-lamps")], step="30min")
    >>> start = pd.Timestamp("2025-06-01T00:00Z")
    >>> other = running(group, start, start + pd.Timedelta("1D"), rating_share=0.5)
    >>> float((other.rating_kva / group.rating_kva).min())
    0.5
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


def heaviest(load_kva: xr.DataArray, planned: str, timezone: str) -> dict[str, tuple]:
    """Return when an outage is tried: at the highest load, and for a planned one at the lowest.

    Parameters
    ----------
    load_kva : xarray.DataArray
        Load over `time` [kVA].
    planned : str
        Length of a planned outage, such as "14D"; another lasts 36 hours. Both begin at a local
        midnight.
    timezone : str
        Zone of the clock.

    Returns
    -------
    dict of str to (Timestamp, Timestamp)
        Start and end [UTC] by case, in words.

    Raises
    ------
    UserError
        If the record is shorter than the outage.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=48 * 10, freq="30min")
    >>> load = xr.DataArray(range(480), {"time": time}, ("time",))
    >>> list(heaviest(load, "2D", "Europe/London"))
    ['36 hours of highest load', '2 days of highest load', '2 days of lowest load']
    """
    days = f"{pd.Timedelta(planned) / pd.Timedelta('1D'):g} days"
    brief, weeks = (_begun(load_kva, length, timezone) for length in ("36h", planned))
    first = {
        "36 hours of highest load": (brief.idxmax(), "36h"),
        f"{days} of highest load": (weeks.idxmax(), planned),
        f"{days} of lowest load": (weeks.idxmin(), planned),
    }
    return {case: (at, at + pd.Timedelta(length)) for case, (at, length) in first.items()}


def _begun(load_kva: xr.DataArray, length: str, timezone: str) -> pd.Series:
    """Return the mean load of the spans that begin at each local midnight [kVA]."""
    times = timebase.utc_index(load_kva["time"])
    many = int(pd.Timedelta(length) / (times[1] - times[0]))
    clock = timebase.clock(times, timezone)
    mean = pd.Series(load_kva.to_numpy(), times).rolling(many).mean().shift(1 - many)
    begun = mean[(clock.hour == 0) & (clock.minute == 0)].dropna()
    if begun.empty:
        raise UserError(f"an outage of {length} is longer than the load on record")
    return begun


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
    span: tuple[pd.Timestamp, pd.Timestamp],
    rule: str = "lifo",
    *,
    chosen: Sequence[str] = (),
) -> pd.DataFrame:
    """Return what a CMC leaves each site while branches are out, one at a time.

    Parameters
    ----------
    group : Group
        The sites with their sessions.
    model : Model
        Network in normal running.
    span : (Timestamp, Timestamp)
        Half-open span of the outage [UTC].
    rule : str
        Order of access.
    chosen : sequence of str
        Branches to open in turn; none given: every branch.

    Returns
    -------
    pandas.DataFrame
        By `out`, first `NORMAL`, and `site`: supplied; left_share, mean limit over the request;
        unserved_kwh of the sessions that begin in the span; dark, nodes without supply, and
        dark_kva, the highest load there; over_share, highest loading of a branch above its rating,
        0 where none is.

    Raises
    ------
    UserError
        If there is no such branch, or no interval in the span.

    Examples
    --------
    >>> from scchelpers.network import cmc
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> group, model, _ = cmc.area(folder, ["elm-road-lamps"], "elm-road-tx")
    >>> hour = (pd.Timestamp("2025-06-03T12:00Z"), pd.Timestamp("2025-06-03T13:00Z"))
    >>> with_each_open(group, model, hour)["supplied"].groupby("out").all().any().item()
    True
    """
    site_ids = model.requested_kw.get_index("site")
    part, during = group.only(site_ids).between(*span), model.between(*span)
    rows, unserved = {}, {}
    for out in [NORMAL, *(chosen or branches(model.network).index)]:
        found = with_open(during, out, rule)
        peak = float(found["loading"].max())
        for site_id in site_ids:
            limit_kw = found["limit_kw"].sel(site=site_id, drop=True)
            # Most outages leave most sites what they had, or nothing: each limit is tried once.
            limit = site_id, limit_kw.to_numpy().tobytes()
            if limit not in unserved:
                unserved[limit] = unserved_kwh(part, site_id, limit_kw)
            rows[out, site_id] = {
                "supplied": bool(found["supplied"].sel(site=site_id)),
                "left_share": float(limit_kw.mean()) / group.asked_kw(site_id),
                "unserved_kwh": unserved[limit],
                "dark": len(found.attrs["dark"]),
                "dark_kva": float(found["dark_kva"].max()),
                "over_share": peak if peak > 1 + TOLERANCE else 0.0,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["out", "site"])
