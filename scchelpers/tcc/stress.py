"""Names of `scchelpers.tcc.proof` at the place where they stood."""

from scchelpers.tcc.proof import last_year, protection  # noqa: F401
