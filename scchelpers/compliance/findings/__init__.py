"""Sentences computed from what the check of a site found."""

from scchelpers.compliance.findings.network import growth, protection
from scchelpers.compliance.findings.site import (
    answer,
    cause_table,
    causes,
    covered,
    excursion_table,
    history_table,
    meter,
    reasons,
    severity_table,
    terms,
    trend,
)
from scchelpers.compliance.findings.tested import sheet_table, tested

__all__ = [
    "answer",
    "cause_table",
    "causes",
    "covered",
    "excursion_table",
    "growth",
    "history_table",
    "meter",
    "protection",
    "reasons",
    "severity_table",
    "sheet_table",
    "terms",
    "tested",
    "trend",
]
