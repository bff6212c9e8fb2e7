"""Whether a site keeps its registered terms, and whether these still protect the network.

A record that is missing is missing: it never counts as kept.
"""

from scchelpers.compliance.causes import CAUSES, likely_causes
from scchelpers.compliance.protection import (
    ends_in,
    growth_per_year,
    load_at_limit,
    margin_by_year,
    planned_load,
)
from scchelpers.compliance.record import (
    SEVERITIES,
    coverage,
    excursions,
    expected_kwh,
    inspect,
    judge,
    monthly,
    step_h,
    trend,
    verdict,
)
from scchelpers.compliance.review import (
    PRIORITIES,
    inspect_site,
    lacking_records,
    reasons,
    review_day,
    review_json,
    review_portfolio,
    review_text,
)
from scchelpers.compliance.type_test import type_test_sheet

__all__ = [
    "CAUSES",
    "PRIORITIES",
    "SEVERITIES",
    "coverage",
    "ends_in",
    "excursions",
    "expected_kwh",
    "growth_per_year",
    "inspect",
    "inspect_site",
    "judge",
    "lacking_records",
    "likely_causes",
    "load_at_limit",
    "margin_by_year",
    "monthly",
    "planned_load",
    "reasons",
    "review_day",
    "review_json",
    "review_portfolio",
    "review_text",
    "step_h",
    "trend",
    "type_test_sheet",
    "verdict",
]
