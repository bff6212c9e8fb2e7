"""One site's business case: its options at any prices, in any growth between low and high."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from scchelpers.business.energy import Energy
from scchelpers.business.facts import Facts, facts_of, margin_of
from scchelpers.business.ledger import View, entries, value_of
from scchelpers.business.offers import CONTROL, energies_of, offers, priced_as
from scchelpers.business.option import Option
from scchelpers.business.prices import Prices
from scchelpers.business.regime import Regime
from scchelpers.business.schemes import FIRM, SCHEMES, WAIT
from scchelpers.business.situation import Situation

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
