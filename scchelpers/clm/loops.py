"""What each imperfection of the control loop costs, one at a time."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from scchelpers.clm.control import Controller, step_of
from scchelpers.clm.frontier import premium


def usual_loops(residual_kw: xr.DataArray) -> dict[str, Controller]:
    """Return loops that differ from the ideal one in one thing each, by name.

    Times are two and six steps of the data up to half an hour, as no reading can be finer than
    they are; powers are a twentieth of the highest load.
    """
    step = step_of(residual_kw)
    slow = min(6 * step, max(step, pd.Timedelta("30min")))
    coarse_kw = round(float(residual_kw.max()) / 20, 1)
    minutes = f"{slow / pd.Timedelta('1min'):g} min"
    return {
        "ideal: each value read as it begins": Controller(),
        f"read every {minutes}": Controller(metering=slow),
        f"read as the mean of the last {minutes}": Controller(averaging=slow),
        f"decided every {minutes}": Controller(control=slow),
        f"read to the nearest {coarse_kw:g} kW": Controller(quantum_kw=coarse_kw),
        f"falls of the load under {coarse_kw:g} kW ignored": Controller(deadband_kw=coarse_kw),
        f"limit raised by at most {coarse_kw:g} kW/min": Controller(release_kw_per_min=coarse_kw),
    }


def compare_loops(
    residual_kw: xr.DataArray,
    dsc_kva: float,
    loops: Mapping[str, Controller],
    *,
    power_factor: float,
    latency: str,
    tolerated_h: float,
) -> pd.DataFrame:
    """Return the margin that each loop needs and the capacity it leaves to charging.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW].
    loops : mapping of str to Controller
        Loops by name.
    dsc_kva, power_factor, latency, tolerated_h
        As `premium` takes them.

    Returns
    -------
    pandas.DataFrame
        Indexed by loop: the columns of `premium`.
    """
    risk = {"power_factor": power_factor, "latencies": [latency], "tolerated_h": tolerated_h}
    rows = {
        name: premium(residual_kw, dsc_kva, controller=loop, **risk).iloc[0]
        for name, loop in loops.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("loop")
