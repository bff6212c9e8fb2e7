"""Customer load management: what a static or dynamic limit gives, costs and risks.

A static limit is a fixed cap of the chargepoints. A dynamic limit is the declared supply capacity
(DSC) less the site's other load as its controller believes it to be, less a margin. An excursion is
an import above the DSC that charging causes.
"""

from scchelpers.clm import findings
from scchelpers.clm.capacity import WHOLE_CURRENT_KVA, Capacity, capacity_of
from scchelpers.clm.control import Controller, step_of, usable_load
from scchelpers.clm.excursions import (
    excursions,
    half_hours_kva,
    site_import,
    uncovered_h,
)
from scchelpers.clm.frontier import LATENCIES, frontier, premium, required_margin
from scchelpers.clm.granularity import coarsened, granularity, hidden, inside_half_hours
from scchelpers.clm.limits import dynamic_limit, static_limit
from scchelpers.clm.loops import compare_loops, usual_loops
from scchelpers.clm.recommendation import options, reach, recommend, study_of
from scchelpers.clm.service import Customers
from scchelpers.clm.static import (
    dc_evses,
    limits_to_sweep,
    managed_options,
    smallest_limit,
    static_sweep,
)
from scchelpers.clm.study import Study, Terms, drawn_kw

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
