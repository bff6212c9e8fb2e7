"""Timed, customer-led and DNO-led schemes at work on one network at a time: a virtual trial.

The Charge Project planned one "managing several different SCCs in parallel" (the Charge Project
report, SP Energy Networks, section 8.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import xarray as xr

from scchelpers import clm, tcc
from scchelpers.faults import UserError
from scchelpers.network.control import Control
from scchelpers.network.group import Group, charge, limits, overload, stacked, views
from scchelpers.site import Site

_SCHEMES = ("TCC", "CLM", "LMC", "CMC")
_RECORD = pd.Timedelta("364D")  # a shorter record of load makes no windows for a whole year


def assigned(sites: Sequence[Site]) -> pd.Series:
    """Give each site a scheme so that all four are at work where sites allow it.

    The first site with other load on record and a supply capacity gets a CLM, the others in turn
    TCC, LMC and CMC; where less than a year of load is on record no window can be derived, and LMC
    stands in for TCC.

    Parameters
    ----------
    sites : sequence of Site
        In order of application.

    Returns
    -------
    pandas.Series
        Scheme by site_id.
    """
    own = [s.site_id for s in sites if s.residual_kw is not None and s.dsc_kva]
    schemes = {own[0]: "CLM"} if own else {}
    others = [site.site_id for site in sites if site.site_id not in schemes]
    times = sites[0].network_kva["time"].to_index()
    turn = ("TCC" if times[-1] - times[0] >= _RECORD else "LMC", "LMC", "CMC")
    schemes |= {site_id: turn[k % 3] for k, site_id in enumerate(others)}
    return pd.Series(schemes, name="scheme").reindex([site.site_id for site in sites])


def in_parallel(
    group: Group,
    schemes: pd.Series,
    *,
    rule: str = "lifo",
    quantile: float = 0.99,
    control: Control | None = None,
) -> xr.DataArray:
    """Return the limits of several schemes that run in parallel on one network.

    The limits of TCC and CLM do not know the network's state: they come first, and what those
    sites draw is load to the rest. The DNO-led sites share what is left, an LMC by its own asset
    alone, a CMC by every asset above it.

    Parameters
    ----------
    group : Group
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
    xarray.DataArray
        limit_kw over (time, site) [kW].

    Raises
    ------
    UserError
        If a scheme is unknown or a site lacks what it needs.
    """
    unknown = set(schemes) - set(_SCHEMES)
    if unknown:
        raise UserError(f"schemes: {sorted(unknown)[0]!r} is none of {', '.join(_SCHEMES)}")
    own = {
        site_id: _own_limit(group, site_id, scheme, quantile)
        for site_id, scheme in schemes.items()
        if scheme in ("TCC", "CLM")
    }
    parts, seen = [], group
    if own:
        led = stacked(own, group.time)
        parts.append(led)
        drawn = {name: result.power_kw for name, result in charge(group, led).items()}
        power = stacked(drawn, group.time)
        sees = group.sensitivity.sel(site=power["site"])
        seen = replace(group, load_kva=group.load_kva + (power * sees).sum("site"))
    led_by_dno = [site_id for site_id in group.sites if schemes[site_id] in ("LMC", "CMC")]
    if led_by_dno:
        parts.append(limits(_watched(seen.only(led_by_dno), schemes), rule, control=control))
    return xr.concat(parts, "site").sel(site=list(group.sites)).assign_attrs(units="kW")


def at_work(group: Group, rule: str, control: Control) -> dict[str, pd.DataFrame]:
    """Return what schemes in parallel leave to each site, and the assets; empty for one site.

    Returns
    -------
    dict of str to DataFrame
        "trial", `views` with name and scheme; "without" any scheme and "under" them, `overload`.

    Examples
    --------
    >>> from scchelpers.network import PERFECT, locally_managed
    >>> from scchelpers.portfolio import Portfolio
    >>> group = locally_managed([Portfolio.open("data/demo").site("elm-road-lamps")], step="30min")
    >>> at_work(group, "lifo", PERFECT)  # one site alone
    {}
    """
    if len(group.sites) < 2:
        return {}
    schemes = assigned(list(group.sites.values()))
    held = in_parallel(group, schemes, rule=rule, control=control)
    names = pd.Series({name: site.name for name, site in group.sites.items()})
    return {
        "trial": views(group, held).assign(name=names, scheme=schemes),
        "without": overload(group, group.free),
        "under": overload(group, charge(group, held)),
    }


def _own_limit(group: Group, site_id: str, scheme: str, quantile: float) -> xr.DataArray:
    site, asked = group.sites[site_id], group.asked_kw(site_id)
    factor = site.power_factor
    if scheme == "TCC":
        windows = tcc.derive_windows(
            site.network_kva,
            site.rating_kva,
            site.requested_kva,
            quantile=quantile,
            timezone=site.timezone,
        )
        return tcc.limit(windows, group.time, asked, power_factor=factor, timezone=site.timezone)
    if site.residual_kw is None or not site.dsc_kva:
        raise UserError(f"site {site_id!r}: a CLM needs dsc_kva and a residual load on record")
    dynamic = clm.dynamic_limit(site.residual_kw, site.dsc_kva, power_factor=factor)
    held = dynamic.reindex(time=group.time.to_numpy(), method="ffill")
    return held.clip(max=asked).rename("limit_kw").assign_attrs(units="kW")


def _watched(group: Group, schemes: pd.Series) -> Group:
    """Return the group in which an LMC looks at its own asset alone."""
    sees = group.sensitivity.copy()
    for site_id, site in group.sites.items():
        if schemes[site_id] == "LMC":
            elsewhere = sees["constraint"] != site.asset_id
            sees.loc[{"site": site_id}] = sees.sel(site=site_id).where(~elsewhere, 0.0)
    return replace(group, sensitivity=sees)
