"""Names of `scchelpers.tcc.derivation` at the place where they stood."""

from scchelpers.tcc.derivation import HALF_HOURS, Cells, DayTypes, clock_text, half_hourly  # noqa: F401
