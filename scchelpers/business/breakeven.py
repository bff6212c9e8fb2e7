"""Break-evens: how far one number may move until an option is worth no more than another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from scchelpers.business.ledger import View, entries, value_of
from scchelpers.business.model import CENTRAL, Model
from scchelpers.business.offers import priced_as
from scchelpers.business.prices import Prices

LARGEST = 20.0  # times the price, up to which a break-even is looked for
SCANNED = 41


def break_evens(model: Model, prices: Prices, option: str, base: str) -> pd.DataFrame:
    """Return the break-evens of an option against the base.

    Parameters
    ----------
    model : Model
        The site.
    prices : Prices
        Price table.
    option, base : str
        Names of two options.

    Returns
    -------
    pandas.DataFrame
        By what is varied: now, at (NaN where nothing tried makes the two worth the same), unit.
    """
    bearable, simulated = bearable_share(model, prices, option, base)
    rows = {
        "energy unserved while limited": {
            "now": simulated, "at": bearable if bearable >= 0 else np.nan, "unit": "%",
        }
    }  # fmt: skip
    for kind in dict.fromkeys(priced_as(kind, prices) for kind, _ in model.facts[CENTRAL].short):
        for name, view, what in (
            (f"{kind}_years", "customer", "time to reinforce"),
            (f"{kind}_cost", "customer", "cost of reinforcement, customer"),
            (f"{kind}_cost", "gb", "cost of reinforcement, Great Britain"),
        ):
            price = prices.price(name)
            rows[f"{what} ({kind})"] = {
                "now": price.value,
                "at": break_even(
                    model,
                    prices,
                    option,
                    base,
                    name,
                    view=view,
                    largest=model.facts[CENTRAL].years if name.endswith("_years") else None,
                ),
                "unit": price.unit,
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("what")


def stop_gaps(
    model: Model, prices: Prices, scheme: str, base: str, years: Sequence[float]
) -> pd.DataFrame:
    """Return what a scheme is worth more than the base if it gives way after some years [£].

    Returns
    -------
    pandas.DataFrame
        By years: customer_gbp and gb_gbp; and a last row, infinite, for the scheme kept on. No
        rows where nothing can be reinforced.
    """
    name = f"{scheme}, then reinforced"
    rows = {}
    for count in (*years, np.inf):
        case = replace(model, stop_gap_years=None if np.isinf(count) else float(count))
        own = scheme if np.isinf(count) else name
        found = {view: case.values(prices, view=view) for view in ("customer", "gb")}
        if own not in found["customer"] or base not in found["customer"]:
            return pd.DataFrame(columns=["customer_gbp", "gb_gbp"])
        rows[count] = {f"{view}_gbp": found[view][own] - found[view][base] for view in found}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("years")


def bearable_share(
    model: Model, prices: Mapping[str, float], option: str, base: str
) -> tuple[float, float]:
    """Return how much energy may stay unserved until an option is worth no more than the base.

    Returns
    -------
    (bearable, simulated)
        Shares of the energy wanted while the scheme limits charging, the same every year. The first
        is negative where the option is worth less even without any curtailment, and NaN where
        energy not served costs nothing.
    """
    by_name = {found.name: found for found in model.options(prices)}
    terms = {"margin": model.margin(prices), "regime": model.regime}
    own = by_name[option]
    while_limited = own.limited > 0
    level = {**prices, "curtailment_level": 1.0}

    def worth(share: float) -> float:
        unserved_kwh = np.where(while_limited, share * own.wanted_kwh, own.unserved_kwh)
        case = replace(own, unserved_kwh=unserved_kwh)
        return value_of(entries(case, level, **terms), prices)

    aim = value_of(entries(by_name[base], prices, **terms), prices)
    none, half = worth(0.0), worth(0.5)
    wanted = float(own.limited @ own.wanted_kwh)
    simulated = float(own.limited @ own.unserved_kwh) / wanted if wanted else np.nan
    bearable = (none - aim) / (2 * (none - half)) if none != half else np.nan
    return bearable, simulated


def break_even(
    model: Model,
    prices: Prices,
    option: str,
    base: str,
    name: str,
    *,
    view: View = "customer",
    largest: float | None = None,
) -> float:
    """Return the value of a price at which an option is worth as much as the base.

    Parameters
    ----------
    name : str
        Price to vary, all others as they are.
    view : {"customer", "dno", "gb"}
        View.
    largest : float, optional
        Highest value to try; by default `LARGEST` times the price.

    Returns
    -------
    float
        In the unit of the price; of several, the nearest to its value; NaN if there is none.
    """
    top = LARGEST * prices[name] if largest is None else largest

    def more(value: float) -> float:
        values = model.values(prices.at({name: value}), view=view)
        return values[option] - values[base]

    found = crossings(more, 0.0, top)
    return min(found, key=lambda value: abs(value - prices[name]), default=np.nan)


def crossings(more: Callable[[float], float], low: float, high: float) -> list[float]:
    """Return where a function changes its sign, scanned and then halved in on.

    Examples
    --------
    >>> [round(x, 6) for x in crossings(lambda x: (x - 1) * (x - 3), 0.0, 4.0)]
    [1.0, 3.0]
    """
    grid = np.linspace(low, high, SCANNED)
    signs = np.array([more(x) > 0 for x in grid])
    found = []
    for k in np.flatnonzero(signs[1:] != signs[:-1]):
        a, b = grid[k], grid[k + 1]
        while b - a > 1e-9 * max(1.0, abs(high)):
            middle = (a + b) / 2
            a, b = (middle, b) if (more(middle) > 0) == signs[k] else (a, middle)
        found.append(float((a + b) / 2))
    return found
