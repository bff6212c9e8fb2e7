"""The charging engine: a site's sessions under any limit.

`simulate` charges one site, `simulate_sites` many at once, `uncontrolled` says what would be drawn
without a limit. The engine knows no scheme: a scheme is a limit.
"""

from scchelpers.charging.chargers import Chargers
from scchelpers.charging.demand import uncontrolled
from scchelpers.charging.engine import simulate
from scchelpers.charging.groups import Groups, by_phase, by_unit
from scchelpers.charging.result import ChargingResult
from scchelpers.charging.sites import simulate_sites

__all__ = [
    "Chargers",
    "ChargingResult",
    "Groups",
    "by_phase",
    "by_unit",
    "simulate",
    "simulate_sites",
    "uncontrolled",
]
