"""LMC and CMC: network constraints as limits, and the order of access to them.

`allocate` shares headroom under LIFO, pro-rata or priority. `locally_managed` and `tree_managed`
put sites and their assets together as a `Study`, `limits` turns it into setpoints, `views` measures
them. `cmc` does the same on an AC network model, `with_open` with a branch of it open.
"""

from scchelpers.network import cmc, failsafe, findings, tabulated, topology
from scchelpers.network.abnormal import by_start, growth, limit_errors, running
from scchelpers.network.access import newcomer, operators, places, pooled, ways
from scchelpers.network.allocation import allocate, remaining, unresolved
from scchelpers.network.comparison import LMC_TO_CMC, binding, excess, lmc_to_cmc, overloads
from scchelpers.network.failsafe import FailSafe
from scchelpers.network.headroom import apparent_kva, headroom_kva, headroom_kw
from scchelpers.network.managed import limits, share
from scchelpers.network.measured import by_hour_and_month, monthly, overload, views
from scchelpers.network.model import Model
from scchelpers.network.outages import (
    cost_of_defiance,
    cost_of_silence,
    intact,
    late_signals,
)
from scchelpers.network.parallel import assigned, trial
from scchelpers.network.parts import branches, opened, specified_kva
from scchelpers.network.records import base_loads, rating_factor
from scchelpers.network.setpoint import PERFECT, Control, as_measured, setpoints
from scchelpers.network.stack import applicants, lacking, related, upstream
from scchelpers.network.storage import backfill, sizes
from scchelpers.network.study import Study, charge, locally_managed, tree_managed
from scchelpers.network.topology import extremes, with_each_open, with_open

__all__ = [
    "LMC_TO_CMC",
    "PERFECT",
    "Control",
    "FailSafe",
    "Model",
    "Study",
    "allocate",
    "apparent_kva",
    "applicants",
    "as_measured",
    "assigned",
    "backfill",
    "base_loads",
    "binding",
    "branches",
    "by_hour_and_month",
    "by_start",
    "charge",
    "cmc",
    "cost_of_defiance",
    "cost_of_silence",
    "excess",
    "extremes",
    "failsafe",
    "findings",
    "growth",
    "headroom_kva",
    "headroom_kw",
    "intact",
    "lacking",
    "late_signals",
    "limit_errors",
    "limits",
    "lmc_to_cmc",
    "locally_managed",
    "monthly",
    "newcomer",
    "opened",
    "operators",
    "overload",
    "overloads",
    "places",
    "pooled",
    "rating_factor",
    "related",
    "remaining",
    "running",
    "setpoints",
    "share",
    "sizes",
    "specified_kva",
    "tabulated",
    "topology",
    "tree_managed",
    "trial",
    "unresolved",
    "upstream",
    "views",
    "ways",
    "with_each_open",
    "with_open",
]
