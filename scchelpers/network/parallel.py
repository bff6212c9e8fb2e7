"""A virtual trial: timed, customer-led and DNO-led schemes at work on one network at a time.

The Charge Project planned one "managing several different SCCs in parallel" (report section 8.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import xarray as xr

from scchelpers import clm, tcc
from scchelpers.faults import UserError
from scchelpers.network.managed import limits
from scchelpers.network.measured import overload, views
from scchelpers.network.setpoint import Control
from scchelpers.network.study import Study, charge, stacked
from scchelpers.site import Site

SCHEMES = ("TCC", "CLM", "LMC", "CMC")
YEAR = pd.Timedelta("364D")


@dataclass(frozen=True, eq=False)
class Trial:
    """What a virtual trial found.

    Attributes
    ----------
    schemes : pandas.Series
        Scheme by site_id.
    limit_kw : xarray.DataArray
        Over (time, site) [kW].
    views : pandas.DataFrame
        Both views, by site.
    overloads : dict of str to DataFrame
        Loading of the constraints: "no scheme", "trial", and "TCC and CLM alone", with nobody
        led by the DNO charging.
    """

    schemes: pd.Series
    limit_kw: xr.DataArray
    views: pd.DataFrame
    overloads: dict[str, pd.DataFrame]


def assigned(sites: Sequence[Site]) -> pd.Series:
    """Give each site a scheme so that all four are at work where sites allow it.

    The first site with other load on record and a supply capacity gets a CLM, the others in turn
    TCC, LMC and CMC; where less than a year of load is on record no window can be derived, and LMC
    stands in for TCC.
    """
    own = [s.site_id for s in sites if s.residual_kw is not None and s.meta.get("dsc_kva")]
    schemes = {own[0]: "CLM"} if own else {}
    others = [site.site_id for site in sites if site.site_id not in schemes]
    times = sites[0].network_kva["time"].to_index()
    timed = "TCC" if times[-1] - times[0] >= YEAR else "LMC"
    turn = (timed, "LMC", "CMC")
    schemes |= {site_id: turn[k % 3] for k, site_id in enumerate(others)}
    return pd.Series(schemes, name="scheme").reindex([site.site_id for site in sites])


def trial(
    study: Study,
    schemes: pd.Series,
    *,
    rule: str = "lifo",
    quantile: float = 0.99,
    control: Control | None = None,
) -> Trial:
    """Run several schemes in parallel on one network.

    The limits of TCC and CLM do not know the network's state: they come first, and what those
    sites draw is load to the rest. The DNO-led sites share what is left, an LMC by its own asset
    alone, a CMC by every asset above it.

    Parameters
    ----------
    study : Study
        Sites on one network, in order of application.
    schemes : pandas.Series
        "TCC", "CLM", "LMC" or "CMC" by site_id.
    rule : str
        How the DNO-led sites share.
    quantile : float
        Of the load that the timed windows are to cover.
    control : Control, optional
        Of the DNO-led schemes.

    Returns
    -------
    Trial

    Raises
    ------
    UserError
        If a scheme is unknown or a site lacks what it needs.
    """
    unknown = set(schemes) - set(SCHEMES)
    if unknown:
        raise UserError(f"schemes: {sorted(unknown)[0]!r} is none of {', '.join(SCHEMES)}")
    own = {
        site_id: _own_limit(study, site_id, scheme, quantile)
        for site_id, scheme in schemes.items()
        if scheme in ("TCC", "CLM")
    }
    parts = []
    seen, overloads = study, {}
    if own:
        led = stacked(own, study.time)
        parts.append(led)
        drawn = charge(study, led)
        overloads["TCC and CLM alone"] = overload(study, drawn)
        power = stacked({name: result.power_kw for name, result in drawn.items()}, study.time)
        sees = study.sensitivity.sel(site=power["site"])
        seen = replace(study, load_kva=study.load_kva + (power * sees).sum("site"))
    led_by_dno = [site_id for site_id in study.sites if schemes[site_id] in ("LMC", "CMC")]
    if led_by_dno:
        parts.append(limits(_watched(seen.only(led_by_dno), schemes), rule, control=control))
    limit_kw = xr.concat(parts, "site").sel(site=list(study.sites)).assign_attrs(units="kW")
    overloads["no scheme"] = overload(study, study.free)
    overloads["trial"] = overload(study, charge(study, limit_kw))
    return Trial(schemes, limit_kw, views(study, limit_kw), overloads)


def _own_limit(study: Study, site_id: str, scheme: str, quantile: float) -> xr.DataArray:
    site, asked = study.sites[site_id], study.asked_kw(site_id)
    factor = float(site.meta["power_factor"])
    if scheme == "TCC":
        asked_kva = float(site.meta["requested_kva"])
        windows = tcc.derive_windows(
            site.network_kva, site.rating_kva, asked_kva, quantile=quantile, timezone=site.timezone
        )
        return tcc.limit(windows, study.time, asked, power_factor=factor, timezone=site.timezone)
    if site.residual_kw is None or not site.meta.get("dsc_kva"):
        raise UserError(f"site {site_id!r}: a CLM needs dsc_kva and a residual load on record")
    dynamic = clm.dynamic_limit(site.residual_kw, site.meta["dsc_kva"], power_factor=factor)
    held = dynamic.reindex(time=study.time.to_numpy(), method="ffill")
    return held.clip(max=asked).rename("limit_kw").assign_attrs(units="kW")


def _watched(study: Study, schemes: pd.Series) -> Study:
    """Return the study in which an LMC looks at its own asset alone."""
    sees = study.sensitivity.copy()
    for site_id, site in study.sites.items():
        if schemes[site_id] == "LMC":
            elsewhere = sees["constraint"] != site.meta["asset_id"]
            sees.loc[{"site": site_id}] = sees.sel(site=site_id).where(~elsewhere, 0.0)
    return replace(study, sensitivity=sees)
