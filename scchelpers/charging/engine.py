"""Charging of one site's sessions under a limit."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging import kernel
from scchelpers.charging.kernel import (
    EDF,
    NEARLY,
    PRIORITY,
    PRIORITY_EQUAL,
    RULES,
    Cars,
    Network,
    Pieces,
    Switches,
    Tally,
    blank_tally,
)
from scchelpers.charging.limits import Groups, Steps, duration_ns, read_limit, released
from scchelpers.charging.sessions import (
    HOUR_NS,
    UNKNOWN,
    Sessions,
    Span,
    compile_sessions,
    shift_stays,
    span_of,
)
from scchelpers.faults import UserError, closest, entry
from scchelpers.site import TOLERANCE_KWH

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


def _compile_cars(
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
    """Return the sessions as a kernel takes them."""
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


@dataclass(frozen=True, eq=False, repr=False)
class ChargingResult:
    """Result of `simulate`; frames and arrays with labels are built when first asked for.

    Attributes
    ----------
    cars : Sessions
        The sessions that were charged, by (plug_in, session_id).
    span : Span
        Time axis.
    tally : Tally
        What the kernel counted.
    limit_by_step : ndarray over steps [kW]
        Limit as it was, the mean over each step.
    full_after : ndarray over cars [h]
        Time after plug-in at which each would be full without a limit.
    """

    cars: Sessions
    span: Span
    tally: Tally
    limit_by_step: np.ndarray
    full_after: np.ndarray

    def __repr__(self) -> str:
        short, delivered = self._totals["sessions short"], self._totals["delivered [kWh]"]
        minutes = self.span.step_ns / 60e9
        return (
            f"<ChargingResult {len(self.cars):,} sessions, {self.span.steps:,} steps of "
            f"{minutes:g} min: {delivered:,.0f} kWh delivered, {short:,} sessions short>"
        )

    def _repr_html_(self) -> str:
        """Return the totals of the result."""
        return (
            pd.Series(self._totals, dtype=object)
            .to_frame("charging result")
            .to_html(float_format="{:,.1f}".format)
        )

    @property
    def _totals(self) -> dict[str, str | int | float]:
        """What a person wants to see of the result first."""
        start, *_, end = pd.DatetimeIndex(self.span.time[[0, -1]])
        left_kwh = self.tally.left_kwh
        return {
            "from": f"{start:%d %b %Y}",
            "to": f"{end:%d %b %Y}",
            "sessions": len(self.cars),
            "delivered [kWh]": float((self.cars.energy_kwh - left_kwh).sum()),
            "unserved [kWh]": float(left_kwh.sum()),
            "sessions short": int((left_kwh > TOLERANCE_KWH).sum()),
            "highest power [kW]": float(self.tally.drawn_kwh.max(initial=0.0)) / self._step_h,
        }

    @cached_property
    def intervals(self) -> xr.Dataset:
        """Dataset over time [kW]; each variable is an attribute of the result, too.

        power_kw, mean power drawn; want_kw, what the cars present would have drawn at that point of
        their charging; held_kw, the difference; limit_kw, the limit as it was (inf for none);
        excursion_kw, mean power above it (what a negative limit leaves is not caused by cars).
        """
        tally, hours = self.tally, self._step_h
        power_kw = tally.drawn_kwh / hours
        want_kw = tally.wanted_kwh / hours
        held_kw = np.where(power_kw < want_kw * NEARLY, want_kw - power_kw, 0.0)
        columns = {
            "power_kw": (power_kw, "charging power"),
            "want_kw": (want_kw, "charging power wanted"),
            "held_kw": (held_kw, "charging power held back"),
            "limit_kw": (self.limit_by_step, "limit"),
            "excursion_kw": (tally.excursion_kwh / hours, "power above the limit"),
        }
        return xr.Dataset(
            {
                name: ("time", values, {"units": "kW", "long_name": meaning})
                for name, (values, meaning) in columns.items()
            },
            coords={"time": self._time},
        )

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """DataFrame indexed by session_id, in the order given.

        delivered_kwh, unserved_kwh [kWh]; finished_at (UTC, NaT if never full); delay_min [min],
        how much later than without a limit the car was full (NaN if it never was); held_min [min],
        time with less than wanted; pauses, how often the car fell to zero after it had charged.
        """
        cars, tally = self.cars, self.tally
        finished = np.isfinite(tally.finish_h)
        finish_ns = np.full(len(cars), UNKNOWN)
        finish_ns[finished] = self.span.instants(tally.finish_h[finished])
        charging_h = (finish_ns - cars.plug_in) / HOUR_NS
        delay_min = np.where(finished, np.maximum(charging_h - self.full_after, 0.0) * 60, np.nan)
        delay_min[delay_min < 1e-6] = 0.0
        back = np.empty(len(cars), np.int64)
        back[cars.row] = np.arange(len(cars))
        return pd.DataFrame(
            {
                "delivered_kwh": (cars.energy_kwh - tally.left_kwh)[back],
                "unserved_kwh": tally.left_kwh[back],
                "finished_at": pd.DatetimeIndex(finish_ns[back].view("datetime64[ns]"), tz="UTC"),
                "delay_min": delay_min[back],
                "held_min": tally.held_h[back] * 60,
                "pauses": tally.pauses[back],
            },
            index=pd.Index(cars.session_ids[back], name="session_id"),
        )

    @cached_property
    def by_evse_kw(self) -> xr.DataArray | None:
        """DataArray over (time, evse) [kW], mean power of each EVSE, or None if not asked for."""
        if not len(self.tally.evse_kwh):
            return None
        return xr.DataArray(
            self.tally.evse_kwh / self._step_h,
            coords={"time": self._time, "evse": self.cars.evse_ids.astype(str)},
            dims=("time", "evse"),
            name="by_evse_kw",
            attrs={"units": "kW", "long_name": "power of each EVSE"},
        )

    @property
    def power_kw(self) -> xr.DataArray:
        """Mean power drawn in each interval [kW]."""
        return self.intervals["power_kw"]

    @property
    def want_kw(self) -> xr.DataArray:
        """Mean power that the cars present wanted in each interval [kW]."""
        return self.intervals["want_kw"]

    @property
    def held_kw(self) -> xr.DataArray:
        """Mean power held back in each interval [kW]."""
        return self.intervals["held_kw"]

    @property
    def limit_kw(self) -> xr.DataArray:
        """Limit as it was, the mean over each interval [kW]."""
        return self.intervals["limit_kw"]

    @property
    def excursion_kw(self) -> xr.DataArray:
        """Mean power above the limit as it was, in each interval [kW]."""
        return self.intervals["excursion_kw"]

    def short(self, tolerance_kwh: float = TOLERANCE_KWH) -> pd.Series:
        """Return which sessions left with more than a tolerance unserved."""
        return (self.sessions["unserved_kwh"] > tolerance_kwh).rename("short")

    def slowed(self) -> pd.Series:
        """Return which sessions at some time got less than they wanted, finished or not."""
        return (self.sessions["held_min"] > 0).rename("slowed")

    @property
    def _step_h(self) -> float:
        return self.span.step_ns / HOUR_NS

    @property
    def _time(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.span.time, name="time")


@entry
def simulate(
    sessions: pd.DataFrame | Sessions,
    limit_kw: float | pd.Series | xr.DataArray | None = None,
    *,
    step="5min",
    sharing: str = "equal",
    chargepoints: pd.DataFrame | None = None,
    start=None,
    end=None,
    limit_after: float | str | None = None,
    limit_missing: float | str | None = None,
    response_delay="0s",
    release_kw_per_min: float | None = None,
    chargers: Chargers | None = None,
    never_curtailed: Collection[str] = (),
    guaranteed_share: float = 0.0,
    groups: Groups | None = None,
    stay_shift=None,
    default_stay="8h",
    by_evse: bool = False,
) -> ChargingResult:
    """Charge a site's sessions under a limit and say what was not delivered.

    In each segment (a step, or the piece of it between two events) a car wants
    min(max_kw, energy lacking / length). If the wants fit under the limit each car gets its own,
    under every rule. The limit caps the power at every instant; a car is there in
    [plug_in, plug_out), also inside a step.

    Parameters
    ----------
    sessions : DataFrame, or Sessions from `compile_sessions`
        Columns session_id, evse_id, plug_in, plug_out (UTC), energy_kwh [kWh], and optionally
        max_kw [kW] (else the EVSE's rating), announced_plug_out (UTC), phases, priority. Compile
        them first, with their chargepoints, to charge the same under many limits.
    limit_kw : None, float, Series or DataArray over time
        Limit of the charging power [kW], stamped with any step or only where it changes; None is
        no limit. Below 0 counts as 0 for the cars and as an excursion.
    step : str or Timedelta
        Step of the simulation; must divide a day.
    sharing : str
        "equal" (max-min fair) | "proportional" (to the wants) | "fcfs" (first come first served) |
        "edf" (earliest announced departure first) | "llf" (least laxity first, by the announced
        departure) | "priority" (class 0 first, then fcfs) | "priority-equal" (class 0 first, equal
        in a class). Ties break by (plug_in, session_id).
    chargepoints : DataFrame, optional
        evse_id, rated_kw [kW], and optionally phases and priority, which stand in for what the
        sessions do not say. rated_kw bounds max_kw.
    start, end : datetime (UTC), optional
        Widen the time axis, which always covers every session.
    limit_after, limit_missing : None, "hold" (missing: or "unjudged") or float [kW], optional
        What holds after the limit ends, and where it is NaN. None: either is refused.
    response_delay : str or Timedelta
        How late the site follows a change of the limit.
    release_kw_per_min : float, optional
        Fastest rise of the power allowed after a restriction [kW/min]; falls act at once.
    chargers : Chargers, optional
        What real chargers and cars do: minimum current, stepped setpoints, taper, no resuming.
    never_curtailed : collection of str
        session_ids or evse_ids that opted out: they take what they want, the others what is left.
    guaranteed_share : float
        Share of its energy up to which a session goes before all others (within the limit).
    groups : Groups, optional
        Limits of phases, circuits or cabinets.
    stay_shift : str, Timedelta or Series of Timedelta by session_id, optional
        How much later (or, negative, earlier) drivers leave than they did.
    default_stay : str or Timedelta
        Stay that "edf" and "llf" assume where no departure was announced; the true one is never
        used. With no announcements at all "edf" is "fcfs".
    by_evse : bool
        Whether to keep the power of each EVSE.

    Returns
    -------
    ChargingResult

    Raises
    ------
    UserError
        For input that cannot be, with the session, stamp or option named.

    Notes
    -----
    The first call in a process loads the compiled kernel from its cache on disk (about 0.5 s); the
    very first on a machine compiles it (about 10 s).

    Examples
    --------
    >>> two = pd.DataFrame({
    ...     "session_id": ["a", "b"], "evse_id": ["E1", "E2"], "energy_kwh": [7.0, 14.0],
    ...     "max_kw": 7.0, "plug_in": pd.to_datetime(["2026-01-01T00:00Z"] * 2),
    ...     "plug_out": pd.to_datetime(["2026-01-01T02:00Z"] * 2)})
    >>> simulate(two, 10.0, step="1h").sessions["delivered_kwh"].to_dict()
    {'a': 7.0, 'b': 12.0}
    """
    if sharing not in RULES:
        hint = closest(str(sharing), RULES)
        raise UserError(
            f"sharing = {sharing!r}: not a rule; {hint or 'one of ' + ', '.join(RULES)}"
        )
    if not 0 <= guaranteed_share <= 1:
        raise UserError(f"guaranteed_share = {guaranteed_share}: must be from 0 to 1")
    if release_kw_per_min is not None and not release_kw_per_min > 0:
        raise UserError(f"release_kw_per_min = {release_kw_per_min}: must be above 0 kW/min")
    rule = RULES[sharing]
    chargers = chargers or Chargers()
    known = sessions
    if not isinstance(sessions, Sessions):
        known = compile_sessions(sessions, chargepoints)
    if stay_shift is not None:
        known = shift_stays(known, stay_shift)
    span = span_of(known, step, start, end)
    cover = (span.start_ns, _last_instant(known, span), span.step_ns, limit_after, limit_missing)
    limit = read_limit(limit_kw, *cover)
    seen = limit.delayed(duration_ns(response_delay, "response_delay"))
    rows = groups.limits(*cover) if groups else []
    edges = span.segments(
        known.plug_in, known.plug_out, limit.start, seen.start, *(row.start for row in rows)
    )
    pieces = _pieces(span, edges, limit, seen, release_kw_per_min, float(known.max_kw.sum()))
    cars = _compile_cars(
        known,
        chargers,
        span,
        edges,
        rule=rule,
        default_stay_ns=duration_ns(default_stay, "default_stay"),
        never_curtailed=never_curtailed,
        guaranteed_share=guaranteed_share,
    )
    switches = Switches(
        rule=rule,
        careful=bool(rows or guaranteed_share or cars.exempt.any() or (cars.floor_kw > 0).any()),
        rotate=chargers.below_minimum == "rotate",
        taper_low=chargers.taper_low if (cars.knee_kwh > 0).any() else 0.0,
        tally_evse=by_evse,
    )
    tally = blank_tally(cars, span.steps, len(known.evse_ids) if by_evse else 0)
    network = _network(known.evse_ids, groups, rows, edges)
    kernel.charge(pieces, cars, network, switches, tally, 2 * len(known.evse_ids))
    full_after = kernel.times_to_full(cars, switches.taper_low)
    return ChargingResult(known, span, tally, _mean_by_step(pieces, span), full_after)


def _last_instant(sessions: Sessions, span: Span) -> int:
    """Return the last instant at which a limit matters; the rest of its step is empty."""
    return int(sessions.plug_out.max()) if len(sessions) else span.start_ns


def _pieces(
    span: Span, edges: np.ndarray, limit: Steps, seen: Steps, release, ceiling_kw: float
) -> Pieces:
    starts = edges[:-1]
    hours = np.diff(edges) / HOUR_NS
    cap_kw = seen.at(starts)
    if release is not None:
        cap_kw = released(np.minimum(cap_kw, ceiling_kw), hours, release)
    return Pieces(
        step=(starts - span.start_ns) // span.step_ns,
        hours=hours,
        start_h=span.hours(starts),
        cap_kw=cap_kw,
        limit_kw=limit.at(starts),
    )


def _mean_by_step(pieces: Pieces, span: Span) -> np.ndarray:
    if len(pieces.hours) == span.steps:
        return pieces.limit_kw
    energy = np.bincount(pieces.step, pieces.limit_kw * pieces.hours, span.steps)
    return energy / (span.step_ns / HOUR_NS)


def _network(
    evse_ids: np.ndarray, groups: Groups | None, rows: list[Steps], edges: np.ndarray
) -> Network:
    """Return the constraint rows; row 0 is the site, which carries every EVSE whole."""
    share = np.ones((1 + len(rows), len(evse_ids)))
    period = np.zeros(len(edges) - 1, np.int64)
    limit_kw = np.full((1, 1 + len(rows)), np.inf)
    if groups:
        share[1:] = groups.share.reindex(columns=evse_ids).fillna(0.0).to_numpy(dtype=float)
        changes = np.unique(np.concatenate([row.start for row in rows]))
        period = np.maximum(np.searchsorted(changes, edges[:-1], side="right") - 1, 0)
        limit_kw = np.full((len(changes), 1 + len(rows)), np.inf)
        for k, row in enumerate(rows):
            limit_kw[:, 1 + k] = np.maximum(row.at(changes), 0.0)
    evse, row = np.nonzero(share[1:].T)
    begin = np.searchsorted(evse, np.arange(len(evse_ids) + 1))
    share = np.ascontiguousarray(share[1:].T[evse, row])
    return Network(begin, row + 1, share, period, limit_kw)


@entry
def uncontrolled(
    sessions: pd.DataFrame,
    *,
    step="30min",
    placement: str = "front",
    by: str = "site",
    chargepoints: pd.DataFrame | None = None,
    start=None,
    end=None,
) -> xr.DataArray:
    """Return the mean power of each interval without a limit, integrated exactly.

    A session is a block of constant power; arrivals, departures and the end of charging count to
    the instant. A session whose energy does not fit at max_kw within its stay (a measured energy
    above rating x stay, as rounding to the minute makes) is drawn at its mean power, so that no
    energy is lost; `attrs["sessions_raised"]` counts them. `simulate`, to which max_kw is a bound,
    calls the same energy unserved.

    Parameters
    ----------
    sessions : DataFrame
        Columns session_id, evse_id, plug_in, plug_out (UTC), energy_kwh [kWh], and optionally
        max_kw [kW] (else the EVSE's rating).
    step : str or Timedelta
        Length of an interval; must divide a day.
    placement : "front" or "spread"
        "front": at max_kw from plug_in until full. "spread": evenly over the stay.
    by : "site" or "evse"
        The site's sum, or each EVSE.
    chargepoints : DataFrame, optional
        evse_id and rated_kw [kW]: bounds max_kw, and names EVSEs that had no session.
    start, end : datetime (UTC), optional
        Widen the time axis, which always covers every session.

    Returns
    -------
    DataArray [kW] over (time,) or (time, evse).

    Raises
    ------
    UserError
        For sessions that cannot be, with the session named.

    Examples
    --------
    >>> one = pd.DataFrame({
    ...     "session_id": ["a"], "evse_id": ["E1"], "energy_kwh": [6.0], "max_kw": [6.0],
    ...     "plug_in": pd.to_datetime(["2026-01-01T00:15Z"]),
    ...     "plug_out": pd.to_datetime(["2026-01-01T03:15Z"])})
    >>> uncontrolled(one).values.tolist()[:3]
    [3.0, 6.0, 3.0]
    >>> uncontrolled(one, placement="spread").values.tolist()[:2]
    [1.0, 2.0]
    """
    if placement not in ("front", "spread"):
        raise UserError(f"placement = {placement!r}: write 'front' or 'spread'")
    if by not in ("site", "evse"):
        raise UserError(f"by = {by!r}: write 'site' or 'evse'")
    cars = compile_sessions(sessions, chargepoints)
    span = span_of(cars, step, start, end)
    mean_kw = cars.energy_kwh / cars.stay_h
    raised = mean_kw > cars.max_kw
    power_kw = mean_kw if placement == "spread" else np.where(raised, mean_kw, cars.max_kw)
    begin = (cars.plug_in - span.start_ns) / span.step_ns
    finish = begin + cars.energy_kwh / power_kw.clip(min=1e-300) * (HOUR_NS / span.step_ns)
    column = cars.evse if by == "evse" else np.zeros(len(cars), np.int64)
    out = np.zeros((span.steps, len(cars.evse_ids) if by == "evse" else 1))
    _add_blocks(out, column, begin, finish, power_kw)
    coords = {"time": span.time}
    dims = ("time",)
    if by == "evse":
        coords["evse"] = cars.evse_ids.astype(str)
        dims = ("time", "evse")
    else:
        out = out[:, 0]
    return xr.DataArray(
        out,
        coords=coords,
        dims=dims,
        name="power_kw",
        attrs={
            "units": "kW",
            "long_name": "charging demand without a limit",
            "placement": placement,
            "sessions_raised": int((raised & (placement == "front")).sum()),
        },
    )


@numba.njit(cache=True, nogil=True)
def _add_blocks(out, column, begin, finish, power_kw):
    """Add to `out` the mean over each step of blocks from `begin` to `finish` [steps]."""
    for i in range(len(begin)):
        first = int(begin[i])
        last = min(int(finish[i]), out.shape[0] - 1)
        if last == first:
            out[first, column[i]] += power_kw[i] * (finish[i] - begin[i])
            continue
        out[first, column[i]] += power_kw[i] * (first + 1 - begin[i])
        for k in range(first + 1, last):
            out[k, column[i]] += power_kw[i]
        out[last, column[i]] += power_kw[i] * min(finish[i] - last, 1.0)


def simulate_sites(
    sessions: pd.DataFrame,
    limits: Mapping[str, object] | xr.DataArray | None = None,
    *,
    chargepoints: pd.DataFrame | None = None,
    workers: int | None = None,
    **options,
) -> dict[str, ChargingResult]:
    """Charge many sites, each by itself, in parallel over cores.

    Parameters
    ----------
    sessions : DataFrame
        As for `simulate`, with a column site_id.
    limits : Mapping of site_id to a limit, DataArray over (site, time), or None
        Limit of each site [kW]; a site that the mapping does not hold has none.
    chargepoints : DataFrame, optional
        As for `simulate`, with a column site_id.
    workers : int, optional
        Threads; by default one a core. The result does not depend on it.
    **options
        As for `simulate`, the same for every site.

    Returns
    -------
    dict of str to ChargingResult, by site_id in sorted order.

    Raises
    ------
    UserError
        As `simulate`, with the site named.
    """
    if "site_id" not in sessions:
        raise UserError("sessions have no column 'site_id'; add it, or use simulate() for one site")

    def limit_of(site_id: str):
        if limits is None:
            return None
        if isinstance(limits, xr.DataArray):
            return limits.sel(site=site_id, drop=True)
        return limits.get(site_id)

    def run(site_id: str, rows: np.ndarray) -> ChargingResult:
        own = None
        if chargepoints is not None:
            own = chargepoints[chargepoints["site_id"].to_numpy() == site_id]
        try:
            return simulate(sessions.iloc[rows], limit_of(site_id), chargepoints=own, **options)
        except UserError as fault:
            raise UserError(f"site {site_id}: {fault}") from None

    parts = sorted(sessions.groupby("site_id", sort=False).indices.items())
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        results = pool.map(run, *zip(*parts, strict=True)) if parts else ()
        return {site_id: result for (site_id, _), result in zip(parts, results, strict=True)}
