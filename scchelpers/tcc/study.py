"""Names of `scchelpers.tcc.assessment` at the place where they stood."""

from scchelpers.tcc.assessment import Seasons, Study, study  # noqa: F401
