"""What the tables and figures of the report say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.business.findings.words import change, gbp, plain, share, signed, years
from scchelpers.business.ledger import contribution
from scchelpers.business.model import CENTRAL, GROWTH, Model
from scchelpers.business.prices import Prices
from scchelpers.business.situation import WAIT
from scchelpers.wording import count, listed, quantity

FEW = 5
NAMED = 3


def options_set(model: Model, prices: Prices, compared: pd.DataFrame) -> pd.DataFrame:
    """Return the options as a table for reading."""
    by_name = {option.name: option for option in model.options(prices)}
    paid = [by_name[name].paid_kva for name in compared.index]
    return pd.DataFrame(
        {
            "connects in": [years(value) for value in compared["ready_years"]],
            "energy unserved": [share(value) for value in compared["unserved_share"]],
            "capital, customer [£]": [f"{v:,.0f}" for v in compared["customer_capital_gbp"]],
            "capital, DNO [£]": [f"{v:,.0f}" for v in compared["dno_capital_gbp"]],
            "capacity paid for, first and last year [kVA]": [
                f"{kva[0]:+,.0f} → {kva[-1]:+,.0f}" if kva[0] != kva[-1] else f"{kva[0]:+,.0f}"
                for kva in paid
            ],
        },
        index=compared.index,
    )


def values_set(
    compared: pd.DataFrame, views: tuple[str, ...], against: tuple[str, ...]
) -> pd.DataFrame:
    """Return what each option is worth in some views, and against others, for reading.

    Parameters
    ----------
    compared : pandas.DataFrame
        From `compare`.
    views : tuple of str
        Of "customer", "dno", "gb".
    against : tuple of str
        Options that the others are set against, of those in the table.
    """
    heads = {"customer": "customer", "dno": "DNO", "gb": "Great Britain"}
    columns = {}
    for view in views:
        value = compared[f"{view}_gbp"]
        columns[f"{heads[view]} [£]"] = [change(v).lstrip("+") for v in value]
        for name in against:
            if name in compared.index:
                columns[f"{heads[view]}, against {name} [£]"] = [
                    change(v) for v in value - value[name]
                ]
    return pd.DataFrame(columns, index=compared.index)


def worsening(model: Model) -> str:
    """Return how the energy unserved grows with the years."""
    if not model.known:
        return ""
    first, last = {}, {}
    for name, energy in model.energies[CENTRAL].items():
        part = energy.unserved_kwh / np.where(energy.wanted_kwh > 0, energy.wanted_kwh, np.nan)
        first[name], last[name] = part[0], part[-1]
    grew = [name for name in first if last[name] > first[name] + 0.001]
    if not grew:
        return "Growth does not add to the energy unserved within these years."
    worst = max(grew, key=lambda name: last[name] - first[name])
    said = (
        f"Curtailment grows most under {worst}: from {share(first[worst])} to {share(last[worst])}"
    )
    steady = [name for name in first if name not in grew]
    return said + (f". It does not grow under {listed(steady)}." if steady else ".")


def stop_gap(found: pd.DataFrame, scheme: str) -> str:
    """Return for how long a scheme is best kept as a stop-gap, from `stop_gaps`."""
    if found.empty:
        return "Nothing has to be reinforced for this request, so there is no stop-gap."
    best = found["customer_gbp"].idxmax()
    kept = found.loc[np.inf, "customer_gbp"]
    if np.isinf(best) or found.loc[best, "customer_gbp"] - kept < 1:
        return f"For the customer {scheme} is best kept on: giving way gains nothing."
    counted = found["customer_gbp"].round(-2)
    first = counted.index[counted >= counted.max()][0]
    return (
        f"For the customer {scheme} is worth most if it gives way after about {years(first)}: "
        f"{gbp(found.loc[best, 'customer_gbp'] - kept)} more than kept on."
    )


def excess(kva: float, prices: Prices) -> str:
    """Return what charging without management would take above the DSC, and be charged."""
    if not np.isfinite(kva):
        return ""
    if kva < 0.5:
        return "Even without management the import would stay within the supply of today."
    yearly = kva * prices["excess_charge"] * 365.25 / 100
    return (
        "If charging simply ran on behind the supply of today, it would take "
        f"{quantity(kva, 'kVA')} more than agreed on the average of the monthly peaks; the excess "
        f"charge, {gbp(yearly)} a year, is no price for capacity, as the network need not carry it."
    )


def regimes(model: Model, prices: Prices) -> str:
    """Return what the customer pays of the reinforcement under either rule, and what it changes."""
    found = {option.name: option for option in model.options(prices)} if model.known else {}
    if WAIT not in found:
        return "Nothing need be reinforced for this request, so the rules make no difference."
    full, paid = found[WAIT], {}
    for regime in ("before-2023", "since-2023"):
        paid[regime] = contribution(
            full.reinforcement_gbp, full.requested_kva, full.created_kva, regime=regime,
            high_cost_threshold=prices["high_cost_threshold"],
        )  # fmt: skip
    best = {
        regime: model.best(model.values(prices, regime=regime))
        for regime in ("before-2023", "since-2023")
    }
    rate = full.reinforcement_gbp / full.requested_kva
    above = "above" if rate > prices["high_cost_threshold"] else "below"
    said = (
        f"Of the {gbp(full.reinforcement_gbp)} for reinforcement the customer would have paid "
        f"{gbp(paid['before-2023'])} before April 2023, its share of the capacity created, and "
        f"pays {gbp(paid['since-2023'])} since: {gbp(rate)} for each kVA asked for is {above} the "
        f"high-cost threshold of £{prices['high_cost_threshold']:,.0f}. "
    )
    if best["before-2023"] == best["since-2023"]:
        return said + f"The best option, {best['since-2023']}, is the same under both rules."
    return said + (
        f"That turns the answer: **{best['before-2023']}** before, **{best['since-2023']}** since."
    )


def turning(found: pd.DataFrame, best: str) -> str:
    """Return which single changes would turn the answer round, from `tornado`."""
    ends = [(name, end, row) for name, row in found.iterrows() for end in ("low", "high")]
    turned = [
        f"{_change(name, end, row)} (then {row[f'best_{end}']})"
        for name, end, row in ends
        if row[f"best_{end}"] != best
    ]
    if not turned:
        return "No single price or rate, moved to the end of its range, would reverse this."
    rest = len(turned) - FEW
    more = f"; and {count(rest, 'more change')}" if rest > 0 else ""
    return f"**What would reverse it**, one at a time: {'; '.join(turned[:FEW])}{more}."


def _change(name: str, end: str, row: pd.Series) -> str:
    if name == GROWTH:
        return "no growth" if end == "low" else "growth twice as fast"
    value, unit = row[end], row["unit"]
    if unit == "years":
        return f"{row['meaning']} {years(value)}"
    if unit.startswith("£"):
        return f"{row['meaning']} £{value:,.{2 if value < 10 else 0}f}{unit[1:]}"
    return f"{row['meaning']} {plain(value)} {unit.replace('–', '')}".rstrip()


def break_evens_set(found: pd.DataFrame) -> pd.DataFrame:
    """Return break-even values as a table for reading, from `break_evens`."""
    return pd.DataFrame(
        {
            "here": [_valued(v, u) for v, u in zip(found["now"], found["unit"], strict=True)],
            "break-even": [
                "none" if not np.isfinite(v) else _valued(v, u)
                for v, u in zip(found["at"], found["unit"], strict=True)
            ],
        },
        index=found.index,
    )


def _valued(value: float, unit: str) -> str:
    if unit == "%":
        return share(value)
    return gbp(value) if unit == "£" else years(value)


def surely(found: pd.DataFrame, best: str, draws: int) -> str:
    """Return how the best option stands in random futures, from `chances`."""
    row = found.loc[best]
    said = (
        f"Of {count(draws, 'random future')} **{best}** is the best in {share(row['best_share'])}"
    )
    if row["p05_gbp"] == row["p95_gbp"]:
        return f"{said}."
    low, high = signed(row["p05_gbp"]), signed(row["p95_gbp"])
    return (
        f"{said} and better than the yardstick in {share(row['ahead_share'])}; in nine of ten it "
        f"is worth between {low} and {high} more."
    )


def often(found: pd.DataFrame, best: str) -> str:
    """Return which option comes first most often, from `chances`, if it is another."""
    first = str(found["best_share"].idxmax())
    if first == best:
        return f"No other option comes first as often as {best}."
    return (
        f"More often, in {share(found.loc[first, 'best_share'])}, {first} comes first: the answer "
        "hangs on the central values."
    )


def regretted(missed: pd.DataFrame, chosen: str, best: str) -> str:
    """Return which option is least regretted, from `regret`."""
    worst = missed.drop(columns="largest").loc[chosen]
    said = (
        f"**{chosen}** is least regretted: at worst it misses {gbp(missed.loc[chosen, 'largest'])}"
    )
    said += f" ({worst.idxmax()})." if worst.max() >= 1 else ", whatever comes."
    if chosen != best:
        said += (
            f" The best on central values, {best}, could miss {gbp(missed.loc[best, 'largest'])} "
            f"({missed.drop(columns='largest').loc[best].idxmax()})."
        )
    return said


def regret_set(missed: pd.DataFrame) -> pd.DataFrame:
    """Return the regrets as a table for reading."""
    futures = missed.drop(columns="largest")
    return pd.DataFrame(
        {
            "largest regret [£]": [f"{v:,.0f}" for v in missed["largest"]],
            "in the future": futures.idxmax(axis=1).where(missed["largest"] >= 1, "–"),
            "mean regret [£]": [f"{v:,.0f}" for v in futures.mean(axis=1)],
            "best in": [_best_in(futures.columns[row < 0.5]) for _, row in futures.iterrows()],
        },
        index=missed.index,
    )


def _best_in(futures: pd.Index) -> str:
    if len(futures) > NAMED:
        return f"{len(futures)} of the futures"
    return listed(futures) or "–"


def prices_set(prices: Prices) -> pd.DataFrame:
    """Return the price table for reading."""
    table = prices.table()
    return pd.DataFrame(
        {
            "what": table["meaning"],
            "value": [plain(value) for value in table["value"]],
            "range": [
                f"{plain(low)} to {plain(high)}" if high > low else "–"
                for low, high in zip(table["low"], table["high"], strict=True)
            ],
            "unit": table["unit"],
            "year": [str(year) for year in table["year"]],
            "source": [
                source if checked else f"{source} (unverified)"
                for source, checked in zip(table["source"], table["checked"], strict=True)
            ],
        },
        index=table.index,
    )


def unverified(prices: Prices) -> str:
    """Return how many prices rest on nothing that was read."""
    table = prices.table()
    loose = int((~table["checked"]).sum())
    return (
        f"{loose} of {len(table)} prices are **unverified**: orders of magnitude to be replaced by "
        "quotations, in a `prices.csv` beside the portfolio's tables or as parameters."
    )
