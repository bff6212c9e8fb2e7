"""What a choice means, in sentences computed from the numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from scchelpers.choice import schemes
from scchelpers.choice.decision import Choice
from scchelpers.choice.schemes import Case, Terms
from scchelpers.choice.situations import FIRM, Row, Situation
from scchelpers.wording import NARROW, count, escape, listed, percent, quantity

NOTHING = "nothing can be judged"


def answer(choice: Choice, worth: pd.DataFrame) -> str:
    """Return which scheme the site should take, why, and what it gives."""
    case, scheme = choice.case, choice.scheme
    if scheme is None:
        return f"**No scheme can be recommended.** {_why_none(choice)}"
    row = choice.row
    gives = f"It allows {quantity(row['mean_kva'], 'kVA')} in the mean"
    if row["availability"] >= 1:
        gives = f"It gives the whole {quantity(case.requested_kva, 'kVA')} at all times"
    elif row["availability"] > 0:
        gives += (
            f" and the whole {quantity(case.requested_kva, 'kVA')} in "
            f"{percent(row['availability'])} of the time"
        )
    else:
        gives += f" and never the whole {quantity(case.requested_kva, 'kVA')} asked for"
    if row["released_kva"] > 0.5:
        gives += f": {quantity(row['released_kva'], 'kVA')} more than what fits at all times"
    left = (
        f"{percent(row['unserved_share'])} of the energy that drivers want "
        f"({quantity(row['unserved_kwh'], 'kWh')} a year) stays unserved"
    )
    parts = (
        f"**Take {_called(scheme)}.** {reason(choice)}",
        f"**What it gives.** {gives}. {left[0].upper()}{left[1:]}.",
        f"**Time and money.** {money(choice, worth)}" if scheme in worth.index else "",
    )
    return "\n\n".join(part for part in parts if part)


def reason(choice: Choice, shown: Callable[[str], str] = escape) -> str:
    """Return in a sentence or two why this scheme, and why nothing simpler.

    Parameters
    ----------
    choice : Choice
        Of the site.
    shown : callable
        What turns a name from data into text; by default for Markdown.
    """
    case, scheme, row = choice.case, choice.scheme, choice.row
    if scheme is None:
        return _why_none(choice)
    terms = case.terms
    if scheme == schemes.REINFORCED:
        return " ".join([SPECIFIC[scheme](case, shown), *_against(choice)])
    if scheme == schemes.FIRM:
        return "The network takes the whole request at all times, so nothing need be managed."
    kept = (
        f"It keeps the network to {quantity(row['over_h'], 'h')} a year above its rating at most "
        f"({quantity(terms.tolerated_h, 'h')} tolerated)"
        if np.isfinite(row["over_h"]) and not _inside(scheme, case)
        else "It keeps within the supply that the site has"
        if _inside(scheme, case)
        else "It needs no more than the network gives"
    )
    first = f"{kept}, and is the least complex that serves the drivers."
    return " ".join([SPECIFIC[scheme](case, shown), first, *_against(choice)]).strip()


def _inside(scheme: str, case: Case) -> bool:
    return scheme in (schemes.STATIC, schemes.DYNAMIC) and bool(case.dsc_kva)


def _places(case: Case, shown: Callable[[str], str]) -> str:
    return listed([shown(case.called(name)) for name in case.stressed])


SPECIFIC = {
    schemes.REDUCED: lambda case, shown: "What fits at all times is enough.",
    schemes.TCC: lambda case, shown: (
        f"The network ({_places(case, shown)}) is short at the same hours of the "
        "clock, and charging can move out of them."
    ),
    schemes.STATIC: lambda case, shown: (
        "The supply leaves enough for a fixed limit of the chargepoints."
        if case.dsc_kva
        else "What fits at all times is enough for chargepoints that share it."
    ),
    schemes.DYNAMIC: lambda case, shown: (
        "The site's other load leaves room most of the time, but too little at its highest."
    ),
    schemes.PROFILED: lambda case, shown: (
        f"The network ({_places(case, shown)}) is short at hours that only a forecast tells."
    ),
    schemes.LMC: lambda case, shown: (
        f"A monitor at one place, {shown(tightest(case))}, and a live setpoint give what no window "
        "or fixed limit can."
    ),
    schemes.CMC: lambda case, shown: (
        f"Several places are short ({_places(case, shown)}): a monitor at one does not see the "
        "others."
    ),
    schemes.REINFORCED: lambda case, shown: (
        "No scheme both serves the drivers and keeps the network to its ratings."
    ),
}


def tightest(case: Case) -> str:
    """Return the asset at which the request fails most often."""
    return case.called(case.network.short_h(case.requested_kva).idxmax())


def _against(choice: Choice) -> list[str]:
    place = schemes.RANK[choice.scheme]
    simpler = [name for name in choice.options.index if schemes.RANK[name] < place]
    failing = [name for name in simpler if choice.options.loc[name, "possible"]]
    if not failing:
        return []
    return [f"Simpler ones fail: {listed([_fault(choice, name) for name in failing])}."]


def _fault(choice: Choice, name: str) -> str:
    row, terms = choice.options.loc[name], choice.case.terms
    if not row["serves"]:
        short = row["unserved_share"] <= terms.unserved_target
        what = (
            f"{_finely(row['short_share'])} of the sessions short"
            if short
            else f"{_finely(row['unserved_share'])} of the energy unserved"
        )
        return f"{name} ({what})"
    return f"{name} ({quantity(row['over_h'], 'h')} above a rating)"


def _finely(share: float) -> str:
    """Return a share near a target of a per cent or two, where a whole per cent is too coarse."""
    return f"{100 * share:.1f}{NARROW}%" if share < 0.05 else percent(share)


def _why_none(choice: Choice) -> str:
    case = choice.case
    if case.network is None and not case.dsc_kva:
        return (
            "Neither the load and rating of the network above the site nor a supply capacity of "
            "its own is on record: fill in an asset or a supply capacity in sites.csv, and the "
            "load of that asset."
        )
    if case.customers.sessions.empty:
        return "There are no sessions on record in the time that can be judged, so no service."
    return "None meets the service target and keeps to the ratings."


def _called(scheme: str) -> str:
    words = {
        schemes.FIRM: "a firm connection",
        schemes.REDUCED: "less capacity",
        schemes.REINFORCED: "reinforcement",
    }
    return words.get(scheme, f"{'an' if scheme[0] in 'L' else 'a'} {scheme}")


def money(choice: Choice, worth: pd.DataFrame) -> str:
    """Return the time to connect and the worth of the scheme, against waiting and the others."""
    scheme, viable = choice.scheme, choice.options["viable"].astype(bool)
    row = worth.loc[scheme]
    text = f"It can be there in {quantity(row['ready_years'], 'years', 2)}"
    if schemes.REINFORCED in worth.index and scheme != schemes.REINFORCED:
        other = worth.loc[schemes.REINFORCED]
        gain = row["customer_gbp"] - other["customer_gbp"]
        text += (
            f" (reinforcement in {quantity(other['ready_years'], 'years', 2)}) and is worth "
            f"£{abs(gain):,.0f} {'more' if gain >= 0 else 'less'} to the customer than waiting"
        )
    best = worth.loc[worth.index.isin(viable.index[viable]), "customer_gbp"].idxmax()
    if best != scheme:
        more = worth.loc[best, "customer_gbp"] - row["customer_gbp"]
        text += (
            f". By money alone the customer would take {best}, worth £{more:,.0f} more: the rule "
            "asks for the least complex scheme, not the most valuable"
        )
    return f"{text}."


def expectation(choice: Choice, situation: Situation | None, row: Row | None) -> str:
    """Return what the table of situations expects, and whether the measured choice agrees."""
    if row is None:
        return "Too little is on record to place the site in the table of network situations."
    where = (
        f"{situation.voltage}, {situation.connection}, stress: {situation.stress}"
        + (f" ({situation.pattern})" if situation.pattern in ("timed", "irregular") else "")
        + f", {situation.others}"
    )
    family = schemes.BY_NAME[choice.scheme].family if choice.scheme else ""
    expected = f"The table of network situations ({where}) expects **{row.family}**: {row.reason}"
    if family == row.family or (row.family == FIRM and choice.scheme == schemes.FIRM):
        return f"{expected} The measured choice agrees."
    own = [name for name in choice.options.index if schemes.BY_NAME[name].family == row.family]
    faults = [
        _fault(choice, name)
        if choice.options.loc[name, "possible"] and not choice.options.loc[name, "viable"]
        else f"{name} ({choice.options.loc[name, 'why_not']})"
        for name in own
        if not choice.options.loc[name, "viable"]
    ]
    if faults and len(faults) == len(own):
        return f"{expected} Measured, it does not hold here: {listed(faults)}."
    simpler = "a simpler scheme" if choice.scheme else "no scheme"
    return f"{expected} Measured, {simpler} is enough: {choice.scheme}."


def order(choices: dict[str, Choice], site_id: str) -> str:
    """Return how the sites that share assets were decided, in order of application."""
    if len(choices) < 2:
        return "No other applicant shares its assets."
    said = [
        f"{'**' if name == site_id else ''}{escape(choice.case.site.name)}"
        f"{'**' if name == site_id else ''} ({choice.scheme or NOTHING})"
        for name, choice in choices.items()
    ]
    return (
        f"{count(len(said), 'site')} on the same network were decided together, first come first "
        f"served: {', '.join(said)}. What each may draw is held for it, used or not, so none of "
        "them is changed by a later one."
    )


def flexibility(found: pd.DataFrame, names: dict[str, str]) -> str:
    """Return what the DNO would still have to buy as flexibility."""
    if found.empty:
        return "No network is on record, so nothing can be said of a need for flexibility."
    said = []
    for asset in found.index.get_level_values("asset").unique():
        before, whole, managed = (
            found.loc[(asset, name)] for name in ("before", "without schemes", "with schemes")
        )
        if whole["over_kvah"] <= 0:
            continue
        text = (
            f"{escape(names.get(asset, asset))}: {quantity(whole['over_kvah'], 'kVAh')} a year "
            f"({quantity(whole['over_h'], 'h')}, up to {quantity(whole['peak_kva'], 'kVA')}) "
            f"without the schemes, {quantity(managed['over_kvah'], 'kVAh')} with them"
        )
        if before["over_kvah"] > 0:
            text += f", of which {quantity(before['over_kvah'], 'kVAh')} was there before"
        said.append(text)
    if not said:
        return (
            "As charging is drawn, no asset would pass its rating even without the schemes: the "
            "capacity is reserved, not used, and there would be nothing to buy."
        )
    return "What the DNO would have to buy as flexibility: " + "; ".join(said) + "."


def targets(terms: Terms) -> str:
    """Return what is asked of a scheme."""
    return (
        f"A scheme *serves* if at most {percent(terms.unserved_target)} of the energy stays "
        f"unserved and at most {percent(terms.short_target)} of the sessions leave more than "
        f"{quantity(terms.tolerance_kwh, 'kWh')} short. It is *safe* if, with everything used "
        "that it allows, the network is above its rating for at most "
        f"{quantity(terms.tolerated_h, 'h')} a year; within a supply that the site holds already, "
        "the network is not asked again."
    )


def plain(choice: Choice) -> str:
    """Return the reason in plain text of one or two sentences, for a table of many sites."""
    if choice.scheme in (None, schemes.FIRM):
        return reason(choice, str)
    return " ".join([SPECIFIC[choice.scheme](choice.case, str), *_against(choice)]).strip()


def where(case: Case, names: dict[str, str]) -> str:
    """Return the asset that feeds a site, for a table of many sites."""
    asset = case.site.meta.get("asset_id")
    return "not on record" if asset is None else names.get(asset, asset)
