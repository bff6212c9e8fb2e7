"""Coincidence: whether a limit restricts when drivers charge, and whether more than by chance.

The DNO's analysis looks at the limit alone; the customer's decision hangs on how the limit and the
charging meet (report section 8.2). `study` charges a site's sessions with and without a limit; the
rest asks when the two meet, whether more than chance would have it, and what would change it.
"""

from scchelpers.coincidence import findings
from scchelpers.coincidence.blocks import Blocks, blocks, cut
from scchelpers.coincidence.case import Case, charge, inside, limit_on, study
from scchelpers.coincidence.chance import pairs, permuted, tests, turned
from scchelpers.coincidence.pattern import pattern
from scchelpers.coincidence.scenarios import under_growth, under_shift
from scchelpers.coincidence.schemes import (
    NEEDS_NETWORK,
    SCHEMES,
    Capacity,
    capacity,
    limit_of,
    scheme_for,
    transferred,
)
from scchelpers.coincidence.tabulated import (
    chance_table,
    growth_table,
    pattern_table,
    rebound_table,
    side_by_side,
    uses_table,
)
from scchelpers.coincidence.uses import USES, compare_uses, sites_of_uses, use_of

__all__ = [
    "NEEDS_NETWORK",
    "SCHEMES",
    "USES",
    "Blocks",
    "Capacity",
    "Case",
    "blocks",
    "capacity",
    "chance_table",
    "charge",
    "compare_uses",
    "cut",
    "findings",
    "growth_table",
    "inside",
    "limit_of",
    "limit_on",
    "pairs",
    "pattern",
    "pattern_table",
    "permuted",
    "rebound_table",
    "scheme_for",
    "side_by_side",
    "sites_of_uses",
    "study",
    "tests",
    "transferred",
    "turned",
    "under_growth",
    "under_shift",
    "use_of",
    "uses_table",
]
