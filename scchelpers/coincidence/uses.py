"""The same limit met by other uses: homes, depots, workplaces, rapid charging on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd
import xarray as xr

from scchelpers import charging, timebase
from scchelpers.coincidence.case import Case, inside, study
from scchelpers.coincidence.schemes import transferred
from scchelpers.faults import UserError
from scchelpers.site import Site

USES = {
    "residential": ("on_street",),
    "depot": ("bus_depot", "van_depot"),
    "workplace": ("workplace",),
    "en-route rapid": ("en_route", "rapid_hub"),
    "destination": ("retail", "leisure", "car_park", "park_and_ride", "mixed"),
}


def use_of(site_type: str | None) -> str:
    """Return the use that a site type belongs to, "other" where none.

    Examples
    --------
    >>> use_of("bus_depot"), use_of(None)
    ('depot', 'other')
    """
    return next((use for use, types in USES.items() if site_type in types), "other")


def sites_of_uses(sites: pd.DataFrame, site_id: str, each: int) -> list[str]:
    """Return sites of every use, the site itself first, then `each` of a use in file order.

    Parameters
    ----------
    sites : DataFrame
        `Portfolio.sites`.
    site_id : str
        Site of the report.
    each : int
        Other sites of each use.
    """
    chosen = [site_id]
    for use in USES:
        own = [s for s, kind in sites["site_type"].items() if use_of(_text(kind)) == use]
        chosen += [s for s in own if s != site_id][:each]
    return chosen


def compare_uses(
    read: Callable[[str], Site], site_ids: Iterable[str], case: Case, **options
) -> tuple[pd.DataFrame, list[str]]:
    """Set sites of other uses under the limit of a case, each scaled to its own highest demand.

    At every instant each site may draw the same share of its highest demand as the limit leaves of
    the requested capacity. Sites in other years or zones meet it moved by whole weeks, clock on
    clock.

    Parameters
    ----------
    read : callable of site_id to Site
        Such as `Portfolio.site`.
    site_ids : iterable of str
        Sites.
    case : Case
        The limit, its requested capacity and its clock.
    **options
        Of `charging.simulate`, such as step and sharing.

    Returns
    -------
    found : DataFrame indexed by site_id
        name, use; peak_kw, the highest demand [kW]; stay_h, median stay [h]; wanted_kwh [kWh];
        wanted_share, loss_share of restricted time; lost_share, unserved_share of the energy
        wanted, before and after shifting within the stay; short_share of sessions.
    left_out : list of str
        Sites that cannot be read, have no sessions or are never inside the limit's record.
    """
    rows, left_out = {}, []
    for site_id in site_ids:
        try:
            site = read(site_id)
            rows[site_id] = _under(site, case, options)
        except UserError:
            left_out.append(site_id)
    columns = ["name", "use", "peak_kw", "stay_h", "wanted_kwh", "wanted_share", "loss_share"]
    columns += ["lost_share", "unserved_share", "short_share"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return frame.rename_axis("site_id"), left_out


def _under(site: Site, case: Case, options: dict) -> dict:
    if site.sessions.empty:
        raise UserError(f"{site.site_id}: no sessions")
    share = (case.limit_kw / case.requested_kw).clip(0.0, 1.0)
    share = _moved(share, site, case)
    sessions = inside(site.sessions, share)
    if sessions.empty:
        raise UserError(f"{site.site_id}: no session in the record of the limit")
    chargepoints = site.chargepoints
    peak_kw = float(
        charging.simulate(sessions, chargepoints=chargepoints, **options).power_kw.max()
    )
    limit_kw = (share * peak_kw).assign_attrs(units="kW")
    under = study(
        sessions, chargepoints, limit_kw, peak_kw, timezone=site.timezone, **options
    ).customer()
    stay = sessions["plug_out"] - sessions["plug_in"]
    names = ("wanted_kwh", "wanted_share", "loss_share")
    names += ("lost_share", "unserved_share", "short_share")
    return {
        "name": site.name,
        "use": use_of(site.meta.get("site_type")),
        "peak_kw": peak_kw,
        "stay_h": stay.median() / pd.Timedelta("1h"),
    } | {name: float(under[name]) for name in names}


def _moved(share: xr.DataArray, site: Site, case: Case) -> xr.DataArray:
    times = timebase.utc_index(share["time"])
    begins = site.sessions["plug_in"].min()
    if site.timezone == case.timezone and times[0] <= site.sessions["plug_in"].median() < times[-1]:
        return share
    step = times[1] - times[0]
    start = timebase.day_start([begins], site.timezone)[0]
    time = timebase.grid(start, site.sessions["plug_out"].max() + step, step)
    zones = {"from_zone": case.timezone, "to_zone": site.timezone}
    return transferred(share.assign_attrs(units="kW"), time, **zones)


def _text(value) -> str | None:
    return value if isinstance(value, str) else None
