"""Figures of limits by network constraints."""

from scchelpers.figures.network.access import places, ways
from scchelpers.figures.network.networks import branches, trial
from scchelpers.figures.network.outlook import abnormal, growth
from scchelpers.figures.network.restriction import months, when
from scchelpers.figures.network.topology import outages

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
