"""The log of a commissioning test: what a controller's site drew, second by second."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.portfolio.stamped import Stamped

COLUMNS = ("time", "import_kw", "limit_kw")
OPTIONAL = ("charging_kw", "signal")
_YES = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def read_log(path: str) -> pd.DataFrame:
    """Read a commissioning log from a CSV file.

    Parameters
    ----------
    path : str
        File, or any address that fsspec reads. Columns: time (with its zone), import_kw and
        limit_kw [kW]; where known charging_kw [kW] and signal (1 while a valid signal or reading
        comes, 0 while it is cut). Blank is missing.

    Returns
    -------
    pandas.DataFrame
        Indexed by time [UTC]: import_kw, limit_kw, charging_kw, signal (missing where not given).

    Raises
    ------
    UserError
        If the file cannot be read, or a row has no zone, no number or a stamp out of order.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "log.csv")
    >>> rows = {"time": ["2026-01-01T00:00Z", "2026-01-01T00:01Z"], "import_kw": 9, "limit_kw": 9}
    >>> pd.DataFrame(rows).to_csv(file, index=False)
    >>> read_log(str(file))["import_kw"].tolist()
    [9.0, 9.0]
    """
    file = Stamped(path, "a log", COLUMNS, least=2)
    log = pd.DataFrame(index=pd.DatetimeIndex(file.times("time", rising=True), name="time"))
    for name in ("import_kw", "limit_kw", "charging_kw"):
        given = name in file.text
        log[name] = file.numbers(name, blank=True).to_numpy() if given else np.nan
    log["signal"] = None
    if "signal" in file.text:
        said = file.text["signal"].str.strip().str.lower()
        file.refuse("signal", ~said.isin([*_YES, ""]), "1 or 0, or empty for unknown")
        log["signal"] = said.map(_YES).astype(object).where(said != "", None).to_numpy()
    return log
