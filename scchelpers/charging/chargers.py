"""What real chargers and cars do, and the compilation of cars for the kernel."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers.charging.problem import EDF, PRIORITY, PRIORITY_EQUAL, Cars
from scchelpers.charging.sessions import UNKNOWN, Sessions
from scchelpers.charging.span import Span
from scchelpers.faults import UserError

VOLTS = 230.0


@dataclass(frozen=True)
class Chargers:
    """Behaviour of chargers and cars; the default is an ideal one.

    Attributes
    ----------
    min_current_a : float
        Least current per phase at which a car charges [A]; IEC 61851-1 has 6 A, which is 1.38 kW
        on one phase and 4.14 kW on three. 0 for none. DC has none.
    below_minimum : "queue" or "rotate"
        Who waits when the floors do not all fit: the last in the order of serving, or those served
        longest so far.
    setpoint_step_a : float
        Step of the setpoint per phase [A], rounded down; 0 for continuous. DC is continuous.
    taper_share : float
        Last share of its energy over which a DC car's power falls in proportion to what it lacks;
        0 for no taper. It takes a car that leaves full.
    taper_low : float
        Power at the very end of the taper, as a share of max_kw.
    no_resume_share : float
        Share of cars that stop for good when they are paused.
    seed : int
        Which cars do not resume; drawn per session from its id, so that one session more changes
        no other.
    """

    min_current_a: float = 0.0
    below_minimum: str = "queue"
    setpoint_step_a: float = 0.0
    taper_share: float = 0.0
    taper_low: float = 0.1
    no_resume_share: float = 0.0
    seed: int = 0

    def __post_init__(self):
        for name in ("min_current_a", "setpoint_step_a"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} = {getattr(self, name)}: must be 0 A or more")
        for name in ("taper_share", "no_resume_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} = {getattr(self, name)}: must be from 0 to 1")
        if not 0 < self.taper_low <= 1:
            raise UserError(f"taper_low = {self.taper_low}: must be above 0 and at most 1")
        if self.below_minimum not in ("queue", "rotate"):
            raise UserError(f"below_minimum = {self.below_minimum!r}: write 'queue' or 'rotate'")


def compile_cars(
    sessions: Sessions,
    chargers: Chargers,
    span: Span,
    edges: np.ndarray,
    *,
    rule: int,
    default_stay_ns: int,
    never_curtailed: Collection[str],
    guaranteed_share: float,
) -> Cars:
    """Return the sessions as a kernel takes them.

    Raises
    ------
    UserError
        If a phase count is needed and unknown, or an id to be exempt is none.
    """
    n = len(sessions)
    phases = _phases(sessions, chargers)
    ac_kw = phases * VOLTS / 1000
    announced = np.where(
        sessions.announced == UNKNOWN, sessions.plug_in + default_stay_ns, sessions.announced
    )
    tier = np.zeros(n, np.int64)
    if rule in (PRIORITY, PRIORITY_EQUAL):
        tier = sessions.priority
    rank = np.arange(n)
    if rule == EDF:
        rank[np.lexsort((announced,))] = np.arange(n)
    elif tier.any():
        rank[np.lexsort((tier,))] = np.arange(n)
    return Cars(
        first=span.segment_of(sessions.plug_in, edges),
        last=span.segment_of(sessions.plug_out, edges),
        rank=rank,
        tier=tier,
        evse=sessions.evse,
        energy_kwh=sessions.energy_kwh,
        max_kw=sessions.max_kw,
        deadline_h=span.hours(announced),
        # A car that never takes the least current of its phases charges at what it takes.
        floor_kw=np.minimum(chargers.min_current_a * ac_kw, sessions.max_kw),
        quantum_kw=chargers.setpoint_step_a * ac_kw,
        knee_kwh=np.where(phases == 0, chargers.taper_share * sessions.energy_kwh, 0.0),
        exempt=_exempt(sessions, never_curtailed),
        stalls=_uniform(sessions.session_ids, chargers) < chargers.no_resume_share,
        promised_kwh=guaranteed_share * sessions.energy_kwh,
    )


def _phases(sessions: Sessions, chargers: Chargers) -> np.ndarray:
    needed = chargers.min_current_a or chargers.setpoint_step_a or chargers.taper_share
    if needed and (sessions.phases < 0).any():
        at = sessions.session_ids[int(np.argmax(sessions.phases < 0))]
        raise UserError(
            f"session {at!r}, phases: unknown, but minimum current, stepped setpoints and taper "
            "depend on it; give phases (1, 3, or 0 for DC) in the chargepoints or the sessions"
        )
    return sessions.phases


def _exempt(sessions: Sessions, never_curtailed: Collection[str]) -> np.ndarray:
    if not len(never_curtailed):
        return np.zeros(len(sessions), np.bool_)
    wanted = pd.Index(list(never_curtailed))
    of_session = pd.Index(sessions.session_ids).isin(wanted)
    of_evse = pd.Index(sessions.evse_ids).isin(wanted)
    found = pd.Index(sessions.session_ids).union(pd.Index(sessions.evse_ids))
    lost = wanted.difference(found)
    if len(lost):
        raise UserError(f"never_curtailed holds {lost[0]!r}: neither a session_id nor an evse_id")
    return of_session | of_evse[sessions.evse]


def _uniform(session_ids: np.ndarray, chargers: Chargers) -> np.ndarray:
    """Return a number in [0, 1) for each session that depends on its id and the seed alone."""
    if not chargers.no_resume_share:
        return np.ones(len(session_ids))
    texts = session_ids.astype(str).astype(object)
    salt = f"{chargers.seed:016d}"[-16:]
    return pd.util.hash_array(texts, hash_key=salt, categorize=False) / 2.0**64
