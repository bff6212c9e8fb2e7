"""Which scheme a site should take: the least complex that serves it and spares the network.

`surroundings` gathers what a site shares, `decide` takes the sites in order of application and
finds the minimum viable scheme of each, `situations` holds the table of network situations that
says what to expect, `conditions` what the report asks for, `values` what each scheme is worth.
"""

from scchelpers.choice import findings, schemes, situations, tabulated
from scchelpers.choice.decision import (
    Choice,
    Outcomes,
    decide,
    in_order,
    minimum_viable,
    need,
    outcomes,
    values,
)
from scchelpers.choice.network import Network, Surroundings, surroundings
from scchelpers.choice.schemes import SCHEMES, Case, Terms
from scchelpers.choice.situations import conditions

__all__ = [
    "SCHEMES",
    "Case",
    "Choice",
    "Network",
    "Outcomes",
    "Surroundings",
    "Terms",
    "conditions",
    "decide",
    "findings",
    "in_order",
    "minimum_viable",
    "need",
    "outcomes",
    "schemes",
    "situations",
    "surroundings",
    "tabulated",
    "values",
]
