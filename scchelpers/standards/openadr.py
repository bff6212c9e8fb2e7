"""OpenADR 3: a schedule as events, an import limit and what holds without connection.

When its schedule is exhausted, or after a loss of power, the site's system goes by the import
capacity subscription until it hears anew. 3.1.0 is not compatible with 3.0.1: targets differ.
"""

from __future__ import annotations

import json
import re
from typing import Literal

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.standards.horizon import (
    fallback_end,
    half_hour_limits,
    horizon,
    instant,
    rounded_down,
    steps,
)
from scchelpers.standards.options import one_of
from scchelpers.standards.schedule import Schedule

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
