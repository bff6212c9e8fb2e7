"""The log of a commissioning test: what a controller's site drew, second by second."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.faults import UserError

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
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, ImportError) as fault:
        raise UserError(f"{path}: cannot be read as a log ({fault})") from None
    lacking = [name for name in COLUMNS if name not in table]
    if lacking or len(table) < 2:
        what = f"no column {lacking[0]!r}" if lacking else f"{len(table)} rows"
        raise UserError(f"{path}: {what}; columns {', '.join(COLUMNS)} and two rows are needed")
    zoned = table["time"].str.contains(r"(?:Z|[+-]\d\d:?\d\d)$")
    stamps = pd.to_datetime(table["time"].where(zoned), utc=True, errors="coerce", format="ISO8601")
    _refuse(path, table["time"], stamps.isna(), "time", "a stamp with its zone, such as …T16:30Z")
    _refuse(path, table["time"], stamps.diff() <= pd.Timedelta(0), "time", "later than the last")
    log = pd.DataFrame(index=pd.DatetimeIndex(stamps, name="time"))
    for name in ("import_kw", "limit_kw", "charging_kw"):
        text = table.get(name, pd.Series("", index=table.index)).str.strip()
        value = pd.to_numeric(text, errors="coerce")
        bad = (value.isna() & (text != "")) | np.isinf(value)
        _refuse(path, text, bad, name, "a number of kW, or empty for unknown")
        log[name] = value.to_numpy(dtype=float)
    text = table.get("signal", pd.Series("", index=table.index)).str.strip().str.lower()
    _refuse(path, text, ~text.isin([*_YES, ""]), "signal", "1 or 0, or empty for unknown")
    log["signal"] = text.map(_YES).astype(object).where(text != "", None).to_numpy()
    return log


def _refuse(path: str, column: pd.Series, bad: pd.Series, field: str, rule: str) -> None:
    if bad.any():
        at = int(np.argmax(bad))
        raise UserError(f"{path}, row {at + 2}, {field} = {column[at]!r}: must be {rule}")
