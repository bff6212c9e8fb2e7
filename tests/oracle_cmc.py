"""Setpoints by bisection on the AC power flow: slow and plain, what `cmc` is held against.

Used by tests and benchmarks only.
"""

from __future__ import annotations

import numpy as np

from scchelpers.network.allocation import LEAST_SENSITIVITY
from scchelpers.network.cmc import Intervals

HALVINGS = 18


def exact(case: Intervals, seen: np.ndarray, tier: np.ndarray) -> np.ndarray:
    """Return the setpoints of every interval, exact but for the halvings.

    Tier after tier, one share of the request rises for all sites of the tier until a branch is
    full; the sites that load it stop there, the others go on. Each step is a power flow.

    Parameters
    ----------
    case : Intervals
        Network, loads and requests.
    seen : numpy.ndarray of bool
        Whether a site is held back for a branch, over (site, branch): `sees`.
    tier : numpy.ndarray of int
        Tier of each site: all different for LIFO, all alike for pro-rata.

    Returns
    -------
    numpy.ndarray
        Setpoints over (interval, site) [kW].
    """
    limit_kw = case.requested_kw
    # Twice: what a branch hardly sees of other sites is there from the first time.
    for _ in range(2):
        before_kw, limit_kw = limit_kw, np.zeros_like(limit_kw)
        for number in np.unique(tier):
            rising = np.tile(tier == number, (len(case.times), 1))
            low = np.zeros(len(case.times))
            while rising.any():
                low, full = _rise(case, limit_kw, before_kw, rising, low, seen)
                limit_kw = np.where(rising, low[:, None] * case.requested_kw, limit_kw)
                rising &= ~((full[:, None, :] & seen).any(axis=2) | (low == 1)[:, None])
    return limit_kw


def sees(case: Intervals) -> np.ndarray:
    """Return whether each site is held back for each branch, told by leaving the site out once.

    Only branches that are ever short count.
    """
    all_kw = case.requested_kw.max(axis=0)
    trials = np.vstack([all_kw, all_kw * (1 - np.eye(len(all_kw)))])
    ends = case.solve(np.zeros(len(trials), int), trials).loading
    kva = np.abs(ends[0] - ends[1:]).max(axis=2) * case.flow.branches["rating_kva"].to_numpy()
    short = (case.survey().full > 1).any(axis=0)
    return (kva / all_kw[:, None] > LEAST_SENSITIVITY) & short


def _rise(case, limit_kw, before_kw, rising, low, seen) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the share can rise from `low`, and which branches are full just above."""
    rows = np.arange(len(case.times))
    concerned = (rising[:, :, None] & seen).any(axis=1)
    views = np.unique(seen[:, seen.any(axis=0)], axis=1).T

    def over(share: np.ndarray) -> np.ndarray:
        trial_kw = np.where(rising, share[:, None] * case.requested_kw, limit_kw)
        full = np.zeros_like(concerned)
        for view in views:  # the branches that see the same sites, the others as they were before
            flow = case.solve(rows, np.where(view, trial_kw, before_kw))
            full |= (case.loading(rows, flow) > 1) & (seen == view[:, None]).all(axis=0)
        return full & concerned

    high = np.ones_like(low)
    full = over(high)
    low = np.where(full.any(axis=1), low, 1.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        beyond = over(middle)
        fits = ~beyond.any(axis=1)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        full = np.where(fits[:, None], full, beyond)
    return low, full
