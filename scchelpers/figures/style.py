"""The style of every figure: colours, canvas, and the names of lines."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

# Dark enough for text on white (contrast 4.5 or more) and told apart with any colour vision;
# lines of different meaning also differ in dash or marker, and are named beside the line.
INK = "#22303c"
QUIET = "#5b6b78"
FAINT = "#d5dce2"
BLUE = "#0a5f9e"
ORANGE = "#b4500a"
GREEN = "#0b7a5b"
PURPLE = "#8a3b86"
SERIES = (BLUE, ORANGE, GREEN, PURPLE)
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))

WIDTH_IN = 7.0

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "lines.linewidth": 2.0,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
}


def canvas(rows: int = 1, columns: int = 1, *, height_in: float = 3.6, **options):
    """Return a figure of the report's width and its axes, in the workbook's style.

    Parameters
    ----------
    rows, columns : int
        Panels.
    height_in : float
        Height of the figure [inch]; it is 7 wide.
    **options
        Of `matplotlib.pyplot.subplots`.
    """
    with mpl.rc_context(STYLE):
        return plt.subplots(rows, columns, figsize=(WIDTH_IN, height_in), **options)


def title(ax: plt.Axes, text: str) -> None:
    """Write the title of a panel."""
    ax.set_title(text, loc="left", fontsize=10.5, fontweight="bold", pad=8)


def clock_axis(ax: plt.Axes, every: int = 3, last: int = 24) -> None:
    """Mark the hours of the local clock on an axis that counts hours from midnight."""
    hours = range(0, last + 1, every)
    ax.set_xticks(hours, [f"{hour:02d}:00" for hour in hours])


def legend_above(ax: plt.Axes, *, columns: int, heading: str | None = None) -> None:
    """Name the lines of a panel above it, where nothing is drawn."""
    legend = ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        title=heading,
        frameon=False,
        labelcolor="linecolor",
        fontsize=9.5,
        title_fontsize=9.5,
        alignment="left",
        borderaxespad=0.2,
        borderpad=0,
        handletextpad=0.5,
        columnspacing=1.5,
    )
    legend.get_title().set_color(INK)


def end_labels(
    ax: plt.Axes, x: Sequence[float], y: Sequence[float], texts: Sequence[str], colors
) -> None:
    """Write each line's name at the right edge, moved apart where they would overlap.

    A fine leader joins the name to a line that ends elsewhere. Call it when the limits of the axes
    are final.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes of the lines.
    x, y : sequence of float
        Ends of the lines, in data.
    texts : sequence of str
        Names.
    colors : sequence of colour
        Of the lines.
    """
    ax.get_figure().canvas.draw()  # settles the layout, and with it the height of the axes
    low, high = ax.get_ylim()
    height_pt = ax.get_window_extent().height * 72 / ax.get_figure().dpi
    gaps = [14 * (text.count("\n") + 1) * (high - low) / height_pt for text in texts]
    for at, begin, end, text, color in zip(spread(y, gaps, low), x, y, texts, colors, strict=True):
        ax.annotate(
            text,
            (begin, end),
            xytext=(1.03, at),
            textcoords=("axes fraction", "data"),
            va="center",
            color=color,
            fontsize=9.5,
            annotation_clip=False,
            parse_math=False,  # a name from data may hold a dollar sign
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "lw": 0.7,
                "shrinkA": 3,
                "shrinkB": 5,
                "relpos": (0, 0.5),
            },
        )


def spread(positions: Sequence[float], gaps: Sequence[float], lowest: float) -> np.ndarray:
    """Return positions moved as little as needed to stand half their gaps apart.

    Examples
    --------
    >>> spread([0.0, 0.1, 5.0], [1, 1, 1], -10).round(2).tolist()
    [-0.45, 0.55, 5.0]
    """
    order = np.argsort(positions, kind="stable")
    blocks: list[tuple[list[int], float, float]] = []
    for item in order:
        blocks.append(([item], float(positions[item]), gaps[item]))
        while len(blocks) > 1 and _overlap(*blocks[-2:]):
            (first, a, height), (second, b, more) = blocks[-2:]
            centre = (a * len(first) + b * len(second)) / (len(first) + len(second))
            blocks[-2:] = [(first + second, centre, height + more)]
    placed = np.empty(len(positions))
    for items, centre, height in blocks:
        at = max(centre - height / 2, lowest)
        for item in items:
            placed[item] = at + gaps[item] / 2
            at += gaps[item]
    return placed


def _overlap(below, above) -> bool:
    return above[1] - below[1] < (above[2] + below[2]) / 2 - 1e-12
