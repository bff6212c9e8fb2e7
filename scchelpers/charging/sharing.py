"""Sharing of a limited power among the cars present, compiled.

The quick rules without realism are in the kernel's loop; this holds the water level they need and
the careful way: groups, minimum currents, exempt cars and promised energy, under every rule.
"""

from __future__ import annotations

import numba
import numpy as np

from scchelpers.charging.problem import EQUAL, NEARLY, PRIORITY_EQUAL, PROPORTIONAL

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def water_level(want, n, cap_kw):
    """Return the level x [kW] at which the sum of min(want, x) is the cap (max-min fair)."""
    level = cap_kw / n
    above = n
    while True:
        spare = cap_kw
        rest = 0
        for k in range(n):
            if want[k] <= level:
                spare -= want[k]
            else:
                rest += 1
        if rest == above:
            return level
        if rest == 0:
            return np.inf
        above = rest
        # Where the cap is the sum of some wants but for rounding, the level must not turn back.
        level = max(level, spare / rest)


@compiled
def sort_by(key, order, n):
    """Sort the first `n` of `order` by `key[order]`, keeping the order of ties."""
    for q in range(1, n):
        k = order[q]
        place = q
        while place > 0 and key[order[place - 1]] > key[k]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k


@compiled
def room(evse, spare, network):
    """Return the most [kW] that an EVSE may still draw under every row."""
    most = np.inf
    for q in range(network.begin[evse], network.begin[evse + 1]):
        most = min(most, spare[network.row[q]] / network.share[q])
    return max(most, 0.0)


@compiled
def draw(evse, kw, spare, network):
    """Take a power from every row that carries it."""
    for q in range(network.begin[evse], network.begin[evse + 1]):
        spare[network.row[q]] -= kw * network.share[q]


@compiled
def allocate(s, n, here, order, key, want, power, cap_kw, cars, network, switches, left, served_h):
    """Fill `power` under all constraints; return whether everybody gets what it wants."""
    rows = network.limit_kw.shape[1]
    spare = np.empty(rows)
    spare[0] = cap_kw
    for r in range(1, rows):
        spare[r] = max(network.limit_kw[network.period[s], r], 0.0)
    total = spare.copy()
    for k in range(n):
        draw(cars.evse[here[k]], want[k], total, network)
    if total.min() >= 0:
        power[:n] = want[:n]
        return True

    # Exempt cars take what they want; only what they leave is shared.
    admitted = np.ones(n, np.bool_)
    for k in range(n):
        power[k] = 0.0
        if cars.exempt[here[k]]:
            power[k] = want[k]
            draw(cars.evse[here[k]], want[k], spare, network)
            admitted[k] = False
    np.maximum(spare, 0.0, spare)

    # Tier 0 is the promised energy, then the classes.
    for k in range(n):
        i = here[k]
        promised = cars.energy_kwh[i] - left[i] < cars.promised_kwh[i] * NEARLY
        key[k] = -1.0 if promised else cars.tier[i]
    sort_by(key, order, n)
    tier = key[:n].copy()
    admit(n, here, order, want, power, spare, admitted, cars, network, switches, served_h)

    if switches.rule == EQUAL or switches.rule == PROPORTIONAL or switches.rule == PRIORITY_EQUAL:
        begin = 0
        while begin < n:
            end = begin
            while end < n and tier[order[end]] == tier[order[begin]]:
                end += 1
            raise_level(
                order[begin:end],
                here,
                want,
                power,
                spare,
                admitted,
                cars,
                network,
                switches.rule == PROPORTIONAL,
            )
            begin = end
    else:
        for q in range(n):
            k = order[q]
            if admitted[k]:
                evse = cars.evse[here[k]]
                more = min(want[k] - power[k], room(evse, spare, network))
                power[k] += more
                draw(evse, more, spare, network)
    return False


@compiled
def admit(n, here, order, want, power, spare, admitted, cars, network, switches, served_h):
    """Give the floors in order of serving; who finds no room for its floor waits at zero.

    In a queue the first car that the site's limit turns away closes it; in a rotation those served
    least go first and a car that does not fit is passed over.
    """
    queue = order[:n].copy()
    if switches.rotate:
        waited = np.empty(n)
        for k in range(n):
            waited[k] = served_h[here[k]]
        sort_by(waited, queue, n)
    closed = False
    for q in range(n):
        k = queue[q]
        i = here[k]
        if not admitted[k] or cars.floor_kw[i] <= 0:
            continue
        floor = min(cars.floor_kw[i], want[k])
        if closed or room(cars.evse[i], spare, network) < floor * NEARLY:
            admitted[k] = False
            if not switches.rotate and spare[0] < floor * NEARLY:
                closed = True
            continue
        power[k] = floor
        draw(cars.evse[i], floor, spare, network)


@compiled
def raise_level(members, here, want, power, spare, admitted, cars, network, proportional):
    """Raise a common level until each member is full or stands in a row that is (max-min fair).

    The level is a power, or for `proportional` a share of the want. A member at its floor waits
    until the level has come up to it.
    """
    rows = len(spare)
    load = np.empty(rows)
    rising = np.zeros(len(members), np.bool_)
    open_ = np.zeros(len(members), np.bool_)
    for q in range(len(members)):
        k = members[q]
        open_[q] = admitted[k] and power[k] < want[k] * NEARLY
        rising[q] = power[k] <= 0
    level = 0.0
    while open_.any():
        load[:] = 0.0
        top = np.inf
        for q in range(len(members)):
            if not open_[q]:
                continue
            k = members[q]
            weight = want[k] if proportional else 1.0
            if not rising[q]:
                top = min(top, power[k] / weight)
                continue
            top = min(top, want[k] / weight)
            draw(cars.evse[here[k]], -weight, load, network)
        full = -1
        for r in range(rows):
            if load[r] > 0:
                at = level + max(spare[r], 0.0) / load[r]
                if at < top:
                    top = at
                    full = r
        for q in range(len(members)):
            if not open_[q]:
                continue
            k = members[q]
            weight = want[k] if proportional else 1.0
            evse = cars.evse[here[k]]
            if rising[q]:
                more = max(min(top * weight, want[k]) - power[k], 0.0)
                power[k] += more
                draw(evse, more, spare, network)
                open_[q] = power[k] < want[k] * NEARLY
            elif power[k] / weight <= top:
                rising[q] = True
        if full >= 0:
            spare[full] = 0.0
            for q in range(len(members)):
                if open_[q] and in_row(cars.evse[here[members[q]]], full, network):
                    open_[q] = False
        level = top


@compiled
def in_row(evse, row, network):
    """Return whether a row carries power of an EVSE."""
    for q in range(network.begin[evse], network.begin[evse + 1]):  # noqa: SIM110 (not compilable)
        if network.row[q] == row:
            return True
    return False
