"""Demand without a limit: what the site draws if nobody holds it back."""

from __future__ import annotations

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging.sessions import HOUR_NS, compile_sessions
from scchelpers.charging.span import span_of
from scchelpers.faults import UserError


def uncontrolled(
    sessions: pd.DataFrame,
    *,
    step="30min",
    placement: str = "front",
    by: str = "site",
    chargepoints: pd.DataFrame | None = None,
    start=None,
    end=None,
) -> xr.DataArray:
    """Return the mean power of each interval without a limit, integrated exactly.

    A session is a block of constant power; arrivals, departures and the end of charging count to
    the instant. A session whose energy does not fit at max_kw within its stay (a measured energy
    above rating x stay, as rounding to the minute makes) is drawn at its mean power, so that no
    energy is lost; `attrs["sessions_raised"]` counts them. `simulate`, to which max_kw is a bound,
    calls the same energy unserved.

    Parameters
    ----------
    sessions : DataFrame
        Columns session_id, evse_id, plug_in, plug_out (UTC), energy_kwh [kWh], and optionally
        max_kw [kW] (else the EVSE's rating).
    step : str or Timedelta
        Length of an interval; must divide a day.
    placement : "front" or "spread"
        "front": at max_kw from plug_in until full. "spread": evenly over the stay.
    by : "site" or "evse"
        The site's sum, or each EVSE.
    chargepoints : DataFrame, optional
        evse_id and rated_kw [kW]: bounds max_kw, and names EVSEs that had no session.
    start, end : datetime (UTC), optional
        Widen the time axis, which always covers every session.

    Returns
    -------
    DataArray [kW] over (time,) or (time, evse).

    Raises
    ------
    UserError
        For sessions that cannot be, with the session named.

    Examples
    --------
    >>> one = pd.DataFrame({
    ...     "session_id": ["a"], "evse_id": ["E1"], "energy_kwh": [6.0], "max_kw": [6.0],
    ...     "plug_in": pd.to_datetime(["2026-01-01T00:15Z"]),
    ...     "plug_out": pd.to_datetime(["2026-01-01T03:15Z"])})
    >>> uncontrolled(one).values.tolist()[:3]
    [3.0, 6.0, 3.0]
    >>> uncontrolled(one, placement="spread").values.tolist()[:2]
    [1.0, 2.0]
    """
    if placement not in ("front", "spread"):
        raise UserError(f"placement = {placement!r}: write 'front' or 'spread'")
    if by not in ("site", "evse"):
        raise UserError(f"by = {by!r}: write 'site' or 'evse'")
    cars = compile_sessions(sessions, chargepoints)
    span = span_of(cars, step, start, end)
    mean_kw = cars.energy_kwh / cars.stay_h
    raised = mean_kw > cars.max_kw
    power_kw = mean_kw if placement == "spread" else np.where(raised, mean_kw, cars.max_kw)
    begin = (cars.plug_in - span.start_ns) / span.step_ns
    finish = begin + cars.energy_kwh / power_kw.clip(min=1e-300) * (HOUR_NS / span.step_ns)
    column = cars.evse if by == "evse" else np.zeros(len(cars), np.int64)
    out = np.zeros((span.steps, len(cars.evse_ids) if by == "evse" else 1))
    _add_blocks(out, column, begin, finish, power_kw)
    coords = {"time": span.time}
    dims = ("time",)
    if by == "evse":
        coords["evse"] = cars.evse_ids.astype(str)
        dims = ("time", "evse")
    else:
        out = out[:, 0]
    return xr.DataArray(
        out,
        coords=coords,
        dims=dims,
        name="power_kw",
        attrs={
            "units": "kW",
            "long_name": "charging demand without a limit",
            "placement": placement,
            "sessions_raised": int((raised & (placement == "front")).sum()),
        },
    )


@numba.njit(cache=True, nogil=True)
def _add_blocks(out, column, begin, finish, power_kw):
    """Add to `out` the mean over each step of blocks from `begin` to `finish` [steps]."""
    for i in range(len(begin)):
        first = int(begin[i])
        last = min(int(finish[i]), out.shape[0] - 1)
        if last == first:
            out[first, column[i]] += power_kw[i] * (finish[i] - begin[i])
            continue
        out[first, column[i]] += power_kw[i] * (first + 1 - begin[i])
        for k in range(first + 1, last):
            out[k, column[i]] += power_kw[i]
        out[last, column[i]] += power_kw[i] * min(finish[i] - last, 1.0)
