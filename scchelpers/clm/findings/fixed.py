"""What a fixed limit takes from the customers, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.clm.control import WHOLE_CURRENT_KVA, Capacity
from scchelpers.clm.customers import AC_MANAGED, ALL_MANAGED, UNMANAGED
from scchelpers.wording import count, percent, quantity

_BASES = {
    "dsc": "its declared supply capacity (DSC)",
    "requested": "the capacity asked for, as the site has no DSC yet",
    "rated": "the ratings of all chargepoints, as neither a DSC nor a requested capacity is given",
}


def capacity(found: Capacity) -> str:
    """Return the capacity of the report and what it rests on."""
    assumed = ", assumed as the site gives none" if found.assumed_power_factor else ""
    return (
        f"**Capacity:** {quantity(found.kva, 'kVA')}, {_BASES[found.basis]}; "
        f"{quantity(found.kw, 'kW')} at power factor {found.power_factor:g}{assumed}."
    )


def static(
    sweep: pd.DataFrame,
    by_site: int | None,
    by_session: int | None,
    *,
    unserved_target: float,
    short_target: float,
    tolerance_kwh: float,
) -> str:
    """Return which fixed limit serves, by site and by session."""
    if sweep.empty:
        return "No session is on record: there is no demand to limit."
    top = sweep.iloc[-1]
    said = (
        f"Without a limit the chargepoints draw at most {quantity(top['peak_kw'], 'kW')} together. "
        f"**Per site**, a fixed limit of **{quantity(by_site, 'kVA')}** leaves no more than "
        f"{percent(unserved_target)} of the energy unserved. **Per session**, "
        f"**{quantity(by_session, 'kVA')}** lets no more than {percent(short_target)} of the "
        f"sessions leave more than {quantity(tolerance_kwh, 'kWh')} short."
    )
    if by_session > by_site:
        said += (
            " The second is larger: a small share of the energy may be a large part of what a few "
            "drivers came for."
        )
    elif by_session < by_site:
        said += " The second is smaller: what is lost is spread so thinly that few sessions notice."
    return said


def whole_current(
    sweep: pd.DataFrame, found: Capacity, by_site: int | None, by_session: int | None
) -> str:
    """Return what the largest whole-current supply would mean for the chargepoints."""
    if sweep.empty:
        return ""
    kw = WHOLE_CURRENT_KVA * found.power_factor
    said = (
        f"{quantity(WHOLE_CURRENT_KVA, 'kVA')} (3 × 230 V × 100 A; here {quantity(kw, 'kW')}) is "
        "the largest supply with a whole-current meter: no current transformers, and no charge for "
        "capacity by the kVA. The formal curtailment terms of DCUSA do not apply to it."
    )
    needed = max(by_site, by_session)
    if WHOLE_CURRENT_KVA not in sweep.index:
        return (
            f"{said} These chargepoints never draw that much together, so such a supply of their "
            "own would carry them without a limit."
        )
    at = sweep.loc[WHOLE_CURRENT_KVA]
    lost = (
        f"Held to it, the chargepoints would leave {percent(at['unserved_share'])} of their energy "
        f"unserved and {percent(at['short_share'])} of the sessions short"
    )
    fits = needed <= WHOLE_CURRENT_KVA
    return f"{said} {lost}: {'within' if fits else 'beyond'} the targets."


def mixed(options: pd.DataFrame, limit_kva: float) -> str:
    """Return what it means to leave the DC units alone."""
    if options.empty:
        return (
            "Only one of AC and DC was used here, so there is no choice of which of them to manage."
        )
    every, ac, none = (options.loc[name] for name in (ALL_MANAGED, AC_MANAGED, UNMANAGED))
    said = (
        f"At {quantity(limit_kva, 'kVA')} together, managing all leaves "
        f"{percent(every['dc_unserved_share'])} of the DC energy and "
        f"{percent(every['ac_unserved_share'])} of the AC energy unserved. With DC unconstrained "
        f"and only AC managed, DC loses nothing and AC {percent(ac['ac_unserved_share'])}, with "
        f"{percent(ac['ac_short_share'])} of AC sessions short."
    )
    if ac["over_h"] > 0:
        return (
            f"{said} **But that does not keep to the limit:** the DC units alone draw up to "
            f"{quantity(ac['peak_kw'], 'kW')}, above it for {quantity(ac['over_h'], 'h')} a year "
            f"({quantity(none['over_h'], 'h')} with no management). They must be in the scheme."
        )
    return f"{said} The limit holds at all times, as the DC units alone stay below it."


def rows_set(sweep: pd.DataFrame) -> pd.DataFrame:
    """Return the sweep as a table for reading."""
    shown = sweep[["limit_kw", "unserved_kwh", "unserved_share", "short_share", "peak_kw"]].copy()
    for name in ("unserved_share", "short_share"):
        shown[name] = [percent(share) for share in shown[name]]
    names = {
        "limit_kw": "limit [kW]",
        "unserved_kwh": "unserved [kWh a year]",
        "unserved_share": "of the energy",
        "short_share": "sessions short",
        "peak_kw": "peak [kW]",
    }
    return shown.rename(columns=names).rename_axis("limit [kVA]")


def on_record(sessions: int, used: int) -> str:
    """Return how many sessions lie within the span of the residual load."""
    if used == sessions:
        return ""
    return (
        f"{count(sessions - used, 'session').capitalize()} not wholly within the span of the "
        "residual load are left out of what follows."
    )
