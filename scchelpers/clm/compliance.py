"""Rules in the manner of EREC G100: which excursions are recorded, counted, or lock a site out.

The document itself was not at hand: the numbers are those that a network operator's pages, makers
and an open controller give, and each is a parameter. Where they differ, `SOURCES` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import checked_latency, step_of
from scchelpers.faults import UserError

_SECOND, _DAY = pd.Timedelta("1s"), pd.Timedelta("1D")

_FAR = pd.Timestamp.max.tz_localize("UTC").floor("D")


@dataclass(frozen=True)
class Rules:
    """Rules of import limitation; the defaults are for a non-domestic site.

    Attributes
    ----------
    act_within_s : float
        A reduction must have begun [s].
    typical_within_s, back_within_s : float
        The import is back at or below the limit: usually, and at the latest [s].
    counted_from_s : float
        An excursion this long counts; a shorter one is only recorded [s].
    lockout_above_s : float
        A longer one locks the site out [s].
    pair_within_min : float
        Two counted excursions that begin within this time lock the site out [min].
    day_count : int
        So many counted excursions within 24 hours lock the site out.
    lockout_h : float
        Time to the automatic reset [h].
    self_resets : int, optional
        Automatic resets allowed within `resets_days`, after which an installer must come; None for
        no bound.
    resets_days : float
        [days].

    Examples
    --------
    >>> Rules(lockout_h=8.0).lockout_h
    8.0
    """

    act_within_s: float = 5.0
    typical_within_s: float = 15.0
    back_within_s: float = 60.0
    counted_from_s: float = 15.0
    lockout_above_s: float = 60.0
    pair_within_min: float = 10.0
    day_count: int = 3
    lockout_h: float = 4.0
    self_resets: int | None = None
    resets_days: float = 30.0

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value >= 0:
                raise UserError(f"{field.name} = {value}: must be 0 or more")
        if not self.counted_from_s <= self.lockout_above_s:
            raise UserError(
                f"counted_from_s = {self.counted_from_s}: must not be above "
                f"lockout_above_s = {self.lockout_above_s}"
            )


def meets_g100(latency: str | pd.Timedelta, rules: Rules | None = None) -> bool:
    """Return whether a loop of a response time is as quick as EREC G100 asks.

    Parameters
    ----------
    latency : str or Timedelta
        From the reading of the meter to the cars having followed.
    rules : Rules, optional
        By default 15 s typically and 60 s at most: a loop that usually needs its response time
        must keep the first.

    Examples
    --------
    >>> meets_g100("15s"), meets_g100("30s")
    (True, False)
    """
    rules = rules or Rules()
    return checked_latency(latency) / _SECOND <= min(rules.typical_within_s, rules.back_within_s)


def judge(excursions: pd.DataFrame, rules: Rules | None = None) -> pd.DataFrame:
    """Return what the rules make of each excursion, in order of time.

    Parameters
    ----------
    excursions : pandas.DataFrame
        start [UTC], duration_min [min] and depth_kw [kW], in order, as from `clm.excursions`.
    rules : Rules, optional
        By default those of a non-domestic site.

    Returns
    -------
    pandas.DataFrame
        The excursions with `state`, one of "recorded", "counted", "lock-out" and "locked out" (it
        begins while the chargepoints are off, and cannot be theirs); `reason`; and for a lock-out
        locked_from and locked_until [UTC; NaT where an installer must come] and `reset`,
        "automatic" or "installer".

    Notes
    -----
    A lock-out begins when its condition is met: `lockout_above_s` into a long excursion,
    `counted_from_s` into one that counts once too often. Counted excursions are forgotten at the
    reset. A limit is met in every state, as the chargepoints stop.

    Examples
    --------
    >>> runs = pd.DataFrame({
    ...     "start": pd.to_datetime(["2026-01-01T00:00Z", "2026-01-01T00:05Z"]),
    ...     "duration_min": [20 / 60, 20 / 60], "depth_kw": 5.0})
    >>> judge(runs)[["state", "reason"]].values.tolist()
    [['counted', '15 s or more'], ['lock-out', '2 counted in 10 min']]
    """
    rules = rules or Rules()
    if not excursions["start"].is_monotonic_increasing:
        raise UserError("excursions, start: must be in order of time")
    counted: list[pd.Timestamp] = []
    resets: list[pd.Timestamp] = []
    locked_until = None
    rows = []
    for start, minutes in zip(excursions["start"], excursions["duration_min"], strict=True):
        row = {"state": "locked out", "reason": "begins in a lock-out", "reset": ""}
        if locked_until is None or start >= locked_until:
            seconds = round(minutes * 60, 6)
            if seconds >= rules.counted_from_s:
                counted.append(start)
            row |= _state(start, seconds, counted, rules)
            if row["state"] == "lock-out":
                row |= _lockout(row["locked_from"], resets, rules)
                locked_until = row["locked_until"] if row["reset"] == "automatic" else _FAR
                counted.clear()
        rows.append(row)
    columns = ["state", "reason", "locked_from", "locked_until", "reset"]
    verdict = pd.DataFrame(rows, index=excursions.index, columns=columns)
    for name in ("locked_from", "locked_until"):
        verdict[name] = pd.to_datetime(verdict[name], utc=True)
    return pd.concat([excursions, verdict], axis=1)


def _state(start: pd.Timestamp, seconds: float, counted: list[pd.Timestamp], rules: Rules) -> dict:
    """Return state and reason of one excursion; the first line of the table that applies."""
    pair, long = f"2 counted in {rules.pair_within_min:g} min", f"over {rules.lockout_above_s:g} s"
    in_pair = sum(start - one < pd.Timedelta(minutes=rules.pair_within_min) for one in counted)
    in_day = sum(start - one < _DAY for one in counted)
    counts = seconds >= rules.counted_from_s
    at_count, at_length = rules.counted_from_s * _SECOND, rules.lockout_above_s * _SECOND
    table = (
        (counts and in_pair >= 2, "lock-out", pair, at_count),
        (counts and in_day >= rules.day_count, "lock-out", f"{in_day} counted in 24 h", at_count),
        (seconds > rules.lockout_above_s, "lock-out", long, at_length),
        (counts, "counted", f"{rules.counted_from_s:g} s or more", None),
        (True, "recorded", f"under {rules.counted_from_s:g} s", None),
    )  # fmt: skip
    state, reason, after = next(line[1:] for line in table if line[0])
    return {"state": state, "reason": reason} | ({"locked_from": start + after} if after else {})


def _lockout(begins: pd.Timestamp, resets: list[pd.Timestamp], rules: Rules) -> dict:
    recent = [one for one in resets if begins - one < rules.resets_days * _DAY]
    if rules.self_resets is not None and len(recent) >= rules.self_resets:
        return {"locked_until": pd.NaT, "reset": "installer"}
    until = begins + pd.Timedelta(hours=rules.lockout_h)
    resets.append(until)
    return {"locked_until": until, "reset": "automatic"}


def summary(judged: pd.DataFrame, end: pd.Timestamp) -> pd.Series:
    """Return how many excursions fell in each state, and for how long the site was locked out.

    Parameters
    ----------
    judged : pandas.DataFrame
        From `judge`.
    end : pandas.Timestamp
        End of the record [UTC], to which a lock-out lasts that an installer must reset.

    Returns
    -------
    pandas.Series
        recorded, counted, lock_outs, installer_visits and locked_h [h]. An excursion that locks
        the site out is a lock-out only.

    Examples
    --------
    >>> start = pd.to_datetime(["2026-01-01T08:00Z"])
    >>> judged = judge(pd.DataFrame({"start": start, "duration_min": [0.5]}))
    >>> summary(judged, start[0] + pd.Timedelta("1D"))[["counted", "lock_outs"]].tolist()
    [1.0, 0.0]
    """
    states = judged["state"].value_counts()
    until = judged["locked_until"].fillna(end).clip(upper=end)
    locked = (until - judged["locked_from"]).dropna().clip(lower=pd.Timedelta(0))
    return pd.Series(
        {
            "recorded": states.get("recorded", 0),
            "counted": states.get("counted", 0),
            "lock_outs": states.get("lock-out", 0),
            "installer_visits": int((judged["reset"] == "installer").sum()),
            "locked_h": locked.sum() / pd.Timedelta("1h"),
        }
    )


_READINGS = ("shortest", "as read", "longest")


def _possible_runs(
    import_kw: xr.DataArray, limit_kw: float, swing_kw: float
) -> dict[str, pd.DataFrame]:
    """Return the excursions that interval means allow: the shortest, as read, and the longest."""
    if not swing_kw > 0:
        raise UserError(f"swing_kw = {swing_kw}: must be above 0 kW")
    above_kw = import_kw.to_numpy().astype(float) - limit_kw
    above_kw[np.isnan(above_kw)] = -np.inf
    least = np.clip(above_kw / swing_kw, 0.0, 1.0)
    with np.errstate(divide="ignore"):
        most = np.where(above_kw > 0, 1.0, swing_kw / (swing_kw - above_kw))
    most[above_kw <= -swing_kw] = 0.0
    shares = {"shortest": least, "as read": (above_kw > 0).astype(float), "longest": most}
    step, time = step_of(import_kw), import_kw["time"].to_numpy()
    return {
        name: _runs(share, above_kw, time, step, joined=name == "longest")
        for name, share in shares.items()
    }


def readings(
    import_kw: xr.DataArray, limit_kw: float, swing_kw: float, rules: Rules | None = None
) -> pd.DataFrame:
    """Return what the rules would make of interval means under each reading of them.

    Parameters
    ----------
    import_kw : xarray.DataArray
        Mean import [kW] over a regular `time`.
    limit_kw : float
        Limit [kW].
    swing_kw : float
        How far the power within an interval may lie from its mean [kW].
    rules : Rules, optional

    Returns
    -------
    pandas.DataFrame
        Indexed by reading ("shortest", "as read", "longest"): recorded, counted, lock_outs,
        installer_visits, locked_h [h], above_min [min]. `attrs["step_s"]`, `attrs["swing_kw"]`.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1min")
    >>> load = xr.DataArray([80.0, 104.0, 98.0, 80.0], {"time": time}, ("time",))
    >>> readings(load, 100.0, swing_kw=5.0)["above_min"].round(1).to_dict()
    {'shortest': 0.8, 'as read': 1.0, 'longest': 1.7}
    """
    step = step_of(import_kw)
    end = pd.Timestamp(import_kw["time"].to_numpy()[-1], tz="UTC") + step
    rows = {}
    for name, runs in _possible_runs(import_kw, limit_kw, swing_kw).items():
        found = summary(judge(runs, rules), end)
        rows[name] = {**found, "above_min": runs["duration_min"].sum()}
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("reading")
    whole = ["recorded", "counted", "lock_outs", "installer_visits"]
    frame[whole] = frame[whole].astype(int)
    frame.attrs = {"step_s": step / pd.Timedelta("1s"), "swing_kw": float(swing_kw)}
    return frame


def _runs(share, above_kw, time, step, *, joined: bool) -> pd.DataFrame:
    """Return runs of intervals, each of which is above for a share of its length.

    A stretch goes through intervals that are above throughout. Where it is `joined`, it may begin
    in the one before them and end in the one after.
    """
    rows, k = [], 0
    touched = np.flatnonzero(share > 0)
    while (at := np.searchsorted(touched, k)) < len(touched):
        first = last = int(touched[at])
        while last + 1 < len(share) and share[last + 1] > 0:
            if share[last] < 1 and last > first:
                break
            if not joined and (share[last] < 1 or share[last + 1] < 1):
                break
            last += 1
        inside = slice(first, last + 1)
        late = (1 - share[first]) if last > first else 0.0
        rows.append((time[first] + late * step, share[inside].sum(), above_kw[inside].max()))
        k = last + 1
    columns = ["start", "duration_min", "depth_kw"]
    runs = pd.DataFrame(rows, columns=columns).astype({"start": "datetime64[ns]"})
    runs["start"] = runs["start"].dt.tz_localize("UTC")
    runs["duration_min"] = runs["duration_min"].astype(float) * (step / pd.Timedelta("1min"))
    runs["depth_kw"] = runs["depth_kw"].astype(float)
    return runs
