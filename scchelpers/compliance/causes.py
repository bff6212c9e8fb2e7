"""Why a site drew more than its terms allow: the limit that its import kept instead, by name.

Each cause makes a limit of its own (`followed`). One explains an excursion that lies below it, and
is refuted by import above it elsewhere. Of those that explain the excursions and are hardly
refuted, the one that gives away least is named: a cause that explains everything says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers.compliance import followed
from scchelpers.compliance.followed import Followed
from scchelpers.compliance.judged import Judged
from scchelpers.timebase import local_date
from scchelpers.wording import date, number

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
SPECIFIC = (
    followed.windows_moved,
    followed.windows_left_out,
    followed.levels,
    followed.edges_missed,
)
EXPLAINS, REFUTED = 0.9, 0.05
MOSTLY, PARTLY, HARDLY = 0.8, 0.5, 0.02
FEW_DAYS = 4
# Share of the days on which a limit not applied is exceeded; and the same where few cars come.
DENSE, SPARSE = 0.6, 0.3
MONTH = pd.Timedelta("31D")
# Causes that say when they hold, and those of them that may hold beyond the excursions, too.
DATED = ("meter in local time", "controller never changes its clock", "clock not changed",
         "months left out")  # fmt: skip
WHOLE = DATED[:3]
LOOSE = 0.15  # looseness within this share counts as equal


@dataclass(frozen=True)
class Cause:
    """A likely cause of some excursions.

    Attributes
    ----------
    name : str
        Of `CAUSES`.
    detail : str
        What exactly.
    intervals : int
        Intervals above the limit that it explains.
    explained_share : float
        Their share of those looked at.
    days : int
        Local days on which they lie.
    also : tuple of str
        Other causes that the record fits as well: few cars came, and tell little.
    """

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


def causes(judged: Judged, *, heard: np.ndarray | None = None, most: int = 3) -> list[Cause]:
    """Name the likely causes of a site's excursions, the largest first.

    Parameters
    ----------
    judged : Judged
        From `judge`.
    heard : ndarray of bool, optional
        Whether a valid signal came in each interval, for a scheme whose limit is sent.
    most : int
        Most causes of one kind of excursion; what is left has no single pattern.
    """
    found: list[Cause] = []
    limited, above = judged.limited, judged.above
    silent = np.zeros(len(above), dtype=bool) if heard is None else ~heard & judged.limited
    for group, kind in (
        (above & silent, "silent"),
        (above & limited & ~silent, "limited"),
        (above & ~limited, "capacity"),
    ):
        if group.any():
            found += _of_group(judged, group, kind, most)
    joined: dict[str, Cause] = {}
    for cause in found:
        same = joined.get(cause.name)
        if same is not None:
            cause = Cause(
                cause.name, same.detail, same.intervals + cause.intervals,
                max(same.explained_share, cause.explained_share), same.days + cause.days,
                same.also,
            )  # fmt: skip
        joined[cause.name] = cause
    return sorted(joined.values(), key=lambda cause: -cause.intervals)


def _of_group(judged: Judged, group: np.ndarray, kind: str, most: int) -> list[Cause]:
    days = local_date(judged.flow["time"], judged.entries[-1].timezone)
    found: list[Cause] = []

    def name(cause: str, detail: str, explained: np.ndarray, of: np.ndarray, also=()) -> None:
        many = int(explained.sum())
        when = int(days[explained].nunique())
        found.append(Cause(cause, detail, many, many / int(of.sum()), when, tuple(also)))

    if kind == "silent":
        name("fail-safe not kept", "while no valid signal came", group, group)
        return found
    free_kw = judged.capacity_kw if kind == "limited" else np.full(len(group), np.inf)
    left = group.copy()
    while left.any() and len(found) < most and days[left].nunique() >= FEW_DAYS:
        best, also = _best(judged, left, group, kind, free_kw)
        if best is None:
            break
        explained = left & judged.within(best.limit_kw)
        name(best.cause, best.detail, explained, group, also)
        left = left & ~explained
    if left.any():
        when = days[left].nunique()
        isolated = when < FEW_DAYS
        span = "on one day" if when == 1 else f"on {number(int(when))} days"
        cause = "isolated" if isolated else "no single pattern"
        if kind == "capacity" and not isolated:
            cause = "above the capacity agreed"
        name(cause, span, left, group)
    return found


def _best(judged, left, group, kind, free_kw) -> tuple[Followed | None, list[str]]:
    """Return the limit that was most likely followed, None where none fits, and rival causes."""
    specific = [_in_span(judged, left, one) for one in _specific(judged, left, kind, free_kw)]

    def fitting(explains: float, refuted: float) -> list[Followed]:
        return _fitting(judged, left, group, specific, explains, refuted)

    # Beside windows the capacity is no control that may fail, but load that was never expected.
    control = kind == "limited" or not judged.limited.any()
    found = fitting(EXPLAINS, REFUTED)
    if found or not control:
        return (found[0], _rivals(found)) if found else (None, [])
    share = _share_of_days(judged, left, free_kw)
    spell = next(followed.spells(judged, left, free_kw))
    if share >= DENSE:
        return spell, []
    for least, enough in ((MOSTLY, SPARSE), (PARTLY, 0.0)):
        found = fitting(least, HARDLY)
        if found:
            return found[0], []
        if share >= enough > 0:
            return spell, []
    return None, []


def _rivals(found: list[Followed], most: int = 2) -> list[str]:
    """Return other causes that fit; of limits of another height the one named is enough."""
    best = found[0]
    others = [one.cause for one in found if one.cause != best.cause]
    others = [cause for cause in others if cause != "cap set too high"]
    return list(dict.fromkeys(others))[:most]


def _in_span(judged: Judged, left: np.ndarray, one: Followed) -> Followed:
    """Return a limit followed only from the first to the last day of the excursions."""
    if one.cause in WHOLE:
        return one
    days = local_date(judged.flow["time"], judged.entries[-1].timezone)
    first, last = days[left][[0, -1]]
    inside = (days >= first) & (days <= last)
    limit_kw = np.where(inside, one.limit_kw, judged.flow["limit_kw"].to_numpy())
    short = first - days[0] > MONTH or days[-1] - last > MONTH
    told = short and one.cause not in DATED
    span = f", {date(first)} to {date(last)}" if told else ""
    return Followed(one.cause, one.detail + span, limit_kw, one.level)


def _share_of_days(judged: Judged, left: np.ndarray, free_kw: np.ndarray) -> float:
    """Return on which share of the days on which it could be the limit was exceeded."""
    tested = judged.known & (judged.limited | np.isinf(free_kw))
    days = local_date(judged.flow["time"], judged.entries[-1].timezone)
    first, last = days[left][[0, -1]]
    inside = tested & (days >= first) & (days <= last)
    return days[left].nunique() / days[inside].nunique()


def _specific(judged, left, kind: str, free_kw) -> Iterator[Followed]:
    sources: tuple[Callable, ...] = SPECIFIC
    if kind == "capacity":
        yield from _of_capacity(judged, left)
        sources = (followed.levels,)
    for source in sources:
        yield from source(judged, left, free_kw)


def _of_capacity(judged: Judged, left: np.ndarray) -> Iterator[Followed]:
    """Yield what may take the import above the capacity itself."""
    limit_kw, power = judged.flow["limit_kw"].to_numpy(), judged.flow["import_kw"].to_numpy()
    limited, reach = judged.limited, max(1, round(2 / judged.step_h))
    if limited.any():
        after = np.zeros(len(limited), dtype=bool)
        for n in range(1, reach + 1):
            after |= np.r_[np.zeros(n, bool), limited[:-n]] & ~limited
        yield Followed("rebound above the capacity", "within 2 h of a window's end",
                       np.where(after, np.inf, limit_kw))  # fmt: skip
    if any(terms.scheme == "dynamic_clm" for terms in judged.entries):
        begins = left & ~np.r_[False, left[:-1]]
        rise = np.r_[np.nan, np.diff(power)]
        over = judged.flow["above_kw"].to_numpy()
        risen = begins & (rise >= 0.5 * over)
        short = risen | (np.r_[False, risen[:-1]] & left) | (np.r_[False, False, risen[:-2]] & left)
        yield Followed("answers late to other load", "short, each after a rise of the import",
                       np.where(short, np.inf, limit_kw))  # fmt: skip


def _fitting(judged, left, group, candidates, explains: float, refuted: float) -> list[Followed]:
    """Return the candidates that explain enough, that which gives away least first.

    Of those that give away about as little, the one that stands first in `CAUSES` comes first.
    """
    power, limit_kw = judged.flow["import_kw"].to_numpy(), judged.flow["limit_kw"].to_numpy()
    highest, fitting = np.nanmax(power), []
    for one in candidates:
        kept = judged.within(one.limit_kw)
        good = left & kept
        bad = judged.known & ~kept & ~group
        if good.sum() < explains * left.sum() or bad.sum() > refuted * left.sum():
            continue
        near = np.abs(power[good] / one.limit_kw[good] - 1) <= 0.01 if one.level else True
        if np.mean(near) < one.level:
            continue
        bound = np.minimum(one.limit_kw, highest)
        given = np.nansum(np.clip(bound - limit_kw, 0, None)[judged.known])
        fitting.append((given, list(CAUSES).index(one.cause), one))
    least = min((given for given, _, _ in fitting), default=0.0)
    equal = least * (1 + LOOSE) + 1e-9
    order = sorted(fitting, key=lambda item: (item[0] > equal, item[0] if item[0] > equal else 0.0,
                                              item[1], item[0]))  # fmt: skip
    return [one for _, _, one in order]
