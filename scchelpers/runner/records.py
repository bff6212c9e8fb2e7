"""Where `record` stood; notebooks take it from `scchelpers.report`."""

from scchelpers.report.records import record

__all__ = ["record"]
