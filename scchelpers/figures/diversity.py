"""Figures of load diversity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scchelpers.diversity.fitting import Fit, predicted, residuals
from scchelpers.diversity.measures import summary
from scchelpers.diversity.peaks import clock_chances
from scchelpers.figures.style import (
    BLUE,
    DASHES,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    QUIET,
    SERIES,
    canvas,
    end_labels,
    title,
)
from scchelpers.wording import change, count, number, percent, quantity

CHARGEPOINTS = "chargepoints (EVSEs) summed"
_TICKS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


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
    labels.append((design["rated_kw"].iloc[-1], "their rating\n(95 of 100 groups below)", QUIET))
    ax.set_ylim(0, 1.06 * np.nanmax([marks[0.95].max(), design["rated_kw"].max()]))
    _size_axis(ax, n)
    ax.set_ylabel("ADMD [kW per chargepoint]")
    _name_ends(ax, n[-1], labels)
    alt = (
        f"Line chart: after-diversity maximum demand per chargepoint falls from "
        f"{quantity(marks[0.5].iloc[0], 'kW')} for one chargepoint to "
        f"{quantity(marks[0.5].iloc[-1], 'kW')} for {n[-1]} (median of random groups)"
    )
    if tested.any():
        alt += f"; the value to design for ends at {quantity(design['design_kw'].iloc[-1], 'kW')}"
    return fig, alt + "."


def coincidence(groups: Mapping[str, xr.Dataset], others: Mapping[str, xr.Dataset]):
    """Draw the coincidence factor by charger class here, and of other sites by site type.

    Parameters
    ----------
    groups : mapping of str to xarray.Dataset
        Class of this site to its curve; "all" is drawn in ink.
    others : mapping of str to xarray.Dataset
        Label of another site to its curve.

    Returns
    -------
    (figure, alt) or None
    """
    here = {name: curve for name, curve in groups.items() if curve.sizes["size"] > 1}
    others = {name: curve for name, curve in others.items() if curve.sizes["size"] > 1}
    if not here:
        return None
    fig, axes = canvas(1, 2 if others else 1, height_in=3.7, sharey=True, squeeze=False)
    colors = dict(zip((name for name in here if name != "all"), (*SERIES, *SERIES), strict=False))
    panels = [("this site, by charger class", here, colors | {"all": INK})]
    if others:
        whole = {"this site": here["all"]} if "all" in here else {}
        shades = dict.fromkeys(others, QUIET) | {"this site": INK}
        panels.append(("other sites, by site type", others | whole, shades))
    for ax, (text, curves, shades) in zip(axes[0], panels, strict=True):
        title(ax, text)
        _coincidence_panel(ax, curves, shades)
    axes[0][0].set_ylabel("coincidence factor [–]\npeak of the sum ÷ sum of the peaks")
    ends = [
        f"{name}: {number(_median(c).iloc[-1])} at {c['size'].to_numpy()[-1]} chargepoints"
        for name, c in here.items()
    ]
    more = f" Beside it {count(len(others), 'other site')} for comparison." if others else ""
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
    _size_axis(ax, np.array([1, max(end[0] for end in ends)]))
    ax.set_xlabel("chargepoints summed")
    end_labels(ax, *zip(*ends, strict=True))


def peak_time(profile: pd.DataFrame, peaks: pd.DataFrame):
    """Draw when the site draws most: demand by the clock, and where its yearly peak may fall.

    Parameters
    ----------
    profile : pandas.DataFrame
        From `diversity.profile`.
    peaks : pandas.DataFrame
        From `diversity.peak_weeks`.

    Returns
    -------
    (figure, alt) or None
    """
    if peaks.empty:
        return None
    top = peaks.iloc[0]
    fig, (ax, strip) = canvas(
        2, 1, height_in=4.6, sharex=True, gridspec_kw={"height_ratios": [3, 1.1]}
    )
    ends = []
    for days, color, dash in (("weekday", BLUE, DASHES[0]), ("weekend", ORANGE, DASHES[1])):
        if days not in profile.index.get_level_values("days"):
            continue
        here = profile.loc[days]
        hour = here.index / 2 + 0.25
        ax.plot(hour, here["p95_kw"], color=color, ls=dash)
        ax.plot(hour, here["mean_kw"], color=color, ls=dash, lw=1.1)
        ends += [
            (hour[-1], here["p95_kw"].iloc[-1], f"{days}, 95 of 100 days below", color),
            (hour[-1], here["mean_kw"].iloc[-1], f"{days}, mean", color),
        ]
    at = top["half_hour"] / 2 + 0.25
    ax.plot([at], [top["peak_kw"]], marker="D", ms=6, color=INK, ls="none")
    early = at < 12
    ax.annotate(
        f"highest half hour: {quantity(top['peak_kw'], 'kW')}\n{top['local']:%a %d %b %Y, %H:%M}",
        (at, top["peak_kw"]), xytext=(9 if early else -9, 0), textcoords="offset points",
        ha="left" if early else "right", va="center", fontsize=9.5,
    )  # fmt: skip
    ax.set_ylim(0, 1.12 * top["peak_kw"])
    ax.set_ylabel("site demand [kW]")
    chances = clock_chances(peaks)
    strip.bar(np.arange(48) / 2 + 0.25, 100 * chances, width=0.44, color=INK)
    strip.set_ylabel("chance to hold\nthe peak [%]")
    strip.set_xlabel("local clock, start of the half hour [h]")
    strip.set_xlim(0, 24)
    strip.set_xticks(range(0, 25, 3), [f"{hour:02d}:00" for hour in range(0, 25, 3)])
    end_labels(ax, *zip(*ends, strict=True))
    alt = (
        f"Two panels over the local clock. Above, site demand by half hour with the highest half "
        f"hour of the record, {quantity(top['peak_kw'], 'kW')} at {top['local']:%H:%M on %d %B %Y}"
        f". Below, the chance of each half hour to hold the peak of a resampled record; the most "
        f"likely has {percent(chances.max())}."
    )
    return fig, alt


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
    _size_axis(below, n)
    _name_ends(ax, n[-1], ends)
    _name_ends(below, n[-1], left)
    return fig, (
        f"Two panels against the number of chargepoints, 1 to {n[-1]}. Above, measured ADMD with "
        f"fitted models; below, model minus data: {'; '.join(worst)}."
    )


def unseen(ratio: pd.DataFrame):
    """Draw by how much the ADMD of groups held out misses the estimate.

    Parameters
    ----------
    ratio : pandas.DataFrame
        From `diversity.unseen_ratio`.

    Returns
    -------
    (figure, alt) or None
    """
    if (ratio.index.get_level_values("size") < 2).all():
        return None
    fig, ax = canvas(height_in=3.5)
    cases = (
        ("weeks", "other weeks", BLUE, "o"),
        ("chargepoints", "other chargepoints", GREEN, "s"),
        ("both", "other chargepoints in other weeks", ORANGE, "D"),
    )
    ratio = ratio[ratio.index.get_level_values("size") > 1]
    sizes = ratio.loc["both"].index.to_numpy()
    place = np.arange(len(sizes))
    miss = 100 * (ratio - 1)
    for shift, (case, label, color, marker) in zip((-0.2, 0, 0.2), cases, strict=True):
        here = miss.loc[case]
        ax.vlines(place + shift, here["low"], here["high"], color=color, lw=3, alpha=0.55)
        ax.plot(place + shift, here["median"], marker, color=color, ms=5, label=label)
    ax.axhline(0, color=INK, lw=0.9)
    ax.set_xticks(place, [str(size) for size in sizes])
    ax.set_xlim(-0.6, len(sizes) - 0.4)
    ax.grid(False, axis="x")
    ax.set_xlabel(CHARGEPOINTS)
    ax.set_ylabel("unseen ADMD against\nthe estimate [%]")
    ax.legend(loc="upper right", frameon=False, labelcolor="linecolor", handletextpad=0.4)
    return fig, (
        "Range chart: by how much the ADMD of groups held out differs from the estimate, 90 of 100 "
        f"groups. At {sizes[-1]} chargepoints, other chargepoints in other weeks: "
        f"{change(ratio.loc[('both', sizes[-1]), 'low'])} to "
        f"{change(ratio.loc[('both', sizes[-1]), 'high'])}."
    )


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
    _size_axis(ax, n)
    _name_ends(ax, n[-1], ends)
    return fig, (
        f"Line chart of ADMD under two assumptions on when a session's energy is drawn. At "
        f"{n[-1]} chargepoints: {'; '.join(said)}."
    )


def _median(curve: xr.Dataset) -> pd.Series:
    return summary(curve)[("coincidence_factor", 0.5)].dropna()


def _size_axis(ax, n: np.ndarray) -> None:
    """Scale an axis of group sizes: even steps up to six, logarithmic above."""
    last = n[-1]
    if last > 6:
        ax.set_xscale("log")
        near = [tick for tick in _TICKS if tick <= last]
        # The last size has its own tick unless the one before it would touch it.
        ticks = [tick for tick in near if tick == last or last / tick > 1.3] + [last]
    else:
        ticks = list(range(1, last + 1))
    ax.xaxis.set_major_locator(FixedLocator(sorted(set(ticks))))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel(CHARGEPOINTS)
    ax.spines["bottom"].set_color(FAINT)


def _name_ends(ax, x: float, ends: list[tuple[float, str, str]]) -> None:
    y, texts, colors = zip(*ends, strict=True)
    end_labels(ax, [x] * len(y), y, texts, colors)
