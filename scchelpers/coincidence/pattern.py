"""When restriction and demand meet: by the clock, the day of the week and the season."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers import timebase
from scchelpers.coincidence.case import Case, limit_on
from scchelpers.measures import lost_kw, restriction

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEASONS = tuple(dict.fromkeys(timebase.SEASONS.values()))
LABELS = {"half_hour": tuple(range(48)), "weekday": WEEKDAYS, "season": SEASONS}


def pattern(case: Case, by: str) -> pd.DataFrame:
    """Return restriction, demand and loss by half hour of the clock, weekday or season.

    Parameters
    ----------
    case : Case
        Charging with and without the limit.
    by : str
        "half_hour", "weekday" or "season", of the local clock.

    Returns
    -------
    DataFrame indexed by half_hour (0 to 47), weekday or season
        restricted_h [h]; restricted_share of observed time; withheld_kw, demand_kw [kW], means of
        what the limit withholds and of what is wanted; wanted_share, loss_share, shares of
        restricted time in which anyone wanted power and in which some was lost; lost_kwh,
        unserved_kwh [kWh], before shifting within the stay by the interval, and after it by the
        time of plugging in.
    """
    limit_kw = limit_on(case)
    cut = restriction(limit_kw, case.requested_kw)
    known = cut.observed
    demand = case.demand_kw.to_numpy()
    loss = lost_kw(case.demand_kw, limit_kw).to_numpy()
    frame = pd.DataFrame(
        {
            "on": cut.on,
            "cut": cut.cut_kw,
            "demand": demand,
            "loss": loss,
            "wanted": cut.on & (demand > 0),
            "losing": cut.on & (loss > 0),
        }
    )[known]
    sums = frame.groupby(_labels(case.demand_kw["time"], by, case.timezone)[known]).sum()
    many = pd.Series(_labels(case.demand_kw["time"], by, case.timezone)[known]).value_counts()
    sums, many = (x.reindex(LABELS[by]) for x in (sums, many))
    found = pd.DataFrame(
        {
            "restricted_h": sums["on"] * cut.step_h,
            "restricted_share": sums["on"] / many,
            "withheld_kw": sums["cut"] / many,
            "demand_kw": sums["demand"] / many,
            "wanted_share": sums["wanted"] / sums["on"],
            "loss_share": sums["losing"] / sums["on"],
            "lost_kwh": sums["loss"] * cut.step_h,
            "unserved_kwh": _unserved(case, by).reindex(LABELS[by], fill_value=0.0),
        }
    )
    return found.rename_axis(by)


def _unserved(case: Case, by: str) -> pd.Series:
    taken = case.limited.sessions["unserved_kwh"] - case.firm.sessions["unserved_kwh"]
    cars = case.limited.cars
    plug_in = pd.Series(cars.plug_in, index=cars.session_ids).reindex(taken.index)
    stamps = pd.DatetimeIndex(plug_in.to_numpy().view("datetime64[ns]"), tz="UTC")
    return taken.clip(lower=0).groupby(_labels(stamps, by, case.timezone)).sum()


def _labels(times, by: str, timezone: str) -> np.ndarray:
    if by == "half_hour":
        return timebase.half_hour(times, timezone)
    if by == "season":
        return timebase.season(times, timezone)
    return np.array(WEEKDAYS, dtype=object)[timebase.clock(times, timezone).day_of_week]
