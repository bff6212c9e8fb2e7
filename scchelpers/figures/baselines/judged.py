"""How good baselines are: the league of rules and models, intervals, and the chance of zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.figures.style import (
    BLUE,
    DASHES,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    canvas,
    legend_above,
    title,
)
from scchelpers.wording import number, percent, quantity

_KNOWS = {
    "days before": (BLUE, "o"),
    "noon the day before": (GREEN, "s"),
    "start of the event": (ORANGE, "D"),
    "after the event": (PURPLE, "X"),
}
LAST = 40
_OFF = 2.0  # errors beyond twice the demand are drawn at the edge


def league(table: pd.DataFrame):
    """Draw the error and the bias of every rule and model on the same placebo events.

    Parameters
    ----------
    table : pandas.DataFrame
        From `baselines.league`.

    Returns
    -------
    (figure, alt) or None
        None where nothing was drawn in any event, so that no relative error is defined.
    """
    if table.empty or table["rrmse"].isna().all():
        return None
    shown = table[::-1]
    y = np.arange(len(shown))
    fig, (ax, right) = canvas(
        1, 2, height_in=1.1 + 0.21 * len(shown), sharey=True,
        gridspec_kw={"width_ratios": [1.25, 1]},
    )  # fmt: skip
    edge = max(_OFF, 1.05 * shown.loc[shown["kind"] == "model", "rrmse"].max())
    worst = min(shown["rrmse"].max(), edge)
    for knows, (color, marker) in _KNOWS.items():
        own = (shown["knows"] == knows).to_numpy()
        if own.any():
            look = {"color": color, "marker": marker, "ls": "none", "ms": 5.5}
            ax.plot(100 * shown["rrmse"].clip(upper=edge)[own], y[own], label=knows, **look)
            right.plot(100 * shown["bias"].clip(-1, 1)[own], y[own], **look)
    for panel in (ax, right):
        panel.grid(axis="y", visible=False)
        panel.grid(axis="x", visible=True)
    ax.set_yticks(y, shown["label"], fontsize=9)
    ax.set_ylim(-0.6, len(y) - 0.4)
    ax.set_xlim(0, 105 * worst)
    ax.axvline(20, color=QUIET, lw=1, ls=DASHES[1])
    right.axvline(0, color=INK, lw=0.9)
    right.set_xlim(-108, 108)
    ax.set_xlabel("error, RRMSE [% of demand]")
    right.set_xlabel("bias [% of demand]")
    fig.legend(
        *ax.get_legend_handles_labels(), loc="outside upper left", ncols=4, frameon=False,
        labelcolor="linecolor", fontsize=9.5, title="sees the meter until", title_fontsize=9.5,
        alignment="left",
    )  # fmt: skip
    best, last = table.iloc[0], table.iloc[-1]
    return fig, (
        f"Two dot plots, one row for each of {len(table)} rules and models. Left, the error: from "
        f"{percent(best['rrmse'])} of demand ({best['label']}) to {percent(last['rrmse'])} "
        f"({last['label']}); a dashed line marks 20 %. Right, the bias, from "
        f"{percent(table['bias'].min())} to {percent(table['bias'].max())}."
    )


def forecast(table: pd.DataFrame, events: pd.DataFrame, level: float):
    """Draw what was drawn in the last events beside the interval foretold.

    Parameters
    ----------
    table : pandas.DataFrame
        From `baselines.walk_forward`.
    events : pandas.DataFrame
        Its events.
    level : float
        Nominal coverage.

    Returns
    -------
    (figure, alt) or None
    """
    known = table["high_kw"].notna() & table["actual_kw"].notna()
    if known.sum() < 10:
        return None
    last = table[known].tail(LAST)
    day = events["day"][last.index]
    x = np.arange(len(last))
    inside = (last["low_kw"] - 1e-6 <= last["actual_kw"]) & (
        last["actual_kw"] <= last["high_kw"] + 1e-6
    )
    fig, ax = canvas(height_in=3.4)
    named = f"foretold, with its {percent(level)} interval"
    ax.fill_between(x, last["low_kw"], last["high_kw"], step="mid", color=BLUE, alpha=0.18, lw=0)
    ax.plot(x, last["point_kw"], color=BLUE, lw=1.4, drawstyle="steps-mid", label=named)
    for own, color, marker, name in (
        (inside, INK, "o", "drawn"),
        (~inside, ORANGE, "D", "drawn, outside"),
    ):
        if own.any():
            ax.plot(
                x[own], last["actual_kw"][own], color=color, marker=marker, ms=4, ls="none",
                label=name,
            )  # fmt: skip
    ax.set_ylabel("mean demand in the event [kW]")
    ax.set_ylim(0, None)
    ax.set_xlim(-0.6, len(x) - 0.4)
    ticks = x[:: max(1, len(x) // 6)]
    ax.set_xticks(ticks, [f"{day.iloc[k]:%d %b %Y}" for k in ticks], fontsize=9)
    ax.set_xlabel("placebo events, in order of time")
    legend_above(ax, columns=3)
    return fig, (
        f"The last {len(last)} placebo events: mean demand drawn, the forecast, and its "
        f"{percent(level)} interval; {int((~inside).sum())} lie outside. Demand goes from "
        f"{quantity(last['actual_kw'].min(), 'kW')} to {quantity(last['actual_kw'].max(), 'kW')}."
    )


def reliability(tables: Mapping[str, pd.DataFrame]):
    """Draw how often nothing was drawn against how often that was foretold.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Name of a forecast to its `baselines.reliability`.

    Returns
    -------
    (figure, alt) or None
        None where fewer than two bins hold events.
    """
    tables = {name: table for name, table in tables.items() if len(table) > 1}
    if not tables:
        return None
    fig, axes = canvas(1, len(tables), height_in=3.2, squeeze=False, sharey=True)
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        title(ax, name)
        ax.plot([0, 100], [0, 100], color=QUIET, lw=1, ls=DASHES[1])
        ax.plot(100 * table["stated"], 100 * table["observed"], color=BLUE, marker="o", ms=5)
        for stated, observed, events in table[["stated", "observed", "events"]].itertuples(
            index=False
        ):
            high = observed > 0.85
            ax.annotate(
                f"{int(events)}", (100 * stated, 100 * observed), xytext=(6, -11 if high else 5),
                textcoords="offset points", fontsize=9, color=QUIET,
            )  # fmt: skip
        ax.set_xlim(-3, 103)
        ax.set_ylim(-3, 103)
        ax.set_xlabel("foretold chance of nothing [%]")
    axes[0][0].set_ylabel("share with nothing [%]")
    worst = max((table["stated"] - table["observed"]).abs().max() for table in tables.values())
    return fig, (
        f"Reliability of the chance that nothing is drawn, for {' and '.join(tables)}: share "
        f"observed against chance foretold, with the events in each bin; the largest gap is "
        f"{number(100 * worst)} points."
    )
