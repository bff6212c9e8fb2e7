"""What a notebook speaks and draws with: `%load_ext scchelpers.report`.

The extension gives a notebook the cell magic `%%say`, draws in the style of the workbook, and has
every figure that a cell leaves shown as a small drawing with an alternative text.
"""

from scchelpers.report.lacking import NeedsData, needs
from scchelpers.report.pictures import describe
from scchelpers.report.records import record
from scchelpers.report.words import table

__all__ = ["NeedsData", "describe", "needs", "record", "table"]


def load_ipython_extension(shell) -> None:
    """Make `%%say` known to a notebook and draw its figures in the style of the workbook."""
    from scchelpers.report import pictures, say

    pictures.join(shell)
    say.join(shell)
