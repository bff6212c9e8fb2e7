"""One synthetic public site as a workload for speed and agreement runs.

The recipe, its order of draws and its check sums are fixed: the same seed gives the same
sessions on every numpy that keeps the streams of ``numpy.random.default_rng``.
"""

import numpy as np
import pandas as pd
import xarray as xr

START = pd.Timestamp("2030-01-01", tz="UTC")
SLOT = pd.Timedelta("5min")
SLOTS_PER_DAY = 288
RATED_KW = 7.4
MAX_KWH = 60.0
MAX_FILL = 0.95  # the energy always fits without a limit
HOUR_WEIGHTS = np.array(
    [1, 1, 1, 1, 1, 2, 4, 8, 10, 9, 8, 8, 9, 9, 9, 10, 12, 14, 13, 10, 7, 5, 3, 2], dtype=float
)


def make_workload(n: int, r: float, days: int, seed: int = 1) -> dict[str, np.ndarray | int]:
    """Draw the sessions of one site as plain arrays.

    Parameters
    ----------
    n : chargepoints of 7.4 kW.
    r : mean arrivals a day.
    days : length of the run [d].
    seed : seed of the one random generator.

    Returns
    -------
    dict with ``arrival``, ``departure`` [slots of 5 min, half-open], ``chargepoint`` (0 … n-1),
    ``energy_kwh`` [kWh] in order of (arrival, chargepoint), and the count ``refused`` of cars
    that found no free chargepoint.
    """
    rng = np.random.default_rng(seed)
    weights = HOUR_WEIGHTS / HOUR_WEIGHTS.sum()
    last_departure = np.full(n, -10, dtype=np.int64)
    rows = []
    refused = 0
    end = SLOTS_PER_DAY * days - 2
    for day in range(days):
        k = rng.poisson(r)
        hours = rng.choice(24, k, p=weights)
        slots = rng.integers(0, 12, k)
        for arrival in np.sort(SLOTS_PER_DAY * day + 12 * hours + slots):
            stay = int(np.clip(rng.lognormal(np.log(30), 0.6), 4, 200))
            energy = min(rng.lognormal(np.log(11), 0.6), MAX_FILL * RATED_KW * stay / 12, MAX_KWH)
            free = np.flatnonzero(last_departure + 1 <= arrival)
            if len(free) == 0:
                refused += 1
                continue
            point = rng.choice(free)
            departure = min(arrival + stay, end)
            if departure - arrival < 3:
                continue
            energy = min(energy, MAX_FILL * RATED_KW * (departure - arrival) / 12)
            last_departure[point] = departure
            rows.append((arrival, departure, point, energy))
    arrival, departure, point, energy = (np.array(column) for column in zip(*rows, strict=True))
    order = np.lexsort((point, arrival))
    return {
        "arrival": arrival[order].astype(np.int64),
        "departure": departure[order].astype(np.int64),
        "chargepoint": point[order].astype(np.int64),
        "energy_kwh": energy[order].astype(float),
        "refused": refused,
    }


def sessions_frame(workload: dict, site_id: str = "W") -> pd.DataFrame:
    """Return the workload as a sessions frame; the announced departure is the true one."""
    count = len(workload["arrival"])
    plug_out = START + workload["departure"] * SLOT
    return pd.DataFrame(
        {
            "session_id": [f"{site_id}-{k:07d}" for k in range(count)],
            "evse_id": [f"{site_id}-{k:03d}" for k in workload["chargepoint"]],
            "site_id": site_id,
            "plug_in": START + workload["arrival"] * SLOT,
            "plug_out": plug_out,
            "energy_kwh": workload["energy_kwh"],
            "max_kw": RATED_KW,
            "announced_plug_out": plug_out,
        }
    )


def limit(n: int, days: int) -> xr.DataArray:
    """Return the site limit [kW] as sparse changes: 50 kW, 20 kW from 16:30 to 18:30, times n/20.

    The last stamp is the end of the run, so that the limit covers every session.
    """
    stamps, values = [], []
    for day in range(days):
        midnight = START + pd.Timedelta(days=day)
        stamps += [midnight, midnight + 198 * SLOT, midnight + 222 * SLOT]
        values += [50.0, 20.0, 50.0]
    stamps.append(START + pd.Timedelta(days=days))
    values.append(50.0)
    time = pd.DatetimeIndex(stamps).tz_localize(None)
    return xr.DataArray(
        np.array(values) * n / 20, coords={"time": time}, dims="time", attrs={"units": "kW"}
    )
