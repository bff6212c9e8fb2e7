"""How far the load rises within the response time, and how margins hold on unseen periods."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.clm.findings.volatility import chance as spoken
from scchelpers.clm.findings.volatility import span
from scchelpers.figures.style import (
    DASHES,
    INK,
    QUIET,
    SERIES,
    canvas,
    clock_axis,
    end_labels,
    legend_above,
    title,
)
from scchelpers.wording import interval, quantity


def margins(found: pd.DataFrame):
    """Draw the margin against the response time, a line a chance.

    Parameters
    ----------
    found : pandas.DataFrame
        From `volatility.margins`.

    Returns
    -------
    (figure, alt) or None
        None for a single response time.
    """
    times = found.index.get_level_values("within_s").unique().to_numpy()
    if len(times) < 2:
        return None
    fig, ax = canvas(height_in=3.6)
    place = np.arange(len(times))
    ends, said = [], []
    shares = found.index.get_level_values("chance").unique()
    for share, color, dash in zip(shares, SERIES, DASHES, strict=False):
        here = found.xs(share, level="chance")
        ax.fill_between(place, here["low_kw"], here["high_kw"], color=color, alpha=0.18, lw=0)
        ax.plot(place, here["margin_kw"], color=color, ls=dash, marker="o", ms=4)
        last = here.iloc[-1]
        ends.append((last["margin_kw"], spoken(share), color))
        said.append(
            f"{spoken(share)}: {quantity(last['margin_kw'], 'kW')} "
            f"({interval(last['low_kw'], last['high_kw'], 'kW')})"
        )
    ax.set_xticks(place, [span(time) for time in times])
    ax.set_xlabel("response time")
    ax.set_ylabel("margin [kW]")
    ax.set_ylim(0, None)
    values, texts, colors = zip(*ends, strict=True)
    end_labels(ax, [place[-1]] * len(ends), values, texts, colors)
    return fig, (
        f"Line chart: margin that a rise of the load exceeds with a given chance, against the "
        f"response time, with the range of 90 of 100 resamples. At {span(times[-1])}: "
        f"{'; '.join(said)}."
    )


def by_clock(found: pd.DataFrame):
    """Draw the quantiles of the rises over the local clock, weekdays beside weekends.

    Parameters
    ----------
    found : pandas.DataFrame
        From `volatility.by_clock`.

    Returns
    -------
    (figure, alt) or None
    """
    shares = [name for name in found.columns if isinstance(name, float)]
    if found.empty or not shares:
        return None
    days = [name for name in ("weekday", "weekend") if name in found.index.get_level_values(0)]
    fig, axes = canvas(1, len(days), height_in=3.3, sharey=True, squeeze=False)
    for ax, name in zip(axes[0], days, strict=True):
        here = found.loc[name].reindex(range(24))
        for share, color, dash in zip(shares, SERIES, DASHES, strict=False):
            label = f"exceeded by {spoken(share)}"
            ax.stairs(
                here[share], np.arange(25), baseline=None, color=color, ls=dash, lw=2, label=label
            )
        ax.plot(here.index + 0.5, here["mean_kw"], color=QUIET, lw=1, label="mean")
        title(ax, f"{name}s")
        ax.set_xlim(0, 24)
        clock_axis(ax, 6)
        ax.set_xlabel("local clock")
    axes[0, 0].set_ylim(0, None)
    axes[0, 0].set_ylabel("rise within the\nresponse time [kW]")
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper left",
        ncols=len(shares) + 1, frameon=False, fontsize=9.5, labelcolor="linecolor",
    )  # fmt: skip
    rare = shares[-1]
    top = found[rare].idxmax()
    return fig, (
        f"Step chart over the local clock: rise of the load within the response time. The rise "
        f"exceeded by {spoken(rare)} is largest on {top[0]}s at {top[1]:02d}:00, "
        f"{quantity(found[rare].max(), 'kW')}."
    )


def held_out(found: pd.DataFrame):
    """Draw what each method's margin costs and how often unseen rises exceed it.

    Parameters
    ----------
    found : pandas.DataFrame
        From `prediction.held_out`.

    Returns
    -------
    (figure, alt) or None
    """
    methods = found.index.get_level_values("method").unique().tolist()
    shares = found.index.get_level_values("chance").unique()
    fig, (left, right) = canvas(1, 2, height_in=0.9 + 0.55 * len(methods), sharey=True)
    said = []
    place = np.arange(len(methods))[::-1]
    for k, (share, color) in enumerate(zip(shares, SERIES, strict=False)):
        here = found.xs(share, level="chance").loc[methods]
        y = place + 0.14 * (len(shares) - 1 - 2 * k)
        left.hlines(y, here["low_share"] / share, here["high_share"] / share, color=color, lw=3,
                    alpha=0.5)  # fmt: skip
        label = f"meant for {spoken(share)}"
        left.plot(here["exceeded_share"] / share, y, "oD"[k % 2], color=color, ms=5, label=label)
        right.plot(here["margin_kw"], y, "oD"[k % 2], color=color, ms=5)
        said += [
            f"{method}, meant for {spoken(share)}: {quantity(row['margin_kw'], 'kW')}, exceeded "
            f"in {spoken(row['exceeded_share'])}"
            for method, row in here.iterrows()
        ]
    left.axvline(1, color=INK, lw=0.9)
    left.set_yticks(place, methods)
    left.set_ylim(-0.6, len(methods) - 0.4)
    left.set_xlim(0, None)
    right.set_xlim(0, None)
    left.set_xlabel("exceeded, times what was meant [–]")
    right.set_xlabel("mean margin [kW]")
    for ax in (left, right):
        ax.grid(True, axis="x")
    legend_above(left, columns=len(shares))
    return fig, f"Dot chart of margins on unseen periods, by method. {'; '.join(said)}."
