"""The compiled kernel: one pass over the segments with the cars that are there.

Cost grows with the cars present, summed over segments, and with nothing else. `oracle` does the
same in plain Python and is what the tests hold this against.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from scchelpers.charging.problem import (
    DONE,
    EDF,
    EQUAL,
    FCFS,
    LLF,
    NEARLY,
    PRIORITY,
    PROPORTIONAL,
    TRACE_KW,
    Cars,
    Network,
    Pieces,
    Switches,
    Tally,
)
from scchelpers.charging.sharing import allocate, sort_by, water_level

# The cache on disk follows this file and not `sharing`, whose functions it compiles in: with a
# change there a line must change here, or an old cache goes on. The last: no level turns back.
compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def acceptable(left_kwh, max_kw, knee_kwh, low, hours):
    """Return what a tapering car takes in `hours` [kWh], integrated exactly.

    Its power is max_kw until it lacks `knee_kwh`, falls in proportion to what it lacks, and ends
    at `low` x max_kw.
    """
    taken = 0.0
    if left_kwh > knee_kwh:
        flat_h = (left_kwh - knee_kwh) / max_kw
        if flat_h >= hours:
            return max_kw * hours
        taken, hours, left_kwh = left_kwh - knee_kwh, hours - flat_h, knee_kwh
    end_kwh = low * knee_kwh
    if left_kwh > end_kwh:
        falling_h = knee_kwh / max_kw * math.log(left_kwh / end_kwh)
        if falling_h >= hours:
            return taken + left_kwh * (1 - math.exp(-max_kw * hours / knee_kwh))
        taken, hours, left_kwh = taken + left_kwh - end_kwh, hours - falling_h, end_kwh
    return taken + min(left_kwh, low * max_kw * hours)


@compiled
def time_to_full(left_kwh, max_kw, knee_kwh, low):
    """Return how long a car that is not held back still charges [h]."""
    if left_kwh > knee_kwh:
        flat_h = (left_kwh - knee_kwh) / max_kw
        left_kwh = knee_kwh
    else:
        flat_h = 0.0
    end_kwh = low * knee_kwh
    if left_kwh > end_kwh:
        return flat_h + knee_kwh / max_kw * math.log(left_kwh / end_kwh) + knee_kwh / max_kw
    return flat_h + (left_kwh / (low * max_kw) if left_kwh > 0 else 0.0)


@compiled
def charge(
    pieces: Pieces, cars: Cars, network: Network, switches: Switches, tally: Tally, width: int
) -> None:
    """Charge the cars segment by segment and fill the tally.

    `width` bounds the number of cars present at once (the number of EVSEs).
    """
    rule = switches.rule
    serial = rule in (FCFS, EDF, LLF, PRIORITY)
    left = tally.left_kwh
    last = cars.last.copy()
    running = np.zeros(len(left), np.bool_)
    served_h = np.zeros(len(left))
    here = np.empty(width, np.int64)
    order = np.empty(width, np.int64)
    key = np.empty(width)
    want = np.empty(width)
    power = np.empty(width)
    n = 0
    coming = 0
    for s in range(len(pieces.hours)):
        while coming < len(left) and cars.first[coming] == s:
            if last[coming] > s and left[coming] > 0:
                # A car whose place was never vacated waits for the compaction below; `width`
                # leaves room for one that leaves and one that comes on each EVSE.
                k = n
                while k > 0 and cars.rank[here[k - 1]] > cars.rank[coming]:
                    here[k] = here[k - 1]
                    k -= 1
                here[k] = coming
                n += 1
            elif left[coming] <= 0:
                tally.finish_h[coming] = pieces.start_h[s]
            coming += 1

        hours = pieces.hours[s]
        present = n
        n = 0
        wanted_kw = 0.0
        for k in range(present):
            i = here[k]
            if last[i] <= s or left[i] <= 0:
                continue
            if switches.taper_low > 0 and cars.knee_kwh[i] > 0:
                kw = (
                    acceptable(left[i], cars.max_kw[i], cars.knee_kwh[i], switches.taper_low, hours)
                    / hours
                )
            else:
                kw = min(left[i] / hours, cars.max_kw[i])
            here[n] = i
            want[n] = kw
            wanted_kw += kw
            n += 1

        step = pieces.step[s]
        cap_kw = max(pieces.cap_kw[s], 0.0)
        fits = wanted_kw <= cap_kw
        if fits and not switches.careful:
            for k in range(n):
                power[k] = want[k]
        elif n:
            for k in range(n):
                order[k] = k
            if rule == LLF:
                for k in range(n):
                    i = here[k]
                    key[k] = cars.deadline_h[i] - pieces.start_h[s] - left[i] / cars.max_kw[i]
                sort_by(key, order, n)
            if switches.careful:
                fits = allocate(
                    s,
                    n,
                    here,
                    order,
                    key,
                    want,
                    power,
                    cap_kw,
                    cars,
                    network,
                    switches,
                    left,
                    served_h,
                )
            elif rule == EQUAL:
                level = water_level(want, n, cap_kw)
                for k in range(n):
                    power[k] = min(want[k], level)
            elif rule == PROPORTIONAL:
                for k in range(n):
                    power[k] = want[k] * (cap_kw / wanted_kw)
            elif serial:
                spare = cap_kw
                for q in range(n):
                    k = order[q]
                    power[k] = min(want[k], spare)
                    spare -= power[k]
            else:
                spare = cap_kw
                begin = 0
                while begin < n:
                    end = begin
                    while end < n and cars.tier[here[end]] == cars.tier[here[begin]]:
                        end += 1
                    level = water_level(want[begin:end], end - begin, spare)
                    for k in range(begin, end):
                        power[k] = min(want[k], level)
                        spare -= power[k]
                    spare = max(spare, 0.0)
                    begin = end

        drawn_kw = 0.0
        for k in range(n):
            i = here[k]
            kw = power[k]
            if kw < want[k] * NEARLY:
                if cars.quantum_kw[i] > 0:
                    quanta = math.floor(kw / cars.quantum_kw[i] + 1e-9)
                    kw = min(kw, max(quanta * cars.quantum_kw[i], min(cars.floor_kw[i], kw)))
                tally.held_h[i] += hours
                if kw <= TRACE_KW:
                    if running[i]:
                        running[i] = False
                        tally.pauses[i] += 1
                        if cars.stalls[i]:
                            last[i] = s
                    continue
            running[i] = True
            served_h[i] += hours
            kwh = kw * hours
            if kwh >= left[i] * DONE:
                if fits:
                    tally.finish_h[i] = pieces.start_h[s] + min(
                        hours,
                        time_to_full(left[i], cars.max_kw[i], cars.knee_kwh[i], switches.taper_low),
                    )
                else:
                    tally.finish_h[i] = pieces.start_h[s] + hours
                left[i] = 0.0
            else:
                left[i] -= kwh
            drawn_kw += kw
            if switches.tally_evse:
                tally.evse_kwh[step, cars.evse[i]] += kwh
        tally.drawn_kwh[step] += drawn_kw * hours
        tally.wanted_kwh[step] += wanted_kw * hours
        tally.excursion_kwh[step] += max(drawn_kw - pieces.limit_kw[s], 0.0) * hours


@compiled
def times_to_full(cars: Cars, low: float) -> np.ndarray:
    """Return for each car how long it charges if it is not held back [h]."""
    out = np.empty(len(cars.energy_kwh))
    for i in range(len(out)):
        out[i] = time_to_full(cars.energy_kwh[i], cars.max_kw[i], cars.knee_kwh[i], low)
    return out
