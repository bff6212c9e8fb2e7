"""Whether a site keeps its registered terms, and whether these still protect the network.

`study` judges one site, `review` a portfolio, `sheet` a controller by its commissioning log. A
record that is missing is missing: it never counts as kept.
"""

from scchelpers.compliance import findings
from scchelpers.compliance.causes import CAUSES, Cause, causes
from scchelpers.compliance.encroachment import Encroachment, encroachment, measured_growth
from scchelpers.compliance.judged import Judged, counts, coverage, excursions, judge
from scchelpers.compliance.meters import Meter, expected_kwh, inspect
from scchelpers.compliance.months import monthly, trend
from scchelpers.compliance.review import (
    PRIORITIES,
    as_json,
    last_record,
    of_portfolio,
    priority,
    review,
    review_day,
    studies,
    text,
)
from scchelpers.compliance.study import Study, study
from scchelpers.compliance.type_test import sheet

__all__ = [
    "CAUSES",
    "PRIORITIES",
    "Cause",
    "Encroachment",
    "Judged",
    "Meter",
    "Study",
    "as_json",
    "causes",
    "counts",
    "coverage",
    "encroachment",
    "excursions",
    "expected_kwh",
    "findings",
    "inspect",
    "judge",
    "last_record",
    "measured_growth",
    "monthly",
    "of_portfolio",
    "priority",
    "review",
    "review_day",
    "sheet",
    "studies",
    "study",
    "text",
    "trend",
]
