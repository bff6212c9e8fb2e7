"""What an open branch of the network leaves a site."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

from scchelpers.figures.style import FAINT, SERIES, canvas, legend_above
from scchelpers.network.topology import NORMAL, Outages
from scchelpers.wording import percent

MARKS = ("o", "s", "D", "^")
MOST_BRANCHES = 8


def outages(cases: Mapping[str, Outages], site_id: str):
    """Draw the mean capacity that a site keeps with each branch out, case by case.

    Parameters
    ----------
    cases : mapping of str to Outages
        By name of the case.
    site_id : str
        Site.

    Returns
    -------
    (figure, alt)
    """
    kept = {
        name: 100 * found.sites.xs(site_id, level="site")["left_share"].astype(float)
        for name, found in cases.items()
    }
    first = next(iter(kept.values()))
    out = first.drop(NORMAL).sort_values(kind="stable")
    order = [NORMAL, *out.index[:MOST_BRANCHES]]
    fig, ax = canvas(height_in=1.5 + 0.3 * len(order))
    at = np.arange(len(order))
    for name, color, mark, shift in zip(cases, SERIES, MARKS, (-0.2, 0.0, 0.2, 0.3), strict=False):
        ax.plot(kept[name].reindex(order), at + shift, mark, color=color, ms=5, label=name)
    ax.axhline(0.5, color=FAINT, lw=1)
    ax.set_yticks(at, [textwrap.shorten(name, 40, placeholder="…") for name in order])
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xlim(-3, 103)
    ax.set_xlabel("capacity left on average [% of the request]")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    legend_above(ax, columns=1)
    return fig, (
        "Dot chart of the capacity left to this site on average, in normal running and with each "
        f"of {len(order) - 1} branches out of service, those of {len(out)} that leave least, in "
        f"{len(cases)} cases. {next(iter(cases))}: normal running {percent(first[NORMAL] / 100)}, "
        f"least {percent(out.iloc[0] / 100)} with {out.index[0]} out."
    )
