"""Encroachment: load of the network that grows until the terms no longer protect it.

A site that keeps its terms to the letter protects nothing once the load beside it has grown (report
sections 6.3 and 9.2). The terms are set against the load on record, and against that load grown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
import xarray as xr

from scchelpers import tcc, timebase
from scchelpers.faults import UserError
from scchelpers.register.terms import Terms
from scchelpers.tcc.breaches import breaches, excess
from scchelpers.tcc.cells import HALF_HOURS, Cells, clock_text, half_hourly
from scchelpers.tcc.stress import last_year, protection

MEASURED_FROM = 21  # months of record from which growth is measured, not assumed
CASES = ("low", "expected", "high")
WINDOW = ("season", "day_type", "start", "end", "limit_kva")
MONTHS = {month: f"month {month}" for month in range(1, 13)}


@dataclass(frozen=True, eq=False)
class Encroachment:
    """What growth leaves of the protection that the terms give.

    Attributes
    ----------
    lacking : tuple of str
        What is missing for an answer; empty where nothing is.
    growth : pandas.Series
        low, expected and high growth per year, months (of record), measured (or assumed).
    protected : dict of str to pandas.DataFrame
        For each of `CASES` the margin by year, from `tcc.protection`.
    now : pandas.Series
        From `tcc.breaches`: half hours on record in which load and site, at its limit, exceed the
        rating.
    ahead : int
        Connections that come first and are taken at their limits.
    ends : dict of str to int or None
        Years from the end of the record until the terms no longer protect; None beyond the horizon.
    last : pandas.Timestamp
        End of the record [UTC].
    horizon : int
        Years looked ahead.
    """

    lacking: tuple[str, ...] = ()
    growth: pd.Series | None = None
    protected: dict[str, pd.DataFrame] | None = None
    now: pd.Series | None = None
    ends: dict[str, int | None] | None = None
    last: pd.Timestamp | None = None
    horizon: int = 10
    ahead: int = 0

    @property
    def known(self) -> bool:
        """Whether there is an answer."""
        return not self.lacking

    def year(self, case: str) -> int | None:
        """Return the calendar year in which protection ends; None beyond the horizon."""
        ends = self.ends[case]
        return None if ends is None else self.last.year + ends


def encroachment(
    terms: Terms,
    network_kva: xr.DataArray | None,
    rating_kva: pd.Series | None,
    *,
    ahead: Sequence[Terms] = (),
    assumed: tuple[float, float, float] = (0.0, 0.01, 0.03),
    quantile: float = 0.99,
    horizon: int = 10,
) -> Encroachment:
    """Tell until when terms protect a network whose load grows.

    Parameters
    ----------
    terms : Terms
        In force.
    network_kva : xarray.DataArray or None
        Load of the asset without the site [kVA] over time.
    rating_kva : pandas.Series or None
        Rating [kVA] by season.
    ahead : sequence of Terms
        Of connections that come before this one at the asset and are not in its load: they are
        taken at their limits, too.
    assumed : tuple of float
        Low, expected and high growth per year, where the record is too short to measure it.
    quantile : float
        Share of the days of a month whose load is to stay inside the rating.
    horizon : int
        Years to look ahead.

    Notes
    -----
    Each month of the year is a season of its own here, so that windows of any months are met. The
    site is taken to draw all that it may at any time.
    """
    lacking = []
    if terms.signalled:
        lacking.append("the limit is sent and follows the network: growth costs the customer")
    if network_kva is None:
        lacking.append("no load of the network asset is on record (scc import halfhourly)")
    if rating_kva is None:
        lacking.append("the asset has no rating (assets.csv)")
    if lacking:
        return Encroachment(tuple(lacking))
    own = terms.timezone
    load_kva = half_hourly(network_kva)
    try:
        cells = Cells.of(load_kva, calendar=MONTHS, day_types="weekend", timezone=own)
    except UserError as fault:
        return Encroachment((f"the record does not cover a year ({fault})",))
    growth = measured_growth(load_kva, timezone=own)
    if not growth["measured"]:
        growth[list(CASES)] = assumed
    together = [terms, *ahead]
    windows = cell_windows(together, cells)
    capacity_kva = sum(one.capacity_kva for one in together)
    protected = {
        case: protection(
            cells, rating_kva, capacity_kva, windows,
            quantile=quantile, growth=float(growth[case]), horizon=horizon,
        )
        for case in CASES
    }  # fmt: skip
    limit_kva = sum(limit_of(one, load_kva["time"], own) for one in together)
    return Encroachment(
        growth=growth,
        protected=protected,
        now=breaches(excess(load_kva, rating_kva, limit_kva, timezone=own)),
        ends={case: last_year(frame) for case, frame in protected.items()},
        last=pd.Timestamp(load_kva["time"].to_numpy()[-1], tz="UTC"),
        horizon=horizon,
        ahead=len(ahead),
    )


def measured_growth(
    network_kva: xr.DataArray, *, level: float = 0.9, timezone: str = timebase.LONDON
) -> pd.Series:
    """Return the growth of a network's daily peak per year, with its interval.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load [kVA] in half hours.
    level : float
        Of the interval between low and high.
    timezone : str
        Zone of the days.

    Returns
    -------
    pandas.Series
        low, expected and high (share per year), months (of record), measured: False, and the
        growth missing, where fewer than 21 months tell.

    Notes
    -----
    Regression of the logarithm of each day's highest half hour on time, two annual harmonics and
    the day type; the interval allows for days that resemble those before (Newey and West 1987).
    """
    days = timebase.local_date(network_kva["time"], timezone)
    peak = pd.Series(network_kva.to_numpy(), index=days).groupby(level=0).agg(["max", "count"])
    peak = peak.loc[(peak["count"] >= 46) & (peak["max"] > 0), "max"]
    months = peak.index.to_period("M").nunique() if len(peak) else 0
    nothing = dict.fromkeys(CASES, np.nan)
    if months < MEASURED_FROM:
        return pd.Series({**nothing, "months": months, "measured": False}, dtype=object)
    years = ((peak.index - peak.index[0]).days / 365.25).to_numpy()
    angle = 2 * np.pi * years
    weekday = peak.index.day_of_week
    columns = [np.ones(len(years)), years, weekday == 5, weekday == 6]
    columns += [wave(n * angle) for n in (1, 2) for wave in (np.sin, np.cos)]
    fitted = sm.OLS(np.log(peak.to_numpy()), np.column_stack(columns).astype(float)).fit(
        cov_type="HAC", cov_kwds={"maxlags": 28}
    )
    low, high = fitted.conf_int(alpha=1 - level)[1]
    found = np.expm1([low, fitted.params[1], high])
    return pd.Series(
        {**dict(zip(CASES, found, strict=True)), "months": months, "measured": True}, dtype=object
    )


def limit_of(terms: Terms, time, tz: str) -> xr.DataArray:
    """Return the limit of terms over time on the clock of a zone [kVA]."""
    return tcc.windows.limit_kva(terms.windows, time, terms.capacity_kva, timezone=tz)


def cell_windows(together: Sequence[Terms], cells: Cells) -> pd.DataFrame:
    """Return the sum of some limits as windows in the seasons and day types of cells.

    Where a cell holds days of different limits the highest counts: the network must bear it.
    """
    time = timebase.grid("2024-01-01T00:00Z", "2025-01-01T00:00Z", "30min")
    # The clock of a zone without changes: the windows are those of the site's own clock.
    limit = sum(limit_of(terms, time, "UTC") for terms in together).to_numpy()
    capacity_kva = sum(terms.capacity_kva for terms in together)
    weekend = np.asarray(time.day_of_week >= 5)
    half_hour = np.asarray(time.hour * 2 + time.minute // 30)
    rows = []
    for months, season in zip(cells.months, cells.seasons, strict=True):
        for day_type, there in (("weekday", ~weekend), ("weekend", weekend)):
            here = there & np.isin(time.month, months)
            by_clock = pd.Series(limit[here]).groupby(half_hour[here]).max()
            for at in range(HALF_HOURS):
                if by_clock[at] < capacity_kva:
                    clock = (clock_text(at), clock_text(at + 1))
                    rows.append((season, day_type, *clock, float(by_clock[at])))
    return pd.DataFrame(rows, columns=list(WINDOW))
