"""Whether terms still protect the network: its load grows until they no longer do.

A site that keeps its terms to the letter protects nothing once the load beside it has grown (the
Charge Project report, sections 6.3 and 9.2). The terms are set against the load on record, and
against that load grown; the site, and those that come before it, draw all that they may.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.api as sm

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.register import Terms, limit
from scchelpers.site import Site

_MEASURED_FROM = 21  # months of record from which growth is measured, not assumed
CASES = ("low", "expected", "high")
GROWTH = (-0.2, 0.5)  # per year, that may be assumed


def load_at_limit(site: Site, terms: Terms, ahead: Sequence[Terms] = ()) -> pd.DataFrame | None:
    """Return the load and rating of the asset that terms protect, and what the terms allow beside.

    Parameters
    ----------
    site : Site
        The site.
    terms : Terms
        In force.
    ahead : sequence of Terms
        From `Register.ahead`: connections that come first and are not in the asset's load.

    Returns
    -------
    pandas.DataFrame or None
        `Site.half_hours` with `limit_kva` [kVA], what site and those ahead may draw together; None
        where the limit is sent (it follows the network: growth costs the customer), where load or
        rating of the asset that the terms name are not on record, or not in every month, kind of
        day and half hour of the clock.

    See Also
    --------
    margin_by_year, planned_load

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> terms = register.read(folder).terms("elm-road-lamps")[-1]
    >>> load = load_at_limit(folder.site("elm-road-lamps"), terms)
    >>> list(load.columns)
    ['load_kva', 'rating_kva', 'season', 'day_type', 'half_hour', 'day', 'limit_kva']
    """
    own = terms.asset_id is not None and terms.asset_id == site.asset_id
    if terms.signalled or not own or site.network_kva is None or site.rating_kva is None:
        return None
    load = site.half_hours()
    time, together = pd.to_datetime(load.index, utc=True), (terms, *ahead)
    load["limit_kva"] = sum(limit(one, time).to_numpy() / one.power_factor for one in together)
    cells = load.dropna(subset="load_kva").groupby([load["day"].dt.month, "day_type", "half_hour"])
    return load if cells.ngroups == 12 * 2 * 48 else None


def growth_per_year(
    load: pd.DataFrame, assumed: tuple[float, float, float], *, level: float = 0.9
) -> pd.Series:
    """Return the growth of a network's daily peak per year: measured, or assumed.

    Parameters
    ----------
    load : pandas.DataFrame
        `load_kva` [kVA] and `day` in half hours.
    assumed : tuple of float
        Low, expected and high growth where fewer than 21 months tell, each -0.2 to 0.5.
    level : float
        Of the interval between low and high.

    Returns
    -------
    pandas.Series
        low, expected and high (share per year), months (of record), measured (bool).

    Raises
    ------
    UserError
        If the growth assumed is out of range, or low and high do not enclose the one expected.

    Notes
    -----
    Regression of the logarithm of each day's highest half hour on time, two annual harmonics and
    the day type; the interval allows for days that resemble those before (Newey and West 1987).

    See Also
    --------
    margin_by_year

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> terms = register.read(folder).terms("elm-road-lamps")[-1]
    >>> load = load_at_limit(folder.site("elm-road-lamps"), terms)
    >>> growth_per_year(load, (0.0, 0.01, 0.03)).to_dict()
    {'low': 0.0, 'expected': 0.01, 'high': 0.03, 'months': 12, 'measured': False}
    """
    low, expected, high = assumed
    if not GROWTH[0] <= low <= expected <= high <= GROWTH[1]:
        raise UserError(
            f"growth = {low}, {expected}, {high}: must rise, within {GROWTH[0]} to {GROWTH[1]}"
        )
    peak = load.groupby("day")["load_kva"].agg(["max", "count"])
    peak = peak.loc[(peak["count"] >= 46) & (peak["max"] > 0), "max"]
    months = peak.index.to_period("M").nunique() if len(peak) else 0
    found = assumed
    if months >= _MEASURED_FROM:
        years = ((peak.index - peak.index[0]).days / timebase.YEAR_DAYS).to_numpy()
        weekday, angle = peak.index.day_of_week, 2 * np.pi * years
        columns = [np.ones(len(years)), years, weekday == 5, weekday == 6]
        columns += [wave(n * angle) for n in (1, 2) for wave in (np.sin, np.cos)]
        fitted = sm.OLS(np.log(peak.to_numpy()), np.column_stack(columns).astype(float)).fit(
            cov_type="HAC", cov_kwds={"maxlags": 28}
        )
        ends = fitted.conf_int(alpha=1 - level)[1]
        found = np.expm1([ends[0], fitted.params[1], ends[1]])
    told = dict(zip(CASES, map(float, found), strict=True))
    return pd.Series(told | {"months": months, "measured": months >= _MEASURED_FROM}, dtype=object)


def planned_load(load: pd.DataFrame, quantile: float = 0.99) -> pd.DataFrame:
    """Return the load to plan for, the limit and the rating in each half hour of the clock.

    Parameters
    ----------
    load : pandas.DataFrame
        From `load_at_limit`.
    quantile : float
        Share of the days of a month whose load is to fit beside the limit, 0.5 to 1.

    Returns
    -------
    pandas.DataFrame
        Indexed by month, day_type and half_hour: load_kva, limit_kva (the highest that holds there)
        and rating_kva [kVA].

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> terms = register.read(folder).terms("elm-road-lamps")[-1]
    >>> len(planned_load(load_at_limit(folder.site("elm-road-lamps"), terms)))
    1152
    """
    if not 0.5 <= quantile <= 1:
        raise UserError(f"quantile = {quantile}: must lie between 0.5 and 1")
    cells = load.groupby([load["day"].dt.month.rename("month"), "day_type", "half_hour"])
    table = cells.agg(limit_kva=("limit_kva", "max"), rating_kva=("rating_kva", "min"))
    return table.assign(load_kva=cells["load_kva"].quantile(quantile))


def margin_by_year(
    planned: pd.DataFrame, growth: float, *, horizon: int = 10, first: int = 0
) -> pd.Series:
    """Return what is left at the tightest half hour, year by year, while the load grows.

    Parameters
    ----------
    planned : pandas.DataFrame
        From `planned_load`.
    growth : float
        Growth of the load per year. Reversed flow does not grow: it would hide the growth.
    horizon : int
        Years to look ahead, 1 to 50.
    first : int
        The year that the record ends in, from which years count.

    Returns
    -------
    pandas.Series
        margin_kva [kVA] by year: least rating - load - limit; negative once the terms no longer
        protect the network.

    Examples
    --------
    >>> planned = pd.DataFrame({"load_kva": [400.0], "limit_kva": [60.0], "rating_kva": [500.0]})
    >>> margin_by_year(planned, 0.05, horizon=2, first=2025).round(1).to_dict()
    {2025: 40.0, 2026: 20.0, 2027: -1.0}
    """
    if not 1 <= horizon <= 50:
        raise UserError(f"horizon = {horizon}: must be 1 to 50 years")
    load, left = planned["load_kva"], planned["rating_kva"] - planned["limit_kva"]
    margins = {
        first + n: (left - load.where(load <= 0, load * (1 + growth) ** n)).min()
        for n in range(horizon + 1)
    }
    return pd.Series(margins, name="margin_kva").rename_axis("year")


def ends_in(margin_kva: pd.Series) -> int | None:
    """Return the first year in which terms no longer protect; None if not within the horizon.

    Examples
    --------
    >>> ends_in(pd.Series([5.0, 1.0, -2.0], index=[2025, 2026, 2027]))
    2027
    """
    failed = margin_kva.index[margin_kva < -1e-9]
    return int(failed[0]) if len(failed) else None
