"""What limits by network constraints mean, in sentences computed from the numbers."""

from scchelpers.network.findings.access import newcomer, places, pooled, ways
from scchelpers.network.findings.failures import defiance, latency, silence
from scchelpers.network.findings.measured import answer, loading, months, nothing, view
from scchelpers.network.findings.networks import apart, central, loads, trial
from scchelpers.network.findings.outlook import abnormal, errors, growth, storage
from scchelpers.network.findings.topology import outages

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
