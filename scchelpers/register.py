"""The register of approved smart connections: who may draw what, since when, and why.

`register.csv` is only ever added to. An entry replaces the site's entry before it; none is changed
or deleted, and `scc check` finds where one was (`portfolio.register`).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import tcc
from scchelpers.faults import UserError, closest
from scchelpers.portfolio import Portfolio, tables, windows
from scchelpers.portfolio.check import check_register
from scchelpers.portfolio.frames import as_typed, read_csv
from scchelpers.portfolio.register import FILE, SEAL, SIGNALLED, entry_faults, link, seal_text
from scchelpers.portfolio.rules import reference_faults, table_faults
from scchelpers.portfolio.store import alone, sweep, write_aside
from scchelpers.timebase import LONDON, naive_utc, utc_index, zone


@dataclass(frozen=True, eq=False)
class Terms:
    """What one entry of the register allows a site.

    Attributes
    ----------
    entry_id, site_id, scheme : str
        Which entry, of which site, of which kind (`portfolio.tables.SCHEMES`).
    metered : str
        "site" or "charging": whose import the limit holds for.
    capacity_kva, power_factor : float
        What holds outside every window [kVA]; kW = kVA x power factor.
    windows : pandas.DataFrame
        Windows as `tcc.limit` takes them; none for other schemes than tcc.
    failsafe_kw : float
        What may be drawn without a valid signal [kW]; NaN where none is agreed.
    averaging : pandas.Timedelta
        Time over which power is averaged to be judged.
    begins, ends : pandas.Timestamp
        In force from, and until it was replaced [UTC]; `ends` is NaT for the last entry.
    review_by : pandas.Timestamp
        Day by which the terms are reviewed.
    asset_id : str or None
        Network asset that they protect.
    lifo_position : float
        Place in the stack; NaN where none.
    timezone : str
        Zone of the windows' clock.
    """

    entry_id: str
    site_id: str
    scheme: str
    metered: str
    capacity_kva: float
    power_factor: float
    windows: pd.DataFrame
    failsafe_kw: float
    averaging: pd.Timedelta
    begins: pd.Timestamp
    ends: pd.Timestamp
    review_by: pd.Timestamp
    asset_id: str | None
    lifo_position: float
    timezone: str = LONDON

    @property
    def capacity_kw(self) -> float:
        """Capacity agreed [kW]."""
        return self.capacity_kva * self.power_factor

    @property
    def signalled(self) -> bool:
        """Whether the limit is sent to the site rather than written in the terms."""
        return self.scheme in SIGNALLED

    def at(self, time) -> np.ndarray:
        """Return at which instants these terms are in force."""
        instants = utc_index(time)
        on = instants >= self.begins
        return on if pd.isna(self.ends) else on & (instants < self.ends)


def limit(terms: Terms, time, *, setpoint_kw: xr.DataArray | None = None) -> xr.DataArray:
    """Return the limit that terms make at the meter they name, whatever the scheme.

    Parameters
    ----------
    terms : Terms
        Terms; the limit is given for every instant asked, in force or not.
    time : DataArray, DatetimeIndex or array of datetime64
        Interval starts [UTC].
    setpoint_kw : xarray.DataArray, optional
        For a scheme whose limit is sent (profiled, lmc, cmc): what was sent [kW] over time, NaN
        where nothing valid came. Each value holds for its own interval.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over `time`. Where a signal is missing the fail-safe holds; where no signals
        are on record at all the limit is unknown, NaN.

    Raises
    ------
    UserError
        If a window begins or ends inside an interval.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> from scchelpers.register import read
    >>> time = pd.DatetimeIndex(["2025-12-01T16:00Z", "2025-12-01T16:30Z"])
    >>> book = read(Portfolio.open("data/demo"))
    >>> limit(book.in_force("elm-road-lamps", time[0]), time).values.tolist()
    [131.32, 19.6]
    """
    stamps = naive_utc(time)
    if terms.signalled:
        value = np.full(len(stamps), np.nan)
        if setpoint_kw is not None:
            sent = setpoint_kw.to_series().reindex(pd.DatetimeIndex(stamps)).to_numpy(dtype=float)
            heard = np.where(np.isfinite(sent), sent, terms.failsafe_kw)
            value = np.minimum(heard, terms.capacity_kw)
    elif len(terms.windows):
        capped_kva = tcc.windows.limit_kva(
            terms.windows, time, terms.capacity_kva, timezone=terms.timezone
        )
        value = capped_kva.to_numpy() * terms.power_factor
    else:
        value = np.full(len(stamps), terms.capacity_kw)
    meta = {"units": "kW", "long_name": f"registered limit ({terms.scheme})"}
    return xr.DataArray(np.round(value, 9), {"time": stamps}, ("time",), "limit_kw", meta)


def limit_over(
    entries: list[Terms], time, *, setpoint_kw: xr.DataArray | None = None
) -> xr.DataArray:
    """Return the limit of a site's entries over time, each while it is in force.

    Returns
    -------
    xarray.DataArray
        limit_kw [kW] over `time`; NaN before the first entry, and where it is unknown.
    """
    stamps = naive_utc(time)
    found = xr.DataArray(
        np.full(len(stamps), np.nan), {"time": stamps}, ("time",), "limit_kw", {"units": "kW"}
    )
    for terms in entries:
        if terms.timezone != entries[0].timezone:
            raise UserError(f"{terms.site_id}: entries of one site have one clock")
        on = terms.at(found["time"])
        if on.any():
            own = limit(terms, found["time"][on], setpoint_kw=setpoint_kw)
            found[on] = own.to_numpy()
    return found


WINDOW = ("season", "months", "day_type", "start", "end", "limit_kva")


@dataclass(frozen=True, eq=False)
class Register:
    """The entries of a portfolio's register, oldest first.

    Attributes
    ----------
    rows : pandas.DataFrame
        A row an entry, the columns of `tables.REGISTER`.
    zones : dict of str to str
        Zone of each site's clock.
    """

    rows: pd.DataFrame
    zones: dict[str, str]

    @property
    def site_ids(self) -> list[str]:
        """Sites that have an entry, in order of their first."""
        return self.rows["site_id"].unique().tolist()

    @property
    def head(self) -> str:
        """Fingerprint of the last entry; noted elsewhere, it shows whether any was changed."""
        return self.rows["chain"].iloc[-1] if len(self.rows) else ""

    def terms(self, site_id: str) -> list[Terms]:
        """Return the terms of a site's entries, oldest first; none for an unregistered site."""
        own = self.rows[self.rows["site_id"] == site_id]
        place = zone(self.zones.get(site_id, LONDON))
        begins = [day.tz_localize(place).tz_convert("UTC") for day in own["valid_from"]]
        ends = [*begins[1:], pd.NaT][: len(begins)]
        return [
            Terms(
                entry_id=row.entry_id,
                site_id=site_id,
                scheme=row.scheme,
                metered=row.metered,
                capacity_kva=row.capacity_kva,
                power_factor=row.power_factor,
                windows=pd.DataFrame(windows.parse(row.windows or ""), columns=list(WINDOW)),
                failsafe_kw=row.failsafe_kw,
                averaging=pd.Timedelta(seconds=row.averaging_s),
                begins=begin,
                ends=end,
                review_by=row.review_by,
                asset_id=row.asset_id,
                lifo_position=row.lifo_position,
                timezone=place.key,
            )
            for row, begin, end in zip(own.itertuples(), begins, ends, strict=True)
        ]

    def in_force(self, site_id: str, at) -> Terms | None:
        """Return the terms in force at an instant [UTC]; None where there are none."""
        instant = pd.DatetimeIndex([pd.Timestamp(at)])
        held = [terms for terms in self.terms(site_id) if terms.at(instant)[0]]
        return held[-1] if held else None

    def ahead(self, site_id: str) -> list[Terms]:
        """Return the last terms of the connections that come before a site at its asset.

        Those of a lower place in the stack, with terms that hold without signals: a limit that is
        sent makes room by itself.
        """
        own = self.terms(site_id)
        last = [self.terms(other)[-1] for other in self.site_ids if other != site_id]
        return [
            terms
            for terms in last
            if own
            and own[-1].asset_id is not None
            and terms.asset_id == own[-1].asset_id
            and terms.lifo_position < own[-1].lifo_position
            and not terms.signalled
        ]

    def limit_kw(
        self, site_id: str, time, *, setpoint_kw: xr.DataArray | None = None
    ) -> xr.DataArray:
        """Return the limit of a site over time [kW], each entry while it was in force.

        Parameters
        ----------
        site_id : str
            Site.
        time : DataArray, DatetimeIndex or array of datetime64
            Interval starts [UTC].
        setpoint_kw : xarray.DataArray, optional
            What was sent, for a scheme whose limit is sent [kW].
        """
        entries = self.terms(site_id)
        if not entries:
            raise UserError(f"{FILE}: no entry of {site_id!r}; there are: {self.site_ids}")
        return limit_over(entries, time, setpoint_kw=setpoint_kw)

    def history(self, site_id: str) -> pd.DataFrame:
        """Return what each entry of a site changed.

        Returns
        -------
        pandas.DataFrame
            Indexed by entry_id: valid_from, approved_on, approved_by, changed (fields with what
            they were and are) and reason.
        """
        own = self.rows[self.rows["site_id"] == site_id]
        rows, before = [], None
        for _, entry in own.iterrows():
            rows.append(
                {
                    "entry_id": entry["entry_id"],
                    "valid_from": f"{entry['valid_from']:%Y-%m-%d}",
                    "approved_on": f"{entry['approved_on']:%Y-%m-%d}",
                    "approved_by": entry["approved_by"].replace("_", " "),
                    "changed": "" if before is None else _changes(before, entry),
                    "reason": entry["reason"],
                }
            )
            before = entry
        names = ["entry_id", "valid_from", "approved_on", "approved_by", "changed", "reason"]
        return pd.DataFrame(rows, columns=names).set_index("entry_id")


def read(portfolio: Portfolio) -> Register:
    """Read the register of a portfolio; a portfolio without one has no entries.

    Raises
    ------
    UserError
        If an entry has a fault, or the register was changed after the fact: limits of which
        nobody knows whether they were approved are worth nothing.

    See Also
    --------
    limit

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> book = read(Portfolio.open("data/demo"))
    >>> book.in_force("elm-road-lamps", "2025-12-01T17:00Z").scheme
    'tcc'
    """
    assets, _ = portfolio.raw_table("assets.csv")
    known = assets["asset_id"].tolist() if "asset_id" in assets else []
    faults = check_register(portfolio, portfolio.site_ids, known)
    errors = [fault for fault in faults if fault.severity == "error"]
    if errors:
        more = f" ({len(errors) - 1} more; run `scc check`)" if len(errors) > 1 else ""
        raise UserError(f"{portfolio.path}/{errors[0]}{more}")
    raw, _ = portfolio.raw_table(FILE)
    sites = portfolio.sites
    # Made a zone where terms are asked for: a wrong one is a fault of its site alone.
    zones = (sites["timezone"].fillna("").replace("", portfolio.timezone)).to_dict()
    return Register(as_typed(raw, tables.REGISTER).reset_index(drop=True), zones)


def _changes(before: pd.Series, entry: pd.Series) -> str:
    told = ("valid_from", "reason", "approved_on", "approved_by")  # in columns of their own
    quiet = ("entry_id", "supersedes", "chain", *told)
    said = []
    for column in tables.REGISTER:
        old, new = before[column.name], entry[column.name]
        same = (pd.isna(old) and pd.isna(new)) or old == new
        if column.name not in quiet and not same:
            said.append(f"{column.name}: {_text(old)} → {_text(new)}")
    return "; ".join(said)


def _text(value) -> str:
    if pd.isna(value):
        return "none"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:.10g}" if isinstance(value, float | np.floating) else str(value)


def text(register: Register, site_id: str | None = None) -> str:
    """Return the terms in force, or the entries of a site, as lines for people.

    Raises
    ------
    UserError
        If the site has no entry.
    """
    if site_id is not None and site_id not in register.site_ids:
        hint = closest(site_id, register.site_ids) or f"sites: {', '.join(register.site_ids)}"
        raise UserError(f"{FILE}: no entry of {site_id!r}; {hint}")
    lines = []
    for one in register.site_ids if site_id is None else [site_id]:
        terms = register.terms(one)[-1]
        cap = f"{terms.capacity_kva:g} kVA"
        lines.append(f"{one}: {terms.scheme}, {cap}, review by {terms.review_by:%Y-%m-%d}")
        lines += [f"  but {windows.write([row])} kVA" for row in terms.windows.to_dict("records")]
        if site_id is not None:
            for entry_id, row in register.history(one).iterrows():
                lines.append(f"  {entry_id}, from {row['valid_from']}: {row['reason']} "
                             f"(approved {row['approved_on']}, {row['approved_by']})")  # fmt: skip
                lines += [f"    {row['changed']}"] if row["changed"] else []
    lines.append(f"{len(register.rows)} entries, last fingerprint {register.head or 'none'}")
    return "\n".join(lines)


GIVEN = tuple(c.name for c in tables.REGISTER if c.name not in ("entry_id", "supersedes", "chain"))


def append(folder: str | Path, entry: dict) -> str:
    """Add an entry to the register of a portfolio; what stands there is left as it is.

    Parameters
    ----------
    folder : path-like
        Portfolio folder on this machine.
    entry : dict
        Field to value (text as in a cell, or a number). What is not given is taken over from the
        site's entry before, but for approved_on, approved_by and reason. Its identifier, what it
        supersedes and its fingerprint are filled in.

    Returns
    -------
    str
        Identifier of the new entry.

    Raises
    ------
    UserError
        If the register has a fault already, a field is unknown, or the entry breaks a rule;
        nothing is written then.
    """
    unknown = [name for name in entry if name not in GIVEN]
    if unknown:
        hint = closest(unknown[0], GIVEN) or f"fields: {', '.join(GIVEN)}"
        raise UserError(f"{unknown[0]!r}: not a field of an entry; {hint}")
    portfolio = Portfolio.open(folder)
    with alone(folder):
        sweep(folder)
        return _added(portfolio, folder, entry)


def _added(portfolio: Portfolio, folder: str | Path, entry: dict) -> str:
    book = read(portfolio)
    place = Path(folder) / FILE
    names = [column.name for column in tables.REGISTER]
    before = place.read_bytes() if place.exists() else (",".join(names) + "\n").encode()
    header = _header(before, place)
    row = _row(book, entry)
    raw, _ = read_csv(before, FILE)
    number = raw.index.max() + 1 if len(raw) else 2
    line = pd.DataFrame({name: [row.get(name, "")] for name in names}, index=[number])
    _refuse(portfolio, pd.concat([raw.reindex(columns=names, fill_value=""), line]), number)
    typed = as_typed(line, tables.REGISTER).iloc[0]
    row["chain"] = link(book.head, typed)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([row.get(name, "") for name in header])
    ending = b"" if before.endswith(b"\n") else b"\n"
    after = before + ending + text.getvalue().encode("utf-8")
    seal = seal_text(pd.Series([*book.rows["chain"], row["chain"]])) + "\n"
    write_aside(place, lambda path: path.write_bytes(after))
    write_aside(Path(folder) / SEAL, lambda path: path.write_text(seal, encoding="utf-8"))
    return row["entry_id"]


def _header(content: bytes, place: Path) -> list[str]:
    """Return the columns as they stand; a file saved in another form is refused."""
    try:
        header = next(csv.reader([content.decode("utf-8-sig").splitlines()[0]]))
    except (UnicodeDecodeError, StopIteration, IndexError):
        header = []
    header = [name.strip() for name in header]
    if "chain" not in header:
        raise UserError(
            f"{place}: not a table in UTF-8 with commas; save it so, then add the entry"
        )
    return header


def _row(book, entry: dict) -> dict[str, str]:
    given = {name: "" if value is None else tables.as_kept(str(value)).strip()
             for name, value in entry.items()}  # fmt: skip
    own = book.rows[book.rows["site_id"] == given.get("site_id")]
    row = {}
    if len(own):
        last = own.iloc[-1]
        row = {name: _cell(last[name]) for name in GIVEN}
        row |= dict.fromkeys(("approved_on", "approved_by", "reason"), "")
    row |= given
    row["supersedes"] = own["entry_id"].iloc[-1] if len(own) else ""
    number = len(own) + 1
    while f"{row.get('site_id')}-{number}" in set(book.rows["entry_id"]):
        number += 1
    row["entry_id"] = f"{row.get('site_id')}-{number}"
    return row


def _cell(value) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return value if isinstance(value, str) else f"{value:.10g}"


def _refuse(portfolio: Portfolio, raw: pd.DataFrame, number: int) -> None:
    """Raise the first fault of the new row, its fingerprint apart."""
    new = raw.loc[[number]]
    columns = tuple(c for c in tables.REGISTER if c.name != "chain")
    faults = table_faults(new.drop(columns="chain"), columns, FILE)
    faults += reference_faults(new, "site_id", portfolio.site_ids, FILE, "sites.csv")
    assets, _ = portfolio.raw_table("assets.csv")
    known = assets["asset_id"].tolist() if "asset_id" in assets else []
    faults += reference_faults(new, "asset_id", known, FILE, "assets.csv")
    faults = faults or [fault for fault in entry_faults(raw) if fault.row == number]
    if faults:
        raise UserError(f"new entry: {faults[0]}")
