"""What the loss of a signal costs and risks under each answer, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.wording import count, quantity

NOTHING_KWH = 0.5
MEANINGS = {
    "hold": "holding the last limit",
    "fall": "falling to the static limit",
    "stop": "stopping",
}


def failsafe(found: pd.DataFrame) -> str:
    """Return cost and risk of each answer at the worst of the sweep (from `failsafe.sweep`)."""
    lost = found["lost_h"].max()
    if not lost:
        return "No outage falls in the record."
    here = found[found["lost_h"] == lost].droplevel(["per_year", "length_h"])
    parts = []
    for answer, row in here.iterrows():
        cost = (
            f"{quantity(row['unserved_kwh'], 'kWh')} unserved"
            if row["unserved_kwh"] > NOTHING_KWH
            else "no energy"
        )
        risk = (
            f"{count(row['excursions'], 'excursion')}, up to {quantity(row['deepest_kw'], 'kW')}"
            if row["excursions"] > 0
            else "no excursion"
        )
        parts.append(f"{MEANINGS[answer]} costs {cost} and brings {risk}")
    return f"With {quantity(lost, 'h')} without signal, {'; '.join(parts)}."


def advice(found: pd.DataFrame) -> str:
    """Return the answer that never exceeds the DSC at the least cost, over the whole sweep."""
    by_answer = found.groupby(level="answer", sort=False)
    safe = by_answer["excursions"].max() <= 0
    cost = by_answer["unserved_kwh"].max()[safe]
    if cost.empty:
        return "Every answer lets the import exceed the DSC: the loss must be noticed sooner."
    best = cost.idxmin()
    static = f" of {quantity(found.attrs['static_kw'], 'kW')}" if best == "fall" else ""
    return (
        f"Of the answers that bring no excursion anywhere in the sweep, {MEANINGS[best]}{static} "
        f"costs least: at most {quantity(max(cost.min(), 0.0), 'kWh')} over the record."
    )
