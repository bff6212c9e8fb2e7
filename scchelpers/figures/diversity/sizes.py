"""The axis that these figures share: how many chargepoints are summed."""

from __future__ import annotations

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scchelpers.figures.style import FAINT, end_labels

CHARGEPOINTS = "chargepoints summed"
_ROUND = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
_LARGEST_EVEN = 6
_APART = 0.09  # of the axis: a number of three digits and a space


def size_axis(ax, last: int) -> None:
    """Scale an axis of group sizes up to `last`: even steps up to six, logarithmic above."""
    if last > _LARGEST_EVEN:
        ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(size_ticks(last)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel(CHARGEPOINTS)
    ax.spines["bottom"].set_color(FAINT)


def size_ticks(last: int) -> list[int]:
    """Return the sizes to mark: the last and the round ones that do not touch.

    Examples
    --------
    >>> size_ticks(4), size_ticks(14), size_ticks(53)
    ([1, 2, 3, 4], [1, 2, 3, 5, 10, 14], [1, 2, 3, 5, 10, 20, 53])
    """
    if last <= _LARGEST_EVEN:
        return list(range(1, last + 1))
    ticks = [last]
    for size in reversed(_ROUND):
        if ticks[-1] / size > last**_APART:
            ticks.append(size)
    return ticks[::-1]


def name_ends(ax, x: float, ends: list[tuple[float, str, str]]) -> None:
    """Name lines that end at one size; each end is (value, name, colour)."""
    y, texts, colors = zip(*ends, strict=True)
    end_labels(ax, [x] * len(y), y, texts, colors)
