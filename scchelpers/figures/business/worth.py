"""What the options are worth, why, and how that changes with the years."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from scchelpers.business.findings.words import gbp, share, signed
from scchelpers.business.situation import Energy
from scchelpers.figures.style import (
    BLUE,
    DASHES,
    INK,
    ORANGE,
    QUIET,
    SERIES,
    canvas,
    end_labels,
    title,
)

FAR = 8.0  # times the median size: what is worse is drawn cut off, with its number
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")


def values(compared: pd.DataFrame, base: str, views: tuple[str, ...] = ("customer",)):
    """Draw what each option is worth more or less than the base, a panel for each view.

    Parameters
    ----------
    compared : pandas.DataFrame
        From `compare`.
    base : str
        The option that the others are set against.
    views : tuple of str
        "customer", "dno", "gb": each has its own account and its own rate.

    Returns
    -------
    (figure, alt) or None
        None where there is no other option.
    """
    others = compared.drop(index=base)
    if others.empty:
        return None
    heads = {"customer": "customer", "dno": "DNO", "gb": "Great Britain"}
    height = 1.3 + 0.3 * len(others)
    fig, axes = canvas(1, len(views), height_in=height, sharey=True, squeeze=False)
    place = np.arange(len(others))[::-1]
    said = []
    for ax, view in zip(axes[0], views, strict=True):
        more = (others[f"{view}_gbp"] - compared.loc[base, f"{view}_gbp"]) / 1000
        low, high = lowest(more, more), max(more.max(), 0.0)
        drawn = more.clip(lower=low)
        ax.barh(place, drawn, height=0.62, color=[BLUE if v >= 0 else ORANGE for v in more])
        ax.axvline(0, color=INK, lw=0.9)
        for y, value, end in zip(place, more, drawn, strict=True):
            left = value < 0
            ax.annotate(
                f"{'◂ ' if end > value else ''}{_amount(value)}", (end, y),
                xytext=(-4 if left else 4, 0), textcoords="offset points", va="center",
                ha="right" if left else "left", fontsize=9,
            )  # fmt: skip
        pad = (high - low) * (0.3 if len(views) == 1 else 0.55)
        ax.set_xlim(low - pad, high + 0.7 * pad)
        ax.xaxis.set_major_locator(MaxNLocator(6 - 2 * (len(views) > 1)))
        ax.set_xlabel(f"present value more than\n{base} [£1,000]")
        ax.grid(True, axis="x")
        ax.grid(False, axis="y")
        if len(views) > 1:
            title(ax, heads[view])
        top = more.idxmax()
        said.append(f"{heads[view]}: most with {top}, {signed(1000 * more[top])}")
    axes[0][0].set_yticks(place, others.index)
    return fig, (
        f"Bar chart of {len(others)} options against {base}, in present value. {'; '.join(said)}."
    )


def lowest(ends: pd.Series, values: pd.Series) -> float:
    """Return how far down to draw, so that a few very bad options leave the others legible."""
    return float(max(min(ends.min(), 0.0), -FAR * max(values.abs().median(), 1e-9)))


def bridge(moved: pd.Series, option: str, base: str):
    """Draw item by item how the value of an option comes about from that of another.

    Parameters
    ----------
    moved : pandas.Series
        From `business.bridge` [£].
    option, base : str
        Names.

    Returns
    -------
    (figure, alt) or None
    """
    kept = moved[moved.abs() > max(1.0, 0.004 * moved.abs().sum())] / 1000
    if kept.empty:
        return None
    fig, ax = canvas(height_in=1.4 + 0.32 * (len(kept) + 1))
    ends = kept.cumsum().to_numpy()
    starts = np.r_[0.0, ends[:-1]]
    place = np.arange(len(kept) + 1)[::-1]
    colors = [BLUE if v >= 0 else ORANGE for v in kept]
    ax.barh(place[:-1], kept, left=starts, height=0.6, color=colors)
    ax.barh(place[-1], ends[-1], height=0.6, color=QUIET)
    for y, x in zip(place[:-1], ends, strict=True):
        ax.plot([x, x], [y + 0.3, y - 1.3], color=QUIET, lw=0.7)
    low, high = min(starts.min(), ends.min()), max(starts.max(), ends.max())
    reach = high - low
    for y, value, right in zip(
        place, [*kept, ends[-1]], [*np.maximum(starts, ends), max(ends[-1], 0.0)], strict=True
    ):
        ax.annotate(_amount(value), (right, y), xytext=(5, 0), textcoords="offset points",
                    va="center", fontsize=9)  # fmt: skip
    ax.set_xlim(low - 0.05 * reach, high + 0.18 * reach)
    ax.axvline(0, color=INK, lw=0.9)
    ax.set_yticks(place, [*kept.index, "in all"])
    ax.set_xlabel(f"present value of {option},\nmore than {base} [£1,000]")
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    said = ", ".join(f"{item} {signed(1000 * value)}" for item, value in kept.items())
    return fig, f"Waterfall from {base} to {option}: {said}; in all {signed(1000 * ends[-1])}."


def worsening(energies: Mapping[str, Energy]):
    """Draw the share of energy unserved under each scheme as the years go by.

    Parameters
    ----------
    energies : mapping of str to Energy
        By scheme.

    Returns
    -------
    (figure, alt) or None
        None where every scheme serves everything throughout.
    """
    found = {
        name: 100 * energy.unserved_kwh / np.maximum(energy.wanted_kwh, 1e-9)
        for name, energy in energies.items()
    }
    most = max(part.max() for part in found.values())
    drawn: dict[str, np.ndarray] = {}
    for name, part in found.items():
        same = [seen for seen in drawn if np.abs(drawn[seen] - part).max() < 0.01 * most]
        if same:  # one line for both
            drawn[f"{same[0]}, {name}"] = drawn.pop(same[0])
        elif part.max() >= 0.05:
            drawn[name] = part
    if not drawn:
        return None
    fig, ax = canvas(height_in=3.4)
    ends, said = [], []
    for k, (name, part) in enumerate(drawn.items()):
        years = np.arange(1, len(part) + 1)
        color = SERIES[k % len(SERIES)]
        ax.plot(
            years, part, color=color, ls=DASHES[k % len(DASHES)], lw=1.8,
            marker=MARKERS[k % len(MARKERS)], ms=4, markevery=max(1, len(part) // 6),
        )  # fmt: skip
        ends.append((part[-1], name, color))
        said.append(f"{name} {share(part[0] / 100)} to {share(part[-1] / 100)}")
    ax.set_ylim(0, 1.06 * max(part.max() for part in drawn.values()))
    ax.set_xlim(1, len(part))
    ax.set_xlabel("year")
    ax.set_ylabel("energy unserved\n[% of what is wanted]")
    heights, texts, colors = zip(*ends, strict=True)
    end_labels(ax, [len(part)] * len(ends), heights, texts, colors)
    return fig, f"Line chart of the energy unserved from year 1 to {len(part)}: {'; '.join(said)}."


def stop_gaps(found: pd.DataFrame, scheme: str, base: str):
    """Draw what a scheme is worth if it gives way to reinforcement after some years.

    Parameters
    ----------
    found : pandas.DataFrame
        From `business.stop_gaps`.
    scheme, base : str
        Names.

    Returns
    -------
    (figure, alt) or None
    """
    counted = found[np.isfinite(found.index)] / 1000
    if len(counted) < 2:
        return None
    fig, ax = canvas(height_in=3.0)
    kept, ends = found.loc[np.inf] / 1000, []
    for name, label, color, dash in (
        ("customer_gbp", "customer", BLUE, DASHES[0]),
        ("gb_gbp", "Great Britain", ORANGE, DASHES[1]),
    ):
        ax.plot(counted.index, counted[name], color=color, ls=dash, marker="o", ms=4)
        ax.axhline(kept[name], color=color, lw=0.9, ls=DASHES[2])
        ends += [(counted[name].iloc[-1], label, color),
                 (kept[name], f"{label}, kept on", color)]  # fmt: skip
    ax.axhline(0, color=INK, lw=0.9)
    ax.set_xlabel(f"years from now after which {scheme} gives way to reinforcement")
    ax.set_ylabel(f"present value more than\n{base} [£1,000]")
    heights, texts, colors = zip(*ends, strict=True)
    end_labels(ax, [counted.index[-1]] * len(ends), heights, texts, colors)
    top = counted["customer_gbp"].idxmax()
    return fig, (
        f"Line chart of {scheme} as a stop-gap of {counted.index[0]:g} to {counted.index[-1]:g} "
        f"years, against {base}: for the customer most after {top:g} years, "
        f"{gbp(1000 * counted['customer_gbp'].max())}; kept on, {gbp(1000 * kept['customer_gbp'])}."
    )


def _amount(value: float) -> str:
    return f"{value:+,.{0 if abs(value) >= 10 else 1}f}".replace("-", "−")
