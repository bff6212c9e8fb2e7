"""The customer's view of a limit: what charging lost once cars had made up what they could."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging import ChargingResult
from scchelpers.curtailment.losses import loss_measures
from scchelpers.curtailment.restriction import restriction
from scchelpers.faults import UserError

NEVER_MIN = 1e-6  # shorter is rounding


def customer_measures(
    unlimited: ChargingResult,
    limited: ChargingResult,
    *,
    requested_kw: float | None = None,
    price: float | None = None,
    tolerance_kwh: float = 0.01,
    rebound_h: float = 1.0,
) -> xr.Dataset:
    """Measure what charging lost by a limit.

    Parameters
    ----------
    unlimited, limited : ChargingResult
        The same sessions charged without and with the limit, on the same time axis.
    requested_kw : float, optional
        Requested capacity [kW]: the limit restricts where it is below. Without it the measures of
        restricted time and of the rebound are unknown (NaN).
    price : float, optional
        What a driver pays [£/kWh]; without it the revenue is unknown.
    tolerance_kwh : float
        Unserved energy up to which a session does not count as short [kWh].
    rebound_h : float
        Time after each restriction in which the rebound is looked for [h].

    Returns
    -------
    Dataset
        All of `loss_measures` (before shifting), and after shifting within the stay: unserved_kwh
        [kWh] and unserved_share; recovered_share, of the energy lost before shifting; sessions,
        short_sessions (left with less than without the limit), slowed_sessions (held back at some
        time), late_sessions (full, but later), short_share, affected_share; delay_p50_min,
        delay_p90_min, delay_max_min [min] of late sessions; revenue_before, revenue_at_risk [£],
        price × energy lost before and after shifting; rebound_peak_kw, unlimited_peak_kw [kW], the
        highest power soon after a restriction with and without the limit.

    Raises
    ------
    UserError
        If the results are not of the same sessions and times.

    Notes
    -----
    Everything is measured against `unlimited`: a session is short, slowed or late by what the limit
    adds. `unlimited` may itself be charging under the requested capacity, where the question is
    what a scheme takes from that. Energy before shifting compares means of intervals, unserved
    energy every instant: with stays as short as an interval it can come out the larger.

    Examples
    --------
    >>> import pandas as pd
    >>> from scchelpers import charging
    >>> car = pd.DataFrame({
    ...     "session_id": ["a"], "evse_id": ["E1"], "energy_kwh": [14.0], "max_kw": [7.0],
    ...     "plug_in": pd.to_datetime(["2026-01-01T00:00Z"]),
    ...     "plug_out": pd.to_datetime(["2026-01-01T03:00Z"])})
    >>> free = charging.simulate(car, step="1h")
    >>> held = charging.simulate(car, 4.0, step="1h")
    >>> measures = customer_measures(free, held, requested_kw=7.0, price=0.5)
    >>> [float(measures[name]) for name in ("lost_kwh", "unserved_kwh", "revenue_at_risk")]
    [6.0, 2.0, 1.0]
    """
    _same_case(unlimited, limited)
    free, held = unlimited.sessions, limited.sessions
    taken_kwh = (held["unserved_kwh"] - free["unserved_kwh"]).clip(lower=0.0)
    short = taken_kwh > tolerance_kwh
    slowed = held["held_min"] > free["held_min"] + NEVER_MIN
    late_min = (held["finished_at"] - free["finished_at"]) / pd.Timedelta("1min")
    late_min = late_min[late_min > NEVER_MIN]
    unserved_kwh = float(taken_kwh[short].sum())
    paid = np.nan if price is None else price
    step_h = limited.span.step_ns / 3.6e12
    before = loss_measures(
        unlimited.power_kw, limited.limit_kw, requested_kw, step=f"{step_h * 3600}s"
    )
    wanted, lost = float(before["wanted_kwh"]), float(before["lost_kwh"])
    rebound, plain = _after(unlimited, limited, requested_kw, rebound_h)
    middle, ninth = late_min.quantile([0.5, 0.9])
    values = {
        "unserved_kwh": (unserved_kwh, "kWh", "energy not delivered by plug-out"),
        "unserved_share": (_share(unserved_kwh, wanted), "1", "share of the energy wanted"),
        "recovered_share": (
            _share(max(lost - unserved_kwh, 0.0), lost),
            "1",
            "made up within the stay",
        ),
        "sessions": (len(held), "1", "sessions"),
        "short_sessions": (int(short.sum()), "1", "sessions that left with less"),
        "late_sessions": (len(late_min), "1", "sessions full, but later"),
        "slowed_sessions": (int(slowed.sum()), "1", "sessions held back at some time"),
        "short_share": (_share(short.sum(), len(held)), "1", "share that left with less"),
        "affected_share": (
            _share((short | slowed).sum(), len(held)),
            "1",
            "share held back at some time or left with less",
        ),
        "delay_p50_min": (middle, "min", "median delay of late sessions"),
        "delay_p90_min": (ninth, "min", "delay that 90 of 100 late sessions do not exceed"),
        "delay_max_min": (late_min.max(), "min", "longest delay"),
        "revenue_before": (lost * paid, "£", "revenue at risk if nothing is made up"),
        "revenue_at_risk": (unserved_kwh * paid, "£", "revenue of the energy not delivered"),
        "rebound_peak_kw": (rebound, "kW", "highest power soon after a restriction"),
        "unlimited_peak_kw": (plain, "kW", "the same without the limit"),
    }
    return before.assign(
        {
            name: ((), value, {"units": unit, "long_name": meaning})
            for name, (value, unit, meaning) in values.items()
        }
    )


def _same_case(unlimited: ChargingResult, limited: ChargingResult) -> None:
    if unlimited.span != limited.span:
        raise UserError(
            "unlimited and limited: must have the same time axis; give simulate() the same start, "
            "end and step for both"
        )
    if not unlimited.sessions.index.equals(limited.sessions.index):
        raise UserError("unlimited and limited: must be of the same sessions, in the same order")


def _after(
    unlimited: ChargingResult, limited: ChargingResult, requested_kw: float | None, rebound_h: float
) -> tuple[float, float]:
    """Return the highest power with and without the limit soon after a restriction."""
    if requested_kw is None:
        return np.nan, np.nan
    step_h = limited.span.step_ns / 3.6e12
    on = restriction(limited.limit_kw, requested_kw, step=f"{step_h * 3600}s").on
    soon = np.zeros(len(on), dtype=bool)
    for ended in np.flatnonzero(on[:-1] & ~on[1:]) + 1:
        soon[ended : ended + max(1, round(rebound_h / step_h))] = True
    soon &= ~on
    if not soon.any():
        return np.nan, np.nan
    return tuple(float(r.power_kw.to_numpy()[soon].max()) for r in (limited, unlimited))


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan
