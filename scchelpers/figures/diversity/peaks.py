"""When a site draws most."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.diversity.peaks import clock_chances
from scchelpers.figures.style import BLUE, DASHES, INK, ORANGE, canvas, clock_axis, legend_above
from scchelpers.wording import percent, quantity


def peak_time(profile: pd.DataFrame, peaks: pd.DataFrame):
    """Draw when the site draws most: demand by the clock, and where its yearly peak may fall.

    Parameters
    ----------
    profile : pandas.DataFrame
        From `diversity.profile`.
    peaks : pandas.DataFrame
        From `diversity.peak_weeks`.

    Returns
    -------
    (figure, alt) or None
    """
    if peaks.empty:
        return None
    top = peaks.iloc[0]
    fig, (ax, strip) = canvas(
        2, 1, height_in=5.0, sharex=True, gridspec_kw={"height_ratios": [3, 1.1]}
    )
    for days, color, dash in (("weekday", BLUE, DASHES[0]), ("weekend", ORANGE, DASHES[1])):
        if days not in profile.index.get_level_values("days"):
            continue
        here = profile.loc[days]
        hour = here.index / 2 + 0.25
        high = f"{days}, 95 of 100 days below"
        ax.plot(hour, here["p95_kw"], color=color, ls=dash, lw=2, label=high)
        ax.plot(hour, here["mean_kw"], color=color, ls=dash, lw=1, label=f"{days}, mean")
    at = top["half_hour"] / 2 + 0.25
    ax.plot([at], [top["peak_kw"]], marker="D", ms=6, color=INK, ls="none")
    early = at < 12
    ax.annotate(
        f"highest half hour: {quantity(top['peak_kw'], 'kW')}\n{top['local']:%a %d %b %Y, %H:%M}",
        (at, top["peak_kw"]), xytext=(9 if early else -9, 0), textcoords="offset points",
        ha="left" if early else "right", va="center", fontsize=9.5, color=INK,
    )  # fmt: skip
    ax.set_ylim(0, 1.12 * top["peak_kw"])
    ax.set_ylabel("site demand [kW]")
    chances = clock_chances(peaks)
    held = np.flatnonzero(chances)
    strip.bar(held / 2 + 0.25, 100 * np.asarray(chances)[held], width=0.44, color=INK)
    strip.set_ylabel("chance to hold\nthe peak [%]")
    strip.set_xlabel("local clock, start of the half hour [h]")
    strip.set_xlim(0, 24)
    clock_axis(strip)
    legend_above(ax, columns=2)
    alt = (
        f"Two panels over the local clock. Above, site demand by half hour with the highest half "
        f"hour of the record, {quantity(top['peak_kw'], 'kW')} at {top['local']:%H:%M on %d %B %Y}"
        f". Below, the chance of each half hour to hold the peak of a resampled record; the most "
        f"likely has {percent(chances.max())}."
    )
    return fig, alt
