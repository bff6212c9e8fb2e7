"""Which scheme a site should take: the least complex that serves it and spares the network.

`surroundings` gathers what a site shares, `decide` takes the sites in order of application and
finds the minimum viable scheme of each, `situations` holds the table of network situations that
says what to expect and what the Charge Project report asks for, `ways` prices each scheme.
"""

from scchelpers.choice import schemes
from scchelpers.choice.decision import (
    Choice,
    decide,
    decided,
    in_order,
    minimum_viable,
    need,
    ways,
)
from scchelpers.choice.network import Surroundings, surroundings
from scchelpers.choice.schemes import SCHEMES, Terms
from scchelpers.choice.situations import TABLE, conditions, row_of, situation_of

__all__ = [
    "SCHEMES",
    "TABLE",
    "Choice",
    "Surroundings",
    "Terms",
    "conditions",
    "decide",
    "decided",
    "in_order",
    "minimum_viable",
    "need",
    "row_of",
    "schemes",
    "situation_of",
    "surroundings",
    "ways",
]
