"""Limits of parts of a site: phases, circuits and cabinets, as data.

A group is a row of a matrix that says which share of each EVSE's power it carries, and a limit.
The engine knows no more of electricity than that: nested and crossing groups are more rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging.limits import Steps, read_limit
from scchelpers.faults import UserError


@dataclass(frozen=True)
class Groups:
    """Groups of EVSEs with limits.

    Attributes
    ----------
    share : DataFrame
        Index group, columns evse_id: share of the EVSE's power that the group carries, 0 or more.
        An EVSE without a column is in no group.
    limit_kw : Series or DataArray
        Limit [kW] of each group: a Series by group, or a DataArray over (time, group).

    Examples
    --------
    >>> cabinet = Groups(pd.DataFrame({"E1": [1.0], "E2": [1.0]}, index=["cabinet"]),
    ...                  pd.Series({"cabinet": 22.0}))
    >>> cabinet.names
    ['cabinet']
    """

    share: pd.DataFrame
    limit_kw: pd.Series | xr.DataArray

    def __post_init__(self):
        values = self.share.to_numpy(dtype=float)
        if not ((values >= 0) & np.isfinite(values)).all():
            raise UserError("groups, share: every share must be a number, 0 or more")
        held = self.limit_kw.index if isinstance(self.limit_kw, pd.Series) else None
        held = self.limit_kw["group"].to_numpy() if held is None else held
        lost = [name for name in self.names if name not in set(held)]
        if lost or self.share.index.has_duplicates:
            raise UserError(f"groups, limit_kw: must hold one limit for each group, not {lost}")

    @property
    def names(self) -> list:
        """Names of the groups."""
        return self.share.index.tolist()

    def __add__(self, other: Groups) -> Groups:
        """Return both sets of groups, which must have constant limits."""
        if not all(isinstance(part.limit_kw, pd.Series) for part in (self, other)):
            raise UserError("groups: only groups with constant limits (a Series) can be added")
        share = pd.concat([self.share, other.share]).fillna(0.0)
        return Groups(share, pd.concat([self.limit_kw, other.limit_kw]))

    def limits(self, first_ns: int, last_ns: int, step_ns: int, after, missing) -> list[Steps]:
        """Return the limit of each group, checked as the site's is."""
        if isinstance(self.limit_kw, pd.Series):
            given = [float(self.limit_kw[name]) for name in self.names]
        else:
            given = [self.limit_kw.sel(group=name, drop=True) for name in self.names]
        found = []
        for name, limit_kw in zip(self.names, given, strict=True):
            try:
                found.append(read_limit(limit_kw, first_ns, last_ns, step_ns, after, missing))
            except UserError as fault:
                raise UserError(f"group {name!r}: {fault}") from None
        return found


def by_unit(chargepoints: pd.DataFrame, limit_kw: float | pd.Series) -> Groups:
    """Return a group for each physical unit (cabinet) that several EVSEs share.

    Parameters
    ----------
    chargepoints : DataFrame
        Columns evse_id and unit_id.
    limit_kw : float or Series by unit_id
        Limit of each unit [kW].
    """
    units = chargepoints.dropna(subset=["unit_id"])
    share = pd.crosstab(units["unit_id"], units["evse_id"]).astype(float)
    if not isinstance(limit_kw, pd.Series):
        limit_kw = pd.Series(float(limit_kw), index=share.index)
    return Groups(share, limit_kw)


def by_phase(chargepoints: pd.DataFrame, limit_kw: float | pd.Series) -> Groups:
    """Return the groups L1, L2 and L3 of a three-phase supply.

    Three-phase and DC EVSEs draw a third from each; single-phase ones are spread over the phases
    in the order of the rows, unless a column `phase` ("L1", "L2", "L3") says where they are.

    Parameters
    ----------
    chargepoints : DataFrame
        Columns evse_id, phases (1 or 3, 0 for DC), optionally phase.
    limit_kw : float or Series by phase
        Limit of each phase [kW]; for a fuse of I ampere 0.230 x I.
    """
    names = ["L1", "L2", "L3"]
    share = pd.DataFrame(1 / 3, index=names, columns=chargepoints["evse_id"].tolist())
    single = (chargepoints["phases"] == 1).to_numpy()
    turn = np.cumsum(single) - 1
    for at in np.flatnonzero(single):
        phase = names[turn[at] % 3]
        if "phase" in chargepoints and pd.notna(chargepoints["phase"].iloc[at]):
            phase = chargepoints["phase"].iloc[at]
        share.iloc[:, at] = [float(name == phase) for name in names]
    if not isinstance(limit_kw, pd.Series):
        limit_kw = pd.Series(float(limit_kw), index=names)
    return Groups(share, limit_kw)
