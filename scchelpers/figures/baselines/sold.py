"""What a site has to sell: by hour, and by the size of the offer."""

from __future__ import annotations

import pandas as pd

from scchelpers.figures.style import (
    BLUE,
    DASHES,
    INK,
    ORANGE,
    QUIET,
    SERIES,
    canvas,
    clock_axis,
    end_labels,
    legend_above,
)
from scchelpers.wording import percent, quantity


def by_hour(firm: pd.DataFrame, hours: float):
    """Draw what can be offered on working days by hour of start, and how often there is nothing.

    Parameters
    ----------
    firm : pandas.DataFrame
        From `baselines.firm_by_hour`.
    hours : float
        Length of the events [h].

    Returns
    -------
    (figure, alt) or None
    """
    if firm.empty or "working" not in firm.index.get_level_values("days"):
        return None
    working = firm.loc["working"]
    levels = [column for column in firm.columns if isinstance(column, float)]
    fig, (ax, below) = canvas(
        2, 1, height_in=4.8, sharex=True, gridspec_kw={"height_ratios": [2.2, 1.2]}
    )
    for level, color, dash in zip(levels, SERIES, DASHES, strict=True):
        ax.plot(working.index, working[level], color=color, ls=dash, label=percent(level))
    ax.set_ylabel("reduction there [kW]")
    ax.set_ylim(0, max(1.05 * working[levels].max().max(), 1.0))
    legend_above(ax, columns=4, heading="on working days, with a reliability of")
    ends = []
    for name, color, dash in (("working", BLUE, "-"), ("weekend, holiday", ORANGE, DASHES[1])):
        if name in firm.index.get_level_values("days"):
            share = firm.loc[name, "zero_share"]
            below.plot(share.index, 100 * share, color=color, ls=dash)
            ends.append((100 * share.iloc[-1], name, color))
    below.set_ylim(0, 103)
    below.set_ylabel("days with nothing\nto reduce [%]")
    below.set_xlim(0, 23)
    clock_axis(below, last=23)
    below.set_xlabel(f"local clock, start of an event of {hours:g} h")
    y, texts, colors = zip(*ends, strict=True)
    end_labels(below, [23] * len(y), y, texts, colors)
    top = working[0.9].idxmax()
    return fig, (
        f"Two panels over the hour at which an event of {hours:g} h starts. Above, the reduction "
        f"there on working days with four reliabilities: with 90 % it is highest at {top:02d}:00, "
        f"{quantity(working[0.9].max(), 'kW')}. Below, the share of days with nothing to reduce."
    )


def offers(table: pd.DataFrame, threshold: float):
    """Draw how often an offer is met and what it is paid for, by its size.

    Parameters
    ----------
    table : pandas.DataFrame
        From `baselines.offers`.
    threshold : float
        Share of an offer below which nothing is paid.

    Returns
    -------
    (figure, alt) or None
    """
    if table.empty:
        return None
    fig, (ax, below) = canvas(2, 1, height_in=4.6, sharex=True)
    ends = []
    for column, color, dash, name in (
        ("full", BLUE, "-", "met in full"),
        ("partial", ORANGE, DASHES[1], f"at least {percent(threshold)}"),
    ):
        ax.plot(table.index, 100 * table[column], color=color, ls=dash)
        ends.append((100 * table[column].iloc[-1], name, color))
    ax.set_ylim(0, 103)
    ax.set_ylabel("events [%]")
    y, texts, colors = zip(*ends, strict=True)
    below.plot(table.index, table["paid_kwh"], color=INK)
    best = table["paid_kwh"].idxmax()
    below.plot([best], [table["paid_kwh"][best]], color=INK, marker="D", ms=6)
    below.axvline(best, color=QUIET, lw=1, ls=DASHES[2])
    below.set_ylim(0, 1.1 * table["paid_kwh"].max())
    below.set_xlim(0, table.index[-1])
    below.set_ylabel("paid for\n[kWh an event]")
    below.set_xlabel("reduction offered [kW]")
    end_labels(ax, [table.index[-1]] * 2, y, texts, colors)
    return fig, (
        f"Two panels against the reduction offered, up to {quantity(table.index[-1], 'kW')}. "
        f"Above, the share of events in which the offer is met in full and at least "
        f"{percent(threshold)} of it. Below, the energy paid for in an event, highest at an offer "
        f"of {quantity(best, 'kW')} with {quantity(table['paid_kwh'].max(), 'kWh')}."
    )
