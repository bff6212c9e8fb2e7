"""Who pays for reinforcement: the rules before and since 1 April 2023."""

from __future__ import annotations

from typing import Literal

from scchelpers.faults import UserError

Regime = Literal["since-2023", "before-2023"]
REGIMES = ("since-2023", "before-2023")


def contribution(
    cost_gbp: float,
    requested_kva: float,
    created_kva: float,
    *,
    regime: Regime = "since-2023",
    high_cost_threshold: float,
) -> float:
    """Return what a demand customer pays of a reinforcement [£]; the DNO pays the rest.

    Parameters
    ----------
    cost_gbp : float
        Cost of the work [£].
    requested_kva : float
        Capacity asked for [kVA].
    created_kva : float
        Capacity that the work creates [kVA].
    regime : {"since-2023", "before-2023"}
        Since 1 April 2023 (Access Significant Code Review) only the part above the threshold;
        before, the customer's share of the capacity created.
    high_cost_threshold : float
        Cost for each kVA asked for from which the customer pays in full [£/kVA].

    Raises
    ------
    UserError
        If the regime is not known or a value is below 0.

    Examples
    --------
    >>> rules = {"high_cost_threshold": 1720}
    >>> contribution(60_000, 100, 500, regime="before-2023", **rules)
    12000.0
    >>> contribution(60_000, 100, 500, **rules), contribution(200_000, 100, 500, **rules)
    (0.0, 28000.0)
    """
    if min(cost_gbp, requested_kva, created_kva, high_cost_threshold) < 0:
        raise UserError("contribution: cost, capacities and threshold must be 0 or more")
    if regime == "since-2023":
        return float(max(0.0, cost_gbp - high_cost_threshold * requested_kva))
    if regime != "before-2023":
        raise UserError(f"regime = {regime!r}: one of {', '.join(REGIMES)}")
    # Whoever asks for more than the work creates pays all of it.
    return float(cost_gbp * min(1.0, requested_kva / created_kva)) if created_kva else 0.0
