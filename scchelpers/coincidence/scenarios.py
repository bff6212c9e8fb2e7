"""What would change the coincidence: growth of the network's load, and charging at other hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from scchelpers.coincidence.case import Case, study

TOLD = ("wanted_kwh", "lost_kwh", "unserved_kwh", "unserved_share", "short_sessions", "loss_share")


def under_growth(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    limits_kw: Mapping[float, xr.DataArray],
    requested_kw: float,
    **options,
) -> pd.DataFrame:
    """Charge the same sessions under the limits that growth of the network's load leaves.

    Parameters
    ----------
    sessions, chargepoints : DataFrame
        As for `charging.simulate`.
    limits_kw : dict of float to DataArray over time [kW]
        Growth of the network's load (0.1 for 10 %) to limit.
    requested_kw : float
        Requested capacity [kW].
    **options
        Of `study`.

    Returns
    -------
    DataFrame indexed by growth
        availability, restricted_h [h], full_h [h], event_max_h [h]; wanted_kwh, lost_kwh,
        unserved_kwh [kWh], unserved_share, short_sessions, loss_share.
    """
    rows = {}
    for rate, limit_kw in limits_kw.items():
        case = study(sessions, chargepoints, limit_kw, requested_kw, **options)
        dno, customer = case.dno(), case.customer()
        seen = ("availability", "restricted_h", "full_h", "event_max_h")
        rows[rate] = {name: float(dno[name]) for name in seen}
        rows[rate] |= {name: float(customer[name]) for name in TOLD}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("growth")


def under_shift(
    case: Case,
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    shifts_h: Sequence[float],
    **options,
) -> pd.DataFrame:
    """Let every driver come and leave earlier or later, under the same limit.

    Stays, energies and the order of arrivals are kept; the hours move together.

    Parameters
    ----------
    case : Case
        The limit and the requested capacity.
    sessions, chargepoints : DataFrame
        As for `charging.simulate`.
    shifts_h : sequence of float
        How much later [h]; below 0 for earlier.
    **options
        Of `study`.

    Returns
    -------
    DataFrame indexed by shift_h [h]
        wanted_kwh, lost_kwh, unserved_kwh [kWh], unserved_share, short_sessions, loss_share.
    """
    rows = {}
    for shift_h in shifts_h:
        by = pd.Timedelta(hours=shift_h)
        moved = sessions.assign(
            plug_in=sessions["plug_in"] + by, plug_out=sessions["plug_out"] + by
        )
        if "announced_plug_out" in moved:
            moved["announced_plug_out"] = moved["announced_plug_out"] + by
        given = study(moved, chargepoints, case.limit_kw, case.requested_kw, **options)
        customer = given.customer()
        rows[shift_h] = {name: float(customer[name]) for name in TOLD}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("shift_h")
