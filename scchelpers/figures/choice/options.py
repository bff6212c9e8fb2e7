"""The ways to connect, side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from scchelpers.figures.style import BLUE, GREEN, INK, ORANGE, canvas, title
from scchelpers.wording import count, listed, percent, quantity

MEANINGS = {"recommended": GREEN, "would do": BLUE, "fails": ORANGE}
LOWEST = 1e-4  # shares below it stand at the edge of the logarithmic axis


def options(
    found: pd.DataFrame, scheme: str | None, *, requested_kva: float, unserved_target: float
):
    """Draw the mean capacity and the unserved energy of each way to connect.

    Parameters
    ----------
    found : pandas.DataFrame
        From `choice.outcomes`.
    scheme : str or None
        The one recommended.
    requested_kva : float
        Capacity asked for [kVA].
    unserved_target : float
        Share of the energy that may stay unserved.

    Returns
    -------
    (figure, alt) or None
        None where no way can be judged.
    """
    able = found[found["possible"].astype(bool) & found["unserved_share"].notna()]
    if able.empty:
        return None
    fig, (left, right) = canvas(1, 2, height_in=0.36 * len(able) + 1.5, sharey=True)
    at = np.arange(len(able))[::-1]
    colors = [_color(name, row, scheme) for name, row in able.iterrows()]
    left.barh(at, able["mean_kva"], 0.62, color=colors)
    left.axvline(requested_kva, color=INK, lw=1, ls="--")
    left.set_xlabel("mean capacity [kVA]")
    title(left, "dashed: asked for")
    shares = able["unserved_share"].clip(lower=LOWEST, upper=1.0)
    right.scatter(shares, at, color=colors, s=44, zorder=3)
    right.axvline(unserved_target, color=INK, lw=1, ls="--")
    right.set_xscale("log")
    right.set_xlim(LOWEST * 0.7, 1.4)
    right.set_xticks([LOWEST, 1e-3, 1e-2, 1e-1, 1])
    right.set_xticklabels(["≤ 0.01", "0.1", "1", "10", "100"])
    right.minorticks_off()
    right.set_xlabel("energy unserved [%]")
    title(right, "dashed: target")
    left.set_yticks(at, able.index)
    for label, color in zip(left.get_yticklabels(), colors, strict=True):
        label.set_color(color)
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", visible=True)
    marks = [Patch(color=color, label=text) for text, color in MEANINGS.items()]
    fig.legend(
        handles=marks, loc="outside lower center", ncols=3, labelcolor="linecolor", frameon=False
    )
    return fig, _alt(able, scheme, unserved_target)


def _color(name: str, row: pd.Series, scheme: str | None) -> str:
    return GREEN if name == scheme else BLUE if row["viable"] else ORANGE


def _alt(able: pd.DataFrame, scheme: str | None, unserved_target: float) -> str:
    said = [
        f"{name} {quantity(row['mean_kva'], 'kVA')}, {percent(row['unserved_share'])} unserved"
        for name, row in able.iterrows()
    ]
    viable = [name for name in able.index[able["viable"].astype(bool)] if name != scheme]
    others = f" {listed(viable)} would do as well." if viable else ""
    chosen = f"Recommended: {scheme}." if scheme else "None is recommended."
    return (
        f"Bars of the mean capacity and points of the unserved energy (target "
        f"{percent(unserved_target)}) of {count(len(able), 'way')} to connect, the least complex "
        f"first: {'; '.join(said)}. {chosen}{others}"
    )
