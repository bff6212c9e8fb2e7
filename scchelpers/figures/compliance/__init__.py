"""Figures of compliance: when limits were exceeded, the worst day, months, and the margin."""

from scchelpers.figures.compliance.network import margins
from scchelpers.figures.compliance.record import calendar, months, worst_day

__all__ = ["calendar", "margins", "months", "worst_day"]
