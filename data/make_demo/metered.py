"""The demo's register, and the metered import of three of its sites.

Charging runs at each car's power from plug-in; what a limit holds back is drawn as soon as it may
be. The lamps keep their windows but for four weeks: on 26 October the controller was not put back,
so that it acted an hour early until 23 November. The boatyard's controller answers a minute late.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from make_demo import calibration as cal
from make_demo.loads import dataset, year_grid
from scchelpers.portfolio import windows
from scchelpers.timebase import clock, hours, in_window

LAMPS = "oct-mar weekday 16:30-20:30 20; oct-mar weekend 16:00-20:30 15; apr all 17:00-19:30 95"
NOT_PUT_BACK = ("2025-10-26T01:00Z", "2025-11-23T00:00Z")
HALL_KW, YARD_KW = 69 * 0.98, 160 * 0.95


def _entry(number: int, site_id: str, scheme: str, capacity_kva: float, **fields) -> dict:
    return {
        "entry_id": f"{site_id}-{number}",
        "site_id": site_id,
        "scheme": scheme,
        "metered": "charging",
        "capacity_kva": capacity_kva,
        "power_factor": 0.98,
        "averaging_s": 1800,
        "supersedes": f"{site_id}-{number - 1}" if number > 1 else None,
        "approved_by": "connections_engineer",
        **fields,
    }


ENTRIES = (
    _entry(1, "elm-road-lamps", "tcc", 134, windows="oct-mar all 16:30-20:30 40", failsafe_kw=26,
           asset_id="elm-road-tx", lifo_position=1, valid_from="2024-04-01",
           review_by="2026-03-31", approved_on="2024-02-20", reason="first connection offer"),
    _entry(1, "village-hall", "static_clm", 69, valid_from="2024-06-01", review_by="2027-05-31",
           approved_on="2024-05-14", reason="whole-current supply of 69 kVA"),
    _entry(1, "elm-road-posts", "tcc", 60, windows="all-year all 15:30-22:00 0", failsafe_kw=0,
           asset_id="elm-road-tx", lifo_position=2, valid_from="2024-10-01",
           review_by="2025-09-30", approved_on="2024-08-06",
           reason="first offer; the lamps come first at teatime"),
    _entry(1, "harbour-works", "dynamic_clm", 160, metered="site", power_factor=0.95,
           failsafe_kw=20, averaging_s=60, valid_from="2024-11-01", review_by="2026-10-31",
           approved_on="2024-10-09", reason="hoist and charging share the supply"),
    _entry(2, "elm-road-lamps", "tcc", 134, windows=LAMPS, failsafe_kw=14, asset_id="elm-road-tx",
           lifo_position=1, valid_from="2025-09-01", review_by="2026-08-31",
           approved_on="2025-07-29", approved_by="design_authority",
           reason="caps lowered: the transformer's winter evening load has grown"),
    _entry(1, "market-retail", "lmc", 380, metered="site", power_factor=0.97, failsafe_kw=150,
           averaging_s=300, asset_id="market-tx", lifo_position=1, valid_from="2025-10-01",
           review_by="2026-09-30", approved_on="2025-09-02",
           reason="no fixed window fits the trading hours"),
)  # fmt: skip


def demand(sessions: pd.DataFrame, evses: pd.DataFrame, times: pd.DatetimeIndex) -> np.ndarray:
    """Return what the cars would draw without any limit, mean over each interval [kW].

    Parameters
    ----------
    sessions : pandas.DataFrame
        plug_in, energy_kwh, max_kw and evse_id of each session.
    evses : pandas.DataFrame
        evse_id and rated_kw.
    times : pandas.DatetimeIndex
        Interval starts [UTC], regular.
    """
    step = times[1] - times[0]
    rated = sessions["evse_id"].map(evses.set_index("evse_id")["rated_kw"])
    power = sessions["max_kw"].fillna(rated).clip(upper=rated).to_numpy(dtype=float)
    begin = ((sessions["plug_in"] - times[0]) / pd.Timedelta("1h")).to_numpy()
    end = begin + sessions["energy_kwh"].to_numpy() / power
    at = np.concatenate([begin, end])
    order = np.argsort(at, kind="stable")
    slope = np.cumsum(np.concatenate([power, -power])[order])
    drawn = np.concatenate([[0.0], np.cumsum(slope[:-1] * np.diff(at[order]))])
    edges = np.arange(len(times) + 1) * hours(step)
    return np.diff(np.interp(edges, at[order], drawn)) / hours(step)


def held(want_kw: np.ndarray, limit_kw: np.ndarray) -> np.ndarray:
    """Return what is drawn under a limit [kW]; what it holds back follows as soon as it may."""
    drawn, waiting = np.empty(len(want_kw)), 0.0
    for at, (want, most) in enumerate(zip(want_kw.tolist(), limit_kw.tolist(), strict=True)):
        drawn[at] = min(want + waiting, most)
        waiting += want - drawn[at]
    return drawn


def timed(times: pd.DatetimeIndex, text: str, capacity_kva: float) -> np.ndarray:
    """Return the limit of windows on the clock [kVA]."""
    local = clock(times)
    limit = np.full(len(times), capacity_kva)
    for row in windows.parse(text):
        days = {"weekday": (0, 1, 2, 3, 4), "weekend": (5, 6), "all": range(7)}[row["day_type"]]
        here = in_window(times, row["start"], row["end"])
        here &= np.isin(local.month, row["months"]) & np.isin(local.day_of_week, tuple(days))
        limit[here] = np.minimum(limit[here], row["limit_kva"])
    return limit


def lamps(sessions, evses, residual_kw) -> xr.Dataset:
    """Return the import of the lamps: the windows kept, but for an hour in four weeks [kW]."""
    times = year_grid("30min")
    begin, end = (pd.Timestamp(text) for text in NOT_PUT_BACK)
    early = (times >= begin) & (times < end)
    newer = times >= pd.Timestamp(f"{cal.YEAR}-08-31T23:00Z")
    limits = {}
    for late in (pd.Timedelta(0), pd.Timedelta("1h")):
        seen = times + late  # a controller that is ahead sees the window come early
        older, current = (timed(seen, e["windows"], 134) for e in (ENTRIES[0], ENTRIES[4]))
        limits[late] = 0.98 * np.where(newer, current, older)
    limit = np.where(early, limits[pd.Timedelta("1h")], limits[pd.Timedelta(0)])
    drawn = held(demand(sessions, evses, times), limit)
    return dataset("import_kw", times, drawn, 2)


def hall(sessions, evses, residual_kw) -> xr.Dataset:
    """Return the import of the village hall's chargepoints, its static limit kept [kW]."""
    times = year_grid("30min")
    want = demand(sessions, evses, times)
    return dataset("import_kw", times, held(want, np.full(len(times), HALL_KW)), 2)


def yard(sessions, evses, residual_kw) -> xr.Dataset:
    """Return the import of the boatyard, whose limit follows its other load a minute late [kW]."""
    times = year_grid("1min")
    seen = np.concatenate([residual_kw[:1], residual_kw[:-1]])
    drawn = held(demand(sessions, evses, times), np.clip(YARD_KW - seen, 0, None))
    return dataset("import_kw", times, residual_kw + drawn, 1)


METERS = {"elm-road-lamps": lamps, "village-hall": hall, "harbour-works": yard}
