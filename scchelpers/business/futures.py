"""What each way to connect is worth against waiting, over random prices common to all ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from scchelpers.business.ledger import Option, Regime, View, entries, value_of
from scchelpers.business.prices import Prices

WAIT, FIRM = "reinforcement", "firm"

# Ahead in this share of the futures, an option and what it is compared with are too close to call.
CLOSE = (0.4, 0.6)

_SURE = (0.05, 0.95)

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
    found = against_waiting(ways, drawn, view=view, regime=regime, base=base)
    return found.reindex(range(draws), method="ffill").rename_axis("draw")


def outlay(
    ways: Ways,
    prices: Prices,
    *,
    draws: int = 2000,
    seed: int = 0,
    regime: Regime = "since-2023",
) -> pd.DataFrame:
    """Return what the customer pays once for each way to connect, over random prices [£].

    Parameters
    ----------
    ways, prices, draws, seed, regime
        As for `worth`.

    Returns
    -------
    pandas.DataFrame
        By option: cost_gbp, the median, cost_low_gbp and cost_high_gbp, 5 % and 95 %: connection,
        contribution to reinforcement and control; not chargepoints, which cost the same in all.

    Examples
    --------
    >>> def ways(prices):
    ...     return [Option("firm", 0.5, np.ones(5), np.zeros(5), extension_gbp=4000.0)]
    >>> outlay(ways, Prices()).loc["firm"].tolist()
    [4000.0, 4000.0, 4000.0]
    """
    drawn, rows = prices.drawn(draws, seed), {}
    for option in ways(drawn):
        flows = entries(option, drawn, regime=regime)
        once = [
            np.sum(flows["customer", item][1], axis=-1)
            for item in ("connection", "contribution", "control")
            if ("customer", item) in flows
        ]
        rows[option.name] = np.quantile(-sum(once), [0.5, 0.05, 0.95])
    columns = ["cost_gbp", "cost_low_gbp", "cost_high_gbp"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def against_waiting(
    ways: Ways,
    prices: Mapping[str, float],
    *,
    view: View = "customer",
    regime: Regime = "since-2023",
    base: str | None = None,
) -> pd.DataFrame:
    """Return what each way to connect is worth more than waiting at given prices [£].

    Parameters
    ----------
    ways, view, regime, base
        As for `worth`.
    prices : Prices
        One price table; or any number of them, with prices in columns of a row a table.

    Returns
    -------
    pandas.DataFrame
        A row a price table, a column an option.

    Examples
    --------
    >>> def ways(prices):
    ...     wanted = np.full(10, 1000.0)
    ...     wait = Option("reinforcement", 2.0, wanted, 0 * wanted)
    ...     return [wait, Option("firm", 0.5, wanted, 0 * wanted)]
    >>> against_waiting(ways, Prices()).iloc[0].gt(0).to_dict()
    {'reinforcement': False, 'firm': True}
    """
    values = {
        option.name: np.ravel(value_of(entries(option, prices, regime=regime), prices, view))
        for option in ways(prices)
    }
    if not values:
        return pd.DataFrame()
    base = base or yardstick(values)
    rows = max(map(len, values.values()))
    more = {name: np.broadcast_to(gbp - values[base], rows) for name, gbp in values.items()}
    return pd.DataFrame(more)


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
    low, middle, high = (drawn.quantile(at) for at in (_SURE[0], 0.5, _SURE[1]))
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


LARGEST = 20.0  # times the price, up to which a break-even is looked for

_SCANNED = 401


def break_even(
    ways: Ways,
    prices: Prices,
    option: str,
    name: str,
    *,
    view: View = "customer",
    regime: Regime = "since-2023",
    largest: float | None = None,
) -> float:
    """Return the value of a price at which an option is worth as much as waiting.

    Parameters
    ----------
    ways, prices, view, regime
        As for `worth`.
    option : str
        The option.
    name : str
        Price to vary, all others as they are.
    largest : float, optional
        Highest value to try; by default `LARGEST` times the price.

    Returns
    -------
    float
        In the unit of the price; of several, the nearest to its value; NaN if there is none.

    Examples
    --------
    >>> def ways(prices):
    ...     wanted = np.full(10, 1000.0)
    ...     wait = Option("reinforcement", 0.0, wanted, 0 * wanted)
    ...     gbp = prices["goodwill"] - 1
    ...     return [wait, Option("TCC", 0.0, wanted, 0 * wanted, equipment_gbp=gbp)]
    >>> round(break_even(ways, Prices(), "TCC", "goodwill"), 6)
    1.0
    """
    top = LARGEST * prices[name] if largest is None else largest

    def crossings(low: float, high: float) -> list[tuple[float, float]]:
        grid = np.linspace(low, high, _SCANNED)
        columns = {**prices, name: grid[:, None]}
        more = against_waiting(ways, columns, view=view, regime=regime)[option]
        above = np.broadcast_to(more.to_numpy(), _SCANNED) > 0
        return [(grid[k], grid[k + 1]) for k in np.flatnonzero(above[1:] != above[:-1])]

    found = []
    for low, high in crossings(0.0, top):
        for _ in range(3):  # to 1 part in 60 million of the first step
            low, high = (crossings(low, high) or [(low, high)])[0]
        found.append((low + high) / 2)
    return float(min(found, key=lambda value: abs(value - prices[name]), default=np.nan))


def bearable_share(
    way: Option, base: Option, prices: Mapping[str, float], *, regime: Regime = "since-2023"
) -> tuple[float, float]:
    """Return how much energy may stay unserved until an option is worth no more than another.

    Parameters
    ----------
    way, base : Option
        The option, and what it is compared with.
    prices : Prices
        Price table.
    regime : {"since-2023", "before-2023"}
        Charging regime.

    Returns
    -------
    (bearable, simulated)
        Shares of the energy wanted while the option limits charging, the same every year. The first
        is negative where the option is worth less even without any curtailment, and NaN where
        energy not served costs nothing.

    Examples
    --------
    >>> from scchelpers.business import Prices
    >>> from scchelpers.business.ledger import Option
    >>> now = Option("TCC", 0.5, np.full(3, 1e4), np.full(3, 1e3))
    >>> later = Option("reinforcement", 2.0, np.full(3, 1e4), np.zeros(3))
    >>> bearable, simulated = bearable_share(now, later, Prices())
    >>> bool(bearable > simulated), round(simulated, 3)
    (True, 0.1)
    """
    level = {**prices, "curtailment_level": 1.0}

    def at(share: float) -> float:
        unserved_kwh = np.where(way.limited > 0, share * way.wanted_kwh, way.unserved_kwh)
        case = replace(way, unserved_kwh=unserved_kwh)
        return float(value_of(entries(case, level, regime=regime), level))

    aim = float(value_of(entries(base, prices, regime=regime), prices))
    none, half = at(0.0), at(0.5)
    wanted = float(way.limited @ way.wanted_kwh)
    simulated = float(way.limited @ way.unserved_kwh) / wanted if wanted else np.nan
    bearable = (none - aim) / (2 * (none - half)) if none != half else np.nan
    return bearable, simulated
