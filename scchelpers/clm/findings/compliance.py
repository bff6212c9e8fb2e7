"""What rules of import limitation make of a scheme, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.clm.findings.volatility import span
from scchelpers.wording import count, listed, quantity


def timing(found: pd.DataFrame) -> str:
    """Return which times of the rules the scheme keeps (from `compliance.timing`)."""
    late = found[~found["kept"]]
    if late.empty:
        return "The scheme keeps every time of the rules."
    missed = [
        f"{demand} ({span(row['takes_s'])}, allowed {span(row['allowed_s'])})"
        for demand, row in late.iterrows()
    ]
    return f"The scheme is too slow for: {listed(missed)}."


def verdict(found: pd.Series) -> str:
    """Return what the rules make of the excursions (from `compliance.summary`)."""
    if not found[["recorded", "counted", "lock_outs"]].sum():
        return "There is no excursion to record."
    said = (
        f"Of the excursions {found['recorded']:,.0f} would only be recorded, "
        f"{found['counted']:,.0f} counted, and {count(found['lock_outs'], 'lock-out')} would follow"
    )
    if found["lock_outs"]:
        said += f", {quantity(found['locked_h'], 'h')} without charging in all"
    if found["installer_visits"]:
        said += f"; {count(found['installer_visits'], 'visit')} of an installer needed"
    return said + "."


def readings(found: pd.DataFrame) -> str:
    """Return what interval means can show of excursions (from `resolution.readings`)."""
    low, high = found.loc["shortest"], found.loc["longest"]
    step = span(found.attrs["step_s"])
    swing = quantity(found.attrs["swing_kw"], "kW")
    if not high[["recorded", "counted", "lock_outs"]].sum():
        return (
            f"No mean of {step} comes within {swing} of the limit: if power swings no further "
            "within an interval, there was no excursion."
        )
    sure = (
        "even the shortest reading has the site locked out" if low["lock_outs"]
        else "even the shortest reading has an excursion that counts" if low["counted"]
        else "an excursion that counts is neither shown nor excluded"
    )  # fmt: skip
    return (
        f"Rules in seconds cannot be judged on means of {step}. If power swings by up to {swing} "
        "within an interval and is above the limit in one stretch, the same data mean "
        f"{_range(low, high, 'counted', 'counted excursion')} and "
        f"{_range(low, high, 'lock_outs', 'lock-out')}: {sure}."
    )


def _range(low: pd.Series, high: pd.Series, name: str, noun: str) -> str:
    """Return the two readings of a count, in order of size."""
    few, many = sorted((int(low[name]), int(high[name])))
    return count(many, noun) if few == many else f"{few:,} to {count(many, noun)}"
