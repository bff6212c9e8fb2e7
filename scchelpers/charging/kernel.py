"""The compiled kernel: one pass over the segments with the cars that are there.

Cost grows with the cars present, summed over segments, and with nothing else. `oracle` does the
same in plain Python and is what the tests hold this against.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

EQUAL, FCFS, EDF, LLF, PROPORTIONAL, PRIORITY, PRIORITY_EQUAL = range(7)

RULES = {
    "equal": EQUAL,
    "fcfs": FCFS,
    "edf": EDF,
    "llf": LLF,
    "proportional": PROPORTIONAL,
    "priority": PRIORITY,
    "priority-equal": PRIORITY_EQUAL,
}

DONE = 1 - 1e-12  # a session that got this share of what it lacked lacks nothing

NEARLY = 1 - 1e-9  # a power below this share of another is below it

TRACE_KW = 1e-9  # a held back power up to this is a pause, not a rounding left over


class Pieces(NamedTuple):
    """Segments, in order."""

    step: np.ndarray  # (s) step of which the segment is a part
    hours: np.ndarray  # (s) length [h]
    start_h: np.ndarray  # (s) start [h from the start of the span]
    cap_kw: np.ndarray  # (s) limit as the controller sees it [kW]
    limit_kw: np.ndarray  # (s) limit as it is [kW]


class Cars(NamedTuple):
    """Sessions by (plug_in, session_id)."""

    first: np.ndarray  # (n) first segment
    last: np.ndarray  # (n) segment in which the car is gone
    rank: np.ndarray  # (n) place in the order of serving
    tier: np.ndarray  # (n) class, 0 first; all 0 unless the rule has classes
    evse: np.ndarray  # (n) EVSE
    energy_kwh: np.ndarray  # (n)
    max_kw: np.ndarray  # (n)
    deadline_h: np.ndarray  # (n) announced departure [h from the start of the span]
    floor_kw: np.ndarray  # (n) least power at which the car charges [kW]
    quantum_kw: np.ndarray  # (n) step of the setpoint [kW], 0 for continuous
    knee_kwh: np.ndarray  # (n) energy lacking at which the power begins to fall, 0 for never
    exempt: np.ndarray  # (n) whether the car is never curtailed
    stalls: np.ndarray  # (n) whether the car does not resume after a pause
    promised_kwh: np.ndarray  # (n) energy up to which the car goes before all others


class Network(NamedTuple):
    """Constraint rows: for EVSE `e`, entries `begin[e]:begin[e + 1]` of `row` and `share`.

    Row 0 is the site. It carries every EVSE whole and is not among the entries.
    """

    begin: np.ndarray  # (e + 1)
    row: np.ndarray  # row of the constraint, 1 or more
    share: np.ndarray  # share of the EVSE's power that the row carries
    period: np.ndarray  # (s) row of `limit_kw` that holds
    limit_kw: np.ndarray  # (periods, g) 0 or more; column 0 unused: the site's is `Pieces.cap_kw`


class Switches(NamedTuple):
    """Which parts of the kernel are needed."""

    rule: int
    careful: bool  # floors, groups, exempt cars or promises: not the quick way
    rotate: bool  # below the floors: those served least go first
    taper_low: float  # power at the very end, as a share of max_kw; 0 for no taper
    tally_evse: bool


class Tally(NamedTuple):
    """What the kernel fills."""

    drawn_kwh: np.ndarray  # (t)
    wanted_kwh: np.ndarray  # (t)
    excursion_kwh: np.ndarray  # (t) above the limit as it is
    evse_kwh: np.ndarray  # (t, e) or (0, 0)
    left_kwh: np.ndarray  # (n) lacking
    finish_h: np.ndarray  # (n) [h from the start of the span], NaN if never full
    held_h: np.ndarray  # (n) time with less than wanted
    pauses: np.ndarray  # (n) times the car fell to zero after charging


class _Scratch(NamedTuple):
    """Room to work in, taken once: taking it in each segment would cost more than the work."""

    spare: np.ndarray  # (g) what is left in each constraint row [kW]
    load: np.ndarray  # (g) what a level that rises by 1 takes from each
    key: np.ndarray  # (width)
    waited: np.ndarray  # (width)
    queue: np.ndarray  # (width)
    admitted: np.ndarray  # (width)
    rising: np.ndarray  # (width)
    open: np.ndarray  # (width) who still rises


def blank_tally(cars: Cars, steps: int, evses: int) -> Tally:
    """Return a tally before the first segment; `evses` is 0 if none are asked for."""
    n = len(cars.first)
    return Tally(
        drawn_kwh=np.zeros(steps),
        wanted_kwh=np.zeros(steps),
        excursion_kwh=np.zeros(steps),
        evse_kwh=np.zeros((steps if evses else 0, evses)),
        left_kwh=cars.energy_kwh.copy(),
        finish_h=np.full(n, np.nan),
        held_h=np.zeros(n),
        pauses=np.zeros(n, np.int64),
    )


compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


# Put in where it is called: handing a dozen arrays over costs more than these do.
_inlined = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")


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
def _sort_by(key, order, n):
    """Sort the first `n` of `order` by `key[order]`, keeping the order of ties."""
    for q in range(1, n):
        k = order[q]
        place = q
        while place > 0 and key[order[place - 1]] > key[k]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k


@_inlined
def room(evse, spare, network):
    """Return the most [kW] that an EVSE may still draw under every row."""
    most = spare[0]
    for q in range(network.begin[evse], network.begin[evse + 1]):
        most = min(most, spare[network.row[q]] / network.share[q])
    return max(most, 0.0)


@_inlined
def draw(evse, kw, spare, network):
    """Take a power from every row that carries it."""
    spare[0] -= kw
    for q in range(network.begin[evse], network.begin[evse + 1]):
        spare[network.row[q]] -= kw * network.share[q]


@_inlined
def _all_fit(s, n, here, want, cap_kw, cars, network, spare):
    """Set `spare` to every row's limit; return whether everybody can have what it wants."""
    rows = len(spare)
    spare[0] = cap_kw
    for r in range(1, rows):
        spare[r] = network.limit_kw[network.period[s], r]
    for k in range(n):
        draw(cars.evse[here[k]], want[k], spare, network)
    fits = True
    for r in range(rows):
        fits &= spare[r] >= 0
    return fits


@_inlined
def allocate(
    s, n, here, order, want, power, cap_kw, cars, network, switches, left, served_h, scratch
):
    """Fill `power` under all constraints; return whether everybody gets what it wants."""
    spare, admitted, key = scratch.spare, scratch.admitted, scratch.key
    if _all_fit(s, n, here, want, cap_kw, cars, network, spare):
        for k in range(n):
            power[k] = want[k]
        return True
    spare[0] = cap_kw
    for r in range(1, len(spare)):
        spare[r] = network.limit_kw[network.period[s], r]

    # Exempt cars take what they want; only what they leave is shared.
    for k in range(n):
        power[k] = 0.0
        admitted[k] = not cars.exempt[here[k]]
        if not admitted[k]:
            power[k] = want[k]
            draw(cars.evse[here[k]], want[k], spare, network)
    for r in range(len(spare)):
        spare[r] = max(spare[r], 0.0)

    # Tier 0 is the promised energy, then the classes.
    floors = False
    for k in range(n):
        i = here[k]
        promised = cars.energy_kwh[i] - left[i] < cars.promised_kwh[i] * NEARLY
        key[k] = -1.0 if promised else cars.tier[i]
        floors |= cars.floor_kw[i] > 0
    _sort_by(key, order, n)
    if floors:
        _admit(n, here, order, want, power, cars, network, switches, served_h, scratch)

    if switches.rule == EQUAL or switches.rule == PROPORTIONAL or switches.rule == PRIORITY_EQUAL:
        begin = 0
        while begin < n:
            end = begin + 1
            while end < n and key[order[end]] == key[order[begin]]:
                end += 1
            shares = switches.rule == PROPORTIONAL
            _raise_level(begin, end, order, here, want, power, cars, network, shares, scratch)
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


@_inlined
def _admit(n, here, order, want, power, cars, network, switches, served_h, scratch):
    """Give the floors in order of serving; who finds no room for its floor waits at zero."""
    spare, admitted, queue = scratch.spare, scratch.admitted, scratch.queue
    for q in range(n):
        queue[q] = order[q]
    if switches.rotate:
        for k in range(n):
            scratch.waited[k] = served_h[here[k]]
        _sort_by(scratch.waited, queue, n)
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


@_inlined
def _raise_level(begin, end, order, here, want, power, cars, network, proportional, scratch):
    """Raise a common level until each member is full or stands in a row that is (max-min fair)."""
    spare, load, rising, open_ = scratch.spare, scratch.load, scratch.rising, scratch.open
    rows = len(spare)
    many = 0
    for q in range(begin, end):
        k = order[q]
        rising[k] = power[k] <= 0
        if scratch.admitted[k] and power[k] < want[k] * NEARLY:
            open_[many] = k
            many += 1
    level = 0.0
    while many:
        for r in range(rows):
            load[r] = 0.0
        top = np.inf
        for q in range(many):
            k = open_[q]
            weight = want[k] if proportional else 1.0
            at = want[k] if rising[k] else power[k]
            top = min(top, at / weight if proportional else at)
            if rising[k]:
                draw(cars.evse[here[k]], -weight, load, network)
        full = -1
        for r in range(rows):
            if load[r] > 0:
                at = level + max(spare[r], 0.0) / load[r]
                if at < top:
                    top = at
                    full = r
        still = 0
        for q in range(many):
            k = open_[q]
            evse = cars.evse[here[k]]
            weight = want[k] if proportional else 1.0
            goes_on = True
            if rising[k]:
                more = max(min(top * weight, want[k]) - power[k], 0.0)
                power[k] += more
                draw(evse, more, spare, network)
                goes_on = power[k] < want[k] * NEARLY
            elif (power[k] / weight if proportional else power[k]) <= top:
                rising[k] = True
            if goes_on and (full < 0 or not _in_row(evse, full, network)):
                open_[still] = k
                still += 1
        if full >= 0:
            spare[full] = 0.0
        many = still
        level = top


@_inlined
def _in_row(evse, row, network):
    """Return whether a row carries power of an EVSE."""
    if row == 0:
        return True
    for q in range(network.begin[evse], network.begin[evse + 1]):  # noqa: SIM110 (not compilable)
        if network.row[q] == row:
            return True
    return False


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
    rows = network.limit_kw.shape[1]
    scratch = _Scratch(
        np.empty(rows),
        np.empty(rows),
        key,
        np.empty(width),
        np.empty(width, np.int64),
        np.empty(width, np.bool_),
        np.empty(width, np.bool_),
        np.empty(width, np.int64),
    )
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
        # With the site's row alone, what fits by more than rounding needs no walk.
        if fits and (not switches.careful or (rows == 1 and wanted_kw < cap_kw * NEARLY)):
            for k in range(n):
                power[k] = want[k]
        elif n:
            for k in range(n):
                order[k] = k
            if rule == LLF:
                for k in range(n):
                    i = here[k]
                    key[k] = cars.deadline_h[i] - pieces.start_h[s] - left[i] / cars.max_kw[i]
                _sort_by(key, order, n)
            if switches.careful:
                fits = allocate(
                    s,
                    n,
                    here,
                    order,
                    want,
                    power,
                    cap_kw,
                    cars,
                    network,
                    switches,
                    left,
                    served_h,
                    scratch,
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
