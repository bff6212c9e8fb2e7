"""The recommendation, in sentences computed from its table."""

from __future__ import annotations

import pandas as pd

from scchelpers.clm.control import Capacity
from scchelpers.clm.customers import (
    COSTS,
    DYNAMIC,
    LARGER,
    LARGER_DYNAMIC,
    LARGER_STATIC,
    NO_CLM,
    SMALLER_STATIC,
    STATIC,
    Terms,
)
from scchelpers.clm.findings.moving import span
from scchelpers.wording import count, number, percent, quantity


def answer(options: pd.DataFrame, choice: str | None, found: Capacity, latency: str) -> str:
    """Return the answer of the report."""
    if options.empty:
        return (
            "**No answer for this site:** no session is on record within the span of its load, so "
            "nothing can be said of what a limit takes from drivers."
        )
    if choice is None:
        return "**No way examined serves this site within the terms.** The table below says why."
    at = options.loc[choice]
    said = f"**{_chosen(choice, at, found, latency)}**"
    free = options.loc[NO_CLM]
    if choice == NO_CLM:
        return (
            f"{said} The highest half hour of import on record, "
            f"{quantity(free['highest_kva'], 'kVA')}, stays within {quantity(found.kva, 'kVA')}."
        )
    said += (
        f" It leaves {percent(at['unserved_share'])} of the energy unserved and "
        f"{percent(at['short_share'])} of the sessions short, is {_above(at['excursion_h'])}, and "
        f"{_costs(at['total_gbp'])} a year against {_today(found)}, unserved energy included."
    )
    if found.basis == "dsc" and free["events"] > 0:
        said += (
            f" Without any management the import would be above the DSC "
            f"{count(round(free['events']), 'time')} a year, {_hours(free['excursion_h'])} in all"
        )
        unbilled = free["highest_kva"] <= found.kva
        said += (
            ", and no half-hourly bill would show it." if unbilled else f": {_billed(free, found)}."
        )
    return said


def _billed(free: pd.Series, found: Capacity) -> str:
    return (
        f"the highest half hour is {quantity(free['highest_kva'], 'kVA')}, "
        f"{quantity(free['highest_kva'] - found.kva, 'kVA')} more than agreed"
    )


def _costs(gbp: float) -> str:
    return f"costs about {_gbp(gbp)}" if gbp >= 0 else f"saves about {_gbp(-gbp)}"


def _today(found: Capacity) -> str:
    return "today" if found.basis == "dsc" else "the capacity asked for"


def _above(hours: float) -> str:
    return f"above the capacity for {_hours(hours)} a year" if hours else "never above the capacity"


def _chosen(choice: str, at: pd.Series, found: Capacity, latency: str) -> str:
    margin = f"a margin of {quantity(at['margin_kw'], 'kW')} and a response within {latency}"
    larger = f"{quantity(at['dsc_kva'], 'kVA')} instead of {quantity(found.kva, 'kVA')}"
    return {
        NO_CLM: "No load management is needed here.",
        STATIC: "Take a static limit: it needs no meter signal and serves the drivers.",
        DYNAMIC: f"Take a dynamic limit with {margin}.",
        SMALLER_STATIC: f"Ask for less and take a static limit: {larger}.",
        LARGER_STATIC: f"Take a static limit and a larger DSC: {larger}.",
        LARGER_DYNAMIC: f"Take a dynamic limit with {margin}, and a larger DSC: {larger}.",
        LARGER: f"Take a larger DSC and leave charging unmanaged: {larger}.",
    }[choice]


def recommendation(options: pd.DataFrame, choice: str | None, terms: Terms) -> str:
    """Return why the choice is the choice."""
    if options.empty or choice is None:
        return ""
    refused = options[~options["admissible"].astype(bool)]
    others = options[options["admissible"].astype(bool)].drop(index=choice)
    said = (
        f"Of what keeps to the terms (at most {percent(terms.unserved_target)} of the energy "
        f"unserved, {percent(terms.short_target)} of sessions short, {_hours(terms.tolerated_h)} a "
        f"year above the capacity), **{choice}** costs least"
    )
    if len(others):
        next_best = others["total_gbp"].idxmin()
        more_gbp = others.loc[next_best, "total_gbp"] - options.loc[choice, "total_gbp"]
        said += (
            f"; next is {next_best}, at {_gbp(more_gbp)} more a year"
            if round(more_gbp)
            else f"; {next_best} costs as much and is more complex"
        )
    said += "."
    if len(refused):
        reasons = [f"{name} ({_why_not(row, terms)})" for name, row in refused.iterrows()]
        said += f" Outside the terms: {'; '.join(reasons)}."
    return said


def _why_not(row: pd.Series, terms: Terms) -> str:
    if row["excursion_h"] > terms.tolerated_h:
        return _above(row["excursion_h"])
    return (
        f"{percent(row['unserved_share'])} unserved, {percent(row['short_share'])} of sessions "
        "short"
    )


def reach(found: pd.DataFrame) -> str:
    """Return how slow a dynamic limit may be and still serve, at the capacity of today."""
    serving = found[found["admissible"].astype(bool)]
    if serving.empty:
        return (
            "At the capacity of today no response time tried leaves enough to charging: a faster "
            "signal alone does not help."
        )
    if len(serving) == len(found):
        return (
            f"At the capacity of today even a response of {span(found.index[-1])} serves drivers: "
            "speed is not what decides here."
        )
    slowest = serving.index[-1]
    failing = found.index[found.index.get_loc(slowest) + 1]
    return (
        f"At the capacity of today a dynamic limit serves up to a response of **{span(slowest)}** "
        f"(margin {quantity(serving['margin_kw'].iloc[-1], 'kW')}); at {span(failing)} the margin "
        f"of {quantity(found.loc[failing, 'margin_kw'], 'kW')} leaves "
        f"{percent(found.loc[failing, 'unserved_share'])} of the energy unserved and "
        f"{percent(found.loc[failing, 'short_share'])} of the sessions short."
    )


def options_set(options: pd.DataFrame) -> pd.DataFrame:
    """Return the options as a table for reading."""
    if options.empty:
        return options
    return pd.DataFrame(
        {
            "capacity [kVA]": options["dsc_kva"],
            "margin [kW]": ["–" if kw != kw else number(kw) for kw in options["margin_kw"]],
            "energy unserved": [percent(share) for share in options["unserved_share"]],
            "sessions short": [percent(share) for share in options["short_share"]],
            "excursions a year": [f"{events:,.0f}" for events in options["events"]],
            "hours above a year": [_plain_hours(hours) for hours in options["excursion_h"]],
            "highest half hour [kVA]": options["highest_kva"],
            "cost [£ a year]": [f"{gbp:,.0f}" for gbp in options["total_gbp"]],
            "within the terms": ["yes" if yes else "no" for yes in options["admissible"]],
        },
        index=options.index,
    )


def costs_set(options: pd.DataFrame) -> pd.DataFrame:
    """Return what each option's cost is made of, as a table for reading."""
    if options.empty:
        return options
    names = {
        "capacity_gbp": "capacity",
        "excess_gbp": "excess capacity",
        "unserved_gbp": "energy unserved",
        "scheme_gbp": "signal and controller",
    }
    parts = options[list(COSTS)].rename(columns=names)
    return parts.map(lambda gbp: f"{gbp:,.0f}").rename_axis("option [£ a year]")


def _gbp(value: float) -> str:
    return f"£{value:,.0f}" if value >= 0 else f"−£{-value:,.0f}"


def _hours(hours: float) -> str:
    return quantity(hours, "h") if hours >= 1 else quantity(max(hours * 60, 0.01), "min")


def _plain_hours(hours: float) -> str:
    return "under 0.01" if 0 < hours < 0.01 else number(hours)
