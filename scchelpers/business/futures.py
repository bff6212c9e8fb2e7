"""Futures set beside one another, and the option that is least regretted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from scchelpers.business.model import CENTRAL, HIGH, LOW, Model
from scchelpers.business.prices import Prices

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
