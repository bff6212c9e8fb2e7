"""Messages of the interface: read from JSON, refused where they do not follow the document.

Instants are seconds since 1970 (UTC) in the simulator, RFC 3339 with a zone on the wire.
"""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config

from cpms.problem import Refusal

LARGEST_SEQUENCE = 2**53 - 1  # every JSON reader holds it exactly
LARGEST_KW = 1e6
MOST_BLOCKS = 400
Reason = Literal["THERMAL", "VOLTAGE", "FAULT_LEVEL", "OUTAGE", "RELEASE", "TEST"]
Action = Literal["TRIP", "RELEASE"]
REASONS, ACTIONS = get_args(Reason), get_args(Action)

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d+)?([Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


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


def _whole(value):
    """Return a whole number as one, however JSON writes it: 3 and 3.0."""
    whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return int(value) if whole else value


def _seconds(value) -> float:
    try:
        found = instant(value) if isinstance(value, str) else math.inf
    except ValueError:
        found = math.inf
    if not math.isfinite(found):
        raise ValueError("must be an instant with a zone, such as 2026-11-23T17:00:00Z")
    return found


def _at(name: str):
    return Annotated[float, BeforeValidator(_seconds), Field(alias=name)]


Sequence = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, le=LARGEST_SEQUENCE)]
LimitKw = Annotated[float, Field(alias="limitKw", strict=True, ge=0, le=LARGEST_KW)]
IssuedAt = _at("issuedAt")
_ON_THE_WIRE = with_config(ConfigDict(extra="forbid"))


@_ON_THE_WIRE
@dataclass(frozen=True)
class Setpoint:
    """A limit that holds at once, until it expires [kW; s]."""

    sequence: Sequence
    issued_at: IssuedAt
    limit_kw: LimitKw
    valid_until: _at("validUntil")
    reason: Reason = field(default=None, compare=False, repr=False)  # for people
    constraint_id: Annotated[
        str, Field(alias="constraintId", strict=True, min_length=1, max_length=64)
    ] = field(default=None, compare=False, repr=False)


@_ON_THE_WIRE
@dataclass(frozen=True)
class Block:
    """A limit for a time to come, [start, end) [kW; s]."""

    start: _at("startTime")
    end: _at("endTime")
    limit_kw: LimitKw


@_ON_THE_WIRE
@dataclass(frozen=True)
class Forecast:
    """Limits for times to come, in order."""

    sequence: Sequence
    issued_at: IssuedAt
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=MOST_BLOCKS)]


@_ON_THE_WIRE
@dataclass(frozen=True)
class Heartbeat:
    """The DNO is there; without a later one the link is lost at `offline_at` [s]."""

    offline_at: _at("offlineModeAt")


@_ON_THE_WIRE
@dataclass(frozen=True)
class Trip:
    """Stop all charging, or let it begin again."""

    sequence: Sequence
    issued_at: IssuedAt
    action: Action
    reason: Reason = field(default=None, compare=False, repr=False)  # for people


Numbered = Setpoint | Forecast | Trip
Message = Numbered | Heartbeat
_KINDS = {"setpoint": Setpoint, "forecast": Forecast, "heartbeat": Heartbeat, "trip": Trip}


@cache
def _reader(kind: str) -> TypeAdapter:
    return TypeAdapter(_KINDS[kind])


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
    if not isinstance(content, dict):
        raise Refusal("malformed", "the body must be a JSON object")
    try:
        return _reader(kind).validate_python(content)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        place = ".".join(str(part)[:60] for part in first["loc"]) or "the body"
        raise Refusal("malformed", f"{place}: {first['msg'][:200]}") from None


def _no_number(text: str):
    raise ValueError(f"{text} is no number")


def _once(pairs: list) -> dict:
    # Readers differ on which of two limits they take.
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name is given twice")
    return content
