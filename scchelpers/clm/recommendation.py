"""Static, dynamic or a bigger DSC: which to take, computed from what each gives and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import xarray as xr

from scchelpers.clm.capacity import Capacity
from scchelpers.clm.control import Controller
from scchelpers.clm.limits import checked_latency
from scchelpers.clm.service import Customers
from scchelpers.clm.static import smallest
from scchelpers.clm.study import Study, Terms, no_load

NO_CLM = "no management"
STATIC, DYNAMIC = "static limit", "dynamic limit"
LARGER_STATIC, LARGER_DYNAMIC = "static limit, larger DSC", "dynamic limit, larger DSC"
SMALLER_STATIC = "static limit, smaller capacity"
LARGER = "larger DSC, no management"
# From the least complex to the most: a tie goes to the first.
OPTIONS = (NO_CLM, STATIC, SMALLER_STATIC, LARGER_STATIC, LARGER, DYNAMIC, LARGER_DYNAMIC)
COSTS = ("capacity_gbp", "excess_gbp", "unserved_gbp", "scheme_gbp")


def study_of(
    customers: Customers,
    residual_kw: xr.DataArray | None,
    capacity: Capacity,
    terms: Terms,
    *,
    latency: str,
    controller: Controller | None = None,
) -> Study:
    """Return the study of a site; customers are kept to the span and the step of its load.

    Parameters
    ----------
    customers : Customers
        Sessions of the site.
    residual_kw : xarray.DataArray, optional
        Residual load [kW]; without one all the capacity is for the chargepoints.
    capacity : Capacity
        Capacity of today.
    terms : Terms
        Targets and prices.
    latency : str
        Response time of a dynamic CLM.
    controller : Controller, optional
        Its metering and control.
    """
    if residual_kw is None:
        return Study(customers, no_load(customers), capacity, terms, latency, controller)
    inside = customers.within(residual_kw)
    return Study(inside, residual_kw, capacity, terms, latency, controller)


def options(study: Study, *, dynamic: bool) -> pd.DataFrame:
    """Return what each way to connect the chargepoints gives, risks and costs in a year.

    Parameters
    ----------
    study : Study
        The site.
    dynamic : bool
        Whether a dynamic limit is possible: it needs a residual load.

    Returns
    -------
    pandas.DataFrame
        Indexed by option: dsc_kva, margin_kw, unserved_kwh, unserved_share, short_share, events,
        excursion_h, worst_kw, highest_kva, the yearly costs capacity_gbp (against the capacity of
        today), excess_gbp, unserved_gbp, scheme_gbp and total_gbp, and admissible: service and risk
        within the terms. No rows without sessions.

    Notes
    -----
    A larger DSC stands beside a limit only where the DSC of today is too small for that limit; it
    is then the smallest with which customers are served. A smaller capacity stands there only for a
    site that has no DSC yet, and could ask for less.
    """
    if study.customers.sessions.empty:
        return pd.DataFrame(columns=["admissible", "total_gbp"])
    today = study.capacity.kva
    rows = {NO_CLM: study.outcome(today, *study.unmanaged(today))}
    schemes = [(STATIC, LARGER_STATIC, study.static, 0.0)]
    if dynamic:
        yearly_gbp = study.terms.dynamic_gbp_per_year
        schemes.append((DYNAMIC, LARGER_DYNAMIC, study.dynamic, yearly_gbp))
    for name, larger, limit, scheme_gbp in schemes:
        rows[name] = study.outcome(today, *limit(today), scheme_gbp)
        if rows[name]["admissible"] and study.capacity.basis == "dsc":
            continue
        kva = smallest(lambda kva, of=limit: study.serves(of(kva)[0]), 2 * study.enough_kva)
        if kva is not None and kva > today:
            rows[larger] = study.outcome(kva, *limit(kva), scheme_gbp)
        elif kva is not None and kva < today and limit == study.static:
            rows[SMALLER_STATIC] = study.outcome(kva, *limit(kva))
    if study.enough_kva > today:
        rows[LARGER] = study.outcome(study.enough_kva, *study.unmanaged(study.enough_kva))
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("option")
    frame = frame.assign(total_gbp=frame[list(COSTS)].sum(axis=1))
    return frame.loc[[name for name in OPTIONS if name in frame.index]]


def recommend(found: pd.DataFrame) -> str | None:
    """Return the cheapest option within the terms, the least complex on a tie; None if none is.

    Examples
    --------
    >>> found = pd.DataFrame({"admissible": [False, True, True], "total_gbp": [0.0, 90.0, 40.0]},
    ...                      index=[NO_CLM, LARGER, DYNAMIC])
    >>> recommend(found)
    'dynamic limit'
    """
    possible = found.loc[found["admissible"].astype(bool), "total_gbp"].round()
    return None if possible.empty else str(possible.idxmin())


def reach(study: Study, latencies: Sequence[str]) -> pd.DataFrame:
    """Return how slow a dynamic limit may be and still serve, at the capacity of today.

    Returns
    -------
    pandas.DataFrame
        Indexed by latency_s [s]: the columns of `Study.outcome`, with the smallest margin that
        keeps to the risk of the terms.
    """
    rows = {}
    for latency in latencies:
        slower = replace(study, latency=latency)
        rows[checked_latency(latency).total_seconds()] = slower.outcome(
            study.capacity.kva, *slower.dynamic(study.capacity.kva)
        )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("latency_s")
