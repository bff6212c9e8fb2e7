"""Sessions of one site, checked and compiled to plain arrays.

Instants are integers of nanoseconds since the epoch (UTC): grids and fractions of a step stay
exact. Rows are sorted by (plug_in, session_id), the order that breaks every tie.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.timebase import step_length, utc_index

HOUR_NS = 3_600_000_000_000

UNKNOWN = np.iinfo(np.int64).min  # an instant that nobody announced (pandas' NaT)

REQUIRED = ("session_id", "evse_id", "plug_in", "plug_out", "energy_kwh")


@dataclass(frozen=True)
class Sessions:
    """Sessions of one site as arrays, one entry a session, sorted by (plug_in, session_id).

    Attributes
    ----------
    session_ids : ndarray
        Identifiers.
    row : ndarray of int
        Row of the session in the frame that was given.
    evse_ids : ndarray
        Every EVSE of the site: in the order of the chargepoints if given, else sorted.
    evse : ndarray of int
        Position in `evse_ids`.
    plug_in, plug_out, announced : ndarray of int
        Instants [ns]; `announced` is `UNKNOWN` where no departure was announced.
    energy_kwh, max_kw : ndarray of float
        Energy wanted [kWh]; most that car and EVSE take [kW].
    phases, priority : ndarray of int
        Phases used (1 or 3, 0 for DC, -1 unknown); class, 0 first.
    """

    session_ids: np.ndarray
    row: np.ndarray
    evse_ids: np.ndarray
    evse: np.ndarray
    plug_in: np.ndarray
    plug_out: np.ndarray
    announced: np.ndarray
    energy_kwh: np.ndarray
    max_kw: np.ndarray
    phases: np.ndarray
    priority: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @property
    def stay_h(self) -> np.ndarray:
        """Length of the stays [h]."""
        return (self.plug_out - self.plug_in) / HOUR_NS


def nanoseconds(times) -> np.ndarray:
    """Return instants as integers of nanoseconds since the epoch."""
    return utc_index(times).as_unit("ns").asi8


def compile_sessions(sessions: pd.DataFrame, chargepoints: pd.DataFrame | None = None) -> Sessions:
    """Check a sessions frame and turn it into arrays.

    Parameters
    ----------
    sessions : DataFrame
        Columns session_id, evse_id, plug_in, plug_out (UTC), energy_kwh [kWh]; and optionally
        max_kw [kW], announced_plug_out (UTC), phases, priority.
    chargepoints : DataFrame, optional
        Columns evse_id, rated_kw [kW], and optionally phases and priority. The rating stands in
        for a missing max_kw and bounds every other.

    Raises
    ------
    UserError
        With the session, the field, the value and the remedy.

    Examples
    --------
    >>> one = pd.DataFrame({"session_id": ["s"], "evse_id": ["e"], "energy_kwh": [7.0],
    ...                     "plug_in": pd.to_datetime(["2026-01-01T08:00Z"]),
    ...                     "plug_out": pd.to_datetime(["2026-01-01T10:00Z"]), "max_kw": [7.0]})
    >>> len(compile_sessions(one))
    1
    """
    if not isinstance(sessions, pd.DataFrame):
        own = (
            "its sessions, as in site.sessions" if hasattr(sessions, "sessions") else "a DataFrame"
        )
        raise UserError(f"sessions = {reprlib.repr(sessions)}: pass {own}")
    missing = [name for name in REQUIRED if name not in sessions.columns]
    if missing:
        hint = closest(missing[0], map(str, sessions.columns))
        raise UserError(f"sessions have no column {missing[0]!r}; {hint or 'add it'}")
    ids = sessions["session_id"].to_numpy(dtype=object)
    plug_in, plug_out = _instants(sessions, "plug_in"), _instants(sessions, "plug_out")
    unknown = (plug_in == UNKNOWN) | (plug_out == UNKNOWN)
    _refuse(ids, "plug_in, plug_out", ids, unknown, "both must be known")
    _refuse(ids, "plug_out", sessions["plug_out"], plug_out <= plug_in, "must be after plug_in")
    energy_kwh = _numbers(sessions, "energy_kwh", ids)
    bad = ~((energy_kwh >= 0) & np.isfinite(energy_kwh))
    _refuse(ids, "energy_kwh", energy_kwh, bad, "must be a number of kWh, 0 or more")

    evse_ids, evse, place = _evses(sessions, chargepoints, ids)
    rated_kw = None if place is None else _numbers(chargepoints, "rated_kw", evse_ids)[place]
    max_kw = np.full(len(ids), np.nan)
    if "max_kw" in sessions:
        max_kw = _numbers(sessions, "max_kw", ids)
    if rated_kw is not None:
        max_kw = np.fmin(max_kw, rated_kw)
    _refuse(
        ids, "max_kw", max_kw, ~(max_kw > 0), "must be above 0 kW; give it or the EVSE's rating"
    )

    _refuse(ids, "session_id", ids, pd.isna(ids), "must be known")
    if len(set(ids)) < len(ids):
        twice = pd.Series(ids).duplicated().to_numpy()
        _refuse(ids, "session_id", ids, twice, "occurs twice; identifiers must be unique")
    order = np.argsort(plug_in, kind="stable")
    at_once = np.diff(plug_in[order]) == 0
    if at_once.any():
        tied = np.union1d(np.flatnonzero(at_once), np.flatnonzero(at_once) + 1)
        codes = np.zeros(len(ids), np.int64)
        codes[order[tied]] = pd.factorize(ids[order[tied]], sort=True)[0]
        order = np.lexsort((codes, plug_in))
    compiled = Sessions(
        session_ids=ids[order],
        row=order,
        evse_ids=evse_ids,
        evse=evse[order],
        plug_in=plug_in[order],
        plug_out=plug_out[order],
        announced=_instants(sessions, "announced_plug_out")[order],
        energy_kwh=energy_kwh[order],
        max_kw=max_kw[order],
        phases=_attribute("phases", -1, sessions, chargepoints, place)[order],
        priority=_attribute("priority", 0, sessions, chargepoints, place)[order],
    )
    _refuse_overlaps(compiled)
    return compiled


def shift_stays(sessions: Sessions, shift) -> Sessions:
    """Let drivers leave later (or, if negative, earlier) than they did.

    A car stays at the latest until the next one plugs in on its EVSE, and leaves at the earliest
    as it arrives. Announced departures stay as they were.

    Parameters
    ----------
    sessions : Sessions
    shift : str, Timedelta, or Series of Timedelta indexed by session_id
        Change of the departure; sessions not in the Series keep theirs.
    """
    if isinstance(shift, pd.Series):
        change = pd.to_timedelta(shift.reindex(sessions.session_ids)).fillna(pd.Timedelta(0))
        shift_ns = change.dt.as_unit("ns").to_numpy().astype(np.int64)
    else:
        shift_ns = np.full(len(sessions), pd.Timedelta(shift).as_unit("ns").value)
    order = np.lexsort((sessions.plug_in, sessions.evse))
    bound = np.full(len(sessions), np.iinfo(np.int64).max)
    same = sessions.evse[order][1:] == sessions.evse[order][:-1]
    bound[order[:-1][same]] = sessions.plug_in[order[1:][same]]
    plug_out = np.clip(sessions.plug_out + shift_ns, sessions.plug_in, bound)
    return replace(sessions, plug_out=plug_out)


def _instants(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return a column of instants [ns], `UNKNOWN` where it or the column is missing."""
    if name not in frame:
        return np.full(len(frame), UNKNOWN)
    column = frame[name]
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.array.as_unit("ns").asi8
    if column.isna().all():
        return np.full(len(frame), UNKNOWN)
    raise UserError(f"sessions, {name}: holds {column.dtype}; give instants in UTC")


def _numbers(frame: pd.DataFrame, name: str, ids: np.ndarray) -> np.ndarray:
    try:
        return frame[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        read = pd.to_numeric(frame[name], errors="coerce")
        _refuse(ids, name, frame[name], (read.isna() & frame[name].notna()).to_numpy(), "a number")
        return read.to_numpy(dtype=float)


def _evses(sessions: pd.DataFrame, chargepoints: pd.DataFrame | None, ids: np.ndarray):
    """Return all EVSEs, the position of each session's, and the same in the chargepoints."""
    if chargepoints is None:
        evse, names = pd.factorize(sessions["evse_id"].to_numpy(dtype=object), sort=True)
        _refuse(ids, "evse_id", sessions["evse_id"], evse < 0, "must be known")
        return np.asarray(names, dtype=object), evse.astype(np.int64), None
    names = pd.Index(chargepoints["evse_id"].to_numpy(dtype=object))
    if names.has_duplicates:
        raise UserError(f"chargepoints, evse_id = {names[names.duplicated()][0]!r}: occurs twice")
    evse = names.get_indexer(sessions["evse_id"].to_numpy(dtype=object)).astype(np.int64)
    _refuse(ids, "evse_id", sessions["evse_id"], evse < 0, "is not among the chargepoints; add it")
    return names.to_numpy(dtype=object), evse, evse


def _attribute(name: str, default: int, sessions, chargepoints, place) -> np.ndarray:
    """Return a whole number per session: the session's own, else its EVSE's, else the default."""
    values = np.full(len(sessions), float(default))
    if place is not None and name in chargepoints:
        of_evse = chargepoints[name].to_numpy(dtype=float, na_value=default)
        values = of_evse[place]
    if name in sessions:
        own = sessions[name].to_numpy(dtype=float, na_value=np.nan)
        values = np.where(np.isnan(own), values, own)
    return values.astype(np.int64)


def _refuse_overlaps(sessions: Sessions) -> None:
    order = np.lexsort((sessions.plug_in, sessions.evse))
    before, after = order[:-1], order[1:]
    clash = (sessions.evse[before] == sessions.evse[after]) & (
        sessions.plug_out[before] > sessions.plug_in[after]
    )
    if clash.any():
        first, second = before[clash][0], after[clash][0]
        raise UserError(
            f"session {sessions.session_ids[second]!r}, plug_in = "
            f"{pd.Timestamp(sessions.plug_in[second], tz='UTC')}: session "
            f"{sessions.session_ids[first]!r} is on EVSE "
            f"{sessions.evse_ids[sessions.evse[first]]!r} until "
            f"{pd.Timestamp(sessions.plug_out[first], tz='UTC')}; an EVSE holds one car, mend the "
            f"times or leave one out ({int(clash.sum())} such pairs)"
        )


def _refuse(ids: np.ndarray, field: str, values, bad: np.ndarray, rule: str) -> None:
    """Raise for the first session that breaks a rule."""
    bad = np.asarray(bad)
    if bad.any():
        at = int(np.argmax(bad))
        value = pd.Series(np.asarray(values, dtype=object)).iloc[at]
        more = f" ({int(bad.sum())} such sessions)" if bad.sum() > 1 else ""
        raise UserError(f"session {ids[at]!r} (row {at}), {field} = {value}: {rule}{more}")


@dataclass(frozen=True)
class Span:
    """Consecutive steps of one length.

    Attributes
    ----------
    start_ns, step_ns : int
        First instant and length of a step [ns].
    steps : int
        Number of steps.
    """

    start_ns: int
    step_ns: int
    steps: int

    @property
    def end_ns(self) -> int:
        """Instant at which the last step ends [ns]."""
        return self.start_ns + self.steps * self.step_ns

    @property
    def time(self) -> np.ndarray:
        """Starts of the steps, datetime64[ns] in UTC."""
        stamps = self.start_ns + self.step_ns * np.arange(self.steps, dtype=np.int64)
        return stamps.view("datetime64[ns]")

    def hours(self, instants: np.ndarray) -> np.ndarray:
        """Return instants [ns] as hours from the start."""
        return (instants - self.start_ns) / HOUR_NS

    def instants(self, hours: np.ndarray) -> np.ndarray:
        """Return hours from the start as instants [ns]."""
        return self.start_ns + np.round(hours * HOUR_NS).astype(np.int64)

    def segments(self, *events: np.ndarray) -> np.ndarray:
        """Return the edges [ns] of the pieces into which instants inside steps cut the steps."""
        grid = self.start_ns + self.step_ns * np.arange(self.steps + 1, dtype=np.int64)
        instants = np.concatenate([np.zeros(0, np.int64), *events])
        inside = (instants > self.start_ns) & (instants < self.end_ns)
        instants = instants[inside & ((instants - self.start_ns) % self.step_ns != 0)]
        if not len(instants):
            return grid
        # Sorting merges long runs in place; np.union1d would hash a million edges.
        edges = np.sort(np.concatenate([grid, instants]), kind="stable")
        return edges[np.diff(edges, prepend=edges[0] - 1) > 0]

    def segment_of(self, events: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Return the segment that begins at each of the events that cut the steps."""
        if len(edges) == self.steps + 1:  # nothing cut them: every event begins a step
            return (events - self.start_ns) // self.step_ns
        return np.searchsorted(edges, events)


def span_of(sessions: Sessions, step, start=None, end=None) -> Span:
    """Return the span that covers every session, and `[start, end)` if that is wider.

    Raises
    ------
    UserError
        If there are neither sessions nor both start and end.
    """
    step_ns = step_length(step).as_unit("ns").value
    first = [_instant(start, "start")] if start is not None else []
    last = [_instant(end, "end")] if end is not None else []
    if len(sessions):
        first.append(int(sessions.plug_in[0]))
        last.append(int(sessions.plug_out.max()))
    if not first or not last or max(last) <= min(first):
        raise UserError("there are no sessions to say which span is meant; give start and end")
    start_ns = min(first) // step_ns * step_ns
    return Span(start_ns, step_ns, -((start_ns - max(last)) // step_ns))


def _instant(value, name: str) -> int:
    stamp = pd.Timestamp(value)
    if stamp.tz is None:
        raise UserError(f"{name} = {value!r}: has no time zone; give UTC, such as {stamp}Z")
    return int(nanoseconds([stamp])[0])
