"""What the baselines mean, in sentences computed from them."""

from scchelpers.baselines.findings.answer import answer, coverage, when
from scchelpers.baselines.findings.judged import by_season, intervals, league, p_zero
from scchelpers.baselines.findings.real import credit, erosion, inflation
from scchelpers.baselines.findings.sold import firm, net, offers, pooling, scheme

__all__ = [
    "answer",
    "by_season",
    "coverage",
    "credit",
    "erosion",
    "firm",
    "inflation",
    "intervals",
    "league",
    "net",
    "offers",
    "p_zero",
    "pooling",
    "scheme",
    "when",
]
