"""Flexibility baselines: what a site would have drawn, and whether it could prove a reduction.

A baseline is the demand that a flexibility service sets the meter against. The rules of day
matching are data (`RULES`); models add a probability of zero and calibrated intervals; placebo
events, on which the true reduction is none, judge them all.
"""

from scchelpers.baselines import findings
from scchelpers.baselines.days import Days, actual, at_dispatches, bank_holidays, by_day, schedule
from scchelpers.baselines.delivery import (
    consistency,
    deliverable,
    firm_by_hour,
    firm_kw,
    offers,
    paid_share,
)
from scchelpers.baselines.forecast import features, forecasts, walk_forward
from scchelpers.baselines.matching import (
    FLAGS,
    RULES,
    Baseline,
    Estimates,
    Rule,
    estimate,
    estimate_all,
    event_mean,
    nominated,
    rule_of,
    rule_table,
)
from scchelpers.baselines.pooling import curve as pooling_curve
from scchelpers.baselines.pooling import members, needed, shared, site_days, sites_to_pool
from scchelpers.baselines.response import (
    called,
    clock_limit,
    credited,
    erosion,
    inflation,
    net_of_scheme,
    rebound,
    under_limit,
)
from scchelpers.baselines.scores import (
    brier,
    difference,
    reliability,
    score,
    score_interval,
)
from scchelpers.baselines.tabulated import interval_table, league_table, summary
from scchelpers.baselines.trial import by_season, by_start, compared, league

__all__ = [
    "FLAGS",
    "RULES",
    "Baseline",
    "Days",
    "Estimates",
    "Rule",
    "actual",
    "at_dispatches",
    "bank_holidays",
    "brier",
    "by_day",
    "by_season",
    "by_start",
    "called",
    "clock_limit",
    "compared",
    "consistency",
    "credited",
    "deliverable",
    "difference",
    "erosion",
    "estimate",
    "estimate_all",
    "event_mean",
    "features",
    "findings",
    "firm_by_hour",
    "firm_kw",
    "forecasts",
    "inflation",
    "interval_table",
    "league",
    "league_table",
    "members",
    "needed",
    "net_of_scheme",
    "nominated",
    "offers",
    "paid_share",
    "pooling_curve",
    "rebound",
    "reliability",
    "rule_of",
    "rule_table",
    "schedule",
    "score",
    "score_interval",
    "shared",
    "site_days",
    "sites_to_pool",
    "summary",
    "under_limit",
    "walk_forward",
]
