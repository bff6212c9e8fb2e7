"""Where a site lacks what a question needs: the notebook stops and its page says what to supply."""

from __future__ import annotations

from scchelpers.faults import UserError


class NeedsData(UserError):  # noqa: N818 -- it is no error
    """A question that the data on record cannot answer; not a fault of anything."""

    def _render_traceback_(self) -> list[str]:
        return [f"NeedsData: {self}"]


def needs(condition: object, supply: str) -> None:
    """Stop the notebook where the site lacks what its question needs.

    Parameters
    ----------
    condition : object
        What must be true to go on.
    supply : str
        What is lacking and how to supply it, in one or two sentences for the page.

    Raises
    ------
    NeedsData
        If the condition is false. A batch publishes what was said so far as a short page.

    Examples
    --------
    >>> needs([0.5], "No sessions are on record: import some.")
    >>> needs(None, "No network load is on record: import it with `scc import loads`.")
    Traceback (most recent call last):
    scchelpers.report.lacking.NeedsData: No network load is on record: import it with ...
    """
    if not _given(condition):
        from IPython.display import Markdown, display

        display(Markdown(f"**This question cannot be answered here yet.** {supply}"))
        raise NeedsData(supply)


def _given(condition: object) -> bool:
    size = getattr(condition, "size", None)  # frames and arrays have no truth of their own
    return bool(size) if isinstance(size, int) else bool(condition)
