"""Years to come and abnormal running."""

from __future__ import annotations

import pandas as pd

from scchelpers.figures.style import BLUE, DASHES, INK, ORANGE, canvas, title
from scchelpers.wording import date, quantity


def growth(found: pd.DataFrame):
    """Draw restricted hours and unserved energy year by year of load growth.

    Parameters
    ----------
    found : pandas.DataFrame
        From `network.growth`.

    Returns
    -------
    (figure, alt) or None
    """
    if found["restricted_h"].max() == 0:
        return None
    first, last = found.iloc[0], found.iloc[-1]
    fig, axes = canvas(1, 2, height_in=2.9)
    panels = (("restricted_h", "restricted [h a year]"), ("unserved_kwh", "unserved [kWh a year]"))
    for ax, (measure, label), color, dash in zip(
        axes, panels, (BLUE, ORANGE), DASHES, strict=False
    ):
        ax.plot(found.index, found[measure], color=color, ls=dash, marker="o", ms=4)
        ax.set_ylim(0, 1.08 * max(float(found[measure].max()), 1e-3))
        ax.set_ylabel(label)
    fig.supxlabel("years from the record", fontsize=10, color=INK)
    return fig, (
        f"Two line charts over {found.index[-1]} years of load growth: restricted hours from "
        f"{quantity(first['restricted_h'], 'h')} to {quantity(last['restricted_h'], 'h')}, "
        f"unserved energy from {quantity(first['unserved_kwh'], 'kWh')} to "
        f"{quantity(last['unserved_kwh'], 'kWh')}."
    )


def abnormal(cases: dict[str, pd.DataFrame]):
    """Draw what abnormal running costs, by when it begins.

    Parameters
    ----------
    cases : dict of str to DataFrame
        Name to what `network.by_start` found.

    Returns
    -------
    (figure, alt) or None
        None where no driver ever goes short by it.
    """
    if max(found["unserved_kwh"].max() for found in cases.values()) < 0.01:
        return None
    fig, axes = canvas(len(cases), 1, height_in=0.4 + 1.9 * len(cases), squeeze=False)
    said = []
    for ax, (name, found) in zip(axes[:, 0], cases.items(), strict=True):
        at = found.index.tz_localize(None)
        width = (at[1] - at[0]) * 0.7
        ax.bar(at, found["unserved_kwh"], width=width, color=BLUE, align="edge")
        ax.set_ylabel("unserved [kWh]")
        ax.set_ylim(0, 1.08 * max(float(found["unserved_kwh"].max()), 1.0))
        ax.grid(False, axis="x")
        title(ax, name)
        worst = found["unserved_kwh"].idxmax()
        said.append(
            f"{name}: at most {quantity(found['unserved_kwh'].max(), 'kWh')}, beginning on "
            f"{date(worst)}"
        )
    axes[-1, 0].set_xlabel("day on which it begins")
    return fig, f"Bar charts of energy unserved by when abnormal running begins. {'; '.join(said)}."
