"""What was measured, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.measures import summary
from scchelpers.diversity.peaks import clock_window
from scchelpers.diversity.record import Coverage
from scchelpers.wording import (
    change,
    count,
    date,
    escape,
    interval,
    listed,
    number,
    percent,
    quantity,
)


def coverage(found: Coverage) -> str:
    """Return the coverage line of the report."""
    if found.first is None:
        return (
            f"**On record:** {count(found.evses, 'chargepoint')} and "
            f"{count(found.sessions, 'session')} with energy. There is nothing to analyse; the "
            "sections below stay empty."
        )
    said = (
        f"**On record:** {count(found.sessions, 'session')} and "
        f"{quantity(found.energy_kwh, 'kWh')} at {count(found.evses - found.silent, 'chargepoint')}"
        f", {date(found.first)} to {date(found.last)}. Of {found.expected:,} half hours × "
        f"chargepoints in that time, {percent(found.present / found.expected)} count as recorded."
    )
    if found.silent:
        said += (
            f" {count(found.silent, 'chargepoint').capitalize()} without any session "
            f"{'is' if found.silent == 1 else 'are'} left out, as missing rather than unused."
        )
    if found.empty_months:
        months = listed([f"{pd.Timestamp(month):%B %Y}" for month in found.empty_months])
        said += f" Nobody charged in {months}: taken as missing, not as zero."
    return said


def curve(data: xr.Dataset) -> str:
    """Return how the demand per chargepoint falls with their number."""
    if data.sizes["size"] < 2:
        return "Fewer than two chargepoints are on record: there is no group to measure."
    marks = summary(data)
    first, last = marks.index[0], marks.index[-1]
    middle = marks.index[np.searchsorted(marks.index, np.sqrt(last))]
    mean = data["admd_kw"].mean("sample").to_series()
    return (
        f"On average {mean.index[0]} chargepoint needs {quantity(mean[first], 'kW')}, "
        f"{middle} need {quantity(mean[middle], 'kW')} each and {last} "
        f"{quantity(mean[last], 'kW')} each. Of {middle}, 95 of 100 groups stay below "
        f"{quantity(marks.loc[middle, ('admd_kw', 0.95)], 'kW')} each: which chargepoints they are "
        f"matters {'much' if _wide(marks, middle) else 'little'} at that size."
    )


def classes(groups: Mapping[str, xr.Dataset]) -> str:
    """Return how diversity differs between charger classes."""
    several = {name: c for name, c in groups.items() if name != "all" and c.sizes["size"] > 1}
    if not several:
        return "No charger class has two chargepoints on record, so classes cannot be compared."
    # Groups of more than half a class share most members: their range would flatter.
    fewest = min(c.attrs["evses"] for c in several.values())
    sizes = (c["size"].to_numpy().tolist() for c in several.values())
    shared = max(n for n in set.intersection(*map(set, sizes)) if n <= max(2, fewest // 2))
    at = {name: summary(c)["coincidence_factor"].loc[shared] for name, c in several.items()}
    said = [
        f"{name} {number(marks[0.5])} ({interval(marks[0.05], marks[0.95])})"
        for name, marks in at.items()
    ]
    if len(several) == 1:
        return f"Coincidence factor of {shared} chargepoints: {said[0]}; there is one class only."
    low, high = (pick(at, key=lambda name: at[name][0.5]) for pick in (min, max))
    overlap = at[low][0.95] >= at[high][0.05]
    meaning = (
        "They are alike at that size."
        if at[low][0.5] == at[high][0.5]
        else "The ranges overlap, so the difference may be chance."
        if overlap
        else f"The ranges do not overlap: {high} chargepoints do coincide more."
    )
    return (
        f"Coincidence factor of {shared} chargepoints, median and range of 90 of 100 groups: "
        f"{listed(said)}. {meaning}"
    )


def others(data: xr.Dataset, beside: Mapping[str, xr.Dataset], left_out: list[str]) -> str:
    """Return how the site stands among other sites."""
    said = ""
    if left_out:
        said = (
            f" Left out, as their sessions cannot be read as they are (`scc check` tells why): "
            f"{listed([escape(site_id) for site_id in left_out])}."
        )
    beside = {name: c for name, c in beside.items() if c.sizes["size"] > 1}
    if data.sizes["size"] < 2 or not beside:
        return f"There is no other site with two chargepoints to set beside this one.{said}"
    shared = [c["size"].to_numpy().tolist() for c in (data, *beside.values())]
    size = max(set.intersection(*map(set, shared)))
    at = {name: _coincidence_at(c, size) for name, c in beside.items()}
    own = _coincidence_at(data, size)
    above = sum(g > own for g in at.values())
    low, high = min(at, key=at.get), max(at, key=at.get)
    if len(at) == 1:
        return (
            f"At {count(size, 'chargepoint')} the median is {number(own)} here and "
            f"{number(at[low])} at the other site ({escape(low)}).{said}"
        )
    return (
        f"At {count(size, 'chargepoint')}, the most that all these sites have, the median is "
        f"{number(own)} here; of {count(len(at), 'other site')} {above} lie above, the lowest "
        f"being {escape(low)} ({number(at[low])}) and the highest {escape(high)} "
        f"({number(at[high])}).{said}"
    )


def peak(peaks: pd.DataFrame) -> str:
    """Return when the peak falls and how stable that is."""
    if peaks.empty:
        return "There is no peak on record."
    top = peaks.iloc[0]
    start, end, held = clock_window(peaks)
    weekday = peaks.loc[peaks["day_type"] == "weekday", "chance"].sum()
    said = (
        f"The highest half hour began on {top['local']:%A} {date(top['local'])} at "
        f"{top['local']:%H:%M} with **{quantity(top['peak_kw'], 'kW')}**. Had other weeks like "
        f"these {len(peaks)} been drawn, the peak would fall between **{start} and {end}** with a "
        f"chance of {percent(held)}, and on a weekday with {percent(weekday)}."
    )
    if len(peaks) > 1:
        gap = 1 - peaks["peak_kw"].iloc[1] / top["peak_kw"]
        said += f" The next highest week stays {percent(gap)} below; " + (
            "one week alone makes the peak." if gap > 0.1 else "no single week makes the peak."
        )
    return said


def placement(curves: Mapping[str, xr.Dataset], used: str) -> str:
    """Return what the assumption on the placement of energy changes."""
    if any(c.sizes["size"] < 1 for c in curves.values()):
        return "Without sessions the assumption changes nothing."
    last = {name: summary(c)[("admd_kw", 0.5)].iloc[-1] for name, c in curves.items()}
    first, second = last.values()
    ratio = second / first
    said = listed([f"{quantity(value, 'kW')} with {name}" for name, value in last.items()])
    meaning = (
        "The assumption matters more than most of what follows from the data: metered power would "
        "settle it."
        if abs(ratio - 1) > 0.15
        else "The answer hardly hangs on it."
    )
    return (
        f"ADMD of all chargepoints on record: {said}, a difference of {change(ratio)}. "
        f"{meaning} This report uses {used}."
    )


def _coincidence_at(data: xr.Dataset, size: int) -> float:
    return float(data["coincidence_factor"].sel(size=size).median("sample"))


def _wide(marks: pd.DataFrame, size: int) -> bool:
    """Return whether 95 of 100 groups reach a quarter above the median group."""
    return marks.loc[size, ("admd_kw", 0.95)] > 1.25 * marks.loc[size, ("admd_kw", 0.5)]
