"""Figures of customer load management."""

from scchelpers.figures.clm import compliance, erosion, failsafe, steps, volatility
from scchelpers.figures.clm.fixed import static
from scchelpers.figures.clm.moving import day, frontier, granularity, premium

__all__ = [
    "compliance",
    "day",
    "erosion",
    "failsafe",
    "frontier",
    "granularity",
    "premium",
    "static",
    "steps",
    "volatility",
]
