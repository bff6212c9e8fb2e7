"""What limits by network constraints mean, in sentences computed from the numbers."""

from scchelpers.constraints.findings.access import newcomer, places, pooled, ways
from scchelpers.constraints.findings.failures import defiance, latency, silence
from scchelpers.constraints.findings.measured import answer, loading, months, nothing, view
from scchelpers.constraints.findings.networks import central, trial
from scchelpers.constraints.findings.outlook import abnormal, errors, growth, storage

__all__ = [
    "abnormal",
    "answer",
    "central",
    "defiance",
    "errors",
    "growth",
    "latency",
    "loading",
    "months",
    "newcomer",
    "nothing",
    "places",
    "pooled",
    "silence",
    "storage",
    "trial",
    "view",
    "ways",
]
