"""The dynamic limit: a day of it, its frontier, its premium, and what coarse data hide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.dates import DateFormatter, HourLocator
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scchelpers.clm.control import Capacity
from scchelpers.clm.findings.moving import span
from scchelpers.figures.style import (
    BLUE,
    DASHES,
    INK,
    ORANGE,
    QUIET,
    SERIES,
    canvas,
    legend_above,
    title,
)
from scchelpers.timebase import local_date, zone
from scchelpers.wording import count, percent, quantity

DAY = pd.Timedelta("1D")
MOST_POINTS = 60


def day(
    residual_kw: xr.DataArray,
    limit_kw: xr.DataArray,
    charging_kw: xr.DataArray,
    capacity: Capacity,
    timezone: str,
):
    """Draw the local day with the highest import: load, charging, limit and capacity.

    Parameters
    ----------
    residual_kw, limit_kw, charging_kw : xarray.DataArray
        Residual load, dynamic limit and charging power [kW] over time.
    capacity : Capacity
        Capacity of the site.
    timezone : str
        Zone of the clock.

    Returns
    -------
    (figure, alt) or None
    """
    charging = charging_kw.reindex_like(residual_kw, fill_value=0.0)
    total = residual_kw + charging
    if not np.isfinite(total).any():
        return None
    top = total.get_index("time")[int(np.nanargmax(total))]
    first = local_date([top.tz_localize("UTC")], timezone)[0].tz_localize(zone(timezone))
    edges = [at.tz_convert("UTC").tz_localize(None) for at in (first, first + DAY)]
    inside = slice(edges[0], edges[1] - pd.Timedelta("1s"))
    here = {name: kw.sel(time=inside) for name, kw in (("load", residual_kw), ("all", total))}
    held = limit_kw.sel(time=inside)
    fig, ax = canvas(height_in=3.7)
    time = _local(here["load"], timezone)
    stack = np.stack([here["load"].to_numpy(), here["all"].to_numpy()])
    keep = _changes(stack)
    if keep.sum() > MOST_POINTS:  # as outlines they would outweigh the report
        fig.set_dpi(108)
    raster = {"rasterized": bool(keep.sum() > MOST_POINTS)}
    low, high = stack[:, keep]
    areas = {"lw": 0, "step": "post"} | raster
    ax.fill_between(time[keep], low, color=QUIET, label="other load", **areas)
    ax.fill_between(time[keep], low, high, color=BLUE, label="charging", **areas)
    turns = _changes(held.to_numpy()[None])
    ax.step(
        _local(held, timezone)[turns], held.to_numpy()[turns], where="post", color=ORANGE, lw=1.4,
        label="limit of charging", **raster,
    )  # fmt: skip
    ax.axhline(capacity.kw, color=INK, lw=1.4, ls=DASHES[1], label="capacity")
    ax.set_xlim(time[0], time[0] + DAY)
    ax.xaxis.set_major_locator(HourLocator(byhour=range(0, 24, 3)))
    ax.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    ax.set_ylim(
        min(0.0, float(here["load"].min())), 1.08 * max(capacity.kw, float(here["all"].max()))
    )
    ax.set_xlabel(f"local clock, {first.day} {first:%B %Y}")
    ax.set_ylabel("power [kW]")
    legend_above(ax, columns=4)
    return fig, (
        f"Area chart of {first.day} {first:%B %Y}, the day with the highest import under the "
        f"dynamic limit: other load and charging reach {quantity(float(here['all'].max()), 'kW')} "
        f"of {quantity(capacity.kw, 'kW')}; the limit falls to {quantity(float(held.min()), 'kW')}."
    )


def _changes(rows: np.ndarray) -> np.ndarray:
    """Return which points of stepped lines are needed: those that differ from the one before."""
    differs = (np.diff(rows, axis=1) != 0).any(axis=0)
    return np.r_[True, differs[:-1], True] if rows.shape[1] > 1 else np.array([True])


def _local(kw: xr.DataArray, timezone: str) -> pd.DatetimeIndex:
    return kw.get_index("time").tz_localize("UTC").tz_convert(zone(timezone)).tz_localize(None)


def frontier(found: xr.Dataset):
    """Draw capacity kept for charging against time above the DSC, a line a response time.

    Parameters
    ----------
    found : xarray.Dataset
        From `clm.frontier`.

    Returns
    -------
    (figure, alt) or None
        None where no response time and margin gives an excursion.
    """
    hours = found["excursion_h"]
    if not (hours > 0).any():
        return None
    fig, ax = canvas(height_in=3.9)
    shown = [at for at in found["latency"].to_numpy() if (hours.sel(latency=at) > 0).any()]
    shown = [shown[i] for i in sorted({0, len(shown) // 2, len(shown) - 1})]
    for at, color, dash in zip(shown, SERIES, DASHES, strict=False):
        line = found.sel(latency=at)
        keep = (line["excursion_h"] > 0).to_numpy()
        x, y = line["excursion_h"].to_numpy()[keep], line["kept_kw"].to_numpy()[keep]
        ax.plot(x, y, color=color, ls=dash, marker="o", ms=3.5, label=span(at))
    perfect_kw = found.attrs["perfect_kw"]
    ax.axhline(perfect_kw, color=QUIET, lw=1.2, ls=DASHES[2])
    ax.annotate(
        "perfect knowledge", (0.01, perfect_kw), xycoords=("axes fraction", "data"),
        xytext=(0, 3), textcoords="offset points", color=INK, fontsize=9,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(0, 1.12 * perfect_kw)
    ax.set_xlabel("time above the DSC [hours a year], charging taking all it may")
    ax.set_ylabel("mean power left to charging [kW]")
    legend_above(ax, columns=4, heading="response time:")
    step_kw = float(found["margin"].diff("margin").median())
    return fig, (
        "Line chart, a line for each response time, a mark for each margin "
        f"({quantity(step_kw, 'kW')} apart): the more capacity is kept for charging, the longer "
        f"the import is above the DSC. Without a margin and with {span(shown[-1])} it is above "
        f"for {quantity(float(hours.sel(latency=shown[-1])[0]), 'h')} a year."
    )


def premium(found: pd.DataFrame, tolerated_h: float):
    """Draw the margin, and the capacity it costs, against the response time.

    Parameters
    ----------
    found : pandas.DataFrame
        From `clm.premium`.
    tolerated_h : float
        Time above the DSC that is tolerated in a year [h].

    Returns
    -------
    (figure, alt) or None
    """
    shown = found[found.index > 0]
    if shown.empty or shown["margin_kw"].isna().all():
        return None
    fig, ax = canvas(height_in=3.6)
    x = shown.index.to_numpy()
    ax.plot(x, shown["margin_kw"], color=BLUE, marker="o", ms=5)
    labelled = 0.0
    for at, row in shown.iterrows():
        if at < 1.6 * labelled:  # on the logarithmic axis the two would touch
            continue
        labelled = at
        ax.annotate(
            percent(row["premium_share"]), (at, row["margin_kw"]), xytext=(0, -13),
            textcoords="offset points", ha="center", va="top", fontsize=9, color=ORANGE,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(x)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: span(round(value, 6))))
    ax.tick_params(axis="x", labelsize=9, rotation=45)
    ax.set_ylim(0, 1.1 * max(shown["margin_kw"].max(), 1e-3))
    ax.set_xlabel("response time, from the reading to the cars having followed")
    ax.set_ylabel("margin needed [kW]")
    title(ax, "Margin, and the share of the capacity for charging that it costs")
    return fig, (
        f"Line chart over the response time: the margin that keeps excursions to "
        f"{quantity(tolerated_h, 'h')} a year goes from "
        f"{quantity(shown['margin_kw'].iloc[0], 'kW')} at {span(x[0])} to "
        f"{quantity(shown['margin_kw'].iloc[-1], 'kW')} at {span(x[-1])}, and "
        f"costs {percent(shown['premium_share'].iloc[-1])} of what perfect knowledge would leave."
    )


def granularity(found: pd.DataFrame):
    """Draw the margin that data of each step suggest, and what they miss.

    Parameters
    ----------
    found : pandas.DataFrame
        From `clm.granularity`.

    Returns
    -------
    (figure, alt) or None
        None where the load has one step only.
    """
    if len(found) < 2:
        return None
    fig, ax = canvas(height_in=0.8 + 0.55 * len(found) + 0.6)
    place = np.arange(len(found))[::-1]
    ax.barh(place, found["margin_kw"], height=0.6, color=BLUE, label="margin that the study finds")
    ax.barh(
        place, found["missing_kw"], left=found["margin_kw"], height=0.6, color=ORANGE,
        edgecolor="white", hatch="////", lw=0, label="missing from it",
    )  # fmt: skip
    widest = (found["margin_kw"] + found["missing_kw"]).max()
    for at, (_, row) in zip(place, found.iterrows(), strict=True):
        events = count(round(row["true_events"]), "excursion")
        ax.annotate(
            f"{events} a year", (row["margin_kw"] + row["missing_kw"], at), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=9.5, color=INK,
        )  # fmt: skip
    ax.set_yticks(place, [span(60 * step) for step in found.index])
    ax.set_xlim(0, 1.35 * max(widest, 1e-3))
    ax.grid(False, axis="y")
    ax.grid(True, axis="x")
    ax.set_xlabel("margin [kW]; beside it, what a CLM with the study's margin really does")
    ax.set_ylabel("step of the data")
    legend_above(ax, columns=2)
    said = [
        f"{span(60 * step)}: {quantity(row['margin_kw'], 'kW')}, missing "
        f"{quantity(row['missing_kw'], 'kW')}"
        for step, row in found.iterrows()
    ]
    return fig, f"Bar chart of the margin by step of the data. {'; '.join(said)}."
