"""What a business case says, in sentences computed from its numbers."""

from scchelpers.business.findings.answer import NOTHING, answer, assumed, both_views, nothing
from scchelpers.business.findings.evidence import (
    break_evens_set,
    excess,
    often,
    options_set,
    prices_set,
    regimes,
    regret_set,
    regretted,
    stop_gap,
    surely,
    turning,
    unverified,
    values_set,
    worsening,
)

__all__ = [
    "NOTHING",
    "answer",
    "assumed",
    "both_views",
    "break_evens_set",
    "excess",
    "nothing",
    "often",
    "options_set",
    "prices_set",
    "regimes",
    "regret_set",
    "regretted",
    "stop_gap",
    "surely",
    "turning",
    "unverified",
    "values_set",
    "worsening",
]
