"""Names of `scchelpers.tcc.derivation` at the place where they stood."""

from scchelpers.tcc.derivation import rating_at  # noqa: F401
