"""Names of `scchelpers.tcc.proof` at the place where they stood."""

from scchelpers.tcc.proof import breaches, excess  # noqa: F401
