"""A portfolio: a folder of sites, chargepoints, network assets, sessions and loads.

Opening reads nothing but `portfolio.toml`; a site is read without the others. Paths go through
fsspec, so a portfolio may lie in an object store.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property

import fsspec
import numpy as np
import pandas as pd
import pyarrow.dataset as pads
import xarray as xr

from scchelpers.data import tables
from scchelpers.faults import UserError, closest
from scchelpers.timebase import LONDON, zone


@dataclass(frozen=True)
class Site:
    """One site, its chargepoints, sessions and loads.

    Attributes
    ----------
    site_id : str
        Identifier.
    meta : dict
        The site's row of `sites.csv`; None where a value is missing.
    chargepoints : pandas.DataFrame
        One row an EVSE (`tables.CHARGEPOINTS`).
    sessions : pandas.DataFrame
        One row a session (`tables.SESSIONS`), sorted by (plug_in, session_id).
    residual_kw : xarray.DataArray or None
        Site load other than charging [kW] over `time`; None where the site has none on record.
    network_kva : xarray.DataArray or None
        Load of the site's network asset before the new site [kVA] over `time`.
    rating_kva : pandas.Series or None
        Rating of that asset [kVA] by season.
    timezone : str
        IANA zone of the site's clock.
    """

    site_id: str
    meta: dict
    chargepoints: pd.DataFrame
    sessions: pd.DataFrame
    residual_kw: xr.DataArray | None
    network_kva: xr.DataArray | None
    rating_kva: pd.Series | None
    timezone: str

    @property
    def name(self) -> str:
        """Name of the site, for people."""
        return self.meta.get("name") or self.site_id


class Portfolio:
    """A folder of sites, read lazily.

    Examples
    --------
    >>> portfolio = Portfolio.open("data/demo")  # doctest: +SKIP
    >>> portfolio.site("broxden").sessions  # doctest: +SKIP
    """

    def __init__(self, path: str, header: dict):
        self.path = str(path).rstrip("/")
        self.header = header
        self._fs, self._root = fsspec.core.url_to_fs(self.path)

    @classmethod
    def open(cls, path) -> Portfolio:
        """Open a portfolio folder; only `portfolio.toml` is read.

        Parameters
        ----------
        path : str or path-like
            Folder or fsspec address.

        Raises
        ------
        UserError
            If the folder or its `portfolio.toml` is missing or cannot be parsed.
        """
        fs, root = fsspec.core.url_to_fs(str(path))
        try:
            header = tomllib.loads(fs.cat_file(f"{root}/portfolio.toml").decode("utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{path}: no portfolio.toml there; name a portfolio folder, or make one with "
                "`scc demo FOLDER` or `scc import KIND FILES… --into FOLDER`"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path}/portfolio.toml: not valid TOML ({error})") from None
        return cls(str(path), header)

    @property
    def name(self) -> str:
        """Short name of the portfolio, fit for a folder."""
        name = self.header.get("name", "")
        return name if tables.is_id(name) else tables.as_id(self._root.rsplit("/", 1)[-1])

    @property
    def timezone(self) -> str:
        """IANA zone of the portfolio's clock."""
        return self.header.get("timezone", LONDON)

    @cached_property
    def sites(self) -> pd.DataFrame:
        """All sites, one a row, indexed by site_id."""
        return self.table("sites.csv").set_index("site_id", drop=False)

    @property
    def site_ids(self) -> list[str]:
        """Identifiers of all sites, in the order of `sites.csv`."""
        return self.sites["site_id"].tolist()

    def exists(self, name: str) -> bool:
        """Return whether a file or store of the portfolio is there."""
        return self._fs.exists(f"{self._root}/{name}")

    def table(self, name: str) -> pd.DataFrame:
        """Read a CSV table with the columns and types of `tables`.

        Unknown columns are left out here (`scc check` names them); a missing column is all missing.

        Raises
        ------
        UserError
            If the file is missing, lacks its identifier, or holds text where a number belongs.
        """
        raw = self.raw_table(name)
        columns = tables.TABLES[name]
        if raw is None:
            if name == "assets.csv":
                return as_typed(pd.DataFrame(columns=[c.name for c in columns]), columns, name)
            raise UserError(f"{self.path}/{name}: missing; see docs/portfolio.md for its columns")
        return as_typed(raw, columns, f"{self.path}/{name}")

    def raw_table(self, name: str) -> pd.DataFrame | None:
        """Read a CSV table as text, untouched but for blanks round the values; None if absent."""
        if not self.exists(name):
            return None
        with self._fs.open(f"{self._root}/{name}", "rb") as file:
            try:
                raw = pd.read_csv(
                    file, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
                )
            except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
                raise UserError(f"{self.path}/{name}: not a readable CSV ({error})") from None
        raw.columns = [str(column).strip() for column in raw.columns]
        return raw.map(lambda value: value.strip() if isinstance(value, str) else value)

    def sessions(self, site_id: str | None = None) -> pd.DataFrame:
        """Read the sessions of one site, or of all.

        Returns
        -------
        pandas.DataFrame
            Columns of `tables.SESSIONS`, sorted by (plug_in, session_id).
        """
        names = [column.name for column in tables.SESSIONS]
        if not self.exists("sessions.parquet"):
            return sessions_frame(pd.DataFrame(columns=names))
        store = pads.dataset(f"{self._root}/sessions.parquet", filesystem=self._fs)
        present = [name for name in names if name in store.schema.names]
        rows = None if site_id is None else pads.field("site_id") == site_id
        return sessions_frame(store.to_table(columns=present, filter=rows).to_pandas())

    def loads(self, group: str, series_id: str) -> xr.Dataset | None:
        """Open one load series lazily: the mean and, where known, the largest and smallest.

        Parameters
        ----------
        group : str
            "residual_kw" (by site) or "network_kva" (by asset).
        series_id : str
            Site or asset.
        """
        if not series_id or not self.exists(f"loads.zarr/{group}/{series_id}/zarr.json"):
            return None
        dataset = xr.open_zarr(
            self._fs.unstrip_protocol(f"{self._root}/loads.zarr")
            if "://" in self.path
            else f"{self._root}/loads.zarr",
            group=f"{group}/{series_id}",
            consolidated=False,
            chunks=None,
        )
        for name, (unit, meaning) in tables.LOADS[group].items():
            if name in dataset:
                dataset[name].attrs.update(units=unit, long_name=meaning)
        return dataset

    def site(self, site_id: str) -> Site:
        """Read one site without the others.

        Raises
        ------
        UserError
            If the portfolio has no such site; the closest name is suggested.
        """
        if site_id not in self.sites.index:
            hint = closest(str(site_id), self.site_ids) or f"sites: {', '.join(self.site_ids[:8])}"
            raise UserError(f"{self.path}/sites.csv: no site {site_id!r}; {hint}")
        row = self.sites.loc[site_id]
        if isinstance(row, pd.DataFrame):
            raise UserError(f"{self.path}/sites.csv: site_id {site_id!r} stands {len(row)} times")
        meta = {name: None if pd.isna(value) else value for name, value in row.items()}
        chargepoints = self.table("chargepoints.csv")
        own = chargepoints[chargepoints["site_id"] == site_id].reset_index(drop=True)
        residual = self.loads("residual_kw", site_id)
        network = self.loads("network_kva", meta["asset_id"])
        return Site(
            site_id=site_id,
            meta=meta,
            chargepoints=own,
            sessions=self.sessions(site_id),
            residual_kw=None if residual is None else residual["residual_kw"].load(),
            network_kva=None if network is None else network["network_kva"].load(),
            rating_kva=self.rating_kva(meta["asset_id"]),
            timezone=zone(meta["timezone"] or self.timezone).key,
        )

    def rating_kva(self, asset_id: str | None) -> pd.Series | None:
        """Return the rating [kVA] of an asset by season; None where none is given."""
        assets = self.table("assets.csv").set_index("asset_id")
        if asset_id not in assets.index:
            return None
        ratings = assets.loc[asset_id, [f"rating_{s}_kva" for s in tables.RATING_SEASONS]]
        ratings = ratings.astype(float).set_axis(list(tables.RATING_SEASONS)).rename("rating_kva")
        return None if ratings.isna().all() else ratings


def as_typed(raw: pd.DataFrame, columns: tuple[tables.Column, ...], file: str) -> pd.DataFrame:
    """Return a table of text with the types of its columns; blanks become missing.

    Raises
    ------
    UserError
        If a required column is missing or a number cannot be read; the row is named.
    """
    missing = [c.name for c in columns if c.required and c.name not in raw.columns]
    if missing:
        hint = closest(missing[0], raw.columns)
        raise UserError(
            f"{file}: no column {', '.join(missing)}; {hint or 'see docs/portfolio.md'}"
        )
    typed = {}
    for column in columns:
        values = raw.get(column.name, pd.Series(pd.NA, index=raw.index, dtype="string"))
        values = values.astype("string").replace("", pd.NA)
        if column.kind in ("number", "integer"):
            numbers = pd.to_numeric(values, errors="coerce").astype(float)
            bad = values.notna() & ~np.isfinite(numbers)
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise UserError(
                    f"{file}, row {row + 2}, {column.name} = {values.iloc[row]!r}: not a number "
                    f"[{column.unit}]; run `scc check` for all faults"
                )
            typed[column.name] = numbers
        else:
            typed[column.name] = values.astype(object).where(values.notna(), None)
    return pd.DataFrame(typed, index=raw.index)


def sessions_frame(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return sessions with every column of `tables.SESSIONS`, typed and sorted."""
    frame = {}
    for column in tables.SESSIONS:
        values = sessions.get(column.name)
        if column.kind == "instant":
            values = pd.to_datetime(values, utc=True) if values is not None else pd.NaT
            frame[column.name] = pd.Series(
                values, index=sessions.index, dtype="datetime64[us, UTC]"
            )
        elif column.kind == "number":
            frame[column.name] = pd.Series(values, index=sessions.index, dtype=float)
        else:
            frame[column.name] = pd.Series(values, index=sessions.index, dtype=object)
    return pd.DataFrame(frame).sort_values(["plug_in", "session_id"], ignore_index=True)
