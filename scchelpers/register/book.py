"""Reading the register: what is in force, what was, and what changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError, closest
from scchelpers.portfolio import Portfolio, tables, windows
from scchelpers.portfolio.check import check_register
from scchelpers.portfolio.frames import as_typed
from scchelpers.portfolio.register import FILE
from scchelpers.register.terms import Terms, joined
from scchelpers.timebase import zone

COLUMNS = ("season", "months", "day_type", "start", "end", "limit_kva")


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
        place = zone(self.zones.get(site_id, "Europe/London"))
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
                windows=pd.DataFrame(windows.parse(row.windows or ""), columns=list(COLUMNS)),
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
        return joined(entries, time, setpoint_kw=setpoint_kw)

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
    zones = {
        site_id: zone(own or portfolio.timezone).key
        for site_id, own in zip(sites["site_id"], sites["timezone"], strict=True)
    }
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
