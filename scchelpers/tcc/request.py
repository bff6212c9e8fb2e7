"""Names of `scchelpers.tcc.assessment` at the place where they stood."""

from scchelpers.tcc.assessment import Basis  # noqa: F401
