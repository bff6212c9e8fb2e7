"""Sites on shared network assets: what is asked for, what is there, and charging under limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging, timebase
from scchelpers.charging import ChargingResult
from scchelpers.faults import UserError
from scchelpers.network.setpoint import finer
from scchelpers.network.stack import lacking
from scchelpers.site import Site
from scchelpers.tcc.ratings import rating_at


@dataclass(frozen=True, eq=False)
class Study:
    """Sites behind monitored constraints, in order of application.

    Attributes
    ----------
    sites : dict of str to Site
        By site_id, earliest application first.
    load_kva, rating_kva : xarray.DataArray
        Load before these sites, and rating, over (time, constraint) [kVA].
    sensitivity : xarray.DataArray
        Over (site, constraint) [kVA per kW]: 1 ÷ power factor where the constraint feeds the site,
        else 0.
    requested_kw : xarray.DataArray
        Requested capacity over `site` [kW].
    sessions : dict of str to DataFrame
        Sessions that begin within the record of the load, by site_id.
    free : dict of str to ChargingResult
        Charging without a limit, by site_id.
    """

    sites: Mapping[str, Site]
    load_kva: xr.DataArray
    rating_kva: xr.DataArray
    sensitivity: xr.DataArray
    requested_kw: xr.DataArray
    sessions: Mapping[str, pd.DataFrame]
    free: Mapping[str, ChargingResult]

    @property
    def time(self) -> xr.DataArray:
        """Starts of the intervals."""
        return self.load_kva["time"]

    @property
    def step(self) -> pd.Timedelta:
        """Length of the intervals."""
        first, second = self.time.to_index()[:2]
        return second - first

    @property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First instant and the end of the last interval [UTC]."""
        first, last = timebase.utc_index(self.time)[[0, -1]]
        return first, last + self.step

    @property
    def years(self) -> float:
        """Length of the record [years of 8,760 h]."""
        first, last = self.span
        return (last - first) / pd.Timedelta("8760h")

    @property
    def demand_kw(self) -> xr.DataArray:
        """Charging without a limit over (time, site) [kW]."""
        return stacked({name: result.power_kw for name, result in self.free.items()}, self.time)

    def only(self, site_ids: Sequence[str]) -> Study:
        """Return the study of some of its sites alone."""
        chosen = list(site_ids)
        return replace(
            self,
            sites={name: self.sites[name] for name in chosen},
            sensitivity=self.sensitivity.sel(site=chosen),
            requested_kw=self.requested_kw.sel(site=chosen),
            sessions={name: self.sessions[name] for name in chosen},
            free={name: self.free[name] for name in chosen},
        )

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> Study:
        """Return the study of a span of the record [UTC] and of the sessions that begin in it.

        Raises
        ------
        UserError
            If the record has fewer than two intervals there.
        """
        times = timebase.utc_index(self.time)
        within = (times >= start) & (times < end)
        if within.sum() < 2:
            raise UserError(f"start = {start}, end = {end}: the record has no intervals there")
        part = replace(
            self,
            load_kva=self.load_kva.isel(time=within),
            rating_kva=self.rating_kva.isel(time=within),
            sessions={
                name: own[own["plug_in"].between(start, end, "left")]
                for name, own in self.sessions.items()
            },
            free={},
        )
        return replace(part, free=charge(part, None))

    def asked_kw(self, site_id: str) -> float:
        """Return the requested capacity of a site [kW]."""
        return float(self.requested_kw.sel(site=site_id))


def locally_managed(sites: Sequence[Site], *, step: str = "5min") -> Study:
    """Return the study of an LMC: sites on one asset, which is monitored.

    Parameters
    ----------
    sites : sequence of Site
        On the same asset, in order of application. Sites that lack something (`lacking`) are left
        out.
    step : str
        Step of control and charging.

    Raises
    ------
    UserError
        If no site is left.
    """
    able = [site for site in sites if not lacking(site)]
    if not able:
        raise UserError("constraints: no site has an asset, its load and rating, and sessions")
    asset = able[0].meta["asset_id"]
    feeds = {site.site_id: [asset] for site in able}
    return tree_managed(able, {asset: (able[0].network_kva, able[0].rating_kva)}, feeds, step=step)


def tree_managed(
    sites: Sequence[Site],
    assets: Mapping[str, tuple[xr.DataArray, pd.Series]],
    feeds: Mapping[str, Sequence[str]],
    *,
    step: str = "5min",
) -> Study:
    """Return the study of several constraints on a radial network: assets that feed one another.

    Parameters
    ----------
    sites : sequence of Site
        In order of application.
    assets : mapping of str to (DataArray, Series)
        Load over time and rating by season of each asset [kVA].
    feeds : mapping of str to sequence of str
        By site_id, the assets that its power passes through.
    step : str
        Step of control and charging.
    """
    zone = sites[0].timezone
    loads = [finer(load, step) for load, _ in assets.values()]
    names = pd.Index(list(assets), name="constraint")
    load_kva = xr.concat(xr.align(*loads, join="inner"), names).transpose("time", "constraint")
    rating_kva = xr.concat(
        [rating_at(rating, load_kva["time"], zone) for _, rating in assets.values()], names
    ).transpose("time", "constraint")
    site_ids = [site.site_id for site in sites]
    factors = np.array([float(site.meta["power_factor"]) for site in sites])
    asked_kva = np.array([float(site.meta["requested_kva"]) for site in sites])
    through = np.array([[name in feeds[site_id] for name in names] for site_id in site_ids], float)
    study = Study(
        dict(zip(site_ids, sites, strict=True)),
        load_kva.assign_attrs(units="kVA"),
        rating_kva.assign_attrs(units="kVA"),
        xr.DataArray(
            through / factors[:, None],
            {"site": site_ids, "constraint": names},
            ("site", "constraint"),
            attrs={"units": "kVA per kW"},
        ),
        xr.DataArray(asked_kva * factors, {"site": site_ids}, attrs={"units": "kW"}),
        {},
        {},
    )
    first, last = study.span
    within = {
        site.site_id: site.sessions[site.sessions["plug_in"].between(first, last, "left")]
        for site in sites
    }
    study = replace(study, sessions=within)
    return replace(study, free=charge(study, None))


def charge(study: Study, limit_kw: xr.DataArray | None, **options) -> dict[str, ChargingResult]:
    """Charge the sessions of every site under its limit.

    Parameters
    ----------
    study : Study
        Sites.
    limit_kw : xarray.DataArray or None
        Over (time, site) [kW]. Where it is unknown the last known value holds; after its end, the
        requested capacity. None: no limit.
    **options
        Of `charging.simulate`.

    Returns
    -------
    dict of str to ChargingResult
        All on one time axis, which runs on until the last car has left.
    """
    first, end = study.span
    if study.free:  # some of its sites may have been left out since
        end = timebase.utc_index(next(iter(study.free.values())).power_kw["time"])[-1] + study.step
    else:
        end = max([end, *(own["plug_out"].max() for own in study.sessions.values() if len(own))])
    results = {}
    for name in study.sites if limit_kw is None else limit_kw.get_index("site"):
        bound = None
        if limit_kw is not None:
            bound = limit_kw.sel(site=name, drop=True)
            bound = bound.copy(data=pd.Series(bound.to_numpy()).ffill().bfill().to_numpy())
        results[name] = charging.simulate(
            study.sessions[name],
            bound,
            step=study.step,
            chargepoints=study.sites[name].chargepoints,
            start=first,
            end=end.ceil(study.step),
            limit_after=study.asked_kw(name),
            **options,
        )
    return results


def stacked(by_site: Mapping[str, xr.DataArray], time: xr.DataArray) -> xr.DataArray:
    """Return series of several sites as one, over (time, site), at given times."""
    values = [series.reindex(time=time.to_numpy()).to_numpy() for series in by_site.values()]
    coords = {"time": time, "site": list(by_site)}
    return xr.DataArray(np.column_stack(values), coords, ("time", "site"), attrs={"units": "kW"})
