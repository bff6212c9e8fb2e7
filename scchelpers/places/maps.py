"""Places on the ground: the outline of Great Britain, distances, demand by area, what is beaten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import patheffects

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio

_LAYER = "demand.csv"
_DEGREE_KM = 111.2  # of latitude

# Where a text may stand, from the middle of its mark [points]: right, above, below, left …
_AROUND = (
    *((9, 0), (7, 6), (7, -6), (-9, 0), (-7, 6), (-7, -6), (0, 9), (0, -9)),
    *((16, 14), (16, -14), (-16, 14), (-16, -14)),
)

_STEPS_KM = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def distance_km(latitude, longitude, from_: tuple[float, float]):
    """Return how far places are from one [km], as the crow flies.

    Examples
    --------
    >>> round(float(distance_km(55.95, -3.19, (55.86, -4.25))), 1)  # Edinburgh from Glasgow
    66.8
    """
    north = np.asarray(latitude, float) - from_[0]
    east = np.asarray(longitude, float) - from_[1]
    middle = np.radians(from_[0] + north / 2)
    return _DEGREE_KM * np.hypot(north, east * np.cos(middle))


def ground(ax, places: pd.DataFrame) -> None:
    """Prepare axes for a map: the outline of Great Britain, a scale bar, and where it lies.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes, in degrees.
    places : pandas.DataFrame
        Columns latitude and longitude of all that is to be seen [degrees].

    Notes
    -----
    Outline: world-atlas 2.0.2 (npm, ISC licence, copyright 2013-2019 Michael Bostock), made from
    Natural Earth at 1:50 million (public domain); its coast is right to a few kilometres.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ground(plt.axes(), pd.DataFrame({"latitude": [53.4, 55.9], "longitude": [-2.9, -3.2]}))
    """
    outline = pd.read_csv(Path(__file__).with_name("gb_outline.csv"))
    low, high = places[["latitude", "longitude"]].min(), places[["latitude", "longitude"]].max()
    middle = (low + high) / 2
    squeeze = float(np.cos(np.radians(middle["latitude"])))
    tall, wide = (
        high["latitude"] - low["latitude"],
        (high["longitude"] - low["longitude"]) * squeeze,
    )
    half = 0.62 * max(tall, wide, 0.01)
    # The inset stands in the corner that fewest places are in; the scale bar keeps its own.
    share = (places[["longitude", "latitude"]] - middle[["longitude", "latitude"]]) / half
    share["longitude"] *= squeeze
    corners = ((0.8, 0.72), (0.0, 0.72), (0.8, 0.0))
    crowd = [
        (np.abs(share - [2 * x + 0.2 - 1, 2 * y + 0.28 - 1]) < [0.3, 0.38]).all(axis=1).sum()
        for x, y in corners
    ]
    inset = ax.inset_axes([*corners[int(np.argmin(crowd))], 0.2, 0.28])
    for axes in (ax, inset):
        for _, part in outline.groupby("part"):
            axes.fill(part["longitude"], part["latitude"], fc="0.95", ec="0.55", lw=0.7, zorder=0)
        axes.set(xticks=[], yticks=[], aspect=1 / squeeze)
        axes.grid(visible=False)
    ax.set_xlim(middle["longitude"] - half / squeeze, middle["longitude"] + half / squeeze)
    ax.set_ylim(middle["latitude"] - half, middle["latitude"] + half)
    inset.set(aspect=1 / np.cos(np.radians(55)), facecolor="none")
    inset.plot(middle["longitude"], middle["latitude"], "s", mfc="none", mec="k", ms=7)
    bar_km = max(step for step in _STEPS_KM if step <= max(0.6 * half * _DEGREE_KM, 0.1))
    left, foot = middle["longitude"] - 0.95 * half / squeeze, middle["latitude"] - 0.93 * half
    right = left + bar_km / _DEGREE_KM / squeeze
    ax.plot([left, right], [foot, foot], color="k", lw=2, solid_capstyle="butt")
    ax.annotate(f"{bar_km:g} km", ((left + right) / 2, foot), (0, 3), textcoords="offset points",
                ha="center", fontsize=9)  # fmt: skip


def label(ax, places: pd.DataFrame, texts: Sequence[str], beside: pd.DataFrame | None = None):
    """Write a text beside each place where it covers no mark and no other text, with a white rim.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        A map whose limits are set (`ground`).
    places : pandas.DataFrame
        Columns latitude and longitude [degrees], a row a text.
    texts : sequence of str
        What is written; those of the first places find room first.
    beside : pandas.DataFrame, optional
        Other marks, which are not to be covered either.

    Examples
    --------
    >>> from matplotlib import pyplot as plt
    >>> _, ax = plt.subplots()
    >>> label(ax, pd.DataFrame({"latitude": [0.5], "longitude": [0.5]}), ["1: 32"])
    >>> ax.texts[0].get_text()
    '1: 32'
    """
    rim = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    ax.figure.draw_without_rendering()  # only then is the size of the map known
    to_points = 72 / ax.figure.dpi
    spots = [frame[["longitude", "latitude"]] for frame in (places, beside) if frame is not None]
    marks = ax.transData.transform(pd.concat(spots).to_numpy(float)) * to_points
    # A mark is taken to be 12 points wide and high, a text 6 points a sign and 10 high.
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in marks]
    for place, (x, y), text in zip(spots[0].to_numpy(float), marks, texts, strict=False):
        wide, best = 6.0 * len(text), None
        for right, up in _AROUND:
            left = x + right - (wide if right < 0 else wide / 2 if right == 0 else 0)
            foot = y + up - (10 if up < 0 else 5 if up == 0 else 0)
            box = (left, foot, left + wide, foot + 10)
            covered = sum(
                max(0, min(box[2], other[2]) - max(box[0], other[0]))
                * max(0, min(box[3], other[3]) - max(box[1], other[1]))
                for other in taken
            )
            if best is None or covered < best[0]:
                best = covered, box
        box = best[1]
        taken.append(box)
        ax.annotate(text, place, (box[0] - x, box[1] + 1 - y), textcoords="offset points",
                    weight="bold", fontsize=10, path_effects=rim, zorder=5)  # fmt: skip


def front(table: pd.DataFrame, smaller: Sequence[str], larger: Sequence[str]) -> pd.Series:
    """Return which rows no other beats: none is as good in all and better in one (Pareto).

    Parameters
    ----------
    table : pandas.DataFrame
        A row a choice. A missing value is beaten by any other.
    smaller, larger : sequence of str
        Columns of which less, and of which more, is better.

    Examples
    --------
    >>> table = pd.DataFrame({"cost": [1, 2, 3], "energy": [5, 9, 8]}, index=["a", "b", "c"])
    >>> front(table, ["cost"], ["energy"]).tolist()
    [True, True, False]
    """
    good = np.column_stack([-table[list(smaller)].to_numpy(float), table[list(larger)]])
    good = np.where(np.isnan(good), -np.inf, good)
    at_least = (good[:, None] >= good[None]).all(axis=2)
    beaten = (at_least & (good[:, None] > good[None]).any(axis=2)).any(axis=0)
    return pd.Series(~beaten, table.index)


def per_chargepoint(
    weekly: Mapping[str, pd.DataFrame], *, draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Return sessions and energy a chargepoint and week to expect at a site of its own.

    Parameters
    ----------
    weekly : mapping of str to DataFrame
        By site: a row a week, columns of means a chargepoint.
    draws, seed : int
        Of the bootstrap, which draws sites, and of each its weeks, with replacement.

    Returns
    -------
    pandas.DataFrame
        By column: mean of the sites, low and high (5 % and 95 %) of the mean, and those of a new
        site, of which one at random is taken. With one site these are NaN: nothing is known of how
        sites differ.

    Examples
    --------
    >>> weeks = pd.DataFrame({"kwh": [70.0, 70.0]})
    >>> per_chargepoint({"a": weeks, "b": 3 * weeks}, draws=200).loc["kwh"].tolist()
    [140.0, 70.0, 210.0, 70.0, 210.0]
    """
    rng, sites = np.random.default_rng(seed), [frame.to_numpy(float) for frame in weekly.values()]
    columns = next(iter(weekly.values())).columns
    drawn = np.empty((draws, len(sites), len(columns)))
    for draw, place in np.ndindex(drawn.shape[:2]):
        weeks = sites[rng.integers(len(sites))]
        drawn[draw, place] = weeks[rng.integers(len(weeks), size=len(weeks))].mean(axis=0)
    spread = [np.quantile(part, [0.05, 0.95], axis=0) for part in (drawn.mean(1), drawn[:, 0])]
    if len(sites) < 2:
        spread = [np.full((2, len(columns)), np.nan)] * 2
    mean = np.mean([frame.mean(axis=0) for frame in sites], axis=0)
    names = ["mean", "low", "high", "site_low", "site_high"]
    return pd.DataFrame(np.vstack([mean, *spread]).T, columns, names)


def demand_layer(folder: Portfolio) -> pd.DataFrame | None:
    """Return the demand by area that a portfolio's `demand.csv` states; None where there is none.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.

    Returns
    -------
    pandas.DataFrame
        By area_id: name, latitude, longitude [degrees], kwh_per_day (wanted of public chargepoints)
        and source.

    Raises
    ------
    UserError
        If a column is missing or a value is no number.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> demand_layer(Portfolio.open("data/demo")) is None
    True
    """
    if not folder.exists(_LAYER):
        return None
    raw, faults = folder.raw_table(_LAYER)
    for fault in faults:
        raise UserError(str(fault))
    needed = ["area_id", "name", "latitude", "longitude", "kwh_per_day", "source"]
    if lacking := [name for name in needed if name not in raw]:
        raise UserError(f"{_LAYER}: no column {lacking[0]!r}; needed are {', '.join(needed)}")
    for name in ("latitude", "longitude", "kwh_per_day"):
        numbers = pd.to_numeric(raw[name], errors="coerce")
        if numbers.isna().any():
            row = numbers.index[numbers.isna()][0]
            raise UserError(f"{_LAYER}, row {row}, {name} = {raw.loc[row, name]!r}: no number")
        raw[name] = numbers
    return raw.set_index("area_id")
