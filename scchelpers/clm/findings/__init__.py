"""What the measures of customer load management mean, in sentences computed from them."""

from scchelpers.clm.findings import compliance, erosion, failsafe, steps, volatility
from scchelpers.clm.findings.advice import (
    answer,
    costs_set,
    options_set,
    reach,
    recommendation,
)
from scchelpers.clm.findings.fixed import (
    capacity,
    mixed,
    on_record,
    rows_set,
    static,
    whole_current,
)
from scchelpers.clm.findings.moving import (
    frontier,
    granularity,
    load,
    loops,
    loops_set,
    nothing,
    on_demand,
    premium,
    span,
)

__all__ = [
    "answer",
    "capacity",
    "compliance",
    "costs_set",
    "erosion",
    "failsafe",
    "frontier",
    "granularity",
    "load",
    "loops",
    "loops_set",
    "mixed",
    "nothing",
    "on_demand",
    "on_record",
    "options_set",
    "premium",
    "reach",
    "recommendation",
    "rows_set",
    "span",
    "static",
    "steps",
    "volatility",
    "whole_current",
]
