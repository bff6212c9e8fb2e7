"""A schedule as plain tables and as JSON, for people and for systems without a protocol."""

from __future__ import annotations

import json

import pandas as pd

from scchelpers import timebase
from scchelpers.standards.schedule import Schedule, half_hour_limits, horizon, instant, rounded_down

_MEANING = (
    "Between start (inclusive) and end (exclusive) on the clock of timezone, on days of day_type "
    "and from the day 'from' (inclusive) to the day 'until' (exclusive) of every year, the site "
    "may draw at most limit_kw, as a mean over half an hour. A window whose end is not after its "
    "start runs over midnight, each instant by the rule of its own day. Where rows overlap the "
    "lowest limit holds; outside every row that of otherwise."
)
_ISSUED = "In each half hour from start [UTC] the site may draw at most limit_kw, as a mean."
_DERIVED = ("asset_id", "quantile", "margin_kva", "record_start", "record_end")


def csv(schedule: Schedule) -> str:
    """Return a schedule as CSV: a row a window, with what is needed to read a row on its own.

    Parameters
    ----------
    schedule : Schedule
        The schedule. Limits issued for set days are written by half hours (`half_hourly`).

    Returns
    -------
    str
        Columns scheme, site_id, timezone, season, from, until, day_type, start, end, limit_kva,
        limit_kw, otherwise_kva, otherwise_kw (outside every window), failsafe_kva and
        power_factor; then how it was derived, as far as it applies: asset_id, quantile,
        margin_kva, record_start, record_end; workbook_version.
    """
    if schedule.issued_kw is not None:
        return half_hourly(schedule)
    told = schedule.provenance
    table = schedule.windows.copy()
    table.insert(0, "timezone", schedule.site.timezone)
    table.insert(0, "site_id", schedule.site.site_id)
    table.insert(0, "scheme", schedule.scheme)
    table = table.assign(
        otherwise_kva=schedule.requested_kva,
        otherwise_kw=round(schedule.otherwise_kw, 3),
        failsafe_kva=schedule.failsafe_kva,
        power_factor=schedule.power_factor,
        **{name: told[name] for name in _DERIVED if name in told},
        workbook_version=told["workbook_version"],
    )
    return table.to_csv(index=False, lineterminator="\n")


def half_hourly(schedule: Schedule, *, start: str | None = None, days: int = 1) -> str:
    """Return a schedule as CSV, a row a half hour: 46 and 50 rows at the clock changes.

    Parameters
    ----------
    schedule : Schedule
        The schedule.
    start : str, optional
        First local day; limits that were issued for set days bring their own.
    days : int
        How many.

    Returns
    -------
    str
        Columns site_id, start and end [UTC], clock (local, with its offset), settlement_period,
        limit_kw and limit_kva, both rounded down.
    """
    over = horizon(schedule, start, days)
    half_hours, zone = over.half_hours, schedule.site.timezone
    limit_kw = half_hour_limits(schedule, over)
    table = pd.DataFrame(
        {
            "site_id": schedule.site.site_id,
            "start": [instant(stamp) for stamp in half_hours],
            "end": [instant(stamp) for stamp in half_hours + timebase.HALF_HOUR],
            "clock": [f"{stamp:%Y-%m-%dT%H:%M%z}" for stamp in timebase.clock(half_hours, zone)],
            "settlement_period": timebase.settlement_period(half_hours, zone),
            "limit_kw": [rounded_down(kw) for kw in limit_kw],
            "limit_kva": [rounded_down(kw / schedule.power_factor) for kw in limit_kw],
        }
    )
    return table.to_csv(index=False, lineterminator="\n")


def as_json(schedule: Schedule) -> str:
    """Return a schedule as JSON with units, clock, meaning and provenance.

    Parameters
    ----------
    schedule : Schedule
        The schedule.
    """
    site = schedule.site
    content = {
        "scheme": schedule.scheme,
        "site_id": site.site_id,
        "name": site.name,
        "timezone": site.timezone,
        "units": {"limit_kva": "kVA", "limit_kw": "kW", "from": "MM-DD", "start": "HH:MM"},
        "meaning": _MEANING if schedule.issued_kw is None else _ISSUED,
        "otherwise": {
            "limit_kva": schedule.requested_kva,
            "limit_kw": round(schedule.otherwise_kw, 3),
        },
        "failsafe": {
            "limit_kva": schedule.failsafe_kva,
            "limit_kw": round(schedule.failsafe_kw, 3),
        },
        "power_factor": schedule.power_factor,
        "windows": schedule.windows.to_dict("records"),
        "provenance": schedule.provenance,
    }
    if schedule.issued_kw is not None:
        over = horizon(schedule, None, 1)
        content["half_hours"] = [
            {"start": instant(stamp), "limit_kw": rounded_down(kw)}
            for stamp, kw in zip(over.half_hours, half_hour_limits(schedule, over), strict=True)
        ]
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
