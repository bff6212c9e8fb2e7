"""What a real event does to each rule, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.baselines.matching import RULES
from scchelpers.wording import listed, number, percent, quantity


def credit(table: pd.DataFrame, rebound: pd.Series) -> str:
    """Return what each rule credits of what was delivered, and what comes back after."""
    if table.empty or not table["delivered_kwh"].iloc[0] > 0:
        return "The site delivered nothing when called, so there is nothing to credit."
    shares = table["credit_share"].dropna()
    said = listed([f"{RULES[name].label} {percent(share)}" for name, share in shares.items()])
    true = quantity(table["delivered_kwh"].iloc[0], "kWh")
    text = (
        f"Called, the site reduced {true} an event; {percent(max(rebound['rebound_share'], 0))} of "
        f"it came back within four hours. Credited of it: {said}."
    )
    taken = table["rebound_kwh"].max()
    if taken > 0.01 * table["delivered_kwh"].iloc[0]:
        text += (
            f" Of the credit of {RULES[table['rebound_kwh'].idxmax()].label}, "
            f"{quantity(taken, 'kWh')} are rebound taken for delivery, as it reads the meter after "
            "the event."
        )
    error = table["error_kwh"].min()
    rule = RULES[table["error_kwh"].idxmin()].label
    return (
        f"{text} Event by event the best of them, {rule}, is still off by {quantity(error, 'kWh')} "
        f"on average, {percent(error / table['delivered_kwh'].iloc[0])} of what was delivered."
    )


def erosion(table: pd.DataFrame, rule: str) -> str:
    """Return how frequent dispatch wears out the baseline."""
    if table.empty or table["credit_share"].isna().all():
        return "Without a reduction there is no baseline to wear out."
    kept, out = (table.loc[history].loc[rule] for history in ("open", "blocked"))
    few, many = kept["credit_share"].iloc[0], kept["credit_share"].iloc[-1]
    short = out["short_pools"]
    return (
        f"If event days stay in the history, {RULES[rule].label} credits {percent(few)} of the "
        f"reduction at {kept.index[0]:g} events a week and {percent(many)} at {kept.index[-1]:g}: "
        f"it learns that the site draws nothing. If they are left out, the pool runs short "
        f"instead, for {percent(short.iloc[-1])} of events at {short.index[-1]:g} a week."
    )


def inflation(table: pd.DataFrame) -> str:
    """Return what load added before an event would earn."""
    if table.empty or table["earned_share"].isna().all():
        return "There is no baseline to inflate."
    paid = table[table["earned_share"] > 0.005].sort_values("earned_share", ascending=False)
    safe = [RULES[name].label for name in table.index if name not in paid.index]
    if paid.empty:
        return "Load added before an event earns nothing under any of these rules."
    said = listed(
        [
            f"{number(row.earned_share)} kWh under {RULES[row.Index].label}"
            for row in paid.itertuples()
        ]
    )
    text = f"Each kWh added on purpose before an event raises the baseline by {said}."
    return f"{text} {listed(safe)} cannot be inflated that way." if safe else text
