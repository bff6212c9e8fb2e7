"""Names of `scchelpers.tcc.profiled` at the place where they stood."""

from scchelpers.tcc.profiled import *  # noqa: F403
