"""Dispatches of flexibility services, in the file format that UK Power Networks publishes.

Availability (being ready) and utilisation (drawing less) are different products and stay apart.
Energy is worked out as power x hours: the file's own MWh are rounded to 0.01, to zero for small
sites.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scchelpers.portfolio.stamped import Stamped

COLUMNS = (
    "company_name", "fu_id", "zone", "product", "start_time_local", "end_time_local",
    "availability_mw_req", "utilisation_mw_req", "availability_price", "utilisation_price",
)  # fmt: skip
KINDS = ("availability", "utilisation")


def read(path: str | Path) -> pd.DataFrame:
    """Read a file of dispatches.

    Parameters
    ----------
    path : str or Path
        CSV in UTF-8, with or without a byte-order mark.

    Returns
    -------
    pandas.DataFrame
        A row for each kind asked for in a row of the file, in order of time: company, unit_id,
        zone, product, kind ("availability" or "utilisation"), start, end [UTC], hours [h],
        power_kw [kW], energy_kwh [kWh], price (as printed: the file names no unit). Rows that
        share unit, time and product are kept: they are bids at different prices.

    Raises
    ------
    UserError
        If the file or a column is missing, or a time or number cannot be read; the row is named.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "dispatches.csv")
    >>> row = ["co", "unit", "north", "secure", "2026-01-05T17Z", "2026-01-05T18Z", 1, 1, 5, 9]
    >>> pd.DataFrame([row], columns=COLUMNS).to_csv(file, index=False)
    >>> read(file)[["kind", "power_kw"]].values.tolist()
    [['availability', 1000.0], ['utilisation', 1000.0]]
    """
    file = Stamped(path, "dispatches", COLUMNS)
    raw = file.text
    start, end = file.times("start_time_local"), file.times("end_time_local")
    file.refuse("end_time_local", ~(end > start), "after the start")
    hours = (end - start) / pd.Timedelta("1h")
    parts = []
    for kind in KINDS:
        power_kw = 1000 * file.numbers(f"{kind}_mw_req", least=0)
        parts.append(
            pd.DataFrame(
                {
                    "company": raw["company_name"],
                    "unit_id": raw["fu_id"],
                    "zone": raw["zone"],
                    "product": raw["product"],
                    "kind": kind,
                    "start": start,
                    "end": end,
                    "hours": hours,
                    "power_kw": power_kw,
                    "energy_kwh": power_kw * hours,
                    "price": file.numbers(f"{kind}_price", least=0),
                }
            )[power_kw > 0]
        )
    found = pd.concat(parts)
    order = ["start", "unit_id", "product", "kind"]
    return found.sort_values(order, kind="stable", ignore_index=True)
