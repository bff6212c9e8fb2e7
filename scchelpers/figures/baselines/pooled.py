"""What pooling does to the error, and what frequent dispatch does to the history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scchelpers.baselines.matching import RULES
from scchelpers.figures.style import (
    BLUE,
    DASHES,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    SERIES,
    canvas,
    end_labels,
    title,
)
from scchelpers.wording import percent

_TICKS = (1, 2, 3, 5, 10, 20, 50, 100)


def pooling(curves: Mapping[str, pd.DataFrame], limit: float = 0.2):
    """Draw how error and the chance of nothing fall with the number pooled.

    Parameters
    ----------
    curves : mapping of str to pandas.DataFrame
        What is pooled ("chargepoints", "sites") to its `baselines.pooling_curve`.
    limit : float
        RRMSE that a buyer may ask for.

    Returns
    -------
    (figure, alt) or None
    """
    curves = {
        name: curve
        for name, curve in curves.items()
        if len(curve.index.get_level_values("size").unique()) > 1
    }
    if not curves:
        return None
    fig, axes = canvas(1, len(curves), height_in=3.6, squeeze=False, sharey=True)
    said = []
    top = 1.1 * max(curve["rrmse"].max() for curve in curves.values())
    for ax, (name, curve) in zip(axes[0], curves.items(), strict=True):
        rules = curve.index.get_level_values("rule").unique()
        for rule, color, dash in zip(rules, SERIES, DASHES, strict=False):
            here = curve.loc[rule]
            ax.plot(here.index, 100 * here["rrmse"], color=color, ls=dash, marker="o", ms=3.5,
                    label=RULES[rule].label)  # fmt: skip
            if rule == rules[0]:
                low, high = 100 * here["rrmse_low"], 100 * here["rrmse_high"]
                ax.fill_between(here.index, low, high, color=color, alpha=0.14, lw=0)
        zero = curve.loc[rules[0], "zero_share"]
        ax.plot(
            zero.index, 100 * zero, color=INK, lw=1.2, ls=DASHES[2], label="events with nothing"
        )
        ax.axhline(100 * limit, color=QUIET, lw=1)
        ax.set_xscale("log")
        last = zero.index[-1]
        ax.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if tick <= last]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set_ylim(0, 100 * min(top, 4.0))
        ax.set_xlabel(f"{name} pooled")
        first = curve.loc[rules[0], "rrmse"]
        said.append(
            f"{name}: {RULES[rules[0]].label} from {percent(first.iloc[0])} for "
            f"{first.index[0]} to {percent(first.iloc[-1])} for {first.index[-1]}"
        )
    axes[0][0].set_ylabel("RRMSE, events [%]")
    handles = axes[0][0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper left", ncols=2, frameon=False,
               labelcolor="linecolor", fontsize=9.5)  # fmt: skip
    return fig, (
        "Error of baselines against the number pooled, median of random groups with the range of "
        f"80 of 100, a line at {percent(limit)}, and the share of events with nothing drawn. "
        + "; ".join(said)
        + "."
    )


def erosion(table: pd.DataFrame):
    """Draw what is credited of the true reduction against how often the site is called.

    Parameters
    ----------
    table : pandas.DataFrame
        From `baselines.erosion`.

    Returns
    -------
    (figure, alt) or None
    """
    if table.empty or table["credit_share"].isna().all():
        return None
    names = {"open": "event days kept as history", "blocked": "event days left out"}
    fig, axes = canvas(1, 2, height_in=3.3, sharey=True)
    said = []
    for ax, (history, heading) in zip(axes, names.items(), strict=True):
        title(ax, heading)
        here = table.loc[history]
        ends = []
        rules = here.index.get_level_values("rule").unique()
        colors = (BLUE, ORANGE, PURPLE)
        for rule, color, dash in zip(rules, colors, DASHES, strict=False):
            share = 100 * here.loc[rule, "credit_share"]
            ax.plot(share.index, share, color=color, ls=dash, marker="o", ms=4)
            if share.notna().any():
                end = share.dropna()
                ends.append((end.index[-1], end.iloc[-1], RULES[rule].label, color))
                said.append(f"{heading}, {RULES[rule].label}: {percent(end.iloc[-1] / 100)}")
        ax.axhline(100, color=QUIET, lw=1)
        ax.set_xlim(0, 5.2)
        ax.set_xlabel("events a week")
        ax.set_ylim(0, max(110, 105 * np.nanmax(table["credit_share"])))
        if ax is axes[-1]:
            x, y, texts, shades = zip(*ends, strict=True)
            end_labels(ax, x, y, texts, shades)
    axes[0].set_ylabel("credited ÷ delivered [%]")
    return fig, (
        "Two panels: reduction credited as a share of that delivered, against events a week. At "
        "the most frequent with a baseline, " + "; ".join(said) + "."
    )
