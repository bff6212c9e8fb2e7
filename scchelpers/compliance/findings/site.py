"""What one site's record says of its terms."""

from __future__ import annotations

import pandas as pd

from scchelpers.compliance.findings.network import protection
from scchelpers.compliance.judged import SEVERITIES, counts
from scchelpers.compliance.review import PRIORITIES, priority
from scchelpers.compliance.study import BROKEN, KEPT, Study
from scchelpers.timebase import clock
from scchelpers.wording import (
    count,
    date,
    escape,
    listed,
    number,
    percent,
    quantity,
)

SCHEMES = {
    "tcc": "timed capacity connection",
    "static_clm": "static customer load management",
    "dynamic_clm": "dynamic customer load management",
    "profiled": "profiled capacity",
    "lmc": "locally managed constraint scheme",
    "cmc": "centrally managed constraint scheme",
    "firm": "firm connection",
}
NO_ENTRY = "The site has no entry in the register."
NOTHING = "Nothing was judged, so that there is nothing to tell."
HISTORY = ("from", "approved on", "approved by", "what changed", "why")
METERED = {"site": "the whole site", "charging": "the chargepoints"}


def answer(study: Study, as_of: pd.Timestamp) -> str:
    """Return the answer for a manager: kept or not, why, how long it protects, what to do."""
    if not study.registered:
        return (
            "**No answer: the site has no entry in the register.** Its import cannot be held "
            "against terms that nobody has written down. `scc register` adds an entry."
        )
    if not study.known:
        said = f"**Compliance is not shown:** {escape(study.lacking[0])}."
    elif study.verdict == KEPT:
        said = f"**The terms were kept** in {percent(study.covered['known_share'])} of the time "
        said += "in force, which is what is on record."
    elif study.verdict == BROKEN:
        said = _broken(study)
    else:
        said = "**Compliance is not shown.** No excursion is on record, but " + (
            "the meter is coarser than the averaging time of the terms."
            if study.judged.coarse
            else f"{quantity(study.covered['missing_h'], 'h')} of it are missing."
        )
    parts = [said, protection(study.encroachment)]
    level, reasons = priority(study, as_of)
    why = f" ({escape(reasons[0])})" if reasons else ""
    parts.append(f"In the review of the portfolio this site stands under **{PRIORITIES[level]}**"
                 f"{why}.")  # fmt: skip
    return " ".join(part for part in parts if part)


def _broken(study: Study) -> str:
    runs, worst = study.runs, study.runs["depth_kw"].max()
    grave = int((runs["severity"] == "grave").sum())
    more = f", {number(grave)} of them grave," if grave else ""
    text = (
        f"**The terms were not kept:** {count(len(runs), 'excursion')}{more} of up to "
        f"{quantity(worst, 'kW')} above the limit, "
        f"{quantity(runs['duration_min'].sum() / 60, 'h')} in all."
    )
    if study.causes:
        first = study.causes[0]
        text += f" The likely cause: {first.name} ({escape(first.detail)})."
    return text


def terms(study: Study) -> str:
    """Return what the last entry of the register allows."""
    if not study.registered:
        return NO_ENTRY
    own = study.terms
    said = (
        f"Entry {escape(own.entry_id)}, a {SCHEMES[own.scheme]}: {METERED[own.metered]} may draw "
        f"{quantity(own.capacity_kva, 'kVA')} ({quantity(own.capacity_kw, 'kW')}), judged as means "
        f"over {_length(own.averaging)}"
    )
    if len(own.windows):
        said += f", but in {count(len(own.windows), 'window')} less"
    if own.signalled:
        said += f", but less when told, and {quantity(own.failsafe_kw, 'kW')} without a signal"
    return f"{said}. In force since {date(own.begins.tz_convert(own.timezone))}."


def _length(span: pd.Timedelta) -> str:
    seconds = span / pd.Timedelta("1s")
    return quantity(int(seconds // 60), "min") if seconds >= 60 else quantity(seconds, "s")


def covered(study: Study) -> str:
    """Return how much was judged; what is missing is said, never counted as kept."""
    if not study.known:
        return f"Nothing was judged: {escape(study.lacking[0])}."
    found, judged = study.covered, study.judged
    said = (
        f"Judged: {percent(found['known_share'])} of {quantity(found['in_force_h'], 'h')} in force"
    )
    if found["limited_share"] == found["limited_share"]:
        said += f", and {percent(found['limited_share'])} of the time with a lowered limit"
    said += "."
    if found["missing_h"]:
        said += f" {quantity(found['missing_h'], 'h')} are missing and do not count as kept."
    if judged.coarse:
        said += (
            f" The meter averages over {_length(judged.step)}, longer than the terms "
            f"({_length(judged.entries[-1].averaging)}): excursions are a lower bound."
        )
    return said


def meter(study: Study) -> str:
    """Return the faults of the meter."""
    if study.meter is None or not study.meter.faults:
        return ""
    said = [f"{cause}: {sentence}" for cause, sentence in study.meter.faults.items()]
    return "**The meter:** " + " ".join(said)


def severity_table(study: Study) -> pd.DataFrame:
    """Return excursions by severity, with headings for people."""
    table = counts(study.runs)[["excursions", "hours_h", "longest_min", "deepest_kw", "excess_kwh"]]
    table = table.loc[list(SEVERITIES[::-1])].rename_axis("severity")
    return table.set_axis(
        ["excursions", "in all [h]", "longest [min]", "deepest [kW]", "excess [kWh]"], axis=1
    )


def excursion_table(study: Study, most: int = 8) -> pd.DataFrame:
    """Return the gravest excursions, with headings for people."""
    rank = study.runs["severity"].map(SEVERITIES.index)
    order = study.runs.assign(rank=rank).sort_values(["rank", "excess_kwh"], ascending=False)
    rows = order.head(most).sort_values("start")
    local = clock(rows["start"], study.terms.timezone)
    return pd.DataFrame(
        {
            "severity": rows["severity"].to_numpy(),
            "length [min]": rows["duration_min"].to_numpy(),
            "limit [kW]": rows["limit_kw"].to_numpy(),
            "deepest [kW]": rows["depth_kw"].to_numpy(),
            "excess [kWh]": rows["excess_kwh"].to_numpy(),
        },
        index=pd.Index(local.strftime("%a %d %b %Y %H:%M"), name="begins"),
    )


def cause_table(study: Study) -> pd.DataFrame:
    """Return the likely causes, with headings for people."""
    return pd.DataFrame(
        {
            "what exactly": [
                cause.detail + (f"; or: {listed(cause.also)}" if cause.also else "")
                for cause in study.causes
            ],
            "explains [intervals]": [cause.intervals for cause in study.causes],
            "on [days]": [cause.days for cause in study.causes],
            "what to do": [cause.remedy for cause in study.causes],
        },
        index=pd.Index([cause.name for cause in study.causes], name="likely cause"),
    )


def causes(study: Study) -> str:
    """Return how sure the causes are."""
    if not study.known:
        return NOTHING
    if not len(study.runs):
        return "No excursion, so that there is no cause to look for."
    total = int(study.judged.above.sum())
    named = [c for c in study.causes if c.name not in ("isolated", "no single pattern")]
    explained = sum(cause.intervals for cause in named)
    said = f"{percent(explained / total)} of {count(total, 'interval')} above the limit"
    if not named:
        return f"{said} fit a known pattern: the excursions are {study.causes[0].name}."
    names = listed([cause.name for cause in named])
    return (
        f"{said} lie within what a site would draw that had this fault: {names}. A pattern is "
        "evidence, not proof: the controller's own log can settle it."
    )


def trend(study: Study) -> str:
    """Return whether the limit is exceeded more and more."""
    if not study.known:
        return NOTHING
    found = study.trend
    if found["word"] == "too short to tell":
        return f"{count(found['months'], 'month')} on record that tested the limit: too short " \
               "for a trend."  # fmt: skip
    if not len(study.runs):
        return "There is no excursion in any month."
    return (
        f"Over {count(found['months'], 'month')} that tested the limit the trend is: "
        f"**{found['word']}**."
    )


def reasons(study: Study, as_of: pd.Timestamp) -> str:
    """Return why a site stands where it does in the review, the gravest reason first."""
    if not study.registered:
        return ""
    _, found = priority(study, as_of)
    if not found:
        return "There is no reason to act."
    return "\n".join(["**Why it stands there in the review:**", "",
                      *(f"- {escape(reason)}" for reason in found)])  # fmt: skip


def history_table(history: pd.DataFrame) -> pd.DataFrame:
    """Return the entries of a site (`Register.history`) with headings for people."""
    names = ["valid_from", "approved_on", "approved_by", "changed", "reason"]
    return history[names].set_axis(list(HISTORY), axis=1).rename_axis("entry")
