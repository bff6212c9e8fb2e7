"""Several constraints and several schemes on one network."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.figures.style import BLUE, INK, ORANGE, QUIET, canvas, legend_above, title
from scchelpers.wording import percent, quantity

MOST_BRANCHES = 6


def branches(found: xr.Dataset):
    """Draw the highest loading of the fullest branches, free and under the setpoints.

    Parameters
    ----------
    found : xarray.Dataset
        From `network.cmc.setpoints`.

    Returns
    -------
    (figure, alt)
    """
    free = found["loading_full"].max("time").to_series().sort_values(ascending=False)
    free = free.iloc[:MOST_BRANCHES]
    held = found["loading"].max("time").to_series().reindex(free.index)
    fig, ax = canvas(height_in=1.1 + 0.42 * len(free))
    at = np.arange(len(free))
    ax.barh(at - 0.19, 100 * free, height=0.36, color=QUIET, label="all that is requested")
    ax.barh(at + 0.19, 100 * held, height=0.36, color=BLUE, label="under the setpoints")
    ax.axvline(100, color=ORANGE, lw=1.6)
    ax.annotate(
        "rating", (100, -0.7), xytext=(4, 0), textcoords="offset points", color=ORANGE, fontsize=9.5
    )
    ax.set_yticks(at, free.index)
    ax.set_ylim(len(free) - 0.4, -1.0)
    ax.set_xlabel("highest loading of the record [% of rating]")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    legend_above(ax, columns=2)
    return fig, (
        f"Bar chart of the highest loading of the {len(free)} fullest branches. {free.index[0]} "
        f"reaches {percent(float(free.iloc[0]))} of its rating with all that is requested, "
        f"{percent(float(held.iloc[0]))} under the setpoints."
    )


def trial(overloads: Mapping[str, pd.DataFrame], views: pd.DataFrame, schemes: pd.Series, names):
    """Draw what the schemes do to assets and sites when they work side by side.

    Parameters
    ----------
    overloads : mapping of str to DataFrame
        `Trial.overloads`.
    views : pandas.DataFrame
        `Trial.views`.
    schemes : pandas.Series
        Scheme by site_id.
    names : mapping of str to str
        Name by site_id.

    Returns
    -------
    (figure, alt)
    """
    fig, (top, below) = canvas(2, 1, height_in=5.2)
    assets = overloads["no scheme"].index
    at = np.arange(len(assets))
    for shift, case, color in ((-0.19, "no scheme", QUIET), (0.19, "trial", BLUE)):
        share = 100 * overloads[case]["peak_share"]
        label = {"trial": "all schemes at work"}.get(case, case)
        top.barh(at + shift, share, height=0.36, color=color, label=label)
    top.axvline(100, color=ORANGE, lw=1.6)
    top.set_yticks(at, assets)
    top.invert_yaxis()
    top.set_xlabel("highest loading [% of rating]")
    legend_above(top, columns=2)
    sites = np.arange(len(views))
    values = 100 * views["unserved_share"]
    below.barh(sites, values, height=0.6, color=BLUE)
    for y, (name, row) in zip(sites, views.iterrows(), strict=True):
        below.annotate(
            quantity(row["unserved_kwh"], "kWh"), (values[name], y), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=9, color=INK,
        )  # fmt: skip
    below.set_yticks(
        sites,
        [
            f"{textwrap.shorten(names[name], 28, placeholder='…')} ({schemes[name]})"
            for name in views.index
        ],
    )
    below.invert_yaxis()
    below.set_xlim(0, 1.25 * max(float(values.max()), 1.0))
    below.set_xlabel("unserved [% of what was wanted]")
    title(below, "what drivers went without")
    for ax in (top, below):
        ax.grid(True, axis="x")
        ax.grid(False, axis="y")
    return fig, (
        "Two bar charts. Above, the highest loading of each asset without a scheme and with all at "
        "work: "
        + "; ".join(
            f"{name} {percent(overloads['no scheme']['peak_share'][name])} and "
            f"{percent(overloads['trial']['peak_share'][name])}"
            for name in assets
        )
        + ". Below, unserved energy by site, highest at "
        f"{names[views['unserved_share'].idxmax()]}."
    )
