"""How sure the answer is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from scchelpers.business.findings.words import plain, share, signed
from scchelpers.business.model import GROWTH
from scchelpers.figures.business.worth import lowest
from scchelpers.figures.style import BLUE, INK, ORANGE, canvas

SHOWN = 10


def tornado(found: pd.DataFrame, option: str, base: str, central_gbp: float):
    """Draw what the ends of each price's range do to the value of an option.

    Parameters
    ----------
    found : pandas.DataFrame
        From `business.tornado`.
    option, base : str
        Names.
    central_gbp : float
        Value at central prices, against the base [£].

    Returns
    -------
    (figure, alt) or None
    """
    shown = found.head(SHOWN)
    if shown.empty:
        return None
    fig, ax = canvas(height_in=1.3 + 0.42 * len(shown))
    place = np.arange(len(shown))[::-1]
    centre = central_gbp / 1000
    for end, color in (("low", ORANGE), ("high", BLUE)):
        width = shown[f"{end}_gbp"] / 1000 - centre
        ax.barh(place, width, left=centre, height=0.6, color=color)
        for y, name, row in zip(place, shown.index, shown.to_dict("records"), strict=True):
            at, other = row[f"{end}_gbp"], row["high_gbp" if end == "low" else "low_gbp"]
            left = at < other or (at == other and end == "low")
            text = {-1.0: "none", 1.0: "double"}[row[end]] if name == GROWTH else plain(row[end])
            edge = min(at / 1000, centre) if left else max(at / 1000, centre)
            ax.annotate(text, (edge, y), xytext=(-4 if left else 4, 0), fontsize=8.5,
                        textcoords="offset points", va="center", color=color,
                        ha="right" if left else "left")  # fmt: skip
    ax.axvline(centre, color=INK, lw=0.9)
    ax.axvline(0, color=INK, lw=0.9, ls=(0, (1.2, 1.2)))
    ends = shown[["low_gbp", "high_gbp"]].to_numpy() / 1000
    low, high = min(ends.min(), centre, 0.0), max(ends.max(), centre, 0.0)
    ax.set_xlim(low - 0.16 * (high - low), high + 0.16 * (high - low))
    ax.set_yticks(place, [_label(row) for row in shown.to_dict("records")])
    ax.set_xlabel(f"present value of {option},\nmore than {base} [£1,000]")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    first = shown.iloc[0]
    return fig, (
        f"Tornado chart of {len(shown)} prices: the widest is {first['meaning']}, "
        f"from {signed(first['low_gbp'])} at its low end to {signed(first['high_gbp'])}."
    )


def chances(found: pd.DataFrame, base: str):
    """Draw how much more each option is worth in random futures.

    Parameters
    ----------
    found : pandas.DataFrame
        From `business.chances`.
    base : str
        Name of the yardstick.

    Returns
    -------
    (figure, alt) or None
    """
    shown = found.drop(index=base, errors="ignore")
    if shown.empty:
        return None
    fig, ax = canvas(height_in=1.3 + 0.3 * len(shown))
    place = np.arange(len(shown))[::-1]
    low, middle, high = (shown[f"p{q}_gbp"] / 1000 for q in ("05", "50", "95"))
    least, most = lowest(low, middle), max(high.max(), 0.0)
    ax.hlines(place, low.clip(lower=least), high.clip(lower=least), color=BLUE, lw=2)
    ax.plot(middle.where(middle >= least), place, "o", color=BLUE, ms=6)
    cut = low < least
    ax.plot(np.full(cut.sum(), least), place[cut], "<", color=BLUE, ms=5)
    for y, value in zip(place, middle, strict=True):
        if value < least:
            ax.annotate(f"median {value:,.0f}".replace("-", "−"), (least, y), va="center",
                        xytext=(8, 0), textcoords="offset points", fontsize=8.5)  # fmt: skip
    ax.set_xlim(least - 0.05 * (most - least), most + 0.05 * (most - least))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.axvline(0, color=INK, lw=0.9)
    for y, best in zip(place, shown["best_share"], strict=True):
        ax.annotate(f"best in {share(best)}", (1.02, y), xycoords=("axes fraction", "data"),
                    va="center", fontsize=9, annotation_clip=False)  # fmt: skip
    ax.set_yticks(place, shown.index)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlabel(f"present value more than {base} [£1,000]:\nmedian, and nine futures of ten")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    top = shown["p50_gbp"].idxmax()
    return fig, (
        f"Interval chart of {len(shown)} options in random futures: the highest median has {top}, "
        f"{signed(shown.loc[top, 'p50_gbp'])}, nine of ten between "
        f"{signed(shown.loc[top, 'p05_gbp'])} and {signed(shown.loc[top, 'p95_gbp'])}."
    )


def _label(row: dict) -> str:
    unit = row["unit"] if row["unit"] not in ("", "–") else ""
    return f"{row['meaning']}\n[{unit}]" if unit else row["meaning"]
