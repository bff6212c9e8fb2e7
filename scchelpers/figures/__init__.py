"""Every figure of the workbook, drawn in one style and shown with a text that says what it shows.

A figure function takes data, draws, and returns `(figure, alt)`; `show` displays them. Where there
is nothing to draw it returns None and `show` does nothing: the report says so in words.
"""

from scchelpers.figures.style import canvas, end_labels, legend_above
from scchelpers.figures.vector import show, svg

__all__ = [
    "canvas",
    "end_labels",
    "legend_above",
    "show",
    "svg",
]
