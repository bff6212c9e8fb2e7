"""The baseline rules as a table: every rule is a set of parameters of one pipeline.

Class of the day, exclusions, look-back, the most recent days, the ranking, the mean period by
period, the adjustment with the metered hours before the event, its clip, and the floor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

import pandas as pd

from scchelpers.faults import UserError, closest

Hours = tuple[float, float]


@dataclass(frozen=True)
class Rule:
    """One baseline rule.

    Pairs of numbers are for events on (working, non-working) days.

    Attributes
    ----------
    label, source : str
        What people call it, and where it comes from.
    kind : "history", "same_day", "fixed" or "nominated"
        Where the baseline comes from.
    day_classes : "two", "weekends" or "three"
        Which days are alike: working and non-working (weekends and bank holidays); the same, but a
        bank holiday is no example for a weekend; or working days, Saturdays, and Sundays with
        bank holidays.
    lookback_days, skip_days : int
        Candidates lie at most so many days back; the last few may be passed over.
    take : pair of int
        Most recent candidates to rank; as many as the look-back when all of them are.
    keep : pair of int
        How many of those are averaged.
    choose : "recent", "highest", "lowest" or "middle"
        Which: by mean demand, ties by recency.
    rank_on : "event" or "day"
        Ranked on the periods of the event or on the whole day.
    low_usage : float or None
        Days whose mean is below this share of the highest period of all candidates are dropped.
    adjustment : None, "additive", "upward" or "ratio"
        Same-day adjustment; upward is additive, but never down.
    window_h : pair of float
        Its window [h], counted from the start of the event.
    base : "chosen" or "pool"
        Days that the window is compared with: those averaged, or all that were ranked.
    clip : pair of float or None
        Bounds of a ratio.
    before_h, after_h : pair of float or None
        Same-day rules: metered window before the start, and after the end of the event [h].
    line : bool
        Same-day rules: a straight line from before to after instead of the mean.
    constant : "zero", "capacity" or "reference"
        Fixed rules: which constant.
    """

    label: str
    source: str
    kind: Literal["history", "same_day", "fixed", "nominated"] = "history"
    day_classes: Literal["two", "weekends", "three"] = "two"
    lookback_days: int = 60
    skip_days: int = 0
    take: tuple[int, int] = (10, 4)
    keep: tuple[int, int] = (10, 4)
    choose: Literal["recent", "highest", "lowest", "middle"] = "recent"
    rank_on: Literal["event", "day"] = "event"
    low_usage: float | None = None
    adjustment: Literal["additive", "upward", "ratio"] | None = None
    window_h: Hours = (-4.0, -1.0)
    base: Literal["chosen", "pool"] = "chosen"
    clip: Hours | None = None
    before_h: Hours | None = None
    after_h: Hours | None = None
    line: bool = False
    constant: Literal["zero", "capacity", "reference"] = "zero"

    @property
    def sees_after(self) -> bool:
        """Whether the rule uses meter readings from after the event."""
        return self.after_h is not None

    @property
    def sees_same_day(self) -> bool:
        """Whether the rule uses meter readings from just before or after the event."""
        return self.kind == "same_day" or self.adjustment is not None


_BL01 = Rule("BL01, unadjusted", "Elexon Baselining Methodology Document (P376)")
_TEN = Rule(
    "10 in 10",
    "CAISO proxy demand resource",
    day_classes="weekends",
    lookback_days=45,
    adjustment="ratio",
)
_HIGH_5 = Rule("high 5 of 10", "X of Y family", keep=(5, 2), choose="highest")
_NYISO = Rule(
    "NYISO high 5 of 10, ratio",
    "NYISO weekday baseline as coded in public",
    day_classes="three",
    lookback_days=30,
    skip_days=1,
    take=(10, 3),
    keep=(5, 2),
    choose="highest",
    adjustment="ratio",
    window_h=(-4.0, -2.0),
    base="pool",
    clip=(0.8, 1.2),
)
_PJM = Rule(
    "PJM high 4 of 5",
    "PJM economic load response",
    day_classes="three",
    lookback_days=45,
    take=(5, 3),
    keep=(4, 2),
    choose="highest",
    rank_on="day",
)
_MBMA = Rule(
    "meter before and after",
    "ENA Open Networks",
    kind="same_day",
    before_h=(-1.0, 0.0),
    after_h=(0.0, 1.0),
)

RULES: dict[str, Rule] = {
    "bl01": _BL01,
    "bl01_additive": replace(_BL01, label="BL01, additive", adjustment="additive"),
    "bl01_highest": replace(
        _BL01, label="BL01 read as highest days", take=(60, 60), choose="highest"
    ),
    "bl01_upward": replace(
        _BL01, label="BL01 days, upward only", source="UI/Eversource", adjustment="upward",
        window_h=(-2.0, -1.0),
    ),
    "caiso": replace(_TEN, label="CAISO 10 in 10, ratio 0.8–1.2", clip=(0.8, 1.2)),
    "caiso_unclipped": replace(_TEN, label="10 in 10, ratio unclipped"),
    "nyiso": _NYISO,
    "nyiso_low_usage": replace(_NYISO, label="NYISO, low-usage days out", low_usage=0.25),
    "pjm": _PJM,
    "pjm_additive": replace(_PJM, label="PJM high 4 of 5, additive", adjustment="additive"),
    "mid_8_of_10": replace(
        _HIGH_5, label="mid 8 of 10", keep=(8, 2), choose="middle"
    ),
    "high_5_of_10": _HIGH_5,
    "high_5_additive": replace(_HIGH_5, label="high 5 of 10, additive", adjustment="additive"),
    "low_5_of_10": replace(_HIGH_5, label="low 5 of 10", choose="lowest"),
    "mbma": _MBMA,
    "mbma_line": replace(_MBMA, label="meter before and after, line", line=True),
    "meter_before": replace(_MBMA, label="meter before", after_h=None),
    "same_day_3_2": replace(
        _MBMA, label="PJM same day, 3 + 2 h", source="PJM", before_h=(-4.0, -1.0),
        after_h=(1.0, 3.0),
    ),
    "zero": Rule("zero", "ENA Open Networks", kind="fixed"),
    "capacity": Rule("asset capacity", "DNO baselines by technology", kind="fixed",
                     constant="capacity"),
    "reference": Rule("fixed reference", "NGED", kind="fixed", constant="reference"),
    "nominated": Rule("nominated", "SSEN, ElectronConnect", kind="nominated"),
}  # fmt: skip


def rule_of(rule: str | Rule) -> Rule:
    """Return a rule by its name in `RULES`; a `Rule` of one's own passes through.

    Raises
    ------
    UserError
        If there is no such rule.

    Examples
    --------
    >>> rule_of("bl01").take
    (10, 4)
    """
    if isinstance(rule, Rule):
        return rule
    if rule in RULES:
        return RULES[rule]
    hint = closest(str(rule), list(RULES)) or f"rules: {', '.join(RULES)}"
    raise UserError(f"rule = {rule!r}: no such baseline rule; {hint}")


def rule_table(rules: dict[str, Rule] | None = None) -> pd.DataFrame:
    """Return the rules with all their parameters, one a row."""
    rules = RULES if rules is None else rules
    rows = [[getattr(rule, field.name) for field in fields(Rule)] for rule in rules.values()]
    columns = [field.name for field in fields(Rule)]
    return pd.DataFrame(rows, index=pd.Index(list(rules), name="rule"), columns=columns)
