"""What is asked of the network: the full request, or what the chargepoints need after diversity."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from scchelpers import diversity
from scchelpers.faults import UserError
from scchelpers.site import Site

Basis = Literal["full", "after-diversity"]


def requested_capacity(
    site: Site, basis: Basis = "full", *, samples: int = 200, seed: int = 0
) -> pd.Series:
    """Return the capacity to plan for, and what it rests on.

    Parameters
    ----------
    site : Site
        With requested_kva and power_factor in its row; with sessions for "after-diversity".
    basis : {"full", "after-diversity"}
        The request as it stands, or the design value of `diversity` for the site's chargepoints,
        at most the request.
    samples, seed : int
        Of `diversity.coincidence`.

    Returns
    -------
    pandas.Series
        requested_kva [kVA], full_kva [kVA], basis, and design_basis (of the after-diversity
        figure; "" for the full request).

    Raises
    ------
    UserError
        If the site's row lacks the request, or the power factor, or there are no sessions.
    """
    full_kva, power_factor = site.meta.get("requested_kva"), site.meta.get("power_factor")
    for name, value in (("requested_kva", full_kva), ("power_factor", power_factor)):
        if value is None:
            raise UserError(f"sites.csv, {site.site_id}, {name}: empty; a TCC needs it")
    if basis == "full":
        return _series(full_kva, full_kva, basis, "")
    if basis != "after-diversity":
        raise UserError(f"basis = {basis!r}: 'full' or 'after-diversity'")
    points = diversity.counted(site.chargepoints)
    power_kw = diversity.demand(site.sessions, site.chargepoints, timezone=site.timezone)
    drawn = {
        "rated_kw": diversity.ratings(site.chargepoints, power_kw),
        "seed": seed,
        "timezone": site.timezone,
    }
    curve = diversity.coincidence(power_kw, samples=samples, **drawn)
    held = diversity.hold_out(power_kw, **drawn)
    value = diversity.design_value(len(points), diversity.design_admd(curve, held))
    if value["basis"] == "no record":
        raise UserError(f"{site.site_id}: no sessions on record, so no after-diversity figure")
    return _series(min(value["total_kw"] / power_factor, full_kva), full_kva, basis, value["basis"])


def _series(requested_kva, full_kva, basis, design_basis) -> pd.Series:
    return pd.Series(
        {
            "requested_kva": float(requested_kva),
            "full_kva": float(full_kva),
            "basis": basis,
            "design_basis": design_basis,
        }
    )
