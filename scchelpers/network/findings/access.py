"""What the order of access means, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.network.study import Study
from scchelpers.wording import escape, listed, percent, quantity


def places(found: pd.DataFrame, study: Study) -> str:
    """Return what moving up or down the stack means to each site."""
    if len(study.sites) == 1:
        return "One site alone has one place only: there is no stack to move in."
    said = []
    for name, rows in found.groupby(level="site", sort=False):
        rows = rows.droplevel("site")
        first, last = rows.iloc[0], rows.iloc[-1]
        own = rows.index[rows["own"]][0]
        who = escape(study.sites[name].name)
        if last["restricted_h"] == first["restricted_h"]:
            said.append(f"For {who} the place changes nothing.")
            continue
        said.append(
            f"{who} (place {own}): {quantity(first['restricted_h'], 'h')} restricted and "
            f"{quantity(first['unserved_kwh'], 'kWh')} unserved if it were first, "
            f"{quantity(last['restricted_h'], 'h')} and {quantity(last['unserved_kwh'], 'kWh')} if "
            "it were last."
        )
    return "\n\n".join(said)


def ways(found: pd.DataFrame, study: Study) -> str:
    """Return who gains and who loses between the ways of sharing."""
    if len(study.sites) == 1:
        return "With one site every rule gives the same."
    unserved = found["unserved_kwh"].unstack("way")[list(found.index.unique("way"))]  # noqa: PD010
    total = unserved.sum()
    said = [
        "Left unserved at all sites together: "
        + listed([f"{quantity(value, 'kWh')} with {way}" for way, value in total.items()])
        + "."
    ]
    if total.max() < 0.01:
        return "No way of sharing leaves any driver short."
    change = unserved["pro-rata"] - unserved["LIFO"]
    gain, lose = change.idxmin(), change.idxmax()
    if change[gain] < -0.5:
        said.append(
            f"Against LIFO, pro-rata gives {escape(study.sites[gain].name)} "
            f"{quantity(-change[gain], 'kWh')} more"
            + (
                f" and takes {quantity(change[lose], 'kWh')} from {escape(study.sites[lose].name)}."
                if change[lose] > 0.5
                else " and takes next to nothing from anybody."
            )
        )
    lent = total["LIFO"] - total["LIFO, unused lent on"]
    if lent > 0.5:
        said.append(
            f"LIFO on contracted capacity holds room that its owner does not use: lending that on, "
            f"as an operator with live metering can, serves {quantity(lent, 'kWh')} more "
            f"({percent(lent / total['LIFO'])} of what LIFO leaves unserved) and keeps the order."
        )
    return " ".join(said)


def newcomer(found: pd.DataFrame) -> str:
    """Return what the last applicant does to those before it."""
    if found.empty:
        return ""
    change = (found["restricted_h_after"] - found["restricted_h_before"]).groupby("rule").sum()
    said = (
        "Under LIFO the last applicant changes nothing for those before it."
        if abs(change["LIFO"]) < 1e-6
        else f"Under LIFO the last applicant adds {quantity(change['LIFO'], 'h')} to those before."
    )
    if change["pro-rata"] > 0.5:
        return f"{said} Under pro-rata it adds {quantity(change['pro-rata'], 'h')} of restriction."
    return f"{said} Under pro-rata, too, hardly anything changes."


def pooled(found: pd.DataFrame) -> str:
    """Return what operators of several sites gain, an operator a row of `found`."""
    said = []
    for name, row in found.iterrows():
        if row["apart"] - row["together"] < 0.5:
            gains = "its drivers gain nothing worth mentioning"
        else:
            gains = (
                f"{quantity(row['together'], 'kWh')} stay unserved instead of "
                f"{quantity(row['apart'], 'kWh')}"
            )
        said.append(f"{escape(name)}, sharing the sum of its setpoints by need: {gains}.")
    return "\n\n".join(said)
