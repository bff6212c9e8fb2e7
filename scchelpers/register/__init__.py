"""The register of approved smart connections: who may draw what, since when, and why.

`register.csv` is only ever added to. An entry replaces the site's entry before it; none is changed
or deleted, and `scc check` finds where one was (`data.rules.register`).
"""

from scchelpers.register.book import Register, read, text
from scchelpers.register.entry import append
from scchelpers.register.terms import Terms, limit

__all__ = ["Register", "Terms", "append", "limit", "read", "text"]
