"""What each way to connect is worth, at the prices of the business case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from scchelpers import business
from scchelpers.business.energy import Energy
from scchelpers.business.facts import Facts, margin_of, mix_of
from scchelpers.business.offers import offer as option_of
from scchelpers.business.regime import Regime
from scchelpers.choice import schemes
from scchelpers.choice.case import Case

COLUMNS = ("ready_years", "customer_gbp", "dno_gbp", "gb_gbp")


def values(
    case: Case,
    options: pd.DataFrame,
    kinds: Mapping[str, str],
    prices: business.Prices,
    *,
    years: int,
    regime: Regime = "since-2023",
) -> pd.DataFrame:
    """Return the time to connect and the net present value of each scheme that is possible.

    Parameters
    ----------
    case : Case
        The site.
    options : pandas.DataFrame
        From `outcomes`.
    kinds : mapping of str to str
        Kind of each asset, for the price of reinforcing it.
    prices : Prices
        Price table.
    years : int
        Horizon.
    regime : {"since-2023", "before-2023"}
        Charging regime.

    Returns
    -------
    pandas.DataFrame
        By scheme: ready_years until chargepoints work; customer_gbp, dno_gbp, gb_gbp, net present
        values [£]. Without sessions, empty.

    Notes
    -----
    Every year is like the one on record: growth, ranges and break-evens are the matter of
    `07_business_case`.
    """
    possible = options[options["possible"].astype(bool) & options["wanted_kwh"].notna()]
    if possible.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    facts = Facts(
        years,
        case.requested_kva,
        float(case.dsc_kva or 0.0),
        short_of(case, kinds),
        mix_of(case),
        0.0 if case.residual_kw is None else float(np.nanmean(case.residual_kw)),
        less_kva=float(np.nan_to_num(case.firm_kva)),
        rated_kw=float(case.site.chargepoints["rated_kw"].sum()),
    )
    found = []
    for name, row in possible.iterrows():
        served_kwh = row["wanted_kwh"] - row["unserved_kwh"]
        yearly = (row["wanted_kwh"], row["unserved_kwh"], served_kwh / 8760, 0.0)
        energy = Energy(*(np.full(years, value) for value in yearly))
        found.append(_option(name, case, facts, energy, prices))
    margin = margin_of(facts.mix, prices)
    return business.compare(found, prices, margin=margin, regime=regime)[list(COLUMNS)]


def _option(name: str, case: Case, facts: Facts, energy: Energy, prices: business.Prices):
    """Return a scheme as an option; a limit of a supply that is yet to come needs that supply."""
    if name != schemes.STATIC or case.dsc_kva:
        return option_of(name, facts, energy, prices)
    less = option_of(schemes.REDUCED, facts, energy, prices)
    return replace(less, name=name, equipment_gbp=prices["static_equipment"])


def short_of(case: Case, kinds: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """Return kind and shortfall [kVA] of what would have to be reinforced.

    Without a network on record, one new substation is assumed.
    """
    if case.network is None:
        return (("transformer", 1.0),)
    lacking = []
    for name in case.stressed:
        firm_kva = case.network.watching([name]).firm_kva(case.terms.tolerated_h)
        lacking.append((kinds.get(name, "transformer"), case.requested_kva - firm_kva))
    return tuple(lacking)
