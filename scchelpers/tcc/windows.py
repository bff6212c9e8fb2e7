"""Tables of timed limits, as they stand in a connection offer, and the limit they make.

A row of a table is one window: in these months, on these days, from start to end on the local
clock, the site may take no more than `limit_kva`. Where rows overlap the most restrictive holds;
where none applies the requested capacity does.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError, closest
from scchelpers.timebase import LONDON

REQUIRED = ("season", "day_type", "start", "end", "limit_kva")

COLUMNS = ("season", "months", "day_type", "start", "end", "limit_kva", "headroom_kva", "samples")

# Day type -> days of the week, Monday 0.
DAYS = {
    "weekday": (0, 1, 2, 3, 4),
    "saturday": (5,),
    "sunday": (6,),
    "weekend": (5, 6),
    "all": (0, 1, 2, 3, 4, 5, 6),
}

MINUTES = 24 * 60


def limit(
    windows: pd.DataFrame,
    time,
    requested_kw: float,
    *,
    power_factor: float,
    timezone: str = LONDON,
) -> xr.DataArray:
    """Return the limit that a table of windows makes over time.

    Parameters
    ----------
    windows : pandas.DataFrame
        One row a window: season, day_type, start, end and limit_kva [kVA]; months (a tuple of
        month numbers) where the season is not one of EREC P27. Rows may overlap.
    time : DataArray, DatetimeIndex or array of datetime64
        Starts of intervals [UTC].
    requested_kw : float
        Requested capacity [kW]: what holds outside every window.
    power_factor : float
        Of the site: kW = kVA x power factor.
    timezone : str
        Zone of the windows' clock.

    Returns
    -------
    xarray.DataArray
        Limit [kW] over time: the least of the requested capacity and of all rows that apply.

    Raises
    ------
    UserError
        If a row cannot be read, the power factor is not in (0, 1], or a window begins or ends
        inside an interval.

    Examples
    --------
    >>> windows = pd.DataFrame({"season": ["winter"], "day_type": ["all"], "start": ["16:30"],
    ...                         "end": ["18:30"], "limit_kva": [40.0]})
    >>> time = timebase.grid("2026-12-01T16:00Z", "2026-12-01T19:00Z", "30min")
    >>> limit(windows, time, 100.0, power_factor=1.0).values.tolist()
    [100.0, 40.0, 40.0, 40.0, 40.0, 100.0]
    """
    if not 0 < power_factor <= 1:
        raise UserError(f"power_factor = {power_factor}: must be above 0 and at most 1")
    requested_kva = float(requested_kw) / power_factor
    limit_kw = limit_kva(windows, time, requested_kva, timezone=timezone) * power_factor
    limit_kw.attrs = {"units": "kW", "long_name": "limit of the timed connection"}
    return limit_kw.rename("limit_kw")


def limit_kva(
    windows: pd.DataFrame, time, requested_kva: float, *, timezone: str = LONDON
) -> xr.DataArray:
    """Return the limit that a table of windows makes over time, as apparent power.

    Parameters
    ----------
    windows, time, timezone
        As in `limit`.
    requested_kva : float
        Requested capacity [kVA].

    Returns
    -------
    xarray.DataArray
        Limit [kVA] over time.

    Raises
    ------
    UserError
        As in `limit`.

    See Also
    --------
    limit, windows_in

    Examples
    --------
    >>> from scchelpers import timebase
    >>> window = {"season": "winter", "day_type": "weekday", "start": "16:00", "end": "20:00"}
    >>> table = pd.DataFrame([{**window, "limit_kva": 40.0}])
    >>> time = timebase.grid("2025-01-06T15:00Z", "2025-01-06T17:00Z", "1h")
    >>> limit_kva(table, time, 100.0).values.tolist()
    [100.0, 40.0]
    """
    rows = checked(windows)
    instants = timebase.utc_index(time)
    _refuse_split_intervals(rows, instants)
    value = np.full(len(instants), float(requested_kva))
    for row, here in zip(rows.itertuples(), inside(rows, instants, timezone), strict=True):
        value[here] = np.minimum(value[here], row.limit_kva)
    return xr.DataArray(
        value,
        {"time": timebase.naive_utc(instants)},
        ("time",),
        "limit_kva",
        {"units": "kVA", "long_name": "limit of the timed connection"},
    )


def inside(windows: pd.DataFrame, time, timezone: str = LONDON) -> np.ndarray:
    """Return which instants fall in which window: bool over (row, time).

    A window that runs over midnight applies to each instant by that instant's own local day.

    Examples
    --------
    >>> window = {"season": "winter", "day_type": "weekday", "start": "16:00", "end": "20:00"}
    >>> time = timebase.grid("2025-01-06T15:00Z", "2025-01-06T17:00Z", "1h")
    >>> inside(pd.DataFrame([{**window, "limit_kva": 40.0}]), time, "Europe/London").tolist()
    [[False, True]]
    """
    rows = checked(windows)
    local = timebase.clock(time, timezone)
    minute = (local.hour * 60 + local.minute).to_numpy()
    month, weekday = local.month.to_numpy(), local.day_of_week.to_numpy()
    mask = np.zeros((len(rows), len(local)), bool)
    for at, row in enumerate(rows.itertuples()):
        first, last = (timebase.minute_of_clock(text) for text in (row.start, row.end))
        after, before = minute >= first, minute < last
        on = (after & before) if first < last else (after | before)
        mask[at] = on & np.isin(month, row.months) & np.isin(weekday, DAYS[row.day_type])
    return mask


def length_min(start: str, end: str) -> int:
    """Return the length of a window on the clock [min].

    Examples
    --------
    >>> length_min("16:30", "18:30"), length_min("22:00", "02:00"), length_min("00:00", "24:00")
    (120, 240, 1440)
    """
    first, last = timebase.minute_of_clock(start), timebase.minute_of_clock(end)
    return last - first if first < last else last - first + MINUTES


def months_of(season: str, calendar: dict[int, str] | None = None) -> tuple[int, ...]:
    """Return the months of a season in the order they follow each other.

    Examples
    --------
    >>> months_of("winter"), months_of("all year")
    ((12, 1, 2), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
    """
    if season == "all year":
        return tuple(range(1, 13))
    months = sorted(m for m, name in (calendar or timebase.SEASONS).items() if name == season)
    while months and (months[0] - 2) % 12 + 1 in months and len(months) < 12:
        months.insert(0, months.pop())
    return tuple(months)


def checked(windows: pd.DataFrame) -> pd.DataFrame:
    """Return a table of windows with its months filled in, or say which row is wrong.

    Raises
    ------
    UserError
        If a column is missing or a row cannot be read.
    """
    lacking = [name for name in REQUIRED if name not in windows]
    if lacking:
        raise UserError(f"windows: no column {lacking[0]!r}; needed: {', '.join(REQUIRED)}")
    rows = windows.reset_index(drop=True)
    given = rows["months"] if "months" in rows else [None] * len(rows)
    months = []
    for at, (row, own) in enumerate(zip(rows.itertuples(), given, strict=True)):
        place = f"windows, row {at}"
        if row.day_type not in DAYS:
            hint = closest(str(row.day_type), DAYS) or f"one of {', '.join(DAYS)}"
            raise UserError(f"{place}, day_type = {row.day_type!r}: not a day type; {hint}")
        cap = pd.to_numeric(row.limit_kva, errors="coerce")
        if not np.isfinite(cap) or cap < 0:
            raise UserError(f"{place}, limit_kva = {row.limit_kva!r}: must be a number, 0 or more")
        for text in (row.start, row.end):
            timebase.minute_of_clock(text)
        own = months_of(row.season) if own is None or np.ndim(own) == 0 else tuple(own)
        if not own or not set(own) <= set(range(1, 13)):
            raise UserError(
                f"{place}, season = {row.season!r}: its months are unknown; add a column months "
                "with tuples of month numbers such as (12, 1, 2), or use winter, spring, summer, "
                "autumn or 'all year'"
            )
        months.append(own)
    return rows.assign(
        months=pd.Series(months, index=rows.index, dtype=object),
        limit_kva=rows["limit_kva"].astype(float),
    )


def _refuse_split_intervals(rows: pd.DataFrame, instants: pd.DatetimeIndex) -> None:
    if len(instants) < 2:
        return
    step_min = (instants[1] - instants[0]) / pd.Timedelta("1min")
    for row in rows.itertuples():
        for text in (row.start, row.end):
            if timebase.minute_of_clock(text) % step_min:
                raise UserError(
                    f"window {row.start}-{row.end}: {text} lies inside an interval of "
                    f"{step_min:g} min; give a finer time"
                )
