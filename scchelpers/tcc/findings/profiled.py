"""What a limit issued a day ahead is worth, in sentences."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers.tcc.profiled import PERFECT, TCC
from scchelpers.wording import count, listed, number, percent, quantity

BEST = "regression"


def profiled(scores: pd.DataFrame, issued: xr.Dataset) -> str:
    """Return how the day-ahead limit compares with the TCC, perfect foresight and the references.

    Parameters
    ----------
    scores : pandas.DataFrame
        From `profiled.score`.
    issued : xarray.Dataset
        From `profiled.issue`.
    """
    if not scores["half_hours"].iloc[0]:
        return "No half hour has a forecast from every rule and a metered load: nothing to judge."
    ours, timed, perfect = scores.loc[BEST], scores.loc[TCC], scores.loc[PERFECT]
    more = ours["released_kwh"]
    room = perfect["released_kwh"]
    if not more and not room:
        return (
            "**A limit issued a day ahead gains nothing here:** the TCC withholds nothing, and so "
            f"does the forecast. {_coverage(ours, issued.attrs['quantile'])} {_references(scores)}"
        )
    said = (
        f"**Issued at {issued.attrs['issue_time']} the day before, the regression's limit offers "
        f"{quantity(abs(more) / 1000, 'MWh')} {'more' if more >= 0 else 'less'} than the TCC** "
        f"over {count(scores['half_hours'].iloc[0], 'half hour')}, with "
        f"{count(ours['breaches'], 'breach', 'breaches')} of the rating against "
        f"{timed['breaches']:.0f} with the TCC, if the site uses all it is offered. "
    )
    if room > 0:
        said += (
            f"Perfect foresight would offer {quantity(room / 1000, 'MWh')} more than the TCC"
            + (f", so the forecast finds {percent(more / room)} of that. " if more > 0 else ". ")
        )
    else:
        said += (
            "Perfect foresight would offer no more than the TCC: its windows cost nothing here. "
        )
    return said + _coverage(ours, issued.attrs["quantile"]) + " " + _references(scores)


def _coverage(ours: pd.Series, quantile: float) -> str:
    short = ours["coverage"] < quantile - 0.005
    return (
        f"The load stayed at or below the forecast in {number(100 * ours['coverage'])}\u202f% of "
        f"half hours, where {number(100 * quantile)}\u202f% was aimed at"
        + (": the future was less like the past than the fit believed." if short else ".")
    )


def _references(scores: pd.DataFrame) -> str:
    loss = scores["pinball_kva"].drop([TCC, PERFECT])
    others = loss.drop(BEST)
    beaten = others.index[others > loss[BEST]].tolist()
    lost = others.index[others <= loss[BEST]].tolist()
    said = f"Its pinball loss is {quantity(loss[BEST], 'kVA')}"
    if beaten:
        said += ", below " + listed([f"“{name}” ({number(others[name])})" for name in beaten])
    if lost:
        said += ", **not below** " + listed([f"“{name}” ({number(others[name])})" for name in lost])
    return said + "."
