"""Sentences where the analyst reads them: `%%say` fills in Markdown with the notebook's names.

A name that is missing is an error, text from data is shown as it is, and a measured number is
written through a filter that gives it a unit.
"""

from __future__ import annotations

import datetime
import numbers
from functools import cache

import jinja2
import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.report import words


class _Written(str):
    """Words of a filter: finished, not to be escaped."""

    __slots__ = ()


def render(text: str, names: dict) -> str:
    r"""Return Markdown with the names of a notebook filled in.

    Parameters
    ----------
    text : str
        Markdown with Jinja's `{{ … }}` and `{% … %}`.
    names : dict
        Names that the text may use.

    Raises
    ------
    UserError
        If a name is missing, or a measured number has no filter that gives it a unit.

    Examples
    --------
    >>> render("{{ n }} of {{ name }}", {"n": 3, "name": "A*"})
    '3 of A\\*'
    >>> render("{{ years | months }}, {{ worth | gbp }}", {"years": 0.5, "worth": 24321.0})
    '6 months, £24,000'
    """
    try:
        return _pages().from_string(text).render(names).strip()
    except jinja2.UndefinedError as error:
        raise UserError(f"%%say: {error}; give the name a value in a cell before") from None
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"%%say, line {error.lineno}: {error.message}") from None


def join(shell) -> None:
    """Make the cell magic `%%say` known to a shell."""
    from IPython.display import Markdown, display

    def say(line: str, cell: str) -> None:
        said = render(cell, shell.user_ns)
        if said:
            display(Markdown(said))

    shell.register_magic_function(say, "cell")


@cache
def _pages() -> jinja2.Environment:
    pages = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finished,
        autoescape=False,
    )
    pages.filters.update(_FILTERS)
    return pages


def _finished(value: object) -> object:
    """Return a value as it may stand in a sentence."""
    if isinstance(value, _Written) or hasattr(value, "__html__"):
        return value
    if isinstance(value, bool | np.bool_ | numbers.Integral):
        return str(value)
    if isinstance(value, numbers.Real):
        raise UserError(
            f"%%say: {value!r} has no unit; write it through a filter: "
            f"{', '.join(sorted(_FILTERS))}"
        )
    if isinstance(value, pd.Timestamp):
        return words.date(value)
    if not isinstance(value, str | datetime.date | jinja2.Undefined):
        kind = type(value).__name__
        raise UserError(f"%%say: a {kind} in a sentence; name one of its values, or list them")
    return words.escape(value)


def _unit(unit: str):
    return lambda value, digits=3: _Written(words.quantity(_plain(value), unit, digits))


def _plain(value):
    """Return a number as Python's own; None and missing as NaN."""
    if value is None or value is pd.NA:
        return float("nan")
    value = value.item() if hasattr(value, "item") else value
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _count(value, noun: str, plural: str | None = None) -> _Written:
    value = len(value) if hasattr(value, "__len__") else value
    if not np.isfinite(_plain(value)):
        return _Written(f"an unknown number of {plural or noun + 's'}")
    return _Written(words.count(round(_plain(value)), noun, plural))


def _between(pair, unit: str = "", digits: int = 3) -> _Written:
    low, high = (_plain(value) for value in pair)
    return _Written(words.interval(low, high, unit, digits))


def _clock(value) -> _Written:
    """Return a half hour of the day (0 to 48) or an instant as a clock time."""
    if isinstance(value, str):
        return _Written(words.escape(value))
    if isinstance(value, numbers.Real):
        minutes = round(30 * float(value))
        return _Written(f"{minutes // 60:02d}:{minutes % 60:02d}")
    return _Written(f"{pd.Timestamp(value):%H:%M}")


def _listed(values) -> _Written:
    return _Written(
        words.listed([words.escape(v) if not isinstance(v, _Written) else v for v in values])
    )


_FILTERS = {
    "kw": _unit("kW"),
    "kwh": _unit("kWh"),
    "mwh": _unit("MWh"),
    "kva": _unit("kVA"),
    "kvah": _unit("kVAh"),
    "hours": lambda value, digits=3: _Written(words.span(_plain(value), "hour", digits)),
    "minutes": lambda value, digits=3: _Written(words.span(_plain(value), "minute", digits)),
    "years": lambda value, digits=2: _Written(words.span(_plain(value), "year", digits)),
    "months": lambda value: _Written(words.months(_plain(value))),
    "pct": lambda value: _Written(words.percent(_plain(value))),
    "signed": lambda value: _Written(words.change(1 + _plain(value))),
    "gbp": lambda value, digits=2: _Written(words.pounds(_plain(value), digits)),
    "times": lambda value, digits=2: _Written(f"{words.number(_plain(value), digits)} times"),
    "number": lambda value, digits=3: _Written(words.number(_plain(value), digits)),
    "count": _count,
    "clock": _clock,
    "date": lambda value: _Written(words.date(pd.Timestamp(value))),
    "listed": _listed,
    "between": _between,
    "left_out": lambda rows: _Written(words.left_out(rows)),
}
