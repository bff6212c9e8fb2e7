"""Is the constraint consistent and limited? The report's test of a TCC, as a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers.wording import NARROW, percent, quantity

FIRM = "firm connection fits"
FITS = "TCC fits"
DEEP = "TCC fits only with deep curtailment"
NOT_A_TCC = "not a TCC"

# Where the lines are drawn; all are conventions of this workbook. A limited constraint leaves a
# night's charging free every day. One is scattered if windows that catch it take a good part of the
# year and are seldom needed: long windows that are needed, or short ones that seldom are, both
# suit. Curtailment is deep once it equals more than a tenth of the year at nothing.
FREE_H = 6.0
WIDE_SHARE = 0.1
NEEDED_SHARE = 0.2
OUTSIDE_SHARE = 0.01
DEEP_SHARE = 0.1


@dataclass(frozen=True)
class Verdict:
    """A verdict, its reasons, and whether windows should be offered.

    Attributes
    ----------
    verdict : str
        One of "firm connection fits", "TCC fits", "TCC fits only with deep curtailment", "not a
        TCC".
    reasons : tuple of str
        Sentences computed from the measures.
    """

    verdict: str
    reasons: tuple[str, ...]

    @property
    def offered(self) -> bool:
        """Whether the windows belong into an offer."""
        return self.verdict in (FITS, DEEP)


def verdict(
    windows: pd.DataFrame, measured: pd.Series, requested_kva: float, firm_kva: float
) -> Verdict:
    """Judge whether a TCC suits the network, with the reasons.

    Parameters
    ----------
    windows : pandas.DataFrame
        Derived windows.
    measured : pandas.Series
        From `consistency`.
    requested_kva : float
        Requested capacity [kVA].
    firm_kva : float
        Capacity that fits at all times [kVA], see `firm_capacity`.

    Notes
    -----
    Report section 6.2: a consistent load profile, and a risk for a consistent and limited period.
    """
    asked = quantity(requested_kva, "kVA")
    if windows.empty:
        share = measured["constrained_share"]
        rest = f", but for {percent(share)} of the half hours on record" if share else ""
        return Verdict(FIRM, (f"{asked} fits beside the load at all times{rest}.",))
    needed, free_h = measured["needed_share"], measured["free_h"]
    cap_kva = windows["limit_kva"].min()
    against = []
    if free_h < FREE_H:
        against.append(
            "the constraint lasts all day"
            if free_h == 0
            else f"the windows leave only {span(free_h)} of a day free (fewer than {span(FREE_H)})"
        )
    wide = measured["window_share"]
    if wide > WIDE_SHARE and needed < NEEDED_SHARE:
        against.append(
            f"the constraint is scattered: windows that catch it take {percent(wide)} of the year "
            f"(more than {percent(WIDE_SHARE)}), and it is there in only {percent(needed)} of "
            f"their hours (fewer than {percent(NEEDED_SHARE)})"
        )
    outside = measured["outside_share"] * measured["constrained_share"]
    if outside > OUTSIDE_SHARE:
        against.append(
            f"in {percent(outside)} of all half hours it falls outside every window (more than "
            f"{percent(OUTSIDE_SHARE)})"
        )
    if against:
        reasons = [f"{text[0].upper()}{text[1:]}." for text in against]
        if firm_kva >= 1:
            reasons.append(f"A firm connection of {quantity(firm_kva, 'kVA')} would fit.")
        else:
            reasons.append("No firm capacity is left at all.")
        return Verdict(NOT_A_TCC, tuple(reasons))
    reasons = (
        f"Consistent: on {percent(measured['inside_days'])} of the constrained days the constraint "
        f"lies wholly inside the windows ({percent(measured['outside_share'])} of its half hours "
        f"fall outside), and it is there in {percent(needed)} of their hours.",
        f"Limited: at least {span(free_h)} of every day stay free.",
    )
    depth = (
        f"the lowest cap is {quantity(cap_kva, 'kVA')}, {percent(cap_kva / requested_kva)} of the "
        f"request, and the windows take {percent(measured['deep_share'])} of the capacity-hours of "
        "a year"
    )
    if measured["deep_share"] > DEEP_SHARE:
        return Verdict(DEEP, (*reasons, f"Deep: {depth} (more than {percent(DEEP_SHARE)})."))
    return Verdict(FITS, (*reasons, f"Not deep: {depth}."))


def firm_capacity(headroom_kva: np.ndarray, cap_step_kva: float = 1.0) -> float:
    """Return the capacity that fits at all times, rounded down [kVA], 0 or more."""
    steps = math.floor(float(np.min(headroom_kva)) / cap_step_kva + 1e-9)
    return max(0.0, steps * cap_step_kva)


def span(hours: float) -> str:
    """Return a length in hours for reading.

    Examples
    --------
    >>> span(19.5).replace(NARROW, " "), span(8.0).replace(NARROW, " ")
    ('19.5 h', '8 h')
    """
    return f"{hours:,g}{NARROW}h"
