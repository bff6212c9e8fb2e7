"""Coincidence: whether a limit restricts when drivers charge, and whether more than by chance.

The analysis of the distribution network operator (DNO) looks at the limit alone; the customer's
decision hangs on how the limit and the charging meet (Charge Project report, section 8.2). Two
questions are kept apart. *Which days*: the limits of weeks change places among about four that
follow each other, hour kept on hour, so that what they share, the clock and the time of year,
cannot count as coincidence; holidays are like no other day and are not judged. *Which hours* needs
no more than to turn the limit of every day round the clock, and stands in the notebook.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.api as sm
import xarray as xr

from scchelpers import charging, timebase
from scchelpers.baselines.days import CALENDARS, NO_HOLIDAYS, bank_holidays
from scchelpers.charging import ChargingResult
from scchelpers.faults import UserError
from scchelpers.site import Site

_ROUNDING = 1e-9
_LEAST_STRATA = 10  # with a loss, below which an interval of its effect does not hold
_SKIPPED_H = 1.0  # the most that a clock change takes from a day


def known_stays(sessions: pd.DataFrame, limit_kw: xr.DataArray) -> pd.DataFrame:
    """Return the sessions whose whole stay lies where a limit is known.

    Parameters
    ----------
    sessions : DataFrame
        With plug_in and plug_out [UTC].
    limit_kw : DataArray over time [kW]
        Limit on a regular grid, NaN where unknown.

    Examples
    --------
    >>> time = pd.date_range("2026-01-05", periods=4, freq="1h")
    >>> limit_kw = xr.DataArray([5.0, np.nan, 5.0, 5.0], {"time": time}, ("time",))
    >>> plug_in = pd.to_datetime(["2026-01-05T00:30Z", "2026-01-05T02:00Z"])
    >>> stays = pd.DataFrame({"plug_in": plug_in, "plug_out": plug_in + pd.Timedelta("1h")})
    >>> known_stays(stays, limit_kw)["plug_in"].dt.hour.tolist()
    [2]
    """
    start, end = _record(limit_kw)
    time = timebase.utc_index(limit_kw["time"])
    unknown = np.concatenate(([0], np.cumsum(np.isnan(limit_kw.to_numpy()))))
    first = np.maximum(time.searchsorted(sessions["plug_in"], side="right") - 1, 0)
    last = time.searchsorted(sessions["plug_out"], side="left")
    sound = (sessions["plug_in"] >= start) & (sessions["plug_out"] <= end)
    return sessions[sound & (unknown[last] == unknown[first])].reset_index(drop=True)


def charge(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    limit_kw: xr.DataArray,
    requested_kw: float,
    **options,
) -> tuple[ChargingResult, ChargingResult]:
    """Charge sessions under the requested capacity alone, and under the lower of it and a limit.

    Parameters
    ----------
    sessions, chargepoints : DataFrame
        As for `charging.simulate`. Sessions not wholly where the limit is known are left out.
    limit_kw : DataArray over time [kW]
        Limit on a regular grid, NaN where unknown.
    requested_kw : float
        Requested capacity [kW].
    **options
        Of `charging.simulate`, such as step, sharing and release_kw_per_min.

    Returns
    -------
    free, held : ChargingResult
        Of the same sessions on the same time axis, which is the record of the limit.

    See Also
    --------
    known_stays

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> time = {"time": pd.date_range("2024-12-31", "2026-01-02", freq="30min")}
    >>> limit_kw = xr.zeros_like(xr.DataArray(np.empty(len(time["time"])), time)) + 20.0
    >>> free, held = charge(site.sessions, site.chargepoints, limit_kw, site.requested_kw)
    >>> bool(held.sessions["unserved_kwh"].sum() > free.sessions["unserved_kwh"].sum())
    True
    """
    start, end = _record(limit_kw)
    kept = known_stays(sessions, limit_kw)
    # No session that is kept is present where the limit is unknown; there it reads as the capacity.
    span = {"start": start, "end": end, "limit_missing": requested_kw, "limit_after": requested_kw}
    cars = charging.compile_sessions(kept, chargepoints)
    free, held = (
        charging.simulate(cars, kw, **span, **options)
        for kw in (xr.full_like(limit_kw, requested_kw), limit_kw.clip(max=requested_kw))
    )
    return free, held


def limit_on(limit_kw: xr.DataArray, demand_kw: xr.DataArray) -> xr.DataArray:
    """Return a limit [kW] at the times of a demand, NaN where unknown.

    A limit of a finer step is averaged over the steps of the demand, as the demand is.

    Examples
    --------
    >>> time = pd.date_range("2026-01-05", periods=2, freq="1h")
    >>> fine = pd.date_range("2026-01-05", periods=5, freq="30min")
    >>> limit_on(xr.DataArray([5.0, np.nan], {"time": time}, ("time",)),
    ...          xr.DataArray(np.zeros(5), {"time": fine}, ("time",))).values.tolist()
    [5.0, 5.0, nan, nan, nan]
    """
    time, wanted = limit_kw.get_index("time"), demand_kw.get_index("time")
    if time[1] - time[0] < (step := wanted[1] - wanted[0]):
        parts = limit_kw.to_series().resample(step)
        whole = parts.mean().where(parts.count() == parts.size())
        return whole.reindex(wanted).rename_axis("time").to_xarray()
    within = time[1] - time[0] - pd.Timedelta("1ns")
    return limit_kw.reindex(
        time=demand_kw["time"], method="ffill", tolerance=within.to_timedelta64()
    )


def borrowed(share: xr.DataArray, site: Site, own_zone: str) -> xr.DataArray:
    """Return a limit of another site for this one, moved to its years and clock where they differ.

    Parameters
    ----------
    share : DataArray over time
        Limit as a share of the capacity it is of, on a regular grid.
    site : Site
        Site with sessions that is to meet it.
    own_zone : str
        Zone of the limit's clock.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> year = pd.date_range("2024-12-30", "2026-01-05", freq="30min")
    >>> share = xr.DataArray(np.ones(len(year)), {"time": year}, ("time",))
    >>> float(borrowed(share, site, "Europe/London").mean())
    1.0
    """
    times = timebase.utc_index(share["time"])
    middle = site.sessions["plug_in"].median()
    if site.timezone == own_zone and times[0] <= middle < times[-1]:
        return share
    step = times[1] - times[0]
    start = timebase.day_start([site.sessions["plug_in"].min()], site.timezone)[0]
    time = timebase.grid(start, site.sessions["plug_out"].max() + step, step)
    return transferred(share, time, from_zone=own_zone, to_zone=site.timezone)


def transferred(
    limit_kw: xr.DataArray, time, *, from_zone: str = timebase.LONDON, to_zone: str
) -> xr.DataArray:
    """Move a limit to other years: by whole weeks, hour of the clock on hour of the clock.

    Weekdays and the clock are kept, seasons to within half a week. The result is a scenario: the
    place and the years of the limit are not those of the charging.

    Parameters
    ----------
    limit_kw : DataArray over time [kW]
        Limit on a regular grid.
    time : DataArray, DatetimeIndex or array of datetime64
        Starts of intervals [UTC] to which the limit is moved, in order.
    from_zone, to_zone : str
        Zones of the limit's clock and of the other.

    Returns
    -------
    DataArray over time [kW]
        NaN where the limit's record does not reach; `attrs["weeks"]`, the shift.

    Examples
    --------
    >>> source = pd.date_range("2025-01-01", "2025-12-31T23:30", freq="30min")
    >>> limit = xr.DataArray(source.hour + 0.0, {"time": source}, "time")
    >>> moved = transferred(limit, pd.DatetimeIndex(["2019-07-03T20:00Z"]),
    ...                     to_zone="America/Los_Angeles")
    >>> moved.values.tolist(), moved.attrs["weeks"]  # 13:00 there; 13:00 in London is 12:00 UTC
    ([12.0], 313)
    """
    instants = timebase.utc_index(time)
    source = timebase.utc_index(limit_kw["time"])
    step = source[1] - source[0]
    middle = (source[0] - instants[0] + (source[-1] - instants[-1])) / 2
    years = round(middle / pd.Timedelta(days=timebase.YEAR_DAYS))
    weeks = round(years * timebase.YEAR_DAYS / 7)
    there = timebase.clock(instants, to_zone).tz_localize(None) + pd.Timedelta(weeks=weeks)
    moved, _ = timebase.from_clock(there, from_zone)
    known = limit_kw.to_series().tz_localize("UTC")
    found = known.reindex(moved, method="ffill", tolerance=step - pd.Timedelta("1ns"))
    return xr.DataArray(
        found.to_numpy(),
        {"time": timebase.naive_utc(instants)},
        ("time",),
        "limit_kw",
        {"units": "kW", "long_name": "limit", "weeks": weeks},
    )


def by_day(
    demand_kw: xr.DataArray, limit_kw: xr.DataArray, *, timezone: str = timebase.LONDON
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return demand and limit as tables of local days by time of the clock.

    Parameters
    ----------
    demand_kw, limit_kw : DataArray over time [kW]
        At the same times, on a regular grid.
    timezone : str
        Zone of the clock.

    Returns
    -------
    demand, limit : DataFrame, a row a local day, a column an interval of the clock [kW]
        NaN where unknown, in the whole of a day of which more than an hour is not on record. Where
        the clock skips an hour the limit of the time before is held and nothing is wanted; the hour
        that comes twice in autumn counts once, as the mean of both.

    Raises
    ------
    UserError
        If the times differ.

    See Also
    --------
    effect, swapped

    Examples
    --------
    >>> time = pd.date_range("2025-01-06", periods=96, freq="30min")
    >>> demand = xr.DataArray(np.ones(96), {"time": time})
    >>> of_demand, of_limit = by_day(demand, demand * 0.5)
    >>> of_demand.shape, of_limit.to_numpy().max().item()
    ((2, 48), 0.5)
    """
    if not demand_kw.get_index("time").equals(limit_kw.get_index("time")):
        raise UserError("demand_kw and limit_kw: must have the same times")
    local = timebase.clock(demand_kw["time"], timezone).tz_localize(None)
    step = pd.Timedelta(np.diff(demand_kw["time"].to_numpy()[:2])[0])
    slots = int(pd.Timedelta("1D") / step)
    day, row = np.unique(local.normalize(), return_inverse=True)
    cell = row * slots + ((local - local.normalize()) // step).to_numpy()
    many = np.bincount(cell, minlength=len(day) * slots).reshape(len(day), slots)
    demand, limit = (
        np.bincount(cell, x.to_numpy(), many.size).reshape(many.shape) / np.maximum(many, 1)
        for x in (demand_kw, limit_kw)
    )
    before = pd.DataFrame(np.where(many > 0, limit, np.nan)).ffill(axis=1).to_numpy()
    limit = np.where(many > 0, limit, before)
    limit[(many == 0).sum(axis=1) * (step / pd.Timedelta("1h")) > _SKIPPED_H] = np.nan
    index = pd.DatetimeIndex(day, name="day")
    columns = pd.timedelta_range("0h", periods=slots, freq=step, name="clock")
    return pd.DataFrame(demand, index, columns), pd.DataFrame(limit, index, columns)


def weeks(
    days: pd.DatetimeIndex, *, timezone: str = timebase.LONDON, width: int = 4
) -> pd.DataFrame:
    """Return the week of each local day, and the stratum within which weeks change places.

    Parameters
    ----------
    days : DatetimeIndex
        Local days on record, in order.
    timezone : str
        Zone, whose bank holidays count where they are known.
    width : int
        Weeks of a stratum, about.

    Returns
    -------
    DataFrame by day
        week, from Monday, in two parts where a new season begins within it; stratum, about `width`
        such weeks of one season that follow each other, those with a holiday apart; holiday, of a
        bank holiday and of the days from Christmas Eve to New Year's Day, which have no like day.

    Examples
    --------
    >>> found = weeks(pd.date_range("2025-12-01", "2026-01-31"))
    >>> found.loc["2025-12-22":"2025-12-25", "holiday"].tolist()
    [False, False, True, True]
    >>> found["week"].nunique(), found["stratum"].nunique()  # the middle one of the holidays
    (9, 3)
    """
    calendar = CALENDARS.get(timezone, NO_HOLIDAYS)
    feast = ((days.month == 12) & (days.day >= 24)) | ((days.month == 1) & (days.day == 1))
    frame = pd.DataFrame(index=days)
    frame["monday"] = days - pd.to_timedelta(days.day_of_week, unit="D")
    season = pd.Series(days.month, days).map(timebase.SEASONS)
    frame["season"] = (season != season.shift()).cumsum()
    frame["holiday"] = days.isin(bank_holidays(calendar, days.year.unique())) | feast
    frame["week"] = frame.groupby(["season", "monday"]).ngroup()
    apart = frame.groupby("week")["holiday"].transform("any")
    by_season = frame.groupby("season")["week"]
    many, place = by_season.transform("nunique"), frame["week"] - by_season.transform("min")
    groups = (many / width).round().clip(lower=1)
    part = (place * groups // many).astype(int)
    frame["stratum"] = frame.groupby(["season", part, apart]).ngroup()
    return frame[["week", "stratum", "holiday"]]


def swapped(
    demand: pd.DataFrame,
    limit: pd.DataFrame,
    calendar: pd.DataFrame,
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    permutations: int = 9999,
    seed: int = 0,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return what is lost under each week's own limit, and where limits change places.

    Parameters
    ----------
    demand, limit : DataFrame
        From `by_day` [kW].
    calendar : DataFrame
        From `weeks`, of the same days.
    loss : callable
        Of demand and limit [kW], arrays that broadcast: what is lost [kW]. NaN where one is NaN.
    permutations : int
        Random orders of the weeks of each stratum.
    seed : int
        Of these.

    Returns
    -------
    strata : DataFrame
        By stratum: weeks; days judged, which are known and have a like day in another week;
        own_kwh, lost as it was; expected_kwh, the mean under the limits of the other weeks [kWh].
    chance_kwh : ndarray over permutation [kWh]
        Lost in all under each order.

    Notes
    -----
    Weekday stands for weekday and hour for hour. Where the limit of a day is unknown in the week
    that comes in its place, the mean of the other weeks stands in, so that part-weeks stay.

    Examples
    --------
    >>> day = pd.date_range("2026-06-01", periods=14)  # two weeks
    >>> noon = pd.timedelta_range("0h", periods=1, freq="24h")
    >>> demand = pd.DataFrame({noon[0]: [6.0] * 7 + [8.0] * 7}, day)
    >>> limit = pd.DataFrame({noon[0]: [5.0] * 7 + [10.0] * 7}, day)
    >>> strata, _ = swapped(demand, limit, weeks(day), lambda d, l: np.maximum(d - l, 0))
    >>> strata[["own_kwh", "expected_kwh"]].values.tolist()  # 7 x 1 kW and 7 x 3 kW, 24 h each
    [[168.0, 504.0]]
    """
    clock_h = demand.columns / pd.Timedelta("1h")
    step_h = float(clock_h[1] - clock_h[0]) if len(clock_h) > 1 else 24.0
    rng = np.random.default_rng(seed)
    rows, chance_kwh = [], np.zeros(permutations)
    for stratum, own in calendar[~calendar["holiday"]].groupby("stratum"):
        order = own["week"].unique()
        shape = (len(order), 7, len(clock_h))
        want, left = np.full(shape, np.nan), np.full(shape, np.nan)
        place = np.searchsorted(order, own["week"]), own.index.day_of_week
        want[place], left[place] = demand.reindex(own.index), limit.reindex(own.index)
        # Lost by the week that wants under the week that limits, by weekday.
        pair = loss(want[:, None], left[None]).sum(axis=-1) * step_h
        known, other = np.isfinite(pair), ~np.eye(len(order), dtype=bool)[:, :, None]
        others = (known & other).sum(axis=1)
        mean = np.where(known & other, pair, 0.0).sum(axis=1) / np.maximum(others, 1)
        judged = np.einsum("iip->ip", known) & (others > 0)
        filled = np.where(known, pair, mean[:, None])
        by_week = np.where(judged[:, None], filled, 0.0).sum(axis=-1)
        expected_kwh = (mean * judged).sum()
        rows.append((stratum, len(order), judged.sum(), by_week.trace(), expected_kwh))
        turn = rng.permuted(np.tile(np.arange(len(order)), (permutations, 1)), axis=1)
        chance_kwh += by_week[np.arange(len(order)), turn].sum(axis=1)
    names = ["stratum", "weeks", "days", "own_kwh", "expected_kwh"]
    return pd.DataFrame(rows, columns=names).set_index("stratum"), chance_kwh


def effect(strata: pd.DataFrame, chance_kwh: np.ndarray) -> pd.Series:
    """Measure by how much a loss differs from that under other weeks' limits, and test it.

    Parameters
    ----------
    strata, chance_kwh : DataFrame, ndarray
        From `swapped`.

    Returns
    -------
    Series
        own_kwh and expected_kwh [kWh]; days judged; ratio of the two, with low and high of its
        90 % interval; p, the chance of as much or as little if weeks had changed places, both sides
        together. Ratio and interval are NaN where fewer than ten strata lose anything, and with
        them p where all orders of the weeks lose the same.

    Notes
    -----
    Poisson regression of what a stratum lost on what it was expected to, with a variance that is
    taken from the strata themselves (HC3) and Student's t. `benchmarks/README.md` has its
    coverage, and the false alarms and power of the test.

    Examples
    --------
    >>> strata = pd.DataFrame({"days": 20, "own_kwh": [11.0, 12, 9, 12, 11, 13, 10, 12, 11, 11],
    ...                        "expected_kwh": 10.0})
    >>> effect(strata, np.arange(90.0, 110)).round(2).to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'own_kwh': 112.0, 'expected_kwh': 100.0, 'days': 200.0, 'ratio': 1.12, 'low': 1.06,
     'high': 1.18, 'p': 0.1}
    """
    own_kwh, expected_kwh = (float(strata[name].sum()) for name in ("own_kwh", "expected_kwh"))
    found = {"own_kwh": own_kwh, "expected_kwh": expected_kwh, "days": float(strata["days"].sum())}
    found |= dict.fromkeys(("ratio", "low", "high", "p"), np.nan)
    if not len(chance_kwh) or np.ptp(chance_kwh) <= _ROUNDING * max(own_kwh, 1.0):
        return pd.Series(found)
    found["p"] = _two_sided(own_kwh, chance_kwh)
    told = strata[strata["expected_kwh"] > _ROUNDING]
    if (told["own_kwh"] > _ROUNDING).sum() >= _LEAST_STRATA:
        counted = sm.GLM(
            told["own_kwh"].to_numpy(),
            np.ones(len(told)),
            exposure=told["expected_kwh"].to_numpy(),
            family=sm.families.Poisson(),
        ).fit(cov_type="HC3", use_t=True)
        found["ratio"] = np.exp(counted.params[0])
        found["low"], found["high"] = np.exp(counted.conf_int(alpha=0.1)[0])
    return pd.Series(found)


def _two_sided(observed: float, chance: np.ndarray) -> float:
    """Return the chance of a result at least as far to its side as the one observed, doubled."""
    slack = _ROUNDING * max(abs(observed), 1.0)
    more, less = (
        (1 + (side >= -slack).sum()) / (1 + len(chance))
        for side in (chance - observed, observed - chance)
    )
    return min(1.0, 2 * float(min(more, less)))


def _record(limit_kw: xr.DataArray) -> tuple[pd.Timestamp, pd.Timestamp]:
    time = timebase.utc_index(limit_kw["time"])
    return time[0], time[-1] + (time[1] - time[0])
