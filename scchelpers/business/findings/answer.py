"""The answer of the report, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scchelpers.business.findings.words import causes, gbp, share, years
from scchelpers.business.ledger import VIEWS, bridge
from scchelpers.business.model import CENTRAL, Model
from scchelpers.business.prices import Prices
from scchelpers.business.situation import FIRM, LESS, WAIT
from scchelpers.wording import listed, quantity

NOTHING = (
    "**No answer for this site:** no charging session is on record, so there is no energy to "
    "value. The prices, the rules of charging and the capacities below hold all the same."
)


def nothing(model: Model) -> str:
    """Return that a section stays empty, where it does."""
    return "" if model.known else "Nothing to show: no charging session is on record."


def answer(model: Model, prices: Prices, values: pd.Series) -> list[str]:
    """Return the answer in a few plain sentences.

    Parameters
    ----------
    model : Model
        The site.
    prices : Prices
        Price table.
    values : pandas.Series
        Customer's values, from `Model.values`.
    """
    if not model.known:
        return [NOTHING]
    best, base = model.best(values), model.base
    by_name = {option.name: option for option in model.options(prices)}
    horizon = model.facts[CENTRAL].years
    said = [_choice(model, by_name, values, best, base, horizon)]
    terms = {"margin": model.margin(prices), "regime": model.regime}
    if best != base:
        moved = bridge(by_name[best], by_name[base], prices, **terms)
        said.append(f"What makes the difference: {listed(causes(moved))}.")
    said += [_second(model, values, best), _network_unknown(model, values, best)]
    return [sentence for sentence in said if sentence]


def _choice(model, by_name, values, best, base, horizon) -> str:
    own = by_name[best]
    ready = years(own.ready_years)
    lead = years(by_name[base].ready_years)
    unserved = share(own.unserved_share)
    if best == base == WAIT:
        return (
            f"**Wait for reinforcement.** Over {horizon} years no smart connection is worth more "
            f"to the customer, although the network is ready only in {lead}."
        )
    if best == base:
        return (
            f"**Ask for the whole capacity: it fits.** No reinforcement is needed, and over "
            f"{horizon} years nothing is worth more to the customer."
        )
    what = {WAIT: f"waiting {lead} for reinforcement", FIRM: "a plain firm connection"}[base]
    more = gbp(values[best] - values[base])
    capacity = ""
    if best == LESS:
        capacity = f" of {quantity(model.facts[CENTRAL].less_kva, 'kVA')}"
    return (
        f"**Take {_named(best)}{capacity}: over {horizon} years it is worth {more} more to the "
        f"customer than {what}.** It connects in {ready} and leaves {unserved} of the energy "
        "unserved."
    )


def _named(name: str) -> str:
    scheme, _, later = name.partition(",")
    article = {"reduced capacity": "a ", "profiled": "a "}.get(scheme, "a ")
    article = "an " if scheme == "LMC" else article
    scheme = {"profiled": "profiled connection", FIRM: "firm connection"}.get(scheme, scheme)
    return f"{article}{scheme}" + (
        " as a stop-gap, and have the network reinforced" if later else ""
    )


def _second(model: Model, values: pd.Series, best: str) -> str:
    there = values.drop(list(model.uncertain), errors="ignore").drop(best)
    said = ""
    # A scheme and itself as a stop-gap say the same twice.
    others = there[
        [name for name in there.index if name.partition(",")[0] != best.partition(",")[0]]
    ]
    if len(others):
        second = model.best(others)
        less = values[best] - values[second]
        said = f"Next is {second}, worth {gbp(less)} less"
        if round(less, -2) == 0:
            said = f"{second} is worth as much and is more complex"
        if LESS in others and second != LESS:
            said += f"; asking for less capacity is worth {gbp(values[best] - values[LESS])} less"
        said += "."
    return said


def _network_unknown(model: Model, values: pd.Series, best: str) -> str:
    if model.situation.asset is not None:
        return ""
    gain = values[FIRM] - values[best]
    then = (
        f"a firm connection now would be worth {gbp(gain)} more"
        if gain > 0
        else f"a firm connection now would still be worth {gbp(-gain)} less"
    )
    return (
        "The network that feeds this site is not on record, so whether the request needs "
        f"reinforcement is not known. The answer is for the case that it does; if it does not, "
        f"{then}."
    )


def both_views(model: Model, prices: Prices, compared: pd.DataFrame) -> str:
    """Return whether the customer's choice is also that of the DNO and of Great Britain.

    Parameters
    ----------
    compared : pandas.DataFrame
        From `compare`.
    """
    if not model.known:
        return ""
    best = {view: model.best(compared[f"{view}_gbp"]) for view in ("customer", "gb")}
    own, base, wide = best["customer"], model.base, best["gb"]
    more = {view: compared[f"{view}_gbp"] - compared.loc[base, f"{view}_gbp"] for view in VIEWS}
    said = f"In another account, at the Green Book rate of {share(prices['social_rate'])}, "
    if own != base:
        said += (
            f"{own} is worth {_less(more['dno'][own])} than {base} to the DNO and those who pay "
            f"for its network, and {_less(more['gb'][own])} to Great Britain; "
        )
    if wide == own:
        return f"{said}the customer's choice is also that of Great Britain."
    cost = more["gb"][wide] - more["gb"][own]
    return (
        f"{said}for Great Britain **{wide}** would be worth {gbp(cost)} more than the customer's "
        "choice, a difference that the customer does not pay."
    )


def _less(value: float) -> str:
    return f"{gbp(abs(value))} {'more' if value >= 0 else 'less'}"


def assumed(model: Model, growth: Mapping[str, float]) -> str:
    """Return what was asked for, what fits, and who comes before.

    Parameters
    ----------
    growth : mapping of str to float
        "charging" and "load", growth a year.
    """
    case, facts = model.situation, model.facts[CENTRAL]
    said = f"Asked for: {quantity(case.requested_kva, 'kVA')}"
    said += "" if case.stated else " (the sum of the ratings; the site states none)"
    said += f", beside a supply of {quantity(case.dsc_kva, 'kVA')}." if case.dsc_kva else "."
    if case.asset is None:
        said += (
            " The network's load or rating is not on record: a typical reinforcement is assumed."
        )
    else:
        said += f" At all times the network leaves {quantity(case.firm_kva, 'kVA')}"
        if case.asset.earlier_kva:
            said += (
                f", once {quantity(case.asset.earlier_kva, 'kVA')} are kept for those who applied "
                "earlier"
            )
        said += "."
    said += (
        f" Charging grows by {share(growth['charging'])} a year and the load around it by "
        f"{share(growth['load'])}."
    )
    alone = [v for name, v in facts.growth_years.items() if name not in (FIRM, LESS)]
    if alone and min(alone) <= facts.years:
        said += (
            f" Within {years(max(min(alone), 1.0))} the load alone passes the rating for more than "
            "ten hours a year: the DNO then reinforces whatever this site has taken."
        )
    return said
