"""The ways to connect, from the least complex to the most, and what the report says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm, measures, tcc, timebase, years
from scchelpers.business.ledger import Regime
from scchelpers.charging import ChargingResult
from scchelpers.choice.network import Added, Network, added
from scchelpers.faults import UserError
from scchelpers.network import Control, as_measured, setpoints
from scchelpers.network.control import finer
from scchelpers.report.words import NARROW, listed, quantity
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


FIRM, LESS, REDUCED, TCC, STATIC, RAISED, DYNAMIC, PROFILED, LMC, CMC, REINFORCED = (
    *("firm", "ask for less", "reduced capacity", "TCC", "static CLM", "raise the supply"),
    *("dynamic CLM", "profiled", "LMC", "CMC", "reinforcement"),
)

# The order is the report's: "increasing complexity and increasing network capacity access" (5.3).
# A profiled limit is a TCC that needs a message each day: more than a CLM, less than a live signal.
SCHEMES = (
    Scheme(FIRM, "", "nobody", "nothing", "6.2"),
    Scheme(LESS, "", "customer", "chargepoints that share a smaller firm connection", "9.1"),
    Scheme(REDUCED, "", "customer", "fewer chargepoints than planned", "8.3"),
    Scheme(TCC, "TCC", "customer", "a timer in the chargepoints or their management system", "6"),
    Scheme(STATIC, "CLM", "customer", "chargepoints that share a fixed limit", "7"),
    Scheme(RAISED, "", "customer", "a larger supply, and chargepoints that share a limit", "7"),
    Scheme(DYNAMIC, "CLM", "customer", "a signal from the site's meter to a controller", "7"),
    Scheme(PROFILED, "TCC", "DNO", "a forecast, and a message each day", "6.3"),
    Scheme(LMC, "LMC", "DNO", "a monitor at one place, a live link, a fail-safe", "8"),
    Scheme(CMC, "CMC", "DNO", "monitors at several places, a central platform, live links", "8"),
    Scheme(REINFORCED, "", "DNO", "new network, and the time to build it", "4"),
)

RANK = {scheme.name: place for place, scheme in enumerate(SCHEMES)}

# Limits that a DNO makes for its network: growth of the load ends what they protect.
CURTAILED = (TCC, PROFILED, LMC, CMC)


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
    probability : float
        With which a year keeps to that.
    planned_years : int
        Years of growth that a scheme is to outlast; one that ends before is a stop-gap.
    load_growth : float
        Growth of the network's load a year.
    level_sd, peak_sd, local_sd : float
        How years differ, see `years.added_over_h`; local_sd None: from the record.
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
    horizon : int
        Years over which a connection is valued.
    regime : {"since-2023", "before-2023"}
        Who pays for reinforcement.
    draws, seed : int
        Random years, and the seed of these and of the futures of prices.

    Examples
    --------
    >>> Terms(planned_years=3).planned_years, Terms().unserved_target
    (3, 0.01)
    """

    unserved_target: float = 0.01
    short_target: float = 0.02
    tolerated_h: float = 10.0
    probability: float = 0.9
    planned_years: int = 5
    load_growth: float = 0.01
    level_sd: float = years.LEVEL_SD
    peak_sd: float = years.PEAK_SD
    local_sd: float | None = None
    margin_share: float = 0.02
    quantile: float = 0.99
    tolerated_dsc_h: float = 1.0
    latency: str = "15s"  # as quick as EREC G100 asks
    control: Control = field(default_factory=Control)
    horizon: int = 15
    regime: Regime = "since-2023"
    draws: int = 200
    seed: int = 0

    def __post_init__(self):
        for name in ("unserved_target", "short_target", "margin_share", "probability"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} = {getattr(self, name)}: a share from 0 to below 1")
        for name in ("tolerated_h", "tolerated_dsc_h", "planned_years"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} = {getattr(self, name)}: must be 0 or more")


def served(taken: Mapping, terms: Terms) -> bool:
    """Return whether what a limit takes from customers is within the targets."""
    few = taken["unserved_share"] <= terms.unserved_target
    return bool(few and taken["short_share"] <= terms.short_target)


def _key(limit_kw: xr.DataArray | float) -> object:
    if np.ndim(limit_kw) == 0:
        return float(limit_kw)
    stamps = limit_kw.get_index("time")
    return hash(limit_kw.to_numpy().tobytes()), stamps[0], len(stamps)


@dataclass(frozen=True, eq=False)
class Demand:
    """Charging at a site in the time that is known, under one limit after another.

    Attributes
    ----------
    site : Site
        The site.
    known : Known
        Time in which sessions and all loads above and beside them are known.
    """

    site: Site
    known: Known

    @property
    def power_factor(self) -> float:
        """Of the site."""
        return self.site.power_factor

    @cached_property
    def requested_kw(self) -> float:
        """Capacity asked for; without a request, what all chargepoints draw together [kW]."""
        rated_kw = float(self.site.chargepoints["rated_kw"].sum())
        return self.site.requested_kw or rated_kw

    @cached_property
    def _judged(self) -> tuple[pd.DataFrame, float]:
        return self.known.judged(self.site.sessions)

    @property
    def sessions(self) -> pd.DataFrame:
        """Sessions whose whole stay is known."""
        return self._judged[0]

    @property
    def years(self) -> float:
        """Years that they stand for."""
        return self._judged[1]

    @cached_property
    def time(self) -> pd.DatetimeIndex:
        """Half hours from the first to the last that is known [UTC, without zone]."""
        on = self.known.half_hours
        return on.index[on.to_numpy().argmax() : len(on) - on.to_numpy()[::-1].argmax()]

    @cached_property
    def residual_kw(self) -> xr.DataArray | None:
        """Other load of the site that a CLM could follow [kW]."""
        return clm.usable_load(self.site.residual_kw)

    @cached_property
    def customers(self) -> clm.Customers:
        """The sessions at their chargepoints."""
        return clm.Customers(self.sessions, self.site.chargepoints)

    @cached_property
    def free(self) -> ChargingResult:
        """Charging with the whole request at all times."""
        return self.charge(self.requested_kw)

    @cached_property
    def peak_kva(self) -> float:
        """The most that is drawn so in a half hour [kVA]."""
        drawn = self.free.power_kw.to_series().resample("30min").mean()
        return float(drawn.max()) / self.power_factor if len(drawn) else np.nan

    @cached_property
    def _charged(self) -> dict:
        return {}

    @cached_property
    def _taken(self) -> dict:
        return {}

    def charge(self, limit_kw: xr.DataArray | float) -> ChargingResult:
        """Return charging under a limit [kW]; time in which it is unknown is not judged."""
        key = _key(limit_kw)
        if key not in self._charged:
            start, end = (self.time[k].tz_localize("UTC") for k in (0, -1))
            end = max(end + timebase.HALF_HOUR, self.sessions["plug_out"].max()).ceil("5min")
            if len(self._charged) >= _KEPT:  # a year in steps of five minutes takes its room
                del self._charged[next(iter(self._charged))]
            self._charged[key] = self.customers.charge(
                limit_kw, start=start, end=end, limit_missing="unjudged"
            )
        return self._charged[key]

    def taken(self, limit_kw: xr.DataArray | float) -> dict[str, float]:
        """Return what a limit takes from customers: energy [kWh], and shares."""
        key = _key(limit_kw)
        if key not in self._taken:
            result = self.charge(limit_kw)
            seen = measures.customer_measures(self.free, result, requested_kw=self.requested_kw)
            columns = ("wanted_kwh", "unserved_kwh", "unserved_share", "short_share")
            self._taken[key] = {name: seen[name].item() for name in columns}
        return dict(self._taken[key])

    def serves(self, limit_kw: xr.DataArray | float, terms: Terms) -> bool:
        """Return whether drivers get what the targets ask for under a limit."""
        return served(self.taken(limit_kw), terms)

    @cached_property
    def follow(self) -> dict:
        """Limits that follow the site's own load, by terms; the network has no part in them."""
        return {}

    @cached_property
    def _least(self) -> dict:
        return {}

    def least(self, terms: Terms) -> float:
        """Return the smallest capacity that serves if its chargepoints share it [kVA]."""
        targets = (terms.unserved_target, terms.short_target)
        if targets not in self._least:
            found = clm.smallest_limit(
                self.customers,
                power_factor=self.power_factor,
                unserved_target=targets[0],
                short_target=targets[1],
            )
            self._least[targets] = np.nan if found is None else found
        return float(self._least[targets])


@dataclass(frozen=True, eq=False)
class Applicant:
    """A site with what it asks for.

    Attributes
    ----------
    demand : Demand
        Its charging.
    network : Network or None
        Assets above it with what earlier applicants hold; None where none are on record.
    terms : Terms
        Targets.
    names : mapping of str to str
        Names of the assets, for people.
    """

    demand: Demand
    network: Network | None
    terms: Terms
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        """The site."""
        return self.demand.site

    def called(self, asset: str) -> str:
        """Return the name of an asset."""
        return self.names.get(asset, asset)

    @property
    def power_factor(self) -> float:
        """Of the site."""
        return self.site.power_factor

    @property
    def requested_kw(self) -> float:
        """Capacity asked for [kW]."""
        return self.demand.requested_kw

    @property
    def requested_kva(self) -> float:
        """The same as apparent power [kVA]."""
        return self.requested_kw / self.power_factor

    @property
    def dsc_kva(self) -> float | None:
        """Supply capacity that the site has today [kVA]; None where it has none."""
        return self.site.dsc_kva

    @property
    def residual_kw(self) -> xr.DataArray | None:
        """Other load of the site that a CLM could follow [kW]."""
        return self.demand.residual_kw

    @property
    def firm_kva(self) -> float:
        """Capacity that fits at all known times, at most the request [kVA]; NaN if unknown.

        What the network leaves; without a network on record, what the site's own supply leaves.
        """
        left = self.spare_kva if self.network is None else self.network.firm_kva
        return min(left, self.requested_kva)

    @cached_property
    def spare_kva(self) -> float:
        """What the site's own supply leaves to charging at its highest load [kVA]; NaN without."""
        if not self.dsc_kva:
            return np.nan
        highest_kw = 0.0 if self.residual_kw is None else float(np.nanmax(self.residual_kw))
        return max(0.0, float(self.dsc_kva) - highest_kw / self.power_factor)

    def added(self, allowed_kva, follows: Mapping[str, str] | None = None, **more) -> Added:
        """Return the hours above ratings to which the site adds with what it may draw [kVA]."""
        names = ("level_sd", "peak_sd", "local_sd", "draws", "seed")
        sizes = {name: getattr(self.terms, name) for name in names}
        return added(self.network, allowed_kva, follows=follows or {}, **sizes, **more)

    def fits(self, found: Added) -> np.ndarray:
        """Return by growth whether hours are tolerated with the probability asked for."""
        return found.kept(self.terms.tolerated_h) >= self.terms.probability

    def stressed_by(self, kva: float) -> list[str]:
        """Return the assets at which a capacity is not tolerated at all times."""
        if self.network is None:
            return []
        found, most = self.added(kva), self.terms.tolerated_h
        kept = (found.by_asset[:, 0] <= most + 1e-9).mean(axis=1) >= self.terms.probability
        fine = kept & (found.worsened_h <= most + 1e-9)
        return [name for name, good in zip(self.network.assets, fine, strict=True) if not good]

    @cached_property
    def stressed(self) -> list[str]:
        """Assets at which the whole request does not fit."""
        return self.stressed_by(self.requested_kva)

    @property
    def tightest(self) -> str:
        """Asset at which the request fails to fit for most hours on record."""
        return self.network.short_h(self.requested_kva).idxmax()


_WARM_UP_D = 91

_KEPT = 8  # results of charging under different limits, of each site

FORECAST = "last week + margin"  # quick; `02_tcc_windows` compares it with better ones

# How much more import than on record: where what follows the load is looked at.
_RISES = (-0.15, -0.06, 0.0, 0.06, 0.12, 0.2, 0.35)

# Margins tried beyond that of the terms, as shares of the rating.
MARGINS = (0.04, 0.08, 0.12)

# A limit [kW], and what it allows on days that had no part in making it [kVA], as in an `Offer`.
Limit = tuple[xr.DataArray, xr.DataArray | None]

_NO_LOAD = "there is no load and rating of the network above the site on record"

_NOT_NEEDED = "the network takes the whole request at all times"


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
    asked_kva : float or None
        What the DNO is asked for where it is not the request [kVA].
    note : str
        What is worth knowing of the limit.
    follows : dict of str to str
        Assets whose load the limit follows, see `network.added`.
    unseen_kva : xarray.DataArray, float or None
        What it allows on days that had no part in making it, where that differs [kVA]; over
        (rise, time) where it follows the load at once.
    """

    limit_kw: xr.DataArray | float | None = None
    why_not: str = ""
    within_dsc: bool = False
    share: float = 1.0
    asked_kva: float | None = None
    note: str = ""
    follows: Mapping[str, str] = field(default_factory=dict)
    unseen_kva: xr.DataArray | float | None = None


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
        return Offer(why_not=_NO_LOAD)
    if applicant.stressed:
        return Offer(
            why_not=f"only {quantity(applicant.firm_kva, 'kVA')} of the "
            f"{quantity(applicant.requested_kva, 'kVA')} asked for fits at all times"
        )
    return Offer(applicant.requested_kw)


def _less(applicant: Applicant) -> Offer:
    if applicant.network is None:
        return Offer(why_not=_NO_LOAD)
    least_kva = applicant.demand.least(applicant.terms)
    if not least_kva < applicant.requested_kva:
        return Offer(why_not="the chargepoints need all that is asked for")
    if applicant.stressed_by(least_kva):
        return Offer(
            why_not=f"drivers need {quantity(least_kva, 'kVA')} shared among the chargepoints, and "
            f"{quantity(applicant.firm_kva, 'kVA')} fits at all times"
        )
    note = f"{quantity(least_kva, 'kVA')}, shared among the chargepoints"
    return Offer(least_kva * applicant.power_factor, asked_kva=least_kva, note=note)


def _reduced(applicant: Applicant) -> Offer:
    firm_kva = applicant.firm_kva
    if not firm_kva >= 1:
        return Offer(why_not=_NO_LOAD if np.isnan(firm_kva) else "nothing fits at all times")
    if firm_kva >= applicant.requested_kva:
        return Offer(why_not=_NOT_NEEDED)
    rated_kw = applicant.site.chargepoints["rated_kw"]
    if rated_kw.iloc[0] > firm_kva / applicant.requested_kva * rated_kw.sum() + 1e-9:
        said = f"only {quantity(firm_kva, 'kVA')} fits at all times"
        return Offer(why_not=f"{said}, too little for one of the chargepoints")
    return Offer(
        firm_kva * applicant.power_factor,
        within_dsc=applicant.network is None,
        share=firm_kva / applicant.requested_kva,
        asked_kva=firm_kva,
        note=f"chargepoints for {quantity(firm_kva, 'kVA')}",
    )


def _timed(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    network, failed = applicant.network, []
    months = set(timebase.clock(network.time, network.timezone).month)
    if {timebase.SEASONS[month] for month in months} < set(timebase.SEASONS.values()):
        return Offer(why_not="the load on record does not cover every season")

    def limit(margin_share: float) -> Limit | None:
        whole, unseen = [], []
        for asset in applicant.stressed:
            study = _study(applicant, asset, margin_share)
            if len(study.windows) and not study.offered:
                reasons = [text.rstrip(".") for text in study.verdict.reasons if "firm" not in text]
                failed.append(_lower(reasons[0]))
                return None
            whole.append(study.limit_kw(network.time))
            asked = (study.network_kva, study.site.rating_kva, study.requested_kva)
            rules = study.rules | study.cut
            unseen.append(tcc.unseen_limit_kva(*asked, **rules))
        lowest, kva = (
            xr.concat(parts, "part", coords="minimal", compat="override").min("part")
            for parts in (whole, unseen)
        )
        return _limit(lowest, applicant), kva

    found = _with_margin(applicant, limit, {}, "fixed windows")
    return found or Offer(why_not=failed[0])


def _study(applicant: Applicant, asset: str, margin_share: float) -> tcc.Study:
    """Return the study of a TCC at one of the assets above a site, as the site sees it."""
    network = applicant.network
    site = replace(
        applicant.site,
        meta={**applicant.site.meta, "asset_id": asset, "requested_kva": applicant.requested_kva}
        | {"power_factor": applicant.power_factor},
        network_kva=network.load_kva.sel(asset=asset, drop=True),
        rating_kva=network.seasonal_kva[asset],
    )
    return tcc.study(site, margin_share=margin_share, quantile=applicant.terms.quantile)


def _static(applicant: Applicant) -> Offer:
    if not applicant.dsc_kva:
        return Offer(why_not="the site has no supply yet that it could keep within")
    if applicant.spare_kva < 1:
        return Offer(
            why_not="the site's other load takes all of its supply of "
            f"{quantity(applicant.dsc_kva, 'kVA')} at its highest"
        )
    note = "what the highest other load leaves of the supply"
    limit_kw = min(applicant.spare_kva, applicant.requested_kva) * applicant.power_factor
    return Offer(limit_kw, within_dsc=True, note=note)


def _raised(applicant: Applicant) -> Offer:
    if not applicant.dsc_kva:
        return Offer(why_not="the site has no supply yet that could be raised")
    least_kva = applicant.demand.least(applicant.terms)
    more_kva = least_kva - applicant.spare_kva
    if not more_kva > 0:
        return Offer(why_not="the supply is large enough as it is")
    said = quantity(more_kva, "kVA")
    if applicant.network is None:
        return Offer(
            why_not=f"{said} more would do; {_NO_LOAD}, so only the DNO can say if it fits"
        )
    if applicant.stressed_by(more_kva):
        return Offer(why_not=f"{said} more would do, and does not fit at all times")
    note = f"{said} more, and a fixed limit of {quantity(least_kva, 'kVA')}"
    return Offer(least_kva * applicant.power_factor, asked_kva=more_kva, note=note)


def _dynamic(applicant: Applicant) -> Offer:
    if not applicant.dsc_kva:
        return Offer(why_not="the site has no supply yet that it could keep within")
    if applicant.residual_kw is None:
        return Offer(why_not="no other load of the site is on record that a limit could follow")
    kept, terms = applicant.demand.follow, applicant.terms
    if (key := (terms.latency, terms.tolerated_dsc_h)) not in kept:
        supply = {"power_factor": applicant.power_factor, "latency": terms.latency}
        load_kw, dsc_kva = applicant.residual_kw, float(applicant.dsc_kva)
        margin_kw = clm.required_margin(
            load_kw, dsc_kva, tolerated_h=terms.tolerated_dsc_h, **supply
        )
        limit_kw = clm.dynamic_limit(load_kw, dsc_kva, margin_kw=margin_kw, **supply)
        # What the highest other load leaves is safe without any metering: never less than that.
        floor_kw = applicant.spare_kva * applicant.power_factor
        limit_kw = limit_kw.clip(floor_kw, None).clip(max=applicant.requested_kw)
        note = f"margin of {quantity(margin_kw, 'kW')} for loads that switch on"
        kept[key] = Offer(limit_kw.assign_attrs(units="kW"), within_dsc=True, note=note)
    return kept[key]


def _profiled(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    if len(applicant.network.time) < 48 * (_WARM_UP_D + 91):
        return Offer(why_not="the record is too short to fit a forecast and judge it")
    network = applicant.network.watching(applicant.stressed)
    loads = (network.load_kva.sel(asset=asset, drop=True) for asset in network.assets)
    expected = xr.concat(
        [_forecast(load, applicant.terms.quantile, network.timezone) for load in loads],
        pd.Index(network.assets, name="asset"),
    )

    def limit(margin_share: float) -> Limit:
        left_kva = (network.rating_kva * (1 - margin_share) - expected).min("asset")
        return _limit(left_kva * applicant.power_factor, applicant), None

    follows = dict.fromkeys(applicant.stressed, "next day")
    return _with_margin(applicant, limit, follows, "forecast the day before")


def _forecast(load: xr.DataArray, quantile: float, timezone: str) -> xr.DataArray:
    """Return the quantile of a load forecast a day ahead, from the first day of the record on.

    The end of the record, set 52 weeks back, stands before its beginning: the rule is fitted on
    the same season and weekdays.
    """
    before = load.isel(time=slice(-48 * _WARM_UP_D, None))
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
    return _led(applicant, [applicant.tightest])


def _central(applicant: Applicant) -> Offer:
    if why := _no_need(applicant):
        return Offer(why_not=why)
    if len(applicant.stressed) < 2:
        only = applicant.called(applicant.stressed[0])
        return Offer(why_not=f"only {only} is stressed, which one monitor can watch")
    return _led(applicant, applicant.stressed)


def _led(applicant: Applicant, watched: list[str]) -> Offer:
    """Return the setpoints that the DNO sends when it watches some assets."""
    control: Control = applicant.terms.control
    network = applicant.network.watching(watched)
    rating = finer(network.rating_kva, control.step)
    # The same controller in years with less and with more load, side by side.
    loads = (finer(network.grown(1 + rise).load_kva, control.step) for rise in _RISES)
    risen = pd.Index(_RISES, name="site")
    known = xr.concat([as_measured(load, control) for load in loads], risen)
    requested = xr.DataArray(np.full(len(_RISES), applicant.requested_kw), {"site": risen})
    half_hour = timebase.HALF_HOUR // timebase.step_length(control.step)

    def limit(margin_share: float) -> Limit:
        room_kva = (rating * (1 - margin_share) - known).min("asset", skipna=False)
        sent = setpoints(_limit(room_kva * applicant.power_factor, applicant), requested, control)
        means = sent.coarsen(time=half_hour, coord_func="min").reduce(np.mean)
        unseen_kva = means.rename(site="rise") / applicant.power_factor
        return sent.sel(site=0.0, drop=True), unseen_kva

    places = listed([applicant.called(name) for name in watched])
    note = f"monitor{'s' if len(watched) > 1 else ''} at {places}"
    return _with_margin(applicant, limit, dict.fromkeys(watched, "at once"), note)


def _with_margin(
    applicant: Applicant,
    limit: Callable[[float], Limit | None],
    follows: Mapping[str, str],
    note: str,
) -> Offer | None:
    """Return a limit with the smallest margin that keeps the network to what is tolerated.

    Windows age, a forecast errs and a setpoint comes late: what that costs is capacity, not risk.
    Where no margin is enough the largest possible stands, and the choice sees the risk it leaves.
    """
    watched = list(follows) or applicant.stressed
    watching = replace(applicant, network=applicant.network.watching(watched))
    later = (1 + applicant.terms.load_growth) ** applicant.terms.planned_years
    kept = applicant.terms.margin_share
    margins, found = [kept, *(share for share in MARGINS if share > kept)], {}

    def fits(share: float) -> np.ndarray | None:
        """Return whether a margin is enough today, and when the load has grown; None: too wide."""
        if share not in found:
            made, good = limit(share), None
            if made is not None:
                unseen_kva = made[0] / applicant.power_factor if made[1] is None else made[1]
                good = watching.fits(watching.added(unseen_kva, follows, growth=(1.0, later)))
            found[share] = (made, good)
        return found[share][1]

    if fits(kept) is None:
        return None
    best = _smallest(margins, fits, 1)
    serves = best is None or applicant.demand.serves(found[best][0][0], applicant.terms)
    if best is None or not serves:  # then a bridge until reinforcement, at least
        best = _smallest(margins, fits, 0)
    if best is None:
        best = max(share for share, (made, _) in found.items() if made is not None)
    (limit_kw, unseen_kva), _ = found[best]
    said = f"{note}; {100 * best:g}{NARROW}% of the rating kept free"
    return Offer(limit_kw, note=said, follows=follows, unseen_kva=unseen_kva)


def _smallest(
    margins: list[float], fits: Callable[[float], np.ndarray | None], when: int
) -> float | None:
    """Return the smallest margin that is enough, the first tried first; None where none is."""
    at, best = 0, None
    while margins:
        good = fits(margins[at])
        if good is not None and good[when]:
            best, margins = margins[at], margins[:at]
        else:
            margins = margins[:at] if good is None else margins[at + 1 :]
        at = len(margins) // 2
    return best


def _limit(left_kw: xr.DataArray, applicant: Applicant) -> xr.DataArray:
    limit_kw = left_kw.clip(0.0, applicant.requested_kw)
    return limit_kw.rename("limit_kw").assign_attrs(units="kW")


def _reinforced(applicant: Applicant) -> Offer:
    if applicant.network is None and not applicant.dsc_kva:
        return Offer(why_not=_NO_LOAD)
    if applicant.network is not None and not applicant.stressed:
        return Offer(why_not=_NOT_NEEDED)
    return Offer(applicant.requested_kw)


def _no_need(applicant: Applicant) -> str:
    if applicant.network is None:
        return _NO_LOAD
    return "" if applicant.stressed else _NOT_NEEDED


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


OFFERS: dict[str, Callable[[Applicant], Offer]] = {
    FIRM: _firm,
    LESS: _less,
    REDUCED: _reduced,
    TCC: _timed,
    STATIC: _static,
    RAISED: _raised,
    DYNAMIC: _dynamic,
    PROFILED: _profiled,
    LMC: _local,
    CMC: _central,
    REINFORCED: _reinforced,
}
