"""Charging of one site's sessions under a limit."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging import kernel
from scchelpers.charging.chargers import Chargers, compile_cars
from scchelpers.charging.groups import Groups
from scchelpers.charging.limits import Steps, duration_ns, read_limit, released
from scchelpers.charging.problem import (
    RULES,
    Network,
    Pieces,
    Switches,
    blank_tally,
)
from scchelpers.charging.result import ChargingResult
from scchelpers.charging.sessions import HOUR_NS, Sessions, compile_sessions, shift_stays
from scchelpers.charging.span import Span, span_of
from scchelpers.faults import UserError, closest


def simulate(
    sessions: pd.DataFrame,
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
    sessions : DataFrame
        Columns session_id, evse_id, plug_in, plug_out (UTC), energy_kwh [kWh], and optionally
        max_kw [kW] (else the EVSE's rating), announced_plug_out (UTC), phases, priority.
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
    limit_after, limit_missing : None, "hold" or float [kW], optional
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
    cars = compile_cars(
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
            limit_kw[:, 1 + k] = row.at(changes)
    evse, row = np.nonzero(share.T)
    begin = np.searchsorted(evse, np.arange(len(evse_ids) + 1))
    return Network(begin, row, np.ascontiguousarray(share.T[evse, row]), period, limit_kw)
