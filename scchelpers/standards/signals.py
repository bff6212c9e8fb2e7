"""OSCP 2.0: a schedule as capacity forecasts with a fallback.

The DNO is the capacity provider, the CPMS the flexibility provider. OSCP knows no apparent power,
no reason and no trip.
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    model_validator,
)

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.standards.schedule import (
    Horizon,
    Schedule,
    fallback_end,
    half_hour_limits,
    horizon,
    instant,
    one_of,
    rounded_down,
    steps,
)

_ForecastType = Literal[
    "CONSUMPTION", "GENERATION", "FALLBACK_CONSUMPTION", "FALLBACK_GENERATION", "OPTIMUM"
]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ForecastedBlock(_Message):
    """A capacity between two instants."""

    capacity: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
    phase: Literal["UNKNOWN", "ONE", "TWO", "THREE", "ALL"]
    unit: Literal["A", "W", "KW", "WH", "KWH"]
    start_time: AwareDatetime
    end_time: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_it_starts(self):
        if self.end_time <= self.start_time:
            raise ValueError("end_time must be after start_time")
        return self

    @field_serializer("start_time", "end_time")
    def _in_utc(self, stamp) -> str:
        return f"{stamp.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class _GroupCapacityForecast(_Message):
    """The body of update_group_capacity_forecast and adjust_group_capacity_forecast."""

    group_id: Annotated[str, Field(strict=True, min_length=1)]
    type: _ForecastType
    forecasted_blocks: Annotated[list[_ForecastedBlock], Field(min_length=1)]

    @model_validator(mode="after")
    def _blocks_follow_each_other(self):
        for before, after in pairwise(self.forecasted_blocks):
            if after.start_time < before.end_time:
                raise ValueError(f"blocks overlap at {after.start_time:%Y-%m-%dT%H:%MZ}")
        return self


def read_forecast(body: dict) -> _GroupCapacityForecast:
    """Read the body of a group capacity forecast.

    Raises
    ------
    UserError
        If a field is missing, unknown or of the wrong kind, an instant has no zone, or blocks
        overlap.
    """
    try:
        return _GroupCapacityForecast.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "forecast"
        raise UserError(f"OSCP, {place}: {first['msg']}") from None


def as_oscp(
    schedule: Schedule, *, start: str | None = None, days: int = 1, fallback_days: int = 366
) -> str:
    """Return a schedule as OSCP 2.0 requests: a forecast by half hours, and its fallback.

    Parameters
    ----------
    schedule : Schedule
        What is to hold.
    start : str, optional
        First local day; limits that were issued for set days bring their own.
    days : int
        How many days are forecast: 46 and 50 blocks at the clock changes.
    fallback_days : int
        Days from the start for which the fallback holds while there is no connection.

    Returns
    -------
    str
        JSON: a list of requests in the order in which to send them, the fallback first.

    Raises
    ------
    UserError
        If the days are not sound, or the fallback ends before the forecast.
    """
    over = horizon(schedule, start, days)
    until = fallback_end(schedule, over, fallback_days)
    spare = _block(schedule.failsafe_kw, over.start, until)
    content = [
        _request(schedule, "FALLBACK_CONSUMPTION", [spare]),
        _request(schedule, "CONSUMPTION", _blocks(schedule, over)),
    ]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _blocks(schedule: Schedule, over: Horizon) -> list[_ForecastedBlock]:
    limits = half_hour_limits(schedule, over)
    return [
        _block(kw, stamp, stamp + timebase.HALF_HOUR)
        for stamp, kw in zip(over.half_hours, limits, strict=True)
    ]


def _block(limit_kw: float, start: pd.Timestamp, end: pd.Timestamp) -> _ForecastedBlock:
    return _ForecastedBlock(
        capacity=rounded_down(float(limit_kw)),
        phase="ALL",
        unit="KW",
        start_time=start.to_pydatetime(),
        end_time=end.to_pydatetime(),
    )


def _request(schedule: Schedule, kind: _ForecastType, blocks: list[_ForecastedBlock]) -> dict:
    forecast = _GroupCapacityForecast(
        group_id=schedule.site.site_id, type=kind, forecasted_blocks=blocks
    )
    return {"path": "/update_group_capacity_forecast", "body": forecast.model_dump()}


Unit = Literal["KW", "KVA"]

LIMIT, SUBSCRIPTION = "IMPORT_CAPACITY_LIMIT", "IMPORT_CAPACITY_SUBSCRIPTION"

_PROGRAM = re.compile(r"[A-Za-z0-9_-]{1,128}")


def as_openadr(
    version: str,
    schedule: Schedule,
    *,
    start: str | None = None,
    days: int = 1,
    fallback_days: int = 366,
    program_id: str = "smart-charging-connection",
    unit: Unit = "KW",
) -> str:
    """Return a schedule as two OpenADR 3 events: what holds without connection, and the limits.

    Parameters
    ----------
    version : {"3.0.1", "3.1.0"}
        Of OpenADR.
    schedule : Schedule
        What is to hold.
    start : str, optional
        First local day; limits that were issued for set days bring their own.
    days : int
        How many.
    fallback_days : int
        Days from the start for which the subscription stands.
    program_id : str
        The programme at the server.
    unit : {"KW", "KVA"}
        Of the limits.

    Returns
    -------
    str
        JSON: a list of the two events. An interval begins where the limit changes.

    Raises
    ------
    UserError
        If the days or the programme are not sound.
    """
    if not _PROGRAM.fullmatch(program_id):
        raise UserError(f"program_id = {program_id!r}: 1 to 128 letters, digits, '_' or '-'")
    one_of("unit", unit, Unit)
    over = horizon(schedule, start, days)
    half_hours = over.half_hours
    limits = half_hour_limits(schedule, over)
    begins = steps(limits)
    edges = [*half_hours[begins], over.end]
    per_unit = 1.0 if unit == "KW" else schedule.power_factor
    terms = {
        "version": version,
        "program_id": program_id,
        "site_id": schedule.site.site_id,
        "unit": unit,
    }
    fallback = _event(
        **terms,
        kind=SUBSCRIPTION,
        name=f"{schedule.site.site_id}: import without connection",
        edges=[over.start, fallback_end(schedule, over, fallback_days)],
        values=np.array([schedule.failsafe_kw / per_unit]),
    )
    event = _event(
        **terms,
        kind=LIMIT,
        name=f"{schedule.site.site_id}: import limit from {over.days[0]:%Y-%m-%d}",
        edges=edges,
        values=limits[begins] / per_unit,
    )
    return json.dumps([fallback, event], indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _event(
    *, version: str, program_id: str, site_id: str, unit: str, kind: str, name: str, edges, values
) -> dict:
    return {
        "programID": program_id,
        "eventName": name,
        "priority": 0,
        "targets": [site_id]
        if version == "3.1.0"
        else [{"type": "RESOURCE_NAME", "values": [site_id]}],
        "payloadDescriptors": [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind, "units": unit}
        ],
        "intervals": [
            {
                "id": at,
                "intervalPeriod": {"start": instant(begin), "duration": duration(end - begin)},
                "payloads": [{"type": kind, "values": [rounded_down(float(value))]}],
            }
            for at, (begin, end, value) in enumerate(
                zip(edges[:-1], edges[1:], values, strict=True)
            )
        ],
    }


def duration(length: pd.Timedelta) -> str:
    """Return a length as an ISO 8601 duration in hours and minutes, which no clock change alters.

    Examples
    --------
    >>> duration(pd.Timedelta("16h30min")), duration(pd.Timedelta("2D")), duration(pd.Timedelta(0))
    ('PT16H30M', 'PT48H', 'PT0H')
    """
    hours, minutes = divmod(int(length / pd.Timedelta("1min")), 60)
    return f"PT{hours}H{minutes}M" if minutes else f"PT{hours}H"
