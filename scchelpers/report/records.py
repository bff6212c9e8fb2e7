"""Figures of merit: recorded by a notebook, gathered by the runner.

A notebook calls `record` in one cell. The figures travel in the executed notebook itself, as an
output of a media type of their own, so that the notebook stays the only source of its results.
"""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from scchelpers.faults import UserError

MEDIA_TYPE = "application/vnd.scc.record+json"

# The unit that the end of a name promises: the words of docs/conventions.md.
_UNIT_OF_SUFFIX = {
    "_kw": "kW",
    "_kwh": "kWh",
    "_kva": "kVA",
    "_mw": "MW",
    "_mwh": "MWh",
    "_h": "h",
    "_hours": "h",
    "_min": "min",
    "_days": "d",
    "_pct": "%",
    "_gbp": "£",
}
_ABBREVIATIONS = {"admd", "dsc", "evse", "dno", "ac", "dc", "ev", "npv"}


@dataclass(frozen=True)
class Figure:
    """One figure of merit.

    Attributes
    ----------
    name : str
        Name, a Python identifier in the field's words: `admd_kw`.
    value : float, int, bool, str or None
        Value; None where it is missing.
    unit : str
        Unit, "" for a pure number or a text.
    label : str
        What the index page calls it.
    low, high : float, int or None
        Ends of its 90 % interval; None where it has none.
    """

    name: str
    value: float | int | bool | str | None
    unit: str
    label: str
    low: float | int | None = None
    high: float | int | None = None


def record(**figures) -> None:
    """Record figures of merit of this run; call it once, near the end of a notebook.

    Parameters
    ----------
    **figures
        Name to value, to `(value, unit)`, to `(value, unit, label)` or to
        `(value, unit, label, low, high)`, the last two the ends of its 90 % interval. A value is a
        number, a text, a bool or None; NaN is missing. Without a unit, that of the DataArray
        (`attrs["units"]`) or of the name's ending (`_kw`, `_kwh`, `_kva`, `_min`, …) is taken. One
        name means one quantity on all pages of a site: a run fails where two notebooks record
        different values under it.

    Raises
    ------
    UserError
        If a value is not a single number or text, or an interval has its ends exchanged.

    Examples
    --------
    >>> record(
    ...     admd_kw=(1.93, "kW", "ADMD at 20 chargepoints"),
    ...     coincidence_factor=0.42,
    ...     worth_gbp=(41_000, "£", "Worth against waiting", 12_000, 77_000),
    ... )
    {'application/vnd.scc.record+json': [{'name': 'admd_kw', 'value': 1.93, ...
    """
    from IPython.display import display

    found = [as_figure(name, given) for name, given in figures.items()]
    rounded = {f.name: f"{f.value:.6g}" if isinstance(f.value, float) else f.value for f in found}
    summary = "\n".join(f"{f.label}: {rounded[f.name]} {f.unit}".rstrip() for f in found)
    bundle = {MEDIA_TYPE: [asdict(f) for f in found], "text/plain": f"Recorded\n{summary}"}
    if os.environ.get("SCC_COMPARED"):  # the last digits differ from machine to machine
        del bundle[MEDIA_TYPE]
    display(bundle, raw=True)


def as_figure(name: str, given) -> Figure:
    """Return the figure that a name and what was given for it make.

    Examples
    --------
    >>> as_figure("admd_kw", 1.5)
    Figure(name='admd_kw', value=1.5, unit='kW', label='ADMD', low=None, high=None)
    >>> as_figure("share", (0.25, "", "Share of nights at the limit")).label
    'Share of nights at the limit'
    """
    parts = given if isinstance(given, tuple) else (given,)
    value, unit, label, low, high = (*parts, *[None] * 4)[:5]
    if unit is None:
        unit = getattr(value, "attrs", {}).get("units") or _unit_of_name(name)
    low, high = _plain(name, low), _plain(name, high)
    if low is not None and high is not None and low > high:
        raise UserError(
            f"record({name}=…): its interval runs from {low:g} to {high:g}: exchange them"
        )
    return Figure(name, _plain(name, value), unit, label or _in_words(name), low, high)


def _unit_of_name(name: str) -> str:
    """Return the unit that the end of a name promises, "" if it promises none."""
    return _UNIT_OF_SUFFIX.get("_" + name.rpartition("_")[2], "")


def recorded(notebook) -> list[Figure]:
    """Return the figures recorded in an executed notebook; a name recorded twice keeps the last.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Executed notebook.
    """
    found = {}
    for output in _outputs(notebook):
        for figure in output.get("data", {}).get(MEDIA_TYPE, []):
            found[figure["name"]] = Figure(**figure)
    return list(found.values())


def _in_words(name: str) -> str:
    """Return a name as a label: without its unit, abbreviations in capitals."""
    stem = name.rpartition("_")[0] if _unit_of_name(name) else name
    words = [word.upper() if word in _ABBREVIATIONS else word for word in stem.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def _outputs(notebook) -> Iterable[dict]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _plain(name: str, value):
    """Return a value as JSON can hold it: NumPy and xarray scalars become Python's."""
    if hasattr(value, "item"):
        if getattr(value, "size", 1) != 1:
            raise UserError(f"record({name}=…): a single value is needed, not {value.size} of them")
        value = value.item()
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        if not math.isfinite(value):
            return None
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    if value is None or isinstance(value, (str, bool)):
        return value
    if type(value).__name__ == "Timestamp":
        return value.isoformat()
    raise UserError(
        f"record({name}=…): {type(value).__name__} cannot be recorded; give a number or a text"
    )
