"""A limit from a file: what a DNO or an operator recorded or forecast."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers.portfolio.stamped import Stamped
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

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "limit.csv")
    >>> rows = [["2026-01-01T00:00Z", 50], ["2026-01-01T00:30Z", 20]]
    >>> pd.DataFrame(rows, columns=["time", "limit_kw"]).to_csv(file, index=False)
    >>> read_limit(str(file)).values.tolist()
    [50.0, 20.0]
    """
    file = Stamped(path, "a limit", ("time", "limit_kw"), least=2)
    stamps = file.times("time", rising=True)
    return xr.DataArray(
        file.numbers("limit_kw", blank=True).to_numpy(),
        {"time": naive_utc(pd.DatetimeIndex(stamps))},
        ("time",),
        "limit_kw",
        {"units": "kW", "long_name": "limit"},
    )
