"""The constraint, measured: when it is there, how steady it is, and how windows meet it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.tcc.cells import half_hourly
from scchelpers.tcc.ratings import rating_at
from scchelpers.tcc.windows import inside
from scchelpers.timebase import LONDON


def constrained(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    margin_kva: float = 0.0,
    timezone: str = LONDON,
) -> xr.DataArray:
    """Return where the request does not fit beside the load: 1, 0, NaN where unknown."""
    load = half_hourly(network_kva)
    free_kva = rating_at(rating_kva, load["time"], timezone) - margin_kva - load
    return (free_kva < requested_kva).astype(float).where(np.isfinite(load))


def consistency(
    on: xr.DataArray, windows: pd.DataFrame, requested_kva: float, *, timezone: str = LONDON
) -> pd.Series:
    """Measure how well windows meet the constraint.

    Parameters
    ----------
    on : xarray.DataArray
        From `constrained`.
    windows : pandas.DataFrame
        Windows.
    requested_kva : float
        Requested capacity [kVA].
    timezone : str
        Zone of the windows.

    Returns
    -------
    pandas.Series
        constrained_share (of known half hours), window_share (of all half hours), needed_share
        (of half hours in windows that are constrained), outside_share (of constrained half hours
        in no window), inside_days (share of constrained local days whose constraint lies wholly in
        windows), deep_share (equivalent full-curtailment hours over all hours), free_h (fewest
        hours of a day outside windows).
    """
    mask = inside(windows, on["time"], timezone)
    within = mask.any(axis=0)
    value = on.to_numpy()
    known, hit = np.isfinite(value), np.nan_to_num(value) > 0
    days = timebase.local_date(on["time"], timezone)
    daily = pd.DataFrame({"hit": hit, "out": hit & ~within, "within": within}).groupby(days).sum()
    caps = np.where(mask, windows["limit_kva"].to_numpy(float)[:, None], np.inf)
    limit_kva = np.minimum(requested_kva, caps.min(axis=0, initial=np.inf))
    return pd.Series(
        {
            "constrained_share": _share(hit.sum(), known.sum()),
            "window_share": float(within.mean()),
            "needed_share": _share((hit & within).sum(), (known & within).sum()),
            "outside_share": _share((hit & ~within).sum(), hit.sum()),
            "inside_days": _share(
                ((daily["hit"] > 0) & (daily["out"] == 0)).sum(), (daily["hit"] > 0).sum()
            ),
            "deep_share": float(1 - (limit_kva / requested_kva).mean()),
            "free_h": float(24 - min(24, daily["within"].max() / 2)),
        }
    )


def by_window(on: xr.DataArray, windows: pd.DataFrame, *, timezone: str = LONDON) -> pd.DataFrame:
    """Measure the constraint in each window, day by day.

    Parameters
    ----------
    on, windows, timezone
        As in `consistency`.

    Returns
    -------
    pandas.DataFrame
        One row a window: days (on record), constrained_days (share), needed_share, and the clock
        times between which the constraint begins and ends on 80 of 100 constrained days:
        begins_early, begins_late, ends_early, ends_late; spread_h, the wider of the two [h].
    """
    mask = inside(windows, on["time"], timezone)
    local = timebase.clock(on["time"], timezone).tz_localize(None)
    value = on.to_numpy()
    rows = []
    for row, here in zip(windows.itertuples(), mask, strict=True):
        here = here & np.isfinite(value)
        start = pd.Timedelta(minutes=timebase.minute_of_clock(row.start))
        since = local[here] - start  # a window over midnight is one night
        frame = pd.DataFrame(
            {
                "day": since.normalize(),
                "at": (since - since.normalize()) / pd.Timedelta("1h"),
                "hit": value[here] > 0,
            }
        )
        hits = frame[frame["hit"]].groupby("day")["at"]
        begins, ends = hits.min(), hits.max() + 0.5
        marks = [_marks(side) for side in (begins, ends)]
        texts = [_clock(row.start, at) for pair in marks for at in pair]
        rows.append(
            {
                "days": frame["day"].nunique(),
                "constrained_days": _share(len(begins), frame["day"].nunique()),
                "needed_share": _share(frame["hit"].sum(), len(frame)),
                **dict(
                    zip(
                        ("begins_early", "begins_late", "ends_early", "ends_late"),
                        texts,
                        strict=True,
                    )
                ),
                "spread_h": float(max(late - early for early, late in marks)),
            }
        )
    names = ["days", "constrained_days", "needed_share", "begins_early", "begins_late"]
    return pd.DataFrame(rows, columns=[*names, "ends_early", "ends_late", "spread_h"])


def constrained_share(on: xr.DataArray, *, timezone: str = LONDON) -> pd.DataFrame:
    """Return the share of days on which the request does not fit, by month and half hour.

    Parameters
    ----------
    on : xarray.DataArray
        From `constrained`.
    timezone : str
        Zone of the clock.

    Returns
    -------
    pandas.DataFrame
        Months 1 to 12 by half hours 0 to 47; NaN where nothing is on record.
    """
    month = timebase.clock(on["time"], timezone).month
    half_hour = timebase.half_hour(on["time"], timezone)
    frame = pd.DataFrame({"on": on.to_numpy(), "month": month, "half_hour": half_hour})
    share = frame.pivot_table("on", "month", "half_hour", "mean")
    return share.reindex(index=range(1, 13), columns=range(48))


def _share(part, whole) -> float:
    return float(part / whole) if whole else 0.0


def _marks(side: pd.Series) -> tuple[float, float]:
    if side.empty:
        return (np.nan, np.nan)
    return tuple(np.quantile(side, [0.1, 0.9], method="nearest"))


def _clock(start: str, hours: float) -> str:
    if not np.isfinite(hours):
        return "–"
    minute = (timebase.minute_of_clock(start) + round(60 * hours)) % 1440
    return f"{minute // 60:02d}:{minute % 60:02d}"
