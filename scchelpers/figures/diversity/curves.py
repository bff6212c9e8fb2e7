"""Curves against the number of chargepoints: ADMD and coincidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.measures import summary
from scchelpers.figures.diversity.sizes import name_ends, size_axis
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
from scchelpers.wording import count, number, quantity


def admd(curve: xr.Dataset, design: pd.DataFrame):
    """Draw ADMD against the number of chargepoints: the groups measured and the design value.

    Parameters
    ----------
    curve : xarray.Dataset
        From `diversity.coincidence`.
    design : pandas.DataFrame
        From `diversity.design_admd`.

    Returns
    -------
    (figure, alt) or None
        None where fewer than two chargepoints are on record.
    """
    if curve.sizes["size"] < 2:
        return None
    marks = summary(curve)["admd_kw"]
    n = marks.index.to_numpy()
    fig, ax = canvas(height_in=3.8)
    ax.fill_between(n, marks[0.05], marks[0.95], color=BLUE, alpha=0.16, lw=0)
    ax.plot(n, marks[0.5], color=BLUE, marker="o", ms=4)
    labels = [(marks[0.5].iloc[-1], "measured: median group\n(band: 90 of 100)", BLUE)]
    tested = design["basis"].ne("untested")
    if tested.any():
        ax.plot(n, design["design_kw"], color=ORANGE, ls=DASHES[1])
        labels.append((design["design_kw"].iloc[-1], "to design for", ORANGE))
    ax.plot(n, design["rated_kw"], color=QUIET, ls=DASHES[2], lw=1.4)
    rated = "their rating, together"
    if not np.allclose(design["rated_kw"], design["rated_kw"].iloc[0]):  # groups differ
        rated += "\n(95th percentile)"
    labels.append((design["rated_kw"].iloc[-1], rated, QUIET))
    ax.set_ylim(0, 1.06 * np.nanmax([marks[0.95].max(), design["rated_kw"].max()]))
    size_axis(ax, n[-1])
    ax.set_ylabel("ADMD [kW per chargepoint]")
    name_ends(ax, n[-1], labels)
    alt = (
        f"Line chart: after-diversity maximum demand per chargepoint goes from "
        f"{quantity(marks[0.5].iloc[0], 'kW')} for one chargepoint to "
        f"{quantity(marks[0.5].iloc[-1], 'kW')} for {n[-1]} (median of random groups)"
    )
    if tested.any():
        alt += f"; the value to design for ends at {quantity(design['design_kw'].iloc[-1], 'kW')}"
    return fig, alt + "."


def coincidence(groups: Mapping[str, xr.Dataset], others: Mapping[str, xr.Dataset]):
    """Draw the coincidence factor by charger class here, and below it that of other sites.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        Class of this site to its curve; "all" is drawn in ink. A class that is all of the site
        is drawn once.
    others : mapping of str to xarray.Dataset
        Label of another site to its curve; a short one, as from `diversity.compare`.

    Returns
    -------
    (figure, alt) or None
    """
    here = {name: curve for name, curve in groups.items() if curve.sizes["size"] > 1}
    others = {name: curve for name, curve in others.items() if curve.sizes["size"] > 1}
    if not here:
        return None
    whole = here.get("all")
    if whole is not None and len(here) == 2:
        [(only, part)] = [(name, curve) for name, curve in here.items() if name != "all"]
        here = {f"all, {only}": whole} if part.attrs["evses"] == whole.attrs["evses"] else here
    rows = 2 if others else 1
    fig, axes = canvas(rows, 1, height_in=0.3 + 3.1 * rows, squeeze=False)
    classes = [name for name in here if here[name] is not whole]
    colors = dict(zip(classes, (*SERIES, *SERIES), strict=False))
    panels = [("this site, by charger class", here, dict.fromkeys(here, INK) | colors)]
    if others:
        own = {"this site": whole} if whole is not None else {}
        shades = dict.fromkeys(others, QUIET) | dict.fromkeys(own, INK)
        panels.append(("other sites of the portfolio", others | own, shades))
    for ax, (text, curves, shades) in zip(axes[:, 0], panels, strict=True):
        title(ax, text)
        _coincidence_panel(ax, curves, shades)
    ends = [
        f"{name}: {number(_median(c).iloc[-1])} at {c['size'].to_numpy()[-1]} chargepoints"
        for name, c in here.items()
    ]
    more = f" Below, {count(len(others), 'other site')} for comparison." if others else ""
    return (
        fig,
        f"Line chart of the coincidence factor, median of random groups. {'; '.join(ends)}.{more}",
    )


def _coincidence_panel(ax, curves: Mapping[str, xr.Dataset], shades: Mapping[str, str]) -> None:
    ends, dashes = [], dict(zip(curves, DASHES * len(curves), strict=False))
    for name, curve in curves.items():
        median = _median(curve)
        own = shades[name] == INK
        ax.plot(
            median.index, median, color=shades[name], lw=2.4 if own else 1.5,
            ls="-" if own else dashes[name],
        )  # fmt: skip
        if own:
            marks = summary(curve)["coincidence_factor"]
            ax.fill_between(
                marks.index, marks[0.05], marks[0.95], color=shades[name], alpha=0.12, lw=0
            )
        ends.append((median.index[-1], median.iloc[-1], name, shades[name]))
    ax.set_ylim(0, 1.05)
    ax.set_ylabel("coincidence factor [–]\npeak of sum ÷ sum of peaks")
    size_axis(ax, max(end[0] for end in ends))
    end_labels(ax, *zip(*ends, strict=True))


def _median(curve: xr.Dataset) -> pd.Series:
    return summary(curve)[("coincidence_factor", 0.5)].dropna()


def placement(curves: Mapping[str, xr.Dataset]):
    """Draw ADMD under each assumption on where a session's energy lies within its stay.

    Parameters
    ----------
    curves : mapping of str to xarray.Dataset
        Label to curve.

    Returns
    -------
    (figure, alt) or None
    """
    if any(curve.sizes["size"] < 2 for curve in curves.values()):
        return None
    fig, ax = canvas(height_in=3.3)
    ends, said, highest = [], [], 0.0
    for (label, curve), color, dash in zip(curves.items(), SERIES, DASHES, strict=False):
        marks = summary(curve)["admd_kw"]
        ax.fill_between(marks.index, marks[0.05], marks[0.95], color=color, alpha=0.14, lw=0)
        ax.plot(marks.index, marks[0.5], color=color, ls=dash)
        ends.append((marks[0.5].iloc[-1], label, color))
        said.append(f"{label} {quantity(marks[0.5].iloc[-1], 'kW')}")
        highest = max(highest, marks[0.95].max())
    n = marks.index.to_numpy()
    ax.set_ylim(0, 1.06 * highest)
    ax.set_ylabel("ADMD [kW per chargepoint]")
    size_axis(ax, n[-1])
    name_ends(ax, n[-1], ends)
    return fig, (
        f"Line chart of ADMD under two assumptions on when a session's energy is drawn. At "
        f"{n[-1]} chargepoints: {'; '.join(said)}."
    )
