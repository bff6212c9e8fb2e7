"""The terms of one entry, and the limit that they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import clm, tcc
from scchelpers.faults import UserError
from scchelpers.portfolio.register import SIGNALLED
from scchelpers.timebase import LONDON, naive_utc, utc_index


@dataclass(frozen=True, eq=False)
class Terms:
    """What one entry of the register allows a site.

    Attributes
    ----------
    entry_id, site_id, scheme : str
        Which entry, of which site, of which kind (`tables.SCHEMES`).
    metered : str
        "site" or "charging": whose import the limit holds for.
    capacity_kva, power_factor : float
        What holds outside every window [kVA]; kW = kVA x power factor.
    windows : pandas.DataFrame
        Windows as `tcc.limit` takes them; none for other schemes than tcc.
    failsafe_kw : float
        What may be drawn without a valid signal [kW]; NaN where none is agreed.
    averaging : pandas.Timedelta
        Time over which power is averaged to be judged.
    begins, ends : pandas.Timestamp
        In force from, and until it was replaced [UTC]; `ends` is NaT for the last entry.
    review_by : pandas.Timestamp
        Day by which the terms are reviewed.
    asset_id : str or None
        Network asset that they protect.
    lifo_position : float
        Place in the stack; NaN where none.
    timezone : str
        Zone of the windows' clock.
    """

    entry_id: str
    site_id: str
    scheme: str
    metered: str
    capacity_kva: float
    power_factor: float
    windows: pd.DataFrame
    failsafe_kw: float
    averaging: pd.Timedelta
    begins: pd.Timestamp
    ends: pd.Timestamp
    review_by: pd.Timestamp
    asset_id: str | None
    lifo_position: float
    timezone: str = LONDON

    @property
    def capacity_kw(self) -> float:
        """Capacity agreed [kW]."""
        return self.capacity_kva * self.power_factor

    @property
    def signalled(self) -> bool:
        """Whether the limit is sent to the site rather than written in the terms."""
        return self.scheme in SIGNALLED

    def at(self, time) -> np.ndarray:
        """Return at which instants these terms are in force."""
        instants = utc_index(time)
        on = instants >= self.begins
        return on if pd.isna(self.ends) else on & (instants < self.ends)


def limit(terms: Terms, time, *, setpoint_kw: xr.DataArray | None = None) -> xr.DataArray:
    """Return the limit that terms make at the meter they name, whatever the scheme.

    Parameters
    ----------
    terms : Terms
        Terms; the limit is given for every instant asked, in force or not.
    time : DataArray, DatetimeIndex or array of datetime64
        Interval starts [UTC].
    setpoint_kw : xarray.DataArray, optional
        For a scheme whose limit is sent (profiled, lmc, cmc): what was sent [kW] over time, NaN
        where nothing valid came. Each value holds for its own interval.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over `time`. Where a signal is missing the fail-safe holds; where no signals
        are on record at all the limit is unknown, NaN.

    Raises
    ------
    UserError
        If a window begins or ends inside an interval.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> from scchelpers.register import read
    >>> time = pd.DatetimeIndex(["2025-12-01T16:00Z", "2025-12-01T16:30Z"])
    >>> book = read(Portfolio.open("data/demo"))
    >>> limit(book.in_force("elm-road-lamps", time[0]), time).values.tolist()
    [131.32, 19.6]
    """
    stamps = naive_utc(time)
    if terms.signalled:
        value = np.full(len(stamps), np.nan)
        if setpoint_kw is not None:
            sent = setpoint_kw.to_series().reindex(pd.DatetimeIndex(stamps)).to_numpy(dtype=float)
            heard = np.where(np.isfinite(sent), sent, terms.failsafe_kw)
            value = np.minimum(heard, terms.capacity_kw)
    elif len(terms.windows):
        capped_kva = tcc.windows.limit_kva(
            terms.windows, time, terms.capacity_kva, timezone=terms.timezone
        )
        value = capped_kva.to_numpy() * terms.power_factor
    else:
        value = clm.static_limit(terms.capacity_kva, stamps, power_factor=terms.power_factor)
        value = value.to_numpy()
    meta = {"units": "kW", "long_name": f"registered limit ({terms.scheme})"}
    return xr.DataArray(np.round(value, 9), {"time": stamps}, ("time",), "limit_kw", meta)


def joined(entries: list[Terms], time, *, setpoint_kw: xr.DataArray | None = None) -> xr.DataArray:
    """Return the limit of a site's entries over time, each while it is in force.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over `time`; NaN before the first entry, and where it is unknown.
    """
    stamps = naive_utc(time)
    found = xr.DataArray(
        np.full(len(stamps), np.nan), {"time": stamps}, ("time",), "limit_kw", {"units": "kW"}
    )
    for terms in entries:
        if terms.timezone != entries[0].timezone:
            raise UserError(f"{terms.site_id}: entries of one site have one clock")
        on = terms.at(found["time"])
        if on.any():
            own = limit(terms, found["time"][on], setpoint_kw=setpoint_kw)
            found[on] = own.to_numpy()
    return found
