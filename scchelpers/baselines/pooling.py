"""How error and the chance of a zero fall when chargepoints or sites are pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.baselines.days import Days, actual, aligned, by_day
from scchelpers.baselines.matching import estimate_all, event_mean
from scchelpers.baselines.scores import score
from scchelpers.charging import uncontrolled
from scchelpers.site import Site

_FEWEST_EVENTS = 20
FARTHEST = 10  # times the members on record, beyond which no fit is believed
_LADDER = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80, 100)


def members(power_kw: xr.DataArray, days: Days, share: float = 0.8) -> list[np.ndarray]:
    """Return the demand of each chargepoint that was on record most of the time.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse); NaN where not on record.
    days : Days
        Layout of the site's record.
    share : float
        Least share of the record.

    Returns
    -------
    list of numpy.ndarray over (day, half hour) [kW]

    Examples
    --------
    >>> from scchelpers import baselines
    >>> time = pd.date_range("2025-01-06", periods=48 * 7, freq="30min")
    >>> kw = xr.DataArray(np.ones((48 * 7, 2)), {"time": time}, ("time", "evse"))
    >>> [one.shape for one in members(kw, baselines.by_day(kw.sum("evse")))]
    [(7, 48), (7, 48)]
    """
    found = []
    for evse in range(power_kw.sizes.get("evse", 0)):
        kw = aligned(power_kw.isel(evse=evse), days).kw
        if np.isfinite(kw).mean() >= share * np.isfinite(days.kw).mean():
            found.append(kw)
    return found


def site_days(site: Site, *, calendar: str = "auto") -> Days:
    """Return the demand of a whole site by local day, missing where its sessions are not known.

    Parameters
    ----------
    site : Site
        With sessions.
    calendar : str
        As `by_day` takes it.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site_days(Portfolio.open("data/demo").site("village-hall")).kw.shape
    (365, 48)
    """
    known = site.known("sessions").half_hours
    if known.empty:
        nothing = xr.DataArray(np.empty(0), {"time": known.index.to_numpy()}, ("time",))
        return by_day(nothing, timezone=site.timezone, calendar=calendar)
    power_kw = uncontrolled(site.sessions, chargepoints=site.chargepoints).to_series()
    # Where sessions are known and none was, nothing was drawn; elsewhere nobody can say.
    drawn_kw = power_kw.reindex(known.index, fill_value=0.0).where(known).rename_axis("time")
    return by_day(drawn_kw.to_xarray(), timezone=site.timezone, calendar=calendar)


def shared(records: Sequence[Days], least_days: int = 90) -> tuple[Days | None, list[np.ndarray]]:
    """Return the records of the sites that overlap with the first, on the days they share.

    Parameters
    ----------
    records : sequence of Days
        The first is the site of the report.
    least_days : int
        A site that shares fewer days with it is left out.

    Returns
    -------
    days : Days or None
        Layout of the shared days.
    members : list of numpy.ndarray over (day, half hour) [kW]

    Examples
    --------
    >>> from scchelpers import baselines
    >>> time = pd.date_range("2025-01-06", periods=48 * 100, freq="30min")
    >>> days = baselines.by_day(xr.DataArray(np.ones(48 * 100), {"time": time}))
    >>> layout, found = shared([days, days])
    >>> len(found), found[0].shape
    (2, (101, 48))
    """
    first, last = records[0].first, records[0].first + pd.Timedelta(days=len(records[0]))
    kept = []
    for days in records:
        begin, end = max(first, days.first), min(last, days.first + pd.Timedelta(days=len(days)))
        if (end - begin).days >= least_days:
            first, last = begin, end
            kept.append(days)
    if not kept:
        return None, []
    cut = [days.kw[(first - days.first).days : (last - days.first).days] for days in kept]
    return Days(cut[0], first, records[0].timezone, records[0].calendar), cut


def pooling_curve(
    layout: Days | None,
    kw: Sequence[np.ndarray],
    events: pd.DataFrame,
    rules: Sequence[str],
    *,
    samples: int = 12,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure rules on sums of random groups of every size.

    Parameters
    ----------
    layout : Days
        What days the rows of `kw` are.
    kw : sequence of numpy.ndarray over (day, half hour) [kW]
        Members; a group is on record where all its members are.
    events : pandas.DataFrame
        Placebo events; those outside the layout are passed over.
    rules : sequence of str
        Names in `RULES`.
    samples : int
        Random groups of each size, drawn without replacement.
    seed : int
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        Indexed by (rule, size), medians over groups: rrmse, zero_share, and half_there, the share
        of events with at least half of the baseline. Groups with fewer than 20 events are left out.

    Examples
    --------
    >>> from scchelpers import baselines
    >>> time = pd.date_range("2025-01-06", periods=48 * 84, freq="30min")
    >>> days = baselines.by_day(xr.DataArray(np.full(48 * 84, 8.0), {"time": time}))
    >>> events = baselines.schedule(days, "17:00", 1.0)
    >>> curve = pooling_curve(days, [days.kw, days.kw], events, ["bl01"])
    >>> curve["rrmse"].tolist()  # nothing varies
    [0.0, 0.0]
    """
    columns = ["rrmse", "zero_share", "half_there"]
    names = ["rule", "size"]
    if layout is None or not kw or events.empty:
        return pd.DataFrame(columns=columns, index=pd.MultiIndex.from_tuples([], names=names))
    events = events[events["day"].isin(layout.dates)].reset_index(drop=True)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(kw)) for _ in range(samples)]
    rows = []
    for size in sorted({n for n in (*_LADDER, len(kw)) if n <= len(kw)}):
        groups = {tuple(sorted(order[:size])) for order in orders}
        for group in sorted(groups):
            total = layout.with_kw(np.sum([kw[k] for k in group], axis=0))
            rows += _measured(total, events, rules, size)
    frame = pd.DataFrame(rows, columns=[*names, "rrmse", "zero_share", "half_there"])
    if frame.empty:
        return pd.DataFrame(columns=columns, index=pd.MultiIndex.from_tuples([], names=names))
    return frame.groupby(names, sort=False).median()


def _measured(days: Days, events: pd.DataFrame, rules: Sequence[str], size: int) -> list[tuple]:
    kw = actual(days, events)
    a = event_mean(kw)
    found = []
    for rule, told in estimate_all(days, events, list(rules)).items():
        b = told.mean_kw
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() >= _FEWEST_EVENTS and a[known].any():
            scores = score(kw, told.baseline_kw)
            half = float((a[known] >= 0.5 * b[known]).mean())
            found.append((rule, size, scores["rrmse"], scores["zero_share"], half))
    return found


def needed(curve: pd.DataFrame, rule: str, rrmse: float = 0.2) -> tuple[float, str]:
    """Return how many members bring the median RRMSE of a rule down to a limit.

    Returns
    -------
    number : float
        Members needed; infinite where the fit says that ten times as many as on record would not
        do, NaN where nothing is known.
    basis : "measured", "extrapolated", "out of reach" or "unknown"
        Extrapolated with RRMSE² = a + b ÷ n, fitted by least squares with a not below 0: what the
        members have in common does not average out.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["bl01"], [1, 4, 16]], names=["rule", "size"])
    >>> needed(pd.DataFrame({"rrmse": [0.8, 0.4, 0.2]}, index), "bl01", rrmse=0.1)
    (64, 'extrapolated')
    """
    if rule not in curve.index.get_level_values("rule"):
        return math.nan, "unknown"
    error = curve.loc[rule, "rrmse"].dropna()
    reached = error.index[error <= rrmse]
    if len(reached):
        return float(reached[0]), "measured"
    if len(error) < 3:
        return math.nan, "unknown"
    n, square = error.index.to_numpy(float), error.to_numpy() ** 2
    b, a = np.polyfit(1 / n, square, 1)
    if a < 0:
        a, b = 0.0, float((square / n).sum() / (1 / n**2).sum())
    number = math.ceil(b / (rrmse**2 - a)) if a < rrmse**2 else math.inf
    if number > FARTHEST * n[-1]:
        return math.inf, "out of reach"
    return max(number, int(n[-1]) + 1), "extrapolated"
