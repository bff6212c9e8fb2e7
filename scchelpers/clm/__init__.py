"""Customer load management: what a static or dynamic limit gives, costs and risks.

A static limit is a fixed cap of the chargepoints. A dynamic limit is the declared supply capacity
(DSC) less the site's other load as its controller believes it to be, less a margin. An excursion is
an import above the DSC that charging causes.
"""

from scchelpers.clm.compliance import meets_g100
from scchelpers.clm.control import (
    ANSWERS,
    WHOLE_CURRENT_KVA,
    Controller,
    dynamic_limit,
    outages,
    step_of,
    usable_load,
    with_outages,
)
from scchelpers.clm.customers import (
    Customers,
    drawn_kw,
    excess_days,
    managed_options,
    smallest_limit,
    ways_to_connect,
    yearly,
)
from scchelpers.clm.response import (
    LATENCIES,
    excursions,
    frontier,
    granularity,
    half_hours_kva,
    premium,
    required_margin,
    site_import,
)

__all__ = [
    "ANSWERS",
    "LATENCIES",
    "WHOLE_CURRENT_KVA",
    "Controller",
    "Customers",
    "drawn_kw",
    "dynamic_limit",
    "excess_days",
    "excursions",
    "frontier",
    "granularity",
    "half_hours_kva",
    "managed_options",
    "meets_g100",
    "outages",
    "premium",
    "required_margin",
    "site_import",
    "smallest_limit",
    "step_of",
    "usable_load",
    "ways_to_connect",
    "with_outages",
    "yearly",
]
