"""What chance would have done: limits that change places, and limits at other hours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.ticker import MaxNLocator

from scchelpers.figures.style import BLUE, INK, ORANGE, QUIET, canvas, legend_above
from scchelpers.wording import quantity

XLABELS = {
    "lost_kwh": "energy above the limit [kWh]",
    "wanted_restricted_kwh": "energy wanted while restricted [kWh]",
}


def chance(tests: dict[str, xr.Dataset], block: str):
    """Draw what was lost beside what permuted limits would have taken.

    Parameters
    ----------
    tests : dict of str to Dataset
        From `coincidence.permuted`, by measure.
    block : str
        What changed places.

    Returns
    -------
    (figure, alt) or None
    """
    sound = {name: test for name, test in tests.items() if test["testable"]}
    if not sound:
        return None
    fig, axes = canvas(1, len(sound), height_in=3.1, squeeze=False)
    fig.get_layout_engine().set(wspace=0.08)
    said = []
    for ax, (name, test) in zip(axes[0], sound.items(), strict=True):
        samples, observed = test["chance_kwh"].to_numpy(), float(test["observed_kwh"])
        ax.hist(samples, bins=30, color=BLUE, alpha=0.55, histtype="stepfilled")
        high = ax.get_ylim()[1]
        ax.vlines(float(samples.mean()), 0, high, color=QUIET, lw=1.5, ls=(0, (3, 2)))
        ax.vlines(observed, 0, 1.3 * high, color=ORANGE, lw=2.5)
        ax.set_ylim(0, 1.3 * high)
        ax.margins(x=0.08)
        left = observed > (samples.min() + samples.max()) / 2
        side = {"ha": "right" if left else "left", "va": "top", "textcoords": "offset points"}
        ax.annotate(
            f"as it was\n{quantity(observed, 'kWh')}",
            (observed, 1.3 * high), xytext=(-6 if left else 6, -2), color=ORANGE, **side,
        )  # fmt: skip
        ax.set_xlabel(XLABELS[name])
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.set_major_formatter(lambda x, _: f"{x:,g}")
        said.append(
            f"{XLABELS[name].removesuffix(' [kWh]')}: {quantity(observed, 'kWh')} as it was, "
            f"{quantity(np.quantile(samples, 0.025), 'kWh')} to "
            f"{quantity(np.quantile(samples, 0.975), 'kWh')} in 95 of 100 rearrangements"
        )
    alt = (
        f"Histogram of rearrangements in which limits of whole {block}s change places within a "
        f"season, with the observed value as a line. {'. '.join(said)}."
    )
    return fig, alt


def turned(turned_kwh: pd.Series):
    """Draw what the same restrictions would cost at other hours.

    Parameters
    ----------
    turned_kwh : Series
        From `coincidence.turned`.

    Returns
    -------
    (figure, alt) or None
    """
    if not turned_kwh.max() > 0:
        return None
    fig, ax = canvas(height_in=2.9)
    shift = turned_kwh.index.to_numpy()
    ax.plot(shift, turned_kwh, color=BLUE)
    mean, here = turned_kwh.mean(), turned_kwh[0.0]
    ax.plot([0], [here], marker="D", ms=7, color=ORANGE, ls="none",
            label=f"as it was: {quantity(here, 'kWh')}")  # fmt: skip
    ax.axhline(mean, color=QUIET, lw=1.2, ls=(0, (3, 2)), label=f"mean: {quantity(mean, 'kWh')}")
    legend_above(ax, columns=2)
    ax.axvline(0, color=INK, lw=0.6)
    ax.set_ylim(0, 1.1 * turned_kwh.max())
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:,g}")
    ax.set_xlim(-12, 12)
    ax.set_xticks(range(-12, 13, 3))
    ax.set_xlabel("restrictions so many hours later [h]")
    ax.set_ylabel(XLABELS[turned_kwh.name].replace(" [", "\n["))
    alt = (
        f"{XLABELS[turned_kwh.name].removesuffix(' [kWh]').capitalize()} if the same restrictions "
        f"fell at other hours: {quantity(turned_kwh[0.0], 'kWh')} as they are, "
        f"{quantity(turned_kwh.mean(), 'kWh')} on average, least "
        f"{quantity(turned_kwh.min(), 'kWh')} at {turned_kwh.idxmin():+g} h, most "
        f"{quantity(turned_kwh.max(), 'kWh')} at {turned_kwh.idxmax():+g} h."
    )
    return fig, alt
