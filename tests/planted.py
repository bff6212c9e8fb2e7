"""A made-up year of a timed connection, and faults to plant in it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr

from make_demo.metered import held
from scchelpers.portfolio import windows
from scchelpers.register import WINDOW, Terms, limit_over
from scchelpers.timebase import clock, grid, local_date, naive_utc

ZONE = "Europe/London"
TEXT = (
    "winter weekday 16:30-20:30 40; winter weekend 16:00-20:00 25; "
    "spring weekday 17:00-19:30 70; spring weekend 17:30-19:30 55; "
    "summer all 17:00-19:00 90; "
    "autumn weekday 16:30-20:00 60; autumn weekend 17:00-20:00 48"
)
OLD = "all-year all 16:30-20:30 76"
PF = 0.97
CAPACITY = 134.0


def terms(text=TEXT, scheme="tcc", **fields) -> Terms:
    given = {
        "entry_id": "street-1",
        "site_id": "street",
        "scheme": scheme,
        "metered": "charging",
        "capacity_kva": CAPACITY,
        "power_factor": PF,
        "windows": pd.DataFrame(windows.parse(text), columns=list(WINDOW)),
        "failsafe_kw": np.nan,
        "averaging": pd.Timedelta("30min"),
        "begins": pd.Timestamp("2024-06-01T00:00Z"),
        "ends": pd.NaT,
        "review_by": pd.Timestamp("2026-06-01"),
        "asset_id": None,
        "lifo_position": np.nan,
        "timezone": ZONE,
    }
    return Terms(**given | fields)


def entries(failsafe_kw=63.0) -> list[Terms]:
    """Terms in force since June 2024 that replaced looser ones."""
    begins = pd.Timestamp("2024-06-01T00:00Z")
    old = terms(OLD, entry_id="street-0", begins=begins - pd.Timedelta("400D"), ends=begins)
    return [old, terms(failsafe_kw=failsafe_kw)]


@cache
def times(year: int = 2025) -> pd.DatetimeIndex:
    start, end = (pd.Timestamp(f"{year + n}-01-01", tz=ZONE) for n in (0, 1))
    return grid(start, end, "30min")


def want_kw(seed: int) -> np.ndarray:
    """What the cars would draw [kW]: by hour, day and chance."""
    rng = np.random.default_rng(seed)
    local = clock(times())
    hour = (local.hour + local.minute / 60).to_numpy()
    shape = np.interp(hour, [0, 5, 7, 12, 15, 17, 20, 22, 24], [45, 8, 30, 62, 92, 108, 96, 60, 45])
    day = local_date(times())
    daily = pd.Series(rng.normal(1.0, 0.12, 366), index=pd.date_range("2025-01-01", periods=366))
    noise = np.convolve(rng.normal(0, 0.22, len(hour)), [0.25, 0.5, 0.25], "same")
    return np.clip(shape * daily.reindex(day).to_numpy() * (1 + noise), 0, 125.0)


def as_import(power: np.ndarray) -> xr.DataArray:
    time = naive_utc(times())
    return xr.DataArray(np.round(power, 1), {"time": time}, ("time",), "import_kw", {"units": "kW"})


def limit_of(own: list[Terms], when=None) -> np.ndarray:
    return limit_over(own, times() if when is None else when).to_numpy()


def clean(seed: int, own: list[Terms] | None = None) -> xr.DataArray:
    return as_import(held(want_kw(seed), limit_of(own or entries())))


def under(seed: int, limit_kw: np.ndarray) -> xr.DataArray:
    """The year of a site that follows another limit than its own."""
    return as_import(held(want_kw(seed), limit_kw))


def between(begin: str, end: str) -> np.ndarray:
    local = clock(times()).tz_localize(None)
    return np.asarray((local >= begin) & (local < end))


def shifted(minutes: float) -> np.ndarray:
    return limit_of(entries(), times() - pd.Timedelta(minutes=minutes))


def on_clock(tz: str) -> np.ndarray:
    return limit_of([replace(one, timezone=tz) for one in entries()])


def local_stamps(power: np.ndarray) -> np.ndarray:
    """What results where local stamps are taken for UTC: the spring hour is missing."""
    naive = clock(times()).tz_localize(None)
    read = pd.Series(power, index=naive)
    read = read[~read.index.duplicated(keep="first")]
    return read.reindex(times().tz_localize(None)).to_numpy()


def edges(limit_kw: np.ndarray, many: int, at: str) -> np.ndarray:
    """A limit that begins late or ends early by some intervals."""
    limited = limit_kw < CAPACITY * PF - 1e-6
    inner = limited.copy()
    for n in range(1, many + 1):
        moved = np.roll(limited, n if at == "start" else -n)
        inner &= moved
    return np.where(inner, limit_kw, CAPACITY * PF)
