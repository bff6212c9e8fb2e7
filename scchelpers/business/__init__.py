"""The business case: a smart connection now or reinforcement later, valued option by option.

A way to connect is an `Option`: times, capital and energy by year, whatever the scheme. Prices are
a table (`Prices`). `cash_flows` says who pays and earns what, when; `npv` values it in one view.
`situated` and `modelled` make the options of a site, and `Model` values them at any prices.
"""

from scchelpers.business.futures import CLOSE, headline, worth, yardstick
from scchelpers.business.ledger import (
    VIEWS,
    Option,
    capacity_gbp,
    cash_flows,
    compare,
    contribution,
    entries,
    margin_of,
    npv,
    value_of,
)
from scchelpers.business.model import (
    CENTRAL,
    HIGH,
    LOW,
    Model,
    bearable_share,
    break_even,
    modelled,
    monte_carlo,
)
from scchelpers.business.prices import PRICE_YEAR, Price, Prices, areas
from scchelpers.business.situation import (
    Asset,
    Situation,
    mix_of,
    offer,
    priced_as,
    promised_kva,
    situated,
)

__all__ = [
    "CENTRAL",
    "CLOSE",
    "HIGH",
    "LOW",
    "PRICE_YEAR",
    "VIEWS",
    "Asset",
    "Model",
    "Option",
    "Price",
    "Prices",
    "Situation",
    "areas",
    "bearable_share",
    "break_even",
    "capacity_gbp",
    "cash_flows",
    "compare",
    "contribution",
    "entries",
    "headline",
    "margin_of",
    "mix_of",
    "modelled",
    "monte_carlo",
    "npv",
    "offer",
    "priced_as",
    "promised_kva",
    "situated",
    "value_of",
    "worth",
    "yardstick",
]
