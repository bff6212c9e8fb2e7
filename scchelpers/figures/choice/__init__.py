"""Figures of the choice between schemes."""

from scchelpers.figures.choice.need import need
from scchelpers.figures.choice.options import options

__all__ = ["need", "options"]
