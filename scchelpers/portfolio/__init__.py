"""A portfolio: a folder of sites, chargepoints, network assets, sessions and loads.

Opening reads nothing but `portfolio.toml`; a site is read without the others, and holds no row
that would falsify a figure.
"""

from __future__ import annotations

import html
from functools import cached_property

import pandas as pd
import xarray as xr

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import frames, reads, rules, tables
from scchelpers.portfolio.folder import Folder
from scchelpers.portfolio.frames import sessions_frame
from scchelpers.portfolio.network import Network
from scchelpers.portfolio.network import faults as network_faults
from scchelpers.site import Site
from scchelpers.timebase import from_clock, zone

SHOWN = 30  # sites that the card of a portfolio lists

__all__ = ["Network", "Portfolio", "Site", "sessions_frame"]


class Portfolio(Folder):
    """A folder of sites, read lazily.

    Examples
    --------
    >>> site = Portfolio.open("data/demo").site("elm-road-lamps")
    >>> site.name, len(site.chargepoints), site.network_kva.sizes["time"]
    ('Elm Road lamp columns', 24, 17520)
    """

    def __repr__(self) -> str:
        many = len(self.site_ids)
        return f"<Portfolio {self.name}: {many:,} site{'' if many == 1 else 's'} in {self.path}>"

    def _repr_html_(self) -> str:
        """Return a table of the sites and of the notebooks that can answer for each."""
        from scchelpers.portfolio.check import answerable  # it imports this module

        columns = {
            "name": "name",
            "site_type": "kind",
            "requested_kva": "asked for [kVA]",
            "dsc_kva": "supply today [kVA]",
            "asset_id": "network asset",
        }
        shown = self.sites[list(columns)].rename(columns=columns).rename_axis("site")
        if len(shown) <= SHOWN:
            shown["can be answered"] = pd.Series(answerable(self), dtype=object)
        more = f"<p>and {len(shown) - SHOWN:,} more</p>" if len(shown) > SHOWN else ""
        card = shown.head(SHOWN).astype(object).where(shown.notna(), "–")
        return f"<p>{html.escape(repr(self))}</p>{card.to_html(float_format='{:g}'.format)}{more}"

    @property
    def sites(self) -> pd.DataFrame:
        """All sites, one a row, indexed by site_id.

        A value that cannot be read is missing here; `site()` refuses a site that has one.

        Raises
        ------
        UserError
            If `sites.csv` is missing or has no column site_id.
        """
        reads.note("file:sites.csv")  # each time: the first may have been for one site
        return self._sites

    @cached_property
    def _sites(self) -> pd.DataFrame:
        raw, _ = self._raw_sites()
        typed = frames.as_typed(raw[raw["site_id"] != ""], tables.SITES)
        return typed.set_index("site_id", drop=False)

    def _raw_sites(self) -> tuple[pd.DataFrame, list[Fault]]:
        raw, faults = self.raw_table("sites.csv")
        raw = self.with_node_ids(raw)
        if "site_id" not in raw:
            faults = faults or rules.header_faults(raw.columns, tables.SITES, "sites.csv")
            self._refuse(faults)
        return raw, faults

    @property
    def site_ids(self) -> list[str]:
        """Identifiers of all sites, in the order of `sites.csv`."""
        return self.sites["site_id"].tolist()

    def site(self, site_id: str) -> Site:
        """Read one site without the others.

        Session rows and load intervals that would falsify a figure are left out and counted in
        `Site.set_aside`.

        Raises
        ------
        UserError
            If there is no such site (the closest name is suggested), or it has a fault that
            `scc check` calls an error.
        """
        with reads.whole(f"site:{site_id}"):
            return self._site(site_id)

    def _site(self, site_id: str) -> Site:
        # Of each table only the rows of the site are made sense of: there may be thousands.
        raw, faults = self._raw_sites()
        own = raw["site_id"] == site_id
        if not (site_id and own.any()):
            hint = closest(str(site_id), self.site_ids) or f"sites: {', '.join(self.site_ids[:8])}"
            raise UserError(f"{self.path}/sites.csv: no site {site_id!r}; {hint}")
        self._refuse_rows("sites.csv", raw, faults, raw["site_id"].str.lower() == site_id.lower())
        row = frames.as_typed(raw[own], tables.SITES).iloc[0]
        meta = {name: None if pd.isna(value) else value for name, value in row.items()}
        rating_kva = self.rating_kva(meta["asset_id"])

        raw, faults = self.raw_table("chargepoints.csv")
        own = raw.get("site_id", pd.Series("", index=raw.index)) == site_id
        self._refuse_rows("chargepoints.csv", raw, faults, own)

        clock = zone(meta["timezone"] or self.timezone).key
        stored, doubt = self.typed_sessions(site_id, clock)
        named = raw.get("evse_id", pd.Series("", index=raw.index)).astype(object)
        named = named.isin(stored["evse_id"].unique())
        chargepoints = frames.as_typed(raw[own | named], tables.CHARGEPOINTS)
        sessions, faulty = rules.set_aside(stored, chargepoints, doubt=doubt)
        most = None if rating_kva is None else rating_kva.max()
        residual, contradictory = self._sound_load("residual_kw", site_id)
        network, more = self._sound_load("network_kva", meta["asset_id"], most)
        return Site(
            site_id=site_id,
            meta=meta,
            chargepoints=chargepoints[own[own | named]].reset_index(drop=True),
            sessions=sessions.sort_values(["plug_in", "session_id"], ignore_index=True),
            residual_kw=residual,
            network_kva=network,
            rating_kva=rating_kva,
            timezone=clock,
            set_aside=rules.counts([*faulty, *contradictory, *more]),
            usual_power_factor=self.power_factor,
            session_spans=self._session_spans(site_id, clock),
        )

    def _session_spans(self, site_id: str, clock: str):
        """Return the spans in UTC of which the sessions of a site are known, None if not told."""
        if not self.exists("coverage.csv"):
            return None
        raw, faults = self.raw_table("coverage.csv")
        own = raw.get("site_id", pd.Series("", index=raw.index)) == site_id
        faults += rules.coverage_faults(raw[own])
        self._refuse(f for f in faults if f.row in (None, 1) or own.get(f.row, False))
        rows = frames.as_typed(raw[own & (raw["kind"] == "sessions")], tables.COVERAGE)
        first = from_clock(rows["first_day"], clock)[0]
        end = from_clock(rows["last_day"] + pd.Timedelta("1D"), clock)[0]
        return tuple(zip(first, end, strict=True))

    def import_kw(self, site_id: str) -> xr.DataArray | None:
        """Read the metered import of a site on an unbroken grid; None where none is stored.

        Returns
        -------
        xarray.DataArray or None
            Import [kW] over `time`, at the meter that the site's registered terms name; NaN where
            missing or contradictory.

        Raises
        ------
        UserError
            If the series has a fault that `scc check` calls an error.
        """
        return self._sound_load("import_kw", site_id)[0]

    def setpoint_kw(self, site_id: str) -> xr.DataArray | None:
        """Read the limits that were sent to a site [kW]; None where none are stored.

        Raises
        ------
        UserError
            If the series has a fault that `scc check` calls an error.
        """
        return self._sound_load("setpoint_kw", site_id)[0]

    def network(self, network_id: str) -> Network:
        """Read a network model.

        Raises
        ------
        UserError
            If there is no such model (the closest name is suggested), or it cannot be calculated.
        """
        network = self.raw_network(network_id)
        self._refuse(network_faults(network, f"networks/{network_id}.json"))
        return network

    def rating_kva(self, asset_id: str | None) -> pd.Series | None:
        """Return the rating [kVA] of an asset by season; None where none is given.

        Raises
        ------
        UserError
            If `assets.csv` has no such asset or its row has a fault.
        """
        if asset_id is None:
            return None
        raw, faults = self.raw_table("assets.csv")
        own = raw.get("asset_id", pd.Series("", index=raw.index)) == asset_id
        if not own.any():
            raise UserError(
                f"{self.path}/sites.csv, asset_id = {asset_id!r}: must be in assets.csv; add it "
                "there or correct it here"
            )
        self._refuse_rows("assets.csv", raw, faults, own)
        row = frames.as_typed(raw[own], tables.ASSETS).iloc[0]
        ratings = row[[f"rating_{season}_kva" for season in tables.RATING_SEASONS]].astype(float)
        ratings = ratings.set_axis(list(tables.RATING_SEASONS)).rename("rating_kva")
        return None if ratings.isna().all() else ratings

    def _sound_load(
        self, group: str, series_id: str | None, rating_kva: float | None = None
    ) -> tuple[xr.DataArray | None, list[Fault]]:
        load = self.load(group, series_id) if series_id else None
        if load is None:
            return None, []
        faults = rules.load_faults(load, group, series_id, rating_kva)
        self._refuse(faults)
        aside = [fault for fault in faults if fault.severity == "set aside"]
        return rules.sound(load, group)[group], aside

    def _refuse_rows(self, name: str, raw: pd.DataFrame, faults: list[Fault], own) -> None:
        """Raise if the rows `own` of a table, or the table as a whole, have an error."""
        columns = tables.TABLES[name]
        found = [*faults, *rules.table_faults(raw[own], columns, name)]
        key = columns[0].name
        if key in raw:
            same = raw[raw[key].str.lower().isin(raw.loc[own, key].str.lower())]
            found += rules.unique_faults(same, key, name)
        rows = set(raw.index[own])
        self._refuse(fault for fault in found if fault.row in rows or fault.row in (None, 1))
