"""What the order of access and the way of sharing give each site."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.figures.style import DASHES, INK, SERIES, canvas, end_labels, legend_above, title
from scchelpers.wording import count, quantity


def places(found: pd.DataFrame, names: Mapping[str, str]):
    """Draw restricted hours and unserved energy of each site at each place of the LIFO stack.

    Parameters
    ----------
    found : pandas.DataFrame
        From `network.places`.
    names : mapping of str to str
        Name by site_id.

    Returns
    -------
    (figure, alt) or None
        None where one site is alone.
    """
    sites = found.index.unique("site")
    if len(sites) < 2:
        return None
    fig, axes = canvas(2, 1, height_in=4.8, sharex=True)
    panels = (("restricted_h", "restricted [h]"), ("unserved_kwh", "unserved [kWh]"))
    for ax, (measure, label) in zip(axes, panels, strict=True):
        ends = []
        for name, color, dash in zip(sites, SERIES * 9, DASHES * 9, strict=False):
            rows = found.loc[name]
            ax.plot(rows.index, rows[measure], color=color, ls=dash, marker="o", ms=4, lw=1.6)
            own = rows[rows["own"]]
            ax.plot(own.index, own[measure], "o", ms=10, mfc="none", mec=color, mew=1.6)
            ends.append((rows.index[-1], rows[measure].iloc[-1], _wrapped(names[name]), color))
        ax.set_ylabel(label)
        ax.set_ylim(0, None)
        ax.set_xlim(0.9, len(sites) + 0.1)
        end_labels(ax, *zip(*ends, strict=True))
    title(axes[0], "ringed: the site's own place")
    axes[1].set_xticks(range(1, len(sites) + 1))
    axes[1].set_xlabel("place in the stack, 1 = earliest applicant")
    last = found.xs(len(sites), level="place")["unserved_kwh"]
    return fig, (
        f"Two line charts for {count(len(sites), 'site')}: restricted hours and unserved energy by "
        f"place in the LIFO stack. In the last place {names[last.idxmax()]} loses most, "
        f"{quantity(last.max(), 'kWh')}."
    )


def ways(found: pd.DataFrame, names: Mapping[str, str]):
    """Draw the unserved energy of each site under each way of sharing.

    Parameters
    ----------
    found : pandas.DataFrame
        From `network.ways`.
    names : mapping of str to str
        Name by site_id.

    Returns
    -------
    (figure, alt) or None
        None where one site is alone or nothing is unserved.
    """
    sites, rules = found.index.unique("site"), found.index.unique("way")
    if len(sites) < 2 or found["unserved_kwh"].max() < 0.01:
        return None
    fig, ax = canvas(height_in=1.0 + 0.75 * len(rules))
    height = 0.8 / len(sites)
    for k, (name, color) in enumerate(zip(sites, SERIES * 9, strict=False)):
        values = found.xs(name, level="site")["unserved_kwh"].reindex(rules)
        at = np.arange(len(rules)) + (k - (len(sites) - 1) / 2) * height
        ax.barh(at, values, height=0.9 * height, color=color, label=names[name])
        for y, value in zip(at, values, strict=True):
            ax.annotate(
                quantity(value, "kWh"), (value, y), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=9, color=INK,
            )  # fmt: skip
    ax.set_yticks(range(len(rules)), rules)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.18 * found["unserved_kwh"].max())
    ax.set_xlabel("unserved [kWh]")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    legend_above(ax, columns=2)
    total = found["unserved_kwh"].groupby("way").sum()
    return fig, (
        f"Bar chart of unserved energy by way of sharing, for {count(len(sites), 'site')}. All "
        f"sites together: least with {total.idxmin()} ({quantity(total.min(), 'kWh')}), most with "
        f"{total.idxmax()} ({quantity(total.max(), 'kWh')})."
    )


def _wrapped(name: str) -> str:
    return textwrap.fill(textwrap.shorten(name, 36, placeholder="…"), 18)
