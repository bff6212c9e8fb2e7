"""From the stamps of a load table to UTC starts: clock and label, told by the table or given."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.timebase import LONDON, from_clock, zone

_HOUR = pd.Timedelta("1h")


def labels(
    rows: pd.DataFrame, step: pd.Timedelta, label: str | None
) -> tuple[pd.Series, list[str]]:
    """Return which stamps label the end of their interval, and how it was told."""
    if label is not None:
        return pd.Series(label == "end", index=rows.index), [f"stamps label the {label}, as given"]
    ended, notes = pd.Series(False, index=rows.index), []
    for alias, own in rows.groupby("alias"):
        who = f"{alias}: " if alias else ""
        first, last = own["stamp"].min(), own["stamp"].max()
        if alias.upper() == "SSEN":
            ended[own.index] = True
            notes.append(f"{who}stamps label the end, by the DNO's convention")
        elif first == first.normalize() + step and last == last.normalize():
            ended[own.index] = True
            notes.append(f"{who}stamps label the end: the span runs from {first:%H:%M} to 00:00")
        elif first == first.normalize() and last == last.normalize() + pd.Timedelta("1D") - step:
            notes.append(f"{who}stamps label the start: the span runs from 00:00 to {last:%H:%M}")
        else:
            notes.append(
                f"{who}nothing tells whether stamps label the start or the end; start assumed, "
                "give label = 'end' if not"
            )
    return ended, notes


def starts(rows, found: list, ended: pd.Series, step: pd.Timedelta, timezone: str | None):
    """Return the UTC starts, the stamps that never were, the zone and how it was told."""
    zoned = rows["file"].map(dict(enumerate(table.zoned for table in found))).astype(bool)
    plain = rows["stamp"][~zoned]
    notes, name = [], "UTC"
    if plain.empty:
        notes.append("stamps carry their own zone")
    elif timezone is not None:
        name = "UTC" if timezone.upper() == "UTC" else zone(timezone).key
        notes.append(f"clock of the stamps {name}, as given")
    else:
        name, evidence = clock_of(plain, step)
        if name is None:
            raise UserError(
                f"{found[0].file}: no day of a clock change tells whether the stamps are UTC or "
                "clock time; give timezone = 'UTC' or 'Europe/London'"
            )
        notes.append(f"clock of the stamps {name}: {evidence}")
    start = rows["stamp"].where(~ended, rows["stamp"] - step)
    skipped = pd.Series(False, index=rows.index)
    if len(plain):
        key = rows.loc[~zoned, ["series", "has_value"]]
        start[~zoned], skipped[~zoned] = to_utc(plain, key, name, ended[~zoned], step)
    return start, skipped, name, notes


def clock_of(stamps: pd.Series, step: pd.Timedelta) -> tuple[str | None, str]:
    """Tell from the days of the clock changes whether stamps are UTC or British clock time.

    The clock skips an hour in spring and repeats one in autumn (46 and 50 half hours); UTC does
    neither (48).

    Parameters
    ----------
    stamps : Series of datetime64
        Stamps as written, without zone.
    step : Timedelta
        Step of the table.

    Returns
    -------
    clock : str or None
        "UTC", "Europe/London", or None if nothing tells.
    evidence : str
        What told, for people.
    """
    days = pd.date_range(stamps.min().normalize(), stamps.max().normalize() + pd.Timedelta("1D"))
    starts, _ = from_clock(days)
    lengths = pd.Series(np.diff(starts), index=days[:-1])
    told = {"UTC": [], LONDON: []}
    for day, length in lengths[lengths != 24 * _HOUR].items():
        hour = (stamps - day) // _HOUR
        at = [int((hour == k).sum()) for k in range(4)]
        if not (at[0] and at[3]):
            continue
        # Rows between 01:00 and 03:00, in hours of rows: 2 in UTC, 1 or 3 on the clock.
        rows = (at[1] + at[2]) / max(at[0], at[3])
        changed = 1 if length < 24 * _HOUR else 3
        if abs(rows - 2) <= 0.25:
            told["UTC"].append(f"{day:%Y-%m-%d}")
        elif abs(rows - changed) <= 0.25:
            told[LONDON].append(f"{day:%Y-%m-%d}")
    if told["UTC"] and not told[LONDON]:
        return "UTC", f"no hour is skipped or repeated on {', '.join(told['UTC'])}"
    if told[LONDON] and not told["UTC"]:
        return LONDON, f"an hour is skipped or repeated on {', '.join(told[LONDON])}"
    if not (told["UTC"] or told[LONDON]) and _always_winter(stamps):
        return "UTC", "the span lies in winter, when UTC and the British clock agree"
    return None, ""


def _always_winter(stamps: pd.Series) -> bool:
    unique = pd.DatetimeIndex(stamps.unique())
    return bool((from_clock(unique)[0].tz_localize(None) == unique).all())


def to_utc(
    stamps: pd.Series, key: pd.DataFrame, zone: str, ended: pd.Series, step: pd.Timedelta
) -> tuple[pd.Series, pd.Series]:
    """Return the UTC starts of intervals, the repeated autumn hour in order of appearance.

    Parameters
    ----------
    stamps : Series of datetime64
        Stamps as written, without zone.
    key : DataFrame
        What distinguishes series within which a stamp may stand only once.
    zone : str
        IANA zone of the stamps.
    ended : Series of bool
        Whether the stamp labels the end of its interval.
    step : Timedelta
        Length of an interval.

    Returns
    -------
    starts : Series of datetime64
        Starts [UTC, without zone].
    skipped : Series of bool
        Stamps in the hour that the spring clock skips.
    """
    before = stamps.where(~ended, stamps - step)
    if zone == "UTC":
        return before, pd.Series(False, index=stamps.index)
    # The end of an interval is written as the clock read then, or as the start plus the step.
    # The two differ only beside the clock changes; the one that fits the file is taken.
    read = [
        _localised(stamps, key, zone, shift=ended, step=step),
        _localised(before, key, zone, shift=ended & False, step=step),
    ]
    return min(read, key=lambda pair: pair[1].sum() + _repeats(pair[0], key))


def _localised(stamps, key, zone, *, shift, step):
    utc, doubt = from_clock(stamps, zone)
    starts = pd.Series(utc.tz_localize(None), index=stamps.index)
    again = key.assign(stamp=stamps).groupby([*key, "stamp"]).cumcount() % 2 == 1
    starts = starts.where(~(again & (doubt == "ambiguous")), starts + _HOUR)
    return starts.where(~shift, starts - step), pd.Series(doubt == "nonexistent", stamps.index)


def _repeats(starts: pd.Series, key: pd.DataFrame) -> int:
    return int(key.assign(start=starts).duplicated().sum())
