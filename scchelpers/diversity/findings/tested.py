"""What it is worth: models, hold-outs and the value to design for, in sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.design import covered_without_margin
from scchelpers.diversity.fitting import Fit, residuals
from scchelpers.wording import NARROW, change, count, interval, listed, number, percent, quantity

_CASES = {
    "weeks": "the same chargepoints in other weeks",
    "chargepoints": "other chargepoints in the same weeks",
    "both": "other chargepoints in other weeks",
}


def answer(curve: xr.Dataset, value: pd.Series, whole: dict[str, float]) -> str:
    """Return the answer of the report: what was measured and what to assume."""
    if value["basis"] == "no record":
        return "**No answer for this site:** not one charge is on record, so nothing can be said."
    n, evses = value["n"], curve.attrs["evses"]
    if evses == 1:
        return (
            "**No diversity can be measured here:** one chargepoint is on record, and one cannot "
            f"coincide with others. Assume its rating: {_total(value)}."
        )
    whose = f"The {evses} chargepoints on record"
    if whole["evses"] < evses:
        whose = f"Of {evses} chargepoints, the {whole['evses']} then on record"
    measured = (
        f"{whose} drew at most **{quantity(whole['peak_kw'], 'kW')}** together in a half hour: "
        f"{quantity(whole['admd_kw'], 'kW')} each, {percent(whole['coincidence_factor'])} of the "
        f"sum of their own peaks and {percent(whole['demand_factor'])} of their ratings."
    )
    if value["basis"] == "untested":
        return (
            f"{measured} The record is too short or too small to say how far that would hold "
            f"elsewhere: assume the ratings, {_total(value)}."
        )
    said = f"**For {count(n, 'chargepoint')} here, design for {_total(value)}.** {measured}"
    return f"{said} {_basis(value)}"


def fit(model: Fit, data: xr.Dataset) -> str:
    """Return what a fitted model is worth beside the data."""
    rest = residuals(model, data)
    if rest.empty:
        return f"**{model.model}:** cannot be fitted to fewer than two chargepoints."
    said = f"**{model.model}:** {model.parameter} = {number(model.value)}"
    if np.isfinite(model.low):
        said += f" (95{NARROW}% interval {interval(model.low, model.high)})"
    else:
        said += " (too little data for an interval)"
    if model.value == 0:
        said += ", at its bound: the data are at least as diverse as the rule can be"
    worst = rest.abs().idxmax()
    admd_kw = float(data["admd_kw"].sel(size=worst).mean("sample"))
    low = rest.index[rest < -0.02 * admd_kw]
    said += (
        f". It misses the measured ADMD by {quantity(np.sqrt((rest**2).mean()), 'kW')} (root mean "
        f"square), and most at n = {worst}: {quantity(abs(rest[worst]), 'kW')} "
        f"({percent(abs(rest[worst]) / admd_kw)}) too {'low' if rest[worst] < 0 else 'high'}."
    )
    if len(low):
        return f"{said} It errs on the unsafe side at n = {listed(low.astype(str))}."
    return f"{said} It nowhere errs on the unsafe side by more than 2{NARROW}%."


def unseen(ratio: pd.DataFrame, held: xr.Dataset) -> str:
    """Return how sure one can be with this much data."""
    if ratio.empty:
        points, weeks = held.attrs["evses"], held.attrs["weeks"]
        return (
            f"With {count(points, 'chargepoint')} and {count(weeks, 'week')} "
            "on record nothing can be held out (four chargepoints and eight weeks are needed): how "
            "far these figures would hold elsewhere is unknown."
        )
    size = ratio.loc["both"].index[-1]
    widths = {case: ratio.loc[(case, size)] for case in _CASES}
    said = "; ".join(
        f"{_CASES[case]}: {change(row['low'])} to {change(row['high'])}"
        for case, row in widths.items()
    )
    spread = {case: row["high"] - row["low"] for case, row in widths.items() if case != "both"}
    more = max(spread, key=spread.get)
    bare = covered_without_margin(held)[size]
    return (
        f"At {count(size, 'chargepoint')}, the largest groups that can be held out, 90 of 100 "
        f"groups held out differed from the estimate by this much: {said}. "
        f"More {more} on record would help most. "
        f"The bare 95th percentile of the seen half covered {percent(bare)} of the groups in the "
        f"other half{', less than it promises; hence the margin below' if bare < 0.95 else ''}."
    )


def design(value: pd.Series) -> str:
    """Return what to assume for n chargepoints and on what that rests."""
    if value["basis"] == "no record":
        return "Nothing is on record, so no value is offered; the ratings are the only safe one."
    return f"**{count(value['n'], 'chargepoint')}: {_total(value)}.** {_basis(value)}"


def _basis(value: pd.Series) -> str:
    evses = count(value["evses"], "chargepoint")
    return {
        "tested": "The value covered 95 of 100 groups of chargepoints and weeks held out.",
        "margin carried": (
            "Groups of this size cannot be held out from "
            f"{evses}; the margin is that of the largest groups that can."
        ),
        "extrapolated": (
            f"**This goes beyond the data:** only {evses} are on record. Their ADMD is held, "
            "although it should fall further with n; like chargepoints and drivers are assumed."
        ),
        "untested": (
            "The record is too short or too small to test any diversity, so none is assumed."
        ),
    }[value["basis"]]


def _total(value: pd.Series) -> str:
    return (
        f"{quantity(value['total_kw'], 'kW')} ({quantity(value['admd_kw'], 'kW')} each, "
        f"{percent(value['demand_factor'])} of rating)"
    )
