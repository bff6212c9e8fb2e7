"""What an import brings, and what it says about the rows it read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import pandas as pd
import xarray as xr


@dataclass(frozen=True)
class ImportReport:
    """The account of one import: every row read is either kept or set aside for a reason.

    Attributes
    ----------
    kind : str
        Importer.
    files : tuple of str
        Files read, as they were named.
    read : int
        Rows (records) read.
    kept : int
        Rows that reached the portfolio.
    mended : mapping of str to int
        Rows kept that were changed, by reason; a row may count under several reasons.
    set_aside : mapping of str to int
        Rows left out, by reason; a row counts once, under the first reason that holds.
    notes : tuple of str
        What the reader should know: the date style found, ratings inferred, columns not used.
    sites, evses : int
        Sites and EVSEs (or, for loads, series) of the rows kept.
    first, last : pandas.Timestamp or None
        Span of the rows kept [UTC].
    energy_kwh : float or None
        Energy of the sessions kept [kWh]; None where the import holds no sessions.

    Raises
    ------
    ValueError
        If rows read are not the rows kept and those set aside: a row would be lost.

    Examples
    --------
    >>> report = ImportReport("council", ("a.csv",), read=3, kept=2, set_aside={"no energy": 1})
    >>> print(report.text())
    council: 1 file
      rows read     3
      kept          2
      set aside     1
        no energy   1
    """

    kind: str
    files: tuple[str, ...]
    read: int
    kept: int
    mended: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sites: int = 0
    evses: int = 0
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    energy_kwh: float | None = None

    def __post_init__(self):
        for name in ("mended", "set_aside"):
            counts = {str(k): int(v) for k, v in getattr(self, name).items() if v}
            object.__setattr__(self, name, counts)
        for name in ("files", "notes"):
            object.__setattr__(self, name, tuple(str(item) for item in getattr(self, name)))
        aside = sum(self.set_aside.values())
        if self.read != self.kept + aside:
            raise ValueError(
                f"{self.kind}: {self.read} rows read, but {self.kept} kept and {aside} set aside"
            )

    def as_dict(self) -> dict:
        """Return the account as a plain dictionary, ready for JSON."""
        plain = asdict(self)
        for name in ("first", "last"):
            value = plain[name]
            plain[name] = None if value is None else value.isoformat()
        return plain

    def text(self) -> str:
        """Return the account as lines for people."""
        rows = [("rows read", self.read), ("kept", self.kept)]
        if self.mended:
            rows.append(("of which mended, by reason", ""))
            rows += [(f"  {reason}", count) for reason, count in self.mended.items()]
        rows.append(("set aside", sum(self.set_aside.values())))
        rows += [(f"  {reason}", count) for reason, count in self.set_aside.items()]
        if self.sites or self.evses:
            rows += [("sites", self.sites), ("EVSEs or series", self.evses)]
        if self.energy_kwh is not None:
            rows.append(("energy [kWh]", f"{self.energy_kwh:,.1f}"))
        shown = [(name, f"{v:,}" if isinstance(v, int) else v) for name, v in rows]
        wide = max(len(name) for name, _ in shown)
        number = max(len(value) for _, value in shown)
        lines = [f"{self.kind}: {len(self.files)} file{'s' * (len(self.files) != 1)}"]
        lines += [f"  {name:<{wide}} {value:>{number}}".rstrip() for name, value in shown]
        if self.first is not None:
            lines.append(f"  from {self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} UTC")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class Imported:
    """Rows ready for a portfolio, in the columns of `portfolio.tables`, and their account.

    Attributes
    ----------
    report : ImportReport
        The account of the import.
    sites, chargepoints, assets, sessions : pandas.DataFrame or None
        Rows of the tables; None where the import brings none.
    loads : dict of (group, series_id) to xarray.Dataset
        Load series, as `store.write_loads` takes them.
    header : dict
        Arguments of `store.write_header`: name, title, description, timezone, sources.
    """

    report: ImportReport
    sites: pd.DataFrame | None = None
    chargepoints: pd.DataFrame | None = None
    assets: pd.DataFrame | None = None
    sessions: pd.DataFrame | None = None
    loads: dict[tuple[str, str], xr.Dataset] = field(default_factory=dict)
    header: dict = field(default_factory=dict)
