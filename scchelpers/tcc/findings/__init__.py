"""What the analysis of a TCC means, in sentences computed from it."""

from scchelpers.tcc.findings.customer import costs, opt_out, rebound
from scchelpers.tcc.findings.derived import answer, asked, by_data, samples, steadiness, suitability
from scchelpers.tcc.findings.profiled import profiled as day_ahead
from scchelpers.tcc.findings.tested import (
    clock,
    cold,
    exported,
    frontier,
    growth,
    no_hot_spot,
    nothing_to_prove,
    proof,
    proof_table,
    reverse,
)
from scchelpers.tcc.findings.thermal import two_views as hot_spot

__all__ = [
    "answer",
    "asked",
    "by_data",
    "clock",
    "cold",
    "costs",
    "day_ahead",
    "exported",
    "frontier",
    "growth",
    "hot_spot",
    "no_hot_spot",
    "nothing_to_prove",
    "opt_out",
    "proof",
    "proof_table",
    "rebound",
    "reverse",
    "samples",
    "steadiness",
    "suitability",
]
