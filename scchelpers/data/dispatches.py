"""Dispatches of flexibility services, in the file format that UK Power Networks publishes.

Availability (being ready) and utilisation (drawing less) are different products and stay apart.
Energy is worked out as power x hours: the file's own MWh are rounded to 0.01, to zero for small
sites.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError

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
    """
    try:
        raw = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of dispatches") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as fault:
        raise UserError(f"{path}: cannot be read as CSV in UTF-8: {fault}") from None
    missing = [name for name in COLUMNS if name not in raw]
    if missing:
        raise UserError(
            f"{path}, row 1: no column {', '.join(missing)}; the file needs {', '.join(COLUMNS)}"
        )
    start, end = (_times(raw, f"{edge}_time_local", path) for edge in ("start", "end"))
    backward = ~(end > start)
    if backward.any():
        row = backward.idxmax()
        raise UserError(
            f"{path}, row {row + 2}, end_time_local = {raw['end_time_local'][row]!r}: must be "
            "after the start; correct one of them"
        )
    hours = (end - start) / pd.Timedelta("1h")
    parts = []
    for kind in KINDS:
        power_kw = 1000 * _numbers(raw, f"{kind}_mw_req", path)
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
                    "price": _numbers(raw, f"{kind}_price", path),
                }
            )[power_kw > 0]
        )
    found = pd.concat(parts)
    order = ["start", "unit_id", "product", "kind"]
    return found.sort_values(order, kind="stable", ignore_index=True)


def _times(raw: pd.DataFrame, column: str, path) -> pd.Series:
    times = pd.to_datetime(raw[column], utc=True, errors="coerce", format="ISO8601")
    zoned = raw[column].str.contains(r"(?:Z|[+-]\d\d:?\d\d)$")
    _refuse(
        raw,
        column,
        times.isna() | ~zoned,
        "a time with its offset, 2025-06-23T15:00:00+01:00",
        path,
    )
    return times


def _numbers(raw: pd.DataFrame, column: str, path) -> pd.Series:
    values = pd.to_numeric(raw[column], errors="coerce")
    _refuse(raw, column, ~(values >= 0), "a number, 0 or above", path)
    return values


def _refuse(raw: pd.DataFrame, column: str, wrong: pd.Series, allowed: str, path) -> None:
    if wrong.any():
        row = wrong.idxmax()
        raise UserError(
            f"{path}, row {row + 2}, {column} = {raw[column][row]!r}: must be {allowed}; correct "
            "the row or take it out"
        )
