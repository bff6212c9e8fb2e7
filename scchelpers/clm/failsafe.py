"""Loss of the meter signal or of the hub chargepoint: what each answer to it costs and risks.

Three answers: "hold" the last limit; "fall" to a static limit; "stop" charging. While an outage
has not been noticed every one of them holds. Outages of a sweep are nested: a higher rate has all
the outages of a lower one and more, a longer length begins at the same instants.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.clm.control import checked_latency, step_of
from scchelpers.clm.response import excursions, site_import
from scchelpers.faults import UserError

ANSWERS = ("hold", "fall", "stop")


def outages(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    per_year: float,
    mean_length: str | pd.Timedelta,
    seed: int = 0,
    most_per_year: float | None = None,
) -> pd.DataFrame:
    """Draw outages: they begin at random and last exponentially.

    Parameters
    ----------
    start, end : datetime (UTC)
        Span.
    per_year : float
        Mean number of outages in a year.
    mean_length : str or Timedelta
        Mean length of an outage.
    seed : int
        Seed.
    most_per_year : float, optional
        Highest rate of a sweep, from whose outages these are a part; by default `per_year`.

    Returns
    -------
    pandas.DataFrame
        start and end [UTC], in order; outages that overlap are one.

    Raises
    ------
    UserError
        For a rate below 0 or above the highest, or a length that is none.
    """
    most = per_year if most_per_year is None else most_per_year
    if not 0 <= per_year <= most:
        raise UserError(f"per_year = {per_year}: must be from 0 to {most} outages a year")
    length = checked_latency(mean_length)
    rng = np.random.default_rng(seed)
    first = pd.Timestamp(start).tz_convert("UTC")
    span = pd.Timestamp(end).tz_convert("UTC") - first
    many = rng.poisson(most * (span / pd.Timedelta("365D")))
    place, keep, lasts = rng.random(many), rng.random(many), rng.exponential(size=many)
    chosen = np.flatnonzero(keep * most < per_year)
    chosen = chosen[np.argsort(place[chosen], kind="stable")]
    begins = first + _seconds(place[chosen] * span.total_seconds())
    ends = begins + _seconds(lasts[chosen] * length.total_seconds())
    merged: list[list[pd.Timestamp]] = []
    for begin, stop in zip(begins, ends, strict=True):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([begin, stop])
    frame = pd.DataFrame(merged, columns=["start", "end"], dtype="datetime64[ns, UTC]")
    return frame[frame["end"] > frame["start"]].reset_index(drop=True)


def _seconds(lengths: np.ndarray) -> pd.TimedeltaIndex:
    return pd.to_timedelta(np.floor(lengths), unit="s")


def with_outages(
    limit_kw: xr.DataArray,
    lost: pd.DataFrame,
    answer: str,
    *,
    static_kw: float = 0.0,
    notice: str | pd.Timedelta = "1min",
) -> xr.DataArray:
    """Return a limit as the chargepoints keep it when its signal is lost now and then.

    Parameters
    ----------
    limit_kw : xarray.DataArray
        Limit [kW] over time (each value holds to the next stamp).
    lost : pandas.DataFrame
        From `outages`.
    answer : "hold", "fall" or "stop"
        What holds from the moment the loss is noticed.
    static_kw : float
        Limit to fall to [kW].
    notice : str or Timedelta
        Time until the loss is noticed, in which the last limit holds. A lost meter shows within a
        few readings; chargepoints miss a lost hub only when its messages time out.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over time, stamped where it changes.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01", periods=4, freq="1min")
    >>> limit = xr.DataArray([40.0, 30.0, 20.0, 10.0], {"time": time}, ("time",))
    >>> lost = pd.DataFrame({"start": [pd.Timestamp("2026-01-01T00:01:30Z")],
    ...                      "end": [pd.Timestamp("2026-01-01T00:03:30Z")]})
    >>> with_outages(limit, lost, "stop", notice="1min").values.tolist()
    [40.0, 30.0, 30.0, 0.0, 10.0]
    """
    if answer not in ANSWERS:
        raise UserError(f"answer = {answer!r}: write one of {', '.join(ANSWERS)}")
    if not static_kw >= 0:
        raise UserError(f"static_kw = {static_kw}: must be 0 kW or more")
    time = limit_kw["time"].to_numpy().astype("datetime64[ns]")
    values = limit_kw.to_numpy().astype(float)
    begin, end = (lost[name].dt.tz_localize(None).to_numpy("datetime64[ns]") for name in lost)
    noticed = np.minimum(begin + checked_latency(notice).to_timedelta64(), end)
    at = np.searchsorted(begin, time, side="right") - 1
    kept = (at < 0) | (time >= end[np.maximum(at, 0)]) if len(end) else np.ones(len(time), bool)
    answers = [] if answer == "hold" else [(noticed, static_kw if answer == "fall" else 0.0)]
    stamps, levels = [time[kept]], [values[kept]]
    for when, level in ((begin, None), *answers, (end, None)):
        inside = (when >= time[0]) & ((when < end) | (when == end) & (level is None))
        last = np.searchsorted(time, when[inside], side="right") - 1
        stamps.append(when[inside])
        levels.append(values[last] if level is None else np.full(inside.sum(), level))
    # Of equal stamps the last written holds: an answer at once comes after the value held.
    frame = pd.Series(np.concatenate(levels), np.concatenate(stamps))
    frame = frame[~frame.index.duplicated(keep="last")].sort_index()
    return xr.DataArray(
        frame.to_numpy(), {"time": frame.index.to_numpy()}, ("time",), "limit_kw", limit_kw.attrs
    )


def safe_static_kw(residual_kw: xr.DataArray, agreed_kw: float) -> float:
    """Return the static limit that no load on record would take above the capacity [kW].

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW].
    agreed_kw : float
        Active power at the DSC [kW].
    """
    return max(0.0, agreed_kw - float(residual_kw.max()))


def sweep(
    sessions: pd.DataFrame,
    limit_kw: xr.DataArray,
    residual_kw: xr.DataArray,
    agreed_kw: float,
    *,
    per_year: Sequence[float] = (2.0, 12.0, 52.0),
    mean_lengths: Sequence[str] = ("10min", "4h", "2D"),
    answers: Sequence[str] = ANSWERS,
    static_kw: float | None = None,
    notice: str | pd.Timedelta = "1min",
    seed: int = 0,
    **options,
) -> pd.DataFrame:
    """Return cost and risk of each answer over rates and lengths of outages.

    Parameters
    ----------
    sessions : pandas.DataFrame
        Sessions, as for `charging.simulate`.
    limit_kw : xarray.DataArray
        Dynamic limit [kW], as from `clm.dynamic_limit`.
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    agreed_kw : float
        Active power at the DSC [kW].
    per_year : sequence of float
        Outages a year.
    mean_lengths : sequence of str
        Their mean lengths.
    answers : sequence of str
        Of "hold", "fall" and "stop".
    static_kw : float, optional
        Limit to fall to [kW]; by default `safe_static_kw`.
    notice : str or Timedelta
        Time until a loss is noticed.
    seed : int
        Seed of the outages.
    **options
        Of `charging.simulate`, such as chargepoints.

    Returns
    -------
    pandas.DataFrame
        Indexed by (answer, per_year, length_h [h]): outages, lost_h [h] without signal,
        unserved_kwh [kWh], excursions and above_h [h] of import above the DSC, each less what there
        is without outages (attrs["without"]), and deepest_kw [kW], of all. attrs["static_kw"].
    """
    if static_kw is None:
        static_kw = safe_static_kw(residual_kw, agreed_kw)
    span = pd.DatetimeIndex(residual_kw["time"].to_numpy()[[0, -1]]).tz_localize("UTC")
    options = {"step": step_of(residual_kw), "limit_after": static_kw} | options

    def outcome(kept_kw: xr.DataArray) -> dict[str, float]:
        done = charging.simulate(sessions, kept_kw, limit_missing=static_kw, **options)
        found = excursions(site_import(residual_kw, done.power_kw), agreed_kw)
        return {
            "unserved_kwh": done.sessions["unserved_kwh"].sum(),
            "excursions": len(found),
            "above_h": found["duration_min"].sum() / 60,
            "deepest_kw": found["depth_kw"].max() if len(found) else 0.0,
        }

    without = outcome(limit_kw)
    rows = []
    for rate in per_year:
        for length in mean_lengths:
            lost = outages(
                *span, per_year=rate, mean_length=length, seed=seed, most_per_year=max(per_year)
            )
            lost_h = (lost["end"] - lost["start"]).sum() / pd.Timedelta("1h")
            for answer in answers:
                kept_kw = with_outages(limit_kw, lost, answer, static_kw=static_kw, notice=notice)
                found = outcome(kept_kw)
                rows.append(
                    {
                        "answer": answer,
                        "per_year": rate,
                        "length_h": pd.Timedelta(length) / pd.Timedelta("1h"),
                        "outages": len(lost),
                        "lost_h": lost_h,
                        **{name: found[name] - without[name] for name in list(found)[:3]},
                        "deepest_kw": found["deepest_kw"],
                    }
                )
    frame = pd.DataFrame(rows).set_index(["answer", "per_year", "length_h"])
    frame.attrs = {"without": without, "static_kw": static_kw}
    return frame
