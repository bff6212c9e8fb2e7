"""How sure the answer is: one price at a time, and all at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.business.ledger import View
from scchelpers.business.model import CENTRAL, HIGH, LOW, Model
from scchelpers.business.prices import Prices
from scchelpers.faults import UserError

GROWTH = "growth of charging and load"


def tornado(model: Model, prices: Prices, option: str, base: str) -> pd.DataFrame:
    """Return what each price at the ends of its range does to the customer's answer.

    Parameters
    ----------
    model : Model
        The site.
    prices : Prices
        Price table.
    option, base : str
        The option of interest, and what it is compared with.

    Returns
    -------
    pandas.DataFrame
        By price, and `GROWTH`, the widest swing first: meaning and unit; low and high, the ends of
        the range;
        low_gbp and high_gbp, what the option is worth more than the base there [£]; swing_gbp; and
        best_low and best_high, the best of all options there. Prices that change nothing are left
        out.
    """
    cases = {GROWTH: [(LOW, prices, LOW), (HIGH, prices, HIGH)]}
    for name in prices:
        price = prices.price(name)
        if price.high > price.low:
            ends = (price.low, price.high)
            cases[name] = [(value, prices.at({name: value}), CENTRAL) for value in ends]
    rows = {}
    for name, ends in cases.items():
        (low, *one), (high, *other) = ends
        found = [model.values(*at) for at in (one, other)]
        low_gbp, high_gbp = (values[option] - values[base] for values in found)
        best_low, best_high = (model.best(values) for values in found)
        known = name in prices
        rows[name] = {
            "meaning": prices.price(name).meaning if known else name,
            "unit": prices.price(name).unit if known else "",
            "low": low,
            "high": high,
            "low_gbp": low_gbp,
            "high_gbp": high_gbp,
            "swing_gbp": abs(high_gbp - low_gbp),
            "best_low": best_low,
            "best_high": best_high,
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("price")
    frame = frame[(frame["swing_gbp"] > 0.5) | (frame["best_low"] != frame["best_high"])]
    return frame.sort_values("swing_gbp", ascending=False, kind="stable")


def monte_carlo(
    model: Model, prices: Prices, *, draws: int = 500, seed: int = 0, view: View = "customer"
) -> pd.DataFrame:
    """Return the value of every option in random futures [£], over (draw, option).

    Parameters
    ----------
    model : Model
        The site.
    prices : Prices
        Price table; each price is drawn by itself, from a triangle over its range with its top at
        the value. Growth is drawn from a triangle between none and twice the central one.
    draws, seed : int
        Number of futures, and seed.
    view : {"customer", "dno", "gb"}
        View.
    """
    if draws < 1:
        raise UserError(f"draws = {draws}: at least 1")
    rng = np.random.default_rng(seed)
    names = [name for name in prices if prices.price(name).high > prices.price(name).low]
    drawn = {
        name: rng.triangular(p.low, p.value, p.high, draws)
        for name, p in ((name, prices.price(name)) for name in names)
    }
    growth = rng.triangular(LOW, CENTRAL, HIGH, draws)
    rows = [
        model.values(prices.at({name: drawn[name][k] for name in names}), growth[k], view)
        for k in range(draws)
    ]
    return pd.DataFrame(rows).rename_axis("draw")


def chances(model: Model, drawn: pd.DataFrame) -> pd.DataFrame:
    """Return how the options stand in random futures.

    Parameters
    ----------
    model : Model
        The site.
    drawn : pandas.DataFrame
        From `monte_carlo`.

    Returns
    -------
    pandas.DataFrame
        By option: best_share, of the futures in which it is the best; ahead_share, of those in
        which it beats the base; p05_gbp, p50_gbp and p95_gbp of what it is worth more [£].
    """
    best = drawn.apply(model.best, axis=1)
    more = drawn.sub(drawn[model.base], axis=0)
    low, middle, high = (more.quantile(q) for q in (0.05, 0.5, 0.95))
    return pd.DataFrame(
        {
            "best_share": [(best == name).mean() for name in drawn],
            "ahead_share": (more > 0).mean(),
            "p05_gbp": low,
            "p50_gbp": middle,
            "p95_gbp": high,
        },
        index=pd.Index(drawn.columns, name="option"),
    )
