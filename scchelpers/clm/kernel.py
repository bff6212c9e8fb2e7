"""One pass over a year for every margin of a sweep: the compiled part of the frontier."""

from __future__ import annotations

import numba
import numpy as np

# Columns of `sweep`, one row a margin.
EVENTS, ABOVE, EXCESS, WORST, LONGEST, HALF_HOURS, CHARGED, HIGHEST = range(8)
MEASURES = 8
_NOTHING = 1e-3  # a watt: less is rounding of the data, not an excursion


@numba.njit(cache=True, nogil=True)
def sweep(load, believed, want, agreed_kw, whole, part, margins, first, per_half_hour):
    """Return the excursions and the charging of each margin.

    Step k has two pieces: in its first `part` the controller still acts on what it believed
    `whole + 1` steps before, in the rest on `whole` steps before.

    Parameters
    ----------
    load, believed, want : ndarray over steps [kW]
        Residual load, what the controller takes it for, and what cars would draw.
    agreed_kw : float
        Active power at the DSC.
    whole, part : int, float
        Latency in steps: whole ones and the rest.
    margins : ndarray [kW]
        Margins.
    first, per_half_hour : int
        Number of the first step counted from a full half hour, and steps in one.

    Returns
    -------
    ndarray over (margins, measures)
        Events; steps above; excess [kW steps]; largest excess [kW]; longest event [steps];
        half hours touched; charging [kW steps]; highest half hour of import [kW].
    """
    out = np.zeros((len(margins), MEASURES))
    for m in range(len(margins)):
        run = longest = block = 0.0
        touched = False
        filled = 0
        highest = -np.inf
        for k in range(len(load)):
            if (first + k) % per_half_hour == 0:
                block, filled, touched = 0.0, 0, False
            drawn = 0.0
            for piece in range(2):
                weight = part if piece == 0 else 1.0 - part
                if weight <= 0.0:
                    continue
                at = k - whole - (1 - piece)
                charging = 0.0
                excess = 0.0
                if at >= 0 and not np.isnan(believed[at]) and not np.isnan(load[k]):
                    limit = agreed_kw - believed[at] - margins[m]
                    charging = min(want[k], max(0.0, min(limit, agreed_kw)))
                    excess = min(charging, load[k] + charging - agreed_kw)
                drawn += weight * charging
                if excess > _NOTHING:
                    if run == 0.0:
                        out[m, EVENTS] += 1
                    run += weight
                    longest = max(longest, run)
                    out[m, ABOVE] += weight
                    out[m, EXCESS] += weight * excess
                    out[m, WORST] = max(out[m, WORST], excess)
                    if not touched:
                        touched = True
                        out[m, HALF_HOURS] += 1
                else:
                    run = 0.0
            out[m, CHARGED] += drawn
            if not np.isnan(load[k]):
                block += load[k] + drawn
                filled += 1
            if filled == per_half_hour:
                highest = max(highest, block / per_half_hour)
        out[m, LONGEST] = longest
        out[m, HIGHEST] = highest
    return out


@numba.njit(cache=True, nogil=True)
def needs(load, believed, agreed_kw, whole, part):
    """Return the margin that each piece of each step would have needed [kW], shape (steps, 2).

    Charging takes all that the limit allows: it then exceeds the capacity by
    min(load, agreed) - believed - margin, so that this margin, and no less, avoids it. NaN where
    the load or the controller's knowledge of it is missing, or the piece has no length.
    """
    out = np.full((len(load), 2), np.nan)
    for k in range(len(load)):
        for piece in range(2):
            at = k - whole - (1 - piece)
            if at < 0 or (piece == 0 and part <= 0.0):
                continue
            need = min(load[k], agreed_kw) - believed[at]
            # The limit is never above the capacity, so that a site that exports needs no margin.
            out[k, piece] = min(need, 0.0) if load[k] <= 0.0 else need
    return out
