"""CMC: setpoints of several sites under the constraints of a network, checked by AC power flow.

Two batches, without charging and with all that is requested, tell how each constraint answers;
`allocate` shares the headroom out; a third batch checks it, and what is off is corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError, closest
from scchelpers.network.allocation import LEAST_SENSITIVITY, allocate
from scchelpers.network.control import PERFECT
from scchelpers.network.group import Group, lacking, limits, tree_managed, upstream, views
from scchelpers.network.powerflow import CHUNK, Flow, PowerFlow
from scchelpers.network.topology import base_loads, branches, rating_factor, specified_kva
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.network import Network


@dataclass(frozen=True)
class _Linear:
    """Constraints as straight lines over interval and constraint, and over sites as well."""

    headroom_kva: np.ndarray
    sensitivity: np.ndarray
    rating_kva: np.ndarray
    kva: np.ndarray

    def predicted_kva(self, charging_kw: np.ndarray) -> np.ndarray:
        """Return the flow on each constraint [kVA] that the lines foretell for a charging."""
        seen = np.einsum("tsk,ts->tk", self.sensitivity, charging_kw)
        return self.rating_kva - self.headroom_kva + seen

    def rows(self, chosen: np.ndarray) -> _Linear:
        """Return the same for some intervals."""
        return _Linear(
            self.headroom_kva[chosen],
            self.sensitivity[chosen],
            self.rating_kva[chosen],
            self.kva,
        )


def _linearised(
    without: np.ndarray,
    full: np.ndarray,
    share: np.ndarray,
    requested_kw: np.ndarray,
    kva: np.ndarray,
    factor: np.ndarray,
    least: float,
) -> _Linear:
    """Return the linear model between two solved states."""
    change = full - without
    parts = share * requested_kw[:, :, None]
    weight = np.abs(parts)
    total = weight.sum(axis=1, keepdims=True)
    left = (change - parts.sum(axis=1))[:, None]
    parts = parts + left * np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)

    there = without + _crossing(without, change, factor) * change
    size = np.abs(there)
    towards = np.divide(there.conj(), size, out=np.ones_like(there), where=size > 0)
    asked = requested_kw[:, :, None]
    per_kw = np.where(asked > 0, parts / np.where(asked > 0, asked, 1.0), share)
    sensitivity = kva * (per_kw * towards[:, None]).real
    return _Linear(
        kva * (factor - (without * towards).real),
        np.where(np.abs(sensitivity) > least, sensitivity, 0.0),
        kva * factor,
        kva,
    )


def _crossing(without: np.ndarray, change: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return the largest share of a change, 0 to 1, at which a complex loading stays in a rating.

    Examples
    --------
    >>> _crossing(np.array([0.6 + 0j, -0.5, 1.2]), np.array([0.8, 2.0, 0.1]), 1.0).round(3).tolist()
    [0.5, 0.75, 0.0]
    """
    a = np.abs(change) ** 2
    b = (without.conj() * change).real
    c = np.abs(without) ** 2 - factor**2
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    share = np.divide(root - b, a, out=np.ones_like(a), where=a > 0)
    return np.clip(share, 0.0, 1.0)


class _Survey(NamedTuple):
    """Every interval solved without charging and with all that is requested."""

    without: np.ndarray
    full: np.ndarray
    lowest_pu: np.ndarray
    highest_pu: np.ndarray
    short: np.ndarray
    ends_without: np.ndarray
    ends_full: np.ndarray


@dataclass(frozen=True)
class Intervals:
    """The intervals of which load, request and rating are known.

    Attributes
    ----------
    flow : PowerFlow
        The network with its sites.
    sites : pandas.Index
        The sites, in the order of `requested_kw`.
    times : numpy.ndarray
        Starts of the intervals.
    scale : numpy.ndarray
        Load over what the network file specifies, over (interval, load) or (interval, 1).
    requested_kw : numpy.ndarray
        Over (interval, site) [kW].
    factor : numpy.ndarray
        Rating over that of the file, over (interval, branch).
    """

    flow: PowerFlow
    sites: pd.Index
    times: np.ndarray
    scale: np.ndarray
    requested_kw: np.ndarray
    factor: np.ndarray

    @classmethod
    def of(
        cls,
        network: Network,
        base_kva: xr.DataArray,
        sites: pd.DataFrame,
        requested_kw: xr.DataArray,
        rating_factor: xr.DataArray | float,
        unbalanced: bool | None,
    ) -> Intervals:
        """Return a case, its inputs checked; they are those of `cmc.setpoints`."""
        for name in ("network_node", "power_factor"):
            blank = sites.index[sites[name].isna()] if name in sites else sites.index
            if len(blank):
                raise UserError(f"site {blank[0]!r} has no {name}; fill it in in sites.csv")
        unbalanced = network.unbalanced if unbalanced is None else unbalanced
        flow = PowerFlow(network, sites["network_node"], sites["power_factor"], unbalanced)
        time = base_kva["time"]
        scale = _scale(network, base_kva)
        requested = _over(requested_kw, time, "requested_kw", site=sites.index)
        if isinstance(rating_factor, xr.DataArray) and "branch" in rating_factor.dims:
            named = rating_factor.get_index("branch")
            for name in named.difference(flow.branches.index):
                hint = closest(str(name), flow.branches.index) or "see network.branches"
                raise UserError(f"rating_factor: no rated branch {name!r}; {hint}")
            rating_factor = rating_factor.reindex(branch=flow.branches.index, fill_value=1.0)
        factor = _over(rating_factor, time, "rating_factor", branch=flow.branches.index)
        known = np.isfinite(np.hstack([scale, requested, factor])).all(axis=1)
        if (requested < 0).any() or (factor <= 0).any():
            raise UserError("requested_kw must be 0 or more and rating_factor above 0")
        parts = (time.to_numpy(), scale, requested, factor)
        return cls(flow, sites.index.rename("site"), *(part[known] for part in parts))

    def solve(self, rows: np.ndarray, charging_kw: np.ndarray) -> Flow:
        """Solve some intervals under a charging, over (interval, site) [kW]."""
        return self.flow.solve(self.scale[rows], charging_kw, self.times[rows])

    def loading(self, rows: np.ndarray, flow: Flow) -> np.ndarray:
        """Return the loading over (interval, branch): the largest of ends and phases."""
        return np.abs(flow.loading).max(axis=2) / self.factor[rows]

    def survey(self) -> _Survey:
        """Solve every interval without charging and with all that is requested."""
        parts = []
        for start in range(0, len(self.times), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(self.times)))
            full = self.solve(rows, self.requested_kw[rows])
            without = self.solve(rows, np.zeros_like(self.requested_kw[rows]))
            over = self.loading(rows, full)
            short = (over > 1).any(axis=1)
            parts.append(
                _Survey(
                    self.loading(rows, without),
                    over,
                    full.lowest_pu,
                    full.highest_pu,
                    rows[short],
                    _flat(without.loading[short]),
                    _flat(full.loading[short]),
                )
            )
        if not parts:
            raise UserError("there is no interval of which load, request and rating are known")
        return _Survey(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _flat(loading: np.ndarray) -> np.ndarray:
    """Return a loading over (interval, branch, end) as (interval, branch and end)."""
    return loading.reshape(len(loading), loading.shape[1] * loading.shape[2])


def _scale(network: Network, base_kva: xr.DataArray) -> np.ndarray:
    """Return the load over what the file specifies, over (interval, load) or (interval, 1)."""
    specified = specified_kva(network)
    if "load" not in base_kva.dims:
        whole = abs(specified.sum())
        if not whole:
            raise UserError(
                f"{network.network_id}: its loads specify no power to split base_kva by; give "
                "p_specified to sym_load or asym_load, or base_kva over (time, load)"
            )
        return _over(base_kva, base_kva["time"], "base_kva")[:, None] / whole
    empty = specified.index[specified == 0]
    if len(empty):
        raise UserError(
            f"{network.network_id}: load {empty[0]!r} specifies no power, so that its power "
            "factor is not known; give its p_specified and q_specified"
        )
    return _over(base_kva, base_kva["time"], "base_kva", load=specified.index) / np.abs(
        specified.to_numpy()
    )


def _over(values: xr.DataArray | float, time: xr.DataArray, name: str, **dim: pd.Index):
    """Return values over time and one more dim, repeated along those that they lack."""
    index = {own: pd.Index(labels).rename(own) for own, labels in {"time": time, **dim}.items()}
    if isinstance(values, xr.DataArray):
        for own in values.dims:
            if own not in index or set(values.get_index(own)) != set(index[own]):
                raise UserError(
                    f"{name}: its {own} does not fit; give it over {' and '.join(index)}, with "
                    "the times of base_kva and the labels of the network and the sites"
                )
        values = values.reindex({own: index[own] for own in values.dims})
    template = xr.DataArray(np.ones([len(i) for i in index.values()]), index, list(index))
    return (template * values).transpose(*index).to_numpy()


# A setpoint stands when a further correction moves it by less than this share of the request, or
# of the smallest rating watched.
_SETTLED = 1e-4

# Above this share of the rating a loading counts as an overload.
TOLERANCE = 1e-3


def setpoints(
    network: Network,
    base_kva: xr.DataArray,
    sites: pd.DataFrame,
    requested_kw: xr.DataArray,
    rule: str = "lifo",
    *,
    rank: pd.Series | None = None,
    rating_factor: xr.DataArray | float = 1.0,
    unbalanced: bool | None = None,
    corrections: int = 8,
    least_sensitivity: float = LEAST_SENSITIVITY,
) -> xr.Dataset:
    """Share the capacity of a network among sites, interval by interval.

    Parameters
    ----------
    network : Network
        Without the sites' charging: `Portfolio.network(network_id)`.
    base_kva : xarray.DataArray
        Load before the sites [kVA], import positive. Over `time`: of the whole network, split over
        its loads as the file specifies them. Over (time, load): of each load. A load keeps the
        power factor that the file gives it.
    sites : pandas.DataFrame
        Indexed by site_id, with columns network_node, power_factor and, under "lifo" without a
        rank, applied_on: rows of `Portfolio.sites`.
    requested_kw : xarray.DataArray
        What each site asks for [kW], over `site` (its capacity) or (time, site) (its demand).
    rule : str
        Order of access: "lifo", "pro-rata" or "priority", see `allocate`.
    rank : pandas.Series, optional
        By site_id, lowest first; under "lifo" the day of application by default.
    rating_factor : xarray.DataArray or float
        Rating over that of the file, over `time`, `branch` or both: seasons, faults. Branches
        that it does not name keep 1.
    unbalanced : bool, optional
        Solve each phase; by default where the network has loads by phase.
    corrections : int
        Most corrections of an interval.
    least_sensitivity : float
        See `allocate`.

    Returns
    -------
    xarray.Dataset
        limit_kw (time, site) [kW]; loading_without, loading_full and loading (time, branch), the
        largest of ends and phases as a share of the rating: without charging, with all that is
        requested, under the setpoints; lowest_pu and highest_pu (time), voltages under the
        setpoints [per unit of rated]; unresolved_kva (time), the largest overload that remains, as
        a rule of the base load alone; corrections (time). NaN where load, request or rating is not
        known.

    Raises
    ------
    UserError
        If labels or dims do not fit, a site's node or day of application is missing, or an
        interval has no power flow.

    Notes
    -----
    A line is loaded by its current, a transformer by its apparent power; of three phases the
    fullest counts. A site that a constraint hardly sees (`least_sensitivity`) is not held back for
    it; what it adds there is made good by those who are.
    Source: methods reference, section 9.1.
    """
    chosen = sites.reindex(requested_kw.get_index("site"))
    rank = _rank(chosen, rule, rank)
    case = Intervals.of(network, base_kva, chosen, requested_kw, rating_factor, unbalanced)
    survey = case.survey()
    limit_kw, loading = case.requested_kw.copy(), survey.full.copy()
    lowest, highest = survey.lowest_pu.copy(), survey.highest_pu.copy()
    count, short = np.zeros(len(case.times)), survey.short
    if len(short) and len(chosen):
        access = {"rule": rule, "rank": rank, "least_sensitivity": least_sensitivity}
        limit_kw[short], flow, count[short] = _Short.of(case, survey, access).settled(corrections)
        loading[short] = case.loading(short, flow)
        lowest[short], highest[short] = flow.lowest_pu, flow.highest_pu
    over = (
        np.where(loading > 1 + TOLERANCE, loading - 1, 0.0)
        * case.factor
        * case.flow.branches["rating_kva"].to_numpy()
    )
    by_branch = ("time", "branch")
    found = xr.Dataset(
        {
            "limit_kw": (("time", "site"), limit_kw, {"units": "kW"}),
            "loading_without": (by_branch, survey.without.astype(np.float32), {"units": "1"}),
            "loading_full": (by_branch, survey.full.astype(np.float32), {"units": "1"}),
            "loading": (by_branch, loading.astype(np.float32), {"units": "1"}),
            "lowest_pu": ("time", lowest, {"units": "1"}),
            "highest_pu": ("time", highest, {"units": "1"}),
            "unresolved_kva": ("time", over.max(axis=1), {"units": "kVA"}),
            "corrections": ("time", count, {"units": "1"}),
        },
        {"time": case.times, "site": case.sites, "branch": case.flow.branches.index},
        {"network_id": network.network_id, "rule": rule},
    )
    return found.reindex(time=base_kva["time"])


def _rank(sites: pd.DataFrame, rule: str, rank: pd.Series | None) -> pd.Series | None:
    if rank is not None or rule != "lifo":
        return rank
    applied_on = sites.get("applied_on", pd.Series(pd.NaT, index=sites.index))
    if applied_on.isna().any():
        raise UserError(
            f"site {applied_on.index[applied_on.isna()][0]!r} has no applied_on, which orders the "
            "LIFO stack; fill it in in sites.csv, or give rank"
        )
    return applied_on


@dataclass(frozen=True)
class _Short:
    """The intervals in which the request does not fit."""

    case: Intervals
    rows: np.ndarray
    line: _Linear
    watched: np.ndarray
    access: dict

    @classmethod
    def of(cls, case: Intervals, survey: _Survey, access: dict) -> _Short:
        """Return the short intervals of a survey with their linear model."""
        rows, without, full = survey.short, survey.ends_without, survey.ends_full
        requested_kw = case.requested_kw[rows]
        # What each site adds is told by leaving it out, once, in a middling one of the intervals.
        typical = rows[np.argsort(survey.full[rows].max(axis=1))[len(rows) // 2]]
        mean_kw = requested_kw.mean(axis=0)
        trials = np.vstack([mean_kw, mean_kw * (1 - np.eye(len(mean_kw)))])
        states = _flat(case.solve(np.full(len(trials), typical), trials).loading)
        share = (states[0] - states[1:]) / np.where(mean_kw > 0, mean_kw, 1.0)[:, None]

        ends = full.shape[1] // len(case.flow.branches)
        factor = np.repeat(case.factor[rows], ends, axis=1)
        reach = (np.abs(share) * requested_kw.max(axis=0)[:, None]).sum(axis=0)
        highest = (np.maximum(np.abs(without), np.abs(full)) + reach) / factor
        watched = np.flatnonzero(highest.max(axis=0) > 1)
        phases = 3 if case.flow.unbalanced else 1
        kva = np.repeat(case.flow.branches["rating_kva"].to_numpy() / phases, ends)
        line = _linearised(
            without[:, watched],
            full[:, watched],
            share[:, watched],
            requested_kw,
            kva[watched],
            factor[:, watched],
            access["least_sensitivity"],
        )
        return cls(case, rows, line, watched, access)

    def shared(self, chosen: np.ndarray, headroom_kva: np.ndarray) -> np.ndarray:
        """Return what each site gets of a headroom in some of the intervals [kW]."""
        time = {"time": self.case.times[self.rows[chosen]]}
        site, constraint = {"site": self.case.sites}, {"constraint": self.watched}
        return allocate(
            xr.DataArray(self.case.requested_kw[self.rows[chosen]], time | site),
            xr.DataArray(headroom_kva, time | constraint),
            xr.DataArray(self.line.sensitivity[chosen], time | site | constraint),
            **self.access,
        ).to_numpy()

    def settled(self, corrections: int) -> tuple[np.ndarray, Flow, np.ndarray]:
        """Return setpoints [kW] that the AC power flow bears out, that flow, and the corrections.

        What the flow shows beyond the linear model is taken off the headroom and shared out again,
        in the intervals where that still moves a setpoint.
        """
        left = np.arange(len(self.rows))
        limit_kw = self.shared(left, self.line.headroom_kva)
        flow = self.case.solve(self.rows, limit_kw)
        count = np.zeros(len(left))
        for _ in range(corrections):
            line = self.line.rows(left)
            found_kva = np.abs(_flat(flow.loading[left])[:, self.watched]) * line.kva
            amiss_kva = found_kva - line.predicted_kva(limit_kw[left])
            better = self.shared(left, line.headroom_kva - amiss_kva)
            least = _SETTLED * np.minimum(self.case.requested_kw[self.rows[left]], line.kva.min())
            moved = (np.abs(better - limit_kw[left]) > least).any(axis=1)
            left = left[moved]
            if not len(left):
                break
            limit_kw[left] = better[moved]
            again = self.case.solve(self.rows[left], limit_kw[left])
            for kept, new in zip(flow, again, strict=True):
                kept[left] = new
            count[left] += 1
        return limit_kw, flow, count


# Rating, as a multiple of the true one, of a branch that a scheme does not watch.
_UNWATCHED = 1e3


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its sites on one time axis.

    Attributes
    ----------
    network : Network
        Without the sites' charging.
    base_kva : xarray.DataArray
        Load before the sites over (time, load) [kVA].
    sites : pandas.DataFrame
        Rows of `Portfolio.sites`, in the group's order.
    requested_kw : xarray.DataArray
        Requested capacity over `site` [kW].
    rating_factor : xarray.DataArray or float
        Rating over that of the network file.
    unwatched : tuple of str
        Assets above these sites with a record and a rating that no rated branch stands for.
    """

    network: Network
    base_kva: xr.DataArray
    sites: pd.DataFrame
    requested_kw: xr.DataArray
    rating_factor: xr.DataArray | float = 1.0
    unwatched: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        network: Network,
        group: Group,
        sites: pd.DataFrame,
        assets: Mapping[str, tuple[xr.DataArray, pd.Series]],
        names: Mapping[str, str],
    ) -> Model:
        """Return the model of those sites of a group that lie in the network.

        Parameters
        ----------
        network : Network
            Network.
        group : Group
            Sites.
        sites : pandas.DataFrame
            `Portfolio.sites`.
        assets : mapping of str to (DataArray, Series)
            Load over time and rating by season of each asset [kVA], by asset_id: a load of the
            network named by an asset_id follows that asset's record, see `base_loads`.
        names : mapping of str to str
            Name by asset_id: a branch of that name takes the asset's ratings.
        """
        own = [name for name in group.sites if sites.loc[name, "network_id"] == network.network_id]
        base_kva = base_loads(network, {name: load for name, (load, _) in assets.items()})
        ratings = {names[name]: rating for name, (_, rating) in assets.items()}
        factor = rating_factor(network, ratings, base_kva["time"])
        rows = sites.loc[own].assign(power_factor=[group.sites[name].power_factor for name in own])
        rated = branches(network)["rating_kva"].dropna().index
        feeds = (group.sensitivity.sel(site=own) > 0).any("site").to_series()
        unwatched = tuple(name for name in assets if feeds[name] and names[name] not in rated)
        asked = group.requested_kw.sel(site=own)
        return cls(network, base_kva, rows, asked, factor, unwatched)

    @property
    def watched(self) -> pd.Index:
        """Branches that have a rating: no other holds a site back."""
        return branches(self.network)["rating_kva"].dropna().index

    def held_by_record(self, group: Group, limit_kw: xr.DataArray, rule: str) -> xr.DataArray:
        """Return setpoints that keep to the assets that the model does not watch, too.

        Their own record and rating count, as a monitor there would see them at once.

        Parameters
        ----------
        group : Group
            The sites with these assets.
        limit_kw : xarray.DataArray
            Setpoints of this model over (time, site) [kW].
        rule : str
            Order of access.
        """
        if not self.unwatched:
            return limit_kw
        part = {"constraint": list(self.unwatched)}
        own = replace(
            group.only(limit_kw.get_index("site")),
            load_kva=group.load_kva.sel(part),
            rating_kva=group.rating_kva.sel(part),
            sensitivity=group.sensitivity.sel(part | {"site": limit_kw["site"]}),
        )
        held = limits(own, rule, control=PERFECT).reindex(time=limit_kw["time"])
        return np.minimum(limit_kw, held).assign_attrs(limit_kw.attrs)

    def setpoints(self, rule: str = "lifo") -> xr.Dataset:
        """Return `cmc.setpoints` of this model; under LIFO its sites stand in order."""
        place = pd.Series(range(len(self.sites)), self.sites.index)
        return setpoints(
            self.network,
            self.base_kva,
            self.sites,
            self.requested_kw,
            rule,
            rank=place if rule == "lifo" else None,
            rating_factor=self.rating_factor,
        )

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> Model:
        """Return the model of a span of the record [UTC]."""
        first, last = (at.tz_convert("UTC").tz_localize(None) for at in (start, end))
        within = slice(first, last - pd.Timedelta("1ns"))
        factor = self.rating_factor
        if isinstance(factor, xr.DataArray) and "time" in factor.dims:
            factor = factor.sel(time=within)
        return replace(self, base_kva=self.base_kva.sel(time=within), rating_factor=factor)

    def only(self, site_ids: Sequence[str]) -> Model:
        """Return the model with some of its sites."""
        chosen = list(site_ids)
        return replace(
            self, sites=self.sites.loc[chosen], requested_kw=self.requested_kw.sel(site=chosen)
        )

    def watching(self, branch: str) -> Model:
        """Return the model in which one branch alone binds, as for a monitor at that place."""
        names = branches(self.network)["rating_kva"].dropna().index
        wide = xr.DataArray(_UNWATCHED, {"branch": names}, ["branch"])
        factor = self.rating_factor
        own = xr.DataArray(1.0, {"branch": names}, ["branch"])
        if isinstance(factor, xr.DataArray):
            own = factor.reindex(branch=names, fill_value=1.0)
        return replace(self, rating_factor=own.where(own["branch"] == branch, wide))


def usable_model(folder: Portfolio, network_id: str | None) -> tuple[str | None, str]:
    """Return the network model of a site, None where it cannot be used, and then why, in words.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> usable_model(Portfolio.open("data/demo"), None)
    (None, '')
    """
    try:
        if network_id:
            folder.network(network_id)
    except UserError as fault:
        return None, f"The network model of this site cannot be used ({fault})"
    return network_id, ""


def area(
    folder: Portfolio, site_ids: Sequence[str], network_id: str | None
) -> tuple[Group, Model | None, dict[str, xr.DataArray]]:
    """Return sites of one part of the network with the assets that feed them, and its model.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    site_ids : sequence of str
        Sites in order of application; those that lack something (`lacking`) are left out.
    network_id : str or None
        Its network model; None for none.

    Returns
    -------
    Group, Model or None, dict of str to DataArray
        The model where the load of its asset is on record; load of each asset [kVA].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> group, model, load_kva = area(Portfolio.open("data/demo"), ["elm-road-lamps"], None)
    >>> list(group.sites), model
    (['elm-road-lamps'], None)
    """
    assets = folder.table("assets.csv").set_index("asset_id")
    sites = [folder.site(site_id) for site_id in site_ids]
    sites = [site for site in sites if not lacking(site)]
    feeds = {site.site_id: upstream(assets, site.asset_id) for site in sites}
    used, known = set().union(*feeds.values()), {}
    for name in [name for name in assets.index if name in used]:
        load, rating = folder.loads("network_kva", name), folder.rating_kva(name)
        if load is not None and rating is not None:
            known[name] = (load["network_kva"].load(), rating)
    group, model = tree_managed(sites, known, feeds), None
    if network_id in known:
        network = folder.network(network_id)
        model = Model.of(network, group, folder.sites, known, assets["name"])
    return group, model, {name: load for name, (load, _) in known.items()}


def centrally_managed(
    group: Group, model: Model | None, rule: str
) -> dict[str, xr.Dataset | pd.DataFrame]:
    """Return the CMC of an `area` as it is kept for all of its sites; empty without a model.

    Returns
    -------
    dict
        "found", `cmc.setpoints`, held by the record of what the model does not watch, too; "views"
        of them by site; "rated", whether each branch is watched; "unwatched", assets; "recorded",
        whether each load follows a record of its own.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> group, model, _ = area(Portfolio.open("data/demo"), ["elm-road-lamps"], None)
    >>> centrally_managed(group, model, "lifo")  # no model, no central scheme
    {}
    """
    if model is None:
        return {}
    found = model.setpoints(rule)
    found["limit_kw"] = model.held_by_record(group, found["limit_kw"], rule)
    loads = model.base_kva.get_index("load")
    recorded = loads.isin(model.base_kva.attrs["recorded"])
    return {
        "found": found,
        "views": views(group, found["limit_kw"]),
        "rated": branches(model.network)["rating_kva"].notna().to_frame("rated"),
        "unwatched": pd.DataFrame(index=pd.Index(model.unwatched, name="asset", dtype=object)),
        "recorded": pd.DataFrame({"own": recorded}, loads),
    }
