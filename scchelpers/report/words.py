"""Numbers in words and tables with captions: what `%%say` and `table` write.

Quantities carry their unit; text that comes from data is escaped.
"""

from __future__ import annotations

import html
import math
import re

import pandas as pd

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
NARROW = "\u202f"


def number(value: float, digits: int = 3) -> str:
    """Return a number with a few significant digits and a thousands comma.

    Examples
    --------
    >>> number(1.2345), number(0.4), number(7.0), number(0.001), number(float("nan"))
    ('1.23', '0.40', '7', '0.00', 'unknown')
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    if isinstance(value, int):
        return f"{value:,}"
    size = math.floor(math.log10(abs(value)))
    decimals = max(0, min(2, digits - 1 - size))
    said = f"{value:,.{decimals}f}"
    whole, _, part = said.partition(".")
    # What is nearly nothing keeps its decimals: only nothing is "0".
    return said if part.strip("0") or whole in ("0", "-0") else whole


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """Return a number with its unit, kept on one line.

    Examples
    --------
    >>> quantity(1.934, "kW").replace(NARROW, " ")
    '1.93 kW'
    """
    said = number(value, digits)
    return f"{said}{NARROW}{unit}" if unit and said != "unknown" else said


def interval(low: float, high: float, unit: str = "", digits: int = 3) -> str:
    """Return an interval with its unit.

    Examples
    --------
    >>> interval(1.5, 2.25, "kW").replace(NARROW, " ")
    '1.50 to 2.25 kW'
    """
    return f"{number(low, digits)} to {quantity(high, unit, digits)}"


def percent(share: float) -> str:
    """Return a share as a percentage, exact at none and all, never rounded to them.

    Examples
    --------
    >>> [percent(x).replace(NARROW, " ") for x in (0.256, 0.0, 1.0, 0.001, 0.999)]
    ['26 %', '0 %', '100 %', 'under 1 %', 'over 99 %']
    """
    if share is None or not math.isfinite(share):
        return "unknown"
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return f"under 1{NARROW}%"
    if rounded == 100 and share < 1:
        return f"over 99{NARROW}%"
    return f"{rounded}{NARROW}%"


def span(value: float, unit: str, digits: int = 3) -> str:
    """Return a length of time with its unit in words.

    Examples
    --------
    >>> span(1.0, "hour"), span(2.5, "hour"), span(0.0, "minute"), span(12.0, "year")
    ('1 hour', '2.5 hours', '0 minutes', '12 years')
    """
    said = number(value, digits)
    said = said.rstrip("0").rstrip(".") if "." in said else said
    return f"{said} {unit if said == '1' else unit + 's'}"


def months(years: float) -> str:
    """Return a time to wait [years] as months, or from two years on as years.

    Examples
    --------
    >>> months(0.0), months(0.5), months(1.25), months(2.0), months(3.46)
    ('at once', '6 months', '15 months', '2 years', '3.5 years')
    """
    if years is None or not math.isfinite(years):
        return "unknown"
    whole = round(12 * years)
    if whole < 1:
        return "at once"
    if whole < 24:
        return f"{whole} month{'s' if whole > 1 else ''}"
    return f"{years:.1f}".removesuffix(".0") + " years"


def pounds(value: float, digits: int = 2) -> str:
    """Return an amount of money to a few significant figures.

    Examples
    --------
    >>> pounds(24321.0), pounds(-850.4), pounds(0.0), pounds(1_234_567.0), pounds(0.123)
    ('£24,000', '−£850', '£0', '£1.2 million', '£0.12')
    """
    if value is None or not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "£0"
    size = abs(value)
    rounded = round(size, digits - 1 - math.floor(math.log10(size)))
    if rounded >= 1e6:
        said = f"{rounded / 1e6:.{max(0, digits - 1)}f}".rstrip("0").rstrip(".") + " million"
    else:
        said = f"{rounded:,.0f}" if rounded >= 10 or rounded == int(rounded) else f"{rounded:.2f}"
    return f"{'−' if value < 0 else ''}£{said}"


def change(ratio: float) -> str:
    """Return a ratio as the change it makes, with its sign.

    Examples
    --------
    >>> [change(x).replace(NARROW, " ") for x in (1.2, 0.75, 1.0)]
    ['+20 %', '−25 %', '0 %']
    """
    rounded = round(100 * (ratio - 1))
    return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{abs(rounded)}{NARROW}%"


def count(many: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> count(1, "chargepoint"), count(1200, "session"), count(0, "half hour")
    ('1 chargepoint', '1,200 sessions', 'no half hours')
    """
    many = int(many)
    word = noun if many == 1 else plural or f"{noun}s"
    return f"{many:,} {word}" if many else f"no {word}"


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence.

    Examples
    --------
    >>> listed(["slow"]), listed(["slow", "fast", "rapid"])
    ('slow', 'slow, fast and rapid')
    """
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def date(stamp: pd.Timestamp) -> str:
    """Return a calendar day for reading.

    Examples
    --------
    >>> date(pd.Timestamp("2026-11-02"))
    '2 November 2026'
    """
    return f"{stamp.day} {stamp:%B %Y}"


def escape(text: object) -> str:
    r"""Return text from data so that Markdown and HTML show it as it is.

    Examples
    --------
    >>> escape("<b>Car_park</b>")
    '&lt;b&gt;Car\\_park&lt;/b&gt;'
    """
    return _MARKDOWN.sub(r"\\\1", html.escape(str(text), quote=False))


def left_out(set_aside: dict[str, int]) -> str:
    """Return what was left out of a site's data, by rule, or "" where nothing was.

    Parameters
    ----------
    set_aside : dict of str to int
        `Site.set_aside`: rule to rows.

    Examples
    --------
    >>> left_out({"must be above 0": 2})
    '**Left out:** 2 rows that `scc check` sets aside: must be above 0 (2).'
    """
    if not set_aside:
        return ""
    rows = sum(set_aside.values())
    rules = "; ".join(f"{escape(rule)} ({n:,})" for rule, n in set_aside.items())
    return f"**Left out:** {count(rows, 'row')} that `scc check` sets aside: {rules}."


def table(frame: pd.DataFrame, caption: str, *, digits: int = 3) -> None:
    """Display a table with a caption; nothing where it has no rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        Column names carry the units. The index is shown as the first column, as row headers.
    caption : str
        What the table shows.
    digits : int
        Significant digits of numbers.

    Examples
    --------
    >>> table(pd.DataFrame(), "A table without rows leaves nothing")
    """
    from IPython.display import display

    if len(frame):
        bundle = {
            "text/html": _table_html(frame, caption, digits=digits),
            "text/plain": f"{caption}\n{frame.to_string(float_format=lambda x: number(x, digits))}",
        }
        display(bundle, raw=True)


def _table_html(frame: pd.DataFrame, caption: str, *, digits: int = 3) -> str:
    r"""Return a table as HTML: a caption, scoped headers, everything escaped."""

    def cell(value: object) -> str:
        if isinstance(value, float):
            return number(value, digits)
        return html.escape(f"{value:,}" if isinstance(value, int) else str(value))

    heads = [frame.index.name or "", *frame.columns]
    header = "".join(f'<th scope="col">{html.escape(str(head))}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{cell(label)}</th>'
        + "".join(f"<td>{cell(value)}</td>" for value in row)
        + "</tr>\n"
        for label, *row in frame.itertuples(name=None)
    )
    return (
        f"<table>\n<caption>{html.escape(caption)}</caption>\n"
        f"<thead><tr>{header}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"
    )
