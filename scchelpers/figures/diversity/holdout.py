"""How far estimates hold for what they have not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.figures.diversity.sizes import CHARGEPOINTS
from scchelpers.figures.style import BLUE, GREEN, INK, ORANGE, canvas, legend_above
from scchelpers.wording import change


def unseen(ratio: pd.DataFrame):
    """Draw by how much the ADMD of groups held out misses the estimate.

    Parameters
    ----------
    ratio : pandas.DataFrame
        From `diversity.unseen_ratio`.

    Returns
    -------
    (figure, alt) or None
    """
    if (ratio.index.get_level_values("size") < 2).all():
        return None
    fig, ax = canvas(height_in=3.9)
    cases = (
        ("weeks", "other weeks", BLUE, "o"),
        ("chargepoints", "other chargepoints", GREEN, "s"),
        ("both", "other chargepoints in other weeks", ORANGE, "D"),
    )
    ratio = ratio[ratio.index.get_level_values("size") > 1]
    sizes = ratio.loc["both"].index.to_numpy()
    place = np.arange(len(sizes))
    miss = 100 * (ratio - 1)
    for shift, (case, label, color, marker) in zip((-0.2, 0, 0.2), cases, strict=True):
        here = miss.loc[case]
        ax.vlines(place + shift, here["low"], here["high"], color=color, lw=3, alpha=0.55)
        ax.plot(place + shift, here["median"], marker, color=color, ms=5, label=label)
    ax.axhline(0, color=INK, lw=0.9)
    ax.set_xticks(place, [str(size) for size in sizes])
    ax.set_xlim(-0.6, len(sizes) - 0.4)
    ax.grid(False, axis="x")
    ax.set_xlabel(CHARGEPOINTS)
    ax.set_ylabel("unseen ADMD against\nthe estimate [%]")
    legend_above(ax, columns=3, heading="median (mark) and 90 of 100 groups (bar), held out:")
    return fig, (
        "Range chart: by how much the ADMD of groups held out differs from the estimate, 90 of 100 "
        f"groups. At {sizes[-1]} chargepoints, other chargepoints in other weeks: "
        f"{change(ratio.loc[('both', sizes[-1]), 'low'])} to "
        f"{change(ratio.loc[('both', sizes[-1]), 'high'])}."
    )
