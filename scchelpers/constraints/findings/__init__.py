"""What limits by network constraints mean, in sentences computed from the numbers."""

from scchelpers.constraints.findings.access import newcomer, places, pooled, ways
from scchelpers.constraints.findings.failures import defiance, latency, silence
from scchelpers.constraints.findings.measured import answer, loading, months, nothing, view
from scchelpers.constraints.findings.networks import apart, central, loads, trial
from scchelpers.constraints.findings.outlook import abnormal, errors, growth, storage
from scchelpers.constraints.findings.topology import outages

__all__ = [
    "abnormal",
    "answer",
    "apart",
    "central",
    "defiance",
    "errors",
    "growth",
    "latency",
    "loading",
    "loads",
    "months",
    "newcomer",
    "nothing",
    "outages",
    "places",
    "pooled",
    "silence",
    "storage",
    "trial",
    "view",
    "ways",
]
