"""Limits that a site may have followed instead of its own: one for each likely cause.

Every cause says what the limit would have been had it been at work. Which of them the import kept
is then a matter of comparison (`causes`). `free_kw` is what holds where nothing is held back: the
capacity, or no bound where the capacity itself is the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scchelpers.compliance.judged import Judged
from scchelpers.register.terms import Terms, joined
from scchelpers.timebase import clock, utc_index
from scchelpers.wording import date, number

HOUR = pd.Timedelta("1h")
FARTHEST = pd.Timedelta("3h")
DAYS = {"weekdays": (0, 1, 2, 3, 4), "Saturdays": (5,), "Sundays": (6,), "weekends": (5, 6)}
# So many excursions lie at the level of a cap that was in force: one that is known, and one that is
# guessed from the excursions themselves.
KNOWN, GUESSED = 0.08, 0.25
# A controller set to a fixed clock: UTC all year, or summer time all year (POSIX sign).
FIXED = {"UTC": "an hour late in summer time", "Etc/GMT-1": "an hour early in winter"}


@dataclass(frozen=True, eq=False)
class Followed:
    """A limit that the site may have followed.

    Attributes
    ----------
    cause : str
        Its name, one of `causes.CAUSES`.
    detail : str
        What exactly, for people.
    limit_kw : ndarray [kW]
        The limit.
    level : float
        Share of the excursions that must lie within 1 % of that limit, not only below it.
    """

    cause: str
    detail: str
    limit_kw: np.ndarray
    level: float = 0.0


def windows_moved(judged: Judged, group: np.ndarray, free_kw: np.ndarray) -> Iterator[Followed]:
    """Yield limits that come at another time: shifted, or by another clock."""
    time, tz = judged.flow["time"], judged.entries[-1].timezone
    instants = utc_index(time)
    sent = any(terms.signalled for terms in judged.entries)
    limit_kw = judged.flow["limit_kw"].to_numpy()

    if not sent and any(len(terms.windows) for terms in judged.entries):
        for zone, meaning in FIXED.items():
            own = [replace(terms, timezone=zone) for terms in judged.entries]
            cause = "controller never changes its clock"
            if zone == "UTC" and _spring_gap(judged):
                cause, meaning = "meter in local time", "it skips the hour of the spring change"
            yield Followed(cause, meaning, joined(own, time).to_numpy())
    an_hour = round(HOUR / judged.step)
    hour = {sign: _moved(limit_kw, sign * an_hour) for sign in (-1, 1)}
    last = instants[group][-1]
    for change in _clock_changes(instants, tz).index:
        inside = (instants >= change) & (instants <= last)
        for sign, alternative in hour.items():
            if inside.any() and instants[group][0] >= change:
                way = "early" if sign < 0 else "late"
                yield Followed(
                    "clock not changed",
                    f"an hour {way} from the change of {date(change.tz_convert(tz))}",
                    np.where(inside, alternative, limit_kw),
                )
    steps = int(FARTHEST / judged.step)
    stride = max(1, steps // 12)  # finer shifts than a quarter of an hour tell no more
    for many in range(-steps, steps + 1, stride):
        if many:
            size = f"{abs(many) * judged.step_h * 60:g}"
            way = "early" if many < 0 else "late"
            yield Followed("window shifted", f"{size} min {way}", _moved(limit_kw, many))


def windows_left_out(judged: Judged, group: np.ndarray, free_kw: np.ndarray) -> Iterator[Followed]:
    """Yield limits that leave out days or months, or take those of other days."""
    limit_kw = judged.flow["limit_kw"].to_numpy()
    local = clock(judged.flow["time"], judged.entries[-1].timezone)
    weekday, limited = np.asarray(local.day_of_week), judged.limited & judged.known
    for name, days in DAYS.items():
        here = np.isin(weekday, days)
        if (limited & ~here).any():
            yield Followed("days left out", f"on {name}", np.where(here, free_kw, limit_kw))
    for day_type, others in (("weekday", "weekends"), ("weekend", "weekdays")):
        own = [_as_on(terms, day_type) for terms in judged.entries]
        if any(terms is not None for terms in own):
            pairs = zip(own, judged.entries, strict=True)
            taken = joined([new or old for new, old in pairs], judged.flow["time"]).to_numpy()
            yield Followed("cap of other days", f"the {day_type}'s on {others}", taken)
    months = np.asarray(local.year * 12 + local.month)
    held = np.unique(months[group])
    begin, end = np.flatnonzero(group)[[0, -1]]
    inside = np.isin(months, held)
    edges = np.flatnonzero(inside & limited)[[0, -1]]
    slack = 5 * pd.Timedelta("1D") / judged.step
    whole = begin - edges[0] <= slack and edges[1] - end <= slack
    if whole and (limited & ~inside).any():
        names = pd.DatetimeIndex(local[inside]).strftime("%B %Y").unique()
        yield Followed(
            "months left out", f"in {', '.join(names)}", np.where(inside, free_kw, limit_kw)
        )


def levels(judged: Judged, group: np.ndarray, free_kw: np.ndarray) -> Iterator[Followed]:
    """Yield limits of another height: of other terms, another unit, or none that is known."""
    limit_kw, time = judged.flow["limit_kw"].to_numpy(), judged.flow["time"]
    power = judged.flow["import_kw"].to_numpy()
    factor = judged.entries[-1].power_factor
    if factor < 1:
        yield Followed("kVA taken for kW", f"1/{factor:g} of the limit", limit_kw / factor, KNOWN)
    for times in (2.0, 3.0):
        yield Followed("limit multiplied", f"{times:g} times the limit", limit_kw * times, KNOWN)
    if len(judged.entries) > 1:
        older = [*judged.entries[:-2], replace(judged.entries[-2], ends=pd.NaT)]
        name = judged.entries[-2].entry_id
        yield Followed(
            "superseded terms", f"those of {name}", joined(older, time).to_numpy(), KNOWN
        )
    safe = judged.entries[-1].failsafe_kw
    if np.isfinite(safe):
        raised = np.minimum(np.maximum(limit_kw, safe), free_kw)
        yield Followed("fail-safe instead of the cap", f"{number(safe)} kW", raised, KNOWN)
    for terms in judged.entries:
        for cap in sorted({row.limit_kva for row in terms.windows.itertuples()}):
            level = cap * terms.power_factor
            raised = np.minimum(np.maximum(limit_kw, level), free_kw)
            yield Followed("cap of another window", f"{number(level)} kW", raised, KNOWN)
    level = float(np.quantile(power[group], 0.9))
    raised = np.minimum(np.maximum(limit_kw, level), free_kw)
    yield Followed("cap set too high", f"{number(level)} kW", raised, GUESSED)
    held = group & (limit_kw > 0)
    if held.any():
        ratio = max(1.0, float(np.quantile(power[held] / limit_kw[held], 0.9)))
        said = f"{number(ratio)} times the limit"
        yield Followed("cap set too high", said, np.minimum(limit_kw * ratio, free_kw), GUESSED)


def edges_missed(judged: Judged, group: np.ndarray, free_kw: np.ndarray) -> Iterator[Followed]:
    """Yield limits that begin late or end early by some intervals, and late answers."""
    limit_kw = judged.flow["limit_kw"].to_numpy()
    limited = judged.limited
    starts = limited & ~np.r_[False, limited[:-1]]
    ends = limited & ~np.r_[limited[1:], False]
    for many in (1, 2, 3, 4):
        minutes = f"{many * judged.step_h * 60:g}"
        late, early = starts.copy(), ends.copy()
        for n in range(1, many):
            late |= np.roll(starts, n) & limited
            early |= np.roll(ends, -n) & limited
        yield Followed("begins late", f"by {minutes} min", np.where(late, free_kw, limit_kw))
        yield Followed("ends early", f"by {minutes} min", np.where(early, free_kw, limit_kw))
        if any(terms.signalled for terms in judged.entries):
            slow = limit_kw
            for n in range(1, many + 1):
                slow = np.fmax(slow, _moved(limit_kw, n))
            yield Followed("slow to follow", f"by {minutes} min", slow)


def spells(judged: Judged, group: np.ndarray, free_kw: np.ndarray) -> Iterator[Followed]:
    """Yield limits that were not applied at all: always, since a day, or for some days."""
    limit_kw, instants = judged.flow["limit_kw"].to_numpy(), utc_index(judged.flow["time"])
    tz = judged.entries[-1].timezone
    tested = np.flatnonzero(judged.known & (judged.limited | ~np.isfinite(free_kw)))
    first, last = instants[group][[0, -1]]
    week = pd.Timedelta("7D")
    from_start = first - instants[tested[0]] < 2 * week
    to_end = instants[tested[-1]] - last < 2 * week
    inside = (instants >= first) & (instants <= last)
    here = np.where(inside, free_kw, limit_kw)
    days = f"{date(first.tz_convert(tz))}"
    if from_start and to_end:
        yield Followed("limit not applied", "throughout the record", here)
    elif to_end:
        yield Followed("limit not applied since", days, here)
    else:
        yield Followed("limit not applied for a time", f"{days} to {date(last.tz_convert(tz))}",
                       here)  # fmt: skip


def _as_on(terms: Terms, day_type: str) -> Terms | None:
    """Return terms whose windows of a day type hold on every day; None where it has none."""
    rows = terms.windows[terms.windows["day_type"] == day_type]
    if rows.empty or len(rows) == len(terms.windows):
        return None
    return replace(terms, windows=rows.assign(day_type="all"))


def _moved(values: np.ndarray, many: int) -> np.ndarray:
    """Return values that come some intervals later (or earlier); at the edges they stay."""
    found = values.copy()
    if many >= 0:
        found[many:] = values[: len(values) - many]
    else:
        found[:many] = values[-many:]
    return found


def _clock_changes(instants: pd.DatetimeIndex, tz: str) -> pd.Series:
    """Return the instants at which a clock changes within a record, and by how much."""
    offset = clock(instants, tz).tz_localize(None) - instants.tz_localize(None)
    change = pd.Series(offset, index=instants).diff()
    return change[change.notna() & (change != pd.Timedelta(0))]


def _spring_gap(judged: Judged) -> bool:
    """Return whether just the hour that local clocks skip in spring is missing."""
    instants, tz = utc_index(judged.flow["time"]), judged.entries[-1].timezone
    power = judged.flow["import_kw"].to_numpy()
    for change, by in _clock_changes(instants, tz).items():
        # Read as UTC, local stamps skip the hour that begins when the old clock shows the change.
        old = clock(pd.DatetimeIndex([change]), tz)[0].utcoffset() - by
        hour = (instants >= change + old) & (instants < change + old + HOUR)
        near = (instants >= change + old - 3 * HOUR) & (instants < change + old + 4 * HOUR)
        alone = np.isnan(power[hour]).all() and np.isfinite(power[near & ~hour]).all()
        if by > pd.Timedelta(0) and hour.any() and alone:
            return True
    return False
