"""LMC and CMC: network constraints as limits, and the order of access to them.

`allocate` shares headroom under LIFO, pro-rata or priority. `locally_managed` and `tree_managed`
put sites and their assets together as a `Group`, `limits` turns it into setpoints, `views` measures
them. `Model` does the same on an AC network model, `with_open` with a branch of it open.
"""

from scchelpers.network import cmc, failsafe
from scchelpers.network.allocation import allocate, remaining
from scchelpers.network.cmc import (
    TOLERANCE,
    Intervals,
    Model,
    area,
    centrally_managed,
    usable_model,
)
from scchelpers.network.control import (
    PERFECT,
    Control,
    as_measured,
    finer,
    headroom_kva,
    setpoints,
)
from scchelpers.network.failsafe import FailSafe, intact
from scchelpers.network.group import (
    Group,
    added_by_last,
    applicants,
    charge,
    lacking,
    limits,
    locally_managed,
    operators,
    overload,
    pooled,
    related,
    seen_by,
    stack,
    tree_managed,
    unserved_kwh,
    upstream,
    views,
)
from scchelpers.network.outages import NORMAL, heaviest, running, with_each_open, with_open
from scchelpers.network.parallel import assigned, at_work, in_parallel
from scchelpers.network.storage import backfill
from scchelpers.network.topology import branches, opened, specified_kva

__all__ = [
    "NORMAL",
    "PERFECT",
    "TOLERANCE",
    "Control",
    "FailSafe",
    "Group",
    "Intervals",
    "Model",
    "added_by_last",
    "allocate",
    "applicants",
    "area",
    "as_measured",
    "assigned",
    "at_work",
    "backfill",
    "branches",
    "centrally_managed",
    "charge",
    "cmc",
    "failsafe",
    "finer",
    "headroom_kva",
    "heaviest",
    "in_parallel",
    "intact",
    "lacking",
    "limits",
    "locally_managed",
    "opened",
    "operators",
    "overload",
    "pooled",
    "related",
    "remaining",
    "running",
    "seen_by",
    "setpoints",
    "specified_kva",
    "stack",
    "tree_managed",
    "unserved_kwh",
    "upstream",
    "usable_model",
    "views",
    "with_each_open",
    "with_open",
]
