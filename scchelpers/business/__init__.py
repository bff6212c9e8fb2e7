"""The business case: a smart connection now or reinforcement later, valued option by option.

A way to connect is an `Option`: times, capital and energy by year, whatever the scheme. Prices are
a table (`Prices`). `cash_flows` says who pays and earns what, when; `npv` values it in one view.
`situated` and `modelled` make the options of a site, and `Model` values them at any prices.
"""

from scchelpers.business import findings
from scchelpers.business.breakeven import bearable_share, break_even, break_evens, stop_gaps
from scchelpers.business.catalogue import Price
from scchelpers.business.comparison import bridge, compare
from scchelpers.business.discounting import annuity, deferral, factor, social_factor
from scchelpers.business.energy import Energy, by_year, unmanaged_excess
from scchelpers.business.facts import Facts, facts_of, margin_of
from scchelpers.business.futures import FUTURES, Future, least_regretted, outcomes, regret
from scchelpers.business.ledger import ITEMS, VIEWS, cash_flows, entries, npv, value_of
from scchelpers.business.model import Model, modelled
from scchelpers.business.offers import offer, offers, reinforcement
from scchelpers.business.option import Option, stop_gap
from scchelpers.business.prices import Prices
from scchelpers.business.regime import REGIMES, contribution
from scchelpers.business.schemes import SCHEMES, possible
from scchelpers.business.situation import Asset, Situation, promised_kva, situated
from scchelpers.business.uncertainty import chances, monte_carlo, tornado

__all__ = [
    "FUTURES",
    "ITEMS",
    "REGIMES",
    "SCHEMES",
    "VIEWS",
    "Asset",
    "Energy",
    "Facts",
    "Future",
    "Model",
    "Option",
    "Price",
    "Prices",
    "Situation",
    "annuity",
    "bearable_share",
    "break_even",
    "break_evens",
    "bridge",
    "by_year",
    "cash_flows",
    "chances",
    "compare",
    "contribution",
    "deferral",
    "entries",
    "factor",
    "facts_of",
    "findings",
    "least_regretted",
    "margin_of",
    "modelled",
    "monte_carlo",
    "npv",
    "offer",
    "offers",
    "outcomes",
    "possible",
    "promised_kva",
    "regret",
    "reinforcement",
    "situated",
    "social_factor",
    "stop_gap",
    "stop_gaps",
    "tornado",
    "unmanaged_excess",
    "value_of",
]
