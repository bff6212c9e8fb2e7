"""A network, its load and its sites on one time axis: what a CMC calculation starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError, closest
from scchelpers.network.parts import specified_kva
from scchelpers.network.powerflow import CHUNK, Flow, PowerFlow
from scchelpers.portfolio.network import Network


class Survey(NamedTuple):
    """Every interval solved without charging and with all that is requested.

    Attributes
    ----------
    without, full : numpy.ndarray
        Loading over (interval, branch), as shares of the rating.
    lowest_pu, highest_pu : numpy.ndarray
        Voltages with all that is requested, over interval.
    short : numpy.ndarray
        Intervals in which the request does not fit.
    ends_without, ends_full : numpy.ndarray
        Complex loading in those, over (short interval, branch and end).
    """

    without: np.ndarray
    full: np.ndarray
    lowest_pu: np.ndarray
    highest_pu: np.ndarray
    short: np.ndarray
    ends_without: np.ndarray
    ends_full: np.ndarray


@dataclass(frozen=True)
class Case:
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
    ) -> Case:
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

    def survey(self) -> Survey:
        """Solve every interval without charging and with all that is requested."""
        parts = []
        for start in range(0, len(self.times), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(self.times)))
            full = self.solve(rows, self.requested_kw[rows])
            without = self.solve(rows, np.zeros_like(self.requested_kw[rows]))
            over = self.loading(rows, full)
            short = (over > 1).any(axis=1)
            parts.append(
                Survey(
                    self.loading(rows, without),
                    over,
                    full.lowest_pu,
                    full.highest_pu,
                    rows[short],
                    flat(without.loading[short]),
                    flat(full.loading[short]),
                )
            )
        if not parts:
            raise UserError("there is no interval of which load, request and rating are known")
        return Survey(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def flat(loading: np.ndarray) -> np.ndarray:
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
