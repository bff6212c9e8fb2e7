"""Whether restriction and charging meet, in sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.coincidence.case import Case
from scchelpers.coincidence.schemes import Capacity
from scchelpers.coincidence.tabulated import fine_percent
from scchelpers.wording import count, date, interval, number, percent, quantity

SURE = 0.025  # on each side
SCHEME_NAMES = {
    "lmc": "an LMC: the headroom of its network asset, measured without delay or error",
    "tcc": "a TCC: the window and the cap stated in the parameters",
    "tcc-derived": "a TCC: the windows derived from the load of its network asset",
    "static": "one static cap at all times",
    "file": "as the file named in the parameters gives it",
}


def coverage(case: Case, asked: Capacity, wished: str, scheme: str) -> str:
    """Return what the report rests on."""
    time = timebase.clock(case.limit_kw["time"], case.timezone)
    said = f"**Limit:** {SCHEME_NAMES[scheme]}."
    if scheme != wished:
        said += (
            f" `{wished}` was asked for, but no network asset with load and rating is on record for"
            " this site; the stated window stands in for it, and what follows holds for that only."
        )
    said += (
        f" **On record:** {count(len(case.firm.sessions), 'session')}, {date(time[0])} to "
        f"{date(time[-1])}, against a requested capacity of {quantity(case.requested_kw, 'kW')}"
    )
    if not asked.stated:
        said += " (none is stated: the sum of the ratings)"
    if case.left_out:
        said += (
            f". {count(case.left_out, 'session').capitalize()} not wholly within the known limit "
            f"{'is' if case.left_out == 1 else 'are'} left out"
        )
    return f"{said}. Half-hour limits; one record, so one run of weather."


def answer(
    dno: xr.Dataset, customer: xr.Dataset, tests: dict[str, xr.Dataset], turned_kwh: pd.Series
) -> list[str]:
    """Return the answer of the report, a paragraph each for what is seen, felt and coincides."""
    if not float(dno["events"]):
        return [
            "**The limit never restricts this site,** so there is nothing to coincide with: the "
            f"whole capacity was there in all {number(float(dno['observed_h']))} hours on record."
        ]
    if not float(customer["sessions"]):
        return [
            "**No answer for this site:** no session is on record within that of the limit, so "
            "whether it would fall when drivers charge cannot be said. The DNO's view stands."
        ]
    lost, unserved = (float(customer[name]) for name in ("lost_kwh", "unserved_kwh"))
    before, after = (fine_percent(float(customer[x])) for x in ("lost_share", "unserved_share"))
    share = float(customer["loss_share"])
    seen = (
        f"**{_how_often(share)}** Capacity is restricted for "
        f"{quantity(float(dno['restricted_h']), 'h')}, {percent(1 - float(dno['availability']))} "
        f"of the time, in {count(dno['events'].item(), 'event')}. In "
        f"{percent(float(customer['wanted_share']))} of those hours someone wanted power, in "
        f"{percent(share)} more than was left."
    )
    if not lost > 0:
        felt = "**What it costs the customer:** nothing. Demand never rose above the limit."
    else:
        felt = (
            f"**What it costs the customer:** {quantity(lost, 'kWh')} ({before} of what was "
            f"wanted) fell above the limit; {quantity(unserved, 'kWh')} ({after}) was still "
            f"missing at plug-out, in {count(customer['short_sessions'].item(), 'session')} of "
            f"{customer['sessions'].item():,}."
        )
        if unserved < lost:
            felt += " Cars made up the rest while they stayed."
    measure = _measure(tests)
    return [seen, felt, _hours(turned_kwh), _days(tests[measure], measure)]


def views(dno: xr.Dataset, customer: xr.Dataset) -> str:
    """Return how far the two views lie apart."""
    if not float(dno["events"]):
        return "Both views agree: the whole capacity was always there."
    on, off = float(dno["equivalent_full_h"]), float(dno["observed_h"])
    missing = fine_percent(float(customer["unserved_share"]))
    p50, p90, most = (quantity(float(dno[f"event_{x}_h"]), "h") for x in ("p50", "p90", "max"))
    lengths = (
        f"Half of the events last {p50} or less and one in ten more than {p90}; the longest "
        f"lasts {most}."
    )
    if p50 == most:
        lengths = f"Every event lasts {most}, or less."
    said = (
        f"Of the capacity asked for, {percent(on / off)} was withheld over the record; of the "
        f"energy wanted, {missing} was not delivered. {lengths}"
    )
    if dno.attrs["warning"]:
        said += f" **Short record:** {dno.attrs['warning']}."
    return said


def when(clock: pd.DataFrame, weekday: pd.DataFrame, season: pd.DataFrame) -> str:
    """Return at what hours, on what days and in what season the loss falls."""
    if not clock["restricted_h"].sum() > 0:
        return "Without a restriction there is no hour to name."
    busiest, tightest = clock["demand_kw"].idxmax(), clock["withheld_kw"].idxmax()
    even = np.ptp(clock["withheld_kw"]) < 1e-6 * clock["withheld_kw"].max()
    said = f"Drivers want most in the half hour from {_clock(busiest)}; the limit withholds " + (
        "the same at all hours." if even else f"most in that from {_clock(tightest)}."
    )
    lost = clock["lost_kwh"]
    if not lost.sum() > 0:
        return f"{said} Demand never rose above the limit, at no hour, on no day."
    days, seasons = weekday["lost_kwh"], season["lost_kwh"]
    return (
        f"{said} The half hour from {_clock(lost.idxmax())} loses most "
        f"({percent(lost.max() / lost.sum())} of all), the {days.idxmax()}s "
        f"{percent(days.max() / days.sum())} (a seventh would be even) and {seasons.idxmax()} "
        f"{percent(seasons.max() / seasons.sum())}."
    )


def chance(tests: dict[str, xr.Dataset], block: str) -> str:
    """Return whether restricted days coincide with days of high demand more than chance."""
    said = [
        _tested(test, measure, block) for measure, test in tests.items() if float(test["blocks"])
    ]
    if not said:
        return f"Not one whole {block} is on record, so nothing can change places."
    return " ".join(said)


def clock(turned_kwh: pd.Series, wanted: bool) -> str:
    """Return what the hours of the limit cost against other hours."""
    if not turned_kwh.max() > 0:
        return "At whatever hour these restrictions fell, demand would stay below the limit."
    what = "energy wanted while restricted" if wanted else "energy above the limit"
    here, mean = turned_kwh[0.0], turned_kwh.mean()
    best, worst = turned_kwh.idxmin(), turned_kwh.idxmax()
    better = (turned_kwh < here * (1 - 1e-9)).sum()
    return (
        f"The same restrictions at the hours they have: {quantity(here, 'kWh')} of {what}; turned "
        f"round the clock, {quantity(mean, 'kWh')} on average of all shifts, from "
        f"{quantity(turned_kwh[best], 'kWh')} ({_shift(best)}) to "
        f"{quantity(turned_kwh[worst], 'kWh')} ({_shift(worst)}). "
        f"{count(better, 'shift').capitalize()} of 47 would cost less."
    )


def _tested(test: xr.Dataset, measure: str, block: str) -> str:
    what = "Energy above the limit" if measure == "lost_kwh" else "Energy wanted while restricted"
    if not test["testable"]:
        if not float(test["observed_kwh"]) and not float(test["expected_kwh"]):
            return f"**{what}:** none, under any {block}'s limit; there is nothing to test."
        return (
            f"**{what}:** every {block} of a season has the same limit (or the same loss), so "
            "chance has nothing to change: what coincides does so by the clock and the season."
        )
    more, less = float(test["p_more"]), float(test["p_less"])
    ratio = float(test["ratio"])
    verdict = (
        "**more than chance**"
        if more < SURE
        else "**less than chance**"
        if less < SURE
        else "not to be told from chance"
    )
    p = f"p = {min(more, less):.2g}"
    size = f"{number(ratio)} times" if np.isfinite(ratio) else "not measurable against"
    span = ""
    if np.isfinite(test["low"]):
        span = f" (95 % interval {interval(float(test['low']), float(test['high']))})"
    return (
        f"**{what}:** {size} what the limits of other {block}s of the season would "
        f"have caused{span}; {p}, {verdict}."
    )


def _how_often(loss_share: float) -> str:
    if not loss_share > 0:
        return "No, never on record."
    words = {0.05: "Seldom.", 0.25: "Sometimes.", 0.5: "Often.", 1.1: "More often than not."}
    return next(word for share, word in words.items() if loss_share < share)


def _hours(turned_kwh: pd.Series) -> str:
    mean, here = turned_kwh.mean(), turned_kwh[0.0]
    if not mean > 0:
        return "**The hours** are no matter: at any other they would have cost nothing either."
    if not here > 0:
        return (
            "**The hours** are kind ones: at the mean of all hours of the day the same "
            f"restrictions would cost {quantity(mean, 'kWh')}."
        )
    if here / mean > 1.25:
        how = f"are costly ones: the same restrictions cost {number(here / mean)} times as much"
    elif here / mean < 0.8:
        how = f"are kind ones: the same restrictions cost {number(here / mean)} times as much"
    else:
        how = "are neither kind nor costly: the same restrictions cost about as much"
    return f"**The hours** {how} as the mean of all hours of the day would."


def _days(test: xr.Dataset, measure: str) -> str:
    if not test["testable"]:
        return "**The days** add nothing: the limit is alike from week to week, or never met."
    if float(test["p_more"]) < SURE:
        how = "more than chance: the network is full when drivers want most"
    elif float(test["p_less"]) < SURE:
        how = "less than chance: the network is full when drivers want less"
    else:
        how = "no more and no less than chance can explain"
    what = "" if measure == "lost_kwh" else " (by the energy wanted in restricted hours)"
    return f"**The days** beyond the clock and the season coincide{what} {how}."


def _measure(tests: dict[str, xr.Dataset]) -> str:
    """Return the measure to speak of: the loss, or what was wanted where few blocks lose any."""
    return "lost_kwh" if np.isfinite(tests["lost_kwh"]["low"]) else "wanted_restricted_kwh"


def _clock(half_hour: int) -> str:
    return f"{half_hour // 2:02d}:{30 * (half_hour % 2):02d}"


def _shift(hours: float) -> str:
    if not hours:
        return "as they are"
    return f"{number(abs(hours))} h {'later' if hours > 0 else 'earlier'}"
