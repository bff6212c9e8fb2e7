"""The kernel's plain twin: the same contract in NumPy and Python, written to be read and believed.

It finds each level by bisection and each order by sorting, so that agreement with the compiled
kernel, which does neither, means something. Used by tests and benchmarks only.
"""

from __future__ import annotations

import numpy as np

from scchelpers.charging.kernel import (
    DONE,
    EQUAL,
    LLF,
    NEARLY,
    PRIORITY_EQUAL,
    PROPORTIONAL,
    TRACE_KW,
    Cars,
    Network,
    Pieces,
    Switches,
    Tally,
    acceptable,
    time_to_full,
)

BISECTIONS = 100


def charge(
    pieces: Pieces, cars: Cars, network: Network, switches: Switches, tally: Tally, width: int
) -> None:
    """Charge the cars segment by segment and fill the tally; `width` is not needed."""
    n = len(cars.first)
    last = cars.last.copy()
    running = np.zeros(n, bool)
    served_h = np.zeros(n)
    share = _matrix(network, len(network.begin) - 1)
    empty = (cars.energy_kwh <= 0) & (cars.last > cars.first)
    tally.finish_h[empty] = pieces.start_h[cars.first[empty]]
    for s, hours in enumerate(pieces.hours):
        here = np.flatnonzero((cars.first <= s) & (s < last) & (tally.left_kwh > 0))
        want = np.array([_want(cars, switches, tally.left_kwh, i, hours) for i in here])
        caps = network.limit_kw[network.period[s]].copy()
        caps[0] = pieces.cap_kw[s]
        caps = np.maximum(caps, 0.0)
        fits = bool((share[:, cars.evse[here]] @ want <= caps).all())
        power = want.copy()
        if not fits:
            power = _share_out(
                here,
                want,
                caps,
                share[:, cars.evse[here]],
                cars,
                switches,
                tally,
                served_h,
                pieces.start_h[s],
            )
        for i, kw, wanted in zip(here, power, want, strict=True):
            if kw < wanted * NEARLY and cars.quantum_kw[i] > 0:
                quantum = cars.quantum_kw[i]
                floor = min(cars.floor_kw[i], kw)
                kw = min(kw, max(np.floor(kw / quantum + 1e-9) * quantum, floor))
            if kw < wanted * NEARLY:
                tally.held_h[i] += hours
            if kw < wanted * NEARLY and kw <= TRACE_KW:
                if running[i]:
                    running[i] = False
                    tally.pauses[i] += 1
                    if cars.stalls[i]:
                        last[i] = s
                continue
            running[i] = True
            served_h[i] += hours
            kwh = kw * hours
            if kwh >= tally.left_kwh[i] * DONE:
                alone_h = time_to_full(
                    tally.left_kwh[i], cars.max_kw[i], cars.knee_kwh[i], switches.taper_low
                )
                tally.finish_h[i] = pieces.start_h[s] + (min(hours, alone_h) if fits else hours)
                tally.left_kwh[i] = 0.0
            else:
                tally.left_kwh[i] -= kwh
            step = pieces.step[s]
            tally.drawn_kwh[step] += kwh
            if switches.tally_evse:
                tally.evse_kwh[step, cars.evse[i]] += kwh
            power[np.flatnonzero(here == i)] = kw
        drawn_kw = power[power > TRACE_KW].sum()
        tally.wanted_kwh[pieces.step[s]] += want.sum() * hours
        tally.excursion_kwh[pieces.step[s]] += max(drawn_kw - pieces.limit_kw[s], 0.0) * hours


def _matrix(network: Network, evses: int) -> np.ndarray:
    share = np.zeros((network.limit_kw.shape[1], evses))
    share[0] = 1.0
    for evse in range(evses):
        part = slice(network.begin[evse], network.begin[evse + 1])
        share[network.row[part], evse] = network.share[part]
    return share


def _want(cars: Cars, switches: Switches, left_kwh: np.ndarray, i: int, hours: float) -> float:
    if switches.taper_low > 0 and cars.knee_kwh[i] > 0:
        kwh = acceptable(left_kwh[i], cars.max_kw[i], cars.knee_kwh[i], switches.taper_low, hours)
        return kwh / hours
    return min(left_kwh[i] / hours, cars.max_kw[i])


def _share_out(
    here: np.ndarray,
    want: np.ndarray,
    caps: np.ndarray,
    share: np.ndarray,
    cars: Cars,
    switches: Switches,
    tally: Tally,
    served_h: np.ndarray,
    now_h: float,
) -> np.ndarray:
    """Return the power of each car present when the wants do not fit."""
    exempt = cars.exempt[here]
    power = np.where(exempt, want, 0.0)
    spare = np.maximum(caps - share @ power, 0.0)
    laxity = cars.deadline_h[here] - now_h - tally.left_kwh[here] / cars.max_kw[here]
    delivered = cars.energy_kwh[here] - tally.left_kwh[here]
    tier = np.where(delivered < cars.promised_kwh[here] * NEARLY, -1, cars.tier[here])
    urgency = laxity if switches.rule == LLF else np.zeros(len(here))
    order = sorted(range(len(here)), key=lambda k: (tier[k], urgency[k], cars.rank[here[k]]))

    queue = order
    if switches.rotate:
        queue = sorted(order, key=lambda k: served_h[here[k]])
    admitted = ~exempt
    closed = False
    for k in queue:
        floor = min(cars.floor_kw[here[k]], want[k])
        if not admitted[k] or floor <= 0:
            continue
        fits = (share[:, k] * floor * NEARLY <= spare).all()
        if closed or not fits:
            admitted[k] = False
            closed = closed or (not switches.rotate and floor * NEARLY > spare[0])
            continue
        power[k] = floor
        spare = spare - share[:, k] * floor

    if switches.rule in (EQUAL, PROPORTIONAL, PRIORITY_EQUAL):
        for value in np.unique(tier):
            members = admitted & (tier == value)
            weight = want if switches.rule == PROPORTIONAL else np.ones(len(want))
            level_up(power, want, weight, members, share, caps)
        return power
    for k in order:
        if admitted[k]:
            used = share @ power
            rows = share[:, k] > 0
            most = ((caps - used)[rows] / share[rows, k]).min()
            power[k] += min(want[k] - power[k], max(most, 0.0))
    return power


def level_up(power, want, weight, members, share, caps) -> None:
    """Raise the members to the max-min fair point by bisection on a common level."""
    floor = power.copy()
    open_ = members & (power < want)
    used_by_rest = np.where(members, 0.0, power)
    fixed = np.where(members & ~open_, power, 0.0)

    def at(level: float) -> np.ndarray:
        risen = np.clip(level * weight, floor, want)
        return used_by_rest + fixed + np.where(open_, risen, 0.0)

    while open_.any():
        low, high = 0.0, float((want / weight)[open_].max())
        slack = 1e-12 * (1 + np.where(np.isfinite(caps), caps, 0.0))
        bound = np.maximum(caps, share @ at(0.0)) + slack
        if (share @ at(high) <= bound).all():
            low = high
        else:
            for _ in range(BISECTIONS):
                middle = (low + high) / 2
                if (share @ at(middle) <= bound).all():
                    low = middle
                else:
                    high = middle
        now = at(low)
        power[members] = now[members]
        tight = share @ at(low * (1 + 1e-9) + 1e-9) > bound
        stuck = open_ & ((now >= want) | (share[tight] > 0).any(axis=0))
        fixed = np.where(stuck, now, fixed)
        open_ = open_ & ~stuck
        if not stuck.any():
            return
