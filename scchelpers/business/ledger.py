"""Who pays and who earns what, when: the cash flows of an option and their present value.

A transfer stands twice, with opposite signs. So each party's account is complete on its own, and in
the sum of both, the view of Great Britain, transfers vanish.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from scchelpers.business.discounting import factor, social_factor
from scchelpers.business.option import Option
from scchelpers.business.regime import Regime, contribution
from scchelpers.faults import UserError

View = Literal["customer", "dno", "gb"]
VIEWS = ("customer", "dno", "gb")
HOURS = 8760.0
DAYS = 365.25

# Items in the order of the tables.
ITEMS = (
    *("connection", "reinforcement", "contribution", "asset value left", "control", "upkeep"),
    *("chargepoints", "energy margin", "unserved energy", "capacity charge", "excess charge"),
    *("trips", "breaches", "flexibility"),
)
Entries = dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]


def entries(
    option: Option, prices: Mapping[str, float], *, margin: float, regime: Regime = "since-2023"
) -> Entries:
    """Return the flows of an option, {(party, item): (times [years], amounts [£])}.

    Parameters
    ----------
    option : Option
        The option.
    prices : Prices
        Price table.
    margin : float
        What a kWh served leaves to the customer [£/kWh], see `margin_of`.
    regime : {"since-2023", "before-2023"}
        Charging regime.

    Notes
    -----
    Capital is spent when it is needed; what recurs falls at the end of each year. All in real
    terms. The margin is taken to be a gain of GB, too; strictly it is one only as far as drivers
    would not charge elsewhere. Flexibility is taken to be worth its price to the DNO, so that its
    account does not change by it.
    """
    ends = np.arange(1, option.years + 1)
    on = option.connected
    at = option.ready_years
    found: Entries = {}

    def once(party: str, item: str, time: float, gbp: float) -> None:
        found[party, item] = (np.array([time]), np.array([gbp]))

    def yearly(party: str, item: str, gbp: np.ndarray) -> None:
        found[party, item] = (ends, on * gbp)

    found["customer", "connection"] = (
        np.array([at, option.reinforced_years]),
        -np.array([option.extension_gbp, option.later_extension_gbp]),
    )
    if option.reinforcement_gbp and option.reinforced_years <= option.years:
        own = 0.0
        if option.contributes:
            own = contribution(
                option.reinforcement_gbp, option.requested_kva, option.created_kva, regime=regime,
                high_cost_threshold=prices["high_cost_threshold"],
            )  # fmt: skip
        used = min(1.0, (option.years - option.reinforced_years) / prices["asset_life"])
        when = option.reinforced_years
        once("dno", "reinforcement", when, -option.reinforcement_gbp)
        once("customer", "contribution", when, -own)
        once("dno", "contribution", when, own)
        once("dno", "asset value left", option.years, option.reinforcement_gbp * (1 - used))
    for party, equipment_gbp, running_gbp in (
        ("customer", option.equipment_gbp, option.running_gbp),
        ("dno", option.dno_equipment_gbp, option.dno_running_gbp),
    ):
        once(party, "control", at, -equipment_gbp)
        yearly(party, "upkeep", -running_gbp)

    wanted_kwh = option.wanted_kwh * prices["demand_level"]
    lost_kwh = option.unserved_kwh * prices["demand_level"] * prices["curtailment_level"]
    lost_kwh = np.minimum(lost_kwh, wanted_kwh)
    yearly("customer", "energy margin", wanted_kwh * margin)
    yearly("customer", "unserved energy", -lost_kwh * (margin + prices["goodwill"]))
    yearly("customer", "chargepoints", -option.rated_kw * prices["chargepoint_hire"])
    for item, kva, price in (
        ("capacity charge", option.paid_kva, prices["capacity_charge"]),
        ("excess charge", option.excess_kva, prices["excess_charge"]),
    ):
        gbp = kva * price * DAYS / 100
        yearly("customer", item, -gbp)
        yearly("dno", item, gbp)
    trip_gbp = prices["trip_callout"] + prices["trip_hours"] * (
        option.mean_kw * prices["demand_level"] * (margin + prices["goodwill"])
        + option.other_kw * prices["other_load_value"]
    )
    yearly("customer", "trips", -option.trips * trip_gbp)
    yearly("customer", "breaches", -option.breaches * prices["breach_cost"])
    sold_gbp = option.flexible_kw * prices["flexibility_hours"] * prices["flexibility_price"] / 1000
    yearly("customer", "flexibility", sold_gbp)
    return found


def cash_flows(
    option: Option, prices: Mapping[str, float], *, margin: float, regime: Regime = "since-2023"
) -> pd.DataFrame:
    """Return the flows of an option as a table: party, item, year [years from now], gbp [£].

    Parameters and notes as for `entries`.
    """
    rows = [
        (party, item, float(time), float(gbp))
        for (party, item), flow in entries(option, prices, margin=margin, regime=regime).items()
        for time, gbp in zip(*flow, strict=True)
        if gbp
    ]
    return pd.DataFrame(rows, columns=["party", "item", "year", "gbp"])


def npv(
    flows: pd.DataFrame, prices: Mapping[str, float], view: View = "customer", *, by_item=False
):
    """Return the net present value of flows in one view [£].

    Parameters
    ----------
    flows : pandas.DataFrame
        From `cash_flows`.
    prices : Prices
        customer_rate discounts the customer's view, social_rate those of the DNO and of GB.
    view : {"customer", "dno", "gb"}
        "gb" is both parties together, in which transfers vanish.
    by_item : bool
        Whether to return a Series by item instead of the sum.
    """
    weights = discount(view, prices)
    own = flows if view == "gb" else flows[flows["party"] == view]
    value = own["gbp"] * weights(own["year"].to_numpy())
    if not by_item:
        return float(value.sum())
    return value.groupby(own["item"]).sum().reindex(ITEMS, fill_value=0.0)


def value_of(found: Entries, prices: Mapping[str, float], view: View = "customer") -> float:
    """Return the same from `entries`: quicker, for thousands of draws."""
    weights = discount(view, prices)
    chosen = [flow for (party, _), flow in found.items() if view in ("gb", party)]
    times, gbp = (np.concatenate(part) for part in zip(*chosen, strict=True))
    return float(weights(times) @ gbp)


def discount(view: View, prices: Mapping[str, float]):
    """Return the discount factor of a view, as a function of time [years]."""
    if view == "customer":
        return lambda years: factor(years, prices["customer_rate"])
    if view in ("dno", "gb"):
        return lambda years: social_factor(years, prices["social_rate"])
    raise UserError(f"view = {view!r}: one of {', '.join(VIEWS)}")
