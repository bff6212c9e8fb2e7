"""What errors, growth, faults and storage change, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.network.topology import lasting
from scchelpers.wording import NARROW, change, date, number, percent, quantity


def errors(found: pd.DataFrame) -> str:
    """Return how strongly the results answer to a small error of the limit."""
    base = found.loc[0.0]
    if found["restricted_kwh"].max() == 0:
        return "Even two per cent less rating restricts nobody."
    if base["restricted_kwh"] == 0:
        return (
            f"As it is nothing is restricted; with 2{NARROW}% less rating "
            f"{quantity(found['restricted_kwh'].iloc[0], 'kWh')} would be."
        )
    ratio = found["restricted_kwh"] / base["restricted_kwh"]
    factor = abs(ratio.loc[-0.01] - 1) / 0.01
    said = (
        f"With 1{NARROW}% less rating the restricted energy changes by {change(ratio.loc[-0.01])}, "
        f"with 1{NARROW}% more by {change(ratio.loc[0.01])} (2{NARROW}%: "
        f"{change(ratio.loc[-0.02])} and {change(ratio.loc[0.02])}): an error of the loading comes "
        f"back about {number(factor, 2)} times as large."
    )
    if base["unserved_kwh"] > 0.5:
        served = found["unserved_kwh"]
        said += (
            f" Unserved energy lies between {quantity(served.min(), 'kWh')} and "
            f"{quantity(served.max(), 'kWh')}."
        )
    return said


def growth(found: pd.DataFrame, rate: float) -> str:
    """Return what load growth does year by year."""
    first, last = found.iloc[0], found.iloc[-1]
    said = (
        f"If the load around grows by {100 * rate:g}{NARROW}% a year, restricted hours go "
        f"from {quantity(first['restricted_h'], 'h')} to {quantity(last['restricted_h'], 'h')} in "
        f"{found.index[-1]} years"
    )
    if last["unserved_kwh"] < 0.01:
        return f"{said}, and no driver goes short."
    said += (
        f", and unserved energy from {quantity(first['unserved_kwh'], 'kWh')} to "
        f"{quantity(last['unserved_kwh'], 'kWh')} ({percent(last['unserved_share'])} of what is "
        "wanted)."
    )
    hurt = found.index[found["unserved_share"] > 0.01]
    if len(hurt) and hurt[0] > 0:
        said += f" Year {hurt[0]} is the first to leave more than 1{NARROW}% unserved."
    return said


def abnormal(
    found: pd.DataFrame, length: str, *, rating_share: float = 1.0, transfer: float = 0.0
) -> str:
    """Return what an abnormal running costs, by when it begins."""
    lasts = lasting(pd.Timedelta(length))
    worst = found["unserved_kwh"].idxmax()
    least, middle, most = found["unserved_kwh"].quantile([0, 0.5, 1])
    said = f"{lasts} with {percent(rating_share)} of the rating"
    if transfer:
        said = f"{lasts} with {percent(transfer)} more load"
    if most < 0.5:
        hours = found["restricted_h"].max()
        return f"{said} add up to {quantity(hours, 'h')} of restriction, and no driver goes short."
    return (
        f"{said} cost {quantity(middle, 'kWh')} in the middle case, {quantity(least, 'kWh')} at "
        f"best and {quantity(most, 'kWh')} at worst, when they begin on {date(worst)}."
    )


def storage(found: pd.DataFrame, power_kw: float) -> str:
    """Return what storage or generation of the site would mend."""
    none = found["unserved_kwh"].iloc[0]
    if none < 0.5:
        return "There is next to nothing unserved that storage could mend."
    batteries = found[found["battery_kwh"] > 0]
    enough = batteries.index[batteries["unserved_kwh"] < 0.1 * none]
    said = (
        f"A battery of {quantity(power_kw, 'kW')} and "
        f"{quantity(batteries['battery_kwh'].iloc[-1], 'kWh')} brings unserved energy from "
        f"{quantity(none, 'kWh')} to {quantity(batteries['unserved_kwh'].iloc[-1], 'kWh')} a year."
    )
    if len(enough):
        said += f" {enough[0]} is the smallest size tried that mends nine tenths."
    generator = found.loc["generator", "unserved_kwh"]
    return f"{said} Generation of that power, without an end, would leave " + (
        f"{quantity(generator, 'kWh')}." if generator > 0.5 else "next to nothing."
    )
