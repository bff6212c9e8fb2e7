"""Measured curves with the models fitted to them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scchelpers.diversity.fitting import Fit, predicted, residuals
from scchelpers.figures.diversity.sizes import name_ends, size_axis
from scchelpers.figures.style import BLUE, DASHES, INK, ORANGE, canvas
from scchelpers.wording import number, quantity


def models(curve: xr.Dataset, fits: list[Fit]):
    """Draw measured ADMD with the fitted models, and what the models leave unexplained.

    Parameters
    ----------
    curve : xarray.Dataset
        From `diversity.coincidence`.
    fits : list of Fit
        Models; those that could not be fitted are passed over.

    Returns
    -------
    (figure, alt) or None
    """
    fits = [fit for fit in fits if np.isfinite(fit.value)]
    if curve.sizes["size"] < 3 or not fits:
        return None
    n = curve["size"].to_numpy()
    mean = curve["admd_kw"].mean("sample").to_numpy()
    fig, (ax, below) = canvas(
        2, 1, height_in=4.8, sharex=True, gridspec_kw={"height_ratios": [2.4, 1.2]}
    )
    ax.plot(n, mean, color=INK, marker="o", ms=5, ls="none")
    ends, left = [(mean[-1], "measured (mean of groups)", INK)], []
    worst = []
    for fit, color, dash in zip(fits, (BLUE, ORANGE), (DASHES[0], DASHES[1]), strict=False):
        shape = predicted(fit, curve)
        rest = residuals(fit, curve)
        ax.plot(n, shape, color=color, ls=dash)
        below.plot(rest.index, rest, color=color, ls=dash, marker="o", ms=3.5, lw=1.5)
        ends.append((shape[-1], f"{fit.model}, {fit.parameter} = {number(fit.value)}", color))
        left.append((rest.iloc[-1], fit.model, color))
        worst.append(f"{fit.model} misses by at most {quantity(rest.abs().max(), 'kW')}")
    ax.set_ylim(0, None)
    ax.set_ylabel("ADMD\n[kW per chargepoint]")
    below.axhline(0, color=INK, lw=0.9)
    below.set_ylabel("model − data\n[kW]")
    size_axis(below, n[-1])
    name_ends(ax, n[-1], ends)
    name_ends(below, n[-1], left)
    return fig, (
        f"Two panels against the number of chargepoints, 1 to {n[-1]}. Above, measured ADMD with "
        f"fitted models; below, model minus data: {'; '.join(worst)}."
    )
