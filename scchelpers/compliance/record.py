"""What the metered import of a site shows: the meter's own faults, excursions, months and trend.

A judged record is a table, a row an interval: import, limit, and how far one lies above the other.
What is missing is missing: it counts neither as kept nor as exceeded.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from scchelpers import timebase
from scchelpers.faults import UserError
from scchelpers.register import Terms, limit_over
from scchelpers.timebase import clock, naive_utc, utc_index

# Depth as a share of the capacity agreed, and length [min]: where a class begins. Conventions of
# this workbook; the two add up to the severity.
DEEP, LONG = (0.10, 0.30), (30.0, 120.0)
SEVERITIES = ("slight", "marked", "grave")
ROUNDING_KW = 0.1  # of a meter that prints one decimal
_MOST_TOLERANCE = 0.1
# Least share of the limited time that must be judged before terms count as kept.
SHOWN = 0.95
_LEAST_MONTHS = 6  # for a trend
_STUCK = pd.Timedelta("24h")  # of one value that is not 0
_DEAD = pd.Timedelta("6h")  # of zero while cars charge
_FALSE = 0.15  # by so much may metered and expected energy differ from a plain factor
# Factor of metered to expected energy -> fault.
_FACTORS = {
    1000.0: "watts read as kilowatts",
    0.001: "megawatts read as kilowatts",
    2.0: "counted twice",
    0.5: "half-hourly energy read as power",
}
# Faults that take out a span; any other leaves nothing to judge.
_SPANS = ("meter stuck", "meter dead")


# --- the meter, before any excursion


def expected_kwh(
    sessions: pd.DataFrame, import_kw: xr.DataArray, residual_kw: xr.DataArray | None = None
) -> float:
    """Return the energy that the meter ought to have read where it read anything [kWh].

    Parameters
    ----------
    sessions : pandas.DataFrame
        Sessions of the site.
    import_kw : xarray.DataArray
        The record [kW].
    residual_kw : xarray.DataArray, optional
        Other load, where the meter is the site's [kW].

    Returns
    -------
    float
        NaN where less than 200 sessions or half of the record tell.
    """
    known = np.isfinite(import_kw.to_numpy())
    begin, end = import_kw["time"].to_numpy()[[0, -1]]
    plug_in = naive_utc(sessions["plug_in"]) if len(sessions) else np.array([], "datetime64[ns]")
    inside = (plug_in >= begin) & (plug_in <= end)
    if inside.sum() < 200 or known.mean() < 0.5:
        return np.nan
    energy = sessions["energy_kwh"].to_numpy()[inside].sum() * known.mean()
    if residual_kw is not None:
        hours = len(known) * (_step(import_kw) / pd.Timedelta("1h"))
        energy += float(residual_kw.sel(time=slice(begin, end)).mean()) * hours * known.mean()
    return float(energy)


def inspect(
    import_kw: xr.DataArray,
    capacity_kw: float,
    *,
    expected: float = np.nan,
    sessions: pd.DataFrame | None = None,
) -> tuple[xr.DataArray, dict[str, str]]:
    """Look for faults of the meter and take out what it cannot have read.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Metered import [kW] over a regular `time`.
    capacity_kw : float
        Capacity agreed [kW], which tells the order of magnitude.
    expected : float
        From `expected_kwh` [kWh]; NaN where not known.
    sessions : pandas.DataFrame, optional
        Sessions, to find zeros while cars charged.

    Returns
    -------
    import_kw : xarray.DataArray
        The record with its stuck and dead spans missing [kW]; all of it where unit or sign are in
        doubt.
    faults : dict of str to str
        Fault to what was seen.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="30min")
    >>> inspect(xr.DataArray([9e4, 7e4, 8e4, 0], {"time": time}, ("time",)), 100.0)[1]
    {'watts read as kilowatts': 'The highest value is 90,000 kW at a capacity of 100 kW.'}
    """
    step = _step(import_kw)
    value = import_kw.to_numpy().astype(float)
    known = value[np.isfinite(value)]
    if not len(known):
        return import_kw, {"missing": "The record holds no value."}
    step_h = step / pd.Timedelta("1h")
    faults: dict[str, str] = {}
    if known.sum() < 0 and (known < 0).sum() > 0.9 * (known != 0).sum():
        faults["sign reversed"] = "Nine values in ten are negative: import is to be positive."
    else:
        faults |= _factor(known, known.sum() * step_h / expected, capacity_kw)
    doubted = np.full(len(value), bool(faults))
    stuck = _repeated(value, _STUCK // step) & (value != 0)
    if stuck.any():
        faults["meter stuck"] = (
            f"One value is repeated for a day or more, {stuck.sum() * step_h:,.0f} hours in all; "
            "taken as missing."
        )
    dead = np.zeros(len(value), dtype=bool)
    if sessions is not None and len(sessions):
        dead = _dead(value, import_kw["time"].to_numpy(), step, sessions)
    if dead.any():
        faults["meter dead"] = (
            f"The meter reads nothing while cars charge, {dead.sum() * step_h:,.0f} hours in all; "
            "taken as missing."
        )
    return import_kw.copy(data=np.where(stuck | dead | doubted, np.nan, value)), faults


def _factor(known: np.ndarray, ratio: float, capacity_kw: float) -> dict[str, str]:
    highest = known.max()
    if highest > 50 * capacity_kw:
        said = f"The highest value is {highest:,.0f} kW at a capacity of {capacity_kw:,.0f} kW."
        return {"watts read as kilowatts": said}
    for factor, fault in _FACTORS.items():
        if np.isfinite(ratio) and abs(ratio / factor - 1) < _FALSE:
            return {fault: f"The metered energy is {ratio:,.3g} times that of the load on record."}
    return {}


def _repeated(value: np.ndarray, least: int) -> np.ndarray:
    """Return where a value is repeated at least so many times on end."""
    edges = np.flatnonzero(np.r_[True, value[1:] != value[:-1]])
    length = np.diff(np.r_[edges, len(value)])
    return np.repeat(length >= max(least, 2), length) & np.isfinite(value)


def _dead(value, time, step: pd.Timedelta, sessions: pd.DataFrame) -> np.ndarray:
    """Return runs of zero in which a session began, ended and took energy."""
    apart = np.where(value == 0, 0.0, np.arange(1, len(value) + 1))
    first, last = _runs((value == 0) & _repeated(apart, _DEAD // step))
    dead = np.zeros(len(value), dtype=bool)
    if not len(first):
        return dead
    wanted = sessions[sessions["energy_kwh"] >= 1.0]
    plug_in, plug_out = naive_utc(wanted["plug_in"]), naive_utc(wanted["plug_out"])
    at = np.searchsorted(time[first], plug_in, side="right") - 1
    ends = time[last - 1] + step.to_timedelta64()
    inside = (at >= 0) & (plug_out <= ends[np.maximum(at, 0)])
    for run in np.unique(at[inside]):
        dead[first[run] : last[run]] = True
    return dead


# --- import against limit


def judge(
    import_kw: xr.DataArray,
    entries: list[Terms],
    *,
    setpoint_kw: xr.DataArray | None = None,
    tolerance: float = 0.01,
) -> pd.DataFrame:
    """Set a record of import against the terms in force, interval by interval.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Metered import [kW] over a regular `time` [UTC]; NaN where missing.
    entries : list of Terms
        Entries of the site, oldest first, as from `Register.terms`. Only those from the last
        change of the averaging time on are judged.
    setpoint_kw : xarray.DataArray, optional
        What was sent, for a scheme whose limit is sent [kW].
    tolerance : float
        Share of the limit granted to the meter, 0 to 0.1, such as 0.01 for class B of EN 50470.

    Returns
    -------
    pandas.DataFrame
        Indexed by `time` [UTC]: import_kw, limit_kw and capacity_kw [kW] (NaN before the first
        entry), above_kw [kW], how far the import lies above the limit (0 where it is kept, NaN
        where import or limit is unknown), and as bool known, above, limited (the limit lies below
        the capacity) and heard (a signal came, or none is needed).

    Raises
    ------
    UserError
        If there are no entries, or the tolerance is out of range.

    Notes
    -----
    A finer record is averaged over whole blocks of the averaging time; a block with a missing
    part is missing.

    See Also
    --------
    coverage, excursions, likely_causes, monthly, verdict

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = judge(folder.import_kw("elm-road-lamps"), entries)
    >>> len(excursions(judged)), verdict(judged, entries[-1].averaging)
    (26, 'not kept')
    """
    entries = judged_entries(entries)
    if not 0 <= tolerance <= _MOST_TOLERANCE:
        raise UserError(f"tolerance = {tolerance}: must be a share from 0 to {_MOST_TOLERANCE}")
    mean_kw = _averaged(import_kw, entries[-1].averaging)
    sent = None if setpoint_kw is None else _averaged(setpoint_kw, _step(mean_kw))
    time = utc_index(mean_kw["time"])
    table = pd.DataFrame(
        {
            "import_kw": mean_kw.to_numpy().astype(float),
            "limit_kw": limit_over(entries, time, setpoint_kw=sent).to_numpy(),
            "capacity_kw": np.nan,
        },
        index=time.rename("time"),
    )
    for terms in entries:
        table.loc[terms.at(time), "capacity_kw"] = terms.capacity_kw
    over = table["import_kw"] - table["limit_kw"]
    kept = table["import_kw"] <= most_metered(table["limit_kw"], tolerance)
    table["above_kw"] = over.where(~kept, 0.0).where(over.notna())
    table["known"] = over.notna()
    table["above"] = table["above_kw"] > 0
    table["limited"] = table["limit_kw"] < table["capacity_kw"] - 1e-6
    table["heard"] = True
    if sent is not None and entries[-1].signalled:
        table["heard"] = np.isfinite(sent.reindex(time=mean_kw["time"]).to_numpy())
    return table


def judged_entries(entries: list[Terms]) -> list[Terms]:
    """Return the entries from the last change of the averaging time on: those judged together."""
    if not entries:
        raise UserError("entries: no registered terms to judge by")
    other = [n for n, terms in enumerate(entries) if terms.averaging != entries[-1].averaging]
    return entries[other[-1] + 1 if other else 0 :]


def most_metered(limit_kw, tolerance: float):
    """Return what may be metered under a limit [kW]: the meter's error and rounding granted."""
    return limit_kw * (1 + tolerance) + ROUNDING_KW


def step_h(judged: pd.DataFrame) -> float:
    """Return the length of an interval of a judged record [h].

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = judge(folder.import_kw("elm-road-lamps"), entries)
    >>> step_h(judged)
    0.5
    """
    return (judged.index[1] - judged.index[0]) / pd.Timedelta("1h")


def _step(series: xr.DataArray) -> pd.Timedelta:
    time = series.get_index("time")
    if len(time) < 2 or len(np.unique(np.diff(time))) > 1:
        raise UserError(f"{series.name}: needs at least two intervals of one length")
    return timebase.step_length(time[1] - time[0])


def _averaged(power_kw: xr.DataArray, averaging: pd.Timedelta) -> xr.DataArray:
    """Return means over blocks of the averaging time; what is coarser, or does not fit, stays."""
    step = _step(power_kw)
    if step >= averaging or averaging % step:
        return power_kw
    blocks = power_kw.to_series().resample(averaging)
    mean = blocks.mean().where(blocks.count() == averaging // step)
    return mean.rename_axis("time").to_xarray()


def excursions(judged: pd.DataFrame) -> pd.DataFrame:
    """Return each excursion: a run of intervals above the limit.

    Parameters
    ----------
    judged : pandas.DataFrame
        From `judge`.

    Returns
    -------
    pandas.DataFrame
        start [UTC], duration_min [min], depth_kw [kW] (the largest), share (of the capacity
        agreed), excess_kwh [kWh], limit_kw [kW] (the lowest), severity of `SEVERITIES`. A missing
        interval ends a run.

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = judge(folder.import_kw("elm-road-lamps"), entries)
    >>> excursions(judged).columns[:3].tolist()
    ['start', 'duration_min', 'depth_kw']
    """
    on = judged["above"]
    rows = judged[on].rename_axis("start").reset_index()
    runs = rows.groupby((on & ~on.shift(fill_value=False)).cumsum()[on].to_numpy())
    hours = step_h(judged)
    table = pd.DataFrame(
        {
            "start": runs["start"].first(),
            "duration_min": runs.size() * hours * 60.0,
            "depth_kw": runs["above_kw"].max(),
            "share": runs["above_kw"].max() / runs["capacity_kw"].first(),
            "excess_kwh": runs["above_kw"].sum() * hours,
            "limit_kw": runs["limit_kw"].min(),
        }
    ).reset_index(drop=True)
    deep = np.searchsorted(DEEP, table["share"], side="right")
    score = deep + np.searchsorted(LONG, table["duration_min"], side="left")
    severity = np.array(SEVERITIES)[np.clip(score - 1, 0, 2)]
    return table.assign(severity=pd.Categorical(severity, SEVERITIES, ordered=True))


def coverage(judged: pd.DataFrame) -> pd.Series:
    """Return how much of the time in force was judged.

    Returns
    -------
    pandas.Series
        known_share (of all intervals in force), limited_share (of those with a limit below the
        capacity; NaN where there are none), missing_h [h], in_force_h [h].

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = judge(folder.import_kw("elm-road-lamps"), entries)
    >>> coverage(judged)["known_share"].round(2).item()
    1.0
    """
    in_force = judged[judged["capacity_kw"].notna()]
    return pd.Series(
        {
            "known_share": in_force["known"].mean(),
            "limited_share": in_force.loc[in_force["limited"], "known"].mean(),
            "missing_h": float((~in_force["known"]).sum() * step_h(judged)),
            "in_force_h": float(len(in_force) * step_h(judged)),
        }
    )


def verdict(judged: pd.DataFrame, averaging: pd.Timedelta) -> str:
    """Return "kept", "not kept" or "not shown"; what is missing never counts as kept.

    Parameters
    ----------
    judged : pandas.DataFrame
        From `judge`.
    averaging : pandas.Timedelta
        Of the terms: intervals longer than it show an excursion, but never that terms were kept.

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = judge(folder.import_kw("elm-road-lamps"), entries)
    >>> verdict(judged, pd.Timedelta("30min"))
    'not kept'
    """
    if judged["above"].any():
        return "not kept"
    shares = coverage(judged)[["known_share", "limited_share"]].dropna()
    coarse = pd.Timedelta(hours=step_h(judged)) > averaging
    enough = len(shares) and (shares >= SHOWN).all() and not coarse
    return "kept" if enough else "not shown"


def monthly(judged: pd.DataFrame, timezone: str) -> pd.DataFrame:
    """Return each local month of a record.

    Returns
    -------
    pandas.DataFrame
        Indexed by the month's first day: judged_h [h] (of the time in which the limit could be
        broken: limited time where there is any), missing_h [h] of the same, above_h [h],
        excess_kwh [kWh], deepest_kw [kW] and above_share (above_h over judged_h; NaN where
        nothing was judged).

    Examples
    --------
    >>> from scchelpers import register
    >>> from scchelpers.portfolio import Portfolio
    >>> folder = Portfolio.open("data/demo")
    >>> entries = register.read(folder).terms("elm-road-lamps")
    >>> judged = judge(folder.import_kw("elm-road-lamps"), entries)
    >>> len(monthly(judged, "Europe/London"))
    12
    """
    in_force = judged[judged["capacity_kw"].notna()]
    tested = in_force["limited"] if in_force["limited"].any() else True
    hours = step_h(judged)
    parts = pd.DataFrame(
        {
            "judged_h": (in_force["known"] & tested) * hours,
            "missing_h": (~in_force["known"] & tested) * hours,
            "above_h": in_force["above"] * hours,
            "excess_kwh": in_force["above_kw"].fillna(0.0) * hours,
            "deepest_kw": in_force["above_kw"].fillna(0.0),
        }
    )
    months = clock(in_force.index, timezone).tz_localize(None).to_period("M").to_timestamp()
    grouped = parts.groupby(months.rename("month"))
    table = grouped.sum().assign(deepest_kw=grouped["deepest_kw"].max())
    share = table["above_h"] / table["judged_h"].where(table["judged_h"] > 0)
    return table.assign(above_share=share.clip(upper=1.0))


def trend(months: pd.DataFrame, level: float = 0.9) -> pd.Series:
    """Return whether the limit is exceeded more and more, from the months in which it was tested.

    Parameters
    ----------
    months : pandas.DataFrame
        From `monthly`.
    level : float
        Of the interval.

    Returns
    -------
    pandas.Series
        slope, low and high (change of above_share per year, with its interval), months (those
        that count), word: "rising", "falling", "no clear trend" or "too short to tell".

    Notes
    -----
    Median of the slopes between all pairs of months (Theil 1950, Sen 1968): one bad month makes no
    trend.

    Examples
    --------
    >>> month = pd.date_range("2025-01-01", periods=12, freq="MS")
    >>> months = pd.DataFrame({"judged_h": 100.0, "above_share": np.arange(12) / 100}, month)
    >>> trend(months)["word"]
    'rising'
    """
    known = months["above_share"].dropna()
    if len(known) < _LEAST_MONTHS:
        nothing = dict.fromkeys(("slope", "low", "high"), np.nan)
        return pd.Series({**nothing, "months": len(known), "word": "too short to tell"})
    years = (known.index - known.index[0]).days / timebase.YEAR_DAYS
    slope, _, low, high = stats.theilslopes(known.to_numpy(), years, level)
    word = "rising" if low > 0 else "falling" if high < 0 else "no clear trend"
    return pd.Series({"slope": slope, "low": low, "high": high, "months": len(known), "word": word})


def _runs(on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first index of each run, and the first after it."""
    edges = np.flatnonzero(np.diff(np.r_[False, on, False].astype(int)))
    return edges[::2], edges[1::2]
