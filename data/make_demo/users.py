"""Kinds of visit that several sites of the demo share."""

from __future__ import annotations

from make_demo import calibration as cal
from make_demo.sessions import Visits


def rapid_stop(group: str, per_day: float, **changes) -> Visits:
    """Return stops at DC chargepoints, at the hours measured in Perth & Kinross."""
    use = {"weekday": cal.RAPID_WEEKDAY, "weekend": cal.RAPID_WEEKEND, "week": cal.RAPID_WEEK}
    energy, stay = changes.pop("energy", cal.RAPID_ENERGY), changes.pop("stay", cal.RAPID_STAY)
    return Visits(group, per_day, energy, stay, cars=cal.DC_CARS, **(use | changes))


def office_day(group: str, per_day: float) -> Visits:
    """Return days at work, at the hours measured at the Caltech garage."""
    return Visits(
        group,
        per_day,
        cal.WORKPLACE_ENERGY,
        cal.WORKPLACE_STAY,
        weekday=cal.WORKPLACE_WEEKDAY,
        week=cal.WORKPLACE_WEEK,
        year=cal.OFFICE_YEAR,
        holiday=0.1,
        shutdown=0.1,
        christmas=0.0,
    )


def night_at_home(group: str, per_day: float) -> Visits:
    """Return nights of residents who park in the street."""
    return Visits(
        group,
        per_day,
        cal.STREET_NIGHT_ENERGY,
        cal.STREET_NIGHT_STAY,
        weekday=cal.HOME_EVENING,
        weekend=cal.HOME_EVENING,
        holiday=0.9,
        christmas=0.9,
    )


def gym_visit(group: str, per_day: float) -> Visits:
    """Return visits to a leisure centre."""
    return Visits(
        group,
        per_day,
        cal.GYM_ENERGY,
        cal.GYM_STAY,
        weekday=cal.LEISURE_WEEKDAY,
        holiday=0.5,
        christmas=0.0,
    )
