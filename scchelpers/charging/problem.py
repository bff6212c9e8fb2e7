"""What a kernel is given and what it fills: plain arrays, for the compiled one and its twin.

`n` cars, `s` segments (pieces of a step in which nobody arrives or leaves and no limit changes),
`t` steps, `e` EVSEs, `g` constraint rows (row 0 is the site).
"""

from __future__ import annotations

from typing import NamedTuple

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
    """Constraint rows: for EVSE `e`, entries `begin[e]:begin[e + 1]` of `row` and `share`."""

    begin: np.ndarray  # (e + 1)
    row: np.ndarray  # row of the constraint, 0 the site
    share: np.ndarray  # share of the EVSE's power that the row carries
    period: np.ndarray  # (s) row of `limit_kw` that holds
    limit_kw: np.ndarray  # (periods, g), column 0 unused: the site's is `Pieces.cap_kw`


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
