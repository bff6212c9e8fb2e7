"""What is hardly true of charging or of a load, as data with reasons: for imports and for checks.

An import stops at a doubt until it is answered; `scc check` names it, since it may have been.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class _Bound:
    """A bound of what is plausible."""

    limit: float
    reason: str
    remedy: str


LOADS = {
    "size": _Bound(
        200_000.0, "more kW than any substation of a DNO carries", "is the series in W or VA?"
    ),
    "sign": _Bound(
        0.9, "share of intervals below zero: few sites only export", "is import counted negative?"
    ),
    "register": _Bound(
        0.98, "share of steps that rise: a load also falls", "are these a meter's readings?"
    ),
    "spike": _Bound(
        50.0, "times the 99th percentile: a fault of the meter", "is it an error code?"
    ),
    "zeros": _Bound(0.5, "share of zeros: a gap that was filled, or a site not in use", "see gaps"),
}
SESSIONS = {
    "least power": _Bound(
        0.05, "kW on the median over the stay: less than any car takes", "is the energy in MWh?"
    ),
    "most power": _Bound(
        350.0, "kW on the median over the stay: more than any car takes", "is the energy in Wh?"
    ),
    "top power": _Bound(
        400.0, "kW in one stay of twenty: more than any car takes", "is the energy in Wh?"
    ),
    "set aside": _Bound(
        0.1, "share of rows that break a rule: the file was read wrong", "see the faults above"
    ),
}


def only_rises(value: pd.Series) -> bool:
    """Whether values in order of time are rather a meter's register than a load.

    Examples
    --------
    >>> only_rises(pd.Series(range(100, 130))), only_rises(pd.Series([3.0, 5, 4] * 10))
    (True, False)
    """
    steps = value.diff().dropna()
    if len(steps) <= 8:
        return False
    often = (steps >= 0).mean() > LOADS["register"].limit and steps.median() > 0
    return bool((often and value.iloc[-1] > 1.02 * abs(value.iloc[0])) or (steps > 0).all())


def load_doubts(value: np.ndarray | pd.Series) -> dict[str, str]:
    """Return what is hardly true of a load [kW or kVA], by check, as sentences with numbers.

    Examples
    --------
    >>> list(load_doubts([-2.0, -3.0, -2.5] * 40))
    ['sign']
    """
    known = pd.Series(np.asarray(value, dtype=float)).dropna()
    if known.empty:
        return {}
    size = known.abs()
    peak, below = size.max(), float((known < 0).mean())
    doubts = {}
    if peak > LOADS["size"].limit:
        doubts["size"] = f"up to {peak:,.0f}: {LOADS['size'].reason}"
    if below > LOADS["sign"].limit:
        doubts["sign"] = f"negative in {below:.0%} of intervals"
    if only_rises(known):
        doubts["register"] = (
            f"values only rise, {known.iloc[0]:,.6g} to {known.iloc[-1]:,.6g}: a meter's register?"
        )
    if len(size) > 100 and peak > LOADS["spike"].limit * max(size.quantile(0.99), 1e-9):
        doubts["spike"] = f"the highest value, {peak:,.4g}, is 50 times the 99th percentile"
    if size.median() == 0:
        doubts["zeros"] = "more than half of the intervals are zero"
    return doubts


def power_fits(mean_kw: pd.Series) -> bool:
    """Whether mean powers of stays [kW] are such as cars charge with."""
    if mean_kw.empty:
        return False
    least, most, top = (SESSIONS[k].limit for k in ("least power", "most power", "top power"))
    return bool(least <= mean_kw.median() <= most and mean_kw.quantile(0.95) <= top)
