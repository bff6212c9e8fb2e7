"""The list of a site's chargers that a readiness check reads: what each is and can do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.portfolio.frames import read_csv

OCPP = ("ocpp-1.6", "ocpp-2.0.1", "ocpp-2.1")
CHOICES = {
    "kind": ("ac", "dc"),
    "phases": ("1", "3", "0"),
    "protocol": (*OCPP, "other", "none"),
    "smart_charging": ("yes", "no"),
    "connectivity": ("wired", "mobile", "none"),
    "metering": ("half-hourly", "minute", "second", "none"),
}
NUMBERS = ("rated_kw", "min_current_a")
COLUMNS = ("evse_id", *CHOICES, *NUMBERS)


def read_chargers(path: str | Path) -> pd.DataFrame:
    """Read a charger list, a CSV with a row an EVSE.

    Parameters
    ----------
    path : path-like
        Columns evse_id, kind (ac, dc), phases (1, 3, 0 for dc), rated_kw [kW], protocol,
        smart_charging (yes, no), min_current_a [A], metering, connectivity.

    Raises
    ------
    UserError
        If a column is missing or a value is not allowed; the row and what is allowed are named.
    """
    path = Path(path)
    raw, faults = read_csv(path.read_bytes(), path.name)
    if faults:
        raise UserError(str(faults[0]))
    lacking = [name for name in COLUMNS if name not in raw]
    if lacking:
        raise UserError(f"{path.name}: no column {lacking[0]!r}; needed: {', '.join(COLUMNS)}")
    if raw.empty:
        raise UserError(f"{path.name}: no chargers; write a row an EVSE")
    table = raw[list(COLUMNS)].fillna("").astype(str)
    for name, allowed in CHOICES.items():
        table[name] = table[name].str.lower()
        for row, value in table[name].items():
            if value not in allowed:
                hint = closest(value, allowed) or f"one of {', '.join(allowed)}"
                raise UserError(f"{path.name}, row {row}, {name} = {value!r}: {hint}")
    for name in NUMBERS:
        number = pd.to_numeric(table[name], errors="coerce")
        for row, value in table[name].items():
            if not 0 <= number[row] < 10_000:
                raise UserError(f"{path.name}, row {row}, {name} = {value!r}: a number, 0 or more")
        table[name] = number
    for row, (kind, phases) in table[["kind", "phases"]].iterrows():
        if (kind == "dc") != (phases == "0"):
            raise UserError(f"{path.name}, row {row}, phases = {phases!r}: 0 for dc, 1 or 3 for ac")
    twice = table["evse_id"].duplicated() | (table["evse_id"] == "")
    if twice.any():
        row = table.index[twice][0]
        value = table["evse_id"][row]
        raise UserError(
            f"{path.name}, row {row}, evse_id = {value!r}: must be given, and only once"
        )
    return table.reset_index(drop=True)
