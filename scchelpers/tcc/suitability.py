"""Names of `scchelpers.tcc.assessment` at the place where they stood."""

from scchelpers.tcc.assessment import FREE_H  # noqa: F401
