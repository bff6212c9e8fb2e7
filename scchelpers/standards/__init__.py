"""What leaves the workbook for a CPO or a DNO.

A scheme makes a neutral `Schedule`, a format writes it: each knows nothing of the other. To add a
protocol, write a function from `Schedule` to text and name it in `FORMATS`; to add a scheme, write
one from `Site` to `Schedule` and name it in `SCHEMES`. What either takes by keyword is an option.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path

from scchelpers.faults import UserError, closest
from scchelpers.portfolio.store import write_aside
from scchelpers.site import Site
from scchelpers.standards import offer, plain
from scchelpers.standards.ocpp import as_ocpp
from scchelpers.standards.ocpp_check import VERSIONS
from scchelpers.standards.schedule import Schedule
from scchelpers.standards.schemes import (
    clm_schedule,
    profiled_schedule,
    schedule_of,
    tcc_schedule,
    written_windows,
)
from scchelpers.standards.signals import as_openadr, as_oscp

__all__ = [
    "FORMATS",
    "SCHEMES",
    "Schedule",
    "export",
    "format_of",
    "schedule_of",
    "scheme",
    "text",
    "written_windows",
]

SCHEMES: dict[str, Callable[..., Schedule]] = {
    "tcc": tcc_schedule,
    "clm": clm_schedule,
    "profiled": profiled_schedule,
}
FORMATS: dict[str, Callable[..., str]] = {
    "csv": plain.csv,
    "json": plain.as_json,
    "half-hourly": plain.half_hourly,
    **{f"ocpp-{name}": partial(as_ocpp, name) for name in VERSIONS},
    "oscp-2.0": as_oscp,
    **{f"openadr-{name}": partial(as_openadr, name) for name in ("3.0.1", "3.1.0")},
    "offer-html": offer.as_html,
    "offer-md": offer.as_markdown,
}


def scheme(name: str) -> Callable[..., Schedule]:
    """Return the function that makes a scheme's schedule from a site.

    Raises
    ------
    UserError
        If there is no such scheme.
    """
    return _named(name, SCHEMES, "SCHEME")


def format_of(name: str) -> Callable[..., str]:
    """Return the function that writes a schedule in a format.

    Raises
    ------
    UserError
        If there is no such format.
    """
    return _named(name, FORMATS, "format")


def text(schedule: Schedule, form: str, **options) -> str:
    """Return a schedule in a format of `FORMATS`.

    Parameters
    ----------
    schedule : Schedule
        The schedule.
    form : str
        The format.
    **options
        Of the format, such as start.

    Raises
    ------
    UserError
        If there is no such format, or it cannot write the schedule.
    """
    return format_of(form)(schedule, **options)


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
        Of the scheme, such as quantile, and of the format, such as start.

    Raises
    ------
    UserError
        If scheme, format or option are unknown, or the site gets no such schedule.
    """
    make, write = scheme(name), format_of(form)
    of_scheme, of_format = _divided(options, **{name: make, form: write})
    path = Path(into)
    if path.exists() and (path.resolve().parent / "portfolio.toml").exists():
        raise UserError(f"{path}: a file of a portfolio; write the export to another folder")
    content = write(make(site, **of_scheme), **of_format)
    write_aside(path, lambda aside: aside.write_text(content, encoding="utf-8"))
    return path


def _named(name: str, known: dict, what: str):
    if name not in known:
        hint = closest(str(name), known) or f"there are: {', '.join(known)}"
        raise UserError(f"{what} = {name!r}: unknown; {hint}")
    return known[name]


def _divided(options: dict, **takers: Callable) -> list[dict]:
    """Give each function the options that it takes by keyword."""
    left, found = dict(options), []
    for called, function in takers.items():
        known = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        found.append({name: left.pop(name) for name in known if name in left})
        for name, default in known.items():
            if default is inspect.Parameter.empty and name not in found[-1]:
                raise UserError(f"option {name}: {called} needs it; give {name}=VALUE")
    if left:
        raise UserError(f"option {min(left)!r}: neither of {' nor of '.join(takers)}")
    return found
