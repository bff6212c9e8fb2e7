"""What a timed limit costs the customer: charging shifted, not served, and come back at once.

The site's own sessions are charged three times: with a firm connection, under the timed limit, and
under it with a staggered release.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.charging import Chargers, ChargingResult
from scchelpers.faults import UserError
from scchelpers.measures import customer_measures

FIRM, TCC, STAGGERED = CASES = ("firm connection", "TCC", "TCC, staggered release")

HOUR = pd.Timedelta("1h")


def charge(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    limit_kw: xr.DataArray,
    *,
    requested_kw: float,
    release_min: float = 30.0,
    step="5min",
    **options,
) -> dict[str, ChargingResult]:
    """Charge a site's sessions with a firm connection, under the timed limit, and staggered.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Of the site.
    limit_kw : xarray.DataArray
        Timed limit [kW] over time, from before the first session on.
    requested_kw : float
        Requested capacity [kW], which the firm connection has at all times.
    release_min : float
        Time over which a staggered release gives the whole capacity back [min]. Smart chargepoints
        in Great Britain spread their starts by a random delay of up to 10 min, which can be set to
        up to 30 (SI 2021/1467).
    step : str or Timedelta
        Step of the simulation.
    **options
        Of `charging.simulate`, such as sharing and chargers.

    Returns
    -------
    dict of str to ChargingResult
        By the names in `CASES`.

    Raises
    ------
    UserError
        If release_min is not above 0, or the engine refuses an input.
    """
    if not release_min > 0:
        raise UserError(f"release_min = {release_min}: must be above 0 minutes")
    options |= {"chargepoints": chargepoints, "step": step, "limit_after": "hold"}
    rise = (requested_kw - float(limit_kw.min())) / release_min
    return {
        FIRM: charging.simulate(sessions, requested_kw, **options),
        TCC: charging.simulate(sessions, limit_kw, **options),
        STAGGERED: charging.simulate(
            sessions, limit_kw, release_kw_per_min=rise if rise > 0 else None, **options
        ),
    }


def costs(cases: Mapping[str, ChargingResult], *, requested_kw: float) -> pd.DataFrame:
    """Return what each limited case costs beside the firm connection.

    Parameters
    ----------
    cases : mapping of str to ChargingResult
        From `charge`.
    requested_kw : float
        Requested capacity [kW].

    Returns
    -------
    pandas.DataFrame
        By case: wanted_kwh; shifted_kwh, energy drawn at another time than with the firm
        connection; unserved_kwh, energy missing at plug-out because of the limit; sessions, and of
        them slowed (at some time held back), late (full, but later) and short (left with less);
        delay_p50_min and delay_p90_min of the late ones [min].
    """
    firm = cases[FIRM]
    rows = {}
    for name, result in cases.items():
        if name == FIRM:
            continue
        found = customer_measures(firm, result, requested_kw=requested_kw)
        gone_kw = np.maximum(firm.power_kw.to_numpy() - result.power_kw.to_numpy(), 0.0)
        unserved_kwh = float(found["unserved_kwh"])
        removed_kwh = float(gone_kw.sum()) * _step(result) / HOUR
        rows[name] = {
            "wanted_kwh": float(found["wanted_kwh"]),
            "shifted_kwh": max(removed_kwh - unserved_kwh, 0.0),
            "unserved_kwh": unserved_kwh,
            "sessions": int(found["sessions"]),
            "slowed": int(found["slowed_sessions"]),
            "late": int(found["late_sessions"]),
            "short": int(found["short_sessions"]),
            "delay_p50_min": float(found["delay_p50_min"]),
            "delay_p90_min": float(found["delay_p90_min"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("case")


def costs_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the costs as a table to show, from `costs`."""
    return found.rename(
        columns={
            "wanted_kwh": "energy wanted [kWh]",
            "shifted_kwh": "shifted [kWh]",
            "unserved_kwh": "not served [kWh]",
            "slowed": "held back",
            "late": "full, but later",
            "short": "left with less",
            "delay_p50_min": "median delay [min]",
            "delay_p90_min": "delay of 90 in 100 at most [min]",
        }
    )


def openings(
    cases: Mapping[str, ChargingResult],
    *,
    requested_kw: float,
    before_h: float = 1.0,
    after_h: float = 2.0,
) -> xr.DataArray:
    """Return the power around each opening of a window, case by case.

    Parameters
    ----------
    cases : mapping of str to ChargingResult
        From `charge`.
    requested_kw : float
        Requested capacity [kW]: a window opens where the limit comes back to it.
    before_h, after_h : float
        Time shown before and after an opening [h].

    Returns
    -------
    xarray.DataArray
        Power [kW] over (case, opened, minute); `opened` [UTC] holds the openings whose whole
        surroundings are simulated, `minute` counts from them.
    """
    timed = cases[TCC]
    step = _step(timed)
    restricted = timed.limit_kw.to_numpy() < requested_kw * (1 - 1e-9)
    opened = np.flatnonzero(restricted[:-1] & ~restricted[1:]) + 1
    before, after = round(before_h * HOUR / step), round(after_h * HOUR / step)
    opened = opened[(opened >= before) & (opened + after <= len(restricted))]
    shift = np.arange(-before, after)
    at = opened[:, None] + shift
    return xr.DataArray(
        np.stack([result.power_kw.to_numpy()[at] for result in cases.values()]),
        {
            "case": list(cases),
            "opened": timed.power_kw["time"].to_numpy()[opened],
            "minute": shift * (step / pd.Timedelta("1min")),
        },
        ("case", "opened", "minute"),
        "power_kw",
        {"units": "kW", "long_name": "charging power around the opening of a window"},
    )


def rebound(around_kw: xr.DataArray, *, within_min: float = 60.0) -> pd.DataFrame:
    """Return how high charging comes back when a window opens.

    Parameters
    ----------
    around_kw : xarray.DataArray
        From `openings`.
    within_min : float
        Time after an opening in which the peak is looked for [min].

    Returns
    -------
    pandas.DataFrame
        By case: openings; mean_kw, p95_kw and highest_kw of the peaks after them; rise_kw, the mean
        step up from just before an opening to just after it; rebounds, openings whose peak is
        above that with the firm connection. Empty without an opening.
    """
    if not around_kw.sizes["opened"]:
        return pd.DataFrame()
    minute = around_kw["minute"]
    peak = around_kw.where((minute >= 0) & (minute < within_min), drop=True).max("minute")
    last, first = (around_kw.isel(minute=int(np.searchsorted(minute, 0)) + k) for k in (-1, 0))
    above = peak > peak.sel(case=FIRM) * (1 + 1e-6)
    return pd.DataFrame(
        {
            "openings": around_kw.sizes["opened"],
            "mean_kw": peak.mean("opened"),
            "p95_kw": peak.quantile(0.95, "opened"),
            "highest_kw": peak.max("opened"),
            "rise_kw": (first - last).mean("opened"),
            "rebounds": above.sum("opened"),
        },
        pd.Index(around_kw["case"].to_numpy(), name="case"),
    )


def rebound_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rebound as a table to show, from `rebound`."""
    return found.rename(
        columns={
            "mean_kw": "mean of the peaks after opening [kW]",
            "p95_kw": "95 in 100 stay below [kW]",
            "highest_kw": "highest [kW]",
            "rise_kw": "mean step at the opening [kW]",
            "rebounds": "openings with a higher peak than firm",
        }
    )


def _step(result: ChargingResult) -> pd.Timedelta:
    return pd.Timedelta(result.span.step_ns, "ns")


TOLERANCE_KW = 1e-6


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
            "inside_cap": int((rated_kw.cumsum() <= cap_kw + TOLERANCE_KW).sum()),
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
    np.cumsum(power_kw.to_numpy() <= TOLERANCE_KW, axis=0, out=idle[1:])
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
    return excursion_kw <= TOLERANCE_KW and hours == 0
