"""The limit that holds for a site's charging: of its registered terms, else of what is recommended.

Reports that ask what a limit does to charging, or leaves to sell, ask it of this one; none makes up
a limit of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import register, timebase
from scchelpers.choice.store import decided
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.site import Site

_LEAST_KNOWN = 0.5  # share of the record for which a registered limit must be known


def standing_limit(
    folder: Portfolio, site: Site, option: str = ""
) -> tuple[xr.DataArray | None, str, str, pd.Series]:
    """Return the limit that holds for a site's charging, and whose it is.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    site : Site
        Site of it.
    option : str
        Way to connect, of the table of options, whose limit is wanted instead.

    Returns
    -------
    limit_kw : DataArray over time [kW] or None
        On a regular grid, NaN where unknown; None where there is none.
    source : "registered", "recommended", "asked for" or "none"
        Registered terms come first where their limit is known for half of the record; terms that
        need no signal are taken as if they had held all along.
    scheme : str
        Name of the registered scheme or the option; "" for none.
    told : Series
        The option's row in the table of options; empty where the limit is registered or none.

    Raises
    ------
    UserError
        If the option is not in the table, or not possible.

    See Also
    --------
    decided

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> limit_kw, source, scheme, _ = standing_limit(folder, folder.site("village-hall"))
    >>> source, scheme
    ('registered', 'static_clm')
    """
    if not option and (terms := register.read(folder).terms(site.site_id)):
        limit_kw = _registered(folder, site, terms)
        if np.isfinite(limit_kw).mean() >= _LEAST_KNOWN:
            return limit_kw, "registered", terms[-1].scheme, pd.Series(dtype=object)
    choice = decided(folder, site.site_id)
    name = option or choice.scheme
    if name is None:
        return None, "none", "", pd.Series(dtype=object)
    limits = choice.limits
    if name not in limits:
        why = choice.options["why_not"].get(name, "it is not in the table of options")
        raise UserError(f"option = {name!r}: {why}; there are: {', '.join(limits)}")
    limit_kw = limits[name]
    if not isinstance(limit_kw, xr.DataArray):
        time = timebase.naive_utc(_record_time(site))
        limit_kw = xr.DataArray(np.full(len(time), float(limit_kw)), {"time": time}, ("time",))
    limit_kw = _regular(limit_kw, _record_time(site)).rename("limit_kw").assign_attrs(units="kW")
    return limit_kw, "asked for" if option else "recommended", name, choice.options.loc[name]


def _registered(folder: Portfolio, site: Site, terms: list[register.Terms]) -> xr.DataArray:
    """Return the registered limit of charging [kW] over the site's record."""
    time = _record_time(site)
    sent_kw = folder.setpoint_kw(site.site_id)
    limit_kw = register.read(folder).limit_kw(site.site_id, time, setpoint_kw=sent_kw)
    if np.isfinite(limit_kw).mean() < _LEAST_KNOWN and not terms[-1].signalled:
        limit_kw = register.limit(terms[-1], time)
    if terms[-1].metered == "site" and site.residual_kw is not None:
        limit_kw = (limit_kw - site.residual_kw).reindex_like(limit_kw)  # what its load leaves
    return limit_kw.clip(min=0.0).rename("limit_kw").assign_attrs(units="kW")


def _regular(limit_kw: xr.DataArray, time: xr.DataArray | np.ndarray) -> xr.DataArray:
    """Return a limit [kW] by moments of change as its mean over each interval of a record."""
    stamps = limit_kw.get_index("time")
    if (np.diff(stamps) == stamps[1] - stamps[0]).all():
        return limit_kw
    grid = pd.DatetimeIndex(np.asarray(time))
    step = grid[1] - grid[0]
    end = grid[-1] + step
    changes = limit_kw.to_series().reindex(stamps.union(grid), method="ffill")[grid[0] :]
    changes = changes[changes.index < end]
    lasts = np.diff(changes.index.append(pd.DatetimeIndex([end]))) / step
    share = (changes * lasts).groupby(grid.searchsorted(changes.index, "right")).sum(skipna=False)
    return xr.DataArray(share.to_numpy(), {"time": grid.to_numpy()}, ("time",))


def _record_time(site: Site) -> xr.DataArray | np.ndarray:
    """Return the times of a site's load on record, else the half hours of its sessions [UTC]."""
    loads = [load for load in (site.network_kva, site.residual_kw) if load is not None]
    return loads[0]["time"] if loads else site.known("sessions").half_hours.index.to_numpy()
