"""What a timed limit does to charging as a window opens."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scchelpers.figures.style import BLUE, DASHES, GREEN, INK, ORANGE, canvas
from scchelpers.tcc.customer import FIRM, STAGGERED, TCC
from scchelpers.wording import count, quantity

_LOOKS = {FIRM: (BLUE, DASHES[0]), TCC: (ORANGE, DASHES[1]), STAGGERED: (GREEN, DASHES[2])}


def rebound(around_kw: xr.DataArray):
    """Draw charging around the openings of windows, case by case.

    Parameters
    ----------
    around_kw : xarray.DataArray
        From `customer.openings`.

    Returns
    -------
    (figure, alt) or None
    """
    openings = around_kw.sizes["opened"]
    if not openings:
        return None
    fig, axes = canvas(1, 2, height_in=3.6, sharex=True)
    worst = around_kw.sel(case=TCC).where(around_kw["minute"] >= 0).max("minute").argmax("opened")
    day = str(around_kw["opened"].to_numpy()[int(worst)])[:10]
    panels = (
        (around_kw.mean("opened"), f"mean of {count(openings, 'opening')}"),
        (around_kw.isel(opened=int(worst)), f"highest rebound, {day}"),
    )
    for ax, (power, heading) in zip(axes, panels, strict=True):
        for case, (color, dash) in _LOOKS.items():
            one = power.sel(case=case)
            ax.step(one["minute"], one, where="post", color=color, ls=dash, lw=1.6, label=str(case))
        ax.axvline(0, color=INK, lw=0.8)
        ax.set_ylim(0, 1.1 * max(float(power.max()), 1.0))
        ax.set_xlabel(f"minutes from the opening\n({heading})")
        ax.set_xticks(np.arange(-60, 121, 30))
        ax.set_xlim(float(power["minute"].min()), float(power["minute"].max()))
    axes[0].set_ylabel("charging power [kW]")
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False,
        labelcolor="linecolor", fontsize=9.5,
    )  # fmt: skip
    peak = {case: float(panels[1][0].sel(case=case).max()) for case in _LOOKS}
    return fig, (
        "Two panels of charging power from an hour before to two hours after a window opens, for "
        "the firm connection, the TCC and the TCC with staggered release. Left the mean of "
        f"{count(openings, 'opening')}; right the highest rebound, {day}, with peaks of "
        f"{quantity(peak[FIRM], 'kW')}, {quantity(peak[TCC], 'kW')} and "
        f"{quantity(peak[STAGGERED], 'kW')}."
    )
