"""Sharing a site's limit among its chargepoints, where each holds its own part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.standards.options import one_of
from scchelpers.wording import count, listed

VOLTS = 230.0
LEAST_A = 6.0
# Limits are whole multiples of this, rounded down [W].
STEP_W = 100
BelowMinimum = Literal["refuse", "first", "stop"]


@dataclass(frozen=True)
class Station:
    """What holds one limit: a physical unit with all its EVSEs, or a site behind a controller.

    Attributes
    ----------
    station_id : str
        unit_id, or evse_id where the EVSE is a unit of its own.
    phases : int
        Phases of its supply, 1 or 3; direct current is fed by three.
    dc : bool
        Whether it delivers direct current.
    rated_w, least_w : int
        Rated power, and the power at which every socket charges at 6 A a phase [W], both in whole
        steps; direct current has no least power.
    priority : int
        Order when power is short, 0 first.
    """

    station_id: str
    phases: int
    dc: bool
    rated_w: int
    least_w: int
    priority: int = 0


def stations(site: Site) -> list[Station]:
    """Return the charging stations of a site in the order of its chargepoints.

    Raises
    ------
    UserError
        If there are none, or the phases of one are unknown.
    """
    rows = site.chargepoints
    if rows.empty:
        raise UserError(f"{site.site_id}: no chargepoints (chargepoints.csv), so nothing to limit")
    if "phases" not in rows or rows["phases"].isna().any():
        which = rows["evse_id"] if "phases" not in rows else rows["evse_id"][rows["phases"].isna()]
        raise UserError(
            f"chargepoints.csv, {which.iloc[0]}, phases: empty; write 1, 3, or 0 for direct current"
        )
    names = rows["evse_id"]
    if "unit_id" in rows:
        names = rows["unit_id"].fillna(names)
    found = []
    for name, own in rows.groupby(names, sort=False):
        dc = own["phases"] == 0
        ac = own[~dc]
        rated_kw = ac["rated_kw"].sum() + (own["rated_kw"][dc].max() if dc.any() else 0.0)
        rated_w = STEP_W * math.floor(round(rated_kw * 1000 / STEP_W, 6))
        least_kw = float((ac["phases"] * VOLTS * LEAST_A).sum()) / 1000
        least_w = STEP_W * math.ceil(round(least_kw * 1000 / STEP_W, 6))
        priority = own["priority"].min() if "priority" in own else 0
        found.append(
            Station(
                station_id=str(name),
                phases=3 if dc.any() else int(own["phases"].max()),
                dc=bool(dc.any()),
                rated_w=rated_w,
                least_w=min(least_w, rated_w),
                priority=0 if priority != priority else int(priority),
            )
        )
    return found


def sockets_kw(site: Site) -> np.ndarray:
    """Return what each alternating-current socket of a site needs for 6 A a phase [kW], rising."""
    phases = site.chargepoints["phases"].to_numpy(float)
    return np.sort(phases[phases > 0]) * VOLTS * LEAST_A / 1000


def whole_site(site: Site, requested_kw: float) -> list[Station]:
    """Return the site as one station: a local controller that shares the limit itself."""
    rated_w = STEP_W * math.floor(round(requested_kw * 1000 / STEP_W, 6))
    return [Station(site.site_id, phases=3, dc=False, rated_w=rated_w, least_w=0)]


def shares(limit_kw: float, among: list[Station], below: BelowMinimum = "refuse") -> np.ndarray:
    """Share a limit: the least power first, the rest in proportion to what is left of the ratings.

    Parameters
    ----------
    limit_kw : float
        Limit of all stations together [kW].
    among : list of Station
        The stations.
    below : {"refuse", "first", "stop"}
        Where the limit does not carry 6 A for every socket: refuse; let as many stations as it
        carries charge, by priority and then in their order, and stop the rest; or stop all.

    Returns
    -------
    numpy.ndarray
        A limit for each station [W], whole steps of 100 W. Their sum is the limit rounded down to
        a step, or the sum of the ratings if that is less; it never exceeds the limit.

    Raises
    ------
    UserError
        If the limit is too low and `below` is "refuse", or that is no choice.

    Examples
    --------
    >>> post = [Station(name, 3, False, 22000, 4200) for name in "ab"]
    >>> shares(20.05, post).tolist(), shares(5.0, post, "first").tolist()
    ([10000, 10000], [5000, 0])
    """
    one_of("below_minimum", below, BelowMinimum)
    steps = math.floor(round(limit_kw * 1000 / STEP_W, 6))
    rated = np.array([station.rated_w for station in among]) // STEP_W
    least = np.array([station.least_w for station in among]) // STEP_W
    if steps >= rated.sum():
        return rated * STEP_W
    on = np.ones(len(among), bool)
    if least.sum() > steps:
        on = _carried(steps, least, among) if below == "first" else ~on
        if below == "refuse" and steps > 0:
            raise UserError(_refusal(limit_kw, least, among))
    part = np.where(on, least, 0)
    room = np.where(on, rated - least, 0)
    spare = min(steps - part.sum(), room.sum())
    if on.any() and spare > 0:
        exact = spare * room / room.sum()
        more = np.floor(np.round(exact, 9)).astype(int)
        # What rounding left goes to those it took most from.
        left = int(spare - more.sum())
        more[np.argsort(more - exact, kind="stable")[:left]] += 1
        part = part + more
    return part * STEP_W


def _carried(steps: int, least: np.ndarray, among: list[Station]) -> np.ndarray:
    """Return which stations can have their least power, in order of priority."""
    on = np.zeros(len(among), bool)
    for at in sorted(range(len(among)), key=lambda at: among[at].priority):
        if least[at] <= steps:
            on[at] = True
            steps -= least[at]
    return on


def _refusal(limit_kw: float, least: np.ndarray, among: list[Station]) -> str:
    carried = int(_carried(math.floor(limit_kw * 1000 / STEP_W), least, among).sum())
    needed_kw = least.sum() * STEP_W / 1000
    return (
        f"limit of {limit_kw:g} kW: {count(len(among), 'chargepoint')} need {needed_kw:g} kW to "
        f"charge at {LEAST_A:g} A a phase, below which cars stop. below_minimum=first lets "
        f"{carried} charge and stops the others, below_minimum=stop stops all, hold=site leaves it "
        "to a local controller that can take turns"
    )


def stopped(limit_kw: float, parts: np.ndarray, among: list[Station]) -> str:
    """Return what a limit stops, for people; "" where every station may charge."""
    held = [station.station_id for station, part in zip(among, parts, strict=True) if not part]
    if not held:
        return ""
    if len(held) == len(among):
        return f"At a limit of {limit_kw:g} kW every chargepoint is stopped."
    return (
        f"At a limit of {limit_kw:g} kW {count(len(among) - len(held), 'chargepoint')} may charge; "
        f"stopped: {listed(held)}."
    )
