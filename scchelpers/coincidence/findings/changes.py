"""What would change the coincidence, in sentences."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers.coincidence.tabulated import fine_percent
from scchelpers.wording import escape, listed, number, percent, quantity


def uses(found: pd.DataFrame, left_out: list[str]) -> str:
    """Return how the answer differs between uses under the same limit."""
    aside = ""
    if left_out:
        names = listed([escape(site_id) for site_id in left_out])
        aside = f" Left out, as they cannot be set under this limit: {names}."
    if found["use"].nunique() < 2:
        return f"There is no site of another use to set beside this one.{aside}"
    if not found["lost_share"].max() > 0:
        return (
            "Even scaled to its own highest demand, no site wanted more than the limit left."
            f"{aside}"
        )
    mean = found.groupby("use")[["lost_share", "unserved_share", "stay_h"]].mean()
    before, after = mean["lost_share"], mean["unserved_share"]
    said = (
        f"Under the same limit, {before.idxmax()} use has most energy above it "
        f"({fine_percent(before.max())}) and {before.idxmin()} use least "
        f"({fine_percent(before.min())})."
    )
    if after.max() > 0:
        said += (
            f" After shifting within the stay {after.idxmax()} use lacks most "
            f"({fine_percent(after.max())}), {after.idxmin()} use least "
            f"({fine_percent(after.min())})."
        )
    else:
        said += " After shifting within the stay none of them lacks anything."
    made_up = (1 - after / before).where(before > 0)
    best, worst = made_up.idxmax(), made_up.idxmin()
    if best != worst:
        stay, short_stay = mean.loc[best, "stay_h"], mean.loc[worst, "stay_h"]
        why = "A long stay makes up for it" if stay > short_stay else "What is made up"
        said += (
            f" {why}: {best} use (median stay {quantity(stay, 'h')}) recovers "
            f"{percent(made_up[best])}, {worst} use ({quantity(short_stay, 'h')}) "
            f"{percent(made_up[worst])}."
        )
    return said + aside


def growth(found: pd.DataFrame | None, scheme: str) -> str:
    """Return what growth of the network's load does."""
    if found is None:
        return (
            "**Load growth:** this limit does not follow the network's load, so growth changes "
            f"nothing for the customer ({scheme}). It shows on the network instead: the DNO must "
            "watch whether the limit still suffices."
        )
    first, last = found.iloc[0], found.iloc[-1]
    said = (
        f"**Load growth:** with {percent(found.index[-1])} more load on the network, restriction "
        f"goes from {quantity(first['restricted_h'], 'h')} to "
        f"{quantity(last['restricted_h'], 'h')}, and unserved energy from "
        f"{quantity(first['unserved_kwh'], 'kWh')} ({fine_percent(first['unserved_share'])}) to "
        f"{quantity(last['unserved_kwh'], 'kWh')} ({fine_percent(last['unserved_share'])})."
    )
    hours = last["restricted_h"] / first["restricted_h"] if first["restricted_h"] else None
    energy = last["unserved_kwh"] / first["unserved_kwh"] if first["unserved_kwh"] else None
    if hours and energy:
        said += (
            f" The hours grow {number(hours)}-fold, the customer's loss {number(energy)}-fold"
            f"{': the hours alone understate it' if energy > 1.25 * hours else ''}."
        )
    return said


def shift(found: pd.DataFrame) -> str:
    """Return what charging at other hours does."""
    lost, unserved = found["lost_kwh"], found["unserved_kwh"]
    if not lost.max() > 0:
        return (
            "**Charging at other hours:** none of the shifts shown brings demand above the limit."
        )
    worst, best = lost.idxmax(), lost.idxmin()
    return (
        f"**Charging at other hours:** as it is, {quantity(lost[0.0], 'kWh')} fall above the limit "
        f"and {quantity(unserved[0.0], 'kWh')} stay unserved. The worst shift shown "
        f"({_hours(worst)}) makes that {quantity(lost[worst], 'kWh')} and "
        f"{quantity(unserved[worst], 'kWh')}, the best ({_hours(best)}) "
        f"{quantity(lost[best], 'kWh')} and {quantity(unserved[best], 'kWh')}."
    )


def rebound(at_once: xr.Dataset, staggered: xr.Dataset, release_min: int) -> str:
    """Return what happens when a restriction lifts."""
    peak, plain = float(at_once["rebound_peak_kw"]), float(at_once["unlimited_peak_kw"])
    if not peak >= 0:
        return "No restriction ends on record, so there is no rebound."
    said = f"In the hour after a restriction power reaches {quantity(peak, 'kW')}, against "
    said += f"{quantity(plain, 'kW')} in the same hours without the limit"
    if peak <= plain * (1 + 1e-6):
        return f"{said}: cars held back add nothing to the peak after it."
    eased = float(staggered["rebound_peak_kw"])
    more_kwh = float(staggered["unserved_kwh"] - at_once["unserved_kwh"])
    cost = f"{quantity(more_kwh, 'kWh')} more stay unserved"
    if more_kwh < 0.05:
        cost = "that leaves no more energy unserved"
    return (
        f"{said}. Given back over {release_min} minutes it reaches {quantity(eased, 'kW')}, and "
        f"{cost}."
    )


def _hours(shift_h: float) -> str:
    if not shift_h:
        return "none, as it is"
    return f"{number(abs(float(shift_h)))} h {'later' if shift_h > 0 else 'earlier'}"
