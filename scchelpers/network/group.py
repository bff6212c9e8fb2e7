"""Sites on shared network assets: what is asked for, what is there, and charging under limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import and_

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging, measures, timebase
from scchelpers.charging import ChargingResult
from scchelpers.charging.sessions import Sessions
from scchelpers.faults import UserError
from scchelpers.network.allocation import allocate, remaining
from scchelpers.network.control import Control, as_measured, finer, headroom_kva, setpoints
from scchelpers.site import Known, Site
from scchelpers.tcc import rating_at


def lacking(site: Site) -> str:
    """Return what a site lacks for these schemes, as a phrase; "" if nothing.

    See Also
    --------
    locally_managed

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> lacking(Portfolio.open("data/demo").site("village-hall"))
    'no network asset is named for it in `sites.csv`'
    """
    if not site.asset_id:
        return "no network asset is named for it in `sites.csv`"
    if site.network_kva is None:
        return "there is no load of its network asset on record"
    if site.rating_kva is None:
        return "its network asset has no rating in `assets.csv`"
    if not site.requested_kva:
        return "`requested_kva` is missing in `sites.csv`"
    first, last = site.network_kva["time"].to_index()[[0, -1]].tz_localize("UTC")
    if not site.sessions["plug_in"].between(first, last).any():
        return "no session falls in the time for which its asset's load is on record"
    return ""


def applicants(sites: pd.DataFrame, site_id: str, assets: Sequence[str] | None = None) -> list[str]:
    """Return the sites that share a site's asset, itself among them, in order of application.

    Parameters
    ----------
    sites : pandas.DataFrame
        `Portfolio.sites`. Sites without a date in `applied_on` come last, as they stand.
    site_id : str
        Site.
    assets : sequence of str, optional
        Assets that count as shared; by default the site's own.

    See Also
    --------
    locally_managed, related

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> applicants(Portfolio.open("data/demo").sites, "elm-road-posts")
    ['elm-road-lamps', 'elm-road-posts']
    """
    own = [sites.loc[site_id, "asset_id"]] if assets is None else list(assets)
    near = sites[sites["asset_id"].isin(own) | (sites["site_id"] == site_id)]
    if "applied_on" in near:
        near = near.sort_values("applied_on", kind="stable", na_position="last")
    return near["site_id"].tolist()


def upstream(assets: pd.DataFrame, asset_id: str) -> list[str]:
    """Return an asset and those that feed it, the nearest first.

    Parameters
    ----------
    assets : pandas.DataFrame
        `assets.csv`, indexed by asset_id.
    asset_id : str
        Asset.

    See Also
    --------
    related

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> assets = Portfolio.open("data/demo").table("assets.csv").set_index("asset_id", drop=False)
    >>> upstream(assets, "elm-road-tx")
    ['elm-road-tx', 'northgate-primary']
    """
    chain = [asset_id]
    while chain[-1] in assets.index:
        parent = assets.loc[chain[-1], "parent_id"]
        if pd.isna(parent) or parent in chain:
            break
        chain.append(parent)
    return chain


def related(assets: pd.DataFrame, asset_id: str) -> list[str]:
    """Return the assets that hang on the same highest asset as this one, itself among them.

    See Also
    --------
    upstream

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> assets = Portfolio.open("data/demo").table("assets.csv").set_index("asset_id", drop=False)
    >>> related(assets, "elm-road-tx")
    ['northgate-primary', 'elm-road-tx', 'market-tx', 'quarry-feeder']
    """
    top = upstream(assets, asset_id)[-1]
    found = [other for other in assets.index if upstream(assets, other)[-1] == top]
    return found or [asset_id]


@dataclass(frozen=True, eq=False)
class Group:
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
        Sessions whose whole stay lies where load and sessions are known, by site_id.
    free : dict of str to ChargingResult
        Charging without a limit, by site_id.
    known : Known
        Time in which the loads and the sessions of every site are known.
    compiled : dict
        Kept by `cars`.
    """

    sites: Mapping[str, Site]
    load_kva: xr.DataArray
    rating_kva: xr.DataArray
    sensitivity: xr.DataArray
    requested_kw: xr.DataArray
    sessions: Mapping[str, pd.DataFrame]
    free: Mapping[str, ChargingResult]
    known: Known
    compiled: dict[str, tuple] = field(default_factory=dict, repr=False)

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
        """Length of that [years]."""
        return self.known.years

    def cars(self, site_id: str) -> Sessions:
        """Return a site's sessions as they are charged; made once for all variants of a group."""
        own = self.sessions[site_id]
        of, made = self.compiled.get(site_id, (None, None))
        if of is not own:
            made = charging.compile_sessions(own, self.sites[site_id].chargepoints)
            self.compiled[site_id] = (own, made)
        return made

    @property
    def demand_kw(self) -> xr.DataArray:
        """Charging without a limit over (time, site) [kW]."""
        return stacked({name: result.power_kw for name, result in self.free.items()}, self.time)

    def only(self, site_ids: Sequence[str]) -> Group:
        """Return the group of some of its sites alone."""
        chosen = list(site_ids)
        return replace(
            self,
            sites={name: self.sites[name] for name in chosen},
            sensitivity=self.sensitivity.sel(site=chosen),
            requested_kw=self.requested_kw.sel(site=chosen),
            sessions={name: self.sessions[name] for name in chosen},
            free={name: self.free[name] for name in chosen},
        )

    def alone(self, site_id: str, place: int | None = None) -> Group:
        """Return a site with those before it as one, and those behind it.

        What the site gets of a single constraint is the same, whatever number they are.

        Parameters
        ----------
        site_id : str
            Site.
        place : int, optional
            Its place in the order of application, from 0; by default that of today.
        """
        kva = (self.requested_kw * self.sensitivity.squeeze("constraint")).to_series()
        others, own = kva.drop(site_id), kva.index.get_loc(site_id)
        before = others.iloc[: own if place is None else place]
        return _among(self.only([site_id]), before.sum(), others.iloc[len(before) :].sum())

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> Group:
        """Return the group of a span of the record [UTC] and of the sessions that begin in it.

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


def _among(group: Group, before_kva: float, behind_kva: float) -> Group:
    """Return a group of one site with what others ask for before and behind it."""
    [site_id] = group.sites
    names, others = ["before", site_id, "behind"], {"site": ["before", "behind"]}
    asked = xr.DataArray([before_kva, behind_kva], others, ("site",))
    sees = xr.ones_like(group.sensitivity.isel(site=[0, 0]).assign_coords(others))
    return replace(
        group,
        requested_kw=xr.concat([group.requested_kw, asked], "site").sel(site=names),
        sensitivity=xr.concat([group.sensitivity, sees], "site").sel(site=names),
    )


def stack(group: Group) -> dict[str, pd.DataFrame]:
    """Return what a site must know of the others on its asset, for `seen_by`.

    Returns
    -------
    dict of str to DataFrame
        "members", in order of application: name, requested_kva; "known", whether each half hour is.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> stack(group)["members"]["requested_kva"].to_dict()
    {'elm-road-lamps': 134.0, 'elm-road-posts': 150.0}
    """
    kva = (group.requested_kw * group.sensitivity.squeeze("constraint")).to_series()
    names = [site.name for site in group.sites.values()]
    members = pd.DataFrame({"name": names, "requested_kva": kva})
    return {"members": members, "known": group.known.half_hours.to_frame("known")}


def seen_by(site: Site, stack: Mapping[str, pd.DataFrame], *, step: str = "5min") -> Group:
    """Return the group of an LMC as one site sees it: itself, and the others as one.

    Parameters
    ----------
    site : Site
        Site.
    stack : mapping of str to DataFrame
        Of its asset, see `stack`.
    step : str
        Step of control and charging.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> list(seen_by(sites[0], stack(group), step="30min").sites)
    ['elm-road-lamps']
    """
    asset, kva = site.asset_id, stack["members"]["requested_kva"]
    known = Known(stack["known"]["known"], site.timezone)
    load = {asset: (site.network_kva, site.rating_kva)}
    own = tree_managed([site], load, {site.site_id: [asset]}, step=step, known=known)
    place = kva.index.get_loc(site.site_id)
    return _among(own, kva.iloc[:place].sum(), kva.iloc[place + 1 :].sum())


def locally_managed(sites: Sequence[Site], *, step: str = "5min") -> Group:
    """Return the group of an LMC: sites on one asset, which is monitored.

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

    See Also
    --------
    limits, tree_managed, views

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> limits(group).sizes["site"]
    2
    """
    able = [site for site in sites if not lacking(site)]
    if not able:
        raise UserError("no site has an asset, its load and rating, and sessions")
    asset = able[0].asset_id
    feeds = {site.site_id: [asset] for site in able}
    return tree_managed(able, {asset: (able[0].network_kva, able[0].rating_kva)}, feeds, step=step)


def tree_managed(
    sites: Sequence[Site],
    assets: Mapping[str, tuple[xr.DataArray, pd.Series]],
    feeds: Mapping[str, Sequence[str]],
    *,
    step: str = "5min",
    known: Known | None = None,
) -> Group:
    """Return the group of several constraints on a radial network: assets that feed one another.

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
    known : Known, optional
        Time that is judged; by default that in which the loads and all sessions are known.
    """
    zone = sites[0].timezone
    loads = [finer(load, step) for load, _ in assets.values()]
    names = pd.Index(list(assets), name="constraint")
    load_kva = xr.concat(xr.align(*loads, join="inner"), names).transpose("time", "constraint")
    rating_kva = xr.concat(
        [rating_at(rating, load_kva["time"], zone) for _, rating in assets.values()], names
    ).transpose("time", "constraint")
    site_ids = [site.site_id for site in sites]
    factors = np.array([site.power_factor for site in sites])
    asked_kw = np.array([site.requested_kw for site in sites])
    through = np.array([[name in feeds[site_id] for name in names] for site_id in site_ids], float)
    if known is None:
        known = Known.of(load_kva, timezone=zone, what="network load")
        known = reduce(and_, (site.known("sessions") for site in sites), known)
    group = Group(
        dict(zip(site_ids, sites, strict=True)),
        load_kva.assign_attrs(units="kVA"),
        rating_kva.assign_attrs(units="kVA"),
        xr.DataArray(
            through / factors[:, None],
            {"site": site_ids, "constraint": names},
            ("site", "constraint"),
            attrs={"units": "kVA per kW"},
        ),
        xr.DataArray(asked_kw, {"site": site_ids}, attrs={"units": "kW"}),
        {site.site_id: known.judged(site.sessions)[0] for site in sites},
        {},
        known,
    )
    return replace(group, free=charge(group, None))


def charge(group: Group, limit_kw: xr.DataArray | None, **options) -> dict[str, ChargingResult]:
    """Charge the sessions of every site under its limit.

    Parameters
    ----------
    group : Group
        Sites.
    limit_kw : xarray.DataArray or None
        Over (time, site) [kW]. Where it is unknown nothing is judged; after its end the requested
        capacity holds. None: no limit.
    **options
        Of `charging.simulate`.

    Returns
    -------
    dict of str to ChargingResult
        All on one time axis, which runs on until the last car has left.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> sorted(charge(group, limits(group)))
    ['elm-road-lamps', 'elm-road-posts']
    """
    first, end = group.span
    if group.free:  # some of its sites may have been left out since
        end = timebase.utc_index(next(iter(group.free.values())).power_kw["time"])[-1] + group.step
    else:
        end = max([end, *(own["plug_out"].max() for own in group.sessions.values() if len(own))])
    results = {}
    for name in group.sites if limit_kw is None else limit_kw.get_index("site"):
        bound = None
        if limit_kw is not None:
            bound = limit_kw.sel(site=name, drop=True)
        results[name] = charging.simulate(
            group.cars(name),
            bound,
            step=group.step,
            start=first,
            end=end.ceil(group.step),
            limit_after=group.asked_kw(name),
            limit_missing="unjudged",
            **options,
        )
    return results


def unserved_kwh(group: Group, site_id: str, limit_kw: xr.DataArray) -> float:
    """Return the energy that a site's cars leave without under a limit.

    Parameters
    ----------
    group : Group
        Sites.
    site_id : str
        Site.
    limit_kw : xarray.DataArray
        Its limit over `time` [kW].

    Returns
    -------
    float
        Over the record [kWh].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> own_kw = limits(group).sel(site="elm-road-lamps")
    >>> unserved_kwh(group, "elm-road-lamps", own_kw) >= 0
    True
    """
    alone = limit_kw.squeeze("site") if "site" in limit_kw.dims else limit_kw
    alone = alone.drop_vars("site", errors="ignore").expand_dims(site=[site_id])
    return float(charge(group, alone)[site_id].sessions["unserved_kwh"].sum())


def stacked(by_site: Mapping[str, xr.DataArray], time: xr.DataArray) -> xr.DataArray:
    """Return series of several sites as one, over (time, site), at given times."""
    values = [series.reindex(time=time.to_numpy()).to_numpy() for series in by_site.values()]
    coords = {"time": time, "site": list(by_site)}
    return xr.DataArray(np.column_stack(values), coords, ("time", "site"), attrs={"units": "kW"})


_BASES = ("contracted", "demand")


def limits(
    group: Group,
    rule: str = "lifo",
    *,
    control: Control | None = None,
    rank: pd.Series | None = None,
    basis: str = "contracted",
) -> xr.DataArray:
    """Return the limit of each site under a locally or centrally managed scheme.

    Parameters
    ----------
    group : Group
        Sites and constraints.
    rule, rank
        As for `allocate`.
    control : Control, optional
        How measurements become setpoints.
    basis : str
        What is shared: "contracted", the requested capacity whether it is used or not, or
        "demand", first what the sites would draw without a limit, by the rule, then the rest
        pro-rata, so that nobody holds room that others could use.

    Returns
    -------
    xarray.DataArray
        limit_kw over (time, site) [kW].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> limits(locally_managed(sites, step="30min")).min("time").round().to_series().to_dict()
    {'elm-road-lamps': 17.0, 'elm-road-posts': 0.0}
    """
    control = control or Control(step=str(group.step))
    room = headroom_kva(as_measured(group.load_kva, control), group.rating_kva)
    return setpoints(_share(group, room, rule, rank=rank, basis=basis), group.requested_kw, control)


def _share(
    group: Group,
    room_kva: xr.DataArray,
    rule: str = "lifo",
    *,
    rank: pd.Series | None = None,
    basis: str = "contracted",
) -> xr.DataArray:
    """Return what each site may draw of a headroom [kW], before any control."""
    if basis not in _BASES:
        raise UserError(f"basis = {basis!r}: must be one of {', '.join(_BASES)}")
    if basis == "contracted":
        return allocate(group.requested_kw, room_kva, group.sensitivity, rule, rank=rank)
    wanted = np.minimum(group.demand_kw, group.requested_kw)
    first = allocate(wanted, room_kva, group.sensitivity, rule, rank=rank)
    left = remaining(room_kva.clip(min=0), group.sensitivity, first).clip(min=0)
    more = allocate(group.requested_kw - first, left, group.sensitivity, "pro-rata")
    return (first + more).assign_attrs(first.attrs).rename("limit_kw")


def added_by_last(group: Group, control: Control) -> pd.DataFrame:
    """Return the restriction that the last applicant adds for those before it.

    Returns
    -------
    pandas.DataFrame
        restricted_h, over the record [h], by rule: "lifo", where it is to be 0, and "pro-rata". No
        rows for one site.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> added_by_last(group, Control(step="30min"))["restricted_h"].to_dict()
    {'lifo': 0.0, 'pro-rata': 2848.0}
    """
    before_it, added = list(group.sites)[:-1], {}
    for rule in ("lifo", "pro-rata") if before_it else ():
        after = limits(group, rule, control=control).sel(site=before_it)
        before = limits(group.only(before_it), rule, control=control)
        held = [(limit < group.requested_kw - 1e-9).sum() for limit in (after, before)]
        added[rule] = float(held[0] - held[1]) * (group.step / pd.Timedelta("1h"))
    return pd.DataFrame({"restricted_h": added}, dtype=float)


_DNO = (
    *("max_cut_kw", "availability", "events", "event_p50_h", "event_p90_h", "event_max_h"),
    *("restricted_h", "full_h", "equivalent_full_h", "restricted_kwh", "above_limit_h"),
)

_CUSTOMER = (
    *("wanted_kwh", "lost_kwh", "unserved_kwh", "unserved_share", "sessions", "short_sessions"),
    *("affected_share", "delay_p90_min", "wanted_share", "loss_share"),
)


def views(
    group: Group, limit_kw: xr.DataArray, *, hours_limit_h: float | None = None
) -> pd.DataFrame:
    """Return both views of each site's limit.

    Parameters
    ----------
    group : Group
        Sites.
    limit_kw : xarray.DataArray
        Over (time, site) [kW].
    hours_limit_h : float, optional
        Curtailment limit of the agreement [h a year].

    Returns
    -------
    pandas.DataFrame
        By site, over the whole record: of `measures.dno_measures` max_cut_kw, availability, events,
        event_p50_h, event_p90_h, event_max_h, restricted_h, full_h, equivalent_full_h,
        restricted_kwh and above_limit_h; of `measures.customer_measures` wanted_kwh, lost_kwh,
        unserved_kwh, unserved_share, sessions, affected_share, delay_p90_min, wanted_share and
        loss_share, short_sessions.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> views(group, limits(group)).index.tolist()
    ['elm-road-lamps', 'elm-road-posts']
    """
    held = charge(group, limit_kw)
    rows = {}
    for name, result in held.items():
        asked = group.asked_kw(name)
        own = limit_kw.sel(site=name, drop=True)
        dno = measures.dno_measures(own, asked, hours_limit_h=hours_limit_h)
        customer = measures.customer_measures(group.free[name], result, requested_kw=asked)
        rows[name] = {measure: dno[measure].item() for measure in _DNO}
        rows[name] |= {measure: customer[measure].item() for measure in _CUSTOMER}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("site")


def overload(group: Group, power_kw: Mapping[str, ChargingResult] | xr.DataArray) -> pd.DataFrame:
    """Return how far each constraint is loaded above its rating with all sites charging.

    Parameters
    ----------
    group : Group
        Sites and constraints.
    power_kw : mapping of str to ChargingResult, or DataArray over (time, site)
        Charging.

    Returns
    -------
    pandas.DataFrame
        By constraint: peak_share, largest load ÷ rating; over_h [h]; over_kvah [kVA h].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> overload(group, 0 * group.demand_kw)["over_kvah"].round(1).to_dict()
    {'elm-road-tx': 0.0}
    """
    if not isinstance(power_kw, xr.DataArray):
        power_kw = stacked({name: r.power_kw for name, r in power_kw.items()}, group.time)
    sees = group.sensitivity.sel(site=power_kw["site"])
    left = remaining(headroom_kva(group.load_kva, group.rating_kva), sees, power_kw)
    hours = group.step / pd.Timedelta("1h")
    over = (-left).clip(min=0).where(left < -1e-6, 0.0)
    return pd.DataFrame(
        {
            "peak_share": (1 - left / group.rating_kva).max("time"),
            "over_h": (over > 0).sum("time") * hours,
            "over_kvah": over.sum("time") * hours,
        },
        index=group.load_kva.get_index("constraint"),
    )


def operators(group: Group) -> dict[str, list[str]]:
    """Return the operators that run more than one of the sites, each with its sites.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> operators(group)
    {'Kerbside (invented)': ['elm-road-lamps', 'elm-road-posts']}
    """
    named = pd.Series({name: site.meta.get("operator") for name, site in group.sites.items()})
    sites = {name: list(own.index) for name, own in named.dropna().groupby(named, sort=False)}
    return {name: own for name, own in sites.items() if len(own) > 1}


def pooled(
    group: Group, limit_kw: xr.DataArray, groups: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Return what operators of several sites can do with the sums of their limits.

    The chargepoint management system shares a setpoint as it likes. Sites behind the same
    constraint count as one there, so their sum may be shared anew by need.

    Parameters
    ----------
    group : Group
        Sites behind the same constraint.
    limit_kw : xarray.DataArray
        Over (time, site) [kW].
    groups : mapping of str to sequence of str
        Sites of each operator: `operators(group)`, or all under one name.

    Returns
    -------
    pandas.DataFrame
        By operator: unserved_kwh apart, each site under its own limit, and together [kWh].

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> sites = [folder.site(name) for name in ("elm-road-lamps", "elm-road-posts")]
    >>> group = locally_managed(sites, step="30min")
    >>> pooled(group, limits(group), {"all": list(group.sites)}).columns.tolist()
    ['apart', 'together']
    """
    apart = charge(group, limit_kw)
    unserved = pd.Series({name: r.sessions["unserved_kwh"].sum() for name, r in apart.items()})
    rows = {
        name: {"apart": unserved[list(own)].sum(), "together": _together(group, limit_kw, own)}
        for name, own in groups.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["apart", "together"])


def _together(group: Group, limit_kw: xr.DataArray, own: Sequence[str]) -> float:
    first, last = next(iter(group.free.values())).power_kw["time"].to_index()[[0, -1]]
    result = charging.simulate(
        pd.concat([group.sessions[name] for name in own], ignore_index=True),
        limit_kw.sel(site=own).sum("site", min_count=len(own)).assign_attrs(units="kW"),
        step=group.step,
        chargepoints=pd.concat([group.sites[name].chargepoints for name in own]),
        start=first.tz_localize("UTC"),
        end=last.tz_localize("UTC") + group.step,
        limit_after=float(group.requested_kw.sel(site=own).sum()),
        limit_missing="hold",
    )
    return float(result.sessions["unserved_kwh"].sum())
