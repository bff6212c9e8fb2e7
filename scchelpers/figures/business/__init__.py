"""Figures of the business case."""

from scchelpers.figures.business.sure import chances, tornado
from scchelpers.figures.business.worth import bridge, stop_gaps, values, worsening

__all__ = ["bridge", "chances", "stop_gaps", "tornado", "values", "worsening"]
