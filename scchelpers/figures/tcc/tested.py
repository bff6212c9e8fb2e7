"""Proof and stress: the frontier of cost and risk, and the margin over the years."""

from __future__ import annotations

from scchelpers.figures.style import BLUE, DASHES, INK, ORANGE, SERIES, canvas, end_labels
from scchelpers.tcc.proof import last_year
from scchelpers.tcc.trials import Proof, Stress
from scchelpers.wording import quantity


def frontier(proof: Proof | None):
    """Draw residual risk out of sample against window hours and against the lowest cap.

    Parameters
    ----------
    proof : tcc.Proof or None

    Returns
    -------
    (figure, alt) or None
    """
    if proof is None:
        return None
    table = proof.frontier
    chosen = table.loc[proof.quantile]
    fig, axes = canvas(1, 2, height_in=3.4, sharey=True)
    panels = (
        ("window_hours", "window hours [h a year]"),
        ("limit_kva", "lowest cap [kVA]"),
    )
    for ax, (column, label) in zip(axes, panels, strict=True):
        ax.plot(table[column], table["half_hours"], color=BLUE, marker="o", ms=4, lw=1.4)
        ax.plot([chosen[column]], [chosen["half_hours"]], "D", color=ORANGE, ms=8)
        ax.set_xlabel(label)
        ax.set_yscale("symlog", linthresh=10)
        ax.set_ylim(0, 1.6 * max(10.0, table["half_hours"].max()))
        ax.margins(x=0.12)
        for quantile in (q for q in (0.5, 0.75, 0.9, 0.95) if q in table.index):
            row = table.loc[quantile]
            ax.annotate(
                f"{quantile:g}", (row[column], row["half_hours"]), xytext=(5, 4),
                textcoords="offset points", fontsize=9, color=BLUE,
            )  # fmt: skip
        ax.annotate(
            f"chosen: {proof.quantile:g}", (chosen[column], chosen["half_hours"]),
            xytext=(0, -13) if chosen["half_hours"] > 3 else (0, 9), textcoords="offset points",
            ha="right" if column == "window_hours" else "left", fontsize=9.5, color=ORANGE,
        )  # fmt: skip
    ticks = [0, 10, 100, 1000, 10000]
    axes[0].set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes[0].set_ylim(0, 1.6 * max(10.0, table["half_hours"].max()))
    axes[0].set_ylabel("breaches out of sample\n[half hours a year]")
    loose = table.iloc[0]
    alt = (
        "Two panels with breaches out of sample on the vertical axis, one mark a quantile. From "
        f"the {table.index[0]:g} quantile ({loose['half_hours']:.0f} half hours a year, "
        f"{loose['window_hours']:.0f} window hours, lowest cap "
        f"{quantity(loose['limit_kva'], 'kVA')}) to the chosen {proof.quantile:g} "
        f"({chosen['half_hours']:.0f} half hours, {chosen['window_hours']:.0f} window hours, "
        f"{quantity(chosen['limit_kva'], 'kVA')})."
    )
    return fig, alt


def growth(stressed: Stress | None):
    """Draw the margin that the windows leave, year by year, for each way of growing.

    Parameters
    ----------
    stressed : tcc.Stress or None

    Returns
    -------
    (figure, alt) or None
    """
    if stressed is None:
        return None
    fig, ax = canvas(height_in=3.2)
    ends, said = [], []
    for (name, frame), color, dash in zip(stressed.protected.items(), SERIES, DASHES, strict=False):
        ax.plot(frame.index, frame["margin_kva"], color=color, ls=dash)
        ends.append((frame.index[-1], frame["margin_kva"].iloc[-1], name, color))
        year = last_year(frame)
        said.append(f"{name}: {'never' if year is None else f'year {year}'}")
        if year is not None:
            ax.plot([year], [frame.loc[year, "margin_kva"]], "o", color=color, ms=6)
    ax.axhline(0, color=INK, lw=1)
    ax.set_xlim(0, ends[0][0])
    ax.set_xlabel("years from now")
    ax.set_ylabel("margin left at the\ntightest half hour [kVA]")
    end_labels(ax, *zip(*ends, strict=True))
    return fig, (
        "Line chart of the margin between rating and load with the site at its limit, by year. It "
        f"falls below nothing (first year marked) in: {'; '.join(said)}."
    )
