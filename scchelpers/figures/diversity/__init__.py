"""Figures of load diversity."""

from scchelpers.figures.diversity.curves import admd, coincidence, placement
from scchelpers.figures.diversity.holdout import unseen
from scchelpers.figures.diversity.models import models
from scchelpers.figures.diversity.peaks import peak_time

__all__ = ["admd", "coincidence", "models", "peak_time", "placement", "unseen"]
