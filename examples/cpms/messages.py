"""Messages of the interface: read from JSON, refused where they do not follow the document.

Instants are seconds since 1970 (UTC) in the simulator, RFC 3339 with a zone on the wire.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cpms.problem import Refusal

LARGEST_SEQUENCE = 2**53 - 1  # every JSON reader holds it exactly
LARGEST_KW = 1e6
MOST_BLOCKS = 400
REASONS = ("THERMAL", "VOLTAGE", "FAULT_LEVEL", "OUTAGE", "RELEASE", "TEST")
ACTIONS = ("TRIP", "RELEASE")

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


@dataclass(frozen=True)
class Setpoint:
    """A limit that holds at once, until it expires [kW; s]."""

    sequence: int
    issued_at: float
    limit_kw: float
    valid_until: float


@dataclass(frozen=True)
class Block:
    """A limit for a time to come, [start, end) [kW; s]."""

    start: float
    end: float
    limit_kw: float


@dataclass(frozen=True)
class Forecast:
    """Limits for times to come, in order."""

    sequence: int
    issued_at: float
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Heartbeat:
    """The DNO is there; without a later one the link is lost at `offline_at` [s]."""

    offline_at: float


@dataclass(frozen=True)
class Trip:
    """Stop all charging, or let it begin again."""

    sequence: int
    issued_at: float
    action: str


Numbered = Setpoint | Forecast | Trip
Message = Numbered | Heartbeat


def instant(text: str) -> float:
    """Return an RFC 3339 instant as seconds since 1970 [s].

    Raises
    ------
    ValueError
        If it is none: no zone, no such day.

    Examples
    --------
    >>> instant("1970-01-01T01:00:30.5+01:00"), instant("2016-12-31T23:59:60Z")
    (30.5, 1483228800.0)
    """
    found = _RFC3339.fullmatch(text)
    if not found:
        raise ValueError(text)
    day, clock, second, fraction, zone, sign, hours, minutes = found.groups()
    if int(second) > 60:
        raise ValueError(text)
    # Reckoned by hand: an offset may lead out of the years that datetime knows.
    whole = datetime.fromisoformat(f"{day}T{clock}:00+00:00") - datetime(1970, 1, 1, tzinfo=UTC)
    offset = 0 if zone in "Zz" else (int(hours) * 60 + int(minutes)) * 60
    seconds = whole.days * 86400 + whole.seconds + int(second) + float(fraction or 0)
    return seconds + (offset if sign == "-" else -offset)


def written(at: float) -> str:
    """Return an instant as RFC 3339 in UTC, to the millisecond.

    Examples
    --------
    >>> written(1483228800.25)
    '2017-01-01T00:00:00.250Z'
    """
    stamp = datetime.fromtimestamp(round(at * 1000) / 1000, UTC)
    return stamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(kind: str, raw: bytes) -> Message:
    """Return the message in a request body.

    Parameters
    ----------
    kind : str
        "setpoint", "forecast", "heartbeat" or "trip".
    raw : bytes
        JSON.

    Raises
    ------
    Refusal
        If the body does not follow the document.
    """
    try:
        content = json.loads(raw, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as fault:
        raise Refusal("malformed", f"the body is not JSON: {str(fault)[:120]}") from None
    return _READERS[kind](_Fields(content, "the body"))


class _Fields:
    """The members of a JSON object, taken one by one; what is left over is refused."""

    def __init__(self, content, place: str):
        if not isinstance(content, dict):
            raise Refusal("malformed", f"{place} must be a JSON object")
        self._left = dict(content)
        self._place = place

    def _take(self, name: str, right, rule: str):
        if name not in self._left:
            raise Refusal("malformed", f"{self._place} lacks {name}: {rule}")
        value = self._left.pop(name)
        if not right(value):
            raise Refusal("malformed", f"{name} = {str(value)[:60]!r}: must be {rule}")
        return value

    def sequence(self) -> int:
        rule = f"a whole number from 0 to {LARGEST_SEQUENCE}"
        value = self._take("sequence", lambda v: _is_number(v) and v == int(v), rule)
        if not 0 <= value <= LARGEST_SEQUENCE:
            raise Refusal("malformed", f"sequence = {str(value)[:60]}: must be {rule}")
        return int(value)

    def power(self) -> float:
        rule = f"a number from 0 to {LARGEST_KW:.0f} [kW]"
        return float(self._take("limitKw", lambda v: _is_number(v) and 0 <= v <= LARGEST_KW, rule))

    def instant(self, name: str) -> float:
        rule = "an instant with a zone (RFC 3339), such as 2026-11-23T17:00:00Z"
        return instant(self._take(name, _is_instant, rule))

    def word(self, name: str, allowed: tuple[str, ...]) -> str:
        rule = f"one of {', '.join(allowed)}"
        return self._take(name, lambda v: isinstance(v, str) and v in allowed, rule)

    def blocks(self) -> tuple[Block, ...]:
        rule = f"a list of 1 to {MOST_BLOCKS} blocks"
        items = self._take(
            "blocks", lambda v: isinstance(v, list) and 1 <= len(v) <= MOST_BLOCKS, rule
        )
        found = []
        for place, item in enumerate(items):
            fields = _Fields(item, f"blocks[{place}]")
            block = Block(fields.instant("startTime"), fields.instant("endTime"), fields.power())
            fields.end()
            found.append(block)
        return tuple(found)

    def remark(self, name: str, longest: int) -> None:
        """Check a text for people, which changes nothing."""
        if name in self._left:
            rule = f"a text of 1 to {longest} characters"
            self._take(name, lambda v: isinstance(v, str) and 1 <= len(v) <= longest, rule)

    def reason(self) -> None:
        if "reason" in self._left:
            self.word("reason", REASONS)

    def end(self) -> None:
        if self._left:
            raise Refusal("malformed", f"{self._place}: {min(self._left)[:60]!r} is unknown")


def _setpoint(fields: _Fields) -> Setpoint:
    message = Setpoint(
        fields.sequence(), fields.instant("issuedAt"), fields.power(), fields.instant("validUntil")
    )
    fields.reason()
    fields.remark("constraintId", 64)
    fields.end()
    return message


def _forecast(fields: _Fields) -> Forecast:
    message = Forecast(fields.sequence(), fields.instant("issuedAt"), fields.blocks())
    fields.end()
    return message


def _heartbeat(fields: _Fields) -> Heartbeat:
    message = Heartbeat(fields.instant("offlineModeAt"))
    fields.end()
    return message


def _trip(fields: _Fields) -> Trip:
    message = Trip(fields.sequence(), fields.instant("issuedAt"), fields.word("action", ACTIONS))
    fields.reason()
    fields.end()
    return message


_READERS = {"setpoint": _setpoint, "forecast": _forecast, "heartbeat": _heartbeat, "trip": _trip}


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_power(value) -> bool:
    return _is_number(value) and 0 <= value <= LARGEST_KW


def _is_instant(value) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(instant(value))
    except ValueError:
        return False


def _no_number(text: str):
    raise ValueError(f"{text} is no number")


def _once(pairs: list) -> dict:
    # Readers differ on which of two limits they take.
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name is given twice")
    return content
