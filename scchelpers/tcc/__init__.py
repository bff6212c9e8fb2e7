"""Timed Capacity Connections: derive a timed limit from network load, prove it and stress it.

A TCC caps a site's charging in set windows of the clock. Here the windows come from a year of
network load by half hour, season and day type; a limit made of them is a limit like any other.
"""

from scchelpers.tcc import profiled, thermal, windows
from scchelpers.tcc.assessment import (
    FREE_H,
    Basis,
    Seasons,
    Study,
    Verdict,
    by_window,
    consistency,
    constrained,
    firm_capacity,
    requested_capacity,
    study,
    verdict,
)
from scchelpers.tcc.customer import opt_out
from scchelpers.tcc.derivation import (
    Cells,
    DayTypes,
    clock_text,
    derive_windows,
    group_months,
    grown,
    half_hourly,
    rating_at,
    windows_in,
    windows_of,
)
from scchelpers.tcc.proof import (
    bootstrap,
    breaches,
    excess,
    last_year,
    out_of_sample,
    protection,
    unseen_limit_kva,
)
from scchelpers.tcc.windows import limit, limit_kva

__all__ = [
    "FREE_H",
    "Basis",
    "Cells",
    "DayTypes",
    "Seasons",
    "Study",
    "Verdict",
    "bootstrap",
    "breaches",
    "by_window",
    "clock_text",
    "consistency",
    "constrained",
    "derive_windows",
    "excess",
    "firm_capacity",
    "group_months",
    "grown",
    "half_hourly",
    "last_year",
    "limit",
    "limit_kva",
    "opt_out",
    "out_of_sample",
    "profiled",
    "protection",
    "rating_at",
    "requested_capacity",
    "study",
    "thermal",
    "unseen_limit_kva",
    "verdict",
    "windows",
    "windows_in",
    "windows_of",
]
