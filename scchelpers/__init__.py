"""Helpers of the Smart Charging Connections workbook.

Every scheme is a limit, a power cap over time; every answer is what that limit does to charging.
Public modules, in the order in which they may import each other: `timebase`, `data`, `charging`,
the analysis modules (one per notebook), `figures`, `runner`.
"""

__version__ = "0.1.0"
