"""How fast the load rises and what margin that asks for, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.wording import count, interval, number, percent, quantity

FEW = 10
SAME = 0.02


def chance(share: float) -> str:
    """Return a chance as one in so many.

    Examples
    --------
    >>> chance(0.001), chance(0.0)
    ('1 in 1,000', 'none')
    """
    return f"1 in {number(round(1 / share))}" if share > 0 else "none"


def span(seconds: float) -> str:
    """Return a length of time in whole hours or minutes, or else in seconds."""
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds >= length and seconds % length == 0:
            return quantity(int(seconds // length), unit)
    return quantity(int(seconds) if seconds == int(seconds) else seconds, "s")


def margins(found: pd.DataFrame) -> str:
    """Return how the margin grows with the response time (from `volatility.margins`)."""
    times = found.index.get_level_values("within_s").unique()
    likely = found.index.get_level_values("chance").max()
    first, last = (found.loc[(time, likely)] for time in (times[0], times[-1]))
    said = (
        f"A margin of {quantity(first['margin_kw'], 'kW')} (90 of 100 resamples: "
        f"{interval(first['low_kw'], first['high_kw'], 'kW')}) is exceeded within "
        f"{span(times[0])} from {chance(likely)} moments"
    )
    if len(times) > 1:
        said += (
            f"; a response of {span(times[-1])} needs {quantity(last['margin_kw'], 'kW')} "
            f"({interval(last['low_kw'], last['high_kw'], 'kW')})"
        )
    thin = found[found["beyond"] < FEW]
    if len(thin):
        rare = thin.index.get_level_values("chance").max()
        said += (
            f". At {chance(rare)} fewer than {FEW} rises on record lie beyond the margin: it hangs "
            "on single events"
        )
    return said + "."


def by_clock(found: pd.DataFrame) -> str:
    """Return at which hours the load is most restless (from `volatility.by_clock`)."""
    if found.empty:
        return "No rise of the load is on record."
    likely = max(name for name in found.columns if isinstance(name, float))
    days, hour = found[likely].idxmax()
    calm_days, calm = found[likely].idxmin()
    return (
        f"The load is most restless on {days}s from {hour:02d}:00 to {hour + 1:02d}:00, when "
        f"{chance(likely)} rises exceeds {quantity(found[likely].max(), 'kW')}, and calmest on "
        f"{calm_days}s from {calm:02d}:00 to {calm + 1:02d}:00 "
        f"({quantity(found[likely].min(), 'kW')})."
    )


def clustering(found: pd.DataFrame) -> str:
    """Return whether large changes come together (from `volatility.clustering`)."""
    if found.empty:
        return "The data are too coarse to say whether large changes come together."
    lag, memory = found.index[0], found["size"].iloc[0]
    verdict = (
        "large changes come together, so that a margin can follow the recent past"
        if memory > 0.2
        else "that the load was quiet a moment ago says little about the next moment"
    )
    return (
        f"The size of changes {span(60 * lag)} apart has a correlation of {number(memory)}: "
        f"{verdict}."
    )


def held_out(found: pd.DataFrame) -> str:
    """Return how margins held on unseen periods and the best method (`prediction.held_out`)."""
    said = []
    for share in found.index.get_level_values("chance").unique():
        here = found.xs(share, level="chance")
        one = here.loc["plain"]
        kept = one["low_share"] <= share
        said.append(
            f"Meant for {chance(share)}, the plain margin of {quantity(one['margin_kw'], 'kW')} "
            f"was exceeded in {chance(one['exceeded_share'])} unseen moments "
            f"({'in keeping with what was meant' if kept else 'more often than meant'})"
        )
        best = here["pinball_kw"].idxmin()
        gain = 1 - here.loc[best, "pinball_kw"] / one["pinball_kw"] if one["pinball_kw"] else 0.0
        if best == "plain" or gain < SAME:
            said[-1] += "; no method that knows the hour or the recent past does better"
        else:
            said[-1] += (
                f"; the method “{best}” does better by {percent(gain)} of the loss, with a "
                f"mean margin of {quantity(here.loc[best, 'margin_kw'], 'kW')} exceeded in "
                f"{chance(here.loc[best, 'exceeded_share'])}"
            )
    return ". ".join(said) + f". Tested on {count(int(found['intervals'].max()), 'moment')}."
