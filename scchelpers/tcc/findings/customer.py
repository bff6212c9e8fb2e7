"""What a timed limit costs the customer, in sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.tcc.customer import FIRM, STAGGERED, TCC
from scchelpers.wording import change, count, percent, quantity


def costs(found: pd.DataFrame) -> str:
    """Return what the timed limit costs, from `customer.costs`."""
    row = found.loc[TCC]
    if not row["slowed"]:
        return "**The timed limit costs these customers nothing:** no session on record was slowed."
    said = (
        f"**{quantity(row['shifted_kwh'], 'kWh')} are drawn at another time and "
        f"{quantity(row['unserved_kwh'], 'kWh')} are not delivered**, "
        f"{percent(row['unserved_kwh'] / row['wanted_kwh'])} of the energy wanted. Of "
        f"{count(row['sessions'], 'session')}, {row['slowed']:,.0f} "
        f"({percent(row['slowed'] / row['sessions'])}) are held back at some time, "
        f"{row['late']:,.0f} are full later and {row['short']:,.0f} leave with less."
    )
    if np.isfinite(row["delay_p50_min"]):
        said += (
            f" Half of the late ones are full at most {quantity(row['delay_p50_min'], 'min')} "
            f"later, 90 in 100 at most {quantity(row['delay_p90_min'], 'min')}."
        )
    return said


def rebound(found: pd.DataFrame) -> str:
    """Return how high charging comes back when a window opens, from `customer.rebound`."""
    if found.empty:
        return "No window opens in this record, so there is no rebound."
    firm, timed, slow = (found.loc[name] for name in (FIRM, TCC, STAGGERED))
    if not timed["rebounds"]:
        return (
            f"**No rebound:** in the hour after {count(timed['openings'], 'opening')} charging "
            "never peaks higher than it would with a firm connection."
        )
    said = (
        f"**After {timed['rebounds']:,.0f} of {count(timed['openings'], 'opening')} charging "
        f"peaks higher than with a firm connection.** The highest peak after any of them is "
        f"{quantity(timed['highest_kw'], 'kW')} instead of {quantity(firm['highest_kw'], 'kW')}."
    )
    if timed["rise_kw"] <= max(firm["rise_kw"], 0):
        return f"{said} On average no step is to be seen as a window opens."
    said += f" On average power steps up by {quantity(timed['rise_kw'], 'kW')} as a window opens."
    calmer = slow["rise_kw"] < 0.95 * timed["rise_kw"]
    lower = slow["highest_kw"] < 0.98 * timed["highest_kw"]
    step = f"the step to {quantity(slow['rise_kw'], 'kW')}"
    peak = f"the highest peak to {quantity(slow['highest_kw'], 'kW')}"
    moved = change(slow["highest_kw"] / timed["highest_kw"])
    if calmer and lower:
        return f"{said} The staggered release lowers {step} and {peak} ({moved})."
    if calmer:
        return (
            f"{said} The staggered release lowers {step}, but not the peak ({moved}): it spreads "
            "the start, and the cars still meet before they are full."
        )
    return f"{said} The staggered release changes little: the release is quicker than the need."


def opt_out(value: pd.Series) -> str:
    """Return how many chargepoints could opt out, from `opt_out.opt_out`."""
    total = count(value["chargepoints"], "chargepoint")
    cap = quantity(value["cap_kw"], "kW")
    said = f"The lowest cap, {cap}, holds {value['inside_cap']:.0f} of {total} at full rating."
    if value["stopped_h"] > 0:
        return (
            f"**None can opt out without harm.** {said} Even with nobody opting out, cars are "
            f"stopped for {quantity(value['stopped_h'], 'h')} in all: the cap does not hold the "
            "least current of those present."
        )
    kept = int(value["others_kept"])
    if kept == value["chargepoints"]:
        return f"**All could opt out:** on these days the cap is kept without curtailing. {said}"
    if value["next_excursion_kw"] > 1e-6:
        reason = f"the cap is exceeded by up to {quantity(value['next_excursion_kw'], 'kW')}"
    else:
        reason = f"other cars are stopped for {quantity(value['next_stopped_h'], 'h')} in all"
    return (
        f"**{kept or 'None'} of {total} could opt out** on the days on record with the cap kept "
        f"and no other car stopped; with one more, {reason}. {said}"
    )
