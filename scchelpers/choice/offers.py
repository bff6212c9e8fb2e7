"""The limit that each scheme would set at a site, or why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm, tcc, timebase
from scchelpers.choice import schemes
from scchelpers.choice.case import Case
from scchelpers.choice.network import Network
from scchelpers.network import Control, as_measured, setpoints
from scchelpers.network.setpoint import finer
from scchelpers.tcc import forecasting
from scchelpers.wording import NARROW, count, listed, quantity

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


def offer(case: Case, scheme: str) -> Offer:
    """Return what a scheme would allow at a site.

    Parameters
    ----------
    case : Case
        The site.
    scheme : str
        Name of one of `schemes.SCHEMES`.
    """
    return OFFERS[scheme](case)


def _firm(case: Case) -> Offer:
    if case.network is None:
        return Offer(why_not=NO_LOAD)
    if case.stressed:
        return Offer(
            why_not=f"only {quantity(case.firm_kva, 'kVA')} of the "
            f"{quantity(case.requested_kva, 'kVA')} asked for fits at all times"
        )
    return Offer(case.requested_kw)


def _reduced(case: Case) -> Offer:
    share = case.firm_kva / case.requested_kva
    if not share > 0:
        return Offer(why_not="nothing fits at all times" if share == 0 else NO_LOAD)
    if share >= 1:
        return Offer(why_not=NOT_NEEDED)
    return Offer(case.firm_kva * case.power_factor, within_dsc=case.network is None, share=share)


def _timed(case: Case) -> Offer:
    if why := _no_need(case):
        return Offer(why_not=why)
    parts, windows = [], []
    for asset in case.network.assets:
        study = timed_study(case, asset)
        if study is None:
            return Offer(why_not="the load on record does not cover every season")
        if study.windows.empty:
            continue
        if not study.offered:
            reasons = [text.rstrip(".") for text in study.verdict.reasons if "firm" not in text]
            return Offer(why_not=_lower(reasons[0]))
        parts.append(study.limit_kw(case.network.time))
        windows.append(len(study.windows))
    if not parts:
        return Offer(why_not="what is short is too rare for any window")
    lowest = xr.concat(parts, "part", coords="minimal", compat="override").min("part")
    return Offer(_limit(lowest, case), note=count(sum(windows), "window"))


def timed_study(case: Case, asset: str) -> tcc.Study | None:
    """Return the study of a TCC at one of the assets above a site, as the site sees it.

    None where the load on record leaves a season out: nobody knows what window it would need.
    """
    network = case.network
    site = replace(
        case.site,
        meta={**case.site.meta, "asset_id": asset, "requested_kva": case.requested_kva}
        | {"power_factor": case.power_factor},
        network_kva=network.load_kva.sel(asset=asset, drop=True),
        rating_kva=network.seasonal_kva[asset],
    )
    months = set(timebase.clock(network.time, network.timezone).month)
    if {timebase.SEASONS[month] for month in months} < set(timebase.SEASONS.values()):
        return None
    return tcc.study(site, margin_share=case.terms.margin_share, quantile=case.terms.quantile)


def _static(case: Case) -> Offer:
    if case.dsc_kva:
        if case.spare_kva < 1:
            return Offer(
                why_not="the site's other load takes all of its supply of "
                f"{quantity(case.dsc_kva, 'kVA')} at its highest"
            )
        note = "what the highest other load leaves of the supply"
        limit_kw = min(case.spare_kva, case.requested_kva) * case.power_factor
        return Offer(limit_kw, within_dsc=True, note=note)
    if not case.firm_kva >= 1:
        return Offer(why_not="the site has no supply yet, and no firm capacity is to be had")
    if case.firm_kva >= case.requested_kva:
        return Offer(why_not=NOT_NEEDED)
    return Offer(case.firm_kva * case.power_factor, note="a new supply of what fits at all times")


def _dynamic(case: Case) -> Offer:
    if not case.dsc_kva:
        return Offer(why_not="the site has no supply yet that it could keep within")
    if case.residual_kw is None:
        return Offer(why_not="no other load of the site is on record that a limit could follow")
    supply = {"power_factor": case.power_factor, "latency": case.terms.latency}
    dsc_kva = float(case.dsc_kva)
    margin_kw = clm.required_margin(
        case.residual_kw, dsc_kva, tolerated_h=case.terms.tolerated_dsc_h, **supply
    )
    limit_kw = clm.dynamic_limit(case.residual_kw, dsc_kva, margin_kw=margin_kw, **supply)
    limit_kw = limit_kw.fillna(0.0).clip(max=case.requested_kw).assign_attrs(limit_kw.attrs)
    note = f"margin of {quantity(margin_kw, 'kW')} for loads that switch on"
    return Offer(limit_kw, within_dsc=True, note=note)


def _profiled(case: Case) -> Offer:
    if why := _no_need(case):
        return Offer(why_not=why)
    network = case.network
    if len(network.time) < 48 * (WARM_UP_D + 91):
        return Offer(why_not="the record is too short to fit a forecast and judge it")
    network = network.watching(case.stressed)
    loads = (network.load_kva.sel(asset=asset, drop=True) for asset in network.assets)
    expected = xr.concat(
        [_forecast(load, case.terms.quantile, network.timezone) for load in loads],
        pd.Index(network.assets, name="asset"),
    )

    def limit(margin_share: float) -> xr.DataArray:
        left_kva = (network.rating_kva * (1 - margin_share) - expected).min("asset")
        return _limit(left_kva * case.power_factor, case)

    return _with_margin(case, network, limit, "forecast the day before")


def _forecast(load: xr.DataArray, quantile: float, timezone: str) -> xr.DataArray:
    """Return the quantile of a load forecast a day ahead, from the first day of the record on.

    The end of the record, set 52 weeks back, stands before its beginning: the rule is fitted on
    the same season and weekdays.
    """
    before = load.isel(time=slice(-48 * WARM_UP_D, None))
    shifted = before.assign_coords(time=before["time"] - np.timedelta64(364, "D"))
    shifted = shifted.where(shifted["time"] < load["time"][0], drop=True)
    longer = xr.concat([shifted, load], "time") if shifted.sizes["time"] else load
    history = forecasting.read_history(longer, tz=timezone)
    settings = {"quantile": quantile, "warm_up_days": 60, "tz": timezone}
    found = forecasting.forecast(history, load["time"], FORECAST, **settings)
    return found.fillna(float(load.max()))


def _local(case: Case) -> Offer:
    if why := _no_need(case):
        return Offer(why_not=why)
    tightest = case.network.short_h(case.requested_kva).idxmax()
    return _led(case, [tightest], f"monitor at {tightest}")


def _central(case: Case) -> Offer:
    if why := _no_need(case):
        return Offer(why_not=why)
    if len(case.stressed) < 2:
        return Offer(why_not=f"only {case.stressed[0]} is stressed, which one monitor can watch")
    return _led(case, case.stressed, f"monitors at {listed(case.stressed)}")


def _led(case: Case, watched: list[str], note: str) -> Offer:
    """Return the setpoints that the DNO sends when it watches some assets."""
    control: Control = case.terms.control
    network = case.network.watching(watched)
    load = finer(network.load_kva, control.step)
    rating = finer(network.rating_kva, control.step)
    known = as_measured(load, control)
    requested = xr.DataArray([case.requested_kw], {"site": [case.site.site_id]})

    def limit(margin_share: float) -> xr.DataArray:
        room_kva = (rating * (1 - margin_share) - known).min("asset")
        target_kw = _limit(room_kva * case.power_factor, case).expand_dims(site=requested["site"])
        return setpoints(target_kw, requested, control).isel(site=0, drop=True)

    return _with_margin(case, network, limit, note)


def _with_margin(
    case: Case, network: Network, limit: Callable[[float], xr.DataArray], note: str
) -> Offer:
    """Return a limit with the smallest margin that keeps the network to what is tolerated.

    A forecast errs and a setpoint comes late: what that costs is capacity, not risk. Only the part
    of the network that is watched counts here. Where no margin is enough the largest stands, and
    the choice sees the risk that it leaves.
    """
    for share in (case.terms.margin_share, *MARGINS):
        limit_kw = limit(share)
        over_h = network.over_h(limit_kw / case.power_factor).max()
        if over_h <= case.terms.tolerated_h:
            break
    return Offer(limit_kw, note=f"{note}; {100 * share:g}{NARROW}% of the rating kept free")


def _limit(left_kw: xr.DataArray, case: Case) -> xr.DataArray:
    limit_kw = left_kw.clip(0.0, case.requested_kw)
    return limit_kw.rename("limit_kw").assign_attrs(units="kW")


def _reinforced(case: Case) -> Offer:
    if case.network is None and not case.dsc_kva:
        return Offer(why_not=NO_LOAD)
    if case.network is not None and not case.stressed:
        return Offer(why_not=NOT_NEEDED)
    return Offer(case.requested_kw)


def _no_need(case: Case) -> str:
    if case.network is None:
        return NO_LOAD
    return "" if case.stressed else NOT_NEEDED


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


OFFERS: dict[str, Callable[[Case], Offer]] = {
    schemes.FIRM: _firm,
    schemes.REDUCED: _reduced,
    schemes.TCC: _timed,
    schemes.STATIC: _static,
    schemes.DYNAMIC: _dynamic,
    schemes.PROFILED: _profiled,
    schemes.LMC: _local,
    schemes.CMC: _central,
    schemes.REINFORCED: _reinforced,
}
