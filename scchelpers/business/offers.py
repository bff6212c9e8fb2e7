"""From a situation, its energy and the prices to the options that are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scchelpers.business.energy import Energy, by_year
from scchelpers.business.facts import Facts
from scchelpers.business.option import Option, stop_gap
from scchelpers.business.schemes import (
    BEHIND_METER,
    CMC,
    DYNAMIC,
    LESS,
    LMC,
    PROFILED,
    STATIC,
    TCC,
    WAIT,
    possible,
)
from scchelpers.business.situation import Situation
from scchelpers.clm import WHOLE_CURRENT_KVA


@dataclass(frozen=True)
class Control:
    """What a scheme needs to be run, as names of prices.

    Attributes
    ----------
    once, yearly : str, tuple of str
        Customer's.
    dno_once, dno_yearly : str
        DNO's; "" for none.
    trips : bool
        Whether it can trip the supply.
    """

    once: str
    yearly: tuple[str, ...] = ()
    dno_once: str = ""
    dno_yearly: str = ""
    trips: bool = False


CONTROL = {
    TCC: Control("timed_equipment", ("timed_running",)),
    PROFILED: Control("timed_equipment", ("timed_running", "profiled_running")),
    STATIC: Control("static_equipment"),
    DYNAMIC: Control("dynamic_equipment", ("dynamic_running",), trips=True),
    LMC: Control(
        "signal_equipment", ("signal_running",), "local_equipment", "local_running", trips=True
    ),
    CMC: Control(
        "signal_equipment", ("signal_running",), "central_equipment", "central_running", trips=True
    ),
}


def reinforcement(short, prices: Mapping[str, float]) -> tuple[float, float, float]:
    """Return cost [£], capacity created [kVA] and time [years] of what mends some shortfalls.

    Networks grow in lumps: as many units of a kind as the shortfall takes. The capacity created is
    that of the first, which is the asset nearest to the site.
    """
    cost, created, time = 0.0, 0.0, 0.0
    for kind, shortfall_kva in short:
        own = priced_as(kind, prices)
        lumps = math.ceil(shortfall_kva / prices[f"{own}_size"])
        cost += lumps * prices[f"{own}_cost"]
        created = created or lumps * prices[f"{own}_size"]
        time = max(time, prices[f"{own}_years"])
    return cost, created, time


def priced_as(kind: str, prices: Mapping[str, float]) -> str:
    """Return the kind of asset whose prices stand for a kind."""
    return kind if f"{kind}_cost" in prices else "transformer"


def offer(scheme: str, facts: Facts, energy: Energy, prices: Mapping[str, float]) -> Option:
    """Return the option that a scheme is for a site, at given prices.

    Parameters
    ----------
    scheme : str
        One of `schemes.SCHEMES`.
    facts : Facts
        Of the site.
    energy : Energy
        Charging under the scheme.
    prices : Prices
        Price table.
    """
    behind = scheme in BEHIND_METER
    asked_kva = facts.less_kva if scheme == LESS else facts.requested_kva
    added_kva = 0.0 if behind else asked_kva
    cost, created, lead = reinforcement(facts.short, prices)
    ready = prices["notice_years" if behind else "extension_years"]
    ready += prices["scheme_years"] if scheme in (PROFILED, LMC, CMC) else 0.0
    extension_gbp = (
        0.0 if behind else prices["extension_fixed"] + prices["extension_rate"] * added_kva
    )
    option = Option(
        scheme,
        max(ready, lead) if scheme == WAIT else ready,
        energy.wanted_kwh,
        energy.unserved_kwh,
        paid_kva=np.array([_paid(facts.dsc_kva + added_kva) - _paid(facts.dsc_kva)]),
        extension_gbp=extension_gbp,
        mean_kw=energy.mean_kw,
        other_kw=facts.other_kw,
        rated_kw=facts.rated_kw,
        flexible_kw=energy.flexible_kw,
        **_control(scheme, prices),
    )
    if scheme == WAIT:
        built = {"reinforcement_gbp": cost, "created_kva": created, "reinforced_years": lead}
        option = replace(option, requested_kva=facts.requested_kva, **built)
    return option


def _paid(kva: float) -> float:
    """Return the capacity that is charged for: none of a whole-current supply [kVA]."""
    return kva if kva > WHOLE_CURRENT_KVA else 0.0


def _control(scheme: str, prices: Mapping[str, float]) -> dict:
    if scheme not in CONTROL:
        return {}
    need = CONTROL[scheme]
    return {
        "equipment_gbp": prices[need.once],
        "running_gbp": np.array([sum(prices[name] for name in need.yearly)]),
        "dno_equipment_gbp": prices[need.dno_once] if need.dno_once else 0.0,
        "dno_running_gbp": np.array([prices[need.dno_yearly] if need.dno_yearly else 0.0]),
        "trips": np.array([prices["trips"] if need.trips else 0.0]),
        "breaches": np.array([prices["breaches"]]),
    }


def offers(
    facts: Facts,
    energies: Mapping[str, Energy],
    prices: Mapping[str, float],
    *,
    stop_gap_years: float | None = None,
) -> list[Option]:
    """Return the options of a site at given prices, and the schemes as a stop-gap.

    Parameters
    ----------
    facts : Facts
        Of the site.
    energies : mapping of str to Energy
        By scheme.
    prices : Prices
        Price table.
    stop_gap_years : float, optional
        Years from now after which a stop-gap gives way to the reinforced connection; None: none.

    Notes
    -----
    Once the load around the site passes the rating by itself the DNO reinforces at its own cost,
    whatever the site has taken: a scheme then ends, a reduced capacity stays.
    """
    plain = {name: offer(name, facts, energy, prices) for name, energy in energies.items()}
    full = plain.pop(WAIT, None)
    if full is None:
        return list(plain.values())
    found = [full]
    for name, option in plain.items():
        grown = facts.growth_years.get(name, np.inf)
        if grown > facts.years:
            found.append(option)
        elif name in CONTROL and name not in BEHIND_METER:
            found.append(stop_gap(option, full, grown, name=name, contributes=False))
        else:
            found.append(_reinforced_around(option, full, grown))
        if name in CONTROL and stop_gap_years is not None:
            by_itself = grown <= stop_gap_years
            change = min(stop_gap_years, grown)
            found.append(stop_gap(option, full, change, contributes=not by_itself))
    return found


def _reinforced_around(option: Option, full: Option, years: float) -> Option:
    """Return an option that stays as it is while the DNO reinforces for the load around it."""
    return replace(
        option,
        reinforcement_gbp=full.reinforcement_gbp,
        created_kva=full.created_kva,
        reinforced_years=max(years, full.reinforced_years),
        contributes=False,
    )


def energies_of(case: Situation, **given) -> Mapping[str, Energy]:
    """Return the charging under every scheme that a situation allows; options of `by_year`."""
    return by_year(case, possible(case), **given)
