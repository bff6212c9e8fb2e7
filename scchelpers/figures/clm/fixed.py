"""The fixed limit: what it takes from the customers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.clm.control import WHOLE_CURRENT_KVA, Capacity
from scchelpers.figures.style import BLUE, DASHES, INK, ORANGE, QUIET, canvas, legend_above
from scchelpers.wording import percent, quantity


def static(sweep: pd.DataFrame, by_site: int | None, by_session: int | None, capacity: Capacity):
    """Draw energy unserved and sessions short against a fixed limit.

    Parameters
    ----------
    sweep : pandas.DataFrame
        From `clm.static_sweep`.
    by_site, by_session : int or None
        Smallest limits that meet the targets [kVA].
    capacity : Capacity
        Capacity of the site, drawn where it lies within the sweep.

    Returns
    -------
    (figure, alt) or None
    """
    if sweep.empty:
        return None
    fig, ax = canvas(height_in=3.6)
    x = sweep.index.to_numpy()
    series = (
        ("unserved_share", "energy unserved", BLUE, "-", "o", by_site),
        ("short_share", "sessions short", ORANGE, DASHES[1], "s", by_session),
    )
    for name, label, color, dash, marker, needed in series:
        share = 100 * sweep[name]
        ax.plot(x, share, color=color, ls=dash, marker=marker, ms=4, label=label)
        ax.plot(
            [needed], [np.interp(needed, x, share)], marker="v", ms=9, color=color, ls="none",
            label=f"target met from {quantity(needed, 'kVA')}",
        )  # fmt: skip
    heights = {"69 kVA, whole current": WHOLE_CURRENT_KVA, "capacity": capacity.kva}
    if abs(capacity.kva - WHOLE_CURRENT_KVA) < 1:
        heights = {"capacity: 69 kVA, whole current": capacity.kva}
    for label, kva in heights.items():
        if kva <= 1.1 * x[-1]:
            ax.axvline(kva, color=QUIET, lw=1.2, ls=DASHES[2])
            ax.annotate(
                label, (kva, 0.97), xycoords=("data", "axes fraction"), xytext=(-4, 0),
                textcoords="offset points", rotation=90, ha="right", va="top", fontsize=9,
                color=INK,
            )  # fmt: skip
    ax.set_xlim(0, None)
    ax.set_ylim(0, None)
    ax.set_xlabel("fixed limit of all chargepoints together [kVA]")
    ax.set_ylabel("share [%]")
    legend_above(ax, columns=2)
    alt = (
        f"Line chart over the fixed limit: from {percent(sweep['unserved_share'].iloc[0])} of the "
        f"energy unserved at {quantity(float(x[0]), 'kVA')} to "
        f"{percent(sweep['unserved_share'].iloc[-1])} at {quantity(float(x[-1]), 'kVA')}; the site "
        f"target is met from {quantity(by_site, 'kVA')}, the session target from "
        f"{quantity(by_session, 'kVA')}."
    )
    return fig, alt
