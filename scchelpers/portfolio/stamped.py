"""Tables of stamped rows that people put beside a portfolio: each fault names its row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.portfolio.tables import as_kept

_ZONED = r"(?:Z|[+-]\d\d:?\d\d)$"


class Stamped:
    """A CSV table as text, from which times and numbers are taken column by column.

    Parameters
    ----------
    path : str or path-like
        File in UTF-8, or any address that fsspec reads.
    what : str
        What it is, for faults: "a limit".
    columns : iterable of str
        Columns that must be there.
    least : int
        Rows that must be there.

    Raises
    ------
    UserError
        If the file cannot be read, or lacks a column or rows.
    """

    def __init__(self, path, what: str, columns, least: int = 0):
        self.path = path
        needed = ", ".join(columns)
        try:
            text = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
            self.text = text.map(as_kept)
        except FileNotFoundError:
            raise UserError(f"{path}: cannot be read as {what} (no such file)") from None
        except (OSError, ValueError, ImportError) as fault:
            raise UserError(
                f"{path}: cannot be read as {what} ({fault}); give a CSV file in UTF-8 with "
                f"columns {needed}"
            ) from None
        lacking = [name for name in columns if name not in self.text]
        if lacking:
            raise UserError(
                f"{path}, row 1: no column {', '.join(map(repr, lacking))}; needed are {needed}"
            )
        if len(self.text) < least:
            raise UserError(f"{path}: {len(self.text)} rows; at least {least} are needed")

    def times(self, column: str, *, rising: bool = False) -> pd.Series:
        """Return a column as instants [UTC]; each stamp must have its zone."""
        text = self.text[column]
        stamps = pd.to_datetime(
            text.where(text.str.contains(_ZONED)), utc=True, errors="coerce", format="ISO8601"
        )
        self.refuse(
            column, stamps.isna(), "a time with its zone or offset, such as 2026-12-01T16:30Z"
        )
        if rising:
            self.refuse(column, stamps.diff() <= pd.Timedelta(0), "later than the row before")
        return stamps

    def numbers(self, column: str, *, blank: bool = False, least: float = -np.inf) -> pd.Series:
        """Return a column as numbers; where `blank` may be, it is missing."""
        text = self.text[column].str.strip()
        values = pd.to_numeric(text, errors="coerce")
        wrong = ~(values >= least) | np.isinf(values)
        rule = "a number" if least == -np.inf else f"a number, {least:g} or above"
        if blank:
            wrong &= text != ""
            rule += ", or empty for unknown"
        self.refuse(column, wrong, rule)
        return values.astype(float)

    def refuse(self, column: str, wrong: pd.Series, rule: str) -> None:
        """Raise for the first row that is wrong, naming row, column, value and rule."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise UserError(
                f"{self.path}, row {row + 2}, {column} = {self.text[column].iloc[row]!r}: must be "
                f"{rule}; correct the row or take it out"
            )
