"""What leaves the workbook for a CPO or a DNO.

A scheme makes a neutral `Schedule`, a format writes it: each knows nothing of the other. To add a
protocol, write a function from `Schedule` to text and name it in `FORMATS`; to add a scheme, write
one from `Site` to `Schedule` and name it in `SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scchelpers.data.site import Site
from scchelpers.data.store import write_aside
from scchelpers.faults import UserError, closest
from scchelpers.standards import plain
from scchelpers.standards.schedule import Schedule, schedule_of, tcc_schedule

__all__ = ["FORMATS", "SCHEMES", "Schedule", "export", "schedule_of", "scheme", "text"]

SCHEMES: dict[str, Callable[..., Schedule]] = {"tcc": tcc_schedule}
FORMATS: dict[str, Callable[[Schedule], str]] = {"csv": plain.csv, "json": plain.as_json}


def scheme(name: str) -> Callable[..., Schedule]:
    """Return the function that makes a scheme's schedule from a site.

    Raises
    ------
    UserError
        If there is no such scheme.
    """
    return _named(name, SCHEMES, "SCHEME")


def text(schedule: Schedule, form: str) -> str:
    """Return a schedule in a format of `FORMATS`.

    Raises
    ------
    UserError
        If there is no such format.
    """
    return _named(form, FORMATS, "format")(schedule)


def export(site: Site, name: str, form: str, into: str | Path, **options) -> Path:
    """Derive a site's schedule and write it; a file is replaced whole or not at all.

    Parameters
    ----------
    site : Site
        The site.
    name : str
        Scheme, of `SCHEMES`.
    form : str
        Format, of `FORMATS`.
    into : path-like
        File to write; its folder is made.
    **options
        Of the scheme, such as quantile.

    Raises
    ------
    UserError
        If scheme, format or option are unknown, or the site gets no such schedule.
    """
    make = scheme(name)
    _named(form, FORMATS, "format")
    content = text(make(site, **options), form)
    path = Path(into)
    write_aside(path, lambda aside: aside.write_text(content, encoding="utf-8"))
    return path


def _named(name: str, known: dict, what: str):
    if name not in known:
        hint = closest(str(name), known) or f"there are: {', '.join(known)}"
        raise UserError(f"{what} = {name!r}: unknown; {hint}")
    return known[name]
