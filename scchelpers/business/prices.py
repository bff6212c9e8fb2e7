"""The price table of a business case: value, range, unit, year and source of every price.

The prices are data, in `prices.csv`; nothing else holds a price. `checked` is yes where the
source was read; the rest are orders of magnitude to be replaced by a quotation.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import Fault, UserError, closest

TABLE = Path(__file__).with_name("prices.csv")


@dataclass(frozen=True)
class Price:
    """One price or rate.

    Attributes
    ----------
    name : str
        Name.
    value, low, high : float
        Central value, and the range in which it is thought to lie.
    unit : str
        Unit; "–" for a pure number.
    meaning : str
        One line for people.
    year : int
        Year of the price level.
    source : str
        Where it is from.
    checked : bool
        Whether the source was read; else the price is unverified.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    meaning: str
    year: int
    source: str
    checked: bool = False


@cache
def _catalogue() -> tuple[Price, ...]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_read(row) for row in csv.DictReader(file))


def _read(row: Mapping[str, str]) -> Price:
    numbers = {name: float(row[name]) for name in ("value", "low", "high")}
    return Price(**{**row, **numbers, "year": int(row["year"]), "checked": row["checked"] == "yes"})


class Prices(Mapping):
    """Prices by name; a change makes a new table.

    Examples
    --------
    >>> prices = Prices().changed(customer_rate=0.06)
    >>> prices["customer_rate"], Prices()["customer_rate"]
    (0.06, 0.08)
    >>> prices.price("customer_rate").source
    'given'
    """

    def __init__(self, prices: Mapping[str, Price] | None = None):
        self._prices = dict(prices) if prices else {price.name: price for price in _catalogue()}

    def __getitem__(self, name: str) -> float:
        return self._prices[self._known(name)].value

    def __contains__(self, name: object) -> bool:
        return name in self._prices

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)

    def price(self, name: str) -> Price:
        """Return one price with its unit, range, year and source."""
        return self._prices[self._known(name)]

    def at(self, values: Mapping[str, float]) -> Prices:
        """Return the table at other values, sources and ranges untouched: a draw or a what-if."""
        moved = {self._known(n): replace(self._prices[n], value=float(values[n])) for n in values}
        return Prices({**self._prices, **moved})

    def drawn(self, draws: int, seed: int) -> dict[str, np.ndarray | float]:
        """Return random prices, each drawn by itself, in columns of one row a draw.

        Parameters
        ----------
        draws : int
            How many.
        seed : int
            Of the random numbers; the same seed gives the same prices to whatever is valued.

        Notes
        -----
        A range often reaches further to one side of its central value than to the other. The draws
        lie below the value as often as above it, so that the value is their median; on each side
        the chance falls in a straight line to nothing at the end of the range.

        Examples
        --------
        >>> drawn = Prices().drawn(2001, seed=0)
        >>> drawn["trips"].shape, bool(0.18 < np.median(drawn["trips"]) < 0.22)
        ((2001, 1), True)
        """
        if draws < 1:
            raise UserError(f"draws = {draws}: at least 1")
        rng = np.random.default_rng(seed)
        found: dict[str, np.ndarray | float] = dict(self)
        for name, price in self._prices.items():
            if price.high > price.low:
                part = rng.random((draws, 1))
                below = price.low + (price.value - price.low) * np.sqrt(2 * np.minimum(part, 0.5))
                above = (price.high - price.value) * (1 - np.sqrt(2 * np.minimum(1 - part, 0.5)))
                found[name] = below + above
        return found

    def changed(self, **values: float | None) -> Prices:
        """Return the table with prices that were given; None leaves a price as it is.

        Raises
        ------
        UserError
            If there is no such price (the closest is named) or the value cannot be one.
        """
        rows = {name: {"value": value} for name, value in values.items() if value is not None}
        return self._with(rows, "given")

    def given(self, table: pd.DataFrame | None, faults: Iterable[Fault] = ()) -> Prices:
        """Return the table with the rows of another one, such as a portfolio's `prices.csv`.

        Parameters
        ----------
        table : pandas.DataFrame, optional
            Columns name and value, and optionally low, high, year and source, numbers or text;
            None: no change.
        faults : iterable of Fault
            Faults of the file's form, such as a row with too many cells.

        Raises
        ------
        UserError
            For a fault, a column that is not there, a name not known or given twice, a value that
            is none, or a range that does not hold the value.
        """
        for fault in faults:
            raise UserError(str(fault))
        if table is None:
            return self
        for column in ("name", "value"):
            if column not in table:
                raise UserError(f"prices.csv: no column {column!r}; name and value are needed")
        rows: dict[str, dict] = {}
        for row in table.to_dict("records"):
            if row["name"] in rows:
                raise UserError(f"prices.csv, {row['name']}: given twice; leave one row")
            rows[row["name"]] = {
                column: row[column]
                for column in ("value", "low", "high", "year", "source")
                if column in row and pd.notna(row[column]) and row[column] != ""
            }
        return self._with(rows, "prices.csv")

    def table(self) -> pd.DataFrame:
        """Return every price with its unit, range, meaning, year and source."""
        frame = pd.DataFrame([asdict(price) for price in self._prices.values()])
        return frame.set_index("name")

    def _with(self, rows: Mapping[str, Mapping], where: str) -> Prices:
        found = dict(self._prices)
        for name, row in rows.items():
            price = found[self._known(name)]
            fields = {"source": where, "checked": False, **row}
            for column in ("value", "low", "high", "year"):
                if column in fields:
                    fields[column] = _number(name, column, fields[column], where)
            new = fields.get("value", price.value)
            fields.setdefault("low", min(price.low, new))
            fields.setdefault("high", max(price.high, new))
            if not fields["low"] <= new <= fields["high"]:
                raise UserError(
                    f"{where}, {name} = {new:g}: must lie within its range, {fields['low']:g} to "
                    f"{fields['high']:g}; mend the value or the range"
                )
            found[name] = replace(price, **{**fields, "year": int(fields.get("year", price.year))})
        return Prices(found)

    def _known(self, name: str) -> str:
        if name not in self._prices:
            hint = closest(str(name), self._prices) or "see docs/business-case.md for the list"
            raise UserError(f"prices: no price {name!r}; {hint}")
        return name


def _number(name: str, column: str, value, where: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    # The least of all prices is 0; only a rate may lie below.
    if not math.isfinite(found) or (found < 0 and not name.endswith("_rate")):
        raise UserError(f"{where}, {name}, {column} = {value!r}: must be a number of 0 or more")
    return found
