"""Figures of limits by network constraints."""

from scchelpers.figures.constraints.access import places, ways
from scchelpers.figures.constraints.networks import branches, trial
from scchelpers.figures.constraints.outlook import abnormal, growth
from scchelpers.figures.constraints.restriction import months, when
from scchelpers.figures.constraints.topology import outages

__all__ = [
    "abnormal",
    "branches",
    "growth",
    "months",
    "outages",
    "places",
    "trial",
    "ways",
    "when",
]
