"""Charging of many sites, each by itself, over the cores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging.engine import simulate
from scchelpers.charging.result import ChargingResult
from scchelpers.faults import UserError


def simulate_sites(
    sessions: pd.DataFrame,
    limits: Mapping[str, object] | xr.DataArray | None = None,
    *,
    chargepoints: pd.DataFrame | None = None,
    workers: int | None = None,
    **options,
) -> dict[str, ChargingResult]:
    """Charge many sites, each by itself, in parallel over cores.

    Parameters
    ----------
    sessions : DataFrame
        As for `simulate`, with a column site_id.
    limits : Mapping of site_id to a limit, DataArray over (site, time), or None
        Limit of each site [kW]; a site that the mapping does not hold has none.
    chargepoints : DataFrame, optional
        As for `simulate`, with a column site_id.
    workers : int, optional
        Threads; by default one a core. The result does not depend on it.
    **options
        As for `simulate`, the same for every site.

    Returns
    -------
    dict of str to ChargingResult, by site_id in sorted order.

    Raises
    ------
    UserError
        As `simulate`, with the site named.
    """
    if "site_id" not in sessions:
        raise UserError("sessions have no column 'site_id'; add it, or use simulate() for one site")

    def limit_of(site_id: str):
        if limits is None:
            return None
        if isinstance(limits, xr.DataArray):
            return limits.sel(site=site_id, drop=True)
        return limits.get(site_id)

    def run(site_id: str, rows: np.ndarray) -> ChargingResult:
        own = None
        if chargepoints is not None:
            own = chargepoints[chargepoints["site_id"].to_numpy() == site_id]
        try:
            return simulate(sessions.iloc[rows], limit_of(site_id), chargepoints=own, **options)
        except UserError as fault:
            raise UserError(f"site {site_id}: {fault}") from None

    parts = sorted(sessions.groupby("site_id", sort=False).indices.items())
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        results = pool.map(run, *zip(*parts, strict=True)) if parts else ()
        return {site_id: result for (site_id, _), result in zip(parts, results, strict=True)}
