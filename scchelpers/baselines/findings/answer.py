"""The answer of the report, in a few sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.baselines.days import NO_HOLIDAYS, Days
from scchelpers.baselines.delivery import deliverable, firm_kw
from scchelpers.baselines.trial import usable
from scchelpers.timebase import minute_of_clock
from scchelpers.wording import NARROW, change, count, date, percent, quantity

FEWEST_EVENTS = 20
ELIGIBLE_RRMSE = 0.2  # the limit that AEMO sets for a baseline


def when(start: str, hours: float, on: str, dispatch_file: str = "") -> str:
    """Return in words when the events are.

    Examples
    --------
    >>> when("17:00", 3, "working")
    'from 17:00 to 20:00 on working days'
    """
    if dispatch_file:
        return "at the times of real dispatches"
    end = (minute_of_clock(start) + round(60 * hours)) % 1440
    days = {"working": "working days", "non_working": "weekends and holidays", "all": "all days"}
    return f"from {start} to {end // 60:02d}:{end % 60:02d} on {days[on]}"


def coverage(days: Days, events: pd.DataFrame) -> str:
    """Return what is on record and which calendar decides on working days."""
    if not len(days):
        return "**On record:** no session with energy. There is nothing to analyse."
    gaps = (~days.sound & ~days.clock_change).sum()
    holidays = (
        "No calendar of bank holidays is known for this zone: weekends only are non-working."
        if days.calendar == NO_HOLIDAYS
        else f"Bank holidays are those of {days.calendar}."
    )
    first = date(days.dates[0]), date(days.dates[-1])
    return (
        f"**On record:** {count(len(days), 'day')}, {first[0]} to {first[1]}, {gaps:,} of them "
        f"incomplete; {count(len(events), 'placebo event')}. {holidays}"
    )


def answer(
    actual_kw: np.ndarray,
    clock: str,
    firm: pd.DataFrame,
    league: pd.DataFrame,
    needed: tuple[float, str],
    net: pd.DataFrame,
    *,
    floor_kw: float = 0.0,
) -> str:
    """Return the answer of the report.

    Parameters
    ----------
    actual_kw : numpy.ndarray over event [kW]
        Mean demand in the events.
    clock : str
        When they are, in words.
    firm : pandas.DataFrame
        From `firm_by_hour`.
    league : pandas.DataFrame
        From `league`.
    needed : tuple
        From `needed`: chargepoints for a 20 % RRMSE.
    net : pandas.DataFrame
        From `net_of_scheme`; empty where no limit is known.
    floor_kw : float
        Kept for drivers [kW].
    """
    kw = deliverable(actual_kw[np.isfinite(actual_kw)], floor_kw)
    if len(kw) < FEWEST_EVENTS:
        return (
            f"**No answer for this site:** {count(len(kw), 'placebo event')} {clock} are on record "
            f"and {FEWEST_EVENTS} are needed. A site without a record cannot show a baseline, and "
            "has nothing to sell yet."
        )
    said = [_offer(kw, clock), _elsewhere(kw, firm)]
    if firm_kw(kw, 0.5) == 0:
        said.append(_no_proof(league))
    else:
        said += [_net(net), _proof(league, needed)]
    return " ".join(sentence for sentence in said if sentence)


def _offer(kw: np.ndarray, clock: str) -> str:
    empty, sure, even = (kw == 0).mean(), firm_kw(kw, 0.9), firm_kw(kw, 0.5)
    mean = f"On average it could have drawn {quantity(kw.mean(), 'kW')} less"
    if not kw.any():
        return (
            f"**This site has nothing to sell {clock}:** in none of {len(kw)} events was there "
            "anything to reduce."
        )
    if even == 0:
        return (
            f"**This site has nothing to sell {clock}:** in {percent(empty)} of {len(kw)} events "
            f"there was nothing to reduce, so that whatever it offers it would fail more often "
            f"than not. {mean}, but only because of the few events with a car."
        )
    if sure == 0:
        return (
            f"**This site has nothing to sell {clock} with a reliability of 90{NARROW}%:** in "
            f"{percent(empty)} of {len(kw)} events there was nothing to reduce. {mean}, and in "
            f"every other event {quantity(even, 'kW')} or more."
        )
    there = "in all" if empty == 0 else f"in {percent(1 - empty)} of"
    return (
        f"**{clock[0].upper()}{clock[1:]} this site can offer {quantity(sure, 'kW')} with a "
        f"reliability of 90{NARROW}%.** {mean}, and {quantity(even, 'kW')} or more in every "
        f"other event; there was something to reduce {there} {len(kw)} events."
    )


def _elsewhere(kw: np.ndarray, firm: pd.DataFrame) -> str:
    """Return the best other hour, where the one asked for has nothing firm."""
    if firm_kw(kw, 0.9) > 0 or firm.empty:
        return ""
    name, hour = firm[0.9].idxmax()
    best_kw = firm[0.9].max()
    if best_kw == 0:
        return "No other hour of any day has anything with that reliability either."
    return (
        f"Its best hour is another: {quantity(best_kw, 'kW')} with that reliability from "
        f"{hour:02d}:00 ({name} days)."
    )


def _net(net: pd.DataFrame) -> str:
    net = net.dropna()
    if net.empty:
        return ""
    gross, held = net["gross_kw"].sum(), net["held_kw"].sum()
    sure = firm_kw(net["gross_kw"].to_numpy(), 0.9)
    if held == 0:
        return "Its connection scheme holds nothing back in those hours, so all of it is its own."
    left = firm_kw(net["sellable_kw"].to_numpy(), 0.9)
    said = (
        f"Its connection scheme already holds back {percent(held / gross)} of what is there, which "
        f"is not flexibility to be paid for; {quantity(left, 'kW')} "
    )
    if left > sure:
        return f"{said}are firm under it, as it also moves charging into these hours."
    return f"{said}are left to sell with that reliability."


def _no_proof(league: pd.DataFrame) -> str:
    if league.empty or league["rrmse"].isna().all():
        return "Its baseline would be zero, and a baseline of zero proves no reduction."
    bl01 = league.loc["bl01"]
    return (
        "Nor could it prove a reduction: a buyer cannot tell a car that was held back from one "
        f"that never came. Unadjusted BL01 misses by {percent(bl01['rrmse'])} of the little demand "
        "there is (RRMSE)."
    )


def _proof(league: pd.DataFrame, needed: tuple[float, str]) -> str:
    if league.empty or league["rrmse"].isna().all():
        return "No rule can be judged: there is no demand, or too little history, to go by."
    rules = usable(league)
    rules = rules[(rules["kind"] == "rule") & (rules["label"] != "zero")]
    best = rules.iloc[0]
    said = (
        f"**Could it prove a reduction?** The best rule that a real event cannot deceive, "
        f"{best['label']}, misses by {percent(best['rrmse'])} of demand (RRMSE) with a bias of "
        f"{change(1 + best['bias'])}"
    )
    if best["rrmse"] <= ELIGIBLE_RRMSE:
        return f"{said}: within the 20{NARROW}% that one market operator asks for."
    number, basis = needed
    remedy = {
        "measured": f"{number:,.0f} such chargepoints pooled would do",
        "extrapolated": f"about {number:,.0f} such chargepoints would have to be pooled "
        "(extrapolated)",
        "out of reach": "ten times its chargepoints pooled would not do, by their curve",
        "unknown": "how many would have to be pooled cannot be told from this record",
    }[basis]
    return f"{said}; for the 20{NARROW}% that one market operator asks for, {remedy}."
