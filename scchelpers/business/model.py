"""One site's business case: its options at any prices, in any growth between low and high."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scchelpers.business.ledger import Option, Regime, View, entries, value_of
from scchelpers.business.prices import Prices
from scchelpers.business.situation import (
    CONTROL,
    FIRM,
    SCHEMES,
    WAIT,
    Energy,
    Facts,
    Situation,
    energies_of,
    facts_of,
    margin_of,
    offers,
    priced_as,
)
from scchelpers.faults import UserError

LOW, CENTRAL, HIGH = -1.0, 0.0, 1.0

FASTEST = 2.0  # high growth, times the central one; low is none


@dataclass(frozen=True, eq=False)
class Model:
    """A site's case, from which options at any prices are made without the engine.

    Attributes
    ----------
    situation : Situation
        The site.
    facts : dict of float to Facts
        By growth: LOW, CENTRAL, HIGH.
    energies : dict of float to dict of str to Energy
        By growth and scheme.
    regime : {"since-2023", "before-2023"}
        Charging regime.
    stop_gap_years : float or None
        Of `offers`.
    """

    situation: Situation
    facts: Mapping[float, Facts]
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
        for kind, _ in self.facts[CENTRAL].short:
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
        nearest = min(self.facts, key=lambda at: abs(at - growth))
        end = LOW if growth < 0 else HIGH
        energies = {
            name: energy.mixed(self.energies[end][name], abs(growth)) if growth else energy
            for name, energy in self.energies[CENTRAL].items()
        }
        found = offers(self.facts[nearest], energies, prices, stop_gap_years=self.stop_gap_years)
        return sorted(found, key=lambda option: complexity(option.name))

    def margin(self, prices: Mapping[str, float]) -> float:
        """Return what a kWh served leaves to the customer [£/kWh]."""
        return margin_of(self.facts[CENTRAL].mix, prices)

    def values(
        self,
        prices: Mapping[str, float],
        growth: float = CENTRAL,
        view: View = "customer",
        regime: Regime | None = None,
    ) -> pd.Series:
        """Return the net present value of each option in one view [£]."""
        terms = {"margin": self.margin(prices), "regime": regime or self.regime}
        return pd.Series(
            {
                option.name: value_of(entries(option, prices, **terms), prices, view)
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
        As for `offers` and `facts_of`.
    runs, seed : int
        As for `by_year`.
    """
    facts, energies = {}, {}
    for growth, times in ((LOW, 0.0), (CENTRAL, 1.0), (HIGH, FASTEST)):
        energies[growth] = energies_of(
            situation, horizon=horizon, demand_growth=times * demand_growth,
            load_growth=times * load_growth, runs=runs, seed=seed,
        )  # fmt: skip
        facts[growth] = facts_of(
            situation, horizon=horizon, load_growth=times * load_growth,
            reinforced_for_growth=reinforced_for_growth,
        )  # fmt: skip
    return Model(situation, facts, energies, regime, stop_gap_years)


def complexity(name: str) -> tuple[int, str]:
    """Return the place of an option by complexity; a stop-gap stands after its scheme.

    Examples
    --------
    >>> sorted(["LMC", "TCC, then reinforced", "TCC"], key=complexity)
    ['TCC', 'TCC, then reinforced', 'LMC']
    """
    scheme = name.partition(",")[0]
    return (SCHEMES.index(scheme) if scheme in SCHEMES else len(SCHEMES), name)


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


LATE = ("transformer_years", "feeder_years", "primary_years")

DEAR = ("transformer_cost", "feeder_cost", "primary_cost")

SALES = ("ac_price", "dc_price", "fleet_price")


@dataclass(frozen=True)
class Future:
    """One way that things may go.

    Attributes
    ----------
    name : str
        Name.
    growth : float
        As for `Model.options`.
    lows, highs : tuple of str
        Prices that lie at the low and at the high end of their ranges.
    other_regime : bool
        Whether the other charging regime applies.
    """

    name: str
    growth: float = CENTRAL
    lows: tuple[str, ...] = ()
    highs: tuple[str, ...] = ()
    other_regime: bool = False

    def prices(self, prices: Prices) -> Prices:
        """Return the prices of this future."""
        low = {name: prices.price(name).low for name in self.lows}
        return prices.at(low | {name: prices.price(name).high for name in self.highs})


FUTURES = (
    Future("as expected"),
    Future("little charging", LOW, lows=("demand_level",)),
    Future("charging and load grow fast", HIGH),
    Future("curtailment is worse", highs=("curtailment_level", "goodwill")),
    Future("reinforcement is quick", lows=LATE),
    Future("reinforcement is late", highs=LATE),
    Future("reinforcement is dear", highs=DEAR),
    Future("drivers pay less", lows=SALES),
    Future("network charges are high", highs=("capacity_charge", "excess_charge")),
    Future("the other charging rules", other_regime=True),
)


def outcomes(model: Model, prices: Prices, futures: Sequence[Future] = FUTURES) -> pd.DataFrame:
    """Return the customer's value of every option in every future [£], over (option, future)."""
    other = {"since-2023": "before-2023", "before-2023": "since-2023"}[model.regime]
    return pd.DataFrame(
        {
            future.name: model.values(
                future.prices(prices),
                future.growth,
                regime=other if future.other_regime else model.regime,
            )
            for future in futures
        }
    ).rename_axis("option")


def regret(model: Model, found: pd.DataFrame) -> pd.DataFrame:
    """Return what each option is worth less than the best of its future [£], and the most of it.

    Parameters
    ----------
    model : Model
        The site; options that may not be there count neither as the best nor as a choice.
    found : pandas.DataFrame
        From `outcomes`.

    Returns
    -------
    pandas.DataFrame
        Over (option, future), and `largest`; rows in order of complexity.
    """
    choice = found.drop(index=list(model.uncertain), errors="ignore")
    missed = choice.max() - choice
    return missed.assign(largest=missed.max(axis=1))


def least_regretted(missed: pd.DataFrame) -> str:
    """Return the option whose largest regret is the smallest, the least complex on a tie.

    Examples
    --------
    >>> least_regretted(pd.DataFrame({"largest": [9.0, 4.0]}, index=["TCC", "LMC"]))
    'LMC'
    """
    return str(missed["largest"].round().idxmin())


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
