"""What can be sold, pooled, and what is left beside the connection scheme, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.baselines.matching import RULES
from scchelpers.baselines.pooling import needed
from scchelpers.wording import NARROW, count, percent, quantity


def firm(table: pd.DataFrame) -> str:
    """Return at which hours there is something to offer."""
    if table.empty:
        return "There is no record to take an offer from."
    if not (table[0.9] > 0).any():
        return (
            f"With a reliability of 90{NARROW}% there is nothing to offer at any hour of any day."
        )
    said = []
    for name in table.index.get_level_values("days").unique():
        here = table.loc[name]
        sure = here.index[here[0.9] > 0]
        if not len(sure):
            said.append(f"on {_days(name)} at no hour")
            continue
        best = here[0.9].idxmax()
        said.append(
            f"on {_days(name)} for {count(len(sure), 'starting hour')} of 24, best at "
            f"{best:02d}:00 with {quantity(here[0.9][best], 'kW')}"
        )
    return f"With a reliability of 90{NARROW}% there is something to offer {' and '.join(said)}."


def offers(table: pd.DataFrame, reduction_kw: np.ndarray, price_gbp_per_mwh: float) -> str:
    """Return which offer pays best and how consistently it would be met."""
    if table.empty or table["paid_kwh"].max() == 0:
        return "There is nothing to offer, so nothing to be paid for."
    best = table["paid_kwh"].idxmax()
    row = table.loc[best]
    kw = reduction_kw[np.isfinite(reduction_kw)]
    said = (
        f"The best-paid offer is {quantity(best, 'kW')}: met in full in {percent(row['full'])} of "
        f"events and to the threshold in {percent(row['partial'])}, paid for "
        f"{quantity(row['paid_kwh'], 'kWh')} an event, or £{row['paid_gbp']:.2f} at "
        f"£{price_gbp_per_mwh:g} a MWh. {_failures(row['longest_failure'])}"
    )
    if row["full"] < 0.5:
        said += (
            " Paid best is not proven best: it would be met in full less than every other time, "
            "and a buyer who looks at consistency would not keep it."
        )
    if (kw == 0).mean() > 0.1:
        said += f" In {percent((kw == 0).mean())} of events nothing at all could be delivered."
    return said


def pooling(curves: Mapping[str, pd.DataFrame], rule: str, limit: float = 0.2) -> str:
    """Return how many chargepoints or sites a buyer's limit of error takes."""
    said = []
    for name, curve in curves.items():
        if rule not in curve.index.get_level_values("rule"):
            continue
        here = curve.loc[rule]
        number, basis = needed(curve, rule, limit)
        told = {
            "measured": f"{number:,.0f} are enough",
            "extrapolated": f"about {number:,.0f} would be needed, beyond what is on record",
            "out of reach": "ten times as many would not do, by the curve",
            "unknown": "how many would be needed cannot be told",
        }[basis]
        last = here.index[-1]
        said.append(
            f"**{name.capitalize()}:** from {percent(here['rrmse'].iloc[0])} for "
            f"{here.index[0]} to {percent(here['rrmse'].iloc[-1])} for {last}; events with nothing "
            f"fall from {percent(here['zero_share'].iloc[0])} to "
            f"{percent(here['zero_share'].iloc[-1])}; for {percent(limit)} {told}."
        )
    if not said:
        return "There is too little on record to pool."
    return f"RRMSE of {RULES[rule].label}. {' '.join(said)}"


def scheme(start: str, end: str, share: float, rated_kw: float) -> str:
    """Return in words the limit that is netted off."""
    if share >= 1:
        return "no limit from a connection scheme"
    return (
        f"a limit of {quantity(share * rated_kw, 'kW')} from {start} to {end}, {percent(share)} of "
        "the ratings"
    )


def net(table: pd.DataFrame, scheme: str) -> str:
    """Return what the connection scheme leaves to sell."""
    known = table.dropna()
    if known.empty:
        return "There are no events with both a record and a known limit, so nothing is netted off."
    gross, held, moved, left = known.mean()
    if gross == 0:
        return f"With {scheme}: there is nothing to reduce in these events, with or without it."
    more = ""
    if moved > 0.005 * gross:
        more = (
            f" Of these, {quantity(moved, 'kW')} are charging that it moved into the event from "
            "other hours."
        )
    return (
        f"With {scheme}: of {quantity(gross, 'kW')} that could be reduced in an event on average, "
        f"the scheme already holds back {quantity(held, 'kW')} ({percent(held / gross)}), in "
        f"{percent((known['held_kw'] > 0).mean())} of events. {quantity(left, 'kW')} can be sold."
        f"{more}"
    )


def _failures(longest: float) -> str:
    if longest == 0:
        return "None would have failed the threshold."
    if longest == 1:
        return "Failures would never have come twice in a row."
    return f"At worst {count(longest, 'event')} in a row would have failed the threshold."


def _days(name: str) -> str:
    return {"working": "working days", "weekend, holiday": "weekends and holidays"}[name]
