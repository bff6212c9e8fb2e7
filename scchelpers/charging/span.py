"""The time axis of a simulation: whole steps, and the segments between all events in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers.charging.sessions import HOUR_NS, Sessions, nanoseconds
from scchelpers.faults import UserError
from scchelpers.timebase import step_length


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
