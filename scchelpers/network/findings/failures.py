"""What failures cost, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.network.failsafe import FailSafe
from scchelpers.wording import count, number, quantity


def silence(costs: pd.DataFrame, rules: FailSafe, least_kw: float) -> str:
    """Return what a failing link costs.

    Parameters
    ----------
    costs : pandas.DataFrame
        Rows of `cost_of_silence`, by failures a year and mean length [h].
    rules : FailSafe
        Fail-safe.
    least_kw : float
        Lowest limit on record [kW].
    """
    many, hours = costs["lost_h"].idxmax()
    worst = costs.loc[(many, hours)]
    said = (
        f"The link counts as lost after {_length(rules.timeout)}; the site then keeps to "
        f"{quantity(rules.failsafe_kw, 'kW')}. With {number(many)} failures a year of "
        f"{quantity(hours, 'h')} on average it is lost for "
        f"{quantity(worst['lost_h'], 'h')} a year. "
    )
    if worst["unserved_kwh"] > 0.5:
        said += (
            f"That costs {quantity(worst['unserved_kwh'], 'kWh')}, between "
            f"{quantity(worst['low_kwh'], 'kWh')} and {quantity(worst['high_kwh'], 'kWh')} in the "
            "random years drawn. "
        )
    elif worst["unserved_kwh"] < -0.5:
        said += (
            "The fail-safe often allows more than the scheme would have, so drivers gain by it and "
            "the network loses its protection. "
        )
    else:
        said += "That costs drivers nothing worth mentioning. "
    if rules.failsafe_kw > least_kw + 1e-6:
        said += (
            f"The lowest limit on record is {quantity(least_kw, 'kW')}: only a fail-safe no higher "
            "than that is safe at all times. "
        )
    return said + (
        "In that time the cap stands above the setpoint sent by "
        f"{quantity(worst['exposed_kwh'], 'kWh')} a year, which is the network's risk."
    )


def defiance(costs: pd.DataFrame, residual: bool) -> str:
    """Return what trips cost, from rows by restore_after."""
    if costs["trips"].max() == 0:
        return (
            "In the random years drawn no control failure met a restriction that the site's demand "
            "would have broken, so the supply was never tripped."
        )
    worst = costs.iloc[-1]
    other = (
        f"; of the site's other load, which a trip takes as well, "
        f"{quantity(worst['other_kwh'], 'kWh')} are lost"
        if residual
        else "; what a trip would take of the site's other load is not known, as none is on record"
    )
    charging = (
        f"costs {quantity(worst['unserved_kwh'], 'kWh')} of charging a year"
        if worst["unserved_kwh"] > 0
        else "costs no charging on balance, as the site drew more than allowed before"
    )
    return (
        f"A control that fails trips the supply {number(worst['trips'])} times a year on average. "
        f"With {_length(str(costs.index[-1]))} until somebody has switched it on again that "
        f"{charging}{other}."
    )


def latency(found: pd.DataFrame) -> str:
    """Return what a late link does."""
    worst = found.iloc[-1]
    if worst["excursion_kwh"] < 0.01:
        return "However late the signal comes, this site never stands above its limit for it."
    first = found.iloc[0]
    return (
        f"With {_length(str(found.index[0]))} on the way the site draws "
        f"{quantity(first['excursion_kwh'], 'kWh')} a year above its limit before it has heard "
        f"of it, with {_length(str(found.index[-1]))} {quantity(worst['excursion_kwh'], 'kWh')}, "
        f"up to {quantity(worst['excursion_kw'], 'kW')} at a time. To drivers a late "
        "signal is no harm; it is the network that pays."
    )


def _length(text: str) -> str:
    time = pd.Timedelta(text)
    if time < pd.Timedelta("1min"):
        return count(time.seconds, "second")
    if time < pd.Timedelta("2h"):
        return count(round(time / pd.Timedelta("1min")), "minute")
    return count(round(time / pd.Timedelta("1h")), "hour")
