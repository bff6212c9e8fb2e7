"""The charging engine: a site's sessions under any limit.

`simulate` charges one site, `simulate_sites` many at once, `uncontrolled` says what would be drawn
without a limit. The engine knows no scheme: a scheme is a limit.
"""

from scchelpers.charging.engine import (
    Chargers,
    ChargingResult,
    simulate,
    simulate_sites,
    uncontrolled,
)
from scchelpers.charging.limits import Groups, by_phase, by_unit
from scchelpers.charging.sessions import compile_sessions

__all__ = [
    "Chargers",
    "ChargingResult",
    "Groups",
    "by_phase",
    "by_unit",
    "compile_sessions",
    "simulate",
    "simulate_sites",
    "uncontrolled",
]
