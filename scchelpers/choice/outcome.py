"""What each way to connect gives: to the DNO, to the customer and to the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import measures
from scchelpers.charging import ChargingResult
from scchelpers.choice import schemes
from scchelpers.choice.case import Case
from scchelpers.choice.network import as_half_hours
from scchelpers.choice.offers import Offer, offer


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What each way to connect gives, from the least complex to the most.

    Attributes
    ----------
    table : pandas.DataFrame
        Indexed by scheme: possible, why_not, note; mean_kva and lowest_kva allowed, and
        released_kva, the mean above what is firm [kVA]; availability, restricted_h,
        equivalent_full_h and event_p90_h [h] (DNO's view); wanted_kwh and unserved_kwh [kWh a
        year], unserved_share, short_share, delay_p90_min [min] (customer's view); over_h, time in a
        year above a rating if all that is allowed is used, and drawn_over_h, with what is drawn
        [h]; worst_asset; serves, safe, viable.
    limits : dict of str to DataArray or float
        Limit of each scheme that can be offered [kW].
    drawn : dict of str to DataArray
        Charging under it [kVA].
    """

    table: pd.DataFrame
    limits: dict[str, xr.DataArray | float]
    drawn: dict[str, xr.DataArray]


def outcomes(case: Case, *, until_viable: bool = False) -> Outcomes:
    """Return what each way to connect gives a site.

    Parameters
    ----------
    case : Case
        The site.
    until_viable : bool
        Whether to stop at the first that is viable.
    """
    rows, limits, drawn = {}, {}, {}
    for scheme in schemes.RANK:
        found = offer(case, scheme)
        if found.limit_kw is None:
            rows[scheme] = NOTHING | {"why_not": found.why_not}
            continue
        result = case.charge(found.limit_kw)
        rows[scheme] = _row(case, scheme, found, result)
        limits[scheme] = found.limit_kw
        drawn[scheme] = result.power_kw / case.power_factor
        if until_viable and rows[scheme]["viable"]:
            break
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")
    return Outcomes(table, limits, drawn)


def _row(case: Case, scheme: str, found: Offer, result: ChargingResult) -> dict:
    row = {"possible": True, "why_not": "", "note": found.note}
    row |= (
        _dno(case, scheme, found)
        | _customer(case, found, result)
        | _risk(case, scheme, found, result)
    )
    return row | {"viable": bool(row["serves"] and row["safe"])}


NOTHING = {
    "possible": False,
    "why_not": "",
    "note": "",
    **dict.fromkeys(
        (
            *("mean_kva", "lowest_kva", "released_kva", "availability", "restricted_h"),
            *("equivalent_full_h", "event_p90_h", "wanted_kwh", "unserved_kwh", "unserved_share"),
            *("short_share", "delay_p90_min", "over_h", "drawn_over_h"),
        ),
        np.nan,
    ),
    "worst_asset": "",
    "serves": False,
    "safe": False,
    "viable": False,
}


def over_time(case: Case, limit_kw: xr.DataArray | float) -> xr.DataArray:
    """Return a limit on the half hours of a case, at most the request [kW]."""
    time = xr.DataArray(case.time, dims="time", coords={"time": case.time})
    limit = as_half_hours(limit_kw, time).clip(0.0, case.requested_kw)
    return limit.rename("limit_kw").assign_attrs(units="kW")


def _dno(case: Case, scheme: str, found: Offer) -> dict:
    limit_kw = over_time(case, found.limit_kw)
    seen = measures.dno_measures(limit_kw, case.requested_kw)
    mean_kva = float(limit_kw.mean()) / case.power_factor
    firm_kva = min(np.nan_to_num(case.firm_kva), case.requested_kva)
    released_kva = 0.0 if scheme == schemes.REINFORCED else max(0.0, mean_kva - firm_kva)
    return {
        "mean_kva": mean_kva,
        "lowest_kva": float(limit_kw.min()) / case.power_factor,
        "released_kva": released_kva,
        "availability": seen["availability"].item(),
        "restricted_h": seen["restricted_h"].item() / case.years,
        "equivalent_full_h": seen["equivalent_full_h"].item() / case.years,
        "event_p90_h": seen["event_p90_h"].item(),
    }


def _customer(case: Case, found: Offer, result: ChargingResult) -> dict:
    terms, sessions = case.terms, case.customers.sessions
    columns = ("wanted_kwh", "unserved_kwh", "unserved_share", "short_share", "delay_p90_min")
    if sessions.empty:
        return dict.fromkeys(columns, np.nan) | {"serves": False}
    if found.share < 1:
        row = _fewer(case, found.share)
    else:
        seen = measures.customer_measures(
            case.free,
            result,
            requested_kw=case.requested_kw,
            tolerance_kwh=terms.tolerance_kwh,
        )
        row = {name: seen[name].item() for name in columns}
    row |= {name: row[name] / case.years for name in ("wanted_kwh", "unserved_kwh")}
    served = row["unserved_share"] <= terms.unserved_target
    return row | {"serves": bool(served and row["short_share"] <= terms.short_target)}


def _fewer(case: Case, share: float) -> dict:
    """Return what customers lose if only the first chargepoints of the list are built."""
    rated = case.site.chargepoints.set_index("evse_id")["rated_kw"]
    built = rated.index[rated.cumsum() <= share * rated.sum() + 1e-9]
    delivered = case.free.sessions["delivered_kwh"]
    gone = ~case.customers.sessions["evse_id"].isin(built).to_numpy()
    wanted_kwh, lost_kwh = float(delivered.sum()), float(delivered.to_numpy()[gone].sum())
    return {
        "wanted_kwh": wanted_kwh,
        "unserved_kwh": lost_kwh,
        "unserved_share": lost_kwh / wanted_kwh if wanted_kwh else np.nan,
        "short_share": float(gone.mean()),
        "delay_p90_min": np.nan,
    }


def _risk(case: Case, scheme: str, found: Offer, result: ChargingResult) -> dict:
    """Return how long the network would be above its rating, and whether that is tolerated.

    A site that keeps within the supply it has uses a right that it holds already: the network is
    not asked again (report section 7.1), and the hours only show what that right may bring.
    """
    if case.network is None or scheme == schemes.REINFORCED:
        unknown = case.network is None
        hours = np.nan if unknown else 0.0
        safe = found.within_dsc or scheme == schemes.REINFORCED
        return {"over_h": hours, "drawn_over_h": hours, "worst_asset": "", "safe": safe}
    allowed_kva = over_time(case, found.limit_kw) / case.power_factor
    over = case.network.over_h(allowed_kva)
    drawn = case.network.over_h(result.power_kw / case.power_factor, drawn=True)
    return {
        "over_h": float(over.max()),
        "drawn_over_h": float(drawn.max()),
        "worst_asset": over.idxmax() if over.max() > 0 else "",
        "safe": bool(found.within_dsc or over.max() <= case.terms.tolerated_h),
    }
