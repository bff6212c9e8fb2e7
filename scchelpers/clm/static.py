"""Static CLM: a fixed limit for the chargepoints, swept, and the smallest that serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from scchelpers.clm.capacity import WHOLE_CURRENT_KVA, checked_power_factor
from scchelpers.clm.service import Customers

SERVICE = ("unserved_kwh", "unserved_share", "short_share", "slowed_share", "peak_kw")
MANAGED_COLUMNS = (
    *("ac_unserved_share", "ac_short_share", "dc_unserved_share", "dc_short_share"),
    *("peak_kw", "over_h"),
)
ALL_MANAGED, AC_MANAGED, UNMANAGED = "all managed", "only AC managed", "no management"


def limits_to_sweep(customers: Customers, *, power_factor: float, count: int = 10) -> list[float]:
    """Return limits from a twentieth of the peak demand to just above it, and 69 kVA if within.

    A site without sessions has no demand and gets none.
    """
    if customers.sessions.empty:
        return []
    peak_kva = customers.peak_kw / checked_power_factor(power_factor)
    shares = np.linspace(0.05, 1.0, count)
    limits = {float(np.ceil(share * peak_kva)) for share in shares}
    if peak_kva > WHOLE_CURRENT_KVA:
        limits.add(WHOLE_CURRENT_KVA)
    return sorted(limits)


def static_sweep(
    customers: Customers, limits_kva: Sequence[float], *, power_factor: float
) -> pd.DataFrame:
    """Return what each fixed limit takes from the customers.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    limits_kva : sequence of float
        Limits [kVA].
    power_factor : float
        Power factor of the chargepoints.

    Returns
    -------
    pandas.DataFrame
        Indexed by limit_kva: limit_kw and the columns of `Customers.service`.
    """
    factor = checked_power_factor(power_factor)
    rows = {}
    for limit_kva in limits_kva:
        served = customers.service(customers.charge(limit_kva * factor))
        rows[float(limit_kva)] = {"limit_kw": limit_kva * factor} | served.to_dict()
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return frame.reindex(columns=["limit_kw", *SERVICE]).rename_axis("limit_kva")


def meets(
    served: pd.Series, *, unserved_target: float | None = None, short_target: float | None = None
) -> bool:
    """Return whether what a limit took is within the service targets that are given.

    Parameters
    ----------
    served : pandas.Series
        From `Customers.service`.
    unserved_target : float, optional
        Per site: share of the energy that may stay unserved.
    short_target : float, optional
        Per session: share of sessions that may leave short.
    """
    by_site = unserved_target is None or served["unserved_share"] <= unserved_target
    by_session = short_target is None or served["short_share"] <= short_target
    return bool(by_site and by_session)


def smallest(works: Callable[[int], bool], highest: int) -> int | None:
    """Return the smallest whole number from 1 that works, by halving; None if the highest fails.

    Examples
    --------
    >>> smallest(lambda kva: kva >= 37, 100), smallest(lambda kva: False, 100)
    (37, None)
    """
    if not works(highest):
        return None
    low, high = 0, highest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high


def smallest_limit(customers: Customers, *, power_factor: float, **targets: float) -> int | None:
    """Return the smallest fixed limit that meets service targets, in whole kVA.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    power_factor : float
        Power factor of the chargepoints.
    **targets
        Of `meets`.

    Returns
    -------
    int or None
        kVA; None for a site without sessions.
    """
    if customers.sessions.empty:
        return None
    factor = checked_power_factor(power_factor)
    highest = int(np.ceil(customers.peak_kw / factor)) + 1
    return smallest(
        lambda kva: meets(customers.service(customers.charge(kva * factor)), **targets), highest
    )


def dc_evses(chargepoints: pd.DataFrame) -> list[str]:
    """Return the EVSEs that deliver direct current: those without phases, else the rapid ones."""
    rapid = chargepoints["kind"].isin(["rapid", "ultra"])
    if "phases" in chargepoints:
        rapid = chargepoints["phases"].eq(0) | (chargepoints["phases"].isna() & rapid)
    return chargepoints.loc[rapid, "evse_id"].tolist()


def managed_options(customers: Customers, limit_kva: float, *, power_factor: float) -> pd.DataFrame:
    """Return what managing all chargepoints, or only the AC ones, does to each (section 7.3).

    Parameters
    ----------
    customers : Customers
        Sessions of a site with both AC and DC chargepoints.
    limit_kva : float
        Limit of all of them together [kVA].
    power_factor : float
        Power factor of the chargepoints.

    Returns
    -------
    pandas.DataFrame
        Indexed by option: of AC and of DC the share of energy unserved and of sessions short;
        peak_kw, and over_h: time a year above the limit [h]. No rows where the site does not have
        both. Where DC units alone exceed the limit nothing is left for the others.
    """
    dc = dc_evses(customers.chargepoints)
    seen = customers.sessions["evse_id"]
    dc = [evse for evse in dc if (seen == evse).any()]
    of_dc = seen.isin(dc).to_numpy()
    if of_dc.all() or not of_dc.any():
        return pd.DataFrame(columns=MANAGED_COLUMNS)
    limit_kw = limit_kva * checked_power_factor(power_factor)
    results = {
        ALL_MANAGED: customers.charge(limit_kw),
        AC_MANAGED: customers.charge(limit_kw, never_curtailed=dc),
        UNMANAGED: customers.free,
    }
    free = customers.free.sessions
    rows = {}
    for option, result in results.items():
        lost_kwh = (result.sessions["unserved_kwh"] - free["unserved_kwh"]).clip(0)
        row = {}
        for kind, own in (("ac", ~of_dc), ("dc", of_dc)):
            row[f"{kind}_unserved_share"] = lost_kwh[own].sum() / free["delivered_kwh"][own].sum()
            row[f"{kind}_short_share"] = (lost_kwh[own] > customers.tolerance_kwh).mean()
        row["peak_kw"] = float(result.power_kw.max())
        over = int((result.power_kw > limit_kw * (1 + 1e-9)).sum())
        row["over_h"] = over * pd.Timedelta(customers.step) / pd.Timedelta("1h") / customers.years
        rows[option] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("option")
