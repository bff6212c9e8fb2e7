"""The two views of a limit: by level, and by the clock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.coincidence.case import Case, limit_on
from scchelpers.figures.style import BLUE, DASHES, ORANGE, canvas, clock_axis, legend_above, title
from scchelpers.measures import lost_kw
from scchelpers.wording import percent, quantity

LEVELS = np.linspace(0.0, 1.0, 51)


def levels(case: Case):
    """Draw how many hours capacity is withheld, and charging lost, by at least so much.

    Parameters
    ----------
    case : Case
        Charging with and without the limit.

    Returns
    -------
    (figure, alt) or None
    """
    limit_kw = limit_on(case)
    cut = (case.requested_kw - limit_kw).clip(0.0, case.requested_kw).to_numpy()
    loss = lost_kw(case.demand_kw, limit_kw).to_numpy()
    known = ~np.isnan(cut)
    step_h = case.firm.span.step_ns / 3.6e12
    if not cut[known].max() > 0:
        return None
    least = np.maximum(LEVELS * case.requested_kw, 1e-6)
    hours = {
        name: (values[known][:, None] >= least).sum(axis=0) * step_h
        for name, values in (("capacity withheld", cut), ("charging held back", loss))
    }
    fig, ax = canvas(height_in=3.3)
    for (name, drawn), color, dash in zip(hours.items(), (BLUE, ORANGE), DASHES, strict=False):
        there = drawn > 0
        if there.any():
            ax.step(
                100 * LEVELS[there], drawn[there], where="mid", color=color, ls=dash, label=name
            )
    legend_above(ax, columns=2)
    ax.set_yscale("log")
    ax.set_ylim(step_h / 2, 2 * max(drawn.max() for drawn in hours.values()))
    ax.set_xlim(0, 100)
    ax.set_xlabel("at least so much [% of the requested capacity]")
    ax.set_ylabel("hours on record [h]")
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:,g}")
    withheld, held = (drawn[0] for drawn in hours.values())
    alt = (
        f"Hours on record, on a logarithmic scale, by the share of the requested capacity. "
        f"Capacity is withheld for {quantity(withheld, 'h')} in all, charging held back for "
        f"{quantity(held, 'h')}; by at least half of the capacity for "
        f"{quantity(hours['capacity withheld'][25], 'h')} and "
        f"{quantity(hours['charging held back'][25], 'h')}."
    )
    return fig, alt


def by_clock(found: pd.DataFrame):
    """Draw what the limit withholds, what drivers want and what is lost, by the clock.

    Parameters
    ----------
    found : DataFrame
        From `coincidence.pattern` by half hour.

    Returns
    -------
    (figure, alt) or None
    """
    if not found["restricted_h"].sum() > 0:
        return None
    hour = found.index.to_numpy() / 2
    edges = np.append(hour, 24.0)
    fig, (above, below) = canvas(
        2, 1, height_in=4.8, sharex=True, gridspec_kw={"height_ratios": [2, 1]}
    )
    withheld = found["withheld_kw"].fillna(0.0)
    above.stairs(withheld, edges, color=BLUE, lw=1.6, label="withheld by the limit")
    above.stairs(
        found["demand_kw"], edges, color=ORANGE, lw=2, ls=DASHES[1], label="wanted by drivers"
    )
    above.set_ylim(0, None)
    above.set_ylabel("mean power [kW]")
    legend_above(above, columns=2)
    below.bar(hour + 0.25, found["lost_kwh"].fillna(0.0), width=0.44, color=ORANGE)
    below.set_ylabel("energy [kWh]")
    title(below, "Wanted above the limit, before shifting")
    if not found["lost_kwh"].sum() > 0:
        below.set_ylim(0, 1)
        below.text(12, 0.5, "none at any hour", ha="center", va="center")
    for ax in (above, below):
        ax.yaxis.set_major_formatter(lambda y, _: f"{y:,g}")
    below.set_xlim(0, 24)
    clock_axis(below)
    below.set_xlabel("local clock")
    lost = found["lost_kwh"]
    most = (
        f"Most is lost from {_clock(lost.idxmax())}, {percent(lost.max() / lost.sum())} of all."
        if lost.sum() > 0
        else "Nothing is wanted above the limit."
    )
    alt = (
        "Two panels over the local clock. Above, mean power withheld, highest from "
        f"{_clock(withheld.idxmax())} ({quantity(withheld.max(), 'kW')}), and wanted, highest from "
        f"{_clock(found['demand_kw'].idxmax())} ({quantity(found['demand_kw'].max(), 'kW')}). "
        f"Below, energy wanted above the limit. {most}"
    )
    return fig, alt


def _clock(half_hour: int) -> str:
    return f"{half_hour // 2:02d}:{30 * (half_hour % 2):02d}"
