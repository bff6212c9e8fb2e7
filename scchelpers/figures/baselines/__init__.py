"""Figures of flexibility baselines."""

from scchelpers.figures.baselines.judged import forecast, league, reliability
from scchelpers.figures.baselines.pooled import erosion, pooling
from scchelpers.figures.baselines.sold import by_hour, offers

__all__ = ["by_hour", "erosion", "forecast", "league", "offers", "pooling", "reliability"]
