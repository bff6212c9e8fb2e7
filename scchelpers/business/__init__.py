"""The business case: a smart connection now or reinforcement later, valued option by option.

A way to connect is an `Option`: times, capital and energy by year, whatever the scheme. Prices are
a table (`Prices`). `cash_flows` says who pays and earns what, when; `npv` values it in one view.
`situated` and `modelled` make the options of a site, and `Model` values them at any prices.
"""

from scchelpers.business.futures import headline, worth, yardstick
from scchelpers.business.ledger import (
    VIEWS,
    Option,
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
from scchelpers.business.prices import Price, Prices
from scchelpers.business.situation import (
    Asset,
    Situation,
    mix_of,
    offer,
    priced_as,
    promised_kva,
    situated,
    unmanaged_excess,
)

__all__ = [
    "CENTRAL",
    "HIGH",
    "LOW",
    "VIEWS",
    "Asset",
    "Model",
    "Option",
    "Price",
    "Prices",
    "Situation",
    "bearable_share",
    "break_even",
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
    "unmanaged_excess",
    "value_of",
    "worth",
    "yardstick",
]
