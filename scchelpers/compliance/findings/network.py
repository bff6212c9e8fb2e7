"""What growth of the network's load leaves of the protection."""

from __future__ import annotations

from scchelpers.compliance.encroachment import Encroachment
from scchelpers.wording import count, escape, percent, quantity


def protection(found: Encroachment | None) -> str:
    """Return until when the terms protect the network."""
    if found is None:
        return ""
    if not found.known:
        why = escape(found.lacking[0])
        return f"Whether the terms still protect the network is not assessed: {why}."
    if found.ends["expected"] == 0:
        least = found.protected["expected"].iloc[0]
        return (
            "**The terms no longer protect the network**, even if kept: load and limit exceed the "
            f"rating by {quantity(-least['margin_kva'], 'kVA')} at {least['clock']} in "
            f"{least['season']}."
        )
    year = found.year("expected")
    end = found.last.year + found.horizon
    if year is None:
        return f"Kept, they protect the network beyond {end} at the growth expected."
    return f"Kept, they protect the network until {year} at the growth expected."


def growth(found: Encroachment | None) -> str:
    """Return the growth taken, where it is from, the interval of the year, and today's breaches."""
    if found is None or not found.known:
        why = "the site has no entry" if found is None else escape(found.lacking[0])
        return f"Not assessed: {why}."
    rate, end = found.growth, found.last.year + found.horizon
    spread = f"{percent(rate['low'])} to {percent(rate['high'])}"
    if rate["measured"]:
        source = (
            f"The daily peak has grown by {_percent(rate['expected'])} a year over "
            f"{count(rate['months'], 'month')} ({_percent(rate['low'])} to "
            f"{_percent(rate['high'])}, 90 in 100)."
        )
    else:
        source = (
            f"{count(rate['months'], 'month')} of load are too few to measure growth: "
            f"{percent(rate['expected'])} a year is assumed, {spread} for the span."
        )
    years = [found.year(case) for case in ("high", "low")]
    first, last = (f"beyond {end}" if year is None else f"in {year}" for year in years)
    span = f"{first} at the highest growth and {last} at the lowest" if first != last else first
    now = found.now
    breaches = (
        f"On record, load and site at its limit exceed the rating in "
        f"{count(now['half_hours'], 'half hour')}"
        + (f", by up to {quantity(now['worst_kva'], 'kVA')}." if now["half_hours"] else ".")
    )
    others = ""
    if found.ahead:
        others = f" {count(found.ahead, 'connection')} ahead in the stack at the limit are counted."
    return f"{source} Protection then ends {span}. {breaches}{others}"


def _percent(share: float) -> str:
    """Return a small share with one decimal and its sign."""
    return f"{'−' if share < 0 else ''}{abs(100 * share):.1f}\u202f%"
