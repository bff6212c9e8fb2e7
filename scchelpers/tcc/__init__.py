"""Timed Capacity Connections: derive a timed limit from network load, prove it and stress it.

A TCC caps a site's charging in set windows of the clock. Here the windows come from a year of
network load by half hour, season and day type; a limit made of them is a limit like any other.
"""

from scchelpers.tcc import profiled, thermal, windows
from scchelpers.tcc.assessment import (
    Basis,
    Seasons,
    Study,
    Verdict,
    by_window,
    consistency,
    constrained,
    requested_capacity,
    study,
    verdict,
)
from scchelpers.tcc.customer import opt_out
from scchelpers.tcc.derivation import (
    DayTypes,
    days_left_out,
    derive_windows,
    group_months,
    grown,
    half_hourly,
    rating_at,
    windows_in,
)
from scchelpers.tcc.proof import breaches, excess, unseen_limit_kva
from scchelpers.tcc.windows import limit, limit_kva

__all__ = [
    "Basis",
    "DayTypes",
    "Seasons",
    "Study",
    "Verdict",
    "breaches",
    "by_window",
    "consistency",
    "constrained",
    "days_left_out",
    "derive_windows",
    "excess",
    "group_months",
    "grown",
    "half_hourly",
    "limit",
    "limit_kva",
    "opt_out",
    "profiled",
    "rating_at",
    "requested_capacity",
    "study",
    "thermal",
    "unseen_limit_kva",
    "verdict",
    "windows",
    "windows_in",
]
