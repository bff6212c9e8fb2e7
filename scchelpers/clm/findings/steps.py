"""Which loads switch on at once, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.clm.findings.volatility import span
from scchelpers.wording import count, number, quantity


def steps(starts: pd.DataFrame, sizes: pd.DataFrame) -> str:
    """Return what the disruptive loads are (from `steps.detect` and `steps.by_size`)."""
    smallest = quantity(starts.attrs["smallest_kw"], "kW")
    step = span(60 * starts.attrs["step_min"])
    caution = (
        f" In data of {step} a machine that runs for less shows smaller than it is, or not at all."
        if starts.attrs["step_min"] >= 5
        else ""
    )
    if starts.empty:
        return f"No load of {smallest} or more switches on at once in data of {step}.{caution}"
    top = sizes["starts"].idxmax()
    one = sizes.loc[top]
    often = one["per_week"]
    said = (
        f"{count(len(starts), 'load')} of {smallest} or more "
        f"{'switches' if len(starts) == 1 else 'switch'} on at once in "
        f"{number(starts.attrs['weeks'])} weeks of {step} data, the largest by "
        f"{quantity(starts['size_kw'].max(), 'kW')}. Most often "
        f"({number(often)} times a week) it is about {quantity(one['median_kw'], 'kW')}"
    )
    if pd.notna(one["median_min"]):
        said += f", for {quantity(one['median_min'], 'min')} (median)"
    said += f", between {int(one['first_hour']):02d}:00 and {int(one['last_hour']) + 1:02d}:00."
    return said + caution
