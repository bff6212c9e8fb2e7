"""The price table of a business case: value, range, unit, year and source of every price.

The prices are data, in `prices.csv`, the network operators' charges in `tariffs.csv`, both without
value added tax where not said. `sure` is A for a publisher's own page that was read, B for another
party's report of it, C for somebody's extraction of official files, D for reckoned here; U was not
found anywhere and is unverified. All are brought to one year's money by `deflator.csv`.
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

FOLDER = Path(__file__).parent

PRICE_YEAR = 2024  # of whose money all prices are: the last with a published deflator

_UNFOUND = "U"


@dataclass(frozen=True)
class _Price:
    """One price or rate.

    Attributes
    ----------
    name : str
        Name.
    value, low, high : float
        Central value, and the range in which it is thought to lie; money of `PRICE_YEAR`.
    unit : str
        Unit; "–" for a pure number.
    meaning : str
        One line for people.
    year : int
        Year in whose money the source states it.
    source : str
        Where it is from.
    sure : str
        How sure, from A to D; U is unverified.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    meaning: str
    year: int
    source: str
    sure: str = _UNFOUND


@cache
def _deflator() -> Mapping[int, float]:
    frame = pd.read_csv(FOLDER / "deflator.csv", index_col="year")
    return frame["index"].to_dict()


def rebased(gbp: float, year: int) -> float:
    """Return money of a year as money of `PRICE_YEAR`, by the GDP deflator.

    Parameters
    ----------
    gbp : float
        Amount, in any unit of money.
    year : int
        Year in whose money it is.

    Raises
    ------
    UserError
        If the table has no index for the year.

    Examples
    --------
    >>> round(rebased(1.0, 2013), 3), rebased(7.0, 2024)
    (1.361, 7.0)
    """
    table = _deflator()
    if year not in table:
        raise UserError(f"prices: year = {year}: the deflator covers {min(table)} to {max(table)}")
    return gbp * table[PRICE_YEAR] / table[year]


def _in_money_of_year(price: _Price) -> _Price:
    if not price.unit.startswith(("£", "p/")):
        return price
    ends = {name: rebased(getattr(price, name), price.year) for name in ("value", "low", "high")}
    return replace(price, **ends)


@cache
def _catalogue() -> Mapping[str, _Price]:
    with (FOLDER / "prices.csv").open(encoding="utf-8", newline="") as file:
        rows = [_read(row) for row in csv.DictReader(file)]
    return {price.name: price for price in (*rows, *_tariff(_EVERYWHERE))}


def _read(row: Mapping[str, str]) -> _Price:
    numbers = {name: float(row[name]) for name in ("value", "low", "high")}
    return _in_money_of_year(_Price(**{**row, **numbers, "year": int(row["year"])}))


_EVERYWHERE = "Great Britain"

_TARIFF_YEAR = 2025  # from April; the latest with five areas on record

_BANDS = ("band_1", "band_2", "band_3", "band_4")

# Up to which agreed capacity at low voltage each of the first three bands reaches [kVA]. Not found
# in any page that could be read: an assumption of this workbook.
_BAND_KVA = (80.0, 150.0, 231.0)

# Of the range over the value of what an area charges: areas and years of 2022 to 2026.
CHARGE_RANGE, BAND_RANGE = (0.47, 1.8), (0.3, 2.0)


@cache
def _tariff(area: str) -> tuple[_Price, ...]:
    """Return the charges of a network operator's area; in the middle of all areas, if none."""
    table = pd.read_csv(FOLDER / "tariffs.csv").set_index(["area", "year"]).sort_index()
    if area == _EVERYWHERE:
        rates = table.xs(_TARIFF_YEAR, level="year")
        row, year = rates.median().to_dict(), _TARIFF_YEAR
        steps = (rates[list(_BANDS)] / rates[list(_BANDS)].median()).to_numpy()
        level = (float(steps.min()), float(steps.max()))
    else:
        years = table.xs(area, level="area").index
        year = int(min(years, key=lambda at: (abs(at - _TARIFF_YEAR), -at)))
        row, level = table.loc[(area, year)].to_dict(), BAND_RANGE
    source = f"schedule of charges, {area}, {year}/{(year + 1) % 100}, as a public extract has it"
    found = [
        _Price(
            name, row[column], CHARGE_RANGE[0] * row[column], CHARGE_RANGE[1] * row[column],
            "p/kVA/day", f"charge for agreed capacity, {said}", year, source, "C",
        )
        for name, column, said in (
            ("capacity_charge", "lv", "low voltage"),
            ("hv_capacity_charge", "hv", "high voltage"),
        )
    ]  # fmt: skip
    for band in _BANDS:
        said = f"fixed charge at low voltage, band {band[-1]} of agreed capacity"
        fixed = _Price(f"fixed_charge_{band[-1]}", row[band], row[band], row[band], "p/day",
                      said, year, source, "C")  # fmt: skip
        found.append(fixed)
    found.append(
        _Price("fixed_charge_level", 1.0, *level, "–", "fixed charges, times those here", year,
              "spread over areas and years of the same extract", "D")
    )  # fmt: skip
    for band, kva in zip(_BANDS, _BAND_KVA, strict=False):
        meaning = f"agreed capacity up to which band {band[-1]} reaches"
        found.append(
            _Price(f"{band}_kva", kva, kva, kva, "kVA", meaning, year, "not found; assumed")
        )
    return tuple(map(_in_money_of_year, found))


def _areas() -> list[str]:
    """Return the network operators' areas with charges on record, and all of them together."""
    return [_EVERYWHERE, *sorted(set(pd.read_csv(FOLDER / "tariffs.csv")["area"]))]


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

    def __init__(self, prices: Mapping[str, _Price] | None = None):
        self._prices = dict(prices) if prices else dict(_catalogue())

    def __getitem__(self, name: str) -> float:
        return self._prices[self._known(name)].value

    def __contains__(self, name: object) -> bool:
        return name in self._prices

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)

    def price(self, name: str) -> _Price:
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

    def in_area(self, area: str) -> Prices:
        """Return the table with the charges of a network operator's area.

        Parameters
        ----------
        area : str
            One of `areas()`. Of several years on record the one nearest to `TARIFF_YEAR` holds.

        Raises
        ------
        UserError
            If no charges of the area are on record.

        Examples
        --------
        >>> round(Prices().in_area("SP Manweb")["capacity_charge"], 2)
        6.73
        """
        if area not in _areas():
            raise UserError(
                f"dno_area = {area!r}: there are charges of {', '.join(_areas())}; for another, "
                "give capacity_charge and fixed_charge_1 to _4 in prices.csv"
            )
        return Prices({**self._prices, **{price.name: price for price in _tariff(area)}})

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
            None: no change. A row dno_area has the name of a network operator's area as its value.
            With a year, money is brought from that year's to `PRICE_YEAR`'s.
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
        own = self
        for row in table.to_dict("records"):
            if row["name"] == "dno_area":
                own = own.in_area(str(row["value"]))
                continue
            if row["name"] in rows:
                raise UserError(f"prices.csv, {row['name']}: given twice; leave one row")
            rows[row["name"]] = {
                column: row[column]
                for column in ("value", "low", "high", "year", "source")
                if column in row and pd.notna(row[column]) and row[column] != ""
            }
        return own._with(rows, "prices.csv")

    def table(self) -> pd.DataFrame:
        """Return every price with its unit, range, meaning, year and source."""
        frame = pd.DataFrame([asdict(price) for price in self._prices.values()])
        return frame.set_index("name")

    def _with(self, rows: Mapping[str, Mapping], where: str) -> Prices:
        found = dict(self._prices)
        for name, row in rows.items():
            price = found[self._known(name)]
            fields = {"source": where, "sure": "given", **row}
            for column in ("value", "low", "high", "year"):
                if column in fields:
                    fields[column] = _number(name, column, fields[column], where)
            if "year" in fields and price.unit.startswith(("£", "p/")):
                for column in {"value", "low", "high"} & set(fields):
                    fields[column] = rebased(fields[column], int(fields["year"]))
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
