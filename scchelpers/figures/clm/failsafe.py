"""Cost and risk of each answer to a lost signal."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FuncFormatter

from scchelpers.figures.style import DASHES, SERIES, canvas, title
from scchelpers.wording import quantity

LABELS = {"hold": "hold the last limit", "fall": "fall to static", "stop": "stop"}
MARKERS = {"hold": "o", "fall": "s", "stop": "D"}


def failsafe(found: pd.DataFrame):
    """Draw energy not delivered and time above the DSC against the time without signal.

    Parameters
    ----------
    found : pandas.DataFrame
        From `failsafe.sweep`.

    Returns
    -------
    (figure, alt) or None
    """
    if not found["lost_h"].max():
        return None
    fig, (left, right) = canvas(1, 2, height_in=3.3)
    said = []
    answers = found.index.get_level_values("answer").unique()
    for answer, color, dash in zip(answers, SERIES, DASHES, strict=False):
        here = found.loc[answer].sort_values("lost_h")
        style = {"color": color, "ls": dash, "marker": MARKERS[answer], "ms": 4, "lw": 1.4}
        left.plot(here["lost_h"], here["unserved_kwh"], label=LABELS[answer], **style)
        right.plot(here["lost_h"], here["above_h"], **style)
        last = here.iloc[-1]
        said.append(
            f"{LABELS[answer]}: {quantity(last['unserved_kwh'], 'kWh')} and "
            f"{quantity(last['above_h'], 'h')}"
        )
    title(left, "cost")
    title(right, "risk")
    left.set_ylabel("further unserved energy [kWh]")
    right.set_ylabel("further time above the DSC [h]")
    for ax in (left, right):
        ax.set_xscale("symlog", linthresh=1)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        ax.set_xlim(0, None)
        ax.set_xlabel("without signal [h in the record]")
    left.set_yscale("symlog", linthresh=10)
    left.set_ylim(0, None)
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    left.get_figure().legend(
        *left.get_legend_handles_labels(), loc="outside upper left", ncols=len(answers),
        frameon=False, fontsize=9.5, labelcolor="linecolor",
    )  # fmt: skip
    return fig, (
        f"Two line charts against the hours without signal, up to "
        f"{quantity(found['lost_h'].max(), 'h')}: further unserved energy and further time above "
        f"the DSC. At the most: {'; '.join(said)}."
    )
