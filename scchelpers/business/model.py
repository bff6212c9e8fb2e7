"""One site's business case: its options at any prices, in any growth between low and high."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scchelpers.business.ledger import Option, Regime, View, entries, margin_of, value_of
from scchelpers.business.prices import Prices
from scchelpers.business.situation import (
    CONTROL,
    FIRM,
    SCHEMES,
    WAIT,
    Energy,
    Request,
    Situation,
    by_year,
    offers,
    possible,
    priced_as,
    request_of,
)

LOW, CENTRAL, HIGH = -1.0, 0.0, 1.0

FASTEST = 2.0  # high growth, times the central one; low is none


@dataclass(frozen=True, eq=False)
class Model:
    """A site's case, from which options at any prices are made without the engine.

    Attributes
    ----------
    situation : Situation
        The site.
    requests : dict of float to Request
        By growth: LOW, CENTRAL, HIGH.
    energies : dict of float to dict of str to Energy
        By growth and scheme.
    regime : {"since-2023", "before-2023"}
        Charging regime.
    stop_gap_years : float or None
        Of `offers`.
    """

    situation: Situation
    requests: Mapping[float, Request]
    energies: Mapping[float, Mapping[str, Energy]]
    regime: Regime
    stop_gap_years: float | None

    @property
    def central(self) -> Mapping[str, Energy]:
        """Charging under each scheme in the growth that was asked for."""
        return self.energies[CENTRAL]

    @property
    def known(self) -> bool:
        """Whether there is anything to compare: a site without sessions has no energy to value."""
        return bool(self.energies[CENTRAL])

    @property
    def base(self) -> str:
        """What everything is compared with: reinforcement, or a firm connection that fits today."""
        return WAIT if WAIT in self.energies[CENTRAL] else FIRM

    @property
    def uncertain(self) -> tuple[str, ...]:
        """Options that may not be there: a firm connection where the network is not known."""
        return (FIRM,) if self.situation.asset is None else ()

    @property
    def schemes(self) -> list[str]:
        """Schemes that could also be a stop-gap."""
        if WAIT not in self.energies[CENTRAL]:
            return []
        return [name for name in self.energies[CENTRAL] if name in CONTROL]

    def quoted(
        self, prices: Prices, *, cost_gbp: float | None = None, years: float | None = None
    ) -> Prices:
        """Return prices with a quotation for what has to be reinforced here; None: no change."""
        for kind, _ in self.requests[CENTRAL].short:
            own = priced_as(kind, prices)
            prices = prices.changed(**{f"{own}_cost": cost_gbp, f"{own}_years": years})
        return prices

    def options(self, prices: Mapping[str, float], growth: float = CENTRAL) -> list[Option]:
        """Return the options, the least complex first.

        Parameters
        ----------
        prices : Prices
            Price table.
        growth : float
            From -1, no growth, over 0, the growth that was asked for, to 1, twice that.
        """
        nearest = min(self.requests, key=lambda at: abs(at - np.median(growth)))
        energies = self.energies[CENTRAL]
        if np.any(growth):
            low, high = self.energies[LOW], self.energies[HIGH]
            down, up = np.maximum(-np.asarray(growth), 0.0), np.maximum(growth, 0.0)
            energies = {
                name: energy.mixed(low[name], down).mixed(high[name], up)
                for name, energy in energies.items()
            }
        found = offers(self.requests[nearest], energies, prices, stop_gap_years=self.stop_gap_years)
        return sorted(found, key=lambda option: complexity(option.name))

    def margin(self, prices: Mapping[str, float]) -> float:
        """Return what a kWh served leaves to the customer [£/kWh]."""
        return margin_of(self.requests[CENTRAL].mix, prices)

    def values(
        self,
        prices: Mapping[str, float],
        growth: float = CENTRAL,
        view: View = "customer",
        regime: Regime | None = None,
    ) -> pd.Series:
        """Return the net present value of each option in one view [£]."""
        return pd.Series(
            {
                option.name: value_of(
                    entries(option, prices, regime=regime or self.regime), prices, view
                )
                for option in self.options(prices, growth)
            }
        )

    def best(self, values: pd.Series) -> str:
        """Return the option of most value, the least complex on a tie; of those that are there."""
        return str(values.drop(list(self.uncertain), errors="ignore").round().idxmax())


def modelled(
    situation: Situation,
    *,
    horizon: int = 15,
    demand_growth: float = 0.05,
    load_growth: float = 0.01,
    regime: Regime = "since-2023",
    stop_gap_years: float | None = 5.0,
    reinforced_for_growth: bool = True,
    runs: int = 4,
    seed: int = 0,
) -> Model:
    """Charge a site's sessions under every scheme, in three growths, and return its case.

    Parameters
    ----------
    situation : Situation
        From `situation`.
    horizon : int
        Years to look ahead.
    demand_growth, load_growth : float
        Growth a year of charging, and of the load of network and site.
    regime, stop_gap_years, reinforced_for_growth
        As for `offers` and `request_of`.
    runs, seed : int
        As for `by_year`.
    """
    requests, energies = {}, {}
    for growth, times in ((LOW, 0.0), (CENTRAL, 1.0), (HIGH, FASTEST)):
        energies[growth] = by_year(
            situation, possible(situation),
            horizon=horizon, demand_growth=times * demand_growth,
            load_growth=times * load_growth, runs=runs, seed=seed,
        )  # fmt: skip
        requests[growth] = request_of(
            situation, horizon=horizon, load_growth=times * load_growth,
            reinforced_for_growth=reinforced_for_growth,
        )  # fmt: skip
    return Model(situation, requests, energies, regime, stop_gap_years)


def complexity(name: str) -> tuple[int, str]:
    """Return the place of an option by complexity; a stop-gap stands after its scheme.

    Examples
    --------
    >>> sorted(["LMC", "TCC, then reinforced", "TCC"], key=complexity)
    ['TCC', 'TCC, then reinforced', 'LMC']
    """
    scheme = name.partition(",")[0]
    return (SCHEMES.index(scheme) if scheme in SCHEMES else len(SCHEMES), name)


def monte_carlo(
    model: Model, prices: Prices, *, draws: int = 500, seed: int = 0, view: View = "customer"
) -> pd.DataFrame:
    """Return the value of every option in random futures [£], over (draw, option).

    Parameters
    ----------
    model : Model
        The site.
    prices : Prices
        Price table; each price is drawn by itself, see `Prices.drawn`. Growth is drawn
        from a triangle between none and twice the central one.
    draws, seed : int
        Number of futures, and seed.
    view : {"customer", "dno", "gb"}
        View.
    """
    drawn = prices.drawn(draws, seed)
    growth = np.random.default_rng(seed).triangular(LOW, CENTRAL, HIGH, (draws, 1))
    return pd.DataFrame(
        {
            option.name: np.ravel(
                value_of(entries(option, drawn, regime=model.regime), drawn, view)
            )
            for option in model.options(drawn, growth)
        }
    ).rename_axis("draw")


LARGEST = 20.0  # times the price, up to which a break-even is looked for

SCANNED = 41


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
