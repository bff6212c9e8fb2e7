"""Figures of coincidence: the DNO's view and the customer's view of one limit."""

from scchelpers.figures.coincidence.chance import chance, turned
from scchelpers.figures.coincidence.changes import growth, shifts, uses
from scchelpers.figures.coincidence.views import by_clock, levels

__all__ = ["by_clock", "chance", "growth", "levels", "shifts", "turned", "uses"]
