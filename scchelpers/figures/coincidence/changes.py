"""What changes the coincidence: other uses, growth of the network's load, other hours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.figures.style import BLUE, DASHES, ORANGE, canvas, legend_above, title
from scchelpers.wording import quantity

BEFORE, AFTER = "before shifting", "after shifting within the stay"


def uses(found: pd.DataFrame):
    """Draw what other uses lose under the same limit.

    Parameters
    ----------
    found : DataFrame
        From `coincidence.compare_uses`.

    Returns
    -------
    (figure, alt) or None
    """
    if len(found) < 2 or not found["lost_share"].max() > 0:
        return None
    rows = found.sort_values(["unserved_share", "lost_share"], kind="stable")
    fig, ax = canvas(height_in=1.1 + 0.42 * len(rows))
    at = np.arange(len(rows))
    ax.barh(at + 0.19, 100 * rows["lost_share"], 0.36, color=BLUE, alpha=0.6, label=BEFORE)
    ax.barh(at - 0.19, 100 * rows["unserved_share"], 0.36, color=ORANGE, label=AFTER)
    names = [f"{name} ({use})" for name, use in zip(rows["name"], rows["use"], strict=True)]
    ax.set_yticks(at, names, parse_math=False)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("energy not met [% of the energy wanted]")
    legend_above(ax, columns=2)
    worst = rows.iloc[-1]
    alt = (
        f"Bars for {len(rows)} sites under the same limit, scaled to the highest demand of each. "
        f"Most unserved after shifting: {worst['name']} ({worst['use']}), "
        f"{100 * worst['unserved_share']:.2g} %; of its energy "
        f"{100 * worst['lost_share']:.2g} % lay above the limit."
    )
    return fig, alt


def growth(found: pd.DataFrame | None):
    """Draw restriction and loss against growth of the network's load.

    Parameters
    ----------
    found : DataFrame or None
        From `coincidence.under_growth`.

    Returns
    -------
    (figure, alt) or None
    """
    if found is None or not found["restricted_h"].max() > 0:
        return None
    fig, (left, right) = canvas(1, 2, height_in=3.0)
    at = 100 * found.index.to_numpy()
    left.plot(at, found["restricted_h"], color=BLUE, marker="o", ms=4)
    left.plot(at, found["full_h"], color=BLUE, ls=DASHES[2], marker="s", ms=4)
    for name, text in (("restricted_h", "restricted"), ("full_h", "of it, no capacity")):
        left.annotate(
            text, (at[-1], found[name].iloc[-1]), xytext=(-4, 6), textcoords="offset points",
            ha="right", color=BLUE, fontsize=9.5,
        )  # fmt: skip
    title(left, "DNO: hours")
    left.set_ylabel("hours on record [h]")
    right.plot(at, found["lost_kwh"], color=ORANGE, ls=DASHES[1], marker="o", ms=4, label=BEFORE)
    right.plot(at, found["unserved_kwh"], color=ORANGE, marker="s", ms=4, label="after shifting")
    title(right, "Customer: energy not met")
    right.set_ylabel("energy [kWh]")
    right.legend(frameon=False, fontsize=9.5, loc="upper left")
    for ax, highest in ((left, found["restricted_h"].max()), (right, found["lost_kwh"].max())):
        ax.set_xlabel("growth of the network's load [%]")
        ax.set_ylim(0, 1.2 * highest or 1)
        ax.set_xticks(at)
        ax.yaxis.set_major_formatter(lambda y, _: f"{y:,g}")
    fig.get_layout_engine().set(wspace=0.06)
    last = found.iloc[-1]
    alt = (
        f"Two panels against growth of the network's load up to {at[-1]:g} %. Restricted hours "
        f"go from {quantity(found['restricted_h'].iloc[0], 'h')} to "
        f"{quantity(last['restricted_h'], 'h')}, unserved energy from "
        f"{quantity(found['unserved_kwh'].iloc[0], 'kWh')} to "
        f"{quantity(last['unserved_kwh'], 'kWh')}."
    )
    return fig, alt


def shifts(found: pd.DataFrame):
    """Draw the loss against a shift of all charging.

    Parameters
    ----------
    found : DataFrame
        From `coincidence.under_shift`.

    Returns
    -------
    (figure, alt) or None
    """
    if not found["lost_kwh"].max() > 0:
        return None
    fig, ax = canvas(height_in=2.9)
    at = found.index.to_numpy()
    ax.plot(at, found["lost_kwh"], color=BLUE, ls=DASHES[1], marker="o", ms=4, label=BEFORE)
    ax.plot(at, found["unserved_kwh"], color=ORANGE, marker="s", ms=4, label=AFTER)
    ax.set_ylim(0, 1.1 * found["lost_kwh"].max())
    ax.set_xticks(at)
    ax.set_xlabel("all charging so many hours later [h]")
    ax.set_ylabel("energy not met [kWh]")
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:,g}")
    legend_above(ax, columns=2)
    alt = (
        "Energy not met against a shift of all charging: "
        + "; ".join(
            f"{shift:+g} h: {quantity(row['lost_kwh'], 'kWh')} before, "
            f"{quantity(row['unserved_kwh'], 'kWh')} after shifting within the stay"
            for shift, row in found.iterrows()
        )
        + "."
    )
    return fig, alt
