"""The ways to connect, from the least complex to the most, and what the report says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import and_

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm, tcc, timebase
from scchelpers.charging import ChargingResult
from scchelpers.choice.network import Network
from scchelpers.faults import UserError
from scchelpers.network import Control, as_measured, setpoints
from scchelpers.network.control import finer
from scchelpers.report.words import NARROW, count, listed, quantity
from scchelpers.site import Known, Site
from scchelpers.tcc import profiled


@dataclass(frozen=True)
class Scheme:
    """One way to connect.

    Attributes
    ----------
    name : str
        What it is called here.
    family : str
        The scheme of the report that it belongs to: "TCC", "CLM", "LMC", "CMC", or "" for none.
    led_by : str
        Who runs it.
    needs : str
        What must be there that a plain connection does not need.
    section : str
        Section of the report of the Charge Project.
    """

    name: str
    family: str
    led_by: str
    needs: str
    section: str


FIRM, REDUCED, TCC, STATIC, DYNAMIC, PROFILED, LMC, CMC, REINFORCED = (
    *("firm", "reduced capacity", "TCC", "static CLM", "dynamic CLM", "profiled", "LMC", "CMC"),
    "reinforcement",
)

# The order is the report's: "increasing complexity and increasing network capacity access" (5.3).
# A profiled limit is a TCC that needs a message each day: more than a CLM, less than a live signal.
SCHEMES = (
    Scheme(FIRM, "", "nobody", "nothing", "6.2"),
    Scheme(REDUCED, "", "customer", "fewer chargepoints than planned", "8.3"),
    Scheme(TCC, "TCC", "customer", "a timer in the chargepoints or their management system", "6"),
    Scheme(STATIC, "CLM", "customer", "chargepoints that share a fixed limit", "7"),
    Scheme(DYNAMIC, "CLM", "customer", "a signal from the site's meter to a controller", "7"),
    Scheme(PROFILED, "TCC", "DNO", "a forecast, and a message each day", "6.3"),
    Scheme(LMC, "LMC", "DNO", "a monitor at one place, a live link, a fail-safe", "8"),
    Scheme(CMC, "CMC", "DNO", "monitors at several places, a central platform, live links", "8"),
    Scheme(REINFORCED, "", "DNO", "new network, and the time to build it", "4"),
)

RANK = {scheme.name: place for place, scheme in enumerate(SCHEMES)}


@dataclass(frozen=True)
class Terms:
    """Targets and settings of a choice; all are conventions of this workbook, none a standard.

    Attributes
    ----------
    unserved_target : float
        Share of the energy wanted that may stay unserved.
    short_target : float
        Share of the sessions that may leave short (`Site.tolerance_kwh`).
    tolerated_h : float
        Time in a year in which the network may be above its rating, if all that is allowed is used
        [h].
    margin_share : float
        Kept free below the rating when a limit is set.
    quantile : float
        Of the load that windows and forecasts are to cover.
    tolerated_dsc_h : float
        Time in a year in which a site may be above its supply capacity under a dynamic CLM [h].
    latency : str
        Response time of a dynamic CLM.
    control : Control
        How an LMC or CMC turns measurements into setpoints.
    """

    unserved_target: float = 0.01
    short_target: float = 0.02
    tolerated_h: float = 10.0
    margin_share: float = 0.02
    quantile: float = 0.99
    tolerated_dsc_h: float = 1.0
    latency: str = "30s"
    control: Control = field(default_factory=Control)

    def __post_init__(self):
        for name in ("unserved_target", "short_target", "margin_share"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} = {getattr(self, name)}: a share from 0 to below 1")
        for name in ("tolerated_h", "tolerated_dsc_h"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} = {getattr(self, name)}: must be 0 or more")


@dataclass(frozen=True, eq=False)
class Applicant:
    """A site with what it asks for.

    Attributes
    ----------
    site : Site
        The site.
    network : Network or None
        Assets above it with what earlier applicants hold; None where none are on record.
    terms : Terms
        Targets.
    names : mapping of str to str
        Names of the assets, for people.
    """

    site: Site
    network: Network | None
    terms: Terms
    names: Mapping[str, str] = field(default_factory=dict)

    def called(self, asset: str) -> str:
        """Return the name of an asset."""
        return self.names.get(asset, asset)

    @property
    def power_factor(self) -> float:
        """Of the site."""
        return self.site.power_factor

    @cached_property
    def requested_kva(self) -> float:
        """Capacity asked for; without a request, what all chargepoints draw together [kVA]."""
        rated_kva = self.site.chargepoints["rated_kw"].sum() / self.power_factor
        return float(self.site.requested_kva or rated_kva)

    @property
    def requested_kw(self) -> float:
        """The same as active power [kW]."""
        return self.requested_kva * self.power_factor

    @property
    def dsc_kva(self) -> float | None:
        """Supply capacity that the site has today [kVA]; None where it has none."""
        return self.site.dsc_kva

    @cached_property
    def residual_kw(self) -> xr.DataArray | None:
        """Other load of the site that a CLM could follow [kW]."""
        return clm.usable_load(self.site.residual_kw)

    @cached_property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First instant and end of what is judged [UTC]: the network's record, else the load's."""
        record = self.network.time if self.network else None
        if record is None and self.residual_kw is not None:
            record = self.residual_kw["time"]
        if record is not None:
            first, last = timebase.utc_index(record)[[0, -1]]
            return first, last + clm.step_of(record)
        sessions = self.site.sessions
        if sessions.empty:
            return pd.Timestamp("2025-01-01", tz="UTC"), pd.Timestamp("2025-01-02", tz="UTC")
        return sessions["plug_in"].min().floor("30min"), sessions["plug_out"].max().ceil("30min")

    @cached_property
    def known(self) -> Known:
        """Time in which sessions and all loads are known at once; no other is judged."""
        loads = {"network": self.network and self.network.load_kva, "own": self.residual_kw}
        found = [
            Known.of(load, timezone=self.site.timezone, what=f"the {name} load")
            for name, load in loads.items()
            if load is not None
        ]
        if len(self.site.sessions) or not found:
            found.insert(0, self.site.known("sessions"))
        return reduce(and_, found)

    @cached_property
    def judged(self) -> tuple[pd.DataFrame, float]:
        """Sessions whose whole stay is known, and the years that they stand for."""
        return self.known.judged(self.site.sessions)

    @property
    def years(self) -> float:
        """Years that the sessions judged stand for."""
        return self.judged[1]

    @cached_property
    def time(self) -> pd.DatetimeIndex:
        """Half hours of the span [UTC, without zone]."""
        return timebase.grid(*self.span, "30min").tz_localize(None)

    @cached_property
    def customers(self) -> clm.Customers:
        """Sessions whose whole stay is known."""
        return clm.Customers(self.judged[0], self.site.chargepoints)

    @cached_property
    def end(self) -> pd.Timestamp:
        """When the last of them has left, or the span ends [UTC]."""
        left = self.customers.sessions["plug_out"]
        return max(self.span[1], left.max() if len(left) else self.span[1]).ceil("5min")

    @cached_property
    def free(self) -> ChargingResult:
        """Charging with the whole request at all times."""
        return self.charge(self.requested_kw)

    def charge(self, limit_kw: xr.DataArray | float) -> ChargingResult:
        """Return charging under a limit [kW]."""
        return self.customers.charge(limit_kw, start=self.span[0], end=self.end)

    @cached_property
    def firm_kva(self) -> float:
        """Capacity to be had at all times without any scheme [kVA]; NaN where nothing tells.

        What the network leaves; without a network on record, what the site's own supply leaves.
        """
        if self.network is not None:
            return self.network.firm_kva(self.terms.tolerated_h)
        return self.spare_kva

    @cached_property
    def spare_kva(self) -> float:
        """What the site's own supply leaves to charging at its highest load [kVA]; NaN without."""
        if not self.dsc_kva:
            return np.nan
        highest_kw = 0.0 if self.residual_kw is None else float(np.nanmax(self.residual_kw))
        return max(0.0, float(self.dsc_kva) - highest_kw / self.power_factor)

    @cached_property
    def stressed(self) -> list[str]:
        """Assets at which the request does not fit."""
        if self.network is None:
            return []
        return self.network.stressed(self.requested_kva, self.terms.tolerated_h)


WARM_UP_D = 91

FORECAST = "last week + margin"  # quick; `02_tcc_windows` compares it with better ones

# Margins tried in turn beyond that of the terms, as shares of the rating.
MARGINS = (0.03, 0.04, 0.06, 0.08, 0.10, 0.15)

NO_LOAD = "there is no load and rating of the network above the site on record"

NOT_NEEDED = "the network takes the whole request at all times"


@dataclass(frozen=True, eq=False)
class Offer:
    """What a scheme allows.

    Attributes
    ----------
    limit_kw : xarray.DataArray, float or None
        Limit [kW] over time, or at all times; None where the scheme cannot be offered.
    why_not : str
        Then the reason, as part of a sentence.
    within_dsc : bool
        Whether charging stays within the supply capacity that the site has today.
    share : float
        Of the chargepoints that is built; below 1 for a reduced capacity only.
    note : str
        What is worth knowing of the limit.
    """

    limit_kw: xr.DataArray | float | None = None
    why_not: str = ""
    within_dsc: bool = False
    share: float = 1.0
    note: str = ""


def offer(applicant: Applicant, scheme: str) -> Offer:
    """Return what a scheme would allow at a site.

    Parameters
    ----------
    applicant : Applicant
        The site.
    scheme : str
        Name of one of `SCHEMES`.
    """
    return OFFERS[scheme](applicant)


def _firm(applicant: Applicant) -> Offer:
    if applicant.network is None:
        return Offer(why_not=NO_LOAD)
    if applicant.stressed:
        return Offer(
            why_not=f"only {quantity(applicant.firm_kva, 'kVA')} of the "
            f"{quantity(applicant.requested_kva, 'kVA')} asked for fits at all times"
        )
    return Offer(applicant.requested_kw)


def _reduced(applicant: Applicant) -> Offer:
    share = applicant.firm_kva / applicant.requested_kva
    if not share > 0:
        return Offer(why_not="nothing fits at all times" if share == 0 else NO_LOAD)
    if share >= 1:
        return Offer(why_not=NOT_NEEDED)
    return Offer(
        applicant.firm_kva * applicant.power_factor,
        within_dsc=applicant.network is None,
        share=share,
    )


def _timed(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    parts, windows = [], []
    for asset in applicant.network.assets:
        study = timed_study(applicant, asset)
        if study is None:
            return Offer(why_not="the load on record does not cover every season")
        if study.windows.empty:
            continue
        if not study.offered:
            reasons = [text.rstrip(".") for text in study.verdict.reasons if "firm" not in text]
            return Offer(why_not=_lower(reasons[0]))
        parts.append(study.limit_kw(applicant.network.time))
        windows.append(len(study.windows))
    if not parts:
        return Offer(why_not="what is short is too rare for any window")
    lowest = xr.concat(parts, "part", coords="minimal", compat="override").min("part")
    return Offer(_limit(lowest, applicant), note=count(sum(windows), "window"))


def timed_study(applicant: Applicant, asset: str) -> tcc.Study | None:
    """Return the study of a TCC at one of the assets above a site, as the site sees it.

    None where the load on record leaves a season out: nobody knows what window it would need.
    """
    network = applicant.network
    site = replace(
        applicant.site,
        meta={**applicant.site.meta, "asset_id": asset, "requested_kva": applicant.requested_kva}
        | {"power_factor": applicant.power_factor},
        network_kva=network.load_kva.sel(asset=asset, drop=True),
        rating_kva=network.seasonal_kva[asset],
    )
    months = set(timebase.clock(network.time, network.timezone).month)
    if {timebase.SEASONS[month] for month in months} < set(timebase.SEASONS.values()):
        return None
    return tcc.study(
        site, margin_share=applicant.terms.margin_share, quantile=applicant.terms.quantile
    )


def _static(applicant: Applicant) -> Offer:
    if applicant.dsc_kva:
        if applicant.spare_kva < 1:
            return Offer(
                why_not="the site's other load takes all of its supply of "
                f"{quantity(applicant.dsc_kva, 'kVA')} at its highest"
            )
        note = "what the highest other load leaves of the supply"
        limit_kw = min(applicant.spare_kva, applicant.requested_kva) * applicant.power_factor
        return Offer(limit_kw, within_dsc=True, note=note)
    if not applicant.firm_kva >= 1:
        return Offer(why_not="the site has no supply yet, and no firm capacity is to be had")
    if applicant.firm_kva >= applicant.requested_kva:
        return Offer(why_not=NOT_NEEDED)
    return Offer(
        applicant.firm_kva * applicant.power_factor, note="a new supply of what fits at all times"
    )


def _dynamic(applicant: Applicant) -> Offer:
    if not applicant.dsc_kva:
        return Offer(why_not="the site has no supply yet that it could keep within")
    if applicant.residual_kw is None:
        return Offer(why_not="no other load of the site is on record that a limit could follow")
    supply = {"power_factor": applicant.power_factor, "latency": applicant.terms.latency}
    dsc_kva = float(applicant.dsc_kva)
    margin_kw = clm.required_margin(
        applicant.residual_kw, dsc_kva, tolerated_h=applicant.terms.tolerated_dsc_h, **supply
    )
    limit_kw = clm.dynamic_limit(applicant.residual_kw, dsc_kva, margin_kw=margin_kw, **supply)
    limit_kw = limit_kw.clip(max=applicant.requested_kw).assign_attrs(limit_kw.attrs)
    note = f"margin of {quantity(margin_kw, 'kW')} for loads that switch on"
    return Offer(limit_kw, within_dsc=True, note=note)


def _profiled(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    network = applicant.network
    if len(network.time) < 48 * (WARM_UP_D + 91):
        return Offer(why_not="the record is too short to fit a forecast and judge it")
    network = network.watching(applicant.stressed)
    loads = (network.load_kva.sel(asset=asset, drop=True) for asset in network.assets)
    expected = xr.concat(
        [_forecast(load, applicant.terms.quantile, network.timezone) for load in loads],
        pd.Index(network.assets, name="asset"),
    )

    def limit(margin_share: float) -> xr.DataArray:
        left_kva = (network.rating_kva * (1 - margin_share) - expected).min("asset")
        return _limit(left_kva * applicant.power_factor, applicant)

    return _with_margin(applicant, network, limit, "forecast the day before")


def _forecast(load: xr.DataArray, quantile: float, timezone: str) -> xr.DataArray:
    """Return the quantile of a load forecast a day ahead, from the first day of the record on.

    The end of the record, set 52 weeks back, stands before its beginning: the rule is fitted on
    the same season and weekdays.
    """
    before = load.isel(time=slice(-48 * WARM_UP_D, None))
    shifted = before.assign_coords(time=before["time"] - np.timedelta64(364, "D"))
    shifted = shifted.where(shifted["time"] < load["time"][0], drop=True)
    longer = xr.concat([shifted, load], "time") if shifted.sizes["time"] else load
    history = profiled.read_history(longer, tz=timezone)
    settings = {"quantile": quantile, "warm_up_days": 60, "tz": timezone}
    found = profiled.forecast(history, load["time"], FORECAST, **settings)
    return found.fillna(float(load.max()))


def _local(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    tightest = applicant.network.short_h(applicant.requested_kva).idxmax()
    return _led(applicant, [tightest], f"monitor at {tightest}")


def _central(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    if len(applicant.stressed) < 2:
        return Offer(
            why_not=f"only {applicant.stressed[0]} is stressed, which one monitor can watch"
        )
    return _led(applicant, applicant.stressed, f"monitors at {listed(applicant.stressed)}")


def _led(applicant: Applicant, watched: list[str], note: str) -> Offer:
    """Return the setpoints that the DNO sends when it watches some assets."""
    control: Control = applicant.terms.control
    network = applicant.network.watching(watched)
    load = finer(network.load_kva, control.step)
    rating = finer(network.rating_kva, control.step)
    known = as_measured(load, control)
    requested = xr.DataArray([applicant.requested_kw], {"site": [applicant.site.site_id]})

    def limit(margin_share: float) -> xr.DataArray:
        room_kva = (rating * (1 - margin_share) - known).min("asset")
        target_kw = _limit(room_kva * applicant.power_factor, applicant).expand_dims(
            site=requested["site"]
        )
        return setpoints(target_kw, requested, control).isel(site=0, drop=True)

    return _with_margin(applicant, network, limit, note)


def _with_margin(
    applicant: Applicant, network: Network, limit: Callable[[float], xr.DataArray], note: str
) -> Offer:
    """Return a limit with the smallest margin that keeps the network to what is tolerated.

    A forecast errs and a setpoint comes late: what that costs is capacity, not risk. Only the part
    of the network that is watched counts here. Where no margin is enough the largest stands, and
    the choice sees the risk that it leaves.
    """
    for share in (applicant.terms.margin_share, *MARGINS):
        limit_kw = limit(share)
        over_h = network.over_h(limit_kw / applicant.power_factor).max()
        if over_h <= applicant.terms.tolerated_h:
            break
    return Offer(limit_kw, note=f"{note}; {100 * share:g}{NARROW}% of the rating kept free")


def _limit(left_kw: xr.DataArray, applicant: Applicant) -> xr.DataArray:
    limit_kw = left_kw.clip(0.0, applicant.requested_kw)
    return limit_kw.rename("limit_kw").assign_attrs(units="kW")


def _reinforced(applicant: Applicant) -> Offer:
    if applicant.network is None and not applicant.dsc_kva:
        return Offer(why_not=NO_LOAD)
    if applicant.network is not None and not applicant.stressed:
        return Offer(why_not=NOT_NEEDED)
    return Offer(applicant.requested_kw)


def _no_need(applicant: Applicant) -> str:
    if applicant.network is None:
        return NO_LOAD
    return "" if applicant.stressed else NOT_NEEDED


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


OFFERS: dict[str, Callable[[Applicant], Offer]] = {
    FIRM: _firm,
    REDUCED: _reduced,
    TCC: _timed,
    STATIC: _static,
    DYNAMIC: _dynamic,
    PROFILED: _profiled,
    LMC: _local,
    CMC: _central,
    REINFORCED: _reinforced,
}
