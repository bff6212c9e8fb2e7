"""How good the rules, the models and their intervals are, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.baselines.scores import brier, score_interval
from scchelpers.baselines.trial import MADE_LABELS, usable
from scchelpers.wording import change, count, interval, listed, number, percent, quantity

_FEWEST = 20
_NOTHING = "No rule can be judged: too few events have both a meter reading and a history."


def league(table: pd.DataFrame) -> str:
    """Return which rule foretells best, and by how much."""
    if table.empty:
        return _NOTHING
    events = count(table["events"].iloc[0], "event")
    if table["rrmse"].isna().all():
        return (
            f"In none of {events} was anything drawn: relative errors are undefined. Any rule says "
            "zero, rightly, and a baseline of zero earns nothing."
        )
    honest = usable(table)
    rules, models = (honest[honest["kind"] == kind] for kind in ("rule", "model"))
    best = rules.iloc[0]
    said = (
        f"On {events} that all have, the best rule is **{best['label']}**: it misses by "
        f"{percent(best['rrmse'])} of demand, with a bias of {change(1 + best['bias'])}."
    )
    if best["zero_share"] >= 0.5:
        said += " With so many events without demand, the least error goes to saying nothing."
    elif best["label"] != "BL01, unadjusted":
        bounds = interval(100 * best["gain_low"], 100 * best["gain_high"], "points")
        proven = best["gain_high"] < 0
        said += (
            f" Against unadjusted BL01 that is {number(-100 * best['gain'])} points less "
            f"(90 of 100 resampled histories: {bounds} of change), "
            f"{'a real gain' if proven else 'which may be chance'}."
        )
    if len(models):
        model = models.iloc[0]
        gain = best["rrmse"] - model["rrmse"]
        said += (
            f" No model beats it: the {model['label']} misses by {percent(model['rrmse'])}."
            if gain <= 0
            else f" The {model['label']} comes to {percent(model['rrmse'])}, "
            f"{number(100 * gain)} points better"
            f"{'' if gain > 0.02 else ': hardly worth the trouble'}."
        )
    worst = rules[rules["label"] != "zero"].sort_values("bias").iloc[-1]
    if worst["bias"] > 0.1:
        said += (
            f" Beware of {worst['label']}: it picks busy days, and is {percent(worst['bias'])} too "
            "high."
        )
    undefined = int(best["undefined"])
    if undefined:
        said += (
            f" In {count(undefined, 'event')} nothing was drawn; errors are set against the mean "
            "of all."
        )
    after = table[table["knows"] == "after the event"]
    if len(after) and after["rrmse"].iloc[0] < best["rrmse"]:
        said += (
            f" {after['label'].iloc[0].capitalize()} looks better here ("
            f"{percent(after['rrmse'].iloc[0])}), but reads the meter after the event: see below."
        )
    return said


def by_season(table: pd.DataFrame, rule: str) -> str:
    """Return in which season a rule does worst."""
    known = table[table["events"] >= _FEWEST].dropna(subset="rrmse")
    if len(known) < 2:
        return ""
    best, worst = known["rrmse"].idxmin(), known["rrmse"].idxmax()
    return (
        f"By season, {rule} misses by {percent(known['rrmse'][best])} in {best} and "
        f"{percent(known['rrmse'][worst])} in {worst}."
    )


def intervals(forecasts: Mapping[tuple[str, str], pd.DataFrame], level: float) -> str:
    """Return whether the intervals of the two-part model hold what they promise."""
    said = []
    for made, name in MADE_LABELS.items():
        table = forecasts.get(("two_part", made))
        if table is None:
            continue
        found, raw = (
            score_interval(table["actual_kw"], table[low], table[high], level=level)
            for low, high in (("low_kw", "high_kw"), ("raw_low_kw", "raw_high_kw"))
        )
        if found["events"] >= _FEWEST:
            said.append(
                f"{name}, {percent(found['coverage'])} of {int(found['events'])} events it had "
                f"not seen (uncalibrated {percent(raw['coverage'])}), with a mean width of "
                f"{quantity(found['width_kw'], 'kW')}"
            )
    if not said:
        return (
            f"Fewer than {_FEWEST} events could be foretold from enough others before them, so no "
            "interval is offered."
        )
    return f"The {percent(level)} interval of the two-part model covered: {'; '.join(said)}."


def p_zero(forecasts: Mapping[tuple[str, str], pd.DataFrame], recent: np.ndarray) -> str:
    """Return how well the chance of nothing can be foretold.

    Parameters
    ----------
    forecasts : mapping of (model, made) to pandas.DataFrame
        From `walk_forward`.
    recent : numpy.ndarray over event
        Share of the last ten like days with nothing.
    """
    tables = {made: forecasts.get(("two_part", made)) for made in MADE_LABELS}
    tables = {made: table for made, table in tables.items() if table is not None}
    known = np.isfinite(recent)
    for table in tables.values():
        known &= (table["p_zero"].notna() & table["actual_kw"].notna()).to_numpy()
    if known.sum() < _FEWEST or not tables:
        return "There are too few events to judge a chance of nothing."
    actual = next(iter(tables.values()))["actual_kw"].to_numpy()[known]
    share = (actual == 0).mean()
    if share in (0, 1):
        word = "something" if share == 0 else "nothing"
        return (
            f"In all {known.sum()} events {word} was drawn: the chance of nothing is no question "
            "here."
        )
    constant = brier(np.full(len(actual), share), actual)
    scores = {"the share of the last ten days": brier(recent[known], actual)}
    for made, table in tables.items():
        scores[f"the model {MADE_LABELS[made]}"] = brier(table["p_zero"][known], actual)
    best = min(scores, key=scores.get)
    said = listed([f"{value:.3f} with {name}" for name, value in scores.items()])
    verdict = (
        f"Best is {best}"
        if scores[best] < constant
        else "None beats the constant: when a car comes cannot be told here"
    )
    return (
        f"Nothing was drawn in {percent(share)} of {known.sum()} events. Brier score (0 is "
        f"perfect): {constant:.3f} for always saying that share, with hindsight; {said}. "
        f"{verdict}."
    )
