"""Which way a site should connect: one table of options, made once for a network group.

`decided` gives what was decided for a site and keeps it beside the reports; `surroundings` gathers
what sites share, `decide` takes them in order of application, `recommended` is the rule.
"""

from scchelpers.choice.decision import Choice, decide, in_order, recommended
from scchelpers.choice.network import Surroundings, surroundings
from scchelpers.choice.schemes import SCHEMES, Terms
from scchelpers.choice.standing import standing_limit
from scchelpers.choice.store import Group, decided, group

__all__ = [
    "SCHEMES",
    "Choice",
    "Group",
    "Surroundings",
    "Terms",
    "decide",
    "decided",
    "group",
    "in_order",
    "recommended",
    "standing_limit",
    "surroundings",
]
