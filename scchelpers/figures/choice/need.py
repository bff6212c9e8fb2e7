"""What the DNO would have to buy as flexibility."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.figures.style import FAINT, GREEN, ORANGE, QUIET, canvas, legend_above
from scchelpers.wording import quantity

CASES = (("before", QUIET), ("without schemes", ORANGE), ("with schemes", GREEN))


def need(found: pd.DataFrame, names: Mapping[str, str]):
    """Draw the energy above the rating of each asset before, without and with the schemes.

    Parameters
    ----------
    found : pandas.DataFrame
        From `choice.need`.
    names : mapping of str to str
        Name by asset.

    Returns
    -------
    (figure, alt) or None
        None where nothing passes its rating.
    """
    if found.empty or not found["over_kvah"].max() > 0:
        return None
    above = found["over_kvah"]
    wide = pd.DataFrame({name: above.xs(name, level="connected") for name, _ in CASES})
    wide = wide[wide.max(axis=1) > 0]
    fig, ax = canvas(height_in=0.62 * len(wide) + 1.2)
    at = np.arange(len(wide))[::-1]
    for place, (name, color) in enumerate(CASES):
        ax.barh(at + 0.26 * (1 - place), wide[name], 0.24, color=color, label=name)
    ax.set_yticks(at, [textwrap.fill(names.get(asset, asset), 26) for asset in wide.index])
    ax.set_xlabel("above the rating [kVAh a year]")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", visible=True, color=FAINT)
    legend_above(ax, columns=3)
    said = "; ".join(
        f"{names.get(asset, asset)} {quantity(row['without schemes'], 'kVAh')} without the "
        f"schemes, {quantity(row['with schemes'], 'kVAh')} with them"
        for asset, row in wide.iterrows()
    )
    return fig, f"Bars of the energy above the rating in a year, by asset: {said}."
