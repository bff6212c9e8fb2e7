"""Limits of locally and centrally managed schemes: from the study to what is sent to each site."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.network.allocation import allocate, remaining
from scchelpers.network.headroom import headroom_kva
from scchelpers.network.setpoint import Control, as_measured, setpoints
from scchelpers.network.study import Study

BASES = ("contracted", "demand")


def limits(
    study: Study,
    rule: str = "lifo",
    *,
    control: Control | None = None,
    rank: pd.Series | None = None,
    basis: str = "contracted",
) -> xr.DataArray:
    """Return the limit of each site under a locally or centrally managed scheme.

    Parameters
    ----------
    study : Study
        Sites and constraints.
    rule, rank
        As for `allocate`.
    control : Control, optional
        How measurements become setpoints.
    basis : str
        What is shared: "contracted", the requested capacity whether it is used or not, or
        "demand", first what the sites would draw without a limit, by the rule, then the rest
        pro-rata, so that nobody holds room that others could use.

    Returns
    -------
    xarray.DataArray
        limit_kw over (time, site) [kW].
    """
    control = control or Control(step=str(study.step))
    room = headroom_kva(as_measured(study.load_kva, control), study.rating_kva)
    return setpoints(share(study, room, rule, rank=rank, basis=basis), study.requested_kw, control)


def share(
    study: Study,
    room_kva: xr.DataArray,
    rule: str = "lifo",
    *,
    rank: pd.Series | None = None,
    basis: str = "contracted",
) -> xr.DataArray:
    """Return what each site may draw of a headroom [kW], before any control."""
    if basis not in BASES:
        raise UserError(f"basis = {basis!r}: must be one of {', '.join(BASES)}")
    if basis == "contracted":
        return allocate(study.requested_kw, room_kva, study.sensitivity, rule, rank=rank)
    wanted = np.minimum(study.demand_kw, study.requested_kw)
    first = allocate(wanted, room_kva, study.sensitivity, rule, rank=rank)
    left = remaining(room_kva.clip(min=0), study.sensitivity, first).clip(min=0)
    more = allocate(study.requested_kw - first, left, study.sensitivity, "pro-rata")
    return (first + more).assign_attrs(first.attrs).rename("limit_kw")
