"""Options side by side, each against the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from scchelpers.business.ledger import VIEWS, View, cash_flows, npv
from scchelpers.business.option import Option
from scchelpers.business.regime import Regime
from scchelpers.faults import UserError


def compare(
    options: Sequence[Option],
    prices: Mapping[str, float],
    *,
    margin: float,
    regime: Regime = "since-2023",
) -> pd.DataFrame:
    """Return what each option is worth in each view; the order given is kept and changes nothing.

    Parameters
    ----------
    options : sequence of Option
        Options with names of their own.
    prices, margin, regime
        As for `cash_flows`.

    Returns
    -------
    pandas.DataFrame
        Indexed by option: ready_years, unserved_share; customer_capital_gbp and dno_capital_gbp,
        not discounted [£]; customer_gbp, dno_gbp and gb_gbp, net present values [£].
    """
    names = [option.name for option in options]
    if len(set(names)) < len(names):
        raise UserError(f"options: each needs a name of its own; there are {', '.join(names)}")
    rows = {}
    for option in options:
        flows = cash_flows(option, prices, margin=margin, regime=regime)
        spent = flows[
            flows["item"].isin(["connection", "reinforcement", "contribution", "control"])
        ]
        capital = -spent.groupby("party")["gbp"].sum()
        rows[option.name] = {
            "ready_years": option.ready_years,
            "unserved_share": option.unserved_share,
            "customer_capital_gbp": float(capital.get("customer", 0.0)),
            "dno_capital_gbp": float(capital.get("dno", 0.0)),
            **{f"{view}_gbp": npv(flows, prices, view) for view in VIEWS},
        }
    columns = ["ready_years", "unserved_share", "customer_capital_gbp", "dno_capital_gbp"]
    columns += [f"{view}_gbp" for view in VIEWS]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("option")


def bridge(
    option: Option,
    base: Option,
    prices: Mapping[str, float],
    *,
    margin: float,
    regime: Regime = "since-2023",
    view: View = "customer",
) -> pd.Series:
    """Return by item what an option is worth more than another in one view [£]."""
    own, other = (
        npv(cash_flows(o, prices, margin=margin, regime=regime), prices, view, by_item=True)
        for o in (option, base)
    )
    return own - other
