"""The windows and the verdict, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.tcc.assessment import FIRM, Study, span
from scchelpers.tcc.derivation import season_text
from scchelpers.tcc.proof import last_year
from scchelpers.tcc.trials import Proof, Stress
from scchelpers.wording import count, escape, listed, number, percent, quantity

_DAYS = {
    "weekday": "weekdays",
    "saturday": "Saturdays",
    "sunday": "Sundays",
    "weekend": "weekends",
    "all": "all days",
}


def answer(study: Study, proof: Proof | None, stressed: Stress | None) -> str:
    """Return the answer of the report in a few plain sentences."""
    if not study.known:
        return (
            f"**No answer for this site:** {listed(study.lacking)}. Which window and cap would "
            "protect a network can only be said from a year of its load and its rating. What "
            "follows is empty for this site."
        )
    asked = quantity(study.requested_kva, "kVA")
    said = f"**{study.verdict.verdict[0].upper()}{study.verdict.verdict[1:]}.** "
    if study.verdict.verdict == FIRM:
        return f"{said}{' '.join(study.verdict.reasons)} No timed limit is needed."
    if not study.offered:
        return (
            f"{said}{asked} does not fit at all times, and no timed limit would suit. "
            f"{' '.join(study.verdict.reasons)} A scheme that follows the real load (LMC, CMC) or "
            "reinforcement is the alternative."
        )
    free_h = study.measured["free_h"]
    said += (
        f"The network cannot carry {asked} at all times, but it can outside set hours. "
        f"{_strictest(study.windows, study.requested_kva)} At least {span(free_h)} of "
        f"every day keep the full {asked}, and the windows take "
        f"{percent(study.measured['deep_share'])} of the capacity-hours of a year."
    )
    return f"{said}\n\n{_protects(proof, stressed)}"


def _strictest(windows: pd.DataFrame, requested_kva: float) -> str:
    low = windows.loc[windows["limit_kva"].idxmin()]
    share = percent(low["limit_kva"] / requested_kva)
    others = len(windows) - 1
    return (
        f"At its strictest, in {season_text(low['season'], tuple(low['months']))} on "
        f"{_DAYS[low['day_type']]} from {low['start']} to {low['end']}, the site may draw "
        f"**{quantity(low['limit_kva'], 'kVA')}** ({share} of the request)"
        + (f"; {count(others, 'further window')} with higher caps are in the table below." if others
           else ".")
    )  # fmt: skip


def _protects(proof: Proof | None, stressed: Stress | None) -> str:
    said = []
    if proof is not None:
        found, low, high = proof.beyond, *proof.interval.loc["half_hours", ["low", "high"]]
        held = {"held-out year": "a year held out", "cross-validation": "days held out"}
        if found["half_hours"]:
            said.append(
                f"Judged on {held[proof.basis]}, network and site together would have been above "
                f"the rating in {count(found['half_hours'], 'half hour')} (90 of 100 like years: "
                f"{round(low):,} to {round(high):,}), by at most "
                f"{quantity(found['worst_kva'], 'kVA')}."
            )
        else:
            said.append(
                f"Judged on {held[proof.basis]}, network and site together stayed inside the "
                "rating throughout."
            )
    if stressed is not None:
        years = {name: last_year(frame) for name, frame in stressed.protected.items()}
        same = years["same shape, compound"]
        said.append(
            "At the assumed growth of the network's load it "
            + (
                f"no longer protects the network from **year {same}** on: margin and monitoring "
                "must be part of the agreement."
                if same is not None
                else "protects the network throughout the years looked at."
            )
        )
    return " ".join(said)


def asked(study: Study) -> str:
    """Return what was asked for, on what basis, of which network."""
    if not study.known:
        return ""
    request, rating = study.request, study.site.rating_kva
    said = f"Asked for: {quantity(request['requested_kva'], 'kVA')}"
    if request["basis"] == "after-diversity":
        said += (
            f" after diversity, of {quantity(request['full_kva'], 'kVA')} requested (basis: "
            f"{request['design_basis']})"
        )
    else:
        said += ", the full request"
    return (
        f"{said}. Asset {escape(study.site.meta['asset_id'])}: rating "
        f"{number(rating.min())} to {quantity(rating.max(), 'kVA')} by season, highest load "
        f"{quantity(float(study.network_kva.max()), 'kVA')} on record; "
        f"{quantity(study.margin_kva, 'kVA')} kept as margin; load planned for: the "
        f"{study.rules['quantile']:g} quantile of each half hour."
    )


def suitability(study: Study) -> str:
    """Return the reasons of the verdict."""
    if not study.known:
        return ""
    return f"**{study.verdict.verdict}**: {' '.join(study.verdict.reasons)}"


def steadiness(study: Study) -> str:
    """Return how steady the constraint is in its windows."""
    if not study.offered:
        return ""
    widest = study.by_window["spread_h"].idxmax()
    row, window = study.by_window.loc[widest], study.windows.loc[widest]
    seldom = study.by_window["constrained_days"] < 0.2
    said = (
        f"The window whose constraint moves most is {window['start']}–{window['end']} in "
        f"{season_text(window['season'], tuple(window['months']))} ({_DAYS[window['day_type']]}): "
        f"on 80 of 100 constrained days it begins between {row['begins_early']} and "
        f"{row['begins_late']} and ends between {row['ends_early']} and {row['ends_late']}."
    )
    if seldom.any():
        said += (
            f" {count(seldom.sum(), 'window')} of {len(seldom)} guard against days that are rare "
            "(the constraint occurs on fewer than one day in five)."
        )
    return said


def samples(study: Study) -> str:
    """Return on how many samples the quantiles rest."""
    if not study.offered:
        return ""
    fewest, quantile = int(study.windows["samples"].min()), study.rules["quantile"]
    needed = 1 / (1 - quantile) if quantile < 1 else float("inf")
    said = f"The thinnest cell of a window rests on {count(fewest, 'half hour')}"
    if fewest < needed:
        return (
            f"{said}: a {quantile:g} quantile is then close to the highest of them, and a rarer "
            "day than any on record is not in it. Hence the proof below."
        )
    return f"{said}."


def by_data(study: Study, other: Study) -> str:
    """Return what another way of making seasons would change."""
    if not (study.offered and other.offered):
        return ""
    parts = []
    for label, one in (("as reported", study), ("the other way", other)):
        seasons = listed(
            dict.fromkeys(season_text(r.season, tuple(r.months)) for r in one.windows.itertuples())
        )
        parts.append(
            f"{label}, {count(len(one.windows), 'window')} ({seasons}) take "
            f"{percent(one.measured['deep_share'])} of the capacity-hours, lowest cap "
            f"{quantity(one.windows['limit_kva'].min(), 'kVA')}"
        )
    return f"Seasons can follow the ratings or the data: {'; '.join(parts)}."
