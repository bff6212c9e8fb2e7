"""When a site is restricted, and when its drivers lose by it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.figures.style import BLUE, ORANGE, QUIET, canvas, clock_axis, title
from scchelpers.wording import percent, quantity

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def when(share: xr.DataArray):
    """Draw the share of time with a restriction by month and local clock.

    Parameters
    ----------
    share : xarray.DataArray
        From `network.by_hour_and_month`.

    Returns
    -------
    (figure, alt) or None
        None where nothing is ever restricted.
    """
    if not float(share.max()) > 0:
        return None
    fig, ax = canvas(height_in=3.4)
    image = ax.imshow(
        100 * share.to_numpy(),
        aspect="auto",
        cmap="Blues",
        vmin=0,
        vmax=100,
        extent=(0, 24, 12.5, 0.5),
        interpolation="nearest",
    )
    ax.set_yticks(range(1, 13), MONTHS)
    clock_axis(ax)
    ax.set_xlabel("local clock [h]")
    ax.grid(False)
    bar = fig.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("time restricted [%]")
    bar.outline.set_visible(False)
    month, half_hour = np.unravel_index(np.nanargmax(share.to_numpy()), share.shape)
    return fig, (
        "Heat map by month and half hour of the local clock: share of the time in which less than "
        f"the requested capacity is allowed. It is highest in {MONTHS[month]} at "
        f"{half_hour // 2:02d}:{30 * (half_hour % 2):02d}, {percent(float(share.max()))}."
    )


def months(found: pd.DataFrame):
    """Draw restricted hours, and energy lost and unserved, by month.

    Parameters
    ----------
    found : pandas.DataFrame
        From `network.monthly`.

    Returns
    -------
    (figure, alt) or None
    """
    if found["restricted_h"].sum() == 0:
        return None
    fig, (top, below) = canvas(2, 1, height_in=4.4, sharex=True)
    at = np.arange(len(found))
    part = found["restricted_h"] - found["full_h"]
    top.bar(at, part, color=BLUE, width=0.7, label="partly")
    top.bar(at, found["full_h"], bottom=part, color=QUIET, width=0.7, label="nothing allowed")
    title(top, "the network's view: hours restricted")
    top.set_ylabel("restricted [h]")
    if found["full_h"].sum() > 0:
        top.legend(loc="upper right", ncols=2, frameon=False, fontsize=9.5)
    below.bar(
        at - 0.19, found["lost_kwh"], color=BLUE, width=0.36, label="above the limit at the time"
    )
    below.bar(at + 0.19, found["unserved_kwh"], color=ORANGE, width=0.36, label="never delivered")
    title(below, "the customer's view: energy")
    below.set_ylabel("energy [kWh]")
    below.set_ylim(0, 1.3 * max(found[["lost_kwh", "unserved_kwh"]].max().max(), 1.0))
    below.legend(loc="upper left", ncols=2, frameon=False, fontsize=9.5)
    below.set_xticks(at, [f"{MONTHS[stamp.month - 1]}" for stamp in found.index])
    below.set_xlabel(f"month, {found.index[0]:%B %Y} to {found.index[-1]:%B %Y}")
    for ax in (top, below):
        ax.grid(False, axis="x")
    return fig, (
        f"Two bar charts by month. Above, restricted hours, at most "
        f"{quantity(found['restricted_h'].max(), 'h')} in {found['restricted_h'].idxmax():%B}. "
        f"Below, energy wanted above the limit ({quantity(found['lost_kwh'].sum(), 'kWh')} in all) "
        f"and energy never delivered ({quantity(found['unserved_kwh'].sum(), 'kWh')})."
    )
