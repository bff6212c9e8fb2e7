"""What data of a given resolution can show of rules in seconds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.figures.style import BLUE, GREEN, ORANGE, canvas, legend_above
from scchelpers.wording import count, number


def readings(found: pd.DataFrame):
    """Draw what the rules make of the data under each reading of them.

    Parameters
    ----------
    found : pandas.DataFrame
        From `resolution.readings`.

    Returns
    -------
    (figure, alt) or None
        None where no reading has an excursion.
    """
    kinds = (
        ("recorded", "recorded", GREEN),
        ("counted", "counted", BLUE),
        ("lock_outs", "lock-outs", ORANGE),
    )
    if not found[[name for name, _, _ in kinds]].to_numpy().sum():
        return None
    fig, ax = canvas(height_in=2.9)
    place = np.arange(len(found))[::-1]
    for shift, (name, label, color) in zip((0.26, 0.0, -0.26), kinds, strict=True):
        ax.barh(place + shift, found[name], height=0.24, color=color, label=label)
        for y, value in zip(place + shift, found[name], strict=True):
            ax.annotate(number(int(value)), (value, y), xytext=(4, 0), va="center",
                        textcoords="offset points", fontsize=9.5, color=color)  # fmt: skip
    ax.set_yticks(
        place, [f"{name}\nallowed" if name != "as read" else name for name in found.index]
    )
    ax.set_xlabel("excursions in the record")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    ax.margins(x=0.12)
    legend_above(ax, columns=3)
    said = [
        f"{name}: {row['recorded']:.0f} recorded, {row['counted']:.0f} counted, "
        f"{count(row['lock_outs'], 'lock-out')}"
        for name, row in found.iterrows()
    ]
    return fig, f"Bar chart of what the same data allow, by reading. {'; '.join(said)}."
