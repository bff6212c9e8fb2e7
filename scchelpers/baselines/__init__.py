"""Flexibility baselines: what a site would have drawn, and whether it could prove a reduction.

A baseline is the demand that a flexibility service sets the meter against. The rules of day
matching are data (`RULES`); models add a probability of zero and calibrated intervals; placebo
events, on which the true reduction is none, judge them all.
"""

from scchelpers.baselines.days import Days, actual, at_dispatches, by_day, schedule
from scchelpers.baselines.delivery import (
    called,
    credited,
    firm_kw,
    firm_range,
    inflation,
    under_limit,
)
from scchelpers.baselines.forecast import features, walk_forward
from scchelpers.baselines.matching import RULES, estimate_all
from scchelpers.baselines.pooling import members, needed, pooling_curve, shared, site_days
from scchelpers.baselines.scores import score, score_interval

__all__ = [
    "RULES",
    "Days",
    "actual",
    "at_dispatches",
    "by_day",
    "called",
    "credited",
    "estimate_all",
    "features",
    "firm_kw",
    "firm_range",
    "inflation",
    "members",
    "needed",
    "pooling_curve",
    "schedule",
    "score",
    "score_interval",
    "shared",
    "site_days",
    "under_limit",
    "walk_forward",
]
