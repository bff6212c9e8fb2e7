"""Timed Capacity Connections: derive a timed limit from network load, prove it and stress it.

A TCC caps a site's charging in set windows of the clock. Here the windows come from a year of
network load by half hour, season and day type; a limit made of them is a limit like any other.
"""

from scchelpers.tcc import findings
from scchelpers.tcc.breaches import bootstrap, breaches, excess
from scchelpers.tcc.cells import Cells
from scchelpers.tcc.constraint import by_window, consistency, constrained, constrained_share
from scchelpers.tcc.derivation import derive_windows, windows_of
from scchelpers.tcc.offer import offer_table, spread_table
from scchelpers.tcc.proof import folds, frontier, out_of_sample
from scchelpers.tcc.ratings import rating_at
from scchelpers.tcc.request import requested_capacity
from scchelpers.tcc.rules import window_faults
from scchelpers.tcc.seasons import group_months
from scchelpers.tcc.stress import cold_winter, last_year, new_load, protection, reverse_flow
from scchelpers.tcc.study import Study, study
from scchelpers.tcc.suitability import Verdict, firm_capacity, verdict
from scchelpers.tcc.trials import Proof, Stress, prove, reversed_flow, stress
from scchelpers.tcc.windows import limit, limit_kva, window_hours

__all__ = [
    "Cells",
    "Proof",
    "Stress",
    "Study",
    "Verdict",
    "bootstrap",
    "breaches",
    "by_window",
    "cold_winter",
    "consistency",
    "constrained",
    "constrained_share",
    "derive_windows",
    "excess",
    "findings",
    "firm_capacity",
    "folds",
    "frontier",
    "group_months",
    "last_year",
    "limit",
    "limit_kva",
    "new_load",
    "offer_table",
    "out_of_sample",
    "protection",
    "prove",
    "rating_at",
    "requested_capacity",
    "reverse_flow",
    "reversed_flow",
    "spread_table",
    "stress",
    "study",
    "verdict",
    "window_faults",
    "window_hours",
    "windows_of",
]
