"""LMC and CMC: network constraints as limits, and the order of access to them.

`allocate` shares headroom under LIFO, pro-rata or priority. `locally_managed` and `tree_managed`
put sites and their assets together as a `Study`, `limits` turns it into setpoints, `views` measures
them. `cmc` does the same on an AC network model.
"""

from scchelpers.constraints import cmc, failsafe, findings, tabulated
from scchelpers.constraints.abnormal import by_start, growth, limit_errors, running
from scchelpers.constraints.access import newcomer, places, pooled, ways
from scchelpers.constraints.allocation import allocate, remaining, unresolved
from scchelpers.constraints.failsafe import FailSafe
from scchelpers.constraints.headroom import apparent_kva, headroom_kva, headroom_kw
from scchelpers.constraints.managed import limits, share
from scchelpers.constraints.measured import by_hour_and_month, monthly, overload, views
from scchelpers.constraints.network import branches, opened, specified_kva
from scchelpers.constraints.outages import (
    cost_of_defiance,
    cost_of_silence,
    intact,
    late_signals,
)
from scchelpers.constraints.parallel import assigned, trial
from scchelpers.constraints.setpoint import PERFECT, Control, as_measured, setpoints
from scchelpers.constraints.stack import applicants, lacking, related, upstream
from scchelpers.constraints.storage import backfill, sizes
from scchelpers.constraints.study import Study, charge, locally_managed, tree_managed

__all__ = [
    "PERFECT",
    "Control",
    "FailSafe",
    "Study",
    "allocate",
    "apparent_kva",
    "applicants",
    "as_measured",
    "assigned",
    "backfill",
    "branches",
    "by_hour_and_month",
    "by_start",
    "charge",
    "cmc",
    "cost_of_defiance",
    "cost_of_silence",
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
    "locally_managed",
    "monthly",
    "newcomer",
    "opened",
    "overload",
    "places",
    "pooled",
    "related",
    "remaining",
    "running",
    "setpoints",
    "share",
    "sizes",
    "specified_kva",
    "tabulated",
    "tree_managed",
    "trial",
    "unresolved",
    "upstream",
    "views",
    "ways",
]
