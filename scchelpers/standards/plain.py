"""A schedule as a plain table and as JSON, for people and for systems without a protocol."""

from __future__ import annotations

import json

from scchelpers.standards.schedule import Schedule

_MEANING = (
    "Between start (inclusive) and end (exclusive) on the clock of timezone, on days of day_type "
    "and from the day 'from' (inclusive) to the day 'until' (exclusive) of every year, the site "
    "may draw at most limit_kw, as a mean over half an hour. A window whose end is not after its "
    "start runs over midnight, each instant by the rule of its own day. Where rows overlap the "
    "lowest limit holds; outside every row that of otherwise."
)


def csv(schedule: Schedule) -> str:
    """Return a schedule as CSV: a row a window, with what is needed to read a row on its own.

    Parameters
    ----------
    schedule : Schedule
        The schedule.

    Returns
    -------
    str
        Columns scheme, site_id, timezone, season, from, until, day_type, start, end, limit_kva,
        limit_kw, otherwise_kva, otherwise_kw (outside every window) and power_factor; then how
        it was derived: asset_id, quantile, margin_kva, record_start, record_end,
        workbook_version.
    """
    told = schedule.provenance
    table = schedule.windows.copy()
    table.insert(0, "timezone", schedule.site.timezone)
    table.insert(0, "site_id", schedule.site.site_id)
    table.insert(0, "scheme", schedule.scheme)
    table = table.assign(
        otherwise_kva=schedule.requested_kva,
        otherwise_kw=round(schedule.requested_kva * schedule.power_factor, 3),
        power_factor=schedule.power_factor,
        **{
            name: told[name]
            for name in ("asset_id", "quantile", "margin_kva", "record_start", "record_end")
        },
        workbook_version=told["workbook_version"],
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
        "meaning": _MEANING,
        "otherwise": {
            "limit_kva": schedule.requested_kva,
            "limit_kw": round(schedule.requested_kva * schedule.power_factor, 3),
        },
        "power_factor": schedule.power_factor,
        "windows": schedule.windows.to_dict("records"),
        "provenance": schedule.provenance,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
