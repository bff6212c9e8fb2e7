"""Money and items in words."""

from __future__ import annotations

import math

from scchelpers.wording import NARROW

# What moves the value of an option against another, by the sign of the difference.
WORDS = {
    "connection": ("a cheaper connection", "a dearer connection"),
    "contribution": ("no share of a reinforcement to pay", "a share of the reinforcement to pay"),
    "reinforcement": ("less reinforcement", "more reinforcement"),
    "asset value left": ("more value left in the network", "less value left in the network"),
    "control": ("less control equipment", "control equipment"),
    "upkeep": ("less upkeep of control", "upkeep of control"),
    "charging sooner": ("charging starts sooner", "charging starts later"),
    "unserved energy": ("less energy unserved", "energy not served"),
    "capacity charge": ("lower capacity charges", "higher capacity charges"),
    "excess charge": ("fewer excess charges", "excess charges"),
    "trips": ("fewer trips", "the risk of trips"),
    "breaches": ("less risk of a broken limit", "the risk of a broken limit"),
    "flexibility": ("more flexibility sold", "less flexibility sold"),
}


def gbp(value: float) -> str:
    """Return an amount of money, rounded to what it may be worth.

    Examples
    --------
    >>> gbp(1234567), gbp(-4321), gbp(12.3), gbp(0)
    ('£1,230,000', '−£4,300', '£10', '£0')
    """
    if not math.isfinite(value):
        return "an unknown amount"
    size = abs(value)
    digits = 2 if size < 100_000 else 3
    step = 10 ** max(1, math.floor(math.log10(size)) - digits + 1) if size >= 1 else 10
    rounded = round(size / step) * step
    return f"{'−' if value < 0 and rounded else ''}£{rounded:,.0f}"


def years(value: float) -> str:
    """Return a time in years for reading.

    Examples
    --------
    >>> years(0.5), years(1.25), years(1.0), years(2.5)
    ('6 months', '15 months', '1 year', '2.5 years')
    """
    if not math.isfinite(value):
        return "never"
    if value < 2 and value != 1:
        months = round(12 * value)
        return f"{months} month{'' if months == 1 else 's'}"
    rounded = round(value, 1)
    return f"{rounded:g} year{'' if rounded == 1 else 's'}"


def plain(value: float) -> str:
    """Return a price as it is written, without an exponent.

    Examples
    --------
    >>> plain(2e6), plain(0.54), plain(1720.0), plain(0.035)
    ('2,000,000', '0.54', '1,720', '0.035')
    """
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def change(value: float) -> str:
    """Return an amount with its sign, in full.

    Examples
    --------
    >>> change(4321.4), change(-4321.4), change(0.2)
    ('+4,321', '−4,321', '0')
    """
    text = f"{value:+,.0f}".replace("-", "−")
    return "0" if text[1:] == "0" else text


def share(value: float) -> str:
    """Return a share as a percentage with a decimal where it is small.

    Examples
    --------
    >>> [share(x).replace(NARROW, " ") for x in (0.0123, 0.256, 0.0, 0.00001)]
    ['1.2 %', '26 %', '0 %', 'under 0.1 %']
    """
    percent = 100 * value
    if not math.isfinite(percent):
        return "unknown"
    if 0 < percent < 0.05:
        return f"under 0.1{NARROW}%"
    return f"{percent:.1f}{NARROW}%" if 0 < abs(percent) < 10 else f"{percent:,.0f}{NARROW}%"


def causes(by_item, *, most: int = 3) -> list[str]:
    """Return what moves a value most, in words with amounts, the largest first.

    Parameters
    ----------
    by_item : pandas.Series
        From `bridge`.
    most : int
        How many to name.

    Notes
    -----
    The margin of energy and what the chargepoints cost go together: both run from the day of
    connection.
    """
    moved = by_item.drop(["energy margin", "chargepoints"])
    moved["charging sooner"] = by_item["energy margin"] + by_item["chargepoints"]
    total = moved.abs().sum()
    large = moved[moved.abs() > max(5.0, 0.03 * total)]
    order = large.abs().sort_values(ascending=False, kind="stable").index[:most]
    return [f"{WORDS[item][int(moved[item] < 0)]} ({signed(moved[item])})" for item in order]


def signed(value: float) -> str:
    """Return an amount with its sign.

    Examples
    --------
    >>> signed(4321), signed(-4321)
    ('+£4,300', '−£4,300')
    """
    return ("+" if value > 0 else "") + gbp(value)
