"""The trial of all rules and models on the same placebo events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.baselines.days import COMMON_STARTS, Days, actual, schedule, starts_utc
from scchelpers.baselines.matching import RULES, Estimates, estimate_all
from scchelpers.baselines.scores import by, difference, score
from scchelpers.timebase import season
from scchelpers.wording import change, percent

# Not the NYISO rule without low-usage days: at a quiet site it often has no day left.
COMPARED = (
    *("bl01", "bl01_additive", "bl01_highest", "bl01_upward", "caiso", "caiso_unclipped"),
    *("nyiso", "pjm", "pjm_additive", "mid_8_of_10", "high_5_of_10", "low_5_of_10"),
    *("mbma", "meter_before", "same_day_3_2", "zero"),
)
MODEL_LABELS = {
    "regression": "regression",
    "quantile": "quantile regression",
    "two_part": "two-part model",
}
MADE_LABELS = {"day_ahead": "day ahead", "same_day": "same day"}


def compared(days: Days, events: pd.DataFrame, **options) -> dict[str, Estimates]:
    """Return the baselines of the placebo events under every rule that can be compared.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        Placebo events: days without a service event.
    **options
        Of `estimate_all`. Without `excluded`, placebo days stay in each other's history.
    """
    names = list(COMPARED)
    if options.get("capacity_kw") is not None:
        names.append("capacity")
    if options.get("reference_kw") is not None:
        names.append("reference")
    return estimate_all(days, events, names, **options)


def league(
    days: Days,
    events: pd.DataFrame,
    told: Mapping[str, Estimates],
    forecasts: Mapping[tuple[str, str], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Return the scores of every rule and model on the events that all of them have.

    Parameters
    ----------
    days : Days
        The record.
    events : pandas.DataFrame
        The placebo events.
    told : mapping of str to Estimates
        From `compared`.
    forecasts : mapping of (model, made) to pandas.DataFrame, optional
        From `walk_forward`.

    Returns
    -------
    pandas.DataFrame
        Indexed by rule or "model, made", best RRMSE first: label, kind, knows (until when it
        sees the meter), the scores, short_pools, and gain with gain_low and gain_high: its RRMSE
        less that of unadjusted BL01, with 90 % bounds by a bootstrap over weeks.
    """
    kw = actual(days, events)
    baselines = {name: found.baseline_kw for name, found in told.items()}
    for (model, made), forecast in (forecasts or {}).items():
        point_kw = forecast["point_kw"].to_numpy()
        if np.isfinite(point_kw).any():
            name = f"{model}, {made}"
            baselines[name] = np.where(np.isnan(kw), np.nan, point_kw[:, None])
    common = common_events(kw, baselines)
    if not common.any():
        return pd.DataFrame()
    week = (events["day"] - days.first).dt.days.to_numpy()[common] // 7
    rows = {}
    for name, baseline_kw in baselines.items():
        short = told[name].flags.get("short_pool") if name in told else None
        rows[name] = {
            **_described(name),
            **score(kw[common], baseline_kw[common]),
            "short_pools": np.nan if short is None else short[common].mean(),
        }
        gap = difference(kw[common], baselines["bl01"][common], baseline_kw[common], week)
        rows[name] |= dict(zip(("gain", "gain_low", "gain_high"), gap, strict=True))
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")
    return frame.sort_values(["rrmse", "error_kw"], kind="stable")


def common_events(kw: np.ndarray, baselines: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the events for which every baseline is known wherever the meter is."""
    there = np.isfinite(kw)
    known = [(np.isfinite(told) | ~there).all(axis=1) for told in baselines.values()]
    return np.all([there.any(axis=1), *known], axis=0)


def by_season(days: Days, events: pd.DataFrame, told: Estimates) -> pd.DataFrame:
    """Return the scores of one rule by season."""
    labels = season(starts_utc(days, events), days.timezone)
    return by(actual(days, events), told.baseline_kw, labels).rename_axis("season")


def by_start(days: Days, hours: float, on: str, rules: Mapping[str, str]) -> pd.DataFrame:
    """Return how rules do at the starts that are commonest among real dispatches.

    Parameters
    ----------
    days : Days
        The record.
    hours, on
        As `schedule` takes them.
    rules : mapping of str to str
        Name in `RULES` to what the column is called.

    Returns
    -------
    pandas.DataFrame
        A row a start: mean demand [kW], share of events with nothing, and of each rule the RRMSE
        and the bias, in words.
    """
    rows = {}
    for start in COMMON_STARTS:
        events = schedule(days, start, hours, on=on)
        told = estimate_all(days, events, list(rules))
        found = {name: score(actual(days, events), told[name].baseline_kw) for name in rules}
        one = next(iter(found.values()))
        if one["events"]:
            rows[start] = {"mean [kW]": one["mean_kw"], "nothing": percent(one["zero_share"])}
            for name, label in rules.items():
                rows[start][f"{label}, RRMSE"] = percent(found[name]["rrmse"])
                rows[start][f"{label}, bias"] = signed(found[name]["bias"])
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("start")


def signed(share: float) -> str:
    """Return a bias as a percentage with its sign."""
    return change(1 + share) if np.isfinite(share) else "unknown"


def usable(league: pd.DataFrame) -> pd.DataFrame:
    """Return the entries that a real event cannot deceive: none sees the meter after it."""
    return league[league["knows"] != "after the event"]


def _described(name: str) -> dict:
    if name in RULES:
        rule = RULES[name]
        knows = "start of the event" if rule.sees_same_day else "days before"
        return {
            "label": rule.label,
            "kind": "rule",
            "knows": "after the event" if rule.sees_after else knows,
        }
    model, made = name.split(", ")
    return {
        "label": f"{MODEL_LABELS[model]}, {MADE_LABELS[made]}",
        "kind": "model",
        "knows": "start of the event" if made == "same_day" else "noon the day before",
    }
