"""Figures of Timed Capacity Connections."""

from scchelpers.figures.tcc.customer import rebound
from scchelpers.figures.tcc.headroom import consistency, windows
from scchelpers.figures.tcc.profiled import profiled as day_ahead
from scchelpers.figures.tcc.tested import frontier, growth
from scchelpers.figures.tcc.thermal import two_views as hot_spot

__all__ = ["consistency", "day_ahead", "frontier", "growth", "hot_spot", "rebound", "windows"]
