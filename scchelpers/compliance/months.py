"""Months side by side: how much was judged, how often the limit was exceeded, and the trend."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from scchelpers.compliance.judged import Judged
from scchelpers.timebase import clock

LEVEL = 0.9  # of the interval of the trend
LEAST = 6  # months for a trend


def monthly(judged: Judged) -> pd.DataFrame:
    """Return each local month of a record.

    Returns
    -------
    pandas.DataFrame
        Indexed by the month's first day: judged_h [h] (of the time in which the limit could be
        broken: limited time where there is any), missing_h [h] of the same, above_h [h],
        excess_kwh [kWh], deepest_kw [kW] and above_share (above_h over judged_h; NaN where
        nothing was judged).
    """
    local = clock(judged.flow["time"], judged.entries[-1].timezone).tz_localize(None)
    month = local.to_period("M").to_timestamp()
    in_force = np.isfinite(judged.capacity_kw)
    of_interest = judged.limited if judged.limited.any() else in_force
    above_kw = np.nan_to_num(judged.flow["above_kw"].to_numpy())
    step_h = judged.step_h
    frame = pd.DataFrame(
        {
            "judged_h": (judged.known & of_interest) * step_h,
            "missing_h": (~judged.known & of_interest) * step_h,
            "above_h": judged.above * step_h,
            "excess_kwh": above_kw * step_h,
            "deepest_kw": above_kw,
        }
    )[in_force]
    grouped = frame.groupby(month[in_force])
    table = grouped.sum()
    table["deepest_kw"] = grouped["deepest_kw"].max()
    judged_h = table["judged_h"].where(table["judged_h"] > 0)
    return table.assign(above_share=(table["above_h"] / judged_h).clip(upper=1.0)).rename_axis(
        "month"
    )


def trend(months: pd.DataFrame) -> pd.Series:
    """Return whether the limit is exceeded more and more, from the months in which it was tested.

    Returns
    -------
    pandas.Series
        slope, low and high (change of above_share per year, with its 90 % interval), months (those
        that count), word: "rising", "falling", "no clear trend" or "too short to tell".

    Notes
    -----
    Median of the slopes between all pairs of months (Theil 1950, Sen 1968): one bad month makes no
    trend.
    """
    known = months["above_share"].dropna()
    if len(known) < LEAST:
        nothing = dict.fromkeys(("slope", "low", "high"), np.nan)
        return pd.Series({**nothing, "months": len(known), "word": "too short to tell"})
    years = (known.index - known.index[0]).days / 365.25
    slope, _, low, high = stats.theilslopes(known.to_numpy(), years, LEVEL)
    word = "rising" if low > 0 else "falling" if high < 0 else "no clear trend"
    return pd.Series({"slope": slope, "low": low, "high": high, "months": len(known), "word": word})
