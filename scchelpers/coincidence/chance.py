"""Whether restriction and demand meet more than chance would have them meet.

Two questions are kept apart. *Which days*: the limits of whole weeks (or days) change places
within a season, hour kept on hour, so that what is common to all of them, the clock and the
season, cannot count as coincidence. *Which hours*: the limit of every day is turned round the clock
by the same number of hours.

The measure is the demand above the limit before anything is made up: the loss of every block under
the limit of every other is worked out once, and a permutation is then a sum of entries.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.coincidence.blocks import Blocks

MEASURES = {
    "lost_kwh": "energy wanted above the limit",
    "wanted_restricted_kwh": "energy wanted while the limit restricts",
}
ROUNDING = 1e-9


def pairs(data: Blocks, measure: str = "lost_kwh") -> np.ndarray:
    """Return what each block would lose under the limit of each block [kWh].

    Parameters
    ----------
    data : Blocks
        Demand and limit by day and clock.
    measure : str
        "lost_kwh", demand above the limit, or "wanted_restricted_kwh", demand in restricted hours
        at any level of the limit.

    Returns
    -------
    ndarray (block, block) [kWh]
        Row: the block whose demand it is; column: the block whose limit it is.
    """
    if measure == "wanted_restricted_kwh":
        by_day = data.demand_kw @ _restricted(data, data.limit_kw).T
    else:
        by_day = np.stack([_lost(kw, data.limit_kw).sum(axis=1) for kw in data.demand_kw])
    n, positions = data.members.shape
    total = np.zeros((n, n))
    for k in range(positions):
        total += by_day[np.ix_(data.members[:, k], data.members[:, k])]
    return total * data.step_h


def permuted(
    pair_kwh: np.ndarray, stratum: np.ndarray, *, permutations: int = 9999, seed: int = 0
) -> xr.Dataset:
    """Test whether a loss is more than if limits had changed places at random.

    Parameters
    ----------
    pair_kwh : ndarray (block, block) [kWh]
        From `pairs`.
    stratum : ndarray (block)
        Blocks change places within a stratum only.
    permutations : int
        Random rearrangements.
    seed : int
        Of the rearrangements and of the interval.

    Returns
    -------
    Dataset
        chance_kwh over permutation [kWh]; observed_kwh and expected_kwh [kWh], the latter the mean
        under limits of other blocks of the stratum; ratio of the two, the effect size, with low
        and high of its 95 % interval (blocks drawn with replacement); p_more and p_less, chance of
        at least and at most as much; blocks, strata; testable, False where all rearrangements are
        alike, as under a limit that is the same every week.

    Notes
    -----
    The blocks are taken to be exchangeable within a stratum: what happens in one week does not
    carry over into the next.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(stratum, kind="stable")
    pair_kwh, stratum = pair_kwh[np.ix_(order, order)], stratum[order]
    names, first = np.unique(stratum, return_index=True)
    spans = list(zip(first, np.append(first[1:], len(stratum)), strict=True))
    chance = np.zeros(permutations)
    for a, b in spans:
        place = rng.permuted(np.tile(np.arange(a, b), (permutations, 1)), axis=1)
        chance += pair_kwh[np.arange(a, b), place].sum(axis=1)
    observed = float(np.trace(pair_kwh))
    slack = ROUNDING * max(observed, 1.0)
    expected = _expected(pair_kwh, spans, np.ones((1, len(stratum))))[0]
    low, high = _interval(pair_kwh, spans, rng)
    values = {
        "observed_kwh": (observed, "kWh"),
        "expected_kwh": (expected, "kWh"),
        "ratio": (observed / expected if expected > slack else np.nan, "1"),
        "low": (low, "1"),
        "high": (high, "1"),
        "p_more": ((1 + (chance >= observed - slack).sum()) / (1 + permutations), "1"),
        "p_less": ((1 + (chance <= observed + slack).sum()) / (1 + permutations), "1"),
        "blocks": (len(stratum), "1"),
        "strata": (len(names), "1"),
        "testable": (bool(permutations and np.ptp(chance) > slack), ""),
    }
    return xr.Dataset(
        {name: ((), value, {"units": unit}) for name, (value, unit) in values.items()}
        | {"chance_kwh": ("permutation", chance, {"units": "kWh"})}
    )


def tests(data: Blocks, *, permutations: int = 9999, seed: int = 0) -> dict[str, xr.Dataset]:
    """Return `permuted` for each of the measures, by name."""
    return {
        name: permuted(pairs(data, name), data.stratum, permutations=permutations, seed=seed)
        for name in MEASURES
    }


def turned(data: Blocks, measure: str = "lost_kwh") -> pd.Series:
    """Return what would be lost if the limit of every day fell a number of hours later [kWh].

    Parameters
    ----------
    data : Blocks
        Demand and limit by day and clock.
    measure : str
        As in `pairs`.

    Returns
    -------
    Series of kWh by shift [h], −12 to 11.5
        The day is taken as a ring. Entry 0 is what was lost.
    """
    slots = data.limit_kw.shape[1]
    half_hours = np.arange(-24, 24)
    found = []
    for shift in half_hours:
        limit = np.roll(data.limit_kw, shift * slots // 48, axis=1)
        if measure == "wanted_restricted_kwh":
            found.append((data.demand_kw * _restricted(data, limit)).sum())
        else:
            found.append(_lost(data.demand_kw, limit).sum())
    index = pd.Index(half_hours / 2, name="shift_h")
    return pd.Series(np.array(found) * data.step_h, index=index, name=measure)


def _lost(demand_kw: np.ndarray, limit_kw: np.ndarray) -> np.ndarray:
    return np.maximum(demand_kw - limit_kw, 0.0)


def _restricted(data: Blocks, limit_kw: np.ndarray) -> np.ndarray:
    return (limit_kw < data.requested_kw - ROUNDING).astype(float)


def _expected(pair_kwh: np.ndarray, spans, weights: np.ndarray) -> np.ndarray:
    """Return the mean loss under limits of other blocks, for each row of block weights.

    A block alone in its stratum has no other, and stays under its own.
    """
    total = np.zeros(len(weights))
    for a, b in spans:
        own, part = pair_kwh[a:b, a:b], weights[:, a:b]
        diagonal = np.diag(own)
        many = part.sum(axis=1)
        other = ((part @ own) * part).sum(axis=1) - (part**2) @ diagonal
        ways = many**2 - (part**2).sum(axis=1)
        alone = ways < 0.5
        total += np.where(alone, part @ diagonal, many * other / np.where(alone, 1.0, ways))
    return total


def _interval(pair_kwh: np.ndarray, spans, rng, draws: int = 2000) -> tuple[float, float]:
    weights = np.zeros((draws, len(pair_kwh)))
    for a, b in spans:
        weights[:, a:b] = rng.multinomial(b - a, np.full(b - a, 1 / (b - a)), size=draws)
    observed = weights @ np.diag(pair_kwh)
    expected = _expected(pair_kwh, spans, weights)
    sound = expected > ROUNDING
    if sound.mean() < 0.95:
        return np.nan, np.nan
    return tuple(np.quantile(observed[sound] / expected[sound], [0.025, 0.975]))
