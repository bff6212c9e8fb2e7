"""Who could be spared from a timed limit while the site still keeps it.

A driver in a hurry may be given priority charging only as far as the others can bear it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.charging import Chargers, ChargingResult

_TOLERANCE_KW = 1e-6


def opt_out(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    limit_kw: xr.DataArray,
    *,
    min_current_a: float = 6.0,
    step="15min",
    sharing: str = "equal",
) -> pd.Series:
    """Return how many chargepoints can charge as they like inside the cap.

    They opt out in the order of their priority (then rating, small first, then identifier).

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Of the site.
    limit_kw : xarray.DataArray
        Timed limit [kW] over time, from before the first session on.
    min_current_a : float
        Least current per phase that keeps an AC car charging [A].
    step : str or Timedelta
        Step of the simulation.
    sharing : str
        How the others share what is left, of `charging.simulate`.

    Returns
    -------
    pandas.Series
        chargepoints; cap_kw, the lowest limit; inside_cap, the largest number whose ratings fit
        into the cap, with nothing sure to be left for others; others_kept, the largest number with
        which, for the sessions on record, the limit was kept at every instant and no other car was
        stopped; stopped_h, how long cars were stopped with nobody opting out [h];
        next_excursion_kw and next_stopped_h, what one more than others_kept would have cost (NaN
        if all can opt out or none).

    Notes
    -----
    `inside_cap` keeps the network safe on any day, whatever becomes of the others. `others_kept`
    rests on the days on record: larger where few charge at once, smaller where the others need
    their least current.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> time = pd.date_range("2024-12-30", "2026-01-05", freq="30min")
    >>> limit_kw = xr.DataArray(np.full(len(time), 20.0), {"time": time}, ("time",))
    >>> opt_out(site.sessions, site.chargepoints, limit_kw)[["inside_cap", "others_kept"]].tolist()
    [2.0, 1.0]
    """
    order = _order(chargepoints)
    rated_kw = chargepoints.set_index("evse_id")["rated_kw"].reindex(order)
    cap_kw = float(limit_kw.min())
    chargers = Chargers(min_current_a=min_current_a)

    def trial(count: int) -> tuple[float, float]:
        spared = [evse for evse in order[:count] if evse in used]
        result = charging.simulate(
            sessions,
            limit_kw,
            chargepoints=chargepoints,
            step=step,
            sharing=sharing,
            chargers=chargers,
            limit_after="hold",
            never_curtailed=spared,
            by_evse=True,
        )
        others = ~sessions["evse_id"].isin(spared).to_numpy()
        return float(result.excursion_kw.max()), float(stopped_h(result, sessions)[others].sum())

    used = set(sessions["evse_id"])
    tried = {count: trial(count) for count in (0, len(order))}
    most, fewest_too_many = 0, len(order) + 1
    if _fits(tried[len(order)]):
        most = len(order)
    elif _fits(tried[0]):
        fewest_too_many = len(order)
        while fewest_too_many - most > 1:
            middle = (most + fewest_too_many) // 2
            tried[middle] = trial(middle)
            if _fits(tried[middle]):
                most = middle
            else:
                fewest_too_many = middle
    over_kw, over_h = tried.get(fewest_too_many, (np.nan, np.nan))
    return pd.Series(
        {
            "chargepoints": len(order),
            "cap_kw": cap_kw,
            "inside_cap": int((rated_kw.cumsum() <= cap_kw + _TOLERANCE_KW).sum()),
            "others_kept": most,
            "stopped_h": tried[0][1],
            "next_excursion_kw": over_kw,
            "next_stopped_h": over_h,
        },
        name="opt_out",
    )


def stopped_h(result: ChargingResult, sessions: pd.DataFrame) -> np.ndarray:
    """Return how long each session lacked energy and got none [h], in whole steps.

    Parameters
    ----------
    result : ChargingResult
        Simulated with by_evse.
    sessions : pandas.DataFrame
        As given to `charging.simulate`.
    """
    power_kw = result.by_evse_kw
    idle = np.zeros((power_kw.sizes["time"] + 1, power_kw.sizes["evse"]))
    np.cumsum(power_kw.to_numpy() <= _TOLERANCE_KW, axis=0, out=idle[1:])
    origin, step = result.span.start_ns, result.span.step_ns
    begin = pd.DatetimeIndex(sessions["plug_in"]).as_unit("ns").asi8 - origin
    leave = pd.DatetimeIndex(sessions["plug_out"])
    done = pd.DatetimeIndex(result.sessions["finished_at"])
    end = done.where(done.notna(), leave).as_unit("ns").asi8 - origin
    first, last = -(-begin // step), end // step
    column = pd.Index(power_kw["evse"].to_numpy()).get_indexer(sessions["evse_id"].astype(str))
    steps = idle[np.maximum(last, first), column] - idle[first, column]
    return steps * step / 3.6e12


def _order(chargepoints: pd.DataFrame) -> list[str]:
    frame = chargepoints.copy()
    if "priority" not in frame:
        frame["priority"] = 0
    frame["priority"] = frame["priority"].fillna(0)
    return frame.sort_values(["priority", "rated_kw", "evse_id"])["evse_id"].tolist()


def _fits(tried: tuple[float, float]) -> bool:
    excursion_kw, hours = tried
    return excursion_kw <= _TOLERANCE_KW and hours == 0
