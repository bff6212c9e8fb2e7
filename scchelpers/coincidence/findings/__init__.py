"""What the coincidence means, in sentences computed from the measures."""

from scchelpers.coincidence.findings.changes import growth, rebound, shift, uses
from scchelpers.coincidence.findings.meeting import (
    SCHEME_NAMES,
    answer,
    chance,
    clock,
    coverage,
    views,
    when,
)

__all__ = [
    "SCHEME_NAMES",
    "answer",
    "chance",
    "clock",
    "coverage",
    "growth",
    "rebound",
    "shift",
    "uses",
    "views",
    "when",
]
