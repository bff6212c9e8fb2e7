"""Loads that switch on at once: their size, and when they start."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.figures.style import BLUE, DASHES, ORANGE, canvas, clock_axis, legend_above
from scchelpers.wording import count, quantity


def steps(starts: pd.DataFrame, sizes: pd.DataFrame):
    """Draw how many loads of each size switch on, and at what hours.

    Parameters
    ----------
    starts : pandas.DataFrame
        From `steps.detect`.
    sizes : pandas.DataFrame
        From `steps.by_size`.

    Returns
    -------
    (figure, alt) or None
        None where none was found.
    """
    if starts.empty:
        return None
    fig, (left, right) = canvas(1, 2, height_in=3.2)
    weeks = starts.attrs["weeks"]
    left.bar(sizes.index, sizes["per_week"], width=0.86 * sizes.attrs["width_kw"], color=BLUE)
    left.set_xlabel("size of the load [kW]")
    left.set_ylabel("starts a week")
    for days, color, dash in (("weekday", BLUE, DASHES[0]), ("weekend", ORANGE, DASHES[1])):
        hours = starts.loc[starts["days"] == days, "hour"]
        per_week = np.bincount(hours, minlength=24) / weeks
        right.stairs(per_week, np.arange(25), color=color, ls=dash, lw=2, label=f"{days}s")
    right.set_xlim(0, 24)
    right.set_ylim(0, None)
    clock_axis(right, 6)
    right.set_xlabel("local clock, start")
    right.set_ylabel("starts a week in the hour")
    legend_above(right, columns=2)
    top = sizes["starts"].idxmax()
    return fig, (
        f"Two bar charts of {count(len(starts), 'start')} of large loads. Left, by size: most are "
        f"of about {quantity(sizes.loc[top, 'median_kw'], 'kW')}. Right, by the hour: most start "
        f"at {starts['hour'].mode().iloc[0]:02d}:00."
    )
