"""What each way to connect is worth against waiting, over random prices common to all ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from scchelpers.business.ledger import Option, Regime, View, entries, value_of
from scchelpers.business.prices import Prices

WAIT, FIRM = "reinforcement", "firm"

# Ahead in this share of the futures, an option and what it is compared with are too close to call.
CLOSE = (0.4, 0.6)

SURE = (0.05, 0.95)

Ways = Callable[[Mapping[str, float]], Sequence[Option]]


def worth(
    ways: Ways,
    prices: Prices,
    *,
    draws: int = 2000,
    seed: int = 0,
    view: View = "customer",
    regime: Regime = "since-2023",
    base: str | None = None,
) -> pd.DataFrame:
    """Return what each way to connect is worth more than waiting, future by future [£].

    Parameters
    ----------
    ways : callable
        Options at some prices; asked once, with a column of draws for each price.
    prices : Prices
        Price table with the ranges to draw from, see `Prices.drawn`.
    draws, seed : int
        Number of futures, and seed. All ways meet the same prices in a future.
    view : {"customer", "dno", "gb"}
        Whose account.
    regime : {"since-2023", "before-2023"}
        Charging regime.
    base : str, optional
        What they are compared with; by default reinforcement, else a firm connection.

    Returns
    -------
    pandas.DataFrame
        A row a draw, a column an option; without columns where no way is known.

    Examples
    --------
    >>> def ways(prices):
    ...     wanted = np.full(10, 1000.0)
    ...     wait = Option("reinforcement", prices["transformer_years"], wanted, 0 * wanted)
    ...     return [wait, Option("TCC", 0.5, wanted, 0.1 * wanted)]
    >>> drawn = worth(ways, Prices(), draws=100)
    >>> drawn.shape, float(headline(drawn).loc["reinforcement", "worth_gbp"])
    ((100, 2), 0.0)
    """
    drawn = prices.drawn(draws, seed)
    values = {
        option.name: np.ravel(value_of(entries(option, drawn, regime=regime), drawn, view))
        for option in ways(drawn)
    }
    if not values:
        return pd.DataFrame(index=pd.RangeIndex(draws, name="draw"))
    base = base or yardstick(values)
    rows = {name: np.broadcast_to(value - values[base], draws) for name, value in values.items()}
    return pd.DataFrame(rows).rename_axis("draw")


def yardstick(names) -> str:
    """Return what ways are compared with: waiting for reinforcement, else firm, else the first.

    Examples
    --------
    >>> yardstick(["firm", "static CLM"]), yardstick(["TCC", "reinforcement"])
    ('firm', 'reinforcement')
    """
    return next((name for name in (WAIT, FIRM) if name in names), next(iter(names)))


def headline(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return the median worth of each option, its range and how often it is ahead.

    Parameters
    ----------
    drawn : pandas.DataFrame
        From `worth`.

    Returns
    -------
    pandas.DataFrame
        By option: worth_gbp, the median, worth_low_gbp and worth_high_gbp, 5 % and 95 % [£];
        ahead_probability; close, whether that is too close to call (40 to 60 %). The yardstick
        itself is never ahead: its probability is missing.

    Examples
    --------
    >>> found = headline(pd.DataFrame({"TCC": [-1.0, 2.0, 3.0, 8.0], "reinforcement": [0.0] * 4}))
    >>> found.loc["TCC", ["worth_gbp", "ahead_probability"]].tolist()
    [2.5, 0.75]
    """
    low, middle, high = (drawn.quantile(at) for at in (SURE[0], 0.5, SURE[1]))
    ahead = (drawn > 0).mean().where((drawn != 0).any())
    return pd.DataFrame(
        {
            "worth_gbp": middle,
            "worth_low_gbp": low,
            "worth_high_gbp": high,
            "ahead_probability": ahead,
            "close": ahead.between(*CLOSE),
        }
    ).rename_axis("option")
