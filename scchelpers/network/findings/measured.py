"""What a limit is and does, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.network.study import Study
from scchelpers.wording import count, escape, percent, quantity


def nothing(reason: str) -> str:
    """Return the answer for a site that these schemes cannot be tried on."""
    return (
        f"**No answer for this site:** {reason}. A scheme led by the network operator needs the "
        "load and the rating of what it protects, so nothing can be said here; the sections below "
        "stay empty."
    )


def answer(study: Study, site_id: str, found: pd.DataFrame, shared: pd.DataFrame, rule: str) -> str:
    """Return the answer of the report in a few sentences.

    Parameters
    ----------
    study : Study
        Sites.
    site_id : str
        Site of the report.
    found : pandas.DataFrame
        From `views`, under the rule of the report.
    shared : pandas.DataFrame
        From `ways`.
    rule : str
        Rule of the report.
    """
    row, place = found.loc[site_id], list(study.sites).index(site_id) + 1
    many = len(study.sites)
    stands = (
        "It is alone on its asset, so the order of access does not matter today."
        if many == 1
        else f"It is number {place} of {many} on its asset in order of application."
    )
    if row["restricted_h"] == 0:
        return (
            f"**The whole {quantity(study.asked_kw(site_id), 'kW')} would have been available all "
            f"the time**; a locally managed connection (LMC) would never have held this site back "
            f"in the {study.years:.1f} years on record. {stands}"
        )
    said = (
        f"**Under an LMC and {_rule(rule)} this site would have had its whole "
        f"{quantity(study.asked_kw(site_id), 'kW')} for {percent(row['availability'])} of the "
        f"time**, and at worst {quantity(study.asked_kw(site_id) - row['max_cut_kw'], 'kW')}. "
        f"{_customer(row)} {stands}"
    )
    if many == 1:
        return said
    unserved = shared["unserved_kwh"].unstack("way")  # noqa: PD010 (an index level)
    mine, total = unserved.loc[site_id], unserved.sum()
    best = mine.idxmin()
    if mine[best] < 0.9 * mine.max() - 1:
        said += (
            f" Of the ways to share, {best} is best for it ({quantity(mine[best], 'kWh')} "
            f"unserved) and {mine.idxmax()} worst ({quantity(mine.max(), 'kWh')});"
        )
        said += (
            f" over all sites together {total.idxmin()} leaves least unserved "
            f"({quantity(total.min(), 'kWh')})."
        )
    else:
        said += " For its drivers the ways to share capacity make little difference."
    return said


def view(study: Study, found: pd.DataFrame) -> str:
    """Return what both views say of each site, beside each other."""
    said = []
    for name, row in found.iterrows():
        who = f"**{escape(study.sites[name].name)}**"
        if row["restricted_h"] == 0:
            said.append(f"{who} is never restricted.")
            continue
        said.append(
            f"{who} is restricted in {quantity(row['restricted_h'], 'h')}, by "
            f"{count(row['events'], 'event')}: half of them last no more than "
            f"{quantity(row['event_p50_h'], 'h')}, nine of ten no more than "
            f"{quantity(row['event_p90_h'], 'h')}, the longest "
            f"{quantity(row['event_max_h'], 'h')}. Of the restricted time somebody "
            f"wanted to charge in {percent(row['wanted_share'])}, and more than was "
            f"allowed in {percent(row['loss_share'])}. {_customer(row)}"
        )
    return "\n\n".join(said)


def months(found: pd.DataFrame) -> str:
    """Return which months carry the restriction and the loss."""
    if found["restricted_h"].sum() == 0:
        return "No month has a restriction."
    top, free = found["restricted_h"].idxmax(), int((found["restricted_h"] == 0).sum())
    said = (
        f"{top:%B %Y} has most restricted hours ({quantity(found['restricted_h'].max(), 'h')}); "
        f"{free or 'not one'} of {len(found)} {'has' if free < 2 else 'have'} none."
    )
    if found["unserved_kwh"].max() > 0.01:
        worst = found["unserved_kwh"].idxmax()
        said += (
            f" Most energy stays unserved in {worst:%B %Y}: "
            f"{quantity(found['unserved_kwh'].max(), 'kWh')}."
        )
    return said


def loading(managed: pd.DataFrame, free: pd.DataFrame) -> str:
    """Return whether the scheme keeps the network inside its rating."""
    said = []
    for name in managed.index:
        before, after = free.loc[name], managed.loc[name]
        if before["over_h"] == 0:
            said.append(
                f"Even with everybody charging freely {escape(name)} stays inside its rating (at "
                f"most {percent(before['peak_share'])} of it): the capacity asked for is seldom "
                "drawn, and the restriction guards against more than was ever there."
            )
        else:
            said.append(
                f"Without a scheme {escape(name)} would be above its rating for "
                f"{quantity(before['over_h'], 'h')} and reach {percent(before['peak_share'])} of "
                f"it. With it, {quantity(after['over_h'], 'h')} remain, at most "
                f"{percent(after['peak_share'])}: what the monitoring delay lets through."
                if after["over_h"]
                else f"Without a scheme {escape(name)} would be above its rating for "
                f"{quantity(before['over_h'], 'h')} and reach {percent(before['peak_share'])} of "
                "it; with it, never."
            )
    return " ".join(said)


def _customer(row: pd.Series) -> str:
    if row["unserved_kwh"] < 0.01:
        if not row["lost_kwh"] > 0.01:
            return "Its drivers would have noticed nothing."
        return (
            f"Its drivers would have charged later at times ({quantity(row['lost_kwh'], 'kWh')} "
            "shifted), and all would have left with what they wanted."
        )
    return (
        f"Its drivers would have gone without {quantity(row['unserved_kwh'], 'kWh')}, "
        f"{percent(row['unserved_share'])} of what they wanted, in "
        f"{count(row['short_sessions'], 'session')} of {int(row['sessions']):,}."
    )


def _rule(rule: str) -> str:
    return {"lifo": "last in, first off (LIFO)", "pro-rata": "pro-rata sharing"}.get(rule, rule)
