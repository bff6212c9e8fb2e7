"""Customer load management: what a static or dynamic limit gives, costs and risks.

A static limit is a fixed cap of the chargepoints. A dynamic limit is the declared supply capacity
(DSC) less the site's other load as its controller believes it to be, less a margin. An excursion is
an import above the DSC that charging causes.
"""

from scchelpers.clm import findings
from scchelpers.clm.control import (
    WHOLE_CURRENT_KVA,
    Capacity,
    Controller,
    capacity_of,
    dynamic_limit,
    static_limit,
    step_of,
    usable_load,
)
from scchelpers.clm.customers import (
    Customers,
    Study,
    Terms,
    dc_evses,
    drawn_kw,
    limits_to_sweep,
    managed_options,
    options,
    reach,
    recommend,
    smallest_limit,
    static_sweep,
    study_of,
)
from scchelpers.clm.response import (
    LATENCIES,
    coarsened,
    compare_loops,
    excursions,
    frontier,
    granularity,
    half_hours_kva,
    hidden,
    inside_half_hours,
    premium,
    required_margin,
    site_import,
    uncovered_h,
    usual_loops,
)

__all__ = [
    "LATENCIES",
    "WHOLE_CURRENT_KVA",
    "Capacity",
    "Controller",
    "Customers",
    "Study",
    "Terms",
    "capacity_of",
    "coarsened",
    "compare_loops",
    "dc_evses",
    "drawn_kw",
    "dynamic_limit",
    "excursions",
    "findings",
    "frontier",
    "granularity",
    "half_hours_kva",
    "hidden",
    "inside_half_hours",
    "limits_to_sweep",
    "managed_options",
    "options",
    "premium",
    "reach",
    "recommend",
    "required_margin",
    "site_import",
    "smallest_limit",
    "static_limit",
    "static_sweep",
    "step_of",
    "study_of",
    "uncovered_h",
    "usable_load",
    "usual_loops",
]
