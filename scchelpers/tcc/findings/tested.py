"""Proof and stress, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.tcc.assessment import Study, span
from scchelpers.tcc.proof import last_year
from scchelpers.tcc.trials import Proof, Stress
from scchelpers.wording import count, escape, number, percent, quantity


def nothing_to_prove(study: Study) -> str:
    """Return why there is nothing to prove or to stress, "" where there is."""
    if not study.known or study.offered:
        return ""
    return f"No windows are offered ({study.verdict.verdict}), so there is nothing to test here."


def proof_table(proof: Proof | None) -> pd.DataFrame:
    """Return breaches in and out of sample, for people."""
    if proof is None:
        return pd.DataFrame()
    names = {
        "half_hours": "breaches [half hours]",
        "worst_kva": "largest [kVA]",
        "longest_h": "longest run [h]",
        "energy_kvah": "energy [kVAh]",
    }
    low, high = proof.interval["low"], proof.interval["high"]
    return pd.DataFrame(
        {
            "in sample": [float(proof.within[name]) for name in names],
            "out of sample": [float(proof.beyond[name]) for name in names],
            "90 of 100 resampled records": [
                f"{number(low[n])} to {number(high[n])}" for n in names
            ],
        },
        index=pd.Index(names.values(), name="measure"),
    )


def proof(study: Study, tested: Proof | None) -> str:
    """Return what the proof out of sample shows."""
    if tested is None:
        return nothing_to_prove(study)
    inside, outside = tested.within["half_hours"], tested.beyond["half_hours"]
    how = {
        "held-out year": "The windows were derived from the first year and judged on the rest",
        "cross-validation": (
            "With less than two years on record, blocks of two weeks were held out in turn: each "
            "was judged by windows derived from all others"
        ),
    }[tested.basis]
    judged = tested.beyond["known_half_hours"]
    return (
        f"{how}, {count(judged, 'half hour')} in all. Breaches rise from "
        f"{count(inside, 'half hour')} in sample to **{int(outside):,}** out of sample "
        f"({percent(outside / judged)}), the largest {quantity(tested.beyond['worst_kva'], 'kVA')}"
        f" ({percent(tested.beyond['worst_kva'] / study.site.rating_kva.min())} of the lowest "
        "rating). A breach counts the site at its full limit; cars that draw less make fewer."
    )


def frontier(tested: Proof | None) -> str:
    """Return what the next quantiles up and down would change."""
    if tested is None:
        return ""
    table, chosen = tested.frontier, tested.quantile
    at = table.loc[chosen]
    said = (
        f"At the {chosen:g} quantile the windows cover {span(round(at['window_hours']))} a year "
        f"with a lowest cap of {quantity(at['limit_kva'], 'kVA')}, and leave "
        f"{count(round(at['half_hours']), 'half hour')} of breach a year."
    )
    for side, label in (
        (table.index < chosen, "A step looser"),
        (table.index > chosen, "stricter"),
    ):
        near = table.index[side]
        if not len(near):
            continue
        step = near[-1] if label == "A step looser" else near[0]
        row = table.loc[step]
        said += (
            f" {'A step stricter' if label == 'stricter' else label} ({step:g}): "
            f"{span(round(row['window_hours']))}, {quantity(row['limit_kva'], 'kVA')}, "
            f"{count(round(row['half_hours']), 'half hour')}."
        )
    return said


def growth(study: Study, stressed: Stress | None) -> str:
    """Return in which year the TCC stops protecting, by scenario."""
    if stressed is None:
        return nothing_to_prove(study)
    parts = []
    for name, frame in stressed.protected.items():
        year = last_year(frame)
        horizon = frame.index[-1]
        parts.append(
            f"{name}: "
            + (f"**year {year}**" if year is not None else f"not within {count(horizon, 'year')}")
        )
    first = next(iter(stressed.protected.values()))
    today_kva = first["margin_kva"].iloc[0]
    return (
        f"The TCC stops protecting the network in: {'; '.join(parts)}. Today "
        f"{quantity(today_kva, 'kVA')} are left at the tightest half hour (the margin and what the "
        "rounding of the caps gave). The report expects reinforcement then, rather than a changed "
        "window."
    )


def cold(stressed: Stress | None) -> str:
    """Return what a cold winter does to the windows."""
    if stressed is None:
        return ""
    found, bearable = stressed.cold, stressed.cold["bearable_share"]
    said = (
        f"A winter with {percent(stressed.colder)} more load from November to February would bring "
        f"{count(found['half_hours'], 'half hour')} of breach, at most "
        f"{quantity(found['worst_kva'], 'kVA')} and {span(found['longest_h'])} on end. "
    )
    if bearable < 0:
        return said + "Even the winter on record breaches in single half hours."
    return said + f"The first breach would come with {percent(bearable)} more load."


def reverse(flow: pd.Series | None) -> str:
    """Return what reversed flow means for the site."""
    if flow is None:
        return ""
    if not flow["half_hours"]:
        return "The flow never reverses on record: export plays no part here."
    said = (
        f"In {percent(flow['share'])} of the half hours the flow is reversed, at most "
        f"{quantity(flow['largest_kva'], 'kVA')} of export ({percent(flow['used_share'])} of the "
        "rating at the time). The load is taken with its sign: export leaves more room for "
        "charging, never less, so that no window is derived from it."
    )
    if flow["beyond_half_hours"]:
        return said + (
            f" In {count(flow['beyond_half_hours'], 'half hour')} export alone exceeds the rating; "
            "a cap on charging is no remedy, charging then would help."
        )
    if pd.notna(flow["years"]):
        said += (
            " At the assumed growth of export the rating would be reached from the other side in "
            f"about {count(round(flow['years']), 'year')}."
        )
    return said


def clock(study: Study) -> str:
    """Return what the windows follow in time."""
    if not study.offered:
        return ""
    return (
        f"The windows follow the clock of {study.site.timezone}: at the clock changes they keep "
        "their clock times, so that a schedule written in UTC for a whole winter would be an hour "
        "off on one side of each change."
    )


def no_hot_spot(kind: str | None) -> str:
    """Return why there is no thermal view."""
    return (
        f"The asset is recorded as {escape(kind or 'of unknown kind')}: the thermal model is that "
        "of an oil-immersed transformer, so there is no thermal view."
    )


def exported(study: Study) -> str:
    """Return how to write the windows to a file, or why there are none to write."""
    if not study.known:
        return ""
    if not study.offered:
        return f"There is nothing to write: {study.verdict.verdict}."
    return (
        f"`scc export tcc {study.site.site_id} --portfolio FOLDER --as json --into FILE` writes "
        "them; `-o NAME=VALUE` sets the parameters of this report."
    )
