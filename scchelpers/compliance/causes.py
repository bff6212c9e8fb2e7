"""Why a site drew more than its terms allow: the limit that its import kept instead, by name.

Each cause says what the limit would have been had it been at work. It explains an excursion that
lies below that limit, and is refuted by import above it elsewhere. Of the causes that explain the
excursions and are hardly refuted, the one that gives away least is named: a cause that explains
everything says nothing. `free_kw` is what holds where nothing is held back: the capacity, or no
bound where the capacity itself is the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scchelpers.compliance.record import judged_entries, most_metered, step_h
from scchelpers.register import Terms, limit_over
from scchelpers.timebase import clock, local_date

# What to do about each cause. The order settles ties: of two that explain alike, the first.
CAUSES = {
    "meter in local time": "set the meter's stamps to UTC, and import the record again",
    "controller never changes its clock": "set the controller to the clock of the terms",
    "clock not changed": "set the controller's clock, and see that it changes with the local one",
    "window shifted": "correct the controller's windows, or the labels of the meter's intervals",
    "days left out": "program the days left out",
    "cap of other days": "program the caps of each day type",
    "months left out": "program the months left out",
    "kVA taken for kW": "apply the power factor once, in controller or meter",
    "superseded terms": "load the terms in force into the controller",
    "fail-safe instead of the cap": "the controller sits at its fail-safe: restore its signal",
    "cap of another window": "program the cap of each window",
    "limit multiplied": "look for a cap applied to each phase or to each of several meters",
    "cap set too high": "correct the cap",
    "slow to follow": "shorten the control loop",
    "begins late": "have charging reduced before the window begins",
    "ends early": "hold the cap to the end of the window",
    "fail-safe not kept": "test that charging falls to the fail-safe when no signal comes",
    "rebound above the capacity": "release charging step by step after a window",
    "answers late to other load": "shorten the control loop, or hold back a margin",
    "above the capacity agreed": "find the load that was added, or agree on more capacity",
    "limit not applied since": "find what changed on that day; restore the control",
    "limit not applied for a time": "find why control was out, and whether it may be again",
    "limit not applied": "commission the control: it has never been seen at work",
    "isolated": "no pattern: ask the operator about those days",
    "no single pattern": "look at the excursions one by one",
}
EXPLAINS, REFUTED = 0.9, 0.05
MOSTLY, PARTLY, HARDLY = 0.8, 0.5, 0.02
FEW_DAYS = 4
# Share of the days on which a limit not applied is exceeded; and the same where few cars come.
DENSE, SPARSE = 0.6, 0.3
_MONTH = pd.Timedelta("31D")
# Causes that say when they hold, and those of them that may hold beyond the excursions, too.
_DATED = ("meter in local time", "controller never changes its clock", "clock not changed",
         "months left out")  # fmt: skip
WHOLE = _DATED[:3]
_LOOSE = 0.15  # looseness within this share counts as equal
HOUR = pd.Timedelta("1h")
FARTHEST = pd.Timedelta("3h")
DAYS = {"weekdays": (0, 1, 2, 3, 4), "Saturdays": (5,), "Sundays": (6,), "weekends": (5, 6)}
# So many excursions lie at the level of a cap that was in force: one that is known, and one that is
# guessed from the excursions themselves.
KNOWN, GUESSED = 0.08, 0.25
# A controller set to a fixed clock: UTC all year, or summer time all year (POSIX sign).
_FIXED = {"UTC": "an hour late in summer time", "Etc/GMT-1": "an hour early in winter"}


class _Record:
    """A judged record as arrays, beside the terms by which it was judged."""

    def __init__(self, judged: pd.DataFrame, entries: list[Terms], tolerance: float):
        self.entries, self.tolerance = judged_entries(entries), tolerance
        self.time, self.tz = judged.index, entries[-1].timezone
        self.step_h = step_h(judged)
        self.step = pd.Timedelta(hours=self.step_h)
        self.days = local_date(self.time, self.tz)
        self.local = clock(self.time, self.tz)
        self.power_kw, self.limit_kw, self.capacity_kw, self.above_kw = (
            judged[name].to_numpy() for name in ("import_kw", "limit_kw", "capacity_kw", "above_kw")
        )
        self.known, self.limited, self.above, self.heard = (
            judged[name].to_numpy(bool) for name in ("known", "limited", "above", "heard")
        )
        self.signalled = any(terms.signalled for terms in self.entries)

    def within(self, limit_kw: np.ndarray) -> np.ndarray:
        """Return where the import is at or below a limit [kW], the meter's error granted."""
        return self.power_kw <= most_metered(limit_kw, self.tolerance)

    def limit_of(self, entries: list[Terms]) -> np.ndarray:
        """Return the limit that other entries would have made [kW]."""
        return limit_over(entries, self.time).to_numpy()


@dataclass(frozen=True)
class _Cause:
    """A likely cause of some excursions."""

    name: str
    detail: str
    intervals: int
    explained_share: float
    days: int
    also: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return CAUSES[self.name]


def likely_causes(
    judged: pd.DataFrame, entries: list[Terms], *, tolerance: float = 0.01, most: int = 3
) -> list[_Cause]:
    """Name the likely causes of a site's excursions, the largest first.

    Parameters
    ----------
    judged : pandas.DataFrame
        From `judge`.
    entries : list of Terms
        Those it was judged by.
    tolerance : float
        As for `judge`.
    most : int
        Most causes of one kind of excursion; what is left has no single pattern.

    Examples
    --------
    >>> from scchelpers import compliance, register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = compliance.judge(folder.import_kw("elm-road-lamps"), entries)
    >>> [cause.name for cause in likely_causes(judged, entries)]
    ['clock not changed']
    """
    record = _Record(judged, entries, tolerance)
    above, limited = record.above, record.limited
    silent = limited & ~record.heard
    found: dict[str, _Cause] = {}
    for group, kind in (
        (above & silent, "silent"),
        (above & limited & ~silent, "limited"),
        (above & ~limited, "capacity"),
    ):
        for cause in _of_group(record, group, kind, most) if group.any() else ():
            same = found.get(cause.name)
            if same is not None:
                cause = replace(
                    same,
                    intervals=same.intervals + cause.intervals,
                    explained_share=max(same.explained_share, cause.explained_share),
                    days=same.days + cause.days,
                )
            found[cause.name] = cause
    return sorted(found.values(), key=lambda cause: -cause.intervals)


def _of_group(record: _Record, group: np.ndarray, kind: str, most: int) -> list[_Cause]:
    days = record.days
    found: list[_Cause] = []

    def name(cause: str, detail: str, explained: np.ndarray, of: np.ndarray, also=()) -> None:
        many = int(explained.sum())
        when = int(days[explained].nunique())
        found.append(_Cause(cause, detail, many, many / int(of.sum()), when, tuple(also)))

    if kind == "silent":
        name("fail-safe not kept", "while no valid signal came", group, group)
        return found
    free_kw = record.capacity_kw if kind == "limited" else np.full(len(group), np.inf)
    left = group.copy()
    while left.any() and len(found) < most and days[left].nunique() >= FEW_DAYS:
        best, also = _best(record, left, group, kind, free_kw)
        if best is None:
            break
        explained = left & record.within(best.limit_kw)
        name(best.cause, best.detail, explained, group, also)
        left = left & ~explained
    if left.any():
        when = days[left].nunique()
        isolated = when < FEW_DAYS
        span = "on one day" if when == 1 else f"on {when} days"
        cause = "isolated" if isolated else "no single pattern"
        if kind == "capacity" and not isolated:
            cause = "above the capacity agreed"
        name(cause, span, left, group)
    return found


def _best(record, left, group, kind, free_kw) -> tuple[_Followed | None, list[str]]:
    """Return the limit that was most likely followed, None where none fits, and rival causes."""
    specific = [_in_span(record, left, one) for one in _specific(record, left, kind, free_kw)]

    def fitting(explains: float, refuted: float) -> list[_Followed]:
        return _fitting(record, left, group, specific, explains, refuted)

    # Beside windows the capacity is no control that may fail, but load that was never expected.
    control = kind == "limited" or not record.limited.any()
    found = fitting(EXPLAINS, REFUTED)
    if found or not control:
        return (found[0], _rivals(found)) if found else (None, [])
    share = _share_of_days(record, left, free_kw)
    spell = next(_spells(record, left, free_kw))
    if share >= DENSE:
        return spell, []
    for least, enough in ((MOSTLY, SPARSE), (PARTLY, 0.0)):
        found = fitting(least, HARDLY)
        if found:
            return found[0], []
        if share >= enough > 0:
            return spell, []
    return None, []


def _rivals(found: list[_Followed], most: int = 2) -> list[str]:
    """Return other causes that fit; of limits of another height the one named is enough."""
    best = found[0]
    others = [one.cause for one in found if one.cause != best.cause]
    others = [cause for cause in others if cause != "cap set too high"]
    return list(dict.fromkeys(others))[:most]


def _in_span(record: _Record, left: np.ndarray, one: _Followed) -> _Followed:
    """Return a limit followed only from the first to the last day of the excursions."""
    if one.cause in WHOLE:
        return one
    days = record.days
    first, last = days[left][[0, -1]]
    inside = (days >= first) & (days <= last)
    limit_kw = np.where(inside, one.limit_kw, record.limit_kw)
    short = first - days[0] > _MONTH or days[-1] - last > _MONTH
    told = short and one.cause not in _DATED
    span = f", {_date(first)} to {_date(last)}" if told else ""
    return _Followed(one.cause, one.detail + span, limit_kw, one.level)


def _share_of_days(record: _Record, left: np.ndarray, free_kw: np.ndarray) -> float:
    """Return on which share of the days on which it could be the limit was exceeded."""
    tested = record.known & (record.limited | np.isinf(free_kw))
    days = record.days
    first, last = days[left][[0, -1]]
    inside = tested & (days >= first) & (days <= last)
    return days[left].nunique() / days[inside].nunique()


def _specific(record: _Record, left: np.ndarray, kind: str, free_kw) -> Iterator[_Followed]:
    if kind == "capacity":
        yield from _of_capacity(record, left)
        yield from _levels(record, left, free_kw)
    else:
        for source in (_windows_moved, _windows_left_out, _levels, _edges_missed):
            yield from source(record, left, free_kw)


def _of_capacity(record: _Record, left: np.ndarray) -> Iterator[_Followed]:
    """Yield what may take the import above the capacity itself."""
    limit_kw, power = record.limit_kw, record.power_kw
    limited, reach = record.limited, max(1, round(2 / record.step_h))
    if limited.any():
        after = np.zeros(len(limited), dtype=bool)
        for n in range(1, reach + 1):
            after |= np.r_[np.zeros(n, bool), limited[:-n]] & ~limited
        yield _Followed("rebound above the capacity", "within 2 hours of a window's end",
                       np.where(after, np.inf, limit_kw))  # fmt: skip
    if any(terms.scheme == "dynamic_clm" for terms in record.entries):
        begins = left & ~np.r_[False, left[:-1]]
        rise = np.r_[np.nan, np.diff(power)]
        over = record.above_kw
        risen = begins & (rise >= 0.5 * over)
        short = risen | (np.r_[False, risen[:-1]] & left) | (np.r_[False, False, risen[:-2]] & left)
        yield _Followed("answers late to other load", "short, each after a rise of the import",
                       np.where(short, np.inf, limit_kw))  # fmt: skip


def _fitting(record, left, group, candidates, explains: float, refuted: float) -> list[_Followed]:
    """Return the candidates that explain enough, that which gives away least first.

    Of those that give away about as little, the one that stands first in `CAUSES` comes first.
    """
    power, limit_kw = record.power_kw, record.limit_kw
    highest, fitting = np.nanmax(power), []
    for one in candidates:
        kept = record.within(one.limit_kw)
        good = left & kept
        bad = record.known & ~kept & ~group
        if good.sum() < explains * left.sum() or bad.sum() > refuted * left.sum():
            continue
        near = np.abs(power[good] / one.limit_kw[good] - 1) <= 0.01 if one.level else True
        if np.mean(near) < one.level:
            continue
        bound = np.minimum(one.limit_kw, highest)
        given = np.nansum(np.clip(bound - limit_kw, 0, None)[record.known])
        fitting.append((given, list(CAUSES).index(one.cause), one))
    least = min((given for given, _, _ in fitting), default=0.0)
    equal = least * (1 + _LOOSE) + 1e-9
    order = sorted(fitting, key=lambda item: (item[0] > equal, item[0] if item[0] > equal else 0.0,
                                              item[1], item[0]))  # fmt: skip
    return [one for _, _, one in order]


# --- limits that a site may have followed instead of its own, one for each cause


@dataclass(frozen=True, eq=False)
class _Followed:
    """A limit that the site may have followed."""

    cause: str
    detail: str
    limit_kw: np.ndarray
    level: float = 0.0


def _windows_moved(record: _Record, group: np.ndarray, free_kw: np.ndarray) -> Iterator[_Followed]:
    """Yield limits that come at another time: shifted, or by another clock."""
    limit_kw, instants, tz = record.limit_kw, record.time, record.tz
    if not record.signalled and any(len(terms.windows) for terms in record.entries):
        for zone, meaning in _FIXED.items():
            own = [replace(terms, timezone=zone) for terms in record.entries]
            cause = "controller never changes its clock"
            if zone == "UTC" and _spring_gap(record):
                cause, meaning = "meter in local time", "it skips the hour of the spring change"
            yield _Followed(cause, meaning, record.limit_of(own))
    an_hour = round(HOUR / record.step)
    hour = {sign: _moved(limit_kw, sign * an_hour) for sign in (-1, 1)}
    last = instants[group][-1]
    for change in _clock_changes(instants, tz).index:
        inside = (instants >= change) & (instants <= last)
        for sign, alternative in hour.items():
            if inside.any() and instants[group][0] >= change:
                way = "early" if sign < 0 else "late"
                yield _Followed(
                    "clock not changed",
                    f"an hour {way} from the change of {_date(change.tz_convert(tz))}",
                    np.where(inside, alternative, limit_kw),
                )
    steps = int(FARTHEST / record.step)
    stride = max(1, steps // 12)  # finer shifts than a quarter of an hour tell no more
    for many in range(-steps, steps + 1, stride):
        if many:
            size = f"{abs(many) * record.step_h * 60:g}"
            way = "early" if many < 0 else "late"
            yield _Followed("window shifted", f"{size} minutes {way}", _moved(limit_kw, many))


def _windows_left_out(
    record: _Record, group: np.ndarray, free_kw: np.ndarray
) -> Iterator[_Followed]:
    """Yield limits that leave out days or months, or take those of other days."""
    limit_kw, local, limited = record.limit_kw, record.local, record.limited & record.known
    weekday = np.asarray(local.day_of_week)
    for name, days in DAYS.items():
        here = np.isin(weekday, days)
        if (limited & ~here).any():
            yield _Followed("days left out", f"on {name}", np.where(here, free_kw, limit_kw))
    for day_type, others in (("weekday", "weekends"), ("weekend", "weekdays")):
        own = [_as_on(terms, day_type) for terms in record.entries]
        if any(terms is not None for terms in own):
            pairs = zip(own, record.entries, strict=True)
            taken = record.limit_of([new or old for new, old in pairs])
            yield _Followed("cap of other days", f"the {day_type}'s on {others}", taken)
    months = np.asarray(local.year * 12 + local.month)
    held = np.unique(months[group])
    begin, end = np.flatnonzero(group)[[0, -1]]
    inside = np.isin(months, held)
    edges = np.flatnonzero(inside & limited)[[0, -1]]
    slack = 5 * pd.Timedelta("1D") / record.step
    whole = begin - edges[0] <= slack and edges[1] - end <= slack
    if whole and (limited & ~inside).any():
        names = pd.DatetimeIndex(local[inside]).strftime("%B %Y").unique()
        yield _Followed(
            "months left out", f"in {', '.join(names)}", np.where(inside, free_kw, limit_kw)
        )


def _levels(record: _Record, group: np.ndarray, free_kw: np.ndarray) -> Iterator[_Followed]:
    """Yield limits of another height: of other terms, another unit, or none that is known."""
    limit_kw, power = record.limit_kw, record.power_kw
    factor = record.entries[-1].power_factor
    if factor < 1:
        yield _Followed("kVA taken for kW", f"1/{factor:g} of the limit", limit_kw / factor, KNOWN)
    for times in (2.0, 3.0):
        yield _Followed("limit multiplied", f"{times:g} times the limit", limit_kw * times, KNOWN)
    if len(record.entries) > 1:
        older = [*record.entries[:-2], replace(record.entries[-2], ends=pd.NaT)]
        name = record.entries[-2].entry_id
        yield _Followed("superseded terms", f"those of {name}", record.limit_of(older), KNOWN)
    safe = record.entries[-1].failsafe_kw
    if np.isfinite(safe):
        raised = np.minimum(np.maximum(limit_kw, safe), free_kw)
        yield _Followed("fail-safe instead of the cap", f"{safe:.3g} kW", raised, KNOWN)
    for terms in record.entries:
        for cap in sorted({row.limit_kva for row in terms.windows.itertuples()}):
            level = cap * terms.power_factor
            raised = np.minimum(np.maximum(limit_kw, level), free_kw)
            yield _Followed("cap of another window", f"{level:.3g} kW", raised, KNOWN)
    level = float(np.quantile(power[group], 0.9))
    raised = np.minimum(np.maximum(limit_kw, level), free_kw)
    yield _Followed("cap set too high", f"{level:.3g} kW", raised, GUESSED)
    held = group & (limit_kw > 0)
    if held.any():
        ratio = max(1.0, float(np.quantile(power[held] / limit_kw[held], 0.9)))
        said = f"{ratio:.3g} times the limit"
        yield _Followed("cap set too high", said, np.minimum(limit_kw * ratio, free_kw), GUESSED)


def _edges_missed(record: _Record, group: np.ndarray, free_kw: np.ndarray) -> Iterator[_Followed]:
    """Yield limits that begin late or end early by some intervals, and late answers."""
    limit_kw, limited = record.limit_kw, record.limited
    starts = limited & ~np.r_[False, limited[:-1]]
    ends = limited & ~np.r_[limited[1:], False]
    for many in (1, 2, 3, 4):
        minutes = f"{many * record.step_h * 60:g}"
        late, early = starts.copy(), ends.copy()
        for n in range(1, many):
            late |= np.roll(starts, n) & limited
            early |= np.roll(ends, -n) & limited
        yield _Followed("begins late", f"by {minutes} minutes", np.where(late, free_kw, limit_kw))
        yield _Followed("ends early", f"by {minutes} minutes", np.where(early, free_kw, limit_kw))
        if record.signalled:
            slow = limit_kw
            for n in range(1, many + 1):
                slow = np.fmax(slow, _moved(limit_kw, n))
            yield _Followed("slow to follow", f"by {minutes} minutes", slow)


def _spells(record: _Record, group: np.ndarray, free_kw: np.ndarray) -> Iterator[_Followed]:
    """Yield limits that were not applied at all: always, since a day, or for some days."""
    limit_kw, instants, tz = record.limit_kw, record.time, record.tz
    tested = np.flatnonzero(record.known & (record.limited | ~np.isfinite(free_kw)))
    first, last = instants[group][[0, -1]]
    week = pd.Timedelta("7D")
    from_start = first - instants[tested[0]] < 2 * week
    to_end = instants[tested[-1]] - last < 2 * week
    inside = (instants >= first) & (instants <= last)
    here = np.where(inside, free_kw, limit_kw)
    days = f"{_date(first.tz_convert(tz))}"
    if from_start and to_end:
        yield _Followed("limit not applied", "throughout the record", here)
    elif to_end:
        yield _Followed("limit not applied since", days, here)
    else:
        yield _Followed("limit not applied for a time", f"{days} to {_date(last.tz_convert(tz))}",
                       here)  # fmt: skip


def _date(stamp: pd.Timestamp) -> str:
    return f"{stamp.day} {stamp:%B %Y}"


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


def _spring_gap(record: _Record) -> bool:
    """Return whether just the hour that local clocks skip in spring is missing."""
    instants, tz, power = record.time, record.tz, record.power_kw
    for change, by in _clock_changes(instants, tz).items():
        # Read as UTC, local stamps skip the hour that begins when the old clock shows the change.
        old = clock(pd.DatetimeIndex([change]), tz)[0].utcoffset() - by
        hour = (instants >= change + old) & (instants < change + old + HOUR)
        near = (instants >= change + old - 3 * HOUR) & (instants < change + old + 4 * HOUR)
        alone = np.isnan(power[hour]).all() and np.isfinite(power[near & ~hour]).all()
        if by > pd.Timedelta(0) and hour.any() and alone:
            return True
    return False
