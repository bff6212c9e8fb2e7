"""Timed Capacity Connections: derive a timed limit from network load, prove it and stress it.

A TCC caps a site's charging in set windows of the clock. Here the windows come from a year of
network load by half hour, season and day type; a limit made of them is a limit like any other.
"""

from scchelpers.tcc import findings
from scchelpers.tcc.assessment import (
    FREE_H,
    Basis,
    Seasons,
    Verdict,
    by_window,
    consistency,
    constrained,
    constrained_share,
    firm_capacity,
    requested_capacity,
    verdict,
)
from scchelpers.tcc.breaches import breaches, excess
from scchelpers.tcc.derivation import (
    Cells,
    DayTypes,
    clock_text,
    derive_windows,
    group_months,
    grown,
    half_hourly,
    rating_at,
    windows_of,
)
from scchelpers.tcc.offer import offer_table, spread_table
from scchelpers.tcc.proof import (
    bootstrap,
    cold_winter,
    folds,
    frontier,
    new_load,
    out_of_sample,
    reverse_flow,
)
from scchelpers.tcc.stress import last_year, protection
from scchelpers.tcc.study import Study, study
from scchelpers.tcc.trials import Proof, Stress, prove, reversed_flow, stress
from scchelpers.tcc.windows import limit, limit_kva, window_faults, window_hours

__all__ = [
    "FREE_H",
    "Basis",
    "Cells",
    "DayTypes",
    "Proof",
    "Seasons",
    "Stress",
    "Study",
    "Verdict",
    "bootstrap",
    "breaches",
    "by_window",
    "clock_text",
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
    "grown",
    "half_hourly",
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
