"""CMC: setpoints of several sites under the constraints of a network, checked by AC power flow.

Two batches, without charging and with all that is requested, tell how each constraint answers;
`allocate` shares the headroom out; a third batch checks it, and what is off is corrected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.network.allocation import LEAST_SENSITIVITY, allocate
from scchelpers.network.case import Case, Survey, flat
from scchelpers.network.powerflow import Flow
from scchelpers.network.sensitivity import Linear, linearised
from scchelpers.portfolio.network import Network

# A setpoint stands when a further correction moves it by less than this share of the request, or
# of the smallest rating watched.
SETTLED = 1e-4
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
    case = Case.of(network, base_kva, chosen, requested_kw, rating_factor, unbalanced)
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
    """The intervals in which the request does not fit.

    Attributes
    ----------
    case : Case
        All intervals.
    rows : numpy.ndarray
        Which of them are short.
    line : Linear
        How the constraints answer in those.
    watched : numpy.ndarray
        Constraints that may bind, as positions among branches and ends.
    access : dict
        Order of access, options of `allocate`.
    """

    case: Case
    rows: np.ndarray
    line: Linear
    watched: np.ndarray
    access: dict

    @classmethod
    def of(cls, case: Case, survey: Survey, access: dict) -> _Short:
        """Return the short intervals of a survey with their linear model."""
        rows, without, full = survey.short, survey.ends_without, survey.ends_full
        requested_kw = case.requested_kw[rows]
        # What each site adds is told by leaving it out, once, in a middling one of the intervals.
        typical = rows[np.argsort(survey.full[rows].max(axis=1))[len(rows) // 2]]
        mean_kw = requested_kw.mean(axis=0)
        trials = np.vstack([mean_kw, mean_kw * (1 - np.eye(len(mean_kw)))])
        states = flat(case.solve(np.full(len(trials), typical), trials).loading)
        share = (states[0] - states[1:]) / np.where(mean_kw > 0, mean_kw, 1.0)[:, None]

        ends = full.shape[1] // len(case.flow.branches)
        factor = np.repeat(case.factor[rows], ends, axis=1)
        reach = (np.abs(share) * requested_kw.max(axis=0)[:, None]).sum(axis=0)
        highest = (np.maximum(np.abs(without), np.abs(full)) + reach) / factor
        watched = np.flatnonzero(highest.max(axis=0) > 1)
        phases = 3 if case.flow.unbalanced else 1
        kva = np.repeat(case.flow.branches["rating_kva"].to_numpy() / phases, ends)
        line = linearised(
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
            found_kva = np.abs(flat(flow.loading[left])[:, self.watched]) * line.kva
            amiss_kva = found_kva - line.predicted_kva(limit_kw[left])
            better = self.shared(left, line.headroom_kva - amiss_kva)
            least = SETTLED * np.minimum(self.case.requested_kw[self.rows[left]], line.kva.min())
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
