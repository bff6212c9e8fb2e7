"""A limit from a file: what a DNO or an operator recorded or forecast."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.timebase import naive_utc


def read_limit(path: str) -> xr.DataArray:
    """Read a limit from a CSV file with columns time (with its zone) and limit_kw [kW].

    Parameters
    ----------
    path : str
        File, or any address that fsspec reads. Stamps label the starts of intervals on a regular
        grid; an empty limit_kw is unknown.

    Returns
    -------
    DataArray over time [kW]

    Raises
    ------
    UserError
        If the file cannot be read, or a row has no zone, no number or a stamp out of order.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, ImportError) as fault:
        raise UserError(
            f"{path}: cannot be read as a limit ({fault}); give a CSV file with columns time and "
            "limit_kw"
        ) from None
    lacking = [name for name in ("time", "limit_kw") if name not in table]
    if lacking or len(table) < 2:
        what = f"no column {lacking[0]!r}" if lacking else f"{len(table)} rows"
        raise UserError(f"{path}: {what}; columns time and limit_kw and two rows are needed")
    zoned = table["time"].str.contains(r"(?:Z|[+-]\d\d:?\d\d)$")
    stamps = pd.to_datetime(table["time"].where(zoned), utc=True, errors="coerce", format="ISO8601")
    _refuse(path, table["time"], stamps.isna(), "time", "a stamp with its zone, such as …T16:30Z")
    _refuse(path, table["time"], stamps.diff() <= pd.Timedelta(0), "time", "later than the last")
    kw = pd.to_numeric(table["limit_kw"], errors="coerce")
    bad = (kw.isna() & (table["limit_kw"].str.strip() != "")) | np.isinf(kw)
    _refuse(path, table["limit_kw"], bad, "limit_kw", "a number of kW, or empty for unknown")
    return xr.DataArray(
        kw.to_numpy(dtype=float),
        {"time": naive_utc(pd.DatetimeIndex(stamps))},
        ("time",),
        "limit_kw",
        {"units": "kW", "long_name": "limit"},
    )


def _refuse(path: str, column: pd.Series, bad: pd.Series, field: str, rule: str) -> None:
    if bad.any():
        at = int(np.argmax(bad))
        raise UserError(f"{path}, row {at + 2}, {field} = {column[at]!r}: must be {rule}")
